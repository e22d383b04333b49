//! A raft group of some servers in one process: simulated disks, a network with faults, a log of all messages, and a
//! state machine per server that records what it was given.
#![allow(dead_code, reason = "scenarios use what they need of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use interlock_engine::core::names::{GroupName, ServerId};
use interlock_engine::core::write_error::WriteError;
use interlock_engine::disk::{Disk, SimulatedDisk};
use interlock_engine::raft::eraftpb::{Message, MessageType};
use interlock_engine::raft::{
    Apply, ApplyQueue, CheckpointRefused, GroupOptions, Limits, Network, Node, NodeContext, NodeHost, Reactions, Role,
    Status, Timing, codec,
};
use interlock_sync::random::Random;

use crate::harness::Outcome;

/// Times and rates of the network. Percentages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) delay_ms: (u64, u64),
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
}

pub(crate) const FAIR: Weather = Weather { delay_ms: (1, 3), lost: 0, doubled: 0 };

struct Wires {
    random: Random,
    weather: Weather,
    cut: BTreeSet<(u64, u64)>,
    nodes: BTreeMap<u64, Node>,
    sent: Vec<Message>,
}

/// The network of a world: everything that is sent is encoded, logged, and arrives later, twice or never.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Mutex<Wires>>);

impl Network for Wire {
    fn send(&self, to: ServerId, _group: &GroupName, message: Message) {
        let bytes = Bytes::from(codec::encode(&message));
        let mut wires = self.0.lock().unwrap();
        let link = (message.from, to.0);
        wires.sent.push(message);
        let weather = wires.weather;
        if wires.cut.contains(&link) || wires.random.chance(weather.lost) {
            return;
        }
        let n_copies = 1 + u64::from(wires.random.chance(weather.doubled));
        for _ in 0..n_copies {
            let (low, high) = weather.delay_ms;
            let delay = Duration::from_millis(low + wires.random.below(high - low + 1));
            let (wire, bytes) = (self.clone(), bytes.clone());
            let _arriving = tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                wire.arrive(link, &bytes);
            });
        }
    }
}

impl Wire {
    fn arrive(&self, link: (u64, u64), bytes: &Bytes) {
        let wires = self.0.lock().unwrap();
        if let Some(node) = wires.nodes.get(&link.1).filter(|_| !wires.cut.contains(&link)) {
            node.step(codec::decode(bytes).unwrap());
        }
    }

    /// All messages of a kind that a server sent so far.
    pub(crate) fn sent(&self, from: u64, kind: MessageType) -> Vec<Message> {
        let wires = self.0.lock().unwrap();
        wires.sent.iter().filter(|m| m.from == from && m.get_msg_type() == kind).cloned().collect()
    }

    pub(crate) fn all_sent(&self) -> Vec<Message> {
        self.0.lock().unwrap().sent.clone()
    }

    /// Cuts both directions between a server and the others.
    pub(crate) fn isolate(&self, server: u64) {
        let mut wires = self.0.lock().unwrap();
        for other in 1..=9 {
            wires.cut.extend([(server, other), (other, server)]);
        }
    }

    pub(crate) fn cut(&self, from: u64, to: u64) {
        self.0.lock().unwrap().cut.insert((from, to));
    }

    pub(crate) fn heal(&self) {
        self.0.lock().unwrap().cut.clear();
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.0.lock().unwrap().weather = weather;
    }
}

/// What a server's engine was told of write errors, whether the node was closed by then, and how often a snapshot was in
/// progress then.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<(WriteError, bool)>>>, Arc<Mutex<Option<Node>>>, Arc<Mutex<usize>>);

impl Reactions for Told {
    fn on_write_error(&self, _group: &GroupName, error: &WriteError) {
        let is_closed = self.1.lock().unwrap().as_ref().is_some_and(Node::is_closed);
        self.0.lock().unwrap().push((error.clone(), is_closed));
        let refused = self.1.lock().unwrap().as_ref().and_then(|node| node.checkpoint(false).err());
        *self.2.lock().unwrap() += usize::from(refused == Some(CheckpointRefused::InProgress));
    }
}

impl Told {
    pub(crate) fn errors(&self) -> Vec<(WriteError, bool)> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn n_in_progress(&self) -> usize {
        *self.2.lock().unwrap()
    }
}

/// What a state machine has taken in since it started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applied {
    /// Everything it was given, in order.
    pub(crate) given: Vec<Apply>,
    /// Its state: the data of all entries, the snapshot's included.
    pub(crate) data: Vec<(u64, Bytes)>,
    pub(crate) index: u64,
    pub(crate) has_recovered: bool,
    /// What the node showed when each entry was delivered.
    pub(crate) shown: BTreeMap<u64, Status>,
}

impl Applied {
    fn take(&mut self, apply: Apply) {
        self.given.push(apply.clone());
        self.index = apply.index().unwrap_or(self.index);
        match apply {
            Apply::Entry { index, data, .. } if !data.is_empty() => self.data.push((index, data)),
            Apply::Snapshot { data, .. } => self.data = decode_state(&data),
            Apply::RecoveryDone => self.has_recovered = true,
            Apply::Entry { .. } | Apply::Members { .. } => {}
        }
    }

    /// The state as a snapshot.
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = Vec::new();
        for (index, data) in &self.data {
            bytes.extend_from_slice(&index.to_le_bytes());
            bytes.extend_from_slice(&(data.len() as u64).to_le_bytes());
            bytes.extend_from_slice(data);
        }
        bytes.into()
    }

    pub(crate) fn n_snapshots(&self) -> usize {
        self.given.iter().filter(|apply| matches!(apply, Apply::Snapshot { .. })).count()
    }
}

fn decode_state(bytes: &Bytes) -> Vec<(u64, Bytes)> {
    let (mut at, mut data) = (0, Vec::new());
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    while at < bytes.len() {
        let end = at + 16 + usize::try_from(number(at + 8)).unwrap();
        data.push((number(at), bytes.slice(at + 16..end)));
        at = end;
    }
    data
}

/// A server of the world.
pub(crate) struct Server {
    pub(crate) node: Node,
    pub(crate) disk: SimulatedDisk,
    pub(crate) told: Told,
    pub(crate) applied: Arc<Mutex<Applied>>,
}

/// The group.
pub(crate) struct World {
    pub(crate) servers: BTreeMap<u64, Server>,
    pub(crate) wire: Wire,
    pub(crate) host: NodeHost,
    pub(crate) limits: Limits,
    pub(crate) seed: u64,
    disks: BTreeMap<u64, SimulatedDisk>,
    voters: Vec<ServerId>,
}

pub(crate) fn timing() -> Timing {
    Timing { tick: Duration::from_millis(100), heartbeat_ticks: 10, election_ticks: 40..90, ..Timing::default() }
}

pub(crate) fn small_limits() -> Limits {
    Limits { segment_bytes: 16 << 10, recent_bytes: 4 << 10, kept_entries: 8, ..Limits::default() }
}

pub(crate) fn folder() -> PathBuf {
    PathBuf::from("/raft/g")
}

impl World {
    /// A world whose servers are not started yet.
    pub(crate) fn new(n_voters: u64, host: NodeHost, seed: u64) -> Self {
        let wires = Wires {
            random: Random::from_seed(seed),
            weather: FAIR,
            cut: BTreeSet::new(),
            nodes: BTreeMap::new(),
            sent: Vec::new(),
        };
        Self {
            servers: BTreeMap::new(),
            wire: Wire(Arc::new(Mutex::new(wires))),
            host,
            limits: small_limits(),
            seed,
            disks: BTreeMap::new(),
            voters: (1..=n_voters).map(ServerId).collect(),
        }
    }

    /// A world whose voters are started.
    pub(crate) async fn started(n_voters: u64, host: NodeHost, seed: u64) -> Self {
        let mut world = Self::new(n_voters, host, seed);
        for server in 1..=n_voters {
            world.start(server).await.unwrap();
        }
        world
    }

    pub(crate) fn disk(&mut self, server: u64) -> SimulatedDisk {
        self.disks.entry(server).or_default().clone()
    }

    fn options(&self, server: u64) -> GroupOptions {
        let voters = if self.voters.contains(&ServerId(server)) { self.voters.clone() } else { Vec::new() };
        let mut options = GroupOptions::new(GroupName::new("g"), ServerId(server), voters, folder());
        options.host = self.host;
        options.timing = timing();
        options.limits = self.limits.clone();
        options.seed = self.seed;
        options
    }

    /// Starts a server, or starts it again, with an empty state machine.
    pub(crate) async fn start(&mut self, server: u64) -> Result<(), WriteError> {
        let disk = self.disk(server);
        let told = Told::default();
        let context = NodeContext {
            disk: Disk::in_place(Arc::new(disk.clone())),
            network: Arc::new(self.wire.clone()),
            reactions: Arc::new(told.clone()),
        };
        let (node, queue) = Node::start(self.options(server), context).await?;
        *told.1.lock().unwrap() = Some(node.clone());
        self.wire.0.lock().unwrap().nodes.insert(server, node.clone());
        let applied = Arc::new(Mutex::new(Applied::default()));
        let _machine = tokio::spawn(run(queue, node.clone(), applied.clone()));
        self.servers.insert(server, Server { node, disk, told, applied });
        Ok(())
    }

    /// Ends a server as a loss of power does.
    pub(crate) async fn crash(&mut self, server: u64, random: &mut Random) {
        let crashed = self.servers.remove(&server).unwrap();
        crashed.disk.power_off(random);
        self.wire.0.lock().unwrap().nodes.remove(&server);
        crashed.node.stop().await;
        crashed.disk.power_on();
        crashed.disk.heal();
    }

    /// Ends a server orderly.
    pub(crate) async fn stop(&mut self, server: u64) {
        let stopped = self.servers.remove(&server).unwrap();
        self.wire.0.lock().unwrap().nodes.remove(&server);
        stopped.node.stop().await;
    }

    pub(crate) fn node(&self, server: u64) -> &Node {
        &self.servers[&server].node
    }

    pub(crate) fn applied(&self, server: u64) -> Applied {
        self.servers[&server].applied.lock().unwrap().clone()
    }

    /// The leader of the highest term, if one is known.
    pub(crate) fn leader(&self) -> Option<u64> {
        let leaders = self.servers.iter().filter(|(_, server)| server.node.status().role == Role::Leader);
        leaders.max_by_key(|(_, server)| server.node.status().term).map(|(id, _)| *id)
    }

    /// Waits for a leader that everybody who is running follows.
    pub(crate) async fn elect(&self) -> u64 {
        for _ in 0..6000 {
            let follows =
                |leader| self.servers.values().all(|server| server.node.status().leader == Some(ServerId(leader)));
            match self.leader() {
                Some(leader) if follows(leader) => return leader,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        panic!("no leader within a minute");
    }

    /// Waits for a leader that a majority of its own members follows.
    pub(crate) async fn elect_among_members(&self) -> u64 {
        for _ in 0..6000 {
            if let Some(leader) = self.leader() {
                let voters = self.node(leader).status().voters;
                let of = |voter: &&ServerId| self.servers.get(&voter.0).map(|server| server.node.status().leader);
                let n_following = voters.iter().filter(|voter| of(voter) == Some(Some(ServerId(leader)))).count();
                if n_following * 2 > voters.len() {
                    return leader;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no leader within a minute");
    }

    /// Proposes on the leader and waits until it has applied the entry: its index.
    pub(crate) async fn write(&self, data: impl Into<Bytes>) -> Option<u64> {
        let leader = self.leader()?;
        let data = data.into();
        let proposed = self.node(leader).propose(None, data.clone()).await.ok()?;
        self.applies(leader, proposed.index, Duration::from_secs(30)).await.then_some(proposed.index)
    }

    /// Whether a server applies up to an index within this time.
    pub(crate) async fn applies(&self, server: u64, index: u64, within: Duration) -> bool {
        let applied = &self.servers[&server].applied;
        let until = tokio::time::Instant::now() + within;
        while applied.lock().unwrap().index < index {
            if tokio::time::Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }
}

/// Runs a scenario with a node that its driver owns, and with one behind a lock.
pub(crate) async fn with_both_hosts<F: Future<Output = Outcome>>(scenario: impl Fn(NodeHost) -> F) -> Outcome {
    for host in [NodeHost::Actor, NodeHost::SharedLock] {
        scenario(host).await.map_err(|symptom| format!("{host:?}: {symptom}"))?;
    }
    Ok(())
}

/// A pause of virtual time.
pub(crate) async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

async fn run(mut queue: ApplyQueue, node: Node, applied: Arc<Mutex<Applied>>) {
    while let Some(applies) = queue.pop_all().await {
        for apply in applies {
            if let Some(index) = apply.index() {
                applied.lock().unwrap().shown.insert(index, node.status());
            }
            applied.lock().unwrap().take(apply);
        }
        node.applied(applied.lock().unwrap().index);
    }
}
