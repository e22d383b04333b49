//! A digest of the source that a model is made of: its package, and the packages that this one depends on by path.
//!
//! It says whether a token is of this source, on any machine and in any folder. A dependency that is not seen here (one of
//! a registry, or a form of manifest that is not read) can only make a token look valid that is not; then the replay
//! notices that it goes another way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Crates whose version decides what a schedule means.
const ENGINES: [&str; 6] = ["generator", "loom", "shuttle", "shuttle-engine", "shuttle-schedulers", "shuttle-std"];

/// The digest of the package in this folder, as text. Without its source at hand, that of the executable.
pub(crate) fn digest(package: &Path) -> String {
    let mut packages = BTreeSet::new();
    collect(package, &mut packages);
    if packages.is_empty() {
        let executable = std::env::current_exe().and_then(std::fs::read).unwrap_or_default();
        return format!("exe-{:016x}", add(START, &executable));
    }
    let mut sum = START;
    for folder in &packages {
        let mut files = Vec::new();
        list(folder, &mut files);
        files.sort();
        for file in files {
            let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
            sum = add(sum, name.as_bytes());
            sum = add(sum, &std::fs::read(&file).unwrap_or_default());
        }
    }
    format!("{:016x}", add(sum, engines(package).as_bytes()))
}

/// Adds the package in a folder and those it depends on by path.
fn collect(folder: &Path, packages: &mut BTreeSet<PathBuf>) {
    let Ok(folder) = folder.canonicalize() else { return };
    let Some(manifest) = manifest(&folder) else { return };
    if !packages.insert(folder.clone()) {
        return;
    }
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(dependencies) = manifest.get(kind).and_then(Value::as_table) else { continue };
        for (name, dependency) in dependencies {
            if let Some(path) = dependency.get("path").and_then(Value::as_str) {
                collect(&folder.join(path), packages);
            } else if dependency.get("workspace").and_then(Value::as_bool) == Some(true)
                && let Some(path) = inherited(&folder, name)
            {
                collect(&path, packages);
            }
        }
    }
}

fn manifest(folder: &Path) -> Option<Table> {
    std::fs::read_to_string(folder.join("Cargo.toml")).ok()?.parse().ok()
}

/// The folder of a dependency that the workspace above names by path.
fn inherited(folder: &Path, name: &str) -> Option<PathBuf> {
    let of = |root: &Path| {
        let manifest = manifest(root)?;
        let dependencies = manifest.get("workspace")?.get("dependencies")?;
        Some(root.join(dependencies.get(name)?.get("path")?.as_str()?))
    };
    folder.ancestors().find_map(of)
}

/// The Rust files below a folder that are the package's own.
fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_own = || path.file_name().is_some_and(|name| name != "target") && !path.join("Cargo.toml").exists();
        if path.is_dir() {
            if is_own() {
                list(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Names and versions of the engines in the lock file above.
fn engines(package: &Path) -> String {
    let lock = package.ancestors().find_map(|folder| std::fs::read_to_string(folder.join("Cargo.lock")).ok());
    let Some(lock) = lock else { return String::new() };
    let version = |name: &&str| {
        let rest = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?.1;
        Some(format!("{name} {}", rest.split('"').next()?))
    };
    ENGINES.iter().filter_map(version).collect::<Vec<_>>().join(", ")
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a. It tells two sources apart; it is no proof against anyone.
fn add(sum: u64, bytes: &[u8]) -> u64 {
    let length = (bytes.len() as u64).to_le_bytes();
    bytes.iter().chain(&length).fold(sum, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_of_the_package_and_what_it_depends_on_by_path() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut packages = BTreeSet::new();
        collect(here, &mut packages);
        let names: Vec<_> = packages.iter().filter_map(|folder| folder.file_name()).collect();
        assert!(names.iter().any(|name| *name == "sync"), "{names:?}");
        assert_eq!(digest(here), digest(&here.join("src").join("..")));
        assert_ne!(digest(here), digest(&here.join("../sync")));
    }

    #[test]
    fn without_source_it_is_of_the_executable() {
        assert!(digest(Path::new("/nowhere/at/all")).starts_with("exe-"));
    }
}
