//! What became of models as JUnit XML: one suite a model, one case for it and one for each of its twins.

use interlock_claims::models::{ModelReport, ModelRun};

use crate::model_words::{full_name, left_out, lint_lines, message, remarks, shown, step_rows};

/// What became of the models as JUnit XML.
#[must_use]
pub fn model_junit(report: &ModelReport) -> String {
    let groups: Vec<&[ModelRun]> = report.runs.chunk_by(|a, b| a.id == b.id).collect();
    let n_broken = report.empty.len() + report.problems.len();
    let (failures, errors) = (count(&report.runs, Fate::Failure), count(&report.runs, Fate::Error) + n_broken);
    let n_tests = report.runs.len() + n_broken;
    let time = time(&report.runs);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&format!(
        "<testsuites name=\"{}\" tests=\"{n_tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{time}\">\n",
        escaped(&report.workspace)
    ));
    for runs in groups {
        push_suite(&mut text, runs);
    }
    push_broken(&mut text, report);
    text.push_str("</testsuites>\n");
    text
}

/// What a case is for whoever counts them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Success,
    /// The property is broken, or a bug was not seen.
    Failure,
    /// Nothing can be said.
    Error,
    Skipped,
}

fn fate(run: &ModelRun) -> Fate {
    match (run.is_failure(), run.is_fine()) {
        (true, _) => Fate::Failure,
        (false, false) => Fate::Error,
        (false, true) if run.verdict == interlock_claims::models::Verdict::NotRun => Fate::Skipped,
        (false, true) => Fate::Success,
    }
}

fn count(runs: &[ModelRun], wanted: Fate) -> usize {
    runs.iter().filter(|run| fate(run) == wanted).count()
}

fn time(runs: &[ModelRun]) -> String {
    let ms: u64 = runs.iter().map(|run| run.elapsed_ms).sum();
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

fn push_suite(text: &mut String, runs: &[ModelRun]) {
    let (failures, errors, skipped) =
        (count(runs, Fate::Failure), count(runs, Fate::Error), count(runs, Fate::Skipped));
    text.push_str(&format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{}\">\n",
        escaped(&runs[0].name),
        runs.len(),
        time(runs)
    ));
    for run in runs {
        push_case(text, run);
    }
    text.push_str("  </testsuite>\n");
}

fn push_case(text: &mut String, run: &ModelRun) {
    let class = escaped(&format!("{}::{}", run.id.package, run.id.binary));
    let (name, time) = (escaped(&full_name(run)), time(std::slice::from_ref(run)));
    text.push_str(&format!("    <testcase name=\"{name}\" classname=\"{class}\" time=\"{time}\">\n"));
    let (message, body) = (escaped(&shown(run)), escaped(&details(run)));
    match fate(run) {
        Fate::Success => {}
        Fate::Failure => {
            let kind = run.verdict.kind();
            text.push_str(&format!("      <failure message=\"{message}\" type=\"{kind}\">{body}</failure>\n"));
        }
        Fate::Error => {
            let kind = run.verdict.kind();
            text.push_str(&format!("      <error message=\"{message}\" type=\"{kind}\">{body}</error>\n"));
        }
        Fate::Skipped => text.push_str("      <skipped message=\"listed only\"/>\n"),
    }
    let counted = if run.counts_executions() { format!("; {} executions", run.executions) } else { String::new() };
    text.push_str(&format!("      <system-out>{message}{counted}</system-out>\n"));
    text.push_str("    </testcase>\n");
}

/// Why, the steps, and how to see them again.
fn details(run: &ModelRun) -> String {
    let mut lines = remarks(run);
    if let Some(failure) = &run.failure {
        lines.push(message(failure));
        lines.extend(lint_lines(failure));
        lines.extend(step_rows(failure).into_iter().map(|row| row.join("  ").trim_end().to_owned()));
        lines.extend(left_out(failure));
        lines.extend(failure.steps_file.iter().map(|file| format!("all of them: {file}")));
    }
    lines.extend(run.replay_command());
    lines.join("\n")
}

/// Empty binaries and shards that are missing are errors: they are what a green run would hide.
fn push_broken(text: &mut String, report: &ModelReport) {
    let empty = report
        .empty
        .iter()
        .map(|empty| (format!("{}::{}", empty.package, empty.binary), "no model".to_owned(), empty.cause.clone()));
    let problems = (1..)
        .zip(&report.problems)
        .map(|(number, what)| (format!("problem {number}"), "not the whole".to_owned(), what.clone()));
    let broken: Vec<_> = empty.chain(problems).collect();
    if broken.is_empty() {
        return;
    }
    let n = broken.len();
    text.push_str(&format!(
        "  <testsuite name=\"coverage\" tests=\"{n}\" failures=\"0\" errors=\"{n}\" skipped=\"0\">\n"
    ));
    for (name, kind, what) in broken {
        let (name, what) = (escaped(&name), escaped(&what));
        text.push_str(&format!("    <testcase name=\"{name}\" classname=\"coverage\">\n"));
        text.push_str(&format!("      <error message=\"{what}\" type=\"{kind}\"/>\n    </testcase>\n"));
    }
    text.push_str("  </testsuite>\n");
}

/// Text of an attribute or element; characters that XML does not allow are left out.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            '\t' => safe.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => {}
            char if char < ' ' => {}
            char => safe.push(char),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::sample_model::report;

    #[test]
    fn results_read_like_this() {
        sample::check_document(&model_junit(&report()), include_str!("expected/models.xml"));
    }

    #[test]
    fn what_xml_does_not_allow_is_left_out() {
        assert_eq!(escaped("a\u{1b}[31m<b>\u{0}\u{ffff} & \"c\"\n"), "a[31m&lt;b&gt; &amp; &quot;c&quot;&#10;");
    }
}
