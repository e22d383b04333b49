//! What an overlaid crate has for `tokio`: shuttle's, with our clock, and with tests that our checker searches.

pub use shuttle_tokio_impl::*;

pub mod sync {
    //! Channels and locks. The barrier is tokio's own: it needs nothing but wakers.

    pub use shuttle_tokio_impl::sync::*;

    pub use real_tokio::sync::{Barrier, BarrierWaitResult};
}

pub mod time {
    //! Timers on the execution's clock, which goes on when nobody else can.

    pub use shuttle_tokio_impl::time::*;

    pub use interlock_sync::time::{
        Instant, Interval, MissedTickBehavior, Sleep, interval, interval_at, sleep, sleep_until, timeout,
    };

    pub mod error {
        //! What a time-out is told by.

        pub use interlock_sync::time::Elapsed;
    }

    /// Waits for a future until a moment, and drops it then.
    ///
    /// # Errors
    /// It did not end in time.
    pub fn timeout_at<F: IntoFuture>(
        deadline: Instant,
        future: F,
    ) -> impl Future<Output = Result<F::Output, error::Elapsed>> {
        timeout(deadline.saturating_duration_since(Instant::now()), future)
    }
}

#[doc(hidden)]
pub fn __check(body: impl Fn() + Send + Sync + 'static, _: shuttle::Config, _: usize) {
    interlock_models::overlaid(body);
}
