//! What `check` and `graph` begin with: the workspace, read and analysed.

use std::time::Instant;

use anyhow::Context;
use interlock_source::{Sources, Workspace};

use crate::args::WorkspaceArgs;
use crate::config::{self, Settings};
use crate::output::{complain, progress};

/// Reads and analyses the workspace that the arguments name, with its configuration.
pub(crate) fn load(args: &WorkspaceArgs) -> anyhow::Result<(Workspace, Settings)> {
    let start = Instant::now();
    let sources = Sources::load(&args.options()).context("failed to load the workspace")?;
    let settings = config::load(&sources.project.root)?;
    let workspace = Workspace::analyse(sources.with_models(settings.models.clone()));
    for note in workspace.cache_notes() {
        complain(&format!("note: {note}"));
    }
    let coverage = workspace.coverage();
    let (name, ms) = (workspace.name(), start.elapsed().as_millis());
    progress(
        args.quiet,
        &format!("analysed {name}: {} files, {} lines in {ms} ms", coverage.n_files, coverage.n_lines),
    );
    Ok((workspace, settings))
}
