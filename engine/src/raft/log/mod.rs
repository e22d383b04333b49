//! The raft log of one group: segment files and snapshot files in a folder, and their picture in memory.

mod format;
mod recovery;
mod snapshot;
#[cfg(test)]
mod tests;
mod view;
mod writer;

use std::path::{Path, PathBuf};

pub(super) use format::{Members, Position};
pub(super) use recovery::{LogBytes, Recovered, recover};
pub(super) use snapshot::{adopted_path, is_beside, plant, remove_older, write_beside};
pub(super) use view::{LogView, Place, StoredSnapshot};
pub(super) use writer::{Batch, LogWriter};

fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}.log"))
}
