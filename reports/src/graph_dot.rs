//! The lock graph as Graphviz DOT: shapes by family, cycles in red, uncertain edges dashed.

use interlock_lockgraph::{Cycle, Edge, LockGraph, Node};
use interlock_source::{LockFamily, Mode, Wait};

use crate::class_name::node_names;
use crate::coverage_text::counted;
use crate::place::{Files, located};

/// The graph as DOT. `cycles` are those of this graph; what they contain is red.
#[must_use]
pub fn graph_dot(graph: &LockGraph, cycles: &[Cycle], files: &dyn Files) -> String {
    let in_cycle = edges_in_cycles(graph, cycles);
    let mut text = String::from("digraph locks {\n  node [fontname=\"monospace\"];\n");
    text.push_str("  edge [fontname=\"monospace\"];\n");
    for (node_idx, (node, name)) in graph.nodes.iter().zip(node_names(graph)).enumerate() {
        let is_red = touches_cycle(graph, &in_cycle, node_idx);
        text.push_str(&format!("  n{node_idx} [{}];\n", node_attributes(node, &name, is_red)));
    }
    for (edge, is_red) in graph.edges.iter().zip(&in_cycle) {
        let attributes = edge_attributes(edge, *is_red, files);
        text.push_str(&format!("  n{} -> n{} [{attributes}];\n", edge.from, edge.to));
    }
    text + "}\n"
}

/// For each edge whether a cycle contains it.
fn edges_in_cycles(graph: &LockGraph, cycles: &[Cycle]) -> Vec<bool> {
    let mut in_cycle = vec![false; graph.edges.len()];
    for edge_idx in cycles.iter().flat_map(|cycle| &cycle.edges) {
        in_cycle[*edge_idx] = true;
    }
    in_cycle
}

fn touches_cycle(graph: &LockGraph, in_cycle: &[bool], node_idx: usize) -> bool {
    let mut edges = graph.edges.iter().zip(in_cycle);
    edges.any(|(edge, is_red)| *is_red && edge.from == node_idx)
}

fn node_attributes(node: &Node, name: &str, is_red: bool) -> String {
    let tooltip = format!("{}: {}, {}", node.class, node.lock_type, counted(node.n_acquisitions, "acquisition"));
    let (name, tooltip, shape) = (quoted(name), quoted(&tooltip), shape(node.family));
    format!("label={name}, tooltip={tooltip}, shape={shape}{}", color(is_red))
}

fn edge_attributes(edge: &Edge, is_red: bool, files: &dyn Files) -> String {
    let label = quoted(&edge_label(edge));
    let tooltip = quoted(&edge_tooltip(edge, files));
    let style = if is_certain(edge) { "solid" } else { "dashed" };
    format!("label={label}, tooltip={tooltip}, style={style}{}", color(is_red))
}

fn edge_label(edge: &Edge) -> String {
    let held = mode(edge.held.acquisition.mode);
    let acquired = mode(edge.acquired.acquisition.mode);
    let attempt = match edge.acquired.acquisition.wait {
        Wait::Never => "try ",
        Wait::Thread | Wait::Task => "",
    };
    format!("{held} → {attempt}{acquired}, {}", counted(edge.n_places, "place"))
}

fn edge_tooltip(edge: &Edge, files: &dyn Files) -> String {
    let held = located(edge.held.acquisition.span, files);
    let acquired = located(edge.acquired.acquisition.span, files);
    let via: String = edge.chain().iter().map(|call| format!(" via {}", call.callee)).collect();
    format!("{}: held since {held}, acquired at {acquired}{via}", edge.item)
}

/// Whether the guard is held on every path, and the acquisition rests on no assumption.
fn is_certain(edge: &Edge) -> bool {
    edge.held.must && edge.acquired.assumed.is_none()
}

fn color(is_red: bool) -> &'static str {
    if is_red { ", color=red, fontcolor=red" } else { "" }
}

fn shape(family: LockFamily) -> &'static str {
    match family {
        LockFamily::Mutex => "box",
        LockFamily::RwLock => "ellipse",
        LockFamily::Map => "cylinder",
        LockFamily::Semaphore => "hexagon",
        LockFamily::Cell => "note",
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Shared => "shared",
        Mode::Exclusive => "exclusive",
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Sample, check_document};
    use crate::sample_graph::{cycles, graph};

    #[test]
    fn a_graph_is_drawn_like_this() {
        let text = graph_dot(&graph(), &cycles(), &Sample);
        check_document(&text, include_str!("expected/graph.dot"));
    }

    #[test]
    fn an_empty_graph_is_a_graph() {
        let text = graph_dot(&LockGraph::default(), &[], &Sample);
        assert!(text.starts_with("digraph locks {\n"));
        assert!(text.ends_with("}\n"));
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted(r#"a "b" \c"#), r#""a \"b\" \\c""#);
    }
}
