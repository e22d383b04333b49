//! The index of one block in memory: 24 bytes a message, of which 4 are dropped while the block is idle.

use super::record::RECORD_BYTES;
use super::subjects::SubjectId;

/// Highest bit of a length: the message is removed, its record is still in the file.
const REMOVED: u32 = 1 << 31;

/// A message of the block. Twenty bytes: times are split, so that nothing is aligned to eight.
#[derive(Clone, Copy)]
struct Entry {
    /// Sequence, from the block's base on.
    delta: u32,
    offset: u32,
    length: u32,
    time_ns: [u32; 2],
}

/// Where a message stands in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) seq: u64,
    pub(super) offset: u32,
    pub(super) length: u32,
    pub(super) time_ns: u64,
}

impl Place {
    /// Bytes of the message as totals count them.
    pub(super) fn message_bytes(&self) -> u64 {
        u64::from(self.length) - RECORD_BYTES as u64
    }
}

/// A run of messages whose removal may still be undone: the log may be replayed from before it.
#[derive(Clone, Copy, Debug)]
struct Held {
    from: u64,
    to: u64,
    index: u64,
}

/// The messages of a block whose records are in its file, in order.
#[derive(Default)]
pub(super) struct Entries {
    base: u64,
    list: Vec<Entry>,
    /// Number of the subject of each entry; missing while nobody needed it. Never a part of it.
    subjects: Option<Vec<SubjectId>>,
    /// All entries before this are removed.
    head: usize,
    /// All entries from this on are removed.
    tail: usize,
    live: u64,
    live_bytes: u64,
    held: Vec<Held>,
}

impl Entries {
    /// The index of a block without messages; its column of subjects is complete.
    pub(super) fn new() -> Self {
        Self { subjects: Some(Vec::new()), ..Self::default() }
    }

    fn place(&self, entry: &Entry) -> Place {
        let [low, high] = entry.time_ns;
        Place {
            seq: self.base + u64::from(entry.delta),
            offset: entry.offset,
            length: entry.length & !REMOVED,
            time_ns: u64::from(low) | u64::from(high) << 32,
        }
    }

    /// First entry of this sequence or above.
    fn position(&self, seq: u64) -> usize {
        let Some(delta) = seq.checked_sub(self.base) else { return 0 };
        self.list.partition_point(|entry| u64::from(entry.delta) < delta)
    }

    /// Whether a message of this sequence can be added.
    pub(super) fn reaches(&self, seq: u64) -> bool {
        self.list.is_empty() || seq - self.base <= u64::from(u32::MAX)
    }

    pub(super) fn push(&mut self, place: Place, subject: SubjectId) {
        if self.list.is_empty() {
            self.base = place.seq;
        }
        let delta = u32::try_from(place.seq - self.base).expect("a block is left before sequences get out of reach");
        let time_ns = [place.time_ns as u32, (place.time_ns >> 32) as u32];
        self.list.push(Entry { delta, offset: place.offset, length: place.length, time_ns });
        if let Some(subjects) = &mut self.subjects {
            subjects.push(subject);
        }
        self.tail = self.list.len();
        self.live += 1;
        self.live_bytes += u64::from(place.length);
    }

    pub(super) fn live(&self) -> u64 {
        self.live
    }

    /// Bytes of the records of the messages that are there.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// The message of this sequence.
    pub(super) fn get(&self, seq: u64) -> Option<Place> {
        let entry = self.list.get(self.position(seq))?;
        let place = self.place(entry);
        (place.seq == seq && entry.length & REMOVED == 0).then_some(place)
    }

    /// Messages from a sequence on, upwards; with the subject's number where the column is there.
    pub(super) fn from(&self, seq: u64) -> impl Iterator<Item = (Place, Option<SubjectId>)> {
        let begin = self.position(seq).max(self.head);
        (begin..self.tail).filter_map(|at| self.live_at(at))
    }

    /// The message of this sequence whose record is in the file, also where it is removed.
    pub(super) fn kept(&self, seq: u64) -> Option<Place> {
        let place = self.place(self.list.get(self.position(seq))?);
        (place.seq == seq).then_some(place)
    }

    /// Sequences of a run whose messages were there at an index, as far as their records are held: those that are there,
    /// and those that were removed later. `limit` at most.
    pub(super) fn as_of(&self, (from, to): (u64, u64), index: u64, limit: usize) -> Vec<u64> {
        let mut later: Vec<&Held> = self.held.iter().filter(|held| held.index > index).collect();
        later.sort_unstable_by_key(|held| held.from);
        let was_there = |seq: u64| {
            // A message is removed once: runs do not overlap.
            let at = later.partition_point(|held| held.from <= seq);
            at.checked_sub(1).is_some_and(|before| seq <= later[before].to)
        };
        let entries = self.list[self.position(from)..].iter();
        let seqs = entries.map(|entry| (self.base + u64::from(entry.delta), entry.length & REMOVED == 0));
        let seqs = seqs.take_while(|(seq, _)| *seq <= to).filter(|(seq, is_live)| *is_live || was_there(*seq));
        seqs.map(|(seq, _)| seq).take(limit).collect()
    }

    /// Messages up to a sequence, downwards.
    pub(super) fn down_from(&self, seq: u64) -> impl Iterator<Item = (Place, Option<SubjectId>)> {
        let end = seq.checked_add(1).map_or(self.tail, |next| self.position(next).min(self.tail));
        (self.head.min(end)..end).rev().filter_map(|at| self.live_at(at))
    }

    fn live_at(&self, at: usize) -> Option<(Place, Option<SubjectId>)> {
        let entry = &self.list[at];
        let is_live = entry.length & REMOVED == 0;
        is_live.then(|| (self.place(entry), self.subjects.as_ref().map(|subjects| subjects[at])))
    }

    /// Removes the messages of a run and tells of each. Records above the floor are held.
    pub(super) fn remove(
        &mut self,
        (from, to): (u64, u64),
        (index, floor): (u64, u64),
        mut tell: impl FnMut(Place, Option<SubjectId>),
    ) {
        let begin = self.position(from).max(self.head);
        let end = to.checked_add(1).map_or(self.list.len(), |next| self.position(next));
        let mut extends = false;
        for at in begin..end {
            let Some((place, subject)) = self.live_at(at) else {
                // What was removed before is not held again.
                extends = false;
                continue;
            };
            tell(place, subject);
            self.list[at].length |= REMOVED;
            self.live -= 1;
            self.live_bytes -= u64::from(place.length);
            match self.held.last_mut() {
                _ if index <= floor => {}
                Some(held) if extends => held.to = place.seq,
                _ => self.held.push(Held { from: place.seq, to: place.seq, index }),
            }
            extends = true;
        }
        self.trim();
    }

    /// Moves the ends over what is removed, so that nobody walks over it.
    fn trim(&mut self) {
        let is_removed = |entry: &Entry| entry.length & REMOVED != 0;
        while self.head < self.tail && is_removed(&self.list[self.head]) {
            self.head += 1;
        }
        while self.head < self.tail && is_removed(&self.list[self.tail - 1]) {
            self.tail -= 1;
        }
    }

    /// Forgets the messages behind a sequence, whose records are gone from the file, and tells of those that were there.
    pub(super) fn forget_behind(&mut self, last_seq: u64, mut tell: impl FnMut(Place, Option<SubjectId>)) -> bool {
        let end = last_seq.checked_add(1).map_or(self.list.len(), |next| self.position(next));
        for at in end..self.list.len() {
            if let Some((place, subject)) = self.live_at(at) {
                tell(place, subject);
                self.live -= 1;
                self.live_bytes -= u64::from(place.length);
            }
        }
        // The sequences are given out anew, and then these are other messages.
        self.held.retain(|held| held.from <= last_seq);
        for held in &mut self.held {
            held.to = held.to.min(last_seq);
        }
        let forgets = end < self.list.len();
        self.list.truncate(end);
        if let Some(subjects) = &mut self.subjects {
            subjects.truncate(end);
        }
        (self.head, self.tail) = (self.head.min(end), self.tail.min(end));
        self.trim();
        forgets
    }

    /// Whether a removed message of this run still has its record in the file.
    pub(super) fn has_removed_in(&self, from: u64, to: u64) -> bool {
        let end = to.checked_add(1).map_or(self.list.len(), |next| self.position(next));
        let begin = self.position(from).min(end);
        self.list[begin..end].iter().any(|entry| entry.length & REMOVED != 0)
    }

    /// Bytes of the records of messages whose removal a replay may undo; lets go of the removals that none can.
    pub(super) fn held_bytes(&mut self, floor: u64) -> u64 {
        self.held.retain(|held| held.index > floor);
        let of = |held: &Held| {
            let end = held.to.checked_add(1).map_or(self.list.len(), |next| self.position(next));
            let run = &self.list[self.position(held.from).min(end)..end];
            let removed = run.iter().filter(|entry| entry.length & REMOVED != 0);
            removed.map(|entry| u64::from(entry.length & !REMOVED)).sum::<u64>()
        };
        self.held.iter().map(of).sum()
    }

    /// Whether the record of this message must stay in the file: it is there, or its removal may be undone.
    pub(super) fn is_needed(&self, seq: u64, offset: u32) -> Option<Needed> {
        let entry = self.list.get(self.position(seq))?;
        let place = self.place(entry);
        if place.seq != seq || place.offset != offset {
            return None;
        }
        if entry.length & REMOVED == 0 {
            return Some(Needed::Live);
        }
        self.held.iter().any(|held| (held.from..=held.to).contains(&seq)).then_some(Needed::Held)
    }

    /// The index of the same block after it was written anew: these places, in order.
    pub(super) fn rewritten(&self, places: &[(Place, Needed)]) -> Self {
        let mut entries = Self { held: self.held.clone(), ..Self::default() };
        // The column goes: the numbers of held messages are not known any more.
        let mut subjects = self.subjects.as_ref().map(|_| Vec::with_capacity(places.len()));
        for (place, needed) in places {
            let known = self.subjects.as_ref().map(|column| column[self.position(place.seq)]);
            entries.push(*place, known.unwrap_or_default());
            if let (Some(column), Some(known)) = (&mut subjects, known) {
                column.push(known);
            }
            if *needed == Needed::Held {
                let last = entries.list.len() - 1;
                entries.list[last].length |= REMOVED;
                entries.live -= 1;
                entries.live_bytes -= u64::from(place.length);
            }
        }
        entries.subjects = subjects;
        entries.trim();
        entries
    }

    pub(super) fn has_subjects(&self) -> bool {
        self.subjects.is_some()
    }

    /// All entries, removed ones too: sequence, offset, whether it is there.
    pub(super) fn all(&self) -> impl Iterator<Item = (u64, u32, bool)> {
        let of = |entry: &Entry| (self.base + u64::from(entry.delta), entry.offset, entry.length & REMOVED == 0);
        self.list.iter().map(of)
    }

    /// Puts the whole column of subjects in.
    pub(super) fn set_subjects(&mut self, subjects: Vec<SubjectId>) {
        assert_eq!(subjects.len(), self.list.len(), "a column has a number for each entry");
        self.subjects = Some(subjects);
    }

    /// Gives memory back that an idle block does not need.
    pub(super) fn rest(&mut self) {
        self.subjects = None;
        self.shrink();
    }

    /// Gives back what was reserved for more entries.
    pub(super) fn shrink(&mut self) {
        self.list.shrink_to_fit();
        self.held.shrink_to_fit();
        if let Some(subjects) = &mut self.subjects {
            subjects.shrink_to_fit();
        }
    }

    /// Bytes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        let subjects = self.subjects.as_ref().map_or(0, Vec::capacity) * size_of::<SubjectId>();
        self.list.capacity() * size_of::<Entry>() + self.held.capacity() * size_of::<Held>() + subjects
    }
}

/// Why a record stays in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needed {
    /// The message is there.
    Live,
    /// Its removal may be undone.
    Held,
}

#[cfg(test)]
mod tests {
    use super::{Entries, Entry, Needed, Place};

    fn filled(n: u64) -> Entries {
        let mut entries = Entries::new();
        for at in 0..n {
            let place = Place { seq: 10 + at * 2, offset: at as u32 * 100, length: 100, time_ns: u64::MAX - at };
            entries.push(place, at as u32);
        }
        entries
    }

    fn seqs(entries: &Entries) -> Vec<u64> {
        entries.from(0).map(|(place, _)| place.seq).collect()
    }

    #[test]
    fn a_message_takes_24_bytes() {
        assert_eq!(size_of::<Entry>() + size_of::<super::SubjectId>(), 24);
    }

    #[test]
    fn places_come_back_as_they_went_in() {
        let entries = filled(3);
        assert_eq!(entries.get(12), Some(Place { seq: 12, offset: 100, length: 100, time_ns: u64::MAX - 1 }));
        assert_eq!(entries.get(13), None);
        assert_eq!(entries.down_from(13).next().map(|(place, _)| place.seq), Some(12));
        assert_eq!(entries.down_from(9).next(), None);
    }

    #[test]
    fn a_removal_above_the_floor_is_held_and_only_that() {
        let mut entries = filled(6);
        entries.remove((12, 12), (5, 5), |_, _| {});
        entries.remove((0, 16), (6, 5), |_, _| {});
        assert_eq!((seqs(&entries), entries.live()), (vec![18, 20], 2));
        assert_eq!(entries.held_bytes(5), 300, "10, 14 and 16");
        assert_eq!(entries.is_needed(10, 0), Some(Needed::Held));
        assert_eq!(entries.is_needed(12, 100), None);
        assert_eq!(entries.is_needed(18, 400), Some(Needed::Live));
        assert_eq!(entries.is_needed(18, 500), None, "that is another record");
        assert_eq!(entries.held_bytes(6), 0);
        assert_eq!(entries.is_needed(10, 0), None);
    }

    #[test]
    fn what_was_there_at_an_index_is_known_while_it_is_held() {
        let mut entries = filled(6);
        entries.remove((12, 12), (5, 4), |_, _| {});
        entries.remove((18, 18), (7, 4), |_, _| {});
        entries.remove((0, 16), (6, 4), |_, _| {});
        let as_of = |entries: &Entries, index| entries.as_of((0, 100), index, 10);
        assert_eq!(as_of(&entries, 4), [10, 12, 14, 16, 18, 20]);
        assert_eq!(as_of(&entries, 5), [10, 14, 16, 18, 20]);
        assert_eq!(as_of(&entries, 6), [18, 20]);
        assert_eq!(as_of(&entries, 7), [20]);
        assert_eq!(entries.as_of((12, 18), 4, 10), [12, 14, 16, 18]);
        assert_eq!(entries.as_of((11, 100), 4, 2), [12, 14]);
        assert_eq!((entries.kept(12).map(|place| place.offset), entries.kept(13)), (Some(100), None));
        assert_eq!(entries.held_bytes(6), 100, "18 alone is held above 6");
        assert_eq!(as_of(&entries, 4), [18, 20]);
    }

    #[test]
    fn an_index_that_was_written_anew_has_the_same_messages() {
        let mut entries = filled(4);
        entries.remove((12, 14), (9, 8), |_, _| {});
        let places = [(10, 0, Needed::Live), (12, 100, Needed::Held), (16, 200, Needed::Live)];
        let at = |(seq, offset, needed)| (Place { seq, offset, length: 100, time_ns: seq }, needed);
        let anew = entries.rewritten(&places.map(at));
        assert_eq!((seqs(&anew), anew.live_bytes()), (vec![10, 16], 200));
        assert!(anew.has_removed_in(11, 13) && !anew.has_removed_in(14, 14));
        assert_eq!(anew.from(16).next().map(|(_, subject)| subject), Some(Some(3)));
    }
}
