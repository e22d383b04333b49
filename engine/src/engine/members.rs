//! The members of a group follow its assignment: the group's leader changes them, by joint consensus.
//!
//! A server that joins is a learner until it has almost everything. Once the members are the target, the meta layer is
//! told, and the servers that left remove their copies: so a copy goes only when nothing that was acknowledged needs it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Engine;
use crate::core::assignment::{ConsumerAssignment, RaftGroup, StreamAssignment};
use crate::core::meta::{MetaChange, Settled};
use crate::core::names::ServerId;
use crate::member::Member;
use crate::raft::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2};
use crate::raft::{Node, Status};

/// How many entries a learner may lack when it becomes a voter.
const ALMOST: u64 = 256;

/// What the leader has to do about the members.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Move {
    /// They are as they shall be.
    Done,
    /// Who joins has not got almost all yet, or a change is under way.
    Wait,
    /// Add these as learners.
    Learn(Vec<ServerId>),
    /// These are the voters from here on, and nobody else is a member.
    Vote(Vec<ServerId>),
    /// Hand leadership to this one: the leader itself leaves.
    HandOver(ServerId),
}

fn next_move(me: ServerId, wanted: &[ServerId], status: &Status, is_whole: impl Fn(ServerId) -> bool) -> Move {
    let wanted: BTreeSet<ServerId> = wanted.iter().copied().collect();
    let voters: BTreeSet<ServerId> = status.voters.iter().copied().collect();
    let learners: BTreeSet<ServerId> = status.learners.iter().copied().collect();
    if status.is_changing {
        // What the members are is what they were: a change of them is in the log already.
        return Move::Wait;
    }
    if voters == wanted && learners.is_empty() {
        return Move::Done;
    }
    let has_almost_all = |server: &ServerId| {
        let peer = status.peers.iter().find(|peer| peer.server == *server);
        let has_log = || peer.is_some_and(|peer| peer.heard && peer.matched + ALMOST >= status.commit);
        *server == me || voters.contains(server) && has_log() || has_log() && is_whole(*server)
    };
    let unknown: Vec<ServerId> =
        wanted.iter().filter(|server| !voters.contains(server) && !learners.contains(server)).copied().collect();
    if !unknown.is_empty() {
        return Move::Learn(unknown);
    }
    if !wanted.iter().all(has_almost_all) {
        return Move::Wait;
    }
    match wanted.iter().find(|server| voters.contains(server)) {
        // Who leaves cannot see the change through: another member of both sets takes over.
        Some(heir) if !wanted.contains(&me) => Move::HandOver(*heir),
        _ => Move::Vote(wanted.into_iter().collect()),
    }
}

fn change(kind: ConfChangeType, server: ServerId) -> ConfChangeSingle {
    let mut change = ConfChangeSingle::default();
    change.set_change_type(kind);
    change.node_id = server.0;
    change
}

fn learners(servers: &[ServerId]) -> ConfChangeV2 {
    let changes: Vec<_> = servers.iter().map(|server| change(ConfChangeType::AddLearnerNode, *server)).collect();
    ConfChangeV2 { changes: changes.into(), ..ConfChangeV2::default() }
}

/// From the members of a status to these voters and nobody else, by joint consensus.
fn voters(wanted: &[ServerId], status: &Status) -> ConfChangeV2 {
    let members = status.voters.iter().chain(&status.learners);
    let leaving =
        members.filter(|server| !wanted.contains(server)).map(|server| change(ConfChangeType::RemoveNode, *server));
    let joining = wanted.iter().filter(|server| !status.voters.contains(server));
    let changes: Vec<_> = leaving.chain(joining.map(|server| change(ConfChangeType::AddNode, *server))).collect();
    ConfChangeV2 { changes: changes.into(), ..ConfChangeV2::default() }
}

impl Engine {
    /// Who is preferred asks for votes as long as nobody leads: a new group does not wait for an election timeout.
    pub(crate) async fn seek_leadership(&self, member: &Member, node: &Node) {
        let status = node.status();
        let is_preferred = member.group().preferred == Some(self.me());
        if is_preferred && status.leader.is_none() && !status.observer {
            // A node that is closed asks for nothing.
            let _closed = node.campaign().await;
        }
    }

    /// Takes the next step towards the members that an assignment names: whether they are its target. On the group's
    /// leader, again and again. `is_whole` says of a server whether its state machine lacks nothing up to an entry: a
    /// voter that does could come to lead a group in which nobody has what it lacks.
    pub(crate) async fn follow_members(
        self: &Arc<Self>,
        group: &RaftGroup,
        node: &Node,
        is_whole: impl Fn(ServerId, u64) -> bool,
    ) -> bool {
        if node.group() != &group.name {
            return false;
        }
        let wanted = group.target.clone().unwrap_or_else(|| group.peers.clone());
        let status = node.status();
        let outcome = match next_move(self.me(), &wanted, &status, |server| is_whole(server, status.snapshot_index)) {
            Move::Done => {
                // The log of a lone replica goes: everything in it has to be applied before.
                let needs_log = wanted.len() == 1 && status.applied < status.commit;
                return group.target.is_some() && !needs_log;
            }
            Move::Wait => return false,
            Move::Learn(servers) => node.change_members(learners(&servers)).await,
            Move::Vote(servers) => node.change_members(voters(&servers, &status)).await,
            Move::HandOver(heir) => {
                // A node that is closed leads no more.
                let _closed = node.step_down(Some(heir)).await;
                return false;
            }
        };
        if let Err(error) = outcome {
            tracing::debug!("group {}: members stay: {error}", group.name);
        }
        false
    }

    /// Tells the meta layer that a stream's members are where they shall be.
    pub(crate) async fn settle_stream(self: &Arc<Self>, assignment: &StreamAssignment) {
        let Some(peers) = assignment.group.target.clone() else { return };
        let settled = Settled {
            stream: assignment.config.name.clone(),
            consumer: None,
            created_ns: assignment.created_ns,
            group: assignment.group.name.clone(),
            peers,
            revision: assignment.revision,
        };
        self.propose_change(MetaChange::Settle(settled)).await;
    }

    /// The same of a consumer.
    pub(crate) async fn settle_consumer(self: &Arc<Self>, assignment: &ConsumerAssignment) {
        let Some(peers) = assignment.group.target.clone() else { return };
        let settled = Settled {
            stream: assignment.stream.clone(),
            consumer: Some(assignment.config.name.clone()),
            created_ns: assignment.created_ns,
            group: assignment.group.name.clone(),
            peers,
            revision: assignment.revision,
        };
        self.propose_change(MetaChange::Settle(settled)).await;
    }

    /// Whether no consumer lives on a server that the stream leaves.
    pub(crate) fn consumers_live_in(&self, assignment: &StreamAssignment) -> bool {
        let Some(target) = &assignment.group.target else { return true };
        let state = self.state.read();
        let stream = state.assignments.stream(&assignment.config.name);
        stream.is_none_or(|stream| stream.consumers_live_in(target))
    }
}

#[cfg(test)]
mod tests {
    use super::{Move, next_move};
    use crate::core::names::ServerId;
    use crate::raft::{Peer, Status};

    const ME: ServerId = ServerId(1);

    fn all(_: ServerId) -> bool {
        true
    }

    fn ids(numbers: &[u64]) -> Vec<ServerId> {
        numbers.iter().copied().map(ServerId).collect()
    }

    fn status(voters: &[u64], learners: &[u64], matched: u64) -> Status {
        let others = voters.iter().chain(learners).filter(|number| **number != 1);
        let peer = |number: &u64| Peer { server: ServerId(*number), matched, heard: true, needs_snapshot: false };
        let peers = others.map(peer).collect();
        Status { voters: ids(voters), learners: ids(learners), commit: 1000, peers, ..Status::default() }
    }

    #[test]
    fn members_that_are_about_to_change_are_not_as_wanted() {
        let changing = Status { is_changing: true, ..status(&[1], &[], 1000) };
        assert_eq!(next_move(ME, &ids(&[1]), &changing, all), Move::Wait);
    }

    #[test]
    fn members_that_are_as_wanted_stay() {
        assert_eq!(next_move(ME, &ids(&[1, 2, 3]), &status(&[1, 2, 3], &[], 1000), all), Move::Done);
    }

    #[test]
    fn who_has_nothing_does_not_take_the_place_of_who_has_all() {
        assert_eq!(next_move(ME, &ids(&[2]), &status(&[1], &[2], 0), all), Move::Wait);
        assert_eq!(next_move(ME, &ids(&[2]), &status(&[1], &[2], 1000), all), Move::Vote(ids(&[2])));
    }

    #[test]
    fn who_has_the_log_and_lacks_messages_does_not_vote() {
        let lacks = |server: ServerId| server != ServerId(2);
        assert_eq!(next_move(ME, &ids(&[2]), &status(&[1], &[2], 1000), lacks), Move::Wait);
        assert_eq!(next_move(ME, &ids(&[1, 2]), &status(&[1], &[2], 1000), lacks), Move::Wait);
    }

    #[test]
    fn who_joins_learns_first_and_votes_once_it_has_almost_all() {
        let wanted = ids(&[1, 2, 4]);
        assert_eq!(next_move(ME, &wanted, &status(&[1, 2, 3], &[], 1000), all), Move::Learn(ids(&[4])));
        assert_eq!(next_move(ME, &wanted, &status(&[1, 2, 3], &[4], 10), all), Move::Wait);
        assert_eq!(next_move(ME, &wanted, &status(&[1, 2, 3], &[4], 900), all), Move::Vote(wanted));
    }

    #[test]
    fn a_leader_that_leaves_hands_over() {
        assert_eq!(next_move(ME, &ids(&[2, 3]), &status(&[1, 2, 3], &[], 1000), all), Move::HandOver(ServerId(2)));
    }

    #[test]
    fn a_downgrade_is_one_change() {
        assert_eq!(next_move(ME, &ids(&[1]), &status(&[1, 2, 3], &[], 1000), all), Move::Vote(ids(&[1])));
    }
}
