//! What outlives a server, or is made again: entries of an earlier life, snapshots, streams that were given up. Each of
//! these was found by the simulation first.

use std::sync::Arc;
use std::time::Duration;

use interlock_engine::api::{Request, Response};
use interlock_engine::core::config::{ConsumerConfig, StreamConfig};
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::events::Event;
use interlock_engine::sim::{Link, World};
use interlock_sync::time::{sleep, timeout};

use crate::harness::expect;

const LONG: Duration = Duration::from_secs(60);

scenario!(an_answer_to_an_earlier_life_is_nobodys, "S-00", [], async {
    let mut world = World::start(3, 77).await;
    world.create_stream("T", 3).await?;
    let leader = world.stream_leader("T").ok_or("no leader")?;
    let others: Vec<_> = world.ids().iter().copied().filter(|id| *id != leader).collect();
    others.iter().for_each(|id| world.crash(*id));
    // It gets into the leader's log, and nobody commits it.
    let earlier = timeout(Duration::from_millis(500), world.publish(leader, "T.a", b"earlier")).await;
    expect(earlier.is_err(), "a message was acknowledged by one of three")?;
    world.stop(leader).await;
    world.network.set_link(Link { delay: Duration::from_millis(50), ..Link::default() });
    for id in world.ids().to_vec() {
        world.boot(id).await;
    }
    // Its log is the longest. The next message has the first number of this life, as the earlier one had of that.
    let leads = world.until(LONG, |world| world.stream_leader("T") == Some(leader)).await;
    expect(leads, "the longest log is not elected")?;
    let acknowledged = world.publish(leader, "T.a", b"later").await?;
    let payloads = world.payloads(leader, "T");
    expect(payloads == [b"earlier".to_vec(), b"later".to_vec()], format!("{payloads:?}"))?;
    expect(acknowledged.seq == 2, format!("the second message was acknowledged as {}", acknowledged.seq))
});

scenario!(an_orderly_restart_needs_no_reset, "S-00", [], async {
    let mut world = World::start(3, 78).await;
    world.create_stream("T", 3).await?;
    let leader = world.stream_leader("T").ok_or("no leader")?;
    for n in 0..10_u8 {
        world.publish(leader, "T.a", &[n]).await?;
    }
    for id in world.ids().to_vec() {
        world.stop(id).await;
        world.boot(id).await;
        world.publish(id, "T.a", b"between").await?;
        sleep(Duration::from_secs(5)).await;
        let server = world.server(id).ok_or("it runs")?;
        let resets = server.context().events.matching(|event| matches!(event, Event::Reset { .. }));
        expect(resets.is_empty(), format!("{id}: {resets:?}"))?;
    }
    Ok(())
});

scenario!(consumers_come_back_with_a_stream_that_was_given_up, "S-00", [], async {
    let world = World::start(3, 79).await;
    world.create_stream("T", 3).await?;
    let durable = ConsumerConfig { name: "D".to_owned(), durable: true, ..ConsumerConfig::default() };
    world.create_consumer("T", durable).await?;
    let all_run = |world: &World| {
        let runs = |id| world.consumer(id, "T", "D").is_some_and(|consumer| consumer.member().slot.status().running);
        world.ids().iter().all(|id| runs(*id))
    };
    expect(world.until(LONG, all_run).await, "the consumer never runs everywhere")?;
    let id = world.ids()[0];
    let remap = || Request::StreamMove { stream: "T".to_owned(), peers: world.ids().to_vec() };
    world.disk(id).fail(Fault::always(Operation::Read, "groups/S-T", 5));
    expect(matches!(world.ask(remap()).await, Response::Stream(_) | Response::Done), "the remap is refused")?;
    let is_given_up = world.until(LONG, |world| world.stream(id, "T").is_none()).await;
    expect(is_given_up, "a group that cannot be opened is no trouble")?;
    world.disk(id).heal();
    expect(matches!(world.ask(remap()).await, Response::Stream(_) | Response::Done), "the remap is refused")?;
    expect(world.until(LONG, all_run).await, "the consumer is not monitored on the server that gave the stream up")
});

scenario!(what_a_new_group_begins_with_is_not_reclaimed_under_it, "S-00", [], async {
    let mut world = World::machines(3, 80);
    world.adjust = Arc::new(|settings| {
        settings.block_bytes = 400;
        settings.sync_every = Some(Duration::from_secs(1));
    });
    for id in world.ids().to_vec() {
        world.boot(id).await;
    }
    expect(world.until(LONG, |world| world.meta_leader().is_some()).await, "no meta leader")?;
    world.create_stream("T", 1).await?;
    expect(world.until(LONG, |world| world.stream_leader("T").is_some()).await, "nobody leads")?;
    let founder = world.stream_leader("T").ok_or("no leader")?;
    for n in 0..20_u8 {
        world.publish(founder, "T.a", &[n]).await?;
    }
    let others: Vec<_> = world.ids().iter().copied().filter(|id| *id != founder).collect();
    let config = StreamConfig {
        replicas: 3,
        ..world.engine(founder).and_then(|e| e.stream_assignment("T")).ok_or("none")?.config
    };
    let _settles_later = timeout(LONG, world.request(founder, Request::StreamUpdate(config))).await;
    for seq in 1..=6 {
        expect(world.until(LONG, |world| world.stream_leader("T").is_some()).await, "nobody leads")?;
        let leader = world.stream_leader("T").ok_or("no leader")?;
        let removed = world.request(leader, Request::MessageDelete { stream: "T".to_owned(), seq }).await;
        expect(removed == Response::Done, format!("{removed:?}"))?;
    }
    // Some passes later no snapshot has been written since the group was founded.
    sleep(Duration::from_secs(10)).await;
    world.crash(founder);
    world.boot(founder).await;
    sleep(Duration::from_secs(10)).await;
    let server = world.server(founder).ok_or("it runs")?;
    let resets = server.context().events.matching(|event| matches!(event, Event::Reset { .. }));
    expect(resets.is_empty(), format!("{resets:?}"))?;
    let payloads = world.payloads(founder, "T");
    expect(payloads == world.payloads(others[0], "T") && payloads.len() == 14, format!("{payloads:?}"))
});

scenario!(a_limit_holds_after_a_power_loss, "S-00", [], async {
    let mut world = World::start(1, 81).await;
    let one = world.ids()[0];
    let config = StreamConfig {
        name: "T".to_owned(),
        subjects: vec!["T.>".to_owned()],
        max_msgs_per_subject: Some(2),
        ..StreamConfig::default()
    };
    world.create(config).await?;
    for n in 0..3_u8 {
        world.publish(one, "T.a", &[n]).await?;
    }
    // The removal that makes room for the last one need not reach the disk.
    for n in 3..40_u8 {
        world.publish(one, "T.b", &[n]).await?;
        world.crash(one);
        world.boot(one).await;
        sleep(Duration::from_secs(5)).await;
        let payloads = world.payloads(one, "T");
        let kept = |from: u8| (from..=n).map(|n| vec![n]).collect::<Vec<_>>();
        let expected: Vec<Vec<u8>> = [vec![1], vec![2]].into_iter().chain(kept(3.max(n - 1))).collect();
        expect(payloads == expected, format!("{payloads:?}, not {expected:?}"))?;
    }
    Ok(())
});
