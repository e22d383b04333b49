//! Who is alive: a table of the partitions that others send to this server, a scan for those that fell silent, and a
//! worker that has a new leader elected for them (`docs/engine/heartbeats.md`).
//!
//! ```text
//! connections ──refresh──▶ Table ──scan──▶ TimeoutMonitor ──try_send──▶ triggers ──▶ ElectionWorker ──▶ Elector
//! ```
//!
//! The guards of the table are leaves of the lock order: nothing is called, sent or awaited while one lives. A key
//! leaves the table only after its trigger was queued, and only if nothing was heard since (I-S21).

mod election;
mod monitor;
mod receiver;
mod table;
mod trigger;

use std::fmt;
use std::sync::Arc;

use interlock_sync::time::Duration;

pub use election::{ElectionFailed, ElectionWorker, Elector};
pub use monitor::{MonitorStatus, TimeoutMonitor};
pub use receiver::{Connection, Receiver, ReceiverStatus};
pub use table::Table;
pub use trigger::{Offer, TriggerQueue, TriggerSender, triggers};

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The topic.
    pub topic: Arc<str>,
    /// Its number within the topic.
    pub number: u32,
}

impl Partition {
    /// A partition of a topic.
    pub fn new(topic: impl AsRef<str>, number: u32) -> Self {
        Self { topic: topic.as_ref().into(), number }
    }

    /// Topics of the system itself have no leader of their own to be elected.
    pub fn is_internal(&self) -> bool {
        self.topic.starts_with("__")
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.number)
    }
}

/// Intervals and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Between two heartbeats of a sender.
    pub heartbeat: Duration,
    /// Between two scans of the table.
    pub scan: Duration,
    /// Silence that counts as a failure.
    pub silence: Duration,
    /// An election at most.
    pub election: Duration,
    /// Triggers that wait at most.
    pub max_queued: usize,
    /// Elections at one time at most.
    pub max_elections: usize,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(10),
            scan: Duration::from_secs(5),
            silence: Duration::from_secs(30),
            election: Duration::from_secs(30),
            max_queued: 1024,
            max_elections: 4,
        }
    }
}
