//! `cargo interlock model` on models that go wrong in every way: each gets its verdict, and the run goes on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "model_command/mod.rs"]
mod model_command;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use model_command::{Run, lines, model, scratch};
use serde_json::Value;

const FIXTURE: [&str; 4] = ["--manifest-path", "fixtures/model-faults/Cargo.toml", "--offline", "--quiet"];

fn run(arguments: &[&str]) -> Run {
    model(&[&["run"], FIXTURE.as_slice(), arguments].concat())
}

/// All faults in one run, with limits that are low enough for a test.
fn faults() -> &'static Run {
    static FAULTS: OnceLock<Run> = OnceLock::new();
    FAULTS.get_or_init(|| {
        run(&["--hang-after", "4s", "--budget", "20s", "--memory", "300MiB", "--message-format", "json"])
    })
}

/// The line of a model, or of a twin of it.
#[track_caller]
fn line_of<'a>(lines: &'a [Value], name: &str, bug: Option<&str>) -> &'a Value {
    let fits = |line: &&Value| line["name"] == name && line["twin"]["bug"].as_str() == bug;
    lines.iter().find(fits).unwrap_or_else(|| panic!("no line of {name} {bug:?}"))
}

#[track_caller]
fn check_fault(name: &str, kind: &str, cause: &str) {
    let lines = lines(&faults().out);
    let verdict = &line_of(&lines, name, None)["verdict"];
    assert_eq!(verdict["kind"], kind, "{verdict}");
    let said = verdict["cause"].as_str().or(verdict["reason"].as_str()).unwrap_or_default();
    assert!(said.contains(cause), "{verdict}");
}

#[test]
fn a_model_that_does_its_work_is_complete_up_to_its_bound() {
    check_fault("completes", "complete-up-to", "");
    check_fault("cannot_be_split", "complete", "");
    let lines = lines(&faults().out);
    let line = line_of(&lines, "completes", None);
    assert_eq!((&line["executions"], &line["checked"], &line["fine"]), (&30.into(), &200.into(), &true.into()));
    assert_eq!(line["bounds"][2]["executions"], 22);
}

#[test]
fn an_abort_is_told_with_its_first_panic() {
    check_fault("aborts", "crashed", "SIGABRT");
    check_fault("aborts", "crashed", "deadlock; threads = [0, 1]");
}

#[test]
fn a_hang_is_told_and_whether_it_waits_or_works() {
    check_fault("hangs", "hung", "it said nothing for 4s");
    if cfg!(target_os = "linux") {
        check_fault("hangs", "hung", "it waits");
        check_fault("spins", "hung", "it is busy");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_leak_is_stopped() {
    check_fault("leaks", "out-of-memory", "it had ");
}

#[test]
fn what_is_not_deterministic_is_told_with_its_cause() {
    check_fault("is_not_deterministic", "not-deterministic", "a draw, expected a switch");
}

#[test]
fn a_failure_is_one_that_comes_again_alone_unless_there_is_no_time_to_see_it() {
    check_fault("fails_only_in_company", "not-deterministic", "run alone in a process, does not fail");
    check_fault("fails_again_too_slowly", "failed", "");
}

#[test]
fn nothing_explored_is_no_success_whatever_it_is_called() {
    check_fault("explores_nothing", "nothing-explored", "");
    check_fault("lies_about_nothing", "nothing-explored", "after no execution");
}

#[test]
fn what_prints_a_lot_is_read_and_forgotten() {
    check_fault("prints_a_lot", "complete-up-to", "");
    let lines = lines(&faults().out);
    let note = line_of(&lines, "prints_a_lot", None)["notes"][0].as_str().unwrap();
    assert!(note.starts_with("it printed 100 MB"), "{note}");
}

#[test]
fn a_death_without_a_verdict_is_a_crash_that_keeps_what_was_said() {
    check_fault("dies_without_end", "crashed", "it ended well, and said no verdict");
    check_fault("says_nothing", "crashed", "it ended well, and said no verdict");
    let lines = lines(&faults().out);
    let line = line_of(&lines, "dies_without_end", None);
    assert_eq!((&line["executions"], line["bounds"].as_array().unwrap().len()), (&5.into(), 1));
}

#[test]
fn less_than_asked_is_cut_off() {
    check_fault("stops_early", "cut-off", "budget");
}

#[test]
fn what_goes_on_after_its_budget_is_stopped() {
    let run = run(&["overruns_a_small_budget", "--budget", "1s", "--hang-after", "1s"]);
    assert_eq!(run.code, 4, "{}{}", run.out, run.err);
    let expected = "cut off (stopped: it did not keep to its budget; complete up to 0 preemptions)";
    assert!(run.out.contains(expected), "{}", run.out);
}

#[test]
fn a_failure_has_its_steps_and_its_token() {
    check_fault("fails", "failed", "");
    let lines = lines(&faults().out);
    let line = line_of(&lines, "fails", None);
    assert_eq!(line["replay"], "fails=b1.FAILS");
    assert_eq!(line["failure"]["steps"][1]["held_by"], "writer since src/queue.rs:41");
}

#[test]
fn twins_are_judged_by_symptom_and_bound() {
    let lines = lines(&faults().out);
    let judgement = |name, bug| line_of(&lines, name, Some(bug))["judgement"].as_str().unwrap();
    assert_eq!(judgement("completes", "T-1"), "caught");
    assert_eq!(judgement("misses_its_twins", "T-2"), "missed");
    assert_eq!(judgement("misses_its_twins", "T-3"), "other-symptom");
    assert_eq!(judgement("misses_its_twins", "T-4"), "late");
}

#[test]
fn a_binary_without_models_is_an_error_of_the_run() {
    let lines = lines(&faults().out);
    let empty = lines.iter().find(|line| line["reason"] == "empty").unwrap();
    assert_eq!((&empty["binary"], &empty["cause"]), (&"empty".into(), &"it lists no test".into()));
    assert_eq!(faults().code, 5, "{}", faults().err);
    let end = lines.last().unwrap();
    assert_eq!((&end["models"], &end["models_fine"], &end["twins_caught"]), (&20.into(), &6.into(), &1.into()));
}

#[test]
fn exit_codes_tell_failures_from_open_questions() {
    let codes = [
        ("completes", 0),
        ("stops_early", 4),
        ("explores_nothing", 4),
        ("is_not_deterministic", 4),
        ("fails", 1),
        ("aborts", 1),
        ("misses_its_twins", 1),
        ("no_such_model", 2),
    ];
    for (name, code) in codes {
        let run = run(&["--test", "faults", "--features", "model-shuttle", name]);
        assert_eq!(run.code, code, "{name}: {}{}", run.out, run.err);
    }
    let nothing = model(&["run", "--manifest-path", "fixtures/p0-3-fixed/Cargo.toml", "-q"]);
    assert_eq!(nothing.code, 5, "{}{}", nothing.out, nothing.err);
    assert!(nothing.err.contains("no package has models"), "{}", nothing.err);
    let broken = run(&["--features", "no-such-feature"]);
    assert_eq!(broken.code, 101, "{}{}", broken.out, broken.err);
    assert!(broken.err.contains("failed to build the tests of `model-faults`"), "{}", broken.err);
}

#[test]
fn a_failure_is_printed_as_a_table_and_replayed_by_its_token() {
    let first = run(&["fails"]);
    for part in ["deadlock; blocked tasks", "STUCK lock", "src/queue.rs:57", "writer since src/queue.rs:41"] {
        assert!(first.out.contains(part), "{part}: {}", first.out);
    }
    assert!(first.out.contains("cargo interlock model replay 'fails=b1.FAILS'"), "{}", first.out);
    let replay = |token: &str| model(&[&["replay", token], FIXTURE.as_slice()].concat());
    let again = replay("fails=b1.FAILS");
    assert_eq!(again.code, 1, "{}{}", again.out, again.err);
    assert!(again.out.contains("STUCK lock"), "{}", again.out);
    let twin = replay("completes+T-1=b1.AQEC");
    assert_eq!(twin.code, 1, "{}{}", twin.out, twin.err);
    assert!(twin.out.contains("completes+T-1: caught") && twin.out.contains("the lost signal woke nobody"));
    let other = replay("fails=b1.OTHER");
    assert_eq!(other.code, 4, "{}{}", other.out, other.err);
    assert!(other.out.contains("the failure did not happen again"), "{}", other.out);
    assert_eq!(replay("nothing").code, 2);
    let several = replay("s=b1.FAILS");
    assert_eq!(several.code, 2);
    assert!(several.err.contains("`s` means several models: "), "{}", several.err);
}

// ---- tests of other libraries ----

#[test]
fn tests_of_other_libraries_are_run_in_their_own_cfg_and_never_called_complete() {
    let limits = ["--hang-after", "2s", "--budget", "3s"];
    let own = run(&[["--cfg", "fake_loom", "--test", "own"].as_slice(), &limits].concat());
    assert_eq!(own.code, 1, "{}{}", own.out, own.err);
    assert!(!own.out.contains("complete"), "{}", own.out);
    let says = |name: &str, what: &str| {
        let line = own.out.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.contains(what), "{line}");
    };
    says("passes ", "passed (its own bound, not known to us)");
    says("fails ", "failed");
    says("aborts ", "crashed");
    says("is_ignored ", "nothing explored");
    if cfg!(target_os = "linux") {
        says("waits_for_ever ", "hung");
    }
    says("searches_for_ever ", "cut off (stopped after 3 s");
    assert!(own.out.contains("two writers (tests/own.rs:"), "{}", own.out);
    let passes = run(&["--cfg", "fake_loom", "--test", "own", "passes"]);
    assert_eq!(passes.code, 0, "{}{}", passes.out, passes.err);
    // Without the cfg the file is empty.
    let gone = run(&["--own-tests", "--test", "own"]);
    assert_eq!(gone.code, 5, "{}{}", gone.out, gone.err);
}

// ---- shards ----

/// Runs one shard of the models that are as they should be, into a file.
fn shard(folder: &Path, index: u32, count: u32) -> PathBuf {
    let file = folder.join(format!("{index}.jsonl"));
    let (shard, format) = (format!("{index}/{count}"), format!("json={}", file.display()));
    let run =
        run(&["completes", "splits_by_delays", "cannot_be_split", "--shard", &shard, "--message-format", &format]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    file
}

fn merge(files: &[&PathBuf]) -> Run {
    let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    model(&[&["run", "--message-format", "human", "--message-format", "json", "--merge"], files.as_slice()].concat())
}

#[test]
fn shards_add_up_to_the_whole_and_a_missing_one_is_named() {
    let folder = scratch("parts");
    let files: Vec<PathBuf> = (0..4).map(|index| shard(&folder, index, 4)).collect();
    let all = merge(&files.iter().collect::<Vec<_>>());
    assert_eq!(all.code, 0, "{}{}", all.out, all.err);
    let json: String = all.out.lines().filter(|line| line.starts_with('{')).map(|line| format!("{line}\n")).collect();
    let json = lines(&json);
    let whole = line_of(&json, "completes", None);
    assert_eq!((&whole["executions"], &whole["shard"]), (&30.into(), &serde_json::json!([0, 1])));
    assert_eq!(whole["bounds"][2]["executions"], 22);
    assert_eq!(line_of(&json, "completes", Some("T-1"))["judgement"], "caught");
    assert_eq!(line_of(&json, "cannot_be_split", None)["executions"], 168);
    assert_eq!(line_of(&json, "splits_by_delays", None)["executions"], 10);
    // Each of them did its part: it is not that one did it all.
    for file in &files {
        let part = lines(&std::fs::read_to_string(file).unwrap());
        assert!([2, 3].contains(&line_of(&part, "splits_by_delays", None)["executions"].as_u64().unwrap()));
    }
    for lost in 0..4 {
        let rest: Vec<&PathBuf> = (0..4).filter(|index| *index != lost).map(|index| &files[index]).collect();
        let rest = merge(&rest);
        assert_eq!(rest.code, 4, "{}{}", rest.out, rest.err);
        let expected = format!("not the whole: completes: shard {lost}/4 is missing");
        assert!(rest.out.contains(&expected), "{expected}: {}", rest.out);
    }
    let doubled = merge(&[&files[0], &files[1], &files[2], &files[3], &files[3]]);
    assert_eq!(doubled.code, 4);
    assert!(doubled.out.contains("shard 3/4 is there 2 times"), "{}", doubled.out);
}

#[test]
fn what_is_no_shard_is_refused() {
    let file = scratch("no-shard.jsonl");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "{\"reason\":\"start\"}\n").unwrap();
    let refused = merge(&[&file]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("no-shard.jsonl: line 1: "), "{}", refused.err);
    assert_eq!(merge(&[&file.with_extension("gone")]).code, 101);
    assert_eq!(run(&["--shard", "4/4"]).code, 2);
}
