//! A hand-made lock graph with one cycle over the sample's files, for the tests of the renderers.

use interlock_lockgraph::{Cycle, Edge, LockGraph, Node};
use interlock_source::{
    Acquisition, Assumption, ChainStep, Effect, Extent, Held, LockClass, LockFamily, LockRef, Mode, Span, Wait,
};

use crate::sample::span;

fn class(owner: &str, field: &str) -> LockClass {
    LockClass::Field { owner: owner.into(), field: field.into() }
}

fn node(class: LockClass, family: LockFamily, lock_type: &str) -> Node {
    Node { class, family, lock_type: lock_type.to_owned(), n_acquisitions: 2 }
}

fn acquisition(node: &Node, operation: &str, mode: Mode, span: Span) -> Acquisition {
    Acquisition {
        lock: LockRef { class: node.class.clone(), path: None },
        lock_type: node.lock_type.as_str().into(),
        guarded: None,
        family: node.family,
        mode,
        wait: Wait::Task,
        blocking_guard: false,
        reentrant: false,
        extent: Extent::Whole,
        operation: operation.into(),
        assumed: false,
        momentary: false,
        span,
    }
}

fn held(acquisition: Acquisition) -> Held {
    Held {
        acquisition: acquisition.into(),
        must: true,
        variable: Some("node".into()),
        chain: vec![],
        extended_by: None,
    }
}

/// Through a call: `raft_node` is held, `log` is acquired.
fn through_a_call(nodes: &[Node]) -> Edge {
    let call = ChainStep {
        span: span(0, 4, 20, 32),
        item: "mycrate::Cluster::run".into(),
        callee: "mycrate::Store::flush".into(),
    };
    let written = acquisition(&nodes[1], "write", Mode::Exclusive, span(1, 3, 40, 55));
    Edge {
        from: 0,
        to: 1,
        item: "mycrate::Cluster::run".to_owned(),
        held: held(acquisition(&nodes[0], "lock", Mode::Exclusive, span(0, 3, 35, 41))),
        acquired: Effect {
            acquisition: written.into(),
            chain: vec![call],
            assumed: None,
            item: "mycrate::Store::flush".into(),
        },
        gates: vec![],
        n_places: 3,
    }
}

/// Directly, under an assumption: `from` is held, `to` is acquired.
fn direct(nodes: &[Node], from: usize, to: usize) -> Edge {
    Edge {
        from,
        to,
        item: "mycrate::Store::flush".to_owned(),
        held: held(acquisition(&nodes[from], "read", Mode::Shared, span(1, 2, 8, 13))),
        acquired: Effect {
            acquisition: acquisition(&nodes[to], "lock", Mode::Exclusive, span(1, 3, 40, 55)).into(),
            chain: vec![],
            assumed: Some(Assumption::TraitDispatch),
            item: "mycrate::Store::flush".into(),
        },
        gates: vec![class("mycrate::Cluster", "config")],
        n_places: 1,
    }
}

/// `raft_node` and `log` in a cycle; `log` before a map of the same short name outside of it.
pub(crate) fn graph() -> LockGraph {
    let nodes = vec![
        node(class("mycrate::Cluster", "raft_node"), LockFamily::Mutex, "tokio::sync::Mutex"),
        node(class("mycrate::Store", "log"), LockFamily::RwLock, "tokio::sync::RwLock"),
        node(class("mycrate::disk::Store", "log"), LockFamily::Map, "dashmap::DashMap"),
    ];
    let edges = vec![through_a_call(&nodes), direct(&nodes, 1, 0), direct(&nodes, 1, 2)];
    LockGraph { nodes, edges }
}

pub(crate) fn cycles() -> Vec<Cycle> {
    vec![Cycle { edges: vec![0, 1] }]
}
