//! What of an overlaid crate stays real, and so is not the checker's: dependencies with locks, threads or tasks of their
//! own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, Package, PackageId};

use super::{source_signs, swap};

/// Words by which a source file has threads or locks that block, where it names `std::sync` as well.
const SIGNS: [&str; 5] = ["Condvar", "Mutex", "RwLock", "mpsc", "Barrier"];

/// A note for each dependency of these packages that stays real and that the checker would have to see.
pub(super) fn notes(metadata: &Metadata, asked: &BTreeSet<PackageId>, overlaid: &BTreeSet<PackageId>) -> Vec<String> {
    let packages: BTreeMap<&PackageId, &Package> =
        metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let mut notes = Vec::new();
    for id in reachable(metadata, asked) {
        let Some(package) = packages.get(&id).filter(|_| !overlaid.contains(&id)) else { continue };
        let is_one_of_them = swap::names().any(|name| name == package.name.as_str());
        let real: Vec<&str> = package
            .dependencies
            .iter()
            .filter(|dependency| {
                dependency.kind == DependencyKind::Normal && swap::is_swapped(dependency) && !dependency.optional
            })
            .map(|dependency| dependency.name.as_str())
            .collect();
        let (name, version) = (&package.name, &package.version);
        if !real.is_empty() && !is_one_of_them {
            notes.push(format!("{name} {version} stays real, with the real {}", real.join(", ")));
        } else if is_direct(metadata, overlaid, &id) && !is_one_of_them && blocks(package) {
            notes.push(format!(
                "{name} {version} stays real, and has threads or blocking locks of its own (--also {name} overlays it)"
            ));
        }
    }
    notes.extend(wrong_versions(&packages, overlaid));
    notes
}

/// Dependencies that are not replaced because their versions are others.
fn wrong_versions(packages: &BTreeMap<&PackageId, &Package>, overlaid: &BTreeSet<PackageId>) -> Vec<String> {
    let packages = overlaid.iter().filter_map(|id| packages.get(id));
    let dependencies = packages.flat_map(|package| &package.dependencies);
    let known = dependencies.filter(|dependency| swap::names().any(|name| name == dependency.name));
    let stays = known.filter(|dependency| !swap::is_swapped(dependency) && dependency.kind == DependencyKind::Normal);
    let notes: BTreeSet<String> = stays
        .map(|dependency| {
            format!("{} {} stays real: only other versions of it have a stand-in", dependency.name, dependency.req)
        })
        .collect();
    notes.into_iter().collect()
}

/// The packages that these are built with, and they themselves; what a stand-in replaces is not followed.
fn reachable(metadata: &Metadata, from: &BTreeSet<PackageId>) -> BTreeSet<PackageId> {
    let Some(resolve) = &metadata.resolve else { return BTreeSet::new() };
    let name = |id: &PackageId| {
        metadata.packages.iter().find(|package| package.id == *id).map(|package| package.name.to_string())
    };
    let mut found = from.clone();
    let mut open: VecDeque<PackageId> = from.iter().cloned().collect();
    while let Some(id) = open.pop_front() {
        let Some(node) = resolve.nodes.iter().find(|node| node.id == id) else { continue };
        for dependency in &node.deps {
            // The tests that are run are built with what they depend on.
            let is_built = |kind: DependencyKind| {
                kind == DependencyKind::Normal || (kind == DependencyKind::Development && from.contains(&id))
            };
            let is_normal = dependency.dep_kinds.iter().any(|kind| is_built(kind.kind));
            let is_swapped = name(&dependency.pkg).is_some_and(|name| swap::names().any(|known| known == name));
            if is_normal && !is_swapped && found.insert(dependency.pkg.clone()) {
                open.push_back(dependency.pkg.clone());
            }
        }
    }
    found
}

fn is_direct(metadata: &Metadata, overlaid: &BTreeSet<PackageId>, id: &PackageId) -> bool {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    nodes
        .filter(|node| overlaid.contains(&node.id))
        .any(|node| node.deps.iter().any(|dependency| dependency.pkg == *id))
}

/// Whether a package's source names threads or locks that block.
fn blocks(package: &Package) -> bool {
    let library = package.targets.iter().find(|target| target.is_lib());
    let folder = library.and_then(|library| library.src_path.parent()).map(|folder| folder.as_std_path());
    folder.is_some_and(any_sign)
}

fn any_sign(folder: &Path) -> bool {
    source_signs::rust_files(folder).iter().any(|file| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let locks = || text.contains("std::sync") && SIGNS.iter().any(|sign| text.contains(sign));
        text.contains("std::thread") || locks()
    })
}

/// What in the source of these packages, and in the tests of one of them, the checker does not see or does not undo.
pub(super) fn source_notes(asked: &Package, overlaid: &[&Package], tests: &[PathBuf]) -> Vec<String> {
    let library = |package: &&Package| {
        let library = package.targets.iter().find(|target| target.is_lib() || target.is_rlib());
        library.and_then(|library| library.src_path.parent()).map(|folder| folder.as_std_path().to_owned())
    };
    let own_tests =
        asked.targets.iter().filter(|target| target.is_test()).map(|test| test.src_path.as_std_path().to_owned());
    let places = overlaid.iter().filter_map(library).chain(own_tests).chain(tests.iter().cloned());
    let root = asked.manifest_path.parent().map(|folder| folder.as_std_path().to_owned()).unwrap_or_default();
    let files = places.flat_map(|place| source_signs::rust_files(&place));
    files
        .flat_map(|file| source_signs::notes(&file, &file.strip_prefix(&root).unwrap_or(&file).display().to_string()))
        .collect()
}
