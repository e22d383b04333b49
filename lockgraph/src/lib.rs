//! The lock-order graph: classes, order edges with call chains, cycles.

mod build;
mod cycles;
mod graph;
mod query;

pub use graph::{Cycle, Edge, LockGraph, Node};
