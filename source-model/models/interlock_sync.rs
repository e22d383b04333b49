// Curated model of `interlock_sync`: in a production build each of its names is that of a library.

pub mod lock {
    pub use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
    pub use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard, OwnedSemaphorePermit, Semaphore};
}
pub mod map {
    pub type ConcurrentMap<K, V> = dashmap::DashMap<K, V>;
    pub use dashmap::mapref::entry::Entry;
}
pub mod channel { pub use tokio::sync::{Notify, mpsc, oneshot, watch}; }
pub mod task {
    pub use tokio::spawn;
    pub use tokio::task::{JoinError, JoinHandle, JoinSet, yield_now};
}
pub mod model {
    #[in_place] pub fn block_on<F: Future>(future: F) -> <F as Future>::Output {}
    pub fn name_task(name: &str) {}
}
