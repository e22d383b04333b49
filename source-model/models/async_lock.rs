// Curated model of `async-lock`: the reader-writer lock prefers writers, so readers queue behind a waiting one.

pub mod futures {}
#[lock(mutex)] pub struct Mutex<T>;
impl<T> Mutex<T> {
    #[same] pub fn new(value: T) -> Mutex<T> {}
    #[acquire(exclusive)] pub async fn lock(&self) -> MutexGuard<T> {}
    #[acquire(exclusive)] pub async fn lock_arc(&self) -> MutexGuardArc<T> {}
    #[acquire(exclusive)] pub fn lock_blocking(&self) -> MutexGuard<T> {}
    #[acquire(exclusive)] pub fn lock_arc_blocking(&self) -> MutexGuardArc<T> {}
    #[acquire(exclusive, try)] pub fn try_lock(&self) -> Option<MutexGuard<T>> {}
    #[acquire(exclusive, try)] pub fn try_lock_arc(&self) -> Option<MutexGuardArc<T>> {}
    #[same] pub fn get_mut(&mut self) -> &mut T {}
    #[same] pub fn into_inner(self) -> T {}
}
#[guard(task)] pub struct MutexGuard<T>;
impl<T> Deref for MutexGuard<T> { type Target = T; }
#[guard(task)] pub struct MutexGuardArc<T>;
impl<T> Deref for MutexGuardArc<T> { type Target = T; }

#[lock(rwlock)] pub struct RwLock<T>;
impl<T> RwLock<T> {
    #[same] pub fn new(value: T) -> RwLock<T> {}
    #[acquire(shared)] pub async fn read(&self) -> RwLockReadGuard<T> {}
    #[acquire(exclusive)] pub async fn write(&self) -> RwLockWriteGuard<T> {}
    #[acquire(shared)] pub async fn upgradable_read(&self) -> RwLockUpgradableReadGuard<T> {}
    #[acquire(shared)] pub async fn read_arc(&self) -> RwLockReadGuardArc<T> {}
    #[acquire(exclusive)] pub async fn write_arc(&self) -> RwLockWriteGuardArc<T> {}
    #[acquire(shared)] pub async fn upgradable_read_arc(&self) -> RwLockUpgradableReadGuardArc<T> {}
    #[acquire(shared)] pub fn read_blocking(&self) -> RwLockReadGuard<T> {}
    #[acquire(exclusive)] pub fn write_blocking(&self) -> RwLockWriteGuard<T> {}
    #[acquire(shared)] pub fn upgradable_read_blocking(&self) -> RwLockUpgradableReadGuard<T> {}
    #[acquire(shared)] pub fn read_arc_blocking(&self) -> RwLockReadGuardArc<T> {}
    #[acquire(exclusive)] pub fn write_arc_blocking(&self) -> RwLockWriteGuardArc<T> {}
    #[acquire(shared, try)] pub fn try_read(&self) -> Option<RwLockReadGuard<T>> {}
    #[acquire(exclusive, try)] pub fn try_write(&self) -> Option<RwLockWriteGuard<T>> {}
    #[acquire(shared, try)] pub fn try_upgradable_read(&self) -> Option<RwLockUpgradableReadGuard<T>> {}
    #[acquire(shared, try)] pub fn try_read_arc(&self) -> Option<RwLockReadGuardArc<T>> {}
    #[acquire(exclusive, try)] pub fn try_write_arc(&self) -> Option<RwLockWriteGuardArc<T>> {}
    #[same] pub fn get_mut(&mut self) -> &mut T {}
    #[same] pub fn into_inner(self) -> T {}
}
#[guard(task)] pub struct RwLockReadGuard<T>;
impl<T> Deref for RwLockReadGuard<T> { type Target = T; }
#[guard(task)] pub struct RwLockWriteGuard<T>;
impl<T> RwLockWriteGuard<T> {
    #[same] #[becomes(shared)] pub fn downgrade(guard: RwLockWriteGuard<T>) -> RwLockReadGuard<T> {}
    #[same] pub fn downgrade_to_upgradable(guard: RwLockWriteGuard<T>) -> RwLockUpgradableReadGuard<T> {}
}
impl<T> Deref for RwLockWriteGuard<T> { type Target = T; }
#[guard(task)] pub struct RwLockUpgradableReadGuard<T>;
impl<T> RwLockUpgradableReadGuard<T> {
    #[same] #[becomes(exclusive)] pub async fn upgrade(guard: RwLockUpgradableReadGuard<T>) -> RwLockWriteGuard<T> {}
    #[same] #[becomes(exclusive)] pub fn upgrade_blocking(guard: RwLockUpgradableReadGuard<T>) -> RwLockWriteGuard<T> {}
    #[same] #[becomes(shared)] pub fn downgrade(guard: RwLockUpgradableReadGuard<T>) -> RwLockReadGuard<T> {}
}
impl<T> Deref for RwLockUpgradableReadGuard<T> { type Target = T; }
#[guard(task)] pub struct RwLockReadGuardArc<T>;
impl<T> Deref for RwLockReadGuardArc<T> { type Target = T; }
#[guard(task)] pub struct RwLockWriteGuardArc<T>;
impl<T> Deref for RwLockWriteGuardArc<T> { type Target = T; }
#[guard(task)] pub struct RwLockUpgradableReadGuardArc<T>;
impl<T> Deref for RwLockUpgradableReadGuardArc<T> { type Target = T; }

#[lock(semaphore)] pub struct Semaphore;
impl Semaphore {
    pub fn new(n: usize) -> Semaphore {}
    #[acquire(shared)] pub async fn acquire(&self) -> SemaphoreGuard {}
    #[acquire(shared)] pub async fn acquire_arc(&self) -> SemaphoreGuardArc {}
    #[acquire(shared)] pub fn acquire_blocking(&self) -> SemaphoreGuard {}
    #[acquire(shared)] pub fn acquire_arc_blocking(&self) -> SemaphoreGuardArc {}
    #[acquire(shared, try)] pub fn try_acquire(&self) -> Option<SemaphoreGuard> {}
    #[acquire(shared, try)] pub fn try_acquire_arc(&self) -> Option<SemaphoreGuardArc> {}
    pub fn add_permits(&self, n: usize) {}
}
#[guard(task)] pub struct SemaphoreGuard;
impl SemaphoreGuard { pub fn forget(self) {} }
#[guard(task)] pub struct SemaphoreGuardArc;
impl SemaphoreGuardArc { pub fn forget(self) {} }
pub struct Barrier;
impl Barrier { pub fn new(n: usize) -> Barrier {} pub async fn wait(&self) -> BarrierWaitResult {} pub fn wait_blocking(&self) -> BarrierWaitResult {} }
pub struct BarrierWaitResult;
impl BarrierWaitResult { pub fn is_leader(&self) -> bool {} }
pub struct OnceCell<T>;
impl<T> OnceCell<T> {
    pub fn new() -> OnceCell<T> {}
    #[same] pub fn get(&self) -> Option<&T> {}
    #[same] pub fn get_mut(&mut self) -> Option<&mut T> {}
    #[same] pub fn into_inner(self) -> Option<T> {}
    #[same] pub async fn wait(&self) -> &T {}
    #[same] pub fn wait_blocking(&self) -> &T {}
    #[same] pub async fn get_or_init<U, F: FnOnce() -> U>(&self, f: F) -> &T {}
    #[same] pub async fn get_or_try_init<E, U, F: FnOnce() -> U>(&self, f: F) -> Result<&T, E> {}
    #[same] pub fn get_or_init_blocking<F: FnOnce() -> T>(&self, f: F) -> &T {}
    pub fn is_initialized(&self) -> bool {}
}
