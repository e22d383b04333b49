//! The pages for operators.

use interlock_engine::net::{Counters, http};
use interlock_sync::token::Token;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::listener;
use crate::stand_in::StandIn;

/// A server's pages, for one test.
struct Pages {
    address: String,
    quit: Token,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Pages {
    async fn new() -> Self {
        let (listener, address) = listener().await;
        let quit = Token::new();
        let counters = Counters::default();
        counters.client_requests.inc_by(7);
        let task = tokio::spawn(http::serve(listener, StandIn::new(), counters, quit.clone()));
        Self { address, quit, task }
    }

    /// Status and body.
    async fn get(&self, path: &str) -> (u16, String) {
        get(&self.address, path).await.unwrap()
    }
}

/// Status and body of a page; nothing where nobody answers.
pub(crate) async fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let code = answer.split(' ').nth(1)?.parse().ok()?;
    Some((code, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

#[tokio::test]
async fn a_healthy_server_answers_exactly_ok() {
    let pages = Pages::new().await;
    assert_eq!(pages.get("/healthz").await, (200, r#"{"status":"ok"}"#.to_owned()));
    assert_eq!(pages.get("/healthz?js-enabled-only=true&unknown=1").await.0, 200);
}

#[tokio::test]
async fn health_passes_its_options_on_and_refuses_what_is_none() {
    let pages = Pages::new().await;
    let first = r#"{"error":"stream 'A B': write error: EIO","status":"unavailable"}"#;
    assert_eq!(pages.get("/healthz?stream=A%20B").await, (503, first.to_owned()));
    let (status, details) = pages.get("/healthz?stream=A&details").await;
    let document: serde_json::Value = serde_json::from_str(&details).unwrap();
    assert_eq!((status, document["errors"].as_array().unwrap().len()), (503, 2));
    let second = serde_json::json!(
        { "type": "CONSUMER", "stream": "A", "consumer": "D", "error": "monitor not running" }
    );
    assert_eq!(document["errors"][1], second);
    let (code, body) = pages.get("/healthz?details=maybe").await;
    assert_eq!(code, 400);
    assert!(body.contains("`details` is true or false, not `maybe`"), "{body}");
}

#[tokio::test]
async fn varz_has_the_numbers_of_the_sockets_beside_the_hosts() {
    let pages = Pages::new().await;
    let (code, body) = pages.get("/varz").await;
    let numbers: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((code, &numbers["server_id"], &numbers["in_msgs"]), (200, &"s1".into(), &7.into()));
    assert!(numbers["mem"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn jsz_gets_its_options() {
    let pages = Pages::new().await;
    let (code, body) = pages.get("/jsz?streams=true").await;
    assert_eq!(code, 200);
    let numbers: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(numbers["options"]["streams"], "true");
}

#[tokio::test]
async fn metrics_are_in_the_text_format() {
    let pages = Pages::new().await;
    let (code, body) = pages.get("/metrics").await;
    assert_eq!(code, 200);
    for line in ["interlock_client_requests_total 7", "interlock_streams 2", "# TYPE interlock_peer_writes counter"] {
        assert!(body.lines().any(|found| found == line), "{line} is missing in:\n{body}");
    }
    assert!(body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn the_pages_end_with_their_server() {
    let pages = Pages::new().await;
    assert_eq!(pages.get("/nothing").await.0, 404);
    pages.quit.cancel();
    pages.task.await.unwrap().unwrap();
}
