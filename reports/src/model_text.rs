//! What became of models, for a terminal: a table, and of each failure its steps and its replay token.

use interlock_claims::models::{ModelCommand, ModelReport, ModelRun, Verdict};

use crate::model_words::{
    STEP_HEADER, all_step_rows, asked, asked_of_twin, found, full_name, left_out, lint_lines, message, remarks,
    row_name, seconds, shown, step_rows, summary,
};

/// How the text looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelTextStyle {
    /// With colour.
    pub color: bool,
    /// The failures of twins that were caught, too.
    pub with_twins: bool,
}

/// What became of the models as text.
#[must_use]
pub fn model_text(report: &ModelReport, style: ModelTextStyle) -> String {
    let mut text = match report.command {
        ModelCommand::List => listing(report),
        _ => results(report, style),
    };
    for run in report.runs.iter().filter(|run| is_told(run, report, style)) {
        push_failure(&mut text, run, style);
    }
    for empty in &report.empty {
        let built = if empty.suite.is_empty() { String::new() } else { format!(" ({})", empty.suite) };
        let line = format!("no model in {} of {}{built}: {}", empty.binary, empty.package, empty.cause);
        text.push_str(&format!("\n{}\n", painted(&line, Paint::Bad, style)));
    }
    for problem in &report.problems {
        text.push_str(&format!("\n{}\n", painted(&format!("not the whole: {problem}"), Paint::Bad, style)));
    }
    for note in &report.notes {
        text.push_str(&format!("\nnote: {note}\n"));
    }
    text.push_str(&format!("\n{}\n", summary(report)));
    text
}

/// A failure is told where it is news, or where it was asked for.
fn is_told(run: &ModelRun, report: &ModelReport, style: ModelTextStyle) -> bool {
    run.failure.is_some() && (style.with_twins || !run.is_fine() || report.command == ModelCommand::Replay)
}

#[derive(Clone, Copy)]
enum Paint {
    Good,
    Bad,
    Open,
}

fn painted(text: &str, paint: Paint, style: ModelTextStyle) -> String {
    let code = match paint {
        Paint::Good => 32,
        Paint::Bad => 31,
        Paint::Open => 33,
    };
    if style.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

fn paint(run: &ModelRun) -> Paint {
    match (run.is_fine(), run.is_failure()) {
        (true, _) => Paint::Good,
        (false, true) => Paint::Bad,
        (false, false) => Paint::Open,
    }
}

fn results(report: &ModelReport, style: ModelTextStyle) -> String {
    let header = ["model", "engine", "asked", "verdict", "executions", "time"].map(str::to_owned);
    let mut rows = vec![header];
    rows.extend(report.runs.iter().map(|run| {
        let executions = if run.counts_executions() { run.executions.to_string() } else { "-".to_owned() };
        let [engine, asked] = about(run);
        [row_name(run), engine, asked, shown(run), executions, seconds(run.elapsed_ms)]
    }));
    let lines = table(&rows, &[4, 5]);
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        // The first line is the header.
        let run = at.checked_sub(1).and_then(|at| report.runs.get(at));
        let Some(run) = run else {
            text.push_str(&format!("{line}\n"));
            continue;
        };
        let verdict = shown(run);
        text.push_str(&line.replacen(&verdict, &painted(&verdict, paint(run), style), 1));
        text.push('\n');
        for remark in remarks(run) {
            text.push_str(&format!("      {remark}\n"));
        }
    }
    text
}

/// The engine, and what the search was asked to do; nothing where the line above says it.
fn about(run: &ModelRun) -> [String; 2] {
    match (&run.description, &run.twin) {
        (_, Some(twin)) => [String::new(), asked_of_twin(twin, &run.search())],
        (Some(description), None) => [description.engine.clone(), asked(&description.search)],
        (None, None) if run.counts_executions() => ["-".to_owned(), "-".to_owned()],
        (None, None) => ["own test".to_owned(), "-".to_owned()],
    }
}

fn listing(report: &ModelReport) -> String {
    let header = ["model", "engine", "search", "twins", "question"].map(str::to_owned);
    let mut rows = vec![header];
    for run in &report.runs {
        let [engine, asked] = about(run);
        let description = run.description.clone().unwrap_or_default();
        let twins: Vec<String> = description.twins.iter().map(|twin| twin.bug.clone()).collect();
        let question = match &run.verdict {
            Verdict::NotRun => description.question.split_whitespace().collect::<Vec<_>>().join(" "),
            verdict => format!("{verdict}: {}", verdict.cause().unwrap_or_default()),
        };
        rows.push([run.name.clone(), engine, asked, twins.join(" "), question]);
    }
    table(&rows, &[]).join("\n") + "\n"
}

fn push_failure(text: &mut String, run: &ModelRun, style: ModelTextStyle) {
    let Some(failure) = &run.failure else { return };
    let paint = if run.is_failure() || run.twin.is_none() { Paint::Bad } else { Paint::Good };
    let headline = format!("{}: {}", full_name(run), shown(run));
    text.push_str(&format!("\n{}\n", painted(&headline, paint, style)));
    if let Some(description) = &run.description {
        text.push_str(&format!(
            "  question: {}\n  property: {}\n",
            one_line(&description.question),
            one_line(&description.property)
        ));
    }
    text.push_str(&format!("  failure:  {}\n", message(failure).replace('\n', "\n            ")));
    if let Some(found) = found(failure) {
        text.push_str(&format!("  found at: {found}\n"));
    }
    if !failure.classes.is_empty() {
        text.push_str(&format!("  locks:    {}\n", failure.classes.join(", ")));
    }
    for line in lint_lines(failure) {
        text.push_str(&format!("  lint:     {line}\n"));
    }
    if !failure.steps.is_empty() {
        let mut rows = vec![STEP_HEADER.map(str::to_owned)];
        rows.extend(step_rows(failure));
        text.push('\n');
        for line in table(&rows, &[0]) {
            text.push_str(&format!("  {line}\n"));
        }
        if let Some(left_out) = left_out(failure) {
            text.push_str(&format!("\n  {left_out}\n"));
        }
        if let Some(file) = &failure.steps_file {
            text.push_str(&format!("  all of them: {file}\n"));
        }
    }
    if let Some(command) = run.replay_command() {
        text.push_str(&format!("\n  replay: {command}\n"));
    }
}

/// All steps of a failure as text: for a file, where they are too many to be printed.
#[must_use]
pub fn model_steps_text(run: &ModelRun) -> Option<String> {
    let failure = run.failure.as_ref()?;
    left_out(failure)?;
    let mut rows = vec![STEP_HEADER.map(str::to_owned)];
    rows.extend(all_step_rows(failure));
    let heading = format!("{}: {} steps, {} of them quiet", full_name(run), failure.n_steps(), failure.steps_quiet);
    Some(format!("{heading}\n\n{}\n", table(&rows, &[0]).join("\n")))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lines of a table: columns as wide as their widest cell, those of numbers to the right.
fn table<const N: usize>(rows: &[[String; N]], to_the_right: &[usize]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let cell = |column: usize, text: &String| {
        let width = widths[column];
        if to_the_right.contains(&column) { format!("{text:>width$}") } else { format!("{text:width$}") }
    };
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().enumerate().map(|(column, text)| cell(column, text)).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::sample_model::report;

    #[test]
    fn results_read_like_this() {
        sample::check_document(&model_text(&report(), ModelTextStyle::default()), include_str!("expected/models.txt"));
    }

    #[test]
    fn twins_that_were_caught_are_told_on_request() {
        let quiet = model_text(&report(), ModelTextStyle::default());
        let told = model_text(&report(), ModelTextStyle { with_twins: true, ..ModelTextStyle::default() });
        assert!(!quiet.contains("hand_off+M-02: caught") && told.contains("hand_off+M-02: caught"));
    }

    #[test]
    fn colour_changes_nothing_else() {
        let plain = model_text(&report(), ModelTextStyle::default());
        let coloured = model_text(&report(), ModelTextStyle { color: true, ..ModelTextStyle::default() });
        assert_ne!(plain, coloured);
        let bare = [31, 32, 33, 0].iter().fold(coloured, |text, code| text.replace(&format!("\x1b[{code}m"), ""));
        assert_eq!(plain, bare);
    }

    #[test]
    fn a_list_says_what_each_model_asks() {
        let mut list = ModelReport { command: ModelCommand::List, ..report() };
        list.runs.retain(|run| run.twin.is_none() && run.failure.is_none());
        for run in &mut list.runs {
            run.verdict = Verdict::NotRun;
        }
        let text = model_text(&list, ModelTextStyle::default());
        let line = text.lines().nth(1).unwrap();
        let expected =
            "hand_off       shuttle   up to 3 preemptions  M-02   Does the successor of a stopped monitor run?";
        assert_eq!(line, expected, "{text}");
    }
}
