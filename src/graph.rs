//! `cargo interlock graph`.

use interlock_lockgraph::LockGraph;
use interlock_reports::{Heading, graph_dot, graph_json};
use interlock_source::Workspace;

use crate::args::{GraphArgs, GraphFormat};
use crate::config::suggestion;
use crate::exit_code::{Outcome, UsageError};
use crate::output::print;

/// Prints the lock-order graph, or the part of it that was asked for.
pub(crate) fn run(args: &GraphArgs) -> anyhow::Result<Outcome> {
    let (workspace, _) = crate::run::load(&args.workspace)?;
    if workspace.coverage().n_bodies == 0 {
        return Ok(Outcome::NothingAnalysed);
    }
    let graph = selected(LockGraph::build(&workspace), &workspace, args)?;
    let cycles = graph.cycles();
    let heading = Heading { workspace: workspace.name(), version: env!("CARGO_PKG_VERSION") };
    let text = match args.format {
        GraphFormat::Dot => graph_dot(&graph, &cycles, &workspace),
        GraphFormat::Json => graph_json(&graph, &cycles, heading, &workspace),
    };
    print(&text)?;
    Ok(Outcome::Clean)
}

fn selected(graph: LockGraph, workspace: &Workspace, args: &GraphArgs) -> Result<LockGraph, UsageError> {
    let mut graph = graph;
    if let Some(focus) = &args.focus {
        graph = graph.neighbourhood(&nodes(&graph, workspace, focus)?);
    }
    if let (Some(from), Some(to)) = (&args.from, &args.to) {
        let (from, to) = (nodes(&graph, workspace, from)?, nodes(&graph, workspace, to)?);
        graph = graph.between_nodes(&from, &to);
    }
    Ok(graph)
}

/// The nodes that a lock's symbol names.
fn nodes(graph: &LockGraph, workspace: &Workspace, pattern: &str) -> Result<Vec<usize>, UsageError> {
    let classes = workspace.find_locks(pattern);
    let found: Vec<usize> = (0..graph.nodes.len()).filter(|node| classes.contains(&graph.nodes[*node].class)).collect();
    if found.is_empty() {
        let names: Vec<String> = graph.nodes.iter().map(|node| node.class.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        return Err(UsageError(format!("no lock of the graph is called `{pattern}`{}", suggestion(pattern, &names))));
    }
    Ok(found)
}
