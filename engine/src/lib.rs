//! The reference engine: streams and consumers replicated by raft, with the races of clustered brokers solved, and able
//! to be put back.
//!
//! `core` decides and touches nothing; `disk`, `store` and `raft` make decisions durable and agreed; the modules above
//! them run the tasks. Nothing here names a runtime or a lock library: those are `interlock-sync`'s.

// A name means one thing in a function, and what cannot fail does not say that it can. Tests may repeat names.
#![cfg_attr(not(test), deny(clippy::shadow_unrelated, clippy::unnecessary_wraps))]

pub mod api;
pub mod batches;
pub mod bench;
pub mod calls;
#[cfg(feature = "server")]
pub mod client;
pub mod consumer;
pub mod core;
pub mod disk;
pub mod engine;
pub mod events;
pub mod failpoint;
mod generation;
pub mod heartbeat;
pub mod liveness;
pub mod member;
#[cfg(feature = "mutation")]
pub mod mutation;
#[cfg(feature = "server")]
pub mod net;
pub mod peer;
pub mod raft;
mod requests;
pub mod server;
#[cfg(feature = "mutation")]
pub mod sim;
pub mod slot;
mod snapshots;
pub mod sticky;
pub mod store;
pub mod stream;
mod throttle;
pub mod wire;
