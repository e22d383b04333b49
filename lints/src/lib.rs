//! Lints: one file each under `rules/`. They ask the facts, push findings, and never print.

mod config;
mod context;
mod finding;
mod lint;
mod registry;
mod report;
mod rules;
mod run;
mod suppressions;
mod writers;

pub use config::Config;
pub use context::LintContext;
pub use finding::{Certainty, Finding, Level, Place, Step};
pub use lint::Lint;
pub use registry::{UnknownLint, find, lints};
pub use report::Report;
pub use run::run;
