//! Where a model's records say that something was asked for: in other builds nothing, at no cost.

#[cfg(any(feature = "model-loom", feature = "model-shuttle"))]
mod recorded {
    use std::panic::Location;

    use crate::lock::{RwLock, RwLockReadGuard, RwLockWriteGuard};

    pub(crate) use crate::model::recorder::Place;

    /// The lock around a watched value, which the records call by that name.
    pub(crate) type Lock<T> = RwLock<T>;

    #[track_caller]
    pub(crate) fn here() -> Place {
        Location::caller()
    }

    #[track_caller]
    pub(crate) fn lock<T>(data: T) -> Lock<T> {
        RwLock::of_kind("watch", data)
    }

    pub(crate) fn read<T>(lock: &Lock<T>, place: Place) -> RwLockReadGuard<'_, T> {
        lock.read_at(place)
    }

    #[track_caller]
    pub(crate) fn write<T>(lock: &Lock<T>) -> RwLockWriteGuard<'_, T> {
        lock.write()
    }

    pub(crate) fn wait<T>(
        lock: &Lock<T>,
        name: &'static str,
        place: Place,
        future: impl Future<Output = ()>,
    ) -> impl Future<Output = ()> {
        lock.told(name, place, future)
    }
}

#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
mod unrecorded {
    use crate::lock::{RwLock, RwLockReadGuard, RwLockWriteGuard};

    /// No place.
    #[derive(Clone, Copy)]
    pub(crate) struct Place;

    pub(crate) type Lock<T> = RwLock<T>;

    pub(crate) fn here() -> Place {
        Place
    }

    pub(crate) fn lock<T>(data: T) -> Lock<T> {
        RwLock::new(data)
    }

    pub(crate) fn read<T>(lock: &Lock<T>, _place: Place) -> RwLockReadGuard<'_, T> {
        lock.read()
    }

    pub(crate) fn write<T>(lock: &Lock<T>) -> RwLockWriteGuard<'_, T> {
        lock.write()
    }

    pub(crate) fn wait<T>(
        _lock: &Lock<T>,
        _name: &'static str,
        _place: Place,
        future: impl Future<Output = ()>,
    ) -> impl Future<Output = ()> {
        future
    }
}

#[cfg(any(feature = "model-loom", feature = "model-shuttle"))]
pub(crate) use recorded::{Lock, Place, here, lock, read, wait, write};
#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
pub(crate) use unrecorded::{Lock, Place, here, lock, read, wait, write};
