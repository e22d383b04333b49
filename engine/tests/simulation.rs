//! The cluster under seeds: clients, an operator and faults, and nothing that was promised is broken.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use interlock_engine::mutation::{self, Mutation};
use interlock_engine::sim::plan::{self, Failure, Figures};

fn run(seed: u64) -> Result<Figures, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(plan::run(seed))
}

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
        match run(*seed) {
            Ok(figures) => {
                total.n_sent += figures.n_sent;
                total.n_acknowledged += figures.n_acknowledged;
                total.n_faults += figures.n_faults;
                total.n_deliveries += figures.n_deliveries;
            }
            Err(Failure { violation, log }) => {
                panic!("seed {seed}: {violation}\nINTERLOCK_SEED={seed} replays it\n{}", log.join("\n"))
            }
        }
    }
    // A run in which nothing gets through proves nothing.
    assert!(total.n_acknowledged * 2 > total.n_sent, "{total:?}");
    assert!(total.n_faults as u64 > 5 * seeds.len() as u64, "{total:?}");
}

#[test]
fn a_seed_replays() {
    assert_eq!(run(3).map_err(|failure| failure.log), run(3).map_err(|failure| failure.log));
}

/// The first seed that shows a bug.
fn found_at(bug: Mutation, limit: u64) -> Option<u64> {
    mutation::set(Some(bug));
    let found = (0..limit).find(|seed| run(*seed).is_err());
    mutation::set(None);
    found
}

#[test]
fn lost_promises_are_seen() {
    for bug in [Mutation::M61, Mutation::M110, Mutation::M112] {
        assert!(found_at(bug, 100).is_some(), "{bug} is not found in 100 seeds");
    }
}
