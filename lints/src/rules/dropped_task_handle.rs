//! `dropped-task-handle`: nobody can join, abort or hear of a spawned task.

use interlock_source::{PointKind, Spawn, TaskOutput};

use crate::finding::place;
use crate::{Certainty, Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// A spawn whose handle is dropped on every path and never joined, awaited, aborted, stored or returned.
    ///
    /// ## Why it matters
    /// The task runs detached: it outlives a shutdown, a successor may meet it still running, its panic is lost, and
    /// so is the error that it returns. Graded `warn` when the task loops without end or returns a `Result`,
    /// else `note`.
    ///
    /// ## Fires
    /// ```rust,fires
    /// async fn step() {}
    /// fn start() {
    ///     tokio::spawn(async {
    ///   //^^^ the handle of this task is dropped: it runs detached
    ///         loop {
    ///             step().await;
    ///         }
    ///     });
    /// }
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// async fn step() {}
    /// async fn start(tasks: &mut Vec<tokio::task::JoinHandle<()>>) {
    ///     let first = tokio::spawn(step());
    ///     tasks.push(tokio::spawn(step()));
    ///     first.await.unwrap();
    /// }
    /// ```
    ///
    /// ## Limits
    /// A handle that is stored counts as kept, also when nobody ever reads it.
    pub(crate) static LINT = {
        id: "dropped-task-handle",
        level: Level::Warn,
        summary: "the handle of a spawned task is dropped",
    }
}

pub(crate) fn check(context: &LintContext<'_>, findings: &mut Vec<Finding>) {
    for (body, point) in context.points() {
        let PointKind::HandleDropped { spawn, spawned, variable } = &point.kind else { continue };
        let primary = place(*spawned, &body.item);
        let message = format!("the handle of this task is dropped: it runs detached{}", consequence(spawn));
        let help = match variable {
            Some(variable) => format!("`{variable}` is dropped at the end of its scope: keep it, and join or abort it"),
            None => "keep the handle, and join or abort the task when its owner stops".to_owned(),
        };
        let finding = Finding::new(&LINT, Certainty::Derived, primary, message).with_help(help);
        findings.push(finding.at_most(grade(spawn)));
    }
}

fn consequence(spawn: &Spawn) -> &'static str {
    match (spawn.runs_forever || spawn.loops, spawn.output) {
        (_, TaskOutput::Result) => ", and its error is lost",
        (true, _) => ", and it loops",
        _ => "",
    }
}

fn grade(spawn: &Spawn) -> Level {
    if spawn.runs_forever || spawn.loops || spawn.output == TaskOutput::Result { Level::Warn } else { Level::Note }
}
