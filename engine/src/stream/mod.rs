//! A stream on one server: its state, its store, its part in the group.

mod alone;
mod apply;
mod batch;
pub mod catchup;
mod envelope;
mod monitor;
mod newer;
mod publish;
mod read;
mod retention;
mod serve;
mod snapshot;
mod view;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::channel::watch;
use interlock_sync::lock::Mutex;
use interlock_sync::time::{Duration, sleep};

use apply::Failure;

use crate::calls::Calls;
use crate::consumer::Consumer;
use crate::core::assignment::StreamAssignment;
use crate::core::config::StreamConfig;
use crate::core::meta::{decode, encode};
use crate::core::names::GroupName;
use crate::core::stream::{Answer, StreamSnapshot, StreamState};
use crate::core::write_error::WriteError;
use crate::engine::{Engine, Foundation};
use crate::events::Event;
use crate::member::Member;
use crate::raft::Salvage;
use crate::server::Context;
use crate::store::{Store, StoreError, StoreOptions, SyncPolicy, flusher};
use batch::Stage;
use serve::Hold;

pub(crate) use publish::{NoAnswer, not_proposed};
pub(crate) use read::message;
use retention::Candidates;

/// How often what cannot be read is read again, and the pause before.
const REREADS: usize = 3;
const REREAD_PAUSE: Duration = Duration::from_millis(100);

/// The folder of a stream. One that is created anew has another.
pub fn folder(context: &Context, assignment: &StreamAssignment) -> PathBuf {
    let name = format!("{}-{}", assignment.config.name, assignment.created_ns);
    context.settings.folder.join("streams").join(name)
}

/// A stream.
pub struct Stream {
    name: String,
    created_ns: u64,
    context: Arc<Context>,
    member: Member,
    store: Arc<Store>,
    /// The logical state, and with it who reads and writes the store. Before the store's locks and the engine's.
    inner: Mutex<Inner>,
    /// Proposals of this server that wait to be applied.
    answers: Calls<Answer>,
    /// A leaf lock: nothing is called while it is held.
    consumers: Mutex<BTreeMap<String, Arc<Consumer>>>,
    /// The last sequence: consumers wait for it to grow.
    last_seq: watch::Sender<u64>,
    /// Up to which index everything shall be durable, where the stream leads alone.
    wanted_index: watch::Sender<u64>,
    /// Up to which index everything is.
    durable_index: watch::Sender<Durable>,
    /// Whether messages are fetched from the leader.
    catching_up: watch::Sender<bool>,
    /// Why it has to be opened again.
    unreadable: watch::Sender<Option<String>>,
    /// Up to which index the group's entries are applied: readers wait for it.
    applied_index: watch::Sender<u64>,
    /// Messages that may have to go because of what consumers want and have settled.
    candidates: Candidates,
    /// Atomic batches that wait for their last message.
    stage: Stage,
    /// Followers that are being caught up. A leaf lock.
    hold: Mutex<Option<Hold>>,
}

struct Inner {
    state: StreamState,
    /// Whether the state is that of the group. It is not while a snapshot's messages are missing.
    is_whole: bool,
    /// Whether entries may be applied without a group: while this server leads alone, and not while a group is founded on
    /// what is here.
    is_alone: bool,
}

/// What is known of durability.
#[derive(Clone, Copy, Default)]
struct Durable {
    index: u64,
    /// Nothing more will be.
    has_failed: bool,
}

impl Stream {
    /// Opens a stream: recovers its store. A replicated one begins at its group's snapshot, and its monitor replays the
    /// log from there.
    ///
    /// # Errors
    /// The disk's, and damage that the store cannot repair.
    pub async fn open(engine: &Arc<Engine>, assignment: &StreamAssignment) -> Result<Arc<Self>, WriteError> {
        let context = engine.context().clone();
        let node = engine.node(&assignment.group.name);
        // A group that has begun took it over then.
        let lone_log = assignment.group.lone_log(context.settings.id).filter(|_| node.is_none());
        let salvaged = match lone_log {
            Some(group) => context.lone_log(group).await?,
            None => None,
        };
        let covered = |log: &Salvage| log.snapshot.as_ref().map_or(0, |(index, _)| *index);
        let replay_from = node.as_ref().map(|node| node.status().snapshot_index).or(salvaged.as_ref().map(covered));
        let options = StoreOptions {
            block_bytes: context.settings.block_bytes,
            ..StoreOptions::new(folder(&context, assignment), context.disk.clone())
        };
        let opened = context.disk.run(&options.folder.clone(), move |_vfs| Store::open(options, replay_from)).await;
        let store = opened.map_err(|error| write_error(&assignment.config.name, &error))?;
        let mut state = StreamState::new(assignment.config.clone());
        if replay_from.is_none() {
            adopt_all(&mut state, &store, context.clock.now_ns())
                .map_err(|error| write_error(&assignment.config.name, &error))?;
        }
        let last_seq = store.totals().last_seq;
        let answers = Calls::numbered_from(context.clock.now_ns());
        let stream = Self {
            name: assignment.config.name.clone(),
            created_ns: assignment.created_ns,
            context,
            member: Member::new(assignment.group.clone()),
            store,
            inner: Mutex::new(Inner { state, is_whole: true, is_alone: false }),
            answers,
            consumers: Mutex::default(),
            last_seq: watch::Sender::new(last_seq),
            wanted_index: watch::Sender::new(0),
            durable_index: watch::Sender::new(Durable::default()),
            catching_up: watch::Sender::new(false),
            unreadable: watch::Sender::new(None),
            applied_index: watch::Sender::new(0),
            candidates: Candidates::default(),
            stage: Stage::default(),
            hold: Mutex::default(),
        };
        stream.remove_staged().await;
        if let (Some(salvaged), Some(group)) = (salvaged, lone_log) {
            stream.take_over(salvaged, group).await?;
        }
        let quit = stream.context.quit.clone();
        // A server that quits flushes what it closes.
        let _started = stream.context.tasks.spawn(flusher(stream.store.clone(), quit));
        Ok(Arc::new(stream))
    }

    /// Takes over what the log of its group held; then the log goes.
    async fn take_over(&self, salvaged: Salvage, group: &GroupName) -> Result<(), WriteError> {
        let failed = |error: &dyn std::fmt::Display| WriteError::other(format!("stream {}: {error}", self.name));
        if let Some((_, data)) = salvaged.snapshot {
            let snapshot = decode::<StreamSnapshot>("stream snapshot", &data).map_err(|error| failed(&error))?;
            let state = StreamState::restore(snapshot, self.store.as_ref()).map_err(|lost| failed(&lost))?;
            self.inner.lock().state = state;
        }
        for (index, data) in salvaged.entries {
            self.apply_entry(index, &data).map_err(|failure| match failure {
                Failure::Write(error) => error,
                other => failed(&format!("{other:?}")),
            })?;
        }
        self.persist().await?;
        self.context.drop_log(group).await
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its creation time, nanoseconds since 1970.
    pub fn created_ns(&self) -> u64 {
        self.created_ns
    }

    /// Its part in the group.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// Its store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Its configuration, as far as entries are applied here.
    pub fn config(&self) -> StreamConfig {
        self.inner.lock().state.config().clone()
    }

    /// The index up to which it has applied.
    pub fn applied(&self) -> u64 {
        self.inner.lock().state.applied()
    }

    /// A digest of the logical state, and the index that it is of.
    pub fn digest(&self) -> (u64, u32) {
        let inner = self.inner.lock();
        (inner.state.processed(), inner.state.hash())
    }

    /// Whether messages are fetched from the leader.
    pub fn is_catching_up(&self) -> bool {
        *self.catching_up.borrow()
    }

    /// Signals the last sequence.
    pub fn watch_last_seq(&self) -> watch::Receiver<u64> {
        self.last_seq.subscribe()
    }

    /// What it brings into a group.
    pub fn foundation(&self) -> Foundation {
        let inner = self.inner.lock();
        let snapshot = Bytes::from(encode(&inner.state.snapshot()));
        Foundation { applied: inner.state.applied(), snapshot }
    }

    /// A consumer of this stream that runs here.
    pub fn consumer(&self, name: &str) -> Option<Arc<Consumer>> {
        self.consumers.lock().get(name).cloned()
    }

    /// The consumers that run here, in the order of their names.
    pub fn consumers(&self) -> Vec<Arc<Consumer>> {
        // Copied out under its lock: the map is never read without.
        self.consumers.lock().values().cloned().collect()
    }

    /// The bug: the map stays locked while a consumer is asked, which asks its stream.
    #[cfg(feature = "mutation")]
    pub(crate) fn with_consumer<T>(&self, name: &str, ask: impl FnOnce(&Consumer) -> T) -> Option<T> {
        self.consumers.lock().get(name).map(|consumer| ask(consumer))
    }

    pub(crate) fn add_consumer(&self, consumer: Arc<Consumer>) {
        let earlier = self.consumers.lock().insert(consumer.key().name.clone(), consumer);
        drop(earlier);
        self.look_at_all();
    }

    pub(crate) fn forget_consumer(&self, name: &str) {
        let removed = self.consumers.lock().remove(name);
        drop(removed);
        self.look_at_all();
    }

    /// Takes over an assignment: the number of replicas and the group. Everything else comes through the group's log.
    pub(crate) fn link(&self, _assignment: &StreamAssignment) {}

    /// Has the configuration changed: the leader proposes it, so that all replicas change at the same entry.
    pub(crate) async fn update_config(self: &Arc<Self>, assignment: &StreamAssignment) {
        if self.member.leads() && self.config() != assignment.config {
            self.propose_config(assignment.config.clone()).await;
        }
    }

    /// Latches a write error: see [`Member::fail`].
    pub(crate) async fn fail(&self, error: &WriteError) {
        if self.member.fail(error.clone()).await {
            let source = format!("stream {}", self.name);
            self.context.events.tell(Event::WriteError { source, error: error.to_string() });
        }
    }

    /// Makes durable what was applied.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn persist(&self) -> Result<(), WriteError> {
        let index = self.inner.lock().state.processed();
        let mut flushed = self.flush().await;
        for _ in 0..REREADS {
            // Nothing was written, so nothing is lost: a read that fails once may succeed.
            if !matches!(flushed, Err(StoreError::Read { .. })) {
                break;
            }
            sleep(REREAD_PAUSE).await;
            flushed = self.flush().await;
        }
        flushed.map_err(|error| write_error(&self.name, &error))?;
        // Who waits for that does not wait for a task that has left.
        self.durable_index.send_modify(|durable| durable.index = durable.index.max(index));
        Ok(())
    }

    /// Takes entries without a group from here on, or no more.
    pub(crate) fn set_alone(&self, is_alone: bool) {
        self.inner.lock().is_alone = is_alone;
        // What a replica has applied stands in its log, which is synced for each append.
        let is_synced = is_alone && self.context.settings.sync_always;
        self.store.set_sync(if is_synced { SyncPolicy::Always } else { SyncPolicy::OnFlush });
    }

    /// Makes the store forget its end, as damage that goes unnoticed does.
    #[cfg(feature = "mutation")]
    pub fn diverge(&self) {
        let last_seq = self.store.totals().last_seq;
        // It fails only where there is a write error already.
        let _truncated = self.store.truncate(last_seq.saturating_sub(1));
    }

    /// Stops serving and receiving catch-ups.
    pub(crate) fn stop_catchup(&self) {
        self.catching_up.send_replace(false);
    }

    /// Stops it for the engine's shutdown: whoever drives it snapshots and leaves, then the store is closed (O-9).
    pub(crate) async fn shutdown(&self, engine: &Engine) {
        for consumer in self.consumers() {
            consumer.shutdown(engine).await;
        }
        self.member.end_leadership();
        // Closed first: from here on the node is this one's to stop, and not the monitor's that leaves (O-7).
        self.member.slot.close();
        if !crate::mutant!(M16) {
            self.member.slot.stop().await;
        }
        if let Some(node) = self.member.node() {
            node.stop().await;
        }
        // Nothing is applied from here on: whoever waits for an answer learns no more.
        self.answers.abandon_all();
        self.close_store().await;
    }

    /// Closes it and keeps its data.
    pub(crate) async fn close(&self, engine: &Engine) {
        for consumer in self.consumers() {
            consumer.shutdown(engine).await;
        }
        self.member.end_leadership();
        self.member.slot.close();
        self.answers.abandon_all();
        self.close_store().await;
    }

    /// Why it has to be opened again, where that is so.
    pub(crate) fn unreadable(&self) -> Option<String> {
        self.unreadable.borrow().clone()
    }

    /// The same, once it is so.
    pub(super) async fn until_unreadable(&self) -> String {
        let mut unreadable = self.unreadable.subscribe();
        // The sender lives as long as this stream.
        let reason = unreadable.wait_for(Option::is_some).await.map(|reason| reason.clone());
        reason.ok().flatten().unwrap_or_default()
    }

    /// Closes it and removes its data from this server.
    pub(crate) async fn remove(&self, engine: &Engine) {
        self.close(engine).await;
        let (store, folder) = (self.store.clone(), self.store.folder().to_owned());
        let removed = self.context.disk.run(&folder, move |_vfs| store.delete()).await;
        self.remove_staged().await;
        if let Err(error) = removed {
            tracing::warn!("stream {}: its folder stays until the next start: {error}", self.name);
        }
    }

    async fn close_store(&self) {
        let (store, folder) = (self.store.clone(), self.store.folder().to_owned());
        let closed = self.context.disk.run(&folder, move |_vfs| store.close()).await;
        if let Err(error) = closed {
            tracing::warn!("stream {}: {error}", self.name);
            // Whoever was about to drop the log that has it keeps it.
            let _first = self.member.write_error.set(write_error(&self.name, &error));
        }
    }
}

/// Takes in what a store without a log has kept. Only the latest messages are read: of the others the index knows enough.
fn adopt_all(state: &mut StreamState, store: &Store, now_ns: u64) -> Result<(), StoreError> {
    let window_ns = u64::try_from(state.config().duplicate_window.as_nanos()).unwrap_or(u64::MAX);
    let remembered_from_ns = now_ns.saturating_sub(window_ns);
    let mut from = 0;
    while let Some(seq) = store.seq_at_or_above(from, None)? {
        from = seq + 1;
        let Some(facts) = view::facts_of(store, seq)? else { continue };
        let is_recent = facts.time_ns >= remembered_from_ns || seq == store.totals().last_seq;
        let msg_id = if is_recent { msg_id_of(store, seq)? } else { None };
        state.adopt(seq, &facts, msg_id.as_deref());
    }
    state.adopt_end(store.last_index(), store.totals().last_seq);
    Ok(())
}

fn msg_id_of(store: &Store, seq: u64) -> Result<Option<String>, StoreError> {
    let stored = store.load(seq)?;
    Ok(envelope::unpack(&stored.headers).and_then(|(msg_id, _)| msg_id))
}

/// What a store's error means to the stream.
fn write_error(stream: &str, error: &StoreError) -> WriteError {
    match error {
        StoreError::Write(error) => error.clone(),
        other => WriteError::other(format!("stream {stream}: {other}")),
    }
}
