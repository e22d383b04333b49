//! Locks, channels, tasks, time, randomness and the concurrent map, as the engine uses them. A production build maps
//! each name to a library; the engine names none of those, so that a model checker can stand in their place.
//!
//! The features `model-shuttle` and `model-loom` put one there: the module `model` says what is a step then, and what
//! is not modelled.

#[cfg(all(feature = "model-loom", feature = "model-shuttle"))]
compile_error!("`model-loom` and `model-shuttle` exclude each other");

// A feature that some other package turns on must not end up in what is shipped.
#[cfg(any(feature = "model-loom", feature = "model-shuttle"))]
const _: () = assert!(
    matches!(option_env!("INTERLOCK_MODEL_BUILD"), Some(value) if matches!(value.as_bytes(), b"1")),
    "the features `model-loom` and `model-shuttle` are for model checkers: build with INTERLOCK_MODEL_BUILD=1"
);

/// Whether this is the facade of a model checker. Points where tests hold a task are none then: the checker holds tasks
/// at any step.
pub const IS_MODEL: bool = cfg!(any(feature = "model-loom", feature = "model-shuttle"));

pub mod channel;
pub mod lock;
pub mod map;
#[cfg(any(feature = "model-loom", feature = "model-shuttle"))]
pub mod model;
#[cfg(feature = "net")]
pub mod net;
#[cfg(any(feature = "model-loom", feature = "model-shuttle", feature = "replay"))]
mod place;
pub mod random;
pub mod task;
pub mod time;
pub mod token;
#[cfg(any(feature = "model-loom", feature = "model-shuttle", feature = "replay"))]
pub mod watch;

pub use tokio::{join, pin, select};
