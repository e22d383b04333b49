//! `bench`: one table, all in one run: the disk, raft, a group in one process, and streams over loopback.

mod disk;
mod groups;
mod latency;
mod streams;

use std::path::Path;
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

/// Empties a folder: what an earlier run has left would be recovered first.
pub(crate) fn empty(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("failed to empty {}", folder.display()))?;
    }
    Ok(())
}

/// Measures, and prints each row as soon as it is there; in the end how they stand to one another.
pub(crate) async fn run(args: &BenchArgs) -> anyhow::Result<()> {
    std::fs::create_dir_all(&args.dir).with_context(|| format!("failed to make {}", args.dir.display()))?;
    let plan = Plan { args };
    println!("{:<52} {:>12} {:>10} {:>10} {:>14}", "row", "per second", "p50 us", "p99 us", "fdatasyncs/msg");
    let mut rows = Vec::new();
    let mut print = |row: Row| {
        let syncs = row.syncs_per_message.map(|syncs| format!("{syncs:.4}")).unwrap_or_default();
        // Zero: not measured.
        let [p50, p99] = [row.p50_us, row.p99_us].map(|us| if us == 0 { String::new() } else { us.to_string() });
        println!("{:<52} {:>12.0} {p50:>10} {p99:>10} {syncs:>14}", row.name, row.per_second);
        rows.push(row);
    };
    disk::measure(&plan, &args.dir, &mut print).context("failed to measure the disk")?;
    groups::measure(&plan, args, &mut print).await?;
    streams::measure(&plan, args, &mut print).await?;
    bars(&rows).iter().for_each(|line| println!("{line}"));
    Ok(())
}

/// What is promised of the rows over sockets, next to what came out, as far as the rows are there.
fn bars(rows: &[Row]) -> Vec<String> {
    let rate = |name: &str| rows.iter().find(|row| row.name == name).map(|row| row.per_second);
    let one = rate(&streams::name(3, 128, 1)).zip(rate(disk::NAME));
    let many = rate(&streams::name(3, 128, 512)).zip(rate(&groups::name(groups::IN_PROCESS, 256)));
    let of_512 = rows.iter().find(|row| row.name == streams::name(3, 128, 512));
    let percent = |(found, base): (f64, f64)| 100.0 * found / base.max(1e-9);
    let mut lines = Vec::new();
    if let Some(ratio) = one.map(percent) {
        lines.push(format!("R3 at 1 in flight: {ratio:.0} % of the disk's syncs per second (promised: 15 %)"));
    }
    if let Some(ratio) = many.map(percent) {
        lines.push(format!("R3 at 512 in flight: {ratio:.0} % of three nodes in process at 256 (promised: 10 %)"));
    }
    if let Some(syncs) = of_512.and_then(|row| row.syncs_per_message) {
        lines.push(format!(
            "R3 at 512 in flight: {syncs:.4} fdatasyncs a message on all servers (promised: under 0.05)"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Row, bars, disk, groups, streams};

    #[test]
    fn bars_compare_rows_of_the_same_run() {
        let row = |name: String, per_second, syncs_per_message| Row {
            name,
            per_second,
            p50_us: 1,
            p99_us: 1,
            syncs_per_message,
        };
        let rows = [
            row(disk::NAME.to_owned(), 8000.0, None),
            row(groups::name(groups::IN_PROCESS, 256), 400_000.0, None),
            row(streams::name(3, 128, 1), 2000.0, Some(3.0)),
            row(streams::name(3, 128, 512), 60_000.0, Some(0.02)),
        ];
        let lines = bars(&rows);
        assert!(lines[0].contains(": 25 % of"), "{lines:?}");
        assert!(lines[1].contains(": 15 % of"), "{lines:?}");
        assert!(lines[2].contains(": 0.0200 fdatasyncs"), "{lines:?}");
        assert!(bars(&rows[..1]).is_empty());
    }
}
