//! `lint-absent`: no finding of a lint has its primary place or a step within a function.
//!
//! Suppressed findings count: a comment is no evidence. Sites are the points that the lint could have looked at.

use interlock_lints::Finding;
use interlock_source::{Call, Dispatch, Function, LockFamily, Point, PointKind, Span, Workspace};

use crate::callee::bare_name;
use crate::check::{Analysis, points, what_happens};
use crate::outcome::{Evidence, Outcome, Search};
use crate::place::{Place, Site};
use interlock_lints::Certainty;

pub(crate) fn check(analysis: &Analysis<'_>, lint: &str, functions: &[&Function]) -> Outcome {
    let workspace = analysis.workspace;
    let subject = Subject::of(lint);
    let mut search = Search::default();
    for (body, point) in points(workspace, functions) {
        if subject.concerns(point) {
            search.sites.push(Site::new(workspace, point.span, &body.item, what_happens(point)));
        }
        if let Some(name) = subject.unresolved(point) {
            let place = Place::new(workspace, point.span, &body.item);
            let certainty = Certainty::Assumed(format!("this `{name}` is what the lint looks for"));
            let message = format!("the target of `{name}` is not known and may concern `{lint}`");
            search.doubts.push(Evidence::new(certainty, place, message));
        }
    }
    let spans: Vec<Span> = functions.iter().map(|function| function.span).collect();
    search.counterexamples = findings(analysis, lint, &spans);
    let vacuous = search.sites.is_empty().then(|| format!("the function has no {} to look at", subject.noun()));
    search.absence(vacuous)
}

fn findings(analysis: &Analysis<'_>, lint: &str, within: &[Span]) -> Vec<Evidence> {
    let report = analysis.report();
    let workspace: &Workspace = analysis.workspace;
    let concerns = |finding: &Finding| finding.lint.id == lint && touches(finding, within);
    let standing = report.findings.iter().filter(|finding| concerns(finding));
    let mut evidence: Vec<Evidence> = standing.map(|finding| Evidence::of_finding(workspace, finding)).collect();
    for (finding, reason) in report.suppressed.iter().filter(|(finding, _)| concerns(finding)) {
        let found = Evidence::of_finding(workspace, finding);
        evidence.push(Evidence { message: format!("{} (suppressed: {reason})", found.message), ..found });
    }
    evidence
}

fn touches(finding: &Finding, within: &[Span]) -> bool {
    let steps = finding.steps.iter().map(|step| step.place.span);
    let mut spans = std::iter::once(finding.primary.span).chain(steps);
    spans.any(|span| within.iter().any(|outer| outer.file == span.file && outer.range.contains(span.range)))
}

/// What a lint looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Locks,
    Maps,
    Calls,
    Tasks,
    Anything,
}

/// Calls that acquire a lock, when their receiver is one.
const LOCK_OPERATIONS: [&str; 7] =
    ["lock", "read", "write", "lock_owned", "read_owned", "write_owned", "upgradable_read"];

/// Calls that change a concurrent map, when their receiver is one.
const MAP_OPERATIONS: [&str; 7] = ["insert", "remove", "entry", "get_mut", "retain", "clear", "alter"];

impl Subject {
    fn of(lint: &str) -> Subject {
        match lint {
            "dashmap-mutation-in-iteration" | "dashmap-guard-reentry" => Subject::Maps,
            "unawaited-future" | "blocking-in-async" | "swallowed-io-error" => Subject::Calls,
            "dropped-task-handle" => Subject::Tasks,
            "reentrant-lock"
            | "recursive-read"
            | "lock-order-inversion"
            | "guard-across-await"
            | "guard-held-over-io"
            | "guard-held-over-blocking-wait"
            | "temporary-guard-extended"
            | "let-underscore-guard"
            | "callback-under-lock" => Subject::Locks,
            _ => Subject::Anything,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Subject::Locks => "acquisition and no held guard",
            Subject::Maps => "operation on a concurrent map",
            Subject::Calls => "call",
            Subject::Tasks => "started task",
            Subject::Anything => "call, acquisition or await point",
        }
    }

    /// Whether the lint could look at the point.
    fn concerns(self, point: &Point) -> bool {
        match self {
            Subject::Locks => matches!(point.kind, PointKind::Acquire(_)) || !point.held.is_empty(),
            Subject::Maps => is_map_operation(point) || holds_map(point),
            Subject::Calls => matches!(point.kind, PointKind::Call(_) | PointKind::FutureDropped { .. }),
            Subject::Tasks => matches!(point.kind, PointKind::Spawn(_)),
            Subject::Anything => true,
        }
    }

    /// The name of an unresolved call that the lint may have had to look at.
    fn unresolved(self, point: &Point) -> Option<&str> {
        let PointKind::Call(Call { name, dispatch: Dispatch::Unknown, .. }) = &point.kind else {
            return None;
        };
        let name = bare_name(name);
        let is_doubt = match self {
            Subject::Locks => LOCK_OPERATIONS.contains(&name),
            Subject::Maps => holds_map(point) && MAP_OPERATIONS.contains(&name),
            Subject::Calls | Subject::Tasks | Subject::Anything => false,
        };
        is_doubt.then_some(name)
    }
}

fn is_map_operation(point: &Point) -> bool {
    matches!(&point.kind, PointKind::Acquire(acquisition) if acquisition.family == LockFamily::Map)
}

fn holds_map(point: &Point) -> bool {
    point.held.iter().any(|held| held.acquisition.family == LockFamily::Map)
}
