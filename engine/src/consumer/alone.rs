//! A consumer of one replica: one task prepares its leadership and saves its state.

use std::path::Path;
use std::sync::Arc;

use interlock_sync::time::{Duration, Instant, sleep_until, timeout};

use super::Consumer;
use crate::core::entry::Encoded;
use crate::core::write_error::WriteError;
use crate::disk::{Vfs, replace_file, sync_folder};
use crate::engine::Engine;
use crate::slot::Presence;
use crate::stream::NoAnswer;

/// How long a changed state may wait to be saved where nobody waits for it. Lost with the process, it means that messages
/// are delivered again.
const SAVE_DELAY: Duration = Duration::from_secs(1);
/// How long an acknowledgement waits for the disk.
const SAVE_LIMIT: Duration = Duration::from_secs(10);

impl Consumer {
    /// Drives the consumer while this server is its only one.
    pub(crate) async fn drive_alone(self: Arc<Self>, engine: Arc<Engine>, mut presence: Presence) {
        if !presence.enter() {
            return;
        }
        let token = if crate::mutant!(M07) { interlock_sync::token::Token::new() } else { self.member.slot.token() };
        self.clone().become_leader_alone(&engine).await;
        let mut dirty = self.dirty.subscribe();
        let mut wanted = self.wanted_index.subscribe();
        loop {
            interlock_sync::select! {
                biased;
                () = engine.context().quit.cancelled() => break,
                () = token.cancelled() => break,
                changed = dirty.wait_for(|dirty| *dirty) => {
                    if changed.is_err() {
                        break;
                    }
                }
            }
            let saved_index = self.saved.borrow().index;
            interlock_sync::select! {
                biased;
                () = engine.context().quit.cancelled() => break,
                () = token.cancelled() => break,
                _ = wanted.wait_for(|wanted| *wanted > saved_index) => {}
                () = sleep_until(Instant::now() + SAVE_DELAY) => {}
            }
            if !self.save().await {
                break;
            }
        }
        self.member.end_leadership();
        let _last = self.save().await;
        drop(presence);
    }

    /// What leadership needs: the folder for its state, which may take as long as the disk takes; then it delivers.
    pub(crate) async fn become_leader_alone(self: Arc<Self>, engine: &Arc<Engine>) {
        if let Err(error) = self.load().await {
            self.fail(&error).await;
            self.context.react(&format!("consumer {}", self.key), &error);
            return;
        }
        if !self.save().await {
            return;
        }
        self.update_config().await;
        let leadership = self.member.begin_leadership();
        self.arm_inactivity(engine, leadership);
    }

    /// Saves the state. `false` where the disk failed: the consumer has a write error then.
    async fn save(&self) -> bool {
        self.dirty.send_replace(false);
        match self.persist().await {
            Ok(()) => true,
            Err(error) => {
                self.saved.send_modify(|saved| saved.has_failed = true);
                self.fail(&error).await;
                self.context.react(&format!("consumer {}", self.key), &error);
                false
            }
        }
    }

    /// Writes the state to the disk, where it is read when there is no group.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) async fn persist(&self) -> Result<(), WriteError> {
        let (index, bytes) = {
            let inner = self.inner.lock();
            (inner.state.applied(), inner.state.encode())
        };
        let folder = self.folder.clone();
        let path = folder.join("state");
        let written = path.clone();
        let saved = self.context.disk.run(&path, move |vfs| {
            create_durable(vfs, &folder)?;
            replace_file(vfs, &written, &bytes)
        });
        saved.await.map_err(|error| WriteError::io("replace", &path, &error))?;
        self.saved.send_modify(|known| known.index = known.index.max(index));
        Ok(())
    }

    /// Waits until everything up to an index is saved, where there is no group that has it: one save for all that wait.
    pub(super) async fn until_saved(&self, index: u64) -> Result<(), NoAnswer> {
        self.wanted_index.send_if_modified(|wanted| {
            let grows = index > *wanted;
            *wanted = index.max(*wanted);
            grows
        });
        let mut saved = self.saved.subscribe();
        let waiting = saved.wait_for(|seen| seen.index >= index || seen.has_failed);
        let reached = timeout(SAVE_LIMIT, waiting).await.ok().and_then(Result::ok).map(|seen| *seen);
        match reached {
            Some(seen) if seen.index >= index => Ok(()),
            Some(_) => Err(NoAnswer::NotWritten),
            None => Err(NoAnswer::Unknown),
        }
    }
}

/// Makes the folder of a consumer and the one that it is in: without their own folders synced they may be gone after a
/// power loss, with everything in them.
fn create_durable(vfs: &dyn Vfs, folder: &Path) -> std::io::Result<()> {
    if vfs.exists(&folder.join("state")) {
        return Ok(());
    }
    vfs.create_folders(folder)?;
    folder.ancestors().skip(1).take(2).try_for_each(|parent| sync_folder(vfs, parent))
}
