//! A cluster comes up, stores, survives.

use std::time::Duration;

use interlock_engine::sim::World;

use crate::harness::expect;

scenario!(a_replicated_stream_keeps_what_it_acknowledged, "S-00", [], async {
    let mut world = World::start(3, 1).await;
    world.create_stream("T", 3).await?;
    let via = world.ids()[0];
    for n in 0..10_u8 {
        world.publish(via, &format!("T.{n}"), &[n]).await?;
    }
    let leader = world.stream_leader("T").ok_or("no leader")?;
    world.crash(leader);
    let found = world.until(Duration::from_secs(60), |world| world.stream_leader("T").is_some()).await;
    expect(found, "no leader after a crash")?;
    let leader = world.stream_leader("T").ok_or("no leader")?;
    world.publish(leader, "T.x", b"x").await?;
    let payloads = world.payloads(leader, "T");
    expect(payloads.len() == 11, format!("{} messages", payloads.len()))
});
