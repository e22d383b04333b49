//! What stands behind the sockets in these tests: it counts, and answers by rules that a test can see through.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use interlock_engine::api::{FetchEnd, PubAck, Request, Response};
use interlock_engine::core::api_error::ApiError;
use interlock_engine::core::health::{Options, Problem, Report, Subject};
use interlock_engine::core::names::ServerId;
use interlock_engine::net::Host;
use interlock_engine::peer::PeerFrame;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

/// A host that numbers publications in the order in which they are first polled.
pub(crate) struct StandIn {
    pub(crate) delivered: Mutex<Vec<(ServerId, PeerFrame)>>,
    pub(crate) lost: Mutex<Vec<ServerId>>,
    pub(crate) last_seq: AtomicU64,
    pub(crate) n_cancelled: AtomicU64,
    /// Whether its engine is shut down.
    pub(crate) is_off: AtomicBool,
    is_led: watch::Sender<bool>,
    pub(crate) is_down: watch::Sender<bool>,
}

impl StandIn {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            delivered: Mutex::default(),
            lost: Mutex::default(),
            last_seq: AtomicU64::new(0),
            n_cancelled: AtomicU64::new(0),
            is_off: AtomicBool::new(false),
            is_led: watch::Sender::new(false),
            is_down: watch::Sender::new(false),
        })
    }

    pub(crate) fn n_delivered(&self) -> usize {
        self.delivered.lock().unwrap().len()
    }

    pub(crate) fn is_led(&self) -> bool {
        *self.is_led.borrow()
    }
}

/// Counts when its future is dropped before its end.
struct Counted<'a>(Option<&'a AtomicU64>);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if let Some(counter) = self.0 {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Host for StandIn {
    fn deliver(&self, from: ServerId, frame: PeerFrame) {
        self.delivered.lock().unwrap().push((from, frame));
        // Whoever hears of another server is led: enough to see whether listeners are there in time.
        self.is_led.send_replace(true);
    }

    fn lose(&self, peer: ServerId) {
        self.lost.lock().unwrap().push(peer);
    }

    async fn handle(self: Arc<Self>, request: Request) -> Response {
        if self.is_off.load(Ordering::Relaxed) {
            return Response::Error(ApiError::NOT_ENABLED);
        }
        match request {
            Request::Publish(publish) => {
                let seq = self.last_seq.fetch_add(1, Ordering::Relaxed) + 1;
                // Later ones are answered earlier.
                let delay = publish.payload.first().map_or(0, |wait| u64::from(*wait));
                if delay > 0 {
                    tokio::time::sleep(Duration::from_millis(delay)).await;
                }
                if publish.subject == "silence" {
                    return Response::Silence;
                }
                Response::Published(PubAck { stream: publish.subject, seq, ..PubAck::default() })
            }
            Request::Fetch { .. } => {
                let mut counted = Counted(Some(&self.n_cancelled));
                let mut is_down = self.is_down.subscribe();
                let _down = is_down.wait_for(|down| *down).await;
                counted.0 = None;
                Response::Fetched(Vec::new(), FetchEnd::ServerShutdown)
            }
            Request::StreamNames => Response::Names(vec!["A".to_owned(), "B".to_owned()]),
            _ => Response::Error(ApiError::STREAM_NOT_FOUND),
        }
    }

    async fn health(&self, options: &Options) -> Report {
        let problem = |subject, consumer: Option<&str>, error: &str| Problem {
            subject,
            stream: options.stream.clone(),
            consumer: consumer.map(str::to_owned),
            error: error.to_owned(),
        };
        let of_stream = problem(Subject::Stream, None, "write error: EIO");
        let of_consumer = problem(Subject::Consumer, Some("D"), "monitor not running");
        match options.stream {
            None => Report { http_status: 200, problems: Vec::new() },
            Some(_) => Report { http_status: 503, problems: vec![of_stream, of_consumer] },
        }
    }

    fn varz(&self) -> Map<String, Value> {
        Map::from_iter([("server_id".to_owned(), json!("s1"))])
    }

    fn jsz(&self, options: &BTreeMap<String, String>) -> Value {
        json!({ "streams": 2, "options": options })
    }

    fn register(self: Arc<Self>, registry: &mut Registry) {
        let gauge = prometheus_client::metrics::gauge::Gauge::<i64>::default();
        gauge.set(2);
        registry.register("interlock_streams", "Streams", gauge);
    }

    async fn leader_is_known(&self) {
        let mut is_led = self.is_led.subscribe();
        let _led = is_led.wait_for(|led| *led).await;
    }

    async fn shutdown(&self) {
        self.is_down.send_replace(true);
    }
}
