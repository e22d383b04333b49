//! Cycles that can deadlock: threads that wait for each other in a ring.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use interlock_source::{LockClass, Mode};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::{Cycle, Edge, LockGraph};

impl LockGraph {
    /// The shortest cycle through each edge that lies on one, each cycle once.
    ///
    /// Left out: cycles under a common gate lock, and those that two readers would share.
    #[must_use]
    pub fn cycles(&self) -> Vec<Cycle> {
        let component = self.components();
        let mut found: BTreeSet<Vec<usize>> = BTreeSet::new();
        for edge in &self.edges {
            if component[edge.from] != component[edge.to] {
                continue;
            }
            if let Some(ring) = self.shortest_path(edge.to, edge.from) {
                found.insert(rotated(ring));
            }
        }
        found.iter().filter_map(|ring| self.close(ring)).collect()
    }

    /// The strongly connected component of each node.
    fn components(&self) -> Vec<usize> {
        let mut graph: DiGraph<(), ()> = DiGraph::new();
        for _ in &self.nodes {
            graph.add_node(());
        }
        for edge in &self.edges {
            graph.update_edge(NodeIndex::new(edge.from), NodeIndex::new(edge.to), ());
        }
        let mut component = vec![0; self.nodes.len()];
        for (at, members) in tarjan_scc(&graph).into_iter().enumerate() {
            for member in members {
                component[member.index()] = at;
            }
        }
        component
    }

    /// Nodes from `from` to `to`, both included.
    fn shortest_path(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let mut came_from: BTreeMap<usize, usize> = BTreeMap::from([(from, from)]);
        let mut open = VecDeque::from([from]);
        while let Some(at) = open.pop_front() {
            if at == to {
                let mut path = vec![to];
                let mut node = to;
                while node != from {
                    node = came_from[&node];
                    path.push(node);
                }
                path.reverse();
                return Some(path);
            }
            for edge in self.edges.iter().filter(|edge| edge.from == at) {
                if let std::collections::btree_map::Entry::Vacant(entry) = came_from.entry(edge.to) {
                    entry.insert(at);
                    open.push_back(edge.to);
                }
            }
        }
        None
    }

    /// Chooses an edge for each step of a ring of nodes, such that the threads can block each other.
    fn close(&self, ring: &[usize]) -> Option<Cycle> {
        let choices: Vec<Vec<usize>> =
            (0..ring.len()).map(|at| self.between(ring[at], ring[(at + 1) % ring.len()])).collect();
        self.choose(&choices, &mut Vec::new()).map(|edges| Cycle { edges })
    }

    fn between(&self, from: usize, to: usize) -> Vec<usize> {
        (0..self.edges.len()).filter(|at| self.edges[*at].from == from && self.edges[*at].to == to).collect()
    }

    fn choose(&self, choices: &[Vec<usize>], chosen: &mut Vec<usize>) -> Option<Vec<usize>> {
        if chosen.len() == choices.len() {
            return self.can_block(chosen).then(|| chosen.clone());
        }
        for edge in &choices[chosen.len()] {
            chosen.push(*edge);
            if let Some(found) = self.choose(choices, chosen) {
                return Some(found);
            }
            chosen.pop();
        }
        None
    }

    /// Whether at each lock what one thread wants excludes what the next one holds, and no gate serialises them.
    fn can_block(&self, edges: &[usize]) -> bool {
        let edge = |at: usize| &self.edges[edges[at % edges.len()]];
        let conflicts = (0..edges.len()).all(|at| excludes(edge(at), edge(at + 1)));
        conflicts && common_gate(edges.iter().map(|at| &self.edges[*at])).is_none()
    }
}

fn excludes(wants: &Edge, holds: &Edge) -> bool {
    wants.acquired.acquisition.mode == Mode::Exclusive || holds.held.acquisition.mode == Mode::Exclusive
}

/// A lock that every thread of the cycle holds: then only one of them is inside at a time.
fn common_gate<'a>(mut edges: impl Iterator<Item = &'a Edge>) -> Option<LockClass> {
    let first = edges.next()?;
    let rest: Vec<&Edge> = edges.collect();
    first.gates.iter().find(|gate| rest.iter().all(|edge| edge.gates.contains(gate))).cloned()
}

/// The same ring starts at its smallest node.
fn rotated(mut ring: Vec<usize>) -> Vec<usize> {
    let smallest = ring.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(at, _)| at);
    ring.rotate_left(smallest);
    ring
}
