// Curated model of `crossbeam`, with `crossbeam-channel` and `crossbeam-utils`, which it re-exports. Every reader of a
// `ShardedLock` takes one shard and a writer takes all, each a lock of `std`: readers queue behind a waiting writer.

pub use crossbeam::thread::scope;
pub mod utils {
    pub use std::cell::RefCell;
    pub struct CachePadded<T>;
    impl<T> CachePadded<T> { #[same] pub fn new(value: T) -> CachePadded<T> {} #[same] pub fn into_inner(self) -> T {} }
    impl<T> Deref for CachePadded<T> { type Target = T; }
    pub struct Backoff;
    impl Backoff { pub fn new() -> Backoff {} pub fn spin(&self) {} pub fn snooze(&self) {} pub fn reset(&self) {} pub fn is_completed(&self) -> bool {} }
}
pub use crossbeam::utils::{Backoff, CachePadded};
pub mod sync {
    #[lock(rwlock)] pub struct ShardedLock<T>;
    impl<T> ShardedLock<T> {
        #[same] pub fn new(value: T) -> ShardedLock<T> {}
        #[acquire(shared)] pub fn read(&self) -> std::sync::LockResult<ShardedLockReadGuard<T>> {}
        #[acquire(exclusive)] pub fn write(&self) -> std::sync::LockResult<ShardedLockWriteGuard<T>> {}
        #[acquire(shared, try)] pub fn try_read(&self) -> std::sync::TryLockResult<ShardedLockReadGuard<T>> {}
        #[acquire(exclusive, try)] pub fn try_write(&self) -> std::sync::TryLockResult<ShardedLockWriteGuard<T>> {}
        #[same] pub fn get_mut(&mut self) -> std::sync::LockResult<&mut T> {}
        #[same] pub fn into_inner(self) -> std::sync::LockResult<T> {}
        pub fn is_poisoned(&self) -> bool {}
    }
    #[guard(blocking)] pub struct ShardedLockReadGuard<T>;
    impl<T> Deref for ShardedLockReadGuard<T> { type Target = T; }
    #[guard(blocking)] pub struct ShardedLockWriteGuard<T>;
    impl<T> Deref for ShardedLockWriteGuard<T> { type Target = T; }
    pub struct WaitGroup;
    impl WaitGroup { pub fn new() -> WaitGroup {} pub fn wait(self) {} pub fn clone(&self) -> WaitGroup {} }
    pub struct Parker; pub struct Unparker;
    impl Parker { pub fn new() -> Parker {} pub fn park(&self) {} pub fn unparker(&self) -> &Unparker {} }
    impl Unparker { pub fn unpark(&self) {} pub fn clone(&self) -> Unparker {} }
}
pub mod thread {
    pub fn scope<R, F: FnOnce(&Scope) -> R>(f: F) -> std::result::Result<R, Box<dyn std::any::Any>> {}
    pub struct Scope;
    impl Scope { #[spawn] pub fn spawn<T, F: FnOnce(&Scope) -> T>(&self, f: F) -> ScopedJoinHandle<T> {} pub fn builder(&self) -> ScopedThreadBuilder {} }
    pub struct ScopedThreadBuilder;
    impl ScopedThreadBuilder { pub fn name(self, name: String) -> ScopedThreadBuilder {} pub fn stack_size(self, n: usize) -> ScopedThreadBuilder {} #[spawn] pub fn spawn<T, F: FnOnce(&Scope) -> T>(self, f: F) -> std::io::Result<ScopedJoinHandle<T>> {} }
    pub struct ScopedJoinHandle<T>;
    impl<T> ScopedJoinHandle<T> { pub fn join(self) -> std::result::Result<T, Box<dyn std::any::Any>> {} }
}
pub mod channel {
    pub fn bounded<T>(n: usize) -> (Sender<T>, Receiver<T>) {}
    pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {}
    pub fn after(duration: std::time::Duration) -> Receiver<std::time::Instant> {}
    pub fn tick(duration: std::time::Duration) -> Receiver<std::time::Instant> {}
    pub fn at(when: std::time::Instant) -> Receiver<std::time::Instant> {}
    pub fn never<T>() -> Receiver<T> {}
    pub struct Sender<T>; pub struct Receiver<T>;
    pub struct SendError<T>(pub T); pub struct RecvError;
    pub enum TrySendError<T> { Full(T), Disconnected(T) } pub enum TryRecvError { Empty, Disconnected }
    pub enum SendTimeoutError<T> { Timeout(T), Disconnected(T) } pub enum RecvTimeoutError { Timeout, Disconnected }
    impl<T> Sender<T> {
        pub fn send(&self, value: T) -> Result<(), SendError<T>> {}
        pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {}
        pub fn send_timeout(&self, value: T, d: std::time::Duration) -> Result<(), SendTimeoutError<T>> {}
        pub fn is_empty(&self) -> bool {} pub fn is_full(&self) -> bool {} pub fn len(&self) -> usize {}
        #[same] pub fn clone(&self) -> Sender<T> {}
    }
    impl<T> Receiver<T> {
        pub fn recv(&self) -> Result<T, RecvError> {}
        pub fn try_recv(&self) -> Result<T, TryRecvError> {}
        pub fn recv_timeout(&self, d: std::time::Duration) -> Result<T, RecvTimeoutError> {}
        pub fn recv_deadline(&self, d: std::time::Instant) -> Result<T, RecvTimeoutError> {}
        pub fn iter(&self) -> impl Iterator<Item = T> {} pub fn try_iter(&self) -> impl Iterator<Item = T> {}
        pub fn is_empty(&self) -> bool {} pub fn is_full(&self) -> bool {} pub fn len(&self) -> usize {}
        #[same] pub fn clone(&self) -> Receiver<T> {}
    }
    impl<T> IntoIterator for Receiver<T> { type Item = T; }
}
