//! Copies of a workspace's files below manifests of their own: to edit, and to have three of.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use interlock_source::{LoadOptions, Sources};

/// A copy of a workspace, and three of it in one workspace; removed at the end.
pub(crate) struct Copies {
    folder: PathBuf,
    /// The file that is edited, and its text.
    edited: (PathBuf, String),
    pub(crate) n_files: usize,
    pub(crate) n_lines: usize,
}

impl Drop for Copies {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Copies {
    pub(crate) fn new(manifest: &Path) -> Copies {
        let options = LoadOptions { manifest_path: Some(manifest.to_owned()), ..LoadOptions::default() };
        let sources = Sources::load(&options).expect("the manifest is readable");
        let folder = std::env::temp_dir().join(format!("against-syn-{}", std::process::id()));
        copy(&sources, &folder.join("one"), &["a"]);
        copy(&sources, &folder.join("three"), &["a", "b", "c"]);
        let edited = sources.files.iter().map(|file| folder.join("one/a").join(inside(&file.path)));
        let edited = edited.filter_map(|path| Some((std::fs::read_to_string(&path).ok()?, path)));
        // A file of ordinary size with a function to edit.
        let mut candidates: Vec<_> = edited.filter(|(text, _)| body_start(text).is_some()).collect();
        candidates.sort_by_key(|(text, path)| (text.len(), path.clone()));
        let (text, path) = candidates.swap_remove(candidates.len() / 2);
        let n_lines = sources.files.iter().map(|file| file.outline.n_lines as usize).sum();
        Copies { folder, edited: (path, text), n_files: sources.files.len(), n_lines }
    }

    pub(crate) fn one(&self) -> PathBuf {
        self.folder.join("one")
    }

    pub(crate) fn three(&self) -> PathBuf {
        self.folder.join("three")
    }

    /// The text as it was, and no cache.
    pub(crate) fn restore(&self) {
        write(&self.edited.0, &self.edited.1);
        let _ = std::fs::remove_dir_all(self.one().join("target"));
    }

    pub(crate) fn edit_body(&self) {
        let (path, text) = &self.edited;
        let at = body_start(text).expect("the file was chosen for its function");
        write(path, &format!("{}    let _edited = 0;\n{}", &text[..at], &text[at..]));
    }

    pub(crate) fn add_item(&self) {
        let (path, text) = &self.edited;
        write(path, &format!("{text}\npub fn item_that_was_added() {{}}\n"));
    }
}

/// The files of a copied workspace, as the analysis found them in the original.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let list = std::fs::read_to_string(folder.join("files.txt")).expect("a copy lists its files");
    list.lines().map(PathBuf::from).collect()
}

/// The start of the line after the head of a function.
fn body_start(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        let head = line.trim_start();
        if (head.starts_with("fn ") || head.starts_with("pub fn ")) && line.ends_with("{\n") {
            return Some(at);
        }
    }
    None
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the temporary folder is writable");
    std::fs::write(path, text).expect("the temporary folder is writable");
}

/// A path relative to the root, without steps out of it.
fn inside(path: &str) -> String {
    path.replace("../", "up/")
}

fn copy(sources: &Sources, folder: &Path, names: &[&str]) {
    let mut list = String::new();
    let mut members = String::new();
    for name in names {
        for file in &sources.files {
            let to = folder.join(name).join(inside(&file.path));
            write(&to, file.text());
            let _ = writeln!(list, "{}", to.display());
        }
        for at in 0..sources.project.packages.len() {
            write(&folder.join(format!("packages/{name}{at}/Cargo.toml")), &manifest(sources, at, name));
            let _ = write!(members, "\"packages/{name}{at}\", ");
        }
    }
    write(&folder.join("files.txt"), &list);
    write(&folder.join("Cargo.toml"), &format!("[workspace]\nresolver = \"2\"\nmembers = [{members}]\n"));
}

/// The manifest of a package in one of the copies. What depends on a member depends on the one of the same copy.
fn manifest(sources: &Sources, at: usize, copy: &str) -> String {
    let package = &sources.project.packages[at];
    let year = |edition: &dyn std::fmt::Debug| format!("{edition:?}").trim_start_matches('E').to_owned();
    let edition = package.targets.first().map_or_else(|| "2021".to_owned(), |target| year(&target.edition));
    let mut text = format!(
        "[package]\nname = \"{}-{copy}\"\nversion = \"0.1.0\"\nedition = \"{edition}\"\n\
         autobins = false\nautotests = false\nautobenches = false\nautoexamples = false\n",
        package.name
    );
    for target in &package.targets {
        let Some(file) =
            sources.files.iter().find(|file| Some(&file.absolute) == target.root.canonicalize().ok().as_ref())
        else {
            continue;
        };
        let head = if target.kind.is_library() { "[lib]" } else { "[[bin]]" };
        let (name, path) = (&target.crate_name, inside(&file.path));
        let _ = write!(text, "{head}\nname = \"{name}_{copy}\"\npath = \"../../{copy}/{path}\"\n");
    }
    text += "[dependencies]\n";
    let mut seen = std::collections::BTreeSet::new();
    for dependency in &package.dependencies {
        let key = dependency.extern_name.to_string();
        let member = (0..sources.project.packages.len())
            .find(|at| sources.project.packages[*at].library() == Some(dependency.crate_name.as_str()));
        let value = match member {
            Some(at) => reference(sources, at, copy),
            None => format!("{{ package = \"{}\", version = \"*\" }}", dependency.crate_name),
        };
        if seen.insert(key.clone()) {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    if let Some(own) = package.library().filter(|own| !seen.contains(*own)) {
        let _ = writeln!(text, "{own} = {}", reference(sources, at, copy));
    }
    let features: Vec<String> = package.features.iter().filter(|name| *name != "default").cloned().collect();
    let _ = writeln!(text, "[features]\ndefault = {features:?}");
    for feature in features {
        let _ = writeln!(text, "{feature:?} = []");
    }
    text
}

fn reference(sources: &Sources, at: usize, copy: &str) -> String {
    format!("{{ package = \"{}-{copy}\", path = \"../{copy}{at}\" }}", sources.project.packages[at].name)
}
