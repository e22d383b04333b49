//! Heartbeats (`engine/src/heartbeat`): the sweep of the table against frames that come in, and elections against the
//! loop that holds the raft node.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use interlock_engine::heartbeat::{
    ElectionFailed, ElectionWorker, Elector, Partition, Table, TimeoutMonitor, Timing, TriggerQueue, triggers,
};
use interlock_engine::mutation;
use interlock_sync::lock::AsyncMutex;
use interlock_sync::model::{block_on, name_task};
use interlock_sync::select;
use interlock_sync::task::spawn;
use interlock_sync::time::Instant;
use interlock_sync::token::Token;

fn put_back(bug: &str) {
    mutation::set(Some(bug.parse().expect("the bug is in the engine's catalogue")));
}

fn partition(topic: &str) -> Partition {
    Partition::new(topic, 0)
}

/// What waits in the queue.
async fn queued(mut queue: TriggerQueue) -> BTreeSet<Partition> {
    let mut waiting = BTreeSet::new();
    loop {
        select! {
            biased;
            next = queue.next() => match next {
                Some(partition) => waiting.insert(partition),
                None => return waiting,
            },
            () = std::future::ready(()) => return waiting,
        };
    }
}

interlock_models::model! {
    /// Does a sweep of the table that frames race with end, and forget only who was silent and is being elected for?
    mod sweep_races_frames = Model {
        property: "who was heard of is watched, and who was silent is watched or has a trigger",
        search: Search::Bounded { preemptions: 2 },
        full: Some(Search::Bounded { preemptions: 3 }),
        twins: &[
            Twin { bug: "M-102", symptom: "deadlock", found_within: 0 },
            Twin { bug: "M-103", symptom: "deadlock", found_within: 0 },
            Twin { bug: "M-104", symptom: "heard of, and not watched", found_within: 1 },
            Twin { bug: "M-105", symptom: "neither watched nor triggered", found_within: 0 },
        ],
        pinned: Some(848),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let timing = Timing::default();
            let (started, later) = (Instant::now(), Instant::now() + timing.silence);
            let table = Arc::new(Table::default());
            let [heard, silent, other] = ["heard", "silent", "other"].map(partition);
            for known in [&heard, &silent, &other] {
                table.refresh(known, started);
            }
            // A queue of one: the second of the silent partitions finds no room.
            let (sender, queue) = triggers(1);
            let monitor = TimeoutMonitor::new(table.clone(), sender, timing);
            let frames = spawn({
                let (table, heard) = (table.clone(), heard.clone());
                async move {
                    name_task("frames");
                    table.refresh(&heard, later);
                    table.refresh(&partition("new"), later);
                }
            });
            monitor.scan(later).await;
            frames.await.expect("it does not panic");
            for known in [&heard, &partition("new")] {
                assert_eq!(table.last_seen(known), Some(later), "{known} was heard of, and not watched");
            }
            drop(monitor);
            let triggered = queued(queue).await;
            for known in [&silent, &other] {
                let is_covered = table.last_seen(known).is_some() || triggered.contains(known);
                assert!(is_covered, "{known} is neither watched nor triggered");
            }
        });
    }
}

/// An elector as a broker has it: what it proposes goes through the raft node, whose lock it takes.
struct ThroughNode(Arc<AsyncMutex<usize>>);

impl Elector for ThroughNode {
    fn elect<'a>(
        &'a self,
        _partition: &'a Partition,
    ) -> Pin<Box<dyn Future<Output = Result<(), ElectionFailed>> + Send + 'a>> {
        Box::pin(async move {
            *self.0.lock().await += 1;
            Ok(())
        })
    }
}

interlock_models::model! {
    /// Can the loop that holds the raft node and the monitor that has elections held wait for each other?
    mod election_through_the_node = Model {
        property: "loop, monitor and worker go on",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-101", symptom: "deadlock", found_within: 1 }],
        pinned: Some(6_576),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let timing = Timing::default();
            let later = Instant::now() + timing.silence;
            let (quit, node) = (Token::new(), Arc::new(AsyncMutex::new(0)));
            let (table, elector) = (Arc::new(Table::default()), Arc::new(ThroughNode(node.clone())));
            table.refresh(&partition("a"), Instant::now());
            let (sender, queue) = triggers(1);
            let worker = ElectionWorker::new(elector.clone(), table.clone(), timing);
            let worker = spawn({
                let quit = quit.clone();
                async move {
                    name_task("worker");
                    worker.run(queue, quit).await;
                }
            });
            // A frame comes in as the partition is found to be silent.
            let driver = spawn({
                let table = table.clone();
                async move {
                    name_task("raft loop");
                    let held = node.lock().await;
                    table.refresh(&partition("a"), later);
                    drop(held);
                }
            });
            TimeoutMonitor::new(table, sender, timing).knowing(elector).scan(later).await;
            driver.await.expect("it does not panic");
            quit.cancel();
            worker.await.expect("it does not panic");
        });
    }
}
