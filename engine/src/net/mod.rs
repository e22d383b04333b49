//! Sockets of a server: its peers, its clients, its pages for operators. `docs/engine/protocol.md` has the bytes.
//!
//! Nothing here decides anything: frames and requests go to a [`Host`], and what it answers goes back.

pub mod clients;
pub mod config;
mod connection;
mod counters;
pub mod http;
pub mod peers;
pub mod serve;
pub mod server;

use std::collections::BTreeMap;
use std::sync::Arc;

use prometheus_client::registry::Registry;

use crate::api::{Request, Response};
use crate::core::health;
use crate::core::names::ServerId;
use crate::peer::PeerFrame;

pub use connection::{ConnectionError, FrameSource};
pub(crate) use connection::{open as open_connection, write_within};
pub use counters::Counters;

/// Who stands behind the sockets: the server, or a stand-in of a test.
pub trait Host: Send + Sync + 'static {
    /// A frame of another server has come. Never blocks.
    fn deliver(&self, from: ServerId, frame: PeerFrame);
    /// A connection with another server is gone, and frames with it: answers that are waited for may never come. Never
    /// blocks.
    fn lose(&self, peer: ServerId);
    /// Answers a request; [`Response::Silence`] is not sent. It is polled once in the order in which the requests of a connection came in: what must keep
    /// that order happens before its first await.
    fn handle(self: Arc<Self>, request: Request) -> impl Future<Output = Response> + Send;
    /// Whether all is well.
    fn health(&self, options: &health::Options) -> impl Future<Output = health::Report> + Send;
    /// The server in numbers.
    fn varz(&self) -> serde_json::Map<String, serde_json::Value>;
    /// Its streams and consumers in numbers; the query's options as they came.
    fn jsz(&self, options: &BTreeMap<String, String>) -> serde_json::Value;
    /// Enters its metrics.
    fn register(self: Arc<Self>, registry: &mut Registry);
    /// Waits until the cluster has a leader.
    fn leader_is_known(&self) -> impl Future<Output = ()> + Send;
    /// Ends everything, in order.
    fn shutdown(&self) -> impl Future<Output = ()> + Send;
}
