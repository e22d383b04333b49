//! Words that every document about models shares: what a model was asked, what a run shows, the table of steps.

use interlock_claims::models::{Bound, Failure, ModelCommand, ModelReport, ModelRun, SearchPlan, Twin};

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

/// The rows of a table of steps.
pub(crate) fn step_rows(failure: &Failure) -> Vec<[String; 6]> {
    let row = |step: &interlock_claims::models::FailureStep| {
        let place = match (&step.file, step.line) {
            (None, _) => String::new(),
            (Some(file), None) => file.clone(),
            (Some(file), Some(line)) => format!("{file}:{line}"),
        };
        let held_by = step.held_by.clone().unwrap_or_default();
        let made = step.made.as_ref().map(|made| format!(", made at {}:{}", made.file, made.line)).unwrap_or_default();
        let object = format!("{}{made}", step.object);
        [step.step.to_string(), step.task.clone(), place, step.what.clone(), object, held_by]
    };
    failure.steps.iter().map(row).collect()
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
