//! A condition variable whose time-outs are on the execution's clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LockResult, OnceLock, PoisonError};
use std::time::Duration;

use shuttle::future::JoinHandle;
use shuttle::sync::{Condvar as Untimed, MutexGuard};

/// A condition variable.
#[derive(Debug, Default)]
pub struct Condvar {
    /// Made at its first use, as it may stand in a `static`.
    untimed: OnceLock<Arc<Untimed>>,
}

/// Whether a wait ended because its time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether it did.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

/// Wakes whoever waits when the time is over; it may wake others too, as any condition variable may.
struct Alarm {
    task: JoinHandle<()>,
    has_rung: Arc<AtomicBool>,
}

impl Alarm {
    fn after(duration: Duration, wakes: Arc<Untimed>) -> Alarm {
        let has_rung = Arc::new(AtomicBool::new(false));
        let rings = Arc::clone(&has_rung);
        let task = shuttle::future::spawn(async move {
            interlock_sync::time::sleep(duration).await;
            // One thread runs at a time, so an order is there anyway.
            rings.store(true, Ordering::SeqCst);
            wakes.notify_all();
        });
        Alarm { task, has_rung }
    }

    fn has_rung(&self) -> bool {
        self.has_rung.load(Ordering::SeqCst)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Condvar {
    /// One that nobody waits for.
    pub const fn new() -> Self {
        Self { untimed: OnceLock::new() }
    }

    fn untimed(&self) -> &Arc<Untimed> {
        self.untimed.get_or_init(Arc::default)
    }

    /// Waits until it is notified.
    ///
    /// # Errors
    /// The lock is poisoned.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.untimed().wait(guard)
    }

    /// Waits as long as the condition holds.
    ///
    /// # Errors
    /// The lock is poisoned.
    pub fn wait_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        self.untimed().wait_while(guard, condition)
    }

    /// Waits until it is notified or the time is over.
    ///
    /// # Errors
    /// The lock is poisoned.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        duration: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let alarm = Alarm::after(duration, Arc::clone(self.untimed()));
        let waited = self.untimed().wait(guard);
        with(waited, WaitTimeoutResult(alarm.has_rung()))
    }

    /// Waits as long as the condition holds, until the time is over.
    ///
    /// # Errors
    /// The lock is poisoned.
    pub fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        duration: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let alarm = Alarm::after(duration, Arc::clone(self.untimed()));
        while condition(&mut guard) {
            if alarm.has_rung() {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            guard = match self.untimed().wait(guard) {
                Ok(guard) => guard,
                poisoned => return with(poisoned, WaitTimeoutResult(false)),
            };
        }
        Ok((guard, WaitTimeoutResult(false)))
    }

    /// Wakes one that waits.
    pub fn notify_one(&self) {
        self.untimed().notify_one();
    }

    /// Wakes all that wait.
    pub fn notify_all(&self) {
        self.untimed().notify_all();
    }
}

/// The same answer with something beside the guard.
fn with<G, R>(result: LockResult<G>, beside: R) -> LockResult<(G, R)> {
    match result {
        Ok(guard) => Ok((guard, beside)),
        Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), beside))),
    }
}
