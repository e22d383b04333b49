//! `cargo interlock model run --overlay` on a crate that knows nothing of models: each of its bugs is found, with its
//! steps, and the same code without it is explored to the end.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// What the command builds, for all tests of this file.
fn scratch() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("overlay")
}

/// Runs the tests of the fixture; unlike the fixture's own dependencies, the stand-ins are in no lock file of ours, so
/// cargo may ask the registry.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let of_the_fixture = ["run", "--overlay", "--manifest-path", "fixtures/overlaid/Cargo.toml", "--quiet"];
    command_with(&[of_the_fixture.as_slice(), arguments].concat())
}

fn command_with(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-interlock"))
        .args(["interlock", "model"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("NO_COLOR", "1")
        // Two hundred packages are built for a few thousand executions: optimising them takes longer than it saves.
        .env("RUSTFLAGS", "-Copt-level=0")
        .env("CARGO_TARGET_DIR", scratch())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// All tests of the fixture and one more, in one run.
fn lines() -> &'static [Value] {
    static LINES: OnceLock<Vec<Value>> = OnceLock::new();
    LINES.get_or_init(|| {
        let (code, out, err) =
            run(&["--package", "stock", "--package", "names", "--also", "parking", "--message-format", "json"]);
        assert_eq!(code, 1, "{out}\n{err}");
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    })
}

#[track_caller]
fn line_of(name: &str) -> &'static Value {
    lines().iter().find(|line| line["name"] == name).unwrap_or_else(|| panic!("no line of {name}"))
}

/// A bug is found with its text, and the last steps of its table are these: task, place, what and object.
#[track_caller]
fn check_found(name: &str, message: &str, last: &[[&str; 4]]) {
    let line = line_of(name);
    assert_eq!(line["verdict"]["kind"], "failed", "{line}");
    let failure = &line["failure"];
    assert!(failure["message"].as_str().unwrap().contains(message), "{failure}");
    let steps = failure["steps"].as_array().unwrap();
    let place = |step: &Value| format!("{}:{}", step["file"].as_str().unwrap_or_default(), step["line"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let said: Vec<[String; 4]> = steps
        .iter()
        .map(|step| [text(&step["task"]), place(step), text(&step["what"]), text(&step["object"])])
        .collect();
    let end: Vec<[&str; 4]> =
        said[said.len().saturating_sub(last.len())..].iter().map(|step| step.each_ref().map(String::as_str)).collect();
    assert_eq!(end, last, "{said:#?}");
}

#[track_caller]
fn check_complete(name: &str) {
    let line = line_of(name);
    assert_eq!(line["verdict"]["kind"], "complete", "{line}");
}

#[test]
fn locks_of_std_in_two_orders_deadlock() {
    check_found(
        "tests::shelves_in_two_orders",
        "deadlock!",
        &[["main", "src/lib.rs:27", "STUCK", "lock #2"], ["task 1", "src/lib.rs:34", "STUCK", "lock #1"]],
    );
    let steps = line_of("tests::shelves_in_two_orders")["failure"]["steps"].as_array().unwrap();
    assert_eq!(steps[steps.len() - 1]["held_by"], "main, since src/lib.rs:26");
    check_complete("tests::shelves_in_one_order");
}

#[test]
fn a_lock_of_parking_lot_that_is_read_twice_deadlocks() {
    let last = [["main", "src/lib.rs:56", "STUCK", "write #1"], ["other", "src/lib.rs:72", "STUCK", "read #1"]];
    check_found("a_mean_that_reads_twice", "deadlock!", &last);
    check_complete("a_mean");
}

#[test]
fn a_map_of_dashmap_that_is_changed_while_it_is_read_deadlocks() {
    let last = [["other", "src/lib.rs:90", "STUCK", "remove"]];
    check_found("a_sweep_in_place", "it already holds", &last);
    check_complete("a_sweep");
}

#[test]
fn a_notification_of_tokio_is_lost() {
    check_found("a_door_that_opens_now", "deadlock!", &[["task 1", "src/lib.rs:120", "STUCK", "behind notified"]]);
    check_complete("a_door");
}

#[test]
fn a_test_that_returns_an_error_fails_and_a_package_by_path_is_overlaid_too() {
    check_found("a_name_in_two_holds", "the test returned an error", &[]);
    let steps = line_of("a_name_in_two_holds")["failure"]["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["file"] == "names/src/lib.rs"), "{steps:?}");
    check_complete("a_name");
}

#[test]
fn condition_variables_are_the_checkers() {
    check_complete("a_door_on_a_thread");
    // Who is parked may wake without a reason, as often as it likes.
    for name in ["a_first_price_is_told", "a_first_price_that_nobody_tells"] {
        let line = line_of(name);
        assert_eq!(line["verdict"]["kind"], "sampled", "{line}");
    }
}

#[test]
fn time_goes_on_when_nobody_else_can() {
    for name in ["a_wait_that_ends_in_time", "a_time_out_of_a_door_that_stays_shut"] {
        let line = line_of(name);
        assert!(["sampled", "nothing-explored"].contains(&line["verdict"]["kind"].as_str().unwrap()), "{line}");
    }
    let notes = line_of("a_first_price_is_told")["notes"].to_string();
    assert!(notes.contains("time went on only where nobody else could"), "{notes}");
}

#[test]
fn what_fails_only_behind_other_executions_is_no_finding() {
    let verdict = &line_of("a_static_that_lives_on")["verdict"];
    assert_eq!(verdict["kind"], "not-deterministic", "{verdict}");
    assert!(verdict["cause"].as_str().unwrap().contains("run alone in a process, does not fail"), "{verdict}");
}

#[test]
fn nothing_is_complete_where_a_static_lives_on_and_a_note_names_it() {
    let verdict = &line_of("a_test_beside_it")["verdict"];
    assert_eq!(verdict["kind"], "sampled", "{verdict}");
    let notes: Vec<&Value> = lines().iter().filter_map(|line| line.get("notes")).collect();
    let says = |note: &&Value| note.to_string().contains("tests/rounds.rs:9: a `static` outlives an execution");
    assert!(notes.iter().any(says), "{notes:?}");
}

#[test]
fn a_panic_that_is_caught_is_no_failure_and_hides_none() {
    let line = line_of("a_panic_that_is_caught");
    assert_eq!((line["verdict"]["kind"].as_str(), &line["failure"]), (Some("complete"), &Value::Null), "{line}");
    check_found("a_name_in_two_holds_behind_a_panic_that_is_caught", "two have one name", &[]);
}

#[test]
fn what_the_checker_did_not_run_is_no_success() {
    let has_to = ["a_test_that_has_to_panic", "a_task_that_has_to_panic"];
    for name in has_to {
        let verdict = &line_of(name)["verdict"];
        assert!(verdict["cause"].as_str().unwrap().contains("it has to panic"), "{verdict}");
    }
    for name in ["a_test_that_has_to_panic", "tests::one_thread_alone", "what_a_build_script_and_a_feature_say"] {
        let line = line_of(name);
        assert_eq!(line["verdict"]["kind"], "nothing-explored", "{line}");
    }
}

#[test]
fn a_test_file_from_elsewhere_is_run_alone() {
    let add = [
        "--package",
        "stock",
        "--also",
        "parking",
        "--add-test",
        "fixtures/overlaid/more/elsewhere.rs",
        "--message-format",
        "json",
    ];
    let (code, out, err) = run(&add);
    assert_eq!(code, 0, "{out}\n{err}");
    let names: Vec<Value> =
        out.lines().filter_map(|line| serde_json::from_str::<Value>(line).unwrap().get("name").cloned()).collect();
    assert_eq!(names, ["two_writers_and_a_reader"]);
}

#[test]
fn a_dependency_of_the_registry_can_be_overlaid_and_hangs_where_it_is_not() {
    check_complete("a_customer_who_is_called");
    let alone = ["a_customer_who_is_called", "--package", "stock", "--hang-after", "2s"];
    let (code, out, _) = run(&alone);
    assert_eq!(code, 4, "{out}");
    assert!(out.contains("hung"), "{out}");
    assert!(out.contains("parking 2.") && out.contains("(--also parking overlays it)"), "{out}");
}

#[test]
fn the_printed_command_replays_a_failure() {
    let (code, out, _) = run(&["a_mean_that_reads_twice", "--package", "stock", "--also", "parking"]);
    assert_eq!(code, 1, "{out}");
    let command = out.lines().find_map(|line| line.trim().strip_prefix("replay: cargo interlock model ")).unwrap();
    let words: Vec<&str> = command.split(' ').map(|word| word.trim_matches('\'')).collect();
    let again = command_with(&words);
    assert_eq!((again.0, again.1.contains("deadlock!")), (1, true), "{}\n{}", again.1, again.2);
}

#[test]
fn a_wrong_request_says_what_is_wrong() {
    let wrong = |arguments: &[&str], says: &str| {
        let (code, _, err) = run(arguments);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(says), "{err}");
    };
    wrong(&["--package", "stok"], "no package is called `stok`");
    wrong(&["--package", "stock", "--add-test", "fixtures/none.rs"], "there is no test file fixtures/none.rs");
    let same = ["--package", "stock", "--add-test", "fixtures/overlaid/tests/stock.rs"];
    wrong(&same, "the package has a test file called `stock` already");
    wrong(&["--package", "stock", "--also", "parking-lots"], "`parking-lots` is no dependency from crates.io");
    wrong(&["--add-test", "fixtures/overlaid/more/elsewhere.rs"], "name it with --package");
}
