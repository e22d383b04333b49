//! What the claims add up to: the executive summary, the table, the conclusion.

use interlock_claims::{Audit, CheckResult, ClaimResult, ControlMode, ControlResult, ControlVerdict, Status};

use super::claim::because;
use super::flat;
use super::link::Links;
use crate::coverage_text::counted;
use crate::markdown_text::cell;

/// The words of the verdicts, worst first, with what a reader does about each.
const VERDICTS: [(&str, &str); 5] = [
    ("REFUTED", "Correct the target, or withdraw the claim: the finding shows where it does not hold."),
    ("INCONCLUSIVE", "Sharpen the check or the control: neither the fix nor the bug is shown."),
    ("STALE", "Run the audit again: the verdict is about other source than this."),
    ("NOT RUN", "Run the checks that this version or this run left out."),
    ("VERIFIED", "Run the audit with every change: it turns REFUTED when the fix goes."),
];

/// The worst verdict, then how many claims have which.
pub(crate) fn status(audit: &Audit) -> String {
    format!("{} ({})", worst(audit), counts(audit))
}

fn worst(audit: &Audit) -> &'static str {
    present(audit).next().map_or("NOT RUN", |(word, ..)| word)
}

fn counts(audit: &Audit) -> String {
    let counts: Vec<String> = present(audit).map(|(word, n, _)| format!("{n} {word}")).collect();
    let claims = counted(audit.claims.len(), "claim");
    if counts.is_empty() { claims } else { format!("{claims}: {}", counts.join(", ")) }
}

/// The verdicts that occur, worst first: word, number, what to do.
fn present(audit: &Audit) -> impl Iterator<Item = (&'static str, usize, &'static str)> {
    let words: Vec<String> = audit.claims.iter().map(|result| result.verdict.to_string()).collect();
    let n_with = move |wanted: &str| words.iter().filter(|word| *word == wanted).count();
    VERDICTS.into_iter().map(move |(word, advice)| (word, n_with(word), advice)).filter(|(_, n, _)| *n > 0)
}

pub(crate) fn push_summary(text: &mut String, audit: &Audit) {
    text.push_str(&format!("\n## Executive summary\n\n{}.\n", counts(audit)));
    if audit.coverage.n_bodies == 0 {
        text.push_str("\nNo function body of the target was read, so this audit says nothing about it.\n");
    }
    if audit.control_mode == ControlMode::Skip {
        text.push_str("\nThe controls were not run: a claim that has or needs one cannot be VERIFIED.\n");
    }
    text.push('\n');
    for (position, result) in (1..).zip(&audit.claims) {
        let (verdict, title) = (&result.verdict, flat(&result.claim.title));
        text.push_str(&format!("{position}. {title}: **{verdict}**{}\n", because(result)));
    }
}

pub(crate) fn push_table(text: &mut String, links: &Links, audit: &Audit) {
    text.push_str("\n## Summary table\n\n| # | claim | location | checks | sites | controls | status | confidence |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (position, result) in (1_usize..).zip(&audit.claims) {
        text.push_str(&row(links, position, result));
    }
}

fn row(links: &Links, position: usize, result: &ClaimResult) -> String {
    let cells = [
        position.to_string(),
        cell(&flat_source(&result.claim.title)),
        result.symbols.first().map_or("not found".to_owned(), |record| links.place(&record.place).replace('|', "\\|")),
        of(result.checks.iter().filter(|check| passes(check)).count(), result.checks.len()),
        result.checks.iter().map(|check| check.outcome.sites.len()).sum::<usize>().to_string(),
        of(result.controls.iter().filter(|control| is_noticed(control)).count(), result.controls.len()),
        result.verdict.to_string(),
        result.confidence.map_or("none".to_owned(), |confidence| confidence.to_string()),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// `cell` escapes by itself: it is given the words only.
fn flat_source(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn of(n: usize, n_all: usize) -> String {
    format!("{n} of {n_all}")
}

fn passes(check: &CheckResult) -> bool {
    check.outcome.status == Status::Pass
}

fn is_noticed(control: &ControlResult) -> bool {
    control.verdict == ControlVerdict::MadeFail
}

pub(crate) fn push_conclusion(text: &mut String, audit: &Audit) {
    let (worst, counts) = (worst(audit), counts(audit));
    text.push_str(&format!("\n## Conclusion\n\n**{worst}**: the worst verdict counts for the whole ({counts}).\n\n"));
    for (word, _, advice) in present(audit) {
        text.push_str(&format!("- {word}: {advice}\n"));
    }
}
