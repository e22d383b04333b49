//! The store as it should be: a map, and the states that it went through.

use std::collections::BTreeMap;
use std::fmt;

use interlock_engine::core::subject;
use interlock_engine::store::{NewMessage, Store, StoreError, SubjectTotals, Totals};
use interlock_sync::random::Random;

pub(crate) const SUBJECTS: [&str; 4] = ["a", "b.x", "b.y", "c.long.subject"];
const FILTERS: [Option<&str>; 5] = [None, Some("a"), Some("b.*"), Some("b.y"), Some("nothing")];

/// A message of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    time_ns: u64,
    subject: &'static str,
    payload: Vec<u8>,
}

impl Message {
    fn draw(random: &mut Random, model: &Model, subject: &'static str) -> Self {
        let bytes_max = if random.chance(3) { 900 } else { 60 };
        let payload = vec![random.below(256) as u8; random.below(bytes_max) as usize];
        Self { time_ns: model.last_seq * 10, subject, payload }
    }

    fn to_store(&self, seq: u64, index: u64) -> NewMessage<'_> {
        let Self { time_ns, subject, payload } = self;
        let headers = &payload[..payload.len() / 3];
        NewMessage { seq, index, time_ns: *time_ns, subject, headers, payload }
    }
}

/// A state that a store may be in.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) messages: BTreeMap<u64, Message>,
    pub(crate) last_seq: u64,
    /// Raft index of the operation that led here.
    pub(crate) index: u64,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} up to {}", self.messages.keys().collect::<Vec<_>>(), self.last_seq)
    }
}

/// What may be done to a store.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Append(Message),
    /// All or none.
    AppendAll(Vec<Message>),
    Remove(u64),
    Compact(u64),
    Skip(u64),
    Truncate(u64),
}

impl Operation {
    pub(crate) fn draw(random: &mut Random, model: &Model) -> Self {
        let seq = model.first_seq() + random.below(model.last_seq.saturating_sub(model.first_seq()) + 2);
        let subject = SUBJECTS[random.below(4) as usize];
        match random.below(100) {
            0..55 => Self::Append(Message::draw(random, model, subject)),
            55..70 => {
                let n_messages = 2 + random.below(5);
                Self::AppendAll((0..n_messages).map(|_| Message::draw(random, model, subject)).collect())
            }
            70..90 => Self::Remove(seq),
            90..96 => Self::Compact((model.first_seq() + random.below(12)).max(1)),
            96..98 => Self::Skip(model.last_seq + 1 + random.below(3)),
            _ => Self::Truncate(model.last_seq.saturating_sub(random.below(4))),
        }
    }

    pub(crate) fn is_truncation(&self) -> bool {
        matches!(self, Self::Truncate(_))
    }

    /// Does it to a store.
    pub(crate) fn act(&self, store: &Store, seq: u64, index: u64) -> Result<(), StoreError> {
        match self {
            Self::Append(message) => store.append(&message.to_store(seq, index)),
            Self::AppendAll(messages) => {
                let of_store = messages.iter().zip(seq..).map(|(message, seq)| message.to_store(seq, index));
                store.append_all(&of_store.collect::<Vec<_>>())
            }
            Self::Remove(at) => store.remove(*at, index).map(|_| ()),
            Self::Compact(at) => store.compact(*at, index).map(|_| ()),
            Self::Skip(at) => store.skip(*at, index),
            Self::Truncate(at) => store.truncate(*at),
        }
    }
}

impl Model {
    pub(crate) fn first_seq(&self) -> u64 {
        self.messages.keys().next().copied().unwrap_or(self.last_seq + 1)
    }

    /// The state that the operation leads to.
    pub(crate) fn after(&self, operation: &Operation, index: u64) -> Self {
        let mut next = Self { index, ..self.clone() };
        match operation {
            Operation::Append(message) => {
                next.last_seq += 1;
                next.messages.insert(next.last_seq, message.clone());
            }
            Operation::AppendAll(messages) => {
                for message in messages {
                    next.last_seq += 1;
                    next.messages.insert(next.last_seq, message.clone());
                }
            }
            Operation::Remove(at) => drop(next.messages.remove(at)),
            Operation::Compact(at) => next.compact(*at),
            Operation::Skip(at) => next.last_seq = *at,
            Operation::Truncate(at) => {
                next.messages.retain(|seq, _| seq <= at);
                next.last_seq = next.last_seq.min(*at);
            }
        }
        next
    }

    fn compact(&mut self, first_seq: u64) {
        self.messages.retain(|seq, _| *seq >= first_seq);
        self.last_seq = self.last_seq.max(first_seq - 1);
    }

    fn subject_totals(&self, subject: &str) -> SubjectTotals {
        let own: Vec<u64> = self.messages.iter().filter(|(_, of)| of.subject == subject).map(|(seq, _)| *seq).collect();
        let [first_seq, last_seq] = [own.first(), own.last()].map(|seq| seq.copied().unwrap_or_default());
        SubjectTotals { messages: own.len() as u64, first_seq, last_seq }
    }

    fn totals(&self) -> Totals {
        let bytes = |of: &Message| of.subject.len() + of.payload.len() / 3 + of.payload.len();
        let time = |message: Option<(&u64, &Message)>| message.map_or(0, |(_, message)| message.time_ns);
        Totals {
            messages: self.messages.len() as u64,
            bytes: self.messages.values().map(|message| bytes(message) as u64).sum(),
            first_seq: self.first_seq(),
            last_seq: self.last_seq,
            first_time_ns: time(self.messages.iter().next()),
            last_time_ns: time(self.messages.iter().next_back()),
        }
    }

    /// What a store holds.
    pub(crate) fn of(store: &Store) -> Self {
        let mut model = Self { last_seq: store.totals().last_seq, ..Self::default() };
        let mut from = 0;
        while let Some(message) = store.next(from, None).expect("what is there can be read") {
            let subject = SUBJECTS.into_iter().find(|subject| *subject == message.subject).expect("a subject of ours");
            let payload = message.payload.to_vec();
            assert_eq!(message.headers, payload[..payload.len() / 3]);
            model.messages.insert(message.seq, Message { time_ns: message.time_ns, subject, payload });
            from = message.seq + 1;
        }
        model
    }

    /// This state without a run of messages at its end.
    pub(crate) fn without(&self, lost: Option<(u64, u64)>) -> Self {
        let Some((first, _)) = lost else { return self.clone() };
        let mut state = self.clone();
        state.messages.retain(|seq, _| *seq < first);
        state.last_seq = state.last_seq.min(first - 1);
        state
    }

    /// Whether this is the other one but for the index.
    pub(crate) fn holds_same(&self, other: &Self) -> bool {
        self.messages == other.messages && self.last_seq == other.last_seq
    }

    /// Compares every question that a store answers.
    #[track_caller]
    pub(crate) fn check(&self, store: &Store, context: &str) {
        assert_eq!(store.totals(), self.totals(), "{context}");
        let held = Self::of(store);
        assert!(held.holds_same(self), "{context}: holds {held:?}, not {self:?}");
        for subject in SUBJECTS {
            let totals = self.subject_totals(subject);
            assert_eq!(store.subject_totals(subject), Ok(totals), "{context} {subject}");
            let last = store.last_of(subject).expect("what is there can be read").map(|message| message.seq);
            assert_eq!(last, (totals.messages > 0).then_some(totals.last_seq), "{context} {subject}");
        }
        let middle = self.first_seq().midpoint(self.last_seq);
        for filter in FILTERS {
            let fits = |message: &Message| filter.is_none_or(|filter| subject::fits(filter, message.subject));
            let mut fitting = self.messages.range(middle..).filter(|(_, message)| fits(message));
            assert_eq!(store.count(middle, filter), Ok(fitting.clone().count() as u64), "{context} {filter:?}");
            let next = store.next(middle, filter).expect("what is there can be read").map(|message| message.seq);
            assert_eq!(next, fitting.next().map(|(seq, _)| *seq), "{context} {filter:?}");
        }
    }
}
