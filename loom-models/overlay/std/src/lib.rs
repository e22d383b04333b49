//! What an overlaid crate has for `std`: the standard library, with its threads, locks, channels, atomics and tests under
//! the checker.
//!
//! A dependency that is called `std` takes the place of the standard one, in paths, in macros and as the prelude. What is
//! not named here is the real one: files, sockets, clocks, and cells that are made once (`OnceLock`, `LazyLock`), whose
//! making is one step unless it blocks.

mod condvar;

pub use ::std::*;

pub use shuttle::thread_local;

pub mod sync {
    //! Locks and channels.

    pub use ::std::sync::*;

    pub use shuttle::sync::{
        Barrier, BarrierWaitResult, Mutex, MutexGuard, Once, OnceState, RwLock, RwLockReadGuard, RwLockWriteGuard,
    };

    pub use crate::condvar::{Condvar, WaitTimeoutResult};

    pub mod atomic {
        //! Atomics, each access a step; sequentially consistent, whatever ordering is asked for.

        pub use ::std::sync::atomic::*;

        pub use shuttle::sync::atomic::{
            AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicPtr, AtomicU8, AtomicU16,
            AtomicU32, AtomicU64, AtomicUsize, fence,
        };
    }

    pub mod mpsc {
        //! Channels.

        pub use ::std::sync::mpsc::*;

        pub use shuttle::sync::mpsc::{IntoIter, Iter, Receiver, Sender, SyncSender, TryIter, channel, sync_channel};
    }
}

pub mod thread {
    //! Threads.

    pub use ::std::thread::*;

    pub use shuttle::thread::{
        Builder, JoinHandle, LocalKey, Scope, ScopedJoinHandle, Thread, ThreadId, current, park, scope, spawn,
        yield_now,
    };

    /// Parks until somebody unparks this thread, or the time is over on the execution's clock.
    pub fn park_timeout(duration: ::std::time::Duration) {
        let thread = current();
        let alarm = shuttle::future::spawn(async move {
            interlock_sync::time::sleep(duration).await;
            thread.unpark();
        });
        park();
        alarm.abort();
    }

    /// Sleeps on the execution's clock, which goes on when nobody else can.
    pub fn sleep(duration: ::std::time::Duration) {
        interlock_sync::model::block_on(interlock_sync::time::sleep(duration));
    }
}

pub mod time {
    //! Moments of the execution's clock. The time of day is the real one.

    pub use ::std::time::*;

    pub use interlock_sync::time::Instant;
}

pub mod hint {
    //! Spinning gives way.

    pub use ::std::hint::*;

    pub use shuttle::hint::spin_loop;
}

pub mod prelude {
    //! The preludes, in which `test` is the overlay's.

    macro_rules! prelude {
        ($($name:ident)*) => {$(
            #[allow(missing_docs, reason = "the standard one is documented")]
            pub mod $name {
                pub use ::std::prelude::$name::*;

                pub use interlock_overlay_test::test;
            }
        )*};
    }

    prelude!(v1 rust_2015 rust_2018 rust_2021 rust_2024);
}

#[doc(hidden)]
pub mod interlock {
    pub use interlock_models::overlaid;

    /// Holds a test to what it returns.
    pub fn ended_well(returned: impl ::std::process::Termination) {
        let is_well = returned.report() == ::std::process::ExitCode::SUCCESS;
        assert!(is_well, "the test returned an error");
    }
}
