//! The transport between servers: one connection to each of the others to send on, and a listener for theirs.
//!
//! A frame that cannot be sent at once is dropped and counted: raft asks again, and a late frame helps nobody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use interlock_sync::channel::{Notify, mpsc};
use interlock_sync::lock::{Mutex, Semaphore};
use interlock_sync::net::{OwnedWriteHalf, TcpListener, TcpStream};
use interlock_sync::select;
use interlock_sync::task::Tracker;
use interlock_sync::time::{Duration, Instant, interval, sleep};
use interlock_sync::token::Token;

use super::connection::{self, ConnectionError, FrameSource};
use super::{Counters, Host};
use crate::core::names::ServerId;
use crate::peer::{PeerFrame, PeerNetwork};
use crate::wire::{
    Greeting, Hello, Limit, Role, WireError, greeting_of, peer_frame_of, put_greeting, put_peer_frame, weight,
};

/// Frames that one write carries at most: a bound on the time in which nothing else is looked at.
const BATCH_FRAMES: usize = 512;
/// A buffer that grew beyond this is given back.
const KEPT_BUFFER_BYTES: usize = 4 << 20;
/// First wait before a new attempt; it doubles up to [`PeerLimits::reconnect_max`].
const RECONNECT_START: Duration = Duration::from_millis(50);

/// Bounds of the transport.
#[derive(Clone, Copy, Debug)]
pub struct PeerLimits {
    /// Frames that wait for one peer.
    pub queue_frames: usize,
    /// Bytes that wait for one peer, estimated.
    pub queue_bytes: usize,
    /// A connection on which nothing came for so long is given up; a third of it apart, a sign of life is asked for.
    pub idle: Duration,
    /// Time for connecting and for greetings.
    pub greeting: Duration,
    /// Longest wait between attempts.
    pub reconnect_max: Duration,
    /// Connections of others at most.
    pub n_connections: usize,
}

impl Default for PeerLimits {
    fn default() -> Self {
        Self {
            queue_frames: 8192,
            queue_bytes: 256 << 20,
            idle: Duration::from_secs(10),
            greeting: Duration::from_secs(3),
            reconnect_max: Duration::from_secs(1),
            n_connections: 256,
        }
    }
}

/// Who is who.
#[derive(Clone, Debug)]
pub struct PeerOptions {
    /// The cluster's name: a server of another one is refused.
    pub cluster: String,
    /// This server.
    pub me: ServerId,
    /// The other servers, as `host:port`.
    pub addresses: BTreeMap<ServerId, String>,
    /// Bounds.
    pub limits: PeerLimits,
}

/// The transport of one server.
pub struct Peers {
    options: PeerOptions,
    links: BTreeMap<ServerId, Arc<Link>>,
    counters: Counters,
    tasks: Tracker,
}

/// What waits for one peer.
struct Link {
    /// Whether somebody takes frames out.
    is_up: AtomicBool,
    /// Connections of the peer to this server: what it says comes in through them.
    n_incoming: AtomicUsize,
    /// The peer has connected: it is worth an attempt to connect to it.
    has_come: Notify,
    /// An estimate: added before a frame is queued, taken away when it leaves.
    queued_bytes: AtomicUsize,
    sender: mpsc::Sender<PeerFrame>,
    /// Taken by the task that sends. A leaf lock, held for the taking only.
    receiver: Mutex<Option<mpsc::Receiver<PeerFrame>>>,
}

impl Link {
    fn new(limits: PeerLimits) -> Arc<Self> {
        let (sender, receiver) = mpsc::channel(limits.queue_frames);
        Arc::new(Self {
            is_up: AtomicBool::new(false),
            n_incoming: AtomicUsize::new(0),
            has_come: Notify::new(),
            queued_bytes: AtomicUsize::new(0),
            sender,
            receiver: Mutex::new(Some(receiver)),
        })
    }

    /// Queues a frame: whether there was room and a connection.
    fn offer(&self, frame: PeerFrame, bytes_max: usize) -> bool {
        if !self.is_up.load(Ordering::Acquire) {
            return false;
        }
        let n_bytes = weight(&frame);
        let before = self.queued_bytes.fetch_add(n_bytes, Ordering::AcqRel);
        // An empty queue takes any frame, so that a large one cannot wait for ever.
        let fits = before == 0 || before + n_bytes <= bytes_max;
        let is_queued = fits && self.sender.try_send(frame).is_ok();
        if !is_queued {
            self.queued_bytes.fetch_sub(n_bytes, Ordering::AcqRel);
        }
        is_queued
    }
}

/// Counts a connection of a peer for as long as it lives.
struct Incoming(Option<Arc<Link>>);

impl Incoming {
    fn new(link: Option<&Arc<Link>>) -> Self {
        if let Some(link) = link {
            link.n_incoming.fetch_add(1, Ordering::AcqRel);
            link.has_come.notify_one();
        }
        Self(link.cloned())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(link) = &self.0 {
            link.n_incoming.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl PeerNetwork for Peers {
    fn try_send(&self, to: ServerId, frame: PeerFrame) -> bool {
        // Its reader would end the connection, for all groups, and be sent it again and again.
        let is_readable = weight(&frame) <= Limit::PEER.0 as usize;
        if !is_readable {
            tracing::error!(%to, "a frame of {} bytes is more than a server takes, and is dropped", weight(&frame));
        }
        let queue_bytes = self.options.limits.queue_bytes;
        let is_queued = is_readable && self.links.get(&to).is_some_and(|link| link.offer(frame, queue_bytes));
        if !is_queued {
            self.counters.peer_frames_dropped.inc();
        }
        is_queued
    }

    fn is_reachable(&self, to: ServerId) -> bool {
        // Both ways: an answer comes in on the peer's own connection.
        let is_up =
            |link: &Arc<Link>| link.is_up.load(Ordering::Acquire) && link.n_incoming.load(Ordering::Acquire) > 0;
        self.links.get(&to).is_some_and(is_up)
    }
}

impl Peers {
    /// The transport, which does nothing until it is started: its host is made with it.
    pub fn new(options: PeerOptions, counters: Counters) -> Arc<Self> {
        let links = options.addresses.keys().filter(|peer| **peer != options.me);
        let links = links.map(|peer| (*peer, Link::new(options.limits))).collect();
        Arc::new(Self { options, links, counters, tasks: Tracker::default() })
    }

    /// Takes connections of the others, and connects to them, until the token is cancelled.
    pub fn start<H: Host>(self: &Arc<Self>, listener: TcpListener, host: &Arc<H>, quit: &Token) {
        for (peer, link) in &self.links {
            let Some(receiver) = link.receiver.lock().take() else { continue };
            let sender = Sender { peers: self.clone(), host: host.clone(), peer: *peer, link: link.clone(), receiver };
            self.spawn(quit, sender.run());
        }
        self.spawn(quit, self.clone().accept(listener, host.clone(), quit.clone()));
    }

    /// Waits until every task is gone. The token of [`Self::start`] is cancelled by then.
    pub async fn wait(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Runs a task until it ends or the token is cancelled. Every await of it may be its last.
    fn spawn(&self, quit: &Token, future: impl Future<Output = ()> + Send + 'static) {
        let quit = quit.clone();
        let is_spawned = self.tasks.spawn(async move {
            select! {
                biased;
                () = quit.cancelled() => {}
                () = future => {}
            }
        });
        if !is_spawned {
            tracing::debug!("a connection came while the transport ends");
        }
    }

    async fn accept<H: Host>(self: Arc<Self>, listener: TcpListener, host: Arc<H>, quit: Token) {
        let permits = Arc::new(Semaphore::new(self.options.limits.n_connections));
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // No file descriptors, or a connection that ended before it was taken: neither ends the listener.
                    tracing::warn!("failed to take a connection of a server: {error}");
                    sleep(RECONNECT_START).await;
                    continue;
                }
            };
            let Ok(permit) = permits.clone().try_acquire_owned() else {
                self.counters.peer_refusals.inc();
                continue;
            };
            let (peers, host) = (self.clone(), host.clone());
            self.spawn(&quit, async move {
                peers.receive(stream, host.as_ref()).await;
                drop(permit);
            });
        }
    }

    /// Serves one connection of another server until it ends.
    async fn receive<H: Host>(&self, stream: TcpStream, host: &H) {
        let address = stream.peer_addr().map_or_else(|_| "an unknown address".to_owned(), |from| from.to_string());
        match self.welcome(stream).await {
            Ok((from, source, write_half)) => {
                tracing::debug!("server {from} at {address} is connected");
                let _counted = Incoming::new(self.links.get(&from));
                let ended = self.deliver_all(from, source, write_half, host).await;
                tracing::debug!("the connection of server {from} ends: {ended}");
                // Its answers came on this one.
                host.lose(from);
            }
            Err(error) => {
                self.counters.peer_refusals.inc();
                tracing::warn!("a connection of {address} on the port for servers: {error}");
            }
        }
    }

    async fn welcome(&self, stream: TcpStream) -> Result<(ServerId, FrameSource, OwnedWriteHalf), ConnectionError> {
        let (limits, me) = (self.options.limits, self.options.me);
        stream.set_nodelay(true)?;
        let (read_half, mut write_half) = stream.into_split();
        let mut source = FrameSource::new(read_half, Limit::GREETING);
        let hello = Hello::try_from(source.next_within(limits.greeting).await?)?;
        let refusal = hello.refusal(&self.options.cluster, me, true);
        let Role::Server { me: from, .. } = hello.role else {
            return refuse(&mut write_half, "this is the port for servers".to_owned(), limits.greeting).await;
        };
        if let Some(reason) = refusal {
            return refuse(&mut write_half, reason, limits.greeting).await;
        }
        let welcome = Greeting::Welcome { cluster: self.options.cluster.clone(), server: me };
        connection::greet(&mut write_half, &welcome, limits.greeting).await?;
        source.set_limit(Limit::PEER);
        Ok((from, source, write_half))
    }

    async fn deliver_all<H: Host>(
        &self,
        from: ServerId,
        mut source: FrameSource,
        mut write_half: OwnedWriteHalf,
        host: &H,
    ) -> ConnectionError {
        let limits = self.options.limits;
        loop {
            let received = source.next_within(limits.idle).await;
            let delivered = received.and_then(|frame| match greeting_of(&frame)? {
                Some(Greeting::Ping) => Ok(true),
                Some(_) => Err(WireError::Kind(frame.kind).into()),
                None => {
                    self.counters.peer_frames_received.inc();
                    host.deliver(from, peer_frame_of(&frame)?);
                    Ok(false)
                }
            });
            let answered = match delivered {
                Ok(true) => connection::greet(&mut write_half, &Greeting::Pong, limits.idle).await,
                Ok(false) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = answered {
                return error;
            }
        }
    }
}

/// Says why, and ends in that error.
pub(super) async fn refuse<T>(
    write_half: &mut OwnedWriteHalf,
    reason: String,
    limit: Duration,
) -> Result<T, ConnectionError> {
    connection::greet(write_half, &Greeting::Refused(reason.clone()), limit).await?;
    Err(ConnectionError::Refused(reason))
}

/// Sends to one peer, over one connection after the other.
struct Sender<H> {
    peers: Arc<Peers>,
    host: Arc<H>,
    peer: ServerId,
    link: Arc<Link>,
    receiver: mpsc::Receiver<PeerFrame>,
}

impl<H: Host> Sender<H> {
    async fn run(mut self) {
        let mut wait = RECONNECT_START;
        let mut last_reason = String::new();
        loop {
            let begun = Instant::now();
            let reason = self.connect_and_send().await.to_string();
            let was_up = self.link.is_up.swap(false, Ordering::AcqRel);
            self.forget_queued();
            if was_up {
                // Behind the flag: what is sent from here on is refused, and what was sent before is lost.
                self.host.lose(self.peer);
            }
            // Said once, not at every attempt.
            if reason != last_reason {
                tracing::info!("no connection to server {}: {reason}", self.peer);
                last_reason = reason;
            }
            let limits = self.peers.options.limits;
            wait = if begun.elapsed() > limits.reconnect_max { RECONNECT_START } else { wait };
            select! {
                biased;
                () = self.link.has_come.notified() => {}
                () = sleep(wait) => {}
            }
            wait = (wait * 2).min(limits.reconnect_max);
        }
    }

    /// What waited for a connection that is gone: stale by the time there is another one.
    fn forget_queued(&mut self) {
        while let Ok(frame) = self.receiver.try_recv() {
            self.link.queued_bytes.fetch_sub(weight(&frame), Ordering::AcqRel);
            self.peers.counters.peer_frames_dropped.inc();
        }
    }

    async fn connect_and_send(&mut self) -> ConnectionError {
        let options = &self.peers.options;
        let Some(address) = options.addresses.get(&self.peer) else { return ConnectionError::Closed };
        let hello = Hello::new(options.cluster.clone(), Role::Server { me: options.me, you: self.peer });
        match connection::open(address, &hello, options.limits.greeting).await {
            Ok((_, source, write_half)) => {
                tracing::info!("connected to server {} at {address}", self.peer);
                self.peers.counters.peer_connects.inc();
                self.link.is_up.store(true, Ordering::Release);
                self.send_all(source, write_half).await
            }
            Err(error) => error,
        }
    }

    async fn send_all(&mut self, mut source: FrameSource, mut write_half: OwnedWriteHalf) -> ConnectionError {
        let limits = self.peers.options.limits;
        let mut signs_of_life = interval(limits.idle / 3);
        let mut heard = Instant::now();
        let mut frames = Vec::with_capacity(BATCH_FRAMES);
        let mut bytes = Vec::new();
        loop {
            select! {
                biased;
                received = source.next() => match received.and_then(only_pong) {
                    Ok(()) => heard = Instant::now(),
                    Err(error) => return error,
                },
                _tick = signs_of_life.tick() => {
                    if heard.elapsed() > limits.idle {
                        return ConnectionError::Silent(limits.idle);
                    }
                    put_greeting(&mut bytes, &Greeting::Ping);
                }
                n_frames = self.receiver.recv_many(&mut frames, BATCH_FRAMES) => {
                    if n_frames == 0 {
                        return ConnectionError::Closed;
                    }
                    self.encode(&mut frames, &mut bytes);
                }
            }
            if let Err(error) = self.write(&mut write_half, &mut bytes).await {
                return error;
            }
        }
    }

    fn encode(&self, frames: &mut Vec<PeerFrame>, bytes: &mut Vec<u8>) {
        self.peers.counters.peer_frames_sent.inc_by(frames.len() as u64);
        for frame in frames.drain(..) {
            put_peer_frame(bytes, &frame);
            self.link.queued_bytes.fetch_sub(weight(&frame), Ordering::AcqRel);
        }
    }

    /// One write for all that was queued.
    async fn write(&self, write_half: &mut OwnedWriteHalf, bytes: &mut Vec<u8>) -> Result<(), ConnectionError> {
        if bytes.is_empty() {
            return Ok(());
        }
        connection::write_within(write_half, bytes, self.peers.options.limits.idle).await?;
        self.peers.counters.peer_writes.inc();
        self.peers.counters.peer_bytes_sent.inc_by(bytes.len() as u64);
        bytes.clear();
        bytes.shrink_to(KEPT_BUFFER_BYTES);
        Ok(())
    }
}

/// A server answers on a connection of ours with signs of life, and with nothing else.
fn only_pong(frame: Option<crate::wire::Frame>) -> Result<(), ConnectionError> {
    let frame = frame.ok_or(ConnectionError::Closed)?;
    match greeting_of(&frame)? {
        Some(Greeting::Pong) => Ok(()),
        _ => Err(WireError::Kind(frame.kind).into()),
    }
}
