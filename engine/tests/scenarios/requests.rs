//! Requests that are too large, and requests whose answer is lost: what the client is told.

use std::time::Duration;

use interlock_engine::api::{
    FETCH_BYTES_MAX, Fetch, FetchEnd, MESSAGE_BYTES_MAX, MessageAt, Publish, Request, Response,
};
use interlock_engine::core::api_error::ApiError;
use interlock_engine::core::config::ConsumerConfig;
use interlock_engine::core::names::ServerId;
use interlock_engine::sim::{Link, World};
use interlock_engine::wire::put_response;
use tokio::time::{Instant, sleep};

use crate::harness::expect;
use crate::write_errors::{leader, node, other_than, replicated};

const SOON: Duration = Duration::from_secs(15);

fn message(n_bytes: usize) -> Request {
    let subject = "T.a".to_owned();
    let payload = vec![b'x'; n_bytes - subject.len()];
    Request::Publish(Publish { subject, payload, ..Publish::default() })
}

scenario!(the_largest_message_is_taken_and_a_larger_one_refused, "S-00", [], async {
    for replicas in [1, 3] {
        let world = World::start(3, 1).await;
        world.create_stream("T", replicas).await?;
        let is_known = |world: &World| {
            let knows = |id: &ServerId| world.engine(*id).is_some_and(|engine| engine.stream_assignment("T").is_some());
            world.ids().iter().all(knows)
        };
        expect(world.until(SOON, is_known).await, "not every server knows the stream")?;
        for via in [ServerId(1), ServerId(2)] {
            let taken = world.request(via, message(MESSAGE_BYTES_MAX)).await;
            expect(matches!(taken, Response::Published(_)), format!("{replicas} replicas: {taken:?}"))?;
            let refused = world.request(via, message(MESSAGE_BYTES_MAX + 1)).await;
            expect(
                refused == Response::Error(ApiError::MESSAGE_TOO_LARGE),
                format!("{replicas} replicas: {refused:?}"),
            )?;
        }
        for subject in ["T.*".to_owned(), "T..a".to_owned(), format!("T.{}", "a".repeat(70_000))] {
            let publish = Publish { subject: subject.clone(), ..Publish::default() };
            let refused = world.request(ServerId(1), Request::Publish(publish)).await;
            expect(matches!(refused, Response::Error(_)), format!("{subject} was taken: {refused:?}"))?;
        }
        world.publish(ServerId(1), "T.a", b"it goes on").await?;
    }
    Ok(())
});

scenario!(an_answer_with_messages_fits_into_a_frame, "S-00", [], async {
    let world = World::start(3, 2).await;
    world.create_stream("T", 3).await?;
    world.create_consumer("T", ConsumerConfig { name: "C".to_owned(), durable: true, ..Default::default() }).await?;
    const N_MESSAGES: usize = 6;
    for _ in 0..N_MESSAGES {
        let taken = world.request(ServerId(1), message(4 << 20)).await;
        expect(matches!(taken, Response::Published(_)), format!("{taken:?}"))?;
    }
    let (mut n_seen, mut ends) = (0, Vec::new());
    while n_seen < N_MESSAGES && ends.len() < 50 {
        let fetch = Fetch { batch: 100, expires: Duration::from_secs(5) };
        let request = Request::Fetch { stream: "T".to_owned(), consumer: "C".to_owned(), fetch };
        let response = world.ask(request).await;
        let mut frame = Vec::new();
        put_response(&mut frame, 1, &response);
        let fits = frame.len() <= FETCH_BYTES_MAX + 4096;
        expect(fits, format!("an answer of {} bytes", frame.len()))?;
        let Response::Fetched(deliveries, end) = response else { return Err(format!("{response:?}")) };
        n_seen += deliveries.len();
        ends.push(end);
    }
    expect(n_seen == N_MESSAGES, format!("{n_seen} of {N_MESSAGES} messages came"))?;
    expect(ends.contains(&FetchEnd::MaxBytes), format!("{ends:?}"))
});

/// A request that its leader has and cannot answer, and the leader gone: the answer, and how long it took.
async fn ask_who_goes(seed: u64, request: Request) -> Result<(World, Response, Duration), String> {
    let mut world = replicated(seed).await?;
    let old = leader(&world)?;
    let via = other_than(&world, &[old])?;
    node(&world, old)?.pause_apply();
    let server = world.server(via).ok_or("no server")?;
    let asking = {
        let server = server.clone();
        tokio::spawn(async move { server.handle(request).await })
    };
    sleep(Duration::from_millis(200)).await;
    expect(!asking.is_finished(), "answered by who cannot")?;
    world.crash(old);
    let gone = Instant::now();
    // What the transport says when the connection breaks.
    server.lose(old);
    let response = asking.await.map_err(|error| error.to_string())?;
    Ok((world, response, gone.elapsed()))
}

scenario!(who_published_learns_at_once_that_nobody_knows, "S-00", [], async {
    let (world, response, after) = ask_who_goes(3, message(100)).await?;
    expect(response == Response::Error(ApiError::OUTCOME_UNKNOWN), format!("{response:?}"))?;
    expect(after < Duration::from_millis(10), format!("after {after:?}"))?;
    // Not asked again: it is in the stream once, since its entry was on its way.
    let led = world.until(SOON, |world| world.stream_leader("T").is_some()).await;
    expect(led, "nobody leads")?;
    sleep(Duration::from_secs(5)).await;
    let n_messages = world.payloads(leader(&world)?, "T").len();
    expect(n_messages == 11, format!("{n_messages} messages, and not 10 and the one"))
});

scenario!(who_reads_is_answered_by_the_next_leader, "S-00", [], async {
    let get = Request::MessageGet { stream: "T".to_owned(), at: MessageAt::Sequence(3) };
    // Its leader has a message to apply first.
    let mut world = replicated(4).await?;
    let old = leader(&world)?;
    let via = other_than(&world, &[old])?;
    node(&world, old)?.pause_apply();
    let server = world.server(via).ok_or("no server")?;
    let publishing = {
        let server = server.clone();
        tokio::spawn(async move { server.handle(message(100)).await })
    };
    sleep(Duration::from_millis(200)).await;
    let reading = {
        let server = server.clone();
        tokio::spawn(async move { server.handle(get).await })
    };
    sleep(Duration::from_millis(200)).await;
    expect(!reading.is_finished(), "answered by who is behind")?;
    // Leadership goes, and then the server.
    let heir = other_than(&world, &[old, via])?;
    node(&world, old)?.transfer(heir).await.map_err(|closed| closed.to_string())?;
    let led = world.until(SOON, |world| world.stream_leader("T") == Some(heir)).await;
    expect(led, "leadership does not move")?;
    world.crash(old);
    server.lose(old);
    let read = reading.await.map_err(|error| error.to_string())?;
    expect(matches!(read, Response::Message(_)), format!("{read:?}"))?;
    drop(publishing);
    Ok(())
});

scenario!(a_request_that_comes_twice_is_done_once, "S-00", [], async {
    let world = replicated(5).await?;
    world.create_consumer("T", ConsumerConfig { name: "C".to_owned(), durable: true, ..Default::default() }).await?;
    expect(world.until(SOON, |world| world.consumer_leader("T", "C").is_some()).await, "nobody leads the consumer")?;
    world.network.set_link(Link { duplicates: 100, ..Link::default() });
    for id in world.ids().to_vec() {
        for n in 0..5_u8 {
            world.publish(id, "T.b", &[n]).await?;
        }
    }
    sleep(SOON).await;
    for id in world.ids() {
        let n_messages = world.payloads(*id, "T").len();
        expect(n_messages == 25, format!("{id} has {n_messages} messages, and 25 were published"))?;
    }
    let mut seen = Vec::new();
    for id in world.ids().to_vec() {
        let (seqs, _) = world.fetch(id, "T", "C", Fetch { batch: 5, expires: Duration::ZERO }).await?;
        seen.extend(seqs);
    }
    expect(seen == (1..=15).collect::<Vec<u64>>(), format!("some were delivered to nobody: {seen:?}"))
});
