//! Groups that grow out of one replica whose server cannot write: nothing is founded on what is not durable, nothing is
//! lost, and who can write later founds them then.

use std::time::Duration;

use interlock_engine::api::{AckKind, Fetch, MessageAt, Request, Response};
use interlock_engine::core::config::{ConsumerConfig, StreamConfig};
use interlock_engine::core::names::ServerId;
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::events::Event;
use interlock_engine::sim::World;

use crate::harness::{Outcome, expect};
use crate::write_errors::{EIO, MINUTE, SOON, error_on, filled, health, is_red, leader, other_than, stream, told};

/// A consumer that has as many replicas as its stream.
fn durable() -> ConsumerConfig {
    ConsumerConfig {
        name: "C".to_owned(),
        durable: true,
        ack_wait: Duration::from_secs(5),
        ..ConsumerConfig::default()
    }
}

/// A cluster of three, a stream of one replica with ten messages, and its consumer, which has acknowledged two.
async fn read_by_one(seed: u64) -> Result<(World, ServerId), String> {
    let world = filled(World::start(3, seed).await, 1).await?;
    let owner = leader(&world)?;
    world.create_consumer("T", durable()).await?;
    let fetched = world.fetch(owner, "T", "C", Fetch { batch: 4, expires: Duration::ZERO }).await?;
    expect(fetched.0 == [1, 2, 3, 4], format!("delivered {fetched:?}"))?;
    for seq in [1, 2] {
        let acked = ack(&world, owner, seq).await;
        expect(acked == Response::Done, format!("{seq} is not acknowledged: {acked:?}"))?;
    }
    Ok((world, owner))
}

async fn ack(world: &World, via: ServerId, seq: u64) -> Response {
    let kind = AckKind::Ack;
    let request = Request::Ack { stream: "T".to_owned(), consumer: "C".to_owned(), seq, kind };
    tokio::time::timeout(MINUTE, world.request(via, request)).await.unwrap_or(Response::Silence)
}

/// Has the stream, and with it the consumer, get three replicas.
async fn scale_up(world: &World, owner: ServerId) -> Outcome {
    let config = stream(world, owner)?.config();
    let request = Request::StreamUpdate(StreamConfig { replicas: 3, ..config });
    let _response = tokio::time::timeout(SOON, world.request(owner, request)).await;
    tokio::time::sleep(SOON).await;
    let assigned = world.engine(owner).and_then(|engine| engine.stream_assignment("T")).ok_or("no stream")?;
    expect(assigned.group.peers.len() == 3, "the stream has one replica still")
}

fn n_consumers(world: &World) -> usize {
    world.ids().iter().filter(|id| world.consumer(**id, "T", "C").is_some()).count()
}

/// Waits until the group has all its members, and a client acknowledges what it has not yet.
async fn is_founded(world: &World, via: ServerId) -> Outcome {
    let complete = |world: &World| {
        let has_all = |id: &ServerId| world.payloads(*id, "T").len() >= 10;
        world.stream_leader("T").is_some()
            && world.consumer_leader("T", "C").is_some()
            && world.ids().iter().all(has_all)
            && n_consumers(world) == 3
    };
    let found = |world: &World| world.ids().iter().map(|id| health(world, *id)).collect::<Vec<_>>();
    expect(world.until(2 * MINUTE, complete).await, format!("the group is not founded: {:?}", found(world)))?;
    let green =
        |world: &World| world.ids().iter().all(|id| health(world, *id).is_ok_and(|report| report.http_status == 200));
    expect(world.until(MINUTE, green).await, format!("health is red: {:?}", found(world)))?;
    world.publish(via, "T.a", b"after").await?;
    // What was acknowledged does not come again; what was not does.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let (seqs, _) = world.fetch(via, "T", "C", Fetch { batch: 20, expires: Duration::from_secs(1) }).await?;
    let rest: Vec<u64> = (3..=11).collect();
    let mut came = seqs.clone();
    came.sort_unstable();
    expect(came == rest, format!("{came:?} come, and not {rest:?}"))?;
    for seq in seqs {
        let acked = ack(world, via, seq).await;
        expect(acked == Response::Done, format!("{seq} is not acknowledged: {acked:?}"))?;
    }
    Ok(())
}

fn consumer_error(world: &World, id: ServerId) -> bool {
    world.consumer(id, "T", "C").is_some_and(|consumer| consumer.member().write_error.is_set())
}

/// The consumer's node on a server, where it has one.
fn has_node(world: &World, id: ServerId) -> bool {
    world.consumer(id, "T", "C").is_some_and(|consumer| consumer.member().node().is_some())
}

scenario!(s_111_an_upgrade_of_a_consumer_with_a_write_error, "S-111", [], async {
    for (seed, crashes) in [(11_150, false), (11_151, true)] {
        let (mut world, owner) = read_by_one(seed).await?;
        world.disk(owner).fail(Fault::always(Operation::AnyWrite, "consumers/T-C", EIO));
        expect(ack(&world, owner, 3).await != Response::Done, "acknowledged what is not written")?;
        expect(consumer_error(&world, owner), "the consumer has no error")?;
        scale_up(&world, owner).await?;
        expect(!has_node(&world, owner), "founded by a server that cannot write")?;
        expect(consumer_error(&world, owner), "the consumer's error is gone")?;
        expect(is_red(&world, owner, "consumers/T-C"), format!("{:?}", health(&world, owner)?))?;
        expect(ack(&world, owner, 4).await != Response::Done, "acknowledged after an error")?;
        // The stream's group is another one, and its disk is well.
        world.publish(owner, "T.a", b"eleven").await?;
        // A change of the configuration is no way around it.
        let config = ConsumerConfig { max_waiting: 7, ..durable() };
        let request = Request::ConsumerCreate { stream: "T".to_owned(), config };
        let _response = tokio::time::timeout(SOON, world.request(owner, request)).await;
        tokio::time::sleep(SOON).await;
        expect(!has_node(&world, owner), "founded by a server that cannot write")?;
        expect(is_red(&world, owner, "consumers/T-C"), format!("hidden: {:?}", health(&world, owner)?))?;
        if crashes {
            world.crash(owner);
        } else {
            world.stop(owner).await;
        }
        world.disk(owner).heal();
        world.boot(owner).await;
        let led = world.until(MINUTE, |world| n_consumers(world) == 3 && world.consumer_leader("T", "C").is_some());
        expect(led.await, "the group is not founded after the restart")?;
        let green = |world: &World| health(world, owner).is_ok_and(|report| report.http_status == 200);
        expect(world.until(MINUTE, green).await, format!("{:?}", health(&world, owner)?))?;
        tokio::time::sleep(Duration::from_secs(6)).await;
        let (mut seqs, _) = world.fetch(owner, "T", "C", Fetch { batch: 20, expires: Duration::from_secs(1) }).await?;
        seqs.sort_unstable();
        expect(seqs == (3..=11).collect::<Vec<_>>(), format!("{seqs:?} come after the restart"))?;
        expect(ack(&world, owner, 3).await == Response::Done, "not acknowledged after the restart")?;
    }
    Ok(())
});

/// The owner's attempts that have failed, by what it was to found.
fn failures(world: &World, owner: ServerId, asset: &str) -> Vec<Event> {
    told(world, owner, |event| matches!(event, Event::FoundingFailed { asset: of, .. } if of == asset))
}

scenario!(s_111_a_founding_that_fails_is_tried_again, "S-111", [], async {
    let operations = [
        (Operation::Create, "groups/S-T"),
        (Operation::Write, "groups/C-T"),
        (Operation::Sync, "groups/S-T"),
        (Operation::Rename, "groups/C-T"),
        (Operation::SyncFolder, "groups/S-T"),
    ];
    for (seed, (operation, group)) in (11_160..).zip(operations) {
        let (world, owner) = read_by_one(seed).await?;
        let via = other_than(&world, &[owner])?;
        world.disk(owner).fail(Fault::always(operation, group, EIO));
        scale_up(&world, owner).await?;
        let asset = if group == "groups/S-T" { "stream T" } else { "consumer T > C" };
        let failures = failures(&world, owner, asset);
        expect(failures.len() > 1, format!("{operation:?}: tried {} times: {failures:?}", failures.len()))?;
        expect(failures.len() < 10, format!("{operation:?}: tried {} times in a row", failures.len()))?;
        expect(is_red(&world, owner, "groups/"), format!("{operation:?}: {:?}", health(&world, owner)?))?;
        expect(error_on(&world, owner).is_none() && !consumer_error(&world, owner), "what is well is latched")?;
        for from in world.ids().to_vec() {
            let request = Request::MessageGet { stream: "T".to_owned(), at: MessageAt::Sequence(10) };
            let read = world.request(from, request).await;
            expect(matches!(read, Response::Message(_)), format!("not read through {from}: {read:?}"))?;
        }
        if group == "groups/S-T" {
            expect(world.publish(via, "T.a", b"lost").await.is_err(), "acknowledged by nobody")?;
        }
        world.disk(owner).heal();
        is_founded(&world, via).await?;
    }
    Ok(())
});

scenario!(s_111_a_founding_that_fails_once_leaves_nothing, "S-111", [], async {
    // Wherever the first attempt ends, and whether or not the power goes before the second one.
    for (seed, crashes) in [(11_170, false), (11_180, true)] {
        for n in [1, 3, 5] {
            let (mut world, owner) = read_by_one(seed + n).await?;
            let via = other_than(&world, &[owner])?;
            world.disk(owner).fail(Fault::always(Operation::AnyWrite, "groups/S-T", EIO).nth(n));
            let config = stream(&world, owner)?.config();
            let request = Request::StreamUpdate(StreamConfig { replicas: 3, ..config });
            let scaling = world.request(via, request);
            let has_failed = world.until(SOON, |world| !failures(world, owner, "stream T").is_empty());
            let (_response, has_failed) = tokio::join!(tokio::time::timeout(SOON, scaling), has_failed);
            expect(has_failed, format!("write {n} does not fail"))?;
            if crashes {
                world.crash(owner);
                world.disk(owner).heal();
                world.boot(owner).await;
            }
            is_founded(&world, via).await?;
        }
    }
    Ok(())
});

scenario!(s_111_what_a_founding_has_left_is_no_log_after_a_restart, "S-111", [], async {
    // A restart ends the first attempt, with or without the power; the next start fails once more before it founds the
    // group, wherever that is.
    let first = [(Operation::Write, false), (Operation::SyncFolder, false), (Operation::SyncFolder, true)];
    for ((operation, crashes), n) in first.into_iter().flat_map(|first| [1, 3, 5].map(|n| (first, n))) {
        let at = format!("{operation:?}, then write {n}, crashes: {crashes}");
        let (mut world, owner) = read_by_one(11_190 + n).await?;
        let via = other_than(&world, &[owner])?;
        world.disk(owner).fail(Fault::always(operation, "groups/S-T", EIO));
        scale_up(&world, owner).await?;
        if crashes {
            world.crash(owner);
        } else {
            world.stop(owner).await;
        }
        world.disk(owner).heal();
        world.disk(owner).fail(Fault::always(Operation::AnyWrite, "groups/S-T", EIO).nth(n));
        world.boot(owner).await;
        // Where a log was begun, whoever cannot open it says so until the next start.
        let leads = |world: &World| world.stream_leader("T").is_some();
        let is_well = world.until(2 * MINUTE, leads).await || is_red(&world, owner, "groups/S-T");
        expect(is_well, format!("{at}: it is not founded, and health is green"))?;
        // What it is founded on is there after the next lost power, too.
        world.crash(owner);
        world.disk(owner).heal();
        world.boot(owner).await;
        is_founded(&world, via).await.map_err(|error| format!("{at}: {error}"))?;
    }
    Ok(())
});
