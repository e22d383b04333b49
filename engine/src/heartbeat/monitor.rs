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
    pub fn knowing(self, elector: Arc<dyn Elector>) -> Self {
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

    /// One scan. The table is looked at first, and changed when no guard of it lives. A key goes after its trigger was
    /// queued, and stays where there is no room (O-34, G-19).
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

#[cfg(test)]
mod tests {
    use super::TimeoutMonitor;
    use crate::heartbeat::{Partition, Table, Timing, triggers};
    use interlock_sync::random::Random;
    use interlock_sync::time::{Duration, Instant, sleep};
    use std::collections::BTreeMap;
    use std::sync::Arc;

    /// I-S21 and I-L7, over random frames, scans and a worker that takes triggers when it likes.
    #[tokio::test(start_paused = true)]
    async fn a_partition_is_watched_or_was_triggered_since_it_was_heard_of() {
        let partitions: Vec<Partition> = (0..8).map(|number| Partition::new("t", number)).collect();
        for seed in 0..100 {
            let mut random = Random::from_seed(seed);
            let (table, timing) = (Arc::new(Table::default()), Timing::default());
            let (sender, mut queue) = triggers(2);
            let monitor = TimeoutMonitor::new(table.clone(), sender, timing);
            let mut heard: BTreeMap<&Partition, Instant> = BTreeMap::new();
            let mut triggered: BTreeMap<Partition, Instant> = BTreeMap::new();
            let mut n_gone = 0;
            for second in 0..400 {
                let is_quiet = second >= 200;
                for partition in partitions.iter().filter(|_| !is_quiet) {
                    if random.chance(4) {
                        table.refresh(partition, Instant::now());
                        heard.insert(partition, Instant::now());
                    }
                }
                if second % 5 == 0 {
                    let before = table.silent(Instant::now(), timing.silence);
                    monitor.scan(Instant::now()).await;
                    let is_gone = |silent: &(Partition, Instant)| table.last_seen(&silent.0).is_none();
                    let gone: Vec<_> = before.into_iter().filter(is_gone).collect();
                    n_gone += gone.len() as u64;
                    triggered.extend(gone);
                    assert_eq!(monitor.status().n_queued, n_gone, "seed {seed}: gone without a trigger");
                }
                if is_quiet || random.chance(10) {
                    interlock_sync::select! {
                        biased;
                        taken = queue.next() => assert!(taken.is_some_and(|taken| triggered.contains_key(&taken))),
                        () = std::future::ready(()) => {}
                    }
                }
                for (partition, heard) in &heard {
                    let is_covered = triggered.get(*partition).is_some_and(|observed| observed >= heard);
                    assert!(is_covered || table.last_seen(partition) == Some(*heard), "seed {seed}, second {second}");
                }
                sleep(Duration::from_secs(1)).await;
            }
            assert_eq!(table.n_watched(), 0, "seed {seed}: all are silent, and each one was triggered");
        }
    }
}
