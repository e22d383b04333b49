//! `cargo interlock model` on failures: the page from nothing to a found bug is what comes out, locks have their names and
//! lints, and a table of many steps has an end.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "model_command/mod.rs"]
mod model_command;

use std::path::Path;

use model_command::{Run, lines, model, scratch};
use serde_json::Value;

const FAULTS: [&str; 3] = ["--manifest-path", "fixtures/model-faults/Cargo.toml", "--quiet"];
const FIRST: [&str; 3] = ["--manifest-path", "fixtures/first-model/Cargo.toml", "--quiet"];

fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

// ---- many steps ----

fn long(format: &str) -> Run {
    let test = ["run", "--test", "faults", "--features", "model-shuttle", "fails_after_many_steps"];
    model(&[&test, FAULTS.as_slice(), &["--offline", "--message-format", format]].concat())
}

#[test]
fn a_table_of_many_steps_has_an_end_and_says_what_is_left_out() {
    for format in ["human", "markdown", "junit"] {
        let run = long(format);
        assert_eq!(run.code, 1, "{}{}", run.out, run.err);
        assert!(run.out.lines().count() < 120, "{format}: {} lines", run.out.lines().count());
        for part in ["STUCK", "src/queue.rs:57", "29938 steps left out", "60 of 30000 steps, 20000 of them quiet"] {
            assert!(run.out.contains(part), "{format}: {part}: {}", run.out);
        }
    }
    let human = long("human").out;
    let rows: Vec<&str> = human.lines().map(str::trim_start).collect();
    let row = |number: &str| rows.iter().any(|row| row.starts_with(&format!("{number}  ")));
    // Who took the lock that is waited for is told, though that was long ago and quiet.
    assert!(row("3") && row("29990") && row("30000") && !row("20000"), "{human}");
}

#[test]
fn all_of_many_steps_are_in_a_file_and_results_keep_those_that_matter() {
    let run = long("json");
    let lines = lines(&run.out);
    let failure = &lines.iter().find(|line| line["reason"] == "model").unwrap()["failure"];
    assert_eq!((&failure["steps_total"], &failure["steps_quiet"]), (&30_000.into(), &20_000.into()));
    let steps = failure["steps"].as_array().unwrap();
    assert_eq!((steps.len(), &steps[0]["step"], &steps[1]["step"]), (2_000, &3.into(), &28_002.into()));
    assert!(run.out.len() < 1_000_000, "{} bytes", run.out.len());
    let file = failure["steps_file"].as_str().unwrap();
    assert!(file.ends_with("interlock/replay/fails_after_many_steps.steps.txt"), "{file}");
    let table = std::fs::read_to_string(file).unwrap();
    assert_eq!(table.lines().count(), 30_003);
}

// ---- the first model ----

/// The block of a page after these words.
fn block<'a>(page: &'a str, after: &str) -> &'a str {
    page.split_once(after).and_then(|(_, rest)| rest.split_once("\n```")).map(|(block, _)| block).unwrap()
}

/// Without what differs from one machine or one change of the source to the next: times, and digests within tokens.
fn comparable(text: &str) -> String {
    let line = |line: &str| match line.split_once("replay: ") {
        Some((start, token)) => format!("{start}replay: {}", token.split("::").next().unwrap_or_default()),
        None => line.split_whitespace().filter(|word| *word != "s" && !is_seconds(word)).collect::<Vec<_>>().join(" "),
    };
    text.trim().lines().map(line).collect::<Vec<_>>().join("\n")
}

fn is_seconds(word: &str) -> bool {
    word.split_once('.').is_some_and(|(whole, part)| [whole, part].iter().all(|text| text.parse::<u32>().is_ok()))
}

#[test]
fn the_page_shows_what_the_first_model_shows() {
    let page = text("docs/models.md");
    let run = model(&[&["run"], FIRST.as_slice()].concat());
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    let shown = block(&page, "```console\n$ cargo interlock model run\n");
    assert_eq!(comparable(&run.out), comparable(shown), "{}", run.out);
    for (code, file) in
        [("use interlock_sync::lock::Mutex;", "src/lib.rs"), ("use interlock_sync::model::{", "tests/models.rs")]
    {
        let whole = text(&format!("fixtures/first-model/{file}"));
        let quoted = format!("{code}{}", block(&page, &format!("```rust\n{code}")));
        for line in quoted.lines().filter(|line| !line.trim().is_empty()) {
            assert!(whole.contains(line), "{file} has no line `{line}`");
        }
    }
    let token = run.out.split("model replay '").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    let again = model(&[&["replay", token], FIRST.as_slice()].concat());
    assert_eq!(again.code, 1, "{}{}", again.out, again.err);
    assert!(again.out.contains("STUCK"), "{}", again.out);
}

#[test]
fn a_failure_names_its_locks_and_its_lints() {
    let run = model(&[&["run", "--message-format", "json"], FIRST.as_slice()].concat());
    let lines = lines(&run.out);
    let failure = &lines.iter().find(|line| line["reason"] == "model").unwrap()["failure"];
    assert_eq!(failure["classes"], serde_json::json!(["bank::Account::balance"]));
    let steps = failure["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["class"] == "bank::Account::balance"), "{steps:?}");
    assert_eq!(failure["lints"][0]["id"], "lock-order-inversion");
    assert_eq!(failure["lints"][0]["because"], "back and main wait for each other");
}

// ---- a workspace's own suites ----

/// The first model in a workspace of its own, with its bug mended or not, and with these settings.
fn bank(name: &str, is_mended: bool, settings: &str) -> String {
    let (root, folder) = (Path::new(env!("CARGO_MANIFEST_DIR")), scratch(name));
    let from = root.join("fixtures/first-model");
    for below in ["src", "tests"] {
        std::fs::create_dir_all(folder.join(below)).unwrap();
    }
    for file in ["Cargo.toml", "Cargo.lock", "src/lib.rs", "tests/models.rs"] {
        let mut text = std::fs::read_to_string(from.join(file)).unwrap();
        text = text.replace("../../", &format!("{}/", root.display()));
        // Cargo takes packages of one name at the roots of two workspaces for one, where they share a target folder.
        text = text.replace("name = \"bank\"", &format!("name = \"bank-{name}\""));
        if file == "Cargo.toml" {
            text.push_str("\n[lib]\nname = \"bank\"\n");
        }
        if is_mended && file == "src/lib.rs" {
            let given = "    let mut from = from.balance.lock();\n    let mut to = to.balance.lock();\n";
            assert!(text.contains(given), "the fixture has its bug");
            // By their addresses, whichever way the money goes.
            let mended = "    let is_first = std::ptr::from_ref(from) < std::ptr::from_ref(to);\n    \
                          let (first, second) = if is_first { (from, to) } else { (to, from) };\n    \
                          let (first, second) = (first.balance.lock(), second.balance.lock());\n    \
                          let (mut from, mut to) = if is_first { (first, second) } else { (second, first) };\n";
            text = text.replace(given, mended);
        }
        std::fs::write(folder.join(file), text).unwrap();
    }
    std::fs::write(folder.join("interlock.toml"), settings).unwrap();
    folder.join("Cargo.toml").display().to_string()
}

fn run_bank(manifest: &str) -> (Run, Vec<Value>) {
    let run = model(&["run", "--quiet", "--manifest-path", manifest, "--message-format", "json"]);
    let lines = lines(&run.out);
    (run, lines)
}

#[test]
fn locked_in_one_order_the_first_model_is_complete_after_as_many_executions_as_the_page_says() {
    let (run, lines) = run_bank(&bank("mended", true, ""));
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let line = lines.iter().find(|line| line["reason"] == "model").unwrap();
    assert_eq!(line["verdict"]["kind"], "complete", "{line}");
    let said = format!("the same model is `complete` after {} executions", line["executions"]);
    assert!(text("docs/models.md").contains(&said), "{said}");
}

#[test]
fn a_suite_of_the_settings_is_run_as_it_says() {
    let suite =
        |more: &str| format!("[[model-suite]]\npackage = \"bank-suite\"\nfeatures = [\"model-shuttle\"]\n{more}");
    let (run, lines) = run_bank(&bank("suite", false, &suite("test = [\"models\"]\n")));
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    let models: Vec<&Value> = lines.iter().filter(|line| line["reason"] == "model").collect();
    assert_eq!(
        (models.len(), &models[0]["name"], &models[0]["kind"]),
        (1, &"opposite_transfers".into(), &"interlock".into())
    );
    // As a test of its own it says pass or fail and nothing else, and it fails.
    let (run, lines) = run_bank(&bank("suite", false, &suite("test = [\"models\"]\nown-tests = true\n")));
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    let own = lines.iter().find(|line| line["kind"] == "own-test").unwrap();
    assert_eq!(own["verdict"]["kind"], "failed");
    let (run, _) = run_bank(&bank("suite", false, &suite("test = [\"no-such-target\"]\n")));
    assert_eq!(run.code, 101, "{}{}", run.out, run.err);
}
