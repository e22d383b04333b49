//! The listener for clients: many requests in flight on a connection, answered in batches, in whatever order they end.

use std::sync::Arc;

use interlock_sync::channel::mpsc;
use interlock_sync::lock::{OwnedSemaphorePermit, Semaphore};
use interlock_sync::net::{AsyncWriteExt, OwnedWriteHalf, TcpListener, TcpStream};
use interlock_sync::select;
use interlock_sync::task::{Tracker, begin};
use interlock_sync::time::{Duration, sleep, timeout};
use interlock_sync::token::Token;

use super::connection::{self, ConnectionError, FrameSource};
use super::peers::refuse;
use super::{Counters, Host};
use crate::api::{Request, Response};
use crate::core::names::ServerId;
use crate::wire::{
    Frame, Greeting, HEADER_BYTES, Hello, Limit, WireError, greeting_of, put_greeting, put_response, request_of,
};

/// Responses that one write carries at most.
const BATCH_RESPONSES: usize = 512;
/// A buffer that grew beyond this is given back.
const KEPT_BUFFER_BYTES: usize = 4 << 20;
/// Wait after a connection that could not be taken.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Bounds of the listener.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// Clients at the same time.
    pub n_connections: usize,
    /// Requests of one client that are not answered yet; its next one is not read before.
    pub n_in_flight: usize,
    /// A client that sends nothing for so long is gone. Ours asks for a sign of life in between.
    pub idle: Duration,
    /// Time for greetings.
    pub greeting: Duration,
    /// Time for requests in flight when the server ends.
    pub grace: Duration,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            n_connections: 1024,
            n_in_flight: 4096,
            idle: Duration::from_secs(60),
            greeting: Duration::from_secs(3),
            grace: Duration::from_secs(5),
        }
    }
}

/// The listener of one server.
#[derive(Clone)]
pub struct Clients {
    cluster: String,
    me: ServerId,
    limits: ClientLimits,
    counters: Counters,
    tasks: Tracker,
    quit: Token,
}

/// What a connection writes: a response with the permission to be in flight, or a sign of life.
enum Outgoing {
    Response { number: u64, response: Response, permit: OwnedSemaphorePermit },
    Pong,
}

/// One connection, as the tasks of its requests see it.
struct Connection<H> {
    host: Arc<H>,
    in_flight: Arc<Semaphore>,
    sender: mpsc::UnboundedSender<Outgoing>,
    /// The client is gone: nobody waits for messages any more.
    gone: Token,
}

impl Clients {
    /// A listener that takes clients once it is started, until the token is cancelled.
    pub fn new(cluster: String, me: ServerId, limits: ClientLimits, counters: Counters, quit: Token) -> Self {
        Self { cluster, me, limits, counters, tasks: Tracker::default(), quit }
    }

    /// Takes clients.
    pub fn start<H: Host>(&self, listener: TcpListener, host: &Arc<H>) {
        let is_started = self.tasks.spawn(self.clone().accept(listener, host.clone()));
        debug_assert!(is_started, "nobody closes the tracker before it is waited for");
    }

    /// Waits until the listener and every connection is gone. The token is cancelled by then.
    pub async fn wait(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn accept<H: Host>(self, listener: TcpListener, host: Arc<H>) {
        let permits = Arc::new(Semaphore::new(self.limits.n_connections));
        loop {
            let accepted = select! {
                biased;
                () = self.quit.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!("failed to take a client's connection: {error}");
                    sleep(ACCEPT_RETRY).await;
                    continue;
                }
            };
            let permit = permits.clone().try_acquire_owned().ok();
            let (clients, host) = (self.clone(), host.clone());
            let is_started = self.tasks.spawn(async move {
                clients.serve(stream, host, permit.is_some()).await;
                drop(permit);
            });
            if !is_started {
                return;
            }
        }
    }

    /// Serves one client until it goes or the server ends.
    async fn serve<H: Host>(&self, stream: TcpStream, host: Arc<H>, has_room: bool) {
        let address = stream.peer_addr().map_or_else(|_| "an unknown address".to_owned(), |from| from.to_string());
        let (source, write_half) = match self.welcome(stream, has_room).await {
            Ok(halves) => halves,
            Err(error) => {
                self.counters.client_refusals.inc();
                tracing::debug!("client {address}: {error}");
                return;
            }
        };
        self.counters.client_connects.inc();
        self.counters.client_connections.inc();
        let ended = self.requests_of(source, write_half, host).await;
        self.counters.client_connections.dec();
        tracing::debug!("client {address} is gone: {ended}");
    }

    async fn welcome(
        &self,
        stream: TcpStream,
        has_room: bool,
    ) -> Result<(FrameSource, OwnedWriteHalf), ConnectionError> {
        let limit = self.limits.greeting;
        stream.set_nodelay(true)?;
        let (read_half, mut write_half) = stream.into_split();
        let mut source = FrameSource::new(read_half, Limit::GREETING);
        let hello = select! {
            biased;
            () = self.quit.cancelled() => return Err(ConnectionError::Closed),
            frame = source.next_within(limit) => Hello::try_from(frame?)?,
        };
        let too_many = || format!("{} clients are connected already", self.limits.n_connections);
        let refusal = hello.refusal(&self.cluster, self.me, false);
        if let Some(reason) = refusal.or_else(|| (!has_room).then(too_many)) {
            return refuse(&mut write_half, reason, limit).await;
        }
        let welcome = Greeting::Welcome { cluster: self.cluster.clone(), server: self.me };
        connection::greet(&mut write_half, &welcome, limit).await?;
        source.set_limit(Limit::CLIENT);
        Ok((source, write_half))
    }

    /// Reads requests until the client goes or the server ends; then answers those that are in flight.
    async fn requests_of<H: Host>(
        &self,
        mut source: FrameSource,
        write_half: OwnedWriteHalf,
        host: Arc<H>,
    ) -> ConnectionError {
        let (sender, receiver) = mpsc::unbounded_channel();
        let in_flight = Arc::new(Semaphore::new(self.limits.n_in_flight));
        let connection = Connection { host, in_flight: in_flight.clone(), sender, gone: Token::new() };
        let writer = Writer { half: write_half, counters: self.counters.clone(), limit: self.limits.idle };
        let is_writing = self.tasks.spawn(writer.run(receiver, connection.gone.clone()));
        let ended = select! {
            biased;
            () = self.quit.cancelled() => ConnectionError::Closed,
            () = connection.gone.cancelled() => ConnectionError::Closed,
            ended = self.read(&mut source, &connection) => ended,
        };
        if is_writing && self.quit.is_cancelled() {
            // Whoever holds a permit is not answered yet.
            let all = u32::try_from(self.limits.n_in_flight).unwrap_or(u32::MAX);
            let _in_time = timeout(self.limits.grace, in_flight.acquire_many(all)).await;
        }
        connection.gone.cancel();
        ended
    }

    async fn read<H: Host>(&self, source: &mut FrameSource, connection: &Connection<H>) -> ConnectionError {
        loop {
            let accepted = match source.next_within(self.limits.idle).await {
                Ok(frame) => {
                    self.counters.client_bytes_received.inc_by((HEADER_BYTES + frame.body.len()) as u64);
                    self.take(&frame, connection).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = accepted {
                return error;
            }
        }
    }

    async fn take<H: Host>(&self, frame: &Frame, connection: &Connection<H>) -> Result<(), ConnectionError> {
        if let Some(request) = request_of(frame)? {
            self.counters.client_requests.inc();
            return self.begin_request(frame.number, request, connection).await;
        }
        match greeting_of(frame)? {
            // A writer that is gone has cancelled the connection.
            Some(Greeting::Ping) => connection.sender.send(Outgoing::Pong).map_err(|_| ConnectionError::Closed),
            _ => Err(WireError::Kind(frame.kind).into()),
        }
    }

    /// Begins a request. It is polled once here, in order; a task of its own waits for the rest.
    async fn begin_request<H: Host>(
        &self,
        number: u64,
        request: Request,
        connection: &Connection<H>,
    ) -> Result<(), ConnectionError> {
        let permit = connection.in_flight.clone().acquire_owned().await.map_err(|_| ConnectionError::Closed)?;
        let waits_for_messages = matches!(request, Request::Fetch { .. });
        let answer = match begin(connection.host.clone().handle(request)) {
            Ok(response) => return respond(&connection.sender, number, response, permit),
            Err(waits) => waits,
        };
        let (sender, gone) = (connection.sender.clone(), connection.gone.clone());
        let is_started = self.tasks.spawn(async move {
            let response = if waits_for_messages {
                select! {
                    biased;
                    // Messages for a client that is gone would count as delivered.
                    () = gone.cancelled() => return,
                    response = answer => response,
                }
            } else {
                answer.await
            };
            // A client that is gone needs no answer.
            let _gone = respond(&sender, number, response, permit);
        });
        if is_started { Ok(()) } else { Err(ConnectionError::Closed) }
    }
}

fn respond(
    sender: &mpsc::UnboundedSender<Outgoing>,
    number: u64,
    response: Response,
    permit: OwnedSemaphorePermit,
) -> Result<(), ConnectionError> {
    sender.send(Outgoing::Response { number, response, permit }).map_err(|_| ConnectionError::Closed)
}

/// Writes what is to be written, all that waits at once.
struct Writer {
    half: OwnedWriteHalf,
    counters: Counters,
    limit: Duration,
}

impl Writer {
    async fn run(mut self, mut receiver: mpsc::UnboundedReceiver<Outgoing>, gone: Token) {
        let mut outgoing = Vec::with_capacity(BATCH_RESPONSES);
        let mut bytes = Vec::new();
        loop {
            let n_outgoing = select! {
                biased;
                n_outgoing = receiver.recv_many(&mut outgoing, BATCH_RESPONSES) => n_outgoing,
                // What was answered before goes out first: hence behind the queue.
                () = gone.cancelled() => 0,
            };
            if n_outgoing == 0 {
                break;
            }
            if let Err(error) = self.write(&mut outgoing, &mut bytes).await {
                tracing::debug!("a client's answers cannot be written: {error}");
                break;
            }
        }
        gone.cancel();
        // The connection ends either way.
        let _closed = timeout(self.limit, self.half.shutdown()).await;
    }

    async fn write(&mut self, outgoing: &mut Vec<Outgoing>, bytes: &mut Vec<u8>) -> Result<(), ConnectionError> {
        let mut permits = Vec::with_capacity(outgoing.len());
        for message in outgoing.drain(..) {
            match message {
                // Dropped with its permission: the client waits for its time to be over.
                Outgoing::Response { response: Response::Silence, .. } => {}
                Outgoing::Response { number, response, permit } => {
                    put_response(bytes, number, &response);
                    permits.push(permit);
                }
                Outgoing::Pong => put_greeting(bytes, &Greeting::Pong),
            }
        }
        if bytes.is_empty() {
            return Ok(());
        }
        connection::write_within(&mut self.half, bytes, self.limit).await?;
        self.counters.client_responses.inc_by(permits.len() as u64);
        self.counters.client_writes.inc();
        self.counters.client_bytes_sent.inc_by(bytes.len() as u64);
        bytes.clear();
        bytes.shrink_to(KEPT_BUFFER_BYTES);
        // Only what is written makes room for new requests.
        drop(permits);
        Ok(())
    }
}
