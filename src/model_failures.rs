//! What is done with a failed model as soon as its process has ended: its locks get their names, and what is too long to
//! be printed or kept goes into files.

use std::path::{Path, PathBuf};

use interlock_claims::models::{ConcernOptions, Concerns, ModelKind, ModelRun};
use interlock_reports::model_steps_text;
use interlock_source::LoadOptions;

use crate::args::ModelBuildArgs;
use crate::model::Built;
use crate::output::write_file;

/// A token that is longer than this is put into a file.
const TOKEN_CHARACTERS_MAX: usize = 160;

/// The failures of a run.
pub(crate) struct Failures {
    concerns: Concerns,
    /// The folder of tokens and tables.
    folder: PathBuf,
    /// The options that the models were built with.
    options: Vec<String>,
    /// Whether the failures of twins that were caught are told, too.
    with_twins: bool,
    /// The first file that could not be written.
    pub(crate) error: Option<anyhow::Error>,
}

impl Failures {
    pub(crate) fn new(built: &Built, args: &ModelBuildArgs, with_twins: bool) -> Failures {
        let load = LoadOptions {
            manifest_path: Some(built.workspace.root.join("Cargo.toml")),
            dir: built.workspace.root.clone(),
            no_default_features: args.no_default_features,
            locked: args.locked,
            offline: args.offline,
            use_cache: true,
            target_directory: Some(built.workspace.target.clone()),
            ..LoadOptions::default()
        };
        let settings = built.settings.as_ref().map(|settings| (settings.models.clone(), settings.lints.clone()));
        let (models, lints) = settings.unwrap_or_default();
        let concerns = Concerns::new(ConcernOptions { load, models, lints });
        Failures {
            concerns,
            folder: built.workspace.target.join("replay"),
            options: args.as_given(),
            with_twins,
            error: None,
        }
    }

    /// Settles what a run leaves behind.
    pub(crate) fn settle(&mut self, run: &mut ModelRun) {
        run.replay_options = self.options.clone();
        // The steps of an overlaid test name no object that the analysis knows.
        if run.kind != ModelKind::Overlaid && (self.with_twins || !run.is_fine()) {
            self.concerns.name(run);
        }
        if let Err(error) = keep_long_token(run, &self.folder).and_then(|()| keep_long_table(run, &self.folder)) {
            self.error.get_or_insert(error);
        }
    }
}

/// A long token goes into a file, whose name is printed instead.
fn keep_long_token(run: &mut ModelRun, folder: &Path) -> anyhow::Result<()> {
    let Some(token) = run.replay_token().filter(|token| token.len() > TOKEN_CHARACTERS_MAX) else { return Ok(()) };
    let path = folder.join(format!("{}.token", file_name(run)));
    write_file(&path, &token)?;
    run.replay_file = Some(path.display().to_string());
    Ok(())
}

/// A long table goes into a file, and only the steps that matter are kept for the results.
fn keep_long_table(run: &mut ModelRun, folder: &Path) -> anyhow::Result<()> {
    let Some(table) = model_steps_text(run) else { return Ok(()) };
    let path = folder.join(format!("{}.steps.txt", file_name(run)));
    write_file(&path, &table)?;
    if let Some(failure) = &mut run.failure {
        failure.steps_file = Some(path.display().to_string());
        failure.shorten();
    }
    Ok(())
}

/// The model's name, and its bug's, as far as files may have them.
fn file_name(run: &ModelRun) -> String {
    let bug = run.twin.as_ref().map(|twin| format!("+{}", twin.bug)).unwrap_or_default();
    format!("{}{bug}", run.name).replace(|char: char| !char.is_ascii_alphanumeric() && !"+-_".contains(char), "_")
}
