//! Atomic batches of streams: entries that cannot be decoded, a failing flush, the last message and the timer; scenarios
//! S-80 to S-82.

use std::time::Duration;

use interlock_engine::api::{Publish, Request, Response};
use interlock_engine::core::api_error::ApiError;
use interlock_engine::core::batch::MAX_STAGED_PER_STREAM;
use interlock_engine::core::config::StreamConfig;
use interlock_engine::core::entry::{self, BatchPart, Encoded, Origin, StreamEntry};
use interlock_engine::core::names::ServerId;
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::events::Event;
use interlock_engine::sim::World;

use crate::harness::expect;
use crate::write_errors::{EIO, SOON, error_on, has_files, health, leader, other_than, step_down, stream, told};

/// A stream of so many replicas that takes batches, and its leader.
async fn with_batches(n_servers: u64, replicas: u8, seed: u64) -> Result<(World, ServerId), String> {
    let world = World::start(n_servers, seed).await;
    let (name, subjects) = ("T".to_owned(), vec!["T.>".to_owned()]);
    world.create(StreamConfig { name, subjects, replicas, allow_atomic: true, ..StreamConfig::default() }).await?;
    let leader = leader(&world)?;
    // Who leads is ready for batches once its driver runs.
    world.publish(leader, "T.a", b"first").await?;
    Ok((world, leader))
}

/// Publishes a message of the batch `B`.
async fn part(world: &World, via: ServerId, seq: u32, commit: bool) -> Response {
    part_of(world, via, seq, commit, format!("B{seq}").into_bytes()).await
}

async fn part_of(world: &World, via: ServerId, seq: u32, commit: bool, payload: Vec<u8>) -> Response {
    let batch = Some(BatchPart { id: "B".to_owned(), seq, commit });
    world
        .request(via, Request::Publish(Publish { subject: "T.b".to_owned(), payload, batch, ..Publish::default() }))
        .await
}

fn abandoned(world: &World, id: ServerId) -> Vec<(&'static str, String)> {
    let events = told(world, id, |event| matches!(event, Event::BatchAbandoned { .. }));
    let reason = |event: Event| match event {
        Event::BatchAbandoned { reason, cause, .. } => Some((reason, cause)),
        _ => None,
    };
    events.into_iter().filter_map(reason).collect()
}

fn is_cleaned(world: &World, id: ServerId) -> crate::harness::Outcome {
    expect(stream(world, id)?.n_staged_batches() == 0, "a batch is staged for ever")?;
    expect(!has_files(world, id, "/batches/"), "staged messages are left")
}

/// Bytes of the stream's blocks.
fn block_bytes(world: &World, id: ServerId) -> usize {
    let files = world.disk(id).files().into_iter();
    files.filter(|(path, _)| path.extension().is_some_and(|end| end == "blk")).map(|(_, bytes)| bytes.len()).sum()
}

scenario!(a_batch_is_there_as_a_whole_after_a_power_loss, "S-82", [], async {
    const N_PARTS: u32 = 4;
    let mut n_torn = 0;
    for seed in 0..20 {
        let (mut world, one) = with_batches(1, 1, 8200 + seed).await?;
        let before = block_bytes(&world, one);
        // Half of the batch is written and nothing of it synced: any of its sectors may be on the disk.
        world.disk(one).fail(Fault::always(Operation::Write, "streams/T", EIO).short());
        for seq in 1..=N_PARTS {
            let last = part_of(&world, one, seq, seq == N_PARTS, vec![b'x'; 150]).await;
            expect(!matches!(last, Response::Published(_)), "acknowledged although it is not durable")?;
        }
        expect(world.payloads(one, "T").len() == 1, "half of a batch is read")?;
        world.crash(one);
        n_torn += usize::from(block_bytes(&world, one) > before);
        world.boot(one).await;
        let led = world.until(SOON, |world| world.stream_leader("T").is_some()).await;
        expect(led, "nobody leads")?;
        let n_messages = world.payloads(one, "T").len();
        expect(n_messages == 1, format!("{} of {N_PARTS} messages came back, seed {seed}", n_messages - 1))?;
        let ack = world.publish(one, "T.a", b"next").await?;
        expect(ack.seq == 2, format!("{ack:?}"))?;
    }
    expect(n_torn > 5, "the power losses leave nothing of the batches: the scenario shows nothing")
});

scenario!(a_batch_is_stored_as_a_whole, "S-82", [], async {
    for (n_servers, replicas) in [(1, 1), (3, 1), (3, 3)] {
        let (world, leader) = with_batches(n_servers, replicas, 820).await?;
        let via = world.ids()[world.ids().len() - 1];
        expect(part(&world, via, 1, false).await == Response::Done, "the first message is not staged")?;
        expect(part(&world, via, 2, false).await == Response::Done, "the second message is not staged")?;
        world.publish(via, "T.a", b"between").await?;
        expect(world.payloads(leader, "T").len() == 2, "half of a batch is seen")?;
        let last = part(&world, via, 3, true).await;
        let Response::Published(ack) = last else { return Err(format!("not committed: {last:?}")) };
        expect((ack.seq, ack.batch_count) == (5, Some(3)), format!("{ack:?}"))?;
        for id in world.ids().iter().copied().filter(|id| world.stream(*id, "T").is_some()) {
            let complete = world.until(SOON, |world| world.payloads(id, "T").len() == 5).await;
            expect(complete, format!("{:?}", world.payloads(id, "T")))?;
        }
        let expected: [&[u8]; 5] = [b"first", b"between", b"B1", b"B2", b"B3"];
        expect(world.payloads(leader, "T") == expected, format!("{:?}", world.payloads(leader, "T")))?;
        is_cleaned(&world, leader)?;
        expect(abandoned(&world, leader).is_empty(), "abandoned as well")?;
    }
    Ok(())
});

scenario!(s_80_an_undecodable_entry_in_a_batch, "S-80", [M88 => "the thread is blocked"], async {
    let (world, leader) = with_batches(3, 3, 80).await?;
    let node = stream(&world, leader)?.member().node().ok_or("no node")?;
    let mut first = None;
    for seq in 1..=2 {
        let mut publish = entry::Publish::plain(Origin::NOBODY, "T.b", format!("B{seq}").into_bytes(), 1);
        publish.batch = Some(BatchPart { id: "B".to_owned(), seq, commit: false });
        let proposed = node.propose(None, StreamEntry::Publish(publish).encode().into()).await;
        first = first.or(proposed.ok());
    }
    let first = first.ok_or("not proposed")?.index;
    let has_both = |world: &World, id: ServerId| world.stream(id, "T").is_some_and(|it| it.digest().0 == first + 1);
    let seen = world.until(SOON, |world| world.ids().iter().all(|id| has_both(world, *id))).await;
    expect(seen, "the messages are not collected")?;
    // A snapshot of this moment would say that the messages are in it: what is applied ends before them.
    tokio::time::sleep(SOON).await;
    for id in world.ids() {
        let applied = stream(&world, *id)?.member().node().ok_or("no node")?.status().applied;
        expect(applied == first - 1, format!("{id}: the node counts {applied} as applied, and the batch begins at {first}"))?;
    }
    node.propose(None, vec![0xff, 0xff].into()).await.map_err(|error| error.to_string())?;
    let latched = world.until(SOON, |world| error_on(world, leader).is_some()).await;
    expect(latched, "the stream has no error")?;
    tokio::time::sleep(SOON).await;
    // Each of these takes the stream's lock. Without a majority the last replica does not get as far as the entry.
    for id in world.ids().iter().filter(|id| error_on(&world, **id).is_some()) {
        let stream = stream(&world, *id)?;
        expect(stream.digest().0 == first - 1, format!("{id}: the batch is open: {:?}", stream.digest()))?;
        expect(stream.applied() == first - 1, format!("{id}: applied {}", stream.applied()))?;
        expect(stream.totals().messages == 1, format!("{:?}", stream.totals()))?;
    }
    Ok(())
});

scenario!(s_81_a_failing_flush_at_the_commit, "S-81", [M89 => "the reason is timeout"], async {
    for (n_servers, replicas) in [(1, 1), (3, 3)] {
        let (world, leader) = with_batches(n_servers, replicas, 81).await?;
        part(&world, leader, 1, false).await;
        part(&world, leader, 2, false).await;
        world.disk(leader).fail(Fault::always(Operation::Sync, "/batches/", EIO));
        let response = part(&world, leader, 3, true).await;
        let told = abandoned(&world, leader);
        let [(reason, cause)] = told.as_slice() else { return Err(format!("told {told:?}, answered {response:?}")) };
        expect(*reason == "flush_error", format!("the reason is {reason}"))?;
        expect(cause.contains("flush") && cause.contains("os error 5"), format!("the cause is {cause}"))?;
        expect(response == Response::Error(ApiError::BATCH_INCOMPLETE), format!("{response:?}"))?;
        is_cleaned(&world, leader)?;
        expect(error_on(&world, leader).is_none(), "the stream has an error")?;
        expect(health(&world, leader)?.http_status == 200, format!("{:?}", health(&world, leader)?))?;
        world.publish(leader, "T.a", b"after").await?;
        expect(world.payloads(leader, "T").len() == 2, "half of a batch was stored")?;
        // The disk is whole again, and so is the next batch of this name.
        world.disk(leader).heal();
        part(&world, leader, 1, false).await;
        let response = part(&world, leader, 2, true).await;
        expect(matches!(response, Response::Published(_)), format!("{response:?}"))?;
    }
    Ok(())
});

scenario!(s_82_the_commit_comes_behind_the_timer, "S-82", [M90 => "ended twice"], async {
    for replicas in [1, 3] {
        let (world, leader) = with_batches(3, replicas, 82).await?;
        part(&world, leader, 1, false).await;
        tokio::time::sleep(Duration::from_secs(9)).await;
        // The second message waits for the disk, behind it the timer, and behind that the last one.
        world.disk(leader).stall("/batches/");
        let last = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let releasing = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                world.disk(leader).release("/batches/");
            };
            tokio::join!(part(&world, leader, 3, true), releasing).0
        };
        let (second, last) = tokio::join!(part(&world, leader, 2, false), last);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let told = abandoned(&world, leader);
        expect(told.len() == 1, format!("ended twice: {told:?}"))?;
        expect(told[0].0 == "timeout", format!("told {told:?}"))?;
        is_cleaned(&world, leader)?;
        expect(second == Response::Done, format!("{second:?}"))?;
        expect(last == Response::Error(ApiError::BATCH_INCOMPLETE), format!("{last:?}"))?;
        expect(world.payloads(leader, "T").len() == 1, "committed and timed out")?;
    }
    Ok(())
});

scenario!(s_82_the_commit_comes_before_the_timer, "S-82", [], async {
    let (world, leader) = with_batches(3, 3, 822).await?;
    part(&world, leader, 1, false).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    world.disk(leader).stall("/batches/");
    let releasing = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        world.disk(leader).release("/batches/");
    };
    let (last, ()) = tokio::join!(part(&world, leader, 2, true), releasing);
    tokio::time::sleep(Duration::from_secs(20)).await;
    expect(matches!(last, Response::Published(_)), format!("{last:?}"))?;
    expect(abandoned(&world, leader).is_empty(), "committed and timed out")?;
    is_cleaned(&world, leader)?;
    expect(world.payloads(leader, "T").len() == 3, "the batch is not there")
});

scenario!(a_batch_ends_with_its_leadership, "S-82", [], async {
    let (world, old) = with_batches(3, 3, 823).await?;
    part(&world, old, 1, false).await;
    step_down(&world, other_than(&world, &[old])?).await?;
    let told = world.until(SOON, |world| abandoned(world, old).len() == 1).await;
    expect(told && abandoned(&world, old)[0].0 == "incomplete", format!("{:?}", abandoned(&world, old)))?;
    is_cleaned(&world, old)?;
    let last = part(&world, old, 2, true).await;
    expect(last == Response::Error(ApiError::BATCH_INCOMPLETE), format!("{last:?}"))
});

scenario!(a_gap_and_a_crowd_are_refused, "S-82", [], async {
    let (world, leader) = with_batches(1, 1, 824).await?;
    part(&world, leader, 1, false).await;
    let gap = part(&world, leader, 3, false).await;
    expect(gap == Response::Error(ApiError::BATCH_INCOMPLETE), format!("{gap:?}"))?;
    is_cleaned(&world, leader)?;
    let begin = |n: usize| {
        let batch = Some(BatchPart { id: format!("B{n}"), seq: 1, commit: false });
        world.request(leader, Request::Publish(Publish { subject: "T.b".to_owned(), batch, ..Publish::default() }))
    };
    for n in 0..MAX_STAGED_PER_STREAM {
        expect(begin(n).await == Response::Done, format!("batch {n} is refused"))?;
    }
    let crowd = begin(MAX_STAGED_PER_STREAM).await;
    expect(crowd == Response::Error(ApiError::TOO_MANY_BATCHES), format!("{crowd:?}"))?;
    tokio::time::sleep(Duration::from_secs(11)).await;
    is_cleaned(&world, leader)
});
