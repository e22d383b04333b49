//! The driver's side of the disk: batches, snapshots, compaction, and the commit index.

use std::path::Path;
use std::sync::atomic::Ordering;

use interlock_sync::select;
use interlock_sync::time::sleep;

use super::driver::{Driver, End, answer};
use super::log::{Batch, LogWriter, Position, StoredSnapshot, adopted_path, remove_older, write_beside};
use super::turn::{Outcome, Turn};
use crate::core::write_error::WriteError;
use crate::disk::{Vfs, sync_folder};

/// How many times as many entries are kept for a peer that is heard as for nobody.
const PATIENCE: u64 = 64;

impl Driver {
    /// Works on the disk and waits for it. When the node is closed meanwhile, the work is given some patience and then
    /// abandoned: a disk that hangs keeps nobody from stopping.
    async fn on_disk<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&dyn Vfs, &mut LogWriter) -> T + Send + 'static,
    ) -> Result<T, End> {
        self.shared.n_syncs.fetch_add(1, Ordering::Relaxed);
        let mut writer = self.writer.take().expect("put back when the work before it ended");
        let shared = self.shared.clone();
        let working = shared.context.disk.run(&shared.options.folder, move |vfs| {
            let result = work(vfs, &mut writer);
            (writer, result)
        });
        let impatience = async {
            shared.quit.cancelled().await;
            sleep(shared.options.timing.stop_patience).await;
        };
        select! {
            biased;
            (returned, result) = working => {
                self.writer = Some(returned);
                Ok(result)
            }
            () = impatience => Err(End::Quit),
        }
    }

    /// Makes a turn's batch and snapshot durable, the snapshot first (O-32). Where that fails the node ends: nothing is
    /// passed over (G-10, G-12).
    pub(super) async fn persist(&mut self, turn: &mut Turn) -> Result<(), End> {
        if turn.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut turn.batch);
        let snapshot = turn.snapshot.clone();
        if snapshot.is_some() {
            // A snapshot of this state machine's own is older than the one that takes its place.
            self.shared.checkpoint.lock().abort();
        }
        let (batch, written) = self
            .on_disk(move |vfs, writer| {
                let written = write(vfs, writer, &batch, snapshot.as_ref());
                (batch, written)
            })
            .await?;
        turn.batch = batch;
        match written {
            Ok(places) => turn.places = places,
            Err(error) if is_passed_over(&turn.batch, self.shared.options.server.0) => {
                tracing::warn!(%error, "the log is not durable");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Hands a turn's entries to the state machine, once the members that they left are durable (G-14).
    pub(super) async fn deliver(&mut self, outcome: Outcome) -> Result<(), End> {
        if outcome.members.is_some() {
            let batch = Batch { members: outcome.members, ..Batch::default() };
            self.on_disk(move |vfs, writer| writer.append(vfs, &batch)).await??;
        }
        if !outcome.applies.is_empty() {
            self.shared.applies.push(outcome.applies);
        }
        if std::mem::take(&mut self.keeps_commit) {
            self.keep_commit().await?;
        }
        Ok(())
    }

    /// Writes the commit index, if it is not on the disk: it travels with entries, and alone when there are none.
    async fn keep_commit(&mut self) -> Result<(), End> {
        let hard_state = self.shared.view.with(|state| state.hard_state.clone());
        if self.writer.as_ref().is_none_or(|writer| writer.hard_state.commit == hard_state.commit) {
            return Ok(());
        }
        let batch = Batch { hard_state: Some(hard_state), ..Batch::default() };
        self.on_disk(move |vfs, writer| writer.append(vfs, &batch)).await??;
        Ok(())
    }

    /// Cuts the log behind the snapshots that were adopted, but for some entries that slow followers may want.
    pub(super) async fn compact(&mut self) -> Result<(), End> {
        for (index, reply) in std::mem::take(&mut self.compactions) {
            let kept = self.shared.options.limits.kept_entries;
            // Entries that a living peer lacks are kept longer, but not for ever: then it takes the snapshot.
            let wanted = self.slowest.unwrap_or(u64::MAX).max(index.saturating_sub(PATIENCE * kept));
            let base = self.shared.view.with(|state| {
                let index = index.saturating_sub(kept).min(wanted);
                let term = state.term(index).filter(|_| index > state.base.index);
                term.map(|term| Position { index, term })
            });
            if let Some(base) = base {
                self.on_disk(move |vfs, writer| writer.compact(vfs, base)).await??;
                self.shared.view.with(|state| state.compact(base));
            }
            answer(reply, ());
        }
        Ok(())
    }

    /// The last act of a node that is stopped.
    pub(super) async fn leave(&mut self) {
        if let Err(End::Failed(error)) = self.keep_commit().await {
            tracing::warn!(%error, "the commit index is not kept");
        }
    }
}

fn write(
    vfs: &dyn Vfs,
    writer: &mut LogWriter,
    batch: &Batch,
    snapshot: Option<&StoredSnapshot>,
) -> Result<Vec<super::log::Place>, WriteError> {
    if let Some(snapshot) = snapshot {
        match install(vfs, &writer.folder, snapshot) {
            Err(error) if crate::mutant!(M111) => tracing::warn!(%error, "the snapshot is not installed"),
            installed => installed?,
        }
    }
    writer.append(vfs, batch)
}

/// A received snapshot: durable under its name before the log begins behind it.
fn install(vfs: &dyn Vfs, folder: &Path, snapshot: &StoredSnapshot) -> Result<(), WriteError> {
    let beside = folder.join("received.new");
    let adopted = adopted_path(folder, snapshot.position);
    let written = write_beside(vfs, &beside, snapshot).and_then(|()| vfs.rename(&beside, &adopted));
    let written = written.and_then(|()| sync_folder(vfs, folder));
    let removed = written.and_then(|()| remove_older(vfs, folder, snapshot.position.index));
    removed.map_err(|error| WriteError::io("install", &adopted, &error))
}

/// Whether a failed write is passed over: in the shipped engine, never.
fn is_passed_over(batch: &Batch, own: u64) -> bool {
    let vote = batch.hard_state.as_ref().map_or(0, |hard_state| hard_state.vote);
    let (is_append, is_own_vote) = (!batch.entries.is_empty(), vote == own);
    if crate::mutant!(M112) {
        return is_append;
    }
    if crate::mutant!(M71) {
        return vote != 0 && !is_own_vote;
    }
    crate::mutant!(M72) && is_own_vote
}
