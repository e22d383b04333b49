//! Prints how many entries a second a raft group of three agrees on. The folder of the logs is the first argument.
#![allow(clippy::print_stdout, reason = "an example reports on the terminal")]

use std::path::PathBuf;
use std::time::Duration;

use interlock_engine::bench::raft::{COLUMNS, Load, alone, group};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let load = |window| Load { window, entry_bytes: 128, duration: Duration::from_secs(3) };
    println!("raft alone, three nodes on one thread, no I/O\n{COLUMNS}");
    for window in [1, 16, 256] {
        println!("{}", alone(load(window))?);
    }
    println!("three nodes in this process, logs synced in {}\n{COLUMNS}", folder.display());
    for window in [1, 16, 256] {
        println!("{}", group(&folder.join(format!("interlock-bench-{window}")), load(window)).await?);
    }
    Ok(())
}
