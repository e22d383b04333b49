//! What models on shuttle and models on loom both run.

pub(crate) mod slot;
