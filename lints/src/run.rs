//! Runs all lints: levels, suppressions, fingerprints, order.

use std::collections::BTreeMap;

use interlock_lockgraph::LockGraph;
use interlock_source::Workspace;
use sha2::{Digest, Sha256};

use crate::rules::RULES;
use crate::{Certainty, Config, Finding, Level, LintContext, Report, suppressions};

/// Runs every lint that is not off.
#[must_use]
pub fn run(workspace: &Workspace, graph: &LockGraph, config: &Config) -> Report {
    let context = LintContext { workspace, graph, config };
    let mut findings = Vec::new();
    for (lint, check) in RULES {
        if config.level(lint) > Level::Allow {
            check(&context, &mut findings);
        }
    }
    for finding in &mut findings {
        finding.level = level(finding, config);
    }
    sort(&mut findings);
    let mut report = suppressions::apply(workspace, config, findings);
    sort(&mut report.findings);
    set_fingerprints(workspace, &mut report.findings);
    report.coverage = workspace.coverage().clone();
    report
}

/// The lint's level, raised by one or lowered by what the check said; an assumption is never `deny`.
/// What the user has set is not raised.
fn level(finding: &Finding, config: &Config) -> Level {
    let level = config.level(finding.lint);
    let is_raised = finding.raised_by.is_some() && !config.levels.contains_key(finding.lint.id);
    let level = if is_raised { level.raised() } else { level }.min(finding.level);
    match finding.certainty {
        Certainty::Assumed(_) => level.min(Level::Warn),
        Certainty::Proven | Certainty::Derived => level,
    }
}

/// Total order: file, start, lint, then the argument. Equal findings (of a file that two targets include) fall together.
fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        (a.primary.span, a.lint.id, &a.message, &a.steps, &a.certainty, &a.primary.item).cmp(&(
            b.primary.span,
            b.lint.id,
            &b.message,
            &b.steps,
            &b.certainty,
            &b.primary.item,
        ))
    });
    findings.dedup_by(|a, b| same_places(a, b));
}

/// One argument told of two targets that share the files.
fn same_places(a: &Finding, b: &Finding) -> bool {
    let spans = |finding: &Finding| finding.steps.iter().map(|step| step.place.span).collect::<Vec<_>>();
    a.lint == b.lint && a.primary.span == b.primary.span && spans(a) == spans(b)
}

fn set_fingerprints(workspace: &Workspace, findings: &mut [Finding]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings {
        let identity = identity(workspace, finding);
        let ordinal = seen.entry(identity.clone()).or_default();
        *ordinal += 1;
        let digest = Sha256::digest(format!("{identity}\n{ordinal}").as_bytes());
        finding.fingerprint = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    }
}

/// What stays the same when code around the finding changes: no line, no column, not what raised its level.
fn identity(workspace: &Workspace, finding: &Finding) -> String {
    let own = finding.steps.iter().filter(|step| finding.raised_by.as_ref() != Some(*step));
    let mut items: Vec<&str> = own.map(|step| step.place.item.as_str()).collect();
    items.push(&finding.primary.item);
    items.sort_unstable();
    items.dedup();
    let tokens = workspace.digest_text(finding.primary.span);
    format!("{}\n{}\n{}\n{tokens}", finding.lint.id, finding.locks.join(","), items.join(","))
}
