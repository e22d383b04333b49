//! The command as the tests of models run it: in one target folder for all of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What came of it.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A folder for what a test writes, and for what the command builds.
pub(crate) fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("model").join(name)
}

/// Runs `cargo interlock model`.
pub(crate) fn model(arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-interlock"))
        .args(["interlock", "model"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("NO_COLOR", "1")
        .env("CI", "1")
        // Each fixture is built once, for all of these tests, and its few executions are run sooner than optimised.
        .env("RUSTFLAGS", "-Copt-level=0")
        .env("CARGO_TARGET_DIR", scratch("target"))
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// JSON lines.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
