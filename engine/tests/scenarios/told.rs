//! What operators are told, and what can be read where nothing can be written.

use std::time::Duration;

use interlock_engine::api::{AckKind, Fetch, MessageAt, Request, Response};
use interlock_engine::core::api_error::ApiError;
use interlock_engine::core::config::ConsumerConfig;
use interlock_engine::core::names::ServerId;
use interlock_engine::disk::Operation;
use interlock_engine::events::Event;
use interlock_engine::sim::World;

use crate::catchups::asked_and_not_answered;
use crate::consumers::with_stream;
use crate::harness::expect;
use crate::write_errors::{MINUTE, break_store, filled, leader, other_than, replicated, told};

const NOW: Fetch = Fetch { batch: 2, expires: Duration::ZERO };

/// How often something was told, on all servers together.
fn n_told(world: &World, fits: impl Fn(&Event) -> bool) -> usize {
    world.ids().iter().map(|id| told(world, *id, &fits).len()).sum()
}

scenario!(what_is_not_delivered_again_is_told_once, "S-00", [], async {
    for replicas in [1, 3] {
        let world = with_stream(770 + u64::from(replicas)).await?;
        let config = ConsumerConfig {
            name: "C".to_owned(),
            durable: true,
            replicas,
            ack_wait: Duration::from_secs(5),
            max_deliver: Some(2),
            ..ConsumerConfig::default()
        };
        world.create_consumer("T", config).await?;
        let one = ServerId(1);
        let exhausted = |world: &World, of: u64| {
            n_told(
                world,
                |event| matches!(event, Event::DeliveriesExhausted { seq, n_deliveries: 2, .. } if *seq == of),
            )
        };
        let given_up = |world: &World, of: u64| {
            n_told(world, |event| matches!(event, Event::MessageGivenUp { seq, .. } if *seq == of))
        };
        let (seqs, _) = world.fetch(one, "T", "C", NOW).await?;
        expect(seqs == [1, 2], format!("delivered {seqs:?}"))?;
        let term = Request::Ack { stream: "T".to_owned(), consumer: "C".to_owned(), seq: 2, kind: AckKind::Term };
        expect(world.request(one, term).await == Response::Done, "not given up")?;
        tokio::time::sleep(Duration::from_secs(6)).await;
        let (seqs, _) = world.fetch(one, "T", "C", Fetch { batch: 1, ..NOW }).await?;
        expect(seqs == [1], format!("delivered again {seqs:?}"))?;
        expect(exhausted(&world, 1) == 0, "told before the wait is over")?;
        tokio::time::sleep(Duration::from_secs(6)).await;
        let (seqs, _) = world.fetch(one, "T", "C", Fetch { batch: 1, ..NOW }).await?;
        expect(seqs != [1], "delivered too often")?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        expect(exhausted(&world, 1) == 1, format!("{} tell of the used up message", exhausted(&world, 1)))?;
        expect(given_up(&world, 2) == 1, format!("{} tell of the message given up", given_up(&world, 2)))?;
        expect(given_up(&world, 1) + exhausted(&world, 2) == 0, "one is told as the other")?;
    }
    Ok(())
});

scenario!(a_message_that_has_left_the_stream_is_not_given_up, "S-00", [], async {
    let world = with_stream(775).await?;
    let config =
        ConsumerConfig { name: "C".to_owned(), durable: true, ack_wait: Duration::from_secs(5), ..Default::default() };
    world.create_consumer("T", config).await?;
    let one = ServerId(1);
    let (seqs, _) = world.fetch(one, "T", "C", NOW).await?;
    expect(seqs == [1, 2], format!("delivered {seqs:?}"))?;
    let deleted = world.request(one, Request::MessageDelete { stream: "T".to_owned(), seq: 2 }).await;
    expect(deleted == Response::Done, format!("not deleted: {deleted:?}"))?;
    tokio::time::sleep(Duration::from_secs(6)).await;
    world.fetch(one, "T", "C", NOW).await?;
    expect(n_told(&world, |event| matches!(event, Event::MessageGivenUp { .. })) == 0, "nobody has given it up")
});

scenario!(a_server_looks_at_itself, "S-48", [], async {
    let world = replicated(776).await?;
    let broken = other_than(&world, &[leader(&world)?])?;
    break_store(&world, broken, Operation::Write);
    world.publish(broken, "T.a", b"eleven").await?;
    let unhealthy = |world: &World, id| told(world, id, |event| matches!(event, Event::Unhealthy { .. }));
    tokio::time::sleep(Duration::from_secs(3500)).await;
    expect(unhealthy(&world, broken).is_empty(), "it looks too often")?;
    tokio::time::sleep(Duration::from_secs(3700)).await;
    let found = unhealthy(&world, broken);
    let says_what =
        |event: &Event| matches!(event, Event::Unhealthy { problem, .. } if problem.contains("write error"));
    expect(found.len() == 2 && found.iter().all(says_what), format!("{found:?}"))?;
    expect(unhealthy(&world, leader(&world)?).is_empty(), "who is well complains")
});

fn direct(seq: u64) -> Request {
    Request::MessageGetDirect { stream: "T".to_owned(), at: MessageAt::Sequence(seq) }
}

scenario!(a_replica_is_read_without_a_leader, "S-52", [], async {
    let mut world = replicated(777).await?;
    let kept = other_than(&world, &[leader(&world)?])?;
    let complete = world.until(MINUTE, |world| world.payloads(kept, "T").len() == 10).await;
    expect(complete, "not replicated")?;
    for id in world.ids().to_vec() {
        if id != kept {
            world.stop(id).await;
        }
    }
    expect(world.until(MINUTE, |world| world.stream_leader("T").is_none()).await, "somebody leads")?;
    let get = Request::MessageGet { stream: "T".to_owned(), at: MessageAt::Sequence(10) };
    let read = world.request(kept, get).await;
    expect(matches!(read, Response::Error(_)), format!("read as if it were the latest: {read:?}"))?;
    let read = world.request(kept, direct(10)).await;
    expect(matches!(&read, Response::Message(message) if message.seq == 10), format!("not read: {read:?}"))?;
    let read = world.request(kept, direct(11)).await;
    expect(read == Response::Error(ApiError::NO_MESSAGE_FOUND), format!("{read:?}"))
});

scenario!(who_lacks_messages_passes_a_direct_read_on, "S-52", [], async {
    let world = filled(World::start(3, 778).await, 1).await?;
    for id in world.ids() {
        let read = world.request(*id, direct(3)).await;
        expect(matches!(&read, Response::Message(message) if message.seq == 3), format!("through {id}: {read:?}"))?;
    }
    // It catches up: what it has is not what the stream has.
    let (world, _, away) = asked_and_not_answered(779).await?;
    expect(world.payloads(away, "T").len() == 10, "it has them already")?;
    let read = world.request(away, direct(1000)).await;
    expect(matches!(&read, Response::Message(message) if message.seq == 1000), format!("{read:?}"))
});
