//! Servers as processes on disks that really fail: a full volume, a limit on files, a volume that became read-only; and
//! servers that are killed again and again. Whatever was acknowledged is there afterwards, and health says what is wrong
//! for as long as it is.
//!
//! `docs/engine/faults.md` has the outcomes. Where the machine does not let a test have its fault, it says so on stderr,
//! counted; with `INTERLOCK_SCALE=full` it fails instead.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod file_size;
mod full_volume;
mod killed;
mod private_volume;
mod publishers;
mod read_only;
mod servers;

use std::io::Write;
use std::time::{Duration, Instant};

/// Far longer than any step takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Whether this is a run for an acceptance.
fn is_full() -> bool {
    std::env::var("INTERLOCK_SCALE").as_deref() == Ok("full")
}

/// Says something where the test's output is captured too.
fn tell(text: &str) {
    // Nothing can be done about a stderr that is closed.
    let _told = writeln!(std::io::stderr(), "faults: {text}");
}

/// Waits until something is there.
#[track_caller]
fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(LIMIT, look).unwrap_or_else(|| panic!("never: {what}"))
}

fn within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(LOOK);
    }
}
