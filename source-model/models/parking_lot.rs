// Curated model of `parking_lot`. Readers of a `RwLock` queue behind a waiting writer. Recursive reads were methods of it
// until 0.12; from 0.13 on they have a lock of their own.

#[lock(mutex)] pub struct Mutex<T>;
impl<T> Mutex<T> {
    #[same] pub fn new(value: T) -> Mutex<T> {}
    #[acquire(exclusive)] pub fn lock(&self) -> MutexGuard<T> {}
    #[acquire(exclusive, try)] pub fn try_lock(&self) -> Option<MutexGuard<T>> {}
    #[acquire(exclusive, try)] pub fn try_lock_for(&self, d: std::time::Duration) -> Option<MutexGuard<T>> {}
    #[acquire(exclusive, try)] pub fn try_lock_until(&self, d: std::time::Instant) -> Option<MutexGuard<T>> {}
    #[acquire(exclusive)] pub fn lock_arc(&self) -> ArcMutexGuard<T> {}
    #[acquire(exclusive, try)] pub fn try_lock_arc(&self) -> Option<ArcMutexGuard<T>> {}
    #[same] pub fn get_mut(&mut self) -> &mut T {}
    #[same] pub fn into_inner(self) -> T {}
    pub fn is_locked(&self) -> bool {}
}
#[lock(mutex)] pub struct FairMutex<T>;
impl<T> FairMutex<T> {
    #[same] pub fn new(value: T) -> FairMutex<T> {}
    #[acquire(exclusive)] pub fn lock(&self) -> FairMutexGuard<T> {}
    #[acquire(exclusive, try)] pub fn try_lock(&self) -> Option<FairMutexGuard<T>> {}
    #[acquire(exclusive, try)] pub fn try_lock_for(&self, d: std::time::Duration) -> Option<FairMutexGuard<T>> {}
    #[acquire(exclusive, try)] pub fn try_lock_until(&self, d: std::time::Instant) -> Option<FairMutexGuard<T>> {}
    #[same] pub fn get_mut(&mut self) -> &mut T {}
    #[same] pub fn into_inner(self) -> T {}
}
#[guard(blocking)] pub struct FairMutexGuard<T>;
impl<T> FairMutexGuard<T> { #[same] pub fn map<U, F: FnOnce(&mut T) -> &mut U>(guard: FairMutexGuard<T>, f: F) -> MappedFairMutexGuard<U> {} }
impl<T> Deref for FairMutexGuard<T> { type Target = T; }
#[guard(blocking)] pub struct MappedFairMutexGuard<T>;
impl<T> Deref for MappedFairMutexGuard<T> { type Target = T; }
#[lock(mutex, reentrant)] pub struct ReentrantMutex<T>;
impl<T> ReentrantMutex<T> { pub fn new(value: T) -> ReentrantMutex<T> {} #[acquire(exclusive)] pub fn lock(&self) -> ReentrantMutexGuard<T> {} }
#[guard(blocking)] pub struct ReentrantMutexGuard<T>;
impl<T> Deref for ReentrantMutexGuard<T> { type Target = T; }
#[guard(blocking)] pub struct MutexGuard<T>;
impl<T> MutexGuard<T> {
    #[same] pub fn map<U, F: FnOnce(&mut T) -> &mut U>(guard: MutexGuard<T>, f: F) -> MappedMutexGuard<U> {}
    pub fn unlock_fair(guard: MutexGuard<T>) {}
}
impl<T> Deref for MutexGuard<T> { type Target = T; }
#[guard(blocking)] pub struct MappedMutexGuard<T>;
impl<T> Deref for MappedMutexGuard<T> { type Target = T; }
#[guard(blocking)] pub struct ArcMutexGuard<T>;
impl<T> Deref for ArcMutexGuard<T> { type Target = T; }

#[lock(rwlock)] pub struct RwLock<T>;
impl<T> RwLock<T> {
    #[same] pub fn new(value: T) -> RwLock<T> {}
    #[acquire(shared)] pub fn read(&self) -> RwLockReadGuard<T> {}
    #[acquire(shared, recursive)] #[version("<0.13")] pub fn read_recursive(&self) -> RwLockReadGuard<T> {}
    #[acquire(shared, try)] #[version("<0.13")] pub fn try_read_recursive(&self) -> Option<RwLockReadGuard<T>> {}
    #[acquire(exclusive)] pub fn write(&self) -> RwLockWriteGuard<T> {}
    #[acquire(shared)] pub fn upgradable_read(&self) -> RwLockUpgradableReadGuard<T> {}
    #[acquire(shared, try)] pub fn try_read(&self) -> Option<RwLockReadGuard<T>> {}
    #[acquire(exclusive, try)] pub fn try_write(&self) -> Option<RwLockWriteGuard<T>> {}
    #[acquire(shared, try)] pub fn try_read_for(&self, d: std::time::Duration) -> Option<RwLockReadGuard<T>> {}
    #[acquire(exclusive, try)] pub fn try_write_for(&self, d: std::time::Duration) -> Option<RwLockWriteGuard<T>> {}
    #[acquire(shared, try)] pub fn try_upgradable_read(&self) -> Option<RwLockUpgradableReadGuard<T>> {}
    #[acquire(shared)] pub fn read_arc(&self) -> ArcRwLockReadGuard<T> {}
    #[acquire(exclusive)] pub fn write_arc(&self) -> ArcRwLockWriteGuard<T> {}
    #[acquire(shared)] pub fn upgradable_read_arc(&self) -> ArcRwLockUpgradableReadGuard<T> {}
    #[acquire(shared, try)] pub fn try_read_arc(&self) -> Option<ArcRwLockReadGuard<T>> {}
    #[acquire(exclusive, try)] pub fn try_write_arc(&self) -> Option<ArcRwLockWriteGuard<T>> {}
    #[acquire(shared, try)] pub fn try_read_until(&self, d: std::time::Instant) -> Option<RwLockReadGuard<T>> {}
    #[acquire(exclusive, try)] pub fn try_write_until(&self, d: std::time::Instant) -> Option<RwLockWriteGuard<T>> {}
    #[acquire(shared, try)] pub fn try_upgradable_read_for(&self, d: std::time::Duration) -> Option<RwLockUpgradableReadGuard<T>> {}
    #[same] pub fn get_mut(&mut self) -> &mut T {}
    #[same] pub fn into_inner(self) -> T {}
    pub fn is_locked(&self) -> bool {}
}
#[guard(blocking)] pub struct RwLockReadGuard<T>;
impl<T> RwLockReadGuard<T> { #[same] pub fn map<U, F: FnOnce(&T) -> &U>(guard: RwLockReadGuard<T>, f: F) -> MappedRwLockReadGuard<U> {} }
impl<T> Deref for RwLockReadGuard<T> { type Target = T; }
#[guard(blocking)] pub struct RwLockWriteGuard<T>;
impl<T> RwLockWriteGuard<T> {
    #[same] pub fn map<U, F: FnOnce(&mut T) -> &mut U>(guard: RwLockWriteGuard<T>, f: F) -> MappedRwLockWriteGuard<U> {}
    #[same] #[becomes(shared)] pub fn downgrade(guard: RwLockWriteGuard<T>) -> RwLockReadGuard<T> {}
}
impl<T> Deref for RwLockWriteGuard<T> { type Target = T; }
#[guard(blocking)] pub struct RwLockUpgradableReadGuard<T>;
impl<T> RwLockUpgradableReadGuard<T> {
    #[same] #[becomes(exclusive)] pub fn upgrade(guard: RwLockUpgradableReadGuard<T>) -> RwLockWriteGuard<T> {}
    #[same] #[becomes(shared)] pub fn downgrade(guard: RwLockUpgradableReadGuard<T>) -> RwLockReadGuard<T> {}
}
impl<T> Deref for RwLockUpgradableReadGuard<T> { type Target = T; }
#[guard(blocking)] pub struct MappedRwLockReadGuard<T>;
impl<T> Deref for MappedRwLockReadGuard<T> { type Target = T; }
#[guard(blocking)] pub struct MappedRwLockWriteGuard<T>;
impl<T> Deref for MappedRwLockWriteGuard<T> { type Target = T; }
#[guard(blocking)] pub struct ArcRwLockReadGuard<T>;
impl<T> Deref for ArcRwLockReadGuard<T> { type Target = T; }
#[guard(blocking)] pub struct ArcRwLockWriteGuard<T>;
impl<T> Deref for ArcRwLockWriteGuard<T> { type Target = T; }
#[guard(blocking)] pub struct ArcRwLockUpgradableReadGuard<T>;
impl<T> ArcRwLockUpgradableReadGuard<T> { #[same] #[becomes(exclusive)] pub fn upgrade(guard: ArcRwLockUpgradableReadGuard<T>) -> ArcRwLockWriteGuard<T> {} }
impl<T> Deref for ArcRwLockUpgradableReadGuard<T> { type Target = T; }

#[version(">=0.13")] #[lock(rwlock, reader_preferring)] pub struct RecursiveRwLock<T>;
#[version(">=0.13")] impl<T> RecursiveRwLock<T> {
    #[same] pub fn new(value: T) -> RecursiveRwLock<T> {}
    #[acquire(shared)] pub fn read(&self) -> RecursiveRwLockReadGuard<T> {}
    #[acquire(exclusive)] pub fn write(&self) -> RecursiveRwLockWriteGuard<T> {}
    #[acquire(shared)] pub fn upgradable_read(&self) -> RecursiveRwLockUpgradableReadGuard<T> {}
    #[acquire(shared, try)] pub fn try_read(&self) -> Option<RecursiveRwLockReadGuard<T>> {}
    #[acquire(exclusive, try)] pub fn try_write(&self) -> Option<RecursiveRwLockWriteGuard<T>> {}
    #[same] pub fn get_mut(&mut self) -> &mut T {}
    #[same] pub fn into_inner(self) -> T {}
}
#[guard(blocking)] pub struct RecursiveRwLockReadGuard<T>;
impl<T> Deref for RecursiveRwLockReadGuard<T> { type Target = T; }
#[guard(blocking)] pub struct RecursiveRwLockWriteGuard<T>;
impl<T> Deref for RecursiveRwLockWriteGuard<T> { type Target = T; }
#[guard(blocking)] pub struct RecursiveRwLockUpgradableReadGuard<T>;
impl<T> RecursiveRwLockUpgradableReadGuard<T> { #[same] #[becomes(exclusive)] pub fn upgrade(guard: RecursiveRwLockUpgradableReadGuard<T>) -> RecursiveRwLockWriteGuard<T> {} }
impl<T> Deref for RecursiveRwLockUpgradableReadGuard<T> { type Target = T; }

pub struct Condvar;
impl Condvar {
    pub fn new() -> Condvar {}
    pub fn wait<T>(&self, guard: &mut MutexGuard<T>) {}
    pub fn wait_for<T>(&self, guard: &mut MutexGuard<T>, d: std::time::Duration) -> WaitTimeoutResult {}
    pub fn wait_until<T>(&self, guard: &mut MutexGuard<T>, d: std::time::Instant) -> WaitTimeoutResult {}
    pub fn wait_while<T, F: FnMut(&mut T) -> bool>(&self, guard: &mut MutexGuard<T>, f: F) {}
    pub fn notify_one(&self) -> bool {}
    pub fn notify_all(&self) -> usize {}
}
pub struct WaitTimeoutResult;
impl WaitTimeoutResult { pub fn timed_out(&self) -> bool {} }
pub struct Once;
impl Once { pub fn new() -> Once {} pub fn call_once<F: FnOnce()>(&self, f: F) {} }
