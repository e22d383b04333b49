//! The sharded concurrent map. Its hasher has no random state, so that a seed replays.

#[cfg(any(feature = "model-loom", feature = "model-shuttle"))]
pub use crate::model::map::{ConcurrentMap, Entry};

/// A map with a lock per shard. A reference, entry or iterator holds the lock of its shard while it lives.
#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
pub type ConcurrentMap<K, V> = dashmap::DashMap<K, V, std::hash::BuildHasherDefault<rustc_hash::FxHasher>>;

#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
pub use dashmap::mapref::entry::Entry;
