//! Groups that could not be founded: the server that has the data keeps it, and tries again.
//!
//! Nobody else can found them. What a failed attempt left of a log is removed before the next one: nobody has been
//! promised anything by it, and what could not be synced is not trusted (W7).

use std::sync::Arc;

use interlock_sync::time::{Duration, sleep};

use super::running::Running;
use super::{AssetKey, Engine};
use crate::core::assignment::RaftGroup;
use crate::core::meta::Changed;
use crate::core::names::GroupName;
use crate::core::write_error::WriteError;
use crate::disk::sync_folder;
use crate::events::Event;

/// The pause before the second attempt; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(32);

impl Engine {
    /// Whether an entity that runs here alone is still to found the group that it is assigned to.
    pub(super) fn is_to_found(&self, running: &Running, group: &RaftGroup) -> bool {
        let member = running.member();
        group.is_founded_by(self.me()) && member.node().is_none() && member.leads() && self.node(&group.name).is_none()
    }

    /// Whether an attempt to found a group has failed here since the start.
    pub(super) fn has_failed_to_found(&self, group: &GroupName) -> bool {
        self.state.read().unfounded.contains_key(group)
    }

    /// Notes that an attempt to found a group has failed.
    pub(super) fn note_unfounded(&self, group: &GroupName) {
        *self.state.write().unfounded.entry(group.clone()).or_insert(0) += 1;
    }

    /// Removes what an attempt that failed has left of a group's log.
    pub(super) async fn remove_unfounded(&self, group: &GroupName) -> Result<(), WriteError> {
        let folder = self.context.group_folder(group);
        let removed = folder.clone();
        let removing = self.context.disk.run(&folder, move |vfs| {
            if vfs.exists(&removed) {
                vfs.remove_folder(&removed)?;
            }
            removed.parent().filter(|parent| vfs.exists(parent)).map_or(Ok(()), |parent| sync_folder(vfs, parent))
        });
        removing.await.map_err(|error| WriteError::io("remove", &folder, &error))
    }

    /// Tells of an attempt that has failed, and has the next one made after a pause.
    pub(super) fn found_later(self: &Arc<Self>, asset: AssetKey, group: GroupName, error: &WriteError) {
        let Some(n_failed) = self.state.read().unfounded.get(&group).copied() else { return };
        let n_earlier = n_failed.saturating_sub(1);
        let (name, text) = (asset.to_string(), error.to_string());
        self.context.events.tell(Event::FoundingFailed { asset: name.clone(), error: text.clone(), n_earlier });
        self.context.react(&name, error);
        self.note_error(asset.clone(), Some(format!("its group is not founded: {text}")));
        let pause = PAUSE.saturating_mul(1 << n_earlier.min(10)).min(PAUSE_MAX);
        let engine = self.clone();
        // A server that shuts down founds nothing: its next start does.
        let _started = self.context.tasks.spawn(async move { engine.found_again(asset, group, n_failed, pause).await });
    }

    async fn found_again(self: Arc<Self>, asset: AssetKey, group: GroupName, n_failed: u32, pause: Duration) {
        interlock_sync::select! {
            biased;
            () = self.context.quit.cancelled() => return,
            () = self.stopping.cancelled() => return,
            () = sleep(pause) => {}
        }
        let _one_at_a_time = self.placing.lock().await;
        // A change of the assignment may have tried since: that attempt has its own successor.
        let is_latest = self.state.read().unfounded.get(&group) == Some(&n_failed);
        if self.is_stopping() || !is_latest {
            return;
        }
        match self.assigned_to(&asset, &group) {
            Some(changed) => self.place_boxed(changed).await,
            None => drop(self.state.write().unfounded.remove(&group)),
        }
    }

    /// The assignment of an asset as something new, where it is to this group.
    fn assigned_to(&self, asset: &AssetKey, group: &GroupName) -> Option<Changed> {
        match asset {
            AssetKey::Stream(name) => {
                let new = self.stream_assignment(name).filter(|new| new.group.name == *group)?;
                Some(Changed::Stream { old: None, new: Some(new) })
            }
            AssetKey::Consumer(key) => {
                let new = self.consumer_assignment(key).filter(|new| new.group.name == *group)?;
                Some(Changed::Consumer { old: None, new: Some(new) })
            }
        }
    }
}
