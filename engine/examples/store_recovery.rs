//! Measures a store on the machine's disk: how long a stream of so many messages takes to open, and what idle streams
//! cost. `cargo run --release -p interlock-engine --example store_recovery -- FOLDER [MESSAGES] [STREAMS]`
#![allow(clippy::print_stdout, reason = "the figures are the output")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use interlock_engine::disk::Disk;
use interlock_engine::store::{NewMessage, Store, StoreOptions};

const PAYLOAD_BYTES: usize = 128;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("a folder is needed")?;
    let n_messages = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let n_streams = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    // First, so that no memory of the large ones is there to be used again.
    idle(&Path::new(&folder).join("idle"), n_streams)?;
    for (name, n_subjects) in [("one-subject", 1), ("thousand-subjects", 1000), ("own-subjects", n_messages)] {
        large(&Path::new(&folder).join(name), n_messages, n_subjects)?;
    }
    Ok(())
}

fn open(folder: &Path) -> Result<Arc<Store>, Box<dyn Error>> {
    let options = StoreOptions { idle_after: Duration::ZERO, ..StoreOptions::new(folder, Disk::standard()) };
    Ok(Store::open(options, None)?)
}

fn append(store: &Store, seq: u64, n_subjects: u64) -> Result<(), Box<dyn Error>> {
    let subject = format!("orders.{}", seq % n_subjects);
    let payload = [seq as u8; PAYLOAD_BYTES];
    let message = NewMessage { seq, index: seq, time_ns: seq, subject: &subject, headers: b"", payload: &payload };
    Ok(store.append(&message)?)
}

/// One large stream: written, closed, opened again.
fn large(folder: &Path, n_messages: u64, n_subjects: u64) -> Result<(), Box<dyn Error>> {
    let store = open(folder)?;
    let began = Instant::now();
    for seq in 1..=n_messages {
        append(&store, seq, n_subjects)?;
    }
    store.flush()?;
    let written = began.elapsed();
    store.close()?;
    drop(store);
    let before = resident_bytes()?;
    let opening = Instant::now();
    let reopened = open(folder)?;
    let opened = opening.elapsed();
    let resident = resident_bytes()?.saturating_sub(before);
    let full = reopened.usage();
    reopened.sync_pass()?;
    let rested = reopened.usage();
    let reading = Instant::now();
    let mut from = 1;
    while let Some(message) = reopened.next(from, None)? {
        from = message.seq + 1;
    }
    println!(
        "{n_messages} messages of {PAYLOAD_BYTES} B, {n_subjects} subjects: written in {written:.2?}, opened in {opened:.2?}, \
         read in {:.2?}; {} blocks, {} MB of files; index {:.1} B a message, {:.1} B at rest; resident +{} MB",
        reading.elapsed(),
        full.n_blocks,
        full.file_bytes / 1_000_000,
        full.index_bytes as f64 / n_messages as f64,
        rested.index_bytes as f64 / n_messages as f64,
        resident / 1_000_000,
    );
    reopened.delete()?;
    Ok(())
}

/// Many small streams, at rest.
fn idle(folder: &Path, n_streams: u64) -> Result<(), Box<dyn Error>> {
    for (what, n_messages) in [("empty", 0), ("ten messages", 10)] {
        let before = resident_bytes()?;
        let mut stores = Vec::new();
        for stream in 0..n_streams {
            let store = open(&folder.join(format!("{what}-{stream}")))?;
            for seq in 1..=n_messages {
                append(&store, seq, 1)?;
            }
            store.sync_pass()?;
            store.sync_pass()?;
            stores.push(store);
        }
        let resident = resident_bytes()?.saturating_sub(before);
        let n_open: usize = stores.iter().map(|store| store.usage().n_open_files).sum();
        println!("{n_streams} idle streams, {what}: {} B each, {n_open} open files", resident / n_streams.max(1));
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// Resident memory of this process, where the platform tells.
fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let resident: u64 = pages.split(' ').nth(1).unwrap_or("0").parse()?;
    Ok(resident * 4096)
}
