// Curated model of `spin`: readers never queue behind a waiting writer.

pub use spin::mutex::{Mutex, MutexGuard};
pub use spin::rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub mod mutex {
    #[lock(mutex)] pub struct Mutex<T>;
    impl<T> Mutex<T> {
        #[same] pub fn new(value: T) -> Mutex<T> {}
        #[acquire(exclusive)] pub fn lock(&self) -> MutexGuard<T> {}
        #[acquire(exclusive, try)] pub fn try_lock(&self) -> Option<MutexGuard<T>> {}
        #[same] pub fn get_mut(&mut self) -> &mut T {}
        #[same] pub fn into_inner(self) -> T {}
    }
    #[guard(blocking)] pub struct MutexGuard<T>;
    impl<T> Deref for MutexGuard<T> { type Target = T; }
}
pub mod rwlock {
    #[lock(rwlock, reader_preferring)] pub struct RwLock<T>;
    impl<T> RwLock<T> {
        #[same] pub fn new(value: T) -> RwLock<T> {}
        #[acquire(shared)] pub fn read(&self) -> RwLockReadGuard<T> {}
        #[acquire(exclusive)] pub fn write(&self) -> RwLockWriteGuard<T> {}
        #[acquire(shared)] pub fn upgradeable_read(&self) -> RwLockUpgradableGuard<T> {}
        #[acquire(shared, try)] pub fn try_read(&self) -> Option<RwLockReadGuard<T>> {}
        #[acquire(exclusive, try)] pub fn try_write(&self) -> Option<RwLockWriteGuard<T>> {}
        #[same] pub fn get_mut(&mut self) -> &mut T {}
        #[same] pub fn into_inner(self) -> T {}
    }
    #[guard(blocking)] pub struct RwLockReadGuard<T>;
    impl<T> Deref for RwLockReadGuard<T> { type Target = T; }
    #[guard(blocking)] pub struct RwLockWriteGuard<T>;
    impl<T> Deref for RwLockWriteGuard<T> { type Target = T; }
    #[guard(blocking)] pub struct RwLockUpgradableGuard<T>;
    impl<T> RwLockUpgradableGuard<T> { #[same] #[becomes(exclusive)] pub fn upgrade(self) -> RwLockWriteGuard<T> {} }
    impl<T> Deref for RwLockUpgradableGuard<T> { type Target = T; }
}
pub struct Once<T>;
