//! `cargo interlock explain` and `lints`.

use interlock_lints::{find, lints};

use crate::exit_code::{Outcome, UsageError};
use crate::output::print;

/// Prints a lint's documentation.
pub(crate) fn explain(id: &str) -> anyhow::Result<Outcome> {
    let lint = find(id).map_err(|unknown| UsageError(unknown.to_string()))?;
    let mut text = format!("# {}\n\n{} (default level: {})\n\n", lint.id, lint.summary, lint.level);
    for line in lint.docs {
        text.push_str(line.strip_prefix(' ').unwrap_or(line));
        text.push('\n');
    }
    print(&text)?;
    Ok(Outcome::Clean)
}

/// Lists the lints, one a line.
pub(crate) fn list() -> anyhow::Result<Outcome> {
    let mut text = String::new();
    for lint in lints() {
        text.push_str(&format!("{:<32} {:<5} {}\n", lint.id, lint.level.to_string(), lint.summary));
    }
    print(&text)?;
    Ok(Outcome::Clean)
}
