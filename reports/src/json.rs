//! The report as JSON lines, schema 1: one object a line, told apart by `reason`.
//!
//! | `reason` | once per | fields |
//! | --- | --- | --- |
//! | `start` | run, first | `schema`, `version` (of the tool), `workspace` |
//! | `finding` | finding | `lint`, `level` (`deny`, `warn`, `note`), `certainty` (`proven`, `derived`, `assumed`), `message`, `fingerprint`, `locks`, `primary`, `steps`; where they apply `help` and, for an assumed one, `assumption` |
//! | `suppressed` | suppressed finding | those of a finding, and `justification` |
//! | `coverage` | run, last | `files`, `lines`, `unparsed`, `receivers`, `calls`, `macros_unread`, `bodies`, `cfg_skipped`, `files_unreached`, `effects_cut_off`, `build_scripts`, `notes`, `unknown_causes`, `unknown_receivers` |
//!
//! `primary` and each of `steps` hold `file`, `line`, `column`, `end_line`, `end_column` and
//! `item`; a step also has its `message`. `file` is relative to the workspace root. Lines and
//! columns are 1-based, columns count Unicode scalar values, ends are exclusive.
//! `unparsed` is a list of `file`, `line`, `reason`; `receivers` counts lock-like calls by what
//! their receiver is (`lock`, `other`, `unknown`); `calls` are `resolved` or `unknown`;
//! `unknown_causes` (of calls) and `unknown_receivers` (of lock-like calls) are lists of `cause`, `count`; the counts add
//! up to `calls.unknown` and `receivers.unknown`.
//!
//! Within a schema number fields and reasons are only added: a reader ignores those it does not know.

use interlock_lints::{Certainty, Finding, Place, Report, Step};
use interlock_source::{Cause, Coverage, Span};
use serde::Serialize;

use crate::Heading;
use crate::place::Files;

const SCHEMA: u32 = 1;

#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "lowercase")]
enum Line<'a> {
    Start { schema: u32, version: &'a str, workspace: &'a str },
    Finding(FindingLine<'a>),
    Suppressed(SuppressedLine<'a>),
    Coverage(CoverageLine<'a>),
}

#[derive(Serialize)]
struct FindingLine<'a> {
    lint: &'a str,
    level: String,
    certainty: &'a str,
    message: &'a str,
    fingerprint: &'a str,
    locks: &'a [String],
    primary: PlaceObject<'a>,
    steps: Vec<StepObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assumption: Option<&'a str>,
}

#[derive(Serialize)]
struct SuppressedLine<'a> {
    #[serde(flatten)]
    finding: FindingLine<'a>,
    justification: &'a str,
}

/// A range of a file.
#[derive(Serialize)]
pub(crate) struct SpanObject<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
struct PlaceObject<'a> {
    #[serde(flatten)]
    span: SpanObject<'a>,
    item: &'a str,
}

#[derive(Serialize)]
struct StepObject<'a> {
    #[serde(flatten)]
    place: PlaceObject<'a>,
    message: &'a str,
}

#[derive(Serialize)]
struct CoverageLine<'a> {
    files: usize,
    lines: usize,
    unparsed: Vec<UnparsedObject<'a>>,
    receivers: Receivers,
    calls: Calls,
    macros_unread: usize,
    bodies: usize,
    cfg_skipped: usize,
    files_unreached: usize,
    effects_cut_off: usize,
    build_scripts: usize,
    notes: &'a [String],
    unknown_causes: Vec<CauseObject<'a>>,
    unknown_receivers: Vec<CauseObject<'a>>,
}

#[derive(Serialize)]
struct UnparsedObject<'a> {
    file: &'a str,
    line: u32,
    reason: &'a str,
}

#[derive(Serialize)]
struct Receivers {
    lock: usize,
    other: usize,
    unknown: usize,
}

#[derive(Serialize)]
struct Calls {
    resolved: usize,
    unknown: usize,
}

#[derive(Serialize)]
struct CauseObject<'a> {
    cause: &'a str,
    count: usize,
}

/// The report as JSON lines.
#[must_use]
pub fn json(report: &Report, heading: Heading<'_>, files: &dyn Files) -> String {
    let Heading { version, workspace } = heading;
    let mut text = String::new();
    push_line(&mut text, &Line::Start { schema: SCHEMA, version, workspace });
    for finding in &report.findings {
        push_line(&mut text, &Line::Finding(finding_line(finding, files)));
    }
    for (finding, justification) in &report.suppressed {
        let finding = finding_line(finding, files);
        push_line(&mut text, &Line::Suppressed(SuppressedLine { finding, justification }));
    }
    push_line(&mut text, &Line::Coverage(coverage_line(&report.coverage)));
    text
}

fn push_line(text: &mut String, line: &Line<'_>) {
    text.push_str(&serde_json::to_string(line).expect("the schema has string keys only"));
    text.push('\n');
}

fn finding_line<'a>(finding: &'a Finding, files: &'a dyn Files) -> FindingLine<'a> {
    let assumption = match &finding.certainty {
        Certainty::Proven | Certainty::Derived => None,
        Certainty::Assumed(what) => Some(what.as_str()),
    };
    FindingLine {
        lint: finding.lint.id,
        level: finding.level.to_string(),
        certainty: finding.certainty.word(),
        message: &finding.message,
        fingerprint: &finding.fingerprint,
        locks: &finding.locks,
        primary: place_object(&finding.primary, files),
        steps: finding.steps.iter().map(|step| step_object(step, files)).collect(),
        help: finding.help.as_deref(),
        assumption,
    }
}

fn step_object<'a>(step: &'a Step, files: &'a dyn Files) -> StepObject<'a> {
    StepObject { place: place_object(&step.place, files), message: &step.message }
}

fn place_object<'a>(place: &'a Place, files: &'a dyn Files) -> PlaceObject<'a> {
    PlaceObject { span: span_object(place.span, files), item: &place.item }
}

/// The range as the schema spells it.
pub(crate) fn span_object(span: Span, files: &dyn Files) -> SpanObject<'_> {
    SpanObject {
        file: files.path(span.file),
        line: span.range.start.line,
        column: span.range.start.column,
        end_line: span.range.end.line,
        end_column: span.range.end.column,
    }
}

fn coverage_line(coverage: &Coverage) -> CoverageLine<'_> {
    CoverageLine {
        files: coverage.n_files,
        lines: coverage.n_lines,
        unparsed: unparsed_objects(coverage),
        receivers: Receivers {
            lock: coverage.n_receivers_lock,
            other: coverage.n_receivers_other,
            unknown: coverage.n_receivers_unknown,
        },
        calls: Calls { resolved: coverage.n_calls_resolved, unknown: coverage.n_calls_unknown },
        macros_unread: coverage.n_macros_unread,
        bodies: coverage.n_bodies,
        cfg_skipped: coverage.n_cfg_skipped,
        files_unreached: coverage.n_files_unreached,
        effects_cut_off: coverage.n_effects_cut_off,
        build_scripts: coverage.n_build_scripts,
        notes: &coverage.notes,
        unknown_causes: cause_objects(&coverage.unknown_calls),
        unknown_receivers: cause_objects(&coverage.unknown_receivers),
    }
}

fn unparsed_objects(coverage: &Coverage) -> Vec<UnparsedObject<'_>> {
    coverage
        .unparsed
        .iter()
        .map(|gap| UnparsedObject { file: &gap.file, line: gap.line, reason: &gap.reason })
        .collect()
}

fn cause_objects(causes: &[Cause]) -> Vec<CauseObject<'_>> {
    causes.iter().map(|known| CauseObject { cause: known.cause, count: known.count }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, HEADING, Sample};

    /// A change of an existing field needs a new schema number.
    #[test]
    fn the_schema_is_this() {
        let text = json(&sample::report(), HEADING, &Sample);
        sample::check_document(&text, include_str!("expected/report.jsonl"));
    }

    #[test]
    fn an_empty_report_still_says_what_was_seen() {
        let text = json(&Report::default(), HEADING, &Sample);
        let reasons: Vec<_> = text.lines().map(|line| line.split('"').nth(3).unwrap()).collect();
        assert_eq!(reasons, ["start", "coverage"]);
    }
}
