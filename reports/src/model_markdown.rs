//! What became of models as Markdown: a table, and of each failure its steps.

use interlock_claims::models::{ModelReport, ModelRun};

use crate::Heading;
use crate::markdown_text::{cell, code, prose};
use crate::model_words::{
    STEP_HEADER, asked, asked_of_twin, found, full_name, left_out, lint_lines, message, remarks, seconds, shown,
    step_rows, summary,
};

/// What became of the models as Markdown.
#[must_use]
pub fn model_markdown(report: &ModelReport, heading: Heading<'_>) -> String {
    let mut text = format!("# Models of {}\n\n", code(heading.workspace));
    text.push_str(&format!("- {}\n", prose(&summary(report))));
    text.push_str(&format!("- cargo-interlock {}, scale {}\n", heading.version, code(&report.scale)));
    if !report.shard.is_whole() {
        text.push_str(&format!("- shard {}, counted from 0\n", report.shard));
    }
    for note in &report.notes {
        text.push_str(&format!("- {}\n", prose(note)));
    }
    push_gaps(&mut text, report);
    text.push_str("\n| model | asked | verdict | executions | time |\n| --- | --- | --- | --: | --: |\n");
    for run in &report.runs {
        push_row(&mut text, run);
    }
    for run in report.runs.iter().filter(|run| !run.is_fine() || run.failure.is_some()) {
        push_details(&mut text, run);
    }
    text
}

/// What keeps the result from being whole, before anything that may be read as success.
fn push_gaps(text: &mut String, report: &ModelReport) {
    for empty in &report.empty {
        let (binary, package) = (code(&empty.binary), code(&empty.package));
        text.push_str(&format!("- **no model** in {binary} of {package}: {}\n", prose(&empty.cause)));
    }
    for problem in &report.problems {
        text.push_str(&format!("- **not the whole**: {}\n", prose(problem)));
    }
}

fn push_row(text: &mut String, run: &ModelRun) {
    let name = match &run.twin {
        Some(twin) => format!("twin {}", code(&twin.bug)),
        None => code(&run.name),
    };
    let asked = match (&run.twin, run.counts_executions()) {
        (Some(twin), _) => asked_of_twin(twin, &run.search()),
        (None, true) => asked(&run.search()),
        (None, false) => "-".to_owned(),
    };
    let executions = if run.counts_executions() { run.executions.to_string() } else { "-".to_owned() };
    let (verdict, time) = (cell(&shown(run)), seconds(run.elapsed_ms));
    let verdict = if run.is_fine() { verdict } else { format!("**{verdict}**") };
    text.push_str(&format!("| {name} | {asked} | {verdict} | {executions} | {time} |\n"));
}

fn push_details(text: &mut String, run: &ModelRun) {
    text.push_str(&format!("\n## {}: {}\n\n", code(&full_name(run)), prose(&shown(run))));
    if let Some(description) = run.description.as_ref().filter(|_| run.failure.is_some()) {
        text.push_str(&format!("- question: {}\n", cell(&description.question)));
        text.push_str(&format!("- property: {}\n", cell(&description.property)));
    }
    for remark in remarks(run) {
        text.push_str(&format!("- {}\n", cell(&remark)));
    }
    let Some(failure) = &run.failure else { return };
    text.push_str(&format!("- failure: {}\n", cell(&message(failure))));
    text.push_str(&found(failure).map(|found| format!("- found at: {}\n", prose(&found))).unwrap_or_default());
    if !failure.classes.is_empty() {
        let classes: Vec<String> = failure.classes.iter().map(|class| code(class)).collect();
        text.push_str(&format!("- locks: {}\n", classes.join(", ")));
    }
    for line in lint_lines(failure) {
        text.push_str(&format!("- lint: {}\n", cell(&line)));
    }
    if let Some(left_out) = left_out(failure) {
        text.push_str(&format!("- shown: {}\n", prose(&left_out)));
    }
    if let Some(file) = &failure.steps_file {
        text.push_str(&format!("- all steps: {}\n", code(file)));
    }
    if let Some(command) = run.replay_command() {
        text.push_str(&format!("- replay: {}\n", code(&command)));
    }
    if failure.steps.is_empty() {
        return;
    }
    text.push_str(&format!("\n| {} |\n|{}\n", STEP_HEADER.join(" | "), " --- |".repeat(STEP_HEADER.len())));
    for row in step_rows(failure) {
        text.push_str(&format!("| {} |\n", row.map(|text| cell(&text)).join(" | ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, HEADING};
    use crate::sample_model::report;

    #[test]
    fn results_read_like_this() {
        sample::check_document(&model_markdown(&report(), HEADING), include_str!("expected/models.md"));
    }
}
