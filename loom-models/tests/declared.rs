//! Models that are declared with `model!`: under plain `cargo test`, and asked over the protocol.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use interlock_models::armed;
use serde_json::{Value, json};
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicU32, Ordering};
use shuttle::thread;

interlock_models::model! {
    /// Are all updates of two tasks in the sum?
    mod two_updates = Model {
        property: "the sum is 2",
        search: Search::Bounded { preemptions: 2 },
        twins: &[
            Twin { bug: "read-then-write", symptom: "an update is lost", found_within: 1 },
            Twin { bug: "abort", symptom: "the first of two panics", found_within: 0 },
        ],
        pinned: Some(6),
    };
    fn body() {
        let _abort = armed("abort").then(|| PanicsWhenDropped);
        assert!(!armed("abort"), "the first of two panics");
        let count = Arc::new(AtomicU32::new(0));
        let add = |count: &AtomicU32| {
            if armed("read-then-write") {
                let seen = count.load(Ordering::SeqCst);
                count.store(seen + 1, Ordering::SeqCst);
            } else {
                count.fetch_add(1, Ordering::SeqCst);
            }
        };
        let of_other = count.clone();
        let other = thread::spawn(move || add(&of_other));
        add(&count);
        other.join().expect("it does not panic");
        assert_eq!(count.load(Ordering::SeqCst), 2, "an update is lost");
    }
}

interlock_models::model! {
    /// Do two tasks that take two locks ever wait for each other?
    mod two_locks = Model {
        property: "every task ends",
        search: Search::Portfolio { schedules: 300 },
        twins: &[Twin { bug: "opposite", symptom: "deadlock", found_within: 100 }],
    };
    fn body() {
        let (a, b) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let (mut first, mut second) = (a.clone(), b.clone());
        if armed("opposite") {
            std::mem::swap(&mut first, &mut second);
        }
        let other = thread::spawn(move || {
            let _first = first.lock();
            let _second = second.lock();
        });
        {
            let _a = a.lock();
            let _b = b.lock();
        }
        other.join().expect("it does not panic");
    }
}

/// A second panic, while the first one unwinds: the process aborts.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("the second of two panics");
    }
}

mod deep {
    interlock_models::model! {
        /// Is a model in a module of a module found by its path?
        mod down = Model {
            property: "each value below three is chosen",
            search: Search::Bounded { preemptions: 0 },
            twins: &[Twin { bug: "two", symptom: "the value two", found_within: 0 }],
            pinned: Some(3),
        };
        fn body() {
            let value = interlock_models::choose(3);
            assert!(!(interlock_models::armed("two") && value == 2), "the value two");
        }
    }
}

/// A scratch folder of a test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("interlock-declared-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// Asks a model of this executable.
fn ask(model: &str, request: &Value) -> (Vec<Value>, Output) {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let folder = folder(&number.to_string());
    let out = folder.join("lines.jsonl");
    let mut command = Command::new(std::env::current_exe().expect("a test knows its executable"));
    command.args(["--exact", &format!("{model}::interlock_model"), "--nocapture", "--test-threads=1"]);
    command.env("INTERLOCK_MODEL_OUT", &out).env("INTERLOCK_MODEL_REQUEST", request.to_string());
    let output = command.output().expect("it can be run");
    let text = std::fs::read_to_string(&out).unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    std::fs::remove_dir_all(&folder).expect("the test made it");
    (lines, output)
}

fn request(asked: &str) -> Value {
    json!({"protocol": 1, "ask": asked, "twin": null, "budget_ms": 20_000, "shard": [0, 1], "scale": "ci", "token": null})
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    let kinds = lines.iter().map(|line| line["line"].as_str().expect("each line says what it is"));
    kinds.filter(|kind| *kind != "progress").collect()
}

#[test]
fn a_description_is_one_line() {
    let (lines, output) = ask("two_updates", &request("describe"));
    assert!(output.status.success());
    assert_eq!(kinds(&lines), ["model"]);
    let model = &lines[0];
    assert_eq!(model["name"], "two_updates");
    assert_eq!(model["question"], "Are all updates of two tasks in the sum?");
    assert_eq!(model["search"], json!({"kind": "bounded", "preemptions": 2}));
    let twin = json!({"bug": "read-then-write", "symptom": "an update is lost", "found_within": 1});
    assert_eq!((&model["twins"][0], model["twins"].as_array().map(Vec::len)), (&twin, Some(2)));
    assert_eq!((&model["pinned"], &model["engine"]), (&json!(6), &json!("shuttle")));
}

#[test]
fn a_run_tells_of_each_bound_and_ends() {
    let (lines, _) = ask("two_updates", &request("run"));
    assert_eq!(kinds(&lines), ["model", "checked", "bound", "bound", "bound", "end"]);
    let bounded = lines[2..5].iter().map(|bound| (&bound["executions"], &bound["bounded"])).collect::<Vec<_>>();
    assert_eq!(bounded, [(&json!(1), &json!(true)), (&json!(2), &json!(true)), (&json!(3), &json!(false))]);
    let end = lines.last().expect("there are six");
    assert_eq!(end["verdict"], json!({"kind": "complete"}));
    assert_eq!((&end["executions"], &end["shard"]), (&json!(6), &json!([0, 1])));
}

#[test]
fn shards_of_a_run_add_up() {
    let executions = |shard: [u32; 2]| {
        let mut request = request("run");
        request["shard"] = json!(shard);
        let (lines, _) = ask("two_updates", &request);
        let bounds = lines.iter().filter(|line| line["line"] == "bound");
        bounds.map(|bound| bound["executions"].as_u64().unwrap_or(0)).collect::<Vec<_>>()
    };
    let parts: Vec<_> = (0..3).map(|index| executions([index, 3])).collect();
    let sum = |bound: usize| parts.iter().map(|part| part[bound]).sum::<u64>();
    assert_eq!([sum(0), sum(1), sum(2)], [1, 2, 3]);
}

#[test]
fn a_twin_fails_and_its_token_fails_again_at_once() {
    let mut run = request("run");
    run["twin"] = json!("read-then-write");
    let (lines, _) = ask("two_updates", &run);
    let last = lines.iter().rev().find(|line| line["line"] == "failure").expect("the bug is found");
    assert!(
        last["message"]
            .as_str()
            .is_some_and(|text| text.contains("an update is lost") && text.contains("declared.rs:"))
    );
    assert_eq!((&last["preemptions"], &last["scheduler"]), (&json!(1), &json!("bounded")));
    assert_eq!(lines.last().map(|end| &end["verdict"]["kind"]), Some(&json!("failed")));
    assert_ne!(last["steps"], json!([]));

    let mut again = request("replay");
    again["twin"] = json!("read-then-write");
    again["token"] = last["token"].clone();
    let (lines, _) = ask("two_updates", &again);
    assert_eq!(kinds(&lines), ["model", "failure", "failure", "end"]);
    let failure = &lines[2];
    assert_eq!((&failure["execution"], &failure["message"]), (&json!(1), &last["message"]));
    assert_eq!(failure["steps"], last["steps"]);

    let other = last["token"].as_str().map(|token| token.replacen("two_updates", "another", 1));
    again["token"] = json!(other);
    let (lines, _) = ask("two_updates", &again);
    assert_eq!(kinds(&lines), ["model", "refused"]);
    assert!(lines[1]["reason"].as_str().is_some_and(|reason| reason.contains("another model")));
}

#[test]
fn a_process_that_aborts_has_told_its_first_panic() {
    let mut run = request("run");
    run["twin"] = json!("abort");
    let (lines, output) = ask("two_updates", &run);
    assert!(!output.status.success());
    assert_eq!(kinds(&lines), ["model", "failure"]);
    assert!(lines[1]["message"].as_str().is_some_and(|text| text.contains("the first of two panics")));
    assert!(lines[1]["token"].as_str().is_some_and(|token| token.starts_with("im1:shuttle-")));
}

#[test]
fn a_portfolio_draws_the_same_in_each_process_and_its_shards_add_up() {
    let executions = |shard: [u32; 2]| {
        let mut request = request("run");
        request["shard"] = json!(shard);
        let (lines, _) = ask("two_locks", &request);
        let end = lines.last().expect("it ends").clone();
        (end["verdict"].clone(), end["executions"].as_u64().unwrap_or(0))
    };
    assert_eq!(executions([0, 1]), executions([0, 1]));
    let schedules = |shard| executions(shard).0["schedules"].as_u64().unwrap_or(0);
    assert_eq!(schedules([0, 2]) + schedules([1, 2]), 300);
}

#[test]
fn a_wrong_request_fails_the_process() {
    let (lines, output) = ask("two_updates", &request("dance"));
    assert!(lines.is_empty() && !output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("describe, run or replay"));
}
