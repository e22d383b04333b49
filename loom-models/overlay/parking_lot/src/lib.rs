//! What an overlaid crate has for `parking_lot`: shuttle's, and the condition variables that this lacks.

mod condvar;

pub use condvar::{Condvar, WaitTimeoutResult};
pub use shuttle_parking_lot_impl::*;
