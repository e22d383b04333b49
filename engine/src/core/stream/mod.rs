//! A stream as its group replicates it: entries in, actions out, the same on every replica.
//!
//! Actions of an entry are executed before the next entry is applied. A restart replays the log onto a snapshot, so the
//! store must then know each message that lived there: either it undoes what it recorded behind the snapshot's index, or
//! it keeps what `Remove` and `Compact` declare dead until a snapshot covers the entry.

mod step;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::core::api_error::ApiError;
use crate::core::batch::{Collector, OpenBatch};
use crate::core::config::{Discard, StreamConfig};
use crate::core::contents::{Contents, Extent, Facts, LostMessage, StoreView};
use crate::core::dedup::{Dedup, Remembered};
use crate::core::entry::{Encoded, Origin, Publish, StreamEntry};
use step::Step;

/// What a waiting client learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The message is in the stream.
    Stored {
        /// Its sequence; of a batch, the last one's.
        seq: u64,
        /// Whether it was there before.
        duplicate: bool,
        /// Id and number of messages, where a whole batch was stored.
        batch: Option<(String, u32)>,
    },
    /// Messages are gone.
    Removed {
        /// How many.
        n_messages: u64,
    },
    /// Nothing was done.
    Refused(ApiError),
}

/// What the owner of the stream has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamAction {
    /// Write a message. A store that has this sequence already has this message.
    Store {
        /// Its sequence: one behind the last.
        seq: u64,
        /// Its subject.
        subject: Arc<str>,
        /// Its header block.
        headers: Bytes,
        /// Its payload.
        payload: Bytes,
        /// When the leader took it.
        time_ns: u64,
        /// Its id, for a store that remembers it.
        msg_id: Option<String>,
    },
    /// This message is dead.
    Remove {
        /// Its sequence.
        seq: u64,
    },
    /// All messages below are dead.
    Compact {
        /// The first sequence that may live.
        first_seq: u64,
    },
    /// The configuration has changed.
    Configured,
    /// A batch is gone without a trace.
    BatchAbandoned {
        /// Its id.
        id: String,
        /// How many of its messages were committed to the log.
        n_messages: u32,
    },
    /// Tell the client, where this server is the origin and still knows the proposal.
    Answer {
        /// Where it waits.
        origin: Origin,
        /// What it learns.
        answer: Answer,
    },
}

/// The whole logical state but for what the store has: what a snapshot carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSnapshot {
    /// The configuration.
    pub config: StreamConfig,
    /// The index up to which entries are in it. Never past the start of an open batch.
    pub applied: u64,
    /// Sequences and totals.
    pub extent: Extent,
    /// Rejections so far.
    pub clfs: u64,
    /// The time of the last stored message.
    pub last_time_ns: u64,
    /// Its id.
    pub last_msg_id: Option<String>,
    /// The duplicate window.
    pub dedup: Vec<Remembered>,
}

impl Encoded for StreamSnapshot {
    const FAMILY: u8 = b's';
}

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamState {
    config: StreamConfig,
    processed: u64,
    contents: Contents,
    clfs: u64,
    last_time_ns: u64,
    last_msg_id: Option<String>,
    dedup: Dedup,
    collector: Collector,
}

impl StreamState {
    /// A stream without messages, before the first entry.
    pub fn new(config: StreamConfig) -> Self {
        Self {
            config,
            processed: 0,
            contents: Contents::default(),
            clfs: 0,
            last_time_ns: 0,
            last_msg_id: None,
            dedup: Dedup::default(),
            collector: Collector::default(),
        }
    }

    /// The stream of a snapshot, over a store that has its messages.
    ///
    /// # Errors
    /// Where the store lacks one: see [`Extent::missing`].
    pub fn restore(snapshot: StreamSnapshot, view: &dyn StoreView) -> Result<Self, LostMessage> {
        Ok(Self {
            config: snapshot.config,
            processed: snapshot.applied,
            contents: Contents::of(snapshot.extent, view)?,
            clfs: snapshot.clfs,
            last_time_ns: snapshot.last_time_ns,
            last_msg_id: snapshot.last_msg_id,
            dedup: Dedup::from_vec(snapshot.dedup),
            collector: Collector::default(),
        })
    }

    /// Takes in a message that a store without a log has kept. Called for each, in order, before the first entry.
    pub fn adopt(&mut self, seq: u64, facts: &Facts, msg_id: Option<&str>) {
        self.contents.adopt(seq, facts);
        self.remember(seq, facts.time_ns, msg_id);
    }

    /// Ends the adoption: the last index and the last sequence that the store has seen, also where their messages are
    /// gone.
    pub fn adopt_end(&mut self, index: u64, last_seq: u64) {
        self.processed = self.processed.max(index);
        self.contents.adopt_end(last_seq);
    }

    /// The state at [`Self::applied`]. An open batch has left no trace in it.
    pub fn snapshot(&self) -> StreamSnapshot {
        StreamSnapshot {
            config: self.config.clone(),
            applied: self.applied(),
            extent: self.contents.extent().clone(),
            clfs: self.clfs,
            last_time_ns: self.last_time_ns,
            last_msg_id: self.last_msg_id.clone(),
            dedup: self.dedup.to_vec(),
        }
    }

    /// A digest of the whole state, to compare replicas that have applied the same index.
    pub fn hash(&self) -> u32 {
        let subjects: Vec<(&str, u64)> = self.contents.subjects().collect();
        let bytes = postcard::to_stdvec(&(self.snapshot(), subjects)).expect("a state holds nothing postcard refuses");
        crc32c::crc32c(&bytes)
    }

    /// The configuration.
    pub fn config(&self) -> &StreamConfig {
        &self.config
    }

    /// Whether more is stored than the limits allow.
    pub fn exceeds_limits(&self) -> bool {
        let StreamConfig { max_msgs, max_bytes, max_msgs_per_subject, discard, .. } = &self.config;
        let extent = self.contents.extent();
        let in_all = *discard == Discard::Old
            && (max_msgs.is_some_and(|limit| extent.n_messages > limit)
                || max_bytes.is_some_and(|limit| extent.bytes > limit));
        in_all || max_msgs_per_subject.is_some_and(|limit| self.contents.subjects().any(|(_, n)| n > limit))
    }

    /// The index up to which entries have had their whole effect: the start of an open batch is not passed.
    pub fn applied(&self) -> u64 {
        self.collector.open().map_or(self.processed, |open| open.start_index - 1)
    }

    /// The index of the last entry that was looked at.
    pub fn processed(&self) -> u64 {
        self.processed
    }

    /// Sequences and totals.
    pub fn extent(&self) -> &Extent {
        self.contents.extent()
    }

    /// Sequences, totals and subjects.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// How many committed messages were rejected, by rules that hold on every replica alike.
    pub fn clfs(&self) -> u64 {
        self.clfs
    }

    /// The batch whose messages are coming in.
    pub fn open_batch(&self) -> Option<&OpenBatch> {
        self.collector.open()
    }

    /// Applies an entry.
    ///
    /// # Errors
    /// Where the store has lost a message. The state is of no use then: the stream has a write error, and its applied
    /// index does not pass this entry.
    pub fn apply(
        &mut self,
        index: u64,
        entry: StreamEntry,
        view: &dyn StoreView,
    ) -> Result<Vec<StreamAction>, LostMessage> {
        debug_assert!(index > self.processed, "entries come in order");
        let actions = Step::new(self, view).run(index, entry)?;
        self.processed = index;
        Ok(actions)
    }

    /// Applies an entry without contents, which a new leader begins with: no part of an open batch will follow.
    pub fn apply_empty(&mut self, index: u64) -> Vec<StreamAction> {
        let mut actions = Vec::new();
        self.abandon(&mut actions);
        self.processed = index;
        actions
    }

    /// Forgets the open batch and the entries that brought it: whether there was one. For a state that goes no further.
    pub fn drop_open_batch(&mut self) -> bool {
        let applied = self.applied();
        let was_open = self.collector.take().is_some();
        self.processed = applied;
        was_open
    }

    fn abandon(&mut self, actions: &mut Vec<StreamAction>) {
        if let Some(open) = self.collector.take() {
            self.refuse_batch(open.parts, &ApiError::BATCH_INCOMPLETE, actions);
        }
    }

    fn refuse_batch(&mut self, parts: Vec<Publish>, error: &ApiError, actions: &mut Vec<StreamAction>) {
        let id = parts.first().and_then(|part| part.batch.as_ref()).map(|part| part.id.clone()).unwrap_or_default();
        actions.push(StreamAction::BatchAbandoned { id, n_messages: u32::try_from(parts.len()).unwrap_or(u32::MAX) });
        for part in parts {
            self.refuse(part.origin, error.clone(), actions);
        }
    }

    fn refuse(&mut self, origin: Origin, error: ApiError, actions: &mut Vec<StreamAction>) {
        self.clfs += 1;
        answer(origin, Answer::Refused(error), actions);
    }

    fn forget_ids_before(&mut self, time_ns: u64) {
        self.dedup.forget_before(time_ns.max(self.last_time_ns), self.config.duplicate_window);
    }

    fn remember(&mut self, seq: u64, time_ns: u64, msg_id: Option<&str>) {
        self.last_time_ns = self.last_time_ns.max(time_ns);
        self.last_msg_id = msg_id.map(str::to_owned);
        self.forget_ids_before(time_ns);
        if let Some(msg_id) = msg_id.filter(|msg_id| self.dedup.seq_of(msg_id).is_none()) {
            self.dedup.remember(msg_id, seq, self.last_time_ns);
        }
    }
}

fn answer(origin: Origin, answer: Answer, actions: &mut Vec<StreamAction>) {
    if origin.is_awaited() {
        actions.push(StreamAction::Answer { origin, answer });
    }
}
