//! Time as timers see it: virtual where the runtime's clock is paused.

#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(feature = "model-shuttle")]
pub use crate::model::time::{
    Elapsed, Instant, Interval, MissedTickBehavior, Sleep, interval, interval_at, sleep, sleep_until, timeout,
};
pub use std::time::Duration;
#[cfg(not(feature = "model-shuttle"))]
pub use tokio::time::{
    Instant, Interval, MissedTickBehavior, Sleep, error::Elapsed, interval, interval_at, sleep, sleep_until, timeout,
};

/// Wall-clock time that follows the timers: nanoseconds since 1970, and virtual where the clock is paused.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    started: Instant,
    started_unix_ns: u64,
}

impl WallClock {
    /// The machine's clock.
    #[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
    pub fn system() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::starting_at(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The machine's clock; in a model the same moment in each execution.
    #[cfg(any(feature = "model-loom", feature = "model-shuttle"))]
    pub fn system() -> Self {
        Self::starting_at(1_700_000_000_000_000_000)
    }

    /// A clock that shows this at the moment it is made.
    pub fn starting_at(started_unix_ns: u64) -> Self {
        Self { started: Instant::now(), started_unix_ns }
    }

    /// Nanoseconds since 1970.
    pub fn now_ns(&self) -> u64 {
        let passed = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.started_unix_ns.saturating_add(passed)
    }
}
