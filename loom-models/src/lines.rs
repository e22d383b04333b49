//! The lines of the protocol (`docs/model-protocol.md`): one JSON object each, appended and flushed at once.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::model::{Model, Search};
use crate::outcome::{Bound, Failure, Holder, Outcome, Step, Verdict};
use crate::shard::Shard;
use crate::token::{Engine, Origin};

/// The version of the protocol.
pub(crate) const PROTOCOL: u64 = 1;

/// A file that lines are appended to.
pub(crate) struct Lines {
    file: File,
    folder: PathBuf,
    origin: Origin,
}

impl Lines {
    pub(crate) fn open(path: &Path, origin: Origin) -> std::io::Result<Lines> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        Ok(Lines { file, folder, origin })
    }

    /// Appends a line. One call, so that lines of two processes do not mix. Nobody is there to hear of an error: a
    /// reader that finds no `end` knows enough.
    pub(crate) fn write(&mut self, line: &Value) {
        let _ = self.file.write_all(format!("{line}\n").as_bytes());
    }

    /// Appends the line of a failure.
    pub(crate) fn write_failure(&mut self, failure: &Failure) {
        let token = self.origin.token(failure, &self.folder);
        self.write(&failure_value(failure, &token));
    }
}

/// The first line: what the model is.
pub(crate) fn model_value(model: &Model, search: Search, engine: Engine, source: &str) -> Value {
    let twin =
        |twin: &crate::Twin| json!({"bug": twin.bug, "symptom": twin.symptom, "found_within": twin.found_within});
    json!({
        "line": "model",
        "protocol": PROTOCOL,
        "name": model.name,
        "question": model.question.trim(),
        "property": model.property,
        "engine": engine.word(),
        "search": search_value(search),
        "twins": model.twins.iter().map(twin).collect::<Vec<_>>(),
        "pinned": model.pinned,
        "file": model.file,
        "source": source,
    })
}

/// What a search is, for a reader.
fn search_value(search: Search) -> Value {
    match search {
        Search::Bounded { preemptions } => json!({"kind": "bounded", "preemptions": preemptions}),
        Search::Delays { delays } => json!({"kind": "delays", "delays": delays}),
        Search::Portfolio { schedules } => json!({"kind": "portfolio", "schedules": schedules}),
        Search::Loom { preemptions } => json!({"kind": "loom", "preemptions": preemptions}),
    }
}

/// The line of a bound that is complete. What it counts is the name of its number.
pub(crate) fn bound_value(bound: Bound, executions: u64, is_bounded: bool) -> Value {
    let (word, number) = (bound.word(), bound.number());
    json!({"line": "bound", word: number, "executions": executions, "bounded": is_bounded})
}

/// The line of a failure. Delays are told where they are counted.
fn failure_value(failure: &Failure, token: &str) -> Value {
    let mut value = json!({
        "line": "failure",
        "message": failure.message,
        "execution": failure.execution,
        "preemptions": failure.preemptions,
        "scheduler": failure.scheduler,
        "token": token,
        "steps": failure.steps.iter().map(step_value).collect::<Vec<_>>(),
        "steps_total": failure.n_steps,
        "steps_quiet": failure.n_quiet,
        "classes": failure.classes,
    });
    if let Some(delays) = failure.delays {
        value["delays"] = json!(delays);
    }
    value
}

/// A step. What is not known is left out.
fn step_value(step: &Step) -> Value {
    let mut value = json!({"step": step.number, "task": step.task, "what": step.what, "object": step.object});
    if let Some((file, line)) = &step.place {
        value["file"] = json!(file);
        value["line"] = json!(line);
    }
    if let Some((file, line)) = &step.made {
        value["made"] = json!({"file": file, "line": line});
    }
    if let Some(holder) = &step.held_by {
        value["held_by"] = json!(holder);
    }
    if !step.holders.is_empty() {
        value["holders"] = step.holders.iter().map(holder_value).collect();
    }
    if step.is_quiet {
        value["quiet"] = json!(true);
    }
    value
}

fn holder_value(holder: &Holder) -> Value {
    let (file, line) = &holder.place;
    json!({"task": holder.task, "operation": holder.operation, "file": file, "line": line})
}

/// The last line.
pub(crate) fn end_value(outcome: &Outcome, shard: Shard) -> Value {
    json!({
        "line": "end",
        "verdict": verdict_value(&outcome.verdict),
        "executions": outcome.executions,
        "prefixes": outcome.prefixes,
        "shard": [shard.index, shard.count],
        "elapsed_ms": outcome.elapsed_ms,
        "notes": outcome.notes,
    })
}

fn verdict_value(verdict: &Verdict) -> Value {
    let kind = verdict.word();
    match verdict {
        Verdict::CompleteUpTo { bound: Bound::Preemptions(preemptions), passed_over } => {
            json!({"kind": kind, "preemptions": preemptions, "passed_over": passed_over})
        }
        Verdict::CompleteUpTo { bound: Bound::Delays(delays), .. } => json!({"kind": kind, "delays": delays}),
        Verdict::Sampled { schedules } => json!({"kind": kind, "schedules": schedules}),
        Verdict::CutOff { reason, done: Some(Bound::Delays(done)) } => {
            json!({"kind": kind, "reason": reason.word(), "delays_done": done})
        }
        Verdict::CutOff { reason, done } => {
            json!({"kind": kind, "reason": reason.word(), "preemptions_done": done.map(Bound::number)})
        }
        Verdict::NotDeterministic { cause } => json!({"kind": kind, "cause": cause}),
        Verdict::Complete | Verdict::Failed | Verdict::NothingExplored => json!({"kind": kind}),
    }
}
