//! What a run does to the machine: it starts `cargo metadata --no-deps` and nothing else, writes below the target folder
//! and nowhere else, and opens no connection. Each checker is shown to see what it looks for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SOURCE: &str = "
use std::sync::Mutex;
pub struct Depot { shelf: Mutex<u32> }
impl Depot {
    pub fn count(&self) -> u32 { let first = self.shelf.lock().unwrap(); *first + *self.shelf.lock().unwrap() }
}
";

/// A machine in a folder: a workspace, a home, folders for temporary files and for work, and programs that log their use.
struct Machine(PathBuf);

impl Machine {
    fn new(name: &str) -> Machine {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sandbox-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let machine = Machine(folder);
        for part in ["home", "tmp", "work", "bin", "tree/src"] {
            std::fs::create_dir_all(machine.0.join(part)).unwrap();
        }
        std::fs::write(machine.0.join("tree/src/lib.rs"), SOURCE).unwrap();
        let manifest = "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n";
        std::fs::write(machine.0.join("tree/Cargo.toml"), manifest).unwrap();
        for program in ["cargo", "rustc", "git", "sh"] {
            machine.program(program);
        }
        machine
    }

    /// A program that logs who started it and how. `cargo` and `rustc` then do their work.
    fn program(&self, name: &str) {
        let real = match name {
            "cargo" => env!("CARGO"),
            "rustc" => "rustc",
            _ => "true",
        };
        let path = std::env::var("PATH").unwrap_or_default();
        let log = self.0.join("log");
        let script = format!(
            "#!/bin/sh\necho \"$PPID {name} $*\" >> '{}'\nPATH='{path}' exec {real} \"$@\"\n",
            log.to_string_lossy()
        );
        let file = self.0.join("bin").join(name);
        std::fs::write(&file, script).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.0.join("work"))
            .env("HOME", self.0.join("home"))
            .env("TMPDIR", self.0.join("tmp"))
            .env("PATH", self.0.join("bin"))
            .env("CARGO", self.0.join("bin/cargo"))
            .env("CARGO_HOME", self.0.join("home/.cargo"))
            .env("CARGO_TARGET_DIR", self.0.join("tree/target"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `check`: its exit code and its process.
    fn check(&self) -> (Option<i32>, u32) {
        let mut command = self.command(env!("CARGO_BIN_EXE_cargo-interlock"));
        let child = command.args(["interlock", "check", "-q", "--manifest-path"]).arg(self.manifest()).spawn().unwrap();
        let id = child.id();
        (child.wait_with_output().unwrap().status.code(), id)
    }

    fn manifest(&self) -> PathBuf {
        self.0.join("tree/Cargo.toml")
    }

    /// What a process started, as logged.
    fn started_by(&self, id: u32) -> Vec<String> {
        let log = std::fs::read_to_string(self.0.join("log")).unwrap_or_default();
        let of_it = |line: &str| line.strip_prefix(&format!("{id} ")).map(str::to_owned);
        log.lines().filter_map(of_it).collect()
    }

    /// Every file that a run could reach, with its content, but for the logs and the target folder.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.0, &mut files);
        let target = self.0.join("tree/target");
        files.retain(|file, _| *file != self.0.join("log") && !file.starts_with(&target));
        files
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn collect(folder: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else {
            into.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn the_only_process_is_cargo_metadata() {
    let machine = Machine::new("process");
    let (code, id) = machine.check();
    assert_eq!(code, Some(1), "the finding of the example is there");
    let started = machine.started_by(id);
    let is_metadata = |line: &String| line.starts_with("cargo metadata ") && line.contains("--no-deps");
    assert!(started.len() == 1 && started.iter().all(is_metadata), "{started:?}");
}

#[test]
fn the_log_shows_every_program_that_is_started() {
    let machine = Machine::new("logged");
    for program in ["git", "sh"] {
        assert!(machine.command(machine.0.join("bin").join(program)).status().unwrap().success());
    }
    let started = machine.started_by(std::process::id());
    assert_eq!(started.iter().map(|line| line.trim()).collect::<Vec<_>>(), ["git", "sh"]);
}

#[test]
fn nothing_is_written_outside_the_target_folder() {
    let machine = Machine::new("files");
    let before = machine.files();
    assert_eq!(machine.check().0, Some(1));
    assert_eq!(changed(&before, &machine.files()), Vec::<PathBuf>::new());
    assert!(machine.0.join("tree/target").exists(), "the facts were kept, so the run could write");
    for folder in ["home", "tmp", "work", "tree/src"] {
        std::fs::write(machine.0.join(folder).join("planted"), "").unwrap();
    }
    std::fs::write(machine.manifest(), "").unwrap();
    assert_eq!(changed(&before, &machine.files()).len(), 5, "the comparison sees new and changed files");
}

fn changed(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<PathBuf> {
    let differs = |file: &&PathBuf| before.get(*file) != after.get(*file);
    let mut all: Vec<&PathBuf> = before.keys().chain(after.keys()).filter(differs).collect();
    all.sort();
    all.dedup();
    all.into_iter().cloned().collect()
}

#[test]
fn no_connection_is_opened() {
    let machine = Machine::new("net");
    let Some(strace) = ["/usr/bin/strace", "/bin/strace"].into_iter().find(|path| Path::new(path).exists()) else {
        // The two tests below still hold; this one can only watch where there is something to watch with.
        return;
    };
    let trace = machine.0.join("trace");
    let mut command = machine.command(strace);
    command.args(["-f", "-e", "trace=network", "-o"]).arg(&trace).arg(env!("CARGO_BIN_EXE_cargo-interlock"));
    let code = command.args(["interlock", "check", "-q", "--manifest-path"]).arg(machine.manifest()).status().unwrap();
    let trace = std::fs::read_to_string(&trace).unwrap_or_default();
    if !trace.contains("+++ exited with") {
        return; // Watching is not allowed here.
    }
    assert_eq!(code.code(), Some(1));
    assert_eq!(connections(&trace), Vec::<&str>::new());
}

/// Lines of a trace that reach for the network; pairs of sockets between parent and child do not.
fn connections(trace: &str) -> Vec<&str> {
    trace.lines().filter(|line| line.contains("AF_INET") || line.contains(" connect(")).collect()
}

#[test]
fn a_connection_in_a_trace_is_seen() {
    let trace = "7 socketpair(AF_UNIX, SOCK_SEQPACKET, 0, [3, 4]) = 0\n7 socket(AF_INET, SOCK_STREAM, 0) = 3\n";
    assert_eq!(connections(trace), ["7 socket(AF_INET, SOCK_STREAM, 0) = 3"]);
}

#[test]
fn no_package_that_is_built_in_knows_the_network() {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let built_in = packages_under("cargo-interlock", &lock);
    assert!(built_in.len() > 20, "{built_in:?}");
    assert_eq!(network_packages(&built_in), Vec::<String>::new());
    // The engine has sockets, so the list and the walk would see one.
    assert_ne!(network_packages(&packages_under("interlock-engine", &lock)), Vec::<String>::new());
}

/// The packages of a lock file that one of them is built with, itself included.
fn packages_under(root: &str, lock: &str) -> BTreeSet<String> {
    let lock: toml::Table = lock.parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let mut dependencies: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        let listed = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
        // Two versions of a package count as one: `name version`.
        let names = listed.filter_map(|name| name.as_str()?.split(' ').next());
        dependencies.entry(package["name"].as_str().unwrap()).or_default().extend(names);
    }
    let (mut found, mut waiting) = (BTreeSet::new(), vec![root]);
    while let Some(name) = waiting.pop() {
        if found.insert(name.to_owned()) {
            waiting.extend(dependencies.get(name).into_iter().flatten());
        }
    }
    found
}

fn network_packages(packages: &BTreeSet<String>) -> Vec<String> {
    const KNOWN: [&str; 10] =
        ["async-std", "curl", "hyper", "mio", "native-tls", "reqwest", "rustls", "socket2", "tokio", "ureq"];
    packages.iter().filter(|name| KNOWN.contains(&name.as_str())).cloned().collect()
}
