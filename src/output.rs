//! Where text goes: results to stdout or files, everything else to stderr.

use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::Context;

use crate::args::Color;

/// Prints a result. A reader that has closed the pipe has read enough.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("failed to write to stdout"),
        _ => Ok(()),
    }
}

/// Says something on stderr.
pub(crate) fn complain(text: &str) {
    // There is nowhere left to report a failure of stderr.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Says how far a long run is, unless the user wants quiet.
pub(crate) fn progress(quiet: bool, text: &str) {
    if !quiet && std::env::var_os("CI").is_none() {
        complain(&format!("{text:>12}", text = text));
    }
}

/// Writes a file as a whole: beside first, then renamed, so that no reader meets half of it.
pub(crate) fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("failed to make the folder {}", folder.display()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = folder.join(format!(".{name}.{}.part", std::process::id()));
    std::fs::write(&beside, text).with_context(|| format!("failed to write {}", beside.display()))?;
    std::fs::rename(&beside, path).with_context(|| format!("failed to move the result to {}", path.display()))
}

/// Whether stdout gets colour.
pub(crate) fn wants_color(color: Color) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let forced =
                set("CLICOLOR_FORCE") || std::env::var("CARGO_TERM_COLOR").is_ok_and(|value| value == "always");
            let refused = set("NO_COLOR") || std::env::var("CARGO_TERM_COLOR").is_ok_and(|value| value == "never");
            !refused && (forced || std::io::stdout().is_terminal())
        }
    }
}

/// Columns of the terminal, as the shell tells them.
pub(crate) fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(100)
}
