//! Heartbeats between the servers of a cluster: who is seen to live, and what follows from silence.

use std::time::Duration;

use interlock_engine::core::names::ServerId;
use interlock_engine::heartbeat::ReceiverStatus;
use interlock_engine::liveness::PeerLiveness;
use interlock_engine::sim::World;
use interlock_sync::time::sleep;

use crate::harness::expect;

const MINUTE: Duration = Duration::from_secs(60);

fn status(world: &World, id: ServerId) -> Option<ReceiverStatus> {
    Some(world.server(id)?.liveness()?.status())
}

/// The others, as a server sees them.
fn seen_from(world: &World, id: ServerId) -> Vec<PeerLiveness> {
    let server = world.server(id);
    server.and_then(|server| server.liveness().map(|liveness| liveness.peers())).unwrap_or_default()
}

fn n_alive(world: &World, id: ServerId) -> usize {
    seen_from(world, id).iter().filter(|peer| peer.is_alive).count()
}

/// How many groups the others lead, as a server has heard.
fn n_led(world: &World, id: ServerId) -> usize {
    seen_from(world, id).iter().map(|peer| peer.n_led).sum()
}

scenario!(s_94_an_idle_cluster_is_heard_to_live, "S-94", [M106 => "an idle group counts as silent"], async {
    let world = World::start(3, 94).await;
    world.create_stream("T", 3).await?;
    let leader = world.stream_leader("T").ok_or("no leader")?;
    sleep(5 * MINUTE).await;
    for id in world.ids() {
        expect(n_alive(&world, *id) == 2, format!("{id} sees {:?}", seen_from(&world, *id)))?;
        let status = status(&world, *id).ok_or("no liveness")?;
        expect(status.monitor.n_queued == 0, "an idle group counts as silent")?;
        let is_watched = status.n_watched > 0 && n_led(&world, *id) > 0;
        expect(is_watched || *id == leader, format!("{id} does not watch the stream's group"))?;
    }
    Ok(())
});

scenario!(a_group_without_a_majority_is_tried_again_until_it_is_led, "S-00", [], async {
    let mut world = World::start(3, 95).await;
    world.create_stream("T", 3).await?;
    let leader = world.stream_leader("T").ok_or("no leader")?;
    sleep(MINUTE).await;
    let [alone, other] = [0, 1].map(|n| world.ids().iter().copied().filter(|id| *id != leader).nth(n));
    let (alone, other) = (alone.ok_or("no follower")?, other.ok_or("no second follower")?);
    world.crash(leader);
    world.crash(other);
    sleep(5 * MINUTE).await;
    expect(n_alive(&world, alone) == 0, format!("{alone} sees {:?}", seen_from(&world, alone)))?;
    let n_triggers = status(&world, alone).ok_or("no liveness")?.monitor.n_queued;
    expect((2..=10).contains(&n_triggers), format!("{n_triggers} triggers in five minutes without a majority"))?;
    world.boot(leader).await;
    world.boot(other).await;
    sleep(2 * MINUTE).await;
    let n_before = status(&world, alone).ok_or("no liveness")?.monitor.n_queued;
    expect(world.stream_leader("T").is_some(), "no leader though all are back")?;
    expect(n_alive(&world, alone) == 2, format!("{alone} sees {:?}", seen_from(&world, alone)))?;
    sleep(5 * MINUTE).await;
    let n_after = status(&world, alone).ok_or("no liveness")?.monitor.n_queued;
    expect(n_after == n_before, "a group that is led counts as silent")
});

scenario!(a_server_whose_engine_is_down_lives_and_leads_nothing, "S-00", [], async {
    let world = World::start(3, 96).await;
    world.create_stream("T", 3).await?;
    let leader = world.stream_leader("T").ok_or("no leader")?;
    sleep(MINUTE).await;
    world.server(leader).ok_or("no server")?.stop_engine().await;
    sleep(2 * MINUTE).await;
    for id in world.ids().iter().filter(|id| **id != leader) {
        let down = seen_from(&world, *id).into_iter().find(|peer| peer.server == leader).ok_or("not seen")?;
        expect(down.is_alive && down.n_led == 0, format!("{id} sees {down:?}"))?;
    }
    let next = world.stream_leader("T").ok_or("nobody took over")?;
    let third = world.ids().iter().copied().find(|id| *id != leader && *id != next).ok_or("no third")?;
    let of_next = seen_from(&world, third).into_iter().find(|peer| peer.server == next).ok_or("not seen")?;
    expect(of_next.n_led > 0, "the new leader says nothing of what it leads")
});
