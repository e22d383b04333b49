//! The whole engine: servers with their meta layer, streams and raft nodes, on simulated disks and a simulated network.
//!
//! These models have too many tasks to be searched to the end, so they are sampled. What leads up to the question is
//! run in one order.

use std::time::Duration;

use interlock_engine::api::{Request, Response};
use interlock_engine::core::names::ServerId;
use interlock_engine::failpoint;
use interlock_engine::mutation;
use interlock_engine::sim::World;
use interlock_models::{Limits, quiet};
use interlock_sync::model::{Config, block_on, configure};

fn put_back(bug: &str) {
    mutation::set(Some(bug.parse().expect("the bug is in the engine's catalogue")));
}

/// An engine takes many steps, and its timers fire as long as it lives.
const LIMITS: Limits =
    Limits { steps: 2_000_000, checked_twice: 2, stack_bytes: 0x40_0000, budget_ms: 120_000, ..Limits::DEFAULT };

fn begin() {
    configure(Config { max_fired: 1_000_000, ..Config::default() });
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
        property: "each server's stream is driven by one task, on the new group's node, and has all messages",
        search: Search::Portfolio { schedules: 60 },
        full: Some(Search::Portfolio { schedules: 2_000 }),
        twins: &[Twin { bug: "M-01", symptom: "unmonitored", found_within: 60 }],
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
            assert!(matches!(response, Response::Stream(_)), "{response:?}");
            let all_are = |world: &World| world.ids().iter().all(|id| is_monitored(world, *id));
            assert!(world.until(SOON, all_are).await, "unmonitored");
            end(world).await;
        });
    }
}
