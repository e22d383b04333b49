//! Catch-ups to a snapshot some of whose messages were removed since.

use std::sync::Arc;
use std::time::Duration;

use interlock_engine::api::{Request, Response};
use interlock_engine::core::config::StreamConfig;
use interlock_engine::core::names::ServerId;
use interlock_engine::events::Event;
use interlock_engine::sim::{Link, World};

use crate::harness::{Outcome, expect};
use crate::write_errors::{
    MINUTE, SOON, error_on, filled, health, leader, node, other_than, publish_refused, replicated, stream, told,
};

/// Three servers, one replica of ten messages, three messages to a block.
async fn small_blocks(seed: u64) -> Result<World, String> {
    let mut world = World::machines(3, seed);
    world.adjust = Arc::new(|settings| settings.block_bytes = 400);
    for id in world.ids().to_vec() {
        world.boot(id).await;
    }
    expect(world.until(MINUTE, |world| world.meta_leader().is_some()).await, "no meta leader")?;
    filled(world, 1).await
}

/// Asks for three replicas; what is there is the snapshot that the new members are sent.
async fn scale_up(world: &World, one: ServerId) -> Outcome {
    let old = world.engine(one).and_then(|engine| engine.stream_assignment("T")).ok_or("no stream")?;
    let request = world.request(one, Request::StreamUpdate(StreamConfig { replicas: 3, ..old.config }));
    // It is answered once all is settled, which waits for the server that is away.
    let _response = tokio::time::timeout(SOON, request).await;
    Ok(())
}

/// A server that was sent the snapshot of a new group and none of its messages, and is down; the others have them all.
/// The server, and the snapshot's index.
async fn one_without_messages(world: &mut World) -> Result<(ServerId, u64), String> {
    let one = leader(world)?;
    let away = other_than(world, &[one])?;
    let third = other_than(world, &[one, away])?;
    world.network.damage_catchups(u64::MAX);
    scale_up(world, one).await?;
    let has_failed = |world: &World| [away, third].iter().all(|id| error_on(world, *id).is_some());
    expect(world.until(MINUTE, has_failed).await, "a follower has the messages")?;
    let index = node(world, away)?.status().snapshot_index;
    expect(index > 0, "it was not sent the snapshot")?;
    world.crash(away);
    world.stop(third).await;
    world.network.damage_catchups(0);
    world.boot(third).await;
    let has_all = |world: &World| world.payloads(third, "T").len() == world.payloads(one, "T").len();
    expect(world.until(MINUTE, has_all).await, "the third one lacks messages")?;
    Ok((away, index))
}

async fn delete(world: &World, seqs: std::ops::RangeInclusive<u64>) -> Outcome {
    for seq in seqs {
        let via = leader(world)?;
        let response = world.request(via, Request::MessageDelete { stream: "T".to_owned(), seq }).await;
        expect(matches!(response, Response::Done), format!("{seq} is not deleted: {response:?}"))?;
    }
    Ok(())
}

/// How many of the first ten messages some other server has as of an index.
fn n_served(world: &World, away: ServerId, index: u64) -> usize {
    let others = world.ids().iter().filter(|id| **id != away).filter_map(|id| world.stream(*id, "T"));
    let seqs = others.filter_map(|stream| stream.store().seqs_as_of((1, 10), index, 10).ok());
    seqs.map(|seqs| seqs.len()).max().unwrap_or(0)
}

fn n_resets(world: &World, id: ServerId) -> usize {
    told(world, id, |event| matches!(event, Event::Reset { .. })).len()
}

/// Waits until a server has these messages, numbered from 0, and is healthy.
async fn has(world: &World, id: ServerId, numbers: &[u8]) -> Outcome {
    let wanted: Vec<Vec<u8>> = numbers.iter().map(|number| vec![*number]).collect();
    let is_green = |world: &World| health(world, id).is_ok_and(|report| report.http_status == 200);
    let complete = world.until(3 * MINUTE, |world| world.payloads(id, "T") == wanted && is_green(world)).await;
    let found = world.payloads(id, "T");
    expect(complete, format!("{id} never has them: {found:?}, {:?}", health(world, id)?))
}

scenario!(what_was_removed_behind_a_snapshot_is_served_from_what_is_held, "S-00", [], async {
    let mut world = small_blocks(741).await?;
    let (away, index) = one_without_messages(&mut world).await?;
    delete(&world, 1..=5).await?;
    delete(&world, 8..=8).await?;
    tokio::time::sleep(SOON).await;
    expect(n_served(&world, away, index) == 10, "nobody has what was removed")?;
    expect(node(&world, leader(&world)?)?.status().snapshot_index == index, "there is a newer snapshot already")?;
    world.boot(away).await;
    has(&world, away, &[5, 6, 8, 9]).await?;
    expect(node(&world, away)?.status().snapshot_index == index, "it needed another snapshot")?;
    expect(n_resets(&world, away) == 0, "the stream was made anew")
});

scenario!(what_a_follower_is_fetching_is_held_for_it, "S-00", [], async {
    const N_LARGE: usize = 30;
    let mut world = World::machines(3, 744);
    world.adjust = Arc::new(|settings| {
        // A message to a block, and each block that is empty goes with the next pass.
        settings.block_bytes = 64 << 10;
        settings.sync_every = Some(Duration::from_secs(1));
    });
    for id in world.ids().to_vec() {
        world.boot(id).await;
    }
    expect(world.until(MINUTE, |world| world.meta_leader().is_some()).await, "no meta leader")?;
    world.create_stream("T", 1).await?;
    for n in 0..N_LARGE {
        world.publish(leader(&world)?, "T.a", &vec![u8::try_from(n).unwrap_or(0); 60_000]).await?;
    }
    let (away, index) = one_without_messages(&mut world).await?;
    // It is asked first; the third one is asked in between, and has not been asked before.
    let holder = leader(&world)?;
    let third = other_than(&world, &[holder, away])?;
    world.network.set_link(Link { delay: Duration::from_millis(100), ..Link::default() });
    let n_before = world.network.n_catchup_requests();
    world.boot(away).await;
    let has_asked = world.until(SOON, |world| world.network.n_catchup_requests() > n_before).await;
    expect(has_asked, "it does not catch up")?;
    // The request arrives, and the answer is on its way when nothing else comes through.
    tokio::time::sleep(Duration::from_millis(150)).await;
    world.network.isolate(away, world.ids());
    world.network.set_link(Link::default());
    delete(&world, 22..=27).await?;
    publish_refused(&world, holder).await?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    expect(node(&world, holder)?.status().snapshot_index > index, "there is no newer snapshot, which shows nothing")?;
    let n_held =
        |id| Ok::<_, String>(stream(&world, id)?.store().seqs_as_of((22, 27), index, 10).unwrap_or_default().len());
    expect(n_held(third)? < 6, "who was not asked keeps the space, which shows nothing")?;
    expect(n_held(holder)? == 6, "the space was given back under a follower that fetches it")?;
    world.network.heal();
    let has_caught_up = |world: &World| world.payloads(away, "T").len() == N_LARGE - 6;
    expect(world.until(MINUTE, has_caught_up).await, "it never catches up")?;
    expect(n_resets(&world, away) == 0, "the stream was made anew")
});

scenario!(a_newer_snapshot_is_asked_for_when_messages_are_gone, "S-00", [], async {
    let mut world = small_blocks(742).await?;
    let (away, index) = one_without_messages(&mut world).await?;
    delete(&world, 1..=5).await?;
    publish_refused(&world, leader(&world)?).await?;
    // The next sync passes give the space back, and nobody can serve the old snapshot any more.
    tokio::time::sleep(5 * MINUTE).await;
    expect(n_served(&world, away, index) < 10, "what was removed is kept for ever")?;
    world.boot(away).await;
    expect(world.until(SOON, |world| node(world, away).is_ok()).await, "it has no group")?;
    expect(node(&world, away)?.status().snapshot_index == index, "it lost its snapshot")?;
    world.publish(leader(&world)?, "T.a", &[10]).await?;
    has(&world, away, &[5, 6, 7, 8, 9, 10]).await?;
    expect(n_resets(&world, away) == 0, "the stream was made anew")?;
    expect(node(&world, away)?.status().snapshot_index > index, "it has the same snapshot")?;
    // It follows as before.
    world.publish(leader(&world)?, "T.a", &[11]).await?;
    has(&world, away, &[5, 6, 7, 8, 9, 10, 11]).await
});

scenario!(a_snapshot_takes_its_deletions_to_a_replica_that_has_the_messages, "S-00", [], async {
    let mut world = replicated(743).await?;
    let away = other_than(&world, &[leader(&world)?])?;
    expect(world.until(SOON, |world| world.payloads(away, "T").len() == 10).await, "not replicated")?;
    world.stop(away).await;
    delete(&world, 4..=6).await?;
    // More than a log keeps behind its snapshot.
    for n in 0..1100_u64 {
        world.publish(leader(&world)?, "T.a", &n.to_le_bytes()).await?;
    }
    // For a member that is heard more is kept.
    tokio::time::sleep(SOON).await;
    publish_refused(&world, leader(&world)?).await?;
    tokio::time::sleep(SOON).await;
    let one = leader(&world)?;
    world.boot(away).await;
    let is_same = |world: &World| world.payloads(away, "T") == world.payloads(one, "T");
    expect(world.until(3 * MINUTE, is_same).await, "the replicas differ")?;
    expect(world.network.n_catchup_requests() > 0, "it was not sent a snapshot")?;
    expect(n_resets(&world, away) == 0, "the stream was made anew")
});

/// A cluster whose follower was sent a snapshot, and whose leader does not get to read the messages for it: the leader,
/// the follower, and when the request came.
pub(crate) async fn asked_and_not_answered(seed: u64) -> Result<(World, ServerId, ServerId), String> {
    let mut world = replicated(seed).await?;
    let one = leader(&world)?;
    let away = other_than(&world, &[one])?;
    let third = other_than(&world, &[one, away])?;
    world.stop(away).await;
    // More than a log keeps behind its snapshot.
    for n in 0..1100_u64 {
        world.publish(one, "T.a", &n.to_le_bytes()).await?;
    }
    tokio::time::sleep(SOON).await;
    publish_refused(&world, one).await?;
    tokio::time::sleep(SOON).await;
    expect(world.payloads(third, "T").len() == 1110, "the third one lacks messages")?;
    world.disk(one).stall("streams/T");
    world.boot(away).await;
    let is_asked = world.until(SOON, |world| world.network.n_catchup_requests() == 1).await;
    expect(is_asked && leader(&world)? == one, "the leader is not asked")?;
    Ok((world, one, away))
}

fn ended(world: &World, id: ServerId, other: ServerId) -> Vec<Event> {
    told(world, id, |event| matches!(event, Event::CatchupEnded { with, .. } if *with == other))
}

scenario!(a_catchup_ends_with_its_connection, "S-00", [], async {
    let (world, one, away) = asked_and_not_answered(744).await?;
    let (asked, asking) = (world.server(one).ok_or("no server")?, world.server(away).ok_or("no server")?);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let before = asked.context().tasks.n_running();
    asked.lose(away);
    asking.lose(one);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let after = asked.context().tasks.n_running();
    expect(after + 1 == before, format!("{before} tasks run, then {after}: it is served on"))?;
    expect(ended(&world, one, away).len() == 1, "the end is told nowhere on the asked side")?;
    expect(ended(&world, away, one).len() == 1, "the end is told nowhere on the asking side")?;
    expect(asking.context().catchups.n_waiting() == 0, "the call waits for an answer that will not come")?;
    // Another member is asked after the pause, and not when an answer would be late.
    tokio::time::sleep(Duration::from_millis(2200)).await;
    let complete = world.payloads(away, "T").len();
    expect(complete == 1110, format!("{complete} of 1110 messages"))?;
    world.disk(one).release("streams/T");
    tokio::time::sleep(SOON).await;
    expect(n_resets(&world, away) == 0, "the stream was made anew")?;
    let green = |world: &World| health(world, away).is_ok_and(|report| report.http_status == 200);
    expect(world.until(MINUTE, green).await, format!("{:?}", health(&world, away)?))
});

scenario!(a_catchup_ends_with_the_engine_that_serves_it, "S-00", [], async {
    let (world, one, away) = asked_and_not_answered(745).await?;
    let asked = world.server(one).ok_or("no server")?;
    let stopping = asked.stop_engine();
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let complete = world.payloads(away, "T").len();
        world.disk(one).release("streams/T");
        complete
    };
    let ((), complete) = tokio::join!(stopping, meanwhile);
    expect(complete == 1110, format!("{complete} of 1110 messages"))?;
    expect(ended(&world, one, away).len() == 1, "the end is told nowhere")
});

scenario!(lost_connections_make_nothing_anew, "S-00", [], async {
    let (world, one, away) = asked_and_not_answered(746).await?;
    let third = other_than(&world, &[one, away])?;
    let asking = world.server(away).ok_or("no server")?;
    world.disk(third).stall("streams/T");
    // Nobody answers, and each connection is lost again and again: for longer than attempts with a pause would take, and
    // for less time than attempts without an answer.
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for other in world.ids() {
            asking.lose(*other);
        }
    }
    expect(world.payloads(away, "T").len() <= 1110, "it has more than there is")?;
    expect(n_resets(&world, away) == 0, "the stream was made anew")?;
    world.disk(one).release("streams/T");
    world.disk(third).release("streams/T");
    let complete = |world: &World| world.payloads(away, "T").len() == 1110;
    expect(world.until(SOON, complete).await, "it never has them")?;
    expect(n_resets(&world, away) == 0, "the stream was made anew")
});
