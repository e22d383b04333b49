//! The report as Markdown: a summary by lint, each finding with its numbered steps, coverage.

use std::cmp::Reverse;

use interlock_lints::{Certainty, Finding, Level, Place, Report};
use interlock_source::{Cause, Coverage};

use crate::Heading;
use crate::coverage_text::{counted, coverage_lines, verdict};
use crate::markdown_text::{cell, code, listing, prose};
use crate::place::{Files, excerpt_lines, located};

/// Longest excerpt of one place.
const N_LINES_MAX: usize = 8;

/// The report as Markdown.
#[must_use]
pub fn markdown(report: &Report, heading: Heading<'_>, files: &dyn Files) -> String {
    let mut text = format!("# Concurrency report of {}\n\n", code(heading.workspace));
    text.push_str(&format!("{}\n", prose(&verdict(report))));
    push_summary(&mut text, report);
    push_findings(&mut text, &report.findings, files);
    push_suppressed(&mut text, &report.suppressed, files);
    push_coverage(&mut text, &report.coverage);
    text.push_str(&format!("\nWritten by cargo-interlock {}.\n", heading.version));
    text
}

fn push_summary(text: &mut String, report: &Report) {
    let rows = summary(report);
    if rows.is_empty() {
        return;
    }
    text.push_str("\n| lint | level | findings | suppressed |\n| --- | --- | --- | --- |\n");
    for Row { lint, level, n_findings, n_suppressed } in rows {
        text.push_str(&format!("| {} | {level} | {n_findings} | {n_suppressed} |\n", code(lint)));
    }
}

/// One row of the summary; the counts of a lint are split by level.
struct Row {
    lint: &'static str,
    level: Level,
    n_findings: usize,
    n_suppressed: usize,
}

/// Loudest level first, then by lint.
fn summary(report: &Report) -> Vec<Row> {
    let standing = report.findings.iter().map(|finding| (key(finding), 1, 0));
    let suppressed = report.suppressed.iter().map(|(finding, _)| (key(finding), 0, 1));
    let mut counts: Vec<_> = standing.chain(suppressed).collect();
    counts.sort_unstable();
    counts.chunk_by(|left, right| left.0 == right.0).map(row).collect()
}

/// What a row is about.
type Key = (Reverse<Level>, &'static str);

fn key(finding: &Finding) -> Key {
    (Reverse(finding.level), finding.lint.id)
}

fn row(counts: &[(Key, usize, usize)]) -> Row {
    let (Reverse(level), lint) = counts[0].0;
    Row {
        lint,
        level,
        n_findings: counts.iter().map(|(_, standing, _)| standing).sum(),
        n_suppressed: counts.iter().map(|(.., suppressed)| suppressed).sum(),
    }
}

fn push_findings(text: &mut String, findings: &[Finding], files: &dyn Files) {
    if findings.is_empty() {
        return;
    }
    text.push_str("\n## Findings\n");
    for (position, finding) in (1..).zip(findings) {
        push_finding(text, position, finding, files);
    }
}

fn push_finding(text: &mut String, position: usize, finding: &Finding, files: &dyn Files) {
    let (level, message) = (finding.level, prose(&finding.message));
    text.push_str(&format!("\n### {position}. {level}: {message}\n\n"));
    text.push_str(&format!("- lint: {}\n", code(finding.lint.id)));
    text.push_str(&format!("- place: {}\n", place(&finding.primary, files)));
    text.push_str(&format!("- certainty: {}\n", certainty(&finding.certainty)));
    if !finding.locks.is_empty() {
        let locks: Vec<_> = finding.locks.iter().map(|lock| code(lock)).collect();
        text.push_str(&format!("- locks: {}\n", locks.join(", ")));
    }
    text.push_str(&format!("- fingerprint: {}\n\n", code(&finding.fingerprint)));
    text.push_str(&source(&finding.primary, files, 0));
    push_steps(text, finding, files);
    if let Some(help) = &finding.help {
        text.push_str(&format!("\n**Help:** {}\n", prose(help)));
    }
}

fn push_steps(text: &mut String, finding: &Finding, files: &dyn Files) {
    if !finding.steps.is_empty() {
        text.push('\n');
    }
    for (position, step) in (1_usize..).zip(&finding.steps) {
        let marker = format!("{position}. ");
        let (place, message) = (place(&step.place, files), prose(&step.message));
        text.push_str(&format!("{marker}{place}: {message}\n\n"));
        text.push_str(&source(&step.place, files, marker.len()));
    }
}

fn place(place: &Place, files: &dyn Files) -> String {
    format!("{} in {}", code(&located(place.span, files)), code(&place.item))
}

fn source(place: &Place, files: &dyn Files, indent: usize) -> String {
    let text = files.text(place.span.file);
    listing(&excerpt_lines(text, place.span.range, N_LINES_MAX), indent)
}

fn certainty(certainty: &Certainty) -> String {
    match certainty {
        Certainty::Proven | Certainty::Derived => certainty.word().to_owned(),
        Certainty::Assumed(what) => format!("assumed: {}", prose(what)),
    }
}

fn push_suppressed(text: &mut String, suppressed: &[(Finding, String)], files: &dyn Files) {
    if suppressed.is_empty() {
        return;
    }
    text.push_str("\n## Suppressed\n\n| lint | place | message | reason |\n");
    text.push_str("| --- | --- | --- | --- |\n");
    for (finding, reason) in suppressed {
        let (lint, place) = (code(finding.lint.id), code(&located(finding.primary.span, files)));
        let (message, reason) = (cell(&finding.message), cell(reason));
        text.push_str(&format!("| {lint} | {place} | {message} | {reason} |\n"));
    }
}

fn push_coverage(text: &mut String, coverage: &Coverage) {
    text.push_str("\n## Coverage\n\n");
    for line in coverage_lines(coverage) {
        text.push_str(&format!("- {}\n", prose(&line)));
    }
    push_causes(text, "Receivers of lock-like calls are unknown for these causes:", &coverage.unknown_receivers);
    push_causes(text, "Targets of calls are unknown for these causes:", &coverage.unknown_calls);
}

fn push_causes(text: &mut String, title: &str, causes: &[Cause]) {
    if causes.is_empty() {
        return;
    }
    text.push_str(&format!("\n{title}\n\n"));
    for known in causes {
        text.push_str(&format!("- {}: {}\n", prose(known.cause), counted(known.count, "place")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, HEADING, Sample};

    #[test]
    fn a_report_reads_like_this() {
        let text = markdown(&sample::report(), HEADING, &Sample);
        sample::check_document(&text, include_str!("expected/report.md"));
    }

    #[test]
    fn an_empty_report_has_its_coverage_only() {
        let text = markdown(&Report::default(), HEADING, &Sample);
        let headings: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(headings, ["# Concurrency report of `mycrate`", "## Coverage"]);
    }
}
