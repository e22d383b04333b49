//! Channels for one value: tokio's own, in steps.

use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::object::Object;
use super::operation::{Done, Operation};
use super::recorder::{Kind, Place};

use tokio::sync::oneshot as real;
pub use tokio::sync::oneshot::error;

/// Sends one value.
pub struct Sender<T> {
    object: Arc<Object>,
    /// Until it has sent.
    inner: Option<real::Sender<T>>,
}

/// The value, once it is there.
pub struct Receiver<T> {
    object: Arc<Object>,
    inner: real::Receiver<T>,
    made: Place,
    is_waiting: bool,
}

/// A channel for one value.
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = real::channel();
    let object = Object::shared("oneshot");
    let receiver = Receiver { object: object.clone(), inner: receiver, made: Location::caller(), is_waiting: false };
    (Sender { object, inner: Some(sender) }, receiver)
}

impl<T> Sender<T> {
    /// Sends.
    ///
    /// # Errors
    /// Nobody will receive it: the value.
    #[track_caller]
    pub fn send(mut self, value: T) -> Result<(), T> {
        self.object.does("send");
        self.inner.take().map_or(Ok(()), |sender| sender.send(value))
    }

    /// Whether nobody will receive.
    pub fn is_closed(&self) -> bool {
        self.object.step();
        self.inner.as_ref().is_none_or(real::Sender::is_closed)
    }

    /// Waits until nobody will receive.
    #[track_caller]
    pub fn closed(&mut self) -> impl Future<Output = ()> {
        let inner = &mut self.inner;
        let closed = async move {
            if let Some(sender) = inner {
                sender.closed().await;
            }
        };
        Operation::new(&*self.object, "closed", Location::caller(), Done::Over, closed)
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.inner.is_some() {
            self.object.ends("drop the sender");
        }
    }
}

impl<T> Receiver<T> {
    /// The value, where it is there.
    ///
    /// # Errors
    /// It is not there, or will not come.
    #[track_caller]
    pub fn try_recv(&mut self) -> Result<T, error::TryRecvError> {
        self.object.does("try_recv");
        self.inner.try_recv()
    }

    /// Refuses the value from here on.
    #[track_caller]
    pub fn close(&mut self) {
        self.object.does("close");
        self.inner.close();
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, error::RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.object.step();
        let polled = Pin::new(&mut self.inner).poll(context);
        let kind = match (&polled, self.is_waiting) {
            (Poll::Pending, true) => return polled,
            (Poll::Pending, false) => Kind::Waits,
            (Poll::Ready(_), true) => Kind::GoesOn,
            (Poll::Ready(_), false) => Kind::Does,
        };
        self.is_waiting = polled.is_pending();
        self.object.tell(kind, "recv", self.made);
        polled
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if self.is_waiting {
            self.object.tell(Kind::Leaves, "recv", self.made);
        }
        self.object.ends("drop the receiver");
    }
}
