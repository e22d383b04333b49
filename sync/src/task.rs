//! Tasks: spawned, counted, joined. Blocking work goes to threads of its own.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::channel::watch;

#[cfg(any(feature = "model-loom", feature = "model-shuttle"))]
pub use crate::model::task::{JoinError, JoinHandle, JoinSet, blocking, spawn, yield_now};
#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
use tokio::runtime::{Handle, RuntimeFlavor};
#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
pub use tokio::task::{JoinError, JoinHandle, JoinSet, yield_now};

/// Starts a task. Whoever drops the handle leaves it running.
#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}

/// A task's future that has begun and waits for something.
pub type Begun<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Begins a future here and now: its answer where it has one at once, else the rest, to be spawned. What it does before
/// it first waits is done when this returns; so callers can keep an order that spawned tasks do not have.
///
/// # Errors
/// The rest of the future.
pub fn begin<F>(future: F) -> Result<F::Output, Begun<F::Output>>
where
    F: Future + Send + 'static,
{
    // Unconstrained: a spent budget of the calling task must not keep the first poll from getting anywhere.
    let mut begun = Box::pin(tokio::task::unconstrained(future));
    match begun.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Err(begun),
    }
}

/// Runs a closure that blocks (disk, compression) on a thread kept for that, and waits for it without blocking.
///
/// # Panics
/// Where the closure panics, with its panic.
#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Runs a closure that may wait for the disk here, because it needs what is locked here. Where the runtime has other
/// threads they take over the tasks that wait for this one.
#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
pub fn give_way<T>(work: impl FnOnce() -> T) -> T {
    let has_others = Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if has_others { tokio::task::block_in_place(work) } else { work() }
}

/// Runs a closure here. No step: the tasks that wait for this one are others to the scheduler anyway.
#[cfg(any(feature = "model-loom", feature = "model-shuttle"))]
pub fn give_way<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Counts the tasks of an owner, refuses new ones once the owner closes, and can be waited for.
#[derive(Clone)]
pub struct Tracker {
    state: watch::Sender<Tracked>,
}

#[derive(Clone, Copy, Default)]
struct Tracked {
    n_running: usize,
    n_panicked: usize,
    is_closed: bool,
}

impl Default for Tracker {
    fn default() -> Self {
        Self { state: watch::Sender::new(Tracked::default()) }
    }
}

impl Tracker {
    /// Starts a task, unless the owner closes: whether it was started.
    #[must_use]
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> bool {
        let counted = self.state.send_if_modified(|tracked| {
            tracked.n_running += usize::from(!tracked.is_closed);
            !tracked.is_closed
        });
        if counted {
            let running = Running(self.state.clone());
            // The tracker is who waits for the task, not the handle.
            drop(spawn(async move {
                future.await;
                drop(running);
            }));
        }
        counted
    }

    /// Refuses tasks from here on.
    pub fn close(&self) {
        self.state.send_modify(|tracked| tracked.is_closed = true);
    }

    /// Tasks that run.
    pub fn n_running(&self) -> usize {
        self.state.borrow().n_running
    }

    /// Tasks that ended by a panic.
    pub fn n_panicked(&self) -> usize {
        self.state.borrow().n_panicked
    }

    /// Waits until no task runs.
    pub async fn wait(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as this tracker.
        let _idle = state.wait_for(|tracked| tracked.n_running == 0).await;
    }
}

/// Counts down also when its task panics or is aborted.
struct Running(watch::Sender<Tracked>);

impl Drop for Running {
    fn drop(&mut self) {
        let n_panicked = usize::from(std::thread::panicking());
        self.0.send_modify(|tracked| {
            tracked.n_running -= 1;
            tracked.n_panicked += n_panicked;
        });
    }
}
