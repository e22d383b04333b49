//! `cargo interlock`: arguments in, exit code out. The work is done by the libraries.

mod args;
mod audit;
mod check;
mod config;
mod documents;
mod exit_code;
mod explain;
mod graph;
mod model;
mod model_failures;
mod model_overlay;
mod model_progress;
mod output;
mod run;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::exit_code::{Outcome, of_error};

fn main() -> ExitCode {
    // A panic is our bug: say so, and leave with the code that means it.
    let outcome = std::panic::catch_unwind(|| run(&arguments()));
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(_) => Outcome::Internal.into(),
    }
}

/// Cargo calls `cargo-interlock interlock ..`; called directly, the word is missing.
fn arguments() -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|word| word == "interlock") {
        arguments.remove(1);
    }
    arguments
}

fn run(arguments: &[std::ffi::OsString]) -> Outcome {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Clap writes help to stdout and errors to stderr; a closed pipe is no error of ours.
            let _ = error.print();
            return if error.use_stderr() { Outcome::Usage } else { Outcome::Clean };
        }
    };
    let result = match cli.command {
        None => check::run(&cli.check),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Graph(args)) => graph::run(&args),
        Some(Command::Audit(args)) => audit::run(&args),
        Some(Command::Model(args)) => model::run(&args),
        Some(Command::Explain(args)) => explain::explain(&args.lint),
        Some(Command::Lints) => explain::list(),
    };
    result.unwrap_or_else(|error| {
        output::complain(&format!("error: {error:#}"));
        of_error(&error)
    })
}
