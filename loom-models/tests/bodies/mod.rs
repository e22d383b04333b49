//! What models on shuttle and models on loom both run.
#![allow(dead_code, reason = "a target runs some of it")]

#[cfg(feature = "model-shuttle")]
pub(crate) mod bare;
pub(crate) mod heartbeats;
pub(crate) mod slot;
