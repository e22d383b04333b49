// Curated model of `std` (also `core` and `alloc`): signatures that receiver types, guards and tasks depend on.
// `docs/library-models.md` explains the attributes. Bodies are empty: they are never analysed.

pub mod prelude {
    pub use std::option::Option;
    pub use std::option::Option::{None, Some};
    pub use std::result::Result;
    pub use std::result::Result::{Err, Ok};
    pub use std::vec::Vec;
    pub use std::boxed::Box;
    pub use std::string::{String, ToString};
    pub use std::mem::drop;
    pub use std::clone::Clone;
    pub use std::convert::{AsMut, AsRef, From, Into, TryFrom, TryInto};
    pub use std::default::Default;
    pub use std::iter::{DoubleEndedIterator, ExactSizeIterator, Extend, FromIterator, IntoIterator, Iterator};
    pub use std::ops::{AsyncFn, AsyncFnMut, AsyncFnOnce, Deref, Drop, Fn, FnMut, FnOnce};
    pub use std::borrow::ToOwned;
    pub use std::marker::{Copy, Send, Sized, Sync, Unpin};
    pub use std::future::{Future, IntoFuture};
}

pub mod option {
    pub enum Option<T> { None, Some(T) }
    impl<T> Option<T> {
        #[same] pub fn unwrap(self) -> T {}
        #[same] pub fn expect(self, message: &str) -> T {}
        #[same] pub fn unwrap_or(self, default: T) -> T {}
        #[same] pub fn unwrap_or_else<F: FnOnce() -> T>(self, f: F) -> T {}
        #[same] pub fn unwrap_or_default(self) -> T {}
        #[same] pub fn map<U, F: FnOnce(T) -> U>(self, f: F) -> Option<U> {}
        pub fn map_or<U, F: FnOnce(T) -> U>(self, default: U, f: F) -> U {}
        pub fn map_or_else<U, D: FnOnce() -> U, F: FnOnce(T) -> U>(self, default: D, f: F) -> U {}
        pub fn and_then<U, F: FnOnce(T) -> Option<U>>(self, f: F) -> Option<U> {}
        pub fn and<U>(self, other: Option<U>) -> Option<U> {}
        #[same] pub fn or(self, other: Option<T>) -> Option<T> {}
        #[same] pub fn or_else<F: FnOnce() -> Option<T>>(self, f: F) -> Option<T> {}
        #[same] pub fn filter<P: FnOnce(&T) -> bool>(self, predicate: P) -> Option<T> {}
        #[same] pub fn inspect<F: FnOnce(&T)>(self, f: F) -> Option<T> {}
        #[same] pub fn ok_or<E>(self, error: E) -> Result<T, E> {}
        #[same] pub fn ok_or_else<E, F: FnOnce() -> E>(self, error: F) -> Result<T, E> {}
        pub fn is_some(&self) -> bool {}
        pub fn is_none(&self) -> bool {}
        pub fn is_some_and<F: FnOnce(T) -> bool>(self, f: F) -> bool {}
        pub fn is_none_or<F: FnOnce(T) -> bool>(self, f: F) -> bool {}
        #[same] pub fn as_ref(&self) -> Option<&T> {}
        #[same] pub fn as_mut(&mut self) -> Option<&mut T> {}
        #[same] pub fn as_deref(&self) -> Option<&<T as Deref>::Target> {}
        #[same] pub fn as_deref_mut(&mut self) -> Option<&mut <T as Deref>::Target> {}
        #[same] #[take] pub fn take(&mut self) -> Option<T> {}
        #[same] #[take] #[put] pub fn replace(&mut self, value: T) -> Option<T> {}
        #[same] #[put] pub fn insert(&mut self, value: T) -> &mut T {}
        #[same] #[put] pub fn get_or_insert(&mut self, value: T) -> &mut T {}
        #[same] pub fn get_or_insert_with<F: FnOnce() -> T>(&mut self, f: F) -> &mut T {}
        #[same] pub fn iter(&self) -> impl Iterator<Item = &T> {}
        #[same] pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {}
        #[same] pub fn into_iter(self) -> impl Iterator<Item = T> {}
        #[same] pub fn cloned(self) -> Option<<T as Deref>::Target> {}
        #[same] pub fn copied(self) -> Option<<T as Deref>::Target> {}
        #[same] pub fn flatten(self) -> T {}
        #[same] pub fn clone(&self) -> Option<T> {}
        pub fn zip<U>(self, other: Option<U>) -> Option<(T, U)> {}
        pub fn transpose(self) -> T {}
    }
}

pub mod result {
    pub enum Result<T, E> { Ok(T), Err(E) }
    impl<T, E> Result<T, E> {
        #[same] pub fn unwrap(self) -> T {}
        #[same] pub fn expect(self, message: &str) -> T {}
        pub fn unwrap_err(self) -> E {}
        pub fn expect_err(self, message: &str) -> E {}
        #[same] pub fn unwrap_or(self, default: T) -> T {}
        #[same] pub fn unwrap_or_else<F: FnOnce(E) -> T>(self, f: F) -> T {}
        #[same] pub fn unwrap_or_default(self) -> T {}
        #[same] pub fn map<U, F: FnOnce(T) -> U>(self, f: F) -> Result<U, E> {}
        #[same] pub fn map_err<O, F: FnOnce(E) -> O>(self, f: F) -> Result<T, O> {}
        pub fn map_or<U, F: FnOnce(T) -> U>(self, default: U, f: F) -> U {}
        pub fn map_or_else<U, D: FnOnce(E) -> U, F: FnOnce(T) -> U>(self, default: D, f: F) -> U {}
        pub fn and_then<U, F: FnOnce(T) -> Result<U, E>>(self, f: F) -> Result<U, E> {}
        #[same] pub fn or_else<O, F: FnOnce(E) -> Result<T, O>>(self, f: F) -> Result<T, O> {}
        #[same] pub fn inspect_err<F: FnOnce(&E)>(self, f: F) -> Result<T, E> {}
        #[same] pub fn inspect<F: FnOnce(&T)>(self, f: F) -> Result<T, E> {}
        pub fn is_ok(&self) -> bool {}
        pub fn is_err(&self) -> bool {}
        pub fn is_ok_and<F: FnOnce(T) -> bool>(self, f: F) -> bool {}
        #[same] pub fn ok(self) -> Option<T> {}
        pub fn err(self) -> Option<E> {}
        #[same] pub fn as_ref(&self) -> Result<&T, &E> {}
        #[same] pub fn as_mut(&mut self) -> Result<&mut T, &mut E> {}
        #[same] pub fn as_deref(&self) -> Result<&<T as Deref>::Target, &E> {}
        #[same] pub fn iter(&self) -> impl Iterator<Item = &T> {}
        #[same] pub fn into_iter(self) -> impl Iterator<Item = T> {}
        #[same] pub fn cloned(self) -> Result<<T as Deref>::Target, E> {}
        #[same] pub fn copied(self) -> Result<<T as Deref>::Target, E> {}
        #[same] pub fn clone(&self) -> Result<T, E> {}
        pub fn transpose(self) -> Option<Result<T, E>> {}
    }
}

pub mod ops {
    pub trait Deref { type Target; #[same] fn deref(&self) -> &Self::Target; }
    pub trait DerefMut: Deref { #[same] fn deref_mut(&mut self) -> &mut <Self as Deref>::Target; }
    pub trait Drop { fn drop(&mut self); }
    pub trait Fn {}
    pub trait FnMut {}
    pub trait FnOnce {}
    pub trait AsyncFn {}
    pub trait AsyncFnMut {}
    pub trait AsyncFnOnce {}
    pub struct Range<T>;
    impl<T> Iterator for Range<T> { type Item = T; }
    pub enum ControlFlow<B, C> { Continue(C), Break(B) }
}

pub mod clone { pub trait Clone { fn clone(&self) -> Self; fn clone_from(&mut self, source: &Self); } }
pub mod default { pub trait Default { fn default() -> Self; } }
pub mod marker { pub trait Copy {} pub trait Send {} pub trait Sync {} pub trait Sized {} pub trait Unpin {} pub struct PhantomData<T>; }
pub mod any { pub trait Any {} }
pub mod error { pub trait Error {} }
pub mod hash { pub trait Hash {} pub trait Hasher {} pub trait BuildHasher {} }
pub mod fmt {
    pub trait Debug {} pub trait Display {}
    pub struct Formatter; pub struct Error; pub struct Arguments;
    pub type Result = std::result::Result<(), Error>;
}
pub mod convert {
    pub trait From<T> { fn from(value: T) -> Self; }
    pub trait Into<T> { fn into(self) -> T; }
    pub trait TryFrom<T> { }
    pub trait TryInto<T> { }
    pub trait AsRef<T> { #[same] fn as_ref(&self) -> &T; }
    pub trait AsMut<T> { #[same] fn as_mut(&mut self) -> &mut T; }
    pub enum Infallible {}
}
pub mod borrow {
    pub trait Borrow<T> { #[same] fn borrow(&self) -> &T; }
    pub trait BorrowMut<T> { #[same] fn borrow_mut(&mut self) -> &mut T; }
    pub trait ToOwned { fn to_owned(&self) -> Self; }
    pub enum Cow<T> { Borrowed(&T), Owned(T) }
    impl<T> Deref for Cow<T> { type Target = T; }
}

pub mod mem {
    #[drops] pub fn drop<T>(value: T) {}
    #[same] #[take] pub fn take<T>(place: &mut T) -> T {}
    #[same] #[take] #[put] pub fn replace<T>(place: &mut T, value: T) -> T {}
    pub fn swap<T>(a: &mut T, b: &mut T) {}
    #[forget] pub fn forget<T>(value: T) {}
    pub struct ManuallyDrop<T>;
    impl<T> ManuallyDrop<T> {
        #[same] #[forget] pub fn new(value: T) -> ManuallyDrop<T> {}
        #[same] pub fn into_inner(slot: ManuallyDrop<T>) -> T {}
        #[same] #[take] pub fn take(slot: &mut ManuallyDrop<T>) -> T {}
        #[clear] pub fn drop(slot: &mut ManuallyDrop<T>) {}
    }
    impl<T> Deref for ManuallyDrop<T> { type Target = T; }
    pub fn size_of<T>() -> usize {}
}

pub mod boxed {
    pub struct Box<T>;
    impl<T> Box<T> {
        #[same] pub fn new(value: T) -> Box<T> {}
        #[same] pub fn pin(value: T) -> std::pin::Pin<Box<T>> {}
        #[same] pub fn leak(value: Box<T>) -> &mut T {}
        #[same] pub fn into_pin(value: Box<T>) -> std::pin::Pin<Box<T>> {}
    }
    impl<T> Deref for Box<T> { type Target = T; }
}
pub mod rc {
    pub struct Rc<T>;
    impl<T> Rc<T> {
        #[same] pub fn new(value: T) -> Rc<T> {}
        #[same] pub fn clone(&self) -> Rc<T> {}
        #[same] pub fn downgrade(value: &Rc<T>) -> Weak<T> {}
        pub fn ptr_eq(a: &Rc<T>, b: &Rc<T>) -> bool {}
        pub fn strong_count(value: &Rc<T>) -> usize {}
    }
    impl<T> Deref for Rc<T> { type Target = T; }
    pub struct Weak<T>;
    impl<T> Weak<T> { #[same] pub fn upgrade(&self) -> Option<Rc<T>> {} #[same] pub fn clone(&self) -> Weak<T> {} pub fn new() -> Weak<T> {} }
}
pub mod pin {
    pub struct Pin<P>;
    impl<P> Pin<P> {
        #[same] pub fn new(pointer: P) -> Pin<P> {}
        #[same] pub fn as_mut(&mut self) -> Pin<&mut <P as Deref>::Target> {}
        #[same] pub fn as_ref(&self) -> Pin<&<P as Deref>::Target> {}
        #[same] pub fn get_mut(self) -> &mut <P as Deref>::Target {}
        #[same] pub fn get_unchecked_mut(self) -> &mut <P as Deref>::Target {}
        #[same] pub fn new_unchecked(pointer: P) -> Pin<P> {}
        #[same] pub fn map_unchecked_mut<U, F: FnOnce(&mut <P as Deref>::Target) -> &mut U>(self, f: F) -> Pin<&mut U> {}
        #[same] pub fn get_ref(self) -> &<P as Deref>::Target {}
        #[same] pub fn into_inner(self) -> P {}
    }
    impl<P> Deref for Pin<P> { type Target = <P as Deref>::Target; }
}

pub mod cell {
    #[lock(cell)] pub struct RefCell<T>;
    impl<T> RefCell<T> {
        #[same] pub fn new(value: T) -> RefCell<T> {}
        #[acquire(shared)] pub fn borrow(&self) -> Ref<T> {}
        #[acquire(exclusive)] pub fn borrow_mut(&self) -> RefMut<T> {}
        #[same] pub fn get_mut(&mut self) -> &mut T {}
        #[same] pub fn into_inner(self) -> T {}
    }
    #[guard(task)] pub struct Ref<T>;
    impl<T> Deref for Ref<T> { type Target = T; }
    #[guard(task)] pub struct RefMut<T>;
    impl<T> Deref for RefMut<T> { type Target = T; }
    pub struct Cell<T>;
    impl<T> Cell<T> { pub fn new(value: T) -> Cell<T> {} pub fn get(&self) -> T {} pub fn set(&self, value: T) {} pub fn take(&self) -> T {} pub fn replace(&self, value: T) -> T {} }
    pub struct UnsafeCell<T>;
    impl<T> UnsafeCell<T> { #[same] pub fn new(value: T) -> UnsafeCell<T> {} #[same] pub fn get(&self) -> &mut T {} #[same] pub fn get_mut(&mut self) -> &mut T {} }
    pub struct OnceCell<T>;
    impl<T> OnceCell<T> {
        pub fn new() -> OnceCell<T> {}
        #[same] pub fn get(&self) -> Option<&T> {}
        #[same] pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {}
        pub fn set(&self, value: T) -> Result<(), T> {}
    }
    pub struct LazyCell<T, F>;
    impl<T, F> LazyCell<T, F> { #[same] #[lazy] pub fn new<G: FnOnce() -> T>(f: G) -> LazyCell<T, G> {} #[same] pub fn force(lazy: &LazyCell<T, F>) -> &T {} }
    impl<T, F> Deref for LazyCell<T, F> { type Target = T; }
}

pub mod sync {
    pub use std::rc::Weak as RcWeak;
    pub struct Arc<T>;
    impl<T> Arc<T> {
        #[same] pub fn new(value: T) -> Arc<T> {}
        #[same] pub fn from(value: T) -> Arc<T> {}
        #[same] pub fn pin(value: T) -> std::pin::Pin<Arc<T>> {}
        #[same] pub fn new_cyclic<F: FnOnce(&Weak<T>) -> T>(f: F) -> Arc<T> {}
        #[same] pub fn clone(&self) -> Arc<T> {}
        #[same] pub fn downgrade(value: &Arc<T>) -> Weak<T> {}
        pub fn ptr_eq(a: &Arc<T>, b: &Arc<T>) -> bool {}
        pub fn strong_count(value: &Arc<T>) -> usize {}
        #[same] pub fn get_mut(value: &mut Arc<T>) -> Option<&mut T> {}
        #[same] pub fn make_mut(value: &mut Arc<T>) -> &mut T {}
        #[same] pub fn try_unwrap(value: Arc<T>) -> Result<T, Arc<T>> {}
        #[same] pub fn into_inner(value: Arc<T>) -> Option<T> {}
    }
    impl<T> Deref for Arc<T> { type Target = T; }
    pub struct Weak<T>;
    impl<T> Weak<T> { #[same] pub fn upgrade(&self) -> Option<Arc<T>> {} #[same] pub fn clone(&self) -> Weak<T> {} pub fn new() -> Weak<T> {} }

    pub type LockResult<G> = Result<G, PoisonError<G>>;
    pub type TryLockResult<G> = Result<G, TryLockError<G>>;
    pub struct PoisonError<G>;
    impl<G> PoisonError<G> {
        #[same] pub fn into_inner(self) -> G {}
        #[same] pub fn get_ref(&self) -> &G {}
        #[same] pub fn get_mut(&mut self) -> &mut G {}
    }
    pub enum TryLockError<G> { Poisoned(PoisonError<G>), WouldBlock }

    #[lock(mutex)] pub struct Mutex<T>;
    impl<T> Mutex<T> {
        #[same] pub fn new(value: T) -> Mutex<T> {}
        #[acquire(exclusive)] pub fn lock(&self) -> LockResult<MutexGuard<T>> {}
        #[acquire(exclusive, try)] pub fn try_lock(&self) -> TryLockResult<MutexGuard<T>> {}
        #[same] pub fn get_mut(&mut self) -> LockResult<&mut T> {}
        #[same] pub fn into_inner(self) -> LockResult<T> {}
        pub fn is_poisoned(&self) -> bool {}
        pub fn clear_poison(&self) {}
    }
    #[guard(blocking)] pub struct MutexGuard<T>;
    impl<T> MutexGuard<T> { #[same] pub fn map<U, F: FnOnce(&mut T) -> &mut U>(guard: MutexGuard<T>, f: F) -> MappedMutexGuard<U> {} }
    impl<T> Deref for MutexGuard<T> { type Target = T; }
    #[guard(blocking)] pub struct MappedMutexGuard<T>;
    impl<T> Deref for MappedMutexGuard<T> { type Target = T; }
    #[lock(mutex, reentrant)] pub struct ReentrantLock<T>;
    impl<T> ReentrantLock<T> { pub fn new(value: T) -> ReentrantLock<T> {} #[acquire(exclusive)] pub fn lock(&self) -> ReentrantLockGuard<T> {} }
    #[guard(blocking)] pub struct ReentrantLockGuard<T>;
    impl<T> Deref for ReentrantLockGuard<T> { type Target = T; }

    #[lock(rwlock)] pub struct RwLock<T>;
    impl<T> RwLock<T> {
        #[same] pub fn new(value: T) -> RwLock<T> {}
        #[acquire(shared)] pub fn read(&self) -> LockResult<RwLockReadGuard<T>> {}
        #[acquire(exclusive)] pub fn write(&self) -> LockResult<RwLockWriteGuard<T>> {}
        #[acquire(shared, try)] pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<T>> {}
        #[acquire(exclusive, try)] pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<T>> {}
        #[same] pub fn get_mut(&mut self) -> LockResult<&mut T> {}
        #[same] pub fn into_inner(self) -> LockResult<T> {}
        pub fn is_poisoned(&self) -> bool {}
    }
    #[guard(blocking)] pub struct RwLockReadGuard<T>;
    impl<T> Deref for RwLockReadGuard<T> { type Target = T; }
    #[guard(blocking)] pub struct RwLockWriteGuard<T>;
    impl<T> Deref for RwLockWriteGuard<T> { type Target = T; }

    pub struct Condvar;
    pub struct WaitTimeoutResult;
    impl WaitTimeoutResult { pub fn timed_out(&self) -> bool {} }
    impl Condvar {
        pub fn new() -> Condvar {}
        #[same] pub fn wait<T>(&self, guard: MutexGuard<T>) -> LockResult<MutexGuard<T>> {}
        #[same] pub fn wait_while<T, F: FnMut(&mut T) -> bool>(&self, guard: MutexGuard<T>, condition: F) -> LockResult<MutexGuard<T>> {}
        pub fn wait_timeout<T>(&self, guard: MutexGuard<T>, timeout: std::time::Duration) -> LockResult<(MutexGuard<T>, WaitTimeoutResult)> {}
        pub fn wait_timeout_while<T, F: FnMut(&mut T) -> bool>(&self, guard: MutexGuard<T>, timeout: std::time::Duration, condition: F) -> LockResult<(MutexGuard<T>, WaitTimeoutResult)> {}
        pub fn notify_one(&self) {}
        pub fn notify_all(&self) {}
    }
    pub struct OnceLock<T>;
    impl<T> OnceLock<T> {
        pub fn new() -> OnceLock<T> {}
        #[same] pub fn get(&self) -> Option<&T> {}
        #[same] pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {}
        #[same] pub fn get_mut(&mut self) -> Option<&mut T> {}
        #[same] pub fn wait(&self) -> &T {}
        #[same] pub fn into_inner(self) -> Option<T> {}
        #[same] #[take] pub fn take(&mut self) -> Option<T> {}
        pub fn set(&self, value: T) -> Result<(), T> {}
    }
    pub struct LazyLock<T, F>;
    impl<T, F> LazyLock<T, F> { #[same] #[lazy] pub fn new<G: FnOnce() -> T>(f: G) -> LazyLock<T, G> {} #[same] pub fn force(lazy: &LazyLock<T, F>) -> &T {} }
    impl<T, F> Deref for LazyLock<T, F> { type Target = T; }
    pub struct Once;
    impl Once { pub fn new() -> Once {} pub fn call_once<F: FnOnce()>(&self, f: F) {} }
    pub struct Barrier;
    impl Barrier { pub fn new(n: usize) -> Barrier {} pub fn wait(&self) -> BarrierWaitResult {} }
    pub struct BarrierWaitResult;
    impl BarrierWaitResult { pub fn is_leader(&self) -> bool {} }
    pub mod atomic {
        pub enum Ordering { Relaxed, Release, Acquire, AcqRel, SeqCst }
        pub struct AtomicBool; pub struct AtomicU8; pub struct AtomicU16; pub struct AtomicU32; pub struct AtomicU64; pub struct AtomicUsize;
        pub struct AtomicI8; pub struct AtomicI16; pub struct AtomicI32; pub struct AtomicI64; pub struct AtomicIsize; pub struct AtomicPtr<T>;
        impl AtomicBool { pub fn new(value: bool) -> AtomicBool {} pub fn load(&self, order: Ordering) -> bool {} pub fn store(&self, value: bool, order: Ordering) {} pub fn swap(&self, value: bool, order: Ordering) -> bool {} pub fn compare_exchange(&self, a: bool, b: bool, c: Ordering, d: Ordering) -> Result<bool, bool> {} pub fn fetch_or(&self, value: bool, order: Ordering) -> bool {} pub fn fetch_and(&self, value: bool, order: Ordering) -> bool {} }
    }
    pub mod mpsc {
        pub fn channel<T>() -> (Sender<T>, Receiver<T>) {}
        pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {}
        pub struct Sender<T>; pub struct SyncSender<T>; pub struct Receiver<T>; pub struct SendError<T>; pub struct RecvError;
        impl<T> Sender<T> { pub fn send(&self, value: T) -> Result<(), SendError<T>> {} #[same] pub fn clone(&self) -> Sender<T> {} }
        impl<T> SyncSender<T> { pub fn send(&self, value: T) -> Result<(), SendError<T>> {} pub fn try_send(&self, value: T) -> Result<(), SendError<T>> {} #[same] pub fn clone(&self) -> SyncSender<T> {} }
        impl<T> Receiver<T> {
            pub fn recv(&self) -> Result<T, RecvError> {}
            pub fn try_recv(&self) -> Result<T, RecvError> {}
            pub fn recv_timeout(&self, timeout: std::time::Duration) -> Result<T, RecvError> {}
            pub fn iter(&self) -> impl Iterator<Item = T> {}
            pub fn try_iter(&self) -> impl Iterator<Item = T> {}
        }
    }
}

pub mod thread {
    #[spawn] pub fn spawn<T, F: FnOnce() -> T>(f: F) -> JoinHandle<T> {}
    pub fn scope<T, F: FnOnce(&Scope) -> T>(f: F) -> T {}
    pub fn sleep(duration: std::time::Duration) {}
    pub fn yield_now() {}
    pub fn current() -> Thread {}
    pub fn park() {}
    pub struct Thread;
    impl Thread { pub fn unpark(&self) {} pub fn id(&self) -> ThreadId {} pub fn name(&self) -> Option<&str> {} }
    pub struct ThreadId;
    pub struct Builder;
    impl Builder { pub fn new() -> Builder {} pub fn name(self, name: String) -> Builder {} pub fn stack_size(self, size: usize) -> Builder {} #[spawn] pub fn spawn<T, F: FnOnce() -> T>(self, f: F) -> std::io::Result<JoinHandle<T>> {} }
    #[handle] pub struct JoinHandle<T>;
    impl<T> JoinHandle<T> { pub fn join(self) -> std::result::Result<T, Box<dyn std::any::Any>> {} pub fn thread(&self) -> &Thread {} pub fn is_finished(&self) -> bool {} }
    pub struct Scope;
    impl Scope { #[spawn] pub fn spawn<T, F: FnOnce() -> T>(&self, f: F) -> ScopedJoinHandle<T> {} }
    pub struct ScopedJoinHandle<T>;
    impl<T> ScopedJoinHandle<T> { pub fn join(self) -> std::result::Result<T, Box<dyn std::any::Any>> {} }
    pub struct LocalKey<T>;
    impl<T> LocalKey<T> {
        #[same] pub fn with<R, F: FnOnce(&T) -> R>(&self, f: F) -> R {}
        #[same] pub fn try_with<R, F: FnOnce(&T) -> R>(&self, f: F) -> Result<R, AccessError> {}
    }
    pub struct AccessError;
}

pub mod future {
    pub trait Future { type Output; }
    pub trait IntoFuture { type Output; }
    pub fn ready<T>(value: T) -> impl Future<Output = T> {}
    pub fn pending<T>() -> impl Future<Output = T> {}
    #[lazy] pub fn poll_fn<T, F: FnMut(&mut std::task::Context) -> std::task::Poll<T>>(f: F) -> impl Future<Output = T> {}
}
pub mod task {
    pub enum Poll<T> { Ready(T), Pending }
    impl<T> Poll<T> { pub fn is_ready(&self) -> bool {} pub fn is_pending(&self) -> bool {} #[same] pub fn map<U, F: FnOnce(T) -> U>(self, f: F) -> Poll<U> {} }
    pub struct Context; pub struct Waker;
    impl Context { pub fn waker(&self) -> &Waker {} }
    impl Waker { pub fn wake(self) {} pub fn wake_by_ref(&self) {} pub fn clone(&self) -> Waker {} pub fn will_wake(&self, other: &Waker) -> bool {} }
}

pub mod iter {
    pub trait IntoIterator { type Item; }
    pub trait FromIterator<T> {}
    pub trait Extend<T> {}
    pub trait ExactSizeIterator {}
    pub trait DoubleEndedIterator {}
    pub fn once<T>(value: T) -> impl Iterator<Item = T> {}
    pub fn empty<T>() -> impl Iterator<Item = T> {}
    pub fn repeat<T>(value: T) -> impl Iterator<Item = T> {}
    pub fn from_fn<T, F: FnMut() -> Option<T>>(f: F) -> impl Iterator<Item = T> {}
    pub fn successors<T, F: FnMut(&T) -> Option<T>>(first: Option<T>, f: F) -> impl Iterator<Item = T> {}
    pub fn repeat_with<T, F: FnMut() -> T>(f: F) -> impl Iterator<Item = T> {}
    pub fn zip<A, B>(a: A, b: B) -> impl Iterator<Item = (<A as IntoIterator>::Item, <B as IntoIterator>::Item)> {}
    pub trait Iterator {
        type Item;
        #[same] fn next(&mut self) -> Option<Self::Item>;
        #[same] fn next_back(&mut self) -> Option<Self::Item>;
        #[same] fn nth(&mut self, n: usize) -> Option<Self::Item>;
        #[same] fn last(self) -> Option<Self::Item>;
        #[same] fn iter(&self) -> impl Iterator<Item = Self::Item>;
        #[same] fn into_iter(self) -> impl Iterator<Item = Self::Item>;
        #[same] fn by_ref(&mut self) -> impl Iterator<Item = Self::Item>;
        #[same] fn map<B, F: FnMut(Self::Item) -> B>(self, f: F) -> impl Iterator<Item = B>;
        #[same] fn filter<P: FnMut(&Self::Item) -> bool>(self, p: P) -> impl Iterator<Item = Self::Item>;
        #[same] fn filter_map<B, F: FnMut(Self::Item) -> Option<B>>(self, f: F) -> impl Iterator<Item = B>;
        #[same] fn flat_map<U, F: FnMut(Self::Item) -> U>(self, f: F) -> impl Iterator<Item = <U as IntoIterator>::Item>;
        #[same] fn flatten(self) -> impl Iterator<Item = <Self::Item as IntoIterator>::Item>;
        #[same] fn inspect<F: FnMut(&Self::Item)>(self, f: F) -> impl Iterator<Item = Self::Item>;
        #[same] fn enumerate(self) -> impl Iterator<Item = (usize, Self::Item)>;
        #[same] fn peekable(self) -> Peekable<Self::Item>;
        #[same] fn skip(self, n: usize) -> impl Iterator<Item = Self::Item>;
        #[same] fn take(self, n: usize) -> impl Iterator<Item = Self::Item>;
        #[same] fn step_by(self, n: usize) -> impl Iterator<Item = Self::Item>;
        #[same] fn skip_while<P: FnMut(&Self::Item) -> bool>(self, p: P) -> impl Iterator<Item = Self::Item>;
        #[same] fn take_while<P: FnMut(&Self::Item) -> bool>(self, p: P) -> impl Iterator<Item = Self::Item>;
        #[same] fn map_while<B, P: FnMut(Self::Item) -> Option<B>>(self, p: P) -> impl Iterator<Item = B>;
        #[same] fn rev(self) -> impl Iterator<Item = Self::Item>;
        #[same] fn fuse(self) -> impl Iterator<Item = Self::Item>;
        #[same] fn cycle(self) -> impl Iterator<Item = Self::Item>;
        #[same] fn sorted(self) -> impl Iterator<Item = Self::Item>;
        #[same] fn unique(self) -> impl Iterator<Item = Self::Item>;
        #[same] fn cloned(self) -> impl Iterator<Item = <Self::Item as Deref>::Target>;
        #[same] fn copied(self) -> impl Iterator<Item = <Self::Item as Deref>::Target>;
        #[same] fn chain<U>(self, other: U) -> impl Iterator<Item = Self::Item>;
        fn zip<U>(self, other: U) -> impl Iterator<Item = (Self::Item, <U as IntoIterator>::Item)>;
        fn unzip<A, B>(self) -> (A, B);
        fn scan<S, B, F: FnMut(&mut S, Self::Item) -> Option<B>>(self, s: S, f: F) -> impl Iterator<Item = B>;
        #[same] fn collect<B: FromIterator<Self::Item>>(self) -> B;
        #[same] fn collect_vec(self) -> Vec<Self::Item>;
        fn for_each<F: FnMut(Self::Item)>(self, f: F);
        fn try_for_each<R, F: FnMut(Self::Item) -> R>(&mut self, f: F) -> R;
        fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, f: F) -> B;
        fn try_fold<B, R, F: FnMut(B, Self::Item) -> R>(&mut self, init: B, f: F) -> R;
        fn reduce<F: FnMut(Self::Item, Self::Item) -> Self::Item>(self, f: F) -> Option<Self::Item>;
        fn all<F: FnMut(Self::Item) -> bool>(&mut self, f: F) -> bool;
        fn any<F: FnMut(Self::Item) -> bool>(&mut self, f: F) -> bool;
        #[same] fn find<P: FnMut(&Self::Item) -> bool>(&mut self, p: P) -> Option<Self::Item>;
        #[same] fn find_map<B, F: FnMut(Self::Item) -> Option<B>>(&mut self, f: F) -> Option<B>;
        fn position<P: FnMut(Self::Item) -> bool>(&mut self, p: P) -> Option<usize>;
        #[same] fn max(self) -> Option<Self::Item>;
        #[same] fn min(self) -> Option<Self::Item>;
        #[same] fn max_by_key<B, F: FnMut(&Self::Item) -> B>(self, f: F) -> Option<Self::Item>;
        #[same] fn min_by_key<B, F: FnMut(&Self::Item) -> B>(self, f: F) -> Option<Self::Item>;
        #[same] fn max_by<F: FnMut(&Self::Item, &Self::Item) -> std::cmp::Ordering>(self, f: F) -> Option<Self::Item>;
        #[same] fn min_by<F: FnMut(&Self::Item, &Self::Item) -> std::cmp::Ordering>(self, f: F) -> Option<Self::Item>;
        #[same] fn partition<B, F: FnMut(&Self::Item) -> bool>(self, f: F) -> (B, B);
        fn count(self) -> usize;
        #[lazy] fn len(&self) -> usize;
        fn sum<S>(self) -> S;
        fn product<S>(self) -> S;
    }
    pub struct Peekable<T>;
    impl<T> Peekable<T> { #[same] pub fn peek(&mut self) -> Option<&T> {} #[same] pub fn next_if<F: FnOnce(&T) -> bool>(&mut self, f: F) -> Option<T> {} }
    impl<T> Iterator for Peekable<T> { type Item = T; }
}
pub mod cmp { pub enum Ordering { Less, Equal, Greater } pub struct Reverse<T>(pub T); pub fn max<T>(a: T, b: T) -> T {} pub fn min<T>(a: T, b: T) -> T {} }

// The methods of `[T]`; slices and arrays look here.
pub mod slice {
    pub struct Slice<T>;
    impl<T> Slice<T> {
        #[element] pub fn iter(&self) -> impl Iterator<Item = &T> {}
        #[element] pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {}
        #[element] pub fn into_iter(self) -> impl Iterator<Item = T> {}
        #[element] pub fn par_iter(&self) -> impl Iterator<Item = &T> {}
        #[element] pub fn par_iter_mut(&mut self) -> impl Iterator<Item = &mut T> {}
        #[element] pub fn into_par_iter(self) -> impl Iterator<Item = T> {}
        #[element] pub fn get(&self, index: usize) -> Option<&T> {}
        #[element] pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {}
        #[element] pub fn first(&self) -> Option<&T> {}
        #[element] pub fn last(&self) -> Option<&T> {}
        #[element] pub fn first_mut(&mut self) -> Option<&mut T> {}
        #[element] pub fn last_mut(&mut self) -> Option<&mut T> {}
        #[element] pub fn get_unchecked(&self, index: usize) -> &T {}
        #[element] pub fn chunks(&self, n: usize) -> impl Iterator<Item = &[T]> {}
        #[element] pub fn chunks_mut(&mut self, n: usize) -> impl Iterator<Item = &mut [T]> {}
        #[element] pub fn windows(&self, n: usize) -> impl Iterator<Item = &[T]> {}
        pub fn split_at(&self, n: usize) -> (&[T], &[T]) {}
        pub fn split_at_mut(&mut self, n: usize) -> (&mut [T], &mut [T]) {}
        pub fn split_first(&self) -> Option<(&T, &[T])> {}
        pub fn split_last(&self) -> Option<(&T, &[T])> {}
        pub fn len(&self) -> usize {}
        pub fn is_empty(&self) -> bool {}
        pub fn contains(&self, value: &T) -> bool {}
        pub fn to_vec(&self) -> Vec<T> {}
        pub fn into_vec(self) -> Vec<T> {}
        pub fn sort(&mut self) {}
        pub fn sort_unstable(&mut self) {}
        pub fn reverse(&mut self) {}
        pub fn swap(&mut self, a: usize, b: usize) {}
        pub fn sort_by<F: FnMut(&T, &T) -> std::cmp::Ordering>(&mut self, f: F) {}
        pub fn sort_by_key<K, F: FnMut(&T) -> K>(&mut self, f: F) {}
        pub fn sort_unstable_by<F: FnMut(&T, &T) -> std::cmp::Ordering>(&mut self, f: F) {}
        pub fn sort_unstable_by_key<K, F: FnMut(&T) -> K>(&mut self, f: F) {}
        pub fn binary_search(&self, value: &T) -> Result<usize, usize> {}
        pub fn binary_search_by<F: FnMut(&T) -> std::cmp::Ordering>(&self, f: F) -> Result<usize, usize> {}
        pub fn binary_search_by_key<K, F: FnMut(&T) -> K>(&self, key: &K, f: F) -> Result<usize, usize> {}
        pub fn starts_with(&self, other: &[T]) -> bool {}
        pub fn ends_with(&self, other: &[T]) -> bool {}
        pub fn copy_from_slice(&mut self, other: &[T]) {}
        pub fn fill(&mut self, value: T) {}
        pub fn concat(&self) -> Vec<u8> {}
        pub fn join(&self, separator: &str) -> String {}
        pub fn as_slice(&self) -> &[T] {}
        pub fn as_ptr(&self) -> &T {}
    }
    impl<T> IntoIterator for Slice<T> { type Item = T; }
}
pub mod vec {
    pub struct Vec<T>;
    impl<T> Vec<T> {
        pub fn new() -> Vec<T> {}
        pub fn with_capacity(n: usize) -> Vec<T> {}
        #[put] pub fn push(&mut self, value: T) {}
        #[element] #[take] pub fn pop(&mut self) -> Option<T> {}
        #[put] pub fn insert(&mut self, index: usize, value: T) {}
        #[element] #[take] pub fn remove(&mut self, index: usize) -> T {}
        #[element] #[take] pub fn swap_remove(&mut self, index: usize) -> T {}
        #[element] #[take] pub fn drain<R>(&mut self, range: R) -> impl Iterator<Item = T> {}
        #[same] pub fn split_off(&mut self, at: usize) -> Vec<T> {}
        #[element] pub fn retain<F: FnMut(&T) -> bool>(&mut self, f: F) {}
        #[element] pub fn retain_mut<F: FnMut(&mut T) -> bool>(&mut self, f: F) {}
        #[put] pub fn extend<I: IntoIterator>(&mut self, items: I) {}
        pub fn extend_from_slice(&mut self, items: &[T]) {}
        pub fn append(&mut self, other: &mut Vec<T>) {}
        #[clear] pub fn truncate(&mut self, n: usize) {}
        pub fn resize(&mut self, n: usize, value: T) {}
        pub fn resize_with<F: FnMut() -> T>(&mut self, n: usize, f: F) {}
        #[clear] pub fn clear(&mut self) {}
        pub fn reserve(&mut self, n: usize) {}
        pub fn capacity(&self) -> usize {}
        pub fn dedup(&mut self) {}
        #[same] pub fn into_boxed_slice(self) -> Box<[T]> {}
        #[same] pub fn as_slice(&self) -> &[T] {}
        #[same] pub fn as_mut_slice(&mut self) -> &mut [T] {}
        #[same] pub fn clone(&self) -> Vec<T> {}
    }
    impl<T> Deref for Vec<T> { type Target = [T]; }
    impl<T> IntoIterator for Vec<T> { type Item = T; }
    impl<T> FromIterator<T> for Vec<T> {}
}
pub mod collections {
    pub use std::collections::hash_map::HashMap;
    pub use std::collections::btree_map::BTreeMap;
    pub mod hash_map {
        pub struct HashMap<K, V, S>;
        impl<K, V, S> HashMap<K, V, S> {
            pub fn new() -> HashMap<K, V, S> {}
            pub fn with_capacity(n: usize) -> HashMap<K, V, S> {}
            #[element] pub fn get<Q>(&self, key: &Q) -> Option<&V> {}
            #[element] pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V> {}
            #[element] pub fn get_key_value<Q>(&self, key: &Q) -> Option<(&K, &V)> {}
            #[put] #[element] pub fn insert(&mut self, key: K, value: V) -> Option<V> {}
            #[take] #[element] pub fn remove<Q>(&mut self, key: &Q) -> Option<V> {}
            #[take] #[element] pub fn remove_entry<Q>(&mut self, key: &Q) -> Option<(K, V)> {}
            #[element] pub fn entry(&mut self, key: K) -> Entry<K, V> {}
            pub fn contains_key<Q>(&self, key: &Q) -> bool {}
            #[element] pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {}
            #[element] pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {}
            #[element] pub fn into_iter(self) -> impl Iterator<Item = (K, V)> {}
            #[take] #[element] pub fn drain(&mut self) -> impl Iterator<Item = (K, V)> {}
            pub fn keys(&self) -> impl Iterator<Item = &K> {}
            pub fn into_keys(self) -> impl Iterator<Item = K> {}
            #[element] pub fn values(&self) -> impl Iterator<Item = &V> {}
            #[element] pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {}
            #[element] pub fn into_values(self) -> impl Iterator<Item = V> {}
            #[element] pub fn retain<F: FnMut(&K, &mut V) -> bool>(&mut self, f: F) {}
            pub fn extend<I: IntoIterator>(&mut self, items: I) {}
            pub fn len(&self) -> usize {}
            pub fn is_empty(&self) -> bool {}
            #[clear] pub fn clear(&mut self) {}
            pub fn reserve(&mut self, n: usize) {}
            #[same] pub fn clone(&self) -> HashMap<K, V, S> {}
        }
        impl<K, V, S> IntoIterator for HashMap<K, V, S> { type Item = (K, V); }
        impl<K, V, S> FromIterator<(K, V)> for HashMap<K, V, S> {}
        pub enum Entry<K, V> { Occupied(OccupiedEntry<K, V>), Vacant(VacantEntry<K, V>) }
        impl<K, V> Entry<K, V> {
            #[same] pub fn or_insert(self, value: V) -> &mut V {}
            #[same] pub fn or_insert_with<F: FnOnce() -> V>(self, f: F) -> &mut V {}
            #[same] pub fn or_insert_with_key<F: FnOnce(&K) -> V>(self, f: F) -> &mut V {}
            #[same] pub fn or_default(self) -> &mut V {}
            #[same] pub fn and_modify<F: FnOnce(&mut V)>(self, f: F) -> Entry<K, V> {}
            pub fn key(&self) -> &K {}
        }
        pub struct OccupiedEntry<K, V>;
        impl<K, V> OccupiedEntry<K, V> { #[same] pub fn get(&self) -> &V {} #[same] pub fn get_mut(&mut self) -> &mut V {} #[same] pub fn into_mut(self) -> &mut V {} #[same] pub fn insert(&mut self, value: V) -> V {} #[same] pub fn remove(self) -> V {} pub fn key(&self) -> &K {} }
        pub struct VacantEntry<K, V>;
        impl<K, V> VacantEntry<K, V> { #[same] pub fn insert(self, value: V) -> &mut V {} pub fn key(&self) -> &K {} }
    }
    pub mod btree_map {
        pub use std::collections::hash_map::{Entry, OccupiedEntry, VacantEntry};
        pub struct BTreeMap<K, V>;
        impl<K, V> BTreeMap<K, V> {
            pub fn new() -> BTreeMap<K, V> {}
            #[element] pub fn get<Q>(&self, key: &Q) -> Option<&V> {}
            #[element] pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V> {}
            #[put] #[element] pub fn insert(&mut self, key: K, value: V) -> Option<V> {}
            #[take] #[element] pub fn remove<Q>(&mut self, key: &Q) -> Option<V> {}
            #[element] pub fn entry(&mut self, key: K) -> std::collections::hash_map::Entry<K, V> {}
            pub fn contains_key<Q>(&self, key: &Q) -> bool {}
            #[element] pub fn first_key_value(&self) -> Option<(&K, &V)> {}
            #[element] pub fn last_key_value(&self) -> Option<(&K, &V)> {}
            #[take] #[element] pub fn pop_first(&mut self) -> Option<(K, V)> {}
            #[take] #[element] pub fn pop_last(&mut self) -> Option<(K, V)> {}
            #[element] pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {}
            #[element] pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {}
            #[element] pub fn into_iter(self) -> impl Iterator<Item = (K, V)> {}
            #[element] pub fn range<R>(&self, range: R) -> impl Iterator<Item = (&K, &V)> {}
            #[element] pub fn range_mut<R>(&mut self, range: R) -> impl Iterator<Item = (&K, &mut V)> {}
            pub fn keys(&self) -> impl Iterator<Item = &K> {}
            #[element] pub fn values(&self) -> impl Iterator<Item = &V> {}
            #[element] pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {}
            #[element] pub fn into_values(self) -> impl Iterator<Item = V> {}
            #[element] pub fn retain<F: FnMut(&K, &mut V) -> bool>(&mut self, f: F) {}
            #[same] pub fn split_off<Q>(&mut self, key: &Q) -> BTreeMap<K, V> {}
            pub fn extend<I: IntoIterator>(&mut self, items: I) {}
            pub fn len(&self) -> usize {}
            pub fn is_empty(&self) -> bool {}
            pub fn clear(&mut self) {}
            #[same] pub fn clone(&self) -> BTreeMap<K, V> {}
        }
        impl<K, V> IntoIterator for BTreeMap<K, V> { type Item = (K, V); }
        impl<K, V> FromIterator<(K, V)> for BTreeMap<K, V> {}
    }
    pub struct HashSet<T, S>;
    impl<T, S> HashSet<T, S> {
        pub fn new() -> HashSet<T, S> {}
        pub fn with_capacity(n: usize) -> HashSet<T, S> {}
        pub fn insert(&mut self, value: T) -> bool {}
        pub fn remove<Q>(&mut self, value: &Q) -> bool {}
        pub fn contains<Q>(&self, value: &Q) -> bool {}
        #[element] pub fn get<Q>(&self, value: &Q) -> Option<&T> {}
        #[element] pub fn iter(&self) -> impl Iterator<Item = &T> {}
        #[element] pub fn into_iter(self) -> impl Iterator<Item = T> {}
        #[element] pub fn drain(&mut self) -> impl Iterator<Item = T> {}
        #[element] pub fn difference(&self, other: &HashSet<T, S>) -> impl Iterator<Item = &T> {}
        #[element] pub fn intersection(&self, other: &HashSet<T, S>) -> impl Iterator<Item = &T> {}
        #[element] pub fn union(&self, other: &HashSet<T, S>) -> impl Iterator<Item = &T> {}
        #[element] pub fn retain<F: FnMut(&T) -> bool>(&mut self, f: F) {}
        pub fn len(&self) -> usize {}
        pub fn is_empty(&self) -> bool {}
        pub fn clear(&mut self) {}
        pub fn extend<I: IntoIterator>(&mut self, items: I) {}
        #[same] pub fn clone(&self) -> HashSet<T, S> {}
    }
    impl<T, S> IntoIterator for HashSet<T, S> { type Item = T; }
    impl<T, S> FromIterator<T> for HashSet<T, S> {}
    pub struct BTreeSet<T>;
    impl<T> BTreeSet<T> { pub fn new() -> BTreeSet<T> {} pub fn insert(&mut self, value: T) -> bool {} pub fn remove<Q>(&mut self, value: &Q) -> bool {} pub fn contains<Q>(&self, value: &Q) -> bool {} #[element] pub fn iter(&self) -> impl Iterator<Item = &T> {} #[element] pub fn into_iter(self) -> impl Iterator<Item = T> {} pub fn len(&self) -> usize {} pub fn is_empty(&self) -> bool {} #[element] pub fn first(&self) -> Option<&T> {} #[element] pub fn last(&self) -> Option<&T> {} #[element] pub fn pop_first(&mut self) -> Option<T> {} pub fn extend<I: IntoIterator>(&mut self, items: I) {} pub fn clear(&mut self) {} #[element] pub fn range<R>(&self, range: R) -> impl Iterator<Item = &T> {} #[same] pub fn clone(&self) -> BTreeSet<T> {} }
    impl<T> IntoIterator for BTreeSet<T> { type Item = T; }
    impl<T> FromIterator<T> for BTreeSet<T> {}
    pub struct VecDeque<T>;
    impl<T> VecDeque<T> {
        pub fn new() -> VecDeque<T> {}
        pub fn with_capacity(n: usize) -> VecDeque<T> {}
        #[put] pub fn push_back(&mut self, value: T) {}
        #[put] pub fn push_front(&mut self, value: T) {}
        #[take] #[element] pub fn pop_back(&mut self) -> Option<T> {}
        #[take] #[element] pub fn pop_front(&mut self) -> Option<T> {}
        #[element] pub fn front(&self) -> Option<&T> {}
        #[element] pub fn back(&self) -> Option<&T> {}
        #[element] pub fn front_mut(&mut self) -> Option<&mut T> {}
        #[element] pub fn back_mut(&mut self) -> Option<&mut T> {}
        #[element] pub fn get(&self, index: usize) -> Option<&T> {}
        #[element] pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {}
        #[element] pub fn iter(&self) -> impl Iterator<Item = &T> {}
        #[element] pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {}
        #[element] pub fn into_iter(self) -> impl Iterator<Item = T> {}
        #[take] #[element] pub fn drain<R>(&mut self, range: R) -> impl Iterator<Item = T> {}
        #[take] #[element] pub fn remove(&mut self, index: usize) -> Option<T> {}
        #[element] pub fn retain<F: FnMut(&T) -> bool>(&mut self, f: F) {}
        pub fn extend<I: IntoIterator>(&mut self, items: I) {}
        pub fn append(&mut self, other: &mut VecDeque<T>) {}
        pub fn truncate(&mut self, n: usize) {}
        pub fn len(&self) -> usize {}
        pub fn is_empty(&self) -> bool {}
        #[clear] pub fn clear(&mut self) {}
        #[same] pub fn clone(&self) -> VecDeque<T> {}
    }
    impl<T> IntoIterator for VecDeque<T> { type Item = T; }
    impl<T> FromIterator<T> for VecDeque<T> {}
    pub struct BinaryHeap<T>;
    impl<T> BinaryHeap<T> { pub fn new() -> BinaryHeap<T> {} #[put] pub fn push(&mut self, value: T) {} #[element] #[take] pub fn pop(&mut self) -> Option<T> {} #[element] pub fn peek(&self) -> Option<&T> {} pub fn len(&self) -> usize {} pub fn is_empty(&self) -> bool {} #[clear] pub fn clear(&mut self) {} #[element] pub fn iter(&self) -> impl Iterator<Item = &T> {} #[element] pub fn into_iter(self) -> impl Iterator<Item = T> {} }
    impl<T> IntoIterator for BinaryHeap<T> { type Item = T; }
    impl<T> FromIterator<T> for BinaryHeap<T> {}
}
pub mod string {
    pub struct String;
    impl String { pub fn new() -> String {} pub fn with_capacity(n: usize) -> String {} pub fn from(value: &str) -> String {} pub fn from_utf8(bytes: Vec<u8>) -> Result<String, FromUtf8Error> {} pub fn from_utf8_lossy(bytes: &[u8]) -> std::borrow::Cow<str> {} pub fn push_str(&mut self, text: &str) {} pub fn push(&mut self, c: char) {} pub fn as_str(&self) -> &str {} pub fn into_bytes(self) -> Vec<u8> {} pub fn as_bytes(&self) -> &[u8] {} pub fn clear(&mut self) {} pub fn len(&self) -> usize {} pub fn is_empty(&self) -> bool {} pub fn clone(&self) -> String {} }
    impl Deref for String { type Target = str; }
    pub struct FromUtf8Error;
    pub trait ToString { fn to_string(&self) -> String; }
}
pub mod str {
    pub struct Str;
    impl Str {
        pub fn to_string(&self) -> String {} pub fn to_owned(&self) -> String {} pub fn into_string(self) -> String {}
        pub fn as_bytes(&self) -> &[u8] {} pub fn as_str(&self) -> &str {} pub fn len(&self) -> usize {} pub fn is_empty(&self) -> bool {}
        pub fn trim(&self) -> &str {} pub fn trim_start(&self) -> &str {} pub fn trim_end(&self) -> &str {} pub fn trim_matches<P>(&self, p: P) -> &str {} pub fn trim_start_matches<P>(&self, p: P) -> &str {} pub fn trim_end_matches<P>(&self, p: P) -> &str {}
        pub fn to_lowercase(&self) -> String {} pub fn to_uppercase(&self) -> String {} pub fn to_ascii_lowercase(&self) -> String {} pub fn to_ascii_uppercase(&self) -> String {} pub fn repeat(&self, n: usize) -> String {}
        pub fn split<P>(&self, p: P) -> impl Iterator<Item = &str> {} pub fn rsplit<P>(&self, p: P) -> impl Iterator<Item = &str> {} pub fn splitn<P>(&self, n: usize, p: P) -> impl Iterator<Item = &str> {} pub fn rsplitn<P>(&self, n: usize, p: P) -> impl Iterator<Item = &str> {} pub fn split_whitespace(&self) -> impl Iterator<Item = &str> {} pub fn lines(&self) -> impl Iterator<Item = &str> {}
        pub fn split_once<P>(&self, p: P) -> Option<(&str, &str)> {} pub fn rsplit_once<P>(&self, p: P) -> Option<(&str, &str)> {} pub fn split_at(&self, n: usize) -> (&str, &str) {}
        pub fn chars(&self) -> impl Iterator<Item = char> {} pub fn char_indices(&self) -> impl Iterator<Item = (usize, char)> {} pub fn bytes(&self) -> impl Iterator<Item = u8> {}
        pub fn starts_with<P>(&self, p: P) -> bool {} pub fn ends_with<P>(&self, p: P) -> bool {} pub fn contains<P>(&self, p: P) -> bool {} pub fn eq_ignore_ascii_case(&self, o: &str) -> bool {}
        pub fn find<P>(&self, p: P) -> Option<usize> {} pub fn rfind<P>(&self, p: P) -> Option<usize> {}
        pub fn replace<P>(&self, p: P, with: &str) -> String {} pub fn strip_prefix<P>(&self, p: P) -> Option<&str> {} pub fn strip_suffix<P>(&self, p: P) -> Option<&str> {}
        pub fn get<R>(&self, r: R) -> Option<&str> {} pub fn parse<F>(&self) -> Result<F, ParseError> {}
    }
    pub struct ParseError;
    pub fn from_utf8(bytes: &[u8]) -> Result<&str, Utf8Error> {}
    pub struct Utf8Error;
}
pub mod time {
    pub struct Duration; pub struct Instant; pub struct SystemTime; pub struct SystemTimeError;
    pub const UNIX_EPOCH: SystemTime = 0;
    impl Duration { pub fn from_secs(n: u64) -> Duration {} pub fn from_millis(n: u64) -> Duration {} pub fn from_micros(n: u64) -> Duration {} pub fn from_nanos(n: u64) -> Duration {} pub fn from_secs_f64(n: f64) -> Duration {} pub fn as_secs(&self) -> u64 {} pub fn as_millis(&self) -> u128 {} pub fn as_micros(&self) -> u128 {} pub fn as_nanos(&self) -> u128 {} pub fn as_secs_f64(&self) -> f64 {} pub fn as_secs_f32(&self) -> f32 {} pub fn subsec_nanos(&self) -> u32 {} pub fn saturating_sub(self, o: Duration) -> Duration {} pub fn is_zero(&self) -> bool {} pub fn mul_f64(self, x: f64) -> Duration {} pub fn checked_sub(self, o: Duration) -> Option<Duration> {} }
    impl Instant { pub fn now() -> Instant {} pub fn elapsed(&self) -> Duration {} pub fn duration_since(&self, earlier: Instant) -> Duration {} pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {} pub fn checked_add(&self, d: Duration) -> Option<Instant> {} pub fn checked_sub(&self, d: Duration) -> Option<Instant> {} pub fn checked_duration_since(&self, e: Instant) -> Option<Duration> {} }
    impl SystemTime { pub const UNIX_EPOCH: SystemTime = 0; pub fn now() -> SystemTime {} pub fn duration_since(&self, earlier: SystemTime) -> Result<Duration, SystemTimeError> {} pub fn elapsed(&self) -> Result<Duration, SystemTimeError> {} }
}
pub mod io {
    pub type Result<T> = std::result::Result<T, Error>;
    pub struct Error; pub enum ErrorKind { Other }
    impl Error { pub fn new<E>(kind: ErrorKind, error: E) -> Error {} pub fn other<E>(error: E) -> Error {} pub fn kind(&self) -> ErrorKind {} pub fn last_os_error() -> Error {} }
    pub fn stdout() -> Stdout {} pub fn stderr() -> Stderr {} pub fn stdin() -> Stdin {}
    #[lock(mutex, reentrant)] pub struct Stdout; #[lock(mutex, reentrant)] pub struct Stderr; #[lock(mutex)] pub struct Stdin;
    impl Stdout { #[acquire(exclusive)] pub fn lock(&self) -> StdoutLock {} pub fn flush(&mut self) -> Result<()> {} }
    impl Stderr { #[acquire(exclusive)] pub fn lock(&self) -> StderrLock {} pub fn flush(&mut self) -> Result<()> {} }
    impl Stdin { #[acquire(exclusive)] pub fn lock(&self) -> StdinLock {} pub fn read_line(&self, line: &mut String) -> Result<usize> {} }
    #[guard(blocking)] pub struct StdoutLock; #[guard(blocking)] pub struct StderrLock; #[guard(blocking)] pub struct StdinLock;
    pub trait Read { fn read(&mut self, buffer: &mut [u8]) -> Result<usize>; fn read_exact(&mut self, buffer: &mut [u8]) -> Result<()>; fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> Result<usize>; fn read_to_string(&mut self, buffer: &mut String) -> Result<usize>; }
    pub trait Write { fn write(&mut self, buffer: &[u8]) -> Result<usize>; fn write_all(&mut self, buffer: &[u8]) -> Result<()>; fn flush(&mut self) -> Result<()>; }
    pub trait Seek { fn seek(&mut self, to: SeekFrom) -> Result<u64>; }
    pub trait BufRead {} pub enum SeekFrom { Start(u64), End(i64), Current(i64) }
}
pub mod process { pub fn exit(code: i32) -> ! {} pub fn abort() -> ! {} pub fn id() -> u32 {} }
pub mod path {
    pub struct Path; pub struct PathBuf;
    impl Deref for PathBuf { type Target = Path; }
    impl PathBuf { pub fn new() -> PathBuf {} pub fn from<T>(value: T) -> PathBuf {} pub fn push<P>(&mut self, p: P) {} pub fn clone(&self) -> PathBuf {} pub fn as_path(&self) -> &Path {} }
    impl Path { pub fn new<T>(value: &T) -> &Path {} pub fn join<P>(&self, p: P) -> PathBuf {} pub fn exists(&self) -> bool {} pub fn is_dir(&self) -> bool {} pub fn is_file(&self) -> bool {} pub fn parent(&self) -> Option<&Path> {} pub fn to_path_buf(&self) -> PathBuf {} pub fn file_name(&self) -> Option<&std::ffi::OsStr> {} pub fn extension(&self) -> Option<&std::ffi::OsStr> {} pub fn to_str(&self) -> Option<&str> {} pub fn to_string_lossy(&self) -> std::borrow::Cow<str> {} }
}
