//! `model --overlay`: the tests of a crate that knows nothing of models.

use include_dir::{Dir, DirEntry, include_dir};
use interlock_claims::models::{
    BuildOptions, ModelKind, OverlayError, OverlayLibrary, OverlayRequest, Suite, discover, overlay,
};

use crate::args::ModelBuildArgs;
use crate::exit_code::UsageError;
use crate::model::{Built, usage};
use crate::output::complain;

static SYNC: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sync");
static MODELS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/loom-models");
const MANIFEST: &str = include_str!("../Cargo.toml");

/// Lays the overlay, builds it, and looks for the tests in it.
pub(crate) fn build(args: &ModelBuildArgs, suite: &Suite, options: BuildOptions) -> anyhow::Result<Built> {
    let request = OverlayRequest {
        packages: args.packages.clone(),
        tests: args.add_test.clone(),
        also: args.also.clone(),
        features: suite.features.clone(),
        keeps_std: args.keep_std,
    };
    let waits = || complain("waiting for another run, which has the overlay's folder");
    let laid =
        overlay(args.manifest_path.as_deref(), &request, &library(), options, &waits).map_err(|error| match error {
            OverlayError::Suite(error) => usage(error),
            OverlayError::NoDependency(_)
            | OverlayError::NoTest(_)
            | OverlayError::SameName(_)
            | OverlayError::WhosePackage => UsageError(error.to_string()).into(),
            OverlayError::File { .. } | OverlayError::Library(_) => error.into(),
        })?;
    let mut suite = suite.clone();
    if suite.tests.is_empty() && !suite.lib {
        // Who brings a test means that one.
        suite.tests.clone_from(&laid.added_tests);
    }
    let suites = laid.suites(&suite);
    let discovery = discover(&laid.workspace, &suites, options)?;
    Built::new(laid.workspace, discovery, ModelKind::Overlaid, laid.notes, Some(laid.lock))
}

/// The packages that overlaid crates are built with, as this command carries them.
fn library() -> OverlayLibrary {
    let mut files = Vec::new();
    for (name, folder) in [("sync", &SYNC), ("loom-models", &MODELS)] {
        add(name, folder, &mut files);
    }
    OverlayLibrary { files, manifest: MANIFEST.to_owned() }
}

/// Adds the manifests and the sources of a folder, not its tests.
fn add(name: &str, folder: &Dir<'_>, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(below) if below.path().ends_with("tests") => {}
            DirEntry::Dir(below) => add(name, below, files),
            DirEntry::File(file) => {
                let path = file.path().display().to_string().replace('\\', "/");
                files.push((format!("{name}/{path}"), file.contents().to_vec()));
            }
        }
    }
}
