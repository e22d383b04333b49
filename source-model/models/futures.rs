// Curated model of `futures` and `futures-util`.

pub use futures::future::FutureExt;
pub use futures::stream::StreamExt;
pub mod future {
    pub use std::future::{Future, ready, pending, poll_fn};
    pub async fn join_all<I: IntoIterator>(futures: I) -> Vec<<<I as IntoIterator>::Item as Future>::Output> {}
    pub async fn try_join_all<I: IntoIterator>(futures: I) {}
    pub trait FutureExt {}
    pub type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T>>>;
}
pub mod stream { pub trait StreamExt {} pub trait Stream {} }
pub mod executor { #[in_place] pub fn block_on<F: Future>(future: F) -> <F as Future>::Output {} }
pub mod lock {
    #[lock(mutex)] pub struct Mutex<T>;
    impl<T> Mutex<T> {
        #[same] pub fn new(value: T) -> Mutex<T> {}
        #[acquire(exclusive)] pub async fn lock(&self) -> MutexGuard<T> {}
        #[acquire(exclusive)] pub async fn lock_owned(self) -> OwnedMutexGuard<T> {}
        #[acquire(exclusive, try)] pub fn try_lock(&self) -> Option<MutexGuard<T>> {}
    }
    #[guard(task)] pub struct MutexGuard<T>;
    impl<T> Deref for MutexGuard<T> { type Target = T; }
    #[guard(task)] pub struct OwnedMutexGuard<T>;
    impl<T> Deref for OwnedMutexGuard<T> { type Target = T; }
}
