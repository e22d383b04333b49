//! Hand-made results of models, for the tests of the renderers.

use interlock_claims::models::{
    Bound, BoundDone, Description, EmptyBinary, Failure, FailureStep, MadeAt, ModelCommand, ModelId, ModelKind,
    ModelReport, ModelRun, SearchPlan, Shard, Twin, Verdict,
};

fn text(text: &str) -> String {
    text.to_owned()
}

fn id(path: &str) -> ModelId {
    ModelId { package: text("mycrate"), suite: text("model-shuttle"), binary: text("models"), path: text(path) }
}

fn twin() -> Twin {
    Twin { bug: text("M-02"), symptom: text("unmonitored"), found_within: Some(1) }
}

fn description(name: &str, search: SearchPlan) -> Description {
    Description {
        protocol: 1,
        name: text(name),
        question: text("Does the successor of a stopped\nmonitor run?"),
        property: text("after all tasks ended, the last group's monitor has run"),
        engine: text("shuttle"),
        search,
        twins: Vec::new(),
        pinned: None,
        file: Some(text("tests/models.rs")),
        source: Some(text("5f1e")),
    }
}

fn run(name: &str, search: SearchPlan, verdict: Verdict, executions: u64) -> ModelRun {
    ModelRun {
        id: id(name),
        name: text(name),
        description: Some(description(name, search)),
        verdict,
        executions,
        checked: 200,
        elapsed_ms: 1234,
        ..ModelRun::default()
    }
}

fn hand_off() -> ModelRun {
    let mut run = run(
        "hand_off",
        SearchPlan::Bounded { preemptions: 3 },
        Verdict::CompleteUpTo { bound: Bound::Preemptions(3), passed_over: None },
        294,
    );
    let bounds = [(0, 1), (1, 7), (2, 64), (3, 222)];
    let done = |(n, executions)| BoundDone { bound: Bound::Preemptions(n), executions, is_bounded: true };
    run.bounds = bounds.map(done).to_vec();
    if let Some(description) = &mut run.description {
        description.twins = vec![twin()];
        description.pinned = Some(294);
    }
    run
}

fn step(step: u64, task: &str, line: u32, what: &str, object: &str, held_by: Option<&str>) -> FailureStep {
    let (task, file, what, object) = (text(task), Some(text("src/slot.rs")), text(what), text(object));
    let made = (what == "STUCK lock").then(|| MadeAt { file: text("src/slot.rs"), line: 12 });
    FailureStep {
        made,
        step,
        task,
        file,
        line: Some(line),
        what,
        object,
        held_by: held_by.map(text),
        ..FailureStep::default()
    }
}

fn failure(message: &str) -> Failure {
    Failure {
        message: text(message),
        execution: 15,
        preemptions: Some(1),
        delays: None,
        scheduler: text("bounded"),
        token: text("b1.AQEC"),
        steps: vec![
            step(1, "starter", 43, "takes", "mutex `slot`", None),
            step(2, "stopper", 61, "STUCK lock", "mutex `slot`", Some("starter since src/slot.rs:43")),
        ],
        classes: vec![text("mycrate::Slot::state")],
        steps_total: 2,
        ..Failure::default()
    }
}

fn caught() -> ModelRun {
    ModelRun {
        twin: Some(twin()),
        verdict: Verdict::Failed,
        executions: 15,
        bounds: Vec::new(),
        failure: Some(failure("stream s1 is unmonitored")),
        ..hand_off()
    }
}

fn failed() -> ModelRun {
    let search = SearchPlan::Portfolio { schedules: 5000 };
    ModelRun { failure: Some(failure("deadlock | of <2> tasks")), ..run("sweep", search, Verdict::Failed, 15) }
}

fn hung() -> ModelRun {
    let cause = text("it said nothing for 30s; it waits: it took no processor time");
    run("wait_for_ever", SearchPlan::Loom { preemptions: None }, Verdict::Hung(cause), 40)
}

fn own_test() -> ModelRun {
    ModelRun {
        kind: ModelKind::OwnTest,
        description: None,
        checked: 0,
        ..run("their_test", SearchPlan::Unknown, Verdict::Passed, 0)
    }
}

/// A model as asked with a caught twin, a failed one, a hung one, a test of another library, and an empty binary.
pub(crate) fn report() -> ModelReport {
    ModelReport {
        workspace: text("mycrate"),
        command: ModelCommand::Run,
        shard: Shard::WHOLE,
        scale: text("ci"),
        budget_ms: 60_000,
        runs: vec![hand_off(), caught(), failed(), own_test(), hung()],
        elsewhere: Vec::new(),
        empty: vec![EmptyBinary {
            package: text("mycrate"),
            suite: text("model-loom"),
            binary: text("cores"),
            cause: text("it lists no test"),
        }],
        problems: Vec::new(),
        notes: Vec::new(),
    }
}
