//! The store as the state machine sees it: facts that cannot change, from the index.

use crate::core::contents::{Facts, LostMessage, StoreView};
use crate::store::{Store, StoreError};

/// The facts of a message.
///
/// # Errors
/// Its block cannot be read.
pub(super) fn facts_of(store: &Store, seq: u64) -> Result<Option<Facts>, StoreError> {
    let found = store.described(seq)?;
    Ok(found.map(|found| Facts { subject: found.subject.into(), bytes: found.bytes, time_ns: found.time_ns }))
}

/// What cannot be read is logged, and looks as if it were lost: the stream can decide nothing without it.
fn readable<T>(store: &Store, found: Result<Option<T>, StoreError>) -> Option<T> {
    found.unwrap_or_else(|error| {
        store.warn_of(&error);
        None
    })
}

fn lost(store: &Store, seq: u64, error: &StoreError) -> LostMessage {
    store.warn_of(error);
    LostMessage { seq }
}

impl StoreView for Store {
    fn facts(&self, seq: u64) -> Option<Facts> {
        readable(self, facts_of(self, seq))
    }

    fn next_of_subject(&self, subject: &str, from: u64) -> Result<Option<u64>, LostMessage> {
        self.seq_at_or_above(from, Some(subject)).map_err(|error| lost(self, from, &error))
    }

    fn previous_of_subject(&self, subject: &str, below: u64) -> Result<Option<u64>, LostMessage> {
        let Some(last) = below.checked_sub(1) else { return Ok(None) };
        self.seq_at_or_below(last, Some(subject)).map_err(|error| lost(self, last, &error))
    }
}
