//! Overlays: a crate that knows nothing of models is built from its own, unchanged source with other dependencies, so that
//! its locks, threads, tasks and tests are the checker's.
//!
//! An overlay is a workspace of its own in the target folder. Its packages have the source files of the user's packages,
//! and manifests in which `std`, tokio, `parking_lot`, dashmap and rand are others under the same names.

mod library;
mod manifest;
mod patch;
mod reality;
mod source_signs;
mod swap;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package, PackageId, Target, TargetKind};

pub use library::OverlayLibrary;
use manifest::Overlaid;

use super::build::BuildOptions;
use super::suite::{ModelKind, ModelWorkspace, Suite, SuiteError, has_targets};

/// What an overlay is made of.
#[derive(Clone, Debug, Default)]
pub struct OverlayRequest {
    /// The packages whose tests are wanted; none means all of the workspace.
    pub packages: Vec<String>,
    /// Test files that are none of the package's.
    pub tests: Vec<PathBuf>,
    /// Dependencies that are overlaid, too: their locks and threads are then the checker's.
    pub also: Vec<String>,
    /// Features that are turned on.
    pub features: Vec<String>,
    /// Whether the standard library stays real.
    pub keeps_std: bool,
}

/// An overlay, written down.
#[derive(Debug)]
pub struct Overlay {
    /// Its workspace.
    pub workspace: ModelWorkspace,
    /// The packages whose tests are wanted.
    pub packages: Vec<String>,
    /// What the test files are called that are none of the package's.
    pub added_tests: Vec<String>,
    /// What stays real, and what was left out.
    pub notes: Vec<String>,
    /// Held as long as its files and binaries are used: another run would write others in their place.
    pub lock: File,
}

/// Where the tests of an overlaid package run, and whose source they are of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverlaidFrom {
    /// The folder of the package's own manifest.
    pub folder: PathBuf,
    /// The workspace's folder, and those of test files from elsewhere.
    pub sources: Vec<PathBuf>,
    /// Whether the checker does not see or undo something of it, which notes say.
    pub is_partly_real: bool,
}

/// A failure to lay an overlay.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// Cargo does not answer, or there is no such package.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// A file cannot be written or read.
    #[error("failed to write the overlay's {path}: {error}")]
    File {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// What the command carries is broken.
    #[error("the library that this command carries cannot be read: {0}")]
    Library(String),
    /// A dependency that is to be overlaid, and is none of a registry.
    #[error("`{0}` is no dependency from crates.io: only those can be overlaid with the packages by path")]
    NoDependency(String),
    /// A test file does not exist.
    #[error("there is no test file {0}")]
    NoTest(String),
    /// A test file is called like one of the package's.
    #[error("the package has a test file called `{0}` already: give the other one another name")]
    SameName(String),
    /// Test files need one package whose dependencies they have.
    #[error("test files belong to one package: name it with --package")]
    WhosePackage,
}

/// Lays an overlay over a workspace, in `interlock/overlay` of its target folder. `waits` is called where another run has it.
///
/// # Errors
/// Where cargo cannot read the workspace, or a file cannot be written.
pub fn overlay(
    manifest: Option<&Path>,
    request: &OverlayRequest,
    library: &OverlayLibrary,
    options: BuildOptions,
    waits: &dyn Fn(),
) -> Result<Overlay, OverlayError> {
    let metadata = metadata(manifest, request, options)?;
    let mut notes = Vec::new();
    let asked = asked(&metadata, &request.packages, &mut notes)?;
    if !request.tests.is_empty() && asked.len() != 1 {
        return Err(OverlayError::WhosePackage);
    }
    let also = also(&metadata, &request.also)?;
    let packages: Vec<&Package> = by_path(&metadata, &asked).into_iter().chain(also.iter().copied()).collect();
    let root = metadata.target_directory.as_std_path().join("interlock").join("overlay");
    let folders = packages.iter().map(|package| (folder(package), folder_name(package))).collect();
    let tests = existing(&request.tests)?;
    let overlaid = Overlaid { folders: &folders, tests: &tests, with_std: !request.keeps_std };
    same_names(&metadata, &asked, &tests)?;
    let lock = lock(&root, waits)?;
    library.unpack(&root)?;
    for package in &packages {
        let text = overlaid.manifest(package, asked.contains(&package.id), &mut notes);
        write(&root.join("crates").join(folder_name(package)).join("Cargo.toml"), text.as_bytes())?;
    }
    let members: Vec<String> = folders.values().map(|name| format!("crates/{name}")).collect();
    let of_registry = also.iter().map(|package| (folder_name(package), package.name.to_string())).collect();
    let patches = patch::patches(metadata.workspace_root.as_std_path(), &folders, &of_registry);
    write(&root.join("Cargo.toml"), library.workspace(&members, patches)?.as_bytes())?;
    copy_lock(metadata.workspace_root.as_std_path(), &root)?;
    let ids = packages.iter().map(|package| package.id.clone()).collect();
    let real = reality::notes(&metadata, &asked, &ids);
    let has_real = !real.is_empty();
    notes.extend(real);
    let names = metadata.packages.iter().filter(|package| asked.contains(&package.id));
    let names: Vec<String> = names.map(|package| package.name.to_string()).collect();
    let mut from_each = BTreeMap::new();
    for package in &packages {
        let signs = reality::source_notes(package, &packages, &tests);
        let is_partly_real = has_real || !signs.is_empty();
        from_each.insert(package.name.to_string(), from(package, &metadata, &tests, is_partly_real));
        notes.extend(signs.into_iter().filter(|_| asked.contains(&package.id)));
    }
    notes.sort();
    notes.dedup();
    let workspace = ModelWorkspace::overlaid(&root, &metadata, from_each)?;
    let added_tests = tests.iter().map(|test| manifest::test_name(test)).collect();
    Ok(Overlay { workspace, packages: names, added_tests, notes, lock })
}

impl Overlay {
    /// The suites of the packages that are asked for and have what is asked of each.
    #[must_use]
    pub fn suites(&self, asked: &Suite) -> Vec<Suite> {
        let suite = |package: &String| {
            let overlaid = self.workspace.overlaid.get(package).cloned();
            Suite { package: package.clone(), kind: ModelKind::Overlaid, overlaid, ..asked.clone() }
        };
        self.packages.iter().map(suite).filter(|suite| has_targets(&self.workspace, suite)).collect()
    }
}

fn metadata(
    manifest: Option<&Path>,
    request: &OverlayRequest,
    options: BuildOptions,
) -> Result<Metadata, OverlayError> {
    let mut command = MetadataCommand::new();
    if let Some(manifest) = manifest {
        command.manifest_path(manifest);
    }
    let flags = [(options.locked, "--locked"), (options.offline, "--offline")];
    let mut flags: Vec<String> = flags.iter().filter(|(is_on, _)| *is_on).map(|(_, flag)| (*flag).to_owned()).collect();
    // Which optional dependencies there are is a question of the features.
    if !request.features.is_empty() {
        flags.extend(["--features".to_owned(), request.features.join(",")]);
    }
    command.other_options(flags);
    Ok(command.exec().map_err(SuiteError::from)?)
}

/// The packages that are asked for.
fn asked(metadata: &Metadata, names: &[String], notes: &mut Vec<String>) -> Result<BTreeSet<PackageId>, OverlayError> {
    let members: Vec<&Package> = metadata.workspace_packages();
    let known = || members.iter().map(|package| package.name.to_string()).collect();
    for name in names {
        if !members.iter().any(|package| package.name.as_str() == name) {
            return Err(SuiteError::NoPackage { name: name.clone(), known: known() }.into());
        }
    }
    let is_asked = |package: &&&Package| names.is_empty() || names.iter().any(|name| package.name.as_str() == name);
    let mut asked = BTreeSet::new();
    for package in members.iter().filter(is_asked) {
        let has = |is_one: fn(&Target) -> bool| package.targets.iter().any(is_one);
        let name = &package.name;
        if is_macro(package) {
            notes.push(format!("{name} has macros, which run in the compiler: its tests are not overlaid"));
        } else if !has(manifest::is_library) && !has(Target::is_test) {
            notes.push(format!("{name} has neither a library nor test files: it is not overlaid"));
        } else {
            asked.insert(package.id.clone());
        }
        if has(Target::is_bin) {
            notes.push(format!("the unit tests of the binaries of {name} are not overlaid"));
        }
    }
    Ok(asked)
}

/// The packages that are asked for, and those that they depend on by path. Macros run in the compiler and stay real.
fn by_path<'a>(metadata: &'a Metadata, asked: &BTreeSet<PackageId>) -> Vec<&'a Package> {
    let mut found: Vec<&Package> = metadata.packages.iter().filter(|package| asked.contains(&package.id)).collect();
    let mut at = 0;
    while let Some(package) = found.get(at).copied() {
        let paths = package.dependencies.iter().filter_map(|dependency| dependency.path.as_ref());
        let next =
            paths.filter_map(|path| metadata.packages.iter().find(|known| known.manifest_path.parent() == Some(path)));
        for package in next.filter(|package| !is_macro(package)) {
            if !found.iter().any(|known| known.id == package.id) {
                found.push(package);
            }
        }
        at += 1;
    }
    found
}

/// The packages of a registry that are to be overlaid with those by path.
fn also<'a>(metadata: &'a Metadata, names: &[String]) -> Result<Vec<&'a Package>, OverlayError> {
    let mut found = Vec::new();
    for name in names {
        let is_it = |package: &&Package| {
            package.name.as_str() == name && package.source.as_ref().is_some_and(|source| source.is_crates_io())
        };
        let before = found.len();
        found.extend(metadata.packages.iter().filter(is_it).filter(|package| !is_macro(package)));
        if found.len() == before {
            return Err(OverlayError::NoDependency(name.clone()));
        }
    }
    Ok(found)
}

fn is_macro(package: &Package) -> bool {
    package.targets.iter().any(|target| target.kind.contains(&TargetKind::ProcMacro))
}

fn folder(package: &Package) -> PathBuf {
    package.manifest_path.parent().map(|folder| folder.as_std_path().to_owned()).unwrap_or_default()
}

fn folder_name(package: &Package) -> String {
    format!("{}-{}", package.name, package.version)
}

/// Where a package's tests run, and what is its workspace's source.
fn from(package: &Package, metadata: &Metadata, tests: &[PathBuf], is_partly_real: bool) -> OverlaidFrom {
    let root = metadata.workspace_root.as_std_path().to_owned();
    let elsewhere = tests.iter().filter_map(|test| test.parent()).filter(|folder| !folder.starts_with(&root));
    let sources = std::iter::once(root.clone()).chain(elsewhere.map(Path::to_owned)).collect();
    OverlaidFrom { folder: folder(package), sources, is_partly_real }
}

/// A test file that is added has a name of its own.
fn same_names(metadata: &Metadata, asked: &BTreeSet<PackageId>, tests: &[PathBuf]) -> Result<(), OverlayError> {
    let packages = metadata.packages.iter().filter(|package| asked.contains(&package.id));
    let own: Vec<&str> = packages
        .flat_map(|package| &package.targets)
        .filter(|target| target.is_test())
        .map(|test| test.name.as_str())
        .collect();
    let twice = tests.iter().map(|test| manifest::test_name(test)).find(|name| own.contains(&name.as_str()));
    twice.map_or(Ok(()), |name| Err(OverlayError::SameName(name)))
}

fn existing(tests: &[PathBuf]) -> Result<Vec<PathBuf>, OverlayError> {
    let absolute = |path: &PathBuf| path.canonicalize().map_err(|_| OverlayError::NoTest(path.display().to_string()));
    tests.iter().map(absolute).collect()
}

/// The versions of the user's lock file, as long as nothing else is known: cargo adds what the overlay has besides.
fn copy_lock(workspace: &Path, root: &Path) -> Result<(), OverlayError> {
    let (theirs, seen, ours) = (workspace.join("Cargo.lock"), root.join("Cargo.lock.seen"), root.join("Cargo.lock"));
    let Ok(lock) = std::fs::read(&theirs) else { return Ok(()) };
    if std::fs::read(&seen).is_ok_and(|before| before == lock) && ours.exists() {
        return Ok(());
    }
    write(&ours, &lock)?;
    write(&seen, &lock)
}

/// Waits until no other run uses the overlay's folder.
fn lock(root: &Path, waits: &dyn Fn()) -> Result<File, OverlayError> {
    let path = root.join("lock");
    let fail = |error| OverlayError::File { path: path.display().to_string(), error };
    std::fs::create_dir_all(root).map_err(fail)?;
    let file = File::create(&path).map_err(fail)?;
    if file.try_lock().is_err() {
        waits();
        file.lock().map_err(fail)?;
    }
    Ok(file)
}

/// Writes a file that is not so already: cargo builds again what was written again.
fn write(path: &Path, bytes: &[u8]) -> Result<(), OverlayError> {
    if std::fs::read(path).is_ok_and(|before| before == bytes) {
        return Ok(());
    }
    let fail = |error| OverlayError::File { path: path.display().to_string(), error };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    let beside = path.with_extension("new");
    std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path)).map_err(fail)
}
