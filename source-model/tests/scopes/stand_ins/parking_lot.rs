//! Signatures of `parking_lot`.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

macro_rules! guard {
    ($name:ident) => {
        pub struct $name<'a, T>(&'a T);
        impl<T> Deref for $name<'_, T> {
            type Target = T;
            fn deref(&self) -> &T {
                loop {}
            }
        }
        impl<T> DerefMut for $name<'_, T> {
            fn deref_mut(&mut self) -> &mut T {
                loop {}
            }
        }
        impl<T> Drop for $name<'_, T> {
            fn drop(&mut self) {}
        }
    };
}

guard!(MutexGuard);
guard!(MappedMutexGuard);
guard!(RwLockReadGuard);
guard!(RwLockWriteGuard);
guard!(RwLockUpgradableReadGuard);

pub struct ArcMutexGuard<T>(Arc<Mutex<T>>);
impl<T> Deref for ArcMutexGuard<T> {
    type Target = T;
    fn deref(&self) -> &T {
        loop {}
    }
}
impl<T> Drop for ArcMutexGuard<T> {
    fn drop(&mut self) {}
}

pub struct Mutex<T>(T);
impl<T> Mutex<T> {
    pub fn lock(&self) -> MutexGuard<'_, T> {
        loop {}
    }
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        loop {}
    }
    pub fn lock_arc(self: &Arc<Self>) -> ArcMutexGuard<T> {
        loop {}
    }
}

impl<'a, T> MutexGuard<'a, T> {
    pub fn map<U, F: FnOnce(&mut T) -> &mut U>(_: Self, _: F) -> MappedMutexGuard<'a, U> {
        loop {}
    }
}

pub struct RwLock<T>(T);
impl<T> RwLock<T> {
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        loop {}
    }
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        loop {}
    }
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        loop {}
    }
    pub fn upgradable_read(&self) -> RwLockUpgradableReadGuard<'_, T> {
        loop {}
    }
}

impl<'a, T> RwLockUpgradableReadGuard<'a, T> {
    pub fn upgrade(_: Self) -> RwLockWriteGuard<'a, T> {
        loop {}
    }
}

impl<'a, T> RwLockWriteGuard<'a, T> {
    pub fn downgrade(_: Self) -> RwLockReadGuard<'a, T> {
        loop {}
    }
}
