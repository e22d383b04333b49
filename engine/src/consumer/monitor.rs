//! The monitor of a replicated consumer: takes what its group commits, and applies it.

use std::sync::Arc;

use bytes::Bytes;

use super::Consumer;
use crate::core::consumer::ConsumerState;
use crate::core::entry::Encoded;
use crate::core::snapshot::{Occasion, Verdict};
use crate::core::write_error::WriteError;
use crate::engine::{AssetKey, Engine};
use crate::generation::{Generation, Happening};
use crate::raft::Apply;
use crate::slot::Presence;
use crate::snapshots::Covered;

/// Why the monitor leaves.
enum Leave {
    Told,
    NodeGone,
    Failed(WriteError),
}

impl Consumer {
    /// Monitors the consumer until it has to end.
    pub(crate) async fn monitor(self: Arc<Self>, engine: Arc<Engine>, mut presence: Presence) {
        let asset = AssetKey::Consumer(self.key.clone());
        let begun = Generation::begin(engine, &self.member, &asset, &mut presence).await;
        let Some(mut generation) = begun else { return };
        self.is_replicated_from_here_on().await;
        let leave = self.run(&mut generation).await;
        self.leave(&mut generation, leave).await;
        generation.end(&self.member).await;
        drop(presence);
    }

    async fn run(self: &Arc<Self>, generation: &mut Generation) -> Leave {
        loop {
            match generation.next(None).await {
                Happening::Told => return Leave::Told,
                Happening::NodeGone => return Leave::NodeGone,
                Happening::Items(items) => {
                    if let Err(error) = self.apply_items(generation, items).await {
                        return Leave::Failed(error);
                    }
                }
                Happening::Leads(true) => self.lead(generation).await,
                Happening::Leads(false) => self.member.end_leadership(),
                Happening::Updated => self.follow_update(generation).await,
                Happening::MembersDue => {
                    generation.engine.seek_leadership(&self.member, &generation.node).await;
                    self.follow_update(generation).await;
                }
                Happening::SnapshotDue => self.take_snapshot(generation, Occasion::Timer).await,
                Happening::Installed(_) | Happening::Due => {}
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
                    self.wants_others();
                }
            }
        }
        generation.node.applied(self.inner.lock().state.applied());
        self.take_snapshot(generation, Occasion::Drained).await;
        Ok(())
    }

    async fn lead(self: &Arc<Self>, generation: &Generation) {
        let leadership = self.member.begin_leadership();
        let now_ns = self.context.clock.now_ns();
        self.inner.lock().activity = crate::core::inactivity::Activity::starting_at(now_ns);
        if !crate::mutant!(M39) {
            self.arm_inactivity(&generation.engine, leadership);
        }
        self.update_config().await;
        self.follow_update(generation).await;
    }

    async fn follow_update(self: &Arc<Self>, generation: &Generation) {
        if generation.leads
            && let Some(assignment) = generation.engine.consumer_assignment(&self.key)
            && assignment.created_ns == self.created_ns
            // Its snapshots have all that it is.
            && generation.engine.follow_members(&assignment.group, &generation.node, |_, _| true).await
        {
            generation.engine.settle_consumer(&assignment).await;
        }
    }

    async fn take_snapshot(&self, generation: &mut Generation, occasion: Occasion) {
        let Generation { node, schedule, engine, .. } = generation;
        let Verdict::Take { forced } = schedule.judge(occasion, node, 0) else { return };
        match node.checkpoint(forced) {
            Ok(checkpoint) => {
                let (index, data) = self.snapshot();
                schedule.install(engine.context(), checkpoint, data, Covered { index, clfs: 0 }).await;
            }
            Err(refused) => schedule.failed(&refused.to_string()),
        }
    }

    fn snapshot(&self) -> (u64, Bytes) {
        let inner = self.inner.lock();
        (inner.state.applied(), Bytes::from(inner.state.encode()))
    }

    async fn leave(self: &Arc<Self>, generation: &mut Generation, leave: Leave) {
        self.member.end_leadership();
        match leave {
            Leave::Told if generation.shuts_down() => {
                let verdict = generation.schedule.judge(Occasion::Shutdown, &generation.node, 0);
                if matches!(verdict, Verdict::Take { .. }) {
                    // Best effort: without it the next start replays the log.
                    let _installed = generation.node.install_forced(self.snapshot().1).await;
                }
            }
            Leave::Told | Leave::NodeGone => {}
            Leave::Failed(error) => self.fail(&error).await,
        }
    }
}
