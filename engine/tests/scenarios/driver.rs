//! Scenarios of the raft driver: one owner, durable before spoken of, every ready and light ready used up.

use std::time::Duration;

use bytes::Bytes;
use interlock_engine::core::names::ServerId;
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::raft::eraftpb::{
    ConfChangeSingle, ConfChangeType, ConfChangeV2, Entry, EntryType, Message, MessageType,
};
use interlock_engine::raft::{NodeHost, ProposeError, Role};
use interlock_sync::random::Random;
use tokio::time::timeout;

use crate::harness::{Outcome, expect};
use crate::raft_world::{World, pause, with_both_hosts};

const SECOND: Duration = Duration::from_secs(1);

/// A message of a server that is not there, with the log of a founded group of three voters.
fn puppet(kind: MessageType, from: u64, term: u64) -> Message {
    let mut message = Message { from, to: 1, term, index: 3, log_term: 1, ..Message::default() };
    message.set_msg_type(kind);
    message
}

fn adding(server: u64) -> ConfChangeV2 {
    let mut single = ConfChangeSingle { node_id: server, ..ConfChangeSingle::default() };
    single.set_change_type(ConfChangeType::AddNode);
    let mut change = ConfChangeV2::default();
    change.mut_changes().push(single);
    change
}

scenario!(s_88_a_member_joins_under_load, "S-88", [M100 => "frozen at the change of members"], async {
    with_both_hosts(|host| async move {
        let mut world = World::started(3, host, 88).await;
        let leader = world.elect().await;
        world.start(4).await.map_err(|error| error.to_string())?;
        let mut last = 0;
        for number in 0..300u32 {
            if number == 100 {
                let changed = world.node(leader).change_members(adding(4)).await;
                changed.map_err(|error| error.to_string())?;
            }
            let data = Bytes::from(number.to_le_bytes().to_vec());
            let proposed = timeout(Duration::from_millis(100), world.node(leader).propose(None, data)).await;
            let proposed = proposed.map_err(|_| "frozen at the change of members: no answer within 100 ms")?;
            last = proposed.map_err(|error| error.to_string())?.index;
            pause(10).await;
        }
        for server in 1..=4 {
            expect(world.applies(server, last, 5 * SECOND).await, format!("server {server} lags behind"))?;
            let status = world.node(server).status();
            expect(status.voters.contains(&ServerId(4)), format!("server {server} does not know the new voter"))?;
            expect(world.applied(server).data.len() == 300, format!("server {server} misses entries"))?;
        }
        Ok(())
    })
    .await
});

/// A world of three whose server 3 was away while the others moved their logs' beginning: the leader.
async fn with_a_laggard(host: NodeHost) -> (World, u64) {
    let world = World::started(3, host, 98).await;
    let leader = loop {
        let leader = world.elect().await;
        if leader != 3 {
            break leader;
        }
        world.node(3).step_down(None).await.unwrap();
    };
    world.wire.isolate(3);
    for number in 0..60u8 {
        world.write(vec![number; 100]).await.unwrap();
    }
    // Longer than three heartbeats: nothing is kept for a server that is not heard.
    pause(4000).await;
    for server in [1, 2] {
        let checkpoint = world.node(server).checkpoint(false).unwrap();
        checkpoint.install(world.applied(server).encode()).await.unwrap();
    }
    (world, leader)
}

scenario!(s_98_a_snapshot_is_installed_once, "S-98", [M110 => "follows the log after the snapshot: false"], async {
    with_both_hosts(|host| async move {
        let (world, _) = with_a_laggard(host).await;
        world.wire.heal();
        pause(15_000).await;
        let leader = world.elect().await;
        let last = world.write("after").await.ok_or("no write after the laggard is back")?;
        let follows = world.applies(3, last, 10 * SECOND).await;
        let n_snapshots = world.applied(3).n_snapshots();
        let found = format!("{n_snapshots} installed; follows the log after the snapshot: {follows}");
        expect(follows && n_snapshots == 1, found)?;
        expect(world.applied(3).data == world.applied(leader).data, "another state after the snapshot")
    })
    .await
});

scenario!(s_99_a_failed_installation_ends_the_node, "S-99", [M111 => "goes on after a failed installation"], async {
    with_both_hosts(|host| async move {
        let (world, _) = with_a_laggard(host).await;
        world.servers[&3].disk.fail(Fault::always(Operation::Rename, "snapshot", 5));
        world.wire.heal();
        pause(15_000).await;
        let node = world.node(3);
        expect(node.status().role == Role::Closed, "goes on after a failed installation")?;
        expect(node.write_error().is_some(), "closed without its error")?;
        expect(world.applied(3).n_snapshots() == 0, "delivered what was not installed")
    })
    .await
});

scenario!(s_100_an_append_that_failed_is_not_acknowledged, "S-100", [M112 => "lost an acknowledged entry"], async {
    with_both_hosts(|host| async move {
        let mut world = World::started(3, host, 100).await;
        let leader = world.elect().await;
        let others: Vec<u64> = (1..=3).filter(|server| *server != leader).collect();
        let (away, failing) = (others[0], others[1]);
        world.wire.isolate(away);
        world.servers[&failing].disk.fail(Fault::always(Operation::Sync, ".log", 5));
        let acknowledged = match world.node(leader).propose(None, "kept?".into()).await {
            Ok(proposed) => world.applies(leader, proposed.index, 2 * SECOND).await,
            Err(_) => false,
        };
        let (role, error) = (world.node(failing).status().role, world.node(failing).write_error());
        world.stop(leader).await;
        world.crash(failing, &mut Random::from_seed(1)).await;
        world.wire.heal();
        world.start(failing).await.map_err(|error| error.to_string())?;
        world.elect().await;
        world.write("after").await.ok_or("the others do not go on")?;
        let survived = world.applied(away).data.iter().any(|(_, data)| data == "kept?");
        expect(survived || !acknowledged, "lost an acknowledged entry")?;
        expect(role == Role::Closed && error.is_some(), format!("{role:?} with the error {error:?}"))
    })
    .await
});

scenario!(s_101_single_voter, "S-101", [M113 => "of 10 proposals"], async {
    with_both_hosts(|host| async move {
        let world = World::started(1, host, 1).await;
        world.elect().await;
        for number in 0..10u8 {
            world.node(1).propose(None, vec![number].into()).await.map_err(|error| error.to_string())?;
        }
        pause(1000).await;
        let n_applied = world.applied(1).data.len();
        expect(n_applied == 10, format!("{n_applied} of 10 proposals applied"))
    })
    .await
});

scenario!(s_102_a_leader_with_the_slowest_disk, "S-102", [M113 => "the leader did not apply"], async {
    with_both_hosts(|host| async move {
        let mut world = World::new(3, host, 102);
        world.limits.committed_bytes_per_turn = 160;
        for server in 1..=3 {
            world.start(server).await.map_err(|error| error.to_string())?;
        }
        let leader = world.elect().await;
        for round in 0..3u8 {
            world.servers[&leader].disk.stall("/raft");
            let node = world.node(leader).clone();
            for number in 0..50 {
                let node = node.clone();
                let _proposing = tokio::spawn(async move { node.propose(None, vec![round, number].into()).await });
            }
            pause(1000).await;
            world.servers[&leader].disk.release("/raft");
            pause(1000).await;
        }
        let data = world.applied(leader).data;
        let in_order = data.is_sorted_by(|a, b| a.0 < b.0);
        expect(data.len() == 150 && in_order, format!("the leader did not apply all 150 in order: {}", data.len()))
    })
    .await
});

scenario!(s_103_nobody_comes_between_ready_and_advance, "S-103", [M114 => "ended by a panic"], async {
    let mut world = World::new(3, NodeHost::SharedLock, 103);
    world.start(1).await.map_err(|error| error.to_string())?;
    let shared = world.node(1).shared().ok_or("not behind a lock")?;
    pause(100).await;
    world.servers[&1].disk.stall("/raft");
    // The vote is on its way to the disk: a ready was taken.
    world.node(1).step(puppet(MessageType::MsgRequestVote, 2, 5));
    pause(50).await;
    let guard = timeout(SECOND, shared.lock()).await;
    guard.map_err(|_| "the lock is held over the disk")?.campaign();
    world.servers[&1].disk.release("/raft");
    pause(50).await;
    let error = world.node(1).write_error();
    expect(error.is_none(), error.map(|error| error.to_string()).unwrap_or_default())?;
    let granted = world.wire.sent(1, MessageType::MsgRequestVoteResponse);
    expect(granted.len() == 1 && !granted[0].reject, "the vote is lost")
});

scenario!(s_104_a_stalled_disk_stalls_nobody_else, "S-104", [M115 => "the lock is held over the disk"], async {
    with_both_hosts(|host| async move {
        let world = World::started(3, host, 104).await;
        let leader = world.elect().await;
        world.servers[&leader].disk.stall("/raft");
        let node = world.node(leader).clone();
        let _proposing = tokio::spawn({
            let node = node.clone();
            async move { node.propose(None, "stalled".into()).await }
        });
        pause(100).await;
        let beats = world.wire.sent(leader, MessageType::MsgHeartbeat).len();
        if let Some(shared) = node.shared() {
            let looked = timeout(SECOND, async { shared.lock().await.term() }).await;
            looked.map_err(|_| "the lock is held over the disk")?;
        }
        pause(10_000).await;
        let beats_after = world.wire.sent(leader, MessageType::MsgHeartbeat).len();
        expect(beats_after == beats, "a node whose disk stalls goes on to send heartbeats")?;
        let status = node.status();
        expect(status.term > 0 && !status.voters.is_empty(), "no status")?;
        let new_leader = world.servers.iter().find(|(id, server)| **id != leader && server.node.status().is_leader());
        expect(new_leader.is_some(), "the others did not go on")?;
        timeout(5 * SECOND, node.stop()).await.map_err(|_| "a stop waits for the disk".to_owned())
    })
    .await
});

scenario!(s_107_an_undecodable_change_of_members_is_fatal, "S-107", [], async {
    with_both_hosts(|host| async move {
        let mut world = World::new(3, host, 107);
        world.start(1).await.map_err(|error| error.to_string())?;
        let mut entry = Entry { index: 4, term: 2, data: Bytes::from_static(&[0xff; 9]), ..Entry::default() };
        entry.set_entry_type(EntryType::EntryConfChangeV2);
        let mut append = puppet(MessageType::MsgAppend, 2, 2);
        append.mut_entries().push(entry);
        append.commit = 4;
        world.node(1).step(append);
        pause(100).await;
        let error = world.node(1).write_error().map(|error| error.to_string()).unwrap_or_default();
        expect(error.contains("undecodable"), format!("the error is {error:?}"))?;
        expect(world.node(1).status().role == Role::Closed, "goes on")?;
        expect(world.applied(1).index < 4, "applied beyond the entry")
    })
    .await
});

scenario!(s_108_a_leader_is_known_before_its_entries, "S-108", [], async {
    with_both_hosts(|host| async move {
        let mut world = World::new(3, host, 108);
        world.start(1).await.map_err(|error| error.to_string())?;
        let mut append = puppet(MessageType::MsgAppend, 2, 2);
        append.mut_entries().push(Entry { index: 4, term: 2, data: "old".into(), ..Entry::default() });
        world.node(1).step(append);
        pause(100).await;
        // One turn: another leader, and an entry that is committed by it.
        let mut append = puppet(MessageType::MsgAppend, 3, 3);
        (append.index, append.log_term, append.commit) = (4, 2, 4);
        world.node(1).step(append);
        pause(100).await;
        let shown = world.applied(1).shown.get(&4).cloned().ok_or("the entry was not delivered")?;
        let found = format!("delivered in term {} of {:?}", shown.term, shown.leader);
        expect(shown.term == 3 && shown.leader == Some(ServerId(3)), found)
    })
    .await
});

scenario!(s_114_proposals_of_an_old_term_are_refused, "S-114", [], async {
    with_both_hosts(|host| async move {
        let world = World::started(3, host, 114).await;
        let leader = world.elect().await;
        let node = world.node(leader);
        let term = node.status().term;
        node.propose(Some(term), "now".into()).await.map_err(|error| error.to_string())?;
        node.step_down(None).await.map_err(|error| error.to_string())?;
        let other = world.elect().await;
        let refused = node.propose(Some(term), "late".into()).await;
        expect(matches!(refused, Err(ProposeError::NotLeader { .. })), format!("on a follower: {refused:?}"))?;
        pause(3000).await;
        world.node(other).step_down(Some(ServerId(leader))).await.map_err(|error| error.to_string())?;
        expect(world.elect().await == leader, "leadership did not come back")?;
        let refused = node.propose(Some(term), "late".into()).await;
        expect(matches!(refused, Err(ProposeError::StaleTerm { .. })), format!("after it came back: {refused:?}"))
    })
    .await
});

scenario!(an_append_whose_entries_do_not_follow_it_is_not_acknowledged, "S-00", [], async {
    with_both_hosts(|host| async move {
        let mut world = World::new(3, host, 90);
        world.start(1).await.map_err(|error| error.to_string())?;
        let mut append = puppet(MessageType::MsgAppend, 2, 2);
        append.mut_entries().push(Entry { term: 2, index: 5, ..Entry::default() });
        world.node(1).step(append.clone());
        pause(100).await;
        let responses = |world: &World| world.wire.sent(1, MessageType::MsgAppendResponse);
        let claimed = responses(&world).iter().filter(|answer| !answer.reject).map(|answer| answer.index).max();
        expect(claimed.is_none_or(|index| index <= 3), format!("it claims {claimed:?}, and was sent no entry 4"))?;
        // The one that follows is taken.
        append.mut_entries()[0].index = 4;
        world.node(1).step(append);
        pause(100).await;
        let claims = responses(&world).iter().any(|answer| !answer.reject && answer.index == 4);
        expect(claims, "it takes nothing, which shows nothing")
    })
    .await
});

/// Whether a vote was granted to this server.
fn has_granted(world: &World, to: u64) -> bool {
    world.wire.sent(1, MessageType::MsgRequestVoteResponse).iter().any(|answer| answer.to == to && !answer.reject)
}

scenario!(s_58_the_class_handler_runs_first, "S-58", [M70 => "the class handler was not told"], async {
    with_both_hosts(|host| async move {
        let world = World::started(3, host, 58).await;
        let leader = world.elect().await;
        let server = &world.servers[&leader];
        server.disk.fail(Fault::always(Operation::Write, ".log", 13));
        let _may_be_lost = server.node.propose(None, "x".into()).await;
        pause(1000).await;
        let told = server.told.errors();
        expect(told.len() == 1, format!("the class handler was not told once but {} times", told.len()))
            .map_err(|symptom| if told.is_empty() { "the class handler was not told".to_owned() } else { symptom })?;
        expect(!told[0].1, "the node was closed before the handler was told")?;
        expect(server.node.status().role == Role::Closed, "goes on with a write error")?;
        let n_sent = world.wire.all_sent().iter().filter(|message| message.from == leader).count();
        pause(20_000).await;
        let n_sent_after = world.wire.all_sent().iter().filter(|message| message.from == leader).count();
        expect(n_sent == n_sent_after, "a node with a write error goes on to speak")
    })
    .await
});

scenario!(s_59_no_vote_that_is_not_durable, "S-59", [M71 => "two votes in one term"], async {
    with_both_hosts(|host| async move {
        let mut world = World::new(3, host, 59);
        world.start(1).await.map_err(|error| error.to_string())?;
        world.servers[&1].disk.fail(Fault::always(Operation::Sync, ".log", 5));
        world.node(1).step(puppet(MessageType::MsgRequestVote, 2, 5));
        pause(100).await;
        world.crash(1, &mut Random::from_seed(59)).await;
        world.start(1).await.map_err(|error| error.to_string())?;
        world.node(1).step(puppet(MessageType::MsgRequestVote, 3, 5));
        pause(100).await;
        world.node(1).step(puppet(MessageType::MsgRequestVote, 2, 5));
        pause(100).await;
        expect(!(has_granted(&world, 2) && has_granted(&world, 3)), "two votes in one term")?;
        expect(has_granted(&world, 3), "no vote at all after the restart")
    })
    .await
});

scenario!(s_60_no_candidacy_that_is_not_durable, "S-60", [M72 => "asked for votes"], async {
    with_both_hosts(|host| async move {
        let world = World::started(3, host, 60).await;
        pause(100).await;
        world.servers[&1].disk.fail(Fault::always(Operation::Write, ".log", 5));
        world.node(1).campaign().await.map_err(|error| error.to_string())?;
        pause(1000).await;
        let asked = world.wire.sent(1, MessageType::MsgRequestVote);
        expect(asked.is_empty(), "asked for votes although its own is not durable")?;
        expect(!world.wire.sent(1, MessageType::MsgRequestPreVote).is_empty(), "did not campaign")?;
        expect(world.node(1).status().role == Role::Closed, "goes on")
    })
    .await
});

async fn founded(n_proposals: u8, host: NodeHost) -> World {
    let world = World::started(1, host, 61).await;
    world.elect().await;
    for number in 0..n_proposals {
        world.write(vec![number; 100]).await.unwrap();
    }
    world
}

async fn snapshot(world: &World) -> Result<(), String> {
    let checkpoint = world.node(1).checkpoint(false).map_err(|refused| refused.to_string())?;
    checkpoint.install(world.applied(1).encode()).await.map_err(|error| error.to_string())
}

fn files_with(world: &World, part: &str) -> Vec<String> {
    let paths = world.servers[&1].disk.files().into_keys().map(|path| path.to_string_lossy().into_owned());
    paths.filter(|path| path.contains(part)).collect()
}

scenario!(s_61_the_log_is_cut_behind_a_durable_snapshot_only, "S-61", [M73 => "unrecoverable"], async {
    with_both_hosts(|host| async move {
        let mut world = founded(20, host).await;
        snapshot(&world).await?;
        let before = files_with(&world, ".snapshot");
        for number in 0..40u8 {
            world.write(vec![number; 100]).await.ok_or("a write failed")?;
        }
        world.servers[&1].disk.fail(Fault::always(Operation::Rename, ".snapshot", 5));
        let failed = snapshot(&world).await;
        let (after, beside) = (files_with(&world, ".snapshot"), files_with(&world, ".new"));
        let is_open = !world.node(1).is_closed();
        let state = world.applied(1).data;
        world.crash(1, &mut Random::from_seed(61)).await;
        world.start(1).await.map_err(|error| format!("unrecoverable: {error}"))?;
        world.elect().await;
        pause(1000).await;
        expect(world.applied(1).data == state, "the state is another after the restart")?;
        expect(failed.is_err() && after == before && beside.is_empty(), format!("{failed:?}, {after:?}, {beside:?}"))?;
        expect(is_open, "one failed snapshot ended the node")?;
        snapshot(&world).await
    })
    .await
});

scenario!(s_84_a_snapshot_of_a_closed_node_is_no_error, "S-84", [M93 => "false write error"], async {
    with_both_hosts(|host| async move {
        let world = founded(20, host).await;
        let checkpoint = world.node(1).checkpoint(false).map_err(|refused| refused.to_string())?;
        world.servers[&1].disk.stall(".new");
        let installing = tokio::spawn(checkpoint.install(world.applied(1).encode()));
        pause(100).await;
        world.node(1).stop().await;
        world.servers[&1].disk.fail(Fault::always(Operation::Write, ".new", 5));
        world.servers[&1].disk.release(".new");
        let installed = installing.await.map_err(|error| error.to_string())?;
        let error = world.node(1).write_error();
        expect(error.is_none(), format!("false write error: {error:?}"))?;
        expect(matches!(installed, Err(interlock_engine::raft::InstallError::Closed)), format!("{installed:?}"))?;
        expect(files_with(&world, ".new").is_empty(), "the unfinished file stays")
    })
    .await
});

async fn forced_over_async(host: NodeHost) -> Outcome {
    let mut world = founded(20, host).await;
    let checkpoint = world.node(1).checkpoint(false).map_err(|refused| refused.to_string())?;
    let early = checkpoint.index();
    world.servers[&1].disk.stall("/1.new");
    let installing = tokio::spawn(checkpoint.install(world.applied(1).encode()));
    pause(100).await;
    for number in 0..5u8 {
        world.write(vec![number; 100]).await.ok_or("a write failed")?;
    }
    let forced = world.node(1).install_forced(world.applied(1).encode()).await;
    expect(forced == Ok(true), format!("forced: {forced:?}"))?;
    world.write("one more").await.ok_or("a write failed")?;
    // The late end of the aborted one comes while a third one is in progress.
    let third = world.node(1).checkpoint(false).map_err(|refused| refused.to_string())?;
    let (late, state) = (third.index(), world.applied(1));
    world.servers[&1].disk.release("/1.new");
    let aborted = installing.await.map_err(|error| error.to_string())?;
    expect(aborted.is_err(), "stale snapshot: the aborted one was installed")?;
    third.install(state.encode()).await.map_err(|error| format!("its abort ended the newer one: {error}"))?;
    pause(1000).await;
    let shown = world.node(1).status().snapshot_index;
    expect(shown == late && late > early, format!("the snapshot ends at {shown}, and not at {late}"))?;
    world.stop(1).await;
    world.start(1).await.map_err(|error| error.to_string())?;
    pause(100).await;
    expect(world.node(1).status().snapshot_index == late, "another snapshot after a restart")
}

scenario!(s_21_a_forced_snapshot_wins, "S-21", [M17 => "stale snapshot"], async {
    with_both_hosts(forced_over_async).await
});
