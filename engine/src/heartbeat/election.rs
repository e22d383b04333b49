//! The election worker: takes triggers, and is alone allowed to ask the elector, for one partition at a time and each no
//! longer than its limit.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use interlock_sync::map::{ConcurrentMap, Entry};
use interlock_sync::select;
use interlock_sync::task::JoinSet;
use interlock_sync::time::{Duration, Instant, timeout};
use interlock_sync::token::Token;

use super::trigger::TriggerQueue;
use super::{Partition, Table, Timing};

/// No leader was elected: whose turn it is, or what failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no leader elected: {0}")]
pub struct ElectionFailed(pub String);

/// Has a leader elected. Whoever is not in a position to propose one does nothing.
pub trait Elector: Send + Sync + 'static {
    /// Has a new leader elected for this partition.
    fn elect<'a>(
        &'a self,
        partition: &'a Partition,
    ) -> Pin<Box<dyn Future<Output = Result<(), ElectionFailed>> + Send + 'a>>;
}

/// The partitions whose election runs.
type Marks = Arc<ConcurrentMap<Partition, ()>>;

/// The worker.
pub struct ElectionWorker {
    elector: Arc<dyn Elector>,
    table: Arc<Table>,
    timing: Timing,
    marks: Marks,
    elections: JoinSet<()>,
}

/// A running election. On every way out (done, failed, timed out, panicked, dropped) its mark goes; and but for the
/// first, its partition is watched again, so that its silence leads to another attempt.
struct Election {
    marks: Marks,
    table: Arc<Table>,
    partition: Partition,
    is_done: bool,
}

impl Drop for Election {
    fn drop(&mut self) {
        self.marks.remove(&self.partition);
        if !self.is_done {
            self.table.watch(&self.partition, Instant::now());
        }
    }
}

impl ElectionWorker {
    /// A worker without elections. Partitions whose election fails are watched again in this table.
    pub fn new(elector: Arc<dyn Elector>, table: Arc<Table>, timing: Timing) -> Self {
        Self { elector, table, timing, marks: Marks::default(), elections: JoinSet::new() }
    }

    /// How many elections run.
    pub fn n_running(&self) -> usize {
        self.marks.len()
    }

    /// Takes triggers until its owner ends; elections that run then are dropped.
    pub async fn run(mut self, mut queue: TriggerQueue, quit: Token) {
        loop {
            let has_room = self.elections.len() < self.timing.max_elections.max(1);
            select! {
                biased;
                () = quit.cancelled() => return,
                Some(ended) = self.elections.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "an election panicked");
                    }
                }
                trigger = queue.next(), if has_room => match trigger {
                    Some(partition) => self.start(partition),
                    None => return,
                },
            }
        }
    }

    /// Starts an election, unless one runs for this partition or it needs none.
    pub fn start(&mut self, partition: Partition) {
        if partition.is_internal() {
            return;
        }
        let is_free = if crate::mutant!(M109) { !self.marks.contains_key(&partition) } else { self.mark(&partition) };
        if !is_free {
            return;
        }
        let election = Election { marks: self.marks.clone(), table: self.table.clone(), partition, is_done: false };
        self.elections.spawn(elect(election, self.elector.clone(), self.timing));
    }

    /// Marks a partition, in one operation (G-19). False where it was marked.
    fn mark(&self, partition: &Partition) -> bool {
        match self.marks.entry(partition.clone()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(unmarked) => {
                unmarked.insert(());
                true
            }
        }
    }
}

async fn elect(mut election: Election, elector: Arc<dyn Elector>, timing: Timing) {
    if crate::mutant!(M109) {
        election.marks.insert(election.partition.clone(), ());
    }
    let limit = if crate::mutant!(M108) { Duration::MAX } else { timing.election };
    match timeout(limit, elector.elect(&election.partition)).await {
        Ok(Ok(())) => election.is_done = true,
        Ok(Err(error)) => tracing::warn!(partition = %election.partition, %error, "watched again"),
        Err(_elapsed) => tracing::warn!(partition = %election.partition, ?limit, "election timed out; watched again"),
    }
}

#[cfg(test)]
mod tests {
    use super::{ElectionFailed, ElectionWorker, Elector};
    use crate::heartbeat::{Partition, Table, Timing, triggers};
    use interlock_sync::lock::Mutex;
    use interlock_sync::task;
    use interlock_sync::time::{Duration, sleep};
    use interlock_sync::token::Token;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Arc;

    /// Ends as the topic says.
    #[derive(Default)]
    struct ByTopic {
        asked: Mutex<Vec<Partition>>,
    }

    impl Elector for ByTopic {
        fn elect<'a>(
            &'a self,
            partition: &'a Partition,
        ) -> Pin<Box<dyn Future<Output = Result<(), ElectionFailed>> + Send + 'a>> {
            Box::pin(async move {
                self.asked.lock().push(partition.clone());
                match &*partition.topic {
                    "panics" => panic!("as the test wants it"),
                    "fails" => Err(ElectionFailed("no quorum".to_owned())),
                    "hangs" => std::future::pending().await,
                    _ => Ok(()),
                }
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_mark_goes_on_every_way_out_and_a_failure_is_watched_again() {
        for (topic, is_watched) in [("fine", false), ("fails", true), ("hangs", true), ("panics", true)] {
            let (elector, table) = (Arc::new(ByTopic::default()), Arc::new(Table::default()));
            let mut worker = ElectionWorker::new(elector.clone(), table.clone(), Timing::default());
            let partition = Partition::new(topic, 0);
            for n_asked in 1..=2 {
                worker.start(partition.clone());
                assert_eq!(worker.n_running(), 1, "{topic}");
                sleep(Duration::from_secs(31)).await;
                assert_eq!((worker.n_running(), elector.asked.lock().len()), (0, n_asked), "{topic}");
                assert_eq!(table.last_seen(&partition).is_some(), is_watched, "{topic}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_outlives_panics_passes_over_internal_topics_and_ends_with_its_owner() {
        let (elector, table) = (Arc::new(ByTopic::default()), Arc::new(Table::default()));
        let (sender, queue) = triggers(8);
        let quit = Token::new();
        let worker = ElectionWorker::new(elector.clone(), table, Timing::default());
        let running = task::spawn(worker.run(queue, quit.clone()));
        let asked = ["panics", "fine"].map(|topic| Partition::new(topic, 0));
        for partition in [&asked[0], &Partition::new("__offsets", 0), &asked[1]] {
            sender.offer(partition);
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(*elector.asked.lock(), asked);
        quit.cancel();
        running.await.expect("the worker ends");
    }
}
