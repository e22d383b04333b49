//! What a raft node's handle promises: leadership given away, observers, reads, guards, snapshots refused, ends.

use std::time::Duration;

use bytes::Bytes;
use interlock_engine::core::names::ServerId;
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::raft::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2, MessageType};
use interlock_engine::raft::{CheckpointRefused, ProposeError, Role};
use interlock_sync::random::Random;
use tokio::time::{Instant, timeout};

use crate::harness::expect;
use crate::raft_world::{World, pause, with_both_hosts};

/// Waits until somebody else leads: how long it took.
async fn others_lead(world: &World, except: u64) -> Duration {
    let began = Instant::now();
    let leads = |(id, server): (&u64, &crate::raft_world::Server)| *id != except && server.node.status().is_leader();
    while !world.servers.iter().any(leads) {
        pause(10).await;
    }
    began.elapsed()
}

scenario!(s_53_leadership_moves_before_the_node_stops, "S-53", [], async {
    with_both_hosts(|host| async move {
        let mut world = World::started(3, host, 53).await;
        let leader = world.elect().await;
        world.write("x").await.ok_or("no write")?;
        let preferred = if leader == 3 { 2 } else { 3 };
        let node = world.node(leader).clone();
        node.step_down(Some(ServerId(preferred))).await.map_err(|error| error.to_string())?;
        node.set_observer(true).await.map_err(|error| error.to_string())?;
        world.stop(leader).await;
        let took = others_lead(&world, leader).await;
        expect(took < Duration::from_secs(2), format!("no leader for {took:?}"))?;
        expect(world.elect().await == preferred, "another leader than the preferred one")
    })
    .await
});

scenario!(s_51_an_observer_votes_and_never_campaigns, "S-51", [], async {
    with_both_hosts(|host| async move {
        let mut world = World::started(3, host, 51).await;
        let leader = world.elect().await;
        let observer = if leader == 1 { 2 } else { 1 };
        world.node(observer).set_observer(true).await.map_err(|error| error.to_string())?;
        world.stop(leader).await;
        let others = others_lead(&world, observer);
        let took = timeout(Duration::from_secs(60), others).await.map_err(|_| "a group of two does not elect")?;
        expect(took < Duration::from_secs(20), format!("no leader for {took:?}"))?;
        let new_leader = world.elect().await;
        world.node(observer).campaign().await.map_err(|error| error.to_string())?;
        let sent = world.node(new_leader).transfer(ServerId(observer)).await.map_err(|error| error.to_string())?;
        expect(sent, "raft did not take the transfer")?;
        pause(30_000).await;
        let asked = world.wire.sent(observer, MessageType::MsgRequestPreVote).len()
            + world.wire.sent(observer, MessageType::MsgRequestVote).len();
        expect(asked == 0, format!("an observer asked for votes {asked} times"))?;
        expect(world.elect().await == new_leader, "an observer took the lead")
    })
    .await
});

scenario!(who_is_no_member_yet_does_not_campaign, "3.12", [], async {
    with_both_hosts(|host| async move {
        let mut world = World::started(1, host, 52).await;
        let leader = world.elect().await;
        world.write("x").await.ok_or("no write")?;
        // It has no members to be elected by, and then it is a learner.
        world.start(2).await.map_err(|error| error.to_string())?;
        let joiner = world.node(2).clone();
        joiner.campaign().await.map_err(|closed| format!("it has ended: {closed}"))?;
        let change = ConfChangeSingle { change_type: ConfChangeType::AddLearnerNode, node_id: 2, ..Default::default() };
        let change = ConfChangeV2 { changes: vec![change].into(), ..ConfChangeV2::default() };
        let added = world.node(leader).change_members(change).await.map_err(|error| error.to_string())?;
        expect(world.applies(2, added.index, Duration::from_secs(10)).await, "it does not learn")?;
        joiner.campaign().await.map_err(|closed| format!("it has ended: {closed}"))?;
        pause(10_000).await;
        let asked = world.wire.sent(2, MessageType::MsgRequestPreVote).len()
            + world.wire.sent(2, MessageType::MsgRequestVote).len();
        expect(asked == 0, format!("who does not vote has asked for votes {asked} times"))?;
        expect(world.elect().await == leader, "it leads")?;
        world.write("y").await.ok_or("no write afterwards")?;
        Ok(())
    })
    .await
});

scenario!(a_leader_without_healthy_peers_follows, "3.12", [], async {
    with_both_hosts(|host| async move {
        let world = World::started(3, host, 5).await;
        let leader = world.elect().await;
        world.wire.isolate(leader);
        pause(3500).await;
        let node = world.node(leader);
        let (term, began) = (node.status().term, Instant::now());
        expect(node.status().is_leader(), "its quorum check came first: the scenario shows nothing")?;
        node.step_down(None).await.map_err(|error| error.to_string())?;
        expect(began.elapsed() < Duration::from_millis(500), "waited for peers that it does not hear")?;
        let status = node.status();
        expect(status.role == Role::Follower && status.term == term, format!("{:?} in {}", status.role, status.term))
    })
    .await
});

scenario!(a_read_index_covers_what_was_acknowledged, "5.2", [], async {
    with_both_hosts(|host| async move {
        let world = World::started(3, host, 6).await;
        // Asked before there is a leader: answered by the first one that has committed in its term.
        let node = world.node(2).clone();
        let early = tokio::spawn(async move { node.read_index().await });
        let leader = world.elect().await;
        for number in 0..10u8 {
            let written = world.write(vec![number]).await.ok_or("no write")?;
            for server in 1..=3 {
                let read = timeout(Duration::from_secs(5), world.node(server).read_index()).await;
                let index = read.map_err(|_| "no answer")?.map_err(|error| error.to_string())?;
                expect(index >= written, format!("server {server} reads at {index}, {written} is acknowledged"))?;
            }
        }
        let early = timeout(Duration::from_secs(5), early).await.map_err(|_| "the early read has no answer")?;
        expect(matches!(early, Ok(Ok(index)) if index > 0), format!("{early:?}"))?;
        world.wire.isolate(leader);
        let stale = timeout(Duration::from_secs(3), world.node(leader).read_index()).await;
        expect(stale.is_err(), "a leader without a quorum answered a read")
    })
    .await
});

scenario!(a_follower_that_cannot_apply_refuses_appends, "3.6", [], async {
    with_both_hosts(|host| async move {
        let mut world = World::new(3, host, 7);
        world.limits.unapplied = 50;
        for server in 1..=3 {
            world.start(server).await.map_err(|error| error.to_string())?;
        }
        let leader = world.elect().await;
        let slow = if leader == 1 { 2 } else { 1 };
        world.node(slow).pause_apply();
        for number in 0..200u8 {
            world.write(vec![number]).await.ok_or("no write")?;
        }
        let (status, n_waiting) = (world.node(slow).status(), world.node(slow).n_waiting());
        expect((50..100).contains(&n_waiting), format!("{n_waiting} wait"))?;
        expect(status.role == Role::Follower && !status.current, "counts as caught up")?;
        world.node(slow).resume_apply();
        let last = world.write("after").await.ok_or("no write")?;
        expect(world.applies(slow, last, Duration::from_secs(10)).await, "does not go on")?;
        expect(world.applied(slow).data == world.applied(leader).data, "another state")
    })
    .await
});

scenario!(a_leader_that_cannot_commit_steps_down, "3.6", [], async {
    with_both_hosts(|host| async move {
        let mut world = World::new(3, host, 8);
        world.limits.uncommitted = 50;
        for server in 1..=3 {
            world.start(server).await.map_err(|error| error.to_string())?;
        }
        let leader = world.elect().await;
        world.wire.isolate(leader);
        for number in 0..60u8 {
            world.node(leader).propose(None, vec![number].into()).await.map_err(|error| error.to_string())?;
        }
        pause(200).await;
        expect(!world.node(leader).status().is_leader(), "goes on to lead")
    })
    .await
});

scenario!(a_snapshot_is_refused_for_a_reason, "3.4", [], async {
    with_both_hosts(|host| async move {
        let world = World::started(1, host, 10).await;
        world.elect().await;
        world.write("x").await.ok_or("no write")?;
        let node = world.node(1);
        let refused = |force| node.checkpoint(force).err();
        node.block_snapshots(true);
        expect(refused(false) == Some(CheckpointRefused::CatchUp), "made although a catch-up runs")?;
        expect(refused(true).is_none(), "a forced one is refused while a catch-up runs")?;
        node.block_snapshots(false);
        let checkpoint = node.checkpoint(false).map_err(|refused| refused.to_string())?;
        expect(refused(false) == Some(CheckpointRefused::InProgress), "two at once")?;
        checkpoint.install(Bytes::new()).await.map_err(|error| error.to_string())?;
        expect(refused(false) == Some(CheckpointRefused::NothingApplied), "made of nothing")?;
        expect(node.install_forced(Bytes::new()).await == Ok(false), "forced of nothing")?;
        world.write("y").await.ok_or("no write")?;
        world.servers[&1].disk.fail(Fault::always(Operation::Write, ".log", 28));
        let _lost = node.propose(None, "z".into()).await;
        pause(100).await;
        let error = node.write_error().ok_or("no write error")?;
        expect(refused(true) == Some(CheckpointRefused::WriteError(error)), "made with a write error")
    })
    .await
});

scenario!(a_node_ends_once_for_all_who_ask, "1.4", [], async {
    with_both_hosts(|host| async move {
        let world = World::started(1, host, 11).await;
        world.elect().await;
        world.write("x").await.ok_or("no write")?;
        let (node, quit) = (world.node(1).clone(), world.node(1).quit());
        let mut ends = tokio::task::JoinSet::new();
        for number in 0..8 {
            let node = node.clone();
            ends.spawn(async move {
                if number % 2 == 0 {
                    node.stop().await;
                    return Ok(());
                }
                node.delete().await
            });
        }
        let ended = timeout(Duration::from_secs(10), ends.join_all()).await.map_err(|_| "a stop does not return")?;
        expect(ended.iter().all(Result::is_ok), format!("{ended:?}"))?;
        expect(quit.is_cancelled() && node.status().role == Role::Closed, "not closed")?;
        expect(world.servers[&1].disk.files().is_empty(), "its files stay")?;
        let refused = node.propose(None, "late".into()).await;
        expect(matches!(refused, Err(ProposeError::Closed(_))), format!("{refused:?}"))?;
        expect(node.write_error().is_none(), "an orderly end is an error")
    })
    .await
});

fn single(kind: ConfChangeType, server: u64) -> ConfChangeSingle {
    let mut single = ConfChangeSingle { node_id: server, ..ConfChangeSingle::default() };
    single.set_change_type(kind);
    single
}

scenario!(a_joint_change_swaps_members_and_ends_by_itself, "5", [], async {
    with_both_hosts(|host| async move {
        let mut world = World::started(3, host, 12).await;
        let leader = world.elect().await;
        world.write("x").await.ok_or("no write")?;
        world.start(4).await.map_err(|error| error.to_string())?;
        let leaving = if leader == 1 { 2 } else { 1 };
        let mut change = ConfChangeV2::default();
        change.mut_changes().push(single(ConfChangeType::AddNode, 4));
        change.mut_changes().push(single(ConfChangeType::RemoveNode, leaving));
        world.node(leader).change_members(change.clone()).await.map_err(|error| error.to_string())?;
        expect(world.node(leader).change_members(change).await.is_err(), "a second change while one is under way")?;
        pause(3000).await;
        let mut wanted: Vec<ServerId> = (1..=4).filter(|server| *server != leaving).map(ServerId).collect();
        wanted.sort_unstable();
        let voters = world.node(4).status().voters;
        expect(voters == wanted, format!("the voters are {voters:?}"))?;
        world.stop(leaving).await;
        let last = world.write("y").await.ok_or("no write by the new members")?;
        expect(world.applies(4, last, Duration::from_secs(5)).await, "the new member lags behind")?;
        world.stop(4).await;
        world.start(4).await.map_err(|error| error.to_string())?;
        expect(world.node(4).status().voters == wanted, "the members are forgotten by a restart")
    })
    .await
});

scenario!(a_leader_that_removes_itself_hands_over, "5", [], async {
    with_both_hosts(|host| async move {
        let world = World::started(3, host, 13).await;
        let leader = world.elect().await;
        world.write("x").await.ok_or("no write")?;
        let mut change = ConfChangeV2::default();
        change.mut_changes().push(single(ConfChangeType::RemoveNode, leader));
        world.node(leader).change_members(change).await.map_err(|error| error.to_string())?;
        let took = timeout(Duration::from_secs(60), others_lead(&world, leader)).await;
        let took = took.map_err(|_| "nobody takes over from a leader that removed itself")?;
        expect(took < Duration::from_secs(2), format!("no leader for {took:?}"))?;
        pause(20_000).await;
        expect(world.node(leader).write_error().is_none(), "the removed leader failed")?;
        let new_leader = world.leader().ok_or("no leader")?;
        let proposed = world.node(new_leader).propose(None, "y".into()).await.map_err(|error| error.to_string())?;
        expect(world.applies(new_leader, proposed.index, Duration::from_secs(5)).await, "the others do not go on")
    })
    .await
});

scenario!(an_error_ends_the_snapshot_in_progress_before_it_is_told, "S-00", [], async {
    with_both_hosts(|host| async move {
        let world = World::started(3, host, 12).await;
        let leader = world.elect().await;
        for number in 0..20_u8 {
            world.write(vec![number; 100]).await.ok_or("no write")?;
        }
        let server = &world.servers[&leader];
        let checkpoint = server.node.checkpoint(false).map_err(|refused| refused.to_string())?;
        server.disk.stall(".new");
        let installing = tokio::spawn(checkpoint.install(world.applied(leader).encode()));
        pause(100).await;
        let second = server.node.checkpoint(false).err();
        expect(second == Some(CheckpointRefused::InProgress), format!("no snapshot is in progress: {second:?}"))?;
        server.disk.fail(Fault::always(Operation::Write, ".log", 5));
        let _may_be_lost = server.node.propose(None, "x".into()).await;
        pause(1000).await;
        let (n_told, n_in_progress) = (server.told.errors().len(), server.told.n_in_progress());
        expect(n_told == 1, format!("told {n_told} times"))?;
        expect(n_in_progress == 0, "the snapshot is in progress when the handler begins")?;
        server.disk.release(".new");
        let installed = installing.await.map_err(|error| error.to_string())?;
        expect(installed.is_err() && server.node.status().snapshot_index == 0, format!("{installed:?}"))
    })
    .await
});

scenario!(a_server_that_starts_alone_knows_what_was_committed, "S-00", [], async {
    with_both_hosts(|host| async move {
        for is_orderly in [true, false] {
            let mut world = World::started(3, host, 31).await;
            world.elect().await;
            let last = world.write("last").await.ok_or("no write")?;
            expect(world.applies(1, last, Duration::from_secs(5)).await, "not replicated")?;
            if is_orderly {
                world.wire.isolate(1);
                world.stop(1).await;
            } else {
                // Some heartbeats.
                pause(3000).await;
                world.wire.isolate(1);
                world.crash(1, &mut Random::from_seed(31)).await;
            }
            world.start(1).await.map_err(|error| error.to_string())?;
            let knows = world.applies(1, last, Duration::from_secs(2)).await;
            let found = world.applied(1).index;
            expect(knows, format!("an orderly end: {is_orderly}: it knows of {found} entries, and applied {last}"))?;
        }
        Ok(())
    })
    .await
});
