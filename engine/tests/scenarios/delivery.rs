//! What a consumer owes its clients, in a cluster: nothing is lost, what was acknowledged stays acknowledged, and what
//! was not comes again.

use std::collections::BTreeSet;
use std::time::Duration;

use interlock_engine::api::{AckKind, ConsumerInfo, Delivery, Fetch, FetchEnd, Request, Response};
use interlock_engine::core::api_error::ApiError;
use interlock_engine::core::config::{AckPolicy, ConsumerConfig, DeliverPolicy, Retention, StreamConfig};
use interlock_engine::core::names::ServerId;
use interlock_engine::sim::World;
use tokio::time::{Instant, sleep};

use crate::consumers::{SOON, others, with_stream};
use crate::harness::{Outcome, expect};

const NOW: Duration = Duration::ZERO;

fn durable(replicas: u8) -> ConsumerConfig {
    ConsumerConfig { name: "C".to_owned(), durable: true, replicas, ..ConsumerConfig::default() }
}

async fn fetch(world: &World, batch: u32, expires: Duration) -> Result<(Vec<Delivery>, FetchEnd), String> {
    let request = Request::Fetch { stream: "T".to_owned(), consumer: "C".to_owned(), fetch: Fetch { batch, expires } };
    match world.ask(request).await {
        Response::Fetched(deliveries, end) => Ok((deliveries, end)),
        other => Err(format!("nothing was fetched: {other:?}")),
    }
}

/// Sequence and number of the delivery of each message.
fn seen(fetched: &(Vec<Delivery>, FetchEnd)) -> Vec<(u64, u64)> {
    fetched.0.iter().map(|delivery| (delivery.message.seq, delivery.n_deliveries)).collect()
}

async fn say(world: &World, seq: u64, kind: AckKind) -> Outcome {
    let request = Request::Ack { stream: "T".to_owned(), consumer: "C".to_owned(), seq, kind };
    let said = world.ask(request).await;
    expect(said == Response::Done, format!("{seq} is not acknowledged: {said:?}"))
}

async fn info(world: &World) -> Result<ConsumerInfo, String> {
    let request = Request::ConsumerInfo { stream: "T".to_owned(), consumer: "C".to_owned() };
    match world.ask(request).await {
        Response::Consumer(info) => Ok(*info),
        other => Err(format!("no information: {other:?}")),
    }
}

/// What was delivered, up to where all is acknowledged, and what waits for its acknowledgement.
async fn position(world: &World) -> Result<(u64, u64, u64), String> {
    let info = info(world).await?;
    Ok((info.delivered_seq, info.ack_floor, info.n_ack_pending))
}

async fn expect_position(world: &World, expected: (u64, u64, u64), when: &str) -> Outcome {
    let found = position(world).await?;
    expect(found == expected, format!("{when}: {found:?} and not {expected:?}"))
}

async fn is_led(world: &World) -> Outcome {
    let led = world.until(SOON, |world| world.consumer_leader("T", "C").is_some()).await;
    expect(led, "nobody leads the consumer")
}

scenario!(the_floor_follows_the_acknowledgements, "S-00", [], async {
    for replicas in [1, 3] {
        let world = with_stream(1).await?;
        world.create_consumer("T", durable(replicas)).await?;
        let fetched = fetch(&world, 5, NOW).await?;
        expect(seen(&fetched) == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], format!("{fetched:?}"))?;
        expect_position(&world, (5, 0, 5), "delivered").await?;
        for (seq, floor, n_pending) in [(1, 1, 4), (4, 1, 3), (3, 1, 2), (2, 4, 1), (2, 4, 1), (5, 5, 0)] {
            say(&world, seq, AckKind::Ack).await?;
            expect_position(&world, (5, floor, n_pending), "acknowledged").await?;
        }
        // Nothing that was not delivered can be acknowledged.
        let early = Request::Ack { stream: "T".to_owned(), consumer: "C".to_owned(), seq: 9, kind: AckKind::Ack };
        let refused = world.ask(early).await;
        expect(refused == Response::Error(ApiError::NOT_DELIVERED), format!("acknowledged too early: {refused:?}"))?;
        expect_position(&world, (5, 5, 0), "acknowledged too early").await?;
    }
    Ok(())
});

scenario!(a_message_comes_again_when_its_wait_is_over, "S-00", [], async {
    for replicas in [1, 3] {
        let world = with_stream(2).await?;
        let config = ConsumerConfig {
            ack_wait: Duration::from_secs(3),
            max_deliver: Some(3),
            max_ack_pending: 1,
            ..durable(replicas)
        };
        world.create_consumer("T", config).await?;
        let begun = Instant::now();
        for n in 1..=3 {
            let fetched = fetch(&world, 1, Duration::from_secs(10)).await?;
            expect(seen(&fetched) == [(1, n)], format!("{fetched:?}"))?;
            let late = begun.elapsed().as_millis() / 1000;
            expect(u64::try_from(late).unwrap() == (n - 1) * 3, format!("delivery {n} after {late} s"))?;
        }
        // Delivered as often as is allowed: the next one has its turn.
        let fetched = fetch(&world, 1, Duration::from_secs(10)).await?;
        expect(seen(&fetched) == [(2, 1)], format!("{fetched:?}"))?;
        for _ in 0..3 {
            sleep(Duration::from_secs(2)).await;
            say(&world, 2, AckKind::Progress).await?;
            let fetched = fetch(&world, 1, NOW).await?;
            expect(fetched.0.is_empty(), format!("delivered to another one: {fetched:?}"))?;
        }
        say(&world, 2, AckKind::Term).await?;
        expect_position(&world, (2, 2, 0), "given up").await?;
    }
    Ok(())
});

scenario!(a_refused_message_comes_again_after_its_delay, "S-00", [], async {
    for replicas in [1, 3] {
        let world = with_stream(3).await?;
        world.create_consumer("T", durable(replicas)).await?;
        fetch(&world, 10, NOW).await?;
        for seq in 2..=10 {
            say(&world, seq, AckKind::Ack).await?;
        }
        let begun = Instant::now();
        say(&world, 1, AckKind::Nak(Duration::from_secs(7))).await?;
        let fetched = fetch(&world, 1, Duration::from_secs(20)).await?;
        let after = begun.elapsed();
        expect(seen(&fetched) == [(1, 2)], format!("{fetched:?}"))?;
        let in_time = (Duration::from_secs(7)..Duration::from_millis(7500)).contains(&after);
        expect(in_time, format!("again after {after:?}"))?;
        // Without a delay at once, to whoever waits already.
        let waiting = fetch(&world, 1, Duration::from_secs(20));
        let refusing = async {
            sleep(Duration::from_secs(1)).await;
            say(&world, 1, AckKind::Nak(NOW)).await
        };
        let (fetched, refused) = tokio::join!(waiting, refusing);
        refused?;
        expect(seen(&fetched?) == [(1, 3)], "not delivered again at once")?;
        expect(begun.elapsed() < after + Duration::from_secs(3), "the one who waits is not woken")?;
    }
    Ok(())
});

scenario!(a_new_leader_knows_what_was_acknowledged, "S-00", [], async {
    let world = with_stream(4).await?;
    world.create_consumer("T", ConsumerConfig { ack_wait: Duration::from_secs(5), ..durable(3) }).await?;
    fetch(&world, 6, NOW).await?;
    for seq in [1, 2, 3, 4, 6] {
        say(&world, seq, AckKind::Ack).await?;
    }
    let delivered = Instant::now();
    let first = world.consumer_leader("T", "C").ok_or("no leader")?;
    let request = Request::ConsumerStepDown { stream: "T".to_owned(), consumer: "C".to_owned() };
    let _response = world.ask(request).await;
    is_led(&world).await?;
    expect(world.consumer_leader("T", "C") != Some(first), "the leader is the same")?;
    expect_position(&world, (6, 4, 1), "led by another").await?;
    let fetched = fetch(&world, 4, NOW).await?;
    expect(seen(&fetched) == [(7, 1), (8, 1), (9, 1), (10, 1)], format!("{fetched:?}"))?;
    let fetched = fetch(&world, 1, Duration::from_secs(10)).await?;
    expect(seen(&fetched) == [(5, 2)], format!("{fetched:?}"))?;
    let after = delivered.elapsed();
    expect((Duration::from_millis(4500)..Duration::from_secs(7)).contains(&after), format!("again after {after:?}"))
});

async fn scale(world: &World, replicas: u8) -> Outcome {
    world.create_consumer("T", ConsumerConfig { ack_wait: Duration::from_secs(600), ..durable(replicas) }).await?;
    let copies = |world: &World| {
        let has = |id: &&ServerId| world.consumer(**id, "T", "C").is_some();
        world.ids().iter().filter(has).count()
    };
    let scaled = world.until(Duration::from_secs(60), |world| copies(world) == usize::from(replicas)).await;
    expect(scaled, format!("{} copies and not {replicas}", copies(world)))?;
    is_led(world).await
}

scenario!(the_number_of_replicas_changes_nothing, "S-00", [], async {
    let world = with_stream(5).await?;
    let mut expected = (0, 0, 0);
    for replicas in [1, 3, 1, 3, 1] {
        scale(&world, replicas).await?;
        expect_position(&world, expected, &format!("with {replicas} replicas")).await?;
        let fetched = fetch(&world, 2, NOW).await?;
        let (first, second) = (expected.0 + 1, expected.0 + 2);
        expect(seen(&fetched) == [(first, 1), (second, 1)], format!("{replicas} replicas: {fetched:?}"))?;
        // The second one of each pair stays open, the first one does not.
        say(&world, first, AckKind::Ack).await?;
        expected = (second, 1, expected.2 + 1);
        expect_position(&world, expected, "acknowledged").await?;
    }
    Ok(())
});

scenario!(a_power_loss_behind_a_change_of_replicas, "S-00", [], async {
    for (seed, path) in [[1].as_slice(), &[1, 3], &[3, 1], &[1, 3, 1], &[3, 1, 3]].iter().enumerate() {
        let mut world = with_stream(60 + seed as u64).await?;
        scale(&world, path[0]).await?;
        fetch(&world, 6, NOW).await?;
        for seq in 1..=4 {
            say(&world, seq, AckKind::Ack).await?;
        }
        // Longer than what waits to be saved where there is one replica.
        sleep(Duration::from_secs(2)).await;
        for replicas in &path[1..] {
            scale(&world, *replicas).await?;
        }
        for id in world.ids().to_vec() {
            world.crash(id);
        }
        for id in world.ids().to_vec() {
            world.boot(id).await;
        }
        is_led(&world).await?;
        expect_position(&world, (6, 4, 2), &format!("after a power loss behind {path:?}")).await?;
        let led = world.until(SOON, |world| world.stream_leader("T").is_some()).await;
        expect(led, "nobody leads the stream")?;
        let fetched = fetch(&world, 9, Duration::from_secs(1)).await?;
        expect(seen(&fetched) == [(7, 1), (8, 1), (9, 1), (10, 1)], format!("behind {path:?}: {fetched:?}"))?;
    }
    Ok(())
});

scenario!(crashes_of_the_leader_lose_nothing, "S-00", [], async {
    for replicas in [1, 3] {
        let mut world = with_stream(70 + u64::from(replicas)).await?;
        let config = ConsumerConfig { ack_wait: Duration::from_secs(5), ..durable(replicas) };
        world.create_consumer("T", config).await?;
        let (mut delivered, mut acknowledged, mut n_repeated) = (BTreeSet::new(), BTreeSet::new(), 0);
        let mut n_published = 10;
        let deadline = Instant::now() + Duration::from_secs(600);
        while Instant::now() < deadline && (acknowledged.len() < n_published || n_published < 40) {
            sleep(Duration::from_millis(50)).await;
            let (deliveries, _) = fetch(&world, 4, Duration::from_secs(2)).await.unwrap_or((vec![], FetchEnd::Timeout));
            for delivery in deliveries {
                let seq = delivery.message.seq;
                n_repeated += usize::from(!delivered.insert(seq));
                // What was confirmed by a group is not delivered again, whoever leads.
                let is_settled = replicas == 3 && acknowledged.contains(&seq);
                expect(!is_settled, format!("{seq} comes again though it was acknowledged"))?;
                // Every third one waits, and its leader is gone before it has an answer.
                let answers = !seq.is_multiple_of(3) || n_repeated > 5;
                if answers && say(&world, seq, AckKind::Ack).await.is_ok() {
                    acknowledged.insert(seq);
                }
            }
            if n_published < 40 {
                if let Some(leader) = world.consumer_leader("T", "C") {
                    world.crash(leader);
                    sleep(Duration::from_secs(1)).await;
                    world.boot(leader).await;
                }
                let led = world.until(Duration::from_secs(60), |world| world.stream_leader("T").is_some()).await;
                expect(led, "nobody leads the stream")?;
                n_published += usize::from(world.publish(ServerId(1), "T.a", b"more").await.is_ok());
            }
        }
        let lost: Vec<u64> = (1..=n_published as u64).filter(|seq| !delivered.contains(seq)).collect();
        expect(lost.is_empty(), format!("{replicas} replicas: {lost:?} were never delivered"))?;
        expect(n_repeated > 0, "no crash has repeated anything: the scenario shows nothing")?;
        expect(acknowledged.len() == n_published, format!("{} of {n_published} acknowledged", acknowledged.len()))?;
        let (_, floor, _) = position(&world).await?;
        expect(floor >= n_published as u64, format!("the floor is {floor} of {n_published}"))?;
    }
    Ok(())
});

scenario!(who_waits_is_told_why_it_ended, "S-00", [], async {
    let config = || ConsumerConfig { deliver: DeliverPolicy::New, max_waiting: 1, ..durable(3) };
    let ends = async |world: &World, ending: Request| {
        let waiting = fetch(world, 1, Duration::from_secs(60));
        let acting = async {
            sleep(Duration::from_secs(1)).await;
            let second = fetch(world, 1, Duration::from_secs(1)).await;
            (second, world.ask(ending).await)
        };
        let (waited, (second, _ended)) = tokio::join!(waiting, acting);
        (waited, second)
    };
    let world = with_stream(8).await?;
    world.create_consumer("T", config()).await?;
    let of_consumer = || ("T".to_owned(), "C".to_owned());
    let (stream, consumer) = of_consumer();
    let (waited, second) = ends(&world, Request::ConsumerStepDown { stream, consumer }).await;
    expect(waited == Ok((vec![], FetchEnd::LeadershipChange)), format!("{waited:?}"))?;
    expect(second == Ok((vec![], FetchEnd::TooManyWaiting)), format!("{second:?}"))?;
    is_led(&world).await?;
    let (stream, consumer) = of_consumer();
    let (waited, _) = ends(&world, Request::ConsumerDelete { stream, consumer }).await;
    expect(waited == Ok((vec![], FetchEnd::ConsumerDeleted)), format!("{waited:?}"))?;
    let gone = fetch(&world, 1, NOW).await;
    expect(gone.is_err(), format!("{gone:?}"))
});

scenario!(a_changed_configuration_holds_everywhere, "S-00", [], async {
    for replicas in [1, 3] {
        let mut world = with_stream(9).await?;
        world.create_consumer("T", durable(replicas)).await?;
        let changed = ConsumerConfig { max_ack_pending: 2, ack_wait: Duration::from_secs(4), ..durable(replicas) };
        world.create_consumer("T", changed.clone()).await?;
        sleep(Duration::from_secs(1)).await;
        let fetched = fetch(&world, 5, NOW).await?;
        expect(seen(&fetched) == [(1, 1), (2, 1)], format!("{replicas} replicas: {fetched:?}"))?;
        let leader = world.consumer_leader("T", "C").ok_or("no leader")?;
        sleep(Duration::from_secs(2)).await;
        world.crash(leader);
        world.boot(leader).await;
        is_led(&world).await?;
        expect(info(&world).await?.config == changed, "the configuration is the old one")?;
        let fetched = fetch(&world, 5, Duration::from_secs(6)).await?;
        expect(seen(&fetched) == [(1, 2), (2, 2)], format!("{replicas} replicas, after a crash: {fetched:?}"))?;
    }
    Ok(())
});

scenario!(a_lost_change_of_configuration_is_made_by_the_next_leader, "S-00", [], async {
    let world = with_stream(10).await?;
    world.create_consumer("T", durable(3)).await?;
    let leader = world.consumer_leader("T", "C").ok_or("no leader")?;
    let assigned = |world: &World, id| {
        world.engine(id)?.consumer_assignment(world.consumer(id, "T", "C")?.key()).map(|assigned| assigned.group.name)
    };
    let group = assigned(&world, leader).ok_or("not assigned")?;
    // The group's entries do not get through, the meta layer's do.
    for other in others(&world, leader) {
        world.network.cut_group(leader, other, group.as_str());
    }
    world.create_consumer("T", ConsumerConfig { max_ack_pending: 2, ..durable(3) }).await?;
    sleep(Duration::from_secs(20)).await;
    world.network.heal();
    is_led(&world).await?;
    sleep(Duration::from_secs(5)).await;
    let fetched = fetch(&world, 5, NOW).await?;
    expect(seen(&fetched) == [(1, 1), (2, 1)], format!("{fetched:?}"))
});

scenario!(settled_messages_leave_a_stream_that_keeps_none, "S-00", [], async {
    for (retention, replicas) in
        [(Retention::WorkQueue, 1), (Retention::WorkQueue, 3), (Retention::Interest, 1), (Retention::Interest, 3)]
    {
        let world = World::start(3, 11).await;
        let config = StreamConfig {
            name: "T".to_owned(),
            subjects: vec!["T.>".to_owned()],
            replicas,
            retention,
            ..StreamConfig::default()
        };
        world.create(config).await?;
        world.create_consumer("T", durable(0)).await?;
        let second = ConsumerConfig { name: "D".to_owned(), ..durable(0) };
        if retention == Retention::Interest {
            world.create_consumer("T", second).await?;
        }
        for n in 0..4_u8 {
            world.publish(ServerId(1), "T.a", &[n]).await?;
        }
        // The consumer's leader may have the last ones a moment later.
        let mut n_delivered = 0;
        while n_delivered < 4 {
            n_delivered += fetch(&world, 4, Duration::from_secs(5)).await?.0.len();
        }
        for seq in [1, 2, 4] {
            say(&world, seq, AckKind::Ack).await?;
        }
        let left = |world: &World| {
            let here = world.stream_leader("T").unwrap_or(ServerId(1));
            world.payloads(here, "T")
        };
        if retention == Retention::Interest {
            sleep(Duration::from_secs(2)).await;
            expect(left(&world).len() == 4, format!("{:?}: the second consumer has not seen them", left(&world)))?;
            world.fetch(ServerId(1), "T", "D", Fetch { batch: 4, expires: NOW }).await?;
            for seq in 1..=4 {
                let (stream, consumer) = ("T".to_owned(), "D".to_owned());
                let said = world.ask(Request::Ack { stream, consumer, seq, kind: AckKind::Ack }).await;
                expect(said == Response::Done, format!("{said:?}"))?;
            }
        }
        let settled = world.until(SOON, |world| left(world) == [vec![2]]).await;
        expect(settled, format!("{retention:?}, {replicas} replicas: {:?} are left", left(&world)))?;
    }
    Ok(())
});

scenario!(a_consumer_begins_where_it_was_told_to, "S-00", [], async {
    let world = with_stream(12).await?;
    for (deliver, expected) in [
        (DeliverPolicy::All, vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (DeliverPolicy::Last, vec![10]),
        (DeliverPolicy::New, vec![]),
        (DeliverPolicy::FromSequence(8), vec![8, 9, 10]),
    ] {
        for ack in [AckPolicy::Explicit, AckPolicy::All, AckPolicy::None] {
            world.create_consumer("T", ConsumerConfig { deliver, ack, ..durable(1) }).await?;
            let fetched = fetch(&world, 20, NOW).await?;
            let seqs: Vec<u64> = fetched.0.iter().map(|delivery| delivery.message.seq).collect();
            expect(seqs == expected, format!("{deliver:?}, {ack:?}: {seqs:?}"))?;
            if let Some(last) = seqs.last().filter(|_| ack != AckPolicy::None) {
                say(&world, *last, AckKind::Ack).await?;
            }
            let n_pending = info(&world).await?.n_ack_pending;
            let n_expected = if ack == AckPolicy::Explicit { expected.len().saturating_sub(1) } else { 0 };
            expect(n_pending == n_expected as u64, format!("{deliver:?}, {ack:?}: {n_pending} wait"))?;
            let (stream, consumer) = ("T".to_owned(), "C".to_owned());
            let deleted = world.ask(Request::ConsumerDelete { stream, consumer }).await;
            expect(deleted == Response::Done, format!("{deleted:?}"))?;
        }
    }
    Ok(())
});

async fn scale_stream(world: &World, replicas: u8) -> Outcome {
    let config =
        StreamConfig { name: "T".to_owned(), subjects: vec!["T.>".to_owned()], replicas, ..StreamConfig::default() };
    let updated = world.ask(Request::StreamUpdate(config)).await;
    expect(matches!(updated, Response::Stream(_)), format!("not scaled: {updated:?}"))?;
    let copies = |world: &World| world.ids().iter().filter(|id| world.stream(**id, "T").is_some()).count();
    let scaled = world.until(Duration::from_secs(60), |world| copies(world) == usize::from(replicas)).await;
    expect(scaled, format!("{} copies and not {replicas}", copies(world)))
}

scenario!(a_power_loss_behind_a_change_of_the_streams_replicas, "S-00", [], async {
    for (seed, path) in [[3, 1].as_slice(), &[1, 3], &[1, 3, 1], &[3, 1, 3]].iter().enumerate() {
        let mut world = World::start(3, 80 + seed as u64).await;
        world.create_stream("T", path[0]).await?;
        world.create_consumer("T", durable(0)).await?;
        let mut n_published = 0;
        for replicas in path.iter() {
            scale_stream(&world, *replicas).await?;
            for _ in 0..20 {
                world.publish(ServerId(1), "T.a", b"kept").await?;
                n_published += 1;
            }
        }
        for id in world.ids().to_vec() {
            world.crash(id);
        }
        for id in world.ids().to_vec() {
            world.boot(id).await;
        }
        let led = world.until(SOON, |world| world.stream_leader("T").is_some()).await;
        expect(led, format!("nobody leads the stream behind {path:?}"))?;
        let here = world.stream_leader("T").ok_or("no leader")?;
        let all = world.until(SOON, |world| world.payloads(here, "T").len() == n_published).await;
        expect(all, format!("{} of {n_published} are left behind {path:?}", world.payloads(here, "T").len()))?;
        is_led(&world).await.map_err(|symptom| format!("{symptom} behind {path:?}"))?;
        let fetched = fetch(&world, 100, Duration::from_secs(5)).await?;
        expect(fetched.0.len() == n_published, format!("{} of {n_published} delivered", fetched.0.len()))?;
    }
    Ok(())
});

scenario!(a_downgrade_waits_for_what_is_not_applied, "S-00", [], async {
    let world = with_stream(90).await?;
    let leader = world.stream_leader("T").ok_or("no leader")?;
    let kept = others(&world, leader)[0];
    let node = |id| world.stream(id, "T").and_then(|stream| stream.member().node()).ok_or("no node");
    let (old, new) = (node(leader)?, node(kept)?);
    new.pause_apply();
    for _ in 0..20 {
        world.publish(leader, "T.a", b"more").await?;
    }
    // Who leads next has them in its log, and nothing else has when the others are gone.
    old.step_down(Some(kept)).await.map_err(|closed| format!("{closed:?}"))?;
    expect(world.until(SOON, |_| new.status().is_leader()).await, "leadership does not move")?;
    let resumed = async {
        sleep(Duration::from_secs(8)).await;
        new.resume_apply();
    };
    // The answer may come too late: the stream has to catch up with its own log.
    let (_answered, ()) = tokio::join!(scale_stream(&world, 1), resumed);
    let alone = |world: &World| world.stream(kept, "T").is_some_and(|stream| !stream.member().group().is_replicated());
    expect(world.until(Duration::from_secs(60), alone).await, "not scaled down")?;
    let n_kept = world.payloads(kept, "T").len();
    expect(n_kept == 30, format!("{n_kept} of 30 messages are left"))
});
