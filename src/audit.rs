//! `cargo interlock audit`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use interlock_claims::{Activity, Audit, ControlMode, Manifest, NotRunPolicy, Progress, TargetSource, Verdict};
use interlock_reports::{Provenance, audit_markdown};
use interlock_source::{LoadOptions, Sources, Workspace};

use crate::args::AuditArgs;
use crate::config;
use crate::exit_code::{Outcome, UsageError};
use crate::output::{complain, print, progress, write_file};

/// Decides the claims of a manifest and writes the report.
pub(crate) fn run(args: &AuditArgs) -> anyhow::Result<Outcome> {
    let file = manifest_file(&args.manifest);
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("failed to read the audit manifest {}; name one, or its folder", file.display()))?;
    let manifest =
        Manifest::parse(&file.display().to_string(), &text).map_err(|error| UsageError(error.to_string()))?;
    let root = target_root(&manifest, &file, args)?;
    let workspace = load(&manifest, &root, args)?;
    if workspace.coverage().n_bodies == 0 {
        return Ok(Outcome::NothingAnalysed);
    }
    let mode = if args.no_controls { ControlMode::Skip } else { ControlMode::Run };
    let mut tell = |at: Progress<'_>| progress(args.quiet, &described(&at));
    let audit = interlock_claims::run(&manifest, &workspace, mode, &mut tell);
    let command = format!("cargo interlock audit {}", args.manifest.display());
    let report = audit_markdown(
        &audit,
        Provenance { date: None, commit: commit_of(&manifest), command: &command, source_base: None },
    );
    match &args.out {
        Some(folder) => write_file(&folder.join("report.md"), &report)?,
        None => print(&report)?,
    }
    summarise(&audit);
    Ok(outcome(&audit, args))
}

/// A folder stands for the `audit.toml` in it.
fn manifest_file(given: &Path) -> PathBuf {
    if given.is_dir() { given.join("audit.toml") } else { given.to_owned() }
}

fn commit_of(manifest: &Manifest) -> Option<&str> {
    match &manifest.target.source {
        TargetSource::Commit { commit, .. } => Some(commit),
        TargetSource::Path(_) => None,
    }
}

fn target_root(manifest: &Manifest, file: &Path, args: &AuditArgs) -> Result<PathBuf, UsageError> {
    match (&args.target, &manifest.target.source) {
        (Some(given), _) => Ok(given.clone()),
        (None, TargetSource::Path(path)) => Ok(file.parent().unwrap_or(Path::new(".")).join(path)),
        (None, TargetSource::Commit { repository, commit }) => Err(UsageError(format!(
            "the target is {repository} at {commit}: check that commit out and name the folder with --target DIR"
        ))),
    }
}

fn load(manifest: &Manifest, root: &Path, args: &AuditArgs) -> anyhow::Result<Workspace> {
    let manifest_path = if root.is_dir() { root.join("Cargo.toml") } else { root.to_owned() };
    let options = LoadOptions {
        manifest_path: Some(manifest_path),
        features: manifest.target.features.clone(),
        ..LoadOptions::default()
    };
    let sources = Sources::load(&options).context("failed to load the audit's target")?;
    let models = config::load(&sources.project.root)?.models;
    let workspace = Workspace::analyse(sources.with_models(models));
    let coverage = workspace.coverage();
    let (name, files, lines) = (workspace.name(), coverage.n_files, coverage.n_lines);
    progress(args.quiet, &format!("analysed {name}: {files} files, {lines} lines"));
    Ok(workspace)
}

fn described(at: &Progress<'_>) -> String {
    let (number, n_claims, claim) = (at.claim_number, at.n_claims, at.claim);
    match at.activity {
        Activity::Check(check) => format!("claim {number}/{n_claims} {claim}: check {check}"),
        Activity::Control(control) => format!("claim {number}/{n_claims} {claim}: control {control}, the bug put back"),
    }
}

/// One line a claim on stderr, so that a log shows the verdicts without the report.
fn summarise(audit: &Audit) {
    for result in &audit.claims {
        let n_sites: usize = result.checks.iter().map(|check| check.outcome.sites.len()).sum();
        let (word, id) = (result.verdict.to_string(), &result.claim.id);
        let why = match &result.verdict {
            Verdict::Inconclusive(why) | Verdict::NotRun(why) => format!(": {why}"),
            _ => String::new(),
        };
        complain(&format!("{word:<12} {id} ({n_sites} sites examined, {} controls){why}", result.controls.len()));
    }
}

fn outcome(audit: &Audit, args: &AuditArgs) -> Outcome {
    let policy = if args.allow_not_run { NotRunPolicy::Allowed } else { NotRunPolicy::Fails };
    match audit.exit_code(policy) {
        0 => Outcome::Clean,
        3 => Outcome::Refuted,
        _ => Outcome::Undecided,
    }
}
