//! What a stream holds, logically: which sequences live, how many messages and bytes, and of which subjects.
//!
//! The store is asked only for facts that cannot change: the subject and size of a sequence. Whether a message lives is
//! decided here, so that a store that is ahead (it kept what a crash made this state forget) leads to the same answers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ranges::Ranges;

/// What the store knows of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its subject.
    pub subject: Arc<str>,
    /// Bytes of subject, headers and payload.
    pub bytes: u64,
    /// When the leader took it.
    pub time_ns: u64,
}

/// The messages of a store, dead ones that are still there included.
pub trait StoreView {
    /// The facts of a sequence.
    fn facts(&self, seq: u64) -> Option<Facts>;
    /// The first sequence of a subject at or behind `from`.
    ///
    /// # Errors
    /// Where that cannot be read: it need not be that there is none.
    fn next_of_subject(&self, subject: &str, from: u64) -> Result<Option<u64>, LostMessage>;
    /// The last sequence of a subject below `below`.
    ///
    /// # Errors
    /// As above.
    fn previous_of_subject(&self, subject: &str, below: u64) -> Result<Option<u64>, LostMessage>;
}

/// The store does not have a message that lives. Nothing can be decided on it: the stream has a write error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store has lost sequence {seq}")]
pub struct LostMessage {
    /// The sequence.
    pub seq: u64,
}

#[derive(Clone, Debug)]
struct OfSubject {
    n_messages: u64,
    /// None lives below this: where a search begins. How close it is depends on what was asked before.
    first_from: u64,
    last_seq: u64,
}

impl PartialEq for OfSubject {
    fn eq(&self, other: &Self) -> bool {
        self.n_messages == other.n_messages && self.last_seq == other.last_seq
    }
}

impl Eq for OfSubject {}

/// The part of [`Contents`] that a snapshot carries; the subjects follow from the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// The first sequence that lives; one behind the last where none does.
    pub first_seq: u64,
    /// The last sequence that was given out.
    pub last_seq: u64,
    /// Those between them that are gone.
    pub deleted: Ranges,
    /// How many live.
    pub n_messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Extent {
    fn empty() -> Self {
        Self { first_seq: 1, last_seq: 0, deleted: Ranges::default(), n_messages: 0, bytes: 0 }
    }

    /// Whether a message of this sequence lives.
    pub fn is_live(&self, seq: u64) -> bool {
        (self.first_seq..=self.last_seq).contains(&seq) && !self.deleted.contains(seq)
    }

    /// The first living sequence at or behind `from`.
    pub fn next_live(&self, from: u64) -> Option<u64> {
        let candidate = from.max(self.first_seq);
        let live = self.deleted.end_of_range_with(candidate).map_or(candidate, |end| end + 1);
        (live <= self.last_seq).then_some(live)
    }

    /// The living sequences, in order.
    pub fn live(&self) -> impl Iterator<Item = u64> + '_ {
        std::iter::successors(self.next_live(0), |seq| self.next_live(seq + 1))
    }

    /// Living sequences that the store does not have: what a catch-up must bring.
    pub fn missing(&self, view: &dyn StoreView) -> Vec<RangeInclusive<u64>> {
        let missing: Ranges = self.live().filter(|seq| view.facts(*seq).is_none()).collect();
        missing.iter().collect()
    }
}

/// What a stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    extent: Extent,
    subjects: BTreeMap<Arc<str>, OfSubject>,
}

impl Default for Contents {
    fn default() -> Self {
        Self { extent: Extent::empty(), subjects: BTreeMap::new() }
    }
}

impl Contents {
    /// The contents of a snapshot, with the subjects read from the store.
    ///
    /// # Errors
    /// Where the store lacks a living message.
    pub fn of(extent: Extent, view: &dyn StoreView) -> Result<Self, LostMessage> {
        let mut contents = Self::default();
        for seq in extent.live() {
            let facts = view.facts(seq).ok_or(LostMessage { seq })?;
            contents.count(seq, &facts);
        }
        debug_assert_eq!(contents.extent.n_messages, extent.n_messages, "the snapshot counted other messages");
        debug_assert_eq!(contents.extent.bytes, extent.bytes, "the snapshot counted other bytes");
        contents.extent = extent;
        Ok(contents)
    }

    /// Sequences and totals.
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// Living messages of a subject.
    pub fn n_of_subject(&self, subject: &str) -> u64 {
        self.subjects.get(subject).map_or(0, |of_subject| of_subject.n_messages)
    }

    /// The last living sequence of a subject; 0 for none.
    pub fn last_of_subject(&self, subject: &str) -> u64 {
        self.subjects.get(subject).map_or(0, |of_subject| of_subject.last_seq)
    }

    /// The first living sequence of a subject.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub fn first_of_subject(&self, subject: &str, view: &dyn StoreView) -> Result<Option<u64>, LostMessage> {
        let Some(of_subject) = self.subjects.get(subject) else { return Ok(None) };
        let mut from = of_subject.first_from;
        while let Some(seq) = view.next_of_subject(subject, from)? {
            if self.extent.is_live(seq) {
                return Ok(Some(seq));
            }
            from = seq + 1;
        }
        Ok(None)
    }

    /// The subjects with their numbers of living messages, in order.
    pub fn subjects(&self) -> impl Iterator<Item = (&str, u64)> {
        self.subjects.iter().map(|(subject, of_subject)| (&**subject, of_subject.n_messages))
    }

    /// Takes a message in, as the next sequence.
    pub fn push(&mut self, facts: &Facts) -> u64 {
        let seq = self.extent.last_seq + 1;
        self.adopt(seq, facts);
        seq
    }

    /// Takes in a message that has its sequence; those it leaves out are gone.
    pub fn adopt(&mut self, seq: u64, facts: &Facts) {
        debug_assert!(seq > self.extent.last_seq, "sequences grow");
        if self.extent.n_messages == 0 {
            self.extent.first_seq = seq;
        } else {
            self.extent.deleted.push_range(self.extent.last_seq + 1..=seq - 1);
        }
        self.extent.last_seq = seq;
        self.count(seq, facts);
    }

    /// Ends the adoption at a last sequence: those behind the last message are gone.
    pub fn adopt_end(&mut self, last_seq: u64) {
        let extent = &mut self.extent;
        if last_seq <= extent.last_seq {
            return;
        }
        if extent.n_messages == 0 {
            extent.first_seq = last_seq + 1;
        } else {
            extent.deleted.push_range(extent.last_seq + 1..=last_seq);
        }
        extent.last_seq = last_seq;
    }

    fn count(&mut self, seq: u64, facts: &Facts) {
        self.extent.n_messages += 1;
        self.extent.bytes += facts.bytes;
        let new = || OfSubject { n_messages: 0, first_from: seq, last_seq: seq };
        let of_subject = self.subjects.entry(facts.subject.clone()).or_insert_with(new);
        of_subject.n_messages += 1;
        of_subject.last_seq = seq;
    }

    /// Takes a message out. False where it did not live.
    ///
    /// # Errors
    /// Where the store lacks it or another one of its subject; nothing has changed then.
    pub fn remove(&mut self, seq: u64, view: &dyn StoreView) -> Result<bool, LostMessage> {
        if !self.extent.is_live(seq) {
            return Ok(false);
        }
        let facts = view.facts(seq).ok_or(LostMessage { seq })?;
        self.remove_from_subject(seq, &facts.subject, view)?;
        let extent = &mut self.extent;
        extent.n_messages -= 1;
        extent.bytes -= facts.bytes;
        if seq == extent.first_seq {
            extent.first_seq = extent.deleted.end_of_range_with(seq + 1).unwrap_or(seq) + 1;
            extent.deleted.remove_below(extent.first_seq);
        } else {
            extent.deleted.insert(seq);
        }
        Ok(true)
    }

    fn remove_from_subject(&mut self, seq: u64, subject: &str, view: &dyn StoreView) -> Result<(), LostMessage> {
        let lost = LostMessage { seq };
        let before = self.subjects.get(subject).ok_or(lost)?;
        if before.n_messages == 1 {
            self.subjects.remove(subject);
            return Ok(());
        }
        let is_last = before.last_seq == seq;
        let last_seq = if is_last { self.live_before(subject, seq, view)?.ok_or(lost)? } else { before.last_seq };
        let of_subject = self.subjects.get_mut(subject).ok_or(lost)?;
        of_subject.n_messages -= 1;
        of_subject.last_seq = last_seq;
        if of_subject.first_from == seq {
            of_subject.first_from = seq + 1;
        }
        Ok(())
    }

    fn live_before(&self, subject: &str, seq: u64, view: &dyn StoreView) -> Result<Option<u64>, LostMessage> {
        let mut below = seq;
        while let Some(found) = view.previous_of_subject(subject, below)? {
            if self.extent.is_live(found) {
                return Ok(Some(found));
            }
            below = found;
        }
        Ok(None)
    }

    /// Takes all messages out; their sequences are not given out again.
    pub fn clear(&mut self) -> u64 {
        let last_seq = self.extent.last_seq;
        let n_messages = self.extent.n_messages;
        *self = Self { extent: Extent { first_seq: last_seq + 1, last_seq, ..Extent::empty() }, ..Self::default() };
        n_messages
    }
}
