//! The locks that block: mutual exclusion, and waiting for a word under it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

pub use super::rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::object::Object;
use super::platform::Monitor;
use super::recorder::{Kind, Place};

/// One at a time; who waits is let in any order. Freeing is no step: it delays nobody.
pub struct Mutex<T> {
    object: Object,
    is_held: Monitor<bool>,
    /// Never contended: `is_held` lets one in.
    data: parking_lot::Mutex<T>,
}

/// Holds a [`Mutex`].
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    place: Place,
    data: Option<parking_lot::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    /// A free one.
    #[track_caller]
    pub fn new(data: T) -> Self {
        let object = Object::of_monitor("Mutex", Location::caller());
        Self { object, is_held: Monitor::new(false), data: parking_lot::Mutex::new(data) }
    }

    /// Takes it.
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.object.step();
        let place = Location::caller();
        MutexGuard { mutex: self, place, data: Some(self.take(place)) }
    }

    fn take(&self, place: Place) -> parking_lot::MutexGuard<'_, T> {
        let entry = Entry::new(&self.object, "lock", place);
        self.is_held.enter(|is_held| !is_held, |is_held| *is_held = true, || entry.waits());
        entry.is_in();
        self.data.try_lock().expect("`is_held` lets one in")
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

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mutex").finish_non_exhaustive()
    }
}

impl<T> MutexGuard<'_, T> {
    fn free(&mut self) {
        self.data = None;
        self.mutex.object.tell(Kind::Frees, "lock", self.place);
        self.mutex.is_held.change(|is_held| *is_held = false);
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.free();
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.data.as_ref().expect("a guard has its data until it is dropped")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.data.as_mut().expect("a guard has its data until it is dropped")
    }
}

/// What the recorder is told of one acquisition.
pub(crate) struct Entry<'a> {
    object: &'a Object,
    operation: &'static str,
    place: Place,
    has_waited: Cell<bool>,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(object: &'a Object, operation: &'static str, place: Place) -> Self {
        Self { object, operation, place, has_waited: Cell::new(false) }
    }

    pub(crate) fn waits(&self) {
        if !self.has_waited.replace(true) {
            self.object.tell(Kind::Waits, self.operation, self.place);
        }
    }

    pub(crate) fn is_in(&self) {
        let kind = if self.has_waited.get() { Kind::Got } else { Kind::Takes };
        self.object.tell(kind, self.operation, self.place);
    }
}

/// Who waits on a [`Condvar`], and who was woken and has not seen it yet.
#[derive(Default)]
struct Tickets {
    n_given: u64,
    waiting: VecDeque<u64>,
}

/// Waits for a word of others. Nobody wakes without one.
pub struct Condvar {
    object: Object,
    tickets: Monitor<Tickets>,
}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Self {
        Self { object: Object::new("Condvar"), tickets: Monitor::new(Tickets::default()) }
    }
}

impl Condvar {
    /// Without anyone who waits.
    #[track_caller]
    pub fn new() -> Self {
        Self::default()
    }

    /// Frees the lock and waits, in one step, and takes the lock again.
    #[track_caller]
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let place = Location::caller();
        self.object.step();
        let mut ticket = 0;
        self.tickets.change(|tickets| {
            tickets.n_given += 1;
            ticket = tickets.n_given;
            tickets.waiting.push_back(ticket);
        });
        guard.free();
        let says = || self.object.tell(Kind::Waits, "wait", place);
        self.tickets.enter(move |tickets| !tickets.waiting.contains(&ticket), |_| (), says);
        self.object.tell(Kind::GoesOn, "wait", place);
        guard.place = place;
        guard.data = Some(guard.mutex.take(place));
    }

    /// Waits while the condition holds.
    #[track_caller]
    pub fn wait_while<T>(&self, guard: &mut MutexGuard<'_, T>, mut condition: impl FnMut(&mut T) -> bool) {
        while condition(&mut *guard) {
            self.wait(guard);
        }
    }

    /// Wakes who has waited longest. Whether anyone did.
    #[track_caller]
    pub fn notify_one(&self) -> bool {
        self.object.does("notify_one");
        let mut has_woken = false;
        self.tickets.change(|tickets| has_woken = tickets.waiting.pop_front().is_some());
        has_woken
    }

    /// Wakes all. How many they were.
    #[track_caller]
    pub fn notify_all(&self) -> usize {
        self.object.does("notify_all");
        let mut n_woken = 0;
        self.tickets.change(|tickets| n_woken = std::mem::take(&mut tickets.waiting).len());
        n_woken
    }
}
