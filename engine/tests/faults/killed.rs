//! kill -9, round after round: a server at random, while clients publish to a stream of three replicas and to one of
//! one, and an operator makes and removes others. After each round everybody goes on, and the last message that each was
//! promised is there; after the last round all of them are.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use interlock_engine::client::{Client, ClientError};
use interlock_engine::core::api_error::ApiError;
use interlock_engine::core::config::StreamConfig;
use interlock_sync::random::Random;
use interlock_sync::token::Token;
use tokio::sync::Mutex;

use crate::publishers::{Publisher, check};
use crate::servers::{Servers, directly};
use crate::{LIMIT, is_full, tell};

const N_ROUNDS_FULL: usize = 200;
const N_ROUNDS: usize = 6;
/// Twice as long as a follower waits for a leader at most.
const PAUSE: Duration = Duration::from_millis(1800);
/// The variable that has another run of victims and pauses.
const SEED: &str = "INTERLOCK_SEED";

type Shared = Arc<Mutex<Publisher>>;

/// Publishes until the end.
async fn publish(publisher: Shared, quit: Token) {
    while !quit.is_cancelled() {
        let is_acknowledged = publisher.lock().await.publish().await.is_ok();
        // Whoever looks at the publisher gets it in between.
        tokio::time::sleep(Duration::from_millis(if is_acknowledged { 1 } else { 20 })).await;
    }
}

/// Makes streams, uses them and removes them until the end: how many. What is not answered is asked again.
async fn operate(client: Client, quit: Token) -> usize {
    let mut n_streams = 0;
    while !quit.is_cancelled() {
        n_streams += 1;
        let name = format!("S{n_streams}");
        let replicas = if n_streams % 2 == 0 { 1 } else { 3 };
        let config = StreamConfig {
            name: name.clone(),
            subjects: vec![format!("{name}.>")],
            replicas,
            ..StreamConfig::default()
        };
        insist(&name, || client.create_stream(config.clone())).await;
        let mut publisher = Publisher::new(client.clone(), &name, "p", 0);
        publisher.publish_up_to(5).await;
        insist(&name, || async {
            if publisher.last_is_there().await? { Ok(()) } else { Err(ClientError::Unexpected) }
        })
        .await;
        // One that is gone was removed by an attempt whose answer was lost.
        insist(&name, || async {
            match client.delete_stream(&name).await {
                Err(ClientError::Refused(error)) if error == ApiError::STREAM_NOT_FOUND => Ok(()),
                answered => answered,
            }
        })
        .await;
    }
    n_streams
}

async fn insist<T, F: Future<Output = Result<T, ClientError>>>(what: &str, ask: impl Fn() -> F) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < deadline, "{what}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until a publisher has one more acknowledgement, and looks whether the last message is there.
async fn look(publisher: &Shared, round: usize) {
    let before = publisher.lock().await.acknowledged.len();
    let deadline = Instant::now() + LIMIT;
    loop {
        let goes_on = publisher.lock().await.acknowledged.len() > before;
        if goes_on && publisher.lock().await.last_is_there().await.unwrap_or(false) {
            return;
        }
        assert!(Instant::now() < deadline, "round {round}: a publisher hangs after {before} messages");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn publishers(client: &dyn Fn() -> Client, stream: &str, n_publishers: usize) -> Vec<Shared> {
    let publisher = |number: usize| Publisher::new(client(), stream, &format!("p{number}"), 100);
    (0..n_publishers).map(|number| Arc::new(Mutex::new(publisher(number)))).collect()
}

fn milliseconds(random: &mut Random, bound: u64) -> Duration {
    Duration::from_millis(random.below(bound))
}

/// Kills and starts again: how many were killed. One round in four takes two servers at once, and with them the majority.
/// In another one a second server stands still for longer than an election takes, and goes on as if nothing had been.
async fn round(servers: &mut Servers, random: &mut Random) -> usize {
    tokio::time::sleep(Duration::from_millis(200) + milliseconds(random, 500)).await;
    let first = 1 + random.below(3) as usize;
    let second = 1 + first % 3;
    let (is_killed, is_paused) = match random.below(4) {
        0 => (true, false),
        1 => (false, true),
        _ => (false, false),
    };
    let victims = if is_killed { vec![first, second] } else { vec![first] };
    if is_paused {
        servers.signal(second, "-STOP");
    }
    for victim in &victims {
        servers.kill(*victim);
    }
    tokio::time::sleep(milliseconds(random, 600)).await;
    for victim in &victims {
        servers.start(*victim, &directly());
    }
    if is_paused {
        tokio::time::sleep(PAUSE).await;
        servers.signal(second, "-CONT");
    }
    victims.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost() {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let n_rounds = if is_full() { N_ROUNDS_FULL } else { N_ROUNDS };
    let mut random = Random::from_seed(seed);
    let mut servers = Servers::lay_out("killed", 3, 1 << 20);
    servers.start_all(&directly());
    for (stream, replicas) in [("THREE", 3), ("ONE", 1)] {
        servers.stream(stream, replicas, None, 0).await;
    }
    let (three, one) = (publishers(&|| servers.client(), "THREE", 4), publishers(&|| servers.client(), "ONE", 2));
    let all: Vec<Shared> = three.iter().chain(&one).cloned().collect();
    let quit = Token::new();
    let publishing: Vec<_> = all.iter().map(|own| tokio::spawn(publish(own.clone(), quit.clone()))).collect();
    let operating = tokio::spawn(operate(servers.client(), quit.clone()));
    let begun = Instant::now();
    let mut n_kills = 0;
    for number in 1..=n_rounds {
        n_kills += round(&mut servers, &mut random).await;
        for publisher in &all {
            look(publisher, number).await;
        }
        servers.until_well();
    }
    quit.cancel();
    for task in publishing {
        task.await.unwrap();
    }
    let n_streams = operating.await.unwrap();
    assert_eq!(servers.client().stream_names().await.unwrap(), ["ONE", "THREE"]);
    let took = begun.elapsed().as_secs();
    tell(&format!(
        "killed: seed {seed}, {n_rounds} rounds, {n_kills} kills, {n_streams} streams made and removed in {took} s; comparing"
    ));
    for (stream, own) in [("THREE", three), ("ONE", one)] {
        let mut kept = Vec::new();
        for publisher in &own {
            kept.push(publisher.lock().await);
        }
        let compared = check(&servers.client(), &kept.iter().map(|guard| &**guard).collect::<Vec<_>>()).await;
        tell(&format!("killed: {stream}: {compared:?}"));
        if stream == "THREE" {
            servers.until_all_have(stream, compared.n_kept + compared.n_unacknowledged);
        }
        assert!(compared.n_kept > n_rounds * own.len(), "{compared:?}");
    }
}
