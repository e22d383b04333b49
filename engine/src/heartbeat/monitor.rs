//! The timeout monitor: scans the table, queues a trigger for each partition that fell silent.

use std::sync::Arc;

use interlock_sync::lock::Mutex;
use interlock_sync::select;
use interlock_sync::time::{Instant, MissedTickBehavior, interval};
use interlock_sync::token::Token;

#[cfg(feature = "mutation")]
use super::Elector;
use super::trigger::{Offer, TriggerSender};
use super::{Table, Timing};

/// What the monitors of a table do and have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MonitorStatus {
    /// Tasks that scan.
    pub n_running: usize,
    /// Triggers that were queued.
    pub n_queued: u64,
    /// Triggers that found the queue full or closed. Their partitions are still watched.
    pub n_refused: u64,
}

/// Scans one table. There is one for each receiver, and it ends with it.
#[derive(Clone)]
pub struct TimeoutMonitor {
    table: Arc<Table>,
    triggers: TriggerSender,
    timing: Timing,
    /// A leaf lock, held for one addition.
    status: Arc<Mutex<MonitorStatus>>,
    #[cfg(feature = "mutation")]
    elector: Option<Arc<dyn Elector>>,
}

/// Counts a running monitor for as long as it lives.
struct Running(Arc<Mutex<MonitorStatus>>);

impl Running {
    fn enter(status: Arc<Mutex<MonitorStatus>>) -> Self {
        status.lock().n_running += 1;
        Self(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.lock().n_running -= 1;
    }
}

impl TimeoutMonitor {
    /// A monitor that does not run yet.
    pub fn new(table: Arc<Table>, triggers: TriggerSender, timing: Timing) -> Self {
        Self {
            table,
            triggers,
            timing,
            status: Arc::default(),
            #[cfg(feature = "mutation")]
            elector: None,
        }
    }

    /// Gives it what it should not have.
    #[cfg(feature = "mutation")]
    pub(super) fn knowing(self, elector: Arc<dyn Elector>) -> Self {
        Self { elector: Some(elector), ..self }
    }

    /// What it does and has done, its clones included.
    pub fn status(&self) -> MonitorStatus {
        *self.status.lock()
    }

    /// Scans until its owner ends.
    pub async fn run(self, quit: Token) {
        let _running = Running::enter(self.status.clone());
        let mut scans = interval(self.timing.scan);
        scans.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            select! {
                biased;
                () = quit.cancelled() => return,
                _ = scans.tick() => self.scan(Instant::now()).await,
            }
        }
    }

    /// One scan. The table is looked at first, and changed when no guard of it lives.
    pub async fn scan(&self, now: Instant) {
        #[cfg(feature = "mutation")]
        if crate::mutant!(M101) {
            if let Some(elector) = &self.elector {
                self.table.elect_within_iteration(elector.as_ref(), now, self.timing.silence).await;
            }
            return;
        }
        for (partition, observed) in self.table.silent(now, self.timing.silence) {
            let offer = self.triggers.offer(&partition);
            self.count(offer);
            crate::failpoint!("after_scan_before_remove");
            if offer == Offer::Queued || crate::mutant!(M105) {
                self.table.remove_observed(&partition, observed);
            } else {
                tracing::warn!(%partition, ?offer, "silent partition stays watched");
            }
        }
    }

    fn count(&self, offer: Offer) {
        let mut status = self.status.lock();
        match offer {
            Offer::Queued => status.n_queued += 1,
            Offer::Full | Offer::Closed => status.n_refused += 1,
            Offer::AlreadyQueued => {}
        }
    }
}
