//! Channels between tasks: many to one, one value once, and the latest value.

#[cfg(any(feature = "model-loom", feature = "model-shuttle"))]
pub use crate::model::{mpsc, notify::Notify, oneshot};
#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
pub use tokio::sync::{Notify, mpsc, oneshot};

#[cfg(any(feature = "model-loom", feature = "model-shuttle", feature = "replay"))]
pub use crate::watch;
#[cfg(not(any(feature = "model-loom", feature = "model-shuttle", feature = "replay")))]
pub use tokio::sync::watch;
