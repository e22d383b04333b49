//! Tasks: spawned, counted, joined. Blocking work goes to threads of its own.

use std::future::Future;

pub use tokio::task::{JoinError, JoinHandle, JoinSet, yield_now};

/// Starts a task. Whoever drops the handle leaves it running.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}

/// Runs a closure that blocks (disk, compression) on a thread kept for that, and waits for it without blocking.
///
/// # Panics
/// Where the closure panics, with its panic.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
