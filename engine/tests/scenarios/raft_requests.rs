//! Snapshots that a follower's state machine asks for.

use std::time::Duration;

use interlock_engine::raft::{Apply, CheckpointRefused, NodeHost};
use tokio::time::timeout;

use crate::harness::{Outcome, expect};
use crate::raft_world::{World, pause, with_both_hosts};

/// Two members that need each other for every commit, with five entries everywhere: the world, leader and follower.
async fn pair(host: NodeHost, seed: u64) -> Result<(World, u64, u64), String> {
    let world = World::started(2, host, seed).await;
    let leader = world.elect().await;
    let follower = 3 - leader;
    for number in 0..5_u8 {
        let index = world.write(vec![number]).await.ok_or("no write")?;
        expect(world.applies(follower, index, Duration::from_secs(5)).await, "not replicated")?;
    }
    Ok((world, leader, follower))
}

/// Waits until a leader shows that a snapshot is asked for, or is not any more.
async fn is_asked(world: &World, leader: u64, asked: bool) -> Outcome {
    let shows = async {
        while (world.node(leader).status().wanted_snapshot > 0) != asked {
            pause(10).await;
        }
    };
    timeout(Duration::from_secs(15), shows).await.map_err(|_late| format!("the leader never shows {asked}"))
}

scenario!(a_follower_is_given_the_snapshot_that_it_asks_for, "S-00", [], async {
    with_both_hosts(|host| async move {
        let (world, leader, follower) = pair(host, 1).await?;
        let last = world.node(follower).status().last_index;
        world.node(follower).request_snapshot();
        is_asked(&world, leader, true).await?;
        expect(world.node(leader).status().wanted_snapshot == last, "it may lose what it has")?;
        let checkpoint =
            world.node(leader).checkpoint(false).map_err(|refused: CheckpointRefused| refused.to_string())?;
        let data = world.applied(leader).encode();
        checkpoint.install(data).await.map_err(|error| error.to_string())?;
        let is_given = |apply: &Apply| matches!(apply, Apply::Snapshot { index, .. } if *index >= last);
        let given = async {
            while !world.applied(follower).given.iter().any(is_given) {
                pause(10).await;
            }
        };
        timeout(Duration::from_secs(5), given).await.map_err(|_late| "no snapshot came")?;
        is_asked(&world, leader, false).await?;
        let index = world.write("after").await.ok_or("the group stands still")?;
        expect(world.applies(follower, index, Duration::from_secs(5)).await, "the follower stands still")?;
        expect(world.applied(follower).data == world.applied(leader).data, "another state")?;
        let n_given = world.applied(follower).given.iter().filter(|apply| is_given(apply)).count();
        expect(n_given == 1, format!("it was given {n_given} snapshots"))
    })
    .await
});

scenario!(a_request_that_nobody_answers_ends, "S-00", [], async {
    with_both_hosts(|host| async move {
        let (world, leader, follower) = pair(host, 2).await?;
        world.node(follower).request_snapshot();
        is_asked(&world, leader, true).await?;
        is_asked(&world, leader, false).await?;
        let index = world.write("after").await.ok_or("the group stands still")?;
        expect(world.applies(follower, index, Duration::from_secs(5)).await, "the follower stands still")
    })
    .await
});

scenario!(a_leader_asks_for_no_snapshot, "S-00", [], async {
    with_both_hosts(|host| async move {
        let (world, leader, follower) = pair(host, 3).await?;
        world.node(leader).request_snapshot();
        let index = world.write("after").await.ok_or("the group stands still")?;
        expect(world.applies(follower, index, Duration::from_secs(5)).await, "the follower stands still")?;
        expect(world.node(leader).status().wanted_snapshot == 0, "it asks itself")
    })
    .await
});
