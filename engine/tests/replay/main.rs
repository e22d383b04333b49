//! The same seed is the same run. In a process of its own: who listens to logs in one thread is deaf to a place of the
//! source that another thread came to first (`tracing` asks that thread once whether anybody listens).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io;
use std::sync::Arc;

use interlock_sync::lock::Mutex;

#[path = "../simulation/runner.rs"]
mod runner;

use runner::run;

/// Everything that a run of a seed logs, to the last debugging line: it has each message that was acknowledged, each
/// fault, each role and term.
fn logged(seed: u64) -> String {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let writer = {
        let lines = lines.clone();
        move || Lines(lines.clone())
    };
    let subscriber =
        tracing_subscriber::fmt().without_time().with_ansi(false).with_env_filter("interlock_engine=trace");
    let outcome = tracing::subscriber::with_default(subscriber.with_writer(writer).finish(), || run(seed, None));
    lines.lock().extend(format!("{outcome:?}").into_bytes());
    String::from_utf8(std::mem::take(&mut *lines.lock())).unwrap()
}

/// What is written, for later.
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_seed_replays_to_the_last_line_of_its_log() {
    for seed in [3, 33, 40, 41, 42, 43] {
        let (first, second) = (logged(seed), logged(seed));
        assert!(first.lines().count() > 200, "seed {seed} logs next to nothing, which says nothing");
        let parted = first.lines().zip(second.lines()).position(|(one, other)| one != other);
        assert!(first == second, "seed {seed} parts at line {parted:?}");
    }
}
