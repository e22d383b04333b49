//! The configuration file of a server: `engine.example.toml` shows all of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use interlock_sync::time::Duration;
use serde::Deserialize;
use thiserror::Error;

use crate::core::names::ServerId;

/// Longest time that a file may give: an hour.
const DURATION_MS_MAX: u64 = 3_600_000;

/// Why a configuration is refused: the file, and in it the key.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("failed to read {}: {error}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// It is no TOML, or has a key that there is not, or a value of another kind.
    #[error("{}: {problem}", .file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What and where, with a suggestion where something similar exists.
        problem: String,
    },
    /// A value that cannot be.
    #[error("{}: `{key}`: {problem}", .file.display())]
    Value {
        /// The file.
        file: PathBuf,
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// The configuration of a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// This server's number, from 1.
    pub server: u64,
    /// The cluster's name.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// Folder of all data; from the file's own folder where it is relative.
    pub data: PathBuf,
    /// Where it listens.
    #[serde(default)]
    pub listen: Listen,
    /// Numbers and addresses of the servers of the cluster, this one included or not.
    #[serde(default)]
    pub peers: BTreeMap<String, String>,
    /// Lengths of time.
    #[serde(default)]
    pub timing: Timing,
    /// How messages are kept.
    #[serde(default)]
    pub store: Store,
    /// Bounds of connections.
    #[serde(default)]
    pub limits: Limits,
}

/// Addresses to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// For clients.
    pub clients: String,
    /// For other servers.
    pub peers: String,
    /// For operators.
    pub http: String,
}

/// Lengths of time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// Length of a tick: the others are counted in ticks, and rounded up.
    pub tick_ms: u64,
    /// Between two heartbeats of a leader.
    pub heartbeat_ms: u64,
    /// Without a leader for at least so long, a server campaigns.
    pub election_min_ms: u64,
    /// And for at most so long.
    pub election_max_ms: u64,
    /// Between two heartbeats to another server, which say what is led here.
    pub peer_heartbeat_ms: u64,
    /// A server, or what it leads, that is silent for so long counts as dead.
    pub peer_silence_ms: u64,
}

/// How messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// Bytes of a block file after which the next one begins.
    pub block_bytes: u64,
    /// Whether a stream of one replica is synced in each call that changes it.
    pub sync_always: bool,
    /// Whether a publisher to a stream of one replica is told of a failed write. Otherwise nobody answers.
    pub answer_failed_writes: bool,
}

/// Bounds of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Clients at the same time.
    pub clients: usize,
    /// Requests of one client that are not answered yet.
    pub in_flight: usize,
    /// Frames that wait for one server.
    pub peer_queue_frames: usize,
    /// Bytes that wait for one server.
    pub peer_queue_bytes: usize,
}

fn default_cluster() -> String {
    "interlock".to_owned()
}

impl Default for Listen {
    fn default() -> Self {
        let [clients, peers, http] = ["127.0.0.1:7401", "127.0.0.1:7501", "127.0.0.1:7601"].map(str::to_owned);
        Self { clients, peers, http }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            tick_ms: 100,
            heartbeat_ms: 1000,
            election_min_ms: 4000,
            election_max_ms: 9000,
            peer_heartbeat_ms: 10_000,
            peer_silence_ms: 30_000,
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self { block_bytes: 8 << 20, sync_always: false, answer_failed_writes: false }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { clients: 1024, in_flight: 4096, peer_queue_frames: 8192, peer_queue_bytes: 256 << 20 }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, or says something that cannot be.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let unreadable = |error| ConfigError::Unreadable { file: file.to_owned(), error };
        Self::parse(&std::fs::read_to_string(file).map_err(unreadable)?, file)
    }

    /// The configuration that a text gives; the file is named in errors, and its folder is where paths begin.
    ///
    /// # Errors
    /// The text says something that cannot be.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|error| malformed(file, &error))?;
        if let Some((key, problem)) = config.refusal() {
            return Err(ConfigError::Value { file: file.to_owned(), key, problem });
        }
        config.data = file.parent().unwrap_or(Path::new("")).join(&config.data);
        Ok(config)
    }

    /// This server.
    pub fn id(&self) -> ServerId {
        ServerId(self.server)
    }

    /// The other servers.
    pub fn others(&self) -> BTreeMap<ServerId, String> {
        let others = self.peers.iter().filter_map(|(number, address)| Some((id_of(number)?, address.clone())));
        others.filter(|(id, _)| *id != self.id()).collect()
    }

    /// All servers of the cluster, in order.
    pub fn servers(&self) -> Vec<ServerId> {
        let mut servers: Vec<ServerId> = self.others().into_keys().chain([self.id()]).collect();
        servers.sort();
        servers
    }

    /// The first key whose value cannot be, and why.
    fn refusal(&self) -> Option<(String, String)> {
        let refuse = |key: &str, problem: &str| Some((key.to_owned(), problem.to_owned()));
        if self.server == 0 {
            return refuse("server", "servers are numbered from 1");
        }
        if let Some(problem) = crate::core::names::refuse_name(&self.cluster) {
            return refuse("cluster", problem);
        }
        let Listen { clients, peers, http } = &self.listen;
        let listeners = [("listen.clients", clients), ("listen.peers", peers), ("listen.http", http)];
        if let Some((key, _)) = listeners.iter().find(|(_, address)| !is_address(address)) {
            return refuse(key, "an address is `host:port`");
        }
        if let Some((number, _)) = self.peers.iter().find(|(number, _)| id_of(number).is_none()) {
            return Some((format!("peers.{number}"), "servers are numbered from 1".to_owned()));
        }
        if let Some((number, _)) = self.peers.iter().find(|(_, address)| !is_address(address)) {
            return Some((format!("peers.{number}"), "an address is `host:port`".to_owned()));
        }
        self.timing.refusal().or_else(|| self.sizes_refusal())
    }

    fn sizes_refusal(&self) -> Option<(String, String)> {
        let Limits { clients, in_flight, peer_queue_frames, peer_queue_bytes } = self.limits;
        let sizes = [
            ("limits.clients", clients as u64, 1),
            ("limits.in_flight", in_flight as u64, 1),
            ("limits.peer_queue_frames", peer_queue_frames as u64, 16),
            ("limits.peer_queue_bytes", peer_queue_bytes as u64, 1 << 20),
            ("store.block_bytes", self.store.block_bytes, 32_000),
        ];
        let mut small = sizes.into_iter().filter(|(_, value, min)| value < min);
        small.next().map(|(key, value, min)| (key.to_owned(), format!("{value} is less than {min}")))
    }
}

impl Timing {
    fn refusal(&self) -> Option<(String, String)> {
        let Self { tick_ms, heartbeat_ms, election_min_ms, election_max_ms, peer_heartbeat_ms, peer_silence_ms } =
            *self;
        let rising = [
            ("timing.tick_ms", tick_ms, 1),
            ("timing.heartbeat_ms", heartbeat_ms, tick_ms),
            ("timing.election_min_ms", election_min_ms, 2 * heartbeat_ms.min(DURATION_MS_MAX)),
            ("timing.election_max_ms", election_max_ms, election_min_ms.saturating_add(tick_ms)),
            ("timing.peer_heartbeat_ms", peer_heartbeat_ms, 1),
            ("timing.peer_silence_ms", peer_silence_ms, 2 * peer_heartbeat_ms.min(DURATION_MS_MAX)),
        ];
        let mut bad = rising.into_iter().filter(|(_, value, min)| value < min || *value > DURATION_MS_MAX);
        bad.next().map(|(key, value, min)| (key.to_owned(), format!("{value} is not in {min}..={DURATION_MS_MAX}")))
    }

    /// Length of a tick.
    pub fn tick(&self) -> Duration {
        Duration::from_millis(self.tick_ms)
    }

    /// A number of milliseconds in ticks, at least one.
    pub fn ticks(&self, ms: u64) -> usize {
        usize::try_from(ms.div_ceil(self.tick_ms.max(1)).max(1)).unwrap_or(usize::MAX)
    }
}

fn id_of(number: &str) -> Option<ServerId> {
    number.parse().ok().filter(|number| *number != 0).map(ServerId)
}

fn is_address(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn malformed(file: &Path, error: &toml::de::Error) -> ConfigError {
    let mut problem = error.to_string().trim_end().to_owned();
    if let Some(near) = nearest_key(error.message()) {
        problem.push_str(&format!("\ndid you mean `{near}`?"));
    }
    ConfigError::Malformed { file: file.to_owned(), problem }
}

/// Of "unknown field `a`, expected one of `b`, `c`": the expected one that is most like the unknown one.
fn nearest_key(message: &str) -> Option<&str> {
    let quoted: Vec<&str> = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2).collect();
    let (unknown, known) = quoted.split_first()?;
    let scored = known.iter().map(|key| (strsim::damerau_levenshtein(unknown, key), *key));
    scored.filter(|(distance, _)| *distance <= 3).min().map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::{Config, Timing};
    use crate::core::names::ServerId;
    use std::path::Path;

    const LEAST: &str = "server = 1\ndata = 'd'\n";

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("conf/engine.toml")).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn is_refused(text: &str, expected: &[&str]) {
        let error = parse(text).expect_err("refused");
        for part in expected {
            assert!(error.contains(part), "{part:?} is missing in: {error}");
        }
    }

    #[test]
    fn the_example_is_valid_and_says_the_defaults() {
        let example = include_str!("../../engine.example.toml");
        let config = Config::parse(example, Path::new("engine.example.toml")).unwrap();
        let least = parse(LEAST).unwrap();
        assert_eq!((config.timing, config.store, config.limits), (least.timing, least.store, least.limits));
        assert_eq!((&config.listen, &config.cluster), (&least.listen, &least.cluster));
        assert_eq!(config.servers(), [ServerId(1), ServerId(2), ServerId(3)]);
        assert_eq!(config.others().len(), 2);
    }

    #[test]
    fn paths_begin_at_the_file() {
        assert_eq!(parse(LEAST).unwrap().data, Path::new("conf/d"));
        assert_eq!(parse("server = 1\ndata = '/d'\n").unwrap().data, Path::new("/d"));
    }

    #[test]
    fn an_unknown_key_is_named_with_the_file_the_line_and_a_suggestion() {
        is_refused(
            "server = 1\ndata = 'd'\nclutser = 'x'\n",
            &["conf/engine.toml", "line 3", "clutser", "did you mean `cluster`?"],
        );
        is_refused(&format!("{LEAST}[timing]\ntickms = 1\n"), &["line 4", "did you mean `tick_ms`?"]);
        is_refused(&format!("{LEAST}[listen]\nhttps = ''\n"), &["did you mean `http`?"]);
    }

    #[test]
    fn a_value_that_cannot_be_is_named_by_its_key() {
        is_refused("server = 0\ndata = 'd'\n", &["conf/engine.toml: `server`: servers are numbered from 1"]);
        is_refused("data = 'd'\n", &["missing field `server`"]);
        is_refused("server = 'one'\ndata = 'd'\n", &["invalid type", "line 1"]);
        is_refused(&format!("{LEAST}cluster = 'a b'\n"), &["`cluster`: a name may not contain spaces"]);
        is_refused(&format!("{LEAST}[listen]\nhttp = '7601'\n"), &["`listen.http`: an address is `host:port`"]);
        is_refused(&format!("{LEAST}[peers]\nx = 'a:1'\n"), &["`peers.x`: servers are numbered from 1"]);
        is_refused(&format!("{LEAST}[peers]\n2 = 'a'\n"), &["`peers.2`: an address is `host:port`"]);
        is_refused(&format!("{LEAST}[timing]\nheartbeat_ms = 50\n"), &["`timing.heartbeat_ms`: 50 is not in 100..="]);
        is_refused(&format!("{LEAST}[timing]\nelection_min_ms = 1500\n"), &["`timing.election_min_ms`"]);
        is_refused(
            &format!("{LEAST}[timing]\npeer_silence_ms = 15000\n"),
            &["`timing.peer_silence_ms`: 15000 is not in 20000..="],
        );
        is_refused(&format!("{LEAST}[limits]\nin_flight = 0\n"), &["`limits.in_flight`: 0 is less than 1"]);
    }

    #[test]
    fn times_are_rounded_up_to_ticks() {
        let timing = Timing { tick_ms: 100, ..Timing::default() };
        assert_eq!([0, 1, 100, 101, 4000].map(|ms| timing.ticks(ms)), [1, 1, 1, 2, 40]);
    }
}
