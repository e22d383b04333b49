//! What in the source of an overlaid package the checker does not see or does not undo: told, and then nothing is called
//! complete. Words are looked for, not meanings; what they miss is said in `docs/overlays.md`.

use std::path::{Path, PathBuf};

/// Words for accesses that are no steps.
const NO_STEPS: [(&str, &str); 6] = [
    ("core::sync::atomic", "atomics of `core` are no steps"),
    ("core::hint::spin_loop", "spinning by `core` does not give way"),
    ("strong_count(", "the count of an `Arc` is no step"),
    ("Arc::try_unwrap(", "the count of an `Arc` is no step"),
    ("Arc::into_inner(", "the count of an `Arc` is no step"),
    (".upgrade()", "the count of an `Arc` is no step"),
];

/// The Rust files of a folder and those below it; of a file, itself.
pub(super) fn rust_files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return path.is_file().then(|| path.to_owned()).into_iter().collect();
    }
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let is_rust = |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|extension| extension == "rs");
    paths.iter().filter(|path| is_rust(path)).flat_map(|path| rust_files(path)).collect()
}

/// One note for each kind of sign in a file, with the line of the first.
pub(super) fn notes(file: &Path, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let numbered = || text.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.starts_with("//"));
    let mut notes = Vec::new();
    let mut before = "";
    let mut first_static = None;
    for (line, number) in numbered() {
        if first_static.is_none() && !before.contains("thread_local!") && is_static(line) {
            first_static = Some(number);
        }
        before = if line.is_empty() { before } else { line };
    }
    let outlives = "a `static` outlives an execution";
    notes.extend(first_static.map(|line| format!("{name}:{line}: {outlives}")));
    for (word, says) in NO_STEPS {
        let found = numbered().find(|(line, _)| line.contains(word));
        if let Some((_, line)) = found.filter(|_| !notes.iter().any(|note: &String| note.ends_with(says))) {
            notes.push(format!("{name}:{line}: {says}"));
        }
    }
    notes
}

/// Whether a line declares a `static` that may change: its type is more than numbers and text.
fn is_static(line: &str) -> bool {
    let line = line.strip_prefix("pub").map_or(line, |rest| rest.trim_start_matches(|char| char != ' ').trim_start());
    let Some(declared) = line.strip_prefix("static ") else { return false };
    let kind = declared.split_once(':').map_or(declared, |(_, kind)| kind);
    let kind = kind.split('=').next().unwrap_or(kind);
    declared.starts_with("mut ") || kind.chars().any(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_that_may_change_is_seen() {
        for line in
            ["static A: Mutex<u32> = Mutex::new(0);", "pub(crate) static B: OnceLock<u8> =", "static mut C: u32 = 0;"]
        {
            assert!(is_static(line), "{line}");
        }
        for line in ["static A: &str = \"A\";", "static TABLE: [u8; 2] = [1, 2];", "fn f(x: &'static Mutex<u8>) {}"] {
            assert!(!is_static(line), "{line}");
        }
    }
}
