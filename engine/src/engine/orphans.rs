//! Removes what no assignment names: streams and groups that were deleted while this server was away.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use interlock_sync::time::{Duration, sleep};

use super::Engine;
use crate::core::assignment::RaftGroup;
use crate::disk::Vfs;

/// How long after the recovery orphans are looked for.
const GRACE: Duration = Duration::from_secs(30);
/// The pause before the meta layer is asked again.
const PAUSE: Duration = Duration::from_secs(1);

impl Engine {
    /// Waits, and removes folders that no assignment names.
    pub(super) async fn remove_orphans(self: Arc<Self>) {
        let current = async {
            sleep(GRACE).await;
            // An old state calls orphan what has been assigned since.
            while !self.knows_assignments().await {
                sleep(PAUSE).await;
            }
        };
        interlock_sync::select! {
            biased;
            () = self.stopping.cancelled() => return,
            () = current => {}
        }
        let parents = ["groups", "streams", "consumers", "ended"].map(|name| self.context.settings.folder.join(name));
        for parent in parents {
            match self.remove_orphans_of(&parent).await {
                Ok(0) => {}
                Ok(n_removed) => tracing::info!("removed {n_removed} orphans of {}", parent.display()),
                Err(error) => tracing::warn!("orphans of {} stay: {error}", parent.display()),
            }
        }
    }

    async fn remove_orphans_of(&self, parent: &Path) -> std::io::Result<usize> {
        let listed = parent.to_owned();
        let list = move |vfs: &dyn Vfs| if vfs.exists(&listed) { vfs.list(&listed) } else { Ok(Vec::new()) };
        let folders = self.context.disk.run(parent, list).await?;
        // Asked after listing: what is listed and is to stay was assigned before it was made.
        let kept = self.named_folders();
        let orphans: Vec<PathBuf> = folders.into_iter().filter(|folder| !kept.contains(folder)).collect();
        let n_orphans = orphans.len();
        let remove = move |vfs: &dyn Vfs| orphans.iter().try_for_each(|folder| vfs.remove_folder(folder));
        self.context.disk.run(parent, remove).await?;
        Ok(n_orphans)
    }

    /// What this server keeps of a group: its log where it is a member, under any of its names; and where it is none, the
    /// tombstones, which it needs when it starts with an old state of the meta layer.
    fn traces_of(&self, group: &RaftGroup) -> Vec<PathBuf> {
        let names = || group.predecessors.iter().chain([&group.name]);
        let logs = names().filter(|_| group.has(self.me())).map(|name| self.context.group_folder(name));
        let tombstones = names().map(|name| self.context.group_tombstone(name));
        let alone = group.grown_from.iter().map(|name| self.context.alone_tombstone(name));
        logs.chain(tombstones).chain(alone).collect()
    }

    fn named_folders(&self) -> BTreeSet<PathBuf> {
        // Consumers of this server alone, which no assignment names. Asked before the engine's lock is taken.
        let running = self.streams().into_iter().flat_map(|stream| stream.consumers());
        let mut folders: BTreeSet<PathBuf> = running.map(|consumer| consumer.folder().clone()).collect();
        let state = self.state.read();
        for stream in state.assignments.streams() {
            let assignment = &stream.assignment;
            folders.extend(self.traces_of(&assignment.group));
            if assignment.group.has(self.me()) {
                folders.insert(crate::stream::folder(&self.context, assignment));
            }
            for consumer in stream.consumers.values() {
                folders.extend(self.traces_of(&consumer.group));
                if consumer.group.has(self.me()) {
                    folders.insert(crate::consumer::folder(&self.context, consumer));
                }
            }
        }
        folders.extend(state.nodes.keys().map(|name| self.context.group_folder(name)));
        folders
    }
}
