//! Which documents are written, and where: `--message-format FORMAT[=PATH]`.

use std::path::PathBuf;

use crate::config::suggestion;
use crate::exit_code::UsageError;
use crate::output::{print, write_file};

/// A document to write.
pub(crate) struct Target<F> {
    pub(crate) format: F,
    /// Where; without it, stdout.
    pub(crate) path: Option<PathBuf>,
}

impl<F> Target<F> {
    pub(crate) fn write(&self, text: &str) -> anyhow::Result<()> {
        match &self.path {
            Some(path) => write_file(path, text),
            None => print(text),
        }
    }
}

/// The documents that were asked for; by default the first of those that are known.
pub(crate) fn targets<F: Copy>(asked: &[String], known: &[(&str, F)]) -> Result<Vec<Target<F>>, UsageError> {
    if asked.is_empty() {
        return Ok(known.iter().take(1).map(|(_, format)| Target { format: *format, path: None }).collect());
    }
    asked.iter().map(|text| target(text, known)).collect()
}

fn target<F: Copy>(text: &str, known: &[(&str, F)]) -> Result<Target<F>, UsageError> {
    let (name, path) = match text.split_once('=') {
        Some((name, path)) => (name, Some(PathBuf::from(path))),
        None => (text, None),
    };
    let found = known.iter().find(|(known, _)| *known == name);
    let names: Vec<&str> = known.iter().map(|(known, _)| *known).collect();
    let unknown = || UsageError(format!("unknown message format `{name}`{}", suggestion(name, &names)));
    found.map(|(_, format)| Target { format: *format, path }).ok_or_else(unknown)
}
