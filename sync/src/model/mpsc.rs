//! Channels from many to one: tokio's own, in steps.

use std::panic::Location;
use std::sync::Arc;

use super::object::Object;
use super::operation::{Done, Operation};
use super::recorder::Kind;

use tokio::sync::mpsc as real;
pub use tokio::sync::mpsc::error;

/// Sends, and waits for room.
pub struct Sender<T> {
    object: Arc<Object>,
    inner: real::Sender<T>,
}

/// Receives, alone.
pub struct Receiver<T> {
    object: Arc<Object>,
    inner: real::Receiver<T>,
}

/// Sends without ever waiting.
pub struct UnboundedSender<T> {
    object: Arc<Object>,
    inner: real::UnboundedSender<T>,
}

/// Receives, alone.
pub struct UnboundedReceiver<T> {
    object: Arc<Object>,
    inner: real::UnboundedReceiver<T>,
}

/// A channel with room for so many values.
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = real::channel(capacity);
    let object = Object::shared("mpsc");
    (Sender { object: object.clone(), inner: sender }, Receiver { object, inner: receiver })
}

/// A channel with room for all values.
#[track_caller]
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (sender, receiver) = real::unbounded_channel();
    let object = Object::shared("mpsc");
    (UnboundedSender { object: object.clone(), inner: sender }, UnboundedReceiver { object, inner: receiver })
}

impl<T> Sender<T> {
    /// Waits for room and sends.
    ///
    /// # Errors
    /// Nobody will receive it: the value.
    #[track_caller]
    pub fn send(&self, value: T) -> impl Future<Output = Result<(), error::SendError<T>>> {
        Operation::new(&*self.object, "send", Location::caller(), Done::Over, self.inner.send(value))
    }

    /// Sends where there is room.
    ///
    /// # Errors
    /// No room, or nobody will receive it: the value.
    #[track_caller]
    pub fn try_send(&self, value: T) -> Result<(), error::TrySendError<T>> {
        self.object.does("try_send");
        self.inner.try_send(value)
    }
}

impl<T> UnboundedSender<T> {
    /// Sends.
    ///
    /// # Errors
    /// Nobody will receive it: the value.
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), error::SendError<T>> {
        self.object.does("send");
        self.inner.send(value)
    }
}

macro_rules! both_senders {
    ($sender:ident) => {
        impl<T> $sender<T> {
            /// Waits until nobody will receive.
            #[track_caller]
            pub fn closed(&self) -> impl Future<Output = ()> {
                Operation::new(&*self.object, "closed", Location::caller(), Done::Over, self.inner.closed())
            }

            /// Whether nobody will receive.
            pub fn is_closed(&self) -> bool {
                self.object.step();
                self.inner.is_closed()
            }
        }

        impl<T> Clone for $sender<T> {
            fn clone(&self) -> Self {
                Self { object: self.object.clone(), inner: self.inner.clone() }
            }
        }

        impl<T> Drop for $sender<T> {
            fn drop(&mut self) {
                // Only the last one's going is seen by the receiver.
                if self.inner.strong_count() == 1 {
                    self.object.ends("drop the last sender");
                }
            }
        }
    };
}

macro_rules! both_receivers {
    ($receiver:ident) => {
        impl<T> $receiver<T> {
            /// Waits for the next value; `None` where every sender is gone.
            #[track_caller]
            pub fn recv(&mut self) -> impl Future<Output = Option<T>> {
                Operation::new(&*self.object, "recv", Location::caller(), Done::Over, self.inner.recv())
            }

            /// Waits for values and takes no more than so many of them. How many; 0 where every sender is gone.
            #[track_caller]
            pub fn recv_many(&mut self, values: &mut Vec<T>, limit: usize) -> impl Future<Output = usize> {
                let received = self.inner.recv_many(values, limit);
                Operation::new(&*self.object, "recv", Location::caller(), Done::Over, received)
            }

            /// The next value, where one is there.
            ///
            /// # Errors
            /// None is there, or none will come.
            #[track_caller]
            pub fn try_recv(&mut self) -> Result<T, error::TryRecvError> {
                self.object.step();
                self.object.tell(Kind::Does, "try_recv", Location::caller());
                self.inner.try_recv()
            }

            /// Receives what is there, and nothing that is sent from here on.
            #[track_caller]
            pub fn close(&mut self) {
                self.object.does("close");
                self.inner.close();
            }

            /// Values that wait.
            pub fn len(&self) -> usize {
                self.object.step();
                self.inner.len()
            }

            /// Whether no value waits.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }
        }

        impl<T> Drop for $receiver<T> {
            fn drop(&mut self) {
                self.object.ends("drop the receiver");
            }
        }
    };
}

both_senders!(Sender);
both_senders!(UnboundedSender);
both_receivers!(Receiver);
both_receivers!(UnboundedReceiver);
