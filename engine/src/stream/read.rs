//! Reading a stream: messages and numbers. Reads go on whatever happened to writes.

use std::sync::Arc;

use interlock_sync::time::{Duration, timeout};

use super::publish::NoAnswer;
use super::{Stream, envelope};
use crate::api::{Message, MessageAt, StreamInfo, StreamTotals};
use crate::core::api_error::ApiError;
use crate::core::contents::Extent;
use crate::store::{StoreError, StoredMessage, Totals};

/// How long a reader waits for this server to have applied what was committed when it asked.
const READ_LIMIT: Duration = Duration::from_secs(5);

impl Stream {
    /// Waits until this leader has applied everything that was committed when it was asked: what is read then is
    /// linearizable.
    pub(crate) async fn until_current(&self) -> Result<(), NoAnswer> {
        let leads = self.member.node().map_or_else(|| self.member.leads(), |node| node.status().is_leader());
        if leads { self.until_caught_up().await } else { Err(NoAnswer::NotLeader) }
    }

    /// The same on any member: it asks the leader.
    pub(crate) async fn until_caught_up(&self) -> Result<(), NoAnswer> {
        let Some(node) = self.member.node() else { return Ok(()) };
        let reading = async {
            let index = node.read_index().await.map_err(|_| NoAnswer::NotLeader)?;
            self.until_applied(index).await;
            Ok(())
        };
        timeout(READ_LIMIT, reading).await.unwrap_or(Err(NoAnswer::Unknown))
    }

    /// Waits until the monitor has applied the group's log so far. Not for the monitor itself.
    pub(super) async fn until_applied(&self, index: u64) {
        let mut applied = self.applied_index.subscribe();
        // The sender is this stream's: it is there as long as anybody waits.
        let _reached = applied.wait_for(|applied| *applied >= index).await;
    }

    /// Reads a message.
    pub(crate) fn message(&self, at: &MessageAt) -> Result<Message, ApiError> {
        // The stream's lock is held: half of a batch is never seen.
        let inner = self.inner.lock();
        let found = match at {
            MessageAt::Sequence(seq) => self.store.load(*seq).map(Some),
            MessageAt::LastOf(subject) => self.store.last_of(subject),
            MessageAt::Next { from, filter } => self.store.next(*from, filter.as_deref()),
        };
        drop(inner);
        match found {
            Ok(Some(stored)) => Ok(message(stored)),
            Ok(None) | Err(StoreError::NotFound(_) | StoreError::Closed) => Err(ApiError::NO_MESSAGE_FOUND),
            Err(error) => {
                self.store.warn_of(&error);
                Err(ApiError::cannot_read(error))
            }
        }
    }

    /// Its numbers. Of a store that has failed, what is in it: the state has decided on more.
    pub fn totals(&self) -> StreamTotals {
        if self.store.write_error().is_some() {
            let Totals { messages, bytes, first_seq, last_seq, .. } = self.store.totals();
            return StreamTotals { messages, bytes, first_seq, last_seq, consumers: self.consumers().len() as u64 };
        }
        self.decided_totals()
    }

    /// The numbers that the state has decided on. In a group they hold, whatever became of this server's store: what is
    /// acknowledged is in the log of a majority.
    fn decided_totals(&self) -> StreamTotals {
        let consumers = self.consumers().len() as u64;
        let inner = self.inner.lock();
        let Extent { n_messages, bytes, first_seq, last_seq, .. } = *inner.state.extent();
        StreamTotals { messages: n_messages, bytes, first_seq, last_seq, consumers }
    }

    /// Its state for clients.
    pub(crate) fn info(self: &Arc<Self>) -> StreamInfo {
        StreamInfo {
            config: self.config(),
            created_ns: self.created_ns,
            totals: if self.member.node().is_some() { self.decided_totals() } else { self.totals() },
            cluster: self.member.cluster_info(self.context.settings.id),
        }
    }
}

/// A stored message without its envelope.
pub(crate) fn message(stored: StoredMessage) -> Message {
    let headers = envelope::unpack(&stored.headers).map(|(_, headers)| headers).unwrap_or_default();
    Message {
        seq: stored.seq,
        time_ns: stored.time_ns,
        subject: stored.subject,
        headers: headers.into(),
        payload: stored.payload.into(),
    }
}
