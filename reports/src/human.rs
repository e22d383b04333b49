//! Findings and coverage for the terminal: labelled source excerpts, then what was seen.
//!
//! The excerpt of a finding shows the file of its primary place with every step in that file;
//! steps in other files follow as excerpts of their own. The numbers keep the argument's order.

use std::fmt::Write as _;

use interlock_lints::{Certainty, Finding, Level, Report, Step};
use interlock_source::FileId;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity};

use crate::coverage_text::{coverage_lines, verdict};
use crate::excerpt::{Excerpt, Listing};
use crate::place::Files;

/// Narrowest output that is still readable.
const WIDTH_MIN: usize = 40;

/// How the terminal wants its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HumanStyle {
    /// Whether ANSI colours are used.
    pub color: bool,
    /// Column at which prose is wrapped; source lines are not.
    pub width: usize,
}

/// A step with its 1-based position in the argument.
type Numbered<'a> = (usize, &'a Step);

/// The report as text for a terminal.
#[must_use]
pub fn human(report: &Report, files: &dyn Files, style: HumanStyle) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        push_finding(&mut text, finding, files, style);
        text.push('\n');
    }
    push_wrapped(&mut text, "", &verdict(report), style);
    for line in coverage_lines(&report.coverage) {
        push_wrapped(&mut text, "  ", &line, style);
    }
    text
}

fn push_finding(text: &mut String, finding: &Finding, files: &dyn Files, style: HumanStyle) {
    push_excerpt(text, &primary_excerpt(finding, files), style);
    for steps in steps_elsewhere(finding) {
        push_excerpt(text, &steps_excerpt(&steps, files), style);
    }
    push_wrapped(text, "  certainty: ", &certainty(&finding.certainty), style);
    if let Some(help) = &finding.help {
        push_wrapped(text, "  help: ", help, style);
    }
}

fn push_excerpt(text: &mut String, excerpt: &Excerpt<'_>, style: HumanStyle) {
    let theme = match style.color {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    GraphicalReportHandler::new_themed(theme)
        .with_width(style.width.max(WIDTH_MIN))
        .without_syntax_highlighting()
        .render_report(text, excerpt)
        .expect("a listing yields every span, and writing to a string succeeds");
}

fn primary_excerpt<'a>(finding: &Finding, files: &'a dyn Files) -> Excerpt<'a> {
    let span = finding.primary.span;
    let listing = listing(span.file, files);
    let steps = numbered(finding).filter(|(_, step)| step.place.span.file == span.file);
    let mut labels: Vec<_> = steps
        .map(|numbered| {
            let (range, label) = (numbered.1.place.span.range, step_label(numbered));
            match range == span.range {
                true => listing.primary_label(range, label),
                false => listing.label(range, label),
            }
        })
        .collect();
    if !labels.iter().any(LabeledSpan::primary) {
        labels.push(listing.primary_label(span.range, "reported here".to_owned()));
    }
    let code = Some(format!("{}[{}]", finding.level, finding.lint.id));
    let (message, severity) = (finding.message.clone(), severity(finding.level));
    Excerpt { code, message, severity, listing, labels }
}

/// Steps outside the primary place's file, neighbours of one file and item together.
fn steps_elsewhere(finding: &Finding) -> Vec<Vec<Numbered<'_>>> {
    let elsewhere: Vec<_> =
        numbered(finding).filter(|(_, step)| step.place.span.file != finding.primary.span.file).collect();
    elsewhere
        .chunk_by(|left, right| left.0 + 1 == right.0 && is_neighbour(left.1, right.1))
        .map(<[_]>::to_vec)
        .collect()
}

fn is_neighbour(left: &Step, right: &Step) -> bool {
    left.place.span.file == right.place.span.file && left.place.item == right.place.item
}

fn steps_excerpt<'a>(steps: &[Numbered<'_>], files: &'a dyn Files) -> Excerpt<'a> {
    let (first, step) = steps[0];
    let listing = listing(step.place.span.file, files);
    let positions = match steps.len() {
        1 => format!("step {first}"),
        n_steps => format!("steps {first} to {}", first + n_steps - 1),
    };
    Excerpt {
        code: None,
        message: format!("{positions}, in `{}`", step.place.item),
        severity: Severity::Advice,
        listing,
        labels: steps
            .iter()
            .map(|numbered| listing.label(numbered.1.place.span.range, step_label(*numbered)))
            .collect(),
    }
}

fn listing(file: FileId, files: &dyn Files) -> Listing<'_> {
    Listing { path: files.path(file), text: files.text(file) }
}

fn numbered(finding: &Finding) -> impl Iterator<Item = Numbered<'_>> {
    (1..).zip(&finding.steps)
}

fn step_label((position, step): Numbered<'_>) -> String {
    format!("{position}. {}", step.message)
}

fn severity(level: Level) -> Severity {
    match level {
        Level::Deny => Severity::Error,
        Level::Warn => Severity::Warning,
        Level::Note | Level::Allow => Severity::Advice,
    }
}

/// The word, and the assumption that it rests on.
fn certainty(certainty: &Certainty) -> String {
    match certainty {
        Certainty::Proven | Certainty::Derived => certainty.word().to_owned(),
        Certainty::Assumed(what) => format!("assumed: {what}"),
    }
}

/// Writes words after `label`, later lines indented to the same column.
fn push_wrapped(text: &mut String, label: &str, words: &str, style: HumanStyle) {
    let width = style.width.max(WIDTH_MIN);
    let indent = label.chars().count();
    let mut column = indent;
    text.push_str(&painted(label, style));
    for (word_idx, word) in words.split_whitespace().enumerate() {
        let n_chars = word.chars().count();
        if word_idx > 0 && column + 1 + n_chars > width {
            write!(text, "\n{:indent$}", "").expect("writing to a string succeeds");
            column = indent;
        } else if word_idx > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += n_chars;
    }
    text.push('\n');
}

fn painted(label: &str, style: HumanStyle) -> String {
    match style.color && !label.trim().is_empty() {
        true => format!("\u{1b}[36m{label}\u{1b}[0m"),
        false => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Sample};

    const PLAIN: HumanStyle = HumanStyle { color: false, width: 80 };

    #[test]
    fn a_report_reads_like_this() {
        let text = human(&sample::report(), &Sample, PLAIN);
        sample::check_document(&text, include_str!("expected/report.txt"));
    }

    #[test]
    fn nothing_looked_at_reads_differently_from_nothing_found() {
        let empty = human(&Report::default(), &Sample, PLAIN);
        assert!(empty.starts_with("nothing was analysed: no source file was read"));
    }

    #[test]
    fn colour_is_a_parameter() {
        let coloured = human(&sample::report(), &Sample, HumanStyle { color: true, width: 80 });
        assert!(coloured.starts_with("\u{1b}[31mdeny[reentrant-lock]\u{1b}[0m\n"));
        assert!(!human(&sample::report(), &Sample, PLAIN).contains('\u{1b}'));
    }

    #[test]
    fn prose_is_wrapped_under_its_label() {
        let mut text = String::new();
        let style = HumanStyle { color: false, width: 40 };
        push_wrapped(&mut text, "  help: ", "take the guard as a parameter of `flush`", style);
        assert_eq!(text, "  help: take the guard as a parameter of\n        `flush`\n");
    }
}
