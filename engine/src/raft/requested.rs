//! Snapshots that a follower asks for: what its state machine needs for the last one is gone, a newer one will do.
//!
//! While it asks it takes no entries, so that nothing which it has acknowledged is lost with its log. The leader's state
//! machine is told by [`super::Status::wanted_snapshot`].

use raft::ProgressState;
use raft::eraftpb::{Message, MessageType};

use super::machine::Machine;

impl Machine {
    /// Asks the leader for a snapshot that covers everything which is here: whether it is asked.
    pub(super) fn request_snapshot(&mut self) -> bool {
        let has_more = self.node.raft.raft_log.last_index() > self.view.with(|state| state.snapshot.position.index);
        self.asked = self.n_ticks();
        // Without more in the log the leader would send the same again.
        has_more && self.node.request_snapshot().is_ok()
    }

    /// Takes entries again once the state machine does not ask any more.
    pub(super) fn withdraw_request(&mut self) {
        if self.n_ticks() - self.asked > self.request_patience() {
            self.node.raft.pending_request_snapshot = 0;
        }
    }

    /// Raft takes any snapshot above its commit index while it asks for one, and with it drops entries behind that it
    /// has acknowledged: one that was sent before must not come through.
    pub(super) fn is_not_what_it_asks_for(&self, message: &Message) -> bool {
        message.get_snapshot().get_metadata().index < self.node.raft.pending_request_snapshot
    }

    /// Steps a message to a leader. A request also says what the follower has: it acknowledges nothing else while it
    /// asks, and where its vote is needed the leader could never commit what the snapshot is to cover.
    pub(super) fn step_noting_requests(&mut self, message: Message) -> raft::Result<()> {
        if !self.is_leader() || message.get_msg_type() != MessageType::MsgAppendResponse {
            return self.node.step(message);
        }
        let (peer, was_sent) = (message.from, self.is_sent_snapshot(message.from));
        if message.reject && message.request_snapshot != 0 && message.term == self.node.raft.term {
            self.requests.insert(peer, self.n_ticks());
            if !was_sent && let Some(acknowledgement) = self.acknowledgement_in(&message) {
                self.node.step(acknowledgement)?;
            }
        }
        self.node.step(message)?;
        if was_sent && !self.is_sent_snapshot(peer) {
            self.forget_request(peer);
        }
        Ok(())
    }

    /// What a request acknowledges: the end of the follower's log, where its last entry is of this leader's term.
    fn acknowledgement_in(&self, request: &Message) -> Option<Message> {
        let raft = &self.node.raft;
        let is_ours = request.log_term == raft.term
            && raft.raft_log.term(request.reject_hint).is_ok_and(|term| term == raft.term);
        let mut message = Message {
            from: request.from,
            to: request.to,
            term: request.term,
            index: request.reject_hint,
            commit: request.commit,
            ..Message::default()
        };
        message.set_msg_type(MessageType::MsgAppendResponse);
        is_ours.then_some(message)
    }

    fn is_sent_snapshot(&self, peer: u64) -> bool {
        self.node.raft.prs().get(peer).is_some_and(|progress| progress.state == ProgressState::Snapshot)
    }

    /// Raft keeps a request until its transport reports on the snapshot, and sends that peer nothing else.
    fn forget_request(&mut self, peer: u64) {
        self.requests.remove(&peer);
        if let Some(progress) = self.node.raft.mut_prs().get_mut(peer) {
            progress.pending_request_snapshot = 0;
        }
    }

    /// A follower says with each heartbeat that it still asks. One that does not has found what it needs, or restarted.
    pub(super) fn expire_requests(&mut self) {
        let patience = self.request_patience();
        let now = self.n_ticks();
        let expired = self.requests.iter().filter(|(_, tick)| now - **tick > patience);
        let expired: Vec<u64> = expired.map(|(peer, _)| *peer).collect();
        for peer in expired {
            self.forget_request(peer);
        }
    }

    /// The last entry that the snapshot must cover which is asked for; 0 without one.
    pub(super) fn wanted_snapshot(&self) -> u64 {
        let progress = self.node.raft.prs().iter().filter(|_| self.is_leader());
        progress.map(|(_, progress)| progress.pending_request_snapshot).max().unwrap_or(0)
    }
}
