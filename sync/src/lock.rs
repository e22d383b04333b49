//! Locks. The blocking ones do not poison: a guard's owner that panics ends its process or its test.

pub use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
/// A mutual exclusion that may be held over an await point.
pub use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};
/// A counted permission that may be held over an await point.
pub use tokio::sync::{OwnedSemaphorePermit, Semaphore};
