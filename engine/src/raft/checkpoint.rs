//! Snapshots of the state machine: begun at an applied entry, written beside, adopted, and only then the log is cut.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use bytes::Bytes;
use thiserror::Error;

use super::log::{Position, StoredSnapshot, adopted_path, remove_older, write_beside};
use super::node::Node;
use super::status::Role;
use crate::core::write_error::{ErrorClass, WriteError};
use crate::disk::{Vfs, sync_folder};

/// Why no snapshot may be begun.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum CheckpointRefused {
    /// A member is being caught up by the last snapshot.
    #[error("a catch-up is running")]
    CatchUp,
    /// Another snapshot is being made.
    #[error("another snapshot is in progress")]
    InProgress,
    /// The last snapshot covers everything that is applied.
    #[error("nothing was applied since the last one")]
    NothingApplied,
    /// The node is closed.
    #[error("the node is closed")]
    Closed,
    /// The node has a write error.
    #[error("the node has a write error: {0}")]
    WriteError(WriteError),
}

/// Why a snapshot was not installed. The one before it stands.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum InstallError {
    /// The node was closed meanwhile.
    #[error("the node was closed")]
    Closed,
    /// Another one took its place.
    #[error("aborted by a newer one")]
    Aborted,
    /// The disk failed.
    #[error(transparent)]
    Write(WriteError),
}

/// Which snapshot is in progress.
#[derive(Debug, Default)]
pub(super) struct CheckpointSlot {
    n_begun: u64,
    current: Option<u64>,
}

impl CheckpointSlot {
    /// Begins one; one that was in progress is aborted by that.
    fn begin(&mut self) -> u64 {
        self.n_begun += 1;
        self.current = Some(self.n_begun);
        self.n_begun
    }

    fn is_current(&self, id: u64) -> bool {
        self.current == Some(id)
    }

    /// Ends this one. A newer one is not touched.
    fn end(&mut self, id: u64) {
        if self.is_current(id) || crate::mutant!(M17) {
            self.current = None;
        }
    }

    /// Ends whichever is in progress.
    pub(super) fn abort(&mut self) {
        self.current = None;
    }
}

/// A snapshot in progress. Dropping it ends it.
pub struct Checkpoint {
    node: Node,
    id: u64,
    position: Position,
}

impl Checkpoint {
    pub(super) fn begin(node: &Node, force: bool) -> Result<Self, CheckpointRefused> {
        let is_blocked = node.shared.blocks_snapshots.load(Ordering::Acquire);
        let is_catching_up = is_blocked || node.shared.status.borrow().peers.iter().any(|peer| peer.needs_snapshot);
        if is_catching_up && !force {
            return Err(CheckpointRefused::CatchUp);
        }
        if node.shared.checkpoint.lock().current.is_some() {
            return Err(CheckpointRefused::InProgress);
        }
        Self::begin_forced(node)
    }

    pub(super) fn begin_forced(node: &Node) -> Result<Self, CheckpointRefused> {
        if let Some(error) = node.write_error() {
            return Err(CheckpointRefused::WriteError(error));
        }
        if node.is_closed() || node.shared.status.borrow().role == Role::Closed {
            return Err(CheckpointRefused::Closed);
        }
        let applied = node.shared.applied.load(Ordering::Acquire);
        let (snapshot, term) = node.shared.view.with(|state| (state.snapshot.position, state.term(applied)));
        let term = term.filter(|_| applied > snapshot.index).ok_or(CheckpointRefused::NothingApplied)?;
        let id = node.shared.checkpoint.lock().begin();
        Ok(Self { node: node.clone(), id, position: Position { index: applied, term } })
    }

    /// The entry that it covers.
    pub fn index(&self) -> u64 {
        self.position.index
    }

    /// The term of that entry.
    pub fn term(&self) -> u64 {
        self.position.term
    }

    /// Makes the snapshot durable (O-22), adopts it, and cuts the log.
    ///
    /// # Errors
    /// See [`InstallError`]. What was written of it is removed.
    pub async fn install(self, data: Bytes) -> Result<(), InstallError> {
        let shared = &self.node.shared;
        let folder = shared.options.folder.clone();
        let members = shared.view.with(|state| state.members.clone());
        let snapshot = StoredSnapshot { position: self.position, members, data };
        let beside = folder.join(format!("{}.new", self.id));
        let written = {
            let (snapshot, path) = (snapshot.clone(), beside.clone());
            shared.context.disk.run(&beside, move |vfs| write_beside(vfs, &path, &snapshot)).await
        };
        let adopted = adopted_path(&folder, self.position);
        if let Some(why) = self.interrupted() {
            return Err(self.give_up(beside, why, written.err()).await);
        }
        if let Err(error) = written {
            return Err(self.fail("write", beside, &error).await);
        }
        let renamed = {
            let (from, to, folder) = (beside.clone(), adopted.clone(), folder.clone());
            shared.context.disk.run(&adopted, move |vfs| rename(vfs, &folder, &from, &to)).await
        };
        match renamed {
            Err(error) if !crate::mutant!(M73) => return Err(self.fail("rename", beside, &error).await),
            _ => {}
        }
        if !self.adopt(snapshot) {
            let why = self.interrupted().unwrap_or(InstallError::Aborted);
            return Err(self.give_up(adopted, why, None).await);
        }
        self.cut_log(&folder).await;
        Ok(())
    }

    /// Why it may not go on, if so.
    fn interrupted(&self) -> Option<InstallError> {
        let shared = &self.node.shared;
        if shared.is_closed() {
            return Some(InstallError::Closed);
        }
        let is_current = shared.checkpoint.lock().is_current(self.id) || crate::mutant!(M17);
        (!is_current).then_some(InstallError::Aborted)
    }

    /// Makes it the group's snapshot, unless it was interrupted or a newer one is.
    fn adopt(&self, snapshot: StoredSnapshot) -> bool {
        if self.interrupted().is_some() {
            return false;
        }
        self.node.shared.view.with(|state| {
            let is_newer = snapshot.position.index > state.snapshot.position.index || crate::mutant!(M17);
            if is_newer {
                state.snapshot = snapshot;
            }
            is_newer
        })
    }

    async fn cut_log(&self, folder: &Path) {
        let index = self.position.index;
        let of_removal = folder.to_owned();
        let removed = self.node.shared.context.disk.run(folder, move |vfs| remove_older(vfs, &of_removal, index)).await;
        if let Err(error) = removed {
            tracing::warn!(%error, "an old snapshot stays");
        }
        if let Err(closed) = self.node.compact(index).await {
            // The snapshot stands; the log is cut at the next one.
            tracing::debug!(%closed, "the log is not cut");
        }
    }

    /// Interrupted: what was written goes away, and no error of it counts.
    async fn give_up(&self, path: PathBuf, why: InstallError, error: Option<std::io::Error>) -> InstallError {
        self.remove(path).await;
        if let Some(error) = error {
            tracing::debug!(%error, "an interrupted snapshot failed to be written");
            if crate::mutant!(M93) {
                let error = WriteError::io("write", &self.node.shared.options.folder, &error);
                self.node.shared.fail(&error);
            }
        }
        why
    }

    /// Failed: the snapshot before it stands. A disk that takes no writes at all is the whole node's error.
    async fn fail(&self, operation: &str, path: PathBuf, error: &std::io::Error) -> InstallError {
        let error = WriteError::io(operation, &path, error);
        self.remove(path).await;
        if matches!(error.class(), ErrorClass::Permission | ErrorClass::Space) {
            self.node.shared.fail(&error);
            self.node.shared.quit.cancel();
        }
        InstallError::Write(error)
    }

    async fn remove(&self, path: PathBuf) {
        let is_adopted = self.node.shared.view.with(|state| state.snapshot.position) == self.position;
        if is_adopted && path == adopted_path(&self.node.shared.options.folder, self.position) {
            return;
        }
        let folder = self.node.shared.options.folder.clone();
        let removed = self.node.shared.context.disk.run(&folder, move |vfs| vfs.remove_file(&path)).await;
        if let Err(error) =
            removed.or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
        {
            tracing::debug!(%error, "a file of an unfinished snapshot stays until the next start");
        }
    }
}

fn rename(vfs: &dyn Vfs, folder: &Path, beside: &Path, adopted: &Path) -> std::io::Result<()> {
    vfs.rename(beside, adopted)?;
    sync_folder(vfs, folder)
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        self.node.shared.checkpoint.lock().end(self.id);
    }
}
