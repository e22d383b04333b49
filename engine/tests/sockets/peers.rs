//! Two transports, and a line between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use interlock_engine::core::names::{GroupName, ServerId};
use interlock_engine::net::Counters;
use interlock_engine::net::peers::{PeerLimits, PeerOptions, Peers};
use interlock_engine::peer::{PeerFrame, PeerNetwork};
use interlock_engine::wire::Limit;
use interlock_sync::token::Token;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::proxy::{Line, Proxy};
use crate::stand_in::StandIn;
use crate::{listener, until};

const ONE: ServerId = ServerId(1);
const TWO: ServerId = ServerId(2);

fn limits() -> PeerLimits {
    PeerLimits {
        queue_frames: 64,
        queue_bytes: 1 << 20,
        idle: Duration::from_millis(300),
        greeting: Duration::from_millis(500),
        reconnect_max: Duration::from_millis(100),
        n_connections: 4,
    }
}

fn transport(cluster: &str, me: ServerId, you: (ServerId, &str)) -> (Arc<Peers>, Counters) {
    let counters = Counters::default();
    let addresses = BTreeMap::from([(you.0, you.1.to_owned())]);
    let options = PeerOptions { cluster: cluster.to_owned(), me, addresses, limits: limits() };
    (Peers::new(options, counters.clone()), counters)
}

fn frame(number: u64) -> PeerFrame {
    PeerFrame::CatchupRequest { id: number, stream: "S".to_owned(), created_ns: 0, index: 0, first_seq: 0, last_seq: 0 }
}

fn numbers(host: &StandIn) -> Vec<u64> {
    let delivered = host.delivered.lock().unwrap();
    let number = |(_, frame): &(ServerId, PeerFrame)| match frame {
        PeerFrame::CatchupRequest { id, .. } => Some(*id),
        _ => None,
    };
    delivered.iter().filter_map(number).collect()
}

/// Servers one and two; what one sends to two goes through a line.
struct Pair {
    one: Arc<Peers>,
    counters: Counters,
    at_one: Arc<StandIn>,
    at_two: Arc<StandIn>,
    line: Arc<Proxy>,
    quit: Token,
}

impl Pair {
    async fn new() -> Self {
        let quit = Token::new();
        let (listener_one, address_one) = listener().await;
        let (listener_two, address_two) = listener().await;
        let line = Proxy::to(address_two).await;
        let (one, counters) = transport("c", ONE, (TWO, &line.address));
        let (two, _) = transport("c", TWO, (ONE, &address_one));
        let (at_one, at_two) = (StandIn::new(), StandIn::new());
        one.start(listener_one, &at_one, &quit);
        two.start(listener_two, &at_two, &quit);
        until("a connection", || one.is_reachable(TWO)).await;
        Self { one, counters, at_one, at_two, line, quit }
    }
}

#[tokio::test]
async fn frames_arrive_in_order_and_share_writes() {
    let pair = Pair::new().await;
    let writes_before = pair.counters.peer_writes.get();
    for number in 0..64 {
        pair.one.send(TWO, frame(number));
    }
    until("all frames", || pair.at_two.n_delivered() == 64).await;
    assert_eq!(numbers(&pair.at_two), (0..64).collect::<Vec<_>>());
    assert!(pair.at_two.delivered.lock().unwrap().iter().all(|(from, _)| *from == ONE));
    // The sender's task did not run in between on this one thread; a sign of life may have had a write of its own.
    let n_writes = pair.counters.peer_writes.get() - writes_before;
    assert!(n_writes <= 3, "{n_writes} writes");
    pair.quit.cancel();
    pair.one.wait().await;
}

#[tokio::test]
async fn a_full_queue_drops_and_counts() {
    let pair = Pair::new().await;
    for number in 0..100 {
        pair.one.send(TWO, frame(number));
    }
    assert_eq!(pair.counters.peer_frames_dropped.get(), 36);
    until("what was queued", || pair.at_two.n_delivered() == 64).await;
    let large = || PeerFrame::Proposal { group: GroupName::new("g"), data: Bytes::from(vec![0; 700 << 10]) };
    pair.one.send(TWO, large());
    pair.one.send(TWO, large());
    assert_eq!(pair.counters.peer_frames_dropped.get(), 37);
    until("the first of the two", || pair.at_two.n_delivered() == 65).await;
    pair.one.send(ServerId(9), frame(0));
    assert_eq!(pair.counters.peer_frames_dropped.get(), 38);
}

#[tokio::test]
async fn what_no_server_takes_is_not_sent_and_ends_no_connection() {
    let pair = Pair::new().await;
    let data = Bytes::from(vec![0; Limit::PEER.0 as usize + 1]);
    pair.one.send(TWO, PeerFrame::Proposal { group: GroupName::new("g"), data });
    pair.one.send(TWO, frame(1));
    until("the one behind it", || pair.at_two.n_delivered() == 1).await;
    assert_eq!(numbers(&pair.at_two), [1]);
    assert_eq!(pair.counters.peer_frames_dropped.get(), 1);
    pair.quit.cancel();
    pair.one.wait().await;
}

#[tokio::test]
async fn a_cut_connection_is_made_again() {
    let pair = Pair::new().await;
    for round in 1..=3 {
        pair.line.set(Line::Cut);
        until("the cut is noticed", || !pair.one.is_reachable(TWO)).await;
        assert!(!pair.one.try_send(TWO, frame(1000)));
        pair.line.set(Line::Good);
        until("a new connection", || pair.one.is_reachable(TWO)).await;
        pair.one.send(TWO, frame(round));
        until("the frame", || pair.at_two.n_delivered() == usize::try_from(round).unwrap()).await;
    }
    assert_eq!(numbers(&pair.at_two), [1, 2, 3], "nothing that was sent into the cut");
    assert_eq!(pair.counters.peer_frames_dropped.get(), 3);
    // Both ends are told, so that nobody waits for an answer that was on the way.
    assert_eq!(*pair.at_one.lost.lock().unwrap(), [TWO; 3]);
    assert_eq!(*pair.at_two.lost.lock().unwrap(), [ONE; 3]);
    assert!(pair.counters.peer_connects.get() >= 4);
}

#[tokio::test]
async fn a_half_open_connection_is_given_up() {
    let pair = Pair::new().await;
    pair.line.set(Line::Swallows);
    until("the silence is noticed", || !pair.one.is_reachable(TWO)).await;
    pair.line.set(Line::Good);
    until("a new connection", || pair.one.is_reachable(TWO)).await;
    pair.one.send(TWO, frame(5));
    until("the frame", || numbers(&pair.at_two) == [5]).await;
}

#[tokio::test]
async fn a_quiet_connection_stays() {
    let pair = Pair::new().await;
    tokio::time::sleep(limits().idle * 3).await;
    assert_eq!(pair.counters.peer_connects.get(), 1);
    assert!(pair.one.is_reachable(TWO));
}

#[tokio::test]
async fn a_server_that_cannot_answer_is_not_reachable() {
    let quit = Token::new();
    let (listener_one, _) = listener().await;
    let (listener_two, address_two) = listener().await;
    let (one, counters) = transport("c", ONE, (TWO, &address_two));
    let (two, _) = transport("c", TWO, (ONE, "127.0.0.1:1"));
    let at_two = StandIn::new();
    one.start(listener_one, &StandIn::new(), &quit);
    two.start(listener_two, &at_two, &quit);
    until("a connection", || counters.peer_connects.get() == 1).await;
    one.send(TWO, frame(7));
    until("the frame", || numbers(&at_two) == [7]).await;
    assert!(!one.is_reachable(TWO), "its answer would be lost");
}

#[tokio::test]
async fn a_server_that_comes_back_is_connected_to_at_once() {
    let quit = Token::new();
    let (listener_one, address_one) = listener().await;
    drop(listener_one);
    let (listener_two, address_two) = listener().await;
    let patient = PeerLimits { reconnect_max: Duration::from_secs(3600), ..limits() };
    let addresses = BTreeMap::from([(ONE, address_one.clone())]);
    let options = PeerOptions { cluster: "c".to_owned(), me: TWO, addresses, limits: patient };
    let two = Peers::new(options, Counters::default());
    two.start(listener_two, &StandIn::new(), &quit);
    // By now two waits between attempts for longer than a second and a half.
    tokio::time::sleep(Duration::from_millis(1700)).await;
    let (one, _) = transport("c", ONE, (TWO, &address_two));
    one.start(tokio::net::TcpListener::bind(&address_one).await.unwrap(), &StandIn::new(), &quit);
    let both = until("connections both ways", || one.is_reachable(TWO) && two.is_reachable(ONE));
    tokio::time::timeout(Duration::from_secs(1), both).await.expect("two waits although one has come");
}

#[tokio::test]
async fn a_server_of_another_cluster_does_not_get_in() {
    let quit = Token::new();
    let (listener_one, address_one) = listener().await;
    let (listener_two, address_two) = listener().await;
    let (one, _) = transport("c", ONE, (TWO, &address_two));
    let (two, counters_two) = transport("d", TWO, (ONE, &address_one));
    let (at_one, at_two) = (StandIn::new(), StandIn::new());
    one.start(listener_one, &at_one, &quit);
    two.start(listener_two, &at_two, &quit);
    until("refusals", || counters_two.peer_refusals.get() >= 2).await;
    one.send(TWO, frame(1));
    assert!(!one.is_reachable(TWO) && !two.is_reachable(ONE));
    assert_eq!(at_two.n_delivered(), 0);
}

#[tokio::test]
async fn garbage_and_silence_end_a_connection_and_nothing_else() {
    let quit = Token::new();
    let (listener_two, address) = listener().await;
    let (two, counters) = transport("c", TWO, (ONE, "127.0.0.1:1"));
    two.start(listener_two, &StandIn::new(), &quit);
    for said in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 64], &[0xff; 64], b""] {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut answer = Vec::new();
        // A reset is an end as well.
        let _ended = stream.read_to_end(&mut answer).await;
        assert_eq!(answer, b"");
    }
    assert_eq!(counters.peer_refusals.get(), 4);
    quit.cancel();
    two.wait().await;
}
