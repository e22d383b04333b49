//! The arrows of ARCHITECTURE.md, held against the manifests: which crate may depend on which.

use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// The tools in order: each may depend on those further right, and on no other of the workspace.
const LINE: [&str; 6] = [
    "cargo-interlock",
    "interlock-reports",
    "interlock-claims",
    "interlock-lints",
    "interlock-lockgraph",
    "interlock-source",
];

/// The engine and what lies under it, in order. Nothing leads from one line to the other.
const ENGINE_LINE: [&str; 2] = ["interlock-engine", "interlock-sync"];

/// The library of models and what lies under it. The engine is modelled by its tests, and not known to it otherwise.
const MODEL_LINE: [&str; 2] = ["interlock-models", "interlock-sync"];

/// Crates that parse Rust; `interlock-source` alone may depend on them.
const PARSERS: [&str; 3] = ["syn", "proc-macro2", "quote"];

/// Keys that every package takes from the workspace.
const INHERITED: [&str; 3] = ["edition", "rust-version", "license"];

/// "from depends on to".
type Edge = (String, String);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps().exec().expect("cargo reads its own workspace")
}

/// Normal and build dependencies; a test may depend on what it likes.
fn edges(packages: &[Package]) -> Vec<Edge> {
    let of = |package: &Package| {
        let counted = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
        counted.map(|dependency| (package.name.to_string(), dependency.name.to_string())).collect::<Vec<_>>()
    };
    packages.iter().flat_map(of).collect()
}

/// The lines; a crate at the end of one may be at the end of another.
fn lines() -> [&'static [&'static str]; 3] {
    [&LINE, &ENGINE_LINE, &MODEL_LINE]
}

/// Whether some line leads from one crate to the other.
fn points_right(from: &str, to: &str) -> bool {
    let place = |line: &[&str], name: &str| line.iter().position(|known| *known == name);
    lines().iter().any(|line| matches!((place(line, from), place(line, to)), (Some(from), Some(to)) if from < to))
}

fn is_known(name: &str) -> bool {
    lines().iter().any(|line| line.contains(&name))
}

/// Edges between crates of a line that do not point right, and edges from one line to the other.
fn backward_arrows(edges: &[Edge]) -> Vec<String> {
    let is_backward = |(from, to): &&Edge| is_known(from) && is_known(to) && !points_right(from, to);
    edges.iter().filter(is_backward).map(|(from, to)| format!("{from} -> {to}")).collect()
}

/// Crates other than `interlock-source` that depend on a Rust parser.
fn stray_parsers(edges: &[Edge]) -> Vec<String> {
    let stray = edges.iter().filter(|(from, to)| PARSERS.contains(&to.as_str()) && from != "interlock-source");
    stray.map(|(from, to)| format!("{from} -> {to}")).collect()
}

/// Names that are on no line.
fn strangers(names: &[String]) -> Vec<String> {
    names.iter().filter(|name| !is_known(name)).cloned().collect()
}

/// Keys of a manifest's `[package]` that do not say `workspace = true`.
fn not_inherited(manifest: &str) -> Vec<&'static str> {
    let table: toml::Table = manifest.parse().expect("cargo has read this manifest");
    let inherits = |key: &str| {
        let value = table.get("package").and_then(|package| package.get(key));
        value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
    };
    INHERITED.into_iter().filter(|key| !inherits(key)).collect()
}

fn edge(from: &str, to: &str) -> Edge {
    (from.to_owned(), to.to_owned())
}

#[test]
fn arrows_point_one_way() {
    assert_eq!(backward_arrows(&edges(&metadata().packages)), Vec::<String>::new());
}

#[test]
fn a_backward_arrow_is_caught() {
    let edges = [edge("interlock-lints", "interlock-reports"), edge("interlock-lints", "interlock-source")];
    assert_eq!(backward_arrows(&edges), ["interlock-lints -> interlock-reports"]);
    // A crate may turn on its own features for its tests; that is no arrow, and is not counted as an edge here.
    assert_eq!(backward_arrows(&[edge("interlock-source", "interlock-source")]).len(), 1);
    assert_eq!(backward_arrows(&[edge("interlock-engine", "interlock-source")]).len(), 1);
    assert_eq!(backward_arrows(&[edge("interlock-lints", "interlock-sync")]).len(), 1);
    assert_eq!(backward_arrows(&[edge("interlock-models", "interlock-engine")]).len(), 1);
    assert_eq!(backward_arrows(&[edge("interlock-sync", "interlock-models")]).len(), 1);
    assert_eq!(backward_arrows(&[edge("interlock-models", "interlock-sync")]), Vec::<String>::new());
}

#[test]
fn every_crate_is_on_the_line() {
    let names: Vec<String> = metadata().packages.iter().map(|package| package.name.to_string()).collect();
    assert_eq!(strangers(&names), Vec::<String>::new());
}

#[test]
fn a_crate_off_the_line_is_caught() {
    assert_eq!(strangers(&["interlock-common".to_owned(), "interlock-lints".to_owned()]), ["interlock-common"]);
}

#[test]
fn only_the_source_model_knows_the_parser() {
    assert_eq!(stray_parsers(&edges(&metadata().packages)), Vec::<String>::new());
}

#[test]
fn a_stray_parser_is_caught() {
    let edges = [edge("interlock-source", "syn"), edge("interlock-claims", "proc-macro2")];
    assert_eq!(stray_parsers(&edges), ["interlock-claims -> proc-macro2"]);
}

#[test]
fn plain_cargo_test_tests_every_member() {
    let metadata = metadata();
    let (mut all, mut default) = (metadata.workspace_members.clone(), metadata.workspace_default_members.to_vec());
    all.sort();
    default.sort();
    assert_eq!(all, default);
}

#[test]
fn packages_inherit_edition_toolchain_and_licence() {
    for package in &metadata().packages {
        let manifest = std::fs::read_to_string(Path::new(&package.manifest_path)).expect("cargo has read it");
        assert_eq!(not_inherited(&manifest), Vec::<&str>::new(), "{}", package.manifest_path);
    }
}

#[test]
fn an_own_edition_is_caught() {
    let manifest = "[package]\nedition = '2021'\nrust-version.workspace = true\nlicense.workspace = true\n";
    assert_eq!(not_inherited(manifest), ["edition"]);
    assert_eq!(not_inherited("[package]\nname = 'a'\n"), INHERITED);
}
