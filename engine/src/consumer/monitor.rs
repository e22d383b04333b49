//! The monitor of a replicated consumer: takes what its group commits, and applies it.

use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::time::{Instant, sleep_until};
use interlock_sync::token::Token;

use super::Consumer;
use crate::core::consumer::ConsumerState;
use crate::core::entry::Encoded;
use crate::core::snapshot::{Kind, Occasion, Verdict};
use crate::core::write_error::WriteError;
use crate::engine::Engine;
use crate::events::Event;
use crate::failpoint;
use crate::raft::{Apply, ApplyQueue, Node, Role};
use crate::slot::Presence;
use crate::snapshots::{Covered, Schedule};
use crate::stream::{FIRST_LOOK, MEMBERS_INTERVAL};

/// Why the monitor leaves.
enum Leave {
    Told,
    NodeGone,
    Failed(WriteError),
}

/// What one generation of the monitor has: fetched once.
struct Generation {
    engine: Arc<Engine>,
    node: Node,
    queue: ApplyQueue,
    token: Token,
    leads: bool,
    schedule: Schedule,
    members_due: Instant,
}

impl Consumer {
    /// Monitors the consumer until it has to end.
    pub(crate) async fn monitor(self: Arc<Self>, engine: Arc<Engine>, mut presence: Presence) {
        failpoint!("monitor_before_token_read");
        let Some(node) = self.member.node() else {
            tracing::warn!("consumer {}: no raft node to monitor", self.key);
            return;
        };
        if !presence.enter() {
            engine.context().events.tell(Event::DriverTurnedAway { asset: format!("consumer {}", self.key) });
            return;
        }
        let Some(queue) = engine.take_queue(node.group()) else {
            tracing::warn!("consumer {}: the group's entries are taken by another", self.key);
            return;
        };
        self.is_replicated_from_here_on().await;
        let mut generation = Generation {
            token: self.member.slot.token(),
            schedule: Schedule::new(engine.context(), Kind::Consumer, &self.key.to_string()),
            engine,
            node,
            queue,
            leads: false,
            members_due: Instant::now() + FIRST_LOOK,
        };
        if self.member.write_error.is_set() {
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
            let (due, members_due) = (generation.schedule.due(), generation.members_due);
            interlock_sync::select! {
                biased;
                () = engine.context().quit.cancelled() => return Leave::Told,
                () = token.cancelled(), if listens_to_token => return Leave::Told,
                () = node_quit.cancelled() => return Leave::NodeGone,
                changed = status.changed() => {
                    if changed.is_err() {
                        return Leave::NodeGone;
                    }
                    let leads = status.borrow_and_update().role == Role::Leader;
                    self.follow_role(generation, leads).await;
                }
                items = generation.queue.pop_all() => match items {
                    None => return Leave::NodeGone,
                    Some(items) => {
                        if let Err(error) = self.apply_items(generation, items).await {
                            return Leave::Failed(error);
                        }
                    }
                },
                _ = updates.changed() => self.follow_update(generation).await,
                installed = generation.schedule.finished() => drop(generation.schedule.settle(installed)),
                () = sleep_until(members_due) => {
                    generation.members_due = Instant::now() + MEMBERS_INTERVAL;
                    engine.seek_leadership(&self.member, &generation.node).await;
                    self.follow_update(generation).await;
                }
                () = sleep_until(due) => self.take_snapshot(generation, Occasion::Timer),
            }
        }
    }

    async fn apply_items(self: &Arc<Self>, generation: &mut Generation, items: Vec<Apply>) -> Result<(), WriteError> {
        for item in items {
            match item {
                Apply::RecoveryDone => generation.schedule.recovered(),
                Apply::Members { index, .. } => self.inner.lock().state.apply_empty(index),
                Apply::Entry { index, data, .. } => {
                    self.apply_entry(index, &data)?;
                    generation.schedule.count(data.len());
                }
                Apply::Snapshot { data, .. } => {
                    let state = ConsumerState::decode(&data).map_err(|error| WriteError::other(error.to_string()))?;
                    self.inner.lock().state = state;
                }
            }
        }
        generation.node.applied(self.inner.lock().state.applied());
        self.take_snapshot(generation, Occasion::Drained);
        Ok(())
    }

    async fn follow_role(self: &Arc<Self>, generation: &mut Generation, leads: bool) {
        if leads == generation.leads {
            return;
        }
        generation.leads = leads;
        if leads {
            let leadership = self.member.begin_leadership();
            let now_ns = self.context.clock.now_ns();
            self.inner.lock().activity = crate::core::inactivity::Activity::starting_at(now_ns);
            if !crate::mutant!(M39) {
                self.arm_inactivity(&generation.engine, leadership);
            }
            self.update_config().await;
            self.follow_update(generation).await;
        } else {
            self.member.end_leadership();
        }
    }

    async fn follow_update(self: &Arc<Self>, generation: &Generation) {
        if generation.leads && generation.engine.follow_members(&self.member, &generation.node).await {
            generation.engine.settle_consumer(&self.key).await;
        }
    }

    fn take_snapshot(&self, generation: &mut Generation, occasion: Occasion) {
        let Generation { node, schedule, engine, .. } = generation;
        let Verdict::Take { forced, .. } = schedule.judge(occasion, node, 0) else { return };
        match node.checkpoint(forced) {
            Ok(checkpoint) => {
                let (index, data) = self.snapshot();
                schedule.install(engine.context(), checkpoint, data, Covered { index, clfs: 0 });
            }
            Err(refused) => schedule.failed(&refused.to_string()),
        }
    }

    fn snapshot(&self) -> (u64, Bytes) {
        let inner = self.inner.lock();
        (inner.state.applied(), Bytes::from(inner.state.encode()))
    }

    async fn leave(self: &Arc<Self>, mut generation: Generation, leave: Leave) {
        self.member.end_leadership();
        match leave {
            Leave::Told => {
                let Generation { engine, node, schedule, .. } = &mut generation;
                let shuts_down =
                    if crate::mutant!(M18) { engine.context().quit.is_cancelled() } else { engine.is_stopping() };
                let verdict = schedule.judge(Occasion::Shutdown, node, 0);
                if shuts_down && matches!(verdict, Verdict::Take { .. }) {
                    // Best effort: without it the next start replays the log.
                    let _installed = node.install_forced(self.snapshot().1).await;
                }
            }
            Leave::NodeGone => {}
            Leave::Failed(error) => self.fail(&error).await,
        }
        let _closed = generation.node.step_down(None).await;
        drop(generation.queue);
        if !self.member.slot.is_closed() {
            generation.node.stop().await;
        }
    }
}
