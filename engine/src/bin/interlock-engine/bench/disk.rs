//! The disk alone: 4 KiB written and synced, one at a time, into a file that has its blocks already.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use super::latency::Latency;
use super::{Plan, Row};

/// The name of its row.
pub(crate) const NAME: &str = "disk: 4 KiB write + fdatasync";
const BLOCK_BYTES: usize = 4096;
const N_BLOCKS: u64 = 4096;

/// Measures it.
pub(crate) fn measure(plan: &Plan<'_>, folder: &Path, print: &mut impl FnMut(Row)) -> io::Result<()> {
    if !plan.wants(NAME) {
        return Ok(());
    }
    let path = folder.join("fdatasync.tmp");
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    for block in 0..N_BLOCKS {
        file.write_all_at(&[0; BLOCK_BYTES], block * BLOCK_BYTES as u64)?;
    }
    file.sync_all()?;
    let (begun, mut latency, bytes) = (Instant::now(), Latency::new(), [7; BLOCK_BYTES]);
    for block in (0..N_BLOCKS).cycle() {
        let write_begun = Instant::now();
        file.write_all_at(&bytes, block * BLOCK_BYTES as u64)?;
        file.sync_data()?;
        latency.record(write_begun.elapsed());
        if begun.elapsed() >= plan.duration() {
            break;
        }
    }
    print(Row::new(NAME.to_owned(), &latency, begun.elapsed()));
    std::fs::remove_file(&path)
}
