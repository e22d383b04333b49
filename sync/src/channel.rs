//! Channels between tasks: many to one, one value once, and the latest value.

pub use tokio::sync::{Notify, mpsc, oneshot, watch};
