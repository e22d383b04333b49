//! Controls: what was edited, which failure was expected, which was observed.

use interlock_claims::{
    AppliedEdit, Change, CheckKind, ClaimResult, Control, ControlEdit, ControlResult, ControlVerdict,
};

use super::evidence::push_evidence;
use super::flat;
use super::link::Links;
use crate::coverage_text::counted;
use crate::markdown_text::{code, fenced};

/// Most failures that are shown of one control: one is enough to see that it works.
const N_FAILURES_MAX: usize = 3;

pub(crate) fn push_controls(text: &mut String, links: &Links, result: &ClaimResult) {
    if result.controls.is_empty() {
        text.push_str(&format!("\n**Controls**: none. {}\n", why_none(result)));
    }
    for (idx, control) in result.controls.iter().enumerate() {
        push_control(text, links, idx, control, result.claim.controls.get(idx));
    }
}

fn why_none(result: &ClaimResult) -> &'static str {
    let any = |is_such: fn(&CheckKind) -> bool| result.checks.iter().any(|check| is_such(&check.check.kind));
    if any(CheckKind::proves_absence) {
        "Nothing shows that the checks would notice if the bug came back."
    } else if any(|kind| matches!(kind, CheckKind::CallPresent { .. })) {
        "The checks pass by finding something, so none is needed."
    } else {
        "No check could be run, so none could be made to fail."
    }
}

fn push_control(text: &mut String, links: &Links, idx: usize, result: &ControlResult, wanted: Option<&Control>) {
    text.push_str(&format!("\n#### Control {}: {}\n\n", idx + 1, outcome(&result.verdict)));
    if let Some(title) = &result.title {
        text.push_str(&format!("{}\n\n", flat(title)));
    }
    for edit in &result.edits {
        push_applied(text, links, edit);
    }
    if let Some(wanted) = wanted.filter(|_| result.edits.is_empty()) {
        wanted.edits.iter().for_each(|edit| push_wanted(text, edit));
    }
    text.push_str(&format!("- expected: {}\n", expected(wanted)));
    text.push_str(&format!("- observed: {}\n", observed(result)));
    push_failures(text, result);
}

fn push_failures(text: &mut String, result: &ControlResult) {
    if !result.evidence.is_empty() {
        text.push_str("\nThe lines of what was observed are those of the edited source.\n");
    }
    push_evidence(text, &Links::none(), "Observed failure", &result.evidence, N_FAILURES_MAX);
}

fn outcome(verdict: &ControlVerdict) -> &'static str {
    match verdict {
        ControlVerdict::MadeFail => "noticed",
        ControlVerdict::DidNotFail(_) => "not noticed",
        ControlVerdict::CouldNotApply(_) => "could not be applied",
        ControlVerdict::NotRun(_) => "not run",
    }
}

fn expected(wanted: Option<&Control>) -> String {
    match wanted.map_or(&[][..], |control| &control.checks) {
        [] => "one check at least fails".to_owned(),
        checks => failing(checks),
    }
}

fn observed(result: &ControlResult) -> String {
    match &result.verdict {
        ControlVerdict::MadeFail => failing(&result.failed_checks),
        ControlVerdict::DidNotFail(why) => flat(why),
        ControlVerdict::CouldNotApply(why) => format!("nothing: the edit could not be made: {}", flat(why)),
        ControlVerdict::NotRun(why) => format!("nothing: the control was not run: {}", flat(why)),
    }
}

/// `check 1 fails`, `checks 1, 2 fail`.
fn failing(checks: &[usize]) -> String {
    let numbers: Vec<String> = checks.iter().map(|idx| (idx + 1).to_string()).collect();
    match numbers.as_slice() {
        [one] => format!("check {one} fails"),
        many => format!("checks {} fail", many.join(", ")),
    }
}

fn push_applied(text: &mut String, links: &Links, edit: &AppliedEdit) {
    let (place, n_places) = (links.place(&edit.place), counted(edit.matches, "place"));
    text.push_str(&format!("Edited in memory: {n_places} of {place}\n\n"));
    let removed = edit.before.text.lines().map(|line| format!("-{line}\n"));
    let added = edit.after.text.lines().map(|line| format!("+{line}\n"));
    let body = format!("@@ line {} @@\n{}", edit.before.first_line, removed.chain(added).collect::<String>());
    text.push_str(&format!("{}\n", fenced("diff", &body)));
}

/// The edit as the manifest asks for it: there is no other where it was not made.
fn push_wanted(text: &mut String, edit: &ControlEdit) {
    let (n_places, symbol) = (counted(edit.matches, "place"), code(&edit.symbol));
    let at = |preposition: &str, pattern: &str| format!("{preposition}\n\n{}\nput", fenced("rust", pattern));
    let (where_to, new) = match &edit.change {
        Change::Replace { pattern, with } => (at("in the place of", pattern), with),
        Change::InsertBefore { pattern, with } => (at("before", pattern), with),
        Change::InsertAfter { pattern, with } => (at("after", pattern), with),
        Change::InsertAtStart(with) => ("put first in the body".to_owned(), with),
        Change::InsertAtEnd(with) => ("put last in the body".to_owned(), with),
    };
    text.push_str(&format!("Not made, in {n_places} of {symbol}: {where_to}\n\n{}\n", fenced("rust", new)));
}
