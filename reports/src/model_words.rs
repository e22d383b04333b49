//! Words that every document about models shares: what a model was asked, what a run shows, the table of steps.

use interlock_claims::models::{
    Bound, Failure, LintConcerned, ModelCommand, ModelReport, ModelRun, SearchPlan, Told, Twin,
};

use crate::coverage_text::{counted, counted_as};

/// How a model searches, and so what its verdict is held against.
pub(crate) fn asked(search: &SearchPlan) -> String {
    match search {
        SearchPlan::Portfolio { schedules } => format!("{schedules} schedules"),
        SearchPlan::Loom { preemptions: None } => "all schedules".to_owned(),
        _ => search.bound().map_or("not said".to_owned(), |bound| format!("up to {bound}")),
    }
}

/// What a twin is asked: to fail.
pub(crate) fn asked_of_twin(twin: &Twin, search: &SearchPlan) -> String {
    let within = twin.found_within.map(|n| search.counted().words(u64::from(n)));
    within.map_or("fails".to_owned(), |within| format!("fails within {within}"))
}

/// What a run shows: a model's verdict, a twin's judgement.
pub(crate) fn shown(run: &ModelRun) -> String {
    match run.judgement() {
        Some(judgement) => judgement.to_string(),
        None => run.verdict.to_string(),
    }
}

/// The name in a table: a twin's is that of its bug.
pub(crate) fn row_name(run: &ModelRun) -> String {
    run.twin.as_ref().map_or_else(|| run.name.clone(), |twin| format!("+ {}", twin.bug))
}

/// The name on its own.
pub(crate) fn full_name(run: &ModelRun) -> String {
    run.twin.as_ref().map_or_else(|| run.name.clone(), |twin| format!("{}+{}", run.name, twin.bug))
}

/// Milliseconds as seconds.
pub(crate) fn seconds(elapsed_ms: u64) -> String {
    format!("{}.{:02} s", elapsed_ms / 1000, elapsed_ms % 1000 / 10)
}

/// Where and how a failure was found.
pub(crate) fn found(failure: &Failure) -> Option<String> {
    // A test of another library tells none of this.
    if failure.execution == 0 {
        return None;
    }
    // Where delays are counted, a preemption is one of them.
    let bound = failure.delays.map(Bound::Delays).or(failure.preemptions.map(Bound::Preemptions));
    let taken = bound.map(|bound| format!(", {bound}")).unwrap_or_default();
    let by = if failure.scheduler.is_empty() { String::new() } else { format!(", scheduler {}", failure.scheduler) };
    Some(format!("execution {}{taken}{by}", failure.execution))
}

/// What else there is to say of a run: why it came to its verdict, in which part, and the notes.
pub(crate) fn remarks(run: &ModelRun) -> Vec<String> {
    let mut remarks: Vec<String> = run.verdict.cause().map(str::to_owned).into_iter().collect();
    if run.twin.is_some() && !run.is_fine() {
        let verdict = &run.verdict;
        let failure = run.failure.as_ref().map(|failure| failure.message.as_str());
        let symptom = run.twin.as_ref().map(|twin| twin.symptom.as_str()).unwrap_or_default();
        remarks
            .push(format!("expected `{symptom}`; {verdict}{}", failure.map(|m| format!(": {m}")).unwrap_or_default()));
    }
    remarks.extend(run.notes.iter().cloned());
    remarks
}

/// The header of a table of steps.
pub(crate) const STEP_HEADER: [&str; 6] = ["step", "task", "where", "what", "object", "held by"];

/// Steps that people are told of one failure, besides those that are needed to understand it.
const STEPS_TOLD: usize = 60;

/// Characters of a failure's message that are told.
const MESSAGE_MAX: usize = 4_000;

/// The failure's message, without most of what is very long.
pub(crate) fn message(failure: &Failure) -> String {
    let message = failure.message.trim();
    match message.char_indices().nth(MESSAGE_MAX) {
        None => message.to_owned(),
        Some((at, _)) => format!("{} [{} bytes left out]", &message[..at], message.len() - at),
    }
}

/// The rows of a table of the steps that matter.
pub(crate) fn step_rows(failure: &Failure) -> Vec<[String; 6]> {
    failure.told(STEPS_TOLD).into_iter().map(step_row).collect()
}

/// The rows of a table of all steps that are there.
pub(crate) fn all_step_rows(failure: &Failure) -> Vec<[String; 6]> {
    failure.told(usize::MAX).into_iter().map(step_row).collect()
}

/// What a table of the steps that matter leaves out, and where that is; nothing where it has all of them.
pub(crate) fn left_out(failure: &Failure) -> Option<String> {
    let told = failure.told(STEPS_TOLD);
    let n_told = told.iter().filter(|told| matches!(told, Told::Step(_))).count();
    if told.len() == n_told {
        return None;
    }
    let quiet = match failure.steps_quiet {
        0 => String::new(),
        n => format!(", {n} of them quiet"),
    };
    let n_steps = failure.n_steps();
    Some(format!(
        "{n_told} of {n_steps} steps{quiet}: all that are STUCK, who took what they wait for, and the last ones"
    ))
}

fn step_row(told: Told<'_>) -> [String; 6] {
    let step = match told {
        Told::Step(step) => step,
        Told::LeftOut(n) => {
            let object = format!("{n} step{} left out", if n == 1 { "" } else { "s" });
            return ["..".to_owned(), String::new(), String::new(), String::new(), object, String::new()];
        }
    };
    let place = match (&step.file, step.line) {
        (None, _) => String::new(),
        (Some(file), None) => file.clone(),
        (Some(file), Some(line)) => format!("{file}:{line}"),
    };
    let made = step.made.as_ref().map(|made| format!("made at {}:{}", made.file, made.line));
    let object = match (&step.class, step.object.split_once(' ')) {
        (Some(class), Some((operation, noun))) => {
            let made = made.map(|made| format!(", {made}")).unwrap_or_default();
            format!("{operation} {} ({noun}{made})", declared(class))
        }
        _ => format!("{}{}", step.object, made.map(|made| format!(", {made}")).unwrap_or_default()),
    };
    let held_by = step.held_by.clone().unwrap_or_default();
    [step.step.to_string(), step.task.clone(), place, step.what.clone(), object, held_by]
}

/// A lock class without the modules around it.
fn declared(class: &str) -> &str {
    class.rmatch_indices("::").nth(1).map_or(class, |(at, _)| &class[at + 2..])
}

/// The lints that a failure concerns, in words.
pub(crate) fn lint_lines(failure: &Failure) -> Vec<String> {
    let line = |lint: &LintConcerned| {
        let found = match lint.findings.as_slice() {
            [] => "check finds nothing here".to_owned(),
            findings => format!("check: {}", findings.join("; ")),
        };
        format!("{}: {}; {found} (cargo interlock explain {})", lint.id, lint.because, lint.id)
    };
    failure.lints.iter().map(line).collect()
}

/// The last line: how many of what.
pub(crate) fn summary(report: &ModelReport) -> String {
    let counts = report.counts();
    let models = counted(counts.models, "model");
    if report.command == ModelCommand::List {
        let twins: usize = report.runs.iter().filter_map(|run| run.description.as_ref()).map(|d| d.twins.len()).sum();
        return format!("{models}, {}", counted(twins, "twin"));
    }
    let mut parts = match counts.models_fine == counts.models {
        true => vec![format!("{models} as asked")],
        false => vec![format!("{models}, {} as asked", counts.models_fine)],
    };
    if counts.twins > 0 {
        parts.push(format!("{}, {} caught", counted(counts.twins, "twin"), counts.twins_caught));
    }
    parts.push(format!("{} execution{}", counts.executions, if counts.executions == 1 { "" } else { "s" }));
    if !report.empty.is_empty() {
        parts.push(format!("{} without models", counted_as(report.empty.len(), "test binary", "test binaries")));
    }
    if !report.elsewhere.is_empty() {
        parts.push(format!("{} in other shards", report.elsewhere.len()));
    }
    parts.join("; ")
}
