//! A consumer as its group replicates it: what was delivered, what is acknowledged, what is due again.
//!
//! The leader offers messages, the log decides: an offer that another one overtook delivers nothing. Where a message that
//! is due has left its stream, the leader settles it with [`AckKind::Term`].

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::{AckPolicy, ConsumerConfig};
use super::entry::{Ack, AckKind, ConsumerEntry, Encoded, Origin};

/// A place in the stream, and in the deliveries of the consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Sequence in the stream.
    pub stream_seq: u64,
    /// Number of the delivery.
    pub consumer_seq: u64,
}

/// A message that waits for its acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// When it was last delivered, or last said to be at work.
    pub delivered_ns: u64,
    /// The number of its first delivery.
    pub consumer_seq: u64,
    /// When it is due, where the client said so.
    pub due_ns: Option<u64>,
}

/// What the owner of the consumer has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerAction {
    /// Send a message to the pull request, where this server is the origin and still knows it.
    Send {
        /// The waiting pull request.
        origin: Origin,
        /// The message in the stream.
        stream_seq: u64,
        /// The number of this delivery.
        consumer_seq: u64,
        /// How often it was delivered, this time included.
        n_deliveries: u32,
        /// When it was handed out.
        time_ns: u64,
    },
    /// An offer was applied: so many of its messages were sent.
    Offered {
        /// The waiting pull request.
        origin: Origin,
        /// How many.
        n_sent: u64,
    },
    /// A message is settled: the stream may let go of it where its retention says so.
    Settled {
        /// Its sequence.
        stream_seq: u64,
    },
    /// A client gave a message up; it is settled too.
    Terminated {
        /// Where the client waits; nobody where the message has left the stream.
        origin: Origin,
        /// Its sequence.
        stream_seq: u64,
    },
    /// A message was delivered as often as is allowed, and is not delivered again.
    Exhausted {
        /// Its sequence.
        stream_seq: u64,
        /// How often.
        n_deliveries: u32,
    },
    /// Tell the client that its acknowledgement came to nothing: as far as is known here nothing was delivered.
    NotDelivered {
        /// Where it waits.
        origin: Origin,
    },
    /// Tell the client that its acknowledgement is durable.
    Confirm {
        /// Where it waits.
        origin: Origin,
    },
    /// The configuration has changed.
    Configured,
}

/// A consumer. Its encoding is its snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerState {
    config: ConsumerConfig,
    applied: u64,
    has_begun: bool,
    delivered: Position,
    ack_floor: Position,
    /// By sequence in the stream. Invariant: each is above the floor and not above what was delivered.
    pending: BTreeMap<u64, Pending>,
    /// Deliveries after the first, by sequence in the stream. Invariant: each of them is pending.
    redelivered: BTreeMap<u64, u32>,
    /// Messages that were delivered as often as is allowed, and that nobody has settled: a stream that lets go of what is
    /// settled keeps them. Invariant: none of them is pending, and none is above what was delivered.
    given_up: BTreeSet<u64>,
}

impl Encoded for ConsumerState {
    const FAMILY: u8 = b'c';
}

impl ConsumerState {
    /// A consumer before the first entry.
    pub fn new(config: ConsumerConfig) -> Self {
        Self {
            config,
            applied: 0,
            has_begun: false,
            delivered: Position::default(),
            ack_floor: Position::default(),
            pending: BTreeMap::new(),
            redelivered: BTreeMap::new(),
            given_up: BTreeSet::new(),
        }
    }

    // ---- what is seen of it ----

    /// The configuration.
    pub fn config(&self) -> &ConsumerConfig {
        &self.config
    }

    /// The index of the last entry that was applied.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Whether the log says where it begins.
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// The last delivery of a new message.
    pub fn delivered(&self) -> Position {
        self.delivered
    }

    /// All up to here is settled.
    pub fn ack_floor(&self) -> Position {
        self.ack_floor
    }

    /// Messages that wait for their acknowledgement, by sequence in the stream.
    pub fn pending(&self) -> &BTreeMap<u64, Pending> {
        &self.pending
    }

    /// Whether a message is settled: delivered, or passed over by its beginning, and neither pending nor given up.
    pub fn has_settled(&self, stream_seq: u64) -> bool {
        let is_open = self.pending.contains_key(&stream_seq) || self.given_up.contains(&stream_seq);
        self.has_begun && stream_seq <= self.delivered.stream_seq && !is_open
    }

    /// The first message that was given up and may still be in the stream.
    pub fn first_given_up(&self) -> Option<u64> {
        self.given_up.first().copied()
    }

    /// How many of them were delivered more than once.
    pub fn n_redelivered(&self) -> u64 {
        self.redelivered.len() as u64
    }

    /// The first sequence that was not delivered yet.
    pub fn next_seq(&self) -> u64 {
        self.delivered.stream_seq + 1
    }

    /// How many new messages may be delivered.
    pub fn room(&self) -> u64 {
        match self.config.ack {
            AckPolicy::None => u64::MAX,
            AckPolicy::Explicit | AckPolicy::All => {
                self.config.max_ack_pending.saturating_sub(self.pending.len() as u64)
            }
        }
    }

    /// Pending messages whose wait is over, the longest overdue first.
    pub fn due(&self, now_ns: u64) -> Vec<u64> {
        let deadlines = self.pending.iter().map(|(seq, pending)| (self.deadline_ns(*seq, pending), *seq));
        let mut due: Vec<(u64, u64)> = deadlines.filter(|(deadline_ns, _)| *deadline_ns <= now_ns).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, seq)| seq).collect()
    }

    /// When the next pending message is due.
    pub fn next_due_ns(&self) -> Option<u64> {
        self.pending.iter().map(|(seq, pending)| self.deadline_ns(*seq, pending)).min()
    }

    /// When the last pending message is due: until then a client may be at work.
    pub fn last_due_ns(&self) -> Option<u64> {
        let deadline_ns = |(seq, pending): (&u64, &Pending)| {
            // The count is of a message of the stream; the consumer's own number is another one's, or nobody's.
            let seq = if crate::mutant!(M49) { pending.consumer_seq } else { *seq };
            self.deadline_ns(seq, pending)
        };
        self.pending.iter().map(deadline_ns).max()
    }

    /// How often a pending message was delivered.
    pub fn n_deliveries(&self, stream_seq: u64) -> u32 {
        self.redelivered.get(&stream_seq).map_or(1, |n_more| n_more + 1)
    }

    fn deadline_ns(&self, stream_seq: u64, pending: &Pending) -> u64 {
        let wait_ns = nanoseconds(self.wait_after(self.n_deliveries(stream_seq)));
        pending.due_ns.unwrap_or_else(|| pending.delivered_ns.saturating_add(wait_ns))
    }

    fn wait_after(&self, n_deliveries: u32) -> Duration {
        let step = usize::try_from(n_deliveries).unwrap_or(usize::MAX).saturating_sub(1);
        let backoff = self.config.backoff.get(step).or(self.config.backoff.last());
        backoff.copied().unwrap_or(self.config.ack_wait)
    }

    /// A digest, to compare replicas that have applied the same index.
    pub fn hash(&self) -> u32 {
        crc32c::crc32c(&self.encode())
    }

    // ---- entries ----

    /// Applies an entry.
    pub fn apply(&mut self, index: u64, entry: ConsumerEntry) -> Vec<ConsumerAction> {
        debug_assert!(index > self.applied, "entries come in order");
        self.applied = index;
        let mut actions = Vec::new();
        match entry {
            ConsumerEntry::Begin { next_seq } => self.begin(next_seq),
            ConsumerEntry::Deliver { origin, seqs, time_ns } => self.deliver(origin, &seqs, time_ns, &mut actions),
            ConsumerEntry::Acks { acks, time_ns } => {
                for ack in acks {
                    self.acknowledge(ack, time_ns, &mut actions);
                }
            }
            ConsumerEntry::Skip { first_seq } => self.skip(first_seq),
            ConsumerEntry::Configure(config) => {
                self.config = *config;
                actions.push(ConsumerAction::Configured);
            }
        }
        self.raise_floor();
        actions
    }

    /// Applies an entry without contents, which a new leader begins with.
    pub fn apply_empty(&mut self, index: u64) {
        self.applied = index;
    }

    fn begin(&mut self, next_seq: u64) {
        if !self.has_begun {
            self.has_begun = true;
            self.delivered.stream_seq = next_seq.saturating_sub(1);
        }
    }

    fn deliver(&mut self, origin: Origin, seqs: &[u64], time_ns: u64, actions: &mut Vec<ConsumerAction>) {
        let mut n_sent = 0;
        for seq in seqs.iter().copied() {
            if seq > self.delivered.stream_seq {
                if self.room() == 0 {
                    continue;
                }
                self.delivered.stream_seq = seq;
                self.delivered.consumer_seq += 1;
                if self.config.ack != AckPolicy::None {
                    let consumer_seq = self.delivered.consumer_seq;
                    self.pending.insert(seq, Pending { delivered_ns: time_ns, consumer_seq, due_ns: None });
                }
            } else if !self.redeliver(seq, time_ns, actions) {
                continue;
            }
            n_sent += 1;
            actions.push(ConsumerAction::Send {
                origin,
                stream_seq: seq,
                consumer_seq: self.delivered.consumer_seq,
                n_deliveries: self.n_deliveries(seq),
                time_ns,
            });
            if self.config.ack == AckPolicy::None {
                actions.push(ConsumerAction::Settled { stream_seq: seq });
            }
        }
        if origin.is_awaited() {
            actions.push(ConsumerAction::Offered { origin, n_sent });
        }
    }

    /// Counts one more delivery of a message that is due. False where it is not, or has had all of them.
    fn redeliver(&mut self, seq: u64, time_ns: u64, actions: &mut Vec<ConsumerAction>) -> bool {
        let Some(pending) = self.pending.get(&seq).copied() else { return false };
        if self.deadline_ns(seq, &pending) > time_ns {
            return false;
        }
        let n_deliveries = self.n_deliveries(seq);
        if self.config.max_deliver.is_some_and(|limit| n_deliveries >= limit) {
            self.forget(seq);
            self.given_up.insert(seq);
            actions.push(ConsumerAction::Exhausted { stream_seq: seq, n_deliveries });
            return false;
        }
        self.redelivered.insert(seq, n_deliveries);
        self.delivered.consumer_seq += 1;
        self.pending.insert(seq, Pending { delivered_ns: time_ns, due_ns: None, ..pending });
        true
    }

    fn acknowledge(&mut self, ack: Ack, time_ns: u64, actions: &mut Vec<ConsumerAction>) {
        let is_delivered = ack.stream_seq <= self.delivered.stream_seq;
        if is_delivered {
            self.take_ack(ack, time_ns, actions);
        }
        match ack.origin {
            origin if !origin.is_awaited() => {}
            origin if is_delivered => actions.push(ConsumerAction::Confirm { origin }),
            // A state that was saved before its delivery: what is confirmed now would be delivered again.
            origin => actions.push(ConsumerAction::NotDelivered { origin }),
        }
    }

    fn take_ack(&mut self, ack: Ack, time_ns: u64, actions: &mut Vec<ConsumerAction>) {
        match ack.kind {
            AckKind::Ack => self.settle(ack.stream_seq, actions),
            AckKind::Term => {
                if self.forget(ack.stream_seq) {
                    actions.push(ConsumerAction::Terminated { origin: ack.origin, stream_seq: ack.stream_seq });
                    actions.push(ConsumerAction::Settled { stream_seq: ack.stream_seq });
                }
            }
            AckKind::Nak { delay_ns } => {
                if let Some(pending) = self.pending.get_mut(&ack.stream_seq) {
                    pending.due_ns = Some(time_ns.saturating_add(delay_ns));
                }
            }
            AckKind::Progress => {
                if let Some(pending) = self.pending.get_mut(&ack.stream_seq) {
                    *pending = Pending { delivered_ns: time_ns, due_ns: None, ..*pending };
                }
            }
        }
    }

    fn settle(&mut self, seq: u64, actions: &mut Vec<ConsumerAction>) {
        let covered: Vec<u64> = match self.config.ack {
            AckPolicy::All => {
                let pending = self.pending.range(..=seq).map(|(covered, _)| *covered);
                pending.chain(self.given_up.range(..=seq).copied()).collect()
            }
            AckPolicy::Explicit | AckPolicy::None => vec![seq],
        };
        for stream_seq in covered {
            if self.forget(stream_seq) {
                actions.push(ConsumerAction::Settled { stream_seq });
            }
        }
    }

    fn skip(&mut self, first_seq: u64) {
        self.pending = self.pending.split_off(&first_seq);
        self.redelivered = self.redelivered.split_off(&first_seq);
        self.given_up = self.given_up.split_off(&first_seq);
        self.delivered.stream_seq = self.delivered.stream_seq.max(first_seq.saturating_sub(1));
    }

    /// Whether it was still open. Who answers late has still done it: given up is not settled.
    fn forget(&mut self, seq: u64) -> bool {
        self.redelivered.remove(&seq);
        let was_given_up = self.given_up.remove(&seq);
        self.pending.remove(&seq).is_some() || was_given_up
    }

    fn raise_floor(&mut self) {
        self.ack_floor = match self.pending.first_key_value() {
            None => self.delivered,
            Some((seq, first)) => Position { stream_seq: seq - 1, consumer_seq: first.consumer_seq - 1 },
        };
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
