//! A server in numbers: `/varz`, `/jsz`, and the gauges of `/metrics`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use serde_json::{Map, Value, json};

use crate::consumer::Consumer;
use crate::engine::Engine;
use crate::liveness::PeerLiveness;
use crate::member::Member;
use crate::raft::Node;
use crate::server::Server;
use crate::store::Store;
use crate::stream::Stream;

/// What `/varz` says besides the sockets' own numbers.
pub(super) fn of_server(server: &Arc<Server>) -> Map<String, Value> {
    let settings = &server.context().settings;
    let engine = server.engine();
    let mut stream_engine = json!({
        "config": { "store_dir": settings.folder.display().to_string() },
        "enabled": engine.is_some(),
    });
    if let Some(engine) = &engine {
        let totals = Totals::of(engine);
        stream_engine["stats"] = json!({
            "streams": totals.streams,
            "consumers": totals.consumers,
            "messages": totals.messages,
            "bytes": totals.bytes,
            "ha_assets": totals.groups,
        });
        stream_engine["meta"] = of_meta(server, engine);
    }
    Map::from_iter([
        ("server_id".to_owned(), json!(settings.id.to_string())),
        ("version".to_owned(), json!(env!("CARGO_PKG_VERSION"))),
        ("jetstream".to_owned(), stream_engine),
        ("liveness".to_owned(), of_liveness(server)),
    ])
}

/// The other servers as they are seen from here; null where there is no cluster.
fn of_liveness(server: &Server) -> Value {
    let Some(liveness) = server.liveness() else { return Value::Null };
    let peer = |peer: PeerLiveness| {
        json!({
            "server_id": peer.server.to_string(),
            "alive": peer.is_alive,
            "silent_ms": peer.silent_for.map(|silence| u64::try_from(silence.as_millis()).unwrap_or(u64::MAX)),
            "groups_led": peer.n_led,
        })
    };
    let status = liveness.status();
    json!({
        "peers": liveness.peers().into_iter().map(peer).collect::<Vec<_>>(),
        "groups_watched": status.n_watched,
        "election_triggers": status.monitor.n_queued,
        "election_triggers_refused": status.monitor.n_refused,
    })
}

/// What `/jsz` says; the details with `?streams=1`, those of consumers with `?consumers=1`.
pub(super) fn of_engine(server: &Arc<Server>, options: &BTreeMap<String, String>) -> Value {
    let server_id = server.context().settings.id.to_string();
    let Some(engine) = server.engine() else {
        return json!({ "server_id": server_id, "disabled": true, "write_error": server.stopped_by() });
    };
    let is_asked = |option: &str| options.get(option).is_some_and(|value| value != "0" && value != "false");
    let totals = Totals::of(&engine);
    let mut document = json!({
        "server_id": server_id,
        "streams": totals.streams,
        "consumers": totals.consumers,
        "messages": totals.messages,
        "bytes": totals.bytes,
        "ha_assets": totals.groups,
        "meta_cluster": of_meta(server, &engine),
    });
    if is_asked("streams") || is_asked("consumers") {
        let details = |stream: Arc<Stream>| of_stream(server, &stream, is_asked("consumers"));
        document["stream_detail"] = engine.streams().into_iter().map(details).collect();
    }
    document
}

fn of_meta(server: &Arc<Server>, engine: &Engine) -> Value {
    let status = engine.meta().map(|meta| meta.status());
    json!({
        "name": crate::engine::meta::GROUP,
        "leader": status.as_ref().and_then(|status| status.leader).map(|leader| leader.to_string()),
        "peer": server.context().settings.id.to_string(),
        "cluster_size": server.context().settings.servers.len(),
        "pending": status.map_or(0, |status| status.commit.saturating_sub(status.applied)),
        "write_error": engine.meta_error().map(|error| error.report()),
    })
}

fn of_stream(server: &Arc<Server>, stream: &Arc<Stream>, has_consumers: bool) -> Value {
    let totals = stream.totals();
    let mut document = json!({
        "name": stream.name(),
        "created_ns": stream.created_ns(),
        "replicas": stream.config().replicas,
        "state": {
            "messages": totals.messages,
            "bytes": totals.bytes,
            "first_seq": totals.first_seq,
            "last_seq": totals.last_seq,
            "consumer_count": totals.consumers,
        },
        "store": of_store(stream.store()),
        "cluster": of_cluster(server, stream.member()),
        "interlock": of_member(stream.member(), stream.applied()),
    });
    if has_consumers {
        let details = |consumer: Arc<Consumer>| of_consumer(server, &consumer);
        document["consumer_detail"] = stream.consumers().into_iter().map(details).collect();
    }
    document
}

fn of_store(store: &Store) -> Value {
    let usage = store.usage();
    json!({
        "blocks": usage.n_blocks,
        "file_bytes": usage.file_bytes,
        "open_files": usage.n_open_files,
        "index_bytes": usage.index_bytes,
        "pending_bytes": usage.pending_bytes,
        "subjects": usage.n_subjects,
        "lost": store.lost_range().map(|(first, last)| json!({ "first_seq": first, "last_seq": last })),
    })
}

fn of_consumer(server: &Arc<Server>, consumer: &Consumer) -> Value {
    json!({
        "name": consumer.key().name,
        "created_ns": consumer.created_ns(),
        "cluster": of_cluster(server, consumer.member()),
        "interlock": of_member(consumer.member(), consumer.digest().0),
    })
}

fn of_cluster(server: &Arc<Server>, member: &Member) -> Value {
    let info = member.cluster_info(server.context().settings.id);
    let replica = |(id, is_current): &(crate::core::names::ServerId, bool)| json!({ "name": id.to_string(), "current": is_current });
    json!({
        "name": info.group,
        "leader": info.leader.map(|leader| leader.to_string()),
        "replicas": info.replicas.iter().map(replica).collect::<Vec<_>>(),
    })
}

/// What only tests and the curious look at, under a key of its own.
fn of_member(member: &Member, applied: u64) -> Value {
    let slot = member.slot.status();
    json!({
        "slot": { "running": slot.running, "generation": slot.generation, "count": slot.count },
        "write_error": member.write_error.get().map(|error| error.report()),
        "applied": applied,
        "node": member.node().map(|node| of_node(&node)),
    })
}

fn of_node(node: &Node) -> Value {
    let status = node.status();
    json!({
        "group": node.group().as_str(),
        "role": format!("{:?}", status.role).to_lowercase(),
        "term": status.term,
        "commit": status.commit,
        "applied": status.applied,
        "snapshot": status.snapshot_index,
        "write_error": node.write_error().map(|error| error.report()),
    })
}

/// Sums over what runs here.
#[derive(Default)]
struct Totals {
    streams: u64,
    consumers: u64,
    messages: u64,
    bytes: u64,
    led: u64,
    failed: u64,
    groups: u64,
    groups_failed: u64,
}

impl Totals {
    fn of(engine: &Engine) -> Self {
        let mut totals = Self::default();
        for stream in engine.streams() {
            let own = stream.totals();
            totals.streams += 1;
            totals.consumers += own.consumers;
            totals.messages += own.messages;
            totals.bytes += own.bytes;
            totals.led += u64::from(stream.member().leads());
            totals.failed += u64::from(stream.member().write_error.get().is_some());
        }
        for group in engine.groups() {
            totals.groups += 1;
            totals.groups_failed += u64::from(engine.node(&group).is_some_and(|node| node.write_error().is_some()));
        }
        totals
    }
}

/// The gauges of a server, gathered when they are asked for.
pub(super) struct Collected(pub(super) Arc<Server>);

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collected({})", self.0.context().settings.id)
    }
}

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let engine = self.0.engine();
        let totals = engine.as_ref().map(|engine| Totals::of(engine)).unwrap_or_default();
        let liveness = self.0.liveness();
        let peers = liveness.map(crate::liveness::Liveness::peers).unwrap_or_default();
        let watch = liveness.map(|liveness| liveness.status()).unwrap_or_default();
        let gauges = [
            ("interlock_engine_enabled", "1 while the stream engine runs", u64::from(engine.is_some())),
            ("interlock_streams", "Streams that run here", totals.streams),
            ("interlock_streams_led", "Streams that are led from here", totals.led),
            ("interlock_streams_failed", "Streams here with a write error", totals.failed),
            ("interlock_consumers", "Consumers that run here", totals.consumers),
            ("interlock_messages", "Messages that are kept here", totals.messages),
            ("interlock_message_bytes", "Bytes of those messages", totals.bytes),
            ("interlock_groups", "Raft groups with a member here", totals.groups),
            ("interlock_groups_failed", "Raft groups whose member here has a write error", totals.groups_failed),
            ("interlock_peers", "Other servers of the cluster", peers.len() as u64),
            ("interlock_peers_alive", "Those that are heard", peers.iter().filter(|peer| peer.is_alive).count() as u64),
            ("interlock_groups_watched", "Groups whose leaders' heartbeats are watched", watch.n_watched as u64),
            ("interlock_election_triggers", "Groups that fell silent since the start", watch.monitor.n_queued),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
