//! Bugs of the engine in their static form: `audits/controls/engine.toml` puts each one back into the source, in memory,
//! and the analysis sees it. As shipped it is silent.
//!
//! `audits/controls/README.md` lists them, and the bugs with the form of `docs/engine/mutations.md` only:
//! `INTERLOCK_BLESS=1 cargo test --test static_mutations` rewrites the lists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use interlock_claims::{CheckKind, Claim, Manifest};

const CONTROLS: &str = "audits/controls/engine.toml";
const CATALOGUE: &str = "engine/src/mutation/catalogue.rs";
const PAGE: &str = "audits/controls/README.md";
const TABLE: &str = "| id | holds as shipped | seen by |\n";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).expect("a file of this workspace is readable")
}

/// The ids of the lines `M01 "M-01" "S-01 S-02" "the bug"`.
fn bugs(catalogue: &str) -> Vec<String> {
    let rows = catalogue.lines().filter(|line| line.trim_start().starts_with('M'));
    rows.filter_map(|row| row.split('"').nth(1)).map(str::to_owned).collect()
}

/// The ids of `mutant!(M01)` below a folder.
fn switches(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the engine's source is readable") {
        let path = entry.expect("its entries too").path();
        if path.is_dir() {
            switches(&path, found);
        } else {
            let text = read(&path);
            let names = text.split("mutant!(M").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
            let ids = names.filter(|number| number.chars().all(|c| c.is_ascii_digit()));
            found.extend(ids.map(|number| format!("M-{number}")));
        }
    }
}

fn at_run_time() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    switches(&root().join("engine/src"), &mut found);
    found
}

fn controls() -> Manifest {
    Manifest::parse(CONTROLS, &read(CONTROLS)).expect("the manifest can be read")
}

/// What sees the static form of a bug.
fn seen_by(claim: &Claim) -> String {
    let names = claim.checks.iter().map(|check| match &check.kind {
        CheckKind::LintAbsent { lint, .. } => format!("`{lint}`"),
        other => format!("`{}`", other.word()),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// What the page lists: the static forms, and the bugs that have only one.
fn lists(bugs: &[String], at_run_time: &BTreeSet<String>, manifest: &Manifest) -> String {
    let mut text = format!("{TABLE}| --- | --- | --- |\n");
    for claim in &manifest.claims {
        let row = format!("| {} | {} | {} |\n", claim.id, claim.title, seen_by(claim));
        text.push_str(&row);
    }
    let is_static = |id: &String| manifest.claims.iter().any(|claim| claim.id == *id);
    let ids = |has_only: &dyn Fn(&String) -> bool| {
        let ids: Vec<&str> = bugs.iter().filter(|id| has_only(id)).map(String::as_str).collect();
        if ids.is_empty() { "none".to_owned() } else { ids.join(" ") }
    };
    let only_run_time = ids(&|id| at_run_time.contains(id) && !is_static(id));
    let only_static = ids(&|id| !at_run_time.contains(id) && is_static(id));
    format!("{text}\nOnly at run time: {only_run_time}\n\nOnly in the source: {only_static}\n")
}

/// The page with these lists at its end.
fn with_lists(page: &str, lists: &str) -> String {
    let begin = page.find(TABLE).expect("the page has its table");
    format!("{}{lists}", &page[..begin])
}

#[test]
fn every_bug_has_a_form_and_the_page_lists_them() {
    let (bugs, at_run_time, manifest) = (bugs(&read(CATALOGUE)), at_run_time(), controls());
    assert_eq!(bugs.len(), 98);
    let static_ids = manifest.claims.iter().map(|claim| claim.id.clone());
    let with_a_form: BTreeSet<String> = at_run_time.iter().cloned().chain(static_ids).collect();
    assert_eq!(with_a_form, bugs.iter().cloned().collect(), "ids that have a form, and those of the catalogue");
    let page = read(PAGE);
    let current = with_lists(&page, &lists(&bugs, &at_run_time, &manifest));
    if std::env::var_os("INTERLOCK_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(root().join(PAGE), current).expect("audits/ is writable");
        return;
    }
    let stale = page.lines().zip(current.lines()).find(|(old, new)| old != new);
    assert_eq!(stale, None, "run `INTERLOCK_BLESS=1 cargo test --test static_mutations` and read what changes");
    assert_eq!(page.len(), current.len());
}

#[test]
fn the_source_is_silent_as_shipped_and_each_static_form_is_seen() {
    let mut audit = Command::new(env!("CARGO_BIN_EXE_cargo-interlock"));
    let report = Path::new(env!("CARGO_TARGET_TMPDIR")).join("static-mutations");
    audit.args(["interlock", "audit", CONTROLS, "--out"]).arg(report).current_dir(root());
    let output = audit.output().expect("the command runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let verdicts: Vec<&str> = said.lines().filter(|line| line.contains(" sites examined, ")).collect();
    let not_verified: Vec<&&str> = verdicts.iter().filter(|line| !line.starts_with("VERIFIED ")).collect();
    assert!(not_verified.is_empty(), "{not_verified:#?}");
    assert_eq!(verdicts.len(), controls().claims.len(), "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
}
