//! Builds the graph: every acquisition made while another lock is held, directly or through calls.

use std::collections::BTreeMap;

use interlock_source::{Body, Effect, Held, LockClass, LockFamily, Mode, Point, PointKind, Wait, Workspace};

use crate::{Edge, LockGraph, Node};

/// Edges between two nodes are told apart by their modes.
type EdgeKey = (LockClass, LockClass, Mode, Mode);

impl LockGraph {
    /// The graph of a workspace. Test code is not part of it.
    #[must_use]
    pub fn build(workspace: &Workspace) -> LockGraph {
        let mut nodes: BTreeMap<LockClass, Node> = BTreeMap::new();
        let mut edges: BTreeMap<EdgeKey, Edge> = BTreeMap::new();
        for body in workspace.bodies().iter().filter(|body| !body.is_test) {
            for point in &body.points {
                note_node(point, &mut nodes);
                if !point.held.is_empty() {
                    note_edges(workspace, body, point, &mut edges);
                }
            }
        }
        finish(nodes, edges)
    }
}

fn note_node(point: &Point, nodes: &mut BTreeMap<LockClass, Node>) {
    let PointKind::Acquire(acquisition) = &point.kind else { return };
    if acquisition.family == LockFamily::Cell {
        return;
    }
    let class = acquisition.lock.class.clone();
    let node = nodes.entry(class.clone()).or_insert_with(|| Node {
        class,
        family: acquisition.family,
        lock_type: acquisition.lock_type.to_string(),
        n_acquisitions: 0,
    });
    node.n_acquisitions += 1;
}

fn note_edges(workspace: &Workspace, body: &Body, point: &Point, edges: &mut BTreeMap<EdgeKey, Edge>) {
    for effect in workspace.effects(body, point) {
        // A `try_` acquisition never waits: it cannot close a cycle.
        if effect.acquisition.wait == Wait::Never || effect.acquisition.family == LockFamily::Cell {
            continue;
        }
        for held in &point.held {
            if is_edge(held, &effect) {
                add_edge(body, held, &effect, &point.held, edges);
            }
        }
    }
}

fn is_edge(held: &Held, effect: &Effect) -> bool {
    held.acquisition.family != LockFamily::Cell && held.acquisition.lock.class != effect.acquisition.lock.class
}

fn add_edge(body: &Body, held: &Held, effect: &Effect, all: &[Held], edges: &mut BTreeMap<EdgeKey, Edge>) {
    let (from, to) = (&held.acquisition, &effect.acquisition);
    let key = (from.lock.class.clone(), to.lock.class.clone(), from.mode, to.mode);
    let gates = all
        .iter()
        .filter(|gate| gate.must && gate.acquisition.mode == Mode::Exclusive)
        .map(|gate| gate.acquisition.lock.class.clone())
        .filter(|class| *class != from.lock.class)
        .collect();
    let candidate = Edge {
        from: 0,
        to: 0,
        item: body.item.to_string(),
        held: held.clone(),
        acquired: effect.clone(),
        gates,
        n_places: 1,
    };
    match edges.get_mut(&key) {
        None => {
            edges.insert(key, candidate);
        }
        Some(known) => {
            let n_places = known.n_places + 1;
            if rank(&candidate) < rank(known) {
                *known = candidate;
            }
            known.n_places = n_places;
        }
    }
}

/// The best witness of an edge: surest, least gated, shortest.
fn rank(edge: &Edge) -> (bool, bool, usize, usize) {
    (!edge.held.must, edge.acquired.assumed.is_some(), edge.gates.len(), edge.acquired.chain.len())
}

fn finish(mut nodes: BTreeMap<LockClass, Node>, edges: BTreeMap<EdgeKey, Edge>) -> LockGraph {
    for edge in edges.values() {
        for acquisition in [&edge.held.acquisition, &edge.acquired.acquisition] {
            let class = acquisition.lock.class.clone();
            nodes.entry(class.clone()).or_insert_with(|| Node {
                class,
                family: acquisition.family,
                lock_type: acquisition.lock_type.to_string(),
                n_acquisitions: 0,
            });
        }
    }
    let nodes: Vec<Node> = nodes.into_values().collect();
    let index_of = |class: &LockClass| {
        nodes.binary_search_by(|node| node.class.cmp(class)).expect("every end of an edge is a node")
    };
    let edges = edges
        .into_iter()
        .map(|((from, to, _, _), edge)| Edge { from: index_of(&from), to: index_of(&to), ..edge })
        .collect();
    LockGraph { nodes, edges }
}
