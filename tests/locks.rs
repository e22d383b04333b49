//! `engine/LOCKS.md` says which locks the engine has and in which order they are taken. The order is declared by hand;
//! the edges are the lock graph's, compared one by one.
//!
//! `INTERLOCK_BLESS=1 cargo test --test locks` rewrites the edges; the order stays for people.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use interlock_lockgraph::LockGraph;
use interlock_source::{LoadOptions, Workspace};

const CRATE: &str = "interlock_engine::";
const ORDER: &str = "## Order\n";
const EDGES: &str = "## Edges\n";
const FENCE: &str = "```text\n";

/// Lock classes without the crate's name: the one that is held, the one that is acquired.
type Edge = (String, String);

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/LOCKS.md")
}

/// The edges between the engine's own locks, as `cargo interlock graph` has them.
fn edges_of_the_graph() -> BTreeSet<Edge> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let workspace =
        Workspace::load(&LoadOptions { dir, ..LoadOptions::default() }).expect("this workspace can be read");
    let graph = LockGraph::build(&workspace);
    assert!(graph.nodes.len() > 30, "{} locks were seen", graph.nodes.len());
    let name = |node: usize| graph.nodes[node].class.to_string();
    let pairs = graph.edges.iter().map(|edge| (name(edge.from), name(edge.to)));
    let own = |name: &String| name.strip_prefix(CRATE).map(str::to_owned);
    pairs.filter_map(|(from, to)| Some((own(&from)?, own(&to)?))).collect()
}

fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let begin = text.find(heading).unwrap_or_else(|| panic!("LOCKS.md has no {heading:?}")) + heading.len();
    let rest = &text[begin..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

/// The edges that the page lists.
fn edges_of(text: &str) -> BTreeSet<Edge> {
    let lines = section(text, EDGES).lines().filter_map(|line| line.split_once(" -> "));
    lines.map(|(from, to)| (from.to_owned(), to.to_owned())).collect()
}

/// The place of each lock in the declared order: the names in backquotes at the beginning of a list's line.
fn order_of(text: &str) -> BTreeMap<String, usize> {
    let listed = section(text, ORDER).lines().filter_map(|line| line.split_once(". `"));
    let names = listed.filter_map(|(_, rest)| rest.split_once('`')).map(|(name, _)| name.to_owned());
    names.enumerate().map(|(place, name)| (name, place)).collect()
}

/// Edges that do not go from an earlier lock to a later one, and locks that the order does not name.
fn violations(order: &BTreeMap<String, usize>, edges: &BTreeSet<Edge>) -> Vec<String> {
    let mut violations = Vec::new();
    for (from, to) in edges {
        match (order.get(from), order.get(to)) {
            (Some(held), Some(acquired)) if held < acquired => {}
            (Some(_), Some(_)) => violations.push(format!("{from} -> {to} is against the order")),
            (None, _) => violations.push(format!("{from} has no place in the order")),
            (_, None) => violations.push(format!("{to} has no place in the order")),
        }
    }
    violations
}

fn blessed(text: &str, edges: &BTreeSet<Edge>) -> String {
    let begin = text.find(EDGES).expect("LOCKS.md has its edges") + EDGES.len();
    let lines: String = edges.iter().map(|(from, to)| format!("{from} -> {to}\n")).collect();
    format!("{}\n{FENCE}{lines}```\n", &text[..begin])
}

#[test]
fn the_page_lists_the_edges_of_the_graph() {
    let edges = edges_of_the_graph();
    let mut text = std::fs::read_to_string(page()).expect("engine/LOCKS.md is there");
    if std::env::var_os("INTERLOCK_BLESS").is_some_and(|value| value == "1") {
        text = blessed(&text, &edges);
        std::fs::write(page(), &text).expect("engine/ is writable");
    }
    let listed = edges_of(&text);
    let missing: Vec<&Edge> = edges.difference(&listed).collect();
    let surplus: Vec<&Edge> = listed.difference(&edges).collect();
    assert!(missing.is_empty(), "edges that LOCKS.md does not list: {missing:?}");
    assert!(surplus.is_empty(), "edges that only LOCKS.md has: {surplus:?}");
}

#[test]
fn every_edge_follows_the_declared_order() {
    let text = std::fs::read_to_string(page()).expect("engine/LOCKS.md is there");
    assert_eq!(violations(&order_of(&text), &edges_of_the_graph()), Vec::<String>::new());
}

#[test]
fn an_edge_against_the_order_is_caught() {
    let text = "## Order\n\n1. `A::a`: first\n2. `B::b`: second\n\n## Edges\n\n```text\nA::a -> B::b\nB::b -> A::a\nC::c -> A::a\n```\n";
    let found = violations(&order_of(text), &edges_of(text));
    assert_eq!(found, ["B::b -> A::a is against the order", "C::c has no place in the order"]);
}
