//! The cluster under seeds: clients, an operator and faults, and nothing that was promised is broken.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use interlock_engine::mutation::Mutation;
use interlock_engine::sim::plan::Figures;
use interlock_sync::lock::Mutex;

mod runner;

use runner::run;

/// Runs of a test that go on side by side: those whose thread hangs are waited for.
const N_AT_A_TIME: usize = 4;

/// Seeds of a run of the tests: a few on each change, all of them for an acceptance.
fn n_seeds() -> u64 {
    if std::env::var("INTERLOCK_SCALE").as_deref() == Ok("full") { 2_000 } else { 40 }
}

/// One seed, from the environment: to look at it again.
fn replayed() -> Option<u64> {
    std::env::var("INTERLOCK_SEED").ok()?.parse().ok()
}

fn print_logs() {
    if let Ok(filter) = std::env::var("INTERLOCK_LOG") {
        let subscriber = tracing_subscriber::fmt().without_time().with_env_filter(filter).with_test_writer();
        // Another test of the process has set it.
        let _already = subscriber.try_init();
    }
}

/// Does the work with each of the items, a few at a time. The results come as they are done.
fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (left, done) = (Mutex::new(items.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let look = || {
            while let Some(item) = { left.lock().next() } {
                let result = work(item);
                done.lock().push(result);
            }
        };
        (0..N_AT_A_TIME).for_each(|_| drop(scope.spawn(look)));
    });
    done.into_inner()
}

#[test]
fn no_seed_breaks_a_promise() {
    print_logs();
    let seeds: Vec<u64> = replayed().map_or_else(|| (0..n_seeds()).collect(), |seed| vec![seed]);
    let mut total = Figures::default();
    let mut runs = side_by_side(&seeds, |seed| (*seed, run(*seed, None)));
    runs.sort_by_key(|(seed, _)| *seed);
    for (seed, result) in runs {
        match result {
            Ok(figures) => total.add(figures),
            Err((what, log)) => panic!("seed {seed}: {what}\nINTERLOCK_SEED={seed} replays it\n{}", log.join("\n")),
        }
    }
    // A run in which nothing gets through proves nothing.
    assert!(total.n_acknowledged * 2 > total.n_sent, "{total:?}");
    assert!(total.n_faults as u64 > 5 * seeds.len() as u64, "{total:?}");
}

/// A row of the table: a bug, the first seed that shows it, and how.
struct Row {
    bug: Mutation,
    seed: u64,
    violation: &'static str,
}

fn rows() -> Vec<Row> {
    let table = include_str!("../../../docs/engine/simulation.md");
    let row = |line: &'static str| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.splitn(3, " | ");
        Some(Row { bug: cells.next()?.parse().ok()?, seed: cells.next()?.parse().ok()?, violation: cells.next()? })
    };
    table.lines().filter_map(row).collect()
}

/// What is wrong with a row, where something is: its seed must hold as shipped, and show the bug in the way that it says.
fn wrong(Row { bug, seed, violation }: &Row) -> Option<String> {
    if let Err((without, _)) = run(*seed, None) {
        return Some(format!("seed {seed} without {bug}: {without}"));
    }
    match run(*seed, Some(*bug)) {
        Ok(_) => Some(format!("seed {seed} does not see {bug}")),
        Err((seen, _)) => (seen.lines().next() != Some(violation)).then(|| format!("| {bug} | {seed} | {seen} |")),
    }
}

#[test]
fn each_bug_of_the_table_is_seen_by_its_seed() {
    let all = rows();
    assert!(all.len() >= 40, "{} bugs are in the table", all.len());
    let mut found: Vec<String> = side_by_side(&all, wrong).into_iter().flatten().collect();
    found.sort();
    assert!(found.is_empty(), "`simulate find 1000` makes the table anew:\n{}", found.join("\n"));
}
