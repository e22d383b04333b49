//! `interlock-engine`: a server of the reference engine, a cluster of them on one machine, and the client's commands.
//!
//! Answers go to stdout, logs and errors to stderr.
#![allow(clippy::print_stdout, reason = "a command's answer is what it prints")]
#![allow(clippy::print_stderr, reason = "errors of a command are said on stderr")]

mod args;
mod bench;
mod cluster;
mod consume;
mod get;
mod numbered;
mod pages;
mod publish;
mod serve;
mod stream;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&cli.log).with_context(|| format!("`--log {}`", cli.log))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    interlock_sync::net::run(perform(cli.command, &cli.log)).context("failed to start the runtime")?
}

async fn perform(command: Command, log: &str) -> anyhow::Result<()> {
    match command {
        Command::Serve(args) => serve::run(&args).await,
        Command::Cluster(args) => cluster::run(&args, log).await,
        Command::Bench(args) => bench::run(&args).await,
        Command::Stream(args) => stream::run(args).await,
        Command::Publish(args) => publish::run(&args).await,
        Command::Consume(args) => consume::run(&args).await,
        Command::Get(args) => get::run(&args).await,
    }
}
