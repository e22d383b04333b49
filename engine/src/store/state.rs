//! What a store's lock guards: the blocks in order, the totals, and what each record does to them.

use std::path::PathBuf;
use std::sync::Arc;

use super::block::{Block, Inner};
use super::entries::Place;
use super::error::StoreError;
use super::message::{SubjectTotals, SyncPolicy, Totals};
use super::record::{HEADER_BYTES, Header, Kind, Record};
use super::subjects::{Filter, SubjectId, Subjects};
use crate::disk::Vfs;

/// A block in its place, with the bound that finds it.
#[derive(Clone)]
pub(super) struct Slot {
    /// No message of it is below; bounds never fall from slot to slot.
    pub(super) first_seq: u64,
    pub(super) block: Arc<Block>,
}

/// The state of a store.
pub(super) struct State {
    pub(super) is_closed: bool,
    /// When records become durable.
    pub(super) sync: SyncPolicy,
    /// In the order of their numbers. Only the last one grows; all others are durable.
    pub(super) slots: Vec<Slot>,
    pub(super) next_block: u64,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// Sequence of the first message, or one more than the last.
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    pub(super) subjects: Subjects,
    /// The log is never replayed from an index below.
    pub(super) reclaim_floor: u64,
    /// Index of the last record.
    pub(super) last_index: u64,
    /// How often a file of the folder was made, renamed or removed, and how many of these are durable.
    pub(super) folder_changes: u64,
    pub(super) folder_synced: u64,
    /// What was found at the start is durable: a crashed process may have left the last block, its name, a cut or a
    /// removal in the page cache only, and nothing may be written behind that.
    pub(super) is_settled: bool,
    /// Blocks that were written anew or removed so far.
    pub(super) n_reclaimed: u64,
}

impl State {
    pub(super) fn new(sync: SyncPolicy, reclaim_floor: u64) -> Self {
        Self {
            is_closed: false,
            sync,
            slots: Vec::new(),
            next_block: 1,
            messages: 0,
            bytes: 0,
            first_seq: 1,
            last_seq: 0,
            subjects: Subjects::default(),
            reclaim_floor,
            last_index: 0,
            folder_changes: 0,
            folder_synced: 0,
            is_settled: true,
            n_reclaimed: 0,
        }
    }

    pub(super) fn last_block(&self) -> Option<&Arc<Block>> {
        self.slots.last().map(|slot| &slot.block)
    }

    /// Slot that may have this sequence, or the first one behind.
    fn slot_of(&self, seq: u64) -> usize {
        self.slots.partition_point(|slot| slot.first_seq <= seq).saturating_sub(1)
    }

    /// Slots that may have messages of this run.
    pub(super) fn slots_of(&self, from: u64, to: u64) -> &[Slot] {
        let begin = self.slot_of(from);
        let end = self.slots.partition_point(|slot| slot.first_seq <= to).max(begin);
        &self.slots[begin..end]
    }

    pub(super) fn has_block(&self, number: u64) -> bool {
        self.slots.binary_search_by_key(&number, |slot| slot.block.number).is_ok()
    }

    /// The header of a block that begins here.
    pub(super) fn header(&self) -> Header {
        Header { block: self.next_block, index: self.last_index, first_seq: self.first_seq, last_seq: self.last_seq }
    }

    /// Puts a block behind the others.
    pub(super) fn add_block(&mut self, path: PathBuf, header: Header) -> Arc<Block> {
        let block = Arc::new(Block::new(path, header));
        self.slots.push(Slot { first_seq: self.last_seq + 1, block: block.clone() });
        self.next_block = header.block + 1;
        block
    }

    /// The message of this sequence.
    pub(super) fn find(&self, seq: u64) -> Option<(Arc<Block>, Place)> {
        let slot = self.slots.get(self.slot_of(seq))?;
        let place = slot.block.lock().entries.get(seq)?;
        Some((slot.block.clone(), place))
    }

    /// A message whose record is in a file, also where it is removed.
    pub(super) fn find_kept(&self, seq: u64) -> Option<(Arc<Block>, Place)> {
        let slot = self.slots.get(self.slot_of(seq))?;
        let place = slot.block.lock().entries.kept(seq)?;
        Some((slot.block.clone(), place))
    }

    /// Sequences of a run whose messages were there at an index, as far as they are held: `limit` at most.
    pub(super) fn as_of(&self, (from, to): (u64, u64), index: u64, limit: usize) -> Vec<u64> {
        let mut seqs = Vec::new();
        for slot in self.slots_of(from, to) {
            seqs.extend(slot.block.lock().entries.as_of((from, to), index, limit - seqs.len()));
        }
        seqs
    }

    /// The first message at or above a sequence.
    pub(super) fn first_from(&self, seq: u64) -> Option<Place> {
        let mut slots = self.slots.iter().skip(self.slot_of(seq));
        slots.find_map(|slot| slot.block.lock().entries.from(seq).next().map(|(place, _)| place))
    }

    /// The last message at or below a sequence.
    pub(super) fn last_to(&self, seq: u64) -> Option<Place> {
        let end = self.slots.partition_point(|slot| slot.first_seq <= seq);
        let mut slots = self.slots[..end].iter().rev();
        slots.find_map(|slot| slot.block.lock().entries.down_from(seq).next().map(|(place, _)| place))
    }

    pub(super) fn totals(&self) -> Totals {
        let first = self.first_from(self.first_seq);
        let last = self.last_to(self.last_seq);
        Totals {
            messages: self.messages,
            bytes: self.bytes,
            first_seq: self.first_seq,
            last_seq: self.last_seq,
            first_time_ns: first.map_or(0, |place| place.time_ns),
            last_time_ns: last.map_or(0, |place| place.time_ns),
        }
    }

    /// Reads the subjects of all messages of a run where they are not in memory: what they are counted by.
    pub(super) fn load_subjects(&self, vfs: &dyn Vfs, from: u64, to: u64) -> Result<(), StoreError> {
        for slot in self.slots_of(from, to) {
            let mut inner = slot.block.lock();
            if inner.entries.from(from).next().is_some_and(|(place, _)| place.seq <= to) {
                slot.block.load_subjects(&mut inner, vfs, &self.subjects)?;
            }
        }
        Ok(())
    }

    /// Does what a record says. The subjects of what it removes are in memory. How many messages went.
    pub(super) fn apply(&mut self, record: &Record<'_>, offset: u32, length: u32) -> u64 {
        match record.kind {
            Kind::Message => {
                let Record { seq, time_ns, .. } = *record;
                self.add(record.subject, Place { seq, offset, length, time_ns });
                0
            }
            Kind::Remove => self.remove(record.seq, record.time_ns, record.index),
            Kind::Compact => {
                // Everything below the first message is gone already.
                let removed = self.remove(self.first_seq, record.seq.saturating_sub(1), record.index);
                self.last_seq = self.last_seq.max(record.seq.saturating_sub(1));
                self.first_seq = self.first_seq.max(record.seq);
                removed
            }
            Kind::Skip => {
                let is_empty = self.messages == 0;
                self.last_seq = self.last_seq.max(record.seq);
                if is_empty {
                    self.first_seq = self.last_seq + 1;
                }
                0
            }
        }
    }

    fn add(&mut self, subject: &str, place: Place) {
        let id = self.subjects.add(subject, place.seq);
        self.messages += 1;
        self.bytes += place.message_bytes();
        if self.messages == 1 {
            self.first_seq = place.seq;
        }
        self.last_seq = place.seq;
        let last = self.last_block().expect("a message stands in the last block").clone();
        last.lock().entries.push(place, id);
    }

    fn remove(&mut self, from: u64, to: u64, index: u64) -> u64 {
        let before = self.messages;
        let is_all = from <= self.first_seq && to >= self.last_seq;
        let slots: Vec<Slot> = self.slots_of(from, to).to_vec();
        let floor = self.reclaim_floor;
        if is_all {
            self.subjects.clear();
        }
        for slot in slots {
            let Self { messages, bytes, subjects, .. } = self;
            slot.block.lock().entries.remove((from, to), (index, floor), |place, subject| {
                *messages -= 1;
                *bytes -= place.message_bytes();
                if let (Some(subject), false) = (subject, is_all) {
                    subjects.remove(subject, place.seq);
                }
            });
        }
        if (from..=to).contains(&self.first_seq) {
            self.first_seq = self.first_from(to).map_or(self.last_seq + 1, |place| place.seq);
        }
        before - self.messages
    }

    /// Takes over what a block's header says: it stands for all marks in the blocks before.
    pub(super) fn begin_block(&mut self, header: &Header) {
        self.remove(0, header.first_seq.saturating_sub(1), header.index);
        if self.last_seq > header.last_seq {
            self.forget_behind(header.last_seq);
        }
        self.last_seq = header.last_seq;
        self.first_seq = self.first_from(header.first_seq).map_or(header.last_seq + 1, |place| place.seq);
        self.last_index = header.index;
    }

    /// Takes messages behind a sequence out of the totals and the index; their subjects are in memory. Blocks that have
    /// their records must be written anew.
    pub(super) fn forget_behind(&mut self, last_seq: u64) {
        for slot in &self.slots {
            let Self { messages, bytes, subjects, .. } = self;
            let mut inner = slot.block.lock();
            let forgets = inner.entries.forget_behind(last_seq, |place, subject| {
                *messages -= 1;
                *bytes -= place.message_bytes();
                if let Some(subject) = subject {
                    subjects.remove(subject, place.seq);
                }
            });
            inner.must_rewrite |= forgets;
        }
        for slot in &mut self.slots {
            slot.first_seq = slot.first_seq.min(last_seq + 1);
        }
        self.last_seq = self.last_seq.min(last_seq);
        self.first_seq = self.first_from(self.first_seq).map_or(self.last_seq + 1, |place| place.seq);
    }

    /// A block was written anew or removed.
    pub(super) fn note_reclaimed(&mut self) {
        self.folder_changes += 1;
        self.n_reclaimed += 1;
    }

    /// Looks from a sequence upwards for a message that fits.
    pub(super) fn next(&self, vfs: &dyn Vfs, from: u64, filter: Filter<'_>) -> Result<Option<Place>, StoreError> {
        let from = from.max(self.first_seq);
        let slots = self.slots.get(self.slot_of(from)..).unwrap_or_default();
        let fits = |(_, subject): &(Place, Option<SubjectId>)| self.fits(filter, *subject);
        for slot in slots {
            let inner = self.column(slot, vfs, filter)?;
            if let Some((place, _)) = inner.entries.from(from).find(fits) {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// The same downwards.
    pub(super) fn previous(&self, vfs: &dyn Vfs, to: u64, filter: Filter<'_>) -> Result<Option<Place>, StoreError> {
        let end = self.slots.partition_point(|slot| slot.first_seq <= to);
        let fits = |(_, subject): &(Place, Option<SubjectId>)| self.fits(filter, *subject);
        for slot in self.slots[..end].iter().rev() {
            let inner = self.column(slot, vfs, filter)?;
            if let Some((place, _)) = inner.entries.down_from(to).find(fits) {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    fn fits(&self, filter: Filter<'_>, subject: Option<SubjectId>) -> bool {
        match subject {
            None => matches!(filter, Filter::All),
            Some(id) => filter.fits(id, &self.subjects),
        }
    }

    /// The block, locked, with its subjects in memory where the filter asks for them.
    fn column<'a>(
        &self,
        slot: &'a Slot,
        vfs: &dyn Vfs,
        filter: Filter<'_>,
    ) -> Result<interlock_sync::lock::MutexGuard<'a, Inner>, StoreError> {
        let mut inner = slot.block.lock();
        if inner.entries.live() > 0 && !matches!(filter, Filter::All) {
            slot.block.load_subjects(&mut inner, vfs, &self.subjects)?;
        }
        Ok(inner)
    }

    /// The place of a message, with its subject, from the index.
    pub(super) fn described(&self, vfs: &dyn Vfs, seq: u64) -> Result<Option<(Place, &str)>, StoreError> {
        let Some(slot) = self.slots.get(self.slot_of(seq)) else { return Ok(None) };
        let mut inner = slot.block.lock();
        if inner.entries.get(seq).is_none() {
            return Ok(None);
        }
        slot.block.load_subjects(&mut inner, vfs, &self.subjects)?;
        let found = inner.entries.from(seq).next();
        Ok(found.and_then(|(place, subject)| Some((place, self.subjects.name(subject?)))))
    }

    /// Totals of a subject. Its ends are looked for where messages went; whoever may change the state keeps them.
    pub(super) fn subject_totals(&self, vfs: &dyn Vfs, id: SubjectId) -> Result<SubjectTotals, StoreError> {
        let Some(subject) = self.subjects.get(id) else { return Ok(SubjectTotals::default()) };
        if let Some(totals) = subject.totals() {
            return Ok(totals);
        }
        let first = self.next(vfs, subject.first_seq, Filter::One(id))?;
        let last = self.previous(vfs, subject.last_seq, Filter::One(id))?;
        let ends = first.zip(last).expect("a subject is kept while it has messages");
        Ok(SubjectTotals { messages: subject.messages, first_seq: ends.0.seq, last_seq: ends.1.seq })
    }

    /// Keeps the ends of a subject that were looked for.
    pub(super) fn keep_ends(&mut self, id: SubjectId, totals: SubjectTotals) {
        if let Some(subject) = self.subjects.get_mut(id) {
            (subject.first_seq, subject.last_seq) = (totals.first_seq, totals.last_seq);
            (subject.is_first_stale, subject.is_last_stale) = (false, false);
        }
    }

    /// Bytes of all block files, as far as they are written.
    pub(super) fn file_bytes(&self) -> u64 {
        self.slots.iter().map(|slot| slot.block.lock().end()).filter(|bytes| *bytes > HEADER_BYTES as u64).sum()
    }

    /// How many messages at or above a sequence fit.
    pub(super) fn count(&self, vfs: &dyn Vfs, from: u64, filter: Filter<'_>) -> Result<u64, StoreError> {
        match filter {
            Filter::Nothing => return Ok(0),
            Filter::All if from <= self.first_seq => return Ok(self.messages),
            Filter::All | Filter::One(_) | Filter::Pattern(_) => {}
        }
        let mut n_messages = 0;
        for slot in self.slots_of(from, u64::MAX) {
            if matches!(filter, Filter::All) && slot.first_seq >= from {
                n_messages += slot.block.lock().entries.live();
                continue;
            }
            let inner = self.column(slot, vfs, filter)?;
            n_messages += inner.entries.from(from).filter(|(_, subject)| self.fits(filter, *subject)).count() as u64;
        }
        Ok(n_messages)
    }
}
