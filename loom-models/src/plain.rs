//! A model under plain `cargo test`: its search and each of its twins, each in a process of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::child;
use crate::lines::PROTOCOL;
use crate::model::{Model, Twin};
use crate::request::{OUT, REQUEST};

/// What the test of a model does: it answers the parent's request where there is one, and else checks the model and its
/// twins by itself.
pub fn run_test(model: &'static Model, body: fn()) {
    match (std::env::var_os(OUT), std::env::var(REQUEST)) {
        (Some(out), Ok(request)) => child::answer(model, Arc::new(body), Path::new(&out), &request),
        _ => check(model),
    }
}

/// Runs the model and its twins, and panics with what is not as it must be.
fn check(model: &Model) {
    let shipped = ask(model, None);
    let complaint = complaint_of_shipped(model, &shipped);
    assert!(complaint.is_none(), "{}: {}\n{}", model.name, complaint.unwrap_or_default(), shipped.story());
    for twin in model.twins {
        let answer = ask(model, Some(twin));
        let complaint = complaint_of_twin(twin, &answer);
        let (name, bug) = (model.name, twin.bug);
        assert!(complaint.is_none(), "{name} with {bug}: {}\n{}", complaint.unwrap_or_default(), answer.story());
    }
}

fn complaint_of_shipped(model: &Model, answer: &Answer) -> Option<String> {
    let verdict = answer.verdict();
    if !["complete", "complete-up-to", "complete-up-to-delays", "sampled"].contains(&verdict.as_str()) {
        return Some(format!("the verdict is `{verdict}`"));
    }
    let executions = answer.end()["executions"].as_u64();
    let is_pinned = model.pinned.is_none() || executions == model.pinned;
    let (executions, pinned) = (executions.unwrap_or(0), model.pinned.unwrap_or(0));
    (!is_pinned).then(|| format!("{executions} executions, and {pinned} are pinned"))
}

fn complaint_of_twin(twin: &Twin, answer: &Answer) -> Option<String> {
    let Some(failure) = answer.failure() else {
        return Some(format!("the bug was not found; the verdict is `{}`", answer.verdict()));
    };
    let message = failure["message"].as_str().unwrap_or_default();
    let is_named = message.contains(twin.symptom);
    (!is_named).then(|| format!("the symptom `{}` is not in the failure's text", twin.symptom))
}

/// What a child wrote, and how it ended.
struct Answer {
    lines: Vec<Value>,
    /// `None` where it was killed because its time was up.
    status: Option<ExitStatus>,
    stderr: String,
}

impl Answer {
    fn end(&self) -> &Value {
        self.line("end").unwrap_or(&Value::Null)
    }

    /// The last failure that was written, the one with the steps, unless it was taken back.
    fn failure(&self) -> Option<&Value> {
        let of_failures = |line: &&Value| line["line"] == "failure" || line["line"] == "taken-back";
        self.lines.iter().rev().find(of_failures).filter(|line| line["line"] == "failure")
    }

    fn line(&self, kind: &str) -> Option<&Value> {
        self.lines.iter().rev().find(|line| line["line"] == kind)
    }

    fn verdict(&self) -> String {
        match (self.end()["verdict"]["kind"].as_str(), &self.status) {
            (Some(kind), _) => kind.to_owned(),
            (None, None) => "hung".to_owned(),
            (None, Some(status)) => format!("crashed ({status})"),
        }
    }

    /// What a reader needs to know of it.
    fn story(&self) -> String {
        let mut story = String::new();
        if let Some(failure) = self.failure() {
            story.push_str(&format!("{}\n", failure["message"].as_str().unwrap_or_default()));
            for step in failure["steps"].as_array().into_iter().flatten() {
                story.push_str(&step_text(step));
            }
            story.push_str(&format!("replay token: {}\n", failure["token"].as_str().unwrap_or_default()));
        }
        if !self.end().is_null() {
            story.push_str(&format!("{}\n", self.end()));
        } else {
            story.push_str(&self.stderr);
        }
        story
    }
}

fn step_text(step: &Value) -> String {
    let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let place = step["line"].as_u64().map(|line| format!("  {}:{line}", text("file"))).unwrap_or_default();
    let held = step["held_by"].as_str().map(|by| format!("  held by {by}")).unwrap_or_default();
    format!("{:>4}  {}{place}  {} {}{held}\n", step["step"], text("task"), text("what"), text("object"))
}

/// Runs this executable once more for one request.
fn ask(model: &Model, twin: Option<&Twin>) -> Answer {
    let [out, err] = ["jsonl", "stderr"].map(temporary);
    let request = json!({"protocol": PROTOCOL, "ask": "run", "twin": twin.map(|twin| twin.bug), "scale": "ci",
        "budget_ms": model.limits.budget_ms});
    let executable = std::env::current_exe().expect("a test knows its executable");
    let mut command = Command::new(executable);
    command.args(["--exact", &test_path(model), "--nocapture", "--test-threads=1"]);
    command.env(OUT, &out).env(REQUEST, request.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(File::create(&err).map_or_else(|_| Stdio::null(), Stdio::from));
    let mut child = command.spawn().expect("a test can run its executable");
    // A search ends with its budget; what does not is stuck where no scheduler can see it.
    let status = wait(&mut child, Duration::from_millis(model.limits.budget_ms) * 2 + Duration::from_secs(30));
    let text = std::fs::read_to_string(&out).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let stderr = last_part(&err);
    for file in [out, err] {
        // It may not have been made.
        let _ = std::fs::remove_file(file);
    }
    Answer { lines, status, stderr }
}

/// The test's name within its executable: the path of its module without the crate.
fn test_path(model: &Model) -> String {
    let within = model.module.split_once("::").map_or("", |(_, rest)| rest);
    format!("{within}::interlock_model")
}

/// Waits for a child to end, and kills it when its time is up.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let since = Instant::now();
    while since.elapsed() < limit {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            Err(_) => break,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn temporary(kind: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    std::env::temp_dir().join(format!("interlock-model-{}-{number}.{kind}", std::process::id()))
}

/// The end of a file that may be long.
fn last_part(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(8_192)..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(lines: &[Value]) -> Answer {
        Answer { lines: lines.to_vec(), status: None, stderr: String::new() }
    }

    fn end(kind: &str, executions: u64) -> Value {
        json!({"line": "end", "verdict": {"kind": kind}, "executions": executions})
    }

    #[test]
    fn a_model_that_explores_less_than_it_did_is_noticed() {
        let model = Model { pinned: Some(20), ..Model::DEFAULT };
        assert_eq!(complaint_of_shipped(&model, &answer(&[end("complete", 20)])), None);
        let complaint = complaint_of_shipped(&model, &answer(&[end("complete", 6)]));
        assert_eq!(complaint.as_deref(), Some("6 executions, and 20 are pinned"));
    }

    #[test]
    fn only_a_search_that_reached_its_end_is_good() {
        for kind in ["cut-off", "failed", "not-deterministic", "nothing-explored"] {
            let complaint = complaint_of_shipped(&Model::DEFAULT, &answer(&[end(kind, 20)]));
            assert_eq!(complaint, Some(format!("the verdict is `{kind}`")));
        }
        assert!(complaint_of_shipped(&Model::DEFAULT, &answer(&[])).is_some_and(|text| text.contains("hung")));
    }

    #[test]
    fn a_twin_must_fail_with_its_symptom() {
        let twin = Twin { bug: "b", symptom: "lost", found_within: 1 };
        let failed = |text: &str| answer(&[json!({"line": "failure", "message": text}), end("failed", 3)]);
        assert_eq!(complaint_of_twin(&twin, &failed("an update is lost")), None);
        assert!(complaint_of_twin(&twin, &failed("a deadlock")).is_some_and(|text| text.contains("symptom `lost`")));
        let missed = complaint_of_twin(&twin, &answer(&[end("complete-up-to", 3)]));
        assert_eq!(missed.as_deref(), Some("the bug was not found; the verdict is `complete-up-to`"));
    }
}
