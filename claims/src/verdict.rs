//! Verdicts and their confidence, computed from outcomes and controls.
//!
//! | verdict | when |
//! | --- | --- |
//! | VERIFIED | every check passes and looked at one site or more; every check that proves an absence was made to fail by a control; every control made the checks that it names, or else one check at least, fail |
//! | REFUTED | a check fails |
//! | INCONCLUSIVE | a check looked at nothing or rests on unresolved facts, or a control did not make its checks fail, could not be applied, or was not run |
//! | NOT RUN | nothing of the above, and a check was not run |
//! | STALE | the verdict is a recorded one, and the symbols that it rests on have changed since |
//!
//! The first row that applies decides, REFUTED before INCONCLUSIVE before NOT RUN.

use std::fmt;

use crate::outcome::Status;
use crate::{CheckResult, ControlResult, ControlVerdict, SymbolDigest};

/// What an audit says of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, and the checks would notice if it did not.
    Verified,
    /// It does not hold.
    Refuted,
    /// The checks do not decide it.
    Inconclusive(String),
    /// It was decided for symbols that have changed since.
    Stale,
    /// A check was not run.
    NotRun(String),
}

impl Verdict {
    /// The reason, where the verdict has one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Verdict::Inconclusive(why) | Verdict::NotRun(why) => Some(why),
            Verdict::Verified | Verdict::Refuted | Verdict::Stale => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Verified => "VERIFIED",
            Verdict::Refuted => "REFUTED",
            Verdict::Inconclusive(_) => "INCONCLUSIVE",
            Verdict::Stale => "STALE",
            Verdict::NotRun(_) => "NOT RUN",
        })
    }
}

/// How much stands behind a VERIFIED.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// One ground.
    Low,
    /// Two grounds.
    Medium,
    /// Three grounds.
    High,
}

impl Confidence {
    /// The rule, to be printed beside the word.
    pub const RULE: &'static str = "HIGH = static proof + failing control + executed model or test; \
                                    MEDIUM = two of the three; LOW = one";

    fn of(grounds: Grounds) -> Option<Confidence> {
        match grounds.names().len() {
            0 => None,
            1 => Some(Confidence::Low),
            2 => Some(Confidence::Medium),
            _ => Some(Confidence::High),
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Confidence::Low => "LOW",
            Confidence::Medium => "MEDIUM",
            Confidence::High => "HIGH",
        })
    }
}

/// What stands behind a VERIFIED.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    /// A check of the source passed.
    pub static_proof: bool,
    /// A control made a check fail.
    pub failing_control: bool,
    /// A model or test ran and passed.
    pub execution: bool,
}

impl Grounds {
    /// The grounds of a claim. Every check that this version runs reads the source; none runs it.
    #[must_use]
    pub fn of(checks: &[CheckResult], controls: &[ControlResult]) -> Grounds {
        Grounds {
            static_proof: checks.iter().any(|check| check.outcome.status == Status::Pass),
            failing_control: controls.iter().any(|control| control.verdict == ControlVerdict::MadeFail),
            execution: false,
        }
    }

    /// The grounds by name.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let named = [
            (self.static_proof, "static proof"),
            (self.failing_control, "failing control"),
            (self.execution, "executed model or test"),
        ];
        named.into_iter().filter(|(is_given, _)| *is_given).map(|(_, name)| name).collect()
    }
}

/// The confidence in a verdict. Only a VERIFIED has one: a REFUTED shows its evidence, which has a certainty.
pub(crate) fn confidence(verdict: &Verdict, grounds: Grounds) -> Option<Confidence> {
    if *verdict == Verdict::Verified { Confidence::of(grounds) } else { None }
}

/// The verdict on a claim.
pub(crate) fn verdict(checks: &[CheckResult], controls: &[ControlResult]) -> Verdict {
    if checks.iter().any(|check| check.outcome.status == Status::Fail) {
        return Verdict::Refuted;
    }
    let mut doubts = check_doubts(checks);
    doubts.extend(control_doubts(controls));
    doubts.extend(unchallenged(checks, controls));
    if !doubts.is_empty() {
        return Verdict::Inconclusive(doubts.join("; "));
    }
    let not_run = reasons(checks, |status| matches!(status, Status::NotRun(_)));
    if not_run.is_empty() { Verdict::Verified } else { Verdict::NotRun(not_run.join("; ")) }
}

fn check_doubts(checks: &[CheckResult]) -> Vec<String> {
    let mut doubts = reasons(checks, |status| matches!(status, Status::Vacuous(_) | Status::Unresolved(_)));
    for (idx, check) in checks.iter().enumerate() {
        if check.outcome.status == Status::Pass && check.outcome.sites.is_empty() {
            doubts.push(format!("check {}: it looked at nothing", idx + 1));
        }
    }
    doubts
}

fn reasons(checks: &[CheckResult], wanted: impl Fn(&Status) -> bool) -> Vec<String> {
    let numbered = checks.iter().enumerate().filter(|(_, check)| wanted(&check.outcome.status));
    numbered
        .filter_map(|(idx, check)| check.outcome.status.reason().map(|why| format!("check {}: {why}", idx + 1)))
        .collect()
}

fn control_doubts(controls: &[ControlResult]) -> Vec<String> {
    let numbered = controls.iter().enumerate();
    numbered
        .filter_map(|(idx, control)| {
            let n = idx + 1;
            match &control.verdict {
                ControlVerdict::MadeFail => None,
                ControlVerdict::DidNotFail(why) => Some(format!("control {n} did not make the check fail: {why}")),
                ControlVerdict::CouldNotApply(why) => Some(format!("control {n} could not be applied: {why}")),
                ControlVerdict::NotRun(why) => Some(format!("control {n} was not run: {why}")),
            }
        })
        .collect()
}

/// Passed proofs of absence that no control made fail. Controls that were not run say so themselves.
fn unchallenged(checks: &[CheckResult], controls: &[ControlResult]) -> Vec<String> {
    if controls.iter().any(|control| matches!(control.verdict, ControlVerdict::NotRun(_))) {
        return Vec::new();
    }
    let is_challenged = |idx: &usize| controls.iter().any(|control| control.failed_checks.contains(idx));
    let numbered = checks.iter().enumerate();
    let proofs = numbered
        .filter(|(_, check)| check.outcome.status == Status::Pass && check.check.kind.proves_absence())
        .map(|(idx, _)| idx);
    let unchallenged = proofs.filter(|idx| !is_challenged(idx));
    unchallenged.map(|idx| format!("no control made check {} fail", idx + 1)).collect()
}

/// A recorded verdict against the symbols as they are: STALE where one of them changed, came or went.
#[must_use]
pub fn recorded_verdict(recorded: &Verdict, then: &[SymbolDigest], today: &[SymbolDigest]) -> Verdict {
    if then == today { recorded.clone() } else { Verdict::Stale }
}
