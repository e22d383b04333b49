//! The symbols of a claim: where they stand, their digests, their lines.

use std::collections::BTreeSet;

use interlock_claims::{ClaimResult, Place, SymbolDigest, SymbolRecord};

use super::evidence::{N_LISTED_MAX, push_more};
use super::link::Links;
use crate::coverage_text::counted;
use crate::markdown_text::{code, listing};

/// Most symbols whose lines are shown.
const N_EXCERPTS_MAX: usize = 6;
/// Longest excerpt of one symbol.
const N_LINES_MAX: usize = 24;
/// Lines shown on each side of a site, where the symbol is longer than an excerpt.
const N_LINES_AROUND: u32 = 2;

/// The functions that a claim names.
pub(crate) fn push_symbols(text: &mut String, links: &Links, result: &ClaimResult) {
    if result.symbols.is_empty() {
        text.push_str("\nNo function of the target has a name that this claim gives.\n");
    }
    let looked_at = looked_at(result);
    for (idx, record) in result.symbols.iter().take(N_LISTED_MAX).enumerate() {
        push_symbol(text, links, record);
        if idx < N_EXCERPTS_MAX {
            push_excerpt(text, record, &looked_at);
        }
    }
    if result.symbols.len() > N_LISTED_MAX {
        text.push_str(&format!("\nAnd {} more, not shown.\n", result.symbols.len() - N_LISTED_MAX));
    }
}

fn push_symbol(text: &mut String, links: &Links, record: &SymbolRecord) {
    let (place, file, digest) = (links.place(&record.place), code(&record.place.file), code(&record.digest));
    text.push_str(&format!("\n{place} of {file}, SHA-256 {digest}\n"));
}

/// Where the checks looked, and what they found there.
fn looked_at(result: &ClaimResult) -> Vec<&Place> {
    let outcomes = || result.checks.iter().map(|check| &check.outcome);
    let sites = outcomes().flat_map(|outcome| &outcome.sites).map(|site| &site.place);
    let evidence = outcomes().flat_map(|outcome| &outcome.evidence);
    let argued = evidence.flat_map(|one| one.steps.iter().map(|step| &step.place).chain([&one.primary]));
    sites.chain(argued).collect()
}

fn push_excerpt(text: &mut String, record: &SymbolRecord, looked_at: &[&Place]) {
    let numbered: Vec<(u32, &str)> = (record.excerpt.first_line..).zip(record.excerpt.text.lines()).collect();
    let shown = shown_lines(&numbered, &lines_of(record, looked_at));
    text.push_str(&format!("\n{}", listing(&shown, 0)));
    if shown.len() < numbered.len() {
        text.push_str(&format!("\nShown: {} of {}.\n", shown.len(), counted(numbered.len(), "line")));
    }
}

fn lines_of(record: &SymbolRecord, looked_at: &[&Place]) -> BTreeSet<u32> {
    let in_file = looked_at.iter().filter(|place| place.file == record.place.file);
    in_file.map(|place| place.range.start.line).collect()
}

/// A short symbol whole; of a longer one its first line and the lines around the sites, as far as there is room.
fn shown_lines<'a>(numbered: &[(u32, &'a str)], sites: &BTreeSet<u32>) -> Vec<(u32, &'a str)> {
    if numbered.len() <= N_LINES_MAX {
        return numbered.to_vec();
    }
    let is_near = |line: u32| sites.iter().any(|site| site.abs_diff(line) <= N_LINES_AROUND);
    let near = numbered.iter().skip(1).filter(|(line, _)| is_near(*line));
    let shown: Vec<_> = numbered.iter().take(1).chain(near).take(N_LINES_MAX).copied().collect();
    if shown.len() > 1 { shown } else { numbered[..N_LINES_MAX].to_vec() }
}

/// The digests of everything that a verdict rests on.
pub(crate) fn push_digests(text: &mut String, digests: &[SymbolDigest]) {
    if digests.is_empty() {
        return;
    }
    let functions = counted(digests.len(), "function");
    text.push_str(&format!("\n**Rests on** {functions}; SHA-256 of the tokens, without layout and comments:\n\n"));
    for SymbolDigest { path, digest } in digests.iter().take(N_LISTED_MAX) {
        text.push_str(&format!("- {}: {}\n", code(path), code(digest)));
    }
    push_more(text, digests.len(), N_LISTED_MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(n_lines: u32, sites: &[u32], expected: &[u32]) {
        let numbered: Vec<(u32, &str)> = (1..=n_lines).map(|line| (line, "x")).collect();
        let shown = shown_lines(&numbered, &sites.iter().copied().collect());
        assert_eq!(shown.iter().map(|(line, _)| *line).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_short_symbol_is_shown_whole() {
        check(3, &[2], &[1, 2, 3]);
    }

    #[test]
    fn of_a_long_symbol_the_lines_around_the_sites_are_shown() {
        check(90, &[40, 60], &[1, 38, 39, 40, 41, 42, 58, 59, 60, 61, 62]);
    }

    #[test]
    fn without_sites_a_long_symbol_is_cut() {
        check(90, &[], &(1..=24).collect::<Vec<_>>());
    }
}
