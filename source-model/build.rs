//! Gives the cache the identity of this tool: a digest of the sources that decide what a file says.
//!
//! A version number alone would let a build of other sources use what an earlier one has kept.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};

fn main() {
    let mut hasher = DefaultHasher::new();
    for folder in ["src", "models"] {
        println!("cargo::rerun-if-changed={folder}");
        for file in files_below(Path::new(folder)) {
            hasher.write(file.to_string_lossy().as_bytes());
            hasher.write(&std::fs::read(&file).unwrap_or_default());
        }
    }
    println!("cargo::rustc-env=INTERLOCK_SOURCE_DIGEST={:016x}", hasher.finish());
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}
