//! The pages for operators: `/healthz`, `/varz`, `/jsz`, `/metrics`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use interlock_sync::net::TcpListener;
use interlock_sync::time::Instant;
use interlock_sync::token::Token;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};

use super::{Counters, Host};
use crate::core::health;

const JSON: &str = "application/json";
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the pages are made of.
struct Pages<H> {
    host: Arc<H>,
    counters: Counters,
    registry: Registry,
    begun: Instant,
}

/// Serves the pages until the token is cancelled.
///
/// # Errors
/// The listener's.
pub async fn serve<H: Host>(
    listener: TcpListener,
    host: Arc<H>,
    counters: Counters,
    quit: Token,
) -> std::io::Result<()> {
    let pages = Arc::new(Pages { registry: registry_of(&host, &counters), host, counters, begun: Instant::now() });
    let router = Router::new()
        .route("/healthz", get(healthz::<H>))
        .route("/varz", get(varz::<H>))
        .route("/jsz", get(jsz::<H>))
        .route("/metrics", get(metrics::<H>))
        .with_state(pages);
    axum::serve(listener, router).with_graceful_shutdown(quit.cancelled_owned()).await
}

fn registry_of<H: Host>(host: &Arc<H>, counters: &Counters) -> Registry {
    let mut registry = Registry::default();
    counters.register(&mut registry);
    host.clone().register(&mut registry);
    registry
}

type Options = BTreeMap<String, String>;

async fn healthz<H: Host>(State(pages): State<Arc<Pages<H>>>, Query(options): Query<Options>) -> Response {
    let (code, document) = match health_options(&options) {
        Ok((asked, has_details)) => {
            let report = pages.host.health(&asked).await;
            (report.http_status, health_document(&report, has_details))
        }
        Err(reason) => (400, json!({ "status": "error", "error": reason })),
    };
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (code, [(header::CONTENT_TYPE, JSON)], document.to_string()).into_response()
}

/// The options of `/healthz`, and whether all problems are wanted. Unknown ones are left alone, as load balancers add
/// their own.
fn health_options(options: &Options) -> Result<(health::Options, bool), String> {
    let switch = |names: &[&str]| {
        let given = names.iter().find_map(|name| Some((name, options.get(*name)?)));
        match given.map(|(name, value)| (name, value.as_str())) {
            None | Some((_, "false" | "0")) => Ok(false),
            Some((_, "" | "true" | "1")) => Ok(true),
            Some((name, value)) => Err(format!("`{name}` is true or false, not `{value}`")),
        }
    };
    let text = |name: &str| options.get(name).filter(|value| !value.is_empty()).cloned();
    let asked = health::Options {
        enabled_only: switch(&["js-enabled-only", "js-enabled"])?,
        server_only: switch(&["js-server-only"])?,
        meta_only: switch(&["js-meta-only"])?,
        account: text("account"),
        stream: text("stream"),
        consumer: text("consumer"),
    };
    Ok((asked, switch(&["details"])?))
}

/// The first problem, or all of them. A healthy server's is exactly `{"status":"ok"}`.
fn health_document(report: &health::Report, has_details: bool) -> Value {
    let status = report.word();
    match report.problems.first() {
        None => json!({ "status": status }),
        Some(first) if !has_details => json!({ "status": status, "error": sentence(first) }),
        Some(_) => {
            let errors: Vec<Value> = report.problems.iter().map(problem_document).collect();
            json!({ "status": status, "errors": errors })
        }
    }
}

fn sentence(problem: &health::Problem) -> String {
    match (&problem.stream, &problem.consumer) {
        (Some(stream), Some(consumer)) => format!("consumer '{stream} > {consumer}': {}", problem.error),
        (Some(stream), None) => format!("stream '{stream}': {}", problem.error),
        (None, _) => problem.error.clone(),
    }
}

fn problem_document(problem: &health::Problem) -> Value {
    let mut document = Map::from_iter([
        ("type".to_owned(), json!(problem.subject.to_string())),
        ("error".to_owned(), json!(problem.error)),
    ]);
    for (key, name) in [("stream", &problem.stream), ("consumer", &problem.consumer)] {
        if let Some(name) = name {
            document.insert(key.to_owned(), json!(name));
        }
    }
    Value::Object(document)
}

async fn varz<H: Host>(State(pages): State<Arc<Pages<H>>>) -> Response {
    let mut numbers = pages.host.varz();
    let counters = &pages.counters;
    let own = json!({
        "connections": counters.client_connections.get(),
        "total_connections": counters.client_connects.get(),
        "in_msgs": counters.client_requests.get(),
        "out_msgs": counters.client_responses.get(),
        "in_bytes": counters.client_bytes_received.get(),
        "out_bytes": counters.client_bytes_sent.get(),
        "uptime_seconds": pages.begun.elapsed().as_secs(),
        "mem": resident_bytes(),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "peers": {
            "frames_sent": counters.peer_frames_sent.get(),
            "frames_received": counters.peer_frames_received.get(),
            "frames_dropped": counters.peer_frames_dropped.get(),
        },
    });
    if let Value::Object(own) = own {
        numbers.extend(own);
    }
    document(&Value::Object(numbers))
}

async fn jsz<H: Host>(State(pages): State<Arc<Pages<H>>>, Query(options): Query<Options>) -> Response {
    document(&pages.host.jsz(&options))
}

async fn metrics<H: Host>(State(pages): State<Arc<Pages<H>>>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &pages.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn document(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, JSON)], format!("{value:#}\n")).into_response()
}

/// Bytes of memory that the process keeps; 0 where the platform does not say.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
