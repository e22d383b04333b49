//! Clients of consumers.

use std::sync::Arc;

use interlock_sync::random::Random;
use interlock_sync::time::{Duration, sleep};

use super::clients::Clients;
use super::history::{DeliveryEvent, Removal};
use super::swarm::Part;
use crate::api::{AckKind, Delivery, Fetch, FetchEnd, Request, Response};
use crate::core::api_error::ApiError;
use crate::core::config::{AckPolicy, ConsumerConfig, DeliverPolicy};
use crate::core::names::ConsumerKey;

/// The consumer of the stream with batches.
pub(super) const DURABLE: &str = "D";
/// The consumer of the work queue.
pub(super) const WORKER: &str = "W";
/// Durable consumers that expire, and are kept from it; a number follows.
pub(super) const KEPT_ALIVE: &str = "K";

/// Consumers whose client takes its time over a message; a number follows.
pub(super) const WAITED_FOR: &str = "L";

/// After how long without activity that consumer goes.
const THRESHOLD: Duration = Duration::from_secs(6);
/// How much earlier a client may find it gone. A leader that has just been deposed may still answer, and what it noted of
/// activity is gone with it.
const SLACK: Duration = Duration::from_secs(3);

/// The configuration of a consumer that never expires.
pub(super) fn durable(name: &str) -> ConsumerConfig {
    ConsumerConfig {
        name: name.to_owned(),
        durable: true,
        ack_wait: Duration::from_secs(3),
        ..ConsumerConfig::default()
    }
}

/// A request of a consumer for so many messages.
pub(super) fn fetch(stream: &str, consumer: &str, batch: u32, expires: Duration) -> Request {
    let fetch = Fetch { batch, expires };
    Request::Fetch { stream: stream.to_owned(), consumer: consumer.to_owned(), fetch }
}

/// An acknowledgement.
pub(super) fn ack(stream: &str, consumer: &str, seq: u64) -> Request {
    let (stream, consumer) = (stream.to_owned(), consumer.to_owned());
    Request::Ack { stream, consumer, seq, kind: AckKind::Ack }
}

async fn some_deliveries(clients: &Clients, random: &mut Random, stream: &str, consumer: &str) -> Vec<Delivery> {
    let expires = Duration::from_millis(random.below(800));
    match clients.ask(random, fetch(stream, consumer, 5, expires)).await {
        Response::Fetched(deliveries, _) => deliveries,
        _ => {
            sleep(Duration::from_millis(100)).await;
            Vec::new()
        }
    }
}

/// Reads the stream with batches.
pub(super) async fn consume(clients: Arc<Clients>, mut random: Random) {
    let stream = Part::A.name();
    while !clients.is_over() {
        let asked = clients.now();
        for delivery in some_deliveries(&clients, &mut random, stream, DURABLE).await {
            let seq = delivery.message.seq;
            let is_acknowledged = random.chance(70);
            let confirmed =
                is_acknowledged && clients.ask(&mut random, ack(stream, DURABLE, seq)).await == Response::Done;
            let confirmed = confirmed.then(|| clients.now());
            clients.history.lock().deliveries.push(DeliveryEvent { seq, asked, is_acknowledged, confirmed });
        }
    }
}

/// Works the queue off: what is acknowledged leaves it.
pub(super) async fn work(clients: Arc<Clients>, mut random: Random) {
    let stream = Part::W.name();
    while !clients.is_over() {
        for delivery in some_deliveries(&clients, &mut random, stream, WORKER).await {
            let seq = delivery.message.seq;
            if random.chance(70) {
                let is_confirmed = clients.ask(&mut random, ack(stream, WORKER, seq)).await == Response::Done;
                clients.history.lock().removals.push(Removal { stream: stream.to_owned(), seq, is_confirmed });
            }
        }
    }
}

/// Makes consumers, uses them for a while, deletes or leaves them, and makes them again under the same names.
pub(super) async fn come_and_go(clients: Arc<Clients>, mut random: Random) {
    while !clients.is_over() {
        let stream = if random.chance(50) { Part::A } else { Part::B }.name();
        let name = format!("E{}", random.below(2));
        let threshold = Duration::from_millis(2_000 + random.below(3_000));
        let config = ConsumerConfig {
            name: name.clone(),
            replicas: if random.chance(50) { 1 } else { 3 },
            inactive_threshold: threshold,
            ..ConsumerConfig::default()
        };
        let created = clients.ask(&mut random, Request::ConsumerCreate { stream: stream.to_owned(), config }).await;
        if matches!(created, Response::Consumer(_)) {
            for _ in 0..random.below(4) {
                let _messages = some_deliveries(&clients, &mut random, stream, &name).await;
                sleep(Duration::from_millis(random.below(500))).await;
            }
            if random.chance(20) {
                // At the very moment at which it is found inactive, more or less.
                let until = threshold + Duration::from_millis(random.below(600));
                sleep(until.saturating_sub(Duration::from_millis(300))).await;
                let remap = Request::ConsumerRemap { stream: stream.to_owned(), consumer: name };
                let _outcome = clients.ask(&mut random, remap).await;
            } else if random.chance(40) {
                let deletion = Request::ConsumerDelete { stream: stream.to_owned(), consumer: name };
                let _outcome = clients.ask(&mut random, deletion).await;
            }
        }
        sleep(Duration::from_millis(random.below(3_000))).await;
    }
}

/// Keeps a consumer from being inactive, by requests that do not wait, and knows when it cannot have been.
pub(super) async fn keep_alive(clients: Arc<Clients>, mut random: Random) {
    let stream = Part::A.name();
    // Nothing is pending: what keeps it is that it is asked.
    let config = |name: &str| ConsumerConfig { inactive_threshold: THRESHOLD, ack: AckPolicy::None, ..durable(name) };
    // Each time another one: a removal that was proposed of an earlier one has nothing to do with it.
    let mut count = 0_u64;
    while !clients.is_over() {
        count += 1;
        let key = ConsumerKey { stream: stream.to_owned(), name: format!("{KEPT_ALIVE}{count}") };
        let creation = Request::ConsumerCreate { stream: stream.to_owned(), config: config(&key.name) };
        let Response::Consumer(_) = clients.ask(&mut random, creation).await else {
            sleep(Duration::from_secs(1)).await;
            continue;
        };
        if let Some(unused) = keep_one_alive(&clients, &mut random, &key).await {
            clients.accuse(format!("a consumer that was used {unused:?} ago is gone"));
        }
    }
}

/// Uses it until it is gone: how long it had been unused, where that was not long enough.
async fn keep_one_alive(clients: &Clients, random: &mut Random, key: &ConsumerKey) -> Option<Duration> {
    // A single use does not count: the timer may have found it inactive just before.
    let (mut n_uses, mut last_used) = (0, 0);
    while !clients.is_over() {
        sleep(Duration::from_secs(1)).await;
        let asked = clients.now();
        let response = clients.ask(random, fetch(&key.stream, &key.name, 1, Duration::ZERO)).await;
        tracing::debug!("{key} of {asked}: {response:?} at {}", clients.now());
        match response {
            Response::Error(error) if error != ApiError::CONSUMER_NOT_FOUND => n_uses = 0,
            Response::Fetched(_, FetchEnd::ConsumerDeleted) | Response::Error(_) => {
                let unused = Duration::from_nanos(clients.now().saturating_sub(last_used));
                return (n_uses > 1 && unused + SLACK < THRESHOLD).then_some(unused);
            }
            // A removal that was proposed before this use may be committed behind it.
            Response::Fetched(..) if clients.servers.n_removals(key) == 0 => {
                n_uses += 1;
                last_used = asked;
            }
            _ => n_uses = 0,
        }
    }
    None
}

/// Works for long on one message that was delivered twice: as long as it is pending its consumer stays.
pub(super) async fn take_long(clients: Arc<Clients>, mut random: Random) {
    // The second delivery has more time than the first one.
    const WAITS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];
    const WORK: Duration = Duration::from_secs(8);
    // Each time another one: a removal that was proposed of an earlier one has nothing to do with it.
    let mut count = 0_u64;
    let config = |name: &str| ConsumerConfig {
        inactive_threshold: Duration::from_secs(3),
        backoff: WAITS.to_vec(),
        max_ack_pending: 1,
        // Somewhere in the stream, so that its own numbers are others than the stream's.
        deliver: DeliverPolicy::Last,
        ..durable(name)
    };
    while !clients.is_over() {
        sleep(Duration::from_millis(random.below(2_000))).await;
        count += 1;
        let key = ConsumerKey { stream: Part::A.name().to_owned(), name: format!("{WAITED_FOR}{count}") };
        let creation = Request::ConsumerCreate { stream: key.stream.clone(), config: config(&key.name) };
        let _there_or_not = clients.ask(&mut random, creation).await;
        let first = take(&clients, &mut random, &key).await;
        sleep(WAITS[0] + Duration::from_millis(100)).await;
        let second = take(&clients, &mut random, &key).await;
        let is_again = second.as_ref().is_some_and(|delivery| delivery.n_deliveries == 2);
        let (Some(_), Some(delivery), true) = (first, second, is_again) else { continue };
        // A removal that was proposed before may be committed behind it.
        let is_kept = clients.servers.n_removals(&key) == 0;
        sleep(WORK).await;
        let seq = delivery.message.seq;
        let answer = clients.ask(&mut random, ack(&key.stream, &key.name, seq)).await;
        if is_kept && answer == Response::Error(ApiError::CONSUMER_NOT_FOUND) {
            clients.accuse(format!("{key} is gone while its client works on message {seq}"));
        }
    }
}

async fn take(clients: &Clients, random: &mut Random, key: &ConsumerKey) -> Option<Delivery> {
    let asked = clients.now();
    let response = clients.ask(random, fetch(&key.stream, &key.name, 1, Duration::from_secs(1))).await;
    tracing::debug!("{key} of {asked}: {response:?} at {}", clients.now());
    match response {
        Response::Fetched(deliveries, _) => deliveries.into_iter().next(),
        _ => None,
    }
}
