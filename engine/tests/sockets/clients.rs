//! Clients and the listener for them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use interlock_engine::api::{Fetch, FetchEnd, Publish, Request, Response};
use interlock_engine::client::{Client, ClientError, ClientOptions};
use interlock_engine::core::api_error::ApiError;
use interlock_engine::core::names::ServerId;
use interlock_engine::net::Counters;
use interlock_engine::net::clients::{ClientLimits, Clients};
use interlock_sync::token::Token;

use crate::proxy::{Line, Proxy};
use crate::stand_in::StandIn;
use crate::{listener, until};

struct Server {
    host: Arc<StandIn>,
    counters: Counters,
    clients: Clients,
    quit: Token,
    address: String,
}

impl Server {
    async fn with(limits: ClientLimits) -> Self {
        let (listener, address) = listener().await;
        let (host, counters, quit) = (StandIn::new(), Counters::default(), Token::new());
        let clients = Clients::new("c".to_owned(), ServerId(1), limits, counters.clone(), quit.clone());
        clients.start(listener, &host);
        Self { host, counters, clients, quit, address }
    }

    async fn new() -> Self {
        Self::with(ClientLimits::default()).await
    }

    fn client(&self) -> Client {
        client(&[&self.address])
    }
}

fn client(addresses: &[&str]) -> Client {
    Client::new(ClientOptions::new(addresses.iter().map(|address| (*address).to_owned()).collect()))
}

fn publish(delay_ms: u8) -> Request {
    Request::Publish(Publish { subject: "a".to_owned(), payload: vec![delay_ms], ..Publish::default() })
}

fn fetch() -> Request {
    let fetch = Fetch { batch: 1, expires: Duration::from_secs(60) };
    Request::Fetch { stream: "S".to_owned(), consumer: "D".to_owned(), fetch }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publications_of_a_connection_begin_in_order_and_end_in_any() {
    let server = Server::new().await;
    let client = server.client();
    let mut answers = Vec::new();
    for n in 0..2000_u32 {
        answers.push(client.begin(publish(u8::try_from(n % 7).unwrap())).await.unwrap());
    }
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.published().await.unwrap().seq, n as u64 + 1);
    }
    assert_eq!(client.server(), Some(ServerId(1)));
    until("all are counted", || server.counters.client_responses.get() == 2000).await;
    let n_writes = server.counters.client_writes.get();
    assert!(n_writes < 2000, "{n_writes} writes");
}

#[tokio::test]
async fn refusals_and_other_answers_have_their_types() {
    let server = Server::new().await;
    let client = server.client();
    assert_eq!(client.stream_names().await.unwrap(), ["A", "B"]);
    let refused = client.stream_info("X").await.unwrap_err();
    assert_eq!(refused.to_string(), "stream not found (10059)");
    assert!(matches!(client.publish(Publish::default()).await, Ok(ack) if ack.seq == 1));
}

#[tokio::test]
async fn a_client_finds_the_server_that_is_there() {
    let server = Server::new().await;
    let (listener, nobody) = listener().await;
    drop(listener);
    let client = client(&[&nobody, &server.address]);
    assert_eq!(client.stream_names().await.unwrap().len(), 2);
}

#[tokio::test]
async fn nobody_there_is_said_with_the_reason() {
    let (listener, nobody) = listener().await;
    drop(listener);
    let options = ClientOptions { timeout: Duration::from_millis(200), ..ClientOptions::new(vec![nobody]) };
    let error = Client::new(options).stream_names().await.unwrap_err().to_string();
    assert!(error.contains("no answer within 200 ms") && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn a_client_of_another_cluster_is_told_so() {
    let server = Server::new().await;
    let timeout = Duration::from_millis(300);
    let options =
        ClientOptions { cluster: "d".to_owned(), timeout, ..ClientOptions::new(vec![server.address.clone()]) };
    let error = Client::new(options).stream_names().await.unwrap_err().to_string();
    assert!(error.contains("this is cluster `c`, not `d`"), "{error}");
}

#[tokio::test]
async fn what_was_on_a_broken_connection_is_lost_and_the_next_goes_through() {
    let server = Server::new().await;
    let line = Proxy::to(server.address.clone()).await;
    let client = client(&[&line.address]);
    client.stream_names().await.unwrap();
    let answer = client.begin(fetch()).await.unwrap();
    until("the request is there", || server.counters.client_requests.get() == 2).await;
    line.set(Line::Cut);
    assert!(matches!(answer.wait().await, Err(ClientError::Lost(_))));
    line.set(Line::Good);
    assert_eq!(client.stream_names().await.unwrap().len(), 2);
    until("nobody waits for messages of a client that is gone", || {
        server.host.n_cancelled.load(Ordering::Relaxed) == 1
    })
    .await;
}

#[tokio::test]
async fn silence_is_not_sent_and_makes_room() {
    let server = Server::with(ClientLimits { n_in_flight: 1, ..ClientLimits::default() }).await;
    let client = server.client();
    let silence = Publish { subject: "silence".to_owned(), ..Publish::default() };
    let unanswered = client.begin(Request::Publish(silence)).await.unwrap();
    client.stream_names().await.unwrap();
    until("the answer is counted", || server.counters.client_responses.get() == 1).await;
    let waited = tokio::time::timeout(Duration::from_millis(50), unanswered.wait()).await;
    assert!(waited.is_err(), "nothing comes");
}

#[tokio::test]
async fn a_client_beyond_the_limit_is_told_so() {
    let server = Server::with(ClientLimits { n_connections: 1, ..ClientLimits::default() }).await;
    let first = server.client();
    first.stream_names().await.unwrap();
    let timeout = Duration::from_millis(300);
    let options = ClientOptions { timeout, ..ClientOptions::new(vec![server.address.clone()]) };
    let error = Client::new(options).stream_names().await.unwrap_err().to_string();
    assert!(error.contains("1 clients are connected already"), "{error}");
    first.stream_names().await.unwrap();
}

#[tokio::test]
async fn requests_beyond_the_limit_wait_in_the_socket() {
    let server = Server::with(ClientLimits { n_in_flight: 2, ..ClientLimits::default() }).await;
    let client = server.client();
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(client.begin(publish(100)).await.unwrap());
    }
    until("two have begun", || server.host.last_seq.load(Ordering::Relaxed) == 2).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(server.host.last_seq.load(Ordering::Relaxed), 2);
    for answer in answers {
        answer.published().await.unwrap();
    }
}

#[tokio::test]
async fn the_end_of_a_server_answers_what_is_in_flight() {
    let server = Server::new().await;
    let client = server.client();
    let waiting = client.begin(fetch()).await.unwrap();
    let slow = client.begin(publish(100)).await.unwrap();
    until("both are there", || server.counters.client_requests.get() == 2).await;
    let begun = Instant::now();
    server.quit.cancel();
    server.host.is_down.send_replace(true);
    server.clients.wait().await;
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert!(matches!(waiting.wait().await, Ok(Response::Fetched(_, FetchEnd::ServerShutdown))));
    assert_eq!(slow.published().await.unwrap().seq, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_an_engine_is_left_for_one_that_has_it() {
    let (off, on) = (Server::new().await, Server::new().await);
    off.host.is_off.store(true, Ordering::Relaxed);
    let both = client(&[&off.address, &on.address]);
    assert!(matches!(both.request(publish(0)).await, Ok(Response::Published(_))));
    let refused = Response::Error(ApiError::NOT_ENABLED);
    assert_eq!(off.client().request(publish(0)).await.unwrap(), refused, "there is no other");
    on.host.is_off.store(true, Ordering::Relaxed);
    assert_eq!(both.request(publish(0)).await.unwrap(), refused, "each was asked");
}
