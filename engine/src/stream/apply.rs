//! Applying committed entries to the state and the store.

use bytes::Bytes;

use super::{Stream, envelope};
use crate::core::api_error::ApiError;
use crate::core::config::Retention;
use crate::core::entry::{Encoded, StreamEntry};
use crate::core::stream::{Answer, StreamAction, StreamState};
use crate::core::write_error::{ErrorClass, WriteError};
use crate::events::Event;
use crate::store::{NewMessage, StoreError};

/// Why an entry was not applied.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Failure {
    /// The stream was closed: nothing is wrong.
    Closed,
    /// The stream has a write error.
    Write(WriteError),
    /// State and store do not fit together: the stream has to be made anew.
    Diverged(String),
    /// The store cannot read what the entry needs, so state and store may have parted: the stream has to be opened again.
    Unreadable(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed if !crate::mutant!(M94) => Self::Closed,
            StoreError::Write(error) => Self::Write(error),
            StoreError::Sequence { .. } => Self::Diverged(error.to_string()),
            // It never latches: nothing was written.
            StoreError::Read { .. } => Self::Unreadable(error.to_string()),
            other => Self::Write(WriteError::other(other.to_string())),
        }
    }
}

/// What an applied entry settles.
type Settled = Vec<(u64, Answer)>;

impl Stream {
    /// Applies an entry of the group's log. An error means that the applied index must not pass the entry.
    pub(super) fn apply_entry(&self, index: u64, data: &[u8]) -> Result<(), Failure> {
        let decoded = match self.decode(data) {
            Ok(decoded) => decoded,
            Err(failure) => {
                self.drop_open_batch();
                return Err(failure);
            }
        };
        let settled = match decoded {
            Some(entry) => self.apply(Some(index), |_| [entry])?.1,
            None => {
                let mut inner = self.inner.lock();
                let actions = inner.state.apply_empty(index);
                self.perform(index, actions)?
            }
        };
        self.settle(settled);
        Ok(())
    }

    /// The stream goes no further: what there is of a batch has no effect, and the state ends before it.
    pub(super) fn drop_open_batch(&self) {
        let mut inner = self.inner.lock();
        let was_open = inner.state.drop_open_batch();
        if was_open && crate::mutant!(M88) {
            std::mem::forget(inner);
        }
    }

    /// Applies entries on a stream that leads alone, at the next indices and with nothing between them: the last of
    /// these, and what they settle.
    pub(super) fn apply_alone(
        &self,
        entries: impl IntoIterator<Item = StreamEntry>,
    ) -> Result<(u64, Settled), Failure> {
        self.apply_alone_as(|_| entries)
    }

    /// The same with entries that what there is decides.
    pub(super) fn apply_alone_as<E: IntoIterator<Item = StreamEntry>>(
        &self,
        choose: impl FnOnce(&StreamState) -> E,
    ) -> Result<(u64, Settled), Failure> {
        match self.store.write_error() {
            Some(error) if !crate::mutant!(M61) => Err(Failure::Write(error)),
            _ => self.apply(None, choose),
        }
    }

    /// The entry; none where a new leader's empty one was committed.
    fn decode(&self, data: &[u8]) -> Result<Option<StreamEntry>, Failure> {
        if data.is_empty() {
            return Ok(None);
        }
        match StreamEntry::decode(data) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if crate::mutant!(M86) => {
                tracing::warn!("stream {}: {error}", self.name);
                Ok(None)
            }
            Err(error) => Err(Failure::Write(WriteError::other(error.to_string()))),
        }
    }

    /// Applies entries to the state and to the store, in one hold of the stream's lock.
    /// Without an index of the log's, at the next ones, as long as this server leads alone.
    fn apply<E: IntoIterator<Item = StreamEntry>>(
        &self,
        of_log: Option<u64>,
        choose: impl FnOnce(&StreamState) -> E,
    ) -> Result<(u64, Settled), Failure> {
        let mut inner = self.inner.lock();
        if of_log.is_none() && !inner.is_alone {
            return Err(Failure::Closed);
        }
        let first = of_log.unwrap_or(inner.state.processed() + 1);
        let entries = choose(&inner.state);
        let (mut last, mut settled) = (first, Vec::new());
        for (index, entry) in (first..).zip(entries) {
            last = index;
            let applied = inner.state.apply(index, entry, self.store.as_ref());
            let actions = applied.map_err(|lost| Failure::Unreadable(lost.to_string()))?;
            settled.extend(self.perform(index, actions)?);
        }
        let last_seq = inner.state.extent().last_seq;
        let goes_unwanted = inner.state.config().retention == Retention::Interest;
        drop(inner);
        let mut before = last_seq;
        self.last_seq.send_if_modified(|known| {
            before = std::mem::replace(known, last_seq);
            before != last_seq
        });
        if goes_unwanted && before < last_seq {
            self.note_stored(before + 1, last_seq);
        }
        Ok((last, settled))
    }

    /// Does what the state decided. Called with the stream's lock held, so that nobody sees half of a batch.
    fn perform(&self, index: u64, actions: Vec<StreamAction>) -> Result<Settled, Failure> {
        // First what comes in, all of it at once: the disk has all of a batch or nothing.
        match self.append(index, &actions) {
            Err(StoreError::Write(_)) if crate::mutant!(M61) => {}
            result => result?,
        }
        let mut settled = Vec::new();
        for action in actions {
            match action {
                StreamAction::Store { .. } | StreamAction::Configured => {}
                StreamAction::Remove { seq } => drop(self.store.remove(seq, index)?),
                StreamAction::Compact { first_seq } => drop(self.store.compact(first_seq, index)?),
                StreamAction::BatchAbandoned { id, n_messages } => self.tell_abandoned(id, n_messages),
                StreamAction::Answer { origin, answer } => {
                    if origin.server == self.context.settings.id {
                        settled.push((origin.proposal, answer));
                    }
                }
            }
        }
        Ok(settled)
    }

    fn append(&self, index: u64, actions: &[StreamAction]) -> Result<(), StoreError> {
        let pack = |action: &StreamAction| match action {
            StreamAction::Store { msg_id, headers, .. } => Some(envelope::pack(msg_id.as_deref(), headers)),
            _ => None,
        };
        let packed: Vec<Vec<u8>> = actions.iter().filter_map(pack).collect();
        let mut of_message = packed.iter();
        let mut messages = Vec::with_capacity(packed.len());
        for action in actions {
            if let StreamAction::Store { seq, subject, payload, time_ns, .. } = action
                && let Some(headers) = of_message.next()
            {
                messages.push(NewMessage { seq: *seq, index, time_ns: *time_ns, subject, headers, payload });
            }
        }
        if messages.is_empty() { Ok(()) } else { self.store.append_all(&messages) }
    }

    fn tell_abandoned(&self, batch: String, n_messages: u32) {
        self.context.events.tell(Event::BatchAbandoned {
            stream: self.name.clone(),
            batch,
            reason: "incomplete",
            cause: format!("after {n_messages} messages"),
        });
    }

    /// Tells who waits. Called without the stream's lock.
    pub(super) fn settle(&self, settled: Settled) {
        for (proposal, answer) in settled {
            // Nobody waits any more where the client's time is over.
            let _told = self.answers.answer(proposal, answer);
        }
    }

    /// Latches what stopped an entry from being applied, and has its class dealt with.
    pub(super) async fn latch(&self, failure: &Failure) {
        let error = match failure {
            Failure::Write(error) => error,
            // Without a group there is nothing to make it anew from.
            Failure::Diverged(reason) => &WriteError::other(reason),
            Failure::Unreadable(reason) => {
                // Until whoever drives the stream has seen to it, nothing is applied to what may have parted.
                self.set_alone(false);
                self.unreadable.send_replace(Some(reason.clone()));
                return;
            }
            Failure::Closed => return,
        };
        // An unreplicated stream on a full volume latches, and the engine goes on: other streams may be elsewhere (W15).
        // A replicated one has the engine shut down, and latches all the same (G-6).
        let is_replicated = self.member.group().is_replicated();
        let concerns_all = error.class() == ErrorClass::Permission || is_replicated;
        if concerns_all {
            self.context.react(&format!("stream {}", self.name), error);
        }
        self.fail(error).await;
    }

    /// The number of messages that an entry took out, or the refusal.
    pub(super) fn removed(answer: Answer) -> Result<u64, ApiError> {
        match answer {
            Answer::Removed { n_messages } => Ok(n_messages),
            Answer::Refused(error) => Err(error),
            Answer::Stored { .. } => Ok(0),
        }
    }

    /// The bytes of an entry, for the group's log.
    pub(super) fn encode(entry: &StreamEntry) -> Bytes {
        Bytes::from(entry.encode())
    }
}
