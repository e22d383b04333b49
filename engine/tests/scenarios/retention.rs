//! Streams that keep messages for their consumers only: what goes, what stays, and who has to know.

use std::collections::BTreeSet;
use std::time::Duration;

use interlock_engine::api::{AckKind, Fetch, Request, Response};
use interlock_engine::core::api_error::ApiError;
use interlock_engine::core::config::{AckPolicy, ConsumerConfig, DeliverPolicy, Retention, StreamConfig};
use interlock_engine::core::names::{ConsumerKey, ServerId};
use interlock_engine::failpoint;
use interlock_engine::sim::World;
use tokio::time::sleep;

use crate::harness::{Outcome, expect};

const SOON: Duration = Duration::from_secs(15);
const MINUTE: Duration = Duration::from_secs(60);
/// Longer than it takes until what nobody needs is gone.
const A_WHILE: Duration = Duration::from_secs(3);

fn config(retention: Retention, replicas: u8) -> StreamConfig {
    let subjects = vec!["T.>".to_owned()];
    StreamConfig { name: "T".to_owned(), subjects, replicas, retention, ..StreamConfig::default() }
}

fn durable(name: &str) -> ConsumerConfig {
    ConsumerConfig { name: name.to_owned(), durable: true, ..ConsumerConfig::default() }
}

async fn with_stream(n_servers: u64, seed: u64, config: StreamConfig) -> Result<World, String> {
    let world = World::start(n_servers, seed).await;
    world.create(config).await?;
    Ok(world)
}

/// The sequences that are in the stream, as its leader has it.
fn left(world: &World) -> Vec<u64> {
    let Some(stream) = world.stream_leader("T").and_then(|leader| world.stream(leader, "T")) else { return vec![0] };
    let (mut seqs, mut from) = (Vec::new(), 0);
    while let Ok(Some(stored)) = stream.store().next(from, None) {
        from = stored.seq + 1;
        seqs.push(stored.seq);
    }
    seqs
}

async fn expect_left(world: &World, expected: &[u64], when: &str) -> Outcome {
    let is_so = world.until(SOON, |world| left(world) == expected).await;
    expect(is_so, format!("{when}: {:?} and not {expected:?}", left(world)))?;
    sleep(A_WHILE).await;
    expect(left(world) == expected, format!("{when}, later: {:?} and not {expected:?}", left(world)))
}

async fn delete_consumer(world: &World, name: &str) -> Outcome {
    let (stream, consumer) = ("T".to_owned(), name.to_owned());
    let deleted = world.ask(Request::ConsumerDelete { stream, consumer }).await;
    expect(deleted == Response::Done, format!("{name} is not deleted: {deleted:?}"))
}

/// Fetches until so many came.
async fn take(world: &World, name: &str, n_wanted: usize) -> Result<Vec<u64>, String> {
    let mut seqs = Vec::new();
    for _ in 0..20 {
        let fetch = Fetch { batch: 10, expires: Duration::from_secs(2) };
        // A leader may be away for a while.
        let fetched = world.fetch(world.running()[0], "T", name, fetch).await;
        seqs.extend(fetched.map(|(fetched, _)| fetched).unwrap_or_default());
        if seqs.len() >= n_wanted {
            return Ok(seqs);
        }
    }
    Err(format!("{seqs:?} came, and not {n_wanted}"))
}

async fn acknowledge(world: &World, name: &str, seq: u64) -> Outcome {
    let (stream, consumer) = ("T".to_owned(), name.to_owned());
    let said = world.ask(Request::Ack { stream, consumer, seq, kind: AckKind::Ack }).await;
    expect(said == Response::Done, format!("{seq} is not acknowledged: {said:?}"))
}

async fn restart_without_power(world: &mut World) {
    for id in world.ids().to_vec() {
        world.crash(id);
    }
    for id in world.ids().to_vec() {
        world.boot(id).await;
    }
}

scenario!(what_nobody_wants_is_not_kept, "S-00", [], async {
    for replicas in [1, 3] {
        let world = with_stream(3, 20, config(Retention::Interest, replicas)).await?;
        for seq in 1..=4 {
            let ack = world.publish(ServerId(1), "T.a", b"unwanted").await?;
            expect(ack.seq == seq, format!("{ack:?}"))?;
        }
        expect_left(&world, &[], "without a consumer").await?;
        world.create_consumer("T", ConsumerConfig { filter: Some("T.a".to_owned()), ..durable("A") }).await?;
        world.create_consumer("T", ConsumerConfig { deliver: DeliverPolicy::New, ..durable("N") }).await?;
        for subject in ["T.a", "T.b", "T.a"] {
            world.publish(ServerId(2), subject, b"wanted").await?;
        }
        let (stream, name) = ("T".to_owned(), "A".to_owned());
        let info = world.ask(Request::ConsumerInfo { stream, consumer: name }).await;
        let Response::Consumer(info) = info else { return Err(format!("{info:?}")) };
        expect(info.n_pending <= 2, format!("{} are to be delivered of 2 that fit", info.n_pending))?;
        expect_left(&world, &[5, 6, 7], "with two consumers").await?;
        let seen = take(&world, "N", 3).await?;
        expect(seen == [5, 6, 7], format!("the one that begins behind the last one has seen {seen:?}"))?;
        delete_consumer(&world, "N").await?;
        expect_left(&world, &[5, 7], "with one consumer of T.a").await?;
        delete_consumer(&world, "A").await?;
        expect_left(&world, &[], "with no consumer any more").await?;
        let info = world.ask(Request::StreamInfo("T".to_owned())).await;
        let Response::Stream(info) = info else { return Err(format!("{info:?}")) };
        expect(info.totals.last_seq == 7, format!("{:?}", info.totals))?;
    }
    Ok(())
});

scenario!(what_is_delivered_without_acknowledgement_is_not_kept, "S-00", [], async {
    for replicas in [1, 3] {
        let world = with_stream(3, 21, config(Retention::Interest, replicas)).await?;
        world.create_consumer("T", ConsumerConfig { ack: AckPolicy::None, ..durable("A") }).await?;
        for _ in 0..3 {
            world.publish(ServerId(1), "T.a", b"once").await?;
        }
        expect_left(&world, &[1, 2, 3], "before it is delivered").await?;
        take(&world, "A", 3).await?;
        expect_left(&world, &[], "delivered").await?;
    }
    Ok(())
});

scenario!(what_was_settled_before_a_power_loss_goes_after_it, "S-00", [], async {
    let retentions = [Retention::WorkQueue, Retention::Interest];
    for (retention, replicas) in retentions.into_iter().flat_map(|retention| [(retention, 1), (retention, 3)]) {
        for seed in 0..3 {
            let mut world = with_stream(3, 30 + seed, config(retention, replicas)).await?;
            world.create_consumer("T", durable("A")).await?;
            for _ in 0..6 {
                world.publish(ServerId(1), "T.a", b"once").await?;
            }
            take(&world, "A", 6).await?;
            for seq in [1, 2, 4, 5] {
                acknowledge(&world, "A", seq).await?;
            }
            // The consumer's state has it, and nobody has removed anything durably.
            restart_without_power(&mut world).await;
            let when = format!("{retention:?}, {replicas} replicas, seed {seed}");
            let led = world.until(MINUTE, |world| world.consumer_leader("T", "A").is_some()).await;
            expect(led, format!("{when}: nobody leads the consumer"))?;
            expect_left(&world, &[3, 6], &when).await?;
            let again: BTreeSet<u64> = take(&world, "A", 2).await?.into_iter().collect();
            expect(again == [3, 6].into(), format!("{when}: {again:?} come again"))?;
        }
    }
    Ok(())
});

scenario!(what_was_given_up_stays_in_a_work_queue, "S-00", [], async {
    for replicas in [1, 3] {
        let mut world = with_stream(3, 40, config(Retention::WorkQueue, replicas)).await?;
        let impatient = ConsumerConfig { max_deliver: Some(1), ack_wait: Duration::from_secs(1), ..durable("A") };
        world.create_consumer("T", impatient).await?;
        for _ in 0..3 {
            world.publish(ServerId(1), "T.a", b"once").await?;
        }
        take(&world, "A", 3).await?;
        acknowledge(&world, "A", 2).await?;
        sleep(A_WHILE).await;
        let none = world.fetch(ServerId(1), "T", "A", Fetch { batch: 3, expires: Duration::from_secs(1) }).await?;
        expect(none.0.is_empty(), format!("{none:?} came again"))?;
        expect_left(&world, &[1, 3], "given up").await?;
        restart_without_power(&mut world).await;
        let led = world.until(MINUTE, |world| world.consumer_leader("T", "A").is_some()).await;
        expect(led, "nobody leads the consumer")?;
        expect_left(&world, &[1, 3], "given up, after a power loss").await?;
        // Who answers late has done it all the same.
        acknowledge(&world, "A", 3).await?;
        expect_left(&world, &[1], "acknowledged late").await?;
    }
    Ok(())
});

scenario!(a_work_queue_has_one_consumer_for_each_message, "S-00", [], async {
    let world = with_stream(3, 50, config(Retention::WorkQueue, 1)).await?;
    let refused = async |config: ConsumerConfig| match world
        .ask(Request::ConsumerCreate { stream: "T".to_owned(), config })
        .await
    {
        Response::Error(error) => Ok(error),
        other => Err(format!("taken: {other:?}")),
    };
    let filtered = |name: &str, filter: &str| ConsumerConfig { filter: Some(filter.to_owned()), ..durable(name) };
    world.create_consumer("T", filtered("A", "T.a.*")).await?;
    world.create_consumer("T", filtered("B", "T.b")).await?;
    expect(refused(durable("C")).await? == ApiError::WORK_QUEUE_HAS_A_CONSUMER, "a second one of all")?;
    expect(refused(filtered("C", "T.*.x")).await? == ApiError::WORK_QUEUE_FILTERS_OVERLAP, "an overlap")?;
    expect(refused(filtered("B", "T.c")).await?.err_code == 10052, "another filter")?;
    let update = StreamConfig { max_msgs: Some(7), ..config(Retention::Limits, 1) };
    let updated = world.ask(Request::StreamUpdate(update)).await;
    expect(matches!(updated, Response::Error(_)), format!("another retention: {updated:?}"))
});

/// Where the stream's replicas shall be, and where its consumers' are.
fn places(world: &World) -> Option<(BTreeSet<ServerId>, Vec<BTreeSet<ServerId>>)> {
    let assignments = world.engine(world.meta_leader()?)?.assignments();
    let assigned = assignments.stream("T")?;
    let of = |group: &interlock_engine::core::assignment::RaftGroup| {
        group.target.is_none().then(|| group.peers.iter().copied().collect::<BTreeSet<_>>())
    };
    let consumers: Option<Vec<_>> = assigned.consumers.values().map(|consumer| of(&consumer.group)).collect();
    Some((of(&assigned.assignment.group)?, consumers?))
}

async fn expect_together(world: &World, servers: &[u64], when: &str) -> Outcome {
    let servers: BTreeSet<ServerId> = servers.iter().copied().map(ServerId).collect();
    let follow = |world: &World| {
        places(world).is_some_and(|(stream, consumers)| {
            (servers.is_empty() || stream == servers) && consumers.iter().all(|consumer| *consumer == stream)
        })
    };
    expect(world.until(MINUTE, follow).await, format!("{when}: {:?}", places(world)))?;
    // What is assigned also runs.
    let run = |world: &World| {
        let Some((stream, _)) = places(world) else { return false };
        let runs = |id: &ServerId| world.consumer(*id, "T", "A").is_some() && world.consumer(*id, "T", "B").is_some();
        stream.iter().all(runs) && world.consumer_leader("T", "A").is_some()
    };
    expect(world.until(MINUTE, run).await, format!("{when}: not all run"))
}

scenario!(consumers_of_a_work_queue_follow_its_replicas, "S-00", [], async {
    let world = with_stream(5, 60, config(Retention::WorkQueue, 1)).await?;
    world.create_consumer("T", ConsumerConfig { filter: Some("T.a".to_owned()), ..durable("A") }).await?;
    let ephemeral = ConsumerConfig { durable: false, inactive_threshold: MINUTE * 60, ..durable("B") };
    world.create_consumer("T", ConsumerConfig { filter: Some("T.b".to_owned()), ..ephemeral }).await?;
    let mut expected = Vec::new();
    for replicas in [3, 1, 3] {
        let updated = world.ask(Request::StreamUpdate(config(Retention::WorkQueue, replicas))).await;
        expect(matches!(updated, Response::Stream(_)), format!("not scaled: {updated:?}"))?;
        expect_together(&world, &[], &format!("{replicas} replicas")).await?;
        for subject in ["T.a", "T.b"] {
            let ack = world.publish(ServerId(1), subject, b"once").await?;
            expected.extend((subject == "T.b").then_some(ack.seq));
        }
        for seq in take(&world, "A", 1).await? {
            acknowledge(&world, "A", seq).await?;
        }
        expect_left(&world, &expected, &format!("{replicas} replicas")).await?;
    }
    let (from, _) = places(&world).ok_or("no placement")?;
    let away: Vec<ServerId> =
        world.ids().iter().copied().filter(|id| !from.contains(id)).chain(from.iter().copied()).take(3).collect();
    let moved = world.ask(Request::StreamMove { stream: "T".to_owned(), peers: away.clone() }).await;
    expect(matches!(moved, Response::Stream(_)), format!("not moved: {moved:?}"))?;
    let away: Vec<u64> = away.into_iter().map(|id| id.0).collect();
    expect_together(&world, &away, "moved").await?;
    expect_left(&world, &expected, "moved").await
});

scenario!(consumers_follow_though_who_moved_the_stream_is_gone, "S-00", [], async {
    let mut world = with_stream(5, 70, config(Retention::WorkQueue, 1)).await?;
    for (name, filter) in [("A", "T.a"), ("B", "T.b")] {
        world.create_consumer("T", ConsumerConfig { filter: Some(filter.to_owned()), ..durable(name) }).await?;
    }
    let meta = world.meta_leader().ok_or("no meta leader")?;
    let server = world.server(meta).ok_or("no server")?;
    failpoint::hold("stream_moved");
    let scaling = tokio::spawn(async move {
        let update = config(Retention::WorkQueue, 3);
        let _response = server.handle(Request::StreamUpdate(update)).await;
    });
    failpoint::arrival_after("stream_moved", 0).await;
    // Decided, and whoever would move the consumers is not there any more.
    world.crash(meta);
    scaling.abort();
    failpoint::release("stream_moved");
    world.boot(meta).await;
    let key = ConsumerKey { stream: "T".to_owned(), name: "A".to_owned() };
    let scaled = world.until(MINUTE, |world| places(world).is_some_and(|(stream, _)| stream.len() == 3)).await;
    expect(scaled, format!("{key} waits for a stream that is not scaled"))?;
    expect_together(&world, &[], "scaled by who is gone").await
});
