//! The cluster under seeds: clients, an operator and faults, and nothing that was promised is broken.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io;
use std::sync::Arc;

use interlock_engine::mutation::Mutation;
use interlock_engine::sim::plan::Figures;
use interlock_sync::lock::Mutex;

mod runner;

use runner::run;

/// Rows of the table that are looked at side by side.
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

#[test]
fn no_seed_breaks_a_promise() {
    print_logs();
    let seeds: Vec<u64> = replayed().map_or_else(|| (0..n_seeds()).collect(), |seed| vec![seed]);
    let mut total = Figures::default();
    for seed in &seeds {
        match run(*seed, None) {
            Ok(figures) => total.add(figures),
            Err((what, log)) => panic!("seed {seed}: {what}\nINTERLOCK_SEED={seed} replays it\n{}", log.join("\n")),
        }
    }
    // A run in which nothing gets through proves nothing.
    assert!(total.n_acknowledged * 2 > total.n_sent, "{total:?}");
    assert!(total.n_faults as u64 > 5 * seeds.len() as u64, "{total:?}");
}

/// Everything that a run of a seed logs, to the last debugging line: it has each message that was acknowledged, each
/// fault, each role and term.
fn logged(seed: u64) -> String {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let writer = {
        let lines = lines.clone();
        move || Lines(lines.clone())
    };
    let subscriber =
        tracing_subscriber::fmt().without_time().with_ansi(false).with_env_filter("interlock_engine=trace");
    let outcome = tracing::subscriber::with_default(subscriber.with_writer(writer).finish(), || run(seed, None));
    lines.lock().extend(format!("{outcome:?}").into_bytes());
    String::from_utf8(std::mem::take(&mut *lines.lock())).unwrap()
}

/// What is written, for later.
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_seed_replays_to_the_last_line_of_its_log() {
    for seed in [3, 33, 40, 41, 42, 43] {
        let (first, second) = (logged(seed), logged(seed));
        assert!(first.lines().count() > 200, "seed {seed} logs next to nothing, which says nothing");
        let parted = first.lines().zip(second.lines()).position(|(one, other)| one != other);
        assert!(first == second, "seed {seed} parts at line {parted:?}");
    }
}

/// The rows of the table: a bug, and the first seed that shows it.
fn found() -> Vec<(Mutation, u64)> {
    let table = include_str!("../../../docs/engine/simulation.md");
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?.parse().ok()?, cells.next()?.parse().ok()?))
    };
    table.lines().filter_map(row).collect()
}

#[test]
fn each_bug_of_the_table_is_seen_by_its_seed() {
    let found = found();
    assert!(found.len() >= 40, "{} bugs are in the table", found.len());
    // Those whose thread hangs are waited for: a few at a time.
    let (rows, unseen) = (Mutex::new(found.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let look = || {
            while let Some((bug, seed)) = { rows.lock().next() } {
                if run(seed, Some(bug)).is_ok() {
                    unseen.lock().push((bug, seed));
                }
            }
        };
        (0..N_AT_A_TIME).for_each(|_| drop(scope.spawn(look)));
    });
    let unseen = unseen.into_inner();
    assert!(unseen.is_empty(), "`simulate find 1000` makes the table anew; not seen: {unseen:?}");
}
