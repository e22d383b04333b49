//! Servers as processes: a cluster that loses its leader to kill -9, and the order of a start.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const ENGINE: &str = env!("CARGO_BIN_EXE_interlock-engine");
/// Far longer than any step takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A running `cluster` with what it has printed.
struct Cluster {
    child: Child,
    printed: mpsc::Receiver<String>,
    seen: Vec<String>,
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    /// A cluster of three, with quick elections, in a folder of its own.
    fn start(name: &str, mutation: Option<&str>) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        let port = free_ports();
        let mut command = Command::new(ENGINE);
        command.args(["--log", "warn", "cluster", "--quick", "--restart", "--port", &port.to_string(), "--dir"]);
        command.arg(&folder).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(mutation) = mutation {
            command.env("INTERLOCK_MUTATION", mutation);
        }
        let mut child = command.spawn().unwrap();
        let printed = lines_of(child.stdout.take().unwrap());
        Self { child, printed, seen: Vec::new(), folder, port }
    }

    /// Waits for a line that contains this text.
    fn line_with(&mut self, text: &str, limit: Duration) -> Option<String> {
        self.line_where(|line| line.contains(text), limit)
    }

    fn line_where(&mut self, fits: impl Fn(&str) -> bool, limit: Duration) -> Option<String> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(line) = self.seen.iter().rev().find(|line| fits(line)) {
                return Some(line.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            self.seen.push(self.printed.recv_timeout(left).ok()?);
        }
    }

    #[track_caller]
    fn expect_line(&mut self, text: &str) -> String {
        let line = self.line_with(text, LIMIT);
        line.unwrap_or_else(|| panic!("`{text}` never came; printed: {:#?}", self.seen))
    }

    /// A client's command, which must succeed: what it prints.
    #[track_caller]
    fn client(&self, args: &[&str]) -> String {
        let servers: Vec<String> = (0..3).map(|node| format!("127.0.0.1:{}", self.port + node)).collect();
        client(args, &servers.join(","))
    }

    /// The process of a server that leads a stream, and the server.
    fn leader_of(&mut self, stream: &str) -> (String, String) {
        let info = self.client(&["stream", "info", stream]);
        let leader = info.lines().find_map(|line| line.strip_prefix("leader")).unwrap().trim().to_owned();
        let started = self.expect_line(&format!("{leader} runs as process "));
        (leader, started.rsplit(' ').next().unwrap().to_owned())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its children end with it: their stdin ends.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
        let _kept = std::fs::remove_dir_all(&self.folder);
    }
}

/// A client's command, which must succeed: what it prints.
#[track_caller]
fn client(args: &[&str], servers: &str) -> String {
    let mut command = Command::new(ENGINE);
    command.args(["--log", "error"]).args(args).args(["--servers", servers]);
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn lines_of(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A port with which those of three nodes are free: three each, at 0, 100 and 200 above. No two calls give the same, and
/// all are below those that systems give to outgoing connections.
fn free_ports() -> u16 {
    static N_CALLS: AtomicU16 = AtomicU16::new(0);
    let call = N_CALLS.fetch_add(1, Ordering::Relaxed);
    let is_free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let spread = u16::try_from(std::process::id() % 40).unwrap() * 300 + call * 10;
    let mut candidates = (0..5_u16).map(|step| 20_000 + spread + step * 2);
    candidates.find(|port| [0, 100, 200].iter().all(|above| (0..3).all(|node| is_free(port + above + node)))).unwrap()
}

fn kill(signal: &str, process: &str) {
    assert!(Command::new("kill").args([signal, process]).status().unwrap().success());
}

#[test]
fn nothing_acknowledged_is_lost_when_the_leader_is_killed() {
    let mut cluster = Cluster::start("killed-leader", None);
    cluster.expect_line("ready after");
    cluster.client(&["stream", "add", "ORDERS", "--replicas", "3"]);
    let first = cluster.client(&["publish", "ORDERS", "--count", "2000"]);
    assert!(first.starts_with("2000 of 2000 acknowledged"), "{first}");
    let (leader, process) = cluster.leader_of("ORDERS");
    kill("-9", &process);
    cluster.expect_line(&format!("{leader} was killed (signal 9)"));
    cluster.client(&["publish", "ORDERS", "--stream", "ORDERS", "--count", "1"]);
    let verified = cluster.client(&["get", "ORDERS", "--verify", "2000"]);
    assert!(verified.starts_with("2000 messages are there, in order, each once"), "{verified}");
    assert!(verified.contains("1 more in the stream"), "{verified}");
    let is_restart = |line: &str| line.starts_with(&format!("{leader} runs as")) && !line.ends_with(&process);
    assert!(cluster.line_where(is_restart, LIMIT).is_some(), "{leader} is not started again");
    let interrupt = cluster.child.id().to_string();
    kill("-INT", &interrupt);
    for server in ["s1", "s2", "s3"] {
        cluster.expect_line(&format!("{server} has ended"));
    }
    assert!(cluster.child.wait().unwrap().success());
}

/// Listeners that wait for a leader leave the cluster without one.
#[test]
fn s_106_a_cluster_gets_no_leader_when_listeners_wait_for_one() {
    let mut cluster = Cluster::start("listeners-wait", Some("M-117"));
    assert_eq!(cluster.line_with("ready after", Duration::from_secs(5)), None);
}

/// A server that stands alone, as a process.
struct Alone {
    child: Child,
    clients: String,
}

impl Alone {
    fn start(folder: &Path, port: u16) -> Self {
        let clients = format!("127.0.0.1:{port}");
        let file = folder.join("engine.toml");
        let listen =
            format!("clients = '{clients}'\npeers = '127.0.0.1:{}'\nhttp = '127.0.0.1:{}'", port + 100, port + 200);
        std::fs::write(&file, format!("server = 1\ndata = 'data'\n[listen]\n{listen}\n")).unwrap();
        let mut command = Command::new(ENGINE);
        command.args(["--log", "warn", "serve", "--config"]).arg(&file).stderr(Stdio::null());
        Self { child: command.spawn().unwrap(), clients }
    }

    #[track_caller]
    fn client(&self, args: &[&str]) -> String {
        client(args, &self.clients)
    }

    /// Asks it to end, and waits.
    fn terminate(mut self) -> ExitStatus {
        kill("-TERM", &self.child.id().to_string());
        self.child.wait().unwrap()
    }
}

#[test]
fn a_server_that_is_asked_to_end_ends_well_and_has_everything_after() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("alone");
    let _there_or_not = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let port = free_ports();
    let first = Alone::start(&folder, port);
    first.client(&["stream", "add", "ORDERS"]);
    first.client(&["publish", "ORDERS", "--count", "500"]);
    assert_eq!(first.terminate().code(), Some(0));
    let second = Alone::start(&folder, port);
    let verified = second.client(&["consume", "ORDERS", "--consumer", "C", "--verify", "500"]);
    assert!(verified.starts_with("500 messages came, in order, each once"), "{verified}");
    assert_eq!(second.client(&["stream", "ls"]), "ORDERS\n");
    assert_eq!(second.terminate().code(), Some(0));
}

#[test]
fn a_configuration_error_names_the_file_and_the_key() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("bad-engine.toml");
    std::fs::write(&file, "server = 1\ndata = 'd'\nclutser = 'x'\n").unwrap();
    let output = Command::new(ENGINE).arg("serve").arg("--config").arg(&file).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    for part in ["error: ", "bad-engine.toml", "line 3", "did you mean `cluster`?"] {
        assert!(error.contains(part), "{part:?} is missing in: {error}");
    }
}
