//! Running an audit: every claim's checks, then its controls, then its verdict.

use std::path::PathBuf;

use interlock_source::{Coverage, Workspace};

use crate::check::{self, Analysis};
use crate::outcome::{Outcome, Status};
use crate::symbol_record::{SymbolDigest, SymbolRecord, named_symbols, rests_on};
use crate::verdict::{Confidence, Grounds, Verdict, confidence, verdict};
use crate::{Check, Claim, Control, ControlResult, Manifest, Target, control, subject};

/// Whether the controls are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ControlMode {
    /// They are.
    #[default]
    Run,
    /// They are not: no claim that has, or needs, a control is VERIFIED then.
    Skip,
}

/// Whether a claim that is NOT RUN makes the audit fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotRunPolicy {
    /// It does.
    #[default]
    Fails,
    /// It does not.
    Allowed,
}

/// How far an audit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Id of the claim that is worked on.
    pub claim: &'a str,
    /// Its number, from 1.
    pub claim_number: usize,
    /// Number of claims.
    pub n_claims: usize,
    /// What is done for it.
    pub activity: Activity,
}

/// What is done for a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// A check is run; its number, from 1.
    Check(usize),
    /// A control is run; its number, from 1.
    Control(usize),
}

/// What an audit found.
#[derive(Clone, Debug)]
pub struct Audit {
    /// What was audited.
    pub target: TargetInfo,
    /// The claims, in the order of the manifest.
    pub claims: Vec<ClaimResult>,
    /// What was and was not seen.
    pub coverage: Coverage,
    /// What the audit cannot see, in sentences.
    pub blind_spots: Vec<String>,
    /// Version of this tool.
    pub tool_version: &'static str,
    /// The manifest, as the caller named it.
    pub manifest_file: String,
    /// SHA-256 of the manifest.
    pub config_digest: String,
    /// Whether the controls were run.
    pub control_mode: ControlMode,
}

/// What was audited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetInfo {
    /// Name of the workspace.
    pub name: String,
    /// Its root.
    pub root: PathBuf,
    /// The target as the manifest names it.
    pub target: Target,
}

/// A claim with its verdict and everything that the verdict rests on.
#[derive(Clone, Debug)]
pub struct ClaimResult {
    /// The claim as the manifest states it.
    pub claim: Claim,
    /// The verdict.
    pub verdict: Verdict,
    /// The confidence in a VERIFIED; see [`Confidence::RULE`].
    pub confidence: Option<Confidence>,
    /// What the confidence is computed from.
    pub grounds: Grounds,
    /// The checks, in the order of the manifest.
    pub checks: Vec<CheckResult>,
    /// The controls, in the order of the manifest.
    pub controls: Vec<ControlResult>,
    /// The functions that the claim names.
    pub symbols: Vec<SymbolRecord>,
    /// Digests of every function that the claim names or looked into, sorted by path.
    pub rests_on: Vec<SymbolDigest>,
}

/// A check with its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// The check.
    pub check: Check,
    /// How it came out.
    pub outcome: Outcome,
}

impl Audit {
    /// The exit code of the audit: 3 for a REFUTED claim, 4 for one that is not decided, else 0.
    #[must_use]
    pub fn exit_code(&self, not_run: NotRunPolicy) -> u8 {
        let codes = self.claims.iter().map(|result| exit_code(&result.verdict, not_run));
        // 3 comes before 4: a refuted claim is not hidden by an undecided one.
        codes.filter(|code| *code != 0).min().unwrap_or(0)
    }
}

fn exit_code(verdict: &Verdict, not_run: NotRunPolicy) -> u8 {
    match (verdict, not_run) {
        (Verdict::Verified, _) | (Verdict::NotRun(_), NotRunPolicy::Allowed) => 0,
        (Verdict::Refuted, _) => 3,
        (Verdict::Inconclusive(_) | Verdict::Stale | Verdict::NotRun(_), _) => 4,
    }
}

/// Runs every claim of a manifest against a workspace, telling `progress` what it is about to do.
pub fn run(
    manifest: &Manifest,
    workspace: &Workspace,
    control_mode: ControlMode,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Audit {
    let analysis = Analysis::of(workspace);
    let n_claims = manifest.claims.len();
    let mut claims = Vec::with_capacity(n_claims);
    for (idx, claim) in manifest.claims.iter().enumerate() {
        let mut tell = |activity| progress(Progress { claim: &claim.id, claim_number: idx + 1, n_claims, activity });
        claims.push(run_claim(&analysis, claim, control_mode, &mut tell));
    }
    Audit {
        target: TargetInfo {
            name: workspace.name().to_owned(),
            root: workspace.root().to_owned(),
            target: manifest.target.clone(),
        },
        claims,
        coverage: workspace.coverage().clone(),
        blind_spots: blind_spots(workspace.coverage()),
        tool_version: env!("CARGO_PKG_VERSION"),
        manifest_file: manifest.file.clone(),
        config_digest: manifest.digest.clone(),
        control_mode,
    }
}

fn run_claim(
    analysis: &Analysis<'_>,
    claim: &Claim,
    control_mode: ControlMode,
    tell: &mut dyn FnMut(Activity),
) -> ClaimResult {
    let mut checks = Vec::with_capacity(claim.checks.len());
    for (idx, check) in claim.checks.iter().enumerate() {
        tell(Activity::Check(idx + 1));
        checks.push(CheckResult { check: check.clone(), outcome: check::run(analysis, &check.kind) });
    }
    let controls = run_controls(analysis, claim, &checks, control_mode, tell);
    let verdict = scope_verdict(analysis.workspace, claim, verdict(&checks, &controls));
    let grounds = Grounds::of(&checks, &controls);
    let symbols = named_symbols(analysis.workspace, claim);
    ClaimResult {
        claim: claim.clone(),
        confidence: confidence(&verdict, grounds),
        verdict,
        grounds,
        rests_on: rests_on(analysis.workspace, &symbols, &checks),
        checks,
        controls,
        symbols,
    }
}

fn run_controls(
    analysis: &Analysis<'_>,
    claim: &Claim,
    checks: &[CheckResult],
    control_mode: ControlMode,
    tell: &mut dyn FnMut(Activity),
) -> Vec<ControlResult> {
    let why_not = why_no_controls(checks, control_mode);
    let mut results = Vec::with_capacity(claim.controls.len());
    for (idx, control) in claim.controls.iter().enumerate() {
        results.push(match why_not {
            Some(why) => control::not_run(control, why),
            None => run_control(analysis.workspace, control, checks, || tell(Activity::Control(idx + 1))),
        });
    }
    results
}

fn run_control(
    workspace: &Workspace,
    control: &Control,
    checks: &[CheckResult],
    announce: impl FnOnce(),
) -> ControlResult {
    announce();
    control::run(workspace, control, checks)
}

fn why_no_controls(checks: &[CheckResult], control_mode: ControlMode) -> Option<&'static str> {
    let has = |wanted: &Status| checks.iter().any(|check| check.outcome.status == *wanted);
    if control_mode == ControlMode::Skip {
        Some("the audit was told not to run controls")
    } else if has(&Status::Fail) {
        Some("a check fails without it")
    } else if !has(&Status::Pass) {
        Some("no check passes without it")
    } else {
        None
    }
}

/// A claim whose scope names something that does not exist is not VERIFIED.
fn scope_verdict(workspace: &Workspace, claim: &Claim, verdict: Verdict) -> Verdict {
    if verdict != Verdict::Verified {
        return verdict;
    }
    let missing = claim.scope.iter().filter_map(|symbol| subject::functions(workspace, symbol).err());
    match missing.collect::<Vec<_>>() {
        missing if missing.is_empty() => verdict,
        missing => Verdict::Inconclusive(format!("scope: {}", missing.join("; "))),
    }
}

/// What the audit cannot see, in sentences; the counted ones only where there is something to count.
fn blind_spots(coverage: &Coverage) -> Vec<String> {
    let counted = [
        (coverage.unparsed.len(), "files or items that could not be read"),
        (coverage.n_receivers_unknown, "calls named like an acquisition whose receiver has an unknown type"),
        (coverage.n_calls_unknown, "calls whose target is not known"),
        (coverage.n_macros_unread, "macro calls whose arguments were not read"),
        (coverage.n_cfg_skipped, "items skipped because their `cfg` predicate is false"),
        (coverage.n_files_unreached, "files that no target reaches"),
        (coverage.n_build_scripts, "build scripts, which are not analysed"),
    ];
    let counted = counted.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    let always = [
        "code outside the workspace is known by curated models only",
        "unsafe code, foreign functions and the expansion of macros are not followed",
        "locks of one class are not told apart: a claim about a class holds for all of its instances",
        "spawned tasks and the receivers of channels are other roots than the code that starts or feeds them",
    ];
    counted.chain(always.map(str::to_owned)).collect()
}
