//! Pure decisions: events and state in, decisions out. No clock, disk, thread or randomness; times and draws are
//! arguments.

pub mod assignment;
pub mod config;
pub mod meta;
pub mod names;
pub mod write_error;
