// Curated model of `ahash`: the collections of `std` with another hasher.

pub type AHashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
pub type AHashSet<T> = std::collections::HashSet<T, RandomState>;
pub type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
pub type HashSet<T> = std::collections::HashSet<T, RandomState>;
pub struct RandomState;
