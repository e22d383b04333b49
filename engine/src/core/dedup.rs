//! The duplicate window: which message ids were stored lately, and as which sequence.
//!
//! Its time is that of the entries, so that every replica forgets an id at the same entry. It is part of each snapshot of
//! the stream, which a server has to send in one frame: so its ids have a bound in bytes, too.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bytes of the ids that are remembered, with [`ID_BYTES`] for each; the oldest go before their time where it is exceeded.
const WINDOW_BYTES: usize = 16 << 20;
/// What an id is counted with besides its own bytes.
const ID_BYTES: usize = 32;

/// A remembered message id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The id.
    pub msg_id: String,
    /// The sequence that was stored.
    pub seq: u64,
    /// When.
    pub time_ns: u64,
}

/// The ids of the window. Invariant: `order` has each id of `by_id` once, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dedup {
    by_id: BTreeMap<String, u64>,
    order: VecDeque<Remembered>,
    n_bytes: usize,
}

impl Dedup {
    /// The sequence that was stored with this id.
    pub fn seq_of(&self, msg_id: &str) -> Option<u64> {
        self.by_id.get(msg_id).copied()
    }

    /// Remembers an id. It must not be remembered already.
    pub fn remember(&mut self, msg_id: &str, seq: u64, time_ns: u64) {
        let earlier = self.by_id.insert(msg_id.to_owned(), seq);
        debug_assert_eq!(earlier, None, "a duplicate was stored");
        self.order.push_back(Remembered { msg_id: msg_id.to_owned(), seq, time_ns });
        self.n_bytes += msg_id.len() + ID_BYTES;
        while self.n_bytes > WINDOW_BYTES {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.order.pop_front() else { return };
        self.by_id.remove(&oldest.msg_id);
        self.n_bytes -= oldest.msg_id.len() + ID_BYTES;
    }

    /// Forgets what is older than the window.
    pub fn forget_before(&mut self, now_ns: u64, window: Duration) {
        let window_ns = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        let bound_ns = now_ns.saturating_sub(window_ns);
        while self.order.front().is_some_and(|oldest| oldest.time_ns < bound_ns) {
            self.forget_oldest();
        }
    }

    /// What is remembered, oldest first.
    pub fn to_vec(&self) -> Vec<Remembered> {
        self.order.iter().cloned().collect()
    }

    /// The window that remembers this, oldest first.
    pub fn from_vec(remembered: Vec<Remembered>) -> Self {
        let by_id = remembered.iter().map(|one| (one.msg_id.clone(), one.seq)).collect();
        let n_bytes = remembered.iter().map(|one| one.msg_id.len() + ID_BYTES).sum();
        Self { by_id, order: remembered.into(), n_bytes }
    }

    /// How many ids it remembers.
    pub fn n_ids(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Dedup, ID_BYTES, WINDOW_BYTES};
    use std::time::Duration;

    #[test]
    fn an_id_is_remembered_for_the_window_and_no_longer() {
        let window = Duration::from_nanos(10);
        let mut dedup = Dedup::default();
        dedup.remember("a", 1, 100);
        dedup.remember("b", 2, 105);
        dedup.forget_before(110, window);
        assert_eq!((dedup.seq_of("a"), dedup.seq_of("b")), (Some(1), Some(2)));
        dedup.forget_before(111, window);
        assert_eq!((dedup.seq_of("a"), dedup.seq_of("b")), (None, Some(2)));
        assert_eq!(Dedup::from_vec(dedup.to_vec()), dedup);
    }

    #[test]
    fn more_ids_than_a_snapshot_can_hold_push_the_oldest_out() {
        let id = |n: usize| format!("{n:0>100}");
        let n_held = WINDOW_BYTES / (100 + ID_BYTES);
        let mut dedup = Dedup::default();
        (0..n_held + 2).for_each(|n| dedup.remember(&id(n), n as u64, 1));
        assert_eq!((dedup.seq_of(&id(1)), dedup.seq_of(&id(2))), (None, Some(2)));
        assert_eq!((dedup.to_vec().len(), dedup.by_id.len()), (n_held, n_held));
        assert_eq!(Dedup::from_vec(dedup.to_vec()), dedup);
    }
}
