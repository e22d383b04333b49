// Curated model of `tokio`.

pub use tokio::task::spawn;
pub mod task {
    #[spawn] pub fn spawn<F: Future>(future: F) -> JoinHandle<<F as Future>::Output> {}
    #[spawn] pub fn spawn_local<F: Future>(future: F) -> JoinHandle<<F as Future>::Output> {}
    #[spawn] pub fn spawn_blocking<T, F: FnOnce() -> T>(f: F) -> JoinHandle<T> {}
    pub fn block_in_place<T, F: FnOnce() -> T>(f: F) -> T {}
    pub async fn yield_now() {}
    #[handle] pub struct JoinHandle<T>;
    impl<T> JoinHandle<T> { pub fn abort(&self) {} pub fn is_finished(&self) -> bool {} pub fn abort_handle(&self) -> AbortHandle {} }
    impl<T> Future for JoinHandle<T> { type Output = Result<T, JoinError>; }
    pub struct AbortHandle;
    impl AbortHandle { pub fn abort(&self) {} pub fn is_finished(&self) -> bool {} }
    pub struct JoinError;
    impl JoinError { pub fn is_panic(&self) -> bool {} pub fn is_cancelled(&self) -> bool {} }
    pub struct JoinSet<T>;
    impl<T> JoinSet<T> {
        pub fn new() -> JoinSet<T> {}
        #[spawn] pub fn spawn<F: Future>(&mut self, future: F) -> AbortHandle {}
        #[spawn] pub fn spawn_blocking<F: FnOnce() -> T>(&mut self, f: F) -> AbortHandle {}
        pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {}
        pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {}
        pub async fn shutdown(&mut self) {}
        pub fn abort_all(&mut self) {}
        pub fn len(&self) -> usize {}
        pub fn is_empty(&self) -> bool {}
    }
    pub struct LocalSet;
    impl LocalSet { pub fn new() -> LocalSet {} #[spawn] pub fn spawn_local<F: Future>(&self, future: F) -> JoinHandle<<F as Future>::Output> {} }
}
pub mod runtime {
    pub struct Runtime;
    impl Runtime {
        pub fn new() -> std::io::Result<Runtime> {}
        #[in_place] pub fn block_on<F: Future>(&self, future: F) -> <F as Future>::Output {}
        #[spawn] pub fn spawn<F: Future>(&self, future: F) -> tokio::task::JoinHandle<<F as Future>::Output> {}
        #[spawn] pub fn spawn_blocking<T, F: FnOnce() -> T>(&self, f: F) -> tokio::task::JoinHandle<T> {}
        pub fn handle(&self) -> &Handle {}
    }
    pub struct Handle;
    impl Handle {
        pub fn current() -> Handle {}
        pub fn try_current() -> Result<Handle, TryCurrentError> {}
        pub fn clone(&self) -> Handle {}
        #[in_place] pub fn block_on<F: Future>(&self, future: F) -> <F as Future>::Output {}
        #[spawn] pub fn spawn<F: Future>(&self, future: F) -> tokio::task::JoinHandle<<F as Future>::Output> {}
        #[spawn] pub fn spawn_blocking<T, F: FnOnce() -> T>(&self, f: F) -> tokio::task::JoinHandle<T> {}
    }
    pub struct TryCurrentError;
    pub struct Builder;
    impl Builder { pub fn new_multi_thread() -> Builder {} pub fn new_current_thread() -> Builder {} pub fn enable_all(&mut self) -> &mut Builder {} pub fn worker_threads(&mut self, n: usize) -> &mut Builder {} pub fn thread_name(&mut self, name: &str) -> &mut Builder {} pub fn build(&mut self) -> std::io::Result<Runtime> {} }
}
pub mod time {
    pub use std::time::Duration;
    pub struct Instant;
    impl Instant { pub fn now() -> Instant {} pub fn elapsed(&self) -> std::time::Duration {} pub fn duration_since(&self, earlier: Instant) -> std::time::Duration {} }
    pub async fn sleep(duration: std::time::Duration) {}
    pub async fn sleep_until(deadline: Instant) {}
    #[in_place] #[bounded] pub fn timeout<F: Future>(duration: std::time::Duration, future: F) -> impl Future<Output = Result<<F as Future>::Output, error::Elapsed>> {}
    #[in_place] #[bounded] pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> impl Future<Output = Result<<F as Future>::Output, error::Elapsed>> {}
    pub mod error { pub struct Elapsed; }
    pub fn interval(period: std::time::Duration) -> Interval {}
    pub fn interval_at(start: Instant, period: std::time::Duration) -> Interval {}
    pub enum MissedTickBehavior { Burst, Delay, Skip }
    pub struct Interval;
    impl Interval { pub async fn tick(&mut self) -> Instant {} pub fn reset(&mut self) {} pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {} }
}
pub mod sync {
    pub struct TryLockError; pub struct AcquireError; pub struct TryAcquireError;
    #[lock(mutex)] pub struct Mutex<T>;
    impl<T> Mutex<T> {
        #[same] pub fn new(value: T) -> Mutex<T> {}
        #[same] pub fn const_new(value: T) -> Mutex<T> {}
        #[acquire(exclusive)] pub async fn lock(&self) -> MutexGuard<T> {}
        #[acquire(exclusive)] pub async fn lock_owned(self) -> OwnedMutexGuard<T> {}
        #[acquire(exclusive)] pub fn blocking_lock(&self) -> MutexGuard<T> {}
        #[acquire(exclusive)] pub fn blocking_lock_owned(self) -> OwnedMutexGuard<T> {}
        #[acquire(exclusive, try)] pub fn try_lock(&self) -> Result<MutexGuard<T>, TryLockError> {}
        #[acquire(exclusive, try)] pub fn try_lock_owned(self) -> Result<OwnedMutexGuard<T>, TryLockError> {}
        #[same] pub fn get_mut(&mut self) -> &mut T {}
        #[same] pub fn into_inner(self) -> T {}
    }
    #[guard(task)] pub struct MutexGuard<T>;
    impl<T> MutexGuard<T> { #[same] pub fn map<U, F: FnOnce(&mut T) -> &mut U>(guard: MutexGuard<T>, f: F) -> MappedMutexGuard<U> {} }
    impl<T> Deref for MutexGuard<T> { type Target = T; }
    #[guard(task)] pub struct MappedMutexGuard<T>;
    impl<T> Deref for MappedMutexGuard<T> { type Target = T; }
    #[guard(task)] pub struct OwnedMutexGuard<T>;
    impl<T> Deref for OwnedMutexGuard<T> { type Target = T; }
    #[lock(rwlock)] pub struct RwLock<T>;
    impl<T> RwLock<T> {
        #[same] pub fn new(value: T) -> RwLock<T> {}
        #[same] pub fn const_new(value: T) -> RwLock<T> {}
        #[acquire(shared)] pub async fn read(&self) -> RwLockReadGuard<T> {}
        #[acquire(exclusive)] pub async fn write(&self) -> RwLockWriteGuard<T> {}
        #[acquire(shared)] pub async fn read_owned(self) -> OwnedRwLockReadGuard<T> {}
        #[acquire(exclusive)] pub async fn write_owned(self) -> OwnedRwLockWriteGuard<T> {}
        #[acquire(shared)] pub fn blocking_read(&self) -> RwLockReadGuard<T> {}
        #[acquire(exclusive)] pub fn blocking_write(&self) -> RwLockWriteGuard<T> {}
        #[acquire(shared, try)] pub fn try_read(&self) -> Result<RwLockReadGuard<T>, TryLockError> {}
        #[acquire(exclusive, try)] pub fn try_write(&self) -> Result<RwLockWriteGuard<T>, TryLockError> {}
        #[same] pub fn get_mut(&mut self) -> &mut T {}
        #[same] pub fn into_inner(self) -> T {}
    }
    #[guard(task)] pub struct RwLockReadGuard<T>;
    impl<T> RwLockReadGuard<T> { #[same] pub fn map<U, F: FnOnce(&T) -> &U>(guard: RwLockReadGuard<T>, f: F) -> RwLockReadGuard<U> {} }
    impl<T> Deref for RwLockReadGuard<T> { type Target = T; }
    #[guard(task)] pub struct RwLockWriteGuard<T>;
    impl<T> RwLockWriteGuard<T> { #[same] #[becomes(shared)] pub fn downgrade(self) -> RwLockReadGuard<T> {} }
    impl<T> Deref for RwLockWriteGuard<T> { type Target = T; }
    #[guard(task)] pub struct OwnedRwLockReadGuard<T>;
    impl<T> Deref for OwnedRwLockReadGuard<T> { type Target = T; }
    #[guard(task)] pub struct OwnedRwLockWriteGuard<T>;
    impl<T> Deref for OwnedRwLockWriteGuard<T> { type Target = T; }
    #[lock(semaphore)] pub struct Semaphore;
    impl Semaphore {
        pub fn new(n: usize) -> Semaphore {}
        pub const fn const_new(n: usize) -> Semaphore {}
        #[acquire(shared)] pub async fn acquire(&self) -> Result<SemaphorePermit, AcquireError> {}
        #[acquire(shared)] pub async fn acquire_many(&self, n: u32) -> Result<SemaphorePermit, AcquireError> {}
        #[acquire(shared)] pub async fn acquire_owned(self) -> Result<OwnedSemaphorePermit, AcquireError> {}
        #[acquire(shared)] pub async fn acquire_many_owned(self, n: u32) -> Result<OwnedSemaphorePermit, AcquireError> {}
        #[acquire(shared, try)] pub fn try_acquire(&self) -> Result<SemaphorePermit, TryAcquireError> {}
        #[acquire(shared, try)] pub fn try_acquire_owned(self) -> Result<OwnedSemaphorePermit, TryAcquireError> {}
        pub fn add_permits(&self, n: usize) {}
        pub fn available_permits(&self) -> usize {}
        pub fn close(&self) {}
    }
    #[guard(task)] pub struct SemaphorePermit;
    impl SemaphorePermit { pub fn forget(self) {} }
    #[guard(task)] pub struct OwnedSemaphorePermit;
    impl OwnedSemaphorePermit { pub fn forget(self) {} }
    pub struct Notify;
    impl Notify { pub fn new() -> Notify {} pub fn notify_one(&self) {} pub fn notify_waiters(&self) {} pub async fn notified(&self) {} }
    pub struct Barrier;
    impl Barrier { pub fn new(n: usize) -> Barrier {} pub async fn wait(&self) {} }
    pub struct OnceCell<T>;
    impl<T> OnceCell<T> {
        pub fn new() -> OnceCell<T> {} pub const fn const_new() -> OnceCell<T> {}
        #[same] pub fn get(&self) -> Option<&T> {}
        pub fn set(&self, value: T) -> Result<(), T> {}
        #[same] pub async fn get_or_init<F>(&self, f: F) -> &T {}
        #[same] pub async fn get_or_try_init<E, F>(&self, f: F) -> Result<&T, E> {}
    }
    pub mod mpsc {
        pub fn channel<T>(bound: usize) -> (Sender<T>, Receiver<T>) {}
        pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {}
        pub struct Sender<T>; pub struct Receiver<T>; pub struct UnboundedSender<T>; pub struct UnboundedReceiver<T>;
        pub struct WeakSender<T>; pub struct Permit<T>; pub struct OwnedPermit<T>;
        pub mod error { pub struct SendError<T>; pub struct TrySendError<T>; pub struct TryRecvError; }
        impl<T> Sender<T> { pub async fn send(&self, value: T) -> Result<(), error::SendError<T>> {} pub fn try_send(&self, value: T) -> Result<(), error::TrySendError<T>> {} pub fn blocking_send(&self, value: T) -> Result<(), error::SendError<T>> {} pub async fn reserve(&self) -> Result<Permit<T>, error::SendError<()>> {} pub async fn closed(&self) {} pub fn is_closed(&self) -> bool {} #[same] pub fn clone(&self) -> Sender<T> {} pub fn capacity(&self) -> usize {} pub fn max_capacity(&self) -> usize {} }
        impl<T> UnboundedSender<T> { pub fn send(&self, value: T) -> Result<(), error::SendError<T>> {} pub fn is_closed(&self) -> bool {} #[same] pub fn clone(&self) -> UnboundedSender<T> {} pub async fn closed(&self) {} }
        impl<T> Receiver<T> { pub async fn recv(&mut self) -> Option<T> {} pub fn try_recv(&mut self) -> Result<T, error::TryRecvError> {} pub fn blocking_recv(&mut self) -> Option<T> {} pub fn close(&mut self) {} pub fn len(&self) -> usize {} pub async fn recv_many(&mut self, buffer: &mut Vec<T>, n: usize) -> usize {} pub fn is_empty(&self) -> bool {} pub fn is_closed(&self) -> bool {} }
        impl<T> UnboundedReceiver<T> { pub async fn recv(&mut self) -> Option<T> {} pub fn try_recv(&mut self) -> Result<T, error::TryRecvError> {} pub fn blocking_recv(&mut self) -> Option<T> {} pub fn close(&mut self) {} pub fn len(&self) -> usize {} pub async fn recv_many(&mut self, buffer: &mut Vec<T>, n: usize) -> usize {} }
    }
    pub mod oneshot {
        pub fn channel<T>() -> (Sender<T>, Receiver<T>) {}
        pub struct Sender<T>; pub struct Receiver<T>;
        pub mod error { pub struct RecvError; pub struct TryRecvError; }
        impl<T> Sender<T> { pub fn send(self, value: T) -> Result<(), T> {} pub fn is_closed(&self) -> bool {} pub async fn closed(&mut self) {} }
        impl<T> Receiver<T> { pub fn try_recv(&mut self) -> Result<T, error::TryRecvError> {} pub fn blocking_recv(self) -> Result<T, error::RecvError> {} pub fn close(&mut self) {} }
        impl<T> Future for Receiver<T> { type Output = Result<T, error::RecvError>; }
    }
    pub mod broadcast {
        pub fn channel<T>(bound: usize) -> (Sender<T>, Receiver<T>) {}
        pub struct Sender<T>; pub struct Receiver<T>;
        pub mod error { pub struct SendError<T>; pub enum RecvError { Closed, Lagged(u64) } pub enum TryRecvError { Empty, Closed, Lagged(u64) } }
        impl<T> Sender<T> { pub fn send(&self, value: T) -> Result<usize, error::SendError<T>> {} pub fn subscribe(&self) -> Receiver<T> {} pub fn receiver_count(&self) -> usize {} #[same] pub fn clone(&self) -> Sender<T> {} pub fn len(&self) -> usize {} }
        impl<T> Receiver<T> { pub async fn recv(&mut self) -> Result<T, error::RecvError> {} pub fn try_recv(&mut self) -> Result<T, error::TryRecvError> {} pub fn resubscribe(&self) -> Receiver<T> {} }
    }
    pub mod watch {
        pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {}
        #[lock(rwlock)] pub struct Sender<T>;
        #[lock(rwlock)] pub struct Receiver<T>;
        pub mod error { pub struct SendError<T>; pub struct RecvError; }
        #[guard(blocking)] pub struct Ref<T>;
        impl<T> Deref for Ref<T> { type Target = T; }
        impl<T> Sender<T> {
            #[acquire(exclusive)] pub fn send(&self, value: T) -> Result<(), error::SendError<T>> {}
            #[acquire(exclusive)] pub fn send_replace(&self, value: T) -> T {}
            #[acquire(exclusive)] pub fn send_modify<F: FnOnce(&mut T)>(&self, f: F) {}
            #[acquire(exclusive)] pub fn send_if_modified<F: FnOnce(&mut T) -> bool>(&self, f: F) -> bool {}
            #[acquire(shared)] pub fn borrow(&self) -> Ref<T> {}
            pub fn subscribe(&self) -> Receiver<T> {}
            pub async fn closed(&self) {} pub fn is_closed(&self) -> bool {} pub fn receiver_count(&self) -> usize {}
        }
        impl<T> Receiver<T> {
            #[acquire(shared)] pub fn borrow(&self) -> Ref<T> {}
            #[acquire(shared)] pub fn borrow_and_update(&mut self) -> Ref<T> {}
            pub async fn changed(&mut self) -> Result<(), error::RecvError> {}
            #[acquire(shared)] pub async fn wait_for<F: FnMut(&T) -> bool>(&mut self, f: F) -> Result<Ref<T>, error::RecvError> {}
            pub fn has_changed(&self) -> Result<bool, error::RecvError> {}
            #[same] pub fn clone(&self) -> Receiver<T> {}
        }
    }
}
