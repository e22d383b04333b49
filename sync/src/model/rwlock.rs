//! Locks for many readers or one writer, by the rule of the library that they stand for.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use super::lock::Entry;
use super::object::Object;
use super::operation::Operation;
use super::platform::Monitor;
use super::recorder::{Kind, Place};

/// Who is let in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// `parking_lot`: a reader waits behind a writer that waits for readers.
    Fair,
    /// A shard of `DashMap`: a reader passes a writer that waits.
    ReadersFirst,
}

struct State {
    policy: Policy,
    n_readers: usize,
    is_written: bool,
    /// A writer waits for the readers that are in, and nobody else is let in.
    is_claimed: bool,
}

/// The rule, without what it guards.
pub(crate) struct RawRwLock {
    object: Object,
    state: Monitor<State>,
}

impl RawRwLock {
    pub(crate) fn made(kind: &'static str, policy: Policy, place: Place) -> Self {
        let state = State { policy, n_readers: 0, is_written: false, is_claimed: false };
        Self { object: Object::of_monitor(kind, place), state: Monitor::new(state) }
    }

    /// A step.
    pub(crate) fn read(&self, operation: &'static str, place: Place) {
        self.object.step();
        let entry = Entry::new(&self.object, operation, place);
        self.state.enter(
            |state| !state.is_written && !state.is_claimed,
            |state| state.n_readers += 1,
            || entry.waits(),
        );
        entry.is_in();
    }

    /// A step.
    pub(crate) fn write(&self, operation: &'static str, place: Place) {
        self.object.step();
        let entry = Entry::new(&self.object, operation, place);
        let is_in = self.state.enter(State::admits_writer, State::enter_or_claim, || entry.waits());
        if !is_in {
            self.state.enter(|state| state.n_readers == 0, State::enter_claimed, || entry.waits());
        }
        entry.is_in();
    }

    pub(crate) fn free_read(&self, operation: &'static str, place: Place) {
        self.object.tell(Kind::Frees, operation, place);
        self.state.change(|state| state.n_readers -= 1);
    }

    pub(crate) fn free_write(&self, operation: &'static str, place: Place) {
        self.object.tell(Kind::Frees, operation, place);
        self.state.change(|state| state.is_written = false);
    }
}

impl State {
    fn admits_writer(&self) -> bool {
        let is_free = !self.is_written && !self.is_claimed;
        is_free && (self.policy == Policy::Fair || self.n_readers == 0)
    }

    fn enter_or_claim(&mut self) -> bool {
        self.is_written = self.n_readers == 0;
        self.is_claimed = !self.is_written;
        self.is_written
    }

    fn enter_claimed(&mut self) {
        self.is_written = true;
        self.is_claimed = false;
    }
}

/// As `parking_lot::RwLock`: a reader waits behind a writer that waits, so that reading twice at once can deadlock.
pub struct RwLock<T> {
    raw: RawRwLock,
    /// Never contended: `raw` lets in.
    data: parking_lot::RwLock<T>,
}

/// Holds a [`RwLock`] to read.
pub struct RwLockReadGuard<'a, T> {
    raw: &'a RawRwLock,
    place: Place,
    data: Option<parking_lot::RwLockReadGuard<'a, T>>,
}

/// Holds a [`RwLock`] to write.
pub struct RwLockWriteGuard<'a, T> {
    raw: &'a RawRwLock,
    place: Place,
    data: Option<parking_lot::RwLockWriteGuard<'a, T>>,
}

impl<T> RwLock<T> {
    /// A free one.
    #[track_caller]
    pub fn new(data: T) -> Self {
        Self::of_kind("RwLock", data)
    }

    /// A free one that records call by another name.
    #[track_caller]
    pub(crate) fn of_kind(kind: &'static str, data: T) -> Self {
        Self { raw: RawRwLock::made(kind, Policy::Fair, Location::caller()), data: parking_lot::RwLock::new(data) }
    }

    /// Takes it to read.
    #[track_caller]
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.read_at(Location::caller())
    }

    pub(crate) fn read_at(&self, place: Place) -> RwLockReadGuard<'_, T> {
        self.raw.read("read", place);
        RwLockReadGuard { raw: &self.raw, place, data: Some(self.data.try_read().expect("`raw` lets in")) }
    }

    /// A future that the records tell of as waiting for this; its polls are no steps.
    pub(crate) fn told<F: Future>(
        &self,
        name: &'static str,
        place: Place,
        future: F,
    ) -> impl Future<Output = F::Output> {
        Operation::unstepped(&self.raw.object, name, place, future)
    }

    /// Takes it to write.
    #[track_caller]
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        let place = Location::caller();
        self.raw.write("write", place);
        RwLockWriteGuard { raw: &self.raw, place, data: Some(self.data.try_write().expect("`raw` lets in")) }
    }

    /// What it guards, once nobody shares it.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }

    /// What it guards, while nobody shares it.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for RwLock<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RwLock").finish_non_exhaustive()
    }
}

impl<T> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        self.data = None;
        self.raw.free_read("read", self.place);
    }
}

impl<T> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        self.data = None;
        self.raw.free_write("write", self.place);
    }
}

impl<T> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.data.as_ref().expect("a guard has its data until it is dropped")
    }
}

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.data.as_ref().expect("a guard has its data until it is dropped")
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.data.as_mut().expect("a guard has its data until it is dropped")
    }
}
