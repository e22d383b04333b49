//! The handle of a raft group's member.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use interlock_sync::channel::{mpsc, oneshot, watch};
use interlock_sync::lock::Mutex;
use interlock_sync::token::Token;
use raft::eraftpb::{ConfChangeV2, Message};

use super::apply::{ApplyChannel, ApplyQueue};
use super::checkpoint::{Checkpoint, CheckpointRefused, CheckpointSlot, InstallError};
use super::driver::Input;
use super::error::{ChangeError, Closed, ProposeError, ReadIndexError};
use super::log::LogView;
use super::options::{GroupOptions, NodeContext};
use super::start;
use super::status::{Role, Status};
use crate::core::names::{GroupName, ServerId};
use crate::core::write_error::WriteError;

/// Where a proposal came to stand. It is settled by what is applied at this index: the proposal if the term is the
/// same, something else if not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Its index in the log.
    pub index: u64,
    /// Its term.
    pub term: u64,
}

/// What the handles and the driver share.
pub(super) struct Shared {
    pub(super) options: GroupOptions,
    pub(super) context: NodeContext,
    pub(super) view: LogView,
    pub(super) applies: Arc<ApplyChannel>,
    pub(super) status: watch::Sender<Status>,
    /// What the state machine reported.
    pub(super) applied: AtomicU64,
    pub(super) processed: AtomicU64,
    /// Messages and proposals that wait in the inputs.
    pub(super) n_messages: AtomicUsize,
    pub(super) n_proposals: AtomicUsize,
    pub(super) n_dropped: AtomicU64,
    pub(super) n_syncs: AtomicU64,
    /// The first write error. A leaf lock.
    error: Mutex<Option<WriteError>>,
    /// Closed at the first stop, delete or own failure.
    pub(super) quit: Token,
    /// Closed when the driver has ended.
    pub(super) ended: Token,
    pub(super) checkpoint: Mutex<CheckpointSlot>,
    pub(super) blocks_snapshots: AtomicBool,
}

impl Shared {
    pub(super) fn write_error(&self) -> Option<WriteError> {
        self.error.lock().clone()
    }

    /// Keeps the first error: whether this is it.
    pub(super) fn latch(&self, error: &WriteError) -> bool {
        let mut latched = self.error.lock();
        let is_first = latched.is_none();
        latched.get_or_insert_with(|| error.clone());
        is_first
    }

    /// Latches an error and tells those who must react, before anything is closed (O-20, G-5): first the checkpoint in
    /// flight ends, then the class handler begins, then the caller closes (W12).
    pub(super) fn fail(&self, error: &WriteError) {
        if !self.latch(error) {
            return;
        }
        tracing::error!(group = %self.options.name, server = %self.options.server, %error, "raft write error");
        self.checkpoint.lock().abort();
        if crate::mutant!(M70) {
            self.close();
            assert!(!error.class().latches(), "the node was shut down by a write error");
        }
        self.context.reactions.on_write_error(&self.options.name, error);
    }

    /// Closes the node to the outside: no more is taken, the status says so.
    pub(super) fn close(&self) {
        self.quit.cancel();
        self.checkpoint.lock().abort();
        self.status.send_modify(|status| {
            status.role = Role::Closed;
            status.leader = None;
            status.current = false;
            status.peers.clear();
        });
        self.applies.close();
    }

    pub(super) fn closed(&self) -> Closed {
        Closed { cause: self.write_error() }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.quit.is_cancelled()
    }
}

/// Ends the node with its last handle.
struct Life(Arc<Shared>);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.quit.cancel();
    }
}

/// A member of a raft group. All clones are the same node; with the last one it stops.
#[derive(Clone)]
pub struct Node {
    pub(super) shared: Arc<Shared>,
    inputs: mpsc::UnboundedSender<Input>,
    #[cfg(feature = "shared-lock")]
    pub(super) lock: Option<super::shared::SharedNode>,
    _life: Arc<Life>,
}

impl Node {
    /// Opens the member's log and starts its task.
    ///
    /// # Errors
    /// Where the log cannot be opened, or has lost what it acknowledged.
    pub async fn start(options: GroupOptions, context: NodeContext) -> Result<(Self, ApplyQueue), WriteError> {
        let started = start::start(options, context).await?;
        let node = Self {
            inputs: started.inputs,
            #[cfg(feature = "shared-lock")]
            lock: started.lock,
            _life: Arc::new(Life(started.shared.clone())),
            shared: started.shared.clone(),
        };
        Ok((node, ApplyQueue::new(started.shared.applies.clone())))
    }

    /// The group.
    pub fn group(&self) -> &GroupName {
        &self.shared.options.name
    }

    /// The server that this member runs on.
    pub fn server(&self) -> ServerId {
        self.shared.options.server
    }

    /// Hands over a message of another member. It is dropped where too many wait.
    pub fn step(&self, message: Message) {
        if self.shared.n_messages.fetch_add(1, Ordering::Relaxed) >= self.shared.options.limits.inbound {
            // Only a count: nothing is ordered by it.
            self.shared.n_messages.fetch_sub(1, Ordering::Relaxed);
            self.shared.n_dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // A node that has ended takes no messages, as a network that loses them.
        let _ended = self.inputs.send(Input::Message(message));
    }

    /// Messages that were dropped because too many waited.
    pub fn n_dropped(&self) -> u64 {
        self.shared.n_dropped.load(Ordering::Relaxed)
    }

    /// Batches that its log was asked to make durable.
    pub fn n_syncs(&self) -> u64 {
        self.shared.n_syncs.load(Ordering::Relaxed)
    }

    /// Proposes an entry, where this member leads in the given term, or in any: where it came to stand.
    ///
    /// # Errors
    /// See [`ProposeError`]. Nothing was proposed then, but for `Closed`: the entry may have been taken.
    pub async fn propose(&self, term: Option<u64>, data: Bytes) -> Result<Proposed, ProposeError> {
        self.admit_proposal()?;
        self.ask(|reply| Input::Propose { term, data, reply }).await?
    }

    /// Proposes entries that stand in the log in a row, with nothing between them.
    ///
    /// # Errors
    /// See [`ProposeError`]. The first entries of the row may have been taken then.
    pub async fn propose_all(&self, term: Option<u64>, entries: Vec<Bytes>) -> Result<(), ProposeError> {
        self.admit_proposal()?;
        self.ask(|reply| Input::ProposeAll { term, entries, reply }).await?
    }

    fn admit_proposal(&self) -> Result<(), ProposeError> {
        if self.shared.is_closed() {
            return Err(self.shared.closed().into());
        }
        if self.shared.n_proposals.fetch_add(1, Ordering::Relaxed) >= self.shared.options.limits.proposals {
            self.shared.n_proposals.fetch_sub(1, Ordering::Relaxed);
            return Err(ProposeError::Dropped);
        }
        Ok(())
    }

    /// Proposes a change of members; with more than one change it goes through a joint membership and out of it again.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn change_members(&self, change: ConfChangeV2) -> Result<Proposed, ChangeError> {
        self.ask(|reply| Input::Change { change, reply }).await?
    }

    /// An index that everything committed before the call is at or below: a read that waits until it is applied sees
    /// all of it. Waits for a leader that has committed in its term.
    ///
    /// # Errors
    /// Where the node closes meanwhile.
    pub async fn read_index(&self) -> Result<u64, ReadIndexError> {
        Ok(self.ask(|reply| Input::Read { reply }).await?)
    }

    /// Asks raft to hand leadership to a member: whether that is on its way. It is, at the latest, an election timeout
    /// later, or has failed.
    ///
    /// # Errors
    /// Where the node is closed.
    pub async fn transfer(&self, to: ServerId) -> Result<bool, Closed> {
        self.ask(|reply| Input::Transfer { to, reply }).await
    }

    /// Asks for votes now. An observer does not.
    ///
    /// # Errors
    /// Where the node is closed.
    pub async fn campaign(&self) -> Result<(), Closed> {
        self.ask(|reply| Input::Campaign { reply }).await
    }

    /// Gives leadership away, if it is this member's, to the preferred or to the most up-to-date healthy peer; within
    /// three heartbeats it follows in any case. Returns when it does not lead any more.
    ///
    /// # Errors
    /// Where the node is closed.
    pub async fn step_down(&self, preferred: Option<ServerId>) -> Result<(), Closed> {
        self.ask(|reply| Input::StepDown { preferred, reply }).await
    }

    /// An observer follows and votes, but never campaigns.
    ///
    /// # Errors
    /// Where the node is closed.
    pub async fn set_observer(&self, observer: bool) -> Result<(), Closed> {
        self.ask(|reply| Input::Observer { observer, reply }).await
    }

    async fn ask<T>(&self, input: impl FnOnce(oneshot::Sender<T>) -> Input) -> Result<T, Closed> {
        let (reply, answer) = oneshot::channel();
        if self.shared.is_closed() || self.inputs.send(input(reply)).is_err() {
            return Err(self.shared.closed());
        }
        answer.await.map_err(|_ended| self.shared.closed())
    }

    /// Its state, as last published. Never waits for the node.
    pub fn status(&self) -> Status {
        let mut status = self.shared.status.borrow().clone();
        status.applied = self.shared.applied.load(Ordering::Acquire);
        status
    }

    /// Changes of its state. Intermediate ones may be missed, the last one is not.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// The state machine has applied this entry and all before it. Snapshots may cover them from here on.
    pub fn applied(&self, index: u64) {
        self.shared.applied.fetch_max(index, Ordering::AcqRel);
        self.processed(index);
    }

    /// The state machine has taken in this entry and all before it, but keeps the effect back: a batch is still open.
    pub fn processed(&self, index: u64) {
        self.shared.processed.fetch_max(index, Ordering::AcqRel);
    }

    /// Another number is another node, also of the same group.
    pub fn incarnation(&self) -> u64 {
        Arc::as_ptr(&self.shared).addr() as u64
    }

    /// The first write error, if there was one.
    pub fn write_error(&self) -> Option<WriteError> {
        self.shared.write_error()
    }

    /// Closed once, at the first stop or delete or when the node fails.
    pub fn quit(&self) -> Token {
        self.shared.quit.clone()
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Ends the node and waits for its task. What is on the disk stays.
    pub async fn stop(&self) {
        self.shared.quit.cancel();
        self.shared.ended.cancelled().await;
    }

    /// Ends the node, waits for its task and removes its folder.
    ///
    /// # Errors
    /// Where the folder cannot be removed.
    pub async fn delete(&self) -> Result<(), WriteError> {
        self.stop().await;
        let folder = self.shared.options.folder.clone();
        let removed = self.shared.context.disk.run(&folder.clone(), move |vfs| vfs.remove_folder(&folder)).await;
        match removed {
            // Somebody else's delete came first.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|error| WriteError::io("remove", &self.shared.options.folder, &error)),
        }
    }

    /// Keeps the state machine's queue from giving anything out.
    pub fn pause_apply(&self) {
        self.shared.applies.pause(true);
    }

    /// Ends a pause.
    pub fn resume_apply(&self) {
        self.shared.applies.pause(false);
    }

    /// Length of the state machine's queue.
    pub fn n_waiting(&self) -> usize {
        self.shared.applies.len()
    }

    /// Asks the leader for a snapshot that covers all that this member has, and takes no entries until it comes: for a
    /// state machine that cannot use the last one. Nothing happens where no leader is known, or this member leads: it is
    /// asked again.
    pub fn request_snapshot(&self) {
        // A node that has ended needs none.
        let _ended = self.inputs.send(Input::RequestSnapshot);
    }

    /// Begins a snapshot of the state machine at what it has applied. Flush after this and before the state is encoded.
    ///
    /// # Errors
    /// See [`CheckpointRefused`]; with `force`, a catch-up that is running does not count.
    pub fn checkpoint(&self, force: bool) -> Result<Checkpoint, CheckpointRefused> {
        Checkpoint::begin(self, force)
    }

    /// Installs a snapshot at what the state machine has applied, whatever else is under way: one that is being
    /// installed is aborted. For a shutdown. `false` where a snapshot covers all of it already.
    ///
    /// # Errors
    /// See [`InstallError`].
    pub async fn install_forced(&self, data: Bytes) -> Result<bool, InstallError> {
        match Checkpoint::begin_forced(self) {
            Ok(checkpoint) => checkpoint.install(data).await.map(|()| true),
            Err(CheckpointRefused::NothingApplied) => Ok(false),
            Err(_closed) => Err(InstallError::Closed),
        }
    }

    /// Cuts the log behind an entry that a durable snapshot covers, and waits for it.
    pub(super) async fn compact(&self, index: u64) -> Result<(), Closed> {
        self.ask(|reply| Input::Compact { index, reply }).await
    }

    /// Makes [`Self::checkpoint`] answer that a catch-up is running, until it is unblocked.
    #[cfg(feature = "mutation")]
    pub fn block_snapshots(&self, blocked: bool) {
        self.shared.blocks_snapshots.store(blocked, Ordering::Release);
    }

    /// The raft node itself, where it is behind a lock.
    #[cfg(feature = "shared-lock")]
    pub fn shared(&self) -> Option<super::shared::SharedNode> {
        self.lock.clone()
    }
}

impl Shared {
    pub(super) fn new(options: GroupOptions, context: NodeContext, view: LogView) -> Self {
        let applied = options.applied;
        Self {
            options,
            context,
            view,
            applies: Arc::default(),
            status: watch::Sender::new(Status::default()),
            applied: AtomicU64::new(applied),
            processed: AtomicU64::new(applied),
            n_messages: AtomicUsize::new(0),
            n_proposals: AtomicUsize::new(0),
            n_dropped: AtomicU64::new(0),
            n_syncs: AtomicU64::new(0),
            error: Mutex::new(None),
            quit: Token::new(),
            ended: Token::new(),
            checkpoint: Mutex::new(CheckpointSlot::default()),
            blocks_snapshots: AtomicBool::new(false),
        }
    }
}
