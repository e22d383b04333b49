//! A client: one connection to one of several servers at a time, many requests in flight, connected again when it breaks.
//!
//! Requests go out in the order in which they were begun. A request whose connection breaks before its answer comes may
//! or may not have been done: that is its caller's to find out, or to prevent with a message id.

use std::collections::BTreeMap;
use std::sync::Arc;

use interlock_sync::channel::{mpsc, oneshot};
use interlock_sync::lock::Mutex;
use interlock_sync::net::OwnedWriteHalf;
use interlock_sync::select;
use interlock_sync::task;
use interlock_sync::time::{Duration, Instant, interval, sleep, timeout};
use thiserror::Error;

use crate::api::{Request, Response};
use crate::core::api_error::ApiError;
use crate::core::names::ServerId;
use crate::net::{ConnectionError, FrameSource, open_connection, write_within};
use crate::wire::{
    Greeting, HEADER_BYTES, Hello, Limit, Role, WireError, greeting_of, put_greeting, put_request, response_of,
};

mod calls;

/// Requests that one write carries at most.
const BATCH_REQUESTS: usize = 512;
/// First wait before a new attempt; it doubles up to [`RECONNECT_MAX`].
const RECONNECT_START: Duration = Duration::from_millis(20);
const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// A sign of life is asked for so often, and a connection without one for three times as long is given up.
const PING: Duration = Duration::from_secs(10);

/// How a client connects.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Servers as `host:port`, tried in turn.
    pub addresses: Vec<String>,
    /// The cluster that is meant; empty for any.
    pub cluster: String,
    /// How long a request may take, connecting included.
    pub timeout: Duration,
}

impl ClientOptions {
    /// A client of these servers that waits ten seconds.
    pub fn new(addresses: Vec<String>) -> Self {
        Self { addresses, cluster: String::new(), timeout: Duration::from_secs(10) }
    }
}

/// Why a request has no answer, or not the one that was asked for.
#[derive(Clone, Debug, Error)]
pub enum ClientError {
    /// The servers decline.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The connection broke before the answer came: it may have been done.
    #[error("the connection was lost before the answer came: {0}")]
    Lost(String),
    /// No answer in time.
    #[error("no answer within {} ms{}", .limit.as_millis(), .reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Timeout {
        /// The time that was given.
        limit: Duration,
        /// Why there is no connection, where there is none.
        reason: Option<String>,
    },
    /// Larger than a server takes: it was not sent.
    #[error("the request has {n_bytes} bytes, and a server takes {}", Limit::CLIENT.0)]
    TooLarge {
        /// Its bytes.
        n_bytes: usize,
    },
    /// The client ends.
    #[error("the client is closed")]
    Closed,
    /// An answer to another question.
    #[error("the server answered with something else")]
    Unexpected,
}

type Answered = Result<Response, ClientError>;

struct Begun {
    request: Request,
    answer: oneshot::Sender<Answered>,
    /// Servers without an engine that it was sent to.
    n_refusals: usize,
}

/// A connection to a cluster. Clones share it; it closes with the last one.
#[derive(Clone)]
pub struct Client {
    sender: mpsc::Sender<Begun>,
    state: Arc<State>,
    timeout: Duration,
}

/// What the client's tasks share. The locks are leaves.
#[derive(Default)]
struct State {
    /// Requests on the wire by their numbers.
    waiting: Mutex<BTreeMap<u64, Begun>>,
    /// A request that the next server is to be asked: the last one has no engine, and did nothing.
    refused: Mutex<Option<Begun>>,
    link: Mutex<Link>,
}

#[derive(Default)]
struct Link {
    server: Option<ServerId>,
    last_error: Option<String>,
}

/// An answer that is to come.
pub struct Answer {
    receiver: oneshot::Receiver<Answered>,
    state: Arc<State>,
    limit: Duration,
}

impl Answer {
    /// Waits for it, as long as the client's options say, and longer where the request itself waits.
    ///
    /// # Errors
    /// None came.
    pub async fn wait(self) -> Answered {
        match timeout(self.limit, self.receiver).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) => Err(ClientError::Closed),
            Err(_) => {
                Err(ClientError::Timeout { limit: self.limit, reason: self.state.link.lock().last_error.clone() })
            }
        }
    }
}

impl Client {
    /// A client of these servers. Connects when the first request comes.
    pub fn new(options: ClientOptions) -> Self {
        let (sender, receiver) = mpsc::channel(BATCH_REQUESTS);
        let state = Arc::new(State::default());
        let timeout = options.timeout;
        let connector = Connector { options, receiver, state: state.clone(), last_number: 0, next_address: 0 };
        // Ends when the last clone of the client is dropped: its channel closes.
        drop(task::spawn(connector.run()));
        Self { sender, state, timeout }
    }

    /// Begins a request behind those begun before.
    ///
    /// # Errors
    /// The client ends.
    pub async fn begin(&self, request: Request) -> Result<Answer, ClientError> {
        let own_wait = if let Request::Fetch { fetch, .. } = &request { fetch.expires } else { Duration::ZERO };
        let (answer, receiver) = oneshot::channel();
        let limit = self.timeout.saturating_add(own_wait);
        let queued = timeout(limit, self.sender.send(Begun { request, answer, n_refusals: 0 })).await;
        let timed_out = |_| ClientError::Timeout { limit, reason: self.state.link.lock().last_error.clone() };
        queued.map_err(timed_out)?.map_err(|_| ClientError::Closed)?;
        Ok(Answer { receiver, state: self.state.clone(), limit })
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// No answer came.
    pub async fn request(&self, request: Request) -> Answered {
        self.begin(request).await?.wait().await
    }

    /// The server that it is connected to.
    pub fn server(&self) -> Option<ServerId> {
        self.state.link.lock().server
    }
}

/// Connects, and connects again.
struct Connector {
    options: ClientOptions,
    receiver: mpsc::Receiver<Begun>,
    state: Arc<State>,
    last_number: u64,
    next_address: usize,
}

/// How a connection's writing ended.
enum Ended {
    Broken(ConnectionError),
    NobodyAsks,
}

impl Connector {
    async fn run(mut self) {
        let mut wait = RECONNECT_START;
        loop {
            let begun = Instant::now();
            let error = match self.connect_and_talk().await {
                Ended::Broken(error) => error.to_string(),
                Ended::NobodyAsks => return,
            };
            self.lose_all(&error);
            if self.receiver.is_closed() && self.receiver.is_empty() {
                return;
            }
            // Every server gets its attempt before there is a pause.
            let was_up = begun.elapsed() > RECONNECT_MAX;
            wait = if was_up { RECONNECT_START } else { wait };
            if was_up || self.next_address.is_multiple_of(self.options.addresses.len().max(1)) {
                sleep(wait).await;
                wait = (wait * 2).min(RECONNECT_MAX);
            }
        }
    }

    fn lose_all(&self, error: &str) {
        *self.state.link.lock() = Link { server: None, last_error: Some(error.to_owned()) };
        let lost = std::mem::take(&mut *self.state.waiting.lock());
        for begun in lost.into_values() {
            // Nobody may wait any more.
            let _unwanted = begun.answer.send(Err(ClientError::Lost(error.to_owned())));
        }
    }

    async fn connect_and_talk(&mut self) -> Ended {
        let n_addresses = self.options.addresses.len();
        let Some(address) = self.options.addresses.get(self.next_address % n_addresses.max(1)).cloned() else {
            return Ended::NobodyAsks;
        };
        self.next_address += 1;
        let hello = Hello::new(self.options.cluster.clone(), Role::Client);
        let (source, write_half) = match open_connection(&address, &hello, RECONNECT_MAX).await {
            Ok((greeting, source, write_half)) => {
                if let Greeting::Welcome { server, .. } = greeting {
                    *self.state.link.lock() = Link { server: Some(server), last_error: None };
                }
                (source, write_half)
            }
            Err(error) => return Ended::Broken(error),
        };
        let reader = read(source, self.state.clone(), n_addresses);
        interlock_sync::pin!(reader);
        select! {
            biased;
            error = &mut reader => Ended::Broken(error),
            ended = write(&mut self.receiver, &mut self.last_number, &self.state, write_half) => ended,
        }
    }
}

/// Gives every response to whom it belongs, until the connection breaks. A server whose engine is shut down is left where
/// there are others: it did nothing, and will answer nothing else until it is started again.
async fn read(mut source: FrameSource, state: Arc<State>, n_servers: usize) -> ConnectionError {
    source.set_limit(Limit::PEER);
    loop {
        let frame = match source.next_within(PING * 3).await {
            Ok(frame) => frame,
            Err(error) => return error,
        };
        match response_of(&frame) {
            Ok(Some(response)) => {
                let Some(mut begun) = state.waiting.lock().remove(&frame.number) else { continue };
                begun.n_refusals += 1;
                if response == Response::Error(ApiError::NOT_ENABLED) && begun.n_refusals < n_servers {
                    *state.refused.lock() = Some(begun);
                    return ConnectionError::Refused("the engine of the server is shut down".to_owned());
                }
                // Nobody may wait any more.
                let _unwanted = begun.answer.send(Ok(response));
            }
            Ok(None) => match greeting_of(&frame) {
                Ok(Some(Greeting::Pong)) => {}
                Ok(_) => return WireError::Kind(frame.kind).into(),
                Err(error) => return error.into(),
            },
            Err(error) => return error.into(),
        }
    }
}

/// Sends what is begun, all that waits in one write.
async fn write(
    receiver: &mut mpsc::Receiver<Begun>,
    last_number: &mut u64,
    state: &State,
    mut write_half: OwnedWriteHalf,
) -> Ended {
    let mut signs_of_life = interval(PING);
    let mut batch = Vec::with_capacity(BATCH_REQUESTS);
    let mut bytes = Vec::new();
    let refused = state.refused.lock().take();
    batch.extend(refused);
    loop {
        if batch.is_empty() {
            select! {
                biased;
                _tick = signs_of_life.tick() => put_greeting(&mut bytes, &Greeting::Ping),
                n_begun = receiver.recv_many(&mut batch, BATCH_REQUESTS) => {
                    if n_begun == 0 {
                        return Ended::NobodyAsks;
                    }
                }
            }
        }
        for begun in batch.drain(..).filter(|begun| !begun.answer.is_closed()) {
            *last_number += 1;
            let begin = bytes.len();
            put_request(&mut bytes, *last_number, &begun.request);
            let n_bytes = bytes.len() - begin - HEADER_BYTES;
            if n_bytes > Limit::CLIENT.0 as usize {
                // The server would end the connection, and with it everything that is on its way.
                bytes.truncate(begin);
                let _unwanted = begun.answer.send(Err(ClientError::TooLarge { n_bytes }));
                continue;
            }
            state.waiting.lock().insert(*last_number, begun);
        }
        if let Err(error) = write_within(&mut write_half, &bytes, PING * 3).await {
            return Ended::Broken(error);
        }
        bytes.clear();
        bytes.shrink_to(4 << 20);
    }
}
