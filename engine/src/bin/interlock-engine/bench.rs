//! `bench`: one table, all in one run: the disk, and streams of one and three replicas over loopback.

mod disk;
mod latency;
mod streams;

use std::time::Duration;

use anyhow::Context;

use crate::args::BenchArgs;
use latency::Latency;

/// A row of the table.
pub(crate) struct Row {
    name: String,
    per_second: f64,
    p50_us: u64,
    p99_us: u64,
    /// Summed over all servers.
    syncs_per_message: Option<f64>,
}

impl Row {
    pub(crate) fn new(name: String, latency: &Latency, elapsed: Duration) -> Self {
        let per_second = latency.count() as f64 / elapsed.as_secs_f64().max(1e-9);
        let (p50_us, p99_us) = (latency.percentile_us(50.0), latency.percentile_us(99.0));
        Self { name, per_second, p50_us, p99_us, syncs_per_message: None }
    }
}

/// Which rows are wanted, and how long each takes.
pub(crate) struct Plan<'a> {
    args: &'a BenchArgs,
}

impl Plan<'_> {
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.args.only.as_ref().is_none_or(|text| name.contains(text.as_str()))
    }

    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs(self.args.seconds)
    }
}

/// Measures, and prints each row as soon as it is there.
pub(crate) async fn run(args: &BenchArgs) -> anyhow::Result<()> {
    std::fs::create_dir_all(&args.dir).with_context(|| format!("failed to make {}", args.dir.display()))?;
    let plan = Plan { args };
    println!("{:<38} {:>12} {:>10} {:>10} {:>14}", "row", "per second", "p50 us", "p99 us", "fdatasyncs/msg");
    let mut print = |row: Row| {
        let syncs = row.syncs_per_message.map(|syncs| format!("{syncs:.4}")).unwrap_or_default();
        println!("{:<38} {:>12.0} {:>10} {:>10} {syncs:>14}", row.name, row.per_second, row.p50_us, row.p99_us);
    };
    disk::measure(&plan, &args.dir, &mut print).context("failed to measure the disk")?;
    streams::measure(&plan, args, &mut print).await
}
