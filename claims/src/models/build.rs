//! Building a suite's test binaries, with cargo, in a folder of their own.

use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use cargo_metadata::{Message, Package};

use super::suite::{ModelWorkspace, Suite, SuiteError};

/// Says to the libraries that a model is being built, so that no production build slips into it.
pub(crate) const BUILD_VARIABLE: &str = "INTERLOCK_MODEL_BUILD";

/// Optimised, with assertions, overflow checks and line tables, where the workspace's manifest does not have a profile of
/// this name; an overlay's has none. It inherits from `dev`: what a workspace has put into its release profile (abort,
/// link-time optimisation) is not for tests.
const PROFILE: [&str; 3] = [
    "profile.interlock-model.inherits=\"dev\"",
    "profile.interlock-model.opt-level=3",
    "profile.interlock-model.debug=\"line-tables-only\"",
];

/// How cargo is to behave.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuildOptions {
    /// `--locked`.
    pub locked: bool,
    /// `--offline`.
    pub offline: bool,
    /// Nothing on stderr but errors.
    pub quiet: bool,
}

/// A failure to build.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The package is gone.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// Cargo cannot be started or heard.
    #[error("failed to run cargo: {0}")]
    Cargo(#[from] std::io::Error),
    /// Cargo has said on stderr why.
    #[error("failed to build the tests of `{package}`{label}: cargo ended with {status}")]
    Failed {
        /// The package.
        package: String,
        /// How it was built.
        label: String,
        /// Cargo's exit status.
        status: String,
    },
}

/// A test binary.
#[derive(Clone, Debug)]
pub(crate) struct TestBinary {
    /// The target's name.
    pub(crate) name: String,
    pub(crate) executable: PathBuf,
}

/// Builds a suite; cargo's own words go to stderr as they come. The binaries come in order of their names.
pub(crate) fn build(
    workspace: &ModelWorkspace,
    suite: &Suite,
    options: BuildOptions,
) -> Result<Vec<TestBinary>, BuildError> {
    let package = workspace.package(&suite.package)?;
    let mut command = command(workspace, package, suite, options);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut binaries = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(stdout)) {
            if let Message::CompilerArtifact(artifact) = message? {
                let is_test = artifact.profile.test && artifact.package_id == package.id;
                let executable = artifact.executable.filter(|_| is_test);
                binaries
                    .extend(executable.map(|path| TestBinary { name: artifact.target.name, executable: path.into() }));
            }
        }
    }
    let status = child.wait()?;
    if !status.success() {
        let label = suite.label();
        let label = if label.is_empty() { label } else { format!(" ({label})") };
        return Err(BuildError::Failed { package: suite.package.clone(), label, status: status.to_string() });
    }
    binaries.sort_by(|a, b| (&a.name, &a.executable).cmp(&(&b.name, &b.executable)));
    Ok(binaries)
}

fn command(workspace: &ModelWorkspace, package: &Package, suite: &Suite, options: BuildOptions) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Cargo reads its own configuration from above the folder that it is started in.
    command.current_dir(&workspace.root).args(["test", "--no-run", "--message-format=json-render-diagnostics"]);
    command.arg("--manifest-path").arg(&package.manifest_path).args(["-p", &package.id.repr]);
    command.arg("--target-dir").arg(target_directory(workspace, suite));
    if !has_profile(workspace) {
        command.args(PROFILE.iter().flat_map(|setting| ["--config", setting]));
    }
    command.args(["--profile", "interlock-model"]);
    if !suite.features.is_empty() {
        command.args(["--features", &suite.features.join(",")]);
    }
    for (is_on, flag) in [
        (suite.no_default_features, "--no-default-features"),
        (suite.lib, "--lib"),
        (!suite.lib && suite.tests.is_empty(), "--tests"),
        (options.locked, "--locked"),
        (options.offline, "--offline"),
        (options.quiet, "--quiet"),
    ] {
        if is_on {
            command.arg(flag);
        }
    }
    for test in &suite.tests {
        command.args(["--test", test]);
    }
    command.env(BUILD_VARIABLE, "1");
    if !suite.cfgs.is_empty() || suite.overlaid.is_some() {
        command.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(suite)).env_remove("RUSTFLAGS");
    }
    command
}

/// Whether the workspace says itself how models are built. A manifest that cannot be read is cargo's to complain of.
fn has_profile(workspace: &ModelWorkspace) -> bool {
    std::fs::read_to_string(workspace.root.join("Cargo.toml")).is_ok_and(|manifest| declares_profile(&manifest))
}

fn declares_profile(manifest: &str) -> bool {
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    let profile = manifest.get("profile").and_then(|profiles| profiles.get("interlock-model"));
    // Without what it inherits it is no profile, but has something to say of ours.
    profile.is_some_and(|profile| profile.get("inherits").is_some())
}

/// A cfg reaches every dependency and changes all of them, so each combination is built in a folder of its own.
fn target_directory(workspace: &ModelWorkspace, suite: &Suite) -> PathBuf {
    let plain = |cfg: &String| cfg.replace(|char: char| !char.is_ascii_alphanumeric(), "_");
    match suite.cfgs.as_slice() {
        [] => workspace.target.clone(),
        cfgs => workspace.target.join(format!("cfg-{}", cfgs.iter().map(plain).collect::<Vec<_>>().join("-"))),
    }
}

/// The caller's flags and the suite's, as cargo takes them without splitting at spaces. A lint that an overlaid crate
/// denies was not meant for what stands in for its dependencies.
fn rust_flags(suite: &Suite) -> String {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let plain = || set("RUSTFLAGS").map(|flags| flags.split_whitespace().collect::<Vec<_>>().join("\x1f"));
    let inherited = set("CARGO_ENCODED_RUSTFLAGS").or_else(plain);
    let cfgs = suite.cfgs.iter().flat_map(|cfg| ["--cfg".to_owned(), cfg.clone()]);
    let lints = suite.overlaid.iter().flat_map(|_| ["--cap-lints".to_owned(), "warn".to_owned()]);
    inherited.into_iter().chain(cfgs).chain(lints).collect::<Vec<_>>().join("\x1f")
}

#[cfg(test)]
mod tests {
    use super::declares_profile;

    #[test]
    fn a_profile_is_seen_in_the_manifest() {
        assert!(declares_profile("[profile.interlock-model]\ninherits = \"dev\"\n"));
        assert!(!declares_profile("[profile.release]\nlto = true\n[package]\nname = \"interlock-model\"\n"));
        assert!(!declares_profile("[profile.interlock-model.package.pool]\nopt-level = 0\n"));
        assert!(!declares_profile("[profile"));
    }
}
