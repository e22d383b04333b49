//! What a node shows to the outside: a copy that its task publishes, so that nobody waits for the task to look at it.

use crate::core::names::ServerId;

/// What a node is in its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It follows a leader, or waits for one.
    #[default]
    Follower,
    /// It asks for votes.
    Candidate,
    /// It leads.
    Leader,
    /// It was stopped or deleted, or its write error ended it.
    Closed,
}

/// Another member, as a leader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Who.
    pub server: ServerId,
    /// The last entry that it is known to have.
    pub matched: u64,
    /// Whether it was heard within three heartbeats.
    pub heard: bool,
    /// Whether it is being sent a snapshot.
    pub needs_snapshot: bool,
}

/// A node's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What it is.
    pub role: Role,
    /// Its term.
    pub term: u64,
    /// Who leads, as far as it knows.
    pub leader: Option<ServerId>,
    /// The last entry that it knows to be committed.
    pub commit: u64,
    /// The last entry that the state machine said to have applied.
    pub applied: u64,
    /// The last entry of its log.
    pub last_index: u64,
    /// The last entry that its snapshot covers; 0 without one.
    pub snapshot_index: u64,
    /// While it leads: the last entry that a snapshot must cover which a follower asks for; 0 without one.
    pub wanted_snapshot: u64,
    /// Those who vote.
    pub voters: Vec<ServerId>,
    /// Those who only follow.
    pub learners: Vec<ServerId>,
    /// Whether a change of the members may be in the log and is not applied: they are about to be others.
    pub is_changing: bool,
    /// The other members, while it leads.
    pub peers: Vec<Peer>,
    /// Whether it is an observer: it follows and votes, and never campaigns.
    pub observer: bool,
    /// Whether it is caught up: it leads, or it hears a leader and has applied what it knows to be committed.
    pub current: bool,
}

impl Status {
    /// Whether it leads.
    pub fn is_leader(&self) -> bool {
        self.role == Role::Leader
    }
}
