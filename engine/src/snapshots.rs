//! When a monitor takes snapshots, and the one that is being written: `core::snapshot` with a clock.

use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::channel::oneshot;
use interlock_sync::random::Random;
use interlock_sync::time::{Duration, Instant};

use crate::core::snapshot::{Facts, Kind, Occasion, Snapshots, TIMER_JITTER, Verdict};
use crate::raft::{Checkpoint, InstallError, Node};
use crate::server::Context;

/// What a written snapshot covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Covered {
    /// Entries up to here.
    pub(crate) index: u64,
    /// Rejections up to here.
    pub(crate) clfs: u64,
}

/// How an installation ended.
pub(crate) struct Installed {
    covered: Covered,
    result: Result<(), InstallError>,
}

/// The snapshots of one monitor.
pub(crate) struct Schedule {
    decisions: Snapshots,
    random: Random,
    is_recovering: bool,
    n_entries: u64,
    bytes: u64,
    /// Entries and bytes of these that the snapshot in flight covers.
    in_flight_covers: (u64, u64),
    last: Covered,
    last_at: Option<Instant>,
    in_flight: Option<oneshot::Receiver<Installed>>,
    every: Option<Duration>,
    due: Instant,
}

impl Schedule {
    pub(crate) fn new(context: &Context, kind: Kind, owner: &str) -> Self {
        let mut schedule = Self {
            decisions: Snapshots::new(kind),
            random: Random::split(context.settings.seed, owner),
            is_recovering: true,
            n_entries: 0,
            bytes: 0,
            in_flight_covers: (0, 0),
            last: Covered { index: 0, clfs: 0 },
            last_at: None,
            in_flight: None,
            every: context.settings.snapshot_every,
            due: Instant::now(),
        };
        schedule.rearm();
        schedule
    }

    fn rearm(&mut self) {
        let longest = self.every.unwrap_or(TIMER_JITTER);
        let bound = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        let jitter = Duration::from_millis(self.random.below(bound));
        self.due = Instant::now() + self.every.map_or_else(|| self.decisions.timer(jitter), |every| every + jitter);
    }

    /// When the timer fires.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// The log was replayed.
    pub(crate) fn recovered(&mut self) {
        self.is_recovering = false;
    }

    /// An entry was applied.
    pub(crate) fn count(&mut self, n_bytes: usize) {
        self.n_entries += 1;
        self.bytes += n_bytes as u64;
    }

    /// Whether a snapshot is to be taken.
    pub(crate) fn judge(&mut self, occasion: Occasion, node: &Node, clfs: u64) -> Verdict {
        let facts = Facts {
            n_entries: self.n_entries,
            bytes: self.bytes,
            clfs_grew: clfs > self.last.clfs,
            is_recovering: self.is_recovering,
            is_in_progress: self.in_flight.is_some(),
            is_closed: node.is_closed(),
            has_write_error: node.write_error().is_some(),
            since_last: self.last_at.map(|at| at.elapsed()),
        };
        let verdict = self.decisions.judge(occasion, &facts);
        if occasion == Occasion::Timer {
            self.rearm();
        }
        verdict
    }

    /// Installs a checkpoint's data: in a task of its own, so that entries are applied while it is written; after a
    /// failure here, so that the next one is known at once. The index of [`Self::settle`], where it was done here.
    pub(crate) async fn install(
        &mut self,
        context: &Arc<Context>,
        checkpoint: Checkpoint,
        data: Bytes,
        covered: Covered,
    ) -> Option<u64> {
        self.in_flight_covers = (self.n_entries, self.bytes);
        if self.decisions.n_failures() > 0 {
            let result = checkpoint.install(data).await;
            return self.settle(Installed { covered, result });
        }
        let (sender, receiver) = oneshot::channel();
        let installing = async move {
            let result = checkpoint.install(data).await;
            // The monitor may have left: what is installed is installed.
            let _left = sender.send(Installed { covered, result });
        };
        if context.tasks.spawn(installing) {
            self.in_flight = Some(receiver);
        }
        None
    }

    /// Waits for the one that is being written; for ever where there is none.
    pub(crate) async fn finished(&mut self) -> Option<Installed> {
        match &mut self.in_flight {
            Some(receiver) => receiver.await.ok(),
            None => pending().await,
        }
    }

    /// Notes how an installation ended: the index up to which the log is not needed any more, where it succeeded.
    pub(crate) fn settle(&mut self, installed: impl Into<Option<Installed>>) -> Option<u64> {
        self.in_flight = None;
        let Installed { covered, result } = installed.into()?;
        match result {
            Ok(()) => {
                self.decisions.installed();
                self.last = covered;
                self.last_at = Some(Instant::now());
                // What was applied while it was written is not in it.
                self.n_entries -= self.in_flight_covers.0;
                self.bytes -= self.in_flight_covers.1;
                self.rearm();
                Some(covered.index)
            }
            Err(InstallError::Closed | InstallError::Aborted) => None,
            Err(error) => {
                self.failed(&error.to_string());
                None
            }
        }
    }

    /// Notes a snapshot that did not come about.
    pub(crate) fn failed(&mut self, why: &str) {
        tracing::warn!("no snapshot: {why}");
        if let Some(wait) = self.decisions.failed() {
            self.due = Instant::now() + wait;
        }
    }
}
