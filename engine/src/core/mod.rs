//! Pure decisions: events and state in, decisions out. No clock, disk, thread or randomness; times and draws are
//! arguments.

pub mod admission;
pub mod api_error;
pub mod assignment;
pub mod batch;
pub mod config;
pub mod consumer;
pub mod contents;
pub mod dedup;
pub mod entry;
pub mod health;
pub mod inactivity;
pub mod meta;
pub mod names;
pub mod ranges;
pub mod snapshot;
pub mod stream;
pub mod subject;
pub mod subjects;
pub mod write_error;
