// Curated model of `hashbrown`: the collections of `std` with another hasher.

pub use std::collections::{HashMap, HashSet};
pub mod hash_map { pub use std::collections::hash_map::*; }
