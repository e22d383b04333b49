//! A primitive as the checker and the recorder see it: where its steps begin, and what is said of it.

use std::panic::Location;
use std::sync::Arc;

use super::platform::{self, Gate};
use super::recorder::{self, Kind, Place};

/// Stands beside the real primitive.
pub(crate) struct Object {
    gate: Gate,
    made: Place,
    /// In the record, where this execution is recorded.
    index: Option<usize>,
}

impl Object {
    fn of(kind: &'static str, gate: Gate, made: Place) -> Self {
        Self { gate, made, index: recorder::object(kind, made) }
    }

    /// Of a primitive that is made at the caller's place.
    #[track_caller]
    pub(crate) fn new(kind: &'static str) -> Self {
        Self::of(kind, Gate::new(), Location::caller())
    }

    /// Of a lock that blocks by a monitor.
    pub(crate) fn of_monitor(kind: &'static str, made: Place) -> Self {
        Self::of(kind, Gate::of_monitor(), made)
    }

    pub(crate) fn made(kind: &'static str, place: Place) -> Arc<Self> {
        Arc::new(Self::of(kind, Gate::new(), place))
    }

    #[track_caller]
    pub(crate) fn shared(kind: &'static str) -> Arc<Self> {
        Arc::new(Self::new(kind))
    }

    /// A scheduling point, before an operation on the primitive.
    pub(crate) fn step(&self) {
        self.gate.step();
    }

    /// The task that this stands for has ended.
    pub(crate) fn has_ended(&self) {
        platform::ends(&self.gate);
    }

    /// Tells the recorder.
    pub(crate) fn tell(&self, kind: Kind, operation: &'static str, place: Place) {
        if let Some(index) = self.index
            && let Some(task) = platform::recorded_task()
        {
            recorder::event(task, kind, operation, index, place);
        }
    }

    /// A step that is an operation of its own and never waits.
    #[track_caller]
    pub(crate) fn does(&self, operation: &'static str) {
        self.step();
        self.tell(Kind::Does, operation, Location::caller());
    }

    /// A step that is the end of a part of the primitive. A drop has no place, so this is told of the making's.
    pub(crate) fn ends(&self, operation: &'static str) {
        self.step();
        self.tell(Kind::Does, operation, self.made);
    }
}
