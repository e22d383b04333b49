//! Entries and messages that cannot be taken over: undecodable entries and failing catch-ups, scenarios S-74 to S-79.

use std::time::Duration;

use interlock_engine::api::{Fetch, MessageAt, Request, Response};
use interlock_engine::core::api_error::ApiError;
use interlock_engine::core::config::{ConsumerConfig, StreamConfig};
use interlock_engine::core::names::{ConsumerKey, ServerId};
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::events::Event;
use interlock_engine::sim::World;

use crate::harness::{Outcome, expect};
use crate::write_errors::{
    EIO, MINUTE, SOON, error_on, filled, health, is_red, leader, node, other_than, publish_refused, replicated,
    step_down, stream, told,
};

/// No entry of this engine begins with these bytes.
const GARBAGE: &[u8] = &[0xff, 0xff, 0xff];

/// Asks for three replicas of a stream that has one: two servers are sent a snapshot and catch up.
async fn scale_up(world: &World) {
    let config = world.engine(ServerId(1)).and_then(|engine| engine.stream_assignment("T")).map(|old| old.config);
    let config = StreamConfig { replicas: 3, ..config.unwrap_or_default() };
    let request = world.ask(Request::StreamUpdate(config));
    // It is answered once all is settled, which some of it never is.
    let _response = tokio::time::timeout(SOON, request).await;
}

/// The first sync is that of a new block's header; the second one is the flush.
fn fail_the_flush(world: &World, id: ServerId) {
    world.disk(id).fail(Fault::always(Operation::Sync, "streams/T", EIO).nth(2));
}

/// The index that a server's part of the group has applied, as it says itself.
fn applied_on(world: &World, id: ServerId) -> u64 {
    node(world, id).map(|node| node.status().applied).unwrap_or_default()
}

scenario!(s_74_the_last_flush_of_a_catchup_fails, "S-74", [M84 => "it claims what it lacks"], async {
    let world = filled(World::start(3, 74).await, 1).await?;
    let broken = other_than(&world, &[leader(&world)?])?;
    fail_the_flush(&world, broken);
    scale_up(&world).await;
    let latched = world.until(SOON, |world| error_on(world, broken).is_some()).await;
    expect(applied_on(&world, broken) == 0, format!("it claims what it lacks: {}", applied_on(&world, broken)))?;
    expect(latched, "the stream has no error")?;
    expect(stream(&world, broken)?.applied() == 0, "the snapshot's state was taken over")?;
    expect(!stream(&world, broken)?.is_catching_up(), "it catches up for ever")?;
    expect(is_red(&world, broken, "write error: "), format!("{:?}", health(&world, broken)?))
});

scenario!(s_75_the_flush_of_a_snapshots_deletes_fails, "S-75", [], async {
    let world = filled(World::start(3, 75).await, 1).await?;
    let one = leader(&world)?;
    let purged = world.request(one, Request::StreamPurge { stream: "T".to_owned(), filter: None, keep: 0 }).await;
    expect(purged == Response::Removed(10), format!("{purged:?}"))?;
    let broken = other_than(&world, &[one])?;
    fail_the_flush(&world, broken);
    scale_up(&world).await;
    expect(world.until(SOON, |world| error_on(world, broken).is_some()).await, "the stream has no error")?;
    expect(applied_on(&world, broken) == 0, "the snapshot was adopted")?;
    expect(stream(&world, broken)?.applied() == 0, "the snapshot's state was taken over")?;
    expect(world.network.n_catchup_requests() <= 1, "something was asked for though nothing is missing")
});

scenario!(what_was_deleted_meanwhile_is_not_read, "S-75", [], async {
    let mut world = replicated(751).await?;
    let one = leader(&world)?;
    let straggler = other_than(&world, &[one])?;
    let has_all = |world: &World| world.payloads(straggler, "T").len() == 10;
    expect(world.until(SOON, has_all).await, "not replicated")?;
    world.stop(straggler).await;
    let deleted = world.request(one, Request::MessageDelete { stream: "T".to_owned(), seq: 5 }).await;
    expect(deleted == Response::Done, format!("{deleted:?}"))?;
    // More than the log keeps: the straggler is sent a snapshot.
    for _ in 0..1200 {
        world.publish(one, "T.b", b"more").await?;
    }
    tokio::time::sleep(MINUTE).await;
    publish_refused(&world, one).await?;
    tokio::time::sleep(SOON).await;
    world.boot(straggler).await;
    let has_caught_up = |world: &World| world.payloads(straggler, "T").last().is_some_and(|last| last == b"more");
    expect(world.until(MINUTE, has_caught_up).await, "it does not catch up")?;
    expect(world.network.n_catchup_requests() > 0, "it was not sent a snapshot: the scenario shows nothing")?;
    step_down(&world, straggler).await?;
    let read = world.request(one, Request::MessageGet { stream: "T".to_owned(), at: MessageAt::Sequence(5) }).await;
    expect(read == Response::Error(ApiError::NO_MESSAGE_FOUND), format!("a deleted message is read: {read:?}"))?;
    let n_messages = world.payloads(straggler, "T").len();
    expect(n_messages == 1209, format!("{n_messages} of 1209 messages"))
});

scenario!(s_76_an_undecodable_meta_entry, "S-76", [M85 => "the meta layer is gone without an error"], async {
    let world = replicated(76).await?;
    let via = world.meta_leader().ok_or("no meta leader")?;
    let meta = world.engine(via).and_then(|engine| engine.meta()).ok_or("no meta node")?;
    meta.propose(None, GARBAGE.into()).await.map_err(|error| error.to_string())?;
    let has_error = |world: &World, id: ServerId| world.engine(id).is_some_and(|engine| engine.meta_error().is_some());
    let frozen = world.until(SOON, |world| world.ids().iter().all(|id| has_error(world, *id))).await;
    expect(frozen, "the meta layer is gone without an error")?;
    for id in world.ids() {
        expect(is_red(&world, *id, "meta layer apply error: "), format!("{id}: {:?}", health(&world, *id)?))?;
    }
    world.publish(via, "T.a", b"goes on").await?;
    let everywhere = |world: &World| world.ids().iter().all(|id| world.payloads(*id, "T").len() == 11);
    expect(world.until(SOON, everywhere).await, "streams do not go on")
});

scenario!(s_77_an_undecodable_stream_entry, "S-77", [M86 => "applied over the entry"], async {
    let world = replicated(77).await?;
    let one = leader(&world)?;
    let mut before = Vec::new();
    for id in world.ids() {
        let complete = world.until(SOON, |world| world.payloads(*id, "T").len() == 10).await;
        expect(complete, "not replicated")?;
        before.push((*id, stream(&world, *id)?));
    }
    let bad = node(&world, one)?.propose(None, GARBAGE.into()).await.map_err(|error| error.to_string())?;
    let latched = world.until(SOON, |world| error_on(world, one).is_some()).await;
    tokio::time::sleep(MINUTE).await;
    for (id, stream) in &before {
        expect(stream.applied() < bad.index, format!("{id}: applied over the entry"))?;
        expect(applied_on(&world, *id) < bad.index, format!("{id}: the log may be cut behind the entry"))?;
    }
    expect(latched, "the stream has no error")?;
    expect(world.publish(one, "T.a", b"after").await.is_err(), "acknowledged behind the entry")?;
    expect(is_red(&world, one, "write error: "), format!("{:?}", health(&world, one)?))?;
    expect(world.payloads(one, "T").len() == 10, "messages cannot be read")
});

scenario!(s_78_an_undecodable_consumer_entry, "S-78", [], async {
    let world = replicated(78).await?;
    let config = ConsumerConfig { name: "C".to_owned(), durable: true, replicas: 3, ..ConsumerConfig::default() };
    world.create_consumer("T", config).await?;
    let config = ConsumerConfig { name: "D".to_owned(), durable: true, replicas: 3, ..ConsumerConfig::default() };
    world.create_consumer("T", config).await?;
    let one = world.consumer_leader("T", "C").ok_or("nobody leads the consumer")?;
    let consumer = world.consumer(one, "T", "C").ok_or("no consumer")?;
    let node = consumer.member().node().ok_or("no node")?;
    node.propose(None, GARBAGE.into()).await.map_err(|error| error.to_string())?;
    let key = ConsumerKey { stream: "T".to_owned(), name: "C".to_owned() };
    let has_error = |world: &World, id: ServerId| {
        let consumer = world.engine(id).and_then(|engine| engine.consumer(&key));
        consumer.is_some_and(|consumer| consumer.member().write_error.is_set())
    };
    expect(world.until(SOON, |world| has_error(world, one)).await, "the consumer has no error")?;
    expect(is_red(&world, one, "write error: "), format!("{:?}", health(&world, one)?))?;
    let of_consumer =
        |event: &Event| matches!(event, Event::WriteError { source, .. } if source.starts_with("consumer"));
    expect(told(&world, one, of_consumer).len() == 1, "told more than once")?;
    // The stream and its other consumer go on.
    world.publish(one, "T.a", b"after").await?;
    let fetch = Fetch { batch: 11, expires: SOON };
    let (seqs, _) = world.fetch(one, "T", "D", fetch).await?;
    expect(seqs.len() == 11 && error_on(&world, one).is_none(), format!("delivered {seqs:?}"))
});

async fn damaged_catchup(world: &World) -> Outcome {
    let one = leader(world)?;
    // Both followers catch up; each gets a damaged message whenever it asks.
    world.network.damage_catchups(u64::MAX);
    scale_up(world).await;
    tokio::time::sleep(MINUTE).await;
    let n_requests = world.network.n_catchup_requests();
    expect(n_requests <= 2, format!("a damaged message was asked for {n_requests} times"))?;
    for id in world.ids().iter().copied().filter(|id| *id != one) {
        expect(error_on(world, id).is_some(), format!("{id} has no error"))?;
        expect(is_red(world, id, "damaged"), format!("{id}: {:?}", health(world, id)?))?;
        expect(told(world, id, |event| matches!(event, Event::Reset { .. })).is_empty(), "it was reset")?;
    }
    expect(error_on(world, one).is_none(), format!("the leader has {:?}", error_on(world, one)))
}

scenario!(s_79_a_damaged_catchup_message, "S-79", [M87 => "a damaged message was asked for"], async {
    damaged_catchup(&filled(World::start(3, 79).await, 1).await?).await
});

scenario!(s_79_a_failing_append_during_a_catchup, "S-79", [], async {
    let world = filled(World::start(3, 791).await, 1).await?;
    let broken = other_than(&world, &[leader(&world)?])?;
    world.disk(broken).fail(Fault::always(Operation::Write, "streams/T", EIO));
    scale_up(&world).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    expect(error_on(&world, broken).is_some(), "the stream has no error")?;
    expect(world.network.n_catchup_requests() <= 2, "a retry storm")?;
    world.publish(leader(&world)?, "T.a", b"after").await.map(|_| ())
});
