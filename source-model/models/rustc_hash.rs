// Curated model of `rustc-hash`, and of `fxhash`: the collections of `std` with another hasher.

pub type FxHashMap<K, V> = std::collections::HashMap<K, V, FxBuildHasher>;
pub type FxHashSet<T> = std::collections::HashSet<T, FxBuildHasher>;
pub struct FxBuildHasher;
