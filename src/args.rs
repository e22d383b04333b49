//! The command line.

mod model;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use interlock_source::LoadOptions;

pub(crate) use self::model::{ModelArgs, ModelBuildArgs, ModelCommand, ModelLimitArgs, ModelListArgs};
pub(crate) use self::model::{ModelOutputArgs, ModelReplayArgs, ModelRunArgs};

const EXIT_CODES: &str = "Exit codes: 0 clean · 1 findings at or above the threshold, a failed model, a twin not caught · \
2 usage or configuration · 3 a claim refuted · 4 a claim inconclusive or not run, a model not explored as asked · \
5 nothing analysed, no model found · 70 internal error · 101 could not complete";

/// Finds and documents concurrency bugs in Rust workspaces; all but `model` without compiling them.
#[derive(Debug, Parser)]
#[command(name = "cargo interlock", bin_name = "cargo interlock", version, about, after_help = EXIT_CODES)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) check: CheckArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the lints over the workspace (the default)
    Check(CheckArgs),
    /// Print the lock-order graph
    Graph(GraphArgs),
    /// Decide the claims of an audit manifest, and put each bug back to see the checks fail
    Audit(AuditArgs),
    /// Build the workspace's models, and list, run or replay them: this runs code of the workspace
    Model(ModelArgs),
    /// Print what a lint finds, why it matters, and where its limits are
    Explain(ExplainArgs),
    /// List the lints
    Lints,
}

/// What is read, and how.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct WorkspaceArgs {
    /// The workspace's Cargo.toml; by default the nearest above the current directory
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
    /// Features to turn on, space or comma separated
    #[arg(long, short = 'F', value_name = "FEATURES", value_delimiter = ',')]
    pub(crate) features: Vec<String>,
    /// Turn all features on
    #[arg(long)]
    pub(crate) all_features: bool,
    /// Do not turn the default features on
    #[arg(long)]
    pub(crate) no_default_features: bool,
    /// Turn a custom cfg on, such as `loom` or `key="value"`
    #[arg(long = "cfg", value_name = "CFG")]
    pub(crate) cfgs: Vec<String>,
    /// Analyse tests, benches and examples too
    #[arg(long)]
    pub(crate) all_targets: bool,
    /// As for cargo
    #[arg(long)]
    pub(crate) locked: bool,
    /// As for cargo
    #[arg(long)]
    pub(crate) offline: bool,
    /// Neither use nor write the facts of earlier runs (`interlock/facts.pack` in the target directory)
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// No progress on stderr
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl WorkspaceArgs {
    pub(crate) fn options(&self) -> LoadOptions {
        let split = |list: &[String]| list.iter().flat_map(|part| part.split_whitespace().map(str::to_owned)).collect();
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        LoadOptions {
            manifest_path: self.manifest_path.clone(),
            dir: here.clone(),
            features: split(&self.features),
            all_features: self.all_features,
            no_default_features: self.no_default_features,
            cfgs: self.cfgs.clone(),
            all_targets: self.all_targets,
            locked: self.locked,
            offline: self.offline,
            use_cache: !self.no_cache,
            // Relative to here; cargo is asked from elsewhere.
            target_directory: std::env::var_os("CARGO_TARGET_DIR")
                .filter(|dir| !dir.is_empty())
                .map(|dir| here.join(dir)),
        }
    }
}

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) workspace: WorkspaceArgs,
    /// Report only findings of this package (the whole workspace is read all the same)
    #[arg(long = "package", short, value_name = "PACKAGE")]
    pub(crate) packages: Vec<String>,
    /// Leave findings of this package out of the report
    #[arg(long, value_name = "PACKAGE")]
    pub(crate) exclude: Vec<String>,
    /// human, json or markdown; `FORMAT=PATH` writes to a file; may be repeated
    #[arg(long, value_name = "FORMAT[=PATH]")]
    pub(crate) message_format: Vec<String>,
    /// The lowest level that makes the command fail: note, warn or deny (the default)
    #[arg(long, value_name = "LEVEL")]
    pub(crate) fail_on: Option<String>,
    /// Print on stderr which receivers and calls were resolved, and the causes of the others with counts and places
    #[arg(long)]
    pub(crate) stats: bool,
    /// Colour in human output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// When the output is a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Args, Debug)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub(crate) workspace: WorkspaceArgs,
    /// The document to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: GraphFormat,
    /// Only this lock and its neighbours (a symbol such as `Cluster::raft_node`)
    #[arg(long, value_name = "LOCK")]
    pub(crate) focus: Option<String>,
    /// Only the locks on paths from this lock; with --to
    #[arg(long, value_name = "LOCK", requires = "to")]
    pub(crate) from: Option<String>,
    /// Only the locks on paths to this lock; with --from
    #[arg(long, value_name = "LOCK", requires = "from")]
    pub(crate) to: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Graphviz
    #[default]
    Dot,
    /// JSON, with call chains and cycles
    Json,
}

#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    /// The audit manifest, or its folder
    #[arg(value_name = "MANIFEST", default_value = "audit.toml")]
    pub(crate) manifest: PathBuf,
    /// A local tree of the target, where the manifest names a repository
    #[arg(long, value_name = "DIR")]
    pub(crate) target: Option<PathBuf>,
    /// Write report.md there instead of to stdout
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Decide the claims only; no claim can be VERIFIED then
    #[arg(long)]
    pub(crate) no_controls: bool,
    /// Do not fail for claims that are NOT RUN
    #[arg(long)]
    pub(crate) allow_not_run: bool,
    /// No progress on stderr
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The lint's id
    pub(crate) lint: String,
}
