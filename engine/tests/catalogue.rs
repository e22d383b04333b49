//! The table of scenarios, `docs/engine/scenarios.md`, against the scenarios themselves and the bugs that they catch.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use interlock_engine::mutation::{MISSED, Mutation};

/// Scenarios that are tests of their own, with sockets, processes or seeds: id, file, test, the bug that it catches.
const TESTS_OF_THEIR_OWN: &[(&str, &str, &str, Option<&str>)] = &[
    ("S-106", "sockets/start", "s_106_listeners_are_bound_before_a_leader_is_waited_for", None),
    ("S-106", "sockets/start", "s_106_is_missed_when_a_leader_is_waited_for_first", Some("M-117")),
    ("S-106", "processes", "s_106_a_cluster_gets_no_leader_when_listeners_wait_for_one", Some("M-117")),
    ("S-113", "simulation", "no_seed_breaks_a_promise", None),
];
/// Set, it has the columns of the table written that come from the scenarios.
const BLESS: &str = "INTERLOCK_BLESS";

/// Beside [`BLESS`]: a file with what a run of the tests said, from which the verdicts are written.
const RUN: &str = "INTERLOCK_RUN";
/// The verdict of a row whose tests changed since the run that the verdicts are of.
const NOT_RUN: &str = "not run";

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
    /// The lines that a run must have.
    lines: Vec<String>,
}

impl Row {
    /// What a run says, if it had all of its tests: it holds where each does, as shipped and with each bug.
    fn verdict(&self, run: &BTreeMap<&str, bool>) -> Option<String> {
        let found: Vec<(&String, Option<&bool>)> =
            self.lines.iter().map(|line| (line, run.get(line.as_str()))).collect();
        let failed: Vec<String> =
            found.iter().filter(|(_, is_ok)| *is_ok == Some(&false)).map(|(line, _)| format!("`{line}`")).collect();
        if !failed.is_empty() {
            return Some(format!("fails: {}", failed.join(", ")));
        }
        let is_whole = !found.is_empty() && found.iter().all(|(_, is_ok)| is_ok.is_some());
        let verdict = if self.mutations.is_empty() { "holds" } else { "holds, and fails with each bug" };
        is_whole.then(|| verdict.to_owned())
    }
}

/// The tests of a run and whether each was well.
fn results(run: &str) -> BTreeMap<&str, bool> {
    let lines = run.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "));
    lines.map(|(name, said)| (name, said.starts_with("ok"))).collect()
}

impl Scenario {
    /// What a run calls its tests: one as shipped and one for each bug; a test of its own is one.
    fn lines(&self) -> Vec<String> {
        if let Some((_, file, test, _)) = TESTS_OF_THEIR_OWN.iter().find(|(_, _, test, _)| self.test.ends_with(test)) {
            let module = file.split_once('/').map(|(_, module)| format!("{module}::")).unwrap_or_default();
            return vec![format!("{module}{test}")];
        }
        let bugs = self.mutations.iter().map(|bug| bug.replace('-', ""));
        std::iter::once("shipped".to_owned()).chain(bugs).map(|last| format!("{}::{last}", self.test)).collect()
    }
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
        let lines = scenario.lines();
        let row = rows.entry(scenario.id).or_default();
        let append = |column: &mut String, text: String| {
            if !column.contains(&text) {
                column.push_str(if column.is_empty() { "" } else { ", " });
                column.push_str(&text);
            }
        };
        append(&mut row.tests, format!("`{}`", scenario.test));
        row.lines.extend(lines);
        for mutation in scenario.mutations {
            append(&mut row.mutations, mutation);
        }
    }
    rows
}

/// The table with the columns that come from the scenarios; what else is on the page stays. A verdict that the run says
/// nothing of stays as long as its tests do.
fn with_columns(page: &str, rows: &BTreeMap<String, Row>, run: Option<&BTreeMap<&str, bool>>) -> String {
    let mut lines = Vec::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        match cells.as_slice() {
            ["", id, what, tests, mutations, verdict, ""] if id.starts_with("S-") => {
                let row = rows.get(*id).cloned().unwrap_or_default();
                let or_dash = |column: &str| if column.is_empty() { "–".to_owned() } else { column.to_owned() };
                let columns = [or_dash(&row.tests), or_dash(&row.mutations)];
                let stays = if columns == [*tests, *mutations] { *verdict } else { NOT_RUN };
                let verdict = run.and_then(|run| row.verdict(run)).unwrap_or_else(|| stays.to_owned());
                lines.push(format!("| {id} | {what} | {} | {verdict} |", columns.join(" | ")));
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
fn every_bug_is_caught_by_each_scenario_that_it_names() {
    let scenarios = scenarios();
    let catches = |bug: Mutation, id: &str| {
        scenarios.iter().any(|scenario| scenario.id == id && scenario.mutations.iter().any(|of| of == bug.id()))
    };
    let pairs = |bug: &Mutation| bug.caught_by().map(|id| (*bug, id)).collect::<Vec<_>>();
    let mut must = Mutation::ALL.iter().flat_map(pairs);
    assert_eq!(must.find(|(bug, id)| !catches(*bug, id)), None, "the scenario does not catch the bug that names it");
    for (bug, id, _) in MISSED {
        assert!(bug.names().any(|named| named == *id), "{bug} does not name {id}");
        assert!(!catches(*bug, id), "{id} catches {bug}, and is listed among those that do not");
    }
}

#[test]
fn the_table_is_that_of_the_scenarios() {
    let path = root().join("docs/engine/scenarios.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let run = std::env::var_os(RUN).map(|file| std::fs::read_to_string(file).unwrap());
    let current = with_columns(&page, &rows(), run.as_deref().map(results).as_ref());
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, &current).unwrap();
        return;
    }
    let stale = page.lines().zip(current.lines()).find(|(old, new)| old != new);
    assert_eq!(stale, None, "run `{BLESS}=1 cargo test -p interlock-engine --test catalogue` and read what changes");
    let is_bad = |line: &&str| line.starts_with("| S-") && !line.ends_with("| holds |") && !line.ends_with("bug |");
    assert_eq!(page.lines().find(is_bad), None, "its verdict; `{RUN}` names the output of a run of the tests");
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
    let page = "# Page\n| id | what | test | catches | verdict |\n| S-01 | a remap | old | M-99 | holds |\n| S-02 | another | old | | |\n";
    let lines = ["x::s_1::shipped", "x::s_1::M01"].map(str::to_owned).to_vec();
    let row = Row { tests: "`x::s_1`".to_owned(), mutations: "M-01".to_owned(), lines };
    let rows = BTreeMap::from([("S-01".to_owned(), row)]);
    let with_verdict = |verdict: &str| {
        format!(
            "# Page\n| id | what | test | catches | verdict |\n| S-01 | a remap | `x::s_1` | M-01 | {verdict} |\n\
             | S-02 | another | – | – | not run |\n"
        )
    };
    let stale = with_columns(page, &rows, None);
    assert_eq!(stale, with_verdict("not run"));
    let ran = results("running 2 tests\ntest x::s_1::shipped ... ok\ntest x::s_1::M01 ... ok\n");
    let whole = with_columns(&stale, &rows, Some(&ran));
    assert_eq!(whole, with_verdict("holds, and fails with each bug"));
    assert_eq!(with_columns(&whole, &rows, None), whole, "a verdict stays as long as its tests do");
    let failed = results("test x::s_1::shipped ... ok\ntest x::s_1::M01 ... FAILED\n");
    assert_eq!(with_columns(&whole, &rows, Some(&failed)), with_verdict("fails: `x::s_1::M01`"));
    let in_part = results("test x::s_1::shipped ... ok\n");
    assert_eq!(with_columns(&stale, &rows, Some(&in_part)), with_verdict("not run"));
}
