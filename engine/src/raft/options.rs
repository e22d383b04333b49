//! What a group is started with: its name and members, its timing, and the world around it.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::time::Duration;
use raft::eraftpb::Message;

use crate::core::names::{GroupName, ServerId};
use crate::core::write_error::WriteError;
use crate::disk::Disk;

/// Who owns the raft node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeHost {
    /// One task, alone.
    #[default]
    Actor,
    /// One task, which shares it under a lock with whoever asks for [`super::Node::shared`].
    #[cfg(feature = "shared-lock")]
    SharedLock,
}

/// Lengths of time. Ticks are counted by the node's own task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Length of a tick.
    pub tick: Duration,
    /// Ticks between two heartbeats of a leader.
    pub heartbeat_ticks: usize,
    /// Ticks without a leader after which a follower campaigns; drawn anew for each term.
    pub election_ticks: Range<usize>,
    /// How long a stop waits for a write that is under way. Then it is abandoned.
    pub stop_patience: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            tick: Duration::from_millis(100),
            heartbeat_ticks: 10,
            election_ticks: 40..90,
            stop_patience: Duration::from_secs(2),
        }
    }
}

/// Sizes and counts at which something is refused, cut or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes at which a segment of the log is followed by the next one.
    pub segment_bytes: u64,
    /// Bytes of the latest entries that stay in memory.
    pub recent_bytes: usize,
    /// Entries that a compaction leaves for slow followers.
    pub kept_entries: u64,
    /// Committed entries that the state machine has not processed, at which a follower refuses appends.
    pub unapplied: u64,
    /// Entries without a majority at which a leader steps down.
    pub uncommitted: u64,
    /// Bytes of the same, at which proposals are dropped.
    pub uncommitted_bytes: u64,
    /// Messages of other servers that wait to be stepped; more are dropped.
    pub inbound: usize,
    /// Proposals that wait to be taken; more are dropped.
    pub proposals: usize,
    /// Bytes of an entry at most.
    pub entry_bytes: usize,
    /// Bytes of committed entries that one turn hands over.
    pub committed_bytes_per_turn: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            segment_bytes: 8 << 20,
            recent_bytes: 16 << 20,
            kept_entries: 1024,
            unapplied: 100_000,
            uncommitted: 100_000,
            uncommitted_bytes: 64 << 20,
            inbound: 4096,
            proposals: 16_384,
            // A message, its id and what is expected of the last one.
            entry_bytes: 9 << 20,
            committed_bytes_per_turn: 4 << 20,
        }
    }
}

/// A member of a group, about to be started.
#[derive(Clone, Debug)]
pub struct GroupOptions {
    /// The group.
    pub name: GroupName,
    /// The server that this member runs on.
    pub server: ServerId,
    /// The first voters, the same on each of them. Empty for a server that joins a group which exists. Without effect
    /// where the folder has a log.
    pub voters: Vec<ServerId>,
    /// The first learners, likewise.
    pub learners: Vec<ServerId>,
    /// The member's own folder; made where it is missing.
    pub folder: PathBuf,
    /// Who owns the node.
    pub host: NodeHost,
    /// Lengths of time.
    pub timing: Timing,
    /// Sizes and counts.
    pub limits: Limits,
    /// Where its election timeouts come from. Members of a group may share it: each mixes in its server.
    pub seed: u64,
    /// The last entry that the state machine has applied and made durable; it is not delivered again.
    pub applied: u64,
    /// The state machine that the group begins with: the index up to which it has applied, and its state. The first
    /// voters have it. Without effect where the folder has a log.
    pub snapshot: Option<(u64, Bytes)>,
}

impl GroupOptions {
    /// Options with the defaults: an actor, real timing, an empty state machine.
    pub fn new(name: GroupName, server: ServerId, voters: Vec<ServerId>, folder: PathBuf) -> Self {
        Self {
            name,
            server,
            voters,
            learners: Vec::new(),
            folder,
            host: NodeHost::default(),
            timing: Timing::default(),
            limits: Limits::default(),
            seed: 0,
            applied: 0,
            snapshot: None,
        }
    }
}

/// The way to the other servers.
pub trait Network: Send + Sync + 'static {
    /// Hands a message over. Never blocks; the message may be lost.
    fn send(&self, to: ServerId, group: &GroupName, message: Message);
}

/// What the rest of the engine does about a node's errors.
pub trait Reactions: Send + Sync + 'static {
    /// Called once, when the node's first write error is latched and before the node closes: permission and space take
    /// the engine down. The implementation starts a task for what takes time; it never waits.
    fn on_write_error(&self, group: &GroupName, error: &WriteError);
}

/// The world around a node.
#[derive(Clone)]
pub struct NodeContext {
    /// Where its folder is.
    pub disk: Disk,
    /// The way to the other members.
    pub network: Arc<dyn Network>,
    /// Who hears of write errors.
    pub reactions: Arc<dyn Reactions>,
}
