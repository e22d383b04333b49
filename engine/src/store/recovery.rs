//! Opening: whatever a crash left behind becomes a store again, and nothing that was durable is dropped in silence.

use std::io;
use std::path::{Path, PathBuf};

use super::block::latching;
use super::error::StoreError;
use super::message::StoreOptions;
use super::record::{HEADER_BYTES, Header, Kind, Record, Records, Tail, end_of_whole, tail};
use super::state::State;
use crate::core::write_error::WriteError;
use crate::disk::{self, Open, Vfs};

const BLOCK_EXTENSION: &str = "blk";
const BESIDE_EXTENSION: &str = "new";

/// Path of a block's file.
pub(super) fn block_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number}.{BLOCK_EXTENSION}"))
}

/// Path under which a block is written anew before it takes the block's place.
pub(super) fn beside_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number}.{BESIDE_EXTENSION}"))
}

/// Where the log is cut: everything behind is said again by the raft log, or never was durable.
struct Cut {
    /// Block that is cut; blocks behind it go.
    at: usize,
    /// Bytes of it that stay; with 0 it goes as well.
    bytes: u64,
}

struct Recovery<'a> {
    options: &'a StoreOptions,
    vfs: &'a dyn Vfs,
    /// Indices above are undone.
    replay_from: u64,
    state: State,
}

/// Reads the blocks of a folder, repairs what a crash tore, and undoes what the log will say again.
pub(super) fn recover(options: &StoreOptions, replay_from: Option<u64>) -> Result<State, StoreError> {
    let vfs = options.disk.vfs().as_ref();
    let was_made = make_folder(vfs, &options.folder)?;
    let numbers = prepare_folder(vfs, &options.folder)?;
    let floor = replay_from.unwrap_or(u64::MAX);
    let mut recovery = Recovery { options, vfs, replay_from: floor, state: State::new(options.sync, floor) };
    let mut cut = None;
    for (at, number) in numbers.iter().enumerate() {
        cut = recovery.read_block(*number, at + 1 == numbers.len())?.map(|bytes| Cut { at, bytes });
        if cut.is_some() {
            break;
        }
    }
    if let Some(cut) = cut {
        recovery.cut(&numbers, &cut)?;
    }
    let mut state = recovery.state;
    state.is_settled = was_made;
    state.folder_changes = u64::from(!was_made);
    state.next_block = numbers.last().map_or(1, |last| last + 1);
    Ok(state)
}

/// Makes the folder where it is missing; whether it was.
fn make_folder(vfs: &dyn Vfs, folder: &Path) -> Result<bool, StoreError> {
    if vfs.exists(folder) {
        return Ok(false);
    }
    let made = vfs.create_folders(folder).and_then(|()| match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => disk::sync_folder(vfs, parent),
        _ => Ok(()),
    });
    made.map_err(|error| WriteError::io("create", folder, &error))?;
    Ok(true)
}

/// Removes unfinished files, and lists the blocks' numbers in order.
fn prepare_folder(vfs: &dyn Vfs, folder: &Path) -> Result<Vec<u64>, StoreError> {
    let mut numbers = Vec::new();
    for path in vfs.list(folder).map_err(|error| StoreError::read(folder, error))? {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(BLOCK_EXTENSION) => numbers.extend(number_of(&path)),
            Some(BESIDE_EXTENSION) => remove_file(vfs, &path)?,
            _ => {}
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn number_of(path: &Path) -> Option<u64> {
    path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok())
}

fn remove_file(vfs: &dyn Vfs, path: &Path) -> Result<(), StoreError> {
    vfs.remove_file(path).map_err(|error| WriteError::io("remove", path, &error).into())
}

impl Recovery<'_> {
    fn path(&self, number: u64) -> PathBuf {
        block_path(&self.options.folder, number)
    }

    /// Reads a block into the state. Where the log is to be cut in it: how many of its bytes stay.
    fn read_block(&mut self, number: u64, is_last: bool) -> Result<Option<u64>, StoreError> {
        let path = self.path(number);
        let read = self.vfs.open(&path, Open::Read).and_then(|file| file.read_from(0));
        let bytes = read.map_err(|error| StoreError::read(&path, error))?;
        let header = match Header::decode(&bytes) {
            Ok(header) if header.block == number => header,
            // A header is durable before a record follows: this block never had one.
            Err(_) if is_last && bytes.len() <= HEADER_BYTES => return Ok(Some(0)),
            Ok(_) => return Err(StoreError::read(&path, "the block has another number")),
            Err(what) => return Err(StoreError::read(&path, what)),
        };
        if header.index > self.replay_from {
            return Ok(Some(0));
        }
        self.state.begin_block(&header);
        let block = self.state.add_block(path.clone(), header);
        // A sealed block is durable as a whole.
        let whole = if is_last { end_of_whole(number, &bytes, HEADER_BYTES) } else { bytes.len() };
        let mut records = Records { block: number, bytes: &bytes[..whole], offset: HEADER_BYTES };
        let mut cut = None;
        while let Some((offset, length, record)) = records.next() {
            if record.index > self.replay_from {
                records.offset = offset as usize;
                cut = Some(u64::from(offset));
                break;
            }
            self.take(&path, &record, offset, length)?;
        }
        let end = records.offset;
        if cut.is_none() {
            cut = self.judge_tail(&path, &bytes, end, is_last)?;
        }
        let mut inner = block.lock();
        inner.written = end as u64;
        // A sealed block is durable. Of the last one a crashed process may have left all in the page cache.
        inner.synced = if is_last { 0 } else { end as u64 };
        inner.need_sync = inner.synced < inner.written;
        inner.entries.shrink();
        Ok(cut)
    }

    fn take(&mut self, path: &Path, record: &Record<'_>, offset: u32, length: u32) -> Result<(), StoreError> {
        if record.kind == Kind::Message && record.seq <= self.state.last_seq {
            let what = format!("offset {offset}: message {} comes behind {}", record.seq, self.state.last_seq);
            return Err(StoreError::read(path, what));
        }
        if let Some(block) = self.state.last_block() {
            let mut inner = block.lock();
            inner.last_index = inner.last_index.max(record.index);
            inner.n_removals += u64::from(record.kind == Kind::Remove);
        }
        self.state.last_index = self.state.last_index.max(record.index);
        self.state.apply(record, offset, length);
        Ok(())
    }

    /// What follows the last whole record: nothing, a torn write of the last block, or damage.
    fn judge_tail(&self, path: &Path, bytes: &[u8], end: usize, is_last: bool) -> Result<Option<u64>, StoreError> {
        if end == bytes.len() {
            return Ok(None);
        }
        let number = number_of(path).unwrap_or_default();
        match tail(number, bytes, end) {
            Tail::Clean | Tail::Torn if is_last => {
                tracing::warn!(path = %path.display(), end, bytes = bytes.len(), "a torn write is cut off");
                Ok(Some(end as u64))
            }
            _ => Err(StoreError::read(path, format!("offset {end}: the record is damaged"))),
        }
    }

    /// Cuts the log. From its end backwards, so that a crash leaves a shorter log and never one with a hole; and
    /// durably, so that nothing of it returns behind what is written next.
    fn cut(&mut self, numbers: &[u64], cut: &Cut) -> Result<(), StoreError> {
        let n_kept = if cut.bytes == 0 { cut.at } else { cut.at + 1 };
        for number in numbers[n_kept..].iter().rev() {
            remove_file(self.vfs, &self.path(*number))?;
        }
        if cut.bytes > 0 {
            let path = self.path(numbers[cut.at]);
            let cut_off = self.set_length(&path, cut.bytes);
            cut_off.map_err(|error| latching("cut", &path, &error))?;
            if let Some(block) = self.state.last_block() {
                let mut inner = block.lock();
                (inner.synced, inner.need_sync) = (inner.written, false);
            }
        }
        let folder = &self.options.folder;
        disk::sync_folder(self.vfs, folder).map_err(|error| latching("sync", folder, &error).into())
    }

    fn set_length(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let file = self.vfs.open(path, Open::Write)?;
        file.set_len(bytes)?;
        file.sync()
    }
}
