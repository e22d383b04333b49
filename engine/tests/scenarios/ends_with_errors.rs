//! Errors that meet an end or a change of a stream: shutdowns, closed stores, remaps and changes of replicas; scenarios
//! S-21, S-25, S-83 to S-85, S-109, S-111 and S-112.

use std::time::Duration;

use interlock_engine::api::{MessageAt, Publish, Request, Response};
use interlock_engine::core::config::{ConsumerConfig, StreamConfig};
use interlock_engine::core::health::Options;
use interlock_engine::core::names::ServerId;
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::events::Event;
use interlock_engine::failpoint;
use interlock_engine::sim::World;

use crate::harness::{Outcome, expect};
use crate::write_errors::{
    EIO, MINUTE, SOON, alone, break_store, copies, error_on, filled, has_files, health, is_red, leader, node,
    other_than, publish_refused, replicated, stream, told,
};

async fn remap(world: &World) -> Outcome {
    let peers = world.ids().to_vec();
    let via = world.meta_leader().ok_or("no meta leader")?;
    let response = world.request(via, Request::StreamMove { stream: "T".to_owned(), peers }).await;
    expect(matches!(response, Response::Stream(_)), format!("not remapped: {response:?}"))
}

scenario!(s_21_the_last_snapshot_wins, "S-21", [M17 => "stale snapshot"], async {
    let mut world = replicated(21).await?;
    let id = other_than(&world, &[leader(&world)?])?;
    let (node, server) = (node(&world, id)?, world.server(id).ok_or("no server")?);
    world.disk(id).stall("/1.new");
    publish_refused(&world, id).await?;
    let complete = |world: &World, n: usize| world.payloads(id, "T").len() == n;
    for n in 0..10_u8 {
        world.publish(id, "T.a", &[n]).await?;
    }
    expect(world.until(SOON, |world| complete(world, 20)).await, "not replicated")?;
    // The monitor has taken the last snapshot and stays at its exit, so that the early one ends meanwhile.
    failpoint::hold("monitor_exit_guard");
    let seen = failpoint::arrivals("monitor_exit_guard");
    let releasing = async {
        failpoint::arrival_after("monitor_exit_guard", seen).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let last = node.status().snapshot_index;
        world.disk(id).release("/1.new");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let shown = node.status().snapshot_index;
        failpoint::release("monitor_exit_guard");
        (last, shown)
    };
    let ((), (last, shown)) = tokio::join!(server.stop_engine(), releasing);
    expect(last >= 20, format!("the last snapshot ends at {last}"))?;
    expect(shown == last, format!("stale snapshot: it ends at {shown}, and not at {last}"))?;
    expect(!has_files(&world, id, ".new"), "the early one's file stays")?;
    world.stop(id).await;
    world.boot(id).await;
    expect(world.until(MINUTE, |world| complete(world, 20)).await, "messages are lost")?;
    let index = self::node(&world, id)?.status().snapshot_index;
    expect(index >= last, format!("stale snapshot: {index} after the restart"))
});

/// A cluster whose meta leader will lead the first stream as well.
async fn led_by_one(seed: u64) -> Result<(World, ServerId), String> {
    for seed in seed..seed + 20 {
        let world = World::start(3, seed).await;
        // Streams that are led nowhere else go to the first server.
        if let Some(id) = world.meta_leader().filter(|id| *id == ServerId(1)) {
            return Ok((world, id));
        }
    }
    Err("the first server never leads".to_owned())
}

scenario!(s_25_a_restore_ends_on_a_non_leader, "S-25", [M20 => "panic: a restore ended"], async {
    let (world, id) = led_by_one(25).await?;
    let messages = |n: u8| -> Vec<Publish> {
        let message = |n| Publish { subject: "T.a".to_owned(), payload: vec![n], ..Publish::default() };
        (0..n).map(message).collect()
    };
    let subjects = vec!["T.>".to_owned()];
    let config = StreamConfig { name: "T".to_owned(), subjects, replicas: 3, ..StreamConfig::default() };
    let restore = |n| world.request(id, Request::StreamRestore { config: config.clone(), messages: messages(n) });
    failpoint::hold("restore_ends");
    let seen = failpoint::arrivals("restore_ends");
    let deposing = async {
        failpoint::arrival_after("restore_ends", seen).await;
        let leader = leader(&world)?;
        let request = Request::StreamStepDown { stream: "T".to_owned(), preferred: None };
        world.request(leader, request).await;
        let moved = world.until(SOON, |world| world.stream_leader("T").is_some_and(|id| id != leader)).await;
        failpoint::release("restore_ends");
        expect(moved && leader == id, format!("{leader} led, and the meta leader is {id}"))
    };
    let (response, deposed) = tokio::join!(restore(5), deposing);
    deposed?;
    expect(matches!(response, Response::Error(_)), format!("restored: {response:?}"))?;
    let gone = world.until(SOON, |world| world.ids().iter().all(|id| world.stream(*id, "T").is_none())).await;
    expect(gone, "the stream is there")?;
    expect(world.engine(id).is_some_and(|engine| engine.groups().is_empty()), "a node is left")?;
    let response = restore(5).await;
    expect(matches!(response, Response::Stream(_)), format!("not restored: {response:?}"))?;
    expect(world.payloads(id, "T").len() == 5, "messages are missing")
});

/// Asks for the health of each server again and again, while streams with consumers come and go.
async fn polled(world: &World, n_rounds: u32) -> Outcome {
    let polling = async {
        let mut n_polls = 0_u32;
        loop {
            for id in world.ids() {
                let server = world.server(*id).ok_or("no server")?;
                let _report = server.health(&Options::default());
                n_polls += 1;
            }
            tokio::task::yield_now().await;
            if n_polls.is_multiple_of(100) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    let changing = async {
        for n in 0..n_rounds {
            let name = format!("U{n}");
            world.create_stream(&name, 3).await?;
            let config = ConsumerConfig { name: "C".to_owned(), durable: true, replicas: 1, ..Default::default() };
            world.create_consumer(&name, config).await?;
            let deleted = world.ask(Request::StreamDelete(name)).await;
            expect(deleted == Response::Done, format!("not deleted: {deleted:?}"))?;
        }
        Ok::<(), String>(())
    };
    tokio::select! {
        biased;
        changed = changing => changed,
        polled = polling => polled,
    }
}

scenario!(s_83_health_while_streams_come_and_go, "S-83", [
    M91 => "the thread is blocked",
    M92 => "the thread is blocked",
], async {
    let world = replicated(83).await?;
    let broken = other_than(&world, &[leader(&world)?])?;
    break_store(&world, broken, Operation::Write);
    world.publish(broken, "T.a", b"one").await?;
    expect(world.until(SOON, |world| error_on(world, broken).is_some()).await, "the stream has no error")?;
    polled(&world, 10).await?;
    // A stream that is assigned and not there yet.
    world.disk(broken).stall("streams/U");
    let creating = async {
        let _late = tokio::time::timeout(SOON, world.create_stream("U", 3)).await;
        world.disk(broken).release("streams/U");
    };
    let polling = async {
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            health(&world, broken)?;
        }
        Ok::<(), String>(())
    };
    let ((), polled) = tokio::join!(creating, polling);
    polled?;
    let deleted = world.ask(Request::StreamDelete("U".to_owned())).await;
    expect(deleted == Response::Done, format!("not deleted: {deleted:?}"))?;
    expect(is_red(&world, broken, "write error: "), format!("{:?}", health(&world, broken)?))
});

scenario!(s_84_a_stream_is_deleted_while_it_writes_a_snapshot, "S-84", [M93 => "false write error"], async {
    let world = replicated(84).await?;
    let id = other_than(&world, &[leader(&world)?])?;
    world.disk(id).stall(".new");
    publish_refused(&world, id).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let deleted = world.ask(Request::StreamDelete("T".to_owned())).await;
    expect(deleted == Response::Done, format!("not deleted: {deleted:?}"))?;
    expect(world.until(SOON, |world| world.stream(id, "T").is_none()).await, "the stream is there")?;
    // What is written from here on fails: its folder is gone.
    world.disk(id).release(".new");
    tokio::time::sleep(SOON).await;
    let errors = told(&world, id, |event| matches!(event, Event::WriteError { .. }));
    expect(errors.is_empty(), format!("false write error: {errors:?}"))?;
    expect(!has_files(&world, id, "groups/S-T"), "a file of the snapshot is left")?;
    expect(health(&world, id)?.http_status == 200, format!("{:?}", health(&world, id)?))
});

scenario!(s_85_a_write_meets_a_closed_store, "S-85", [M94 => "a closed store is a write error"], async {
    let world = alone(85).await?;
    let one = ServerId(1);
    world.create_stream("Z", 1).await?;
    let (server, engine) = (world.server(one).ok_or("no server")?, world.engine(one).ok_or("no engine")?);
    let stream = stream(&world, one)?;
    // T is closed, and the shutdown waits for the disk of Z.
    world.disk(one).stall("streams/Z");
    let meanwhile = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let publish = Publish { subject: "T.a".to_owned(), ..Publish::default() };
        let response = engine.handle(Request::Publish(publish)).await;
        world.disk(one).release("streams/Z");
        response
    };
    let ((), response) = tokio::join!(server.stop_engine(), meanwhile);
    expect(!matches!(response, Response::Published(_)), "acknowledged by a closed store")?;
    let errors = told(&world, one, |_| true);
    expect(errors.is_empty(), format!("a closed store is a write error: {errors:?}"))?;
    let is_set = stream.member().write_error.is_set() || stream.store().write_error().is_some();
    expect(!is_set, "a closed store is a write error")
});

scenario!(s_109_a_remap_behind_a_nodes_error, "S-109", [], async {
    let world = replicated(109).await?;
    let broken = other_than(&world, &[leader(&world)?])?;
    let via = leader(&world)?;
    let old = node(&world, broken)?;
    world.disk(broken).fail(Fault::always(Operation::Write, "groups/S-T", EIO));
    world.publish(via, "T.a", b"one").await?;
    expect(world.until(SOON, |_| old.is_closed() && old.write_error().is_some()).await, "the node goes on")?;
    expect(is_red(&world, broken, "node write error: "), format!("{:?}", health(&world, broken)?))?;
    // The new group's folder is on a healthy disk.
    world.disk(broken).heal();
    remap(&world).await?;
    let green = |world: &World| health(world, broken).is_ok_and(|report| report.http_status == 200);
    expect(world.until(SOON, green).await, format!("{:?}", health(&world, broken)?))?;
    world.publish(via, "T.a", b"two").await?;
    expect(world.until(SOON, |world| world.payloads(broken, "T").len() == 12).await, "it lacks messages")
});

scenario!(s_109_a_remap_behind_a_stores_error, "S-109", [], async {
    let world = replicated(1091).await?;
    let broken = leader(&world)?;
    let via = other_than(&world, &[broken])?;
    break_store(&world, broken, Operation::Write);
    world.publish(via, "T.a", b"one").await.ok();
    expect(world.until(SOON, |world| error_on(world, broken).is_some()).await, "the stream has no error")?;
    let first = error_on(&world, broken);
    world.disk(broken).heal();
    remap(&world).await?;
    for n in 0..5_u8 {
        world.publish(via, "T.b", &[n]).await?;
    }
    // The store is the same one, and what it lost is lost until a restart.
    expect(error_on(&world, broken) == first, "the error was cleared")?;
    expect(is_red(&world, broken, "write error: "), format!("{:?}", health(&world, broken)?))?;
    expect(world.stream_leader("T") != Some(broken), "the broken replica leads")?;
    let other = other_than(&world, &[broken, via])?;
    let is_there = |world: &World| (0..5).all(|n| copies(world, other).contains_key([n].as_slice()));
    expect(world.until(SOON, is_there).await, "the group does not go on")
});

scenario!(s_111_a_write_error_in_the_middle_of_a_downgrade, "S-111", [], async {
    let mut world = replicated(111).await?;
    let kept = leader(&world)?;
    // Its flush fails as the group's log is about to go.
    break_store(&world, kept, Operation::Sync);
    let config = stream(&world, kept)?.config();
    let request = Request::StreamUpdate(StreamConfig { replicas: 1, ..config });
    let _response = tokio::time::timeout(SOON, world.request(kept, request)).await;
    let is_alone = |world: &World| stream(world, kept).is_ok_and(|stream| !stream.member().group().is_replicated());
    expect(world.until(MINUTE, is_alone).await, "it is not downgraded")?;
    let others = |world: &World| world.ids().iter().filter(|id| world.stream(**id, "T").is_some()).count();
    expect(world.until(MINUTE, |world| others(world) == 1).await, "other copies stay")?;
    expect(error_on(&world, kept).is_some(), "the flush's error is gone")?;
    let red = world.until(SOON, |world| is_red(world, kept, "write error: ")).await;
    expect(red, format!("{:?}", health(&world, kept)?))?;
    expect(world.publish(kept, "T.a", b"lost").await.is_err(), "acknowledged after an error")?;
    expect(world.payloads(kept, "T").len() == 10, "messages cannot be read")?;
    world.stop(kept).await;
    Ok(())
});

scenario!(s_111_an_upgrade_with_a_write_error, "S-111", [], async {
    for broken in [Operation::Write, Operation::Sync] {
        let mut world = filled(World::start(3, 1113).await, 1).await?;
        let owner = leader(&world)?;
        let via = other_than(&world, &[owner])?;
        break_store(&world, owner, broken);
        expect(world.publish(owner, "T.a", b"lost").await.is_err(), "acknowledged a lost message")?;
        let config = stream(&world, owner)?.config();
        let request = Request::StreamUpdate(StreamConfig { replicas: 3, ..config });
        let _response = tokio::time::timeout(SOON, world.request(via, request)).await;
        tokio::time::sleep(SOON).await;
        for from in world.ids().to_vec() {
            let request = Request::MessageGet { stream: "T".to_owned(), at: MessageAt::Sequence(10) };
            let read = world.request(from, request).await;
            expect(matches!(read, Response::Message(_)), format!("not read through {from}: {read:?}"))?;
        }
        expect(is_red(&world, owner, "streams/T"), "health is green")?;
        expect(world.publish(via, "T.a", b"lost").await.is_err(), "acknowledged after an error")?;
        world.stop(owner).await;
        world.disk(owner).heal();
        world.boot(owner).await;
        let complete = |world: &World| {
            world.stream_leader("T").is_some() && world.ids().iter().all(|id| world.payloads(*id, "T").len() >= 10)
        };
        expect(world.until(MINUTE, complete).await, "the group is not founded after the restart")?;
        world.publish(via, "T.a", b"after").await?;
    }
    Ok(())
});

scenario!(a_downgrade_is_durable_before_the_log_goes, "S-111", [], async {
    let mut world = replicated(1112).await?;
    let kept = leader(&world)?;
    let config = stream(&world, kept)?.config();
    let request = Request::StreamUpdate(StreamConfig { replicas: 1, ..config });
    let _response = tokio::time::timeout(SOON, world.request(kept, request)).await;
    let is_alone = |world: &World| {
        stream(world, kept).is_ok_and(|stream| stream.member().node().is_none() && stream.member().leads())
    };
    expect(world.until(MINUTE, is_alone).await, "it is not downgraded")?;
    world.crash(kept);
    world.boot(kept).await;
    let complete = |world: &World| world.payloads(kept, "T").len() == 10;
    expect(world.until(MINUTE, complete).await, format!("{} of 10 messages", world.payloads(kept, "T").len()))
});

scenario!(s_112_a_permission_error_while_a_remap_waits, "S-112", [], async {
    let mut world = replicated(112).await?;
    let barred = other_than(&world, &[leader(&world)?, world.meta_leader().ok_or("no meta leader")?])?;
    world.create_stream("U", 3).await?;
    failpoint::hold("monitor_exit_guard");
    let seen = failpoint::arrivals("monitor_exit_guard");
    let remapping = async {
        let peers = world.ids().to_vec();
        let via = world.meta_leader().unwrap_or(ServerId(1));
        let request = world.request(via, Request::StreamMove { stream: "T".to_owned(), peers });
        let _response = tokio::time::timeout(MINUTE, request).await;
    };
    let failing = async {
        // All three remaps wait for their monitors when one of the servers loses its permission.
        failpoint::arrival_after("monitor_exit_guard", seen + 2).await;
        world.disk(barred).fail(Fault::always(Operation::Write, "streams/U", 13));
        let _ack = world.publish(barred, "U.a", b"one").await;
        let is_told =
            |world: &World| !told(world, barred, |event| matches!(event, Event::PermissionDenied { .. })).is_empty();
        let reacted = world.until(SOON, is_told).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        failpoint::release("monitor_exit_guard");
        reacted
    };
    let ((), reacted) = tokio::join!(remapping, failing);
    expect(reacted, "the handler did not run")?;
    expect(world.until(MINUTE, |world| world.engine(barred).is_none()).await, "the shutdown hangs")?;
    for part in ["/meta/", "/groups/S-T", "/streams/T", "/streams/U"] {
        expect(has_files(&world, barred, part), format!("{part} is gone"))?;
    }
    world.stop(barred).await;
    world.disk(barred).heal();
    world.boot(barred).await;
    let via = other_than(&world, &[barred])?;
    let served = world.until(MINUTE, |world| world.stream_leader("T").is_some()).await;
    expect(served, "nobody leads after the restart")?;
    world.publish(via, "T.a", b"after").await?;
    expect(world.until(MINUTE, |world| world.payloads(barred, "T").len() == 11).await, "it does not rejoin")
});
