//! The meta monitor: applies what the cluster decided about streams and consumers, one entry after the other.
//!
//! It waits for monitors that have to end; so no monitor may wait for it.

use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::time::{Duration, Instant, sleep_until};

use super::{AssetKey, Engine};
use crate::core::meta::{Assignments, MetaEntry, decode, encode};
use crate::core::names::GroupName;
use crate::core::snapshot;
use crate::core::write_error::WriteError;
use crate::events::Event;
use crate::raft::{Apply, ApplyQueue, Founding, GroupOptions, Node, NodeContext};
use crate::slot::Presence;

/// The name of the meta layer's group.
pub const GROUP: &str = "meta";

/// Starts the meta layer's node and monitor.
///
/// # Errors
/// The disk's.
pub async fn start(engine: &Arc<Engine>) -> Result<(), WriteError> {
    let context = &engine.context;
    let settings = &context.settings;
    let options = GroupOptions {
        name: GroupName::new(GROUP),
        server: settings.id,
        founding: Founding::Voters(settings.servers.clone()),
        folder: settings.folder.join(GROUP),
        host: settings.host,
        timing: settings.timing,
        seed: settings.seed,
        applied: 0,
        ..GroupOptions::default()
    };
    let node_context =
        NodeContext { disk: context.disk.clone(), network: context.clone(), reactions: context.clone() };
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
    let mut snapshots = Snapshots::new(&engine);
    loop {
        let due = snapshots.due;
        let items = interlock_sync::select! {
            biased;
            () = engine.cluster_quit.cancelled() => break,
            () = node.quit().cancelled() => return,
            items = queue.pop_all() => items,
            () = sleep_until(due) => {
                snapshots.take(&engine, &node).await;
                continue;
            }
        };
        if items.is_empty() {
            return;
        }
        for item in items {
            if !apply(&engine, &node, item).await {
                // Frozen: everything else goes on, health tells.
                return;
            }
        }
        if snapshots.wants(&node) {
            snapshots.take(&engine, &node).await;
        }
    }
    snapshots.take_last(&engine, &node).await;
}

/// Applies one item; `false` where the meta layer can go no further.
async fn apply(engine: &Arc<Engine>, node: &Node, item: Apply) -> bool {
    match item {
        Apply::RecoveryDone => {
            engine.finish_recovery().await;
            true
        }
        Apply::Entry { index, data, .. } if data.is_empty() => {
            node.applied(index);
            true
        }
        Apply::Entry { index, data, .. } => match decode::<MetaEntry>("meta entry", &data) {
            Ok(entry) => {
                engine.apply_entry(entry).await;
                // While the engine stops, effects may fail silently: they are repeated after the restart.
                if !engine.is_stopping() {
                    node.applied(index);
                }
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
        self.meta_error.set(error);
        false
    }

    async fn apply_entry(self: &Arc<Self>, entry: MetaEntry) {
        let applied = self.state.write().assignments.apply(entry.change);
        let outcome = applied.as_ref().map(|_| ()).map_err(|refused| *refused);
        // While recovering only the end of the log counts: what was in between is not carried out.
        if let Ok(changed) = applied
            && !self.is_recovering()
        {
            for changed in changed {
                self.carry_out(changed).await;
            }
        }
        if entry.origin == self.me() && entry.proposal != 0 {
            self.changes.answer(entry.proposal, outcome);
        }
    }

    async fn replace_assignments(self: &Arc<Self>, assignments: Assignments) {
        let changed = self.state.write().assignments.replace(assignments);
        if !self.is_recovering() {
            for changed in changed {
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

/// When the meta layer takes snapshots.
struct Snapshots {
    due: Instant,
    last_index: u64,
    n_failures: u32,
}

impl Snapshots {
    fn new(_engine: &Engine) -> Self {
        Self { due: Instant::now() + snapshot::META_INTERVAL, last_index: 0, n_failures: 0 }
    }

    fn wants(&self, node: &Node) -> bool {
        node.status().applied.saturating_sub(self.last_index) >= snapshot::META_ENTRIES
    }

    async fn take(&mut self, engine: &Engine, node: &Node) {
        let interval = match self.install(engine, node).await {
            true => {
                self.n_failures = 0;
                snapshot::META_INTERVAL
            }
            false => {
                self.n_failures += 1;
                Duration::from_secs(15)
            }
        };
        self.due = Instant::now() + interval;
    }

    async fn install(&mut self, engine: &Engine, node: &Node) -> bool {
        let status = node.status();
        if engine.is_recovering() || engine.meta_error().is_some() || status.applied == self.last_index {
            return true;
        }
        let Ok(checkpoint) = node.checkpoint(self.n_failures > 4) else { return false };
        let data = Bytes::from(encode(&engine.assignments()));
        let installed = checkpoint.install(data).await.is_ok();
        if installed {
            self.last_index = status.applied;
        }
        installed
    }

    async fn take_last(&self, engine: &Engine, node: &Node) {
        if engine.is_recovering() || engine.meta_error().is_some() || node.status().applied == self.last_index {
            return;
        }
        let data = Bytes::from(encode(&engine.assignments()));
        // Best effort: without it the next start replays the log.
        let _installed = node.install_forced(data).await;
    }
}
