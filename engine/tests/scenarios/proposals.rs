//! Who proposes and who waits: requests for what is applied, the monitor for nobody; servers for one another, at a start.

use std::time::Duration;

use interlock_engine::api::{Publish, Request, Response};
use interlock_engine::core::config::StreamConfig;
use interlock_engine::raft::Timing;
use interlock_engine::sim::World;
use tokio::time::{Instant, sleep};

use crate::consumers::others;
use crate::harness::expect;

scenario!(s_105_the_one_who_applies_waits_for_no_proposal, "S-105", [M116 => "the request times out"], async {
    let world = World::start(3, 105).await;
    world.create_stream("T", 3).await?;
    let leader = world.stream_leader("T").ok_or("no leader")?;
    let via = others(&world, leader)[0];
    world.publish(via, "T.before", b"1").await?;
    // The monitor learns of the configuration from the meta layer, and has something to propose itself.
    let config = StreamConfig {
        name: "T".to_owned(),
        subjects: vec!["T.>".to_owned()],
        replicas: 3,
        max_msgs: Some(1000),
        ..StreamConfig::default()
    };
    let updated = world.request(via, Request::StreamUpdate(config.clone()));
    let publish = Publish { subject: "T.meanwhile".to_owned(), payload: b"2".to_vec(), ..Publish::default() };
    let meanwhile = async {
        sleep(Duration::from_millis(2)).await;
        world.request(leader, Request::Publish(publish)).await
    };
    let (updated, _may_race) = tokio::join!(updated, meanwhile);
    expect(matches!(updated, Response::Stream(_)), format!("the update is not answered: {updated:?}"))?;
    let begin = Instant::now();
    let acknowledged = world.publish(via, "T.after", b"3").await;
    let took = begin.elapsed();
    expect(acknowledged.is_ok(), format!("the request times out after {took:?}: {acknowledged:?}"))?;
    expect(took < Duration::from_secs(1), format!("answered after {took:?}"))?;
    let stream = world.stream(leader, "T").ok_or("the stream is gone")?;
    expect(stream.config() == config, "the configuration is not in force")
});

scenario!(an_entry_of_an_earlier_life_answers_no_call_of_this_one, "S-00", [], async {
    let mut world = World::start(3, 1).await;
    world.create_stream("T", 3).await?;
    let leader = world.stream_leader("T").ok_or("no leader")?;
    // An entry that only the leader has: its publisher is not answered.
    world.network.isolate(leader, &others(&world, leader));
    let unanswered = tokio::time::timeout(Duration::from_secs(1), world.publish(leader, "T.a", b"old")).await;
    expect(unanswered.is_err(), format!("answered: {unanswered:?}"))?;
    world.network.heal();
    for id in world.ids().to_vec() {
        world.crash(id);
        world.boot(id).await;
    }
    let node_of = |world: &World| world.stream(leader, "T").and_then(|stream| stream.member().node());
    world.until(Duration::from_secs(3), |world| node_of(world).is_some()).await;
    // It leads again, and has proposed the next one, when it applies that entry.
    let node = node_of(&world).ok_or("no node")?;
    node.pause_apply();
    while !node.status().is_leader() {
        node.campaign().await.map_err(|error| error.to_string())?;
        sleep(Duration::from_millis(100)).await;
    }
    let server = world.server(leader).ok_or("no server")?;
    let publish = Publish { subject: "T.b".to_owned(), payload: b"new".to_vec(), ..Publish::default() };
    let publishing = tokio::spawn(async move { server.handle(Request::Publish(publish)).await });
    sleep(Duration::from_millis(500)).await;
    node.resume_apply();
    let answered = publishing.await.map_err(|error| error.to_string())?;
    let Response::Published(ack) = answered else { return Err(format!("not acknowledged: {answered:?}")) };
    let payloads = world.payloads(leader, "T");
    expect(payloads == [b"old".to_vec(), b"new".to_vec()], format!("{payloads:?}"))?;
    expect(ack.seq == 2, format!("answered with the sequence {} of another message", ack.seq))
});

/// The longest time that a server waits for a leader before it campaigns.
fn election_timeout() -> Duration {
    let timing = Timing::default();
    timing.tick * u32::try_from(timing.election_ticks.end).unwrap()
}

/// Orders in which three servers may start.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

scenario!(s_106_servers_start_long_after_one_another, "S-106", [], async {
    let skew = Duration::from_secs(30);
    for order in ORDERS {
        let mut world = World::machines(3, 106);
        let ids = order.map(|position| world.ids()[position]);
        world.boot(ids[0]).await;
        sleep(skew).await;
        expect(world.meta_leader().is_none(), "one of three leads")?;
        world.boot(ids[1]).await;
        let limit = 2 * election_timeout();
        let led = world.until(limit, |world| world.meta_leader().is_some()).await;
        expect(led, format!("{order:?}: no leader {limit:?} after the second start"))?;
        sleep(skew).await;
        world.boot(ids[2]).await;
        world.create_stream("T", 3).await?;
    }
    Ok(())
});
