//! Loading a workspace from disk: which files are found, and what becomes of those that cannot be read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use interlock_source::{LoadError, LoadOptions, Sources};

/// A folder with files that is removed at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Folder {
        let root = std::env::temp_dir().join(format!("interlock-loading-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Folder(root)
    }

    fn options(&self) -> LoadOptions {
        LoadOptions { dir: self.0.clone(), offline: true, ..LoadOptions::default() }
    }

    fn load(&self) -> Sources {
        Sources::load(&self.options()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const MANIFEST: (&str, &str) = (
    "Cargo.toml",
    "[package]\nname = \"a-b\"\nedition = \"2021\"\n[features]\ndefault = [\"x\"]\nx = []\ny = []\n[workspace]\n",
);

fn paths(sources: &Sources) -> Vec<&str> {
    sources.files.iter().map(|file| file.path.as_str()).collect()
}

fn unread(sources: &Sources) -> Vec<(&str, &str)> {
    sources.unread.iter().map(|unread| (unread.path.as_str(), unread.reason.as_str())).collect()
}

/// The files found from `src/lib.rs`; nothing may be unread.
fn check(name: &str, files: &[(&str, &str)], expected: &[&str]) {
    let files = [&[MANIFEST], files].concat();
    let sources = Folder::new(name, &files).load();
    assert_eq!((paths(&sources).as_slice(), unread(&sources).as_slice()), (expected, [].as_slice()));
}

#[test]
fn modules_are_beside_or_below_their_parent() {
    let files = [
        ("src/lib.rs", "mod a; mod b;"),
        ("src/a.rs", "mod c;"),
        ("src/a/c.rs", ""),
        ("src/b/mod.rs", "mod d;"),
        ("src/b/d.rs", ""),
    ];
    check("below", &files, &["src/a.rs", "src/a/c.rs", "src/b/d.rs", "src/b/mod.rs", "src/lib.rs"]);
}

#[test]
fn inline_modules_are_folders() {
    let files = [
        ("src/lib.rs", "mod a { mod b; } mod c;"),
        ("src/a/b.rs", ""),
        ("src/c.rs", "mod d { mod e; }"),
        ("src/c/d/e.rs", ""),
    ];
    check("inline", &files, &["src/a/b.rs", "src/c.rs", "src/c/d/e.rs", "src/lib.rs"]);
}

#[test]
fn path_attributes_are_relative_to_the_file() {
    let files = [
        ("src/lib.rs", "#[path = \"x/y.rs\"] mod a; mod c;"),
        ("src/x/y.rs", "mod b;"),
        ("src/x/b.rs", ""),
        ("src/c.rs", "#[path = \"z.rs\"] mod d;"),
        ("src/z.rs", ""),
    ];
    check("path", &files, &["src/c.rs", "src/lib.rs", "src/x/b.rs", "src/x/y.rs", "src/z.rs"]);
}

#[test]
fn predicates_decide_over_modules() {
    let lib =
        "#[cfg(test)] mod a; #[cfg(feature = \"x\")] mod b; #[cfg(feature = \"y\")] mod c; #[cfg(not(loom))] mod d;";
    let files = [("src/lib.rs", lib), ("src/b.rs", ""), ("src/d.rs", "#![cfg(loom)] mod e;")];
    check("cfg", &files, &["src/b.rs", "src/d.rs", "src/lib.rs"]);
}

#[test]
fn a_file_of_two_crates_is_read_once() {
    let files = [("src/lib.rs", "mod a;"), ("src/main.rs", "mod a;"), ("src/a.rs", "")];
    check("shared", &files, &["src/a.rs", "src/lib.rs", "src/main.rs"]);
}

#[test]
fn a_cycle_of_modules_ends() {
    let files = [("src/lib.rs", "mod a;"), ("src/a.rs", "#[path = \"lib.rs\"] mod b;")];
    check("cycle", &files, &["src/a.rs", "src/lib.rs"]);
}

#[test]
fn files_that_cannot_be_read_are_facts() {
    let folder = Folder::new("unread", &[MANIFEST, ("src/lib.rs", "mod a; mod b; mod c;"), ("src/b.rs/x", "")]);
    std::fs::write(folder.0.join("src/c.rs"), [0xff, 0xfe]).unwrap();
    let sources = folder.load();
    let expected = [("src/a.rs", "no such file"), ("src/b.rs", "not a regular file"), ("src/c.rs", "not valid utf-8")];
    let found: Vec<_> =
        unread(&sources).iter().map(|(path, reason)| ((*path).to_owned(), reason.to_lowercase())).collect();
    assert_eq!(found, expected.map(|(path, reason)| (path.to_owned(), reason.to_owned())));
}

#[cfg(unix)]
#[test]
fn symbolic_links_that_loop_end() {
    let folder = Folder::new("links", &[MANIFEST, ("src/lib.rs", "mod a; mod d;"), ("src/d/mod.rs", "mod d;")]);
    std::os::unix::fs::symlink("a.rs", folder.0.join("src/a.rs")).unwrap();
    std::os::unix::fs::symlink(".", folder.0.join("src/d/d")).unwrap();
    let sources = folder.load();
    assert_eq!(paths(&sources), ["src/d/mod.rs", "src/lib.rs"]);
    assert_eq!(sources.unread.len(), 1);
}

#[test]
fn files_that_no_crate_mounts_are_counted() {
    let folder = Folder::new("unreached", &[MANIFEST, ("src/lib.rs", ""), ("src/old/a.rs", ""), ("build.rs", "")]);
    let sources = folder.load();
    assert_eq!((sources.n_unreached_files, sources.files.len()), (1, 1));
}

#[test]
fn tests_are_read_only_with_all_targets() {
    let folder = Folder::new(
        "targets",
        &[MANIFEST, ("src/lib.rs", "#[cfg(test)] mod a;"), ("src/a.rs", ""), ("tests/b.rs", "")],
    );
    assert_eq!(paths(&folder.load()), ["src/lib.rs"]);
    let sources = Sources::load(&LoadOptions { all_targets: true, ..folder.options() }).unwrap();
    assert_eq!(paths(&sources), ["src/a.rs", "src/lib.rs", "tests/b.rs"]);
}

#[test]
fn a_workspace_that_cargo_rejects_is_read_from_its_manifests() {
    let root = "cargo-features = [\"no-such-feature\"]\n[workspace]\nmembers = [\"crates/*\", \"gone\"]\nexclude = [\"crates/c\"]\n[workspace.package]\nedition = \"2018\"\n";
    let member = "[package]\nname = \"a\"\nedition.workspace = true\n";
    let files = [
        ("Cargo.toml", root),
        ("crates/a/Cargo.toml", member),
        ("crates/a/src/lib.rs", "mod x;"),
        ("crates/a/src/x.rs", ""),
        ("crates/a/src/bin/t.rs", ""),
        ("crates/c/Cargo.toml", member),
        ("crates/c/src/lib.rs", ""),
    ];
    let sources = Folder::new("fallback", &files).load();
    assert_eq!(paths(&sources), ["crates/a/src/bin/t.rs", "crates/a/src/lib.rs", "crates/a/src/x.rs"]);
    assert_eq!(sources.project.notes.len(), 2, "{:?}", sources.project.notes);
}

/// The error of loading, as its text.
fn error(folder: &Folder, options: LoadOptions) -> String {
    let error: LoadError = Sources::load(&options).unwrap_err();
    error.to_string().replace(&std::fs::canonicalize(&folder.0).unwrap().display().to_string(), "ROOT")
}

#[test]
fn errors_name_the_file_and_what_to_do() {
    let folder = Folder::new(
        "errors",
        &[("Cargo.toml", "[workspace]\n"), ("broken/Cargo.toml", "[package\n"), MANIFEST_IN_C, ("c/src/lib.rs", "")],
    );
    let at = |path: &str| LoadOptions { manifest_path: Some(folder.0.join(path)), ..folder.options() };
    assert!(error(&folder, at("gone/Cargo.toml")).contains("does not exist"));
    assert!(error(&folder, at("broken/Cargo.toml")).contains("`ROOT/broken/Cargo.toml` is not valid TOML"));
    assert!(error(&folder, at("Cargo.toml")).contains("`ROOT/Cargo.toml` has no packages"));
    let unknown = LoadOptions { features: vec!["nope".into()], ..at("c/Cargo.toml") };
    assert!(error(&folder, unknown).contains("has the feature `nope`"));
}

const MANIFEST_IN_C: (&str, &str) = ("c/Cargo.toml", "[package]\nname = \"c\"\n[workspace]\n");

#[test]
fn the_nearest_manifest_above_is_taken() {
    let folder = Folder::new("above", &[MANIFEST, ("src/lib.rs", "mod a;"), ("src/a/mod.rs", "")]);
    let options = LoadOptions { dir: folder.0.join("src/a"), ..folder.options() };
    assert_eq!(paths(&Sources::load(&options).unwrap()), ["src/a/mod.rs", "src/lib.rs"]);
}

#[test]
fn paths_outside_the_root_go_up() {
    let folder = Folder::new(
        "outside",
        &[("w/Cargo.toml", MANIFEST.1), ("w/src/lib.rs", "#[path = \"../../o.rs\"] mod a;"), ("o.rs", "")],
    );
    let options = LoadOptions { dir: folder.0.join("w"), ..folder.options() };
    assert_eq!(paths(&Sources::load(&options).unwrap()), ["../o.rs", "src/lib.rs"]);
    assert!(Path::new(&folder.0).is_dir());
}

#[test]
fn edited_text_replaces_one_file_and_keeps_its_modules() {
    let folder = Folder::new("edited", &[MANIFEST, ("src/lib.rs", "mod a;"), ("src/a.rs", "")]);
    let sources = folder.load();
    let lib = sources.file_id("src/lib.rs").unwrap();
    let edited = sources.with_text(lib, "fn f() {}\nmod a;".to_owned());
    assert_eq!((sources.file(lib).outline.n_lines, edited.file(lib).outline.n_lines), (1, 2));
    let linked: Vec<_> = edited.crates[0].module_files.values().map(|id| edited.file(*id).path.as_str()).collect();
    assert_eq!(linked, ["src/a.rs"]);
}
