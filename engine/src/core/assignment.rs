//! Assignments: where a stream or a consumer lives, and what a server does when that changes.
//!
//! The plans are lists of steps in the order in which they must be taken (`docs/engine/transitions.md`); `engine/placement.rs` takes them.

use serde::{Deserialize, Serialize};

use super::config::{ConsumerConfig, StreamConfig};
use super::names::{ConsumerKey, GroupName, ServerId};

/// The raft group of a stream or consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaftGroup {
    /// Its name: another one means that the group was made anew.
    pub name: GroupName,
    /// Servers that hold a replica.
    pub peers: Vec<ServerId>,
    /// Servers that hold the data when the group begins; the others join by a conf change.
    pub founders: Vec<ServerId>,
    /// Where the replicas shall be: the group's leader changes the members, and then says so to the meta layer.
    pub target: Option<Vec<ServerId>>,
    /// The groups whose log this one goes on with, of the same members, the latest last: one group under new names. A
    /// server that was away may have the log under any of them.
    pub predecessors: Vec<GroupName>,
    /// The group of one replica that this one grew out of.
    pub grown_from: Option<GroupName>,
    /// Who should lead.
    pub preferred: Option<ServerId>,
}

impl RaftGroup {
    /// A new group, all of whose peers begin with nothing.
    pub fn fresh(name: GroupName, peers: Vec<ServerId>) -> Self {
        let preferred = peers.first().copied();
        Self {
            name,
            founders: peers.clone(),
            peers,
            target: None,
            predecessors: Vec::new(),
            grown_from: None,
            preferred,
        }
    }

    /// Whether this server holds a replica.
    pub fn has(&self, server: ServerId) -> bool {
        self.peers.contains(&server)
    }

    /// Whether the group begins with the data of this server, and the others join it.
    pub fn is_founded_by(&self, server: ServerId) -> bool {
        self.founders == [server] && self.is_replicated()
    }

    /// The group whose log this server may be the last to have: this one without replicas, or the one that it grows out of.
    /// What was acknowledged before may be in there only.
    pub fn lone_log(&self, server: ServerId) -> Option<&GroupName> {
        if !self.is_replicated() {
            Some(&self.name)
        } else {
            self.grown_from.as_ref().filter(|_| self.is_founded_by(server))
        }
    }

    /// Whether there is consensus to be found: one replica needs none.
    pub fn is_replicated(&self) -> bool {
        self.peers.len() > 1
    }
}

/// Who asked for something: excluded from identity, since it is about the answer only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// The server that took the request.
    pub server: Option<ServerId>,
    /// The request's number there.
    pub request: u64,
}

/// A stream's assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamAssignment {
    /// The stream's configuration.
    pub config: StreamConfig,
    /// When it was created, set once by the proposer: nanoseconds since 1970.
    pub created_ns: u64,
    /// Where it lives.
    pub group: RaftGroup,
    /// Who is to be answered.
    pub asker: Asker,
    /// Counts its changes. A change says which revision it is of: two that were made of the same one do not both count.
    pub revision: u64,
}

/// A consumer's assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerAssignment {
    /// The stream that it reads.
    pub stream: String,
    /// The consumer's configuration.
    pub config: ConsumerConfig,
    /// When it was created, set once by the proposer: nanoseconds since 1970.
    pub created_ns: u64,
    /// Where it lives.
    pub group: RaftGroup,
    /// Who is to be answered.
    pub asker: Asker,
    /// Counts its changes. A change says which revision it is of: two that were made of the same one do not both count.
    pub revision: u64,
}

impl ConsumerAssignment {
    /// Its key.
    pub fn key(&self) -> ConsumerKey {
        ConsumerKey { stream: self.stream.clone(), name: self.config.name.clone() }
    }
}

/// What of an assignment decides about the entity on one server.
#[derive(Clone, Copy, Debug)]
pub struct Placement<'a> {
    /// Its group.
    pub group: &'a RaftGroup,
    /// When the entity was created: another time is another entity of the same name.
    pub created_ns: u64,
}

/// A step of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Hand leadership over, to the preferred member where there is one.
    StepDown,
    /// Stop the raft node, wait for its tasks, drop the handle. Its log stays for the group that goes on with it.
    RetireNode,
    /// The same, and its folder goes too.
    DeleteNode,
    /// Stop whoever drives the entity and wait until it is gone.
    StopSlot,
    /// Note durably that this server does not lead the entity alone any more.
    EndAlone,
    /// End what only a replicated entity needs: serving and receiving of catch-ups.
    StopCatchup,
    /// Forget the old group's node in the engine's table.
    ClearGroupNode,
    /// Make durable what was applied: from here on the log is not needed.
    Persist,
    /// Forget the old group's node and remove its folder.
    DeleteGroup,
    /// Make the entity with its store.
    CreateEntity,
    /// Give the entity its new assignment.
    LinkAssignment,
    /// Start the raft node of the group, and enter it in the engine's table.
    CreateGroup,
    /// Register with the slot and spawn the monitor; unregister where the spawn is refused.
    SpawnMonitor,
    /// Lead alone: no group.
    LeadAlone,
    /// Take over configuration, and tell the monitor.
    UpdateConfig,
    /// Close the entity and remove its data from this server only; it goes on elsewhere.
    RemoveHere,
    /// Close the entity and remove its data: it was deleted.
    Delete,
}

/// What this server does when an entity's placement changes from `old` to `new`.
///
/// `exists` says whether the entity runs here.
pub fn plan(me: ServerId, old: Option<Placement<'_>>, new: Option<Placement<'_>>, exists: bool) -> Vec<Step> {
    let Some(new) = new else {
        return if exists {
            vec![Step::DeleteNode, Step::StopSlot, Step::Delete, Step::ClearGroupNode]
        } else {
            vec![]
        };
    };
    let is_another = old.is_some_and(|old| old.created_ns != new.created_ns);
    match (exists, new.group.has(me)) {
        (false, false) => vec![],
        (false, true) => create(me, new.group),
        (true, false) => remove_here(),
        (true, true) if is_another => {
            let mut steps = vec![Step::DeleteNode, Step::StopSlot, Step::Delete, Step::ClearGroupNode];
            steps.extend(create(me, new.group));
            steps
        }
        (true, true) => change(old.map(|old| old.group), new.group),
    }
}

fn create(me: ServerId, group: &RaftGroup) -> Vec<Step> {
    if !group.is_replicated() {
        vec![Step::CreateEntity, Step::LinkAssignment, Step::LeadAlone]
    } else if group.is_founded_by(me) {
        // What the group begins with is the entity's.
        vec![Step::CreateEntity, Step::EndAlone, Step::CreateGroup, Step::LinkAssignment, Step::SpawnMonitor]
    } else {
        // The store is opened at the index of the group's snapshot.
        vec![Step::CreateGroup, Step::CreateEntity, Step::LinkAssignment, Step::SpawnMonitor]
    }
}

fn remove_here() -> Vec<Step> {
    let mut steps = vec![Step::StepDown];
    steps.push(Step::DeleteNode);
    if !crate::mutant!(M08) {
        steps.push(Step::ClearGroupNode);
    }
    steps.extend([Step::StopSlot, Step::RemoveHere]);
    steps
}

fn change(old: Option<&RaftGroup>, new: &RaftGroup) -> Vec<Step> {
    let was_replicated = old.is_some_and(RaftGroup::is_replicated);
    let is_same = old.is_some_and(|old| old.name == new.name) || (crate::mutant!(M04) && was_replicated);
    match (was_replicated, new.is_replicated()) {
        (_, true) if is_same && was_replicated => vec![Step::LinkAssignment, Step::UpdateConfig],
        (false, false) => vec![Step::LinkAssignment, Step::UpdateConfig],
        (true, true) => remap(),
        (false, true) => scale_up(),
        (true, false) => scale_down(),
    }
}

/// The group goes on under another name. First the node: its quit signal makes the monitor leave without a snapshot
/// (O-3); then the slot, because the new monitor must not meet the old one (O-1). The engine forgets the old node before
/// the new group is linked (O-10); the entity knows its assignment before its group begins (O-11), and its node before
/// the monitor does (O-12).
fn remap() -> Vec<Step> {
    let mut steps = vec![Step::RetireNode];
    if !crate::mutant!(M01) {
        steps.push(Step::StopSlot);
    }
    steps.push(Step::ClearGroupNode);
    steps.extend([Step::LinkAssignment, Step::CreateGroup, Step::LinkAssignment, Step::SpawnMonitor]);
    steps
}

fn scale_up() -> Vec<Step> {
    vec![
        Step::StopSlot,
        Step::EndAlone,
        Step::LinkAssignment,
        Step::CreateGroup,
        Step::LinkAssignment,
        Step::SpawnMonitor,
    ]
}

/// What the monitor uses ends after it (O-2). What was applied may be durable by the log only: the log goes last.
fn scale_down() -> Vec<Step> {
    let mut steps = vec![Step::RetireNode];
    if !crate::mutant!(M03) {
        steps.push(Step::StopSlot);
    }
    steps.extend([Step::StopCatchup, Step::Persist, Step::DeleteGroup, Step::LinkAssignment, Step::LeadAlone]);
    steps
}

#[cfg(test)]
mod tests {
    use super::{Placement, RaftGroup, Step, plan};
    use crate::core::names::{GroupName, ServerId};

    const ME: ServerId = ServerId(1);

    fn group(name: &str, peers: &[u64]) -> RaftGroup {
        RaftGroup::fresh(GroupName::new(name), peers.iter().copied().map(ServerId).collect())
    }

    fn at(group: &RaftGroup, created_ns: u64) -> Option<Placement<'_>> {
        Some(Placement { group, created_ns })
    }

    #[test]
    fn a_new_stream_of_three_gets_its_group_before_its_monitor() {
        let new = group("g1", &[1, 2, 3]);
        let steps = plan(ME, None, at(&new, 1), false);
        assert_eq!(steps, [Step::CreateGroup, Step::CreateEntity, Step::LinkAssignment, Step::SpawnMonitor]);
    }

    #[test]
    fn a_stream_of_one_leads_alone() {
        let new = group("g1", &[1]);
        assert_eq!(plan(ME, None, at(&new, 1), false), [Step::CreateEntity, Step::LinkAssignment, Step::LeadAlone]);
    }

    #[test]
    fn what_lives_elsewhere_is_left_alone() {
        let new = group("g1", &[2, 3, 4]);
        assert_eq!(plan(ME, None, at(&new, 1), false), []);
        assert_eq!(plan(ME, at(&new, 1), None, false), []);
    }

    #[test]
    fn a_remap_waits_for_the_old_monitor_before_the_new_group() {
        let (old, new) = (group("g1", &[1, 2, 3]), group("g2", &[1, 2, 3]));
        let expected = [
            Step::RetireNode,
            Step::StopSlot,
            Step::ClearGroupNode,
            Step::LinkAssignment,
            Step::CreateGroup,
            Step::LinkAssignment,
            Step::SpawnMonitor,
        ];
        assert_eq!(plan(ME, at(&old, 1), at(&new, 1), true), expected);
    }

    #[test]
    fn a_downgrade_waits_before_it_clears_what_the_monitor_uses() {
        let (old, new) = (group("g1", &[1, 2, 3]), group("g2", &[1]));
        let expected = [
            Step::RetireNode,
            Step::StopSlot,
            Step::StopCatchup,
            Step::Persist,
            Step::DeleteGroup,
            Step::LinkAssignment,
            Step::LeadAlone,
        ];
        assert_eq!(plan(ME, at(&old, 1), at(&new, 1), true), expected);
    }

    #[test]
    fn an_upgrade_stops_who_leads_alone_first() {
        let (old, new) = (group("g1", &[1]), group("g2", &[1, 2, 3]));
        assert_eq!(plan(ME, at(&old, 1), at(&new, 1), true)[0], Step::StopSlot);
    }

    #[test]
    fn a_server_that_leaves_removes_its_copy_and_node() {
        let (old, new) = (group("g1", &[1, 2, 3]), group("g1", &[2, 3, 4]));
        let expected = [Step::StepDown, Step::DeleteNode, Step::ClearGroupNode, Step::StopSlot, Step::RemoveHere];
        assert_eq!(plan(ME, at(&old, 1), at(&new, 1), true), expected);
    }

    #[test]
    fn a_deletion_deletes_and_a_new_one_of_the_name_replaces() {
        let (old, new) = (group("g1", &[1, 2, 3]), group("g2", &[1]));
        let deletion = [Step::DeleteNode, Step::StopSlot, Step::Delete, Step::ClearGroupNode];
        assert_eq!(plan(ME, at(&old, 1), None, true), deletion);
        let replaced = plan(ME, at(&old, 1), at(&new, 2), true);
        assert_eq!(replaced[..4], deletion);
        assert_eq!(replaced[4..], [Step::CreateEntity, Step::LinkAssignment, Step::LeadAlone]);
    }

    #[test]
    fn a_change_of_configuration_stops_nothing() {
        let old = group("g1", &[1, 2, 3]);
        assert_eq!(plan(ME, at(&old, 1), at(&old, 1), true), [Step::LinkAssignment, Step::UpdateConfig]);
    }
}
