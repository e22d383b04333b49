//! The manifest of an overlaid package: the package's own, with other dependencies and without what is not modelled.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cargo_metadata::{Dependency, DependencyKind, Package, Target, TargetKind};
use toml::{Table, Value};

use super::library::SHIMS;
use super::swap;

/// The package that stands in for the standard library.
const STD: &str = "interlock-overlay-std";

/// What the manifests of an overlay are made from.
pub(super) struct Overlaid<'a> {
    /// Where each overlaid package's own manifest is, and the folder of its overlaid one, by name of the folder.
    pub(super) folders: &'a BTreeMap<PathBuf, String>,
    /// Test files that are not the package's.
    pub(super) tests: &'a [PathBuf],
    /// Whether the standard library is replaced.
    pub(super) with_std: bool,
}

impl Overlaid<'_> {
    /// The manifest of a package. What it does not keep is told by notes.
    pub(super) fn manifest(&self, package: &Package, is_asked: bool, notes: &mut Vec<String>) -> String {
        let mut manifest = Table::new();
        manifest.insert("package".to_owned(), Value::Table(head(package)));
        if let Some(library) = package.targets.iter().find(|target| is_library(target)) {
            manifest.insert("lib".to_owned(), Value::Table(target(library)));
        }
        if is_asked {
            let own = package.targets.iter().filter(|target| target.is_test()).map(|test| {
                let mut table = target(test);
                if !test.required_features.is_empty() {
                    table.insert("required-features".to_owned(), Value::from(test.required_features.clone()));
                }
                table
            });
            let more = self.tests.iter().map(|path| extra_test(path));
            let tests: Vec<Value> = own.chain(more).map(Value::Table).collect();
            manifest.insert("test".to_owned(), Value::Array(tests));
        }
        manifest.insert("features".to_owned(), Value::Table(features(package)));
        self.add_dependencies(&mut manifest, package, is_asked, notes);
        manifest.to_string()
    }

    fn add_dependencies(&self, manifest: &mut Table, package: &Package, is_asked: bool, notes: &mut Vec<String>) {
        for dependency in &package.dependencies {
            let section = match dependency.kind {
                DependencyKind::Development if !is_asked => continue,
                DependencyKind::Development => "dev-dependencies",
                DependencyKind::Build => "build-dependencies",
                _ => "dependencies",
            };
            let place = match &dependency.target {
                None => &mut *manifest,
                Some(platform) => table(table(manifest, "target"), &platform.to_string()),
            };
            let key = dependency.rename.clone().unwrap_or_else(|| dependency.name.clone());
            let said = self.dependency(dependency, package, notes);
            table(place, section).insert(key, Value::Table(said));
        }
        if self.with_std {
            let said = [("package", STD.to_owned()), ("path", format!("../../{SHIMS}/std"))];
            let said = said.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
            table(manifest, "dependencies").insert("std".to_owned(), Value::Table(said));
        }
    }

    fn dependency(&self, dependency: &Dependency, package: &Package, notes: &mut Vec<String>) -> Table {
        // A build script is run while the crate is built, and not under the checker.
        let swapped = if dependency.kind == DependencyKind::Build { None } else { swap::stand_in(dependency) };
        let mut said = match swapped {
            Some((said, unknown)) => {
                let unknown = unknown.iter().map(|feature| {
                    format!("{}: {} under the checker has no feature `{feature}`", package.name, dependency.name)
                });
                notes.extend(unknown);
                said
            }
            None => self.real(dependency),
        };
        if dependency.optional {
            said.insert("optional".to_owned(), true.into());
        }
        if !dependency.uses_default_features {
            said.insert("default-features".to_owned(), false.into());
        }
        said
    }

    /// A dependency that stays what it is; one by path is the overlaid package, if that is overlaid.
    fn real(&self, dependency: &Dependency) -> Table {
        let mut said = Table::new();
        if dependency.rename.is_some() {
            said.insert("package".to_owned(), dependency.name.as_str().into());
        }
        if let Some(path) = &dependency.path {
            let folder = self.folders.get(path.as_std_path());
            let path = folder.map_or_else(|| path.to_string(), |folder| format!("../{folder}"));
            said.insert("path".to_owned(), path.into());
        } else {
            let source = dependency.source.as_ref().map(|source| source.repr.clone()).unwrap_or_default();
            said.extend(from_git(&source));
            if !said.contains_key("git") {
                said.insert("version".to_owned(), dependency.req.to_string().into());
            }
            if let Some(registry) = &dependency.registry {
                said.insert("registry-index".to_owned(), registry.as_str().into());
            }
        }
        if !dependency.features.is_empty() {
            said.insert("features".to_owned(), Value::from(dependency.features.clone()));
        }
        said
    }
}

/// What is said of a git source `git+URL?branch=NAME`.
fn from_git(source: &str) -> Table {
    let mut said = Table::new();
    let Some(source) = source.strip_prefix("git+") else { return said };
    let source = source.split_once('#').map_or(source, |(source, _)| source);
    let (url, query) = source.split_once('?').unwrap_or((source, ""));
    said.insert("git".to_owned(), url.into());
    for (key, value) in query.split('&').filter_map(|part| part.split_once('=')) {
        said.insert(key.to_owned(), value.into());
    }
    said
}

fn head(package: &Package) -> Table {
    let mut head = Table::new();
    head.insert("name".to_owned(), package.name.as_str().into());
    head.insert("version".to_owned(), package.version.to_string().into());
    head.insert("edition".to_owned(), package.edition.as_str().into());
    head.insert("publish".to_owned(), false.into());
    for key in ["autobins", "autobenches", "autoexamples", "autotests"] {
        head.insert(key.to_owned(), false.into());
    }
    if let Some(links) = &package.links {
        head.insert("links".to_owned(), links.as_str().into());
    }
    let script = package.targets.iter().find(|target| target.is_custom_build());
    head.insert("build".to_owned(), script.map_or(false.into(), |script| script.src_path.as_str().into()));
    head
}

/// Whether a target is a library that is not a macro's.
pub(super) fn is_library(target: &Target) -> bool {
    let is_one = |kind: &TargetKind| {
        matches!(
            kind,
            TargetKind::Lib | TargetKind::RLib | TargetKind::CDyLib | TargetKind::DyLib | TargetKind::StaticLib
        )
    };
    target.kind.iter().any(is_one)
}

/// A library or a test, by its file.
fn target(target: &Target) -> Table {
    let mut table = Table::new();
    table.insert("name".to_owned(), target.name.as_str().into());
    table.insert("path".to_owned(), target.src_path.as_str().into());
    if is_library(target) {
        table.insert("doctest".to_owned(), false.into());
        table.insert("test".to_owned(), target.test.into());
    }
    table
}

/// What a test file is called as a target.
pub(super) fn test_name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().replace('.', "_")
}

fn extra_test(path: &Path) -> Table {
    let name = test_name(path);
    let path = path.display().to_string();
    Table::from_iter([("name".to_owned(), Value::from(name)), ("path".to_owned(), Value::from(path))])
}

/// The features, without those of a stand-in that it does not have.
fn features(package: &Package) -> Table {
    let is_kept = |value: &&String| {
        let Some((name, feature)) = value.split_once('/') else { return true };
        let name = name.trim_end_matches('?');
        let named = |dependency: &&Dependency| *dependency.rename.as_ref().unwrap_or(&dependency.name) == name;
        package.dependencies.iter().find(named).is_none_or(|dependency| swap::has_feature(dependency, feature))
    };
    let of = |values: &Vec<String>| Value::from(values.iter().filter(is_kept).cloned().collect::<Vec<_>>());
    package.features.iter().map(|(name, values)| (name.clone(), of(values))).collect()
}

/// The table of a key, which is made where it is missing.
fn table<'a>(parent: &'a mut Table, key: &str) -> &'a mut Table {
    let value = parent.entry(key.to_owned()).or_insert_with(|| Value::Table(Table::new()));
    if !value.is_table() {
        *value = Value::Table(Table::new());
    }
    match value {
        Value::Table(table) => table,
        _ => unreachable!("it was made one"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_git_source_is_said_as_cargo_reads_it() {
        let said = from_git("git+https://example.com/a/b?branch=next#0123abc");
        assert_eq!(said["git"].as_str(), Some("https://example.com/a/b"));
        assert_eq!(said["branch"].as_str(), Some("next"));
        assert!(from_git("registry+https://example.com/index").is_empty());
    }
}
