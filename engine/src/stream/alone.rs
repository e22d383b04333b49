//! A stream of one replica: one task makes it durable, lets messages expire and syncs the store.

use std::sync::Arc;

use interlock_sync::channel::watch;
use interlock_sync::time::{Duration, Instant, sleep_until, timeout};

use super::Stream;
use super::apply::Failure;
use crate::core::entry::StreamEntry;
use crate::core::write_error::WriteError;
use crate::engine::Engine;
use crate::events::Event;
use crate::slot::Presence;

/// [`Stream::sync_interval`] where the settings have none.
const SYNC_INTERVAL: Duration = Duration::from_secs(120);
/// How often messages are looked at that may be too old.
pub(super) const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// How long a client's entry may wait for the disk.
const DURABLE_LIMIT: Duration = Duration::from_secs(10);

impl Stream {
    /// Drives the stream while this server is its only one.
    pub(crate) async fn drive_alone(self: Arc<Self>, engine: Arc<Engine>, mut presence: Presence) {
        if !presence.enter() {
            return;
        }
        let token = self.member.slot.token();
        let leadership = self.member.begin_leadership();
        self.store.set_reclaim_floor(u64::MAX);
        self.set_alone(true);
        self.enforce_limits().await;
        self.keep_for_consumers(&engine, leadership);
        let mut wanted = self.wanted_index.subscribe();
        let mut sync_due = Instant::now() + self.sync_interval();
        let mut expiry_due = Instant::now() + EXPIRY_INTERVAL;
        // What was accepted before this task began is no change that it would see.
        let mut can_write = self.make_durable(&mut wanted).await;
        while can_write {
            interlock_sync::select! {
                biased;
                () = engine.context().quit.cancelled() => break,
                () = token.cancelled() => break,
                _reason = self.until_unreadable() => break,
                changed = wanted.changed() => can_write = changed.is_ok() && self.make_durable(&mut wanted).await,
                () = sleep_until(expiry_due) => {
                    self.look_at_store().await;
                    self.expire().await;
                    expiry_due = Instant::now() + EXPIRY_INTERVAL;
                }
                () = sleep_until(sync_due) => {
                    self.sync_store().await;
                    sync_due = Instant::now() + self.sync_interval();
                }
            }
        }
        if let Some(reason) = self.unreadable() {
            self.open_again(&engine, reason);
        }
        // What was accepted and waits for the disk is made durable, or its client learns nothing.
        let _last = self.make_durable(&mut wanted).await;
        self.member.end_leadership();
        drop(presence);
    }

    /// Has the stream opened again, by a task of its own: it waits for whoever drives the stream.
    pub(super) fn open_again(self: &Arc<Self>, engine: &Arc<Engine>, reason: String) {
        engine.context().events.tell(Event::OpenedAgain { stream: self.name.clone(), reason: reason.clone() });
        let _started = engine.context().tasks.spawn(engine.clone().open_again(self.clone(), reason));
    }

    /// Asks for everything up to an index to be durable, and waits. `false` where it failed or will not be done.
    pub(super) async fn until_durable(&self, index: u64) -> bool {
        self.wanted_index.send_if_modified(|wanted| {
            let grows = index > *wanted;
            *wanted = index.max(*wanted);
            grows
        });
        let mut durable = self.durable_index.subscribe();
        let waiting = durable.wait_for(|seen| seen.index >= index || seen.has_failed);
        // Who makes it durable may have left: then the client learns nothing.
        let reached = timeout(DURABLE_LIMIT, waiting).await.ok().and_then(Result::ok).map(|seen| *seen);
        reached.is_some_and(|seen| seen.index >= index || (seen.has_failed && crate::mutant!(M61)))
    }

    /// Makes durable what was applied, before the group's log goes. A failed write is the stream's error: it is read on,
    /// and keeps its log.
    ///
    /// # Errors
    /// Whether it is durable is not known: the store is closed, or cannot be read.
    pub(crate) async fn outlive_log(&self) -> Result<(), WriteError> {
        let Err(error) = self.flush().await else { return Ok(()) };
        let reason = error.to_string();
        let failure = Failure::from(error);
        self.latch(&failure).await;
        if matches!(failure, Failure::Write(_)) { Ok(()) } else { Err(WriteError::other(reason)) }
    }

    /// How often the store is synced although nobody asked.
    pub(super) fn sync_interval(&self) -> Duration {
        self.context.settings.sync_every.unwrap_or(SYNC_INTERVAL)
    }

    /// One flush for all that wait. `false` where it failed.
    async fn make_durable(&self, wanted: &mut watch::Receiver<u64>) -> bool {
        let index = *wanted.borrow_and_update();
        if self.durable_index.borrow().index >= index {
            return true;
        }
        let (store, folder) = (self.store.clone(), self.store.folder().to_owned());
        let flushed = self.context.disk.run(&folder, move |_vfs| store.flush()).await;
        match flushed {
            Ok(()) => {
                self.durable_index.send_modify(|durable| durable.index = durable.index.max(index));
                true
            }
            Err(error) => {
                self.latch(&Failure::from(error)).await;
                self.durable_index.send_modify(|durable| durable.has_failed = true);
                false
            }
        }
    }

    /// What a limit has removed may be back after a power loss: nobody waited for that removal to be durable.
    async fn enforce_limits(&self) {
        // Looked at and applied in one hold: the configuration may be another one right after.
        let enforced = self.apply_alone_as(|state| {
            state.exceeds_limits().then(|| StreamEntry::Configure(Box::new(state.config().clone())))
        });
        if let Err(failure) = enforced {
            self.latch(&failure).await;
        }
    }

    /// What the flusher could not write shows soon, also where nothing else is written.
    pub(super) async fn look_at_store(&self) {
        if let Err(error) = self.store.look_for_error()
            && self.member.write_error.get().is_none()
        {
            self.latch(&Failure::from(error)).await;
        }
    }

    /// Has messages removed that are too old. On the leader, whose clock decides.
    pub(super) async fn expire(self: &Arc<Self>) {
        let Some(max_age) = self.config().max_age else { return };
        let age_ns = u64::try_from(max_age.as_nanos()).unwrap_or(u64::MAX);
        let before_ns = self.context.clock.now_ns().saturating_sub(age_ns);
        let totals = self.store.totals();
        if totals.messages > 0 && totals.first_time_ns < before_ns && self.member.leads() {
            self.propose_unawaited(StreamEntry::Expire { before_ns }).await;
        }
    }

    /// The regular sync pass of the store.
    pub(super) async fn sync_store(&self) {
        let (store, folder) = (self.store.clone(), self.store.folder().to_owned());
        let synced = self.context.disk.run(&folder, move |_vfs| store.sync_pass()).await;
        if let Err(error) = synced {
            self.latch(&Failure::from(error)).await;
        }
    }
}
