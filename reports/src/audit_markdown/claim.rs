//! One claim: its verdict, the original issue, the implementation, the verification, the status.

use interlock_claims::{CheckKind, CheckResult, ClaimResult, Evidence, Status, Verdict};
use interlock_lints::Certainty;

use super::control::push_controls;
use super::evidence::{N_LISTED_MAX, push_evidence, push_sites};
use super::flat;
use super::link::Links;
use super::symbol::{push_digests, push_symbols};
use crate::coverage_text::counted;
use crate::markdown_text::code;

pub(crate) fn push_claim(text: &mut String, links: &Links, position: usize, result: &ClaimResult, command: &str) {
    let claim = &result.claim;
    text.push_str(&format!("\n## Claim {position}: {}\n\n", flat(&claim.title)));
    text.push_str(&format!("**{}**{}\n\n", result.verdict, because(result)));
    text.push_str(&format!("- id: {}\n", code(&claim.id)));
    text.push_str(&format!("- origin: {}\n", stated(claim.origin.as_deref())));
    text.push_str(&format!("- method: {}\n", method(result)));
    push_issue(text, result);
    text.push_str("\n### Implementation\n");
    push_symbols(text, links, result);
    text.push_str("\n### Verification\n");
    for (position, check) in (1..).zip(&result.checks) {
        push_check(text, links, position, check);
    }
    push_controls(text, links, result);
    push_digests(text, &result.rests_on);
    push_status(text, result, command);
}

/// What the verdict rests on, after its word.
pub(crate) fn because(result: &ClaimResult) -> String {
    match &result.verdict {
        Verdict::Verified => format!(": {}", verified(result)),
        Verdict::Refuted => format!(": {}", refuted(&result.checks)),
        Verdict::Inconclusive(why) | Verdict::NotRun(why) => format!(": {}", flat(why)),
        Verdict::Stale => ": a function that the recorded verdict rests on has changed since".to_owned(),
    }
}

fn verified(result: &ClaimResult) -> String {
    let n_sites = result.checks.iter().map(|check| check.outcome.sites.len()).sum();
    let checks = format!("{} pass at {}", counted(result.checks.len(), "check"), counted(n_sites, "site"));
    let checks = if result.checks.len() == 1 { checks.replacen("pass", "passes", 1) } else { checks };
    match result.controls.len() {
        0 => checks,
        1 => format!("{checks}, and the control was noticed"),
        n_controls => format!("{checks}, and each of {n_controls} controls was noticed"),
    }
}

fn refuted(checks: &[CheckResult]) -> String {
    let failed = (1..).zip(checks).filter(|(_, check)| check.outcome.status == Status::Fail);
    let said: Vec<String> = failed.map(|(position, check)| failure(position, check)).collect();
    said.join("; ")
}

fn failure(position: usize, check: &CheckResult) -> String {
    let first = check.outcome.evidence.first();
    let message = first.map_or(String::new(), |evidence| format!(": {}", flat(&evidence.message)));
    format!("check {position} fails{message}")
}

fn stated(field: Option<&str>) -> String {
    field.map_or_else(|| "not stated".to_owned(), flat)
}

fn method(result: &ClaimResult) -> String {
    let kinds = result.claim.checks.iter().map(|check| &check.kind);
    let (unsupported, run): (Vec<_>, Vec<_>) = kinds.partition(|kind| matches!(kind, CheckKind::Unsupported(_)));
    let controls = counted(result.claim.controls.len(), "control");
    let parts = [words("static analysis by ", &run), words("not supported: ", &unsupported), Some(controls)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// The kinds by name, each once; `None` without any.
fn words(label: &str, kinds: &[&CheckKind]) -> Option<String> {
    let words = each_once(kinds.iter().map(|kind| code(kind.word())));
    (!words.is_empty()).then(|| format!("{label}{}", words.join(", ")))
}

fn each_once(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}

fn push_issue(text: &mut String, result: &ClaimResult) {
    let claim = &result.claim;
    text.push_str("\n### Original issue\n\n");
    text.push_str(&format!("**Symptom**: {}\n\n", stated(claim.symptom.as_deref())));
    text.push_str(&format!("**Root cause**: {}\n", stated(claim.root_cause.as_deref())));
    if let Some(notes) = &claim.notes {
        text.push_str(&format!("\n**Notes**: {}\n", flat(notes)));
    }
}

fn push_check(text: &mut String, links: &Links, position: usize, result: &CheckResult) {
    let (check, outcome) = (&result.check, &result.outcome);
    text.push_str(&format!("\n#### Check {position}: {}\n\n", outcome.status.word()));
    let (statement, kind, line) = (flat(&check.kind.to_string()), code(check.kind.word()), check.line);
    text.push_str(&format!("{statement} ({kind}, line {line} of the manifest)\n"));
    if let Some(why) = outcome.status.reason() {
        text.push_str(&format!("\nReason: {}\n", flat(why)));
    }
    push_sites(text, links, &outcome.sites);
    push_evidence(text, links, evidence_label(&outcome.status), &outcome.evidence, N_LISTED_MAX);
}

fn evidence_label(status: &Status) -> &'static str {
    match status {
        Status::Pass => "Evidence",
        Status::Fail => "Finding",
        Status::Vacuous(_) | Status::Unresolved(_) | Status::NotRun(_) => "Doubt",
    }
}

fn push_status(text: &mut String, result: &ClaimResult, command: &str) {
    text.push_str(&format!("\n### Status\n\n**{}**\n\n", result.verdict));
    text.push_str(&format!("- confidence: {}\n", confidence(result)));
    text.push_str(&format!("- assumptions: {}\n", assumptions(result)));
    text.push_str(&format!("- re-check: {}\n", code(command)));
}

fn confidence(result: &ClaimResult) -> String {
    match result.confidence {
        Some(confidence) => format!("{confidence} ({})", result.grounds.names().join(", ")),
        None => "none, only a VERIFIED has one".to_owned(),
    }
}

fn assumptions(result: &ClaimResult) -> String {
    let evidence = result.checks.iter().flat_map(|check| &check.outcome.evidence);
    let mut assumed = each_once(evidence.filter_map(assumption).map(flat));
    assumed.push("no blind spot listed below hides a case".to_owned());
    assumed.join("; ")
}

fn assumption(evidence: &Evidence) -> Option<&str> {
    match &evidence.certainty {
        Certainty::Assumed(what) => Some(what),
        Certainty::Proven | Certainty::Derived => None,
    }
}
