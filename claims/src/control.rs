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
    /// The changed lines, before this edit.
    pub before: Excerpt,
    /// The changed lines, after it.
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

/// The edited workspace and the edits as they were made, one after the other.
fn apply(workspace: &Workspace, control: &Control) -> Result<(Workspace, Vec<AppliedEdit>), String> {
    let mut current: Option<Workspace> = None;
    let mut applied = Vec::new();
    for edit in &control.edits {
        let functions = workspace.find_functions(&edit.symbol);
        if functions.is_empty() {
            return Err(no_function(workspace, &edit.symbol));
        }
        let mut n_matches = 0;
        for function in functions {
            let before = current.as_ref().unwrap_or(workspace);
            let (after, made) = apply_one(workspace, before, edit, function)?;
            n_matches += made.matches;
            applied.push(made);
            current = Some(after);
        }
        check_matches(edit, n_matches)?;
    }
    let edited = current.ok_or("the control has no edit")?;
    Ok((edited, applied))
}

/// An edit must change as many places as the manifest states, over all its functions.
fn check_matches(edit: &ControlEdit, n_matches: usize) -> Result<(), String> {
    if n_matches == edit.matches {
        return Ok(());
    }
    let expected = counted(edit.matches, "place");
    Err(format!("the edit of `{}` must change {expected}, it changes {n_matches}", edit.symbol))
}

/// Makes one edit of one function of the unedited `original`, in `before`.
fn apply_one(
    original: &Workspace,
    before: &Workspace,
    edit: &ControlEdit,
    function: &Function,
) -> Result<(Workspace, AppliedEdit), String> {
    let ordinal = same_symbol(original, function).position(|other| other.span == function.span).unwrap_or(0);
    let gone = || format!("`{}` is gone after an earlier edit", function.path);
    let located = same_symbol(before, function).nth(ordinal).ok_or_else(gone)?;
    let edits = [(located, edit_of(&edit.change))];
    let (after, matches) = before.with_edits(&edits).map_err(|error: EditError| error.to_string())?;
    let now = same_symbol(&after, function).nth(ordinal).ok_or_else(gone)?;
    let (old_lines, new_lines) = changed_lines(&Excerpt::of(before, located.span), &Excerpt::of(&after, now.span));
    let made = AppliedEdit {
        symbol: edit.symbol.clone(),
        place: Place::of_function(original, function),
        matches: matches.iter().sum(),
        before: old_lines,
        after: new_lines,
    };
    Ok((after, made))
}

/// The functions of a file that have the path of `function`: one, unless several impls give the same.
fn same_symbol<'w>(workspace: &'w Workspace, function: &Function) -> impl Iterator<Item = &'w Function> {
    let (path, file) = (function.path, function.span.file);
    workspace.functions().iter().filter(move |other| other.path == path && other.span.file == file)
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
