//! Opens a group's folder after any end of the process: reads what is whole, cuts what is torn, refuses what is lost.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use raft::eraftpb::Entry;

use super::format::{Frame, Item, Position, SEGMENT_HEADER_BYTES, SegmentHeader, has_frame_behind, read_frame};
use super::segment_path;
use super::snapshot::{is_beside, latest};
use super::view::{LogState, LogView, Place};
use super::writer::{Batch, LogWriter, Tail};
use crate::core::write_error::WriteError;
use crate::disk::{Open, Vfs, VfsFile, sync_folder};

/// A log that was opened.
pub(in crate::raft) struct Recovered {
    pub(in crate::raft) view: LogView,
    pub(in crate::raft) writer: LogWriter,
    /// Whether there was nothing in the folder.
    pub(in crate::raft) is_new: bool,
}

/// Limits of a log, in bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::raft) struct LogBytes {
    /// Size at which a segment is followed by the next one.
    pub(in crate::raft) segment: u64,
    /// Latest entries that stay in memory.
    pub(in crate::raft) recent: usize,
}

/// Opens the log in a folder, which is made where it is missing.
///
/// # Errors
/// The disk's, and a log that has lost what it once acknowledged.
pub(in crate::raft) fn recover(vfs: &Arc<dyn Vfs>, folder: &Path, limits: LogBytes) -> Result<Recovered, WriteError> {
    let failed = |error: io::Error| WriteError::io("open", folder, &error);
    vfs.create_folders(folder).map_err(failed)?;
    if let Some(parent) = folder.parent() {
        sync_folder(vfs.as_ref(), parent).map_err(failed)?;
    }
    let paths = vfs.list(folder).map_err(failed)?;
    paths.iter().filter(|path| is_beside(path)).try_for_each(|path| vfs.remove_file(path)).map_err(failed)?;
    let mut reading = Reading::new(vfs.as_ref(), folder, limits);
    reading.segments(&paths)?;
    reading.state.snapshot = latest(vfs.as_ref(), folder).map_err(failed)?;
    reading.adopt_snapshot()?;
    let is_new = reading.writer.segments.is_empty() && reading.state.snapshot.position.index == 0;
    // What a rename or a removal did before the crash is durable before anything is built on it.
    sync_folder(vfs.as_ref(), folder).map_err(failed)?;
    let Reading { state, writer, .. } = reading;
    Ok(Recovered { view: LogView::new(state, vfs.clone(), folder), writer, is_new })
}

struct Reading<'a> {
    vfs: &'a dyn Vfs,
    folder: &'a Path,
    state: LogState,
    writer: LogWriter,
    /// Entries up to this index were in segments that are removed: a base that covers them must follow.
    hole: Option<u64>,
}

impl<'a> Reading<'a> {
    fn new(vfs: &'a dyn Vfs, folder: &'a Path, limits: LogBytes) -> Self {
        let writer = LogWriter {
            folder: folder.to_owned(),
            segment_bytes: limits.segment,
            segments: BTreeMap::new(),
            tail: None,
            next_frame: 1,
            base: Position::default(),
            hard_state: raft::eraftpb::HardState::default(),
            members: super::Members::default(),
        };
        Self { vfs, folder, state: LogState::new(limits.recent), writer, hole: None }
    }

    fn segments(&mut self, paths: &[PathBuf]) -> Result<(), WriteError> {
        let number_of = |path: &PathBuf| path.file_name()?.to_str()?.strip_suffix(".log")?.parse::<u64>().ok();
        let mut numbers: Vec<u64> = paths.iter().filter_map(number_of).collect();
        numbers.sort_unstable();
        let last = numbers.last().copied();
        // A removal that a crash undid leaves an old segment, and a gap behind it. What is missing without it shows.
        let n_resurrected = numbers.windows(2).rposition(|pair| pair[0] + 1 != pair[1]).map_or(0, |at| at + 1);
        let resurrected: Vec<u64> = numbers.drain(..n_resurrected).collect();
        for number in numbers {
            self.segment(number, last == Some(number))?;
        }
        if let Some(hole) = self.hole {
            return Err(WriteError::other(format!("open {}: entries up to {hole} are missing", self.folder.display())));
        }
        // Only now: of a log that is refused everything stays where it is.
        for number in resurrected {
            let path = segment_path(self.folder, number);
            self.vfs.remove_file(&path).map_err(|error| WriteError::io("remove", &path, &error))?;
        }
        self.writer.base = self.state.base;
        self.writer.hard_state = self.state.hard_state.clone();
        self.writer.members = self.state.members.clone();
        Ok(())
    }

    fn segment(&mut self, number: u64, is_last: bool) -> Result<(), WriteError> {
        let path = segment_path(self.folder, number);
        let failed = |error: io::Error| WriteError::io("read", &path, &error);
        let how = if is_last { Open::Write } else { Open::Read };
        let file = self.vfs.open(&path, how).map_err(failed)?;
        let bytes = Bytes::from(file.read_from(0).map_err(failed)?);
        let is_first = self.writer.segments.is_empty();
        let header = SegmentHeader::decode(&bytes).filter(|header| header.number == number);
        let header = header.filter(|header| is_first || header.first_frame == self.writer.next_frame);
        let Some(header) = header else {
            // The header and the first frame are synced together: a segment without them was never used.
            let is_torn = is_last && !has_frame_behind(&bytes, if is_first { 0 } else { self.writer.next_frame + 1 });
            return if is_torn { self.vfs.remove_file(&path).map_err(failed) } else { Err(damaged(&path, 0)) };
        };
        if is_first {
            self.writer.next_frame = header.first_frame;
        }
        self.writer.segments.insert(number, 0);
        let (position, last_frame) = self.frames(number, &bytes);
        let rest = bytes.slice(position..);
        let is_clean = rest.iter().all(|byte| *byte == 0);
        if !is_clean && (!is_last || has_frame_behind(&rest, self.writer.next_frame)) {
            return Err(damaged(&path, position));
        }
        if !is_last {
            return Ok(());
        }
        if position == SEGMENT_HEADER_BYTES {
            self.writer.segments.remove(&number);
            return self.vfs.remove_file(&path).map_err(failed);
        }
        self.reopen(number, file, &bytes, position, last_frame, is_clean)
    }

    /// Applies the frames of a segment: where the next one would begin, and where the last one begins.
    fn frames(&mut self, number: u64, bytes: &Bytes) -> (usize, usize) {
        let (mut position, mut last_frame) = (SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES);
        while let Some(frame) = read_frame(&bytes.slice(position..)) {
            if frame.number != self.writer.next_frame {
                break;
            }
            last_frame = position;
            let n_bytes = frame.n_bytes;
            self.apply(number, position, frame);
            position += n_bytes;
            self.writer.next_frame += 1;
        }
        (position, last_frame)
    }

    fn apply(&mut self, number: u64, position: usize, frame: Frame) {
        for item in frame.items {
            match item {
                Item::HardState(hard_state) => self.state.hard_state = hard_state,
                Item::Members(members) => self.state.members = members,
                Item::Base(base) => self.base(base),
                Item::Reset(base) => {
                    self.state.reset(base);
                    self.hole = None;
                }
                Item::Entry(entry, stored) => {
                    let position = (position + stored.offset) as u64;
                    let (n_bytes, checksum) = (stored.n_bytes, stored.checksum);
                    self.entry(&entry, Place { segment: number, position, n_bytes, checksum });
                }
            }
        }
    }

    fn base(&mut self, base: Position) {
        self.state.compact(base);
        self.hole = self.hole.filter(|hole| *hole > base.index);
    }

    fn entry(&mut self, entry: &Entry, place: Place) {
        let highest = self.writer.segments.entry(place.segment).or_default();
        *highest = (*highest).max(entry.index);
        if entry.index <= self.state.base.index {
            // A segment that is older than the base and was not removed yet.
            return;
        }
        if entry.index > self.state.last_index() + 1 {
            self.hole = Some(entry.index - 1);
            self.state.reset(Position { index: entry.index - 1, term: 0 });
        }
        self.state.append(std::slice::from_ref(entry));
        self.state.written(entry.index, &[place]);
    }

    /// Goes on with the last segment: cuts a torn frame off, and writes the last whole frame once more, because its
    /// sync may have failed and left the bytes in the page cache only.
    fn reopen(
        &mut self,
        number: u64,
        file: Arc<dyn VfsFile>,
        bytes: &Bytes,
        position: usize,
        last_frame: usize,
        is_clean: bool,
    ) -> Result<(), WriteError> {
        let path = segment_path(self.folder, number);
        let failed = |error: io::Error| WriteError::io("repair", &path, &error);
        if !is_clean {
            file.set_len(position as u64).map_err(failed)?;
        }
        // Its header too: of a segment's first frame they are one write.
        let from = if last_frame == SEGMENT_HEADER_BYTES { 0 } else { last_frame };
        file.write_all_at(&bytes[from..position], from as u64).map_err(failed)?;
        file.sync().map_err(failed)?;
        let reserved = if is_clean { bytes.len() as u64 } else { position as u64 };
        self.writer.tail = Some(Tail { number, file, position: position as u64, reserved });
        Ok(())
    }

    /// Brings the log in line with the snapshot: a crash may have come between the two.
    fn adopt_snapshot(&mut self) -> Result<(), WriteError> {
        let state = &mut self.state;
        let (position, members) = (state.snapshot.position, state.snapshot.members.clone());
        if position.index < state.base.index {
            return Err(WriteError::other(format!(
                "open {}: the log begins behind {}, and the snapshot ends at {}",
                self.folder.display(),
                state.base.index,
                position.index
            )));
        }
        if position.index > state.base.index && state.term(position.index) != Some(position.term) {
            let hard_state = Some(raft::eraftpb::HardState {
                term: state.hard_state.term.max(position.term),
                commit: position.index,
                // A vote is of its term only.
                vote: if state.hard_state.term >= position.term { state.hard_state.vote } else { 0 },
                ..raft::eraftpb::HardState::default()
            });
            let members = Some(members.clone());
            let batch = Batch { reset: Some(position), hard_state, members, entries: Vec::new() };
            self.writer.append(self.vfs, &batch)?;
            state.reset(position);
            state.hard_state = batch.hard_state.unwrap_or_default();
        }
        if members.index > state.members.index {
            state.members = members;
        }
        let commit = state.hard_state.commit.min(state.last_index());
        state.hard_state.commit = commit.max(position.index).max(state.base.index);
        Ok(())
    }
}

fn damaged(path: &Path, position: usize) -> WriteError {
    WriteError::other(format!("open {}: damaged at byte {position}, and not torn by a crash", path.display()))
}
