//! `cargo interlock model`: list, run, replay, and joining the shards of a run.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use interlock_claims::models::{
    BuildOptions, Discovery, FoundModel, ModelCommand as Done, ModelKind, ModelReport, ModelWorkspace, Part,
    ReplayToken, RunEvent, RunOptions, Shard, Suite, SuiteError, SuiteRequest, Verdict, describe_all, discover,
    matching, merge, replay, run_all, suites, watches_memory,
};
use interlock_reports::{Heading, ModelTextStyle, model_json, model_junit, model_markdown, model_text};

use crate::args::{
    Color, ModelArgs, ModelBuildArgs, ModelCommand, ModelLimitArgs, ModelListArgs, ModelOutputArgs, ModelReplayArgs,
    ModelRunArgs,
};
use crate::config::{self, Settings, suggestion};
use crate::documents::{Target, targets};
use crate::exit_code::{Outcome, UsageError};
use crate::model_failures::Failures;
use crate::model_overlay;
use crate::model_progress::{ModelProgress, explain_nothing};
use crate::output::wants_color;

/// Where models' processes write their lines, below the target folder.
const LINES_FOLDER: &str = "lines";

#[derive(Clone, Copy)]
enum Format {
    Human,
    Json,
    Junit,
    Markdown,
}

const FORMATS: [(&str, Format); 4] =
    [("human", Format::Human), ("json", Format::Json), ("junit", Format::Junit), ("markdown", Format::Markdown)];

/// Lists, runs, joins or replays models.
pub(crate) fn run(args: &ModelArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        ModelCommand::List(args) => list(args),
        ModelCommand::Run(args) if args.merge.is_empty() => run_models(args),
        ModelCommand::Run(args) => join(args),
        ModelCommand::Replay(args) => replay_failure(args),
    }
}

/// A workspace whose models are built.
pub(crate) struct Built {
    pub(crate) workspace: ModelWorkspace,
    discovery: Discovery,
    /// Which tests were looked for.
    kind: ModelKind,
    /// What is to be said of how it was built.
    notes: Vec<String>,
    /// What keeps other runs off an overlay's files.
    _lock: Option<File>,
    /// The workspace's, where it is not an overlay.
    pub(crate) settings: Option<Settings>,
}

fn list(args: &ModelListArgs) -> anyhow::Result<Outcome> {
    let documents = Documents::of(&args.output)?;
    let built = build(&args.build)?;
    let limits = ModelLimitArgs::default();
    let options = options(&built, &limits, None, Shard::WHOLE);
    let runs = describe_all(&built.discovery.models, &options, &mut |_| ());
    let report = ModelReport { runs, ..report(&built, &options, Done::List) };
    finish(&report, &built, &documents)
}

fn run_models(args: &ModelRunArgs) -> anyhow::Result<Outcome> {
    let documents = Documents { with_twins: args.verbose, ..Documents::of(&args.output)? };
    let mut built = build(&args.build)?;
    built.discovery.models = chosen(&built.discovery, &args.names)?;
    if !args.names.is_empty() && !built.discovery.models.is_empty() {
        // What was asked for is there.
        built.discovery.empty.clear();
    }
    let options = options(&built, &args.limits, args.jobs, args.shard.unwrap_or_default());
    let mut told = ModelProgress::new(args.build.quiet, options.budget);
    let mut failures = Failures::new(&built, &args.build, documents.with_twins);
    let result = run_all(&built.discovery.models, &options, &mut |mut event| {
        if let RunEvent::Finished(run) = &mut event {
            failures.settle(run);
        }
        told.hear(event);
    });
    failures.error.map_or(Ok(()), Err)?;
    let mut report = report(&built, &options, Done::Run);
    (report.runs, report.elsewhere) = (result.runs, result.elsewhere);
    finish(&report, &built, &documents)
}

/// The models that the names mean; all of them where there are none.
fn chosen(discovery: &Discovery, names: &[String]) -> Result<Vec<FoundModel>, UsageError> {
    if names.is_empty() || discovery.models.is_empty() {
        return Ok(discovery.models.clone());
    }
    let mut chosen: Vec<FoundModel> = Vec::new();
    for name in names {
        let found = matching(&discovery.models, name);
        if found.is_empty() {
            return Err(no_model(discovery, name));
        }
        chosen.extend(found.into_iter().cloned());
    }
    chosen.sort_by(|a, b| a.id.cmp(&b.id));
    chosen.dedup_by(|a, b| a.id == b.id);
    Ok(chosen)
}

fn no_model(discovery: &Discovery, name: &str) -> UsageError {
    let known: Vec<&str> = discovery.models.iter().map(|model| model.name.as_str()).collect();
    UsageError(format!("no model is called `{name}`{}", suggestion(name, &known)))
}

fn several_models(found: &[&FoundModel], name: &str) -> UsageError {
    let names: Vec<&str> = found.iter().map(|model| model.name.as_str()).collect();
    UsageError(format!("`{name}` means several models: {}; write NAME=TOKEN with one of them", names.join(", ")))
}

fn replay_failure(args: &ModelReplayArgs) -> anyhow::Result<Outcome> {
    let documents = Documents { with_twins: true, ..Documents::of(&args.output)? };
    let path = Path::new(&args.token);
    let text = if path.is_file() {
        std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?
    } else {
        args.token.clone()
    };
    let unread = || UsageError("this is no replay token: it has the form NAME=.. or NAME+BUG=..".to_owned());
    let token = ReplayToken::parse(&text).ok_or_else(unread)?;
    let built = build(&args.build)?;
    let found = matching(&built.discovery.models, &token.name);
    let model = match found.as_slice() {
        [model] => model,
        [] => return Err(no_model(&built.discovery, &token.name).into()),
        [..] => return Err(several_models(&found, &token.name).into()),
    };
    let options = options(&built, &args.limits, None, Shard::WHOLE);
    let mut run = replay(model, token.bug.as_deref(), &token.token, &options);
    let mut failures = Failures::new(&built, &args.build, true);
    failures.settle(&mut run);
    failures.error.map_or(Ok(()), Err)?;
    if !run.verdict.is_failure() && !matches!(run.verdict, Verdict::Refused(_)) {
        run.notes.push("the failure did not happen again".to_owned());
    }
    let report = ModelReport { runs: vec![run], empty: Vec::new(), ..report(&built, &options, Done::Replay) };
    finish(&report, &built, &documents)
}

fn join(args: &ModelRunArgs) -> anyhow::Result<Outcome> {
    let documents = Documents { with_twins: args.verbose, ..Documents::of(&args.output)? };
    let mut parts = Vec::new();
    for path in &args.merge {
        let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
        let part = Part::read(&path.display().to_string(), &text);
        parts.push(part.map_err(|error| UsageError(error.to_string()))?);
    }
    let report = merge(&parts);
    write(&report, &documents)?;
    Ok(outcome(&report))
}

/// A package that does not exist is the caller's mistake; anything else is not.
pub(crate) fn usage(error: SuiteError) -> anyhow::Error {
    match &error {
        SuiteError::NoPackage { name, known } => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            UsageError(format!("{error}{}", suggestion(name, &known))).into()
        }
        SuiteError::Metadata(_) => error.into(),
    }
}

/// Builds what is asked for, and looks for the models in it.
fn build(args: &ModelBuildArgs) -> anyhow::Result<Built> {
    let options = BuildOptions { locked: args.locked, offline: args.offline, quiet: args.quiet };
    if args.overlay {
        return model_overlay::build(args, &explicit(args), options);
    }
    let workspace = ModelWorkspace::load(args.manifest_path.as_deref()).map_err(usage)?;
    let settings = config::load(&workspace.root)?;
    let request = SuiteRequest { packages: args.packages.clone(), explicit: explicit(args) };
    let suites = suites(&workspace, &request, &settings.suites).map_err(usage)?;
    let discovery = discover(&workspace, &suites, options)?;
    Ok(Built { settings: Some(settings), ..Built::new(workspace, discovery, request.explicit.kind, Vec::new(), None)? })
}

impl Built {
    /// What was built, and the folder in which its processes write their lines.
    pub(crate) fn new(
        workspace: ModelWorkspace,
        discovery: Discovery,
        kind: ModelKind,
        notes: Vec<String>,
        lock: Option<File>,
    ) -> anyhow::Result<Built> {
        let lines = workspace.target.join(LINES_FOLDER);
        std::fs::create_dir_all(&lines).with_context(|| format!("failed to make the folder {}", lines.display()))?;
        Ok(Built { workspace, discovery, kind, notes, _lock: lock, settings: None })
    }
}

/// The suite that the arguments name; the default one where they name none.
fn explicit(args: &ModelBuildArgs) -> Suite {
    let split = |list: &[String]| list.iter().flat_map(|part| part.split_whitespace().map(str::to_owned)).collect();
    let takes_every_test = args.own_tests || !args.cfgs.is_empty();
    Suite {
        package: String::new(),
        features: split(&args.features),
        cfgs: args.cfgs.clone(),
        no_default_features: args.no_default_features,
        tests: args.tests.clone(),
        lib: args.lib,
        kind: if takes_every_test { ModelKind::OwnTest } else { ModelKind::Interlock },
        ..Suite::default()
    }
}

fn options(built: &Built, limits: &ModelLimitArgs, jobs: Option<u16>, shard: Shard) -> RunOptions {
    let available = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let scale = std::env::var("INTERLOCK_SCALE").ok().filter(|scale| scale == "full");
    RunOptions {
        budget: limits.budget,
        silence: limits.hang_after,
        memory_bytes: limits.memory,
        jobs: jobs.map_or_else(available, usize::from),
        shard,
        scale: scale.unwrap_or_else(|| "ci".to_owned()),
        folder: built.workspace.target.join(LINES_FOLDER),
        root: built.workspace.root.clone(),
    }
}

/// A report without its runs.
fn report(built: &Built, options: &RunOptions, command: Done) -> ModelReport {
    let unwatched = "the memory of processes is not watched on this system".to_owned();
    ModelReport {
        workspace: built.workspace.name(),
        command,
        shard: options.shard,
        scale: options.scale.clone(),
        budget_ms: u64::try_from(options.budget.as_millis()).unwrap_or(u64::MAX),
        empty: built.discovery.empty.clone(),
        notes: built.notes.iter().cloned().chain((!watches_memory()).then_some(unwatched)).collect(),
        ..ModelReport::default()
    }
}

/// What is written at the end, and how.
struct Documents {
    targets: Vec<Target<Format>>,
    color: Color,
    /// Whether the steps of twins that were caught are printed, too.
    with_twins: bool,
}

impl Documents {
    fn of(output: &ModelOutputArgs) -> Result<Documents, UsageError> {
        let targets = targets(&output.message_format, &FORMATS)?;
        Ok(Documents { targets, color: output.color, with_twins: false })
    }
}

/// Writes the documents, and says what to do where there was nothing to run.
fn finish(report: &ModelReport, built: &Built, documents: &Documents) -> anyhow::Result<Outcome> {
    let Discovery { models, empty, n_binaries } = &built.discovery;
    if models.is_empty() && empty.is_empty() {
        explain_nothing(*n_binaries, built.kind);
    }
    write(report, documents)?;
    Ok(outcome(report))
}

fn write(report: &ModelReport, documents: &Documents) -> anyhow::Result<()> {
    let heading = Heading { workspace: &report.workspace, version: env!("CARGO_PKG_VERSION") };
    for target in &documents.targets {
        let color = target.path.is_none() && wants_color(documents.color);
        let text = match target.format {
            Format::Human => model_text(report, ModelTextStyle { color, with_twins: documents.with_twins }),
            Format::Json => model_json(report, heading.version),
            Format::Junit => model_junit(report),
            Format::Markdown => model_markdown(report, heading),
        };
        target.write(&text)?;
    }
    Ok(())
}

fn outcome(report: &ModelReport) -> Outcome {
    match report.exit_code() {
        0 => Outcome::Clean,
        1 => Outcome::Findings,
        5 => Outcome::NothingAnalysed,
        _ => Outcome::Undecided,
    }
}
