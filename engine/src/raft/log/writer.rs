//! Writes the log: frames appended to preallocated segments, one sync for each batch.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use raft::eraftpb::{Entry, HardState};

use super::format::{FrameWriter, Members, Position, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::segment_path;
use super::view::Place;
use crate::core::write_error::WriteError;
use crate::disk::{Open, Vfs, VfsFile, sync_folder};

/// Bytes of entries in a frame at most; a batch with more becomes several frames.
const FRAME_BYTES_MAX: usize = 16 << 20;
/// Bytes by which a segment's reserved space grows at least.
const RESERVED_BYTES_MIN: u64 = 64 << 10;

/// What is made durable together.
#[derive(Clone, Debug, Default)]
pub(in crate::raft) struct Batch {
    /// The log begins anew behind this position.
    pub(in crate::raft) reset: Option<Position>,
    pub(in crate::raft) hard_state: Option<HardState>,
    pub(in crate::raft) members: Option<Members>,
    pub(in crate::raft) entries: Vec<Entry>,
}

impl Batch {
    pub(in crate::raft) fn is_empty(&self) -> bool {
        self.reset.is_none() && self.hard_state.is_none() && self.members.is_none() && self.entries.is_empty()
    }
}

/// The segment that is appended to.
pub(super) struct Tail {
    pub(super) number: u64,
    pub(super) file: Arc<dyn VfsFile>,
    pub(super) position: u64,
    pub(super) reserved: u64,
}

/// The writing end of the log. After an error it is of no more use: what reached the disk is unknown.
pub(in crate::raft) struct LogWriter {
    pub(in crate::raft) folder: PathBuf,
    pub(super) segment_bytes: u64,
    /// Segments by number, with the highest index that was ever written to each.
    pub(super) segments: BTreeMap<u64, u64>,
    pub(super) tail: Option<Tail>,
    pub(super) next_frame: u64,
    /// What a new segment begins with, so that the older ones can go.
    pub(super) base: Position,
    pub(in crate::raft) hard_state: HardState,
    pub(super) members: Members,
}

impl LogWriter {
    /// Appends a batch and syncs it: where its entries stand.
    pub(in crate::raft) fn append(&mut self, vfs: &dyn Vfs, batch: &Batch) -> Result<Vec<Place>, WriteError> {
        let mut places = Vec::with_capacity(batch.entries.len());
        let mut rest = batch.entries.as_slice();
        let mut frame = frame_of(batch);
        loop {
            let mut stored = Vec::new();
            while let Some((entry, others)) = rest.split_first() {
                stored.push(frame.entry(entry));
                rest = others;
                if frame.n_bytes() > FRAME_BYTES_MAX {
                    break;
                }
            }
            let last_index = batch.entries.len().checked_sub(rest.len() + 1).map(|at| batch.entries[at].index);
            let (segment, position) = self.write(vfs, frame, last_index)?;
            self.remember(batch);
            places.extend(stored.iter().map(|stored| Place {
                segment,
                position: position + stored.offset as u64,
                n_bytes: stored.n_bytes,
                checksum: stored.checksum,
            }));
            if rest.is_empty() {
                return Ok(places);
            }
            frame = FrameWriter::new();
        }
    }

    /// What the next segment's first frame will repeat.
    fn remember(&mut self, batch: &Batch) {
        self.base = batch.reset.unwrap_or(self.base);
        if let Some(hard_state) = &batch.hard_state {
            self.hard_state = hard_state.clone();
        }
        if let Some(members) = &batch.members {
            self.members = members.clone();
        }
    }

    /// Moves the log's beginning behind this position and removes the segments that are not needed any more.
    pub(in crate::raft) fn compact(&mut self, vfs: &dyn Vfs, base: Position) -> Result<(), WriteError> {
        let mut frame = FrameWriter::new();
        frame.base(base);
        let (current, _) = self.write(vfs, frame, None)?;
        self.base = base;
        let unneeded =
            |(number, last_index): (&u64, &u64)| (*number < current && *last_index <= base.index).then_some(*number);
        let removable: Vec<u64> = self.segments.iter().map_while(unneeded).collect();
        for number in removable {
            let path = segment_path(&self.folder, number);
            vfs.remove_file(&path).map_err(|error| WriteError::io("remove", &path, &error))?;
            self.segments.remove(&number);
        }
        Ok(())
    }

    /// Writes and syncs a frame: the segment, and the frame's position in it.
    fn write(&mut self, vfs: &dyn Vfs, frame: FrameWriter, last_index: Option<u64>) -> Result<(u64, u64), WriteError> {
        let fits = |tail: &Tail| tail.position + frame.n_bytes() as u64 <= self.segment_bytes;
        if !self.tail.as_ref().is_some_and(fits) {
            self.roll(vfs)?;
        }
        let bytes = frame.finish(self.next_frame);
        let tail = self.tail.as_mut().expect("there is one after rolling");
        let path = segment_path(&self.folder, tail.number);
        let position = tail.position;
        let end = position + bytes.len() as u64;
        if end > tail.reserved {
            let reserved = (end * 2).max(end + RESERVED_BYTES_MIN).min(self.segment_bytes.max(end));
            tail.file.reserve(reserved).map_err(|error| WriteError::io("reserve", &path, &error))?;
            tail.reserved = reserved;
        }
        tail.file.write_all_at(&bytes, position).map_err(|error| WriteError::io("write", &path, &error))?;
        tail.file.sync().map_err(|error| WriteError::io("sync", &path, &error))?;
        tail.position = end;
        self.next_frame += 1;
        let number = tail.number;
        let highest = self.segments.entry(number).or_default();
        *highest = (*highest).max(last_index.unwrap_or(0));
        Ok((number, position))
    }

    /// Begins a new segment. Its first frame repeats what the log needs besides its entries.
    fn roll(&mut self, vfs: &dyn Vfs) -> Result<(), WriteError> {
        let number = self.segments.last_key_value().map_or(1, |(number, _)| number + 1);
        let path = segment_path(&self.folder, number);
        let mut preamble = FrameWriter::new();
        preamble.base(self.base);
        preamble.hard_state(&self.hard_state);
        preamble.members(&self.members);
        let header = SegmentHeader { number, first_frame: self.next_frame };
        let bytes = [header.encode(), preamble.finish(self.next_frame)].concat();
        let file = self.create(vfs, number, &bytes).map_err(|error| WriteError::io("create", &path, &error))?;
        self.next_frame += 1;
        self.segments.insert(number, 0);
        let position = bytes.len() as u64;
        self.tail = Some(Tail { number, file, position, reserved: position });
        Ok(())
    }

    fn create(&self, vfs: &dyn Vfs, number: u64, bytes: &[u8]) -> io::Result<Arc<dyn VfsFile>> {
        assert!(bytes.len() > SEGMENT_HEADER_BYTES, "a segment never begins empty");
        let file = vfs.open(&segment_path(&self.folder, number), Open::Truncate)?;
        file.write_all_at(bytes, 0)?;
        file.sync()?;
        sync_folder(vfs, &self.folder)?;
        Ok(file)
    }
}

/// A frame with all of the batch but its entries. They stand first, so that no entry survives without its term.
fn frame_of(batch: &Batch) -> FrameWriter {
    let mut frame = FrameWriter::new();
    if let Some(base) = batch.reset {
        frame.reset(base);
    }
    if let Some(hard_state) = &batch.hard_state {
        frame.hard_state(hard_state);
    }
    if let Some(members) = &batch.members {
        frame.members(members);
    }
    frame
}
