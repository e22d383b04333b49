//! The whole engine: servers with their meta layer, streams and raft nodes, on simulated disks and a simulated network.
//!
//! These models have so many tasks that a bound on preemptions leaves too much: they are searched by delays. What leads up
//! to the question is run in one order, and the keys of the servers' maps are all in one shard, where a task that holds it
//! meets every other.

use std::time::Duration;

use interlock_engine::api::{Request, Response};
use interlock_engine::core::config::{ConsumerConfig, StreamConfig};
use interlock_engine::core::names::{ConsumerKey, ServerId};
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::events::Event;
use interlock_engine::failpoint;
use interlock_engine::mutation;
use interlock_engine::sim::World;
use interlock_models::{Limits, quiet};
use interlock_sync::model::{Config, Shards, block_on, configure};

fn put_back(bug: &str) {
    mutation::set(Some(bug.parse().expect("the bug is in the engine's catalogue")));
}

/// An engine takes many steps, and its timers fire as long as it lives.
const LIMITS: Limits =
    Limits { steps: 2_000_000, checked_twice: 2, stack_bytes: 0x40_0000, budget_ms: 120_000, ..Limits::DEFAULT };

fn begin() {
    configure(Config { max_fired: 1_000_000, shards: Shards::Together, ..Config::default() });
}

const SOON: Duration = Duration::from_secs(15);

/// A cluster of three with a stream of three replicas that has a message.
async fn with_stream(replicas: u8) -> World {
    let world = World::start(3, 7).await;
    world.create_stream("T", replicas).await.expect("it is created");
    world.publish(ServerId(1), "T.a", b"one").await.expect("it is published");
    world
}

/// Whether one task drives the stream on this server, on the node of its assignment.
fn is_monitored(world: &World, id: ServerId) -> bool {
    let (Some(engine), Some(stream)) = (world.engine(id), world.stream(id, "T")) else { return false };
    let Some(assignment) = engine.stream_assignment("T") else { return false };
    let Some(node) = stream.member().node() else { return false };
    let status = stream.member().slot.status();
    status.running && status.count == 1 && *node.group() == assignment.group.name && !node.is_closed()
}

async fn end(mut world: World) {
    let _ends = quiet();
    for id in world.ids().to_vec() {
        world.stop(id).await;
    }
    // What tests may hold outlives no execution.
    failpoint::clear();
}

interlock_models::model! {
    /// Is a stream monitored on each server after a remap, in whatever order old monitors leave and new ones come?
    mod engine_remap = Model {
        property: "each server's stream is driven by one task, on the new group's node",
        search: Search::Delays { delays: 1 },
        full: Some(Search::Delays { delays: 2 }),
        twins: &[Twin { bug: "M-01", symptom: "unmonitored", found_within: 0 }],
        pinned: Some(1_043),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        begin();
        block_on(async {
            let begins = quiet();
            let world = with_stream(3).await;
            let peers = world.ids().to_vec();
            let via = world.meta_leader().expect("a meta leader");
            drop(begins);
            let response = world.request(via, Request::StreamMove { stream: "T".to_owned(), peers }).await;
            let all_are = |world: &World| world.ids().iter().all(|id| is_monitored(world, *id));
            assert!(world.until(SOON, all_are).await, "unmonitored; and the client learned {response:?}");
            assert!(matches!(response, Response::Stream(_)), "{response:?}");
            end(world).await;
        });
    }
}

interlock_models::model! {
    /// Does the server that keeps a stream drive it alone after a downgrade to one replica?
    mod engine_downgrade = Model {
        property: "one copy is left, one task drives it, and it has all messages",
        search: Search::Delays { delays: 1 },
        full: Some(Search::Delays { delays: 2 }),
        twins: &[Twin { bug: "M-03", symptom: "unmonitored", found_within: 1 }],
        pinned: Some(1_844),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        begin();
        block_on(async {
            let begins = quiet();
            let world = with_stream(3).await;
            let via = world.stream_leader("T").expect("a leader");
            let config = world.stream(via, "T").expect("it leads it").config();
            drop(begins);
            let _response = world.request(via, Request::StreamUpdate(StreamConfig { replicas: 1, ..config })).await;
            let copies = |world: &World| {
                world.ids().iter().filter(|id| world.stream(**id, "T").is_some()).copied().collect::<Vec<_>>()
            };
            assert!(world.until(SOON, |world| copies(world).len() == 1).await, "copies on {:?}", copies(&world));
            let kept = copies(&world)[0];
            let is_driven = |world: &World| {
                let status = world.stream(kept, "T").map(|stream| stream.member().slot.status());
                status.is_some_and(|status| status.running && status.count == 1)
            };
            assert!(world.until(SOON, is_driven).await, "unmonitored");
            assert_eq!(world.payloads(kept, "T"), [b"one".to_vec()], "a message is lost");
            end(world).await;
        });
    }
}

/// A consumer that goes when nobody uses it for five seconds.
fn ephemeral() -> ConsumerConfig {
    ConsumerConfig {
        name: "C".to_owned(),
        replicas: 3,
        inactive_threshold: Duration::from_secs(5),
        ..ConsumerConfig::default()
    }
}

fn key() -> ConsumerKey {
    ConsumerKey { stream: "T".to_owned(), name: "C".to_owned() }
}

fn is_assigned(world: &World, id: ServerId) -> bool {
    world.engine(id).is_some_and(|engine| engine.consumer_assignment(&key()).is_some())
}

interlock_models::model! {
    /// Is a consumer that nobody uses removed only once the cluster has agreed?
    mod engine_inactivity = Model {
        property: "where it is assigned it is, until it is assigned nowhere; and then it is nowhere",
        search: Search::Delays { delays: 1 },
        full: Some(Search::Delays { delays: 2 }),
        twins: &[Twin { bug: "M-30", symptom: "gone before its removal was committed", found_within: 0 }],
        pinned: Some(1_132),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        begin();
        block_on(async {
            let begins = quiet();
            let world = with_stream(3).await;
            world.create_consumer("T", ephemeral()).await.expect("it is created");
            let runs = |world: &World, id: ServerId| world.consumer(id, "T", "C").is_some();
            let all_run = |world: &World| world.ids().iter().all(|id| runs(world, *id));
            assert!(world.until(SOON, all_run).await, "it runs nowhere");
            drop(begins);
            let is_ghost = std::cell::Cell::new(false);
            let is_gone = |world: &World| {
                let half = |id: &ServerId| !runs(world, *id) && is_assigned(world, *id);
                is_ghost.set(is_ghost.get() || world.ids().iter().any(half));
                is_ghost.get() || world.ids().iter().all(|id| !runs(world, *id) && !is_assigned(world, *id))
            };
            let has_gone = world.until(Duration::from_secs(60), is_gone).await;
            assert!(!is_ghost.get(), "gone before its removal was committed");
            assert!(has_gone, "it stays");
            end(world).await;
        });
    }
}

interlock_models::model! {
    /// Does a full disk that two streams run into take the engine down, and once?
    mod engine_full_disk = Model {
        property: "the handler of that class runs once, the engine goes down, and the other servers keep what was acknowledged on the first stream",
        search: Search::Delays { delays: 1 },
        full: Some(Search::Delays { delays: 2 }),
        twins: &[
            Twin { bug: "M-67", symptom: "the handler did not run", found_within: 0 },
            Twin { bug: "M-68", symptom: "the handler ran more than once", found_within: 0 },
        ],
        pinned: Some(910),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        begin();
        block_on(async {
            let begins = quiet();
            let world = with_stream(3).await;
            world.create_stream("U", 3).await.expect("it is created");
            let leaders = ["T", "U"].map(|stream| world.stream_leader(stream));
            let full = world.ids().iter().copied().find(|id| !leaders.contains(&Some(*id))).expect("two lead at most");
            let via = leaders[0].expect("somebody leads");
            world.disk(full).fail(Fault::always(Operation::Write, "streams/", 28));
            drop(begins);
            let (of_one, of_other) = interlock_sync::join!(
                world.publish(via, "T.a", b"two"),
                world.publish(via, "U.a", b"two")
            );
            assert!(of_one.is_ok() && of_other.is_ok(), "two of three are enough: {of_one:?}, {of_other:?}");
            let server = world.server(full).expect("it runs");
            let is_down = world.until(SOON, |world| world.engine(full).is_none()).await;
            let n_told = server.context().events.matching(|event| matches!(event, Event::OutOfSpace { .. })).len();
            assert!(is_down && n_told > 0, "the handler did not run");
            assert_eq!(n_told, 1, "the handler ran more than once");
            assert_eq!(world.payloads(via, "T"), [b"one".to_vec(), b"two".to_vec()], "a message is lost");
            end(world).await;
        });
    }
}
