//! A raft node with its rules, without I/O: what it is asked goes in, what is to be made durable, sent and delivered
//! comes out.

use std::collections::BTreeMap;

use bytes::Bytes;
use interlock_sync::random::Random;
use raft::eraftpb::{ConfChangeV2, Entry, Message, MessageType};
use raft::{Config, ProgressState, RawNode, SnapshotStatus, StateRole};

use super::appends::is_contiguous;
use super::error::{ChangeError, ProposeError};
use super::log::LogView;
use super::logger::logger;
use super::node::Proposed;
use super::options::{GroupOptions, Limits, Timing};
use super::status::{Peer, Role, Status};
use crate::core::names::ServerId;
use crate::core::write_error::WriteError;

/// A raft node that one owner drives.
pub(super) struct Machine {
    pub(super) node: RawNode<LogView>,
    pub(super) view: LogView,
    timing: Timing,
    limits: Limits,
    random: Random,
    n_ticks: u64,
    /// Ticks without a leader after which it campaigns, and the term and role that they were drawn for.
    timeout_ticks: usize,
    timeout_of: (u64, StateRole),
    observer: bool,
    /// The tick at which each server was last heard.
    heard: BTreeMap<u64, u64>,
    /// The tick at which each peer was first seen waiting for a snapshot.
    snapshot_since: BTreeMap<u64, u64>,
    /// The tick at which each peer last asked for a snapshot.
    pub(super) requests: BTreeMap<u64, u64>,
    /// The tick at which this node's own state machine last asked for one.
    pub(super) asked: u64,
    /// The last entry that was handed to the state machine's queue.
    pub(super) delivered: u64,
    /// The last entry that the state machine has processed, as of this turn.
    processed: u64,
    voters: Vec<ServerId>,
    learners: Vec<ServerId>,
    /// Once this much is delivered, the recovery is over.
    pub(super) recovers_until: Option<u64>,
}

impl Machine {
    /// A node on a log. `applied` is delivered already.
    pub(super) fn new(options: &GroupOptions, view: LogView, applied: u64) -> Result<Self, WriteError> {
        let (timing, limits) = (options.timing.clone(), options.limits.clone());
        let config = Config {
            id: options.server.0,
            election_tick: timing.election_ticks.start,
            heartbeat_tick: timing.heartbeat_ticks,
            // Raft's own draw is not used, and has one outcome. See `tick`.
            min_election_tick: timing.election_ticks.start,
            max_election_tick: timing.election_ticks.start + 1,
            applied,
            max_size_per_msg: 1 << 20,
            max_inflight_msgs: 256,
            check_quorum: true,
            pre_vote: true,
            batch_append: true,
            max_uncommitted_size: limits.uncommitted_bytes,
            max_committed_size_per_ready: limits.committed_bytes_per_turn,
            ..Config::default()
        };
        let commit = view.with(|state| state.hard_state.commit);
        let node = RawNode::new(&config, view.clone(), &logger());
        let node = node.map_err(|error| WriteError::other(format!("open {}: {error}", options.folder.display())))?;
        let owner = format!("{}/{}", options.name, options.server);
        let mut machine = Self {
            node,
            view,
            timing,
            limits,
            random: Random::split(options.seed, &owner),
            n_ticks: 0,
            timeout_ticks: 0,
            timeout_of: (0, StateRole::Follower),
            observer: false,
            heard: BTreeMap::new(),
            snapshot_since: BTreeMap::new(),
            requests: BTreeMap::new(),
            asked: 0,
            delivered: applied,
            processed: applied,
            voters: Vec::new(),
            learners: Vec::new(),
            recovers_until: Some(commit),
        };
        machine.refresh_members();
        machine.draw_timeout();
        Ok(machine)
    }

    pub(super) fn is_leader(&self) -> bool {
        self.node.raft.state == StateRole::Leader
    }

    fn leader(&self) -> Option<ServerId> {
        Some(ServerId(self.node.raft.leader_id)).filter(|leader| leader.0 != 0)
    }

    pub(super) fn set_processed(&mut self, processed: u64) {
        self.processed = processed;
    }

    // ---- time ----

    fn draw_timeout(&mut self) {
        let range = &self.timing.election_ticks;
        let width = u64::try_from(range.len()).unwrap_or(u64::MAX);
        let drawn = usize::try_from(self.random.below(width)).unwrap_or(0);
        self.timeout_ticks = range.start + drawn;
        self.timeout_of = (self.node.raft.term, self.node.raft.state);
    }

    /// A new term or role has a new timeout.
    fn refresh_timeout(&mut self) {
        if self.timeout_of != (self.node.raft.term, self.node.raft.state) {
            self.draw_timeout();
        }
    }

    /// A tick. Raft counts a leader's; elections are counted here, because their timeouts come from the seed, and
    /// because an observer's time must pass (its lease ends, it may vote) without an end.
    pub(super) fn tick(&mut self) {
        self.n_ticks += 1;
        if self.is_leader() {
            self.node.tick();
            self.resend_snapshots();
            self.expire_requests();
            self.guard_overrun();
            self.leave_if_demoted();
        } else {
            self.withdraw_request();
            self.node.raft.election_elapsed += 1;
            let is_due = self.node.raft.election_elapsed >= self.timeout_ticks;
            if is_due && !self.observer && self.node.raft.promotable() {
                self.node.raft.election_elapsed = 0;
                self.draw_timeout();
                self.ask_for_votes();
            }
        }
        self.refresh_timeout();
    }

    fn ask_for_votes(&mut self) {
        if let Err(error) = self.node.campaign() {
            tracing::debug!(%error, "no campaign");
        }
    }

    /// A leader that cannot commit makes room for one that can.
    fn guard_overrun(&mut self) {
        let raft = &self.node.raft;
        let uncommitted = raft.raft_log.last_index().saturating_sub(raft.raft_log.committed);
        if uncommitted >= self.limits.uncommitted {
            tracing::warn!(uncommitted, "too much is not committed: stepping down");
            self.follow();
        }
    }

    /// Raft lets a leader lead on that became a learner. It makes room instead.
    fn leave_if_demoted(&mut self) {
        if self.is_leader() && !self.node.raft.promotable() && self.node.raft.lead_transferee.is_none() {
            self.step_down(None);
        }
    }

    /// The network says nothing about a lost snapshot: after an election timeout it counts as lost.
    fn resend_snapshots(&mut self) {
        let waiting: Vec<u64> = self.peers_in_snapshot().collect();
        self.snapshot_since.retain(|peer, _| waiting.contains(peer));
        for peer in waiting {
            let since = *self.snapshot_since.entry(peer).or_insert(self.n_ticks);
            if self.n_ticks - since >= self.timing.election_ticks.start as u64 {
                self.snapshot_since.remove(&peer);
                self.node.report_snapshot(peer, SnapshotStatus::Failure);
            }
        }
    }

    fn peers_in_snapshot(&self) -> impl Iterator<Item = u64> + '_ {
        let progress = self.node.raft.prs().iter();
        progress.filter(|(_, progress)| progress.state == ProgressState::Snapshot).map(|(id, _)| *id)
    }

    /// Ticks after which a request counts as withdrawn.
    pub(super) fn request_patience(&self) -> u64 {
        self.timing.election_ticks.start as u64
    }

    fn was_heard(&self, peer: u64) -> bool {
        let within = 3 * self.timing.heartbeat_ticks as u64;
        self.heard.get(&peer).is_some_and(|tick| self.n_ticks - tick <= within)
    }

    // ---- what it is asked ----

    /// A message of another server.
    pub(super) fn step(&mut self, message: Message) {
        self.heard.insert(message.from, self.n_ticks);
        let is_refused = match message.get_msg_type() {
            // The state machine is too far behind to be given more.
            MessageType::MsgAppend => {
                let unapplied = self.delivered.saturating_sub(self.processed);
                unapplied >= self.limits.unapplied || !is_contiguous(&message)
            }
            MessageType::MsgTimeoutNow => self.observer,
            MessageType::MsgSnapshot => self.is_not_what_it_asks_for(&message),
            // Nothing is forwarded among ours.
            MessageType::MsgPropose | MessageType::MsgTransferLeader => true,
            _ => false,
        };
        if is_refused {
            return;
        }
        if let Err(error) = self.step_noting_requests(message) {
            tracing::debug!(%error, "a message was not stepped");
        }
        self.refresh_timeout();
    }

    /// Takes a proposal into the log, if it is of this term (O-38). It is neither durable nor committed yet.
    pub(super) fn propose(&mut self, term: Option<u64>, data: Bytes) -> Result<Proposed, ProposeError> {
        if !self.is_leader() {
            return Err(ProposeError::NotLeader { leader: self.leader() });
        }
        let own_term = self.node.raft.term;
        if term.is_some_and(|term| term != own_term) {
            return Err(ProposeError::StaleTerm { term: own_term });
        }
        if data.len() > self.limits.entry_bytes {
            return Err(ProposeError::TooLarge);
        }
        let mut message = Message { from: self.node.raft.id, ..Message::default() };
        message.set_msg_type(MessageType::MsgPropose);
        message.mut_entries().push(Entry { data, ..Entry::default() });
        self.node.raft.step(message).map_err(|_dropped| ProposeError::Dropped)?;
        Ok(Proposed { index: self.node.raft.raft_log.last_index(), term: own_term })
    }

    /// Takes a change of members into the log.
    pub(super) fn change_members(&mut self, change: ConfChangeV2) -> Result<Proposed, ChangeError> {
        if !self.is_leader() {
            return Err(ChangeError::NotLeader { leader: self.leader() });
        }
        if self.node.raft.has_pending_conf() {
            return Err(ChangeError::Refused);
        }
        let before = self.node.raft.raft_log.last_index();
        self.node.propose_conf_change(Vec::new(), change).map_err(|_dropped| ChangeError::Refused)?;
        // Raft puts an empty entry where it refuses a change.
        let index = before + 1;
        if self.node.raft.pending_conf_index != index {
            return Err(ChangeError::Refused);
        }
        Ok(Proposed { index, term: self.node.raft.term })
    }

    pub(super) fn read_index(&mut self, context: u64) {
        self.node.read_index(context.to_le_bytes().to_vec());
    }

    /// Asks for votes now. An observer never does.
    pub(super) fn campaign(&mut self) {
        // Raft asserts that a candidate's log is durable; a lock's other holders may come while it is being written.
        let is_durable = self.node.raft.raft_log.persisted == self.node.raft.raft_log.last_index();
        // Raft fails where a node that does not vote wins: one that is about to join has nobody to be elected by.
        if !self.observer && is_durable && self.node.raft.promotable() {
            self.ask_for_votes();
            self.refresh_timeout();
        }
    }

    /// Hands leadership to a peer: whether it is on its way.
    pub(super) fn transfer(&mut self, to: ServerId) -> bool {
        if !self.is_leader() || to.0 == self.node.raft.id {
            return false;
        }
        self.node.transfer_leader(to.0);
        self.node.raft.lead_transferee == Some(to.0)
    }

    /// Gives leadership away: to the preferred peer if it is healthy, else to the most up to date that is, else to
    /// nobody. It may take some turns: see [`Self::follow`].
    pub(super) fn step_down(&mut self, preferred: Option<ServerId>) {
        if self.is_leader() && !self.best_peer(preferred).is_some_and(|peer| self.transfer(ServerId(peer))) {
            self.follow();
        }
    }

    fn best_peer(&self, preferred: Option<ServerId>) -> Option<u64> {
        let own = self.node.raft.id;
        let healthy = self.voters.iter().map(|voter| voter.0).filter(|voter| *voter != own && self.was_heard(*voter));
        healthy.max_by_key(|peer| (preferred == Some(ServerId(*peer)), self.matched(*peer), u64::MAX - peer))
    }

    fn matched(&self, peer: u64) -> u64 {
        self.node.raft.prs().get(peer).map_or(0, |progress| progress.matched)
    }

    /// A leader that is no member any more: raft would panic at its next commit. It follows at once, and asks the best
    /// peer to take over. What it said as a leader comes out, since a follower's messages wait for the disk.
    pub(super) fn leave_if_gone(&mut self) -> Vec<Message> {
        if !self.is_leader() || self.node.raft.prs().get(self.node.raft.id).is_some() {
            return Vec::new();
        }
        if let Some(heir) =
            self.best_peer(None).filter(|peer| self.matched(*peer) == self.node.raft.raft_log.last_index())
        {
            self.node.raft.send_timeout_now(heir);
        }
        let said = std::mem::take(&mut self.node.raft.msgs);
        self.follow();
        said
    }

    /// Follows in the same term, with nobody leading.
    pub(super) fn follow(&mut self) {
        let term = self.node.raft.term;
        self.node.raft.become_follower(term, 0);
        self.refresh_timeout();
    }

    /// An observer follows and votes, and never campaigns.
    pub(super) fn set_observer(&mut self, observer: bool) {
        self.observer = observer;
        if matches!(self.node.raft.state, StateRole::Candidate | StateRole::PreCandidate) {
            self.follow();
        }
        self.node.raft.election_elapsed = 0;
    }

    /// The vote that could not be made durable is taken back.
    pub(super) fn forget_vote(&mut self) {
        let hard_state = self.view.with(|state| state.hard_state.clone());
        self.node.raft.term = hard_state.term;
        self.node.raft.vote = hard_state.vote;
        self.node.raft.msgs.clear();
    }

    // ---- what it shows ----

    /// Those who vote; in a joint membership the old ones and the new ones.
    pub(super) fn voters(&self) -> Vec<ServerId> {
        self.voters.clone()
    }

    pub(super) fn learners(&self) -> Vec<ServerId> {
        self.learners.clone()
    }

    /// Raft's members have changed.
    pub(super) fn refresh_members(&mut self) {
        let members = self.node.raft.prs().conf();
        self.voters = members.voters().ids().iter().map(ServerId).collect();
        self.learners = members.learners().iter().copied().map(ServerId).collect();
        self.voters.sort_unstable();
        self.learners.sort_unstable();
    }

    fn peers(&self) -> impl Iterator<Item = Peer> + '_ {
        let own = self.node.raft.id;
        let others = self.node.raft.prs().iter().filter(move |(id, _)| **id != own && self.is_leader());
        others.map(|(id, progress)| Peer {
            server: ServerId(*id),
            matched: progress.matched,
            heard: self.was_heard(*id),
            needs_snapshot: progress.state == ProgressState::Snapshot,
        })
    }

    /// The last entry that every peer which a leader hears has.
    pub(super) fn slowest_heard(&self) -> Option<u64> {
        self.peers().filter(|peer| peer.heard).map(|peer| peer.matched).min()
    }

    /// Whether reads are answered: a leader must have committed in its term.
    pub(super) fn answers_reads(&self) -> bool {
        self.is_leader() && self.node.raft.commit_to_current_term()
    }

    /// Writes its state over the one that was shown before, but for what the state machine reports.
    pub(super) fn show(&self, status: &mut Status) {
        let raft = &self.node.raft;
        let hears_leader = self.leader().is_some_and(|leader| self.was_heard(leader.0));
        status.role = match raft.state {
            StateRole::Leader => Role::Leader,
            StateRole::Follower => Role::Follower,
            StateRole::Candidate | StateRole::PreCandidate => Role::Candidate,
        };
        status.term = raft.term;
        status.leader = self.leader();
        status.commit = raft.raft_log.committed;
        status.last_index = raft.raft_log.last_index();
        status.snapshot_index = self.view.with(|state| state.snapshot.position.index);
        status.wanted_snapshot = self.wanted_snapshot();
        status.voters.clone_from(&self.voters);
        status.learners.clone_from(&self.learners);
        status.is_changing = raft.has_pending_conf();
        status.peers.clear();
        status.peers.extend(self.peers());
        status.peers.sort_unstable_by_key(|peer| peer.server);
        status.observer = self.observer;
        status.current = self.is_leader() || (hears_leader && self.processed >= raft.raft_log.committed);
    }

    #[cfg(feature = "shared-lock")]
    pub(super) fn term(&self) -> u64 {
        self.node.raft.term
    }

    pub(super) fn n_ticks(&self) -> u64 {
        self.n_ticks
    }
}
