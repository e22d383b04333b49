//! The command line of `model`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use interlock_claims::models::Shard;

use super::Color;

#[derive(Args, Debug)]
pub(crate) struct ModelArgs {
    #[command(subcommand)]
    pub(crate) command: ModelCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Build the models, and say what each one asks and how it searches
    List(ModelListArgs),
    /// Run models and their twins, each in a process of its own, or join the shards of such a run
    Run(ModelRunArgs),
    /// Run the one execution that a failure's token names, and print its steps
    Replay(ModelReplayArgs),
}

/// What is built, and how.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ModelBuildArgs {
    /// The workspace's Cargo.toml; by default the nearest above the current directory
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
    /// Only models of this package
    #[arg(long = "package", short, value_name = "PACKAGE")]
    pub(crate) packages: Vec<String>,
    /// Build with these features, instead of with those that each model's test target requires
    #[arg(long, short = 'F', value_name = "FEATURES", value_delimiter = ',')]
    pub(crate) features: Vec<String>,
    /// Do not turn the default features on
    #[arg(long)]
    pub(crate) no_default_features: bool,
    /// Build with a cfg, such as `loom`, in every crate; means --own-tests
    #[arg(long = "cfg", value_name = "CFG")]
    pub(crate) cfgs: Vec<String>,
    /// Only models of this test target
    #[arg(long = "test", value_name = "NAME")]
    pub(crate) tests: Vec<String>,
    /// Only models among the unit tests of the library
    #[arg(long)]
    pub(crate) lib: bool,
    /// Take every test for a model: one of loom, shuttle or another library, whose bound is its own
    #[arg(long)]
    pub(crate) own_tests: bool,
    /// Take the tests of a crate that knows nothing of models: its unchanged source is built with threads, locks and
    /// tasks of the checker
    #[arg(long, conflicts_with_all = ["own_tests", "cfgs"])]
    pub(crate) overlay: bool,
    /// With --overlay: a test file more, which is not the crate's
    #[arg(long, value_name = "FILE", requires = "overlay")]
    pub(crate) add_test: Vec<PathBuf>,
    /// With --overlay: overlay a dependency from crates.io, too
    #[arg(long, value_name = "PACKAGE", requires = "overlay")]
    pub(crate) also: Vec<String>,
    /// With --overlay: leave the standard library's threads and locks real
    #[arg(long, requires = "overlay")]
    pub(crate) keep_std: bool,
    /// As for cargo
    #[arg(long)]
    pub(crate) locked: bool,
    /// As for cargo
    #[arg(long)]
    pub(crate) offline: bool,
    /// No progress on stderr
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl ModelBuildArgs {
    /// What decides which models are built and how, as words for a shell.
    pub(crate) fn as_given(&self) -> Vec<String> {
        let path = |path: &PathBuf| path.display().to_string();
        let mut given: Vec<(&str, String)> = Vec::new();
        given.extend(self.manifest_path.iter().map(|manifest| ("--manifest-path", path(manifest))));
        given.extend(self.packages.iter().map(|package| ("--package", package.clone())));
        given.extend(self.features.iter().map(|feature| ("--features", feature.clone())));
        given.extend(self.cfgs.iter().map(|cfg| ("--cfg", cfg.clone())));
        given.extend(self.tests.iter().map(|test| ("--test", test.clone())));
        given.extend(self.add_test.iter().map(|test| ("--add-test", path(test))));
        given.extend(self.also.iter().map(|package| ("--also", package.clone())));
        let flags = [
            ("--no-default-features", self.no_default_features),
            ("--lib", self.lib),
            ("--own-tests", self.own_tests),
            ("--overlay", self.overlay),
            ("--keep-std", self.keep_std),
        ];
        let flags = flags.into_iter().filter(|(_, is_on)| *is_on).map(|(flag, _)| flag.to_owned());
        flags.chain(given.into_iter().map(|(option, value)| format!("{option} {}", quoted(&value)))).collect()
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./=,:@+".contains(char);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ModelOutputArgs {
    /// human, json, junit or markdown; `FORMAT=PATH` writes to a file; may be repeated
    #[arg(long, value_name = "FORMAT[=PATH]")]
    pub(crate) message_format: Vec<String>,
    /// Colour in human output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) color: Color,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ModelLimitArgs {
    /// Time for each model, and for each twin: 90s, 5m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub(crate) budget: Duration,
    /// A process that gives no sign of life for so long is stopped: `hung`
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) hang_after: Duration,
    /// A process that takes more memory is stopped (watched on Linux only)
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = size)]
    pub(crate) memory: u64,
}

impl Default for ModelLimitArgs {
    /// As clap has them.
    fn default() -> ModelLimitArgs {
        ModelLimitArgs { budget: Duration::from_secs(60), hang_after: Duration::from_secs(30), memory: 4 << 30 }
    }
}

#[derive(Args, Debug)]
pub(crate) struct ModelListArgs {
    #[command(flatten)]
    pub(crate) build: ModelBuildArgs,
    #[command(flatten)]
    pub(crate) output: ModelOutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ModelRunArgs {
    /// The models: those of these names, or all whose names contain one
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// All models (the default where no name is given)
    #[arg(long, conflicts_with = "names")]
    pub(crate) all: bool,
    /// Only shard I of N, counted from 0
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
    /// Processes side by side; by default as many as there are processors
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Build and run nothing: join the JSON lines of all shards, and say what is missing
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["names", "all", "shard", "jobs"])]
    pub(crate) merge: Vec<PathBuf>,
    /// Print the steps of twins that were caught, too
    #[arg(long, short)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) limits: ModelLimitArgs,
    #[command(flatten)]
    pub(crate) build: ModelBuildArgs,
    #[command(flatten)]
    pub(crate) output: ModelOutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ModelReplayArgs {
    /// What a failure printed as its replay token, or a file that holds it
    pub(crate) token: String,
    #[command(flatten)]
    pub(crate) limits: ModelLimitArgs,
    #[command(flatten)]
    pub(crate) build: ModelBuildArgs,
    #[command(flatten)]
    pub(crate) output: ModelOutputArgs,
}

/// A number and its unit.
fn amount<'a>(text: &'a str, units: &[(&'a str, u64)]) -> Option<u64> {
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (text[..digits].parse::<u64>().ok()?, text[digits..].trim());
    let factor = units.iter().find(|(known, _)| known.eq_ignore_ascii_case(unit))?.1;
    number.checked_mul(factor).filter(|amount| *amount > 0)
}

fn duration(text: &str) -> Result<Duration, String> {
    let ms = amount(text, &[("ms", 1), ("s", 1000), ("", 1000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000)]);
    ms.map(Duration::from_millis).ok_or_else(|| "write it as 500ms, 90s, 5m or 1h".to_owned())
}

fn size(text: &str) -> Result<u64, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("M", 1 << 20), ("GiB", 1 << 30), ("G", 1 << 30)];
    amount(text, &units).ok_or_else(|| "write it as 512MiB or 2GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(size("2GiB"), Ok(2 << 30));
        for wrong in ["", "s", "-1s", "1.5s", "5 parsecs", "0s", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(size("5").is_err() && size("99999999999GiB").is_err());
    }
}
