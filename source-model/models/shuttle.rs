// Curated model of `shuttle`: its locks and threads behave as those of `std` do.

pub fn check_random<F: Fn()>(f: F, iterations: usize) {}
pub fn check_dfs<F: Fn()>(f: F, iterations: Option<usize>) {}
pub fn check_pct<F: Fn()>(f: F, iterations: usize, depth: usize) {}
pub fn replay<F: Fn()>(f: F, schedule: &str) {}
pub mod sync {
    pub use std::sync::{Arc, Barrier, Condvar, LockResult, Mutex, MutexGuard, Once, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError, TryLockResult, Weak};
    pub mod atomic { pub use std::sync::atomic::*; }
    pub mod mpsc { pub use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel}; }
}
pub mod thread { pub use std::thread::{Builder, JoinHandle, LocalKey, Scope, ScopedJoinHandle, Thread, current, park, scope, sleep, spawn, yield_now}; }
pub mod future {
    #[in_place] pub fn block_on<F: Future>(future: F) -> <F as Future>::Output {}
    #[spawn] pub fn spawn<F: Future>(future: F) -> JoinHandle<<F as Future>::Output> {}
    #[handle] pub struct JoinHandle<T>;
    impl<T> JoinHandle<T> { pub fn abort(&self) {} }
    impl<T> Future for JoinHandle<T> { type Output = Result<T, JoinError>; }
    pub struct JoinError;
    pub async fn yield_now() {}
}
