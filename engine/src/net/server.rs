//! The server behind the sockets: what the engine's [`Server`] says to operators, and how a process runs one.

mod counted_disk;
mod numbers;

use std::collections::BTreeMap;
use std::sync::Arc;

use interlock_sync::time::Duration;
use interlock_sync::token::Token;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value};

use super::Host;
use super::config::{self, Config};
use super::peers::Peers;
use super::serve::{self, ServeError};
use crate::api::{Request, Response};
use crate::core::health;
use crate::core::names::ServerId;
use crate::disk::Disk;
use crate::heartbeat;
use crate::peer::PeerFrame;
use crate::raft;
use crate::server::{Server, Settings};

pub use counted_disk::{CountedVfs, DiskCounters};

/// A silence is noticed within this fraction of itself.
const SCANS_PER_SILENCE: u32 = 6;

/// A server, and what is counted of its disk.
struct Served {
    server: Arc<Server>,
    disk: DiskCounters,
}

/// Runs the server of a configuration until the token is cancelled.
///
/// # Errors
/// An address cannot be bound, or what is on the disk cannot be recovered.
pub async fn serve(config: &Config, quit: Token) -> Result<(), ServeError> {
    let settings = settings(config);
    let make = |peers: Arc<Peers>| async move {
        let vfs = CountedVfs::standard();
        let disk = vfs.counters();
        let server = Server::start(settings, Disk::blocking(Arc::new(vfs)), peers).await;
        let server = server.map_err(|error| error.to_string())?;
        Ok(Arc::new(Served { server, disk }))
    };
    serve::serve(config, make, quit).await
}

fn settings(config: &Config) -> Settings {
    let mut settings = Settings::new(config.id(), config.servers(), config.data.clone());
    let timing = &config.timing;
    settings.timing = raft::Timing {
        tick: timing.tick(),
        heartbeat_ticks: timing.ticks(timing.heartbeat_ms),
        election_ticks: timing.ticks(timing.election_min_ms)..timing.ticks(timing.election_max_ms),
        ..raft::Timing::default()
    };
    settings.heartbeats = heartbeats(timing);
    settings.block_bytes = config.store.block_bytes;
    settings.sync_always = config.store.sync_always;
    settings.answers_failed_writes = config.store.answer_failed_writes;
    settings
}

fn heartbeats(timing: &config::Timing) -> heartbeat::Timing {
    let silence = Duration::from_millis(timing.peer_silence_ms);
    heartbeat::Timing {
        heartbeat: Duration::from_millis(timing.peer_heartbeat_ms),
        scan: silence / SCANS_PER_SILENCE,
        silence,
        election: silence,
        ..heartbeat::Timing::default()
    }
}

impl Host for Served {
    fn deliver(&self, from: ServerId, frame: PeerFrame) {
        self.server.deliver(from, frame);
    }

    fn lose(&self, peer: ServerId) {
        self.server.lose(peer);
    }

    async fn handle(self: Arc<Self>, request: Request) -> Response {
        self.server.handle(request).await
    }

    async fn health(&self, options: &health::Options) -> health::Report {
        self.server.health(options)
    }

    fn varz(&self) -> Map<String, Value> {
        numbers::of_server(&self.server)
    }

    fn jsz(&self, options: &BTreeMap<String, String>) -> Value {
        numbers::of_engine(&self.server, options)
    }

    fn register(self: Arc<Self>, registry: &mut Registry) {
        self.disk.register(registry);
        registry.register_collector(Box::new(numbers::Collected(self.server.clone())));
    }

    async fn leader_is_known(&self) {
        let meta = self.server.engine().and_then(|engine| engine.meta());
        // A server that stands alone needs none.
        let Some(meta) = meta else { return };
        let mut status = meta.watch();
        // An error means that the node has ended: nobody waits any more.
        let _ended = status.wait_for(|status| status.leader.is_some()).await;
    }

    async fn shutdown(&self) {
        self.server.shutdown().await;
    }
}
