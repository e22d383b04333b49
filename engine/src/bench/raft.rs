//! How many entries a raft group of three agrees on: raft alone in memory, and whole nodes with a synced log each.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use interlock_sync::channel::watch;
use interlock_sync::task::JoinSet;
use interlock_sync::time::{Duration, Instant, sleep};
use raft::eraftpb::Message;
use raft::storage::MemStorage;
use raft::{Config, RawNode, StateRole};

use crate::core::names::{GroupName, ServerId};
use crate::core::write_error::WriteError;
use crate::disk::Disk;
use crate::raft::{ApplyQueue, GroupOptions, Network, Node, NodeContext, Reactions};

const N_NODES: u64 = 3;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Proposals that are under way at a time.
    pub window: usize,
    /// Bytes of an entry.
    pub entry_bytes: usize,
    /// How long.
    pub duration: Duration,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Proposals under way at a time.
    pub window: usize,
    /// Entries that the leader applied.
    pub n_entries: u64,
    /// Time that it took.
    pub duration: Duration,
    /// Half of the entries were applied within this time after they were proposed. Zero where it was not measured.
    pub p50: Duration,
    /// 99 of 100 were.
    pub p99: Duration,
    /// Syncs of the leader's log.
    pub n_syncs: u64,
}

impl Measured {
    /// Entries per second.
    pub fn rate(&self) -> f64 {
        self.n_entries as f64 / self.duration.as_secs_f64()
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_entry = self.n_syncs as f64 / self.n_entries.max(1) as f64;
        let (p50, p99) = (self.p50.as_micros(), self.p99.as_micros());
        write!(f, "{:>6} {:>12.0} {:>9} {:>9} {:>12.4}", self.window, self.rate(), p50, p99, per_entry)
    }
}

/// The columns of a [`Measured`] as it is displayed.
pub const COLUMNS: &str = "window    entries/s    p50 us    p99 us  syncs/entry";

/// Raft alone: three nodes on this thread, no disk, no tasks.
///
/// # Errors
/// Where raft refuses its configuration.
pub fn alone(load: Load) -> raft::Result<Measured> {
    let mut nodes = (1..=N_NODES).map(memory_node).collect::<raft::Result<Vec<_>>>()?;
    let (mut messages, mut n_pending, mut n_entries) = (Vec::new(), 0, 0);
    let data = vec![b'x'; load.entry_bytes];
    nodes[0].campaign()?;
    let mut started = Instant::now();
    while n_entries == 0 || started.elapsed() < load.duration {
        if nodes[0].raft.state == StateRole::Leader {
            for _ in n_pending..load.window {
                nodes[0].propose(Vec::new(), data.clone())?;
            }
            n_pending = load.window;
        }
        for node in &mut nodes {
            let n_applied = drain_readies(node, &mut messages);
            if node.raft.id == 1 && n_applied > 0 {
                if n_entries == 0 {
                    started = Instant::now();
                }
                n_entries += n_applied as u64;
                n_pending -= n_applied;
            }
        }
        for message in std::mem::take(&mut messages) {
            let to = usize::try_from(message.to - 1).unwrap_or(0);
            nodes[to].step(message)?;
        }
    }
    let (p50, p99) = (Duration::ZERO, Duration::ZERO);
    Ok(Measured { window: load.window, n_entries, duration: started.elapsed(), p50, p99, n_syncs: 0 })
}

fn memory_node(id: u64) -> raft::Result<RawNode<MemStorage>> {
    let config = Config {
        id,
        check_quorum: true,
        pre_vote: true,
        max_size_per_msg: 1 << 20,
        batch_append: true,
        ..Config::default()
    };
    let storage = MemStorage::new_with_conf_state(((1..=N_NODES).collect::<Vec<_>>(), Vec::new()));
    RawNode::new(&config, storage, &slog::Logger::root(slog::Discard, slog::o!()))
}

/// Handles what a node has ready: how many entries with data it applied.
fn drain_readies(node: &mut RawNode<MemStorage>, messages: &mut Vec<Message>) -> usize {
    let mut n_applied = 0;
    while node.has_ready() {
        let mut ready = node.ready();
        messages.extend(ready.take_messages());
        let mut committed = ready.take_committed_entries();
        if let Err(error) = node.raft.raft_log.store.wl().append(ready.entries()) {
            tracing::error!(%error, "the log in memory refuses entries");
        }
        if let Some(hard_state) = ready.hs() {
            node.raft.raft_log.store.wl().set_hardstate(hard_state.clone());
        }
        messages.extend(ready.take_persisted_messages());
        let mut light = node.advance(ready);
        messages.extend(light.take_messages());
        committed.extend(light.take_committed_entries());
        node.advance_apply();
        n_applied += committed.iter().filter(|entry| !entry.data.is_empty()).count();
        trim(node);
    }
    n_applied
}

/// Forgets old entries, as a snapshot would let us do.
fn trim(node: &RawNode<MemStorage>) {
    let applied = node.raft.raft_log.applied;
    let first = raft::Storage::first_index(&node.raft.raft_log.store).unwrap_or(applied);
    if applied < first + 600_000 {
        return;
    }
    if let Err(error) = node.raft.raft_log.store.wl().compact(applied - 300_000) {
        tracing::error!(%error, "the log in memory is not trimmed");
    }
}

/// The nodes, as they reach each other.
#[derive(Clone, Default)]
struct Neighbours(Arc<[OnceLock<Node>; N_NODES as usize]>);

impl Network for Neighbours {
    fn send(&self, to: ServerId, _group: &GroupName, message: Message) {
        let place = usize::try_from(to.0 - 1).ok().and_then(|at| self.0.get(at));
        if let Some(node) = place.and_then(OnceLock::get) {
            node.step(message);
        }
    }
}

struct Silence;

impl Reactions for Silence {
    fn on_write_error(&self, _group: &GroupName, error: &WriteError) {
        tracing::error!(%error, "the measurement fails");
    }
}

/// Three whole nodes in this process, each with its log in a folder inside this one. Every entry is synced by a
/// majority before it counts. The folders are removed afterwards.
///
/// # Errors
/// Where a node does not start, or none leads within half a minute.
pub async fn group(folder: &Path, load: Load) -> io::Result<Measured> {
    let neighbours = Neighbours::default();
    let mut leader_queue = None;
    for server in 1..=N_NODES {
        let (node, queue) = start(folder, server, neighbours.clone()).await.map_err(io::Error::other)?;
        neighbours.0[usize::try_from(server - 1).unwrap_or(0)].get_or_init(|| node.clone());
        match server {
            1 => leader_queue = Some((node, queue)),
            _ => drop(interlock_sync::task::spawn(apply(node, queue, watch::Sender::new(0)))),
        }
    }
    let (leader, queue) = leader_queue.ok_or_else(|| io::Error::other("there are no nodes"))?;
    let (applied, progress) = watch::channel(0);
    // Ends with its node.
    drop(interlock_sync::task::spawn(apply(leader.clone(), queue, applied)));
    lead(&leader).await?;
    let n_syncs = leader.n_syncs();
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..load.window {
        workers.spawn(work(leader.clone(), progress.clone(), load, started));
    }
    let mut latencies = Vec::new();
    while let Some(worked) = workers.join_next().await {
        latencies.append(&mut worked.map_err(io::Error::other)?);
    }
    let duration = started.elapsed();
    let n_syncs = leader.n_syncs() - n_syncs;
    for node in neighbours.0.iter().filter_map(OnceLock::get) {
        node.delete().await.map_err(io::Error::other)?;
    }
    latencies.sort_unstable();
    let at = |share: usize| latencies.get(latencies.len() * share / 100).copied().unwrap_or_default();
    let n_entries = latencies.len() as u64;
    Ok(Measured { window: load.window, n_entries, duration, p50: at(50), p99: at(99), n_syncs })
}

async fn start(folder: &Path, server: u64, neighbours: Neighbours) -> Result<(Node, ApplyQueue), WriteError> {
    let voters = (1..=N_NODES).map(ServerId).collect();
    let own = folder.join(format!("raft-{server}"));
    let options = GroupOptions::new(GroupName::new("bench"), ServerId(server), voters, own);
    let context = NodeContext { disk: Disk::standard(), network: Arc::new(neighbours), reactions: Arc::new(Silence) };
    Node::start(options, context).await
}

/// A state machine that only says how far it is. It cuts the log from time to time.
async fn apply(node: Node, mut queue: ApplyQueue, applied: watch::Sender<u64>) {
    let mut last_snapshot = 0;
    while let Some(applies) = queue.pop_all().await {
        let Some(index) = applies.iter().rev().find_map(crate::raft::Apply::index) else { continue };
        node.applied(index);
        applied.send_replace(index);
        if index > last_snapshot + 200_000 {
            last_snapshot = index;
            if let Ok(checkpoint) = node.checkpoint(false) {
                // One that fails leaves a longer log.
                drop(interlock_sync::task::spawn(checkpoint.install(Bytes::new())));
            }
        }
    }
}

async fn lead(node: &Node) -> io::Result<()> {
    for _ in 0..300 {
        if node.status().is_leader() {
            return Ok(());
        }
        node.campaign().await.map_err(io::Error::other)?;
        sleep(Duration::from_millis(100)).await;
    }
    Err(io::Error::other("no leader"))
}

/// One of those who propose: the next entry when the one before is applied. The time that each took.
async fn work(node: Node, mut applied: watch::Receiver<u64>, load: Load, started: Instant) -> Vec<Duration> {
    let data = Bytes::from(vec![b'x'; load.entry_bytes]);
    let mut latencies = Vec::new();
    while started.elapsed() < load.duration {
        let proposed = Instant::now();
        let Ok(place) = node.propose(None, data.clone()).await else { return latencies };
        if applied.wait_for(|applied| *applied >= place.index).await.is_err() {
            return latencies;
        }
        latencies.push(proposed.elapsed());
    }
    latencies
}
