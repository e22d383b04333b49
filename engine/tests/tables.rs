//! The tables of `docs/engine` against the source: columns that come from it are written from it, and an id that is cited
//! anywhere has its row.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use interlock_engine::core::assignment::{Placement, RaftGroup, plan};
use interlock_engine::core::names::{GroupName, ServerId};
use interlock_engine::mutation::{MISSED, Mutation};

/// Set, it has the pages written.
const BLESS: &str = "INTERLOCK_BLESS";
/// Pages whose last column says where the source cites the row.
const CITED: &[&str] = &["orderings.md", "gaps.md", "invariants.md", "write-errors.md"];
/// Files whose own tests make ids up.
const OF_TABLES: &[&str] = &[
    "engine/src/mutation/catalogue.rs",
    "engine/tests/catalogue.rs",
    "engine/tests/scenarios/harness.rs",
    "engine/tests/tables.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn docs() -> PathBuf {
    root().join("docs/engine")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(docs().join(name)).unwrap()
}

/// All Rust files below a folder, by their paths.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                files.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}

/// Whether a text has this id, and not only a longer one.
fn cites(text: &str, id: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-');
    text.match_indices(id)
        .any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + id.len()..].chars().next()))
}

/// `a, b` with each in backticks; a dash where there is none.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "–".to_owned() } else { names.join(", ") }
}

/// Files that have something.
fn files_with(sources: &BTreeMap<String, String>, has: impl Fn(&str) -> bool) -> Vec<&str> {
    sources.iter().filter(|(_, text)| has(text)).map(|(name, _)| name.as_str()).collect()
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |"));
    inner.map_or_else(Vec::new, |inner| inner.split(" | ").collect())
}

fn row(cells: &[&str]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// Whether a word is an id of a kind that has tables: `S-45b`, `O-14`, `G-2`, `M-101`, `I-S21`, `W7`.
fn is_id(word: &str) -> bool {
    let numbered = |kind: &&str| word.strip_prefix(*kind);
    let Some(number) = ["I-S", "I-L", "S-", "O-", "G-", "M-", "W"].iter().find_map(numbered) else { return false };
    let digits = number.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let is_scenario = word.starts_with("S-");
    let is_number = digits.len() > usize::from(is_scenario) && digits.chars().all(|c| c.is_ascii_digit());
    is_number && number.len() - digits.len() <= usize::from(is_scenario)
}

/// The ids that the pages have rows for.
fn rows() -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for entry in std::fs::read_dir(docs()).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let firsts = text.lines().filter_map(|line| cells(line).first().copied()).filter(|cell| is_id(cell));
        ids.extend(firsts.map(str::to_owned));
    }
    ids
}

fn ids_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '-'));
    words.filter(|word| is_id(word)).map(str::to_owned).collect()
}

/// A page with its columns and tables written from the source.
fn current(name: &str) -> String {
    let text = page(name);
    match name {
        "mutations.md" => with_table(&with_table(&text, "| id |", &mutations()), "| named |", &missed()),
        "hooks.md" => with_table(&text, "| point |", &points()),
        "constants.md" => with_rows(&text, |cells| {
            let [constant, file, _, bounds] = cells else { return None };
            let value = constant_of(file.trim_matches('`'), constant.trim_matches('`'))?;
            Some(row(&[constant, file, &format!("`{value}`"), bounds]))
        }),
        "transitions.md" => with_rows(&text, |cells| {
            let [change, _] = cells else { return None };
            Some(row(&[change, &steps_of(change)?]))
        }),
        _ => {
            let sources = sources("engine/src");
            let of_tests = sources_of_tests(name);
            with_rows(&text, |cells| {
                let (_, rest) = cells.split_last()?;
                let id = rest.first().filter(|id| is_id(id))?;
                let mut files = files_with(&sources, |text| cites(text, id));
                files.extend(files_with(&of_tests, |text| cites(text, id)));
                Some(row(&[rest, &[listed(files).as_str()]].concat()))
            })
        }
    }
}

/// Invariants are looked at by tests too.
fn sources_of_tests(name: &str) -> BTreeMap<String, String> {
    let mut tests = if name == "invariants.md" { sources("engine/tests") } else { BTreeMap::new() };
    tests.retain(|name, _| !OF_TABLES.contains(&name.as_str()));
    tests
}

/// A page with each row replaced for which there is another one.
fn with_rows(text: &str, other: impl Fn(&[&str]) -> Option<String>) -> String {
    let lines = text.lines().map(|line| other(&cells(line)).unwrap_or_else(|| line.to_owned()));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// A page with the rows of one table replaced.
fn with_table(text: &str, head: &str, rows: &[String]) -> String {
    let (mut lines, mut is_inside) = (Vec::new(), false);
    for line in text.lines() {
        is_inside = if is_inside { line.starts_with('|') } else { line.starts_with(head) };
        let is_head = line.starts_with(head) || line.starts_with("| ---");
        if !is_inside || is_head {
            lines.push(line);
        }
        if is_inside && line.starts_with("| ---") {
            lines.extend(rows.iter().map(String::as_str));
        }
    }
    lines.join("\n") + "\n"
}

fn mutations() -> Vec<String> {
    let sources = sources("engine/src");
    let of = |mutation: &Mutation| {
        let switch = format!("mutant!({mutation:?})");
        let files = listed(files_with(&sources, |text| text.contains(&switch)));
        let scenarios: Vec<&str> = mutation.caught_by().collect();
        row(&[mutation.id(), mutation.bug(), &files, &scenarios.join(", ")])
    };
    Mutation::ALL.iter().map(of).collect()
}

fn missed() -> Vec<String> {
    MISSED.iter().map(|(bug, scenario, why)| row(&[scenario, bug.id(), why])).collect()
}

/// The named points, with the tests that know of them.
fn points() -> Vec<String> {
    let (mut sources, tests) = (sources("engine/src"), sources("engine/tests"));
    // Its comment has an example.
    sources.remove("engine/src/failpoint.rs");
    let mut names = BTreeSet::new();
    for text in sources.values() {
        for call in ["failpoint!(\"", "reach!(self, \""] {
            names.extend(text.split(call).skip(1).filter_map(|rest| rest.split('"').next()));
        }
    }
    let of = |name: &&str| {
        let quoted = format!("\"{name}\"");
        let in_files = |files| listed(files_with(files, |text| text.contains(&quoted)));
        row(&[&format!("`{name}`"), &in_files(&sources), &in_files(&tests)])
    };
    names.iter().map(of).collect()
}

/// The value of a constant, as the source has it.
fn constant_of(file: &str, constant: &str) -> Option<String> {
    let text = std::fs::read_to_string(root().join(file)).ok()?;
    let declared = text.split(&format!("const {constant}: ")).nth(1)?;
    let value = declared.split_once("= ")?.1.split(';').next()?;
    Some(value.trim_start_matches("Duration::").to_owned())
}

/// What this server, 1, does about a change.
fn steps_of(change: &str) -> Option<String> {
    let group = |name: &str, peers: &[u64]| {
        RaftGroup::fresh(GroupName::new(name), peers.iter().copied().map(ServerId).collect())
    };
    let (one, three) = (group("a", &[1]), group("a", &[1, 2, 3]));
    let (next_one, next_three) = (group("b", &[1]), group("b", &[1, 2, 3]));
    let founded = RaftGroup { founders: vec![ServerId(1)], ..three.clone() };
    let elsewhere = group("a", &[2, 3, 4]);
    let at = |group, created_ns| Some(Placement { group, created_ns });
    let (old, new, exists) = match change {
        "created with one replica" => (None, at(&one, 1), false),
        "created with three replicas" => (None, at(&three, 1), false),
        "created on the server whose data the group begins with" => (None, at(&founded, 1), false),
        "created elsewhere" => (None, at(&elsewhere, 1), false),
        "another configuration" => (at(&three, 1), at(&three, 1), true),
        "remap: the group has another name" => (at(&three, 1), at(&next_three, 1), true),
        "one replica to three" => (at(&one, 1), at(&next_three, 1), true),
        "three replicas to one, which stays here" => (at(&three, 1), at(&next_one, 1), true),
        "this server is no member any more" => (at(&three, 1), at(&elsewhere, 1), true),
        "deleted" => (at(&three, 1), None, true),
        "deleted and created again under the name" => (at(&three, 1), at(&next_one, 2), true),
        _ => return None,
    };
    let steps = plan(ServerId(1), old, new, exists);
    let words: Vec<String> = steps.iter().map(|step| format!("{step:?}")).collect();
    Some(if words.is_empty() { "none".to_owned() } else { words.join(" → ") })
}

#[test]
fn the_pages_are_those_of_the_source() {
    let generated = ["mutations.md", "hooks.md", "constants.md", "transitions.md"];
    for name in generated.iter().chain(CITED) {
        let (text, current) = (page(name), current(name));
        if std::env::var_os(BLESS).is_some() {
            std::fs::write(docs().join(name), current).unwrap();
            continue;
        }
        let n_lines = (text.lines().count(), current.lines().count());
        let stale = text.lines().zip(current.lines()).find(|(old, new)| old != new);
        let how = "run `INTERLOCK_BLESS=1 cargo test -p interlock-engine --test tables` and read what changes";
        assert_eq!(stale, None, "{name}: {how}");
        assert_eq!(n_lines.0, n_lines.1, "{name}: {how}");
    }
}

#[test]
fn no_column_from_the_source_is_empty() {
    let with_dash = |name: &str| {
        let text = page(name);
        let is_empty = |line: &&str| {
            let cells = cells(line);
            cells.first().is_some_and(|id| is_id(id)) && cells.last() == Some(&"–")
        };
        text.lines().filter(is_empty).map(|line| cells(line)[0].to_owned()).collect::<Vec<_>>()
    };
    for name in ["orderings.md", "gaps.md", "write-errors.md"] {
        assert_eq!(with_dash(name), Vec::<String>::new(), "{name}: rows that no source file cites");
    }
}

#[test]
fn an_id_that_is_cited_has_a_row() {
    let mut rows = rows();
    // What has no id, and what is for a client of another project.
    rows.extend(["S-00", "S-115"].map(str::to_owned));
    let mut dangling = Vec::new();
    let mut files = sources("engine/src");
    files.append(&mut sources("engine/tests"));
    for entry in std::fs::read_dir(docs()).unwrap() {
        let path = entry.unwrap().path();
        files.insert(path.to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap());
    }
    for (name, text) in files.iter().filter(|(name, _)| !OF_TABLES.contains(&name.as_str())) {
        dangling.extend(ids_in(text).into_iter().filter(|id| !rows.contains(id)).map(|id| format!("{name}: {id}")));
    }
    assert_eq!(dangling, Vec::<String>::new());
}

#[test]
fn a_file_that_a_page_names_is_there() {
    let root = root();
    for entry in std::fs::read_dir(docs()).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let named = text.split('`').skip(1).step_by(2).filter(|code| is_path(code));
        let missing: Vec<&str> = named.filter(|code| !root.join(code).exists()).collect();
        assert_eq!(missing, Vec::<&str>::new(), "{}", path.display());
    }
}

fn is_path(code: &str) -> bool {
    ["engine/", "tests/", "sync/"].iter().any(|folder| code.starts_with(folder)) && !code.contains([' ', '*', '<'])
}

#[test]
fn ids_are_found_and_told_apart() {
    let text = "S-45b and O-14, not O-1; (I-S21) `M-101` W2 S- 7 GS-1 S-12abc W12b M61 Worker S-1";
    let expected = ["I-S21", "M-101", "O-1", "O-14", "S-45b", "W2"];
    assert_eq!(ids_in(text), expected.map(str::to_owned).into());
    assert!(cites("kept (O-1)", "O-1") && !cites("kept (O-14)", "O-1") && !cites("I-S1", "S1"));
}
