// Curated model of `keepcalm`: shared containers over locks of `parking_lot`. Readers of `new` queue behind a waiting
// writer; `new_mutex` lets readers exclude each other too, which the type does not tell.

#[lock(rwlock)] pub struct SharedMut<T>;
impl<T> SharedMut<T> {
    #[same] pub fn new(value: T) -> SharedMut<T> {}
    #[same] pub fn new_mutex(value: T) -> SharedMut<T> {}
    #[acquire(shared)] pub fn read(&self) -> SharedReadLock<T> {}
    #[acquire(exclusive)] pub fn write(&self) -> SharedWriteLock<T> {}
    #[same] pub fn shared(&self) -> Shared<T> {}
    #[same] pub fn clone(&self) -> SharedMut<T> {}
}
#[lock(rwlock)] pub struct Shared<T>;
impl<T> Shared<T> {
    #[same] pub fn new(value: T) -> Shared<T> {}
    #[acquire(shared)] pub fn read(&self) -> SharedReadLock<T> {}
    #[same] pub fn clone(&self) -> Shared<T> {}
}
#[guard(blocking)] pub struct SharedReadLock<T>;
impl<T> Deref for SharedReadLock<T> { type Target = T; }
#[guard(blocking)] pub struct SharedWriteLock<T>;
impl<T> Deref for SharedWriteLock<T> { type Target = T; }
