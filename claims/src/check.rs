//! Running one check of a claim against a workspace.

use std::cell::OnceCell;

use interlock_lints::{Config, Level, Report, lints};
use interlock_lockgraph::LockGraph;
use interlock_source::{Body, Function, Held, LockClass, Point, PointKind, Workspace};

use crate::callee::Callee;
use crate::checks::{call_absent_under_lock, call_present, lint_absent, lock_not_acquired_while, lock_not_reachable};
use crate::outcome::{Outcome, Status};
use crate::{CheckKind, Symbol, subject};

/// A workspace, and the lint report of it once a check asks for one.
pub(crate) struct Analysis<'w> {
    pub(crate) workspace: &'w Workspace,
    report: OnceCell<Report>,
}

impl<'w> Analysis<'w> {
    pub(crate) fn of(workspace: &'w Workspace) -> Self {
        Analysis { workspace, report: OnceCell::new() }
    }

    /// The findings of every lint; those that are off by default run too.
    pub(crate) fn report(&self) -> &Report {
        self.report.get_or_init(|| {
            let levels = lints().map(|lint| (lint.id.to_owned(), lint.level.max(Level::Warn))).collect();
            let config = Config { levels };
            interlock_lints::run(self.workspace, &LockGraph::build(self.workspace), &config)
        })
    }
}

/// Runs a check.
pub(crate) fn run(analysis: &Analysis<'_>, kind: &CheckKind) -> Outcome {
    let workspace = analysis.workspace;
    let with_lock = |lock: &str, symbol: &Symbol, check: &dyn Fn(&LockClass, &[&Function]) -> Outcome| {
        let functions = subject::functions(workspace, symbol)?;
        match subject::lock(workspace, lock) {
            Ok(class) => Ok(check(&class, &functions)),
            Err(why) => Ok(Outcome::without_sites(Status::Vacuous(why))),
        }
    };
    let outcome: Result<Outcome, String> = match kind {
        CheckKind::LintAbsent { lint, within } => {
            subject::functions(workspace, within).map(|functions| lint_absent::check(analysis, lint, &functions))
        }
        CheckKind::LockNotAcquiredWhile { lock, within } => {
            with_lock(lock, within, &|class, functions| lock_not_acquired_while::check(workspace, class, functions))
        }
        CheckKind::LockNotReachable { lock, from } => {
            with_lock(lock, from, &|class, functions| lock_not_reachable::check(workspace, class, functions))
        }
        CheckKind::CallAbsentUnderLock { call, lock, within } => with_lock(lock, within, &|class, functions| {
            call_absent_under_lock::check(workspace, call, class, functions)
        }),
        CheckKind::CallPresent { call, within } => {
            subject::functions(workspace, within).map(|functions| call_present::check(workspace, call, &functions))
        }
        CheckKind::Unsupported(kind) => {
            let why = format!("checks of kind `{kind}` are not supported by this version");
            Ok(Outcome::without_sites(Status::NotRun(why)))
        }
    };
    outcome.unwrap_or_else(|why| Outcome::without_sites(Status::Unresolved(why)))
}

/// Every point of the functions, their closures and async blocks.
pub(crate) fn points<'w>(
    workspace: &'w Workspace,
    functions: &[&'w Function],
) -> impl Iterator<Item = (&'w Body, &'w Point)> {
    let bodies = functions.iter().flat_map(|function| &function.bodies).map(|id| workspace.body(*id));
    bodies.flat_map(|body| body.points.iter().map(move |point| (body, point)))
}

/// The guards of a lock class that are held at a point.
pub(crate) fn held_of<'p>(point: &'p Point, class: &LockClass) -> Option<&'p Held> {
    point.held.iter().find(|held| held.acquisition.lock.class == *class)
}

/// What happens at a point, for people.
pub(crate) fn what_happens(point: &Point) -> String {
    match &point.kind {
        PointKind::Acquire(acquisition) => {
            format!("acquires `{}` by `{}`", acquisition.lock.class, acquisition.operation)
        }
        PointKind::Call(_) => {
            let callee = Callee::at(point);
            callee.map_or(String::new(), |callee| format!("calls `{}`", callee.name()))
        }
        PointKind::Await { .. } => "awaits".to_owned(),
        PointKind::Spawn(spawn) => format!("starts a task by `{}`", spawn.function),
        PointKind::GuardDiscarded(guard) => format!("discards the guard of `{}`", guard.acquisition.lock.class),
        PointKind::FutureDropped { callee, .. } => format!("drops the future of `{callee}`"),
        PointKind::HandleDropped { spawn, .. } => format!("drops the handle of `{}`", spawn.function),
    }
}
