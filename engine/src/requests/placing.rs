//! Which servers get the replicas.

use std::collections::BTreeMap;

use crate::core::assignment::RaftGroup;
use crate::core::names::{GroupName, ServerId};
use crate::engine::Engine;

impl Engine {
    /// Servers for so many replicas: those of `keep` first, then those with the fewest. `None` where there are too few.
    pub(super) fn choose_servers(&self, n_replicas: usize, keep: &[ServerId]) -> Option<Vec<ServerId>> {
        let mut n_assets: BTreeMap<ServerId, usize> =
            self.context().settings.servers.iter().map(|server| (*server, 0)).collect();
        for stream in self.assignments().streams() {
            for server in &stream.assignment.group.peers {
                *n_assets.entry(*server).or_default() += 1;
            }
        }
        let mut chosen: Vec<ServerId> = keep.iter().copied().take(n_replicas).collect();
        let mut others: Vec<(usize, ServerId)> = n_assets
            .into_iter()
            .filter(|(server, _)| !chosen.contains(server))
            .map(|(server, n)| (n, server))
            .collect();
        others.sort_unstable();
        chosen.extend(others.into_iter().map(|(_, server)| server).take(n_replicas - chosen.len()));
        (chosen.len() == n_replicas).then_some(chosen)
    }

    /// A name that no group has had.
    pub(super) fn new_group_name(&self, kind: &str, asset: &str) -> GroupName {
        GroupName::new(format!("{kind}-{asset}-{:x}", self.context().clock.now_ns()))
    }

    /// The group after its replicas were told to be on these servers.
    pub(super) fn moved_group(&self, old: &RaftGroup, wanted: Vec<ServerId>, name: GroupName) -> RaftGroup {
        let mut peers = old.peers.clone();
        peers.extend(wanted.iter().filter(|server| !old.peers.contains(server)));
        let is_same = wanted.len() == old.peers.len() && wanted.iter().all(|server| old.peers.contains(server));
        match (old.is_replicated(), is_same) {
            // A new name and nothing else: the group goes on with its predecessor's log.
            (true, true) => {
                let mut predecessors = old.predecessors.clone();
                predecessors.push(old.name.clone());
                // Who founded the group stays who has its data, should it not have begun yet.
                RaftGroup { name, predecessors, target: None, ..old.clone() }
            }
            (false, true) => old.clone(),
            // The leader changes the members one step at a time, and settles it with the meta layer.
            (true, false) => RaftGroup { peers, target: Some(wanted), ..old.clone() },
            (false, false) => {
                let target = (peers.len() != wanted.len()).then(|| wanted.clone());
                let founders = old.peers.clone();
                let preferred = wanted.first().copied();
                let grown_from = Some(old.name.clone());
                RaftGroup { name, founders, peers, target, predecessors: Vec::new(), grown_from, preferred }
            }
        }
    }
}
