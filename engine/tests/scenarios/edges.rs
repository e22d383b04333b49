//! Where a server begins and ends, and what it says when it cannot do what it was asked: a class error at the start, changes
//! behind a shutdown, acknowledgements and proposals that come to nothing, reads that fail.

use std::time::Duration;

use interlock_engine::api::{AckKind, Fetch, MessageAt, Request, Response};
use interlock_engine::core::api_error::ApiError;
use interlock_engine::core::config::{ConsumerConfig, StreamConfig};
use interlock_engine::core::names::{GroupName, ServerId};
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::events::Event;
use interlock_engine::failpoint;
use interlock_engine::peer::PeerFrame;
use interlock_engine::sim::World;

use crate::harness::expect;
use crate::write_errors::{MINUTE, SOON, alone, leader, node, other_than, publish_refused, replicated, stream, told};

const ONE: ServerId = ServerId(1);

fn lone_consumer() -> ConsumerConfig {
    ConsumerConfig { name: "C".to_owned(), durable: true, replicas: 1, ..ConsumerConfig::default() }
}

scenario!(a_class_error_while_the_engine_starts_takes_it_down, "S-00", [], async {
    let mut world = alone(1).await?;
    world.create_stream("U", 1).await?;
    world.create_consumer("T", lone_consumer()).await?;
    world.stop(ONE).await;
    let disk = world.disk(ONE);
    disk.fail(Fault::always(Operation::Create, "consumers/", 13));
    disk.stall("streams/U");
    let releasing = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        disk.release("streams/U");
    };
    tokio::join!(world.boot(ONE), releasing);
    tokio::time::sleep(MINUTE).await;
    let n_handled = told(&world, ONE, |event| matches!(event, Event::PermissionDenied { .. })).len();
    expect(n_handled == 1, format!("the handler ran {n_handled} times"))?;
    let server = world.server(ONE).ok_or("no server")?;
    expect(server.engine().is_none(), "the handler ran, and the engine is up")
});

scenario!(nothing_is_placed_behind_a_shutdown, "S-00", [], async {
    let world = World::start(3, 2).await;
    let id = other_than(&world, &[world.meta_leader().ok_or("no leader")?])?;
    let server = world.server(id).ok_or("no server")?;
    let engine = world.engine(id).ok_or("no engine")?;
    failpoint::hold("before_placing");
    let seen = failpoint::arrivals("before_placing");
    let creating = async {
        let _late = tokio::time::timeout(SOON, world.create_stream("T", 3)).await;
    };
    let stopping = async {
        failpoint::arrival_after("before_placing", seen + 2).await;
        server.stop_engine().await;
        failpoint::release("before_placing");
    };
    tokio::join!(creating, stopping);
    tokio::time::sleep(MINUTE).await;
    let alive = engine.groups().iter().filter_map(|group| engine.node(group)).filter(|node| !node.is_closed()).count();
    expect(alive == 0 && engine.streams().is_empty(), "an engine that was shut down runs streams")
});

scenario!(what_is_made_anew_ends_with_the_server, "S-00", [], async {
    let world = replicated(10).await?;
    let id = other_than(&world, &[leader(&world)?])?;
    let (server, engine) = (world.server(id).ok_or("no server")?, world.engine(id).ok_or("no engine")?);
    let point = "between_close_and_place";
    failpoint::hold(point);
    let seen = failpoint::arrivals(point);
    stream(&world, id)?.diverge();
    world.publish(leader(&world)?, "T.a", b"more").await?;
    failpoint::arrival_after(point, seen).await;
    let going_on = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        failpoint::release(point);
    };
    tokio::join!(server.stop_engine(), going_on);
    tokio::time::sleep(MINUTE).await;
    expect(engine.streams().is_empty(), "an engine that was shut down runs a stream")
});

scenario!(a_limit_that_came_later_holds_after_a_power_loss, "S-00", [], async {
    for seed in 20..28 {
        let mut world = alone(seed).await?;
        let config = StreamConfig { max_msgs: Some(3), ..stream(&world, ONE)?.config() };
        let updated = world.request(ONE, Request::StreamUpdate(config)).await;
        expect(matches!(updated, Response::Stream(_)), format!("not updated: {updated:?}"))?;
        expect(world.payloads(ONE, "T").len() == 3, "the limit does not hold")?;
        world.crash(ONE);
        world.boot(ONE).await;
        let holds = |world: &World| world.payloads(ONE, "T").len() == 3;
        let held = world.until(SOON, holds).await;
        expect(held, format!("{} messages where 3 are allowed", world.payloads(ONE, "T").len()))?;
    }
    Ok(())
});

scenario!(the_last_snapshot_has_what_came_while_another_was_written, "S-00", [], async {
    let world = replicated(3).await?;
    let id = other_than(&world, &[leader(&world)?])?;
    let (node, stream) = (node(&world, id)?, stream(&world, id)?);
    world.disk(id).stall("/1.new");
    publish_refused(&world, id).await?;
    for n in 0..50_u8 {
        world.publish(ONE, "T.a", &[n]).await?;
    }
    expect(world.until(SOON, |world| world.payloads(id, "T").len() == 60).await, "not replicated")?;
    world.disk(id).release("/1.new");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (early, applied) = (node.status().snapshot_index, stream.applied());
    expect(early > 0 && early < applied, "nothing came while the snapshot was written")?;
    world.server(id).ok_or("no server")?.stop_engine().await;
    let last = node.status().snapshot_index;
    expect(last >= applied, format!("the last snapshot is behind: {last} of {applied}"))
});

scenario!(what_is_confirmed_is_not_delivered_again_after_a_power_loss, "S-00", [], async {
    let mut world = alone(4).await?;
    world.create_consumer("T", lone_consumer()).await?;
    tokio::time::sleep(SOON).await;
    let fetch = || Fetch { batch: 5, expires: Duration::ZERO };
    let (delivered, _) = world.fetch(ONE, "T", "C", fetch()).await?;
    expect(delivered.len() == 5, format!("{delivered:?}"))?;
    // The deliveries are not on the disk yet.
    world.crash(ONE);
    world.boot(ONE).await;
    expect(world.until(SOON, |world| world.consumer_leader("T", "C").is_some()).await, "nobody leads")?;
    for seq in delivered {
        let ack = Request::Ack { stream: "T".to_owned(), consumer: "C".to_owned(), seq, kind: AckKind::Ack };
        let answer = world.request(ONE, ack).await;
        expect(answer == Response::Error(ApiError::NOT_DELIVERED), format!("{seq}: {answer:?}"))?;
    }
    let (again, _) = world.fetch(ONE, "T", "C", fetch()).await?;
    expect(again.len() == 5, format!("{again:?}"))
});

scenario!(a_change_that_nobody_can_read_is_not_proposed, "S-00", [], async {
    let world = replicated(5).await?;
    let meta = world.meta_leader().ok_or("no leader")?;
    let from = other_than(&world, &[meta])?;
    let frame = PeerFrame::Proposal { group: GroupName::new("meta"), data: vec![0xff, 0xff].into() };
    world.server(meta).ok_or("no server")?.deliver(from, frame);
    tokio::time::sleep(SOON).await;
    let is_frozen = |id: &ServerId| world.engine(*id).is_some_and(|engine| engine.meta_error().is_some());
    expect(!world.ids().iter().any(is_frozen), "an entry that was passed on froze the meta layer")
});

scenario!(a_message_that_cannot_be_read_is_not_said_to_be_gone, "S-00", [], async {
    let world = alone(6).await?;
    world.create_consumer("T", lone_consumer()).await?;
    tokio::time::sleep(SOON).await;
    world.disk(ONE).fail(Fault::always(Operation::Read, "streams/T", 5));
    let stream = stream(&world, ONE)?;
    stream.store().flush().map_err(|error| error.to_string())?;
    let at = MessageAt::Sequence(1);
    let read = world.request(ONE, Request::MessageGet { stream: "T".to_owned(), at }).await;
    let says_so = |answer: &Response| matches!(answer, Response::Error(error) if error.err_code == 19003);
    expect(says_so(&read), format!("{read:?}"))?;
    let fetch = Request::Fetch {
        stream: "T".to_owned(),
        consumer: "C".to_owned(),
        fetch: Fetch { batch: 1, expires: Duration::from_secs(1) },
    };
    let fetched = world.request(ONE, fetch).await;
    expect(says_so(&fetched), format!("{fetched:?}"))
});

scenario!(a_server_that_is_away_is_given_nothing_while_others_are_there, "S-00", [], async {
    let mut world = World::start(3, 7).await;
    let away = other_than(&world, &[world.meta_leader().ok_or("no leader")?])?;
    world.crash(away);
    tokio::time::sleep(MINUTE).await;
    for n in 0..4_u8 {
        let name = format!("R{n}");
        world.create_stream(&name, 1).await?;
        let assigned = world.engine(world.running()[0]).and_then(|engine| engine.stream_assignment(&name));
        let group = assigned.ok_or("it is not assigned")?.group;
        expect(!group.has(away), format!("{name} was given to a server that is away"))?;
    }
    Ok(())
});

scenario!(each_replica_that_was_added_has_a_vote, "S-00", [], async {
    let mut world = World::start(3, 9).await;
    world.create_stream("T", 1).await?;
    expect(world.until(MINUTE, |world| world.stream_leader("T").is_some()).await, "nobody leads")?;
    let founder = leader(&world)?;
    world.publish(founder, "T.a", b"one").await?;
    let assigned = world.engine(founder).and_then(|engine| engine.stream_assignment("T")).ok_or("no stream")?;
    let config = StreamConfig { replicas: 3, ..assigned.config };
    let _settles_later = tokio::time::timeout(MINUTE, world.request(founder, Request::StreamUpdate(config))).await;
    let all_vote = |world: &World| {
        let node = world.stream(founder, "T").and_then(|stream| stream.member().node());
        node.is_some_and(|node| node.status().voters.len() == 3)
    };
    expect(world.until(MINUTE, all_vote).await, "who was added has no vote")?;
    world.publish(founder, "T.a", b"two").await?;
    world.crash(founder);
    let led_again = world.until(MINUTE, |world| world.stream_leader("T").is_some_and(|id| id != founder)).await;
    expect(led_again, "two of three lead nothing")?;
    let heir = leader(&world)?;
    expect(world.payloads(heir, "T") == [b"one".to_vec(), b"two".to_vec()], "a message is gone with the founder")
});
