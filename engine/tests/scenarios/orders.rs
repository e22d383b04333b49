//! What is done in an order, once, or only when something is known, seen where nothing else shows it: flushes and snapshots,
//! entries behind a shutdown, orphans, stores that were found, acknowledgements of one replica.

use std::time::Duration;

use interlock_engine::api::{AckKind, Fetch, Publish, Request, Response};
use interlock_engine::core::assignment::StreamAssignment;
use interlock_engine::core::config::{ConsumerConfig, StreamConfig};
use interlock_engine::core::meta::{Assignments, MetaChange, MetaEntry, encode};
use interlock_engine::core::names::{GroupName, ServerId};
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::engine::AssetKey;
use interlock_engine::failpoint;
use interlock_engine::raft::Role;
use interlock_engine::raft::eraftpb::{Message, MessageType};
use interlock_engine::sim::World;
use tokio::time::sleep;

use crate::harness::expect;
use crate::write_errors::{
    EIO, MINUTE, SOON, alone, break_store, error_on, health, leader, node, other_than, publish_refused, replicated,
};

const ONE: ServerId = ServerId(1);

scenario!(a_snapshot_that_is_refused_costs_no_flush, "S-00", [], async {
    let world = replicated(28).await?;
    let id = other_than(&world, &[leader(&world)?])?;
    expect(world.until(SOON, |world| world.payloads(id, "T").len() == 10).await, "not replicated")?;
    node(&world, id)?.block_snapshots(true);
    break_store(&world, id, Operation::Sync);
    publish_refused(&world, leader(&world)?).await?;
    sleep(Duration::from_secs(1)).await;
    expect(error_on(&world, id).is_none(), "the store was flushed for a snapshot that was refused")?;
    // The timer's is forced, and has something to flush.
    node(&world, id)?.block_snapshots(false);
    let has_failed = world.until(10 * MINUTE, |world| error_on(world, id).is_some()).await;
    expect(has_failed, "there is nothing to be flushed, which shows nothing")
});

/// A message of the stream's group that nobody has sent.
fn forged(kind: MessageType, from: ServerId, to: ServerId, term: u64) -> Message {
    let mut message = Message { from: from.0, to: to.0, term, ..Message::default() };
    message.set_msg_type(kind);
    message
}

scenario!(s_114_what_waits_for_a_deposed_leader_is_not_proposed, "S-114", [], async {
    let world = replicated(114).await?;
    let (id, node) = (leader(&world)?, node(&world, leader(&world)?)?);
    let heir = other_than(&world, &[id])?;
    for other in world.ids().iter().filter(|other| **other != id) {
        world.network.cut_group(id, *other, node.group().as_str());
        world.network.cut_group(*other, id, node.group().as_str());
    }
    let term = node.status().term;
    let server = world.server(id).ok_or("no server")?;
    let publish = |payload: &'static [u8]| {
        let request = Publish { subject: "T.a".to_owned(), payload: payload.to_vec(), ..Publish::default() };
        let server = server.clone();
        tokio::spawn(async move { server.handle(Request::Publish(request)).await })
    };
    // While its disk works nothing is taken from its queue.
    world.disk(id).stall("groups/S-T");
    let _unknown = publish(b"at work");
    sleep(Duration::from_millis(10)).await;
    node.step(forged(MessageType::MsgHeartbeat, heir, id, term + 1));
    node.step(forged(MessageType::MsgTimeoutNow, heir, id, term + 1));
    node.step(forged(MessageType::MsgRequestVoteResponse, heir, id, term + 2));
    let late = publish(b"late");
    sleep(Duration::from_millis(10)).await;
    let before = node.status();
    expect(before.role == Role::Leader && before.term == term, format!("it knows of the next term: {before:?}"))?;
    world.disk(id).release("groups/S-T");
    sleep(Duration::from_millis(10)).await;
    let after = node.status();
    expect(after.role == Role::Leader && after.term == term + 2, format!("it does not lead again: {after:?}"))?;
    // What was at work, and the new leadership's own entry.
    let n_new = after.last_index - before.last_index;
    expect(n_new == 2, format!("{n_new} entries, and not 2: one of the old term among them"))?;
    late.abort();
    Ok(())
});

scenario!(what_runs_again_is_green_again, "S-00", [], async {
    let world = replicated(39).await?;
    let id = other_than(&world, &[leader(&world)?])?;
    let asset = AssetKey::Stream("T".to_owned());
    let error = |world: &World| world.engine(id).and_then(|engine| engine.assignment_error(&asset));
    let remap = || Request::StreamMove { stream: "T".to_owned(), peers: world.ids().to_vec() };
    world.disk(id).fail(Fault::always(Operation::Read, "groups/S-T", EIO));
    let _moved = world.ask(remap()).await;
    expect(world.until(SOON, |world| error(world).is_some()).await, "a group that cannot be opened is no error")?;
    world.disk(id).heal();
    let _moved = world.ask(remap()).await;
    expect(world.until(MINUTE, |world| world.stream(id, "T").is_some()).await, "it does not run again")?;
    let green = |world: &World| health(world, id).is_ok_and(|report| report.http_status == 200);
    let is_green = world.until(MINUTE, green).await;
    expect(is_green, format!("red although it runs: {:?}", health(&world, id)?))?;
    expect(error(&world).is_none(), "the assignment's error stays")
});

fn assigned(name: &str, subject: &str, like: &StreamAssignment) -> MetaChange {
    let config = StreamConfig { name: name.to_owned(), subjects: vec![subject.to_owned()], ..like.config.clone() };
    let mut assignment = StreamAssignment { config, revision: 0, ..like.clone() };
    assignment.group.name = GroupName::new(format!("S-{name}-forged"));
    MetaChange::AssignStream(assignment)
}

scenario!(entries_behind_a_shutdown_are_left_to_the_next_start, "S-00", [], async {
    let mut world = World::start(3, 7).await;
    world.create_stream("V", 1).await?;
    let meta = world.meta_leader().ok_or("no leader")?;
    let v = world.engine(meta).and_then(|engine| engine.stream_assignment("V")).ok_or("no assignment")?;
    let id = other_than(&world, &[meta, v.group.peers[0]])?;
    let (server, engine) = (world.server(id).ok_or("no server")?, world.engine(id).ok_or("no engine")?);
    let node = engine.meta().ok_or("no meta layer")?;
    let knows = |world: &World| world.engine(id).is_some_and(|engine| engine.stream_assignment("V").is_some());
    expect(world.until(SOON, knows).await, "it does not hear of V")?;
    sleep(Duration::from_secs(5)).await;
    // Given out all at once: one that is carried out while the engine stops, one that the state refuses, and one that
    // takes away what it is refused for.
    node.pause_apply();
    let forgotten = MetaChange::RemoveStream { name: "V".to_owned(), created_ns: v.created_ns };
    let mut indices = Vec::new();
    for change in [assigned("A", "A.>", &v), assigned("U", "V.x", &v), forgotten] {
        let data = encode(&MetaEntry { origin: meta, proposal: 0, change }).into();
        let leading = world.engine(meta).and_then(|engine| engine.meta()).ok_or("no meta layer")?;
        indices.push(leading.propose(None, data).await.map_err(|error| error.to_string())?.index);
    }
    let assignments = |world: &World, id| world.engine(id).map(|engine| engine.assignments());
    let names = |all: Assignments| all.streams().map(|it| it.assignment.config.name.clone()).collect::<Vec<_>>();
    let decided = world.until(SOON, |world| assignments(world, meta).map(names) == Some(vec!["A".to_owned()])).await;
    expect(decided, format!("{:?}", assignments(&world, meta).map(names)))?;
    sleep(Duration::from_secs(5)).await;
    failpoint::hold("before_placing");
    let seen = failpoint::arrivals("before_placing");
    node.resume_apply();
    let stopping = async {
        failpoint::arrival_after("before_placing", seen).await;
        tokio::join!(server.stop_engine(), async {
            sleep(Duration::from_millis(100)).await;
            failpoint::release("before_placing");
        });
    };
    stopping.await;
    // What is in the state is covered by the last snapshot, and what is not is not.
    let (applied, covered) = (node.status().applied, node.status().snapshot_index);
    let found = format!("applied {applied}, covered {covered}, of {indices:?}");
    expect((applied, covered) == (indices[0], indices[0]), found)?;
    world.stop(id).await;
    world.boot(id).await;
    let is_same = |world: &World| assignments(world, id) == assignments(world, meta);
    let same = world.until(MINUTE, is_same).await;
    expect(same, format!("{id} has another state of the meta layer: {:?}", assignments(&world, id).map(names)))
});

scenario!(an_old_state_of_the_meta_layer_makes_no_orphans, "S-00", [], async {
    let mut n_old = 0;
    for seed in 0..4 {
        let mut world = World::start(3, 4500 + seed).await;
        let owner = other_than(&world, &[world.meta_leader().ok_or("no leader")?])?;
        let mut owned = None;
        for n in 0..6_u8 {
            let name = format!("R{n}");
            world.create_stream(&name, 1).await?;
            if world.stream(owner, &name).is_some() {
                owned = Some(name);
                break;
            }
        }
        let name = owned.ok_or("it is given none of six streams")?;
        world.publish(owner, &format!("{name}.a"), b"kept").await?;
        world.crash(owner);
        world.network.isolate(owner, world.ids());
        world.boot(owner).await;
        sleep(5 * MINUTE).await;
        let knows = world.engine(owner).is_some_and(|engine| engine.stream_assignment(&name).is_some());
        n_old += u8::from(!knows);
        world.network.heal();
        let is_there = |world: &World| world.payloads(owner, &name) == [b"kept".to_vec()];
        expect(world.until(MINUTE, is_there).await, format!("{name} was removed as an orphan, knows it: {knows}"))?;
    }
    expect(n_old > 0, "no server begins with an old state, which shows nothing")
});

scenario!(what_a_store_finds_is_written_again_before_anything_follows_it, "S-00", [], async {
    let mut world = alone(87).await?;
    // The sync fails, and the system counts the pages as clean: they are read, and will never be on the disk.
    world.disk(ONE).fail(Fault::always(Operation::Sync, "streams/T", EIO).nth(1));
    let large = Publish { subject: "T.a".to_owned(), payload: vec![7; 4000], ..Publish::default() };
    let refused = world.request(ONE, Request::Publish(large)).await;
    expect(!matches!(refused, Response::Published(_)), format!("{refused:?}"))?;
    world.stop(ONE).await;
    world.disk(ONE).heal();
    world.boot(ONE).await;
    expect(world.until(SOON, |world| world.stream_leader("T").is_some()).await, "nobody leads")?;
    expect(world.payloads(ONE, "T").len() == 11, "it is not found, which shows nothing")?;
    world.publish(ONE, "T.a", b"behind it").await?;
    world.crash(ONE);
    world.boot(ONE).await;
    let led = world.until(SOON, |world| world.stream_leader("T").is_some()).await;
    expect(led, format!("the stream does not run: {:?}", health(&world, ONE)?))?;
    let n_messages = world.payloads(ONE, "T").len();
    expect(n_messages == 12, format!("{n_messages} messages of 12 are left"))
});

scenario!(an_acknowledgement_of_one_replica_waits_for_its_save, "S-00", [], async {
    let mut world = alone(88).await?;
    let config = ConsumerConfig { name: "C".to_owned(), durable: true, replicas: 1, ..ConsumerConfig::default() };
    world.create_consumer("T", config).await?;
    let fetch = || Fetch { batch: 5, expires: Duration::ZERO };
    let (delivered, _) = world.fetch(ONE, "T", "C", fetch()).await?;
    expect(delivered == [1, 2, 3, 4, 5], format!("{delivered:?}"))?;
    world.disk(ONE).stall("consumers/");
    let server = world.server(ONE).ok_or("no server")?;
    let ack = |seq: u64| {
        let (stream, consumer) = ("T".to_owned(), "C".to_owned());
        let (server, kind) = (server.clone(), AckKind::Ack);
        async move { server.handle(Request::Ack { stream, consumer, seq, kind }).await }
    };
    let early = tokio::time::timeout(Duration::from_secs(5), ack(1)).await;
    expect(early.is_err(), format!("confirmed before it is saved: {early:?}"))?;
    world.disk(ONE).release("consumers/");
    for seq in 2..=4 {
        let confirmed = ack(seq).await;
        expect(confirmed == Response::Done, format!("{confirmed:?}"))?;
    }
    world.crash(ONE);
    world.boot(ONE).await;
    expect(world.until(SOON, |world| world.consumer_leader("T", "C").is_some()).await, "nobody leads")?;
    sleep(MINUTE).await;
    let (again, _) = world.fetch(ONE, "T", "C", fetch()).await?;
    expect(!again.iter().any(|seq| (2..=4).contains(seq)), format!("confirmed and delivered again: {again:?}"))
});
