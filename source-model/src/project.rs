//! A workspace as cargo sees it: its packages, their targets, dependencies and features. Nothing is built or run.

mod features;
mod manifest;
mod metadata;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use semver::Version;

use crate::ir::Name;

/// What to load, as given on the command line.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// `--manifest-path`.
    pub manifest_path: Option<PathBuf>,
    /// Where the search for a manifest starts when none is given.
    pub dir: PathBuf,
    /// `--features`, each `feature` or `package/feature`.
    pub features: Vec<String>,
    /// `--all-features`.
    pub all_features: bool,
    /// `--no-default-features`.
    pub no_default_features: bool,
    /// `--cfg`, each `flag` or `key="value"`.
    pub cfgs: Vec<String>,
    /// Whether tests, benches and examples are read too, with `test` on.
    pub all_targets: bool,
    /// `--locked`.
    pub locked: bool,
    /// `--offline`.
    pub offline: bool,
    /// Whether facts of earlier runs are used, and those of this one kept, in a file below the target directory.
    pub use_cache: bool,
    /// `CARGO_TARGET_DIR`: where cargo builds, if not where cargo says.
    pub target_directory: Option<PathBuf>,
}

/// A workspace: what is analysed as one.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder of the workspace's manifest, with symbolic links resolved.
    pub root: PathBuf,
    /// The name of the root package, else of the folder.
    pub name: String,
    /// The members, sorted by name.
    pub packages: Vec<Package>,
    /// What the reader should know about how the workspace was read.
    pub notes: Vec<String>,
    /// Build scripts that are not analysed.
    pub n_build_scripts: usize,
    /// Where cargo puts what it builds.
    pub target_directory: PathBuf,
    /// The newest version of each crate in `Cargo.lock`, by crate name.
    pub locked: BTreeMap<String, Version>,
}

/// A member of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name as in the manifest.
    pub name: String,
    /// Its manifest.
    pub manifest: PathBuf,
    /// Its dependencies, without those of its build script.
    pub dependencies: Vec<Dependency>,
    /// The features that are on.
    pub features: BTreeSet<String>,
    /// Its targets: library first, then by kind and name.
    pub targets: Vec<Target>,
}

impl Package {
    /// The crate name of the package's library.
    #[must_use]
    pub fn library(&self) -> Option<&str> {
        self.targets.iter().find(|target| target.kind.is_library()).map(|target| target.crate_name.as_str())
    }
}

/// A dependency of a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The name that the package's code uses.
    pub extern_name: Name,
    /// The crate it means.
    pub crate_name: Name,
}

/// A crate of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its crate name, with underscores.
    pub crate_name: Name,
    /// What it is.
    pub kind: TargetKind,
    /// Its root file.
    pub root: PathBuf,
    /// Its edition.
    pub edition: Edition,
}

/// What a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetKind {
    /// A library of any crate type but a procedural macro.
    Lib,
    /// A procedural macro.
    ProcMacro,
    /// A binary.
    Bin,
    /// A file of `tests/`.
    Test,
    /// A file of `benches/`.
    Bench,
    /// A file of `examples/`.
    Example,
}

impl TargetKind {
    /// Whether other targets of the package can name it.
    #[must_use]
    pub fn is_library(self) -> bool {
        matches!(self, TargetKind::Lib | TargetKind::ProcMacro)
    }

    /// Whether all of it is test code.
    #[must_use]
    pub fn is_test(self) -> bool {
        matches!(self, TargetKind::Test | TargetKind::Bench | TargetKind::Example)
    }
}

/// A Rust edition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edition {
    /// 2015, which a manifest without an edition means.
    #[default]
    E2015,
    /// 2018.
    E2018,
    /// 2021.
    E2021,
    /// 2024 and later.
    E2024,
}

impl Edition {
    fn parse(text: &str) -> Edition {
        match text {
            "2015" => Edition::E2015,
            "2018" => Edition::E2018,
            "2021" => Edition::E2021,
            _ => Edition::E2024,
        }
    }
}

/// Why a workspace could not be loaded; completes "failed to load: ...".
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Neither the folder nor one above it has a manifest.
    #[error("no Cargo.toml in `{0}` or any folder above it; give one with --manifest-path")]
    NoManifest(PathBuf),
    /// `--manifest-path` names nothing.
    #[error("the manifest `{0}` does not exist; --manifest-path takes the path of a Cargo.toml")]
    ManifestMissing(PathBuf),
    /// `--manifest-path` names a folder.
    #[error("`{folder}` is a folder; --manifest-path takes a file, such as `{file}`", folder = .0.display(), file = .0.join("Cargo.toml").display())]
    ManifestIsFolder(PathBuf),
    /// The manifest cannot be read.
    #[error("the manifest `{path}` cannot be read: {source}")]
    ManifestUnreadable {
        /// The manifest.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The manifest is not TOML.
    #[error("the manifest `{path}` is not valid TOML; correct it and try again\n{message}")]
    ManifestBroken {
        /// The manifest.
        path: PathBuf,
        /// What the parser says.
        message: String,
    },
    /// There is nothing to analyse.
    #[error("the workspace of `{path}` has no packages; name the manifest of a package or add members{detail}")]
    NoPackages {
        /// The manifest.
        path: PathBuf,
        /// What was said on the way, empty or from a new line on.
        detail: String,
    },
    /// `--features` names a feature that no package has.
    #[error("no package of the workspace has the feature `{0}`; check --features")]
    UnknownFeature(String),
}

/// Finds the workspace of the manifest given, or of the nearest one above the folder.
pub(crate) fn discover(options: &LoadOptions) -> Result<Project, LoadError> {
    let path = find_manifest(options)?;
    let text = std::fs::read_to_string(&path)
        .map_err(|source| LoadError::ManifestUnreadable { path: path.clone(), source })?;
    let table = parse_manifest(&path, &text)?;
    let mut draft = match metadata::read(&path, options) {
        Ok(draft) => draft,
        Err(reason) => manifest::read(&path, &table, reason),
    };
    if draft.packages.is_empty() {
        let detail = draft.notes.iter().map(|note| format!("\n{note}")).collect();
        return Err(LoadError::NoPackages { path, detail });
    }
    draft.packages.sort_by(|a, b| (&a.name, &a.manifest).cmp(&(&b.name, &b.manifest)));
    features::turn_on(&mut draft.packages, options)?;
    Ok(finish(draft, options))
}

fn find_manifest(options: &LoadOptions) -> Result<PathBuf, LoadError> {
    let found = match &options.manifest_path {
        Some(given) if given.is_dir() => return Err(LoadError::ManifestIsFolder(given.clone())),
        Some(given) if given.is_file() => given.clone(),
        Some(given) => return Err(LoadError::ManifestMissing(given.clone())),
        None => nearest_manifest(&options.dir).ok_or_else(|| LoadError::NoManifest(options.dir.clone()))?,
    };
    std::fs::canonicalize(&found).map_err(|source| LoadError::ManifestUnreadable { path: found, source })
}

fn nearest_manifest(dir: &Path) -> Option<PathBuf> {
    let dir = std::path::absolute(dir).ok()?;
    dir.ancestors().map(|folder| folder.join("Cargo.toml")).find(|path| path.is_file())
}

fn parse_manifest(path: &Path, text: &str) -> Result<toml::Table, LoadError> {
    text.parse().map_err(|error: toml::de::Error| LoadError::ManifestBroken {
        path: path.to_owned(),
        message: error.to_string(),
    })
}

/// A workspace as its manifests describe it, before features decide.
struct Draft {
    root: PathBuf,
    /// As cargo says; by default `target` in the root.
    target_directory: Option<PathBuf>,
    packages: Vec<PackageDraft>,
    notes: Vec<String>,
}

/// A package with everything that features may turn on.
#[derive(Default)]
struct PackageDraft {
    name: String,
    manifest: PathBuf,
    dependencies: Vec<DependencyDraft>,
    /// Every feature and what it turns on, implicit ones of optional dependencies included.
    features: std::collections::BTreeMap<String, Vec<String>>,
    features_on: BTreeSet<String>,
    targets: Vec<(Target, Vec<String>)>,
    n_build_scripts: usize,
}

impl PackageDraft {
    fn library(&self) -> Option<&Name> {
        self.targets.iter().map(|(target, _)| target).find(|target| target.kind.is_library()).map(|lib| &lib.crate_name)
    }
}

/// A dependency as a manifest writes it.
struct DependencyDraft {
    package: String,
    rename: Option<String>,
    is_dev: bool,
    optional: bool,
    default_features: bool,
    features: Vec<String>,
}

impl DependencyDraft {
    /// The key in the manifest, by which features name it.
    fn key(&self) -> &str {
        self.rename.as_deref().unwrap_or(&self.package)
    }
}

fn finish(draft: Draft, options: &LoadOptions) -> Project {
    let mut notes = draft.notes;
    let name = project_name(&draft.root, &draft.packages);
    let n_build_scripts = draft.packages.iter().map(|package| package.n_build_scripts).sum();
    let dependencies: Vec<_> =
        draft.packages.iter().map(|package| dependencies(package, &draft.packages, options)).collect();
    let mut packages = Vec::new();
    for (package, dependencies) in draft.packages.into_iter().zip(dependencies) {
        let targets = targets(&package, options, &mut notes);
        let PackageDraft { name, manifest, features_on: features, .. } = package;
        packages.push(Package { name, manifest, dependencies, features, targets });
    }
    let given = options.target_directory.clone().or(draft.target_directory);
    let target_directory = given.unwrap_or_else(|| draft.root.join("target"));
    let locked = locked_versions(&draft.root);
    Project { root: draft.root, name, packages, notes, n_build_scripts, target_directory, locked }
}

/// What `Cargo.lock` says; nothing where there is none, or none that can be read.
fn locked_versions(root: &Path) -> BTreeMap<String, Version> {
    let text = std::fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let mut locked: BTreeMap<String, Version> = BTreeMap::new();
    for package in table.get("package").and_then(toml::Value::as_array).into_iter().flatten() {
        let field = |key: &str| package.get(key).and_then(toml::Value::as_str);
        if let (Some(name), Some(version)) = (field("name"), field("version").and_then(|text| text.parse().ok())) {
            let newest = locked.entry(name.replace('-', "_")).or_insert_with(|| Version::clone(&version));
            *newest = version.max(newest.clone());
        }
    }
    locked
}

fn project_name(root: &Path, packages: &[PackageDraft]) -> String {
    let manifest = root.join("Cargo.toml");
    let folder = || root.file_name().map_or_else(|| "workspace".to_owned(), |name| name.to_string_lossy().into_owned());
    packages.iter().find(|package| package.manifest == manifest).map_or_else(folder, |package| package.name.clone())
}

fn dependencies(package: &PackageDraft, members: &[PackageDraft], options: &LoadOptions) -> Vec<Dependency> {
    let used = package.dependencies.iter().filter(|dependency| options.all_targets || !dependency.is_dev);
    let named: BTreeSet<Dependency> = used
        .map(|dependency| {
            let library =
                members.iter().find(|member| member.name == dependency.package).and_then(PackageDraft::library);
            let crate_name = library.cloned().unwrap_or_else(|| crate_name(&dependency.package));
            let extern_name = dependency.rename.as_deref().map_or_else(|| crate_name.clone(), self::crate_name);
            Dependency { extern_name, crate_name }
        })
        .collect();
    named.into_iter().collect()
}

fn targets(package: &PackageDraft, options: &LoadOptions, notes: &mut Vec<String>) -> Vec<Target> {
    let mut kept = Vec::new();
    for (target, required) in &package.targets {
        if target.kind.is_test() && !options.all_targets {
            continue;
        }
        match required.iter().find(|feature| !package.features_on.contains(*feature)) {
            Some(feature) => notes.push(format!(
                "target `{}` of package `{}` is not read: it requires the feature `{feature}`",
                target.crate_name, package.name
            )),
            None => kept.push(target.clone()),
        }
    }
    kept.sort_by(|a, b| (a.kind, &a.crate_name, &a.root).cmp(&(b.kind, &b.crate_name, &b.root)));
    kept
}

fn crate_name(name: &str) -> Name {
    name.replace('-', "_").into()
}
