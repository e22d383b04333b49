//! Calls that read. None of them looks at write errors (W8), and none of their errors stays (I-S16).

use super::Store;
use super::error::StoreError;
use super::message::{StoredMessage, SubjectTotals, Totals};
use super::state::State;
use super::subjects::Filter;

impl Store {
    /// The message of this sequence.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn load(&self, seq: u64) -> Result<StoredMessage, StoreError> {
        let state = self.open_state()?;
        self.read_at(&state, seq)
    }

    /// The first message at or above a sequence that fits the filter.
    ///
    /// # Errors
    /// Its block cannot be read.
    pub fn next(&self, from_seq: u64, filter: Option<&str>) -> Result<Option<StoredMessage>, StoreError> {
        let state = self.open_state()?;
        let wanted = Filter::new(filter, &state.subjects);
        let place = match wanted {
            Filter::Nothing => None,
            Filter::One(id) if state.subjects.get(id).is_none_or(|subject| subject.last_seq < from_seq) => None,
            Filter::One(id) => {
                let first_seq = state.subjects.get(id).map_or(0, |subject| subject.first_seq);
                state.next(self.vfs(), from_seq.max(first_seq), wanted)?
            }
            Filter::All | Filter::Pattern(_) => state.next(self.vfs(), from_seq, wanted)?,
        };
        place.map(|place| self.read_at(&state, place.seq)).transpose()
    }

    /// Sequences of a run whose messages were there at a raft index: `limit` at most. Of those that
    /// were removed since, the ones whose removal may still be undone (see [`Self::set_reclaim_floor`]).
    ///
    /// # Errors
    /// The store is closed.
    pub fn seqs_as_of(&self, run: (u64, u64), index: u64, limit: usize) -> Result<Vec<u64>, StoreError> {
        Ok(self.open_state()?.as_of(run, index, limit))
    }

    /// The message of this sequence as long as its record is in a file, also where it is removed.
    ///
    /// # Errors
    /// Its block cannot be read.
    pub fn load_kept(&self, seq: u64) -> Result<Option<StoredMessage>, StoreError> {
        let state = self.open_state()?;
        let Some((block, place)) = state.find_kept(seq) else { return Ok(None) };
        block.read(&mut block.lock(), self.vfs(), place).map(Some)
    }

    /// What the index knows of a message: nothing is read where the block's subjects are in memory.
    ///
    /// # Errors
    /// Its block cannot be read.
    pub fn described(&self, seq: u64) -> Result<Option<Described>, StoreError> {
        let state = self.open_state()?;
        let found = state.described(self.vfs(), seq)?;
        Ok(found.map(|(place, subject)| Described {
            seq,
            subject: subject.to_owned(),
            bytes: place.message_bytes(),
            time_ns: place.time_ns,
        }))
    }

    /// Sequence of the first message at or above another one that fits the filter.
    ///
    /// # Errors
    /// Its block cannot be read.
    pub fn seq_at_or_above(&self, seq: u64, filter: Option<&str>) -> Result<Option<u64>, StoreError> {
        let state = self.open_state()?;
        let found = state.next(self.vfs(), seq, Filter::new(filter, &state.subjects))?;
        Ok(found.map(|place| place.seq))
    }

    /// Sequence of the last message at or below another one that fits the filter.
    ///
    /// # Errors
    /// Its block cannot be read.
    pub fn seq_at_or_below(&self, seq: u64, filter: Option<&str>) -> Result<Option<u64>, StoreError> {
        let state = self.open_state()?;
        let found = state.previous(self.vfs(), seq, Filter::new(filter, &state.subjects))?;
        Ok(found.map(|place| place.seq))
    }

    /// The newest message of a subject.
    ///
    /// # Errors
    /// Its block cannot be read; or the index names a message that is not there.
    pub fn last_of(&self, subject: &str) -> Result<Option<StoredMessage>, StoreError> {
        let mut missed = None;
        loop {
            let totals = self.subject_totals(subject)?;
            if totals.messages == 0 {
                return Ok(None);
            }
            match self.load(totals.last_seq) {
                // It was removed meanwhile: another one is the last.
                Err(StoreError::NotFound(seq)) if missed != Some(seq) => missed = Some(seq),
                Err(StoreError::NotFound(seq)) => {
                    let reason = format!("the index has {seq} as the last one of a subject, and it is not there");
                    return Err(StoreError::read(self.folder(), reason));
                }
                loaded => return loaded.map(Some),
            }
        }
    }

    /// What the store holds.
    pub fn totals(&self) -> Totals {
        self.state.read().totals()
    }

    /// The highest raft index of a record.
    pub fn last_index(&self) -> u64 {
        self.state.read().last_index
    }

    /// What the store holds of a subject.
    ///
    /// # Errors
    /// A block cannot be read.
    pub fn subject_totals(&self, subject: &str) -> Result<SubjectTotals, StoreError> {
        {
            let state = self.open_state()?;
            let known = state.subjects.id(subject).and_then(|id| state.subjects.get(id));
            match known.map(super::subjects::Subject::totals) {
                None => return Ok(SubjectTotals::default()),
                Some(Some(totals)) => return Ok(totals),
                Some(None) => {}
            }
        }
        // Looked for under the exclusive lock, so that it can be kept; the subject may be another one by then.
        let mut state = self.state.write();
        let Some(id) = state.subjects.id(subject) else { return Ok(SubjectTotals::default()) };
        let totals = state.subject_totals(self.vfs(), id)?;
        state.keep_ends(id, totals);
        Ok(totals)
    }

    /// How many messages fit a filter, and the sequence of the first one at or above `from_seq`.
    ///
    /// # Errors
    /// A block cannot be read.
    pub fn count(&self, from_seq: u64, filter: Option<&str>) -> Result<u64, StoreError> {
        let state = self.open_state()?;
        state.count(self.vfs(), from_seq, Filter::new(filter, &state.subjects))
    }

    /// Bytes of memory that the index takes, of the open handles, and of the files: for health and tests.
    pub fn usage(&self) -> Usage {
        let state = self.state.read();
        let mut usage = Usage { file_bytes: state.file_bytes(), n_blocks: state.slots.len(), ..Usage::default() };
        for slot in &state.slots {
            let inner = slot.block.lock();
            usage.index_bytes += inner.entries.memory_bytes();
            usage.pending_bytes += inner.pending.len();
            usage.n_open_files += usize::from(inner.is_open());
        }
        usage.n_subjects = state.subjects.count();
        usage
    }

    fn open_state(&self) -> Result<interlock_sync::lock::RwLockReadGuard<'_, State>, StoreError> {
        let state = self.state.read();
        if state.is_closed { Err(StoreError::Closed) } else { Ok(state) }
    }

    fn read_at(&self, state: &State, seq: u64) -> Result<StoredMessage, StoreError> {
        let (block, place) = state.find(seq).ok_or(StoreError::NotFound(seq))?;
        block.read(&mut block.lock(), self.vfs(), place)
    }
}

/// A message as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its sequence.
    pub seq: u64,
    /// Its subject.
    pub subject: String,
    /// Bytes of its subject, headers and payload as they are stored.
    pub bytes: u64,
    /// When it was published, in nanoseconds since 1970.
    pub time_ns: u64,
}

/// What a store takes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of the index in memory.
    pub index_bytes: usize,
    /// Bytes that are not written yet.
    pub pending_bytes: usize,
    /// Bytes of block files.
    pub file_bytes: u64,
    /// Blocks.
    pub n_blocks: usize,
    /// Block files that are open.
    pub n_open_files: usize,
    /// Subjects that have messages.
    pub n_subjects: usize,
}
