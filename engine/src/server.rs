//! A server: what its parts share, and the order in which it starts and ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use interlock_sync::channel::mpsc;
use interlock_sync::lock::RwLock;
use interlock_sync::task::Tracker;
use interlock_sync::time::{Duration, Instant, WallClock, sleep_until, timeout};
use interlock_sync::token::Token;

use crate::api::{Request, Response};
use crate::batches::Places;
use crate::calls::{Calls, Seen, Served};
use crate::core::api_error::ApiError;
use crate::core::health::{self, EngineFacts, Options, Report, ServerFacts};
use crate::core::names::{GroupName, ServerId};
use crate::core::write_error::{ErrorClass, WriteError};
use crate::disk::{Disk, Vfs, sync_folder};
use crate::engine::Engine;
use crate::events::{Event, Events};
use crate::heartbeat;
use crate::liveness::Liveness;
use crate::peer::{PeerFrame, PeerNetwork};
use crate::raft::{Network, NodeHost, Reactions, Salvage, Timing, salvage};
use crate::sticky::Sticky;
use crate::stream::catchup::CatchupAnswer;

/// How long a shutdown may take before what still runs is left behind.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(30);

/// How often a server looks at its own health, for the sake of who reads its log only.
const SELF_CHECK: Duration = Duration::from_secs(3600);

/// What a server is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Itself.
    pub id: ServerId,
    /// All servers of the cluster, itself included; only itself where there is no cluster.
    pub servers: Vec<ServerId>,
    /// Where everything is kept.
    pub folder: PathBuf,
    /// What all draws come from.
    pub seed: u64,
    /// Ticks, heartbeats and elections of raft groups.
    pub timing: Timing,
    /// Heartbeats of servers, and what their silence means.
    pub heartbeats: heartbeat::Timing,
    /// What hosts raft nodes.
    pub host: NodeHost,
    /// Bytes of a message block.
    pub block_bytes: u64,
    /// How often a group that has something new is written as a snapshot, in place of what `docs/engine/constants.md`
    /// has; a random part comes on top, as long at most.
    pub snapshot_every: Option<Duration>,
    /// How often a store is synced and gives space back, in place of what is there.
    pub sync_every: Option<Duration>,
    /// Whether the store of a stream of one replica is synced in each call that changes it.
    pub sync_always: bool,
    /// Whether a publisher to a stream of one replica is told of a failed write. Otherwise nobody answers.
    pub answers_failed_writes: bool,
}

impl Settings {
    /// Defaults for a server of a cluster.
    pub fn new(id: ServerId, servers: Vec<ServerId>, folder: PathBuf) -> Self {
        Self {
            id,
            servers,
            folder,
            seed: id.0,
            timing: Timing::default(),
            heartbeats: heartbeat::Timing::default(),
            host: NodeHost::default(),
            block_bytes: 8 << 20,
            snapshot_every: None,
            sync_every: None,
            sync_always: false,
            answers_failed_writes: false,
        }
    }

    /// Whether there are other servers.
    pub fn is_clustered(&self) -> bool {
        self.servers.len() > 1
    }
}

/// A write error whose class concerns the whole server.
struct ClassError {
    source: String,
    error: WriteError,
}

/// What the parts of a server share.
pub struct Context {
    /// What it was told.
    pub settings: Settings,
    /// Its disk.
    pub disk: Disk,
    /// The way to the other servers.
    pub network: Arc<dyn PeerNetwork>,
    /// Its clock.
    pub clock: WallClock,
    /// Cancelled when its shutdown begins.
    pub quit: Token,
    /// Its tasks.
    pub tasks: Tracker,
    /// What happened.
    pub events: Events,
    /// Requests to other servers.
    pub requests: Calls<Response>,
    /// Requests of other servers.
    pub seen: Seen,
    /// Catch-up requests to leaders.
    pub catchups: Calls<CatchupAnswer>,
    /// Catch-ups of other servers that are being answered.
    pub served: Served,
    /// The places of staged batches, of all streams.
    pub(crate) places: Places,
    class_errors: mpsc::UnboundedSender<ClassError>,
}

impl Context {
    fn new(
        settings: Settings,
        disk: Disk,
        network: Arc<dyn PeerNetwork>,
        clock: WallClock,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<ClassError>) {
        let (class_errors, received) = mpsc::unbounded_channel();
        let context = Self {
            settings,
            disk,
            network,
            clock,
            quit: Token::new(),
            tasks: Tracker::default(),
            events: Events::default(),
            requests: Calls::numbered_from(clock.now_ns()),
            seen: Seen::default(),
            catchups: Calls::numbered_from(clock.now_ns()),
            served: Served::default(),
            places: Places::default(),
            class_errors,
        };
        (Arc::new(context), received)
    }

    /// What parts share that no server has: nobody deals with classes of errors.
    #[cfg(feature = "mutation")]
    pub fn without_server(settings: Settings, disk: Disk, network: Arc<dyn PeerNetwork>) -> Arc<Self> {
        Self::new(settings, disk, network, WallClock::system()).0
    }

    /// Has the class of an error dealt with, where it concerns the whole server. Returns at once.
    pub fn react(&self, source: &str, error: &WriteError) {
        let concerns_all = match error.class() {
            ErrorClass::Permission => true,
            ErrorClass::Space => !crate::mutant!(M67),
            _ => false,
        };
        if concerns_all {
            let class_error = ClassError { source: source.to_owned(), error: error.clone() };
            // A receiver that is gone means that the server has ended.
            let _ended = self.class_errors.send(class_error);
        }
    }

    /// What says that a raft group has ended on this server: its folder was removed, or goes on under another name.
    pub fn group_tombstone(&self, group: &GroupName) -> PathBuf {
        self.settings.folder.join("ended").join(group.as_str())
    }

    /// What says that this server does not lead the only replica of a group any more.
    pub fn alone_tombstone(&self, group: &GroupName) -> PathBuf {
        self.settings.folder.join("ended").join(format!("{group}.alone"))
    }

    /// Notes durably that something has ended on this server, before anything of it goes.
    ///
    /// # Errors
    /// The disk's.
    pub async fn note_ended(&self, tombstone: PathBuf) -> Result<(), WriteError> {
        let made = tombstone.clone();
        let noted = self.disk.run(&tombstone, move |vfs| make_durably(vfs, &made));
        noted.await.map_err(|error| WriteError::io("create", &tombstone, &error))
    }

    /// The log of a group that this server is the last of; `None` where there is none, or where it has ended: then what
    /// came since is newer.
    ///
    /// # Errors
    /// The disk's, and damage.
    pub async fn lone_log(&self, group: &GroupName) -> Result<Option<Salvage>, WriteError> {
        let (tombstone, folder) = (self.group_tombstone(group), self.group_folder(group));
        let (ended, left) = (tombstone.clone(), folder.clone());
        let has_ended = self.disk.run(&tombstone, move |vfs| {
            let has_ended = vfs.exists(&ended);
            if has_ended && vfs.exists(&left) {
                // It is of no use; a folder that cannot be removed is tried again at the next start.
                vfs.remove_folder(&left)?;
            }
            Ok(has_ended)
        });
        match has_ended.await {
            Ok(false) => salvage(&self.disk, &folder).await,
            Ok(true) => Ok(None),
            Err(error) => {
                let error: std::io::Error = error;
                tracing::warn!("the log of group {group} stays: {error}");
                Ok(None)
            }
        }
    }

    /// Removes the folder of a group whose log nothing needs any more.
    ///
    /// # Errors
    /// The disk's.
    pub async fn drop_log(&self, group: &GroupName) -> Result<(), WriteError> {
        self.note_ended(self.group_tombstone(group)).await?;
        let folder = self.group_folder(group);
        let removed = folder.clone();
        let outcome = self.disk.run(&folder, move |vfs| vfs.remove_folder(&removed)).await;
        outcome.map_err(|error| WriteError::io("remove", &folder, &error))
    }

    /// The folder of a raft group.
    pub fn group_folder(&self, group: &GroupName) -> PathBuf {
        self.settings.folder.join("groups").join(group.as_str())
    }
}

impl Reactions for Context {
    fn on_write_error(&self, group: &GroupName, error: &WriteError) {
        self.events.tell(Event::WriteError { source: format!("group {group}"), error: error.to_string() });
        self.react(group.as_str(), error);
    }
}

impl Network for Context {
    fn send(&self, to: ServerId, group: &GroupName, message: raft::eraftpb::Message) {
        self.network.send(to, PeerFrame::Raft { group: group.clone(), message: Box::new(message) });
    }
}

/// Makes a folder, and makes it durable.
///
/// # Errors
/// The disk's.
pub(crate) fn make_durably(vfs: &dyn Vfs, folder: &Path) -> std::io::Result<()> {
    vfs.create_folders(folder)?;
    folder.parent().map_or(Ok(()), |parent| sync_folder(vfs, parent))
}

/// A server.
pub struct Server {
    context: Arc<Context>,
    /// A leaf lock, held for a moment.
    engine: RwLock<Option<Arc<Engine>>>,
    /// The write error that the engine was shut down for: whose it was, and what.
    stopped_by: Sticky<String>,
    /// The other servers, where there are any.
    liveness: Option<Liveness>,
}

impl Server {
    /// Starts a server: recovers what it has on its disk. Does not wait for other servers.
    ///
    /// # Errors
    /// The disk's.
    pub async fn start(settings: Settings, disk: Disk, network: Arc<dyn PeerNetwork>) -> Result<Arc<Self>, WriteError> {
        Self::start_at(settings, disk, network, WallClock::system()).await
    }

    /// The same with a clock of one's own.
    ///
    /// # Errors
    /// The disk's.
    pub async fn start_at(
        settings: Settings,
        disk: Disk,
        network: Arc<dyn PeerNetwork>,
        clock: WallClock,
    ) -> Result<Arc<Self>, WriteError> {
        let (context, received) = Context::new(settings, disk, network, clock);
        let server = Arc::new_cyclic(|server| Self {
            liveness: context.settings.is_clustered().then(|| Liveness::start(server.clone(), &context)),
            context: context.clone(),
            engine: RwLock::new(None),
            stopped_by: Sticky::default(),
        });
        let engine = Engine::start(context.clone()).await?;
        *server.engine.write() = Some(engine);
        // Now, and not before: an error of the start has been kept, and there is an engine to be shut down for it. The
        // tasks are refused only once the server has shut down.
        let _started = context.tasks.spawn(deal_with_classes(server.clone(), received));
        Ok(server)
    }

    /// What its parts share.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The other servers, as they are seen from here; `None` where there is no cluster.
    pub fn liveness(&self) -> Option<&Liveness> {
        self.liveness.as_ref()
    }

    /// Its engine, unless that was shut down.
    pub fn engine(&self) -> Option<Arc<Engine>> {
        self.engine.read().clone()
    }

    /// Takes a frame of another server. Never blocks.
    pub fn deliver(&self, from: ServerId, frame: PeerFrame) {
        if let Some(liveness) = &self.liveness {
            liveness.heard(from, &frame);
        }
        match frame {
            // Whoever asked may have given up: a late answer is nobody's.
            PeerFrame::Response { id, response } => {
                let _awaited = self.context.requests.answer(id, *response);
            }
            PeerFrame::CatchupMessages { id, messages, next_seq } => {
                let _awaited = self.context.catchups.answer(id, CatchupAnswer::Messages { messages, next_seq });
            }
            PeerFrame::CatchupRefused { id, reason } => {
                let _awaited = self.context.catchups.answer(id, CatchupAnswer::Refused(reason));
            }
            asked => self.deliver_to_engine(from, asked),
        }
    }

    /// A connection with another server is gone: what waits for its answer learns that it is not known what became of
    /// it. Who catches up asks another member; what is being read for the other server is of no use.
    pub fn lose(&self, peer: ServerId) {
        self.context.requests.abandon_calls_to(peer);
        self.context.catchups.abandon_calls_to(peer);
        self.context.served.end(peer);
    }

    fn deliver_to_engine(&self, from: ServerId, frame: PeerFrame) {
        match (self.engine(), frame) {
            (Some(engine), PeerFrame::Raft { group, message }) => engine.step(&group, *message),
            (Some(engine), PeerFrame::Proposal { group, data }) => engine.take_proposal(&group, data),
            (Some(engine), PeerFrame::Request { id, request }) => engine.answer_peer(from, id, *request),
            (Some(engine), frame @ PeerFrame::CatchupRequest { .. }) => engine.serve_catchup(from, frame),
            (Some(engine), PeerFrame::Whole { stream, group, applied }) => {
                engine.note_whole(from, &stream, &group, applied)
            }
            (None, PeerFrame::Request { id, .. }) => {
                let response = Box::new(Response::Error(ApiError::NOT_ENABLED));
                self.context.network.send(from, PeerFrame::Response { id, response });
            }
            (_, _) => {}
        }
    }

    /// The write error that its engine was shut down for.
    pub fn stopped_by(&self) -> Option<String> {
        self.stopped_by.get()
    }

    /// Answers a client.
    pub async fn handle(&self, request: Request) -> Response {
        match self.engine() {
            Some(engine) => engine.handle(request).await,
            None => Response::Error(ApiError::NOT_ENABLED),
        }
    }

    /// What is wrong with it.
    pub fn health(&self, options: &Options) -> Report {
        let engine = match self.engine() {
            Some(engine) => engine.health_facts(),
            None => EngineFacts::Disabled(self.stopped_by()),
        };
        health::evaluate(&ServerFacts { is_ready: !self.context.quit.is_cancelled(), engine }, options)
    }

    /// Tells of its health where it is not well.
    fn check_itself(&self) {
        let problems = self.health(&Options::default()).problems;
        if let Some((first, others)) = problems.split_first() {
            let owner = [first.stream.as_deref(), first.consumer.as_deref()].into_iter().flatten().collect::<Vec<_>>();
            let problem = [owner.join(" > "), first.error.clone()].join(" ").trim_start().to_owned();
            self.context.events.tell(Event::Unhealthy { problem, n_others: others.len() });
        }
    }

    /// Shuts the engine down and keeps the server: its state stays on the disk.
    pub async fn stop_engine(&self) {
        if let Some(engine) = self.engine() {
            engine.shutdown().await;
            *self.engine.write() = None;
        }
    }

    /// Shuts the server down. Returns within a limit: what hangs in the disk is left behind.
    pub async fn shutdown(&self) {
        self.context.quit.cancel();
        // From here on nothing starts: whoever registered for a task that is refused takes that back (O-8).
        self.context.tasks.close();
        let orderly = async {
            self.stop_engine().await;
            // No engine is left that would ask again.
            self.context.requests.abandon_all();
            self.context.catchups.abandon_all();
            if let Some(liveness) = &self.liveness {
                liveness.stop().await;
            }
            self.context.tasks.wait().await;
        };
        if timeout(SHUTDOWN_LIMIT, orderly).await.is_err() {
            tracing::warn!("shutdown: {} tasks are left behind", self.context.tasks.n_running());
        }
    }
}

/// Runs the class handlers: each class once in the life of the process. They end the engine and remove nothing (W14).
async fn deal_with_classes(server: Arc<Server>, mut received: mpsc::UnboundedReceiver<ClassError>) {
    let (mut out_of_space, mut not_permitted) = (false, false);
    let context = server.context.clone();
    let mut check_due = Instant::now() + SELF_CHECK;
    loop {
        let error = interlock_sync::select! {
            biased;
            () = context.quit.cancelled() => return,
            error = received.recv() => error,
            () = sleep_until(check_due) => {
                server.check_itself();
                check_due = Instant::now() + SELF_CHECK;
                continue;
            }
        };
        let Some(ClassError { source, error }) = error else { return };
        let class = error.class();
        let is_first = match class {
            ErrorClass::Space => !std::mem::replace(&mut out_of_space, true) || crate::mutant!(M68),
            _ => !std::mem::replace(&mut not_permitted, true),
        };
        if !is_first {
            continue;
        }
        server.stopped_by.set(format!("{source}: {}", error.report()));
        context.events.tell(match class {
            ErrorClass::Space => Event::OutOfSpace { source },
            _ => Event::PermissionDenied { source },
        });
        server.stop_engine().await;
        if class == ErrorClass::Permission && crate::mutant!(M69) {
            let folder = context.settings.folder.clone();
            let _wiped = context.disk.run(&folder.clone(), move |vfs| vfs.remove_folder(&folder)).await;
        }
    }
}
