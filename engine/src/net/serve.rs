//! A server with its sockets: the order in which they begin and end.

use std::future::Future;
use std::io;
use std::sync::Arc;

use interlock_sync::net::TcpListener;
use interlock_sync::select;
use interlock_sync::task::{self, JoinHandle};
use interlock_sync::time::{Duration, timeout};
use interlock_sync::token::Token;
use thiserror::Error;

use super::clients::{ClientLimits, Clients};
use super::config::Config;
use super::peers::{PeerLimits, PeerOptions, Peers};
use super::{Counters, Host, http};

/// How long connections of clients may take to end once nothing is behind them.
const CLIENTS_LIMIT: Duration = Duration::from_secs(8);

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// An address is taken, or is not this machine's.
    #[error("failed to listen on {address} (`listen.{key}`): {error}")]
    Listen {
        /// The key in the configuration.
        key: &'static str,
        /// The address.
        address: String,
        /// The system's reason.
        error: io::Error,
    },
    /// What stands behind the sockets does not start.
    #[error("failed to start: {0}")]
    Host(String),
}

/// The three listeners.
struct Listeners {
    clients: TcpListener,
    peers: TcpListener,
    http: TcpListener,
}

impl Listeners {
    async fn bind(config: &Config) -> Result<Self, ServeError> {
        Ok(Self {
            clients: bind("clients", &config.listen.clients).await?,
            peers: bind("peers", &config.listen.peers).await?,
            http: bind("http", &config.listen.http).await?,
        })
    }
}

async fn bind(key: &'static str, address: &str) -> Result<TcpListener, ServeError> {
    let refused = |error| ServeError::Listen { key, address: address.to_owned(), error };
    TcpListener::bind(address).await.map_err(refused)
}

/// Runs a server until the token is cancelled. `make_host` starts what stands behind the sockets, on the transport.
///
/// # Errors
/// An address cannot be bound, or the host does not start.
pub async fn serve<H: Host, F>(
    config: &Config,
    make_host: impl FnOnce(Arc<Peers>) -> F,
    quit: Token,
) -> Result<(), ServeError>
where
    F: Future<Output = Result<Arc<H>, String>>,
{
    let counters = Counters::default();
    let peers = Peers::new(peer_options(config), counters.clone());
    let host = make_host(peers.clone()).await.map_err(ServeError::Host)?;
    let started = start(config, &peers, &host, &counters, &quit).await;
    if started.is_ok() {
        until(&quit, host.leader_is_known()).await;
        if !quit.is_cancelled() {
            tracing::info!("ready: the cluster has a leader");
        }
        quit.cancelled().await;
        tracing::info!("shutting down");
    }
    quit.cancel();
    // The host first: it ends the requests that wait, whose answers the connections then write.
    host.shutdown().await;
    peers.wait().await;
    started?.wait().await;
    Ok(())
}

/// What serves clients and operators.
struct Started {
    clients: Clients,
    pages: JoinHandle<io::Result<()>>,
}

impl Started {
    async fn wait(self) {
        if timeout(CLIENTS_LIMIT, self.clients.wait()).await.is_err() {
            tracing::warn!("shutdown: connections of clients are left behind");
        }
        match timeout(CLIENTS_LIMIT, self.pages).await {
            Ok(Ok(Ok(()))) | Err(_) => {}
            Ok(Ok(Err(error))) => tracing::warn!("the pages ended early: {error}"),
            Ok(Err(error)) => tracing::warn!("the pages ended early: {error}"),
        }
    }
}

/// Binds the listeners and serves. Whoever waits for a leader does so behind them: the votes that make one come in
/// through them (O-36).
async fn start<H: Host>(
    config: &Config,
    peers: &Arc<Peers>,
    host: &Arc<H>,
    counters: &Counters,
    quit: &Token,
) -> Result<Started, ServeError> {
    if crate::mutant!(M117) {
        until(quit, host.leader_is_known()).await;
    }
    let Listeners { clients: for_clients, peers: for_peers, http: for_http } = Listeners::bind(config).await?;
    peers.start(for_peers, host, quit);
    let limits = client_limits(config);
    let clients = Clients::new(config.cluster.clone(), config.id(), limits, counters.clone(), quit.clone());
    clients.start(for_clients, host);
    let pages = task::spawn(http::serve(for_http, host.clone(), counters.clone(), quit.clone()));
    let listen = &config.listen;
    tracing::info!("listening: clients {} · peers {} · http {}", listen.clients, listen.peers, listen.http);
    Ok(Started { clients, pages })
}

/// Waits for something, or for the end.
async fn until(quit: &Token, future: impl Future<Output = ()>) {
    select! {
        biased;
        () = quit.cancelled() => {}
        () = future => {}
    }
}

fn peer_options(config: &Config) -> PeerOptions {
    let limits = PeerLimits {
        queue_frames: config.limits.peer_queue_frames,
        queue_bytes: config.limits.peer_queue_bytes,
        ..PeerLimits::default()
    };
    PeerOptions { cluster: config.cluster.clone(), me: config.id(), addresses: config.others(), limits }
}

fn client_limits(config: &Config) -> ClientLimits {
    ClientLimits {
        n_connections: config.limits.clients,
        n_in_flight: config.limits.in_flight,
        ..ClientLimits::default()
    }
}
