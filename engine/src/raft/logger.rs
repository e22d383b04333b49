//! Raft's own log lines, sent on as events.

use slog::{Drain, Level, Logger, Never, OwnedKVList, Record};

struct Events;

impl Drain for Events {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, _values: &OwnedKVList) -> Result<(), Never> {
        match record.level() {
            Level::Critical | Level::Error => tracing::error!(target: "raft", "{}", record.msg()),
            Level::Warning => tracing::warn!(target: "raft", "{}", record.msg()),
            Level::Info | Level::Debug => tracing::debug!(target: "raft", "{}", record.msg()),
            Level::Trace => tracing::trace!(target: "raft", "{}", record.msg()),
        }
        Ok(())
    }
}

/// A logger for one raft node.
pub(super) fn logger() -> Logger {
    Logger::root(Events, slog::o!())
}
