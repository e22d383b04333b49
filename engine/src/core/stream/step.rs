//! One entry's effect on a stream: admission, limits, removals.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Answer, StreamAction, StreamState, answer};
use crate::core::api_error::ApiError;
use crate::core::batch::Collected;
use crate::core::config::Discard;
use crate::core::contents::{Facts, LostMessage, StoreView};
use crate::core::entry::{Origin, Publish, Rollup, StreamEntry};
use crate::core::subject;

/// The store as it will be once the actions so far are executed.
struct Ahead<'a> {
    store: &'a dyn StoreView,
    stored: &'a BTreeMap<u64, Facts>,
}

impl StoreView for Ahead<'_> {
    fn facts(&self, seq: u64) -> Option<Facts> {
        self.stored.get(&seq).cloned().or_else(|| self.store.facts(seq))
    }

    fn next_of_subject(&self, subject: &str, from: u64) -> Result<Option<u64>, LostMessage> {
        let of_subject = |entry: &(&u64, &Facts)| *entry.1.subject == *subject;
        let stored = self.stored.range(from..).find(of_subject).map(|(seq, _)| *seq);
        // What the store cannot read may come before: what was just stored is then not the first.
        Ok(self.store.next_of_subject(subject, from)?.into_iter().chain(stored).min())
    }

    fn previous_of_subject(&self, subject: &str, below: u64) -> Result<Option<u64>, LostMessage> {
        let of_subject = |entry: &(&u64, &Facts)| *entry.1.subject == *subject;
        let stored = self.stored.range(..below).rev().find(of_subject).map(|(seq, _)| *seq);
        Ok(self.store.previous_of_subject(subject, below)?.into_iter().chain(stored).max())
    }
}

/// Messages of a batch that were found fit and are not stored yet.
#[derive(Default)]
struct Pending<'a> {
    parts: Vec<&'a Publish>,
    bytes: u64,
}

impl Pending<'_> {
    fn n_of_subject(&self, subject: &str) -> u64 {
        self.parts.iter().filter(|part| *part.subject == *subject).count() as u64
    }
}

/// Why a message is not stored.
enum Verdict {
    Duplicate(u64),
    Refused(ApiError),
}

/// An entry at work.
pub(super) struct Step<'a> {
    state: &'a mut StreamState,
    store: &'a dyn StoreView,
    stored: BTreeMap<u64, Facts>,
    actions: Vec<StreamAction>,
}

impl<'a> Step<'a> {
    pub(super) fn new(state: &'a mut StreamState, store: &'a dyn StoreView) -> Self {
        Self { state, store, stored: BTreeMap::new(), actions: Vec::new() }
    }

    pub(super) fn run(mut self, index: u64, entry: StreamEntry) -> Result<Vec<StreamAction>, LostMessage> {
        match entry {
            StreamEntry::Publish(publish) if publish.batch.is_some() => self.collect(index, publish)?,
            other => {
                self.state.abandon(&mut self.actions);
                self.apply_alone(other)?;
            }
        }
        Ok(self.actions)
    }

    fn apply_alone(&mut self, entry: StreamEntry) -> Result<(), LostMessage> {
        match entry {
            StreamEntry::Publish(publish) => self.publish(publish),
            StreamEntry::Remove { origin, seq } => self.remove_requested(origin, seq),
            StreamEntry::Purge { origin, filter, below_seq, keep } => {
                let victims = self.victims(filter.as_deref(), below_seq, keep)?;
                let n_messages = self.remove_all(&victims, filter.is_none())?;
                answer(origin, Answer::Removed { n_messages }, &mut self.actions);
                Ok(())
            }
            StreamEntry::Expire { before_ns } => self.expire(before_ns),
            StreamEntry::Configure(config) => {
                self.state.config = *config;
                self.actions.push(StreamAction::Configured);
                self.enforce_on_all()
            }
        }
    }

    // ---- messages ----

    fn publish(&mut self, publish: Publish) -> Result<(), LostMessage> {
        self.state.forget_ids_before(publish.time_ns);
        match self.admit(&publish, &Pending::default())? {
            None => {
                let origin = publish.origin;
                let seq = self.store(publish)?;
                answer(origin, Answer::Stored { seq, duplicate: false, batch: None }, &mut self.actions);
            }
            Some(Verdict::Duplicate(seq)) => {
                self.state.clfs += 1;
                answer(publish.origin, Answer::Stored { seq, duplicate: true, batch: None }, &mut self.actions);
            }
            Some(Verdict::Refused(error)) => self.state.refuse(publish.origin, error, &mut self.actions),
        }
        Ok(())
    }

    fn collect(&mut self, index: u64, publish: Publish) -> Result<(), LostMessage> {
        if !self.state.config.allow_atomic {
            self.state.abandon(&mut self.actions);
            self.state.refuse(publish.origin, ApiError::BATCH_DISABLED, &mut self.actions);
            return Ok(());
        }
        let (abandoned, collected) = self.state.collector.add(index, publish);
        if let Some(open) = abandoned {
            self.state.refuse_batch(open.parts, &ApiError::BATCH_INCOMPLETE, &mut self.actions);
        }
        match collected {
            Collected::Waiting => Ok(()),
            Collected::Orphan(part) => {
                self.state.refuse(part.origin, ApiError::BATCH_INCOMPLETE, &mut self.actions);
                Ok(())
            }
            Collected::TooLarge(open) => {
                self.state.refuse_batch(open.parts, &ApiError::BATCH_TOO_LARGE, &mut self.actions);
                Ok(())
            }
            Collected::Complete(open) => self.commit(open.parts),
        }
    }

    /// Stores all messages of a batch, or none.
    fn commit(&mut self, parts: Vec<Publish>) -> Result<(), LostMessage> {
        let newest_ns = parts.iter().map(|part| part.time_ns).max().unwrap_or(0);
        self.state.forget_ids_before(newest_ns);
        let mut pending = Pending::default();
        for part in &parts {
            let error = match self.admit(part, &pending)? {
                None => None,
                Some(Verdict::Duplicate(_)) => Some(ApiError::BATCH_DUPLICATE),
                Some(Verdict::Refused(error)) => Some(error),
            };
            if let Some(error) = error {
                drop(pending);
                self.state.refuse_batch(parts, &error, &mut self.actions);
                return Ok(());
            }
            pending.bytes += part.stored_bytes();
            pending.parts.push(part);
        }
        let n_messages = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        for part in parts {
            let origin = part.origin;
            let ended = part.batch.clone().filter(|place| place.commit);
            let seq = self.store(part)?;
            if let Some(place) = ended {
                let batch = Some((place.id, n_messages));
                answer(origin, Answer::Stored { seq, duplicate: false, batch }, &mut self.actions);
            }
        }
        Ok(())
    }

    /// Why a message may not be stored behind the pending ones, or nothing.
    fn admit(&self, publish: &Publish, pending: &Pending<'_>) -> Result<Option<Verdict>, LostMessage> {
        if let Some(msg_id) = &publish.msg_id {
            if let Some(seq) = self.state.dedup.seq_of(msg_id) {
                return Ok(Some(Verdict::Duplicate(seq)));
            }
            if pending.parts.iter().any(|part| part.msg_id.as_ref() == Some(msg_id)) {
                return Ok(Some(Verdict::Refused(ApiError::BATCH_DUPLICATE)));
            }
        }
        let refusal = match self.unexpected(publish, pending) {
            None => self.over_limit(publish, pending)?,
            error => error,
        };
        Ok(refusal.map(Verdict::Refused))
    }

    /// The check of the expectations and the store are one step of the log.
    fn unexpected(&self, publish: &Publish, pending: &Pending<'_>) -> Option<ApiError> {
        let last_seq = self.state.contents.extent().last_seq;
        let pending_last = last_seq + pending.parts.len() as u64;
        if publish.expected_last_seq.is_some_and(|expected| expected != pending_last) {
            return Some(ApiError::wrong_last_sequence(pending_last));
        }
        let position = pending.parts.iter().rposition(|part| part.subject == publish.subject);
        let of_subject = position.map(|position| last_seq + 1 + position as u64);
        let of_subject = of_subject.unwrap_or_else(|| self.state.contents.last_of_subject(&publish.subject));
        if publish.expected_last_subject_seq.is_some_and(|expected| expected != of_subject) {
            return Some(ApiError::wrong_last_sequence(of_subject));
        }
        let last_id = match pending.parts.last() {
            Some(part) => part.msg_id.as_deref(),
            None => self.state.last_msg_id.as_deref(),
        };
        let last_id = last_id.unwrap_or_default();
        let is_unexpected = publish.expected_last_msg_id.as_ref().is_some_and(|expected| expected != last_id);
        is_unexpected.then(|| ApiError::wrong_last_message_id(last_id))
    }

    fn over_limit(&self, publish: &Publish, pending: &Pending<'_>) -> Result<Option<ApiError>, LostMessage> {
        let config = &self.state.config;
        if config.max_msg_bytes.is_some_and(|limit| publish.message_bytes() > limit) {
            return Ok(Some(ApiError::MESSAGE_TOO_LARGE));
        }
        let bytes = publish.stored_bytes();
        if config.max_bytes.is_some_and(|limit| bytes > limit) {
            return Ok(Some(ApiError::MAX_BYTES));
        }
        if config.discard == Discard::Old {
            return Ok(None);
        }
        let (n_replaced, replaced_bytes) = self.replaced_by(publish, pending)?;
        let extent = self.state.contents.extent();
        let n_messages = extent.n_messages + pending.parts.len() as u64 + 1 - n_replaced;
        let total_bytes = extent.bytes + pending.bytes + bytes - replaced_bytes;
        if config.max_msgs.is_some_and(|limit| n_messages > limit) {
            Ok(Some(ApiError::MAX_MESSAGES))
        } else if config.max_bytes.is_some_and(|limit| total_bytes > limit) {
            Ok(Some(ApiError::MAX_BYTES))
        } else {
            Ok(None)
        }
    }

    /// Number and bytes of what the limit per subject makes room by. Messages of one batch do not make room.
    fn replaced_by(&self, publish: &Publish, pending: &Pending<'_>) -> Result<(u64, u64), LostMessage> {
        let Some(limit) = self.state.config.max_msgs_per_subject else { return Ok((0, 0)) };
        let n_stored = self.state.contents.n_of_subject(&publish.subject);
        let is_replacing = n_stored >= limit && pending.n_of_subject(&publish.subject) == 0;
        let oldest = self.state.contents.first_of_subject(&publish.subject, self.store)?;
        match oldest.filter(|_| is_replacing) {
            Some(seq) => Ok((1, self.store.facts(seq).ok_or(LostMessage { seq })?.bytes)),
            None => Ok((0, 0)),
        }
    }

    fn store(&mut self, publish: Publish) -> Result<u64, LostMessage> {
        let time_ns = publish.time_ns.max(self.state.last_time_ns);
        let facts = Facts { subject: publish.subject.clone(), bytes: publish.stored_bytes(), time_ns };
        let seq = self.state.contents.push(&facts);
        self.stored.insert(seq, facts);
        self.state.remember(seq, time_ns, publish.msg_id.as_deref());
        let subject = publish.subject.clone();
        self.actions.push(StreamAction::Store {
            seq,
            subject: publish.subject,
            headers: publish.headers,
            payload: publish.payload,
            time_ns,
            msg_id: publish.msg_id,
        });
        match publish.rollup {
            None => {}
            Some(Rollup::All) => {
                let victims = self.victims(None, Some(seq), 0)?;
                self.remove_all(&victims, true)?;
            }
            Some(Rollup::Subject) => {
                let victims = self.victims(Some(&subject), Some(seq), 0)?;
                self.remove_all(&victims, false)?;
            }
        }
        self.enforce_on_subject(&subject)?;
        self.enforce_on_stream()?;
        Ok(seq)
    }

    // ---- limits and removals ----

    fn enforce_on_all(&mut self) -> Result<(), LostMessage> {
        let limit = self.state.config.max_msgs_per_subject.unwrap_or(u64::MAX);
        let over = self.state.contents.subjects().filter(|(_, n_messages)| *n_messages > limit);
        let over: Vec<Arc<str>> = over.map(|(subject, _)| subject.into()).collect();
        for subject in over {
            self.enforce_on_subject(&subject)?;
        }
        self.enforce_on_stream()
    }

    fn enforce_on_subject(&mut self, subject: &str) -> Result<(), LostMessage> {
        let limit = self.state.config.max_msgs_per_subject.unwrap_or(u64::MAX);
        while self.state.contents.n_of_subject(subject) > limit {
            let ahead = Ahead { store: self.store, stored: &self.stored };
            let lost = LostMessage { seq: self.state.contents.last_of_subject(subject) };
            let seq = self.state.contents.first_of_subject(subject, &ahead)?.ok_or(lost)?;
            self.remove(seq)?;
        }
        Ok(())
    }

    fn enforce_on_stream(&mut self) -> Result<(), LostMessage> {
        let config = &self.state.config;
        if config.discard == Discard::New {
            return Ok(());
        }
        let (max_msgs, max_bytes) = (config.max_msgs.unwrap_or(u64::MAX), config.max_bytes.unwrap_or(u64::MAX));
        loop {
            let extent = self.state.contents.extent();
            if extent.n_messages == 0 || (extent.n_messages <= max_msgs && extent.bytes <= max_bytes) {
                return Ok(());
            }
            let first_seq = extent.first_seq;
            self.remove(first_seq)?;
        }
    }

    fn remove(&mut self, seq: u64) -> Result<bool, LostMessage> {
        let is_removed = self.remove_silently(seq)?;
        if is_removed {
            self.actions.push(StreamAction::Remove { seq });
        }
        Ok(is_removed)
    }

    fn remove_silently(&mut self, seq: u64) -> Result<bool, LostMessage> {
        let ahead = Ahead { store: self.store, stored: &self.stored };
        self.state.contents.remove(seq, &ahead)
    }

    fn remove_requested(&mut self, origin: Origin, seq: u64) -> Result<(), LostMessage> {
        let outcome = if self.remove(seq)? {
            Answer::Removed { n_messages: 1 }
        } else {
            Answer::Refused(ApiError::SEQUENCE_NOT_FOUND)
        };
        answer(origin, outcome, &mut self.actions);
        Ok(())
    }

    fn expire(&mut self, before_ns: u64) -> Result<(), LostMessage> {
        let mut n_expired = 0;
        while let Some(seq) = self.state.contents.extent().next_live(0) {
            // Times grow with the sequences: the first younger one ends the search.
            if self.store.facts(seq).ok_or(LostMessage { seq })?.time_ns >= before_ns {
                break;
            }
            self.remove_silently(seq)?;
            n_expired += 1;
        }
        if n_expired > 0 {
            self.actions.push(StreamAction::Compact { first_seq: self.state.contents.extent().first_seq });
        }
        Ok(())
    }

    /// Living sequences below a bound whose subject fits, but for the last `keep`.
    fn victims(&self, filter: Option<&str>, below_seq: Option<u64>, keep: u64) -> Result<Vec<u64>, LostMessage> {
        let below = below_seq.unwrap_or(u64::MAX);
        let ahead = Ahead { store: self.store, stored: &self.stored };
        let extent = self.state.contents.extent();
        let mut victims = Vec::new();
        match filter {
            Some(subject) if subject::is_literal(subject) => {
                let mut from = extent.first_seq;
                while let Some(seq) = ahead.next_of_subject(subject, from)?.filter(|seq| *seq < below) {
                    if extent.is_live(seq) {
                        victims.push(seq);
                    }
                    from = seq + 1;
                }
            }
            filter => {
                for seq in extent.live().take_while(|seq| *seq < below) {
                    let facts = ahead.facts(seq).ok_or(LostMessage { seq })?;
                    if filter.is_none_or(|filter| subject::fits(filter, &facts.subject)) {
                        victims.push(seq);
                    }
                }
            }
        }
        let n_victims = victims.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
        victims.truncate(n_victims);
        Ok(victims)
    }

    /// Removes these; where they are the head of the stream, with one action.
    fn remove_all(&mut self, victims: &[u64], is_head: bool) -> Result<u64, LostMessage> {
        if victims.is_empty() {
            return Ok(0);
        }
        if victims.len() as u64 == self.state.contents.extent().n_messages {
            self.state.contents.clear();
        } else {
            for seq in victims {
                self.remove_silently(*seq)?;
            }
        }
        if is_head {
            self.actions.push(StreamAction::Compact { first_seq: self.state.contents.extent().first_seq });
        } else {
            self.actions.extend(victims.iter().map(|seq| StreamAction::Remove { seq: *seq }));
        }
        Ok(victims.len() as u64)
    }
}
