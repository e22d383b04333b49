//! Downgrades to one replica that a shutdown meets: the group's log is the only place of what the store has not made
//! durable, and goes only when the store has.

use std::time::Duration;

use interlock_engine::api::Request;
use interlock_engine::core::config::StreamConfig;
use interlock_engine::core::names::ServerId;
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::failpoint;
use interlock_engine::sim::World;
use tokio::time::Instant;

use crate::harness::{Outcome, expect};
use crate::write_errors::{EIO, MINUTE, SOON, break_store, leader, replicated, stream};

/// How long a shutdown may take that waits for a change which does not end.
const STOPS_IN: Duration = Duration::from_secs(14);

/// Asks for one replica, on the server that leads, and waits until the plan is held there with the node gone.
async fn downgrade(world: &World, kept: ServerId) -> Outcome {
    let config = stream(world, kept)?.config();
    let request = Request::StreamUpdate(StreamConfig { replicas: 1, ..config });
    let _response = tokio::time::timeout(SOON, world.request(kept, request)).await;
    expect(world.until(MINUTE, |world| has_retired(world, kept)).await, "the plan does not begin")
}

fn has_retired(world: &World, kept: ServerId) -> bool {
    world.stream(kept, "T").is_some_and(|stream| stream.member().node().is_none())
}

/// Shuts the engine down; the plan goes on after a second.
async fn stop_across(world: &World, kept: ServerId, point: &'static str) -> Outcome {
    let server = world.server(kept).ok_or("no server")?;
    let going_on = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        failpoint::release(point);
    };
    tokio::join!(server.stop_engine(), going_on);
    tokio::time::sleep(MINUTE).await;
    Ok(())
}

scenario!(s_111_a_shutdown_in_a_downgrade_whose_flush_fails, "S-111", [], async {
    for (seed, point) in [(12_000, "after_node_delete"), (12_001, "before_slot_stop")] {
        let mut world = replicated(seed).await?;
        let kept = leader(&world)?;
        break_store(&world, kept, Operation::Sync);
        failpoint::hold(point);
        downgrade(&world, kept).await?;
        stop_across(&world, kept, point).await?;
        world.crash(kept);
        world.disk(kept).heal();
        world.boot(kept).await;
        let is_complete = |world: &World| world.payloads(kept, "T").len() == 10;
        let came_back = world.until(MINUTE, is_complete).await;
        expect(came_back, format!("{point}: {} of 10 messages are there", world.payloads(kept, "T").len()))?;
    }
    Ok(())
});

scenario!(s_111_a_shutdown_in_a_downgrade_behind_a_flusher_that_failed, "S-111", [], async {
    let mut world = replicated(12_002).await?;
    let (kept, point) = (leader(&world)?, "before_slot_stop");
    failpoint::hold(point);
    let mut n_acknowledged = 10;
    let publishing = async {
        while !has_retired(&world, kept) {
            let published = tokio::time::timeout(Duration::from_millis(50), world.publish(kept, "T.a", b"late")).await;
            n_acknowledged += usize::from(published.is_ok_and(|published| published.is_ok()));
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        // What the last of these have left to be written is not written any more.
        world.disk(kept).fail(Fault::always(Operation::Write, "streams/T", EIO));
        stream(&world, kept).map(|stream| stream.store().pending_bytes())
    };
    let (downgraded, n_pending) = tokio::join!(downgrade(&world, kept), publishing);
    downgraded?;
    expect(n_pending? > 0, "all was written before")?;
    stop_across(&world, kept, point).await?;
    world.stop(kept).await;
    world.disk(kept).heal();
    world.boot(kept).await;
    let is_complete = |world: &World| world.payloads(kept, "T").len() >= n_acknowledged;
    let came_back = world.until(MINUTE, is_complete).await;
    let n_there = world.payloads(kept, "T").len();
    expect(came_back, format!("{n_there} of {n_acknowledged} acknowledged messages are there"))
});

scenario!(a_change_that_does_not_end_holds_a_shutdown_up_once, "S-00", [], async {
    let world = replicated(12_003).await?;
    let kept = leader(&world)?;
    failpoint::hold("before_slot_stop");
    downgrade(&world, kept).await?;
    let begun = Instant::now();
    world.server(kept).ok_or("no server")?.stop_engine().await;
    let taken = begun.elapsed();
    expect(taken < STOPS_IN, format!("it takes {taken:?}"))?;
    failpoint::release("before_slot_stop");
    tokio::time::sleep(MINUTE).await;
    expect(world.engine(kept).is_none_or(|engine| engine.streams().is_empty()), "it runs a stream")
});
