//! Parts of the graph: the neighbourhood of a lock, and what lies between two.

use std::collections::BTreeSet;

use crate::LockGraph;

impl LockGraph {
    /// The given nodes, those one edge away, and the edges among them.
    #[must_use]
    pub fn neighbourhood(&self, nodes: &[usize]) -> LockGraph {
        let mut kept: BTreeSet<usize> = nodes.iter().copied().collect();
        for edge in &self.edges {
            if nodes.contains(&edge.from) || nodes.contains(&edge.to) {
                kept.extend([edge.from, edge.to]);
            }
        }
        self.restricted(&kept)
    }

    /// The nodes on some path from one of `from` to one of `to`, and the edges among them.
    #[must_use]
    pub fn between_nodes(&self, from: &[usize], to: &[usize]) -> LockGraph {
        let ahead = self.reachable(from, |edge| (edge.from, edge.to));
        let behind = self.reachable(to, |edge| (edge.to, edge.from));
        self.restricted(&ahead.intersection(&behind).copied().collect())
    }

    fn reachable(&self, start: &[usize], step: impl Fn(&crate::Edge) -> (usize, usize)) -> BTreeSet<usize> {
        let mut seen: BTreeSet<usize> = start.iter().copied().collect();
        let mut open: Vec<usize> = start.to_vec();
        while let Some(node) = open.pop() {
            for (at, next) in self.edges.iter().map(&step) {
                if at == node && seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen
    }

    fn restricted(&self, kept: &BTreeSet<usize>) -> LockGraph {
        let position = |node: usize| kept.iter().position(|known| *known == node);
        let edges = self.edges.iter().filter_map(|edge| {
            let (from, to) = (position(edge.from)?, position(edge.to)?);
            Some(crate::Edge { from, to, ..edge.clone() })
        });
        LockGraph { nodes: kept.iter().map(|node| self.nodes[*node].clone()).collect(), edges: edges.collect() }
    }
}
