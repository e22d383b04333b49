//! Subjects of a store: names as numbers, with totals; and filters of subjects.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use super::message::SubjectTotals;
use crate::core::subject;

/// Number of a subject in its store, while the subject has messages.
pub(super) type SubjectId = u32;

/// A subject with messages.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    name: Arc<str>,
    pub(super) messages: u64,
    /// Nothing of it is below; exact unless `is_first_stale`.
    pub(super) first_seq: u64,
    /// Nothing of it is behind; exact unless `is_last_stale`.
    pub(super) last_seq: u64,
    pub(super) is_first_stale: bool,
    pub(super) is_last_stale: bool,
}

impl Subject {
    /// Its totals, where both ends are exact.
    pub(super) fn totals(&self) -> Option<SubjectTotals> {
        let is_exact = !self.is_first_stale && !self.is_last_stale;
        let Self { messages, first_seq, last_seq, .. } = *self;
        is_exact.then_some(SubjectTotals { messages, first_seq, last_seq })
    }
}

/// All subjects of a store.
#[derive(Default)]
pub(super) struct Subjects {
    // Looked up, never iterated; its hasher has no random state.
    ids: HashMap<Arc<str>, SubjectId, BuildHasherDefault<DefaultHasher>>,
    list: Vec<Option<Subject>>,
    free: Vec<SubjectId>,
}

impl Subjects {
    pub(super) fn id(&self, name: &str) -> Option<SubjectId> {
        self.ids.get(name).copied()
    }

    pub(super) fn get(&self, id: SubjectId) -> Option<&Subject> {
        self.list.get(id as usize).and_then(Option::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: SubjectId) -> Option<&mut Subject> {
        self.list.get_mut(id as usize).and_then(Option::as_mut)
    }

    pub(super) fn name(&self, id: SubjectId) -> &str {
        self.get(id).map_or("", |subject| &subject.name)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    /// Counts a message that comes behind all others.
    pub(super) fn add(&mut self, name: &str, seq: u64) -> SubjectId {
        if let Some(id) = self.id(name)
            && let Some(subject) = self.get_mut(id)
        {
            subject.messages += 1;
            subject.last_seq = seq;
            subject.is_last_stale = false;
            return id;
        }
        let name: Arc<str> = name.into();
        let subject = Subject {
            name: name.clone(),
            messages: 1,
            first_seq: seq,
            last_seq: seq,
            is_first_stale: false,
            is_last_stale: false,
        };
        let id = self.free.pop().unwrap_or_else(|| {
            self.list.push(None);
            (self.list.len() - 1) as SubjectId
        });
        self.list[id as usize] = Some(subject);
        self.ids.insert(name, id);
        id
    }

    /// Counts a message less.
    pub(super) fn remove(&mut self, id: SubjectId, seq: u64) {
        let Some(subject) = self.get_mut(id) else { return };
        subject.messages -= 1;
        if subject.messages == 0 {
            let name = subject.name.clone();
            self.ids.remove(&name);
            self.list[id as usize] = None;
            self.free.push(id);
            return;
        }
        if subject.first_seq == seq {
            (subject.first_seq, subject.is_first_stale) = (seq + 1, true);
        }
        if subject.last_seq == seq {
            (subject.last_seq, subject.is_last_stale) = (seq - 1, true);
        }
        if subject.messages == 1 && subject.is_first_stale != subject.is_last_stale {
            // One end is exact, and it is the only message.
            let only = if subject.is_first_stale { subject.last_seq } else { subject.first_seq };
            (subject.first_seq, subject.last_seq) = (only, only);
            (subject.is_first_stale, subject.is_last_stale) = (false, false);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Which subjects a reader wants.
#[derive(Clone, Copy, Debug)]
pub(super) enum Filter<'a> {
    All,
    One(SubjectId),
    /// No message has this subject.
    Nothing,
    Pattern(&'a str),
}

impl<'a> Filter<'a> {
    pub(super) fn new(filter: Option<&'a str>, subjects: &Subjects) -> Self {
        match filter {
            None | Some(">") => Self::All,
            Some(pattern) if pattern.contains(['*', '>']) => Self::Pattern(pattern),
            Some(name) => subjects.id(name).map_or(Self::Nothing, Self::One),
        }
    }

    pub(super) fn fits(&self, id: SubjectId, subjects: &Subjects) -> bool {
        match self {
            Self::All => true,
            Self::One(own) => *own == id,
            Self::Nothing => false,
            Self::Pattern(pattern) => subject::fits(pattern, subjects.name(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Subjects;

    #[test]
    fn a_subject_without_messages_is_forgotten_and_its_number_used_again() {
        let mut subjects = Subjects::default();
        let id = subjects.add("a", 1);
        subjects.add("a", 2);
        subjects.remove(id, 1);
        assert_eq!(subjects.get(id).and_then(super::Subject::totals).map(|totals| totals.first_seq), Some(2));
        subjects.remove(id, 2);
        assert_eq!((subjects.id("a"), subjects.count()), (None, 0));
        assert_eq!(subjects.add("b", 3), id);
    }
}
