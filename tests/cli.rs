//! The command as a user meets it: the fixtures, the formats, and bad input with its exit codes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let folder = std::env::temp_dir().join(format!("interlock-cli-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Scratch(folder)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) -> &Scratch {
        let file = self.0.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        self
    }

    /// A package with one source file.
    fn package(&self, text: &str) -> &Scratch {
        self.write("Cargo.toml", "[package]\nname = \"sample\"\nedition = \"2021\"\n[workspace]\n");
        self.write("src/lib.rs", text)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Run {
    code: i32,
    out: String,
    err: String,
}

fn interlock_in(folder: &Path, arguments: &[&str]) -> Run {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_cargo-interlock"))
        .arg("interlock")
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("CI", "1")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn check_fixture(name: &str, arguments: &[&str]) -> Run {
    let manifest = format!("fixtures/{name}/Cargo.toml");
    interlock_in(root(), &[&["check", "--manifest-path", &manifest], arguments].concat())
}

fn findings(run: &Run) -> Vec<serde_json::Value> {
    let lines = run.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter(|line| line["reason"] == "finding").collect()
}

fn of_lint<'a>(findings: &'a [serde_json::Value], lint: &str) -> Vec<&'a serde_json::Value> {
    findings.iter().filter(|finding| finding["lint"] == lint).collect()
}

// ---- the main job ----

#[test]
fn the_buggy_fixture_shows_its_three_bugs_with_both_places_and_the_call_chain() {
    let run = check_fixture("p0-3-buggy", &["--message-format", "json"]);
    assert_eq!(run.code, 1, "{}", run.err);
    let findings = findings(&run);
    assert_eq!(findings.len(), 3, "{}", run.out);
    assert!(findings.iter().all(|finding| finding["level"] == "deny" && finding["certainty"] == "derived"));
    let sweep = of_lint(&findings, "dashmap-mutation-in-iteration")[0];
    assert_eq!(sweep["primary"]["file"], "src/heartbeats.rs");
    assert_eq!(sweep["steps"][0]["message"], "iterated here");
    let reentrant = of_lint(&findings, "reentrant-lock");
    assert_eq!(reentrant.len(), 2);
    let steps: Vec<usize> = reentrant.iter().map(|finding| finding["steps"].as_array().unwrap().len()).collect();
    // The loop locks twice in one function; the monitor comes back through three calls.
    assert_eq!(steps, [1, 4], "{}", run.out);
    let chain: Vec<&str> =
        reentrant[1]["steps"].as_array().unwrap()[1..].iter().map(|step| step["message"].as_str().unwrap()).collect();
    assert_eq!(
        chain,
        [
            "calls `p0_3_buggy::monitor::Monitor::check_timeouts`",
            "calls `p0_3_buggy::elector::Elector::trigger_election`",
            "calls `p0_3_buggy::raft::Cluster::campaign`",
        ]
    );
}

#[test]
fn the_fixed_fixture_is_clean() {
    let run = check_fixture("p0-3-fixed", &[]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("nothing found in"), "{}", run.out);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let first = check_fixture("p0-3-buggy", &["--message-format", "json"]);
    let second = check_fixture("p0-3-buggy", &["--message-format", "json"]);
    assert_eq!(first.out, second.out);
}

#[test]
fn a_missing_toolchain_of_the_target_is_not_obeyed() {
    let folder = root().join("fixtures/missing-toolchain");
    let run = interlock_in(&folder, &["check"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("nothing found in"), "{}", run.out);
}

#[test]
fn every_claim_about_the_fixture_is_verified_and_every_control_bites() {
    let run = interlock_in(root(), &["audit", "audits/p0-3-fixture"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(run.err.matches("VERIFIED").count(), 3, "{}", run.err);
    assert!(!run.err.contains("(0 sites"), "{}", run.err);
}

#[test]
fn the_committed_report_is_what_the_audit_prints() {
    let run = interlock_in(root(), &["audit", "audits/p0-3-fixture"]);
    let file = root().join("audits/p0-3-fixture/report.md");
    if std::env::var_os("INTERLOCK_BLESS").is_some() {
        std::fs::write(&file, &run.out).unwrap();
    }
    let hint = "run INTERLOCK_BLESS=1 cargo test --test cli, and read the difference";
    assert!(std::fs::read_to_string(&file).unwrap() == run.out, "{} is out of date: {hint}", file.display());
}

#[test]
fn the_same_claims_are_refuted_by_the_buggy_fixture() {
    let run = interlock_in(root(), &["audit", "audits/p0-3-fixture", "--target", "fixtures/p0-3-buggy"]);
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    assert_eq!(run.err.matches("REFUTED").count(), 3, "{}", run.err);
}

#[test]
fn an_audit_without_its_controls_verifies_nothing() {
    let run = interlock_in(root(), &["audit", "audits/p0-3-fixture", "--no-controls"]);
    assert_eq!(run.code, 4, "{}{}", run.out, run.err);
    assert!(!run.err.contains("VERIFIED"), "{}", run.err);
}

#[test]
fn the_graph_is_printed_as_dot_and_as_json() {
    let manifest = ["--manifest-path", "fixtures/p0-3-buggy/Cargo.toml"];
    let dot = interlock_in(root(), &[&["graph"], &manifest[..]].concat());
    assert_eq!(dot.code, 0, "{}", dot.err);
    assert!(dot.out.starts_with("digraph"), "{}", dot.out);
    assert!(dot.out.contains("raft_node"), "{}", dot.out);
    let json = interlock_in(root(), &[&["graph", "--format", "json"], &manifest[..]].concat());
    let graph: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert!(graph["nodes"].as_array().is_some_and(|nodes| !nodes.is_empty()));
    let unknown = interlock_in(root(), &[&["graph", "--focus", "Cluster::raft_nod"], &manifest[..]].concat());
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean"), "{}", unknown.err);
}

#[test]
fn documents_are_written_to_files_as_a_whole() {
    let scratch = Scratch::new("formats");
    let target = format!("markdown={}", scratch.0.join("deep/report.md").display());
    let run = check_fixture("p0-3-buggy", &["--message-format", &target, "--message-format", "json"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert_eq!(findings(&run).len(), 3);
    let folder: Vec<_> = std::fs::read_dir(scratch.0.join("deep")).unwrap().collect();
    assert_eq!(folder.len(), 1, "nothing but the report is left");
    assert!(std::fs::read_to_string(scratch.0.join("deep/report.md")).unwrap().contains("reentrant-lock"));
}

#[test]
fn the_report_can_be_narrowed_to_a_package() {
    let run = check_fixture("p0-3-buggy", &["--exclude", "p0-3-buggy"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let run = check_fixture("p0-3-buggy", &["-p", "p0-3-bugy"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("did you mean `p0-3-buggy`?"), "{}", run.err);
}

#[test]
fn the_threshold_decides_the_exit_code() {
    let scratch = Scratch::new("threshold");
    scratch.package("async fn step() {}\npub fn start() { tokio::spawn(async { loop { step().await } }); }\n");
    scratch.write(
        "Cargo.toml",
        "[package]\nname = \"sample\"\nedition = \"2021\"\n[dependencies]\ntokio = \"1\"\n[workspace]\n",
    );
    assert_eq!(interlock_in(&scratch.0, &["check"]).code, 0);
    assert_eq!(interlock_in(&scratch.0, &["check", "--fail-on", "warn"]).code, 1);
    scratch.write("interlock.toml", "[lints]\ndropped-task-handle = \"deny\"\n");
    // A lint's level is the loudest that its findings get: this one stays a warning by its grade.
    assert_eq!(interlock_in(&scratch.0, &["check", "--fail-on", "warn"]).code, 1);
    scratch.write("interlock.toml", "[lints]\ndropped-task-handle = \"allow\"\n");
    assert_eq!(interlock_in(&scratch.0, &["check", "--fail-on", "note"]).code, 0);
}

#[test]
fn explain_and_lints_know_every_lint() {
    let list = interlock_in(root(), &["lints"]);
    assert_eq!(list.code, 0);
    for line in list.out.lines() {
        let id = line.split_whitespace().next().unwrap();
        let run = interlock_in(root(), &["explain", id]);
        assert_eq!(run.code, 0, "{id}");
        assert!(run.out.contains("## Why it matters"), "{id}");
    }
    let run = interlock_in(root(), &["explain", "reentrant-locks"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("did you mean `reentrant-lock`?"), "{}", run.err);
}

// ---- bad input ----

/// Runs `check` in a folder and expects a code and a word of the message.
fn refuses(scratch: &Scratch, arguments: &[&str], code: i32, says: &str) {
    let run = interlock_in(&scratch.0, &[&["check"], arguments].concat());
    assert_eq!(run.code, code, "{}{}", run.out, run.err);
    assert!(run.err.contains(says), "{says:?} is not in: {}", run.err);
    assert!(run.out.is_empty(), "nothing half done on stdout: {}", run.out);
}

#[test]
fn no_manifest_is_an_error_that_names_the_folder() {
    let scratch = Scratch::new("no-manifest");
    refuses(&scratch, &[], 101, "no Cargo.toml in");
    refuses(&scratch, &["--manifest-path", "absent/Cargo.toml"], 101, "absent/Cargo.toml");
}

#[test]
fn a_broken_manifest_is_an_error_that_names_the_file() {
    let scratch = Scratch::new("broken-manifest");
    scratch.write("Cargo.toml", "[package\nname = 3\n");
    refuses(&scratch, &[], 101, "Cargo.toml");
}

#[test]
fn an_empty_workspace_is_nothing_analysed() {
    let scratch = Scratch::new("empty");
    scratch.write("Cargo.toml", "[workspace]\nmembers = []\n");
    refuses(&scratch, &[], 5, "no packages");
}

#[test]
fn a_workspace_without_code_is_nothing_analysed() {
    let scratch = Scratch::new("no-code");
    scratch.package("pub struct Empty;\n");
    let run = interlock_in(&scratch.0, &["check"]);
    assert_eq!(run.code, 5, "{}{}", run.out, run.err);
    assert!(run.out.contains("nothing was analysed"), "{}", run.out);
}

/// Every gap is counted and named, and the rest is analysed.
fn counts_gap(scratch: &Scratch, file: &str, says: &str) {
    let run = interlock_in(&scratch.0, &["check", "--message-format", "json"]);
    assert_eq!(run.code, 1, "the bug beside the gap is found: {}{}", run.out, run.err);
    let coverage: serde_json::Value = serde_json::from_str(run.out.lines().last().unwrap()).unwrap();
    let unparsed = coverage["unparsed"].as_array().unwrap();
    let gap = unparsed.iter().find(|gap| gap["file"] == file).unwrap_or_else(|| panic!("{file} in {unparsed:?}"));
    assert!(gap["reason"].as_str().unwrap().contains(says), "{gap}");
}

const BUG: &str = "async fn f() {}\npub fn g() { f(); }\n";

#[test]
fn a_file_that_is_not_utf8_is_a_gap() {
    let scratch = Scratch::new("not-utf8");
    scratch.package(&format!("mod bad;\n{BUG}")).write("src/bad.rs", [0xff, 0xfe, b'f']);
    counts_gap(&scratch, "src/bad.rs", "UTF-8");
}

#[test]
fn an_item_that_does_not_parse_is_a_gap() {
    let scratch = Scratch::new("no-parse");
    scratch.package(&format!("mod bad;\n{BUG}")).write("src/bad.rs", "fn a() {}\nfn b( {}\n");
    counts_gap(&scratch, "src/bad.rs", "");
}

#[test]
fn a_missing_module_file_is_a_gap() {
    let scratch = Scratch::new("no-module");
    scratch.package(&format!("mod bad;\n{BUG}"));
    counts_gap(&scratch, "src/bad.rs", "");
}

#[cfg(unix)]
#[test]
fn a_symlink_loop_is_a_gap() {
    let scratch = Scratch::new("symlink");
    scratch.package(&format!("mod bad;\n{BUG}"));
    std::os::unix::fs::symlink("bad.rs", scratch.0.join("src/bad.rs")).unwrap();
    counts_gap(&scratch, "src/bad.rs", "");
}

#[test]
fn a_folder_in_place_of_a_file_is_a_gap() {
    let scratch = Scratch::new("folder");
    scratch.package(&format!("mod bad;\n{BUG}"));
    std::fs::create_dir_all(scratch.0.join("src/bad.rs")).unwrap();
    counts_gap(&scratch, "src/bad.rs", "");
}

#[test]
fn an_unknown_key_or_lint_in_the_configuration_is_an_error() {
    let scratch = Scratch::new("config");
    scratch.package(BUG).write("interlock.toml", "[lint]\n");
    refuses(&scratch, &[], 2, "unknown key `lint`; did you mean `lints`?");
    scratch.write("interlock.toml", "[lints]\nunawaited-futures = \"warn\"\n");
    refuses(&scratch, &[], 2, "did you mean `unawaited-future`?");
    scratch.write("interlock.toml", "[lints\n");
    refuses(&scratch, &[], 2, "interlock.toml");
}

#[test]
fn unknown_arguments_are_usage_errors() {
    let scratch = Scratch::new("arguments");
    scratch.package(BUG);
    refuses(&scratch, &["--message-format", "jsn"], 2, "did you mean `json`?");
    refuses(&scratch, &["--fail-on", "loud"], 2, "is no level");
    assert_eq!(interlock_in(&scratch.0, &["chek"]).code, 2);
}

#[test]
fn an_audit_names_what_is_wrong_with_its_manifest() {
    let scratch = Scratch::new("audit");
    scratch.package(BUG);
    let audit = |text: &str| {
        scratch.write("audit.toml", text);
        interlock_in(&scratch.0, &["audit"])
    };
    let missing = interlock_in(&scratch.0, &["audit", "nowhere.toml"]);
    assert_eq!(missing.code, 101);
    assert!(missing.err.contains("nowhere.toml"), "{}", missing.err);
    let unknown_key = audit("[target]\npath = \".\"\n[[claims]]\nid = \"a\"\n");
    assert_eq!(unknown_key.code, 2, "{}", unknown_key.err);
    assert!(unknown_key.err.contains("did you mean `claim`?"), "{}", unknown_key.err);
    let claim = "[target]\npath = \".\"\n[[claim]]\nid = \"a\"\ntitle = \"t\"\n[[claim.check]]\n";
    let unknown_lint = audit(&format!("{claim}kind = \"lint-absent\"\nlint = \"nope\"\nwithin = \"g\"\n"));
    assert_eq!(unknown_lint.code, 2, "{}", unknown_lint.err);
    let unknown_symbol = audit(&format!("{claim}kind = \"call-present\"\ncall = \"f\"\nwithin = \"gg\"\n"));
    assert_eq!(unknown_symbol.code, 4, "{}", unknown_symbol.err);
    assert!(unknown_symbol.err.contains("INCONCLUSIVE"), "{}", unknown_symbol.err);
    assert!(unknown_symbol.err.contains("gg"), "{}", unknown_symbol.err);
}

#[test]
fn stats_add_up_with_the_coverage_and_name_places() {
    let scratch = Scratch::new("stats");
    scratch.package(
        "use std::sync::Mutex;
pub fn known(m: &Mutex<u8>) { let _guard = m.lock(); }
pub fn unknown() { let made = other::make(); made.lock(); made.read(); nowhere(); }
",
    );
    let run = interlock_in(&scratch.0, &["check", "--stats", "--message-format", "json"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let coverage: serde_json::Value = serde_json::from_str(run.out.lines().last().unwrap()).unwrap();
    assert_eq!(coverage["receivers"], serde_json::json!({ "lock": 1, "other": 0, "unknown": 2 }));
    for (causes, whole) in [("unknown_receivers", "receivers"), ("unknown_causes", "calls")] {
        let counts = coverage[causes].as_array().unwrap().iter().map(|cause| cause["count"].as_u64().unwrap());
        assert_eq!(counts.sum::<u64>(), coverage[whole]["unknown"].as_u64().unwrap());
    }
    assert!(run.err.contains("lock-like receivers: 1 locks, 0 others, 2 unknown (33.3 % known)"), "{}", run.err);
    assert!(
        run.err.contains("       2 result of an outside function (src/lib.rs:3:51, src/lib.rs:3:64)"),
        "{}",
        run.err
    );
}

#[test]
fn a_users_model_beats_the_source_and_a_curated_model() {
    let scratch = Scratch::new("user-model");
    scratch.package(
        "pub mod store {
    pub struct Cell;
    impl Cell { pub fn grab(&self) -> Ticket { Ticket } }
    pub struct Ticket;
}
pub fn twice(cell: &store::Cell) { let _first = cell.grab(); let _second = cell.grab(); }
pub fn both(m: &std::sync::Mutex<u8>) { let _first = m.lock(); let _second = m.lock(); }
",
    );
    let run = interlock_in(&scratch.0, &["check"]);
    assert!(!run.out.contains("src/lib.rs:6"), "without a model the type is no lock: {}", run.out);
    assert!(run.out.contains("src/lib.rs:7"), "{}", run.out);
    scratch.write(
        "interlock.toml",
        "[[model]]
crate = 'sample'
source = \"\"\"
pub mod store {
    #[lock(mutex)] pub struct Cell;
    impl Cell { #[acquire(exclusive)] pub fn grab(&self) -> Ticket {} }
    #[guard(blocking)] pub struct Ticket;
}
\"\"\"
[[model]]
crate = 'std'
files = ['models/std.rs']
",
    );
    // A lock that the thread may take again.
    scratch.write(
        "models/std.rs",
        "pub mod sync {
    #[lock(mutex, reentrant)] pub struct Mutex<T>;
    impl<T> Mutex<T> { #[acquire(exclusive)] pub fn lock(&self) -> Held<T> {} }
    #[guard(blocking)] pub struct Held<T>;
}
",
    );
    let run = interlock_in(&scratch.0, &["check"]);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    assert!(run.out.contains("src/lib.rs:6"), "{}", run.out);
    assert!(!run.out.contains("src/lib.rs:7"), "{}", run.out);
    scratch.write("models/std.rs", "pub mod sync {\n    #[look(mutex)] pub struct Mutex<T>;\n}\n");
    let run = interlock_in(&scratch.0, &["check"]);
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    assert!(
        run.err.contains("models/std.rs:2: model of `std`: unknown attribute `look`; did you mean `lock`?"),
        "{}",
        run.err
    );
}

#[test]
fn a_model_follows_the_version_in_the_lock_file() {
    let scratch = Scratch::new("model-version");
    scratch.package(
        "pub fn twice(l: &parking_lot::RwLock<u8>) { let _first = l.write(); let _second = l.read_recursive(); }\n",
    );
    let with = |version: &str| {
        scratch.write(
            "Cargo.lock",
            format!("version = 4\n[[package]]\nname = \"parking_lot\"\nversion = \"{version}\"\n"),
        );
        interlock_in(&scratch.0, &["check"]).out
    };
    assert!(with("0.12.3").contains("reentrant-lock"));
    // From 0.13 on `read_recursive` is no method of that lock: whose it is, is not known.
    assert!(with("0.13.0").contains("nothing found"));
}
