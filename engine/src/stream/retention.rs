//! Messages that leave a stream because its consumers are through with them.
//!
//! Every replica of a consumer hears what is settled, so every member of the stream knows what may go. Its leader has it
//! removed; who leads next goes on with what it has heard itself.

use std::sync::Arc;

use super::Stream;
use crate::consumer::Consumer;
use crate::core::config::Retention;
use crate::core::entry::{Origin, StreamEntry};
use crate::core::write_error::ErrorClass;

impl Stream {
    /// Notes a message that a consumer has settled: whether this server has to do something about it.
    pub(crate) fn note_settled(&self, seq: u64) -> bool {
        let goes = self.config().retention != Retention::Limits;
        if goes {
            self.settled.lock().insert(seq);
        }
        goes && self.member.leads()
    }

    /// Removes the messages that were settled, by all consumers that want them where the retention is by interest. On
    /// the leader; what is in flight is proposed again, and then is no more there.
    pub(crate) async fn remove_settled(self: &Arc<Self>) {
        if !self.member.leads() || !self.is_whole() {
            return;
        }
        let noted: Vec<u64> = self.settled.lock().iter().copied().collect();
        for seq in noted {
            match self.store.load(seq) {
                Ok(stored) if self.is_wanted(seq, &stored.subject) => {}
                Ok(_) => self.propose_unawaited(StreamEntry::Remove { origin: Origin::NOBODY, seq }).await,
                Err(error) if error.class() == ErrorClass::NotFound && seq <= self.totals().last_seq => {
                    self.settled.lock().remove(&seq);
                }
                Err(_) => {}
            }
        }
    }

    fn is_wanted(&self, seq: u64, subject: &str) -> bool {
        let wants = |consumer: &Arc<Consumer>| consumer.wants(seq, subject);
        self.config().retention == Retention::Interest && self.consumers().iter().any(wants)
    }
}
