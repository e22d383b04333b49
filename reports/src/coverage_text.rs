//! What was and was not seen, as sentences: shared by the documents that people read.

use interlock_lints::{Finding, Level, Report};
use interlock_source::Coverage;

/// The levels that are shown, loudest first.
pub(crate) const LEVELS: [Level; 3] = [Level::Deny, Level::Warn, Level::Note];

/// The result in one sentence: "nothing found" differs from "nothing looked at".
pub(crate) fn verdict(report: &Report) -> String {
    let coverage = &report.coverage;
    if coverage.n_files == 0 {
        return "nothing was analysed: no source file was read, so this says nothing".to_owned();
    }
    if coverage.n_bodies == 0 {
        let files = counted(coverage.n_files, "file");
        return format!("nothing was analysed: no function body in {files}, so this says nothing");
    }
    let suppressed = suppressed(report);
    if report.findings.is_empty() {
        let bodies = counted_as(coverage.n_bodies, "function body", "function bodies");
        return format!("nothing found in {bodies}{suppressed}");
    }
    let levels = LEVELS.map(|level| format!("{} {level}", n_at(&report.findings, level)));
    let findings = counted(report.findings.len(), "finding");
    format!("{findings}: {}{suppressed}", levels.join(", "))
}

/// How many findings have the level.
pub(crate) fn n_at(findings: &[Finding], level: Level) -> usize {
    findings.iter().filter(|finding| finding.level == level).count()
}

fn suppressed(report: &Report) -> String {
    match report.suppressed.len() {
        0 => String::new(),
        n_suppressed => format!("; {n_suppressed} suppressed"),
    }
}

/// What was seen, then every gap: one sentence each.
pub(crate) fn coverage_lines(coverage: &Coverage) -> Vec<String> {
    let mut lines = vec![read(coverage), receivers(coverage), calls(coverage)];
    lines.extend(unread(coverage));
    lines.extend(coverage.unparsed.iter().map(|gap| format!("not read: {}:{}: {}", gap.file, gap.line, gap.reason)));
    lines.extend(coverage.notes.iter().map(|note| format!("note: {note}")));
    lines
}

fn read(coverage: &Coverage) -> String {
    let files = counted(coverage.n_files, "file");
    let lines = counted(coverage.n_lines, "line");
    let bodies = counted_as(coverage.n_bodies, "function body", "function bodies");
    format!("read: {files}, {lines}, {bodies}")
}

fn receivers(coverage: &Coverage) -> String {
    format!(
        "lock-like calls: {} on locks, {} on other types, {} on unknown types",
        coverage.n_receivers_lock, coverage.n_receivers_other, coverage.n_receivers_unknown
    )
}

fn calls(coverage: &Coverage) -> String {
    let (resolved, unknown) = (coverage.n_calls_resolved, coverage.n_calls_unknown);
    format!("calls: {resolved} resolved, {unknown} with an unknown target")
}

/// What is off as cargo would build it can be turned on.
const ITEMS_BEHIND_CFG: &str = "items behind a false cfg (see --features, --cfg)";

/// The counts of what was left out; `None` where nothing was.
fn unread(coverage: &Coverage) -> Option<String> {
    let counts = [
        (coverage.n_macros_unread, "macro call", "macro calls"),
        (coverage.n_cfg_skipped, "item behind a false cfg (see --features, --cfg)", ITEMS_BEHIND_CFG),
        (coverage.n_effects_cut_off, "function whose effects were cut off", "functions whose effects were cut off"),
        (coverage.n_files_unreached, "file that no target reaches", "files that no target reaches"),
        (coverage.n_build_scripts, "build script", "build scripts"),
        (coverage.unparsed.len(), "part that does not parse", "parts that do not parse"),
    ];
    let named = counts.iter().filter(|(n, ..)| *n > 0);
    let named: Vec<_> = named.map(|(n, one, many)| counted_as(*n, one, many)).collect();
    (!named.is_empty()).then(|| format!("left out: {}", named.join(", ")))
}

/// `1 file`, `2 files`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    counted_as(n, noun, &format!("{noun}s"))
}

pub(crate) fn counted_as(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[track_caller]
    fn check(report: &Report, expected: &str) {
        assert_eq!(verdict(report), expected);
    }

    #[test]
    fn findings_are_counted_by_level() {
        check(&sample::report(), "2 findings: 1 deny, 1 warn, 0 note; 1 suppressed");
    }

    #[test]
    fn nothing_found_says_where() {
        let coverage = sample::report().coverage;
        let report = Report { coverage, ..Report::default() };
        check(&report, "nothing found in 21 function bodies");
    }

    #[test]
    fn nothing_looked_at_is_not_nothing_found() {
        let mut report = Report::default();
        check(&report, "nothing was analysed: no source file was read, so this says nothing");
        report.coverage.n_files = 1;
        check(&report, "nothing was analysed: no function body in 1 file, so this says nothing");
    }

    #[test]
    fn every_gap_is_named() {
        let expected = [
            "read: 2 files, 340 lines, 21 function bodies",
            "lock-like calls: 40 on locks, 9 on other types, 1 on unknown types",
            "calls: 310 resolved, 12 with an unknown target",
            "left out: 3 macro calls, 2 items behind a false cfg (see --features, --cfg), 1 build script, \
             1 part that does not parse",
            "not read: src/broken.rs:7: expected `;`",
            "note: cargo metadata failed; read from Cargo.toml",
        ];
        assert_eq!(coverage_lines(&sample::report().coverage), expected);
    }

    #[test]
    fn a_complete_reading_has_no_gaps() {
        assert_eq!(coverage_lines(&Coverage::default()).len(), 3);
    }
}
