//! Runs seeds of the simulated cluster: `simulate seeds FROM COUNT`, `simulate replay SEED [MUTATION]`,
//! `simulate find COUNT [MUTATION..]`.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::process::ExitCode;

use interlock_engine::mutation::{self, Mutation};
use interlock_engine::sim::plan::{self, Failure, Figures};

fn run(seed: u64) -> Result<Figures, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime of one thread needs nothing").block_on(plan::run(seed))
}

fn seeds(from: u64, count: u64) -> ExitCode {
    let mut total = Figures::default();
    for seed in from..from + count {
        match run(seed) {
            Ok(figures) => {
                total.n_sent += figures.n_sent;
                total.n_acknowledged += figures.n_acknowledged;
                total.n_faults += figures.n_faults;
                total.n_deliveries += figures.n_deliveries;
            }
            Err(failure) => {
                println!("seed {seed}: {}\n{}", failure.violation, failure.log.join("\n"));
                return ExitCode::FAILURE;
            }
        }
        if (seed - from + 1).is_multiple_of(100) {
            println!("{} seeds, {total:?}", seed - from + 1);
        }
    }
    println!("{count} seeds, no violation: {total:?}");
    ExitCode::SUCCESS
}

fn replay(seed: u64, bug: Option<Mutation>) -> ExitCode {
    mutation::set(bug);
    match run(seed) {
        Ok(figures) => {
            println!("seed {seed}: {figures:?}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("seed {seed}: {}\n{}", failure.violation, failure.log.join("\n"));
            ExitCode::FAILURE
        }
    }
}

/// For each bug the first seed that shows it, and how.
fn find(count: u64, bugs: &[Mutation]) -> ExitCode {
    let mut n_found = 0;
    for bug in bugs {
        mutation::set(Some(*bug));
        let found = (0..count).find_map(|seed| run(seed).err().map(|failure| (seed, failure)));
        mutation::set(None);
        match found {
            Some((seed, failure)) => {
                n_found += 1;
                println!("{bug} seed {seed}: {}", failure.violation.to_string().lines().next().unwrap_or_default());
            }
            None => println!("{bug} not found in {count} seeds"),
        }
    }
    println!("{n_found} of {} found", bugs.len());
    ExitCode::SUCCESS
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok());
    let bugs =
        |from: usize| -> Vec<Mutation> { arguments.iter().skip(from).filter_map(|id| id.parse().ok()).collect() };
    match (arguments.first().map(String::as_str), number(1)) {
        (Some("seeds"), Some(from)) => seeds(from, number(2).unwrap_or(100)),
        (Some("replay"), Some(seed)) => replay(seed, bugs(2).first().copied()),
        (Some("find"), Some(count)) if arguments.len() > 2 => find(count, &bugs(2)),
        (Some("find"), Some(count)) => find(count, Mutation::ALL),
        _ => {
            println!("simulate seeds FROM COUNT | replay SEED [MUTATION] | find COUNT [MUTATION..]");
            ExitCode::from(2)
        }
    }
}
