//! Measurements of the engine's own parts, for its command and its examples.

pub mod raft;
