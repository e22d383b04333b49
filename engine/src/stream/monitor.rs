//! The monitor of a replicated stream: takes what its group commits, and applies it.
//!
//! It is the only one that does. It leaves on the slot's token, on its node's quit signal, on the server's, and when an
//! entry cannot be applied; whoever leaves makes sure that the raft node does not pile up entries for nobody.

use std::sync::Arc;

use interlock_sync::time::{Duration, Instant, sleep_until};
use interlock_sync::token::Token;

use super::Stream;
use super::alone::{EXPIRY_INTERVAL, SYNC_INTERVAL};
use super::apply::Failure;
use super::catchup::CatchupEnd;
use crate::core::snapshot::{Kind, Occasion};
use crate::engine::Engine;
use crate::events::Event;
use crate::failpoint;
use crate::raft::{Apply, ApplyQueue, Node, Role};
use crate::slot::Presence;
use crate::snapshots::Schedule;

/// How often the leader compares the group's members with the assignment.
pub(crate) const MEMBERS_INTERVAL: Duration = Duration::from_millis(500);
/// The same for the first time: the other members of a new group have started by then.
pub(crate) const FIRST_LOOK: Duration = Duration::from_millis(50);

/// Why the monitor leaves.
enum Leave {
    /// The server or the engine ends, or the slot was stopped: a last snapshot where the engine shuts down, with the
    /// server or without it (G-20).
    Told,
    /// The node is gone: nothing is left to be done.
    NodeGone,
    /// An entry could not be applied, or the catch-up failed for good (W11).
    Failed(Failure),
    /// The stream has to be made anew.
    Reset(String),
}

impl From<Failure> for Leave {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Diverged(reason) => Self::Reset(reason),
            failure => Self::Failed(failure),
        }
    }
}

/// What one generation of the monitor has: fetched once.
struct Generation {
    engine: Arc<Engine>,
    node: Node,
    queue: ApplyQueue,
    token: Token,
    schedule: Schedule,
    leads: bool,
    sync_due: Instant,
    expiry_due: Instant,
    members_due: Instant,
}

impl Stream {
    /// Monitors the stream until it has to end.
    pub(crate) async fn monitor(self: Arc<Self>, engine: Arc<Engine>, mut presence: Presence) {
        failpoint!("monitor_before_token_read");
        let Some(node) = self.member.node() else {
            tracing::warn!("stream {}: no raft node to monitor", self.name);
            return;
        };
        // Armed too early, a monitor that is turned away stops the node under the one that runs (O-6).
        let armed = crate::mutant!(M14).then(|| node.clone());
        if !presence.enter() {
            engine.context().events.tell(Event::DriverTurnedAway { asset: format!("stream {}", self.name) });
            if let Some(armed_node) = armed {
                armed_node.stop().await;
            }
            return;
        }
        let Some(queue) = engine.take_queue(node.group()) else {
            tracing::warn!("stream {}: the group's entries are taken by another", self.name);
            return;
        };
        let now = Instant::now();
        let mut generation = Generation {
            token: self.member.slot.token(),
            schedule: Schedule::new(engine.context(), Kind::Stream, &self.name),
            engine,
            node,
            queue,
            leads: false,
            sync_due: now + SYNC_INTERVAL,
            expiry_due: now + EXPIRY_INTERVAL,
            members_due: now + FIRST_LOOK,
        };
        self.store.set_reclaim_floor(generation.node.status().snapshot_index);
        if self.member.write_error.is_set() {
            // The error outlives its group: what cannot be written here is not led from here.
            let _closed = generation.node.set_observer(true).await;
        }
        let leave = self.run(&mut generation).await;
        self.leave(generation, leave).await;
        failpoint!("monitor_exit_guard");
        drop(presence);
    }

    async fn run(self: &Arc<Self>, generation: &mut Generation) -> Leave {
        let mut status = generation.node.watch();
        let mut updates = self.member.updates();
        let engine = generation.engine.clone();
        let (node_quit, token) = (generation.node.quit(), generation.token.clone());
        let listens_to_token = !crate::mutant!(M10);
        loop {
            let due = generation.next_due();
            interlock_sync::select! {
                biased;
                () = engine.context().quit.cancelled() => return Leave::Told,
                () = token.cancelled(), if listens_to_token => return Leave::Told,
                () = node_quit.cancelled() => return Leave::NodeGone,
                changed = status.changed() => {
                    if changed.is_err() {
                        return Leave::NodeGone;
                    }
                    let role = status.borrow_and_update().role;
                    self.follow_role(generation, role).await;
                }
                items = generation.queue.pop_all() => {
                    let Some(items) = items else { return Leave::NodeGone };
                    if let Err(leave) = self.apply_items(generation, items).await {
                        return leave;
                    }
                }
                changed = updates.changed() => {
                    if changed.is_ok() {
                        self.follow_update(generation).await;
                    }
                }
                installed = generation.schedule.finished() => {
                    if let Some(index) = generation.schedule.settle(installed) {
                        self.store.set_reclaim_floor(index);
                    }
                }
                () = sleep_until(due) => {
                    if let Err(failure) = self.do_what_is_due(generation).await {
                        return failure.into();
                    }
                }
            }
        }
    }

    async fn apply_items(self: &Arc<Self>, generation: &mut Generation, items: Vec<Apply>) -> Result<(), Leave> {
        for item in items {
            failpoint!("apply_stream");
            match item {
                Apply::RecoveryDone => self.finish_recovery(generation),
                Apply::Snapshot { index, data, .. } => self.install_snapshot(generation, index, &data).await?,
                Apply::Members { index, .. } => {
                    self.apply_entry(index, &[])?;
                    generation.node.processed(index);
                }
                Apply::Entry { index, data, .. } => {
                    self.apply_entry(index, &data)?;
                    generation.schedule.count(data.len());
                    generation.node.processed(index);
                }
            }
        }
        self.tell_applied(&generation.node);
        if let Err(error) = self.store.write_pending() {
            return Err(Failure::from(error).into());
        }
        let Generation { node, schedule, .. } = generation;
        self.take_snapshot(node, schedule, Occasion::Drained).await?;
        Ok(())
    }

    /// Entries may be left out of the log up to here, and reads see them.
    fn tell_applied(&self, node: &Node) {
        let (applied, processed) = {
            let inner = self.inner.lock();
            (inner.state.applied(), inner.state.processed())
        };
        node.applied(applied);
        self.applied_index.send_replace(processed);
    }

    fn finish_recovery(&self, generation: &mut Generation) {
        generation.schedule.recovered();
        tracing::debug!("stream {}: recovered up to {}", self.name, self.applied());
    }

    async fn install_snapshot(self: &Arc<Self>, generation: &Generation, index: u64, data: &[u8]) -> Result<(), Leave> {
        match self.adopt_snapshot(&generation.engine, &generation.node, &generation.token, data).await {
            CatchupEnd::Complete => {
                self.store.set_reclaim_floor(index);
                self.tell_applied(&generation.node);
                Ok(())
            }
            CatchupEnd::Told => Err(Leave::Told),
            CatchupEnd::Failed(failure) => Err(failure.into()),
            CatchupEnd::Hopeless(reason) => Err(Leave::Reset(reason)),
        }
    }

    async fn follow_role(self: &Arc<Self>, generation: &mut Generation, role: Role) {
        let leads = role == Role::Leader;
        if leads == generation.leads {
            return;
        }
        generation.leads = leads;
        if leads {
            let _leadership = self.member.begin_leadership();
            self.follow_update(generation).await;
        } else {
            self.member.end_leadership();
        }
    }

    /// Reads the latest assignment: on the leader, members and configuration follow it.
    async fn follow_update(self: &Arc<Self>, generation: &Generation) {
        if !generation.leads {
            return;
        }
        if let Some(assignment) = generation.engine.stream_assignment(&self.name)
            && assignment.created_ns == self.created_ns
        {
            if assignment.config != self.config() {
                self.propose_config(assignment.config.clone()).await;
            }
            let is_settled = generation.engine.follow_members(&self.member, &generation.node).await;
            if is_settled && generation.engine.consumers_live_in(&assignment) {
                generation.engine.settle_stream(&assignment).await;
            }
        }
    }

    async fn do_what_is_due(self: &Arc<Self>, generation: &mut Generation) -> Result<(), Failure> {
        let now = Instant::now();
        if generation.members_due <= now {
            generation.members_due = now + MEMBERS_INTERVAL;
            generation.engine.seek_leadership(&self.member, &generation.node).await;
            self.follow_update(generation).await;
        }
        if generation.expiry_due <= now {
            generation.expiry_due = now + EXPIRY_INTERVAL;
            self.expire().await;
        }
        if generation.sync_due <= now {
            generation.sync_due = now + SYNC_INTERVAL;
            self.sync_store().await;
        }
        if generation.schedule.due() <= now {
            let Generation { node, schedule, .. } = generation;
            self.take_snapshot(node, schedule, Occasion::Timer).await?;
        }
        Ok(())
    }

    async fn leave(self: &Arc<Self>, mut generation: Generation, leave: Leave) {
        let Generation { engine, node, schedule, .. } = &mut generation;
        self.member.end_leadership();
        match leave {
            Leave::Told => {
                let shuts_down =
                    if crate::mutant!(M18) { engine.context().quit.is_cancelled() } else { engine.is_stopping() };
                if shuts_down {
                    self.take_last_snapshot(node, schedule).await;
                }
            }
            Leave::NodeGone => {}
            Leave::Failed(failure) => self.latch(&failure).await,
            Leave::Reset(reason) => self.reset(engine.clone(), reason).await,
        }
        if !(crate::mutant!(M63) && self.member.write_error.is_set()) {
            // Nobody takes entries from here on: the node must not collect them for ever.
            let _closed = node.step_down(None).await;
        }
        drop(generation.queue);
        // The closer of a closed stream owns the node, and may still want a snapshot of it (O-7).
        if !self.member.slot.is_closed() {
            generation.node.stop().await;
        }
    }

    async fn reset(self: &Arc<Self>, engine: Arc<Engine>, reason: String) {
        engine.context().events.tell(Event::Reset { stream: self.name.clone(), reason });
        if crate::mutant!(M19) {
            engine.clone().reset_stream(self.clone()).await;
            return;
        }
        // A task of its own: it waits for this monitor.
        let resetting = engine.clone().reset_stream(self.clone());
        let _started = engine.context().tasks.spawn(resetting);
    }
}

impl Generation {
    fn next_due(&self) -> Instant {
        self.members_due.min(self.expiry_due).min(self.sync_due).min(self.schedule.due())
    }
}
