//! Cancellation tokens: tokio's own, in steps.

use std::panic::Location;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::object::Object;
use super::operation::{Done, Operation};

/// `tokio_util::sync::CancellationToken`.
#[derive(Clone)]
pub struct Token {
    object: Arc<Object>,
    inner: CancellationToken,
}

impl Default for Token {
    #[track_caller]
    fn default() -> Self {
        Self { object: Object::shared("Token"), inner: CancellationToken::new() }
    }
}

impl Token {
    /// Not cancelled.
    #[track_caller]
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled with this one, and alone.
    #[track_caller]
    pub fn child_token(&self) -> Self {
        self.object.step();
        Self { object: Object::shared("Token"), inner: self.inner.child_token() }
    }

    /// Gives the signal.
    #[track_caller]
    pub fn cancel(&self) {
        self.object.does("cancel");
        self.inner.cancel();
    }

    /// Whether the signal was given.
    pub fn is_cancelled(&self) -> bool {
        self.object.step();
        self.inner.is_cancelled()
    }

    /// Waits for the signal.
    #[track_caller]
    pub fn cancelled(&self) -> impl Future<Output = ()> {
        Operation::new(&*self.object, "cancelled", Location::caller(), Done::Over, self.inner.cancelled())
    }

    /// Waits for the signal, and keeps the token.
    #[track_caller]
    pub fn cancelled_owned(self) -> impl Future<Output = ()> {
        Operation::new(self.object, "cancelled", Location::caller(), Done::Over, self.inner.cancelled_owned())
    }

    /// Cancels when it is dropped.
    pub fn drop_guard(self) -> DropGuard {
        DropGuard(Some(self))
    }
}

/// Cancels its token when it is dropped.
pub struct DropGuard(Option<Token>);

impl DropGuard {
    /// The token, which is not cancelled by this.
    ///
    /// # Panics
    /// Never: the token is there until this or the drop.
    pub fn disarm(mut self) -> Token {
        self.0.take().expect("taken once")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.0 {
            token.cancel();
        }
    }
}
