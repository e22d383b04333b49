//! Warnings that would come again and again are said once in a while, with how often they were not.

use std::sync::atomic::{AtomicU64, Ordering};

use interlock_sync::time::{Duration, Instant};

/// How long a warning is not said again.
const PAUSE: Duration = Duration::from_secs(10);

/// One kind of warning, of one owner.
pub(crate) struct Throttle {
    begun: Instant,
    /// When it is said again, in milliseconds since the beginning.
    due_ms: AtomicU64,
    n_unsaid: AtomicU64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { begun: Instant::now(), due_ms: AtomicU64::new(0), n_unsaid: AtomicU64::new(0) }
    }
}

impl Throttle {
    /// Whether it is to be said now, and then how often it was not since the last time.
    pub(crate) fn admit(&self) -> Option<u64> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now_ms = millis(self.begun.elapsed());
        let due_ms = self.due_ms.load(Ordering::Relaxed);
        let next_ms = now_ms + millis(PAUSE);
        // Of several that come at once, one says it.
        let is_said = now_ms >= due_ms
            && self.due_ms.compare_exchange(due_ms, next_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if !is_said {
            self.n_unsaid.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.n_unsaid.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::Throttle;
    use interlock_sync::time::{Duration, sleep};

    #[tokio::test(start_paused = true)]
    async fn a_warning_is_said_once_in_a_while_and_counted_meanwhile() {
        let throttle = Throttle::default();
        assert_eq!([throttle.admit(), throttle.admit(), throttle.admit()], [Some(0), None, None]);
        sleep(Duration::from_secs(9)).await;
        assert_eq!(throttle.admit(), None);
        sleep(Duration::from_secs(1)).await;
        assert_eq!([throttle.admit(), throttle.admit()], [Some(3), None]);
    }
}
