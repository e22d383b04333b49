//! A stream of one replica that moves to another server, and a server that dies on the way.

use std::time::Duration;

use interlock_engine::api::{Request, Response};
use interlock_engine::core::names::ServerId;
use interlock_engine::sim::World;
use tokio::time::{Instant, sleep};

use crate::harness::{Outcome, expect};
use crate::write_errors::{SOON, filled, leader, other_than};

const MINUTE: Duration = Duration::from_secs(60);
/// When somebody dies after the move was asked for: before it is decided, on the way, and when it is done.
const MOMENTS_MS: [u64; 9] = [0, 1, 3, 10, 30, 60, 120, 600, 1500];

/// A stream of one replica with ten messages, its server, and another one that it is told to move to.
async fn moving(seed: u64) -> Result<(World, ServerId, ServerId), String> {
    let world = filled(World::start(3, seed).await, 1).await?;
    let owner = leader(&world)?;
    let joiner = other_than(&world, &[owner])?;
    let via = other_than(&world, &[owner, joiner])?;
    let server = world.server(via).ok_or("no server")?;
    drop(tokio::spawn(async move {
        server.handle(Request::StreamMove { stream: "T".to_owned(), peers: vec![joiner] }).await
    }));
    Ok((world, owner, joiner))
}

/// Whether the move is decided, and not done, as a server sees it.
fn is_decided(world: &World, id: ServerId) -> bool {
    let assigned = world.engine(id).and_then(|engine| engine.stream_assignment("T"));
    assigned.is_some_and(|assigned| assigned.group.target.is_some())
}

async fn publish_within(world: &World, via: ServerId, limit: Duration, payload: &[u8]) -> bool {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if world.publish(via, "T.a", payload).await.is_ok() {
            return true;
        }
    }
    false
}

/// The stream is where it shall be, alone, with everything that was acknowledged.
async fn has_moved(world: &World, joiner: ServerId, n_acknowledged: usize, when: &str) -> Outcome {
    let is_there = |world: &World| {
        let owners: Vec<ServerId> = world.ids().iter().copied().filter(|id| world.stream(*id, "T").is_some()).collect();
        let alone = |id| world.stream(id, "T").is_some_and(|stream| !stream.member().group().is_replicated());
        owners == [joiner] && alone(joiner) && world.stream_leader("T") == Some(joiner)
    };
    expect(world.until(MINUTE, is_there).await, format!("{when}: it has not moved"))?;
    let n_messages = world.payloads(joiner, "T").len();
    expect(n_messages >= n_acknowledged, format!("{when}: {n_messages} of {n_acknowledged} messages are left"))?;
    for n in 0..10_u8 {
        expect(world.payloads(joiner, "T")[usize::from(n)] == [n], format!("{when}: other messages"))?;
    }
    world.publish(joiner, "T.a", b"after").await.map(|_| ())
}

scenario!(the_joiner_dies_on_the_way, "S-00", [], async {
    let mut n_served = 0;
    for (seed, moment_ms) in (0..).zip(MOMENTS_MS) {
        let when = format!("{moment_ms} ms");
        let (mut world, owner, joiner) = moving(100 + seed).await?;
        sleep(Duration::from_millis(moment_ms)).await;
        world.crash(joiner);
        // Who has the data serves it as long as nobody else has it.
        let is_owner_left = world.stream(owner, "T").is_some();
        let is_served = publish_within(&world, owner, SOON, b"on the way").await;
        n_served += usize::from(is_served);
        sleep(Duration::from_secs(5)).await;
        if is_owner_left && !is_served {
            // Then the joiner is the only voter already: it has everything.
            expect(moment_ms >= 30, format!("{when}: not served, and not moved"))?;
        }
        world.boot(joiner).await;
        // A move that nobody had decided by then is asked for again.
        let via = other_than(&world, &[owner, joiner])?;
        let is_settled = |world: &World| world.stream(owner, "T").is_none();
        if !is_decided(&world, via) && !is_settled(&world) {
            let moved = world.request(via, Request::StreamMove { stream: "T".to_owned(), peers: vec![joiner] }).await;
            expect(matches!(moved, Response::Stream(_)), format!("{when}: not moved: {moved:?}"))?;
        }
        has_moved(&world, joiner, 10 + usize::from(is_served), &when).await?;
    }
    expect(n_served >= 3, format!("served {n_served} times only while the joiner was away"))
});

scenario!(the_owner_dies_on_the_way, "S-00", [], async {
    for (seed, moment_ms) in (0..).zip(MOMENTS_MS) {
        let when = format!("{moment_ms} ms");
        let (mut world, owner, joiner) = moving(200 + seed).await?;
        sleep(Duration::from_millis(moment_ms)).await;
        world.crash(owner);
        sleep(Duration::from_secs(20)).await;
        // Who leads meanwhile has all of it.
        if world.stream_leader("T") == Some(joiner) {
            let n_messages = world.payloads(joiner, "T").len();
            expect(n_messages == 10, format!("{when}: led with {n_messages} of 10 messages"))?;
        }
        world.boot(owner).await;
        let via = other_than(&world, &[owner, joiner])?;
        let is_settled = |world: &World| world.stream(owner, "T").is_none() && world.stream_leader("T") == Some(joiner);
        sleep(SOON).await;
        if !is_decided(&world, via) && !is_settled(&world) {
            let moved = world.request(via, Request::StreamMove { stream: "T".to_owned(), peers: vec![joiner] }).await;
            expect(matches!(moved, Response::Stream(_)), format!("{when}: not moved: {moved:?}"))?;
        }
        has_moved(&world, joiner, 10, &when).await?;
    }
    Ok(())
});
