//! The sharded concurrent map. Its hasher has no random state, so that a seed replays.

use std::hash::BuildHasherDefault;

/// A map with a lock per shard. A reference, entry or iterator holds the lock of its shard while it lives.
pub type ConcurrentMap<K, V> = dashmap::DashMap<K, V, BuildHasherDefault<rustc_hash::FxHasher>>;

pub use dashmap::mapref::entry::Entry;
