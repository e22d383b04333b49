//! The bug that this process has put back.

use std::sync::OnceLock;

static ARMED: OnceLock<String> = OnceLock::new();

/// Whether this process runs the twin that puts this bug back. A process runs one model, with one bug or none.
pub fn armed(bug: &str) -> bool {
    ARMED.get().is_some_and(|armed| armed == bug)
}

/// Puts a bug back for the rest of the process. The first one stays.
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
pub(crate) fn arm(bug: &str) {
    let _ = ARMED.set(bug.to_owned());
}
