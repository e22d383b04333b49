//! Reads what a group's last member has: the members are this server alone by the cluster's decision, so nobody can
//! contradict its log any more.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use raft::eraftpb::EntryType;

use super::log::{LogBytes, recover};
use super::options::Limits;
use crate::core::write_error::WriteError;
use crate::disk::{Disk, Vfs};

/// Bytes of entries that are read at once.
const CHUNK_BYTES: u64 = 4 << 20;

/// What a log held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvage {
    /// The index that the snapshot covers, and the state; `None` where there is none.
    pub snapshot: Option<(u64, Bytes)>,
    /// The entries behind it, in order, with their indexes. Changes of members have no data.
    pub entries: Vec<(u64, Bytes)>,
}

/// Reads a group's folder; `None` where there is none. Nothing is changed but what a torn end needs.
///
/// # Errors
/// The disk's, and damage.
pub async fn salvage(disk: &Disk, folder: &Path) -> Result<Option<Salvage>, WriteError> {
    let (path, vfs) = (folder.to_owned(), disk.vfs().clone());
    disk.run(folder, move |_vfs| if vfs.exists(&path) { read(&vfs, &path).map(Some) } else { Ok(None) }).await
}

fn read(vfs: &Arc<dyn Vfs>, folder: &Path) -> Result<Salvage, WriteError> {
    let limits = Limits::default();
    let bytes = LogBytes { segment: limits.segment_bytes, recent: limits.recent_bytes };
    let view = recover(vfs, folder, bytes)?.view;
    let (snapshot, base, last_index) =
        view.with(|state| (state.snapshot.clone(), state.base.index, state.last_index()));
    let mut entries = Vec::new();
    let mut next = base.max(snapshot.position.index) + 1;
    while next <= last_index {
        let chunk = view.read(next, last_index + 1, CHUNK_BYTES);
        if let Some(error) = view.read_error() {
            return Err(error);
        }
        for entry in chunk {
            next = entry.index + 1;
            let data = if entry.get_entry_type() == EntryType::EntryNormal { entry.data } else { Bytes::new() };
            entries.push((entry.index, data));
        }
    }
    let covered = snapshot.position.index;
    Ok(Salvage { snapshot: (covered > 0).then_some((covered, snapshot.data)), entries })
}
