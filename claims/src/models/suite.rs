//! Suites: what is built, how, and which of its tests are models.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package, TargetKind};

use super::overlay::OverlaidFrom;

/// Features by which a package says that its tests are models.
pub(super) const MODEL_FEATURES: [&str; 2] = ["model-shuttle", "model-loom"];
/// The library that models are written with.
const MODEL_LIBRARY: &str = "interlock-models";

/// What a test has to be to count as a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelKind {
    /// Its path ends in `::interlock_model`: it speaks the protocol.
    #[default]
    Interlock,
    /// Any test: a model of another library, which says pass or fail and nothing else.
    OwnTest,
    /// Any test of an overlaid crate: it speaks the protocol where the overlay could wrap it.
    Overlaid,
}

/// Test binaries of one package, built in one way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suite {
    /// The package's name.
    pub package: String,
    /// Features to turn on.
    pub features: Vec<String>,
    /// Whether the default features are off.
    pub no_default_features: bool,
    /// Cfgs to turn on, for every crate that is built.
    pub cfgs: Vec<String>,
    /// Test targets; with `lib` unset and none of these, every test target and the library.
    pub tests: Vec<String>,
    /// The unit tests of the library.
    pub lib: bool,
    /// Which of its tests are models.
    pub kind: ModelKind,
    /// Whether the package says so itself, by the features that its test targets need.
    pub is_derived: bool,
    /// Of an overlaid package: what it is laid over.
    pub overlaid: Option<OverlaidFrom>,
}

impl Suite {
    /// How it is built, where that is more than plainly.
    #[must_use]
    pub fn label(&self) -> String {
        let cfgs = self.cfgs.iter().map(|cfg| format!("--cfg {cfg}"));
        self.features.iter().cloned().chain(cfgs).collect::<Vec<_>>().join(" ")
    }

    /// Whether a binary of it with so many tests and no model is an error. Someone who names a target has said that models
    /// are there. A target that only needs a model feature may have other tests; without any it has lost its models.
    pub(crate) fn expects(&self, binary: &str, n_tests: usize) -> bool {
        self.tests.iter().any(|test| test == binary) && (n_tests == 0 || !self.is_derived)
    }
}

/// Which suites are asked for on the command line.
#[derive(Clone, Debug, Default)]
pub struct SuiteRequest {
    /// Packages; none means all of the workspace.
    pub packages: Vec<String>,
    /// How to build, and what; any of it replaces what the packages say of themselves.
    pub explicit: Suite,
}

/// A failure to find out what there is to build.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// Cargo does not answer.
    #[error("failed to read the workspace: {0}")]
    Metadata(#[from] cargo_metadata::Error),
    /// A name that no package has.
    #[error("no package is called `{name}`")]
    NoPackage {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
}

/// A workspace, as cargo describes it.
#[derive(Clone, Debug)]
pub struct ModelWorkspace {
    /// Its folder.
    pub root: PathBuf,
    /// The folder that everything of ours is built in.
    pub target: PathBuf,
    pub(crate) packages: Vec<Package>,
    /// The packages that an overlay has, with what they are laid over.
    pub(crate) overlaid: BTreeMap<String, OverlaidFrom>,
    name: String,
}

impl ModelWorkspace {
    /// Asks cargo. Unlike an analysis, this obeys the target's toolchain: its tests are about to be run.
    ///
    /// # Errors
    /// Where cargo cannot read the manifest.
    pub fn load(manifest: Option<&Path>) -> Result<ModelWorkspace, SuiteError> {
        let mut command = MetadataCommand::new();
        if let Some(manifest) = manifest {
            command.manifest_path(manifest);
        }
        let metadata: Metadata = command.no_deps().exec()?;
        let target = metadata.target_directory.as_std_path().join("interlock");
        Ok(ModelWorkspace {
            name: metadata.workspace_root.file_name().unwrap_or_default().to_owned(),
            root: metadata.workspace_root.into(),
            target,
            packages: metadata.packages,
            overlaid: BTreeMap::new(),
        })
    }

    /// The workspace of an overlay, which is called what it is laid over, and builds beside what that has built.
    pub(crate) fn overlaid(
        root: &Path,
        over: &Metadata,
        overlaid: BTreeMap<String, OverlaidFrom>,
    ) -> Result<ModelWorkspace, SuiteError> {
        let own = ModelWorkspace::load(Some(&root.join("Cargo.toml")))?;
        let target = over.target_directory.as_std_path().join("interlock").join("overlaid");
        let name = over.workspace_root.file_name().unwrap_or_default().to_owned();
        Ok(ModelWorkspace { target, name, overlaid, ..own })
    }

    /// Its name: that of its folder.
    #[must_use]
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// The package of a name.
    pub(crate) fn package(&self, name: &str) -> Result<&Package, SuiteError> {
        let known = || self.packages.iter().map(|package| package.name.to_string()).collect();
        let found = self.packages.iter().find(|package| package.name.as_str() == name);
        found.ok_or_else(|| SuiteError::NoPackage { name: name.to_owned(), known: known() })
    }
}

/// The suites to build: those that are asked for, or those that the packages and the configuration name.
///
/// # Errors
/// Where a package does not exist.
pub fn suites(
    workspace: &ModelWorkspace,
    request: &SuiteRequest,
    configured: &[Suite],
) -> Result<Vec<Suite>, SuiteError> {
    for name in request.packages.iter().chain(configured.iter().map(|suite| &suite.package)) {
        workspace.package(name)?;
    }
    let is_asked = |name: &str| request.packages.is_empty() || request.packages.iter().any(|asked| asked == name);
    let packages = workspace.packages.iter().filter(|package| is_asked(package.name.as_str()));
    if request.explicit != Suite::default() {
        let of = |package: &Package| Suite { package: package.name.to_string(), ..request.explicit.clone() };
        return Ok(packages.map(of).filter(|suite| has_targets(workspace, suite)).collect());
    }
    let mut suites: Vec<Suite> = packages.flat_map(own_suites).collect();
    suites.extend(configured.iter().filter(|suite| is_asked(&suite.package)).cloned());
    Ok(suites)
}

/// Whether a package has what a suite names: of several packages, only those are meant that do.
pub(crate) fn has_targets(workspace: &ModelWorkspace, suite: &Suite) -> bool {
    let Ok(package) = workspace.package(&suite.package) else { return false };
    let has_test = |name: &String| package.targets.iter().any(|target| target.is_test() && target.name == *name);
    let has_lib = package.targets.iter().any(|target| !target.is_test() && target.test && is_library(&target.kind));
    suite.tests.iter().all(has_test) && (!suite.lib || has_lib)
}

fn is_library(kinds: &[TargetKind]) -> bool {
    kinds.iter().any(|kind| {
        matches!(
            kind,
            TargetKind::Lib | TargetKind::RLib | TargetKind::CDyLib | TargetKind::DyLib | TargetKind::ProcMacro
        )
    })
}

/// What a package says of itself: test targets that need a model feature, or else a dependency on the library.
fn own_suites(package: &Package) -> Vec<Suite> {
    let by_feature = MODEL_FEATURES.into_iter().filter_map(|feature| {
        let needs = |features: &[String]| features.iter().any(|needed| needed == feature);
        let targets = package.targets.iter().filter(|target| target.is_test() && needs(&target.required_features));
        let tests: Vec<String> = targets.clone().map(|target| target.name.clone()).collect();
        let mut features: Vec<String> = targets.flat_map(|target| target.required_features.clone()).collect();
        features.sort();
        features.dedup();
        (!tests.is_empty()).then(|| Suite {
            package: package.name.to_string(),
            features,
            tests,
            is_derived: true,
            ..Suite::default()
        })
    });
    let by_feature: Vec<Suite> = by_feature.collect();
    let uses_library = package.dependencies.iter().any(|dependency| dependency.name == MODEL_LIBRARY);
    if by_feature.is_empty() && uses_library {
        return vec![Suite { package: package.name.to_string(), ..Suite::default() }];
    }
    by_feature
}
