//! The receiver: the connections that partitions come in on, one monitor and one worker for all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use interlock_sync::task::Tracker;
use interlock_sync::time::Instant;
use interlock_sync::token::Token;

use super::monitor::{MonitorStatus, TimeoutMonitor};
use super::{ElectionWorker, Elector, Partition, Table, Timing, triggers};

/// A receiver. Its monitor and worker end with it, and do not come with connections (G-18).
pub struct Receiver {
    table: Arc<Table>,
    monitor: TimeoutMonitor,
    quit: Token,
    tasks: Tracker,
}

/// What is seen of a receiver from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiverStatus {
    /// Partitions that are watched.
    pub n_watched: usize,
    /// Its monitor.
    pub monitor: MonitorStatus,
}

impl Receiver {
    /// Starts the monitor and the worker. They end with the token, if the receiver does not end before.
    pub fn start(elector: Arc<dyn Elector>, timing: Timing, quit: &Token) -> Self {
        let (table, quit, tasks) = (Arc::new(Table::default()), quit.child_token(), Tracker::default());
        let (sender, queue) = triggers(timing.max_queued);
        let monitor = TimeoutMonitor::new(table.clone(), sender, timing);
        #[cfg(feature = "mutation")]
        let monitor = monitor.knowing(elector.clone());
        let worker = ElectionWorker::new(elector, table.clone(), timing);
        let is_started = tasks.spawn(monitor.clone().run(quit.clone())) && tasks.spawn(worker.run(queue, quit.clone()));
        debug_assert!(is_started, "nobody closes the tracker before the receiver ends");
        Self { table, monitor, quit, tasks }
    }

    /// A peer has connected.
    pub fn connect(&self) -> Connection {
        #[cfg(feature = "mutation")]
        if crate::mutant!(M107) {
            interlock_sync::task::spawn(self.monitor.clone().run(self.quit.clone()));
        }
        Connection { table: self.table.clone(), partitions: BTreeSet::new() }
    }

    /// What it watches.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// What is seen of it.
    pub fn status(&self) -> ReceiverStatus {
        ReceiverStatus { n_watched: self.table.n_watched(), monitor: self.monitor.status() }
    }

    /// Ends the monitor and the worker, and waits until they are gone.
    pub async fn stop(&self) {
        self.quit.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.quit.cancel();
    }
}

/// A connection and the partitions that are multiplexed on it. When it goes they stay watched: their silence is what
/// the monitor looks for.
pub struct Connection {
    table: Arc<Table>,
    partitions: BTreeSet<Partition>,
}

impl Connection {
    /// A frame with data of a partition: the partition is alive, and from here on one of this connection's.
    pub fn data_frame(&mut self, partition: &Partition, now: Instant) {
        if self.table.refresh(partition, now).is_some() {
            tracing::debug!(%partition, "watched");
        }
        if !self.partitions.contains(partition) {
            self.partitions.insert(partition.clone());
        }
    }

    /// The peer has said which partitions it carries. Those that are new are watched; of the others it says no more.
    pub fn carries(&mut self, partitions: BTreeSet<Partition>, now: Instant) {
        for partition in partitions.difference(&self.partitions) {
            self.table.watch(partition, now);
        }
        self.partitions = partitions;
    }

    /// A frame without data: the peer is alive, and with it all partitions of this connection (G-16).
    pub fn heartbeat_frame(&self, now: Instant) {
        if crate::mutant!(M106) {
            return;
        }
        for partition in &self.partitions {
            self.table.refresh(partition, now);
        }
    }
}
