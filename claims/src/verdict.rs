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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::{Check, CheckKind, Place, Site, Symbol};

    fn symbol() -> Symbol {
        Symbol { pattern: "f".to_owned(), matches: 1 }
    }

    /// A proof of absence that looked at one site.
    fn absence(status: Status) -> CheckResult {
        let place = Place {
            file: "src/lib.rs".to_owned(),
            range: interlock_source::TextRange::default(),
            item: "f".to_owned(),
            line_text: String::new(),
        };
        let sites = vec![Site { place, what: "awaits".to_owned() }];
        let kind = CheckKind::LockNotReachable { lock: "l".to_owned(), from: symbol() };
        CheckResult { check: Check { line: 1, kind }, outcome: Outcome { status, sites, evidence: Vec::new() } }
    }

    fn presence(status: Status) -> CheckResult {
        let kind = CheckKind::CallPresent { call: "c".to_owned(), within: symbol() };
        let mut result = absence(status);
        result.check.kind = kind;
        result
    }

    fn control(failed_checks: &[usize], verdict: ControlVerdict) -> ControlResult {
        let failed_checks = failed_checks.to_vec();
        ControlResult { title: None, edits: Vec::new(), failed_checks, evidence: Vec::new(), verdict }
    }

    fn made_fail(failed_checks: &[usize]) -> ControlResult {
        control(failed_checks, ControlVerdict::MadeFail)
    }

    fn why() -> String {
        "why".to_owned()
    }

    #[track_caller]
    fn assert_verdict(checks: &[CheckResult], controls: &[ControlResult], expected: &str) {
        let verdict = verdict(checks, controls);
        let reason = verdict.reason().map_or(String::new(), |reason| format!(": {reason}"));
        assert_eq!(format!("{verdict}{reason}"), expected);
    }

    #[test]
    fn passing_checks_that_controls_challenged_are_verified() {
        assert_verdict(&[absence(Status::Pass)], &[made_fail(&[0])], "VERIFIED");
        assert_verdict(&[presence(Status::Pass)], &[], "VERIFIED");
        assert_verdict(
            &[absence(Status::Pass), absence(Status::Pass)],
            &[made_fail(&[0]), made_fail(&[1])],
            "VERIFIED",
        );
    }

    #[test]
    fn a_failed_check_refutes_whatever_else_is_unknown() {
        let unknown = absence(Status::Unresolved(why()));
        assert_verdict(&[unknown, absence(Status::Fail)], &[], "REFUTED");
        assert_verdict(&[absence(Status::NotRun(why())), absence(Status::Fail)], &[], "REFUTED");
    }

    #[test]
    fn a_vacuous_or_unresolved_check_is_inconclusive() {
        let controls = [made_fail(&[1])];
        let with = |status| [absence(status), absence(Status::Pass)];
        assert_verdict(&with(Status::Vacuous(why())), &controls, "INCONCLUSIVE: check 1: why");
        assert_verdict(&with(Status::Unresolved(why())), &controls, "INCONCLUSIVE: check 1: why");
    }

    #[test]
    fn a_pass_without_sites_is_inconclusive() {
        let mut check = presence(Status::Pass);
        check.outcome.sites.clear();
        assert_verdict(&[check], &[], "INCONCLUSIVE: check 1: it looked at nothing");
    }

    #[test]
    fn a_proof_of_absence_that_no_control_challenged_is_inconclusive() {
        assert_verdict(&[absence(Status::Pass)], &[], "INCONCLUSIVE: no control made check 1 fail");
        assert_verdict(
            &[absence(Status::Pass), absence(Status::Pass)],
            &[made_fail(&[0])],
            "INCONCLUSIVE: no control made check 2 fail",
        );
    }

    #[test]
    fn a_control_that_does_not_do_its_work_is_inconclusive() {
        let check = [presence(Status::Pass)];
        let with = |verdict| [control(&[], verdict)];
        assert_verdict(
            &check,
            &with(ControlVerdict::DidNotFail(why())),
            "INCONCLUSIVE: control 1 did not make the check fail: why",
        );
        assert_verdict(
            &check,
            &with(ControlVerdict::CouldNotApply(why())),
            "INCONCLUSIVE: control 1 could not be applied: why",
        );
        assert_verdict(&check, &with(ControlVerdict::NotRun(why())), "INCONCLUSIVE: control 1 was not run: why");
    }

    #[test]
    fn a_check_that_was_not_run_is_not_run_unless_something_is_inconclusive() {
        assert_verdict(&[absence(Status::NotRun(why()))], &[], "NOT RUN: check 1: why");
        assert_verdict(
            &[absence(Status::NotRun(why())), absence(Status::Vacuous(why()))],
            &[],
            "INCONCLUSIVE: check 2: why",
        );
    }

    #[test]
    fn a_recorded_verdict_is_stale_once_a_symbol_changed() {
        let digest = |digest: &str| [SymbolDigest { path: "f".to_owned(), digest: digest.to_owned() }];
        let recorded = |today: &[SymbolDigest]| recorded_verdict(&Verdict::Verified, &digest("a"), today);
        assert_eq!(recorded(&digest("a")), Verdict::Verified);
        assert_eq!(recorded(&digest("b")), Verdict::Stale);
        assert_eq!(recorded(&[]), Verdict::Stale);
    }

    #[test]
    fn confidence_counts_grounds() {
        let of = |static_proof, failing_control, execution| {
            confidence(&Verdict::Verified, Grounds { static_proof, failing_control, execution })
        };
        assert_eq!(of(true, true, true), Some(Confidence::High));
        assert_eq!(of(true, true, false), Some(Confidence::Medium));
        assert_eq!(of(true, false, false), Some(Confidence::Low));
        assert_eq!(of(false, false, false), None);
        let all = Grounds { static_proof: true, failing_control: true, execution: true };
        assert_eq!(confidence(&Verdict::Refuted, all), None);
    }
}
