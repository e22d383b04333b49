//! A production build has no bugs to put back and no fault hooks: it is built here as anybody builds it, searched, and
//! told to put a bug back.
//!
//! The same search of the binary that the tests use, which has the feature `mutation`, finds all of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use interlock_engine::mutation::VARIABLE;

/// Without debugging facts, to be built sooner. It is not optimised: what is not there is not there before, either.
const PROFILE: [&str; 2] = ["--config", "profile.dev.debug=0"];

/// Builds the binary without the features of the tests, in a folder of its own.
fn production_build() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("production");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--offline", "--package", "interlock-engine", "--bin"]);
    cargo.args(["interlock-engine", "--target-dir"]).arg(&folder);
    cargo.args(PROFILE);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.join("debug/interlock-engine")
}

/// Names of fault hooks, as the source has them.
fn hooks(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            hooks(&path, names);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            // Not those of comments.
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let named = ["failpoint!(\"", "reach!(self, \""].into_iter().flat_map(|call| line.split(call).skip(1));
                names.extend(named.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }
}

/// What shows that mutations and hooks are in a binary: the modules in its symbols, the variable, the hooks' names.
fn traces() -> BTreeSet<String> {
    let mut traces = BTreeSet::new();
    hooks(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut traces);
    assert!(traces.len() > 15, "{traces:?}");
    let modules = ["mutation", "failpoint"].map(|module| format!("interlock_engine{}{module}", module.len()));
    traces.extend(modules);
    traces.insert(VARIABLE.to_owned());
    traces
}

fn found_in(binary: &Path, traces: &BTreeSet<String>) -> BTreeSet<String> {
    let bytes = std::fs::read(binary).unwrap();
    // As text the search is the library's, which is fast here too.
    let text = String::from_utf8_lossy(&bytes);
    traces.iter().filter(|trace| text.contains(trace.as_str())).cloned().collect()
}

/// A port with which those of three servers are free.
fn free_port() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let spread = u16::try_from(std::process::id() % 40).unwrap() * 300;
    let mut candidates = (0..3_u16).map(|step| 20_095 + spread + step);
    candidates.find(|port| [0, 100, 200].iter().all(|above| (0..3).all(|node| is_free(port + above + node)))).unwrap()
}

/// Whether a cluster gets a leader although its servers are told to put back that they wait for one before they listen.
fn has_a_leader_under_m_117(binary: &Path) -> bool {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("production-cluster");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    let mut command = Command::new(binary);
    command.args(["--log", "off", "cluster", "--quick", "--port", &free_port().to_string(), "--dir"]).arg(&folder);
    let mut child = command.env(VARIABLE, "M-117").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // It says that it is ready, or after a minute that it will not be.
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut said = lines.filter(|line| line.starts_with("ready after") || line.starts_with("no leader"));
    let is_led = said.next().is_some_and(|line| line.starts_with("ready after"));
    child.kill().unwrap();
    child.wait().unwrap();
    is_led
}

#[test]
fn a_production_build_has_no_bug_and_no_hook() {
    let traces = traces();
    let production = production_build();
    assert_eq!(found_in(&production, &traces), BTreeSet::new());
    assert!(has_a_leader_under_m_117(&production), "a production build puts bugs back");
}

#[test]
fn the_build_of_the_tests_has_all_of_them() {
    let traces = traces();
    assert_eq!(found_in(Path::new(env!("CARGO_BIN_EXE_interlock-engine")), &traces), traces);
}
