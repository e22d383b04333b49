// Curated model of `loom`: its locks and threads behave as those of `std` do.

pub fn model<F: Fn()>(f: F) {}
pub mod sync {
    pub use std::sync::{Arc, Barrier, Condvar, LockResult, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError, TryLockResult, Weak};
    pub mod atomic { pub use std::sync::atomic::*; }
    pub mod mpsc { pub use std::sync::mpsc::{Receiver, Sender, channel}; }
    pub struct Notify;
    impl Notify { pub fn new() -> Notify {} pub fn notify(&self) {} pub fn wait(&self) {} }
}
pub mod thread { pub use std::thread::{Builder, JoinHandle, Thread, current, park, spawn, yield_now}; }
pub mod cell { pub use std::cell::{Cell, UnsafeCell}; }
pub mod future { #[in_place] pub fn block_on<F: Future>(future: F) -> <F as Future>::Output {} }
