//! A hand-made audit with one claim of each verdict, for the tests of the renderers.

use interlock_claims::{
    AppliedEdit, Audit, Change, Check, CheckKind, CheckResult, Claim, ClaimResult, Confidence, Control, ControlEdit,
    ControlMode, ControlResult, ControlVerdict, Evidence, EvidenceStep, Excerpt, Grounds, Outcome, Place, Site, Status,
    Symbol, SymbolDigest, SymbolRecord, Target, TargetInfo, TargetSource, Verdict,
};
use interlock_lints::Certainty;

use crate::sample::{self, range};

const RUN: &str = "mycrate::Cluster::run";
const LOCK: &str = "crate::Cluster::raft_node";
const RUN_TEXT: &str = "    async fn run(&self) {\n        let node = self.raft_node.lock().await;\n        \
                        node.apply_conf_change(&self.cc);\n    }";

fn place(line: u32, line_text: &str) -> Place {
    let (file, item) = ("src/cluster.rs".to_owned(), RUN.to_owned());
    Place { file, range: range(line, 9, line, 20), item, line_text: line_text.to_owned() }
}

fn whole_item() -> Place {
    Place { range: range(2, 5, 5, 6), ..place(2, "async fn run(&self) {") }
}

fn excerpt(first_line: u32, text: &str) -> Excerpt {
    Excerpt { file: "src/cluster.rs".to_owned(), first_line, text: text.to_owned() }
}

fn sites(n_sites: u32) -> Vec<Site> {
    let site = |line| Site { place: place(line, "node.apply_conf_change(&self.cc);"), what: "a call".to_owned() };
    (4..4 + n_sites).map(site).collect()
}

fn evidence(certainty: Certainty, steps: &[(u32, &str)]) -> Evidence {
    let step = |(line, message): &(u32, &str)| EvidenceStep {
        place: place(*line, "self.raft_node.lock().await"),
        message: (*message).to_owned(),
    };
    Evidence {
        certainty,
        primary: place(4, "self.raft_node.lock().await"),
        message: "`raft_node` is acquired while it is held".to_owned(),
        steps: steps.iter().map(step).collect(),
    }
}

fn found() -> Evidence {
    evidence(Certainty::Derived, &[(3, "guard acquired here"), (4, "acquired again here")])
}

fn check(line: usize, status: Status, sites: Vec<Site>, evidence: Vec<Evidence>) -> CheckResult {
    let within = Symbol { pattern: "crate::Cluster::run".to_owned(), matches: 1 };
    let kind = CheckKind::LockNotAcquiredWhile { lock: LOCK.to_owned(), within };
    CheckResult { check: Check { line, kind }, outcome: Outcome { status, sites, evidence } }
}

fn wanted(change: Change, checks: &[usize]) -> Control {
    let edit = ControlEdit { symbol: "crate::Cluster::run".to_owned(), change, matches: 1 };
    Control { line: 20, title: Some("take the lock again".to_owned()), edits: vec![edit], checks: checks.to_vec() }
}

fn replacement() -> Change {
    Change::Replace { pattern: "node.apply".to_owned(), with: "self.raft_node.lock().await.apply".to_owned() }
}

fn control(verdict: ControlVerdict) -> ControlResult {
    ControlResult {
        title: Some("take the lock again".to_owned()),
        edits: Vec::new(),
        failed_checks: Vec::new(),
        evidence: Vec::new(),
        verdict,
    }
}

fn edit() -> AppliedEdit {
    AppliedEdit {
        symbol: "crate::Cluster::run".to_owned(),
        place: whole_item(),
        matches: 1,
        before: excerpt(4, "        node.apply_conf_change(&self.cc);"),
        after: excerpt(4, "        self.raft_node.lock().await.apply_conf_change(&self.cc);"),
    }
}

fn noticed() -> ControlResult {
    let control = control(ControlVerdict::MadeFail);
    ControlResult { edits: vec![edit()], failed_checks: vec![0], evidence: vec![found()], ..control }
}

fn claim(id: &str, verdict: Verdict, check: CheckResult, controls: Vec<(Control, ControlResult)>) -> ClaimResult {
    let (wanted, controls): (Vec<_>, Vec<_>) = controls.into_iter().unzip();
    let record = SymbolRecord {
        symbol: "crate::Cluster::run".to_owned(),
        place: whole_item(),
        excerpt: excerpt(2, RUN_TEXT),
        digest: "0a1b".to_owned(),
    };
    let checks = vec![check];
    ClaimResult {
        claim: Claim {
            id: id.to_owned(),
            title: format!("The loop keeps its guard: {id}"),
            symptom: None,
            root_cause: None,
            origin: None,
            notes: None,
            scope: Vec::new(),
            checks: checks.iter().map(|result| result.check.clone()).collect(),
            controls: wanted,
        },
        verdict,
        confidence: None,
        grounds: Grounds::of(&checks, &controls),
        checks,
        controls,
        symbols: vec![record],
        rests_on: vec![SymbolDigest { path: RUN.to_owned(), digest: "0a1b".to_owned() }],
    }
}

fn verified() -> ClaimResult {
    let check = check(9, Status::Pass, sites(2), Vec::new());
    let mut result = claim("held", Verdict::Verified, check, vec![(wanted(replacement(), &[0]), noticed())]);
    result.confidence = Some(Confidence::Medium);
    result.claim.symptom = Some("the cluster\n# freezes after its first `ConfChange`".to_owned());
    result.claim.root_cause = Some("`raft_node` is taken twice".to_owned());
    result.claim.origin = Some("issue 12 | release 2.2.7".to_owned());
    result.claim.notes = Some("the guard is a Vec<u8> of sorts".to_owned());
    result
}

fn refuted() -> ClaimResult {
    let check = check(30, Status::Fail, sites(1), vec![found()]);
    let not_run = control(ControlVerdict::NotRun("a check fails without it".to_owned()));
    claim("twice", Verdict::Refuted, check, vec![(wanted(replacement(), &[]), not_run)])
}

fn inconclusive() -> ClaimResult {
    let why = "a counterexample rests on an assumption".to_owned();
    let doubt = evidence(Certainty::Assumed("one of 2 implementations of `Disk` runs".to_owned()), &[]);
    let check = check(40, Status::Unresolved(why.clone()), sites(22), vec![doubt]);
    let misfit = control(ControlVerdict::CouldNotApply("the edit must change 1 place, it changes 0".to_owned()));
    let misfit = (wanted(Change::InsertAtEnd("drop(node);".to_owned()), &[]), misfit);
    let unnoticed = ControlResult {
        edits: vec![edit()],
        ..control(ControlVerdict::DidNotFail("check 1 is pass with it".to_owned()))
    };
    let unnoticed = (wanted(replacement(), &[]), unnoticed);
    claim("unsure", Verdict::Inconclusive(format!("check 1: {why}")), check, vec![misfit, unnoticed])
}

fn stale() -> ClaimResult {
    claim("old", Verdict::Stale, check(50, Status::Pass, sites(1), Vec::new()), Vec::new())
}

fn not_run() -> ClaimResult {
    let why = "this version cannot run checks of kind `model`".to_owned();
    let mut check = check(60, Status::NotRun(why.clone()), Vec::new(), Vec::new());
    check.check.kind = CheckKind::Unsupported("model".to_owned());
    let mut result = claim("modelled", Verdict::NotRun(format!("check 1: {why}")), check, Vec::new());
    result.symbols.clear();
    result.rests_on.clear();
    result
}

/// One claim of each verdict, and a control of each.
pub(crate) fn audit() -> Audit {
    let target =
        Target { source: TargetSource::Path("../../mycrate".to_owned()), features: vec!["shared-lock".to_owned()] };
    Audit {
        target: TargetInfo { name: "mycrate".to_owned(), root: "/elsewhere/mycrate".into(), target },
        claims: vec![verified(), refuted(), inconclusive(), stale(), not_run()],
        coverage: sample::report().coverage,
        blind_spots: vec!["12 calls whose target is not known".to_owned(), "unsafe code is not followed".to_owned()],
        tool_version: "0.1.0",
        manifest_file: "audits/mycrate/audit.toml".to_owned(),
        config_digest: "c0ffee".to_owned(),
        control_mode: ControlMode::Run,
    }
}
