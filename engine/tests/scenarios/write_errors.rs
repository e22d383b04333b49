//! Write errors of streams, seen from clients, from health and from the other servers: scenarios S-47 to S-69, S-87.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use interlock_engine::api::{Expectations, MessageAt, Publish, Request, Response};
use interlock_engine::core::health::{Options, Report};
use interlock_engine::core::names::ServerId;
use interlock_engine::core::write_error::WriteError;
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::events::Event;
use interlock_engine::failpoint;
use interlock_engine::raft::{Node, Role};
use interlock_engine::sim::World;
use interlock_engine::stream::Stream;

use crate::harness::{Outcome, expect};

pub(crate) const SOON: Duration = Duration::from_secs(15);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const EIO: i32 = 5;

/// A server without a cluster, with a stream of ten messages.
pub(crate) async fn alone(seed: u64) -> Result<World, String> {
    filled(World::start(1, seed).await, 1).await
}

/// A cluster of three with a stream of three replicas that has ten messages.
pub(crate) async fn replicated(seed: u64) -> Result<World, String> {
    filled(World::start(3, seed).await, 3).await
}

pub(crate) async fn filled(world: World, replicas: u8) -> Result<World, String> {
    world.create_stream("T", replicas).await?;
    for n in 0..10_u8 {
        world.publish(ServerId(1), "T.a", &[n]).await?;
    }
    Ok(world)
}

pub(crate) fn stream(world: &World, id: ServerId) -> Result<Arc<Stream>, String> {
    world.stream(id, "T").ok_or_else(|| format!("no stream on {id}"))
}

pub(crate) fn node(world: &World, id: ServerId) -> Result<Node, String> {
    stream(world, id)?.member().node().ok_or_else(|| format!("no node on {id}"))
}

pub(crate) fn leader(world: &World) -> Result<ServerId, String> {
    world.stream_leader("T").ok_or_else(|| "no leader".to_owned())
}

/// A server that is none of these.
pub(crate) fn other_than(world: &World, ids: &[ServerId]) -> Result<ServerId, String> {
    let other = world.ids().iter().copied().find(|id| !ids.contains(id));
    other.ok_or_else(|| "no other server".to_owned())
}

pub(crate) fn error_on(world: &World, id: ServerId) -> Option<WriteError> {
    world.stream(id, "T")?.member().write_error.get()
}

/// Makes all writes to the stream's blocks fail on a server.
pub(crate) fn break_store(world: &World, id: ServerId, operation: Operation) {
    world.disk(id).fail(Fault::always(operation, "streams/T", EIO));
}

pub(crate) fn health(world: &World, id: ServerId) -> Result<Report, String> {
    Ok(world.server(id).ok_or("no server")?.health(&Options::default()))
}

pub(crate) fn is_red(world: &World, id: ServerId, text: &str) -> bool {
    health(world, id).is_ok_and(|report| {
        report.http_status == 503 && report.problems.iter().any(|problem| problem.error.contains(text))
    })
}

pub(crate) fn told(world: &World, id: ServerId, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
    world.server(id).map(|server| server.context().events.matching(fits)).unwrap_or_default()
}

pub(crate) fn has_files(world: &World, id: ServerId, part: &str) -> bool {
    world.disk(id).files().keys().any(|path| path.to_string_lossy().contains(part))
}

/// How often each payload is in the stream on a server.
pub(crate) fn copies(world: &World, id: ServerId) -> BTreeMap<Vec<u8>, usize> {
    let mut copies = BTreeMap::new();
    for payload in world.payloads(id, "T") {
        *copies.entry(payload).or_default() += 1;
    }
    copies
}

/// A message that no replica takes: it makes the replicas write a snapshot each.
pub(crate) async fn publish_refused(world: &World, via: ServerId) -> Outcome {
    let expect_wrong = Expectations { last_seq: Some(999_999), ..Expectations::default() };
    let publish = Publish { subject: "T.a".to_owned(), expect: expect_wrong, ..Publish::default() };
    let response = world.request(via, Request::Publish(publish)).await;
    expect(matches!(response, Response::Error(_)), format!("taken: {response:?}"))
}

pub(crate) async fn step_down(world: &World, to: ServerId) -> Outcome {
    let request = Request::StreamStepDown { stream: "T".to_owned(), preferred: Some(to) };
    world.request(other_than(world, &[to])?, request).await;
    let moved = world.until(SOON, |world| world.stream_leader("T") == Some(to)).await;
    expect(moved, format!("{to} does not lead"))
}

scenario!(s_47_a_failed_write_is_not_acknowledged, "S-47", [M61 => "acknowledged a lost message"], async {
    let world = alone(47).await?;
    let one = ServerId(1);
    break_store(&world, one, Operation::Write);
    expect(world.publish(one, "T.a", b"lost").await.is_err(), "acknowledged a lost message")?;
    let stream = stream(&world, one)?;
    let first = stream.member().write_error.get().ok_or("the stream has no error")?;
    expect(stream.store().write_error() == Some(first.clone()), "the store has another error")?;
    // Everything else fails for other reasons from here on, and the first one stays.
    world.disk(one).heal();
    world.disk(one).fail(Fault::always(Operation::AnyWrite, "streams/T", 28));
    for n in 0..3_u8 {
        expect(world.publish(one, "T.a", &[n]).await.is_err(), "acknowledged after an error")?;
        let purged = world.request(one, Request::StreamPurge { stream: "T".to_owned(), filter: None, keep: 0 }).await;
        expect(matches!(purged, Response::Error(_)), format!("purged: {purged:?}"))?;
        let deleted = world.request(one, Request::MessageDelete { stream: "T".to_owned(), seq: 1 }).await;
        expect(matches!(deleted, Response::Error(_)), format!("deleted: {deleted:?}"))?;
        expect(stream.store().flush().is_err() && stream.store().sync_pass().is_err(), "the store was flushed")?;
    }
    expect(stream.member().write_error.get() == Some(first.clone()), "the stream's error was replaced")?;
    expect(stream.store().write_error() == Some(first), "the store's error was replaced")?;
    let read = world.request(one, Request::MessageGet { stream: "T".to_owned(), at: MessageAt::Sequence(10) }).await;
    expect(matches!(read, Response::Message(_)), format!("not read: {read:?}"))?;
    expect(world.payloads(one, "T").len() == 10, "old messages are gone")
});

scenario!(s_48_health_without_a_cluster, "S-48", [], async {
    let world = alone(48).await?;
    let one = ServerId(1);
    world.create_stream("U", 1).await?;
    expect(health(&world, one)?.http_status == 200, "red before the error")?;
    break_store(&world, one, Operation::Write);
    expect(world.publish(one, "T.a", b"lost").await.is_err(), "acknowledged a lost message")?;
    expect(is_red(&world, one, "write error: "), format!("{:?}", health(&world, one)?))?;
    world.publish(one, "U.a", b"elsewhere").await?;
    let names = world.request(one, Request::StreamNames).await;
    expect(names == Response::Names(vec!["T".to_owned(), "U".to_owned()]), format!("{names:?}"))
});

scenario!(s_49_health_of_one_replica_in_a_cluster, "S-49", [M62 => "healthy with a write error"], async {
    let world = filled(World::start(3, 49).await, 1).await?;
    let leader = leader(&world)?;
    break_store(&world, leader, Operation::Write);
    expect(world.publish(leader, "T.a", b"lost").await.is_err(), "acknowledged a lost message")?;
    let red = world.until(SOON, |world| is_red(world, leader, "write error: ")).await;
    expect(red, format!("healthy with a write error: {:?}", health(&world, leader)?))?;
    let other = other_than(&world, &[leader])?;
    expect(health(&world, other)?.http_status == 200, format!("{:?}", health(&world, other)?))
});

scenario!(s_50_a_leader_with_a_write_error, "S-50", [M63 => "leadership was not handed over"], async {
    let world = replicated(50).await?;
    let broken = leader(&world)?;
    let via = other_than(&world, &[broken])?;
    let (bad_stream, bad_node) = (stream(&world, broken)?, node(&world, broken)?);
    break_store(&world, broken, Operation::Write);
    let publishing = async {
        let mut acked = Vec::new();
        for n in 100..150_u8 {
            if world.publish(via, "T.a", &[n]).await.is_ok() {
                acked.push(vec![n]);
            }
        }
        acked
    };
    let watching = async {
        let latched = world.until(SOON, |world| error_on(world, broken).is_some()).await;
        let heartbeat = Duration::from_secs(1);
        let led = world.until(heartbeat, |world| world.stream_leader("T").is_some_and(|id| id != broken)).await;
        (latched, led)
    };
    let (acked, (latched, led)) = tokio::join!(publishing, watching);
    expect(latched, "the leader has no error")?;
    expect(led, "leadership was not handed over")?;
    expect(bad_node.status().observer, "the broken leader is no observer")?;
    let left = world.until(SOON, |_| !bad_stream.member().slot.status().running && bad_node.is_closed()).await;
    expect(left, "the broken leader's monitor stays")?;
    expect(acked.len() >= 49, format!("{} of 50 acknowledged", acked.len()))?;
    let now = leader(&world)?;
    for id in [now, other_than(&world, &[broken, now])?] {
        let complete = world.until(SOON, |world| acked.iter().all(|payload| copies(world, id).contains_key(payload)));
        expect(complete.await, format!("{id} lost acknowledged messages"))?;
        expect(copies(&world, id).values().all(|n| *n == 1), "a message is there twice")?;
        expect(health(&world, id)?.http_status == 200, format!("{id}: {:?}", health(&world, id)?))?;
    }
    expect(is_red(&world, broken, "write error: "), "the broken server is healthy")
});

/// The follower that would ask for votes first has a write error when the leader dies: whether it is an observer.
async fn broken_follower(seed: u64) -> Result<bool, String> {
    let mut world = replicated(seed).await?;
    let dying = leader(&world)?;
    let broken = other_than(&world, &[dying])?;
    world.publish(dying, "T.a", b"not synced yet").await?;
    // The sync pass fails, and not a snapshot's flush, which would end the node.
    let bad_node = node(&world, broken)?;
    bad_node.block_snapshots(true);
    break_store(&world, broken, Operation::Sync);
    let limit = Duration::from_secs(130);
    expect(world.until(limit, |world| error_on(world, broken).is_some()).await, "the sync pass did not fail")?;
    world.crash(dying);
    let mut status = bad_node.watch();
    let asks = async move {
        let asks = status.wait_for(|status| matches!(status.role, Role::Candidate | Role::Leader));
        // An error is the node's end.
        if asks.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let led = tokio::select! {
        biased;
        () = asks => return Err("the broken follower asks for votes".to_owned()),
        led = world.until(SOON, |world| world.stream_leader("T").is_some_and(|id| id != broken)) => led,
    };
    expect(led, "the group of two elects nobody")?;
    world.boot(dying).await;
    let via = other_than(&world, &[broken, dying])?;
    expect(world.until(MINUTE, |world| world.stream_leader("T").is_some()).await, "nobody leads two good replicas")?;
    world.publish(via, "T.a", b"after").await?;
    Ok(bad_node.status().observer)
}

scenario!(s_51_a_follower_with_a_write_error, "S-51", [M64 => "the broken follower asks for votes"], async {
    let mut all_observe = true;
    // Whose election timeout ends first is a draw: in some of these it is the broken one's.
    for seed in 510..515 {
        all_observe &= broken_follower(seed).await.map_err(|symptom| format!("seed {seed}: {symptom}"))?;
    }
    expect(all_observe, "the broken follower is no observer")
});

scenario!(s_52_two_of_three_with_write_errors, "S-52", [], async {
    let mut world = replicated(52).await?;
    let good = leader(&world)?;
    let bad: Vec<ServerId> = world.ids().iter().copied().filter(|id| *id != good).collect();
    for id in &bad {
        break_store(&world, *id, Operation::Write);
    }
    world.publish(good, "T.a", b"the last one").await?;
    let both = world.until(SOON, |world| bad.iter().all(|id| error_on(world, *id).is_some())).await;
    expect(both, "the followers have no errors")?;
    world.crash(good);
    let led = world.until(MINUTE, |world| world.stream_leader("T").is_some()).await;
    expect(!led, "a broken replica leads")?;
    for id in &bad {
        expect(world.publish(*id, "T.a", b"false").await.is_err(), "a false acknowledgement")?;
        expect(is_red(&world, *id, "write error: "), format!("{id} is healthy"))?;
    }
    world.boot(good).await;
    expect(world.until(SOON, |world| is_red(world, good, "")).await, "the good one is healthy alone")?;
    expect(world.publish(good, "T.a", b"false").await.is_err(), "a false acknowledgement")
});

scenario!(s_53_a_failing_flush_before_a_snapshot, "S-53", [M65 => "leadership was not handed over"], async {
    let world = replicated(53).await?;
    let broken = leader(&world)?;
    let bad_node = node(&world, broken)?;
    break_store(&world, broken, Operation::Sync);
    let via = other_than(&world, &[broken])?;
    publish_refused(&world, via).await?;
    expect(world.until(SOON, |world| error_on(world, broken).is_some()).await, "the stream has no error")?;
    let two_s = Duration::from_secs(2);
    let led = world.until(two_s, |world| world.stream_leader("T").is_some_and(|id| id != broken)).await;
    expect(led, "leadership was not handed over")?;
    expect(bad_node.status().observer, "the broken leader is no observer")?;
    expect(world.until(SOON, |_| bad_node.is_closed()).await, "the broken leader's node stays")?;
    expect(bad_node.status().snapshot_index == 0, "a snapshot was installed without its flush")?;
    world.publish(via, "T.a", b"after").await.map(|_| ())
});

scenario!(s_56_a_full_disk, "S-56", [
    M67 => "the handler did not run",
    M68 => "the handler ran more than once",
], async {
    let mut world = replicated(56).await?;
    world.create_stream("U", 3).await?;
    let full = other_than(&world, &[leader(&world)?, world.stream_leader("U").ok_or("no leader")?])?;
    let via = leader(&world)?;
    world.disk(full).fail(Fault::always(Operation::Write, "streams/", 28));
    // Both streams come to their error before the engine has gone down.
    failpoint::hold("monitor_exit_guard");
    tokio::try_join!(world.publish(via, "T.a", b"one"), world.publish(via, "U.a", b"one"))?;
    let writes_error = |event: &Event| matches!(event, Event::WriteError { source, .. } if source.starts_with("stream"));
    let latched = world.until(SOON, |world| told(world, full, writes_error).len() == 2).await;
    expect(latched, "the streams have no errors")?;
    failpoint::release("monitor_exit_guard");
    let down = world.until(MINUTE, |world| world.engine(full).is_none()).await;
    let n_told = told(&world, full, |event| matches!(event, Event::OutOfSpace { .. })).len();
    expect(down && n_told > 0, format!("the handler did not run: {n_told}"))?;
    tokio::time::sleep(SOON).await;
    let n_told = told(&world, full, |event| matches!(event, Event::OutOfSpace { .. })).len();
    expect(n_told == 1, format!("the handler ran more than once: {n_told}"))?;
    expect(is_red(&world, full, "not enabled"), "a server without an engine is healthy")?;
    world.publish(via, "T.a", b"two").await?;
    for part in ["/meta/", "/groups/S-T", "/streams/T"] {
        expect(has_files(&world, full, part), format!("{part} is gone"))?;
    }
    world.stop(full).await;
    world.disk(full).heal();
    world.boot(full).await;
    let complete = world.until(MINUTE, |world| world.payloads(full, "T").len() == 12).await;
    expect(complete, format!("{} of 12 messages", world.payloads(full, "T").len()))
});

scenario!(s_57_a_disk_that_may_not_be_written, "S-57", [M69 => "the state is gone"], async {
    for (errno, seed) in [(13, 571), (30, 572)] {
        let mut world = replicated(seed).await?;
        let barred = other_than(&world, &[leader(&world)?])?;
        let via = leader(&world)?;
        world.disk(barred).fail(Fault::always(Operation::Write, "streams/T", errno));
        world.publish(via, "T.a", b"one").await?;
        let down = world.until(MINUTE, |world| world.engine(barred).is_none()).await;
        let n_told = told(&world, barred, |event| matches!(event, Event::PermissionDenied { .. })).len();
        expect(down && n_told == 1, format!("errno {errno}: the handler ran {n_told} times"))?;
        tokio::time::sleep(SOON).await;
        for part in ["/meta/", "/groups/S-T", "/streams/T"] {
            expect(has_files(&world, barred, part), format!("errno {errno}: the state is gone: {part}"))?;
        }
        world.stop(barred).await;
        world.disk(barred).heal();
        world.boot(barred).await;
        world.publish(via, "T.a", b"two").await?;
        let complete = world.until(MINUTE, |world| world.payloads(barred, "T").len() == 12).await;
        expect(complete, "the server does not rejoin")?;
    }
    Ok(())
});

scenario!(s_61_a_snapshot_that_cannot_be_renamed, "S-61", [M73 => "adopted though it was not renamed"], async {
    let world = replicated(61).await?;
    let id = other_than(&world, &[leader(&world)?])?;
    let (node, stream) = (node(&world, id)?, stream(&world, id)?);
    world.disk(id).fail(Fault::always(Operation::Rename, ".snapshot", EIO));
    publish_refused(&world, ServerId(1)).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    expect(world.disk(id).n_faults_struck() > 0, "no snapshot was tried")?;
    expect(node.status().snapshot_index == 0, "adopted though it was not renamed")?;
    expect(!has_files(&world, id, ".new"), "the unfinished file stays")?;
    expect(!node.is_closed() && !stream.member().write_error.is_set(), "one failed snapshot ended the stream")?;
    world.disk(id).heal();
    let adopted = world.until(Duration::from_secs(20), |_| node.status().snapshot_index > 0).await;
    expect(adopted, "it is not tried again after 15 s")
});

scenario!(s_69_changes_of_a_broken_stream, "S-69", [], async {
    let world = alone(69).await?;
    let one = ServerId(1);
    break_store(&world, one, Operation::Write);
    expect(world.publish(one, "T.a", b"lost").await.is_err(), "acknowledged a lost message")?;
    let before = stream(&world, one)?.totals();
    let name = "T".to_owned();
    let asked = [
        (Request::StreamPurge { stream: name.clone(), filter: None, keep: 0 }, 10110),
        (Request::StreamPurge { stream: name.clone(), filter: Some("T.a".to_owned()), keep: 2 }, 10110),
        (Request::MessageDelete { stream: name.clone(), seq: 1 }, 10057),
    ];
    for (request, err_code) in asked {
        let response = world.request(one, request.clone()).await;
        let Response::Error(error) = response else { return Err(format!("{request:?}: {response:?}")) };
        expect(error.err_code == err_code, format!("{request:?}: {error:?}"))?;
        expect(error.description.contains("streams/T"), format!("the cause is not told: {error:?}"))?;
    }
    expect(stream(&world, one)?.totals() == before, "the stream has changed")?;
    expect(world.payloads(one, "T").len() == 10, "messages are gone")
});

/// Servers whose blocks have room for one record: each change of a stream has to write the one before.
async fn with_small_blocks(replicas: u8, seed: u64) -> Result<World, String> {
    let mut world = World::machines(if replicas == 1 { 1 } else { 3 }, seed);
    world.adjust = Arc::new(|settings| settings.block_bytes = 100);
    for id in world.ids().to_vec() {
        world.boot(id).await;
    }
    let is_led = |world: &World| world.running().len() == 1 || world.meta_leader().is_some();
    expect(world.until(MINUTE, is_led).await, "no leader of the meta layer")?;
    filled(world, replicas).await
}

scenario!(s_69_a_change_that_fails_on_its_way, "S-69", [M79 => "is told to be done"], async {
    let name = || "T".to_owned();
    let changes = [
        Request::StreamPurge { stream: name(), filter: None, keep: 0 },
        Request::StreamPurge { stream: name(), filter: Some("T.a".to_owned()), keep: 2 },
        Request::MessageDelete { stream: name(), seq: 1 },
        Request::MessageDelete { stream: name(), seq: 5 },
    ];
    for (seed, change) in (690..).zip(changes) {
        for replicas in [3, 1] {
            let world = with_small_blocks(replicas, seed).await?;
            let broken = leader(&world)?;
            let before = stream(&world, broken)?.totals();
            break_store(&world, broken, Operation::AnyWrite);
            let response = world.request(broken, change.clone()).await;
            let is_done = matches!(response, Response::Done | Response::Removed(_));
            expect(!is_done, format!("{change:?} is told to be done, on a server that could not do it"))?;
            expect(error_on(&world, broken).is_some(), format!("{change:?}: the stream has no error"))?;
            if replicas == 1 {
                let after = stream(&world, broken)?.totals();
                expect(after == before, format!("{change:?} has changed {before:?} to {after:?}"))?;
            }
        }
    }
    Ok(())
});

scenario!(s_87_a_restart_with_a_healthy_disk, "S-87", [], async {
    let mut world = replicated(87).await?;
    let broken = leader(&world)?;
    let via = other_than(&world, &[broken])?;
    break_store(&world, broken, Operation::Write);
    world.publish(via, "T.a", b"one").await.ok();
    expect(world.until(SOON, |world| error_on(world, broken).is_some()).await, "the stream has no error")?;
    let led = world.until(SOON, |world| world.stream_leader("T").is_some_and(|id| id != broken)).await;
    expect(led, "nobody took over")?;
    world.publish(via, "T.a", b"two").await?;
    world.stop(broken).await;
    world.disk(broken).heal();
    world.boot(broken).await;
    let caught_up = |world: &World| copies(world, broken).contains_key(b"two".as_slice());
    expect(world.until(MINUTE, caught_up).await, "it does not catch up")?;
    expect(error_on(&world, broken).is_none(), "the error outlives the restart")?;
    expect(!node(&world, broken)?.status().observer, "it is an observer")?;
    expect(
        world.until(SOON, |world| health(world, broken).is_ok_and(|report| report.http_status == 200)).await,
        "red",
    )?;
    step_down(&world, broken).await?;
    world.publish(via, "T.a", b"three").await.map(|_| ())
});

scenario!(s_55_a_server_that_syncs_each_call, "S-55", [M61 => "acknowledged a message that is not durable"], async {
    let mut world = World::machines(1, 55);
    world.adjust = Arc::new(|settings| settings.sync_always = true);
    let one = ServerId(1);
    world.boot(one).await;
    let world = filled(world, 1).await?;
    let before = world.disk(one).n_syncs();
    world.publish(one, "T.a", b"synced").await?;
    expect(world.disk(one).n_syncs() == before + 1, "not synced once")?;
    break_store(&world, one, Operation::Sync);
    expect(world.publish(one, "T.a", b"lost").await.is_err(), "acknowledged a message that is not durable")?;
    expect(error_on(&world, one).is_some(), "the stream has no error")?;
    expect(is_red(&world, one, "write error"), "not red")?;
    expect(world.payloads(one, "T").len() == 11, "messages are gone, or one is there that is not durable")
});

scenario!(s_66_the_flusher_of_a_replica, "S-66", [M76 => "the flusher's error was dropped"], async {
    let world = replicated(66).await?;
    let via = leader(&world)?;
    let broken = other_than(&world, &[via])?;
    break_store(&world, broken, Operation::Write);
    // One message, and nothing that would bring the error up but a look at the store.
    world.publish(via, "T.a", b"one").await?;
    let shows = world.until(SOON, |world| error_on(world, broken).is_some()).await;
    expect(shows, "the flusher's error was dropped")?;
    expect(is_red(&world, broken, "write error"), "not red")?;
    world.publish(via, "T.a", b"two").await.map(|_| ())
});
