// Curated model of `lock_api`: locks over a raw lock `R`. Whether readers queue behind a waiting writer is the raw
// lock's choice; they are taken to, as they do in `parking_lot`.

pub use lock_api::mutex::{ArcMutexGuard, MappedMutexGuard, Mutex, MutexGuard};
pub use lock_api::remutex::{MappedReentrantMutexGuard, ReentrantMutex, ReentrantMutexGuard};
pub use lock_api::rwlock::{ArcRwLockReadGuard, ArcRwLockUpgradableReadGuard, ArcRwLockWriteGuard, MappedRwLockReadGuard, MappedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard};
pub mod mutex {
    #[lock(mutex)] pub struct Mutex<R, T>;
    impl<R, T> Mutex<R, T> {
        #[same] pub fn new(value: T) -> Mutex<R, T> {}
        #[same] pub fn from_raw(raw: R, value: T) -> Mutex<R, T> {}
        #[same] #[version("<0.5")] pub fn const_new(raw: R, value: T) -> Mutex<R, T> {}
        #[acquire(exclusive)] pub fn lock(&self) -> MutexGuard<R, T> {}
        #[acquire(exclusive, try)] pub fn try_lock(&self) -> Option<MutexGuard<R, T>> {}
        #[acquire(exclusive, try)] pub fn try_lock_for<D>(&self, timeout: D) -> Option<MutexGuard<R, T>> {}
        #[acquire(exclusive, try)] pub fn try_lock_until<I>(&self, timeout: I) -> Option<MutexGuard<R, T>> {}
        #[acquire(exclusive)] pub fn lock_arc(&self) -> ArcMutexGuard<R, T> {}
        #[acquire(exclusive, try)] pub fn try_lock_arc(&self) -> Option<ArcMutexGuard<R, T>> {}
        #[acquire(exclusive, try)] pub fn try_lock_arc_for<D>(&self, timeout: D) -> Option<ArcMutexGuard<R, T>> {}
        #[acquire(exclusive, try)] pub fn try_lock_arc_until<I>(&self, timeout: I) -> Option<ArcMutexGuard<R, T>> {}
        #[same] pub fn get_mut(&mut self) -> &mut T {}
        #[same] pub fn into_inner(self) -> T {}
        pub fn is_locked(&self) -> bool {}
    }
    #[guard(blocking)] pub struct MutexGuard<R, T>;
    impl<R, T> MutexGuard<R, T> {
        #[same] pub fn map<U, F: FnOnce(&mut T) -> &mut U>(guard: MutexGuard<R, T>, f: F) -> MappedMutexGuard<R, U> {}
        #[same] pub fn try_map<U, F: FnOnce(&mut T) -> Option<&mut U>>(guard: MutexGuard<R, T>, f: F) -> Result<MappedMutexGuard<R, U>, MutexGuard<R, T>> {}
        pub fn unlock_fair(guard: MutexGuard<R, T>) {}
        pub fn bump(guard: &mut MutexGuard<R, T>) {}
    }
    impl<R, T> Deref for MutexGuard<R, T> { type Target = T; }
    #[guard(blocking)] pub struct MappedMutexGuard<R, T>;
    impl<R, T> MappedMutexGuard<R, T> { #[same] pub fn map<U, F: FnOnce(&mut T) -> &mut U>(guard: MappedMutexGuard<R, T>, f: F) -> MappedMutexGuard<R, U> {} }
    impl<R, T> Deref for MappedMutexGuard<R, T> { type Target = T; }
    #[guard(blocking)] pub struct ArcMutexGuard<R, T>;
    impl<R, T> Deref for ArcMutexGuard<R, T> { type Target = T; }
}
pub mod remutex {
    #[lock(mutex, reentrant)] pub struct ReentrantMutex<R, G, T>;
    impl<R, G, T> ReentrantMutex<R, G, T> {
        #[same] pub fn new(value: T) -> ReentrantMutex<R, G, T> {}
        #[acquire(exclusive)] pub fn lock(&self) -> ReentrantMutexGuard<R, G, T> {}
        #[acquire(exclusive, try)] pub fn try_lock(&self) -> Option<ReentrantMutexGuard<R, G, T>> {}
        #[same] pub fn get_mut(&mut self) -> &mut T {}
        #[same] pub fn into_inner(self) -> T {}
    }
    #[guard(blocking)] pub struct ReentrantMutexGuard<R, G, T>;
    impl<R, G, T> ReentrantMutexGuard<R, G, T> { #[same] pub fn map<U, F: FnOnce(&T) -> &U>(guard: ReentrantMutexGuard<R, G, T>, f: F) -> MappedReentrantMutexGuard<R, G, U> {} }
    impl<R, G, T> Deref for ReentrantMutexGuard<R, G, T> { type Target = T; }
    #[guard(blocking)] pub struct MappedReentrantMutexGuard<R, G, T>;
    impl<R, G, T> Deref for MappedReentrantMutexGuard<R, G, T> { type Target = T; }
}
pub mod rwlock {
    #[lock(rwlock)] pub struct RwLock<R, T>;
    impl<R, T> RwLock<R, T> {
        #[same] pub fn new(value: T) -> RwLock<R, T> {}
        #[same] pub fn from_raw(raw: R, value: T) -> RwLock<R, T> {}
        #[same] #[version("<0.5")] pub fn const_new(raw: R, value: T) -> RwLock<R, T> {}
        #[acquire(shared)] pub fn read(&self) -> RwLockReadGuard<R, T> {}
        #[acquire(shared, recursive)] #[version("<0.5")] pub fn read_recursive(&self) -> RwLockReadGuard<R, T> {}
        #[acquire(exclusive)] pub fn write(&self) -> RwLockWriteGuard<R, T> {}
        #[acquire(shared)] pub fn upgradable_read(&self) -> RwLockUpgradableReadGuard<R, T> {}
        #[acquire(shared, try)] pub fn try_read(&self) -> Option<RwLockReadGuard<R, T>> {}
        #[acquire(shared, try)] #[version("<0.5")] pub fn try_read_recursive(&self) -> Option<RwLockReadGuard<R, T>> {}
        #[acquire(exclusive, try)] pub fn try_write(&self) -> Option<RwLockWriteGuard<R, T>> {}
        #[acquire(shared, try)] pub fn try_upgradable_read(&self) -> Option<RwLockUpgradableReadGuard<R, T>> {}
        #[acquire(shared, try)] pub fn try_read_for<D>(&self, timeout: D) -> Option<RwLockReadGuard<R, T>> {}
        #[acquire(exclusive, try)] pub fn try_write_for<D>(&self, timeout: D) -> Option<RwLockWriteGuard<R, T>> {}
        #[acquire(shared, try)] pub fn try_read_until<I>(&self, timeout: I) -> Option<RwLockReadGuard<R, T>> {}
        #[acquire(exclusive, try)] pub fn try_write_until<I>(&self, timeout: I) -> Option<RwLockWriteGuard<R, T>> {}
        #[acquire(shared)] pub fn read_arc(&self) -> ArcRwLockReadGuard<R, T> {}
        #[acquire(exclusive)] pub fn write_arc(&self) -> ArcRwLockWriteGuard<R, T> {}
        #[acquire(shared)] pub fn upgradable_read_arc(&self) -> ArcRwLockUpgradableReadGuard<R, T> {}
        #[acquire(shared, try)] pub fn try_read_arc(&self) -> Option<ArcRwLockReadGuard<R, T>> {}
        #[acquire(exclusive, try)] pub fn try_write_arc(&self) -> Option<ArcRwLockWriteGuard<R, T>> {}
        #[same] pub fn get_mut(&mut self) -> &mut T {}
        #[same] pub fn into_inner(self) -> T {}
        pub fn is_locked(&self) -> bool {}
        pub fn is_locked_exclusive(&self) -> bool {}
    }
    #[guard(blocking)] pub struct RwLockReadGuard<R, T>;
    impl<R, T> RwLockReadGuard<R, T> { #[same] pub fn map<U, F: FnOnce(&T) -> &U>(guard: RwLockReadGuard<R, T>, f: F) -> MappedRwLockReadGuard<R, U> {} }
    impl<R, T> Deref for RwLockReadGuard<R, T> { type Target = T; }
    #[guard(blocking)] pub struct RwLockWriteGuard<R, T>;
    impl<R, T> RwLockWriteGuard<R, T> {
        #[same] pub fn map<U, F: FnOnce(&mut T) -> &mut U>(guard: RwLockWriteGuard<R, T>, f: F) -> MappedRwLockWriteGuard<R, U> {}
        #[same] #[becomes(shared)] pub fn downgrade(guard: RwLockWriteGuard<R, T>) -> RwLockReadGuard<R, T> {}
        #[same] pub fn downgrade_to_upgradable(guard: RwLockWriteGuard<R, T>) -> RwLockUpgradableReadGuard<R, T> {}
    }
    impl<R, T> Deref for RwLockWriteGuard<R, T> { type Target = T; }
    #[guard(blocking)] pub struct RwLockUpgradableReadGuard<R, T>;
    impl<R, T> RwLockUpgradableReadGuard<R, T> {
        #[same] #[becomes(exclusive)] pub fn upgrade(guard: RwLockUpgradableReadGuard<R, T>) -> RwLockWriteGuard<R, T> {}
        #[same] pub fn try_upgrade(guard: RwLockUpgradableReadGuard<R, T>) -> Result<RwLockWriteGuard<R, T>, RwLockUpgradableReadGuard<R, T>> {}
        #[same] #[becomes(shared)] pub fn downgrade(guard: RwLockUpgradableReadGuard<R, T>) -> RwLockReadGuard<R, T> {}
    }
    impl<R, T> Deref for RwLockUpgradableReadGuard<R, T> { type Target = T; }
    #[guard(blocking)] pub struct MappedRwLockReadGuard<R, T>;
    impl<R, T> Deref for MappedRwLockReadGuard<R, T> { type Target = T; }
    #[guard(blocking)] pub struct MappedRwLockWriteGuard<R, T>;
    impl<R, T> Deref for MappedRwLockWriteGuard<R, T> { type Target = T; }
    #[guard(blocking)] pub struct ArcRwLockReadGuard<R, T>;
    impl<R, T> Deref for ArcRwLockReadGuard<R, T> { type Target = T; }
    #[guard(blocking)] pub struct ArcRwLockWriteGuard<R, T>;
    impl<R, T> Deref for ArcRwLockWriteGuard<R, T> { type Target = T; }
    #[guard(blocking)] pub struct ArcRwLockUpgradableReadGuard<R, T>;
    impl<R, T> Deref for ArcRwLockUpgradableReadGuard<R, T> { type Target = T; }
}
