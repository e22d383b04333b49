//! The meta monitor: applies what the cluster decided about streams and consumers, one entry after the other.
//!
//! It waits for monitors that have to end; so no monitor may wait for it.

use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::time::{Duration, sleep, sleep_until, timeout};

use super::{AssetKey, Engine};
use crate::core::meta::{Assignments, MetaEntry, decode, encode};
use crate::core::names::GroupName;
use crate::core::snapshot::{Kind, Occasion, Verdict};
use crate::core::write_error::WriteError;
use crate::events::Event;
use crate::raft::{Apply, ApplyQueue, GroupOptions, Node, NodeContext};
use crate::slot::Presence;
use crate::snapshots::{Covered, Schedule};

/// The name of the meta layer's group.
pub const GROUP: &str = "meta";

/// How long the meta layer is asked for what it has decided.
const KNOWN_LIMIT: Duration = Duration::from_secs(5);
const KNOWN_PAUSE: Duration = Duration::from_millis(2);

/// Starts the meta layer's node and monitor.
///
/// # Errors
/// The disk's.
pub async fn start(engine: &Arc<Engine>) -> Result<(), WriteError> {
    let context = &engine.context;
    let settings = &context.settings;
    let options = GroupOptions {
        host: settings.host,
        timing: settings.timing.clone(),
        seed: settings.seed,
        ..GroupOptions::new(GroupName::new(GROUP), settings.id, settings.servers.clone(), settings.folder.join(GROUP))
    };
    let node_context = NodeContext { disk: context.disk.clone(), network: context.clone(), reactions: context.clone() };
    let (node, queue) = Node::start(options, node_context).await?;
    engine.state.write().meta = Some(node.clone());
    let presence = engine.meta_slot.register().await;
    // Refused where the server shuts down already; the registration ends with the future.
    let _started = context.tasks.spawn(run(engine.clone(), node, queue, presence));
    Ok(())
}

async fn run(engine: Arc<Engine>, node: Node, mut queue: ApplyQueue, mut presence: Presence) {
    if !presence.enter() {
        return;
    }
    let mut schedule = Schedule::new(&engine.context, Kind::Meta, GROUP);
    let node_quit = node.quit();
    loop {
        let due = schedule.due();
        let items = interlock_sync::select! {
            biased;
            () = engine.cluster_quit.cancelled() => break,
            () = node_quit.cancelled() => return,
            items = queue.pop_all() => items,
            installed = schedule.finished() => {
                schedule.settle(installed);
                continue;
            }
            () = sleep_until(due) => {
                take_snapshot(&engine, &node, &mut schedule, Occasion::Timer).await;
                continue;
            }
        };
        let Some(items) = items else { return };
        for item in items {
            if let Apply::Entry { data, .. } = &item {
                schedule.count(data.len());
            }
            if !apply(&engine, &node, item).await {
                // Frozen: everything else goes on, health tells.
                return;
            }
        }
        if !engine.is_recovering() {
            schedule.recovered();
        }
        take_snapshot(&engine, &node, &mut schedule, Occasion::Drained).await;
    }
    take_last_snapshot(&engine, &node, &mut schedule).await;
    drop(presence);
}

/// Applies one item; `false` where the meta layer can go no further.
async fn apply(engine: &Arc<Engine>, node: &Node, item: Apply) -> bool {
    if engine.is_stopping() {
        // Nothing is placed any more: the next start finds it in the log. Nor is it taken into the state, which would be
        // ahead of what the last snapshot covers: read again, an entry that was refused could be taken.
        return true;
    }
    match item {
        Apply::RecoveryDone => {
            engine.finish_recovery().await;
            true
        }
        Apply::Members { index, .. } => {
            node.applied(index);
            true
        }
        Apply::Entry { index, data, .. } if data.is_empty() => {
            node.applied(index);
            true
        }
        Apply::Entry { index, data, .. } => match decode::<MetaEntry>("meta entry", &data) {
            Ok(entry) => {
                engine.apply_entry(entry).await;
                // Also where the engine began to stop meanwhile: the state has it, and the next start carries it out.
                node.applied(index);
                true
            }
            Err(error) => engine.freeze(&error),
        },
        Apply::Snapshot { index, data, .. } => match decode::<Assignments>("meta snapshot", &data) {
            Ok(assignments) => {
                engine.replace_assignments(assignments).await;
                node.applied(index);
                true
            }
            Err(error) => engine.freeze(&error),
        },
    }
}

impl Engine {
    /// Latches the meta layer's error.
    fn freeze(&self, error: &crate::core::meta::DecodeError) -> bool {
        assert!(!crate::mutant!(M85), "{error}");
        let error = WriteError::other(error.to_string());
        self.context.events.tell(Event::WriteError { source: GROUP.to_owned(), error: error.to_string() });
        let _first = self.meta_error.set(error);
        false
    }

    /// Waits until everything is known here that the meta layer had decided when this was asked; `false` where it cannot
    /// be asked. A monitor must not wait for this: the meta layer waits for monitors.
    pub(crate) async fn knows_assignments(&self) -> bool {
        if !self.context.settings.is_clustered() {
            return true;
        }
        let Some(node) = self.meta() else { return false };
        let asking = async {
            let Ok(index) = node.read_index().await else { return false };
            while node.status().applied < index {
                if self.is_stopping() || node.is_closed() || self.meta_error.is_set() {
                    return false;
                }
                sleep(KNOWN_PAUSE).await;
            }
            true
        };
        timeout(KNOWN_LIMIT, asking).await.unwrap_or(false) && !self.is_recovering()
    }

    pub(super) async fn apply_entry(self: &Arc<Self>, entry: MetaEntry) {
        let applied = self.state.write().assignments.apply(entry.change);
        let outcome = applied.as_ref().map(|_| ()).map_err(|refused| *refused);
        // While recovering only the end of the log counts: what was in between is not carried out.
        if let Ok(all_changed) = applied
            && !self.is_recovering()
        {
            for changed in all_changed {
                self.carry_out(changed).await;
            }
        }
        if entry.origin == self.me() && entry.proposal != 0 {
            self.changes.answer(entry.proposal, outcome);
        }
    }

    async fn replace_assignments(self: &Arc<Self>, assignments: Assignments) {
        let all_changed = self.state.write().assignments.replace(assignments);
        if !self.is_recovering() {
            for changed in all_changed {
                self.carry_out(changed).await;
            }
        }
    }

    /// Carries out what the replayed log comes to.
    pub(super) async fn finish_recovery(self: &Arc<Self>) {
        let assignments = self.state.read().assignments.clone();
        self.recovering.send_replace(false);
        for changed in Assignments::default().replace(assignments) {
            self.carry_out(changed).await;
        }
        let engine = self.clone();
        // A server that shuts down looks for no orphans.
        let _started = self.context.tasks.spawn(async move { engine.remove_orphans().await });
    }

    /// Notes why an asset does not run here, or that it does.
    pub(super) fn note_error(&self, asset: AssetKey, error: Option<String>) {
        let mut state = self.state.write();
        match error {
            Some(error) => drop(state.errors.insert(asset, error)),
            None => drop(state.errors.remove(&asset)),
        }
    }
}

async fn take_snapshot(engine: &Arc<Engine>, node: &Node, schedule: &mut Schedule, occasion: Occasion) {
    if engine.meta_error().is_some() {
        return;
    }
    let Verdict::Take { forced } = schedule.judge(occasion, node, 0) else { return };
    match node.checkpoint(forced) {
        Ok(checkpoint) => {
            let covered = Covered { index: node.status().applied, clfs: 0 };
            let data = Bytes::from(encode(&engine.assignments()));
            schedule.install(&engine.context, checkpoint, data, covered).await;
        }
        Err(refused) => schedule.failed(&refused.to_string()),
    }
}

async fn take_last_snapshot(engine: &Arc<Engine>, node: &Node, schedule: &mut Schedule) {
    let is_wanted = matches!(schedule.judge(Occasion::Shutdown, node, 0), Verdict::Take { .. });
    if is_wanted && engine.meta_error().is_none() {
        let data = Bytes::from(encode(&engine.assignments()));
        // Best effort: without it the next start replays the log.
        let _installed = node.install_forced(data).await;
    }
}
