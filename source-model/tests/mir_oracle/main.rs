//! The compiler as oracle for guard scopes: at every marker of the fixtures in `tests/scopes/` the held set is the one
//! that `rustc --emit=mir` gives, in editions 2021 and 2024.
//!
//! The compiler's answers are kept beside the fixtures, so that a compiler whose MIR reads otherwise still leaves
//! something to compare with. `INTERLOCK_BLESS=1` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod library;
mod ours;
mod parse;
mod rustc;
mod walk;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use interlock_source::Edition;
use walk::Answer;

/// Answers by function and marker.
pub(crate) type Answers = BTreeMap<String, BTreeMap<u32, Answer>>;

const EDITIONS: [(Edition, &str); 2] = [(Edition::E2021, "2021"), (Edition::E2024, "2024")];

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scopes")
}

/// The fixtures of an edition as one crate: a module a file. `since_2024.rs` needs that edition.
pub(crate) fn crate_text(year: &str) -> String {
    let mut text = String::from("#![allow(warnings)]\n");
    for (name, content) in fixture_files() {
        if name == "since_2024" && year != "2024" {
            continue;
        }
        // Headers cannot stand within a file.
        let body: String = content
            .lines()
            .filter(|line| !line.starts_with("//!"))
            .fold(String::new(), |text, line| text + line + "\n");
        writeln!(text, "pub mod {name} {{\n{body}}}").unwrap();
    }
    text
}

fn fixture_files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    files.sort();
    files
}

fn snapshot_path(year: &str) -> PathBuf {
    fixtures().join(format!("answers-{year}.txt"))
}

#[test]
fn the_scopes_are_those_of_the_compiler() {
    let mut problems = Vec::new();
    for (edition, year) in EDITIONS {
        let text = crate_text(year);
        let expected = expected(year, &text, &mut problems);
        let found = ours::answers(&text, edition);
        problems.extend(differences(&expected, &found).into_iter().map(|line| format!("{year} {line}")));
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

#[expect(clippy::print_stderr, reason = "a test says what it compared with")]
fn note(text: &str) {
    eprintln!("note: {text}; compared with the kept answers");
}

/// The compiler's answers: of the compiler at hand, held against those that are kept.
fn expected(year: &str, text: &str, problems: &mut Vec<String>) -> Answers {
    let version = rustc::version();
    let fresh = rustc::answers(text, year);
    if std::env::var_os("INTERLOCK_BLESS").is_some() {
        std::fs::write(
            snapshot_path(year),
            show(&version, fresh.as_ref().unwrap_or_else(|problem| panic!("{problem}"))),
        )
        .unwrap();
    }
    let (kept_of, kept) = read(&std::fs::read_to_string(snapshot_path(year)).unwrap());
    match fresh {
        Ok(fresh) if kept_of == version => {
            let lines = differences(&fresh, &kept);
            problems.extend(lines.into_iter().map(|line| format!("{year}, fresh against kept: {line}")));
        }
        Ok(fresh) if fresh == kept => {}
        Ok(_) => note(&format!("{version} answers otherwise than {kept_of}")),
        Err(problem) if kept_of == version => problems.push(format!("{year}: {problem}")),
        Err(problem) => note(&format!("the MIR of {version} was not read ({problem})")),
    }
    kept
}

/// `function marker`, what is expected, what was found.
fn differences(expected: &Answers, found: &Answers) -> Vec<String> {
    let flat = |answers: &Answers| -> BTreeMap<(String, u32), String> {
        let each = answers.iter().flat_map(|(function, markers)| {
            markers.iter().map(|(marker, answer)| ((function.clone(), *marker), show_answer(answer)))
        });
        each.collect()
    };
    let (expected, found) = (flat(expected), flat(found));
    let absent = || "not reached".to_owned();
    let keys: std::collections::BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let lines = keys.into_iter().filter(|key| expected.get(*key) != found.get(*key)).map(|key| {
        let of = |answers: &BTreeMap<(String, u32), String>| answers.get(key).cloned().unwrap_or_else(absent);
        format!("{}, marker {}: the compiler says `{}`, we say `{}`", key.0, key.1, of(&expected), of(&found))
    });
    lines.collect()
}

fn show_answer(answer: &Answer) -> String {
    if answer.is_empty() {
        return "free".to_owned();
    }
    let locks = answer.iter().map(|(lock, must)| if *must { lock.clone() } else { format!("{lock}?") });
    locks.collect::<Vec<_>>().join("+")
}

fn read_answer(text: &str) -> Answer {
    let locks = text.split('+').filter(|lock| *lock != "free");
    locks.map(|lock| (lock.trim_end_matches('?').to_owned(), !lock.ends_with('?'))).collect()
}

fn show(version: &str, answers: &Answers) -> String {
    let mut text = format!("{version}\n");
    for (function, markers) in answers {
        let markers = markers.iter().map(|(marker, answer)| format!(" {marker}:{}", show_answer(answer)));
        writeln!(text, "{function}{}", markers.collect::<String>()).unwrap();
    }
    text
}

fn read(text: &str) -> (String, Answers) {
    let mut lines = text.lines();
    let version = lines.next().unwrap().to_owned();
    let answers = lines.map(|line| {
        let (function, markers) = line.split_once(' ').unwrap();
        let markers = markers.split(' ').map(|marker| {
            let (number, answer) = marker.split_once(':').unwrap();
            (number.parse().unwrap(), read_answer(answer))
        });
        (function.to_owned(), markers.collect())
    });
    (version, answers.collect())
}

#[test]
fn each_fixture_has_markers_of_its_own() {
    let mut n_functions = 0;
    let mut names = std::collections::BTreeSet::new();
    for (name, content) in fixture_files() {
        for function in
            content.split("\npub ").skip(1).filter(|text| text.contains("at::<") || text.contains("wait::<"))
        {
            let mut markers = Vec::new();
            for mark in ["at::<", "wait::<"] {
                markers.extend(function.match_indices(mark).map(|(at, _)| &function[at + mark.len()..][..3]));
            }
            let numbers: Vec<&str> = markers.iter().filter_map(|text| text.split('>').next()).collect();
            let mut known = numbers.clone();
            known.sort_unstable();
            known.dedup();
            let head = function.lines().next().unwrap_or_default();
            assert_eq!(known.len(), numbers.len(), "{name}: a marker twice in `{head}`");
            // The compiler leaves out the modules of names that are alone.
            let name = head.split("fn ").nth(1).and_then(|rest| rest.split('(').next()).unwrap_or_default();
            assert!(names.insert(name.to_owned()), "`{name}` twice");
            n_functions += 1;
        }
    }
    assert!(n_functions >= 90, "{n_functions} fixtures");
}
