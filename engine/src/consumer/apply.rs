//! Applying entries to a consumer's state, with or without a group.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::fetch::Sent;
use super::{Answer, Consumer};
use crate::core::consumer::ConsumerAction;
use crate::core::entry::{ConsumerEntry, Encoded, Origin};
use crate::core::names::ConsumerKey;
use crate::core::write_error::WriteError;
use crate::events::Event;
use crate::stream::{NoAnswer, not_proposed};

impl Consumer {
    /// Applies an entry of the group's log.
    ///
    /// # Errors
    /// An entry that cannot be decoded: the applied index must not pass it.
    pub(super) fn apply_entry(&self, index: u64, data: &[u8]) -> Result<(), WriteError> {
        if data.is_empty() {
            self.inner.lock().state.apply_empty(index);
            return Ok(());
        }
        let entry = ConsumerEntry::decode(data).map_err(|error| WriteError::other(error.to_string()))?;
        let actions = self.inner.lock().state.apply(index, entry);
        self.perform(actions);
        Ok(())
    }

    /// Has an entry applied: through the group, or here where there is none.
    pub(super) async fn propose(self: &Arc<Self>, entry: ConsumerEntry) -> Result<(), NoAnswer> {
        if self.member.write_error.get().is_some() {
            return Err(NoAnswer::NotWritten);
        }
        match self.member.node() {
            Some(node) => {
                let term = node.status().term;
                let proposed = node.propose(Some(term), Bytes::from(entry.encode())).await;
                proposed.map(|_| ()).map_err(|error| not_proposed(&error))
            }
            None if self.member.leads() => {
                let actions = {
                    let mut inner = self.inner.lock();
                    let index = inner.state.applied() + 1;
                    inner.state.apply(index, entry)
                };
                self.dirty.send_replace(true);
                self.perform(actions);
                Ok(())
            }
            None => Err(NoAnswer::NotLeader),
        }
    }

    /// Does what the state decided. Called without the consumer's lock.
    fn perform(&self, actions: Vec<ConsumerAction>) {
        let me = self.context.settings.id;
        let mut sent: BTreeMap<Origin, Vec<Sent>> = BTreeMap::new();
        for action in actions {
            match action {
                ConsumerAction::Send { origin, stream_seq, consumer_seq, n_deliveries, .. } => {
                    let delivery = Sent { stream_seq, consumer_seq, n_deliveries: u64::from(n_deliveries) };
                    sent.entry(origin).or_default().push(delivery);
                }
                ConsumerAction::Offered { origin, .. } => {
                    let deliveries = sent.remove(&origin).unwrap_or_default();
                    self.answer(me, origin, Answer::Sent(deliveries));
                }
                ConsumerAction::Confirm { origin } => self.answer(me, origin, Answer::Confirmed),
                ConsumerAction::NotDelivered { origin } => self.answer(me, origin, Answer::NotDelivered),
                ConsumerAction::Settled { stream_seq } => self.let_go(stream_seq),
                ConsumerAction::Exhausted { stream_seq: seq, n_deliveries } => {
                    self.tell_as_leader(|consumer| Event::DeliveriesExhausted { consumer, seq, n_deliveries });
                }
                // What has left the stream nobody has given up.
                ConsumerAction::Terminated { origin, stream_seq: seq } if origin.is_awaited() => {
                    self.tell_as_leader(|consumer| Event::MessageGivenUp { consumer, seq });
                }
                ConsumerAction::Terminated { .. } => {}
                ConsumerAction::Configured => self.wants_others(),
            }
        }
        self.stirred.send_modify(|count| *count += 1);
    }

    /// All replicas decide it, and one tells.
    fn tell_as_leader(&self, event: impl FnOnce(ConsumerKey) -> Event) {
        if self.member.leads() {
            self.context.events.tell(event(self.key.clone()));
        }
    }

    fn answer(&self, me: crate::core::names::ServerId, origin: Origin, answer: Answer) {
        if origin.server == me {
            // Nobody waits any more where the client's time is over.
            let _told = self.answers.answer(origin.proposal, answer);
        }
    }

    /// A settled message leaves a stream that keeps messages for its consumers only.
    fn let_go(&self, stream_seq: u64) {
        if let Some(stream) = self.stream.upgrade() {
            stream.note_settled(stream_seq);
        }
    }

    /// It may want other messages from here on.
    pub(super) fn wants_others(&self) {
        if let Some(stream) = self.stream.upgrade() {
            stream.look_at_all();
        }
    }
}
