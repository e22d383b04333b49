//! The engine of a server: its streams, its part in the meta layer, its raft nodes.

#[cfg(feature = "mutation")]
mod bare;
mod changes;
mod direct;
mod founding;
pub(crate) mod health;
mod members;
pub mod meta;
mod orphans;
mod placement;
mod removal;
mod retry;
mod running;
mod serving;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::channel::watch;
use interlock_sync::lock::RwLock;
use interlock_sync::time::{Duration, Instant, sleep, timeout};
use interlock_sync::token::Token;

use crate::calls::Calls;
use crate::consumer::Consumer;
use crate::core::assignment::{ConsumerAssignment, StreamAssignment};
use crate::core::meta::{AssignedStream, Assignments, MetaEntry, Refused, decode};
use crate::core::names::{ConsumerKey, GroupName, ServerId};
use crate::core::write_error::WriteError;
use crate::peer::PeerFrame;
use crate::raft::{ApplyQueue, Node};
use crate::server::Context;
use crate::sticky::Sticky;
use crate::stream::Stream;

pub use changes::ChangeError;
pub use founding::Foundation;

/// How long a shutdown waits for changes of what runs here and for the meta monitor, both together.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// The least that is left of it for the meta monitor.
const STOP_AT_LEAST: Duration = Duration::from_secs(1);

/// How long another server is waited for that leads the meta layer from here on.
const META_TRANSFER_LIMIT: Duration = Duration::from_secs(2);
/// How long the way back to a server that asked is waited for.
const REACH_LIMIT: Duration = Duration::from_secs(5);
const REACH_PAUSE: Duration = Duration::from_millis(20);

/// A stream or a consumer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetKey {
    /// A stream.
    Stream(String),
    /// A consumer.
    Consumer(ConsumerKey),
}

impl std::fmt::Display for AssetKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stream(name) => write!(f, "stream {name}"),
            Self::Consumer(key) => write!(f, "consumer {key}"),
        }
    }
}

/// A raft node in the engine's table, with the queue that its first monitor takes.
struct TableEntry {
    node: Node,
    queue: Option<ApplyQueue>,
}

/// What the engine's lock guards. Behind those of streams and stores, and never held across a call to a stream or
/// consumer.
#[derive(Default)]
struct State {
    meta: Option<Node>,
    assignments: Assignments,
    nodes: BTreeMap<GroupName, TableEntry>,
    streams: BTreeMap<String, Arc<Stream>>,
    /// Why an asset that is assigned here does not run here.
    errors: BTreeMap<AssetKey, String>,
    /// Groups that could not be founded here, and how often that was tried.
    unfounded: BTreeMap<GroupName, u32>,
    /// When streams were opened again the last time.
    opened_again: BTreeMap<String, Instant>,
}

/// An engine.
pub struct Engine {
    context: Arc<Context>,
    state: RwLock<State>,
    /// The first error of the meta layer: its entries are applied no further.
    meta_error: Sticky<WriteError>,
    /// Whether the meta layer still replays what was there before this start.
    recovering: watch::Sender<bool>,
    /// Cancelled when the engine's shutdown begins, before anything is stopped (O-37).
    stopping: Token,
    /// Cancelled once the streams are stopped.
    cluster_quit: Token,
    /// Changes of assignments that were proposed here.
    changes: Calls<Result<(), Refused>>,
    /// One change at a time where there is no cluster. Before every other lock of the engine.
    standalone: interlock_sync::lock::AsyncMutex<()>,
    /// One change of what runs here at a time: the meta monitor's, or a reset's. Before every lock of a stream or consumer.
    placing: interlock_sync::lock::AsyncMutex<()>,
    /// Streams that were made anew lately. A leaf lock.
    resets: interlock_sync::lock::Mutex<removal::Resets>,
    /// Whether the meta monitor runs.
    meta_slot: crate::slot::Slot,
}

impl Engine {
    /// Starts the engine: recovers the meta layer, and with it everything that is assigned here.
    ///
    /// # Errors
    /// The disk's.
    pub async fn start(context: Arc<Context>) -> Result<Arc<Self>, WriteError> {
        let engine = Self::new(context);
        if engine.context.settings.is_clustered() {
            meta::start(&engine).await?;
        } else {
            engine.recover_standalone().await?;
        }
        Ok(engine)
    }

    fn new(context: Arc<Context>) -> Arc<Self> {
        let changes = Calls::numbered_from(context.clock.now_ns());
        Arc::new(Self {
            context,
            state: RwLock::default(),
            meta_error: Sticky::default(),
            recovering: watch::Sender::new(true),
            stopping: Token::new(),
            cluster_quit: Token::new(),
            changes,
            standalone: interlock_sync::lock::AsyncMutex::new(()),
            placing: interlock_sync::lock::AsyncMutex::new(()),
            resets: interlock_sync::lock::Mutex::default(),
            meta_slot: crate::slot::Slot::default(),
        })
    }

    /// What the parts of the server share.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// This server.
    pub fn me(&self) -> ServerId {
        self.context.settings.id
    }

    /// Whether its shutdown has begun. The server may go on.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Cancelled when its shutdown begins.
    pub fn stopping(&self) -> &Token {
        &self.stopping
    }

    /// Cancelled when its meta layer ends.
    pub fn cluster_quit(&self) -> &Token {
        &self.cluster_quit
    }

    /// Whether the meta layer still replays.
    pub fn is_recovering(&self) -> bool {
        *self.recovering.borrow()
    }

    /// The node of the meta layer.
    pub fn meta(&self) -> Option<Node> {
        self.state.read().meta.clone()
    }

    /// The first error of the meta layer.
    pub fn meta_error(&self) -> Option<WriteError> {
        self.meta_error.get()
    }

    /// Whether the meta monitor runs.
    pub fn meta_is_monitored(&self) -> bool {
        self.meta_slot.status().running
    }

    /// A stream that runs here.
    pub fn stream(&self, name: &str) -> Option<Arc<Stream>> {
        self.state.read().streams.get(name).cloned()
    }

    /// The streams that run here, in the order of their names.
    pub fn streams(&self) -> Vec<Arc<Stream>> {
        self.state.read().streams.values().cloned().collect()
    }

    /// A consumer that runs here.
    pub fn consumer(&self, key: &ConsumerKey) -> Option<Arc<Consumer>> {
        // The engine's lock is released before the stream is asked.
        let stream = self.stream(&key.stream)?;
        stream.consumer(&key.name)
    }

    /// Where a stream is assigned.
    pub fn stream_assignment(&self, name: &str) -> Option<StreamAssignment> {
        self.state.read().assignments.stream(name).map(|stream| stream.assignment.clone())
    }

    /// A stream's assignment, and those of its consumers.
    pub(crate) fn assigned_stream(&self, name: &str) -> Option<AssignedStream> {
        self.state.read().assignments.stream(name).cloned()
    }

    /// Where a consumer is assigned.
    pub fn consumer_assignment(&self, key: &ConsumerKey) -> Option<ConsumerAssignment> {
        self.state.read().assignments.consumer(key).cloned()
    }

    /// Looks at the assignments, where they are: a copy of all of them is dear.
    pub(crate) fn with_assignments<T>(&self, look: impl FnOnce(&Assignments) -> T) -> T {
        look(&self.state.read().assignments)
    }

    /// The first assigned stream that the look finds something in.
    pub(crate) fn find_assigned<T>(&self, look: impl Fn(&StreamAssignment) -> Option<T>) -> Option<T> {
        let state = self.state.read();
        state.assignments.streams().find_map(|stream| look(&stream.assignment))
    }

    /// The consumers that the stream of this creation time has: names and creation times. `None` where it has gone.
    pub(crate) fn consumers_of(&self, stream: &str, created_ns: u64) -> Option<Vec<(String, u64)>> {
        let state = self.state.read();
        let assigned = state.assignments.stream(stream).filter(|known| known.assignment.created_ns == created_ns)?;
        Some(assigned.consumers.values().map(|consumer| (consumer.config.name.clone(), consumer.created_ns)).collect())
    }

    /// Whether there is a meta layer to be asked.
    pub fn has_meta(&self) -> bool {
        !self.context.settings.is_clustered() || self.meta().is_some()
    }

    /// All assignments.
    pub fn assignments(&self) -> Assignments {
        self.state.read().assignments.clone()
    }

    /// Why an asset does not run here although it should.
    pub fn assignment_error(&self, asset: &AssetKey) -> Option<String> {
        self.state.read().errors.get(asset).cloned()
    }

    /// The node of a group that has a member here.
    pub fn node(&self, group: &GroupName) -> Option<Node> {
        self.state.read().nodes.get(group).map(|entry| entry.node.clone())
    }

    /// The groups that have a member here.
    pub fn groups(&self) -> Vec<GroupName> {
        self.state.read().nodes.keys().cloned().collect()
    }

    /// Takes the queue of a node, once.
    pub(crate) fn take_queue(&self, group: &GroupName) -> Option<ApplyQueue> {
        self.state.write().nodes.get_mut(group)?.queue.take()
    }

    /// Gives a message to a node. Messages for groups without a member here are dropped: raft repeats them.
    pub fn step(&self, group: &GroupName, message: raft::eraftpb::Message) {
        let node = if group.as_str() == meta::GROUP { self.meta() } else { self.node(group) };
        if let Some(node) = node {
            node.step(message);
        }
    }

    /// Takes a change of the meta layer that another server passed on. Nobody is told what became of it.
    pub fn take_proposal(self: &Arc<Self>, group: &GroupName, data: Bytes) {
        let Some(node) = self.meta().filter(|_| group.as_str() == meta::GROUP) else { return };
        // What cannot be read would stop every server at the same entry (G-21).
        if let Err(error) = decode::<MetaEntry>("meta entry", &data) {
            tracing::warn!(%error, "a change that was passed on is not proposed");
            return;
        }
        let proposing = async move {
            // Not passed on again: who sent it repeats it.
            let _outcome = node.propose(None, data).await;
        };
        // A server that shuts down proposes nothing.
        let _started = self.context.tasks.spawn(proposing);
    }

    /// Answers another server's request on behalf of a client there.
    pub fn answer_peer(self: &Arc<Self>, from: ServerId, id: u64, request: crate::api::Request) {
        if !self.context.seen.is_first(from, id) {
            return;
        }
        let engine = self.clone();
        let answering = async move {
            let response = Box::new(engine.handle_here(request).await);
            engine.until_reachable(from).await;
            engine.context.network.send(from, PeerFrame::Response { id, response });
        };
        // Begun here: requests of one server keep their order. A server that shuts down answers nothing.
        if let Err(waits) = interlock_sync::task::begin(answering) {
            let _started = self.context.tasks.spawn(waits);
        }
    }

    /// Who has just started may ask before there is a connection to answer on: it is waited for.
    async fn until_reachable(&self, server: ServerId) {
        let reaching = async {
            while !self.context.network.is_reachable(server) {
                sleep(REACH_PAUSE).await;
            }
        };
        // Who is not reached by then has given up, or is gone.
        let _reached = timeout(REACH_LIMIT, reaching).await;
    }

    /// Shuts the engine down. Everything on the disk stays; each stream has a snapshot of what it has applied.
    pub async fn shutdown(&self) {
        self.stopping.cancel();
        self.changes.abandon_all();
        if let Some(meta) = self.meta().filter(|meta| meta.status().is_leader()) {
            // Whoever else can lead does so at once, and not after an election timeout.
            let _in_time = timeout(META_TRANSFER_LIMIT, meta.step_down(None)).await;
        }
        // What is being changed ends first: a plan that goes on under closed streams could drop a log that is still
        // needed. None begins from here on: whoever comes to its turn looks whether the engine stops.
        let deadline = Instant::now() + STOP_LIMIT;
        let has_ended = timeout(STOP_LIMIT, self.placing.lock()).await.is_ok();
        if !has_ended {
            tracing::warn!("a change of what runs here did not end in {STOP_LIMIT:?}");
        }
        for stream in self.streams() {
            stream.shutdown(self).await;
        }
        let meta = self.meta();
        self.cluster_quit.cancel();
        let left = deadline.saturating_duration_since(Instant::now()).max(STOP_AT_LEAST);
        if timeout(left, self.meta_slot.stop()).await.is_err() {
            tracing::warn!("the meta monitor did not end in {left:?}");
        }
        if let Some(meta) = meta {
            meta.stop().await;
        }
        // A change that did not end in time may have started others since.
        for stream in self.streams() {
            stream.shutdown(self).await;
        }
        for group in self.groups() {
            if let Some(node) = self.node(&group) {
                node.stop().await;
            }
        }
        let mut state = self.state.write();
        state.meta = None;
        state.streams.clear();
        state.nodes.clear();
    }
}
