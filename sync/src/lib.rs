//! Locks, channels, tasks, time, randomness and the concurrent map, as the engine uses them. A production build maps
//! each name to a library; the engine names none of those, so that a model checker can stand in their place.

pub mod channel;
pub mod lock;
pub mod map;
#[cfg(feature = "net")]
pub mod net;
pub mod random;
pub mod task;
pub mod time;
pub mod token;
#[cfg(feature = "replay")]
pub mod watch;

pub use tokio::{join, pin, select};
