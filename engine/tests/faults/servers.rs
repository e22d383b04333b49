//! Servers as processes, each with its folder, its ports and what it is started through.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use interlock_engine::client::{Client, ClientOptions};
use interlock_engine::core::config::StreamConfig;
use interlock_engine::core::names::ServerId;
use serde_json::Value;

use crate::publishers::Publisher;
use crate::{until, within};

const ENGINE: &str = env!("CARGO_BIN_EXE_interlock-engine");
/// Elections in well under a second.
const QUICK: &str = "[timing]\ntick_ms = 25\nheartbeat_ms = 100\nelection_min_ms = 400\nelection_max_ms = 900\n";
/// How far the ports of peers and pages are above those of clients.
const PEERS_ABOVE: u16 = 100;
const HTTP_ABOVE: u16 = 200;

/// What a server is started through: a command that the server's own is added to.
pub(crate) type Through = Vec<String>;

/// As it is.
pub(crate) fn directly() -> Through {
    Vec::new()
}

struct Node {
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

/// One server or three. They are killed when this is dropped.
pub(crate) struct Servers {
    folder: PathBuf,
    nodes: Vec<Node>,
    /// The bug that is put back in all of them.
    pub(crate) mutation: Option<&'static str>,
}

impl Servers {
    /// The folders and configurations of so many servers that do not run yet.
    pub(crate) fn lay_out(name: &str, n_servers: u16, block_bytes: u64) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults").join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        let first = free_ports();
        let mut nodes = Vec::new();
        for at in 0..n_servers {
            let node = Node { folder: folder.join(format!("s{}", at + 1)), port: first + at, child: None };
            std::fs::create_dir_all(node.folder.join("data")).unwrap();
            let file = node.folder.join("engine.toml");
            std::fs::write(file, configuration(at, n_servers, first, block_bytes)).unwrap();
            nodes.push(node);
        }
        Self { folder, nodes, mutation: None }
    }

    /// The folder of a server's data. Servers are numbered from 1.
    pub(crate) fn data(&self, server: usize) -> PathBuf {
        self.nodes[server - 1].folder.join("data")
    }

    /// A block file of the only stream of the first server.
    pub(crate) fn block_of_only_stream(&self, number: u32) -> PathBuf {
        let mut folders = std::fs::read_dir(self.data(1).join("streams")).unwrap();
        folders.next().unwrap().unwrap().path().join(format!("{number}.blk"))
    }

    /// Starts a server.
    pub(crate) fn start(&mut self, server: usize, through: &Through) {
        let node = &mut self.nodes[server - 1];
        let words = through.iter().map(String::as_str).chain([ENGINE, "--log", "warn", "serve", "--config"]);
        let words: Vec<&str> = words.collect();
        let log = File::options().create(true).append(true).open(node.folder.join("log")).unwrap();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(node.folder.join("engine.toml"));
        if let Some(mutation) = self.mutation {
            command.env(interlock_engine::mutation::VARIABLE, mutation);
        }
        node.child = Some(command.stdin(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// Starts all of them and waits until they are well.
    #[track_caller]
    pub(crate) fn start_all(&mut self, through: &Through) {
        for server in 1..=self.nodes.len() {
            self.start(server, through);
        }
        self.until_well();
    }

    /// Ends a server as a failing power supply does, as far as the process can tell.
    pub(crate) fn kill(&mut self, server: usize) {
        let mut child = self.nodes[server - 1].child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends a signal to a server.
    #[track_caller]
    pub(crate) fn signal(&self, server: usize, signal: &str) {
        let process = self.nodes[server - 1].child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }

    /// A client of all servers.
    pub(crate) fn client(&self) -> Client {
        let addresses = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        Client::new(ClientOptions { timeout: Duration::from_secs(5), ..ClientOptions::new(addresses) })
    }

    /// A new stream and its publisher.
    pub(crate) async fn stream(
        &self,
        name: &str,
        replicas: u8,
        leader: Option<u64>,
        payload_bytes: usize,
    ) -> Publisher {
        let (client, name) = (self.client(), name.to_owned());
        let config = StreamConfig {
            name: name.clone(),
            subjects: vec![format!("{name}.>")],
            replicas,
            duplicate_window: Duration::from_secs(600),
            ..StreamConfig::default()
        };
        client.create_stream(config).await.unwrap();
        let wanted = leader.map(ServerId);
        while wanted.is_some() && client.stream_info(&name).await.unwrap().cluster.leader != wanted {
            // The wish counts only for a member that has everything.
            let _may_be_early = client.step_down_stream(&name, wanted).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Publisher::new(client, &name, "p", payload_bytes)
    }

    /// A page of a server: its status and its body, unless it does not answer.
    pub(crate) fn page(&self, server: usize, path: &str) -> Option<(u16, String)> {
        let address = format!("127.0.0.1:{}", self.nodes[server - 1].port + HTTP_ABOVE);
        let mut stream = TcpStream::connect(&address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// A gauge of a server.
    pub(crate) fn gauge(&self, server: usize, name: &str) -> Option<u64> {
        let (_, text) = self.page(server, "/metrics")?;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// What runs on a server.
    #[track_caller]
    pub(crate) fn jsz(&self, server: usize) -> Value {
        let (_, text) = self.page(server, "/jsz?streams=1").expect("the server answers");
        serde_json::from_str(&text).unwrap()
    }

    /// What health says of a server.
    fn health(&self, server: usize) -> Option<(u16, String)> {
        self.page(server, "/healthz?details=true")
    }

    fn is_well(&self, server: usize) -> bool {
        self.health(server).is_some_and(|(status, _)| status == 200)
    }

    /// Waits until health is red and says all of this.
    #[track_caller]
    pub(crate) fn until_red(&self, server: usize, words: &[&str]) {
        let says_all = |(status, text): &(u16, String)| *status == 503 && words.iter().all(|word| text.contains(word));
        let found = within(crate::LIMIT, || self.health(server).filter(says_all));
        assert!(found.is_some(), "s{server} does not say {words:?}: {:?}", self.health(server));
    }

    /// Waits until all servers are well.
    #[track_caller]
    pub(crate) fn until_well(&self) {
        let all_well = || (1..=self.nodes.len()).all(|server| self.is_well(server)).then_some(());
        let state = || (1..=self.nodes.len()).map(|server| self.health(server)).collect::<Vec<_>>();
        assert!(within(crate::LIMIT, all_well).is_some(), "not well: {:?}", state());
    }

    /// Waits until the copies of a stream on all servers have this many messages.
    #[track_caller]
    pub(crate) fn until_all_have(&self, stream: &str, n_messages: usize) {
        for server in 1..=self.nodes.len() {
            until(&format!("{n_messages} messages on s{server}"), || {
                let jsz = self.jsz(server);
                let detail = jsz["stream_detail"].as_array()?.iter().find(|detail| detail["name"] == stream)?;
                (detail["state"]["messages"] == n_messages).then_some(())
            });
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in 1..=self.nodes.len() {
            if self.nodes[server - 1].child.is_some() {
                self.kill(server);
            }
        }
        if !std::thread::panicking() {
            let _kept = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn configuration(at: u16, n_servers: u16, first: u16, block_bytes: u64) -> String {
    let address = |at: u16, above: u16| format!("127.0.0.1:{}", first + at + above);
    let (clients, peers, http) = (address(at, 0), address(at, PEERS_ABOVE), address(at, HTTP_ABOVE));
    let mut text = format!("server = {}\ncluster = 'faults'\ndata = 'data'\n", at + 1);
    text += &format!("[listen]\nclients = '{clients}'\npeers = '{peers}'\nhttp = '{http}'\n");
    text += &format!("[store]\nblock_bytes = {block_bytes}\nanswer_failed_writes = true\n{QUICK}");
    if n_servers > 1 {
        text += "[peers]\n";
        text.extend((0..n_servers).map(|peer| format!("{} = '{}'\n", peer + 1, address(peer, PEERS_ABOVE))));
    }
    text
}

/// A port with which those of three servers are free: three each, at 0, 100 and 200 above. Each call begins to look at
/// another one, and all are below those that systems give to outgoing connections.
fn free_ports() -> u16 {
    static N_CALLS: AtomicU16 = AtomicU16::new(0);
    /// So many threes are below a hundred.
    const N_PLACES: u16 = 33;
    let call = N_CALLS.fetch_add(1, Ordering::Relaxed);
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let first = 20_000 + u16::try_from(std::process::id() % 40).unwrap() * 300;
    let mut candidates = (0..N_PLACES).map(|step| first + (call + step) % N_PLACES * 3);
    candidates.find(|port| [0, 100, 200].iter().all(|above| (0..3).all(|node| is_free(port + above + node)))).unwrap()
}
