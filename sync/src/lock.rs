//! Locks. The blocking ones do not poison: a guard's owner that panics ends its process or its test.

#[cfg(any(feature = "model-loom", feature = "model-shuttle"))]
pub use crate::model::async_lock::{AsyncMutex, AsyncMutexGuard, OwnedSemaphorePermit, Semaphore};
#[cfg(any(feature = "model-loom", feature = "model-shuttle"))]
pub use crate::model::lock::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
pub use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
/// A mutual exclusion that may be held over an await point.
#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
pub use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};
/// A counted permission that may be held over an await point.
#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
pub use tokio::sync::{OwnedSemaphorePermit, Semaphore};
