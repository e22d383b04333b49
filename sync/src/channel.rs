//! Channels between tasks: many to one, one value once, and the latest value.

pub use tokio::sync::{Notify, mpsc, oneshot};

#[cfg(feature = "replay")]
pub use crate::watch;
#[cfg(not(feature = "replay"))]
pub use tokio::sync::watch;
