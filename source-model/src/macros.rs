//! `macro_rules!` definitions of the workspace, as text: where they stand, and which of them a file can name.
//!
//! What a file is lowered to depends on its text and on the definitions of other files that it can name. They are
//! found before any file is parsed, so that the key of a file's facts covers both.

mod definitions;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::ir::Name;
use crate::project::{Package, Project};
pub(crate) use definitions::{Definition, definitions};
use definitions::{Mentions, called_names};

/// The definitions of a workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Macros {
    packages: Arc<[Member]>,
    by_name: BTreeMap<Name, Vec<Known>>,
    /// What each package says about macros outside their definitions.
    mentions: FxHashMap<usize, Mentions>,
}

/// A definition and the package whose folder holds it.
#[derive(Clone, Debug)]
struct Known {
    definition: Arc<Definition>,
    home: usize,
}

/// A package, as far as macros are concerned.
#[derive(Debug)]
struct Member {
    folder: PathBuf,
    library: Option<Name>,
    /// Names that paths may start with, and the packages of the workspace that they mean.
    externs: Vec<(Name, usize)>,
}

/// A definition that a file can name.
#[derive(Clone, Debug)]
pub(crate) struct Reachable {
    pub(crate) definition: Arc<Definition>,
    /// The name of the definition's crate in the calling package; `None` for a definition of its own.
    pub(crate) krate: Option<Name>,
    /// Whether no import has to name it: one of the package's own, or under `#[macro_use] extern crate`.
    pub(crate) is_used_whole: bool,
}

/// The definitions that one file can name.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileMacros {
    /// Its own definitions, in order.
    pub(crate) own: Vec<Arc<Definition>>,
    /// Those of other files, by name.
    pub(crate) others: FxHashMap<Name, Vec<Reachable>>,
    /// The library of the file's package.
    pub(crate) library: Option<Name>,
    /// The other crates of the workspace that the file's package depends on, as its paths name them.
    pub(crate) externs: Vec<Name>,
}

impl FileMacros {
    /// The definitions of a text that stands alone.
    pub(crate) fn of_text(text: &str) -> FileMacros {
        FileMacros { own: definitions(text, Path::new("")), ..FileMacros::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_empty() && self.others.is_empty()
    }

    /// Everything outside the file that decides what its calls expand to.
    pub(crate) fn digest_input(&self) -> String {
        let mut names: Vec<&Name> = self.others.keys().collect();
        names.sort_unstable();
        if self.is_empty() {
            return String::new();
        }
        let mut whole = format!("{:?}\n", (&self.library, &self.externs));
        for reachable in names.into_iter().flat_map(|name| &self.others[name]) {
            let Reachable { definition, krate, is_used_whole } = reachable;
            whole += &format!("{:?}\n", (definition, krate, is_used_whole));
        }
        whole
    }
}

impl Macros {
    /// Reads the definitions of all files beside and below the roots of the project's targets.
    pub(crate) fn of(project: &Project) -> Macros {
        let packages: Arc<[Member]> = project.packages.iter().map(|package| member(project, package)).collect();
        let mut macros = Macros { packages, ..Macros::default() };
        let files: Vec<PathBuf> = files_of(project).into_iter().collect();
        let read = |path: &PathBuf| {
            let text = std::fs::read(path).ok()?;
            let text = str::from_utf8(&text).ok()?;
            let found = definitions(text, path);
            let mentions = Mentions::of(text);
            (!found.is_empty() || !mentions.is_empty()).then_some((found, mentions))
        };
        let all: Vec<_> = files.par_iter().map(read).collect();
        for (path, found) in files.iter().zip(all) {
            let Some((found, mentions)) = found else { continue };
            let Some(package) = macros.package_of(path) else { continue };
            macros.mentions.entry(package).or_default().add(mentions);
            macros.add(package, found);
        }
        macros
    }

    /// These definitions with another text for one file.
    pub(crate) fn with_text(&self, file: &Path, text: &str) -> Macros {
        let mut macros = self.clone();
        for known in macros.by_name.values_mut() {
            known.retain(|known| known.definition.file != file);
        }
        if let Some(package) = macros.package_of(file) {
            macros.add(package, definitions(text, file));
        }
        macros
    }

    /// Whether a file defines a macro.
    pub(crate) fn has_any_of(&self, file: &Path) -> bool {
        self.by_name.values().flatten().any(|known| known.definition.file == file)
    }

    fn add(&mut self, home: usize, found: Vec<Arc<Definition>>) {
        for definition in found {
            self.by_name.entry(definition.name).or_default().push(Known { definition, home });
        }
    }

    /// The package whose folder holds the file.
    fn package_of(&self, file: &Path) -> Option<usize> {
        let holding = self.packages.iter().enumerate().filter(|(_, package)| file.starts_with(&package.folder));
        holding.max_by_key(|(_, package)| package.folder.as_os_str().len()).map(|(position, _)| position)
    }

    /// The definitions that a file can name, and those that these can name in turn.
    pub(crate) fn of_file(&self, file: &Path, text: &str) -> FileMacros {
        let own = definitions(text, file);
        let mut macros = FileMacros { own, ..FileMacros::default() };
        let Some(package) = self.package_of(file).filter(|_| !self.by_name.is_empty()) else { return macros };
        let member = &self.packages[package];
        macros.library = member.library;
        macros.externs = member.externs.iter().map(|(name, _)| *name).collect();
        let mut open: Vec<Name> = called_names(text).filter_map(Name::find).collect();
        let mut seen: FxHashSet<Name> = open.iter().copied().collect();
        while let Some(name) = open.pop() {
            let reachable: Vec<Reachable> = self
                .by_name
                .get(&name)
                .into_iter()
                .flatten()
                .filter(|known| known.definition.file != file)
                .filter_map(|known| self.reach(package, file, known))
                .collect();
            for called in reachable.iter().flat_map(|reachable| called_names(&reachable.definition.text)) {
                open.extend(Name::find(called).filter(|called| seen.insert(*called)));
            }
            if !reachable.is_empty() {
                macros.others.insert(name, reachable);
            }
        }
        macros
    }

    /// How a file of `package` can name a definition of another file, if it can.
    fn reach(&self, package: usize, file: &Path, known: &Known) -> Option<Reachable> {
        let mentions = self.mentions.get(&package);
        let (definition, home) = (Arc::clone(&known.definition), known.home);
        if home == package {
            let is_visible = definition.is_exported
                || definition.is_reexported
                || definition.is_free
                    && (is_above(&definition.file, file)
                        || mentions.is_some_and(|mentions| mentions.uses_module(&definition.file)));
            return is_visible.then_some(Reachable { definition, krate: None, is_used_whole: true });
        }
        if !definition.is_exported {
            return None;
        }
        let externs = &self.packages[package].externs;
        let direct = externs.iter().find(|(_, meant)| *meant == home).map(|(name, _)| *name);
        let krate = direct.or(self.packages[home].library)?;
        let is_used_whole = mentions.is_some_and(|mentions| mentions.uses_crate(krate.as_str()));
        Some(Reachable { definition, krate: Some(krate), is_used_whole })
    }
}

fn member(project: &Project, package: &Package) -> Member {
    let position = |krate: &Name| project.packages.iter().position(|other| other.library() == Some(krate.as_str()));
    let externs = package.dependencies.iter();
    Member {
        folder: package.manifest.parent().and_then(|folder| std::fs::canonicalize(folder).ok()).unwrap_or_default(),
        library: package.library().map(Into::into),
        externs: externs.filter_map(|one| Some((one.extern_name, position(&one.crate_name)?))).collect(),
    }
}

/// The `.rs` files beside and below the roots of targets, without what is below another of those folders twice.
fn files_of(project: &Project) -> BTreeSet<PathBuf> {
    let roots = project.packages.iter().flat_map(|package| &package.targets);
    let folders: BTreeSet<PathBuf> =
        roots.filter_map(|target| std::fs::canonicalize(target.root.parent()?).ok()).collect();
    let mut files = BTreeSet::new();
    for folder in &folders {
        let is_below_another = folder.ancestors().skip(1).any(|above| folders.contains(above));
        if !is_below_another {
            crate::sources::collect_rust_files(folder.clone(), &mut files);
        }
    }
    files
}

/// Whether a file's modules stand below those of the other, so that its `macro_rules!` are in their textual scope.
fn is_above(above: &Path, file: &Path) -> bool {
    let Some(folder) = above.parent() else { return false };
    let is_folder_root =
        above.file_name().is_some_and(|name| name == "lib.rs" || name == "main.rs" || name == "mod.rs");
    let modules = if is_folder_root { folder.to_owned() } else { above.with_extension("") };
    file.starts_with(modules)
}
