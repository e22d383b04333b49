//! Signatures of `tokio`.

pub mod sync {
    use std::ops::{Deref, DerefMut};
    use std::sync::Arc;

    pub struct MutexGuard<'a, T>(&'a T);
    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            loop {}
        }
    }
    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            loop {}
        }
    }
    impl<T> Drop for MutexGuard<'_, T> {
        fn drop(&mut self) {}
    }

    pub struct OwnedMutexGuard<T>(Arc<Mutex<T>>);
    impl<T> Deref for OwnedMutexGuard<T> {
        type Target = T;
        fn deref(&self) -> &T {
            loop {}
        }
    }
    impl<T> Drop for OwnedMutexGuard<T> {
        fn drop(&mut self) {}
    }

    pub struct TryLockError(());

    pub struct Mutex<T>(T);
    impl<T> Mutex<T> {
        pub async fn lock(&self) -> MutexGuard<'_, T> {
            loop {}
        }
        pub async fn lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
            loop {}
        }
        pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
            loop {}
        }
    }
}
