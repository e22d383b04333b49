//! The table of scenarios, `docs/engine/scenarios.md`, against the scenarios themselves and the bugs that they catch.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use interlock_engine::mutation::Mutation;

/// Scenarios that are tests of their own, with sockets, processes or seeds: id, file, test, the bug that it catches.
const TESTS_OF_THEIR_OWN: &[(&str, &str, &str, Option<&str>)] = &[
    ("S-106", "sockets/start", "s_106_listeners_are_bound_before_a_leader_is_waited_for", None),
    ("S-106", "sockets/start", "s_106_is_missed_when_a_leader_is_waited_for_first", Some("M-117")),
    ("S-106", "processes", "s_106_a_cluster_gets_no_leader_when_listeners_wait_for_one", Some("M-117")),
    ("S-113", "simulation", "no_seed_breaks_a_promise", None),
];
/// Set, it has the columns of the table written that come from the scenarios.
const BLESS: &str = "INTERLOCK_BLESS";

/// A `scenario!` as it stands in its file.
#[derive(Debug, PartialEq)]
struct Scenario {
    id: String,
    test: String,
    mutations: Vec<String>,
}

/// What the table says of an id in the columns that come from the scenarios.
#[derive(Clone, Debug, Default, PartialEq)]
struct Row {
    tests: String,
    mutations: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The ids of the specification, in its order; S-115 is for a client of another project.
fn ids() -> Vec<String> {
    let mut ids = Vec::new();
    for number in 1..=114 {
        ids.push(format!("S-{number:02}"));
        if number == 45 {
            ids.extend(('b'..='i').map(|letter| format!("S-45{letter}")));
        }
    }
    ids
}

/// Reads the declarations of a file: name, id, and the ids of the mutations in the brackets.
fn parse(module: &str, text: &str) -> Vec<Scenario> {
    let mut found = Vec::new();
    for declaration in text.split("\nscenario!(").skip(1) {
        let (name, rest) = declaration.split_once(',').unwrap();
        let id = rest.split('"').nth(1).unwrap().to_owned();
        // Without what is in quotes: a symptom may say anything.
        let unquoted: String = rest.split('"').step_by(2).collect();
        let brackets = unquoted.split_once('[').unwrap().1.split_once(']').unwrap().0;
        let words = brackets.split(|c: char| !c.is_alphanumeric());
        let numbers = words.filter_map(|word| word.strip_prefix('M')).filter(|digits| digits.parse::<u16>().is_ok());
        let mutations = numbers.map(|number| format!("M-{number}")).collect();
        found.push(Scenario { id, test: format!("{module}::{}", name.trim()), mutations });
    }
    found
}

/// A test of its own: it has to be in its file, and to put its bug back.
fn test_of_its_own((id, file, test, mutation): &(&str, &str, &str, Option<&str>)) -> Scenario {
    let places = [format!("engine/tests/{file}.rs"), format!("engine/tests/{file}/main.rs")];
    let text = places.iter().find_map(|place| std::fs::read_to_string(root().join(place)).ok()).unwrap();
    let body = text.split_once(&format!("fn {test}()")).unwrap_or_else(|| panic!("{file}.rs has no test {test}")).1;
    let body = body.split("\n}\n").next().unwrap();
    let puts_back = |bug: &str| body.contains(bug) || body.contains(&bug.replace('-', ""));
    assert!(mutation.is_none_or(puts_back), "{test} does not put {mutation:?} back");
    let test = format!("{}::{test}", file.replace('/', "::"));
    Scenario { id: (*id).to_owned(), test, mutations: mutation.iter().map(|bug| (*bug).to_owned()).collect() }
}

fn scenarios() -> Vec<Scenario> {
    let folder = root().join("engine/tests/scenarios");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let of = |path: &PathBuf| {
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        parse(&module, &std::fs::read_to_string(path).unwrap())
    };
    paths.iter().flat_map(of).chain(TESTS_OF_THEIR_OWN.iter().map(test_of_its_own)).collect()
}

fn rows() -> BTreeMap<String, Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for scenario in scenarios() {
        let row = rows.entry(scenario.id).or_default();
        let append = |column: &mut String, text: String| {
            if !column.contains(&text) {
                column.push_str(if column.is_empty() { "" } else { ", " });
                column.push_str(&text);
            }
        };
        append(&mut row.tests, format!("`{}`", scenario.test));
        for mutation in scenario.mutations {
            append(&mut row.mutations, mutation);
        }
    }
    rows
}

/// The table with the columns that come from the scenarios; what else is on the page stays.
fn with_columns(page: &str, rows: &BTreeMap<String, Row>) -> String {
    let mut lines = Vec::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        match cells.as_slice() {
            ["", id, what, _, _, ""] if id.starts_with("S-") => {
                let row = rows.get(*id).cloned().unwrap_or_default();
                let or_dash = |column: String| if column.is_empty() { "–".to_owned() } else { column };
                lines.push(format!("| {id} | {what} | {} | {} |", or_dash(row.tests), or_dash(row.mutations)));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn every_id_has_a_scenario() {
    let present: BTreeSet<String> = scenarios().into_iter().map(|scenario| scenario.id).collect();
    let missing: Vec<String> = ids().into_iter().filter(|id| !present.contains(id)).collect();
    assert!(missing.is_empty(), "without a scenario: {missing:?}");
    let known: BTreeSet<String> = ids().into_iter().chain(["S-00".to_owned()]).collect();
    // What tests a section of the specification and no row of its table has the number of the section.
    let unknown: Vec<&String> = present.difference(&known).filter(|id| id.starts_with("S-")).collect();
    assert!(unknown.is_empty(), "no such ids: {unknown:?}");
}

#[test]
fn every_bug_is_caught_by_a_scenario_that_it_names() {
    let scenarios = scenarios();
    let catches = |mutation: &Mutation| {
        let named: Vec<&str> = mutation.caught_by().collect();
        let has = |scenario: &&Scenario| scenario.mutations.iter().any(|id| id == mutation.id());
        scenarios.iter().filter(has).any(|scenario| named.contains(&scenario.id.as_str()))
    };
    let not_caught: Vec<&str> = Mutation::ALL.iter().filter(|bug| !catches(bug)).map(|bug| bug.id()).collect();
    assert!(not_caught.is_empty(), "no scenario of theirs catches {not_caught:?}");
}

#[test]
fn the_table_is_that_of_the_scenarios() {
    let path = root().join("docs/engine/scenarios.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let current = with_columns(&page, &rows());
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, &current).unwrap();
        return;
    }
    let stale = page.lines().zip(current.lines()).find(|(old, new)| old != new);
    assert_eq!(stale, None, "run `{BLESS}=1 cargo test -p interlock-engine --test catalogue` and read what changes");
    let in_table = page.lines().filter_map(|line| line.strip_prefix("| S-")?.split(' ').next());
    let in_table: Vec<String> = in_table.map(|number| format!("S-{number}")).collect();
    assert_eq!(in_table, ids(), "the rows of the table");
}

#[test]
fn a_declaration_is_read() {
    let text = "
scenario!(s_1, \"S-01\", [], async {
    Ok(())
});
scenario!(s_2_b, \"S-02\", [
    M30 => \"the [M31] => of it\",
    M44 => \"gone\",
], async { Ok(()) });
";
    let scenario = |id: &str, test: &str, mutations: &[&str]| Scenario {
        id: id.to_owned(),
        test: test.to_owned(),
        mutations: mutations.iter().map(|id| (*id).to_owned()).collect(),
    };
    let expected = [scenario("S-01", "x::s_1", &[]), scenario("S-02", "x::s_2_b", &["M-30", "M-44"])];
    assert_eq!(parse("x", text), expected);
}

#[test]
fn a_stale_column_is_replaced_and_a_row_without_a_scenario_is_shown() {
    let page = "# Page\n| id | what | test | catches |\n| S-01 | a remap | old | M-99 |\n| S-02 | another | old | |\n";
    let row = Row { tests: "`x::s_1`".to_owned(), mutations: "M-01".to_owned() };
    let rows = BTreeMap::from([("S-01".to_owned(), row)]);
    let expected =
        "# Page\n| id | what | test | catches |\n| S-01 | a remap | `x::s_1` | M-01 |\n| S-02 | another | – | – |\n";
    assert_eq!(with_columns(page, &rows), expected);
}
