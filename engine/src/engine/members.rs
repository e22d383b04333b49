//! The members of a group follow its assignment: the group's leader changes them, by joint consensus.
//!
//! A server that joins is a learner until it has almost everything. Once the members are the target, the meta layer is
//! told, and the servers that left remove their copies: so a copy goes only when nothing that was acknowledged needs it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Engine;
use crate::core::assignment::RaftGroup;
use crate::core::meta::MetaChange;
use crate::core::names::{GroupName, ServerId};
use crate::member::Member;
use crate::raft::{Node, Status};

/// How many entries a learner may lack when it becomes a voter.
const ALMOST: u64 = 256;

/// What the leader has to do about the members.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Move {
    /// They are as they shall be.
    None,
    /// Add these as learners.
    Learn(Vec<ServerId>),
    /// These are the voters from here on, and nobody else is a member.
    Vote(Vec<ServerId>),
    /// Hand leadership to this one: the leader itself leaves.
    HandOver(ServerId),
}

fn next_move(me: ServerId, wanted: &[ServerId], status: &Status) -> Move {
    let wanted: BTreeSet<ServerId> = wanted.iter().copied().collect();
    let voters: BTreeSet<ServerId> = status.voters.iter().copied().collect();
    let learners: BTreeSet<ServerId> = status.learners.iter().copied().collect();
    if voters == wanted && learners.is_empty() {
        return Move::None;
    }
    let has_almost_all = |server: &ServerId| {
        let peer = status.peers.iter().find(|peer| peer.server == *server);
        *server == me || peer.is_some_and(|peer| peer.heard && peer.matched + ALMOST >= status.commit)
    };
    let unknown: Vec<ServerId> =
        wanted.iter().filter(|server| !voters.contains(server) && !learners.contains(server)).copied().collect();
    if !unknown.is_empty() {
        return Move::Learn(unknown);
    }
    if !wanted.iter().all(has_almost_all) {
        return Move::None;
    }
    match wanted.iter().find(|server| voters.contains(server)) {
        // Who leaves cannot see the change through: another member of both sets takes over.
        Some(heir) if !wanted.contains(&me) => Move::HandOver(*heir),
        _ => Move::Vote(wanted.into_iter().collect()),
    }
}

impl Engine {
    /// Takes the next step towards the members that the assignment names. On the group's leader, again and again.
    pub(crate) async fn follow_members(self: &Arc<Self>, member: &Member, node: &Node) -> bool {
        let group = member.group();
        if node.name() != &group.name {
            return false;
        }
        let wanted = group.target.clone().unwrap_or_else(|| group.peers.clone());
        let status = node.status();
        let outcome = match next_move(self.me(), &wanted, &status) {
            Move::None => return status.voters.len() == wanted.len() && group.target.is_some(),
            Move::Learn(servers) => node.add_learners(&servers).await,
            Move::Vote(servers) => node.set_voters(&servers).await,
            Move::HandOver(heir) => {
                node.step_down(Some(heir));
                return false;
            }
        };
        if let Err(error) = outcome {
            tracing::debug!("group {}: members stay: {error}", group.name);
        }
        false
    }

    /// Tells the meta layer, through its leader, what shall change. Nobody waits; it is said again until it is so.
    pub(crate) async fn propose_change(self: &Arc<Self>, change: MetaChange) {
        let entry = crate::core::meta::MetaEntry { origin: self.me(), proposal: 0, change };
        let Some(node) = self.meta() else { return };
        let data = bytes::Bytes::from(crate::core::meta::encode(&entry));
        if let Err(crate::raft::ProposeError::NotLeader { leader: Some(leader) }) =
            node.propose(None, data.clone()).await
        {
            let group = GroupName::new(super::meta::GROUP);
            self.context.network.send(leader, crate::peer::PeerFrame::Proposal { group, data });
        }
    }

    /// The group once its members are the target.
    pub(crate) fn settled_group(&self, group: &RaftGroup) -> Option<RaftGroup> {
        let target = group.target.clone()?;
        Some(RaftGroup { peers: target, target: None, ..group.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Move, next_move};
    use crate::core::names::ServerId;
    use crate::raft::{Peer, Status};

    const ME: ServerId = ServerId(1);

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
    fn members_that_are_as_wanted_stay() {
        assert_eq!(next_move(ME, &ids(&[1, 2, 3]), &status(&[1, 2, 3], &[], 1000)), Move::None);
    }

    #[test]
    fn who_joins_learns_first_and_votes_once_it_has_almost_all() {
        let wanted = ids(&[1, 2, 4]);
        assert_eq!(next_move(ME, &wanted, &status(&[1, 2, 3], &[], 1000)), Move::Learn(ids(&[4])));
        assert_eq!(next_move(ME, &wanted, &status(&[1, 2, 3], &[4], 10)), Move::None);
        assert_eq!(next_move(ME, &wanted, &status(&[1, 2, 3], &[4], 900)), Move::Vote(wanted));
    }

    #[test]
    fn a_leader_that_leaves_hands_over() {
        assert_eq!(next_move(ME, &ids(&[2, 3]), &status(&[1, 2, 3], &[], 1000)), Move::HandOver(ServerId(2)));
    }

    #[test]
    fn a_downgrade_is_one_change() {
        assert_eq!(next_move(ME, &ids(&[1]), &status(&[1, 2, 3], &[], 1000)), Move::Vote(ids(&[1])));
    }
}
