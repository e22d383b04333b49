// Curated model of `crossbeam-channel`: `crossbeam` re-exports it.

pub use crossbeam::channel::*;
