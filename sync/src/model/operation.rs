//! A future of the real primitive, polled in steps.

use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::object::Object;
use super::platform;
use super::recorder::{Kind, Place};

/// Polls the real primitive's future; each poll that may come to something is a step.
pub(crate) struct Operation<O: Deref<Target = Object>, F> {
    future: Pin<Box<F>>,
    object: O,
    name: &'static str,
    place: Place,
    /// What is said when it is done: whoever receives a value holds nothing.
    done: Done,
    is_waiting: bool,
    is_step: bool,
    /// When it was made, until it is polled.
    begun: Option<platform::Mark>,
}

/// What having done it means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// The task holds something until it frees it.
    Holds,
    /// It is over.
    Over,
}

impl<O: Deref<Target = Object>, F: Future> Operation<O, F> {
    pub(crate) fn new(object: O, name: &'static str, place: Place, done: Done, future: F) -> Self {
        Self { future: Box::pin(future), object, name, place, done, is_waiting: false, is_step: true, begun: None }
    }

    /// One whose polls come after a step that belongs to them.
    pub(crate) fn unstepped(object: O, name: &'static str, place: Place, future: F) -> Self {
        let mut operation = Self::new(object, name, place, Done::Over, future);
        operation.is_step = false;
        operation
    }

    /// One whose making was a step: the first poll belongs to that step, unless something is between them.
    pub(crate) fn begun(object: O, name: &'static str, place: Place, done: Done, future: F) -> Self {
        let mut operation = Self::new(object, name, place, done, future);
        operation.begun = Some(platform::mark());
        operation
    }
}

impl<O: Deref<Target = Object> + Unpin, F: Future> Future for Operation<O, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if self.is_step && self.begun.take().is_none_or(|begun| begun != platform::mark()) {
            self.object.step();
        }
        let polled = self.future.as_mut().poll(context);
        let kind = match (&polled, self.done) {
            (Poll::Pending, _) if self.is_waiting => return polled,
            (Poll::Pending, _) => Kind::Waits,
            (Poll::Ready(_), _) if !self.is_step && !self.is_waiting => return polled,
            (Poll::Ready(_), Done::Over) if !self.is_waiting => Kind::Does,
            (Poll::Ready(_), Done::Over) => Kind::GoesOn,
            (Poll::Ready(_), Done::Holds) if !self.is_waiting => Kind::Takes,
            (Poll::Ready(_), Done::Holds) => Kind::Got,
        };
        self.is_waiting = polled.is_pending();
        self.object.tell(kind, self.name, self.place);
        polled
    }
}

impl<O: Deref<Target = Object>, F> Drop for Operation<O, F> {
    fn drop(&mut self) {
        if self.is_waiting {
            self.object.tell(Kind::Leaves, self.name, self.place);
        }
    }
}
