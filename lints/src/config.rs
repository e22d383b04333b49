//! Levels that the user chose, by lint.

use std::collections::BTreeMap;

use crate::{Level, Lint};

/// What a run is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Levels by lint id, in place of the lint's own.
    pub levels: BTreeMap<String, Level>,
}

impl Config {
    /// The level of a `derived` finding of a lint.
    #[must_use]
    pub fn level(&self, lint: &Lint) -> Level {
        self.levels.get(lint.id).copied().unwrap_or(lint.level)
    }
}
