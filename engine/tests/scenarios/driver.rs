//! Scenarios of the raft driver: one owner, durable before spoken of, every ready and light ready used up.

use std::time::Duration;

use interlock_engine::raft::NodeHost;

use crate::harness::expect;
use crate::raft_world::World;

scenario!(s_101_single_voter, "S-101", [M113 => "of 10 proposals"], async {
    let world = World::started(1, NodeHost::Actor, 1).await;
    world.elect().await;
    for number in 0..10u8 {
        world.node(1).propose(None, vec![number].into()).await.map_err(|error| error.to_string())?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let n_applied = world.applied(1).data.len();
    expect(n_applied == 10, format!("{n_applied} of 10 proposals applied"))
});
