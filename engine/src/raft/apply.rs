//! The apply queue: committed entries on their way to the state machine, in order, taken all at once.

use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::channel::Notify;
use interlock_sync::lock::Mutex;

use crate::core::names::ServerId;

/// What the state machine is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Apply {
    /// A committed entry. Without data: a leader's first one.
    Entry {
        /// Its index.
        index: u64,
        /// Its term.
        term: u64,
        /// What was proposed.
        data: Bytes,
    },
    /// A committed change of members, which the node has applied. It takes an index, and is nothing to the state
    /// machine itself.
    Members {
        /// Its index.
        index: u64,
        /// Its term.
        term: u64,
        /// Those who vote from here on.
        voters: Vec<ServerId>,
        /// Those who only follow.
        learners: Vec<ServerId>,
    },
    /// A snapshot takes the place of everything before.
    Snapshot {
        /// The last entry that it covers.
        index: u64,
        /// That entry's term.
        term: u64,
        /// What a state machine gave to [`super::Checkpoint::install`].
        data: Bytes,
    },
    /// Everything that this server knew to be committed when it started has been delivered.
    RecoveryDone,
}

impl Apply {
    /// The index up to which the state machine is when it has applied this.
    pub fn index(&self) -> Option<u64> {
        match self {
            Self::Entry { index, .. } | Self::Members { index, .. } | Self::Snapshot { index, .. } => Some(*index),
            Self::RecoveryDone => None,
        }
    }
}

#[derive(Default)]
struct Waiting {
    applies: Vec<Apply>,
    is_paused: bool,
    /// No more will come.
    is_closed: bool,
    /// Nobody takes them any more.
    is_abandoned: bool,
}

/// The queue as both ends see it. Its lock is a leaf.
#[derive(Default)]
pub(super) struct ApplyChannel {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

impl ApplyChannel {
    fn change(&self, act: impl FnOnce(&mut Waiting)) {
        act(&mut self.waiting.lock());
        self.changed.notify_one();
    }

    pub(super) fn push(&self, applies: Vec<Apply>) {
        self.change(|waiting| {
            if !waiting.is_abandoned {
                waiting.applies.extend(applies);
            }
        });
    }

    pub(super) fn pause(&self, is_paused: bool) {
        self.change(|waiting| waiting.is_paused = is_paused);
    }

    pub(super) fn close(&self) {
        self.change(|waiting| waiting.is_closed = true);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.lock().applies.len()
    }
}

/// The state machine's end of the queue. When it is dropped, what comes is thrown away.
pub struct ApplyQueue {
    channel: Arc<ApplyChannel>,
}

impl ApplyQueue {
    pub(super) fn new(channel: Arc<ApplyChannel>) -> Self {
        Self { channel }
    }

    /// Waits for something and takes all there is. `None` once the node is closed and everything was taken.
    pub async fn pop_all(&mut self) -> Option<Vec<Apply>> {
        loop {
            if let Some(popped) = self.try_pop_all() {
                return popped;
            }
            // A change between the look and the wait leaves its permit: there is one consumer.
            self.channel.changed.notified().await;
        }
    }

    /// None while there is nothing to take; `Some(None)` at the end.
    fn try_pop_all(&mut self) -> Option<Option<Vec<Apply>>> {
        let mut waiting = self.channel.waiting.lock();
        if waiting.is_paused && !waiting.is_closed {
            None
        } else if !waiting.applies.is_empty() {
            Some(Some(std::mem::take(&mut waiting.applies)))
        } else if waiting.is_closed {
            Some(None)
        } else {
            None
        }
    }
}

impl Drop for ApplyQueue {
    fn drop(&mut self) {
        self.channel.change(|waiting| {
            waiting.is_abandoned = true;
            waiting.applies = Vec::new();
        });
    }
}
