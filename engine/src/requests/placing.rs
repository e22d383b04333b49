//! Which servers get the replicas; consumers live where their stream does.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::assignment::{ConsumerAssignment, RaftGroup, StreamAssignment};
use crate::core::config::{ConsumerConfig, Retention};
use crate::core::meta::{AssignedStream, MetaChange};
use crate::core::names::{GroupName, ServerId};
use crate::engine::Engine;

impl Engine {
    /// Servers for so many replicas: those of `keep` first, then those that are heard of, and of these those with the fewest.
    /// `None` where there are too few.
    pub(super) fn choose_servers(&self, n_replicas: usize, keep: &[ServerId]) -> Option<Vec<ServerId>> {
        let mut n_assets: BTreeMap<ServerId, usize> =
            self.context().settings.servers.iter().map(|server| (*server, 0)).collect();
        for stream in self.assignments().streams() {
            for server in &stream.assignment.group.peers {
                *n_assets.entry(*server).or_default() += 1;
            }
        }
        let mut chosen: Vec<ServerId> = keep.iter().copied().take(n_replicas).collect();
        let is_silent = |server: ServerId| {
            let peers = self.meta().map(|meta| meta.status().peers).unwrap_or_default();
            peers.iter().any(|peer| peer.server == server && !peer.heard)
        };
        let mut others: Vec<(bool, usize, ServerId)> = n_assets
            .into_iter()
            .filter(|(server, _)| !chosen.contains(server))
            .map(|(server, n)| (is_silent(server), n, server))
            .collect();
        others.sort_unstable();
        chosen.extend(others.into_iter().map(|(.., server)| server).take(n_replicas - chosen.len()));
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
                // Who has the data votes alone at first, and leads at once; who joins has nothing to lead with.
                let preferred = founders.first().copied();
                let grown_from = Some(old.name.clone());
                RaftGroup { name, founders, peers, target, predecessors: Vec::new(), grown_from, preferred }
            }
        }
    }

    /// Has the consumers of a stream go where it goes. On the meta layer's leader, when it has moved the stream.
    pub(super) async fn move_consumers(self: &Arc<Self>, stream: &str) {
        let Some(assigned) = self.assigned_stream(stream) else { return };
        for moved in self.to_be_moved(&assigned) {
            let key = moved.key();
            if let Err(error) = self.change(MetaChange::AssignConsumer(moved)).await {
                tracing::warn!("consumer {key} follows its stream later: {error}");
            }
        }
    }

    /// The same on the stream's leader, again and again: whoever moved the stream may have come to nothing before its
    /// consumers were moved. A change of an assignment that is another by then does not count.
    pub(crate) async fn have_consumers_follow(self: &Arc<Self>, stream: &str) {
        let Some(assigned) = self.assigned_stream(stream) else { return };
        for moved in self.to_be_moved(&assigned) {
            self.propose_change(MetaChange::AssignConsumer(moved)).await;
        }
    }

    fn to_be_moved(&self, assigned: &AssignedStream) -> Vec<ConsumerAssignment> {
        let StreamAssignment { config, group, .. } = &assigned.assignment;
        let servers = group.target.as_ref().unwrap_or(&group.peers);
        let mut moved = Vec::new();
        for consumer in assigned.consumers.values() {
            let current = consumer.group.target.as_ref().unwrap_or(&consumer.group.peers);
            let n_replicas = n_replicas_in(&consumer.config, config.retention, servers.len());
            if current.len() == n_replicas && current.iter().all(|server| servers.contains(server)) {
                continue;
            }
            let wanted = servers_of_consumer(servers, current, n_replicas);
            let name = self.new_group_name("C", &format!("{}-{}", config.name, consumer.config.name));
            moved.push(ConsumerAssignment {
                group: self.moved_group(&consumer.group, wanted, name),
                ..consumer.clone()
            });
        }
        moved
    }
}

/// Replicas of a consumer whose stream has so many. By default as many, and one where it is ephemeral; not more. Where the
/// stream lets go of what its consumers have settled, each of its members has to know of that.
pub(super) fn n_replicas_in(config: &ConsumerConfig, retention: Retention, of_stream: usize) -> usize {
    match (config.replicas, config.durable || retention != Retention::Limits) {
        _ if retention != Retention::Limits => of_stream,
        (0, true) => of_stream,
        (0, false) => 1,
        (n, _) => usize::from(n).min(of_stream),
    }
}

/// The servers of a consumer: of its stream's, and of these those that have it already first.
pub(super) fn servers_of_consumer(of_stream: &[ServerId], current: &[ServerId], n_replicas: usize) -> Vec<ServerId> {
    let mut wanted: Vec<ServerId> = current.iter().copied().filter(|server| of_stream.contains(server)).collect();
    wanted.extend(of_stream.iter().filter(|server| !current.contains(server)));
    wanted.truncate(n_replicas);
    wanted
}
