//! The lock-order graph as data: nodes are lock classes, an edge A → B means "B acquired while A is held".

use interlock_source::{ChainStep, Effect, Held, LockClass, LockFamily};

/// A node: a lock class and what kind of lock it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The class.
    pub class: LockClass,
    /// Its family.
    pub family: LockFamily,
    /// Its type, as `parking_lot::RwLock`.
    pub lock_type: String,
    /// Number of acquisitions seen.
    pub n_acquisitions: usize,
}

/// An order edge: `to` is acquired while `from` is held. Keeps its shortest witness.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Index of the held class in `LockGraph::nodes`.
    pub from: usize,
    /// Index of the acquired class.
    pub to: usize,
    /// Path of the function where both happen.
    pub item: String,
    /// The guard that is held.
    pub held: Held,
    /// The acquisition, with its call chain.
    pub acquired: Effect,
    /// Other locks that are exclusively held there on every path: gates.
    pub gates: Vec<LockClass>,
    /// How many places show this edge.
    pub n_places: usize,
}

impl Edge {
    /// The calls between the point and the acquisition.
    #[must_use]
    pub fn chain(&self) -> &[ChainStep] {
        &self.acquired.chain
    }
}

/// The lock-order graph of a workspace.
#[derive(Clone, Debug, Default)]
pub struct LockGraph {
    /// Nodes, sorted by class.
    pub nodes: Vec<Node>,
    /// Edges, sorted by `from`, `to`, then the shortest witness first; several edges between two nodes where
    /// their modes or their held guards differ in kind.
    pub edges: Vec<Edge>,
}

/// A cycle of the graph: edges in order, the last one leads back to the first one's `from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// Indices into `LockGraph::edges`.
    pub edges: Vec<usize>,
}
