//! Wakes who waits: tokio's own, in steps.

use std::panic::Location;

use super::object::Object;
use super::operation::{Done, Operation};

/// `tokio::sync::Notify`.
pub struct Notify {
    object: Object,
    inner: tokio::sync::Notify,
}

impl Default for Notify {
    #[track_caller]
    fn default() -> Self {
        Self { object: Object::new("Notify"), inner: tokio::sync::Notify::new() }
    }
}

impl Notify {
    /// Without a permit.
    #[track_caller]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes who has waited longest, or leaves a permit.
    #[track_caller]
    pub fn notify_one(&self) {
        self.object.does("notify_one");
        self.inner.notify_one();
    }

    /// Wakes all who wait, and leaves no permit.
    #[track_caller]
    pub fn notify_waiters(&self) {
        self.object.does("notify_waiters");
        self.inner.notify_waiters();
    }

    /// Waits for a permit. From here on, waking all wakes it too: so this is a step, and one with the first poll where
    /// nothing is between them.
    #[track_caller]
    pub fn notified(&self) -> impl Future<Output = ()> {
        self.object.step();
        Operation::begun(&self.object, "notified", Location::caller(), Done::Over, self.inner.notified())
    }
}
