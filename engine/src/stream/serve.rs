//! The other side of a catch-up: what this replica has for a follower, and what it keeps for it.

use bytes::Bytes;
use interlock_sync::time::{Duration, Instant};

use super::Stream;
use super::catchup::encode_message;
use crate::store::StoreError;

/// What one answer carries at most.
const CHUNK_MESSAGES: usize = 512;
const CHUNK_BYTES: usize = 1 << 20;
/// How long after a request its follower may still come back.
const HOLD: Duration = Duration::from_secs(10);
/// How long followers that come back and back are kept up with.
const HOLD_LIMIT: Duration = Duration::from_secs(600);

/// Followers that are being caught up: what was there at this index is not reclaimed meanwhile.
pub(super) struct Hold {
    index: u64,
    since: Instant,
    asked: Instant,
}

impl Hold {
    fn is_over(&self, now: Instant) -> bool {
        now - self.asked > HOLD || now - self.since > HOLD_LIMIT
    }
}

impl Stream {
    /// Whether it has every message that lives, up to a sequence.
    pub(crate) fn has_all_up_to(&self, seq: u64) -> bool {
        let inner = self.inner.lock();
        inner.is_whole && inner.state.extent().last_seq >= seq
    }

    /// A follower catches up to its snapshot of this index.
    pub(crate) fn hold(&self, index: u64) {
        let now = Instant::now();
        let mut hold = self.hold.lock();
        match hold.as_mut() {
            None => *hold = Some(Hold { index, since: now, asked: now }),
            // One that is over stays so until the space was given back.
            Some(held) if held.is_over(now) => {}
            Some(held) => (held.index, held.asked) = (held.index.min(index), now),
        }
    }

    /// The log is never replayed from below this index: what was removed up to there can go, unless a follower that is
    /// being caught up still wants it.
    pub(super) fn raise_floor(&self, index: u64) {
        let held = {
            let mut hold = self.hold.lock();
            if hold.as_ref().is_some_and(|held| held.is_over(Instant::now())) {
                *hold = None;
            }
            hold.as_ref().map_or(u64::MAX, |held| held.index)
        };
        self.store.set_reclaim_floor(index.min(held));
    }

    /// Some of the messages of a range that were there at an index, and what comes behind them. A message that was
    /// removed later and is reclaimed is left out: the follower sees that.
    ///
    /// # Errors
    /// The store is closed, or its first message cannot be read.
    pub(crate) fn chunk(&self, index: u64, first_seq: u64, last_seq: u64) -> Result<(Vec<Bytes>, u64), StoreError> {
        let (mut messages, mut n_bytes, mut next) = (Vec::new(), 0, first_seq);
        let seqs = self.store.seqs_as_of((first_seq, last_seq), index, CHUNK_MESSAGES)?;
        let is_all = seqs.len() < CHUNK_MESSAGES;
        for seq in seqs {
            if n_bytes >= CHUNK_BYTES {
                return Ok((messages, next));
            }
            match self.store.load_kept(seq) {
                Ok(Some(message)) => {
                    let bytes = encode_message(&message);
                    n_bytes += bytes.len();
                    messages.push(bytes);
                }
                Ok(None) => {}
                Err(error) if messages.is_empty() => return Err(error),
                // It begins the next chunk.
                Err(_) => return Ok((messages, next)),
            }
            next = seq + 1;
        }
        Ok((messages, if is_all { last_seq + 1 } else { next }))
    }
}
