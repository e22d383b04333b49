//! What became of models as JSON lines, schema 1: one object a line, told apart by `reason`.
//!
//! | `reason` | once per | fields |
//! | --- | --- | --- |
//! | `start` | run, first | `schema`, `version` (of the tool), `workspace`, `command` (`list`, `run`, `merge`, `replay`), `shard` (index from 0, and count), `scale`, `budget_ms` |
//! | `model` | model | the fields of a run, below |
//! | `twin` | bug put back into a model | those of a run, and `judgement` (`caught`, `late`, `other-symptom`, `missed`, `undecided`; null where it was listed only) |
//! | `elsewhere` | model or twin that is whole in another shard | `package`, `suite`, `binary`, `path`, `twin` (its bug, or null) |
//! | `empty` | test binary that should hold a model and holds none | `package`, `suite`, `binary`, `cause` |
//! | `problem` | reason why joined shards are not the whole | `message` |
//! | `end` | run, last | `models`, `models_fine`, `twins`, `twins_caught`, `executions`, `exit_code`, `notes` |
//!
//! A run has `package`, `suite` (features and cfgs), `binary`, `path`, `name`, `kind` (`interlock`, `own-test`), `shard`
//! (that of the model: `[0,1]` where it is not split), `twin` (`bug`, `symptom`, `found_within`; or null), `description`
//! (what the model says of itself, or null), `verdict` (`kind`, with `preemptions` or `delays`, `passed_over`, `schedules`,
//! `reason`, `preemptions_done` or `delays_done`, or `cause`), `words` (the verdict for people), `fine`, `executions`, `prefixes`, `checked`,
//! `bounds` (of `preemptions` or `delays`, `executions`, `bounded`: whether anything was kept out), `elapsed_ms`, `failure`
//! (`message`, `execution`, `preemptions`, `delays` where they are counted, `scheduler`, `token`, `steps`, `steps_total`, `steps_quiet`,
//! `steps_file`, `classes`, `lints`; or null), `replay` (the whole token, or null) and `notes`. Of a long execution `steps`
//! are the 2,000 that matter most, and `steps_file` has all.
//!
//! Within a schema number fields and reasons are only added: a reader ignores those it does not know.

use interlock_claims::models::{
    Bound, BoundDone, Description, Failure, FailureStep, HolderAt, LintConcerned, ModelId, ModelKind, ModelReport,
    ModelRun, SearchPlan, Twin, Verdict,
};
use serde::Serialize;

const SCHEMA: u32 = 1;

#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "lowercase")]
enum Line<'a> {
    Start(StartLine<'a>),
    Model(RunLine<'a>),
    Twin(TwinLine<'a>),
    Elsewhere(ElsewhereLine<'a>),
    Empty { package: &'a str, suite: &'a str, binary: &'a str, cause: &'a str },
    Problem { message: &'a str },
    End(EndLine<'a>),
}

#[derive(Serialize)]
struct StartLine<'a> {
    schema: u32,
    version: &'a str,
    workspace: &'a str,
    command: &'a str,
    shard: [u32; 2],
    scale: &'a str,
    budget_ms: u64,
}

#[derive(Serialize)]
struct PlaceObject<'a> {
    package: &'a str,
    suite: &'a str,
    binary: &'a str,
    path: &'a str,
}

#[derive(Serialize)]
struct ElsewhereLine<'a> {
    #[serde(flatten)]
    place: PlaceObject<'a>,
    twin: Option<&'a str>,
}

#[derive(Serialize)]
struct TwinLine<'a> {
    judgement: Option<&'static str>,
    #[serde(flatten)]
    run: RunLine<'a>,
}

#[derive(Serialize)]
struct RunLine<'a> {
    #[serde(flatten)]
    place: PlaceObject<'a>,
    name: &'a str,
    kind: &'a str,
    shard: [u32; 2],
    twin: Option<TwinObject<'a>>,
    description: Option<DescriptionObject<'a>>,
    verdict: VerdictObject<'a>,
    words: String,
    fine: bool,
    executions: u64,
    prefixes: u64,
    checked: u64,
    bounds: Vec<BoundObject>,
    elapsed_ms: u64,
    failure: Option<FailureObject<'a>>,
    replay: Option<String>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct TwinObject<'a> {
    bug: &'a str,
    symptom: &'a str,
    found_within: Option<u32>,
}

#[derive(Serialize)]
struct DescriptionObject<'a> {
    protocol: u32,
    name: &'a str,
    question: &'a str,
    property: &'a str,
    engine: &'a str,
    search: SearchObject,
    twins: Vec<TwinObject<'a>>,
    pinned: Option<u64>,
    file: Option<&'a str>,
    source: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum SearchObject {
    Bounded { preemptions: u32 },
    Delays { delays: u32 },
    Portfolio { schedules: u64 },
    Loom { preemptions: Option<u32> },
    Unknown,
}

#[derive(Serialize)]
struct VerdictObject<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    preemptions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delays: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passed_over: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedules: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preemptions_done: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delays_done: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
}

#[derive(Serialize)]
struct BoundObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    preemptions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delays: Option<u32>,
    executions: u64,
    bounded: bool,
}

#[derive(Serialize)]
struct FailureObject<'a> {
    message: &'a str,
    execution: u64,
    preemptions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delays: Option<u32>,
    scheduler: &'a str,
    token: &'a str,
    steps: Vec<StepObject<'a>>,
    steps_total: u64,
    steps_quiet: u64,
    steps_file: Option<&'a str>,
    classes: &'a [String],
    lints: Vec<LintObject<'a>>,
}

#[derive(Serialize)]
struct LintObject<'a> {
    id: &'a str,
    because: &'a str,
    findings: &'a [String],
}

#[derive(Serialize)]
struct StepObject<'a> {
    step: u64,
    task: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
    what: &'a str,
    object: &'a str,
    made: Option<MadeObject<'a>>,
    held_by: Option<&'a str>,
    holders: Vec<HolderObject<'a>>,
    quiet: bool,
    class: Option<&'a str>,
}

#[derive(Serialize)]
struct HolderObject<'a> {
    task: &'a str,
    operation: &'a str,
    file: &'a str,
    line: u32,
}

#[derive(Serialize)]
struct MadeObject<'a> {
    file: &'a str,
    line: u32,
}

#[derive(Serialize)]
struct EndLine<'a> {
    models: usize,
    models_fine: usize,
    twins: usize,
    twins_caught: usize,
    executions: u64,
    exit_code: u8,
    notes: &'a [String],
}

/// What became of the models as JSON lines.
#[must_use]
pub fn model_json(report: &ModelReport, version: &str) -> String {
    let mut text = String::new();
    push_line(&mut text, &Line::Start(start_line(report, version)));
    for run in &report.runs {
        let line = run_line(run);
        let judgement = run.judgement().map(|judgement| judgement.word());
        let line = if run.twin.is_some() { Line::Twin(TwinLine { judgement, run: line }) } else { Line::Model(line) };
        push_line(&mut text, &line);
    }
    for (id, bug) in &report.elsewhere {
        push_line(&mut text, &Line::Elsewhere(ElsewhereLine { place: place_object(id), twin: bug.as_deref() }));
    }
    for empty in &report.empty {
        let (package, suite, binary, cause) = (&empty.package, &empty.suite, &empty.binary, &empty.cause);
        push_line(&mut text, &Line::Empty { package, suite, binary, cause });
    }
    for message in &report.problems {
        push_line(&mut text, &Line::Problem { message });
    }
    push_line(&mut text, &Line::End(end_line(report)));
    text
}

fn push_line(text: &mut String, line: &Line<'_>) {
    text.push_str(&serde_json::to_string(line).expect("the schema has string keys only"));
    text.push('\n');
}

fn start_line<'a>(report: &'a ModelReport, version: &'a str) -> StartLine<'a> {
    StartLine {
        schema: SCHEMA,
        version,
        workspace: &report.workspace,
        command: report.command.word(),
        shard: [report.shard.index, report.shard.count],
        scale: &report.scale,
        budget_ms: report.budget_ms,
    }
}

fn end_line(report: &ModelReport) -> EndLine<'_> {
    let counts = report.counts();
    EndLine {
        models: counts.models,
        models_fine: counts.models_fine,
        twins: counts.twins,
        twins_caught: counts.twins_caught,
        executions: counts.executions,
        exit_code: report.exit_code(),
        notes: &report.notes,
    }
}

fn place_object(id: &ModelId) -> PlaceObject<'_> {
    PlaceObject { package: &id.package, suite: &id.suite, binary: &id.binary, path: &id.path }
}

fn run_line(run: &ModelRun) -> RunLine<'_> {
    let bound = |done: &BoundDone| {
        let (preemptions, delays) = done.bound.fields();
        BoundObject { preemptions, delays, executions: done.executions, bounded: done.is_bounded }
    };
    RunLine {
        place: place_object(&run.id),
        name: &run.name,
        kind: match run.kind {
            ModelKind::Interlock => "interlock",
            ModelKind::OwnTest => "own-test",
            ModelKind::Overlaid => "overlaid",
        },
        shard: [run.shard.index, run.shard.count],
        twin: run.twin.as_ref().map(twin_object),
        description: run.description.as_ref().map(description_object),
        verdict: verdict_object(&run.verdict),
        words: run.verdict.to_string(),
        fine: run.is_fine(),
        executions: run.executions,
        prefixes: run.prefixes,
        checked: run.checked,
        bounds: run.bounds.iter().map(bound).collect(),
        elapsed_ms: run.elapsed_ms,
        failure: run.failure.as_ref().map(failure_object),
        replay: run.replay_token(),
        notes: &run.notes,
    }
}

fn twin_object(twin: &Twin) -> TwinObject<'_> {
    TwinObject { bug: &twin.bug, symptom: &twin.symptom, found_within: twin.found_within }
}

fn description_object(description: &Description) -> DescriptionObject<'_> {
    DescriptionObject {
        protocol: description.protocol,
        name: &description.name,
        question: &description.question,
        property: &description.property,
        engine: &description.engine,
        search: match description.search {
            SearchPlan::Bounded { preemptions } => SearchObject::Bounded { preemptions },
            SearchPlan::Delays { delays } => SearchObject::Delays { delays },
            SearchPlan::Portfolio { schedules } => SearchObject::Portfolio { schedules },
            SearchPlan::Loom { preemptions } => SearchObject::Loom { preemptions },
            SearchPlan::Unknown => SearchObject::Unknown,
        },
        twins: description.twins.iter().map(twin_object).collect(),
        pinned: description.pinned,
        file: description.file.as_deref(),
        source: description.source.as_deref(),
    }
}

fn verdict_object(verdict: &Verdict) -> VerdictObject<'_> {
    let mut object = VerdictObject {
        kind: verdict.kind(),
        preemptions: None,
        delays: None,
        passed_over: None,
        schedules: None,
        reason: None,
        preemptions_done: None,
        delays_done: None,
        cause: verdict.cause(),
    };
    match verdict {
        Verdict::CompleteUpTo { bound, passed_over } => {
            (object.preemptions, object.delays) = bound.fields();
            object.passed_over = *passed_over;
        }
        Verdict::Sampled(schedules) => object.schedules = Some(*schedules),
        Verdict::CutOff { reason, done } => {
            object.reason = Some(reason.as_str());
            (object.preemptions_done, object.delays_done) = done.map(Bound::fields).unwrap_or_default();
        }
        _ => {}
    }
    object
}

fn failure_object(failure: &Failure) -> FailureObject<'_> {
    FailureObject {
        message: &failure.message,
        execution: failure.execution,
        preemptions: failure.preemptions,
        delays: failure.delays,
        scheduler: &failure.scheduler,
        token: &failure.token,
        steps: failure.steps.iter().map(step_object).collect(),
        steps_total: failure.n_steps(),
        steps_quiet: failure.steps_quiet,
        steps_file: failure.steps_file.as_deref(),
        classes: &failure.classes,
        lints: failure.lints.iter().map(lint_object).collect(),
    }
}

fn lint_object(lint: &LintConcerned) -> LintObject<'_> {
    LintObject { id: &lint.id, because: &lint.because, findings: &lint.findings }
}

fn holder_object(holder: &HolderAt) -> HolderObject<'_> {
    HolderObject { task: &holder.task, operation: &holder.operation, file: &holder.file, line: holder.line }
}

fn step_object(step: &FailureStep) -> StepObject<'_> {
    StepObject {
        step: step.step,
        task: &step.task,
        file: step.file.as_deref(),
        line: step.line,
        what: &step.what,
        object: &step.object,
        made: step.made.as_ref().map(|made| MadeObject { file: &made.file, line: made.line }),
        held_by: step.held_by.as_deref(),
        holders: step.holders.iter().map(holder_object).collect(),
        quiet: step.quiet,
        class: step.class.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use interlock_claims::models::{Part, Shard, merge};

    use super::*;
    use crate::sample;
    use crate::sample_model::report;

    /// A change of an existing field needs a new schema number.
    #[test]
    fn the_schema_is_this() {
        sample::check_document(&model_json(&report(), "0.1.0"), include_str!("expected/models.jsonl"));
    }

    #[test]
    fn what_is_written_can_be_joined() {
        let whole = report();
        let part = Part::read("all.jsonl", &model_json(&whole, "0.1.0")).unwrap();
        let joined = merge(&[part]);
        assert_eq!(joined.problems, Vec::<String>::new());
        assert_eq!((joined.runs, joined.empty), (whole.runs, whole.empty));
    }

    #[test]
    fn what_counts_delays_is_written_and_joined_as_that() {
        let mut whole = report();
        whole.runs.truncate(1);
        whole.empty.clear();
        let run = &mut whole.runs[0];
        run.verdict = Verdict::CompleteUpTo { bound: Bound::Delays(3), passed_over: None };
        run.description.as_mut().unwrap().search = SearchPlan::Delays { delays: 3 };
        run.bounds.iter_mut().for_each(|done| done.bound = Bound::Delays(done.bound.number()));
        let text = model_json(&whole, "0.1.0");
        assert!(
            text.contains(r#""verdict":{"kind":"complete-up-to-delays","delays":3},"words":"complete up to 3 delays""#)
        );
        assert!(text.contains(r#""bounds":[{"delays":0,"executions":1,"bounded":true}"#), "{text}");
        assert_eq!(merge(&[Part::read("all.jsonl", &text).unwrap()]).runs[..1], whole.runs);
    }

    #[test]
    fn a_file_that_was_cut_is_noticed() {
        let text = model_json(&report(), "0.1.0");
        let cut = text.trim_end().rsplit_once('\n').unwrap().0;
        let joined = merge(&[Part::read("cut.jsonl", cut).unwrap()]);
        assert_eq!(joined.problems, ["cut.jsonl ends early: its last line is missing"]);
        let within = &text[..text.len() / 2];
        assert!(Part::read("cut.jsonl", within).unwrap_err().to_string().starts_with("cut.jsonl: line "));
        assert!(Part::read("empty.jsonl", "").is_err());
    }

    #[test]
    fn what_is_joined_is_no_part() {
        let joined = ModelReport { shard: Shard::WHOLE, ..merge(&[]) };
        let error = Part::read("joined.jsonl", &model_json(&joined, "0.1.0")).unwrap_err();
        assert_eq!(error.to_string(), "joined.jsonl: it is the result of `model merge`, not of `model run`");
    }
}
