//! What happened on a server that an operator wants to know: kept, counted, logged.

use std::collections::VecDeque;
use std::fmt;

use interlock_sync::lock::Mutex;

use crate::core::names::{ConsumerKey, ServerId};

/// Events that are kept; older ones are dropped and stay counted.
const KEPT: usize = 4096;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A volume is full: the engine goes down, its state stays.
    OutOfSpace {
        /// What was written.
        source: String,
    },
    /// A write was not permitted: the engine goes down, its state stays.
    PermissionDenied {
        /// What was written.
        source: String,
    },
    /// A stream, consumer, group or the meta layer latched a write error.
    WriteError {
        /// Which.
        source: String,
        /// The error.
        error: String,
    },
    /// A stream was deleted, by the cluster's decision.
    StreamDeleted {
        /// Its name.
        stream: String,
    },
    /// A consumer was deleted, by the cluster's decision.
    ConsumerDeleted {
        /// Which.
        consumer: ConsumerKey,
    },
    /// A consumer's removal was proposed because it is inactive.
    RemovalProposed {
        /// Which.
        consumer: ConsumerKey,
        /// How often before.
        n_earlier: u64,
    },
    /// A consumer's removal cannot be decided here at this time.
    RemovalWaits {
        /// Which.
        consumer: ConsumerKey,
        /// Why.
        reason: &'static str,
    },
    /// A message was delivered as often as is allowed, and nobody has acknowledged it: it is not delivered again.
    DeliveriesExhausted {
        /// The consumer.
        consumer: ConsumerKey,
        /// The message's sequence in the stream.
        seq: u64,
        /// How often.
        n_deliveries: u32,
    },
    /// A client gave a message up: it is not delivered again.
    MessageGivenUp {
        /// The consumer.
        consumer: ConsumerKey,
        /// The message's sequence in the stream.
        seq: u64,
    },
    /// The regular look at the own health found problems.
    Unhealthy {
        /// The first one.
        problem: String,
        /// How many there are besides.
        n_others: usize,
    },
    /// An atomic batch came to nothing.
    BatchAbandoned {
        /// The stream.
        stream: String,
        /// The batch.
        batch: String,
        /// `timeout`, `incomplete` or `flush_error`.
        reason: &'static str,
        /// The cause, where there is one.
        cause: String,
    },
    /// A stream is made anew because it cannot go on.
    Reset {
        /// Which.
        stream: String,
        /// Why.
        reason: String,
    },
    /// A stream is opened again because something could not be read.
    OpenedAgain {
        /// Which.
        stream: String,
        /// What.
        reason: String,
    },
    /// A part of a catch-up ended before its answer.
    CatchupEnded {
        /// The stream.
        stream: String,
        /// The other server: who was asked, or who has asked.
        with: ServerId,
        /// Why.
        reason: &'static str,
    },
    /// A group could not be founded on what this server has: it is tried again.
    FoundingFailed {
        /// Whose group.
        asset: String,
        /// The error.
        error: String,
        /// How often before.
        n_earlier: u32,
    },
    /// A second driver was turned away.
    DriverTurnedAway {
        /// What it wanted to drive.
        asset: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfSpace { source } => write!(f, "out of space at {source}: the engine goes down"),
            Self::PermissionDenied { source } => write!(f, "no permission to write {source}: the engine goes down"),
            Self::WriteError { source, error } => write!(f, "write error of {source}: {error}"),
            Self::StreamDeleted { stream } => write!(f, "stream {stream} was deleted"),
            Self::ConsumerDeleted { consumer } => write!(f, "consumer {consumer} was deleted"),
            Self::RemovalProposed { consumer, n_earlier: 0 } => {
                write!(f, "consumer {consumer} is inactive: its removal is proposed")
            }
            Self::RemovalProposed { consumer, n_earlier } => {
                write!(f, "consumer {consumer} is not cleaned up after {n_earlier} proposals: proposed again")
            }
            Self::RemovalWaits { consumer, reason } => write!(f, "inactive consumer {consumer} stays: {reason}"),
            Self::DeliveriesExhausted { consumer, seq, n_deliveries } => {
                write!(f, "consumer {consumer}: message {seq} was delivered {n_deliveries} times, and is not again")
            }
            Self::MessageGivenUp { consumer, seq } => write!(f, "consumer {consumer}: message {seq} was given up"),
            Self::Unhealthy { problem, n_others: 0 } => write!(f, "not healthy: {problem}"),
            Self::Unhealthy { problem, n_others } => write!(f, "not healthy: {problem}, and {n_others} others"),
            Self::BatchAbandoned { stream, batch, reason, cause } => {
                write!(f, "batch {batch} of stream {stream} was abandoned: {reason} {cause}")
            }
            Self::Reset { stream, reason } => write!(f, "stream {stream} is reset: {reason}"),
            Self::OpenedAgain { stream, reason } => write!(f, "stream {stream} is opened again: {reason}"),
            Self::CatchupEnded { stream, with, reason } => {
                write!(f, "a catch-up of stream {stream} with {with} ended: {reason}")
            }
            Self::FoundingFailed { asset, error, n_earlier } => {
                write!(f, "the group of {asset} is not founded after {n_earlier} attempts before: {error}")
            }
            Self::DriverTurnedAway { asset } => write!(f, "{asset} is driven already: the second driver leaves"),
        }
    }
}

/// The events of a server.
#[derive(Default)]
pub struct Events {
    /// A leaf lock: nothing is called while it is held.
    kept: Mutex<VecDeque<Event>>,
}

impl Events {
    /// Keeps and logs an event.
    pub fn tell(&self, event: Event) {
        tracing::warn!("{event}");
        let mut kept = self.kept.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(event);
    }

    /// Kept events that fit.
    pub fn matching(&self, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
        // Copied out first: the caller's closure does not run under the lock.
        let kept: Vec<Event> = self.kept.lock().iter().cloned().collect();
        kept.into_iter().filter(|event| fits(event)).collect()
    }
}
