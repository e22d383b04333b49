//! The lock graph as one JSON object, schema 1.
//!
//! `schema`, `version` (of the tool), `workspace`, and three lists:
//! - `nodes`: `id`, `class`, `name` (short), `family`, `lock_type`, `acquisitions`;
//! - `edges`: `id`, `from` and `to` (ids of nodes), `item`, `places`, `in_cycle`, `gates`
//!   (classes of other locks that are exclusively held there on every path), `held` and
//!   `acquired` (each `place`, `mode`, `operation`, `wait`; `held` also `must` and, where a
//!   variable owns the guard, `variable`; `acquired` also `item` and `assumed`), and the call
//!   chains `held_chain` and `chain`, outermost call first, each call `place`, `item`, `callee`;
//! - `cycles`: `edges` (ids in order) and `classes` (the class held before each of them).
//!
//! A `place` is spelled as in the JSON lines of a report. Within a schema number fields are only
//! added.

use interlock_lockgraph::{Cycle, Edge, LockGraph};
use interlock_source::{Acquisition, ChainStep, LockFamily, Mode, Wait};
use serde::Serialize;

use crate::Heading;
use crate::class_name::node_names;
use crate::json::{SpanObject, span_object};
use crate::place::Files;

const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    version: &'a str,
    workspace: &'a str,
    nodes: Vec<NodeObject<'a>>,
    edges: Vec<EdgeObject<'a>>,
    cycles: Vec<CycleObject<'a>>,
}

#[derive(Serialize)]
struct NodeObject<'a> {
    id: usize,
    class: String,
    name: String,
    family: &'static str,
    lock_type: &'a str,
    acquisitions: usize,
}

#[derive(Serialize)]
struct EdgeObject<'a> {
    id: usize,
    from: usize,
    to: usize,
    item: &'a str,
    places: usize,
    in_cycle: bool,
    gates: Vec<String>,
    held: HeldObject<'a>,
    acquired: AcquiredObject<'a>,
    held_chain: Vec<CallObject<'a>>,
    chain: Vec<CallObject<'a>>,
}

#[derive(Serialize)]
struct HeldObject<'a> {
    #[serde(flatten)]
    acquisition: AcquisitionObject<'a>,
    must: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    variable: Option<&'a str>,
}

#[derive(Serialize)]
struct AcquiredObject<'a> {
    #[serde(flatten)]
    acquisition: AcquisitionObject<'a>,
    item: &'a str,
    assumed: bool,
}

#[derive(Serialize)]
struct AcquisitionObject<'a> {
    place: SpanObject<'a>,
    mode: &'static str,
    operation: &'a str,
    wait: &'static str,
}

#[derive(Serialize)]
struct CallObject<'a> {
    place: SpanObject<'a>,
    item: &'a str,
    callee: &'a str,
}

#[derive(Serialize)]
struct CycleObject<'a> {
    edges: &'a [usize],
    classes: Vec<String>,
}

/// The graph as JSON. `cycles` are those of this graph.
#[must_use]
pub fn graph_json(graph: &LockGraph, cycles: &[Cycle], heading: Heading<'_>, files: &dyn Files) -> String {
    let document = Document {
        schema: SCHEMA,
        version: heading.version,
        workspace: heading.workspace,
        nodes: node_objects(graph),
        edges: edge_objects(graph, cycles, files),
        cycles: cycles.iter().map(|cycle| cycle_object(graph, cycle)).collect(),
    };
    let text = serde_json::to_string_pretty(&document).expect("the schema has string keys only");
    text + "\n"
}

fn node_objects(graph: &LockGraph) -> Vec<NodeObject<'_>> {
    let named = graph.nodes.iter().zip(node_names(graph)).enumerate();
    named
        .map(|(id, (node, name))| NodeObject {
            id,
            class: node.class.to_string(),
            name,
            family: family(node.family),
            lock_type: &node.lock_type,
            acquisitions: node.n_acquisitions,
        })
        .collect()
}

fn edge_objects<'a>(graph: &'a LockGraph, cycles: &[Cycle], files: &'a dyn Files) -> Vec<EdgeObject<'a>> {
    let mut cyclic: Vec<_> = cycles.iter().flat_map(|cycle| cycle.edges.clone()).collect();
    cyclic.sort_unstable();
    let edges = graph.edges.iter().enumerate();
    edges
        .map(|(id, edge)| EdgeObject {
            id,
            from: edge.from,
            to: edge.to,
            item: &edge.item,
            places: edge.n_places,
            in_cycle: cyclic.binary_search(&id).is_ok(),
            gates: edge.gates.iter().map(ToString::to_string).collect(),
            held: held_object(edge, files),
            acquired: acquired_object(edge, files),
            held_chain: call_objects(&edge.held.chain, files),
            chain: call_objects(edge.chain(), files),
        })
        .collect()
}

fn held_object<'a>(edge: &'a Edge, files: &'a dyn Files) -> HeldObject<'a> {
    HeldObject {
        acquisition: acquisition_object(&edge.held.acquisition, files),
        must: edge.held.must,
        variable: edge.held.variable.as_deref(),
    }
}

fn acquired_object<'a>(edge: &'a Edge, files: &'a dyn Files) -> AcquiredObject<'a> {
    AcquiredObject {
        acquisition: acquisition_object(&edge.acquired.acquisition, files),
        item: &edge.acquired.item,
        assumed: edge.acquired.assumed.is_some(),
    }
}

fn acquisition_object<'a>(acquisition: &'a Acquisition, files: &'a dyn Files) -> AcquisitionObject<'a> {
    AcquisitionObject {
        place: span_object(acquisition.span, files),
        mode: mode(acquisition.mode),
        operation: &acquisition.operation,
        wait: wait(acquisition.wait),
    }
}

fn call_objects<'a>(chain: &'a [ChainStep], files: &'a dyn Files) -> Vec<CallObject<'a>> {
    let object = |call: &'a ChainStep| CallObject {
        place: span_object(call.span, files),
        item: &call.item,
        callee: &call.callee,
    };
    chain.iter().map(object).collect()
}

fn cycle_object<'a>(graph: &LockGraph, cycle: &'a Cycle) -> CycleObject<'a> {
    let held = cycle.edges.iter().map(|edge_idx| graph.edges[*edge_idx].from);
    let classes = held.map(|node_idx| graph.nodes[node_idx].class.to_string()).collect();
    CycleObject { edges: &cycle.edges, classes }
}

fn family(family: LockFamily) -> &'static str {
    match family {
        LockFamily::Mutex => "mutex",
        LockFamily::RwLock => "rwlock",
        LockFamily::Map => "map",
        LockFamily::Semaphore => "semaphore",
        LockFamily::Cell => "cell",
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Shared => "shared",
        Mode::Exclusive => "exclusive",
    }
}

fn wait(wait: Wait) -> &'static str {
    match wait {
        Wait::Thread => "thread",
        Wait::Task => "task",
        Wait::Never => "never",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{HEADING, Sample, check_document};
    use crate::sample_graph::{cycles, graph};

    /// A change of an existing field needs a new schema number.
    #[test]
    fn the_schema_is_this() {
        let text = graph_json(&graph(), &cycles(), HEADING, &Sample);
        check_document(&text, include_str!("expected/graph.json"));
    }
}
