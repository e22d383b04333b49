//! A condition variable for the locks of `parking_lot`. Who waits first is woken first, and nobody without a reason.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as Real, PoisonError};
use std::time::Duration;

use interlock_sync::time::{Instant, sleep};
use shuttle::thread::Thread;
use shuttle_parking_lot_impl::MutexGuard;

/// Someone who waits.
#[derive(Debug)]
struct Waiter {
    thread: Thread,
    is_woken: AtomicBool,
    is_late: AtomicBool,
}

impl Waiter {
    fn wake(&self) {
        self.is_woken.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// Those who wait. The lock is real and never held over a switch, so nobody is ever waited for.
type Queue = Arc<Real<VecDeque<Arc<Waiter>>>>;

/// A condition variable.
#[derive(Debug, Default)]
pub struct Condvar {
    /// Made at its first use, as it may stand in a `static`.
    queue: std::sync::OnceLock<Queue>,
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

impl Condvar {
    /// One that nobody waits for.
    pub const fn new() -> Self {
        Self { queue: std::sync::OnceLock::new() }
    }

    fn queue(&self) -> &Queue {
        self.queue.get_or_init(Queue::default)
    }

    /// Waits until it is notified.
    pub fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>) {
        let waiter = self.join();
        sleep_unlocked(&waiter, guard);
    }

    /// Waits as long as the condition holds.
    pub fn wait_while<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>, mut condition: impl FnMut(&mut T) -> bool) {
        while condition(&mut **guard) {
            self.wait(guard);
        }
    }

    /// Waits until it is notified or the time is over.
    pub fn wait_for<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>, duration: Duration) -> WaitTimeoutResult {
        let waiter = self.join();
        let (late, queue) = (Arc::clone(&waiter), Arc::clone(self.queue()));
        let alarm = shuttle::future::spawn(async move {
            sleep(duration).await;
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = queue.iter().position(|known| Arc::ptr_eq(known, &late)) {
                queue.remove(at);
                drop(queue);
                late.is_late.store(true, Ordering::SeqCst);
                late.wake();
            }
        });
        sleep_unlocked(&waiter, guard);
        alarm.abort();
        WaitTimeoutResult(waiter.is_late.load(Ordering::SeqCst))
    }

    /// Waits until it is notified or the moment has come.
    pub fn wait_until<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>, moment: Instant) -> WaitTimeoutResult {
        self.wait_for(guard, moment.saturating_duration_since(Instant::now()))
    }

    /// Waits as long as the condition holds, until the time is over.
    pub fn wait_while_for<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
        duration: Duration,
    ) -> WaitTimeoutResult {
        self.wait_while_until(guard, condition, Instant::now() + duration)
    }

    /// Waits as long as the condition holds, until the moment has come.
    pub fn wait_while_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
        moment: Instant,
    ) -> WaitTimeoutResult {
        let mut waited = WaitTimeoutResult(false);
        while !waited.timed_out() && condition(&mut **guard) {
            waited = self.wait_until(guard, moment);
        }
        WaitTimeoutResult(waited.timed_out() && condition(&mut **guard))
    }

    /// Wakes one that waits; whether there was one.
    pub fn notify_one(&self) -> bool {
        shuttle::thread::yield_now();
        let first = self.queue().lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        first.inspect(|waiter| waiter.wake()).is_some()
    }

    /// Wakes all that wait; how many there were.
    pub fn notify_all(&self) -> usize {
        shuttle::thread::yield_now();
        let all = std::mem::take(&mut *self.queue().lock().unwrap_or_else(PoisonError::into_inner));
        all.iter().for_each(|waiter| waiter.wake());
        all.len()
    }

    /// Joins those who wait, before the lock is given up: what is notified from then on is not missed.
    fn join(&self) -> Arc<Waiter> {
        let (is_woken, is_late) = (AtomicBool::new(false), AtomicBool::new(false));
        let waiter = Arc::new(Waiter { thread: shuttle::thread::current(), is_woken, is_late });
        self.queue().lock().unwrap_or_else(PoisonError::into_inner).push_back(Arc::clone(&waiter));
        waiter
    }
}

/// Gives the lock up until somebody wakes this one.
fn sleep_unlocked<T: ?Sized>(waiter: &Waiter, guard: &mut MutexGuard<'_, T>) {
    MutexGuard::unlocked(guard, || {
        while !waiter.is_woken.load(Ordering::SeqCst) {
            shuttle::thread::park();
        }
    });
}
