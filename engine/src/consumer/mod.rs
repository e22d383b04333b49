//! A consumer on one server: its state, its part in its group, and who waits for messages.

mod alone;
mod apply;
mod fetch;
mod idle;
mod monitor;

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use interlock_sync::channel::watch;
use interlock_sync::lock::{AsyncMutex, Mutex};
use interlock_sync::random::Random;
use interlock_sync::time::Duration;

use crate::api::ConsumerInfo;
use crate::calls::Calls;
use crate::core::assignment::ConsumerAssignment;
use crate::core::config::ConsumerConfig;
use crate::core::consumer::ConsumerState;
use crate::core::entry::{ConsumerEntry, Encoded};
use crate::core::inactivity::{self, Activity, Facts};
use crate::core::names::ConsumerKey;
use crate::core::subject;
use crate::core::write_error::WriteError;
use crate::disk::Open;
use crate::engine::{Engine, Foundation};
use crate::events::Event;
use crate::member::Member;
use crate::server::Context;
use crate::store::StoreError;
use crate::stream::Stream;

pub(crate) use fetch::Sent;

/// The folder of a consumer that has no group to keep its state.
pub fn folder(context: &Context, assignment: &ConsumerAssignment) -> PathBuf {
    let name = format!("{}-{}-{}", assignment.stream, assignment.config.name, assignment.created_ns);
    context.settings.folder.join("consumers").join(name)
}

/// What a proposal of this server led to.
pub(crate) enum Answer {
    /// Messages were sent to the request.
    Sent(Vec<Sent>),
    /// An acknowledgement is applied.
    Confirmed,
    /// An acknowledgement is of a message that was not delivered.
    NotDelivered,
}

/// A consumer.
pub struct Consumer {
    key: ConsumerKey,
    created_ns: u64,
    context: Arc<Context>,
    stream: Weak<Stream>,
    folder: PathBuf,
    member: Member,
    /// What it has delivered and what it waits for. Taken before the store's lock.
    inner: Mutex<Inner>,
    /// Offers of this server that wait to be applied.
    answers: Calls<Answer>,
    /// One offer at a time: two would offer the same messages. Held over the wait for the log.
    offering: AsyncMutex<()>,
    /// Counts what may make a waiting request succeed: acknowledgements, delays that end early.
    stirred: watch::Sender<u64>,
    /// Whether the state differs from the one on the disk, where there is no group.
    dirty: watch::Sender<bool>,
    /// Up to which index somebody waits for the state to be saved, where there is no group.
    wanted_index: watch::Sender<u64>,
    /// Up to which index it is.
    saved: watch::Sender<Saved>,
    /// Whether the state on the disk was read, where there is no group. Held over the disk.
    is_loaded: AsyncMutex<bool>,
}

/// What is known of the state on the disk.
#[derive(Clone, Copy, Default)]
struct Saved {
    index: u64,
    /// Nothing more will be saved.
    has_failed: bool,
}

struct Inner {
    state: ConsumerState,
    /// Its own assignment: compared with the meta layer's before it is deleted.
    assignment: Option<Arc<ConsumerAssignment>>,
    activity: Activity,
    threshold: Option<Duration>,
    n_waiting: usize,
    /// Whether there was a cluster when it was made. Not asked again: a shutdown clears what there is to ask (G-7).
    is_clustered: bool,
    random: Random,
}

impl Consumer {
    /// A consumer before it has read anything: who drives it alone reads its state, its monitor replays its log.
    pub fn new(engine: &Arc<Engine>, stream: &Arc<Stream>, assignment: &ConsumerAssignment) -> Arc<Self> {
        let context = engine.context().clone();
        let folder = folder(&context, assignment);
        let state = ConsumerState::new(assignment.config.clone());
        let owner = format!("{}/{}", assignment.stream, assignment.config.name);
        let mut random = Random::split(context.settings.seed, &owner);
        let threshold = draw_threshold(&assignment.config, &mut random);
        let inner = Inner {
            state,
            assignment: Some(Arc::new(assignment.clone())),
            activity: Activity::starting_at(context.clock.now_ns()),
            threshold,
            n_waiting: 0,
            is_clustered: context.settings.is_clustered(),
            random,
        };
        let answers = Calls::numbered_from(context.clock.now_ns());
        Arc::new(Self {
            key: assignment.key(),
            created_ns: assignment.created_ns,
            context,
            stream: Arc::downgrade(stream),
            folder,
            member: Member::new(assignment.group.clone()),
            inner: Mutex::new(inner),
            answers,
            offering: AsyncMutex::new(()),
            stirred: watch::Sender::new(0),
            dirty: watch::Sender::new(false),
            wanted_index: watch::Sender::new(0),
            saved: watch::Sender::new(Saved::default()),
            is_loaded: AsyncMutex::new(false),
        })
    }

    /// Reads the state of a consumer without a group, once.
    ///
    /// # Errors
    /// The disk's, and a state that cannot be decoded.
    pub(crate) async fn load(&self) -> Result<(), WriteError> {
        let mut is_loaded = self.is_loaded.lock().await;
        if !*is_loaded {
            if let Some(state) = load(&self.context, self.folder.clone()).await? {
                self.inner.lock().state = state;
            }
            self.take_over_log().await?;
            *is_loaded = true;
            self.wants_others();
        }
        Ok(())
    }

    /// Takes over what the log of a group held that this server is the last of; then the log goes.
    async fn take_over_log(&self) -> Result<(), WriteError> {
        let group = self.member.group();
        let lone_log = group.lone_log(self.context.settings.id).filter(|_| self.member.node().is_none());
        let Some(left) = lone_log else { return Ok(()) };
        let Some(salvaged) = self.context.lone_log(left).await? else { return Ok(()) };
        // A crash may have come between the state's file and the log's end: the file is ahead then.
        let applied = self.inner.lock().state.applied();
        if let Some((_, data)) = salvaged.snapshot.filter(|(index, _)| *index > applied) {
            let state = ConsumerState::decode(&data).map_err(|error| WriteError::other(error.to_string()))?;
            self.inner.lock().state = state;
        }
        for (index, data) in salvaged.entries {
            let is_new = index > self.inner.lock().state.applied();
            if is_new {
                self.apply_entry(index, &data)?;
            }
        }
        self.persist().await?;
        self.context.drop_log(left).await
    }

    /// Its stream and name.
    pub fn key(&self) -> &ConsumerKey {
        &self.key
    }

    /// Its creation time, nanoseconds since 1970.
    pub fn created_ns(&self) -> u64 {
        self.created_ns
    }

    /// Whether this is its assignment.
    pub(crate) fn is_assigned(&self, assignment: &ConsumerAssignment) -> bool {
        self.inner.lock().assignment.as_ref().is_some_and(|own| **own == *assignment)
    }

    /// Whether it is a server's own.
    pub(crate) fn is_direct(&self) -> bool {
        self.inner.lock().state.config().direct
    }

    /// Where its state is kept while it has no group.
    pub(crate) fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// The last entry of its group's log that it has applied.
    pub(crate) fn applied(&self) -> u64 {
        self.inner.lock().state.applied()
    }

    /// Its part in its group.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// A digest of its state, and the index that it is of.
    pub fn digest(&self) -> (u64, u32) {
        let inner = self.inner.lock();
        (inner.state.applied(), inner.state.hash())
    }

    /// The log has the state: a file that is left from a time without a group says nothing any more.
    pub(super) async fn is_replicated_from_here_on(&self) {
        *self.is_loaded.lock().await = true;
    }

    /// What it brings into a group.
    ///
    /// # Errors
    /// The disk's, where its state was not read yet.
    pub async fn foundation(&self) -> Result<Foundation, WriteError> {
        if self.member.group().is_founded_by(self.context.settings.id) {
            self.load().await?;
        }
        let inner = self.inner.lock();
        Ok(Foundation { applied: inner.state.applied(), snapshot: Bytes::from(inner.state.encode()) })
    }

    /// Takes over an assignment, and with it the threshold: that one is each server's own matter.
    pub(crate) fn link(&self, assignment: &ConsumerAssignment) {
        let mut inner = self.inner.lock();
        let own = Some(Arc::new(assignment.clone()));
        let old = std::mem::replace(&mut inner.assignment, own);
        let shown = |config: &ConsumerConfig| (inactivity::shown_threshold(config), config.mode);
        if old.is_none_or(|old| shown(&old.config) != shown(&assignment.config)) {
            let threshold = draw_threshold(&assignment.config, &mut inner.random);
            inner.threshold = threshold;
        }
    }

    /// Has the configuration of the assignment applied by all, where this server leads and it is not yet. Who leads
    /// next does it again: a proposal may be lost.
    pub(crate) async fn update_config(self: &Arc<Self>) {
        let wanted = {
            let inner = self.inner.lock();
            let own = inner.assignment.as_ref().map(|own| own.config.clone());
            own.filter(|own| own != inner.state.config())
        };
        if let Some(config) = wanted
            && self.member.leads()
            && let Err(reason) = self.propose(ConsumerEntry::Configure(Box::new(config))).await
        {
            tracing::debug!("consumer {}: its configuration waits for the next leader: {reason:?}", self.key);
        }
    }

    /// Forgets its own assignment, as a start that was cut off leaves it.
    #[cfg(feature = "mutation")]
    pub fn forget_assignment(&self) {
        self.inner.lock().assignment = None;
    }

    /// What its inactivity timer looks at, in one hold of its lock.
    pub(crate) fn facts(&self) -> Facts {
        let is_leader = self.member.leads();
        let is_closed = self.member.slot.is_closed();
        let inner = self.inner.lock();
        let config = inner.state.config();
        Facts {
            key: self.key.clone(),
            is_closed,
            is_leader,
            is_direct: config.direct,
            is_clustered: inner.is_clustered,
            mode: config.mode,
            threshold: inner.threshold,
            has_interest: false,
            has_waiting: inner.n_waiting > 0,
            activity: inner.activity,
            last_due_ns: inner.state.last_due_ns(),
            assignment: inner.assignment.clone(),
        }
    }

    /// Whether a message may still be delivered, or delivered again.
    pub(crate) fn wants(&self, stream_seq: u64, subject: &str) -> bool {
        let inner = self.inner.lock();
        let state = &inner.state;
        let fits = state.config().filter.as_ref().is_none_or(|filter| subject::fits(filter, subject));
        fits && !state.has_settled(stream_seq)
    }

    /// Whether it is through with a message that it was to deliver.
    pub(crate) fn has_settled(&self, stream_seq: u64, subject: &str) -> bool {
        let inner = self.inner.lock();
        let state = &inner.state;
        let fits = state.config().filter.as_ref().is_none_or(|filter| subject::fits(filter, subject));
        fits && state.has_settled(stream_seq)
    }

    /// How many messages it has yet to deliver: those that fit its filter and are still there.
    pub(crate) fn n_pending(&self) -> Result<u64, StoreError> {
        let Some(stream) = self.stream.upgrade() else { return Ok(0) };
        let (next_seq, filter) = {
            let inner = self.inner.lock();
            (inner.state.next_seq(), inner.state.config().filter.clone())
        };
        stream.store().count(next_seq, filter.as_deref())
    }

    /// Its state for clients. What is pending is a bound: [`Self::n_pending`] counts.
    pub(crate) fn info(&self) -> ConsumerInfo {
        let last_seq = self.stream.upgrade().map_or(0, |stream| stream.totals().last_seq);
        let cluster = self.member.cluster_info(self.context.settings.id);
        let inner = self.inner.lock();
        let state = &inner.state;
        let config = inner.assignment.as_ref().map_or_else(|| state.config().clone(), |own| own.config.clone());
        ConsumerInfo {
            stream: self.key.stream.clone(),
            config,
            created_ns: self.created_ns,
            delivered_seq: state.delivered().stream_seq,
            ack_floor: state.ack_floor().stream_seq,
            n_ack_pending: state.pending().len() as u64,
            n_redelivered: state.n_redelivered(),
            n_waiting: inner.n_waiting as u64,
            n_pending: last_seq.saturating_sub(state.delivered().stream_seq),
            cluster,
        }
    }

    /// Latches a write error: see [`Member::fail`].
    pub(crate) async fn fail(&self, error: &WriteError) {
        if self.member.fail(error.clone()).await {
            let source = format!("consumer {}", self.key);
            self.context.events.tell(Event::WriteError { source, error: error.to_string() });
        }
    }

    /// Stops it for the shutdown of the engine or of its stream: its state is kept.
    pub(crate) async fn shutdown(&self, _engine: &Engine) {
        self.member.end_leadership();
        self.member.slot.close();
        self.member.slot.stop().await;
        if let Some(node) = self.member.node() {
            node.stop().await;
        }
    }

    /// Closes it and keeps its state.
    pub(crate) async fn close(&self, engine: &Engine) {
        self.answers.abandon_all();
        self.shutdown(engine).await;
    }

    /// Closes it and removes its state from this server.
    pub(crate) async fn remove(&self, engine: &Engine) {
        self.close(engine).await;
        let folder = self.folder.clone();
        let removed = self
            .context
            .disk
            .run(&self.folder, move |vfs| if vfs.exists(&folder) { vfs.remove_folder(&folder) } else { Ok(()) });
        if let Err(error) = removed.await {
            tracing::warn!("consumer {}: its folder stays until the next start: {error}", self.key);
        }
    }
}

fn draw_threshold(config: &ConsumerConfig, random: &mut Random) -> Option<Duration> {
    let bound = u64::try_from(inactivity::THRESHOLD_JITTER.as_nanos()).unwrap_or(u64::MAX);
    inactivity::effective_threshold(config, Duration::from_nanos(random.below(bound)))
}

async fn load(context: &Arc<Context>, folder: PathBuf) -> Result<Option<ConsumerState>, WriteError> {
    let path = folder.join("state");
    let read = path.clone();
    let bytes = context.disk.run(&path, move |vfs| {
        vfs.create_folders(&folder)?;
        if vfs.exists(&read) { vfs.open(&read, Open::Read)?.read_from(0).map(Some) } else { Ok(None) }
    });
    let bytes = bytes.await.map_err(|error| WriteError::io("read", &path, &error))?;
    let decoded = bytes.map(|bytes| ConsumerState::decode(&bytes)).transpose();
    decoded.map_err(|error| WriteError::other(format!("{}: {error}", path.display())))
}
