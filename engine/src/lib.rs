//! The reference engine: streams and consumers replicated by raft, with the races of clustered brokers solved, and able
//! to be put back.
//!
//! `core` decides and touches nothing; `disk`, `store` and `raft` make decisions durable and agreed; the modules above
//! them run the tasks. Nothing here names a runtime or a lock library: those are `interlock-sync`'s.

pub mod core;
pub mod disk;
pub mod failpoint;
pub mod heartbeat;
#[cfg(feature = "mutation")]
pub mod mutation;
pub mod raft;
pub mod slot;
pub mod sticky;
pub mod store;
