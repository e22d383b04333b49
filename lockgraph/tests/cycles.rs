//! Edges and cycles, drawn as small programs: which orders contradict each other, and which rings cannot block.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use interlock_lockgraph::LockGraph;
use interlock_source::{Edition, Sources, Workspace};

/// Three locks of one owner, and methods in the language of the test: `lock!(a)` holds to the end of its block.
fn graph(methods: &str) -> LockGraph {
    let text = format!(
        "use std::sync::{{Mutex, RwLock}};
        pub struct S {{ gate: Mutex<u8>, a: RwLock<u8>, b: RwLock<u8>, c: RwLock<u8> }}
        impl S {{ {methods} }}"
    );
    LockGraph::build(&Workspace::analyse(Sources::of_text("example", Edition::E2021, &text)))
}

/// Compares the edges, as `a>b`, with the expectation.
fn check_edges(methods: &str, expected: &[&str]) {
    let graph = graph(methods);
    let field = |node: usize| graph.nodes[node].class.to_string().rsplit("::").next().unwrap().to_owned();
    let edges: Vec<String> =
        graph.edges.iter().map(|edge| format!("{}>{}", field(edge.from), field(edge.to))).collect();
    assert_eq!(edges, expected);
}

/// Compares the cycles, as the locks of their edges in order, with the expectation.
fn check_cycles(methods: &str, expected: &[&str]) {
    let graph = graph(methods);
    let field = |node: usize| graph.nodes[node].class.to_string().rsplit("::").next().unwrap().to_owned();
    let cycles: Vec<String> = graph
        .cycles()
        .iter()
        .map(|cycle| cycle.edges.iter().map(|edge| field(graph.edges[*edge].from)).collect::<Vec<_>>().join(">"))
        .collect();
    assert_eq!(cycles, expected);
}

const AB: &str = "fn ab(&self) { let a = self.a.write(); let b = self.b.write(); }";
const BA: &str = "fn ba(&self) { let b = self.b.write(); let a = self.a.write(); }";

#[test]
fn an_edge_goes_from_the_held_to_the_acquired_lock() {
    check_edges(AB, &["a>b"]);
    check_edges("fn f(&self) { let a = self.a.write(); drop(a); let b = self.b.write(); }", &[]);
}

#[test]
fn an_edge_through_a_call_keeps_its_chain() {
    let methods = "fn outer(&self) { let a = self.a.write(); self.inner(); } fn inner(&self) { self.b.write(); }";
    check_edges(methods, &["a>b"]);
    let graph = graph(methods);
    assert_eq!(graph.edges[0].chain().len(), 1);
    assert_eq!(graph.edges[0].chain()[0].callee, "example::S::inner");
}

#[test]
fn a_try_acquisition_waits_for_nothing() {
    check_edges("fn f(&self) { let a = self.a.write(); let b = self.b.try_write(); }", &[]);
    check_edges("fn f(&self) { if let Ok(a) = self.a.try_write() { let b = self.b.write(); } }", &["a>b"]);
}

#[test]
fn two_orders_that_contradict_are_a_cycle() {
    check_cycles(&[AB, BA].concat(), &["a>b"]);
    check_cycles(AB, &[]);
    check_cycles(&[AB, &AB.replace("fn ab", "fn again")].concat(), &[]);
}

#[test]
fn a_ring_of_three_is_a_cycle() {
    let bc = "fn bc(&self) { let b = self.b.write(); let c = self.c.write(); }";
    let ca = "fn ca(&self) { let c = self.c.write(); let a = self.a.write(); }";
    check_cycles(&[AB, bc, ca].concat(), &["a>b>c"]);
}

#[test]
fn a_common_gate_serialises_the_ring() {
    let gated = |method: &str| method.replace("{ let", "{ let gate = self.gate.lock(); let");
    check_cycles(&[gated(AB), gated(BA)].concat(), &[]);
    check_cycles(&[gated(AB), BA.to_owned()].concat(), &["a>b"]);
}

#[test]
fn readers_alone_do_not_block_each_other() {
    let read = |method: &str| method.replace("write", "read");
    check_cycles(&[read(AB), read(BA)].concat(), &[]);
    check_cycles(&[read(AB), BA.to_owned()].concat(), &["a>b"]);
    // Both threads write what they hold, and read what they want: each waits for the other's writer.
    let mixed = [AB.replace("b.write", "b.read"), BA.replace("a.write", "a.read")].concat();
    check_cycles(&mixed, &["a>b"]);
}

#[test]
fn test_code_is_no_part_of_the_graph() {
    check_edges(&format!("#[test] {AB}"), &[]);
}

#[test]
fn parts_of_the_graph_keep_their_edges() {
    let bc = "fn bc(&self) { let b = self.b.write(); let c = self.c.write(); }";
    let whole = graph(&[AB, bc].concat());
    assert_eq!((whole.nodes.len(), whole.edges.len()), (3, 2));
    let near_a = whole.neighbourhood(&[0]);
    assert_eq!((near_a.nodes.len(), near_a.edges.len()), (2, 1));
    let between = whole.between_nodes(&[0], &[2]);
    assert_eq!((between.nodes.len(), between.edges.len()), (3, 2));
    let backwards = whole.between_nodes(&[2], &[0]);
    assert!(backwards.nodes.is_empty());
}
