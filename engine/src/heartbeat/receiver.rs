//! The receiver: the connections that partitions come in on, one monitor and one worker for all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use interlock_sync::task::{self, JoinHandle};
use interlock_sync::time::Instant;
use interlock_sync::token::Token;

use super::monitor::{MonitorStatus, TimeoutMonitor};
use super::{ElectionWorker, Elector, Partition, Table, Timing, triggers};

/// A receiver. Its monitor and worker end with it.
pub struct Receiver {
    table: Arc<Table>,
    monitor: TimeoutMonitor,
    quit: Token,
    tasks: Vec<JoinHandle<()>>,
}

/// What is seen of a receiver from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverStatus {
    /// Partitions that are watched.
    pub n_watched: usize,
    /// Its monitor.
    pub monitor: MonitorStatus,
}

impl Receiver {
    /// Starts the monitor and the worker.
    pub fn start(elector: Arc<dyn Elector>, timing: Timing) -> Self {
        let (table, quit) = (Arc::new(Table::default()), Token::new());
        let (sender, queue) = triggers(timing.max_queued);
        let monitor = TimeoutMonitor::new(table.clone(), sender, timing);
        #[cfg(feature = "mutation")]
        let monitor = monitor.knowing(elector.clone());
        let worker = ElectionWorker::new(elector, table.clone(), timing);
        let tasks = vec![task::spawn(monitor.clone().run(quit.clone())), task::spawn(worker.run(queue, quit.clone()))];
        Self { table, monitor, quit, tasks }
    }

    /// A peer has connected.
    pub fn connect(&self) -> Connection {
        if crate::mutant!(M107) {
            task::spawn(self.monitor.clone().run(self.quit.clone()));
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
    pub async fn stop(mut self) {
        self.quit.cancel();
        for task in self.tasks.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a heartbeat task ended badly");
            }
        }
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

    /// A frame without data: the peer is alive, and with it all partitions of this connection.
    pub fn heartbeat_frame(&self, now: Instant) {
        if crate::mutant!(M106) {
            return;
        }
        for partition in &self.partitions {
            self.table.refresh(partition, now);
        }
    }

    /// A partition has moved to another connection.
    pub fn release(&mut self, partition: &Partition) {
        self.partitions.remove(partition);
    }
}
