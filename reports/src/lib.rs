//! Findings, graphs, verdicts and results of models as documents: data in, text out, one renderer a file.
//!
//! Nothing here reads a disk, starts a process, parses Rust or decides anything: a document shows
//! what it is given, in the order in which it is given, and the same input gives the same bytes.

mod audit_markdown;
mod class_name;
mod coverage_text;
mod excerpt;
mod graph_dot;
mod graph_json;
mod human;
mod json;
mod markdown;
mod markdown_text;
mod model_json;
mod model_junit;
mod model_markdown;
mod model_text;
mod model_words;
mod place;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod sample_audit;
#[cfg(test)]
mod sample_graph;
#[cfg(test)]
mod sample_model;
mod stats_text;

pub use audit_markdown::{Provenance, audit_markdown};
pub use graph_dot::graph_dot;
pub use graph_json::graph_json;
pub use human::{HumanStyle, human};
pub use json::json;
pub use markdown::markdown;
pub use model_json::model_json;
pub use model_junit::model_junit;
pub use model_markdown::model_markdown;
pub use model_text::{ModelTextStyle, model_steps_text, model_text};
pub use place::Files;
pub use stats_text::stats;

/// What a document says about the run that it came from.
#[derive(Clone, Copy, Debug)]
pub struct Heading<'a> {
    /// Name of the analysed workspace.
    pub workspace: &'a str,
    /// Version of the tool.
    pub version: &'a str,
}
