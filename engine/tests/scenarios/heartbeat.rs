//! S-89 to S-97: the heartbeat table, its monitor, and the election worker.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use interlock_engine::failpoint;
use interlock_engine::heartbeat::{
    ElectionFailed, ElectionWorker, Elector, Partition, Receiver, Table, TimeoutMonitor, Timing, TriggerSender,
    triggers,
};
use interlock_engine::raft::{Node, NodeHost};
use interlock_sync::lock::Mutex;
use interlock_sync::map::ConcurrentMap;
use interlock_sync::task;
use interlock_sync::time::{Instant, sleep};
use interlock_sync::token::Token;

use crate::harness::expect;
use crate::raft_world::{FAIR, Weather, World};

type Election<'a> = Pin<Box<dyn Future<Output = Result<(), ElectionFailed>> + Send + 'a>>;

/// Counts elections; those of the topic `stuck` never end.
#[derive(Default)]
struct Counting {
    elected: Mutex<Vec<Partition>>,
}

impl Counting {
    fn n_elections(&self) -> usize {
        self.elected.lock().len()
    }
}

impl Elector for Counting {
    fn elect<'a>(&'a self, partition: &'a Partition) -> Election<'a> {
        Box::pin(async move {
            self.elected.lock().push(partition.clone());
            if &*partition.topic == "stuck" {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    }
}

fn partitions(topic: &str, n_partitions: u32) -> Vec<Partition> {
    (0..n_partitions).map(|number| Partition::new(topic, number)).collect()
}

/// Two partitions whose entries share a lock, in a map of the table's hasher and number of shards.
fn two_of_one_shard(among: &[Partition]) -> (Partition, Partition) {
    let map: ConcurrentMap<Partition, ()> = ConcurrentMap::with_hasher_and_shard_amount(Default::default(), 16);
    for partition in among {
        map.insert(partition.clone(), ());
    }
    let held = map.get_mut(&among[0]).unwrap();
    let shares = |partition: &&Partition| map.try_get(*partition).is_locked();
    let other = among[1..].iter().find(shares).unwrap().clone();
    drop(held);
    (among[0].clone(), other)
}

// ---- S-89 ----

/// Proposes the new leader of a partition to a raft group, whose node its driver shares with this.
struct ByGroup {
    node: Node,
}

impl Elector for ByGroup {
    fn elect<'a>(&'a self, partition: &'a Partition) -> Election<'a> {
        Box::pin(async move {
            let failed = |why: String| ElectionFailed(why);
            let shared = self.node.shared().ok_or_else(|| failed("the node has no lock".to_owned()))?;
            if !shared.lock().await.is_leader() {
                return Err(failed("led elsewhere".to_owned()));
            }
            let proposal = format!("elect {partition}").into();
            let proposed = self.node.propose(None, proposal).await.map_err(|error| failed(error.to_string()))?;
            // It is an election once a majority has it.
            let mut status = self.node.watch();
            let committed = status.wait_for(|status| status.commit >= proposed.index).await;
            committed.map(|_| ()).map_err(|_| failed("the node is closed".to_owned()))
        })
    }
}

/// Writes to the group without a pause: the longest time that one took.
async fn write_on(node: Node, quit: Token) -> Duration {
    let mut longest = Duration::ZERO;
    while !quit.is_cancelled() {
        let start = Instant::now();
        node.propose(None, "write".into()).await.ok();
        longest = longest.max(start.elapsed());
        sleep(Duration::from_millis(10)).await;
    }
    longest
}

/// 64 busy partitions and one whose link stalls for 31 s: elections, triggers, and the longest write beside them.
async fn stall_under_load() -> (usize, u64, Duration) {
    let world = World::started(3, NodeHost::SharedLock, 89).await;
    let leader = world.elect().await;
    // An election takes longer than it is to the next frame.
    world.wire.set_weather(Weather { delay_ms: (20, 30), ..FAIR });
    let node = world.node(leader).clone();
    let receiver = Receiver::start(Arc::new(ByGroup { node: node.clone() }), Timing::default(), &Token::new());
    let quit = Token::new();
    let writer = task::spawn(write_on(node, quit.clone()));
    let (mut busy, mut link) = (receiver.connect(), receiver.connect());
    let (many, one) = (partitions("busy", 64), Partition::new("stalled", 0));
    for step in 0..6000_u32 {
        many.iter().for_each(|partition| busy.data_frame(partition, Instant::now()));
        // Of 60 s, it is silent from 9.5 to 40.5.
        if !(950..4050).contains(&step) {
            link.data_frame(&one, Instant::now());
        }
        sleep(Duration::from_millis(10)).await;
    }
    quit.cancel();
    let longest = writer.await.unwrap();
    let n_queued = receiver.status().monitor.n_queued;
    receiver.stop().await;
    let applied = world.applied(leader);
    let n_elections = applied.data.iter().filter(|(_, data)| data.starts_with(b"elect ")).count();
    (n_elections, n_queued, longest)
}

scenario!(s_89_a_stalled_link_leads_to_one_election_beside_the_driver, "S-89", [M101 => "the thread is blocked"], async {
    let (n_elections, n_queued, longest) = stall_under_load().await;
    expect((n_elections, n_queued) == (1, 1), format!("{n_elections} elections of {n_queued} triggers"))?;
    expect(longest <= Duration::from_millis(200), format!("the driver was delayed: a write took {longest:?}"))
});

// ---- S-90, S-91 ----

/// 64 partitions, two of one shard silent, while another thread inserts: which were removed.
async fn scan_beside_inserts() -> (bool, usize) {
    let table = Arc::new(Table::default());
    let (sender, _queue) = triggers(64);
    let monitor = TimeoutMonitor::new(table.clone(), sender, Timing::default());
    let all = partitions("t", 64);
    let (first, second) = two_of_one_shard(&all);
    let (start, later) = (Instant::now(), Instant::now() + Duration::from_secs(30));
    for partition in &all {
        let is_silent = [&first, &second].contains(&partition);
        table.refresh(partition, if is_silent { start } else { later });
    }
    let inserter = std::thread::spawn({
        let table = table.clone();
        move || partitions("new", 10_000).iter().for_each(|partition| _ = table.refresh(partition, later))
    });
    monitor.scan(later).await;
    inserter.join().unwrap();
    (table.last_seen(&first).is_none() && table.last_seen(&second).is_none(), table.n_watched())
}

scenario!(s_90_silent_partitions_of_one_shard_are_removed_after_the_scan, "S-90", [
    M102 => "the thread is blocked",
], async {
    let (are_removed, n_watched) = scan_beside_inserts().await;
    expect(are_removed, "a silent partition is still watched")?;
    expect(n_watched == 62 + 10_000, format!("{n_watched} partitions are watched"))
});

scenario!(s_91_no_guard_lives_while_the_table_is_counted, "S-91", [M103 => "the thread is blocked"], async {
    let (now, table) = (Instant::now(), Table::default());
    let counts: Vec<_> = partitions("t", 64).iter().filter_map(|partition| table.refresh(partition, now)).collect();
    expect(counts == (1..=64).collect::<Vec<_>>(), format!("counted {counts:?}"))
});

// ---- S-92, S-93 ----

scenario!(s_92_a_heartbeat_between_scan_and_removal_keeps_the_partition, "S-92", [
    M104 => "the partition is never watched again",
], async {
    let (table, partition) = (Arc::new(Table::default()), Partition::new("t", 0));
    let (sender, mut queue) = triggers(8);
    let monitor = TimeoutMonitor::new(table.clone(), sender, Timing::default());
    table.refresh(&partition, Instant::now());
    sleep(Duration::from_secs(30)).await;
    failpoint::hold("after_scan_before_remove");
    let scan = task::spawn({
        let monitor = monitor.clone();
        async move { monitor.scan(Instant::now()).await }
    });
    failpoint::arrival_after("after_scan_before_remove", 0).await;
    table.refresh(&partition, Instant::now());
    failpoint::release("after_scan_before_remove");
    scan.await.unwrap();
    expect(queue.next().await.as_ref() == Some(&partition), "the silence led to no trigger")?;
    expect(table.last_seen(&partition).is_some(), "the partition is never watched again")?;
    sleep(Duration::from_secs(30)).await;
    monitor.scan(Instant::now()).await;
    expect(monitor.status().n_queued == 2, "the second silence led to no trigger")
});

scenario!(s_93_a_trigger_that_finds_no_place_comes_later, "S-93", [M105 => "a failure is lost"], async {
    let table = Arc::new(Table::default());
    let (sender, mut queue) = triggers(1);
    let monitor = TimeoutMonitor::new(table.clone(), sender, Timing::default());
    let silent = partitions("t", 3);
    silent.iter().for_each(|partition| _ = table.refresh(partition, Instant::now()));
    sleep(Duration::from_secs(30)).await;
    let mut triggered = Vec::new();
    for n_left in [2, 1, 0] {
        monitor.scan(Instant::now()).await;
        expect(table.n_watched() == n_left, "a failure is lost")?;
        triggered.extend(queue.next().await);
        sleep(Duration::from_secs(5)).await;
    }
    expect(triggered == silent, format!("triggered were {triggered:?}"))?;
    // The worker is gone: what falls silent from here on is kept.
    drop(queue);
    table.refresh(&silent[0], Instant::now());
    sleep(Duration::from_secs(30)).await;
    monitor.scan(Instant::now()).await;
    expect(table.last_seen(&silent[0]).is_some(), "a failure is lost")?;
    let n_refused = monitor.status().n_refused;
    expect(n_refused == 4, format!("{n_refused} refusals were counted"))
});

// ---- S-94, S-95 ----

scenario!(s_94_an_idle_partition_lives_by_its_connections_heartbeats, "S-94", [
    M106 => "elected although its leader is alive",
], async {
    let elector = Arc::new(Counting::default());
    let receiver = Receiver::start(elector.clone(), Timing::default(), &Token::new());
    let mut connection = receiver.connect();
    partitions("idle", 3).iter().for_each(|partition| connection.data_frame(partition, Instant::now()));
    for _ in 0..30 {
        sleep(Duration::from_secs(10)).await;
        connection.heartbeat_frame(Instant::now());
    }
    expect(elector.n_elections() == 0, "elected although its leader is alive")?;
    // The control: without heartbeats each of them is.
    sleep(Duration::from_secs(36)).await;
    expect(elector.n_elections() == 3, format!("{} of 3 silent partitions were elected", elector.n_elections()))
});

scenario!(s_95_connections_share_one_monitor, "S-95", [M107 => "1001 monitors run"], async {
    let elector = Arc::new(Counting::default());
    let receiver = Receiver::start(elector.clone(), Timing::default(), &Token::new());
    let partition = Partition::new("t", 0);
    for _ in 0..1000 {
        let mut connection = receiver.connect();
        connection.data_frame(&partition, Instant::now());
        task::yield_now().await;
    }
    sleep(Duration::from_secs(1)).await;
    let n_running = receiver.status().monitor.n_running;
    expect(n_running == 1, format!("{n_running} monitors run"))?;
    sleep(Duration::from_secs(40)).await;
    expect(elector.n_elections() == 1, format!("{} elections of one partition", elector.n_elections()))?;
    let status = receiver.status().monitor;
    receiver.stop().await;
    expect(status.n_queued == 1, format!("{} triggers", status.n_queued))
});

// ---- S-96, S-97 ----

/// A worker that runs, with its queue's other end.
fn worker(elector: &Arc<Counting>, table: &Arc<Table>) -> (TriggerSender, Token) {
    let (sender, queue) = triggers(64);
    let quit = Token::new();
    let running = ElectionWorker::new(elector.clone(), table.clone(), Timing::default());
    task::spawn(running.run(queue, quit.clone()));
    (sender, quit)
}

/// Whether an election comes about within this time beside so many that are stuck; then how many are watched.
async fn elects_beside(n_stuck: u32, limit: Duration) -> (bool, usize) {
    let (elector, table) = (Arc::new(Counting::default()), Arc::new(Table::default()));
    let (sender, quit) = worker(&elector, &table);
    let other = Partition::new("fine", 0);
    partitions("stuck", n_stuck).iter().for_each(|partition| _ = sender.offer(partition));
    task::yield_now().await;
    sender.offer(&other);
    sleep(limit).await;
    quit.cancel();
    let is_elected = elector.elected.lock().contains(&other);
    (is_elected, table.n_watched())
}

scenario!(s_96_a_stuck_election_holds_up_no_other, "S-96", [M108 => "stuck elections hold up another for ever"], async {
    let (is_elected, _) = elects_beside(1, Duration::from_millis(1)).await;
    expect(is_elected, "one stuck election holds up another")?;
    let places = Timing::default().max_elections;
    let limit = Timing::default().election + Duration::from_millis(1);
    let (is_elected, n_watched) = elects_beside(u32::try_from(places).unwrap(), limit).await;
    expect(is_elected, "stuck elections hold up another for ever")?;
    expect(n_watched == places, format!("of {places} that timed out, {n_watched} are tried again"))
});

scenario!(s_97_two_triggers_at_once_are_one_election, "S-97", [M109 => "2 elections of one partition"], async {
    let (elector, table) = (Arc::new(Counting::default()), Arc::new(Table::default()));
    let mut worker = ElectionWorker::new(elector.clone(), table, Timing::default());
    let partition = Partition::new("stuck", 0);
    // Two receivers have seen the same silence.
    worker.start(partition.clone());
    worker.start(partition.clone());
    sleep(Duration::from_secs(1)).await;
    expect(elector.n_elections() == 1, format!("{} elections of one partition", elector.n_elections()))?;
    expect(worker.n_running() == 1, "the running election is not marked")
});
