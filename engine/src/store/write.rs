//! Calls that change a store. Each one logs a record first and then does in memory what the record says.

use interlock_sync::task;

use super::Store;
use super::block::latching;
use super::error::StoreError;
use super::message::{NewMessage, SyncPolicy};
use super::record::{HEADER_BYTES, Kind, Record};
use super::state::State;
use crate::core::write_error::WriteError;
use crate::disk::{self, Open};
use crate::mutant;

/// Pending bytes of a block after which a call writes them itself.
const PENDING_BYTES_MAX: usize = 1 << 20;
/// Bytes of a block at most, so that offsets fit.
const BLOCK_BYTES_MAX: u64 = 1 << 30;

impl Store {
    /// Appends a message. Durable on return only with [`SyncPolicy::Always`].
    ///
    /// # Errors
    /// The sequence is not the next one, the message is too large for a record, or a write error.
    pub fn append(&self, message: &NewMessage<'_>) -> Result<(), StoreError> {
        self.append_all(std::slice::from_ref(message))
    }

    /// Appends messages: all of them are there, or none is, also after a crash. They stand in one block.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_all(&self, messages: &[NewMessage<'_>]) -> Result<(), StoreError> {
        self.mutate(|state| {
            for (expected, message) in (state.last_seq + 1..).zip(messages) {
                if message.seq != expected {
                    return Err(StoreError::Sequence { expected, given: message.seq });
                }
            }
            let mut records = Vec::with_capacity(messages.len());
            for NewMessage { seq, index, time_ns, subject, headers, payload } in messages.iter().copied() {
                let continues = records.len() + 1 < messages.len();
                records.push(Record { kind: Kind::Message, seq, index, time_ns, subject, headers, payload, continues });
            }
            self.log_all(state, &records).map(|_| ())
        })
    }

    /// Gives out sequences up to this one without messages.
    ///
    /// # Errors
    /// The last sequence is not below, or a write error.
    pub fn skip(&self, seq: u64, index: u64) -> Result<(), StoreError> {
        self.mutate(|state| {
            let expected = state.last_seq + 1;
            if seq < expected {
                return Err(StoreError::Sequence { expected, given: seq });
            }
            self.log(state, &Record::mark(Kind::Skip, seq, index)).map(|_| ())
        })
    }

    /// Removes a message; whether there was one.
    ///
    /// # Errors
    /// A read error of its block, or a write error.
    pub fn remove(&self, seq: u64, index: u64) -> Result<bool, StoreError> {
        if mutant!(M60) {
            return self.remove_in_two_holds(seq, index);
        }
        self.maintain(|state| {
            crate::reach!(self, "store_locked_in_remove");
            self.remove_one(state, seq, index)
        })
    }

    /// The bug: between looking and removing, somebody else may remove; then "not found" counts as a write error.
    fn remove_in_two_holds(&self, seq: u64, index: u64) -> Result<bool, StoreError> {
        if self.state.read().find(seq).is_none() {
            return Ok(false);
        }
        crate::reach!(self, "store_locked_in_remove");
        self.mutate(|state| match self.remove_one(state, seq, index)? {
            true => Ok(true),
            false => Err(WriteError::other(StoreError::NotFound(seq).to_string()).into()),
        })
    }

    fn remove_one(&self, state: &mut State, seq: u64, index: u64) -> Result<bool, StoreError> {
        if state.find(seq).is_none() {
            return Ok(false);
        }
        state.load_subjects(self.vfs(), seq, seq)?;
        // Whatever removes the first message is superseded by the next block's header: nothing has to be kept of it.
        let record = if seq == state.first_seq {
            let next = state.first_from(seq + 1).map_or(state.last_seq + 1, |place| place.seq);
            Record::mark(Kind::Compact, next, index)
        } else {
            Record::removal(seq, seq, index)
        };
        self.log(state, &record)?;
        self.reclaim(state, seq, seq)?;
        Ok(true)
    }

    /// Removes everything below a sequence, in one hold of the lock; the sequences below are given out. How many
    /// messages that were.
    ///
    /// # Errors
    /// A read error of a block, or a write error.
    pub fn compact(&self, first_seq: u64, index: u64) -> Result<u64, StoreError> {
        if mutant!(M81) {
            return self.compact_in_two_holds(first_seq, index);
        }
        self.maintain(|state| {
            crate::reach!(self, "store_locked_in_compact");
            self.compact_to(state, first_seq, index)
        })
    }

    /// The bug: what covers everything is purged later, with what came between.
    fn compact_in_two_holds(&self, first_seq: u64, index: u64) -> Result<u64, StoreError> {
        let covers_all = self.state.read().last_seq < first_seq;
        crate::reach!(self, "store_locked_in_compact");
        self.maintain(|state| {
            let first_seq = if covers_all { state.last_seq.max(first_seq - 1) + 1 } else { first_seq };
            self.compact_to(state, first_seq, index)
        })
    }

    fn compact_to(&self, state: &mut State, first_seq: u64, index: u64) -> Result<u64, StoreError> {
        if first_seq <= state.first_seq {
            return Ok(0);
        }
        let from = state.first_seq;
        if first_seq <= state.last_seq {
            state.load_subjects(self.vfs(), from, first_seq - 1)?;
        }
        let removed = self.log(state, &Record::mark(Kind::Compact, first_seq, index))?;
        self.reclaim(state, from, first_seq - 1)?;
        Ok(removed)
    }

    /// Removes everything behind a sequence, and gives it out anew. Durable on return, and no replay undoes it.
    ///
    /// # Errors
    /// A read error of a block, or a write error.
    pub fn truncate(&self, last_seq: u64) -> Result<(), StoreError> {
        let _one_at_a_time = self.sync.lock();
        self.maintain(|state| self.truncate_to(state, last_seq))
    }

    /// Logs a record behind the others and does what it says. How many messages it removed. When it fails, nothing
    /// has changed.
    pub(super) fn log(&self, state: &mut State, record: &Record<'_>) -> Result<u64, StoreError> {
        self.log_all(state, std::slice::from_ref(record))
    }

    /// The same with records of which none counts without the others.
    fn log_all(&self, state: &mut State, records: &[Record<'_>]) -> Result<u64, StoreError> {
        let Some(last) = records.last() else { return Ok(0) };
        let lengths = lengths_of(records)?;
        self.settle(state)?;
        self.make_room(state, last, lengths.iter().copied().map(u64::from).sum())?;
        let block = state.last_block().expect("room was made in the last block").clone();
        let mut inner = block.lock();
        let was_empty = inner.pending.is_empty();
        let offsets: Vec<u32> = records.iter().map(|record| inner.push(record)).collect();
        let written = match state.sync {
            SyncPolicy::Always => task::give_way(|| {
                block.write(&mut inner, self.vfs())?;
                block.sync(&mut inner, self.vfs())
            }),
            SyncPolicy::OnFlush if inner.pending.len() >= PENDING_BYTES_MAX => block.write(&mut inner, self.vfs()),
            SyncPolicy::OnFlush => Ok(()),
        };
        match written {
            // The bug: the message counts as stored.
            Err(_) if mutant!(M61) => {}
            Err(error) => {
                inner.take_back(offsets[0]);
                return Err(error.into());
            }
            Ok(()) => {}
        }
        for record in records {
            inner.last_index = inner.last_index.max(record.index);
            inner.n_removals += u64::from(record.kind == Kind::Remove);
        }
        if was_empty && !inner.pending.is_empty() {
            self.pending.notify_one();
        }
        drop(inner);
        crate::reach!(self, "store_locked_in_log");
        let mut n_removed = 0;
        for (record, (offset, length)) in records.iter().zip(offsets.into_iter().zip(lengths)) {
            state.last_index = state.last_index.max(record.index);
            n_removed += state.apply(record, offset, length);
        }
        Ok(n_removed)
    }

    /// Makes durable what was found at the start, before anything is written behind it or promised of it.
    pub(super) fn settle(&self, state: &mut State) -> Result<(), StoreError> {
        if state.is_settled {
            return Ok(());
        }
        task::give_way(|| {
            if let Some(block) = state.last_block() {
                block.write_again(&mut block.lock(), self.vfs())?;
            }
            self.sync_folder_locked(state)
        })?;
        state.is_settled = true;
        Ok(())
    }

    /// Begins a new block where records of so many bytes, of which this is the last one, do not fit into the last block.
    fn make_room(&self, state: &mut State, record: &Record<'_>, n_bytes: u64) -> Result<(), StoreError> {
        let limit = self.options.block_bytes.min(BLOCK_BYTES_MAX);
        let fits = state.last_block().is_some_and(|block| {
            let inner = block.lock();
            let is_within = inner.end() + n_bytes <= limit || inner.end() == HEADER_BYTES as u64;
            let reaches = record.kind != Kind::Message || inner.entries.reaches(record.seq);
            is_within && reaches
        });
        if fits { Ok(()) } else { task::give_way(|| self.roll(state)) }
    }

    /// Seals the last block and begins the next one. Every block but the last is durable, and so is its name.
    pub(super) fn roll(&self, state: &mut State) -> Result<(), StoreError> {
        self.settle(state)?;
        if let Some(block) = state.last_block() {
            let mut inner = block.lock();
            block.write(&mut inner, self.vfs())?;
            block.sync(&mut inner, self.vfs())?;
            inner.pending = Vec::new();
            inner.entries.shrink();
        }
        let header = state.header();
        let path = self.block_path(header.block);
        let file = self.vfs().open(&path, Open::Truncate).and_then(|file| {
            file.write_all_at(&header.encode(), 0)?;
            file.sync()?;
            disk::sync_folder(self.vfs(), self.folder())?;
            Ok(file)
        });
        let file = file.map_err(|error| latching("create", &path, &error))?;
        state.add_block(path, header).lock().set_file(Some(file));
        state.folder_synced = state.folder_changes;
        Ok(())
    }
}

/// The lengths of records that fit into a block together.
fn lengths_of(records: &[Record<'_>]) -> Result<Vec<u32>, StoreError> {
    let mut bytes = 0;
    let mut lengths = Vec::with_capacity(records.len());
    for record in records {
        bytes += (RECORD_OVERHEAD + record.subject.len() + record.headers.len() + record.payload.len()) as u64;
        lengths.push(record.length().ok_or(StoreError::TooLarge { bytes })?);
    }
    if records.len() > 1 && bytes > BLOCK_BYTES_MAX - HEADER_BYTES as u64 {
        return Err(StoreError::TooLarge { bytes });
    }
    Ok(lengths)
}

/// Bytes of a record besides its message.
const RECORD_OVERHEAD: usize = super::record::RECORD_BYTES;
