//! The locks that may be held over an await point: tokio's own, in steps.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::Arc;

use tokio::sync::{AcquireError, TryAcquireError};

use super::object::Object;
use super::operation::{Done, Operation};
use super::platform;
use super::recorder::{Kind, Place};

/// `tokio::sync::Mutex`: who has waited longest is next. Freeing is no step.
pub struct AsyncMutex<T> {
    object: Object,
    inner: tokio::sync::Mutex<T>,
}

/// Holds an [`AsyncMutex`].
pub struct AsyncMutexGuard<'a, T> {
    object: &'a Object,
    place: Place,
    inner: Option<tokio::sync::MutexGuard<'a, T>>,
}

impl<T> AsyncMutex<T> {
    /// A free one.
    #[track_caller]
    pub fn new(data: T) -> Self {
        Self { object: Object::new("AsyncMutex"), inner: tokio::sync::Mutex::new(data) }
    }

    /// Waits for it and takes it.
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = AsyncMutexGuard<'_, T>> {
        let place = Location::caller();
        let taken = Operation::new(&self.object, "lock", place, Done::Holds, self.inner.lock());
        async move { AsyncMutexGuard { object: &self.object, place, inner: Some(taken.await) } }
    }

    /// What it guards, once nobody shares it.
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }

    /// What it guards, while nobody shares it.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }
}

impl<T: Default> Default for AsyncMutex<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for AsyncMutex<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AsyncMutex").finish_non_exhaustive()
    }
}

impl<T> Drop for AsyncMutexGuard<'_, T> {
    fn drop(&mut self) {
        self.object.tell(Kind::Frees, "lock", self.place);
        self.inner = None;
        platform::note();
    }
}

impl<T> Deref for AsyncMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect("a guard has its data until it is dropped")
    }
}

impl<T> DerefMut for AsyncMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("a guard has its data until it is dropped")
    }
}

/// `tokio::sync::Semaphore`. Giving a permit back is a step: others may try for it.
pub struct Semaphore {
    object: Arc<Object>,
    inner: Arc<tokio::sync::Semaphore>,
}

/// A permit, until it is dropped.
pub struct OwnedSemaphorePermit {
    object: Arc<Object>,
    place: Place,
    inner: Option<tokio::sync::OwnedSemaphorePermit>,
}

impl Semaphore {
    /// With so many permits.
    #[track_caller]
    pub fn new(n_permits: usize) -> Self {
        Self { object: Object::shared("Semaphore"), inner: Arc::new(tokio::sync::Semaphore::new(n_permits)) }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// The semaphore is closed.
    #[track_caller]
    pub fn acquire_owned(self: Arc<Self>) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> {
        let acquired = self.inner.clone().acquire_owned();
        let (object, place) = (self.object.clone(), Location::caller());
        let acquired = Operation::new(object.clone(), "acquire", place, Done::Holds, acquired);
        async move { acquired.await.map(|permit| OwnedSemaphorePermit { object, place, inner: Some(permit) }) }
    }

    /// A permit, where one is free.
    ///
    /// # Errors
    /// None is free, or the semaphore is closed.
    #[track_caller]
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.object.step();
        let tried = self.inner.clone().try_acquire_owned();
        let kind = if tried.is_ok() { Kind::Takes } else { Kind::Does };
        let place = Location::caller();
        self.object.tell(kind, "acquire", place);
        tried.map(|permit| OwnedSemaphorePermit { object: self.object.clone(), place, inner: Some(permit) })
    }

    /// Free permits.
    pub fn available_permits(&self) -> usize {
        self.object.step();
        self.inner.available_permits()
    }

    /// Refuses all who wait and who come.
    #[track_caller]
    pub fn close(&self) {
        self.object.does("close");
        self.inner.close();
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        self.object.step();
        self.object.tell(Kind::Frees, "acquire", self.place);
        self.inner = None;
    }
}
