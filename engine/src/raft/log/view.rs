//! The log as memory has it: where each entry stands, the latest entries themselves, and what raft asks of a storage.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use interlock_sync::lock::Mutex;
use raft::eraftpb::{Entry, HardState, Snapshot};
use raft::{GetEntriesContext, RaftState, Storage, StorageError};

use super::super::fields::{ENTRY_FIELD_BYTES, FieldReader};
use super::format::{Members, Position};
use super::segment_path;
use crate::core::write_error::WriteError;
use crate::disk::{Open, Vfs};

/// Where an entry stands on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::raft) struct Place {
    pub(super) segment: u64,
    pub(super) position: u64,
    pub(super) n_bytes: usize,
    pub(super) checksum: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    term: u64,
    /// None until the entry was written.
    place: Option<Place>,
}

/// A snapshot of the state machine that is on the disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::raft) struct StoredSnapshot {
    /// The last entry that it covers. Index 0: there is none.
    pub(in crate::raft) position: Position,
    /// The members when it was made, which may be later than the position.
    pub(in crate::raft) members: Members,
    /// What the state machine gave.
    pub(in crate::raft) data: Bytes,
}

/// The state under the lock.
#[derive(Debug, Default)]
pub(in crate::raft) struct LogState {
    /// The position before the first entry.
    pub(in crate::raft) base: Position,
    slots: VecDeque<Slot>,
    /// The latest entries; the last one is the log's last one.
    recent: VecDeque<Entry>,
    recent_bytes: usize,
    recent_bytes_max: usize,
    pub(in crate::raft) hard_state: HardState,
    pub(in crate::raft) members: Members,
    pub(in crate::raft) snapshot: StoredSnapshot,
    /// A read that failed: the driver ends the node for it.
    read_error: Option<WriteError>,
}

impl LogState {
    pub(super) fn new(recent_bytes_max: usize) -> Self {
        Self { recent_bytes_max, ..Self::default() }
    }

    pub(in crate::raft) fn last_index(&self) -> u64 {
        self.base.index + self.slots.len() as u64
    }

    /// The term of an entry, or of the base.
    pub(in crate::raft) fn term(&self, index: u64) -> Option<u64> {
        if index == self.base.index {
            return Some(self.base.term);
        }
        let at = usize::try_from(index.checked_sub(self.base.index + 1)?).ok()?;
        self.slots.get(at).map(|slot| slot.term)
    }

    /// Appends entries; those from the first one's index on give way.
    pub(in crate::raft) fn append(&mut self, entries: &[Entry]) {
        let Some(first) = entries.first() else { return };
        let kept = first.index.checked_sub(self.base.index + 1).expect("committed entries are never replaced");
        assert!(kept <= self.slots.len() as u64, "the log has no holes");
        let n_replaced = self.slots.len() - usize::try_from(kept).expect("no more than there are");
        self.slots.truncate(self.slots.len() - n_replaced);
        for _ in 0..n_replaced.min(self.recent.len()) {
            let replaced = self.recent.pop_back().expect("no more than there are");
            self.recent_bytes -= bytes_of(&replaced);
        }
        self.slots.extend(entries.iter().map(|entry| Slot { term: entry.term, place: None }));
        self.recent_bytes += entries.iter().map(bytes_of).sum::<usize>();
        self.recent.extend(entries.iter().cloned());
    }

    /// Records where entries from this index on were written, and lets go of what need not stay in memory.
    pub(in crate::raft) fn written(&mut self, first_index: u64, places: &[Place]) {
        let skipped = usize::try_from(first_index - self.base.index - 1).expect("the log fits into memory");
        for (slot, place) in self.slots.iter_mut().skip(skipped).zip(places) {
            slot.place = Some(*place);
        }
        while self.recent_bytes > self.recent_bytes_max {
            let first_recent = self.slots.len() - self.recent.len();
            if self.slots.get(first_recent).is_none_or(|slot| slot.place.is_none()) {
                return;
            }
            let forgotten = self.recent.pop_front().expect("its bytes were counted");
            self.recent_bytes -= bytes_of(&forgotten);
        }
    }

    /// Forgets the entries up to this position.
    pub(in crate::raft) fn compact(&mut self, base: Position) {
        if base.index < self.base.index {
            return;
        }
        while self.base.index < base.index && !self.slots.is_empty() {
            if self.recent.len() == self.slots.len() {
                let forgotten = self.recent.pop_front().expect("as many as slots");
                self.recent_bytes -= bytes_of(&forgotten);
            }
            self.slots.pop_front();
            self.base.index += 1;
        }
        self.base = base;
    }

    /// Forgets all entries: a snapshot took their place.
    pub(in crate::raft) fn reset(&mut self, base: Position) {
        self.slots.clear();
        self.recent.clear();
        self.recent_bytes = 0;
        self.base = base;
    }

    fn first_recent(&self) -> u64 {
        self.last_index() + 1 - self.recent.len() as u64
    }
}

fn bytes_of(entry: &Entry) -> usize {
    ENTRY_FIELD_BYTES + entry.data.len() + entry.context.len()
}

/// The log as raft and the handles read it. The lock is a leaf, and never held over the disk.
#[derive(Clone)]
pub(in crate::raft) struct LogView {
    state: Arc<Mutex<LogState>>,
    vfs: Arc<dyn Vfs>,
    folder: PathBuf,
}

impl LogView {
    pub(super) fn new(state: LogState, vfs: Arc<dyn Vfs>, folder: &Path) -> Self {
        Self { state: Arc::new(Mutex::new(state)), vfs, folder: folder.to_owned() }
    }

    /// Looks at the state, or changes it.
    pub(in crate::raft) fn with<T>(&self, act: impl FnOnce(&mut LogState) -> T) -> T {
        act(&mut self.state.lock())
    }

    /// The read that failed, if one did.
    pub(in crate::raft) fn read_error(&self) -> Option<WriteError> {
        self.with(|state| state.read_error.clone())
    }

    /// Entries of `low..high`, as many as fit into `bytes_max`, but at least one.
    pub(in crate::raft) fn read(&self, low: u64, high: u64, bytes_max: u64) -> Vec<Entry> {
        let (mut entries, old) = self.with(|state| select(state, low, high, bytes_max));
        if old.is_empty() {
            return entries;
        }
        match old.into_iter().map(|(index, place)| self.fetch(index, place)).collect::<Result<Vec<_>, _>>() {
            Ok(mut fetched) => {
                fetched.append(&mut entries);
                fetched
            }
            Err(error) => {
                // None rather than some: raft goes on without them until the driver has looked.
                self.with(|state| state.read_error.get_or_insert(error).clone());
                Vec::new()
            }
        }
    }

    fn fetch(&self, index: u64, place: Place) -> Result<Entry, WriteError> {
        let path = segment_path(&self.folder, place.segment);
        let mut buffer = vec![0; place.n_bytes];
        let read = self.vfs.open(&path, Open::Read).and_then(|file| file.read_at(&mut buffer, place.position));
        read.map_err(|error| WriteError::io("read", &path, &error))?;
        let intact = crc32c::crc32c(&buffer) == place.checksum;
        let entry = FieldReader::new(&Bytes::from(buffer)).entry().filter(|entry| intact && entry.index == index);
        entry.ok_or_else(|| WriteError::other(format!("read {}: entry {index} is damaged", path.display())))
    }
}

/// What of `low..high` is in memory, and where the older ones are, within the limit.
fn select(state: &LogState, low: u64, high: u64, bytes_max: u64) -> (Vec<Entry>, Vec<(u64, Place)>) {
    let (mut entries, mut old, mut n_bytes) = (Vec::new(), Vec::new(), 0);
    let first_recent = state.first_recent();
    for index in low..high {
        let position = |first: u64| usize::try_from(index - first).expect("the log fits into memory");
        let recent = (index >= first_recent).then(|| &state.recent[position(first_recent)]);
        let place = state.slots.get(position(state.base.index + 1)).and_then(|slot| slot.place);
        n_bytes += match (recent, place) {
            (Some(entry), _) => bytes_of(entry) as u64,
            (None, Some(place)) => place.n_bytes as u64,
            (None, None) => return (entries, old),
        };
        if n_bytes > bytes_max && index > low {
            break;
        }
        match (recent, place) {
            (Some(entry), _) => entries.push(entry.clone()),
            (None, Some(place)) => old.push((index, place)),
            (None, None) => break,
        }
    }
    (entries, old)
}

impl Storage for LogView {
    fn initial_state(&self) -> raft::Result<RaftState> {
        Ok(self.with(|state| RaftState::new(state.hard_state.clone(), state.members.conf_state.clone())))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        if low <= self.with(|state| state.base.index) {
            return Err(StorageError::Compacted.into());
        }
        Ok(self.read(low, high, max_size.into().unwrap_or(u64::MAX)))
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        let (term, base) = self.with(|state| (state.term(index), state.base));
        let missing = if index < base.index { StorageError::Compacted } else { StorageError::Unavailable };
        term.ok_or_else(|| missing.into())
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.with(|state| state.base.index + 1))
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.with(|state| state.last_index()))
    }

    fn snapshot(&self, request_index: u64, _to: u64) -> raft::Result<Snapshot> {
        let (stored, members) = self.with(|state| (state.snapshot.clone(), state.members.clone()));
        if stored.position.index == 0 || stored.position.index < request_index {
            return Err(StorageError::SnapshotTemporarilyUnavailable.into());
        }
        Ok(on_the_wire(&stored, &members))
    }
}

/// A snapshot as it is sent: with today's members, so that a server which joined after it was made can take it. The
/// index up to which changes of members are contained stands before the data.
fn on_the_wire(stored: &StoredSnapshot, members: &Members) -> Snapshot {
    let mut data = BytesMut::with_capacity(8 + stored.data.len());
    data.put_u64_le(members.index);
    data.extend_from_slice(&stored.data);
    let mut snapshot = Snapshot { data: data.freeze(), ..Snapshot::default() };
    let metadata = snapshot.mut_metadata();
    metadata.index = stored.position.index;
    metadata.term = stored.position.term;
    metadata.set_conf_state(members.conf_state.clone());
    snapshot
}

impl StoredSnapshot {
    /// The snapshot that another server sent.
    pub(in crate::raft) fn from_wire(snapshot: &Snapshot) -> Result<Self, WriteError> {
        let metadata = snapshot.get_metadata();
        let index = FieldReader::new(&snapshot.data).u64();
        let index = index.ok_or_else(|| WriteError::other(format!("snapshot {}: undecodable", metadata.index)))?;
        Ok(Self {
            position: Position { index: metadata.index, term: metadata.term },
            members: Members { index, conf_state: metadata.get_conf_state().clone() },
            data: snapshot.data.slice(8..),
        })
    }
}
