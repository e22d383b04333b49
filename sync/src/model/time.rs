//! Timers on the virtual clock of an execution.

use std::fmt;
use std::future::poll_fn;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::clock::Clock;
use super::object::Object;
use super::recorder::{Kind, Place};

/// So much has passed before the execution begins: code may look back from its first moment.
const BEFORE: Duration = Duration::from_secs(1 << 32);

/// A moment of the execution's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// What the clock shows.
    pub fn now() -> Self {
        Self(BEFORE + Clock::now())
    }

    /// Since an earlier moment; nothing since a later one.
    pub fn duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Since an earlier moment; nothing since a later one.
    pub fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }

    /// Since an earlier moment; `None` since a later one.
    pub fn checked_duration_since(&self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0)
    }

    /// What has passed since.
    pub fn elapsed(&self) -> Duration {
        Self::now().duration_since(*self)
    }

    /// Later by so much, where there is such a moment.
    pub fn checked_add(&self, duration: Duration) -> Option<Self> {
        self.0.checked_add(duration).map(Self)
    }

    /// Earlier by so much, where there is such a moment.
    pub fn checked_sub(&self, duration: Duration) -> Option<Self> {
        self.0.checked_sub(duration).map(Self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        self.0 += duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0 - duration)
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        self.0 -= duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}

/// Waits for a moment.
pub struct Sleep {
    deadline: Instant,
    object: Arc<Object>,
    place: Place,
    /// The timer that it waits for.
    timer: Option<u64>,
}

/// Waits so long.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let deadline = Instant::now().checked_add(duration).unwrap_or(Instant(Duration::MAX));
    sleep_until(deadline)
}

/// Waits for a moment.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, object: Object::shared("timer"), place: Location::caller(), timer: None }
}

impl Sleep {
    /// The moment.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether the moment has come.
    pub fn is_elapsed(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Waits for another moment.
    pub fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.forget();
        self.deadline = deadline;
    }

    fn forget(&mut self) {
        if let Some(timer) = self.timer.take() {
            Clock::remove(timer);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Looking at the clock is the step.
        if self.is_elapsed() {
            let kind = if self.timer.is_some() { Kind::GoesOn } else { Kind::Does };
            self.object.tell(kind, "sleep", self.place);
            self.forget();
            return Poll::Ready(());
        }
        if !self.timer.is_some_and(|timer| Clock::renew(timer, context.waker())) {
            self.object.tell(Kind::Waits, "sleep", self.place);
            let deadline = self.deadline.0.saturating_sub(BEFORE);
            self.timer = Clock::add(deadline, context.waker().clone(), self.object.clone(), self.place);
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if self.timer.is_some() {
            self.object.tell(Kind::Leaves, "sleep", self.place);
            self.forget();
        }
    }
}

/// It did not end in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

/// Waits for a future so long, and drops it then.
///
/// # Errors
/// It did not end in time.
#[track_caller]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> impl Future<Output = Result<F::Output, Elapsed>> {
    let mut sleep = sleep(duration);
    let future = future.into_future();
    async move {
        let mut future = std::pin::pin!(future);
        let first = poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => Pin::new(&mut sleep).poll(context).map(|()| Err(Elapsed)),
        });
        first.await
    }
}

/// What an interval does that was not asked for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// The missed ticks come at once.
    #[default]
    Burst,
    /// The next tick comes a period after this one.
    Delay,
    /// The missed ticks never come.
    Skip,
}

/// Ticks at once and then once a period.
pub struct Interval {
    next: Instant,
    period: Duration,
    behavior: MissedTickBehavior,
    place: Place,
}

/// Ticks at once and then once a period.
///
/// # Panics
/// The period is zero.
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    assert!(!period.is_zero(), "`period` must be non-zero.");
    Interval { next: Instant::now(), period, behavior: MissedTickBehavior::Burst, place: Location::caller() }
}

/// Ticks at a moment and then once a period.
///
/// # Panics
/// The period is zero.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval { next: start, ..interval(period) }
}

impl Interval {
    /// Waits for the next tick, and gives the moment that it was meant for.
    pub fn tick(&mut self) -> impl Future<Output = Instant> + '_ {
        let object = Object::made("timer", self.place);
        let mut sleep = Sleep { deadline: self.next, object, place: self.place, timer: None };
        async move {
            Pin::new(&mut sleep).await;
            let (due, now) = (self.next, Instant::now());
            self.next = match self.behavior {
                MissedTickBehavior::Burst => due + self.period,
                MissedTickBehavior::Delay => now + self.period,
                MissedTickBehavior::Skip => {
                    let n_missed = now.duration_since(due).as_nanos() / self.period.as_nanos();
                    due + self.period * (u32::try_from(n_missed).unwrap_or(u32::MAX - 1) + 1)
                }
            };
            due
        }
    }

    /// Says what happens to missed ticks.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.behavior = behavior;
    }

    /// The next tick comes a period from here on.
    pub fn reset(&mut self) {
        self.next = Instant::now() + self.period;
    }

    /// The period.
    pub fn period(&self) -> Duration {
        self.period
    }
}
