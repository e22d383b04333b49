//! The store as the state machine sees it: facts that cannot change.

use super::envelope;
use crate::core::contents::{Facts, StoreView};
use crate::store::{Store, StoredMessage};

/// The facts of a message. Its headers count without their envelope, as the client sent them.
pub(super) fn facts_of(stored: &StoredMessage) -> Facts {
    let n_headers = envelope::unpack(&stored.headers).map_or(0, |(_, headers)| headers.len());
    let bytes = stored.subject.len() + n_headers + stored.payload.len();
    Facts { subject: stored.subject.as_str().into(), bytes: bytes as u64, time_ns: stored.time_ns }
}

impl StoreView for Store {
    fn facts(&self, seq: u64) -> Option<Facts> {
        self.load(seq).ok().map(|stored| facts_of(&stored))
    }

    fn next_of_subject(&self, subject: &str, from: u64) -> Option<u64> {
        Some(self.next(from, Some(subject)).ok()??.seq)
    }

    fn previous_of_subject(&self, subject: &str, below: u64) -> Option<u64> {
        let (mut last, mut from) = (None, 0);
        while let Some(seq) = self.next_of_subject(subject, from).filter(|seq| *seq < below) {
            last = Some(seq);
            from = seq + 1;
        }
        last
    }
}
