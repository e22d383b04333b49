//! Runs seeds of the simulated cluster: `simulate seeds FROM COUNT`, `simulate replay SEED [MUTATION]`,
//! `simulate find COUNT [MUTATION..]`. `INTERLOCK_LOG=info` prints what the engine logs.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::io::Write;
use std::process::ExitCode;

use interlock_engine::mutation::Mutation;
use interlock_engine::sim::plan::Figures;

#[path = "../tests/simulation/runner.rs"]
mod runner;

use runner::run;

fn say(text: &str) {
    println!("{text}");
    // Where it goes to a file, it is there when somebody looks. A reader who has left does not matter.
    let _gone = std::io::stdout().flush();
}

fn seeds(from: u64, count: u64) -> ExitCode {
    let (mut total, mut n_broken) = (Figures::default(), 0);
    for seed in from..from.saturating_add(count) {
        match run(seed, None) {
            Ok(figures) => total.add(figures),
            Err((what, _)) => {
                n_broken += 1;
                say(&format!("seed {seed}: {what}"));
            }
        }
        if (seed - from + 1).is_multiple_of(100) {
            say(&format!("{} seeds, {n_broken} violations, {total:?}", seed - from + 1));
        }
    }
    say(&format!("{count} seeds from {from}, {n_broken} violations: {total:?}"));
    if n_broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn replay(seed: u64, bug: Option<Mutation>) -> ExitCode {
    match run(seed, bug) {
        Ok(figures) => {
            say(&format!("seed {seed}: {figures:?}"));
            ExitCode::SUCCESS
        }
        Err((what, log)) => {
            say(&format!("seed {seed}: {what}\n{}", log.join("\n")));
            ExitCode::FAILURE
        }
    }
}

/// For each bug the first seed that shows it, and how.
fn find(count: u64, bugs: &[Mutation]) -> ExitCode {
    let mut n_found = 0;
    for bug in bugs {
        // A seed that is broken without the bug shows nothing.
        let shows = |seed| run(seed, Some(*bug)).err().filter(|_| run(seed, None).is_ok());
        let found = (0..count).find_map(|seed| Some((seed, shows(seed)?.0)));
        match found {
            Some((seed, what)) => {
                n_found += 1;
                say(&format!("| {bug} | {seed} | {} |", what.lines().next().unwrap_or_default()));
            }
            None => say(&format!("| {bug} | none of {count} | |")),
        }
    }
    say(&format!("{n_found} of {} found", bugs.len()));
    ExitCode::SUCCESS
}

fn print_logs() {
    if let Ok(filter) = std::env::var("INTERLOCK_LOG") {
        tracing_subscriber::fmt().without_time().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
}

fn main() -> ExitCode {
    print_logs();
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
            say("simulate seeds FROM COUNT | replay SEED [MUTATION] | find COUNT [MUTATION..]");
            ExitCode::from(2)
        }
    }
}
