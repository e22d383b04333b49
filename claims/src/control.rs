//! Controls: put the bug back in memory and run the checks again. The analysed tree is never written.
//!
//! A control counts when the checks that it names fail, or, when it names none, when at least one check of the
//! claim does. Only checks that pass without the control can be made to fail by it.

use interlock_source::{Edit, EditError, Function, Workspace};

use crate::check::{self, Analysis};
use crate::outcome::Status;
use crate::place::changed_lines;
use crate::subject::{counted, no_function};
use crate::{Change, CheckResult, Control, ControlEdit, Evidence, Excerpt, Place};

/// What a control did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlResult {
    /// What it puts back.
    pub title: Option<String>,
    /// The edits as they were made; empty when they could not be.
    pub edits: Vec<AppliedEdit>,
    /// Positions of the checks that passed without it and failed with it.
    pub failed_checks: Vec<usize>,
    /// What made them fail, in the edited source.
    pub evidence: Vec<Evidence>,
    /// Whether it did what a control must do.
    pub verdict: ControlVerdict,
}

/// Whether a control did what it must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlVerdict {
    /// The checks noticed.
    MadeFail,
    /// The checks did not notice.
    DidNotFail(String),
    /// The edit does not fit the source.
    CouldNotApply(String),
    /// It was not run.
    NotRun(String),
}

/// An edit of one function, as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedEdit {
    /// The symbol as the manifest names it.
    pub symbol: String,
    /// The function, in the unedited source.
    pub place: Place,
    /// How many places of the function it changed.
    pub matches: usize,
    /// The changed lines of the function before all edits of the control.
    pub before: Excerpt,
    /// The changed lines after them.
    pub after: Excerpt,
}

/// A control that is not run, and why.
pub(crate) fn not_run(control: &Control, why: &str) -> ControlResult {
    without_edits(control, ControlVerdict::NotRun(why.to_owned()))
}

fn without_edits(control: &Control, verdict: ControlVerdict) -> ControlResult {
    ControlResult {
        title: control.title.clone(),
        edits: Vec::new(),
        failed_checks: Vec::new(),
        evidence: Vec::new(),
        verdict,
    }
}

/// Makes the edits and runs the checks that pass without them.
pub(crate) fn run(workspace: &Workspace, control: &Control, checks: &[CheckResult]) -> ControlResult {
    let (edited, edits) = match apply(workspace, control) {
        Ok(applied) => applied,
        Err(why) => return without_edits(control, ControlVerdict::CouldNotApply(why)),
    };
    let analysis = Analysis::of(&edited);
    let mut failed_checks = Vec::new();
    let mut evidence = Vec::new();
    let mut unnoticed = Vec::new();
    for (idx, check) in checks.iter().enumerate().filter(|(_, check)| check.outcome.status == Status::Pass) {
        let outcome = check::run(&analysis, &check.check.kind);
        if outcome.status == Status::Fail {
            failed_checks.push(idx);
            evidence.extend(outcome.evidence);
        } else {
            unnoticed.push((idx, outcome.status));
        }
    }
    let verdict = judge(control, &failed_checks, &unnoticed, checks);
    ControlResult { title: control.title.clone(), edits, failed_checks, evidence, verdict }
}

fn judge(control: &Control, failed: &[usize], unnoticed: &[(usize, Status)], checks: &[CheckResult]) -> ControlVerdict {
    let missing: Vec<usize> = control.checks.iter().copied().filter(|check| !failed.contains(check)).collect();
    match (control.checks.as_slice(), missing.as_slice()) {
        ([], _) if !failed.is_empty() => ControlVerdict::MadeFail,
        ([], _) => ControlVerdict::DidNotFail(all_unnoticed(unnoticed)),
        (_, []) => ControlVerdict::MadeFail,
        (_, missing) => {
            let why = missing.iter().map(|check| still(*check, unnoticed, checks));
            ControlVerdict::DidNotFail(why.collect::<Vec<_>>().join("; "))
        }
    }
}

fn all_unnoticed(unnoticed: &[(usize, Status)]) -> String {
    let statuses = unnoticed.iter().map(|(idx, status)| with_control(*idx, status));
    match statuses.collect::<Vec<_>>() {
        statuses if statuses.is_empty() => "no check passes without it".to_owned(),
        statuses => statuses.join("; "),
    }
}

fn still(check: usize, unnoticed: &[(usize, Status)], checks: &[CheckResult]) -> String {
    match unnoticed.iter().find(|(idx, _)| *idx == check) {
        Some((idx, status)) => with_control(*idx, status),
        None => format!("check {} is {} without it already", check + 1, checks[check].outcome.status.word()),
    }
}

fn with_control(idx: usize, status: &Status) -> String {
    let why = status.reason().map_or(String::new(), |why| format!(" ({why})"));
    format!("check {} is {} with it{why}", idx + 1, status.word())
}

/// The edited workspace and the edits as they were made.
fn apply(workspace: &Workspace, control: &Control) -> Result<(Workspace, Vec<AppliedEdit>), String> {
    let mut places: Vec<(&ControlEdit, &Function)> = Vec::new();
    for edit in &control.edits {
        let functions = workspace.find_functions(&edit.symbol);
        if functions.is_empty() {
            return Err(no_function(workspace, &edit.symbol));
        }
        places.extend(functions.into_iter().map(|function| (edit, function)));
    }
    let edits: Vec<(&Function, Edit)> =
        places.iter().map(|(edit, function)| (*function, edit_of(&edit.change))).collect();
    let (edited, matches) = workspace.with_edits(&edits).map_err(|error: EditError| error.to_string())?;
    check_matches(control, &places, &matches)?;
    let applied = places.iter().zip(&matches);
    let applied = applied.map(|((edit, function), n)| applied_edit(workspace, &edited, edit, function, *n)).collect();
    Ok((edited, applied))
}

fn edit_of(change: &Change) -> Edit {
    match change.clone() {
        Change::Replace { pattern, with } => Edit::Replace { pattern, with },
        Change::InsertBefore { pattern, with } => Edit::InsertBefore { pattern, text: with },
        Change::InsertAfter { pattern, with } => Edit::InsertAfter { pattern, text: with },
        Change::InsertAtStart(text) => Edit::InsertAtStart { text },
        Change::InsertAtEnd(text) => Edit::InsertAtEnd { text },
    }
}

/// Each edit must change as many places as the manifest states, over all its functions.
fn check_matches(control: &Control, places: &[(&ControlEdit, &Function)], matches: &[usize]) -> Result<(), String> {
    for edit in &control.edits {
        let of_edit = places.iter().zip(matches).filter(|((other, _), _)| std::ptr::eq(*other, edit));
        let n_matches: usize = of_edit.map(|(_, n)| n).sum();
        if n_matches != edit.matches {
            let expected = counted(edit.matches, "place");
            return Err(format!("the edit of `{}` must change {expected}, it changes {n_matches}", edit.symbol));
        }
    }
    Ok(())
}

fn applied_edit(
    workspace: &Workspace,
    edited: &Workspace,
    edit: &ControlEdit,
    function: &Function,
    matches: usize,
) -> AppliedEdit {
    let before = Excerpt::of(workspace, function.span);
    let now =
        edited.functions().iter().find(|other| other.path == function.path && other.span.file == function.span.file);
    let after = now.map_or_else(Excerpt::default, |now| Excerpt::of(edited, now.span));
    let (before, after) = changed_lines(&before, &after);
    let place = Place::of_function(workspace, function);
    AppliedEdit { symbol: edit.symbol.clone(), place, matches, before, after }
}
