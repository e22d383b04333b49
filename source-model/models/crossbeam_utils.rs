// Curated model of `crossbeam-utils`: `crossbeam` re-exports it.

pub use crossbeam::utils::{Backoff, CachePadded};
pub mod sync { pub use crossbeam::sync::{Parker, ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard, Unparker, WaitGroup}; }
pub mod thread { pub use crossbeam::thread::{Scope, ScopedJoinHandle, ScopedThreadBuilder, scope}; }
