//! The scenarios of `docs/engine/scenarios.md`, by their ids: each holds as shipped, and fails with a named symptom when a bug
//! that it must catch is put back.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[macro_use]
mod harness;
mod batch;
mod catchup_errors;
mod catchups;
mod consumer_ends;
mod consumers;
mod delivery;
mod downgrades;
mod driver;
mod edges;
mod ends_with_errors;
mod founding;
mod handoff;
mod heartbeat;
mod inactivity;
mod liveness;
mod lives;
mod moves;
mod orders;
mod proposals;
mod raft_node;
mod raft_random;
mod raft_requests;
mod raft_world;
mod requests;
mod retention;
mod smoke;
mod store;
mod store_races;
mod stream_batches;
mod told;
mod write_errors;
