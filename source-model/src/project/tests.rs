//! Workspaces drawn as text, and what is read of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A folder drawn as `//- path` lines, each followed by the file's text. Removed when dropped.
pub(crate) struct Tree(pub(crate) PathBuf);

impl Tree {
    pub(crate) fn new(drawn: &str) -> Tree {
        static N_TREES: AtomicUsize = AtomicUsize::new(0);
        // Relaxed: only the number has to be unique, nothing else is published by it.
        let unique = format!("interlock-{}-{}", std::process::id(), N_TREES.fetch_add(1, Ordering::Relaxed));
        let root = std::fs::canonicalize(std::env::temp_dir()).unwrap().join(unique);
        for file in drawn.split("//- ").skip(1) {
            let (path, text) = file.split_once('\n').unwrap();
            let path = root.join(path.trim());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Tree(root)
    }

    pub(crate) fn options(&self) -> LoadOptions {
        LoadOptions { dir: self.0.clone(), offline: true, ..LoadOptions::default() }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One line a package: name, features, then `kind name edition root` of each target and `extern=crate` pairs.
fn summary(project: &Project) -> String {
    let mut lines = String::new();
    for package in &project.packages {
        let features: Vec<_> = package.features.iter().map(String::as_str).collect();
        lines += &format!("{} [{}]", package.name, features.join(" "));
        for target in &package.targets {
            let root = target.root.strip_prefix(&project.root).unwrap().display();
            lines += &format!(" {:?} {} {:?} {root}", target.kind, target.crate_name, target.edition);
        }
        for dependency in &package.dependencies {
            lines += &format!(" {}={}", dependency.extern_name, dependency.crate_name);
        }
        lines.push('\n');
    }
    lines
}

fn check_with(drawn: &str, change: impl FnOnce(&mut LoadOptions), expected: &str) -> Project {
    let tree = Tree::new(drawn);
    let mut options = tree.options();
    change(&mut options);
    let project = discover(&options).unwrap();
    assert_eq!(summary(&project), expected);
    project
}

fn check_error(drawn: &str, manifest: Option<&str>, expected: &str) {
    let tree = Tree::new(drawn);
    let manifest_path = manifest.map(|path| tree.0.join(path));
    let error = discover(&LoadOptions { manifest_path, ..tree.options() }).unwrap_err().to_string();
    let error = error.replace(&tree.0.display().to_string(), "ROOT");
    assert!(error.contains(expected), "{error}");
}

const WORKSPACE: &str = r#"
//- Cargo.toml
[workspace]
members = ["crates/*", "tool"]
exclude = ["crates/old"]
resolver = "2"
[workspace.package]
edition = "2021"
[workspace.dependencies]
net-core = { path = "crates/net", package = "net" }
//- crates/net/Cargo.toml
[package]
name = "net"
version = "0.1.0"
edition.workspace = true
build = "build.rs"
[lib]
name = "netlib"
[features]
default = ["tcp"]
tcp = ["io"]
io = []
udp = []
//- crates/net/src/lib.rs
//- crates/net/build.rs
fn main() {}
//- crates/old/Cargo.toml
[package]
name = "old"
version = "0.1.0"
//- crates/old/src/lib.rs
//- tool/Cargo.toml
[package]
name = "my-tool"
version = "0.1.0"
edition = "2018"
[[bin]]
name = "extra-bin"
path = "src/other.rs"
[dependencies]
net-core = { workspace = true, features = ["udp"] }
[features]
fast = []
//- tool/src/main.rs
fn main() {}
//- tool/src/other.rs
fn main() {}
//- tool/src/bin/one.rs
fn main() {}
//- tool/src/bin/two/main.rs
fn main() {}
//- tool/tests/t.rs
"#;

const WORKSPACE_READ: &str = "\
my-tool [] Bin extra_bin E2018 tool/src/other.rs Bin my_tool E2018 tool/src/main.rs \
Bin one E2018 tool/src/bin/one.rs Bin two E2018 tool/src/bin/two/main.rs net_core=netlib
net [default io tcp udp] Lib netlib E2021 crates/net/src/lib.rs
";

#[test]
fn cargo_names_targets_features_and_renames() {
    let project = check_with(WORKSPACE, |_| {}, WORKSPACE_READ);
    assert_eq!(project.n_build_scripts, 1);
    assert_eq!(project.notes, [""; 0]);
}

#[test]
fn manifests_alone_say_the_same() {
    let broken = WORKSPACE.replace("[workspace]\n", "cargo-features = [\"no-such-feature\"]\n[workspace]\n");
    let project = check_with(&broken, |_| {}, WORKSPACE_READ);
    assert_eq!(project.n_build_scripts, 1);
    assert_eq!(project.notes.len(), 1);
    assert!(project.notes[0].contains("manifests were read directly"), "{:?}", project.notes);
}

#[test]
fn the_first_edition_finds_no_more_than_is_listed() {
    let drawn = "//- Cargo.toml\n[package]\nname = \"a\"\nversion = \"0.1.0\"\n\
                 [[bin]]\nname = \"b\"\npath = \"src/b.rs\"\n//- src/main.rs\n//- src/b.rs\n";
    let expected = "a [] Bin b E2015 src/b.rs\n";
    check_with(drawn, |_| {}, expected);
    let broken = drawn.replace("[package]", "cargo-features = [\"no-such-feature\"]\n[package]");
    check_with(&broken, |_| {}, expected);
}

#[test]
fn a_missing_member_costs_only_itself() {
    let broken = WORKSPACE.replace("\"tool\"]", "\"tool\", \"gone\"]");
    let project = check_with(&broken, |_| {}, WORKSPACE_READ);
    assert!(project.notes.iter().any(|note| note.contains("gone/Cargo.toml")), "{:?}", project.notes);
}

const FEATURES: &str = r#"
//- Cargo.toml
[package]
name = "a-b"
version = "0.1.0"
edition = "2024"
[features]
default = ["one"]
one = []
two = []
//- src/lib.rs
//- benches/speed.rs
//- examples/show.rs
fn main() {}
//- tests/whole.rs
"#;

#[test]
fn features_follow_the_options() {
    let expected = |features: &str| format!("a-b [{features}] Lib a_b E2024 src/lib.rs\n");
    check_with(FEATURES, |_| {}, &expected("default one"));
    check_with(FEATURES, |options| options.no_default_features = true, &expected(""));
    check_with(FEATURES, |options| options.all_features = true, &expected("default one two"));
    check_with(FEATURES, |options| options.features = vec!["two".into()], &expected("default one two"));
    check_with(FEATURES, |options| options.features = vec!["a-b/two".into()], &expected("default one two"));
}

#[test]
fn a_feature_that_no_package_has_is_an_error() {
    let tree = Tree::new(FEATURES);
    let error = discover(&LoadOptions { features: vec!["three".into()], ..tree.options() }).unwrap_err();
    assert!(matches!(error, LoadError::UnknownFeature(feature) if feature == "three"));
}

#[test]
fn tests_benches_and_examples_are_read_on_request() {
    let project = check_with(
        FEATURES,
        |options| options.all_targets = true,
        "a-b [default one] Lib a_b E2024 src/lib.rs Test whole E2024 tests/whole.rs \
         Bench speed E2024 benches/speed.rs Example show E2024 examples/show.rs\n",
    );
    assert_eq!(project.packages[0].library(), Some("a_b"));
    assert_eq!(project.name, "a-b");
}

#[test]
fn the_nearest_manifest_above_the_folder_is_read() {
    check_with(FEATURES, |options| options.dir.push("src"), "a-b [default one] Lib a_b E2024 src/lib.rs\n");
}

#[test]
fn a_toolchain_file_of_the_target_is_not_obeyed() {
    let drawn = format!("{FEATURES}//- rust-toolchain.toml\n[toolchain]\nchannel = \"no-such-channel\"\n");
    let project = check_with(&drawn, |_| {}, "a-b [default one] Lib a_b E2024 src/lib.rs\n");
    assert_eq!(project.notes, [""; 0]);
}

#[test]
fn errors_name_the_file_and_what_to_do() {
    check_error("//- readme\n", None, "no Cargo.toml in `ROOT` or any folder above it; give one with --manifest-path");
    check_error(FEATURES, Some("none.toml"), "the manifest `ROOT/none.toml` does not exist");
    check_error(FEATURES, Some(""), "is a folder; --manifest-path takes a file, such as `ROOT/Cargo.toml`");
    check_error("//- Cargo.toml\n[package\n", None, "the manifest `ROOT/Cargo.toml` is not valid TOML");
    check_error("//- Cargo.toml\n[workspace]\n", None, "the workspace of `ROOT/Cargo.toml` has no packages");
    check_error("//- Cargo.toml\n# nothing\n", None, "the workspace of `ROOT/Cargo.toml` has no packages");
}

#[test]
fn a_manifest_of_another_package_is_never_read() {
    let drawn = "
//- Cargo.toml
[package]
name = \"outer\"
//- src/lib.rs
//- inner/Cargo.toml
cargo-features = [\"no-such-feature\"]
[package]
name = \"inner\"
//- inner/src/lib.rs
";
    check_with(drawn, |options| options.dir.push("inner"), "inner [] Lib inner E2015 src/lib.rs\n");
}
