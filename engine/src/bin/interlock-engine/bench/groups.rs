//! A raft group of three without sockets: raft alone, and whole nodes in this process with a synced log each.

use anyhow::Context;
use interlock_engine::bench::raft::{Load, Measured, alone, group};

use super::{Plan, Row};
use crate::args::BenchArgs;

const ALONE: &str = "raft alone, no I/O";
/// What the rows over sockets are compared with.
pub(crate) const IN_PROCESS: &str = "3 nodes in process, synced logs";
const SIZE: usize = 128;
const WINDOWS: [usize; 2] = [1, 256];

/// The name of a row.
pub(crate) fn name(what: &str, window: usize) -> String {
    format!("{what}, {SIZE} B, {window} in flight")
}

/// Measures them.
pub(crate) async fn measure(plan: &Plan<'_>, args: &BenchArgs, print: &mut impl FnMut(Row)) -> anyhow::Result<()> {
    let load = |window| Load { window, entry_bytes: SIZE, duration: plan.duration() };
    for window in WINDOWS.into_iter().filter(|window| plan.wants(&name(ALONE, *window))) {
        print(row(ALONE, window, &alone(load(window)).context("raft refuses its configuration")?));
    }
    for window in WINDOWS.into_iter().filter(|window| plan.wants(&name(IN_PROCESS, *window))) {
        let folder = args.dir.join(format!("groups-{window}"));
        super::empty(&folder)?;
        let measured = group(&folder, load(window)).await.context("a group in this process")?;
        print(row(IN_PROCESS, window, &measured));
    }
    Ok(())
}

fn row(what: &str, window: usize, measured: &Measured) -> Row {
    let us = |latency: std::time::Duration| u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    Row {
        name: name(what, window),
        per_second: measured.rate(),
        p50_us: us(measured.p50),
        p99_us: us(measured.p99),
        syncs_per_message: None,
    }
}
