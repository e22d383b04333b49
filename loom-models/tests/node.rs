//! The raft node (`engine/src/raft`): a change of members under the loop's own guard, and snapshots that overtake each
//! other, meet the end of their group, or come from the leader.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use interlock_engine::core::names::{GroupName, ServerId};
use interlock_engine::core::write_error::WriteError;
use interlock_engine::disk::{Disk, SimulatedDisk};
use interlock_engine::mutation;
use interlock_engine::raft::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2, Entry, Message, MessageType};
use interlock_engine::raft::{
    Apply, ApplyQueue, GroupOptions, Network, Node, NodeContext, NodeHost, Reactions, Role, Timing,
};
use interlock_models::quiet;
use interlock_sync::model::{block_on, name_task};
use interlock_sync::task::spawn;
use interlock_sync::time::{Duration, timeout};

fn put_back(bug: &str) {
    mutation::set(Some(bug.parse().expect("the bug is in the engine's catalogue")));
}

/// A group of one sends nothing, and nobody reacts.
struct Nobody;

impl Network for Nobody {
    fn send(&self, _to: ServerId, _group: &GroupName, _message: Message) {}
}

impl Reactions for Nobody {
    fn on_write_error(&self, _group: &GroupName, _error: &WriteError) {}
}

/// A group of this server alone, which leads it.
async fn leader(host: NodeHost) -> (Node, ApplyQueue) {
    let (name, me) = (GroupName::new("g"), ServerId(1));
    let timing = Timing { heartbeat_ticks: 2, election_ticks: 3..4, ..Timing::default() };
    let options = GroupOptions { host, timing, ..GroupOptions::new(name, me, vec![me], PathBuf::from("/raft/g")) };
    let disk = Disk::in_place(Arc::new(SimulatedDisk::default()));
    let context = NodeContext { disk, network: Arc::new(Nobody), reactions: Arc::new(Nobody) };
    let (node, queue) = Node::start(options, context).await.expect("the disk is well");
    node.campaign().await.expect("it is not closed");
    node.watch().wait_for(|status| status.role == Role::Leader).await.expect("it is not closed");
    (node, queue)
}

fn a_learner() -> ConfChangeV2 {
    let mut single = ConfChangeSingle::default();
    single.set_change_type(ConfChangeType::AddLearnerNode);
    single.node_id = 2;
    let mut change = ConfChangeV2::default();
    change.mut_changes().push(single);
    change
}

interlock_models::model! {
    /// Does the loop that holds the node go on when a change of members is committed in its hands?
    mod members_change_under_the_guard = Model {
        property: "the change and a proposal beside it are answered",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-100", symptom: "deadlock", found_within: 0 }],
        pinned: Some(97_246),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let (node, queue) = leader(NodeHost::SharedLock).await;
            drop(begins);
            let client = spawn({
                let node = node.clone();
                async move {
                    name_task("client");
                    node.propose(None, Bytes::from_static(b"x")).await
                }
            });
            let changed = node.change_members(a_learner()).await;
            assert!(changed.is_ok(), "{changed:?}");
            let proposed = client.await.expect("it does not panic");
            assert!(proposed.is_ok(), "{proposed:?}");
            let _ends = quiet();
            node.stop().await;
            drop(queue);
        });
    }
}

/// A leader that has applied one entry, of which a snapshot was begun, and then another.
async fn with_a_snapshot_begun() -> (Node, ApplyQueue, interlock_engine::raft::Checkpoint, u64) {
    let (node, queue) = leader(NodeHost::Actor).await;
    let mut last = 0;
    let mut begun = None;
    for data in [&b"one"[..], b"two"] {
        last = node.propose(None, Bytes::from_static(data)).await.expect("it leads").index;
        while node.status().commit < last {
            node.watch().changed().await.expect("it is not closed");
        }
        node.applied(last);
        begun.get_or_insert_with(|| node.checkpoint(false).expect("there is something to be kept"));
    }
    (node, queue, begun.expect("it was begun"), last)
}

interlock_models::model! {
    /// Which of two snapshots stands, where the earlier one is written slowly?
    mod snapshots_overtake = Model {
        property: "the later one is installed, and stands",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-17", symptom: "stale snapshot", found_within: 1 }],
        pinned: Some(44_103),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let (node, queue, early, last) = with_a_snapshot_begun().await;
            drop(begins);
            let slow = spawn(async move {
                name_task("early snapshot");
                early.install(Bytes::from_static(b"early")).await
            });
            let forced = spawn({
                let node = node.clone();
                async move {
                    name_task("last snapshot");
                    node.install_forced(Bytes::from_static(b"last")).await
                }
            });
            let _early = slow.await.expect("it does not panic");
            let installed = forced.await.expect("it does not panic");
            assert_eq!(installed, Ok(true), "the last one is installed");
            let stands = node.status().snapshot_index;
            assert_eq!(stands, last, "stale snapshot");
            let _ends = quiet();
            node.stop().await;
            drop(queue);
        });
    }
}

interlock_models::model! {
    /// Is a snapshot that is still written when its group is deleted an error of anybody's?
    mod a_snapshot_meets_the_end = Model {
        property: "the deletion succeeds, and the node ends without a write error",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-93", symptom: "a false write error", found_within: 2 }],
        pinned: Some(13_387),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let (node, queue, early, _last) = with_a_snapshot_begun().await;
            drop(begins);
            let slow = spawn(async move {
                name_task("snapshot");
                early.install(Bytes::from_static(b"early")).await
            });
            let deletion = spawn({
                let node = node.clone();
                async move {
                    name_task("deletion");
                    node.delete().await
                }
            });
            let installed = slow.await.expect("it does not panic");
            let deleted = deletion.await.expect("it does not panic");
            assert!(deleted.is_ok(), "{deleted:?}");
            assert!(node.write_error().is_none(), "a false write error: {installed:?}");
            drop(queue);
        });
    }
}

/// A member of a group of two that follows the other one, and never asks for votes.
async fn follower() -> (Node, ApplyQueue) {
    let (name, me) = (GroupName::new("g"), ServerId(1));
    let timing = Timing { tick: Duration::from_secs(1 << 20), ..Timing::default() };
    let voters = vec![me, ServerId(2)];
    let options = GroupOptions { timing, ..GroupOptions::new(name, me, voters, PathBuf::from("/raft/g")) };
    let disk = Disk::in_place(Arc::new(SimulatedDisk::default()));
    let context = NodeContext { disk, network: Arc::new(Nobody), reactions: Arc::new(Nobody) };
    Node::start(options, context).await.expect("the disk is well")
}

/// Entries of the first term found the group: one for each member.
const FOUNDED: u64 = 2;
const LEADERS_TERM: u64 = 2;

fn from_leader(kind: MessageType) -> Message {
    let mut message = Message::default();
    message.set_msg_type(kind);
    (message.from, message.to, message.term) = (2, 1, LEADERS_TERM);
    message
}

/// The leader's entries from this index on, all of which are committed.
fn entries(first: u64, n: u64) -> Message {
    let mut message = from_leader(MessageType::MsgAppend);
    (message.index, message.log_term) = (first - 1, if first - 1 == FOUNDED { 1 } else { LEADERS_TERM });
    for index in first..first + n {
        message.entries.push(Entry { term: LEADERS_TERM, index, data: Bytes::from_static(b"x"), ..Entry::default() });
    }
    message.commit = first + n - 1;
    message
}

/// The leader's snapshot of everything up to this index.
fn snapshot(index: u64) -> Message {
    let mut message = from_leader(MessageType::MsgSnapshot);
    let snapshot = message.mut_snapshot();
    snapshot.data = Bytes::from_static(b"the leader's");
    let metadata = snapshot.mut_metadata();
    (metadata.index, metadata.term) = (index, LEADERS_TERM);
    metadata.mut_conf_state().voters = vec![1, 2];
    message
}

/// Applies what comes, up to an index: a state machine that has begun.
async fn machine(node: Node, mut queue: ApplyQueue, mut applied: u64, last: u64) -> ApplyQueue {
    name_task("state machine");
    while applied < last {
        for item in queue.pop_all().await.expect("the node is not closed") {
            match item {
                Apply::Snapshot { index, .. } => assert!(index > applied, "a snapshot takes {applied} back to {index}"),
                Apply::Entry { index, .. } | Apply::Members { index, .. } => {
                    assert_eq!(index, applied + 1, "an entry is left out, or comes again");
                }
                Apply::RecoveryDone => continue,
            }
            applied = item.index().expect("it has one");
            node.applied(applied);
        }
    }
    queue
}

interlock_models::model! {
    /// What does the state machine get where the leader's snapshot comes as it takes one of its own?
    mod a_snapshot_comes_as_one_is_taken = Model {
        property: "it gets each entry once, or a snapshot of it, and the leader's snapshot stands",
        search: Search::Bounded { preemptions: 2 },
        twins: &[
            Twin { bug: "M-17", symptom: "stale snapshot", found_within: 2 },
            Twin { bug: "M-110", symptom: "does not follow the log", found_within: 0 },
        ],
        pinned: Some(89_472),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let (node, queue) = follower().await;
            node.step(entries(3, 2));
            let queue = machine(node.clone(), queue, 0, 4).await;
            let own = node.checkpoint(false).expect("there is something to be kept");
            drop(begins);
            let machine = spawn(machine(node.clone(), queue, 4, 8));
            let own = spawn(async move {
                name_task("own snapshot");
                own.install(Bytes::from_static(b"own")).await
            });
            for message in [entries(5, 1), snapshot(7), entries(8, 1)] {
                node.step(message);
            }
            let applied = timeout(Duration::from_secs(5), machine).await;
            let queue = applied.expect("does not follow the log").expect("it does not panic");
            let _installed_or_not = own.await.expect("it does not panic");
            assert_eq!(node.status().snapshot_index, 7, "stale snapshot");
            assert!(node.write_error().is_none(), "a false write error");
            let _ends = quiet();
            node.stop().await;
            drop(queue);
        });
    }
}
