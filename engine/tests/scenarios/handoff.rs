//! The hand-over from one monitor to the next: scenarios S-01 to S-27.
//!
//! Long because the scenarios of one table stand in one file.

use std::time::Duration;

use bytes::Bytes;
use interlock_engine::api::{Request, Response};
use interlock_engine::core::config::ConsumerConfig;
use interlock_engine::core::entry::{Encoded, Origin, Publish, StreamEntry};
use interlock_engine::core::names::ServerId;
use interlock_engine::events::Event;
use interlock_engine::failpoint;
use interlock_engine::sim::World;

use crate::harness::{Outcome, expect};

const SOON: Duration = Duration::from_secs(15);

/// A cluster of three with a stream of three replicas that has ten messages.
async fn with_stream() -> Result<World, String> {
    let world = World::start(3, 7).await;
    world.create_stream("T", 3).await?;
    for n in 0..10_u8 {
        world.publish(ServerId(1), "T.a", &[n]).await?;
    }
    Ok(world)
}

async fn remap(world: &World, name: &str) -> Response {
    let peers = world.ids().to_vec();
    let via = world.meta_leader().unwrap_or(ServerId(1));
    world.request(via, Request::StreamMove { stream: name.to_owned(), peers }).await
}

/// Whether a task drives the stream on this server, on the node of its assignment.
fn is_monitored(world: &World, id: ServerId, name: &str) -> bool {
    let (Some(engine), Some(stream)) = (world.engine(id), world.stream(id, name)) else { return false };
    let Some(assignment) = engine.stream_assignment(name) else { return false };
    let Some(node) = stream.member().node() else { return false };
    let status = stream.member().slot.status();
    status.running && status.count == 1 && *node.group() == assignment.group.name && !node.is_closed()
}

fn all_monitored(world: &World, name: &str) -> bool {
    world.running().into_iter().all(|id| is_monitored(world, id, name))
}

fn group_of(world: &World, name: &str) -> String {
    let assignment = world.engine(ServerId(1)).and_then(|engine| engine.stream_assignment(name));
    assignment.map(|assignment| assignment.group.name.to_string()).unwrap_or_default()
}

fn has_group_folder(world: &World, id: ServerId, group: &str) -> bool {
    let folder = World::folder(id).join("groups").join(group);
    world.disk(id).files().keys().any(|path| path.starts_with(&folder))
}

async fn is_served(world: &World, name: &str) -> Outcome {
    let monitored = world.until(SOON, |world| all_monitored(world, name)).await;
    expect(monitored, "unmonitored")?;
    world.publish(ServerId(1), &format!("{name}.b"), b"after").await.map(|_| ())
}

scenario!(s_01_remap, "S-01", [M01 => "unmonitored"], async {
    let world = with_stream().await?;
    let old = group_of(&world, "T");
    // Each monitor is at work when the remap comes.
    failpoint::hold("monitor_exit_guard");
    let remapping = remap(&world, "T");
    let released = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        failpoint::release("monitor_exit_guard");
    };
    let (response, ()) = tokio::join!(remapping, released);
    expect(matches!(response, Response::Stream(_)) || !all_monitored(&world, "T"), format!("{response:?}"))?;
    is_served(&world, "T").await?;
    expect(group_of(&world, "T") != old, "the group has its old name")?;
    for id in world.ids() {
        expect(!has_group_folder(&world, *id, &old), "the old group's folder is there")?;
    }
    expect(world.payloads(ServerId(1), "T").len() == 11, "messages are lost")
});

scenario!(s_02_remap_while_applying, "S-02", [M01 => "unmonitored"], async {
    let world = with_stream().await?;
    failpoint::hold("apply_stream");
    let seen = failpoint::arrivals("apply_stream");
    let publishing = world.publish(ServerId(1), "T.a", b"paused");
    let remapping = async {
        failpoint::arrival_after("apply_stream", seen).await;
        let released = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let waits = world.stream(ServerId(1), "T").is_some_and(|stream| stream.member().slot.status().running);
            failpoint::release("apply_stream");
            waits
        };
        tokio::join!(remap(&world, "T"), released).1
    };
    let (_, waited) = tokio::join!(publishing, remapping);
    expect(waited, "the old monitor was gone before it had applied")?;
    is_served(&world, "T").await?;
    let copies: Vec<_> = world.payloads(ServerId(1), "T").into_iter().filter(|payload| payload == b"paused").collect();
    expect(copies.len() <= 1, "applied twice")
});

scenario!(s_03_the_count_and_not_the_flag, "S-03", [M02 => "the new group exists before the release"], async {
    let world = with_stream().await?;
    let stream = world.stream(ServerId(1), "T").ok_or("no stream")?;
    let held = stream.member().slot.hold();
    let checked = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let status = stream.member().slot.status();
        let new_group = group_of(&world, "T");
        let exists = has_group_folder(&world, ServerId(1), &new_group);
        drop(held);
        (status.running, exists)
    };
    let (_, (running, exists)) = tokio::join!(remap(&world, "T"), checked);
    expect(!exists, "the new group exists before the release")?;
    expect(!running, "the monitor runs on")?;
    is_served(&world, "T").await
});

scenario!(s_04_scale_down_in_a_burst, "S-04", [], async {
    let world = World::start(3, 11).await;
    for n in 0..10 {
        world.create_stream(&format!("B{n}"), 3).await?;
        world.publish(ServerId(1), &format!("B{n}.a"), b"one").await?;
    }
    for id in world.ids() {
        world.engine(*id).and_then(|engine| engine.meta()).ok_or("no meta")?.block_snapshots(true);
    }
    for n in 0..10 {
        scale(&world, &format!("B{n}"), 1).await?;
    }
    for n in 0..10 {
        let name = format!("B{n}");
        let one = world.until(Duration::from_secs(60), |world| copies(world, &name).len() == 1).await;
        expect(one, format!("{name} is on {:?}", copies(&world, &name)))?;
        for id in world.ids() {
            let info = world.request(*id, Request::StreamInfo(name.clone())).await;
            expect(matches!(info, Response::Stream(_)), format!("{info:?}"))?;
        }
        world.publish(ServerId(1), &format!("{name}.a"), b"two").await?;
        let kept = copies(&world, &name)[0];
        expect(world.payloads(kept, &name).len() == 2, "messages are lost")?;
    }
    Ok(())
});

async fn scale(world: &World, name: &str, replicas: u8) -> Outcome {
    let engine = world.engine(ServerId(1)).ok_or("no engine")?;
    let mut config = engine.stream_assignment(name).ok_or("not assigned")?.config;
    config.replicas = replicas;
    match world.request(ServerId(1), Request::StreamUpdate(config)).await {
        Response::Stream(_) => Ok(()),
        other => Err(format!("not scaled: {other:?}")),
    }
}

fn copies(world: &World, name: &str) -> Vec<ServerId> {
    world.running().into_iter().filter(|id| world.stream(*id, name).is_some()).collect()
}

scenario!(s_06_collapsed_updates_are_a_remap, "S-06", [M04 => "unmonitored"], async {
    let world = with_stream().await?;
    let late = world.ids().iter().copied().find(|id| Some(*id) != world.meta_leader()).ok_or("no follower")?;
    world.network.isolate(late, world.ids());
    let first = group_of(&world, "T");
    for _ in 0..2 {
        remap_without(&world, late).await;
    }
    world.network.heal();
    let followed = world.until(Duration::from_secs(60), |world| {
        let of = |id| world.engine(id).and_then(|engine| engine.stream_assignment("T"));
        of(late).map(|assignment| assignment.group.name) == of(other_than(world, late)).map(|new| new.group.name)
    });
    expect(followed.await, "the late server does not follow")?;
    is_served(&world, "T").await?;
    expect(!has_group_folder(&world, late, &first), "the first group's folder is there")
});

scenario!(s_06_a_restart_replays_down_and_up, "S-06", [], async {
    let mut world = with_stream().await?;
    for id in world.ids() {
        world.engine(*id).and_then(|engine| engine.meta()).ok_or("no meta")?.block_snapshots(true);
    }
    let asked = [Some(ServerId(1)), world.stream_leader("T")];
    let late = world.ids().iter().copied().find(|id| !asked.contains(&Some(*id))).ok_or("no follower")?;
    world.stop(late).await;
    expect(world.until(SOON, |world| world.meta_leader().is_some()).await, "no leader of the meta layer")?;
    // Its log ends with the first of three groups; the leader has the other two, and no snapshot in their place.
    let mut groups = vec![group_of(&world, "T")];
    for replicas in [1, 3] {
        // Three are whole only once the late server is back: the answer may be that it takes time.
        let _taken = scale(&world, "T", replicas).await;
        let is_settled = |world: &World| {
            let assigned = world.engine(ServerId(1)).and_then(|engine| engine.stream_assignment("T"));
            assigned.is_some_and(|assigned| assigned.group.peers.len() == usize::from(replicas))
        };
        expect(world.until(SOON, is_settled).await, format!("no {replicas} replicas"))?;
        groups.push(group_of(&world, "T"));
    }
    expect(groups[2] != groups[0], format!("the groups are {groups:?}"))?;
    world.boot(late).await;
    is_served(&world, "T").await?;
    for round in ["behind the others", "from its own log"] {
        let assigned = world.until(SOON, |world| is_monitored(world, late, "T")).await;
        expect(assigned, format!("{round}: unmonitored"))?;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let last = group_of(&world, "T");
        let of_stream =
            group_folders(&world, late).into_iter().filter(|name| name.starts_with("S-")).collect::<Vec<_>>();
        expect(of_stream == [last.clone()], format!("{round}: folders {of_stream:?}, the group is {last}"))?;
        expect(world.payloads(late, "T").len() == 11, format!("{round}: messages are lost"))?;
        // Once more: now its own log has all of it.
        world.stop(late).await;
        world.boot(late).await;
    }
    Ok(())
});

/// The names of the groups that have a folder on a server.
fn group_folders(world: &World, id: ServerId) -> std::collections::BTreeSet<String> {
    let home = World::folder(id).join("groups");
    let files = world.disk(id).files();
    let names = files.keys().filter_map(|path| path.strip_prefix(&home).ok()?.iter().next());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

fn other_than(world: &World, id: ServerId) -> ServerId {
    world.ids().iter().copied().find(|other| *other != id).unwrap_or(id)
}

async fn remap_without(world: &World, late: ServerId) {
    let peers = world.ids().to_vec();
    let via = other_than(world, late);
    let _response = world.request(via, Request::StreamMove { stream: "T".to_owned(), peers }).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
}

scenario!(s_07_remap_of_a_consumer, "S-07", [M05 => "the consumer is unmonitored"], async {
    let world = with_stream().await?;
    let config = ConsumerConfig { name: "C".to_owned(), durable: true, replicas: 3, ..ConsumerConfig::default() };
    world.create_consumer("T", config).await?;
    failpoint::hold("monitor_exit_guard");
    let request = Request::ConsumerRemap { stream: "T".to_owned(), consumer: "C".to_owned() };
    let released = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        failpoint::release("monitor_exit_guard");
    };
    let via = world.meta_leader().ok_or("no meta leader")?;
    let (_response, ()) = tokio::join!(world.request(via, request), released);
    let all_run = |world: &World| {
        world.running().into_iter().all(|id| {
            let consumer = world.consumer(id, "T", "C");
            consumer.is_some_and(|consumer| {
                let alive = consumer.member().node().is_some_and(|node| !node.is_closed());
                consumer.member().slot.status().running && alive
            })
        })
    };
    expect(world.until(SOON, all_run).await, "the consumer is unmonitored")?;
    let fetch = interlock_engine::api::Fetch { batch: 3, expires: Duration::from_secs(5) };
    let (seqs, _) = world.fetch(ServerId(1), "T", "C", fetch).await?;
    expect(seqs == [1, 2, 3], format!("delivered {seqs:?}"))
});

scenario!(s_11_delete_behind_a_remap, "S-11", [], async {
    let world = with_stream().await?;
    let via = world.meta_leader().ok_or("no meta leader")?;
    let old = group_of(&world, "T");
    let deletion = world.request(via, Request::StreamDelete("T".to_owned()));
    let (_remapped, deleted) = tokio::join!(remap(&world, "T"), deletion);
    expect(deleted == Response::Done, format!("{deleted:?}"))?;
    let gone = world.until(SOON, |world| copies(world, "T").is_empty()).await;
    expect(gone, "the stream is there")?;
    tokio::time::sleep(Duration::from_secs(60)).await;
    for id in world.ids() {
        let engine = world.engine(*id).ok_or("no engine")?;
        expect(engine.groups().is_empty(), format!("{id} has {:?}", engine.groups()))?;
        expect(!has_group_folder(&world, *id, &old), "the old group's folder is there")?;
        let left = world.disk(*id).files().into_keys().find(|path| path.to_string_lossy().contains("/streams/T"));
        expect(left.is_none(), format!("{left:?} is left"))?;
    }
    Ok(())
});

scenario!(s_12_shutdown_while_a_remap_waits, "S-12", [M09 => "a registration is left"], async {
    let mut world = with_stream().await?;
    let id = other_than(&world, world.meta_leader().ok_or("no meta leader")?);
    failpoint::hold("before_slot_stop");
    let seen = failpoint::arrivals("before_slot_stop");
    let server = world.server(id).ok_or("no server")?;
    let stream = world.stream(id, "T").ok_or("no stream")?;
    let remapping = remap(&world, "T");
    let stopping = async {
        failpoint::arrival_after("before_slot_stop", seen + 2).await;
        failpoint::release("before_slot_stop");
        let begun = tokio::time::Instant::now();
        server.shutdown().await;
        begun.elapsed()
    };
    let (_response, elapsed) = tokio::join!(remapping, stopping);
    let status = stream.member().slot.status();
    expect(status.count == 0, "a registration is left")?;
    expect(elapsed < Duration::from_secs(20), "the shutdown hangs")?;
    expect(!status.running, "a monitor runs after the shutdown")?;
    expect(server.context().tasks.n_running() == 0, "tasks run after the shutdown")?;
    world.stop(id).await;
    Ok(())
});

scenario!(s_13_many_remaps, "S-13", [], async {
    let world = with_stream().await?;
    // What a server does once after its start is done.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut n_tasks = None;
    for round in 0..200_u16 {
        if round % 3 == 0 {
            // The remap meets an entry that is being applied.
            let publishing = world.publish(ServerId(1), "T.a", b"meanwhile");
            let (_published, _remapped) = tokio::join!(publishing, remap(&world, "T"));
        } else {
            remap(&world, "T").await;
        }
        is_served(&world, "T").await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        at_rest(&world, round, &mut n_tasks)?;
    }
    let n_payloads = world.payloads(ServerId(1), "T").len();
    expect(n_payloads >= 210, format!("{n_payloads} messages are left"))
});

/// Each server has one driver of the stream, on the node of its group, and no task, group or folder more than before.
fn at_rest(world: &World, round: u16, n_tasks: &mut Option<Vec<usize>>) -> Outcome {
    expect(all_monitored(world, "T"), format!("round {round}: unmonitored"))?;
    let group = group_of(world, "T");
    for id in world.ids() {
        let groups = world.engine(*id).ok_or("no engine")?.groups();
        let is_only = groups.iter().map(|name| name.as_str()).eq([group.as_str()]);
        expect(is_only, format!("round {round}: groups {groups:?}"))?;
        let folders = group_folders(world, *id);
        expect(folders.len() == 1, format!("round {round}: group folders {folders:?}"))?;
    }
    let servers = world.ids().iter().filter_map(|id| world.server(*id));
    let now: Vec<usize> = servers.map(|server| server.context().tasks.n_running()).collect();
    let before = n_tasks.get_or_insert_with(|| now.clone());
    expect(now == *before, format!("round {round}: {before:?} tasks became {now:?}"))
}

scenario!(s_14_the_node_handle_is_lost, "S-14", [M10 => "the monitor stays"], async {
    let world = with_stream().await?;
    let stream = world.stream(ServerId(1), "T").ok_or("no stream")?;
    let node = stream.member().take_node().ok_or("no node")?;
    let via = world.meta_leader().ok_or("no meta leader")?;
    let deletion = tokio::time::timeout(SOON, world.request(via, Request::StreamDelete("T".to_owned())));
    let _deleted = deletion.await;
    let left = world.until(SOON, |_| !stream.member().slot.status().running).await;
    expect(left, "the monitor stays")?;
    expect(world.until(SOON, |_| node.is_closed()).await, "the old node stays")
});

scenario!(s_15_stopped_before_it_looks, "S-15", [M11 => "the stop hangs"], async {
    let world = with_stream().await?;
    failpoint::hold("monitor_before_token_read");
    let seen = failpoint::arrivals("monitor_before_token_read");
    let remapping = async {
        let _response = tokio::time::timeout(SOON, remap(&world, "T")).await;
    };
    let frozen = async {
        failpoint::arrival_after("monitor_before_token_read", seen).await;
        let stream = world.stream(ServerId(1), "T").ok_or("no stream")?;
        let stopping = stream.member().slot.stop();
        let thawing = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            failpoint::release("monitor_before_token_read");
        };
        let both = async { tokio::join!(stopping, thawing) };
        let stopped = tokio::time::timeout(SOON, both).await;
        expect(stopped.is_ok(), "the stop hangs")
    };
    tokio::join!(remapping, frozen).1
});

scenario!(s_18_a_second_monitor, "S-18", [M14 => "the running monitor lost its node"], async {
    let world = with_stream().await?;
    let (engine, stream) =
        (world.engine(ServerId(1)).ok_or("no engine")?, world.stream(ServerId(1), "T").ok_or("no stream")?);
    engine.spawn_second_monitor(&stream).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    expect(is_monitored(&world, ServerId(1), "T"), "the running monitor lost its node")?;
    let told = engine.context().events.matching(|event| matches!(event, Event::DriverTurnedAway { .. }));
    expect(told.len() == 1, "the second monitor was let in")
});

scenario!(s_05_downgrade_while_applying, "S-05", [M03 => "the downgrade did not wait"], async {
    let world = with_stream().await?;
    let leader = world.stream_leader("T").ok_or("no leader")?;
    let stream = world.stream(leader, "T").ok_or("no stream")?;
    failpoint::hold("monitor_exit_guard");
    let scaling = async {
        let _response = tokio::time::timeout(Duration::from_secs(60), scale(&world, "T", 1)).await;
    };
    let watching = async {
        let both = world.until(Duration::from_secs(30), |_| !stream.member().group().is_replicated()).await;
        let early = both && failpoint::arrivals("monitor_exit_guard") > 0 && stream.member().slot.status().count > 0;
        failpoint::release("monitor_exit_guard");
        early
    };
    let ((), early) = tokio::join!(scaling, watching);
    expect(!early, "the downgrade did not wait")?;
    let one = world.until(Duration::from_secs(60), |world| copies(world, "T").len() == 1).await;
    expect(one, "other copies stay")?;
    world.publish(ServerId(1), "T.b", b"after").await?;
    let kept = copies(&world, "T")[0];
    expect(world.payloads(kept, "T").len() == 11, "messages are lost")
});

scenario!(s_10_removed_and_remapped, "S-10", [M08 => "an orphan node is left"], async {
    let world = World::start(5, 3).await;
    world.create_stream("T", 3).await?;
    for n in 0..10_u8 {
        world.publish(ServerId(1), "T.a", &[n]).await?;
    }
    let members = copies(&world, "T");
    let leader = world.stream_leader("T").ok_or("no leader")?;
    let leaving = members.iter().copied().find(|id| *id != leader).ok_or("no follower")?;
    let joining = world.ids().iter().copied().find(|id| !members.contains(id)).ok_or("no other server")?;
    let mut peers: Vec<ServerId> = members.iter().copied().filter(|id| *id != leaving).collect();
    peers.push(joining);
    let via = world.meta_leader().ok_or("no meta leader")?;
    let to_peers = || Request::StreamMove { stream: "T".to_owned(), peers: peers.clone() };
    let remapped_behind = async {
        // The remap's entry comes right behind the one that takes the server out.
        let leaves = || {
            let assigned = world.engine(via).and_then(|engine| engine.stream_assignment("T"));
            assigned.is_some_and(|assigned| !assigned.group.peers.contains(&leaving))
        };
        while !leaves() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let is_there = world.stream(leaving, "T").is_some();
        let before = group_of(&world, "T");
        (is_there, before, world.request(via, to_peers()).await)
    };
    let (_moved, (is_there, before, _remapped)) = tokio::join!(world.request(via, to_peers()), remapped_behind);
    expect(is_there, "the server had removed the stream before the remap came")?;
    let moved = world.until(Duration::from_secs(60), |world| {
        let mut copies = copies(world, "T");
        let mut wanted = peers.clone();
        copies.sort_unstable();
        wanted.sort_unstable();
        copies == wanted
    });
    expect(moved.await, "the stream did not move")?;
    tokio::time::sleep(Duration::from_secs(40)).await;
    expect(group_of(&world, "T") != before, "there was no remap")?;
    let engine = world.engine(leaving).ok_or("no engine")?;
    expect(engine.groups().is_empty(), "an orphan node is left")?;
    let deleted = engine.context().events.matching(|event| matches!(event, Event::StreamDeleted { .. }));
    expect(deleted.is_empty(), "the server that leaves tells of a deletion")?;
    let left = world.disk(leaving).files().into_keys().find(|path| path.to_string_lossy().contains("/streams/T"));
    expect(left.is_none(), format!("{left:?} is left"))?;
    world.publish(ServerId(1), "T.b", b"after").await?;
    expect(world.payloads(joining, "T").len() >= 10, "the server that joined has not caught up")
});

scenario!(s_16_a_closed_stream, "S-16", [M12 => "a monitor runs on a closed stream"], async {
    let world = with_stream().await?;
    let (engine, stream) =
        (world.engine(ServerId(1)).ok_or("no engine")?, world.stream(ServerId(1), "T").ok_or("no stream")?);
    stream.member().slot.close();
    stream.member().slot.stop().await;
    engine.spawn_second_monitor(&stream).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let status = stream.member().slot.status();
    expect(!stream.member().slot.token().is_cancelled() || !status.running, "it runs with a cancelled token")?;
    expect(stream.member().slot.token().is_cancelled(), "a monitor runs on a closed stream")?;
    expect(status.count == 0, "a registration is left")
});

scenario!(s_19_each_generation_has_its_signal, "S-19", [M15 => "the stop of the second generation hangs"], async {
    let slot = interlock_engine::slot::Slot::default();
    for generation in ["first", "second", "third"] {
        let mut presence = slot.register().await;
        let token = slot.token();
        let driver = tokio::spawn(async move {
            let entered = presence.enter();
            token.cancelled().await;
            drop(presence);
            entered
        });
        tokio::task::yield_now().await;
        let stopped = tokio::time::timeout(SOON, slot.stop()).await;
        expect(stopped.is_ok(), format!("the stop of the {generation} generation hangs"))?;
        expect(driver.await.unwrap(), format!("the {generation} driver was turned away"))?;
    }
    Ok(())
});

scenario!(s_20_the_snapshot_of_a_shutdown, "S-20", [M16 => "the snapshot is behind"], async {
    let mut world = with_stream().await?;
    for n in 0..200_u8 {
        world.publish(ServerId(1), "T.a", &[n]).await?;
    }
    let mut nodes = Vec::new();
    for id in world.ids().to_vec() {
        let stream = world.stream(id, "T").ok_or("no stream")?;
        // A regular snapshot has failed before: its timer has to come first, but for a shutdown.
        world.disk(id).fail(interlock_engine::disk::Fault::always(
            interlock_engine::disk::Operation::Rename,
            "groups/S-T",
            5,
        ));
        nodes.push((id, stream.member().node().ok_or("no node")?, stream));
    }
    tokio::time::sleep(Duration::from_secs(200)).await;
    for id in world.ids().to_vec() {
        world.disk(id).heal();
    }
    let applied: Vec<u64> = nodes.iter().map(|(_, _, stream)| stream.applied()).collect();
    for id in world.ids().to_vec() {
        world.stop(id).await;
    }
    for ((id, node, _), applied) in nodes.iter().zip(applied) {
        let covered = node.status().snapshot_index;
        expect(covered >= applied, format!("{id}: the snapshot is behind: {covered} of {applied}"))?;
    }
    Ok(())
});

scenario!(s_22_only_the_engine_goes_down, "S-22", [M18 => "no snapshot was taken"], async {
    let world = with_stream().await?;
    let id = other_than(&world, world.stream_leader("T").ok_or("no leader")?);
    let (server, stream) = (world.server(id).ok_or("no server")?, world.stream(id, "T").ok_or("no stream")?);
    let (node, applied) = (stream.member().node().ok_or("no node")?, stream.applied());
    server.stop_engine().await;
    expect(node.status().snapshot_index >= applied, "no snapshot was taken")?;
    // The server is there and says what is wrong; the others go on.
    let report = server.health(&interlock_engine::core::health::Options::default());
    expect(report.http_status == 503, format!("{report:?}"))?;
    let other = other_than(&world, id);
    let served = world.until(SOON, |world| world.stream_leader("T").is_some()).await;
    expect(served, "no leader among the others")?;
    world.publish(other, "T.b", b"after").await.map(|_| ())
});

scenario!(s_26_a_monitor_that_leaves_takes_no_entries_along, "S-26", [], async {
    let world = with_stream().await?;
    let id = other_than(&world, world.stream_leader("T").ok_or("no leader")?);
    let node = world.stream(id, "T").and_then(|stream| stream.member().node()).ok_or("no node")?;
    node.pause_apply();
    let leading = world.stream_leader("T").and_then(|leader| world.stream(leader, "T"));
    let leading = leading.and_then(|stream| stream.member().node()).ok_or("no leading node")?;
    let entry = |n: u16| {
        let publish = Publish::plain(Origin::NOBODY, "T.a", n.to_be_bytes().to_vec(), u64::from(n));
        Bytes::from(StreamEntry::Publish(publish).encode())
    };
    for piece in 0..100_u16 {
        let entries = (0..100).map(|n| entry(piece * 100 + n)).collect();
        leading.propose_all(None, entries).await.map_err(|error| error.to_string())?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    expect(world.until(SOON, |_| node.n_waiting() >= 10_000).await, format!("{} entries wait", node.n_waiting()))?;
    remap(&world, "T").await;
    is_served(&world, "T").await?;
    expect(node.n_waiting() == 0, "the old node keeps entries")?;
    let complete = world.until(SOON, |world| world.payloads(id, "T").len() == 10_011).await;
    expect(complete, "messages are lost")
});

scenario!(s_27_the_last_assignment_counts, "S-27", [], async {
    let world = with_stream().await?;
    failpoint::hold("apply_stream");
    let updating = async {
        for limit in [100, 200, 300] {
            let engine = world.engine(ServerId(1)).ok_or("no engine")?;
            let mut config = engine.stream_assignment("T").ok_or("not assigned")?.config;
            config.max_msgs = Some(limit);
            let request = world.request(ServerId(1), Request::StreamUpdate(config));
            let _response = tokio::time::timeout(Duration::from_secs(1), request).await;
        }
        failpoint::release("apply_stream");
        Ok::<(), String>(())
    };
    updating.await?;
    let all_have_it = |world: &World| {
        world
            .running()
            .into_iter()
            .all(|id| world.stream(id, "T").is_some_and(|stream| stream.config().max_msgs == Some(300)))
    };
    expect(world.until(SOON, all_have_it).await, "an update was lost")
});

/// A consumer of one replica: on which server it is.
async fn with_consumer(world: &World, name: &str) -> Result<ServerId, String> {
    let config = ConsumerConfig { name: name.to_owned(), durable: true, replicas: 1, ..ConsumerConfig::default() };
    world.create_consumer("T", config).await?;
    let here = world.ids().iter().copied().find(|id| world.consumer(*id, "T", name).is_some());
    here.ok_or_else(|| "the consumer runs nowhere".to_owned())
}

scenario!(s_08_slow_leadership_of_a_consumer, "S-08", [M06 => "the meta layer waited for a consumer's disk"], async {
    let world = with_stream().await?;
    for id in world.ids() {
        world.disk(*id).stall("consumers/");
    }
    // Whichever server gets the consumer, its meta layer goes on.
    let config = ConsumerConfig { name: "C".to_owned(), durable: true, replicas: 1, ..ConsumerConfig::default() };
    let request = Request::ConsumerCreate { stream: "T".to_owned(), config };
    let via = world.meta_leader().ok_or("no meta leader")?;
    let creating = async {
        let _response = tokio::time::timeout(SOON, world.request(via, request)).await;
    };
    let meanwhile = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let config = interlock_engine::core::config::StreamConfig {
            name: "U".to_owned(),
            replicas: 3,
            ..Default::default()
        };
        let _response = tokio::time::timeout(SOON, world.request(via, Request::StreamCreate(config))).await;
        let all = copies(&world, "U").len() == 3;
        expect(all, "the meta layer waited for a consumer's disk")
    };
    tokio::join!(creating, meanwhile).1
});

scenario!(s_09_a_stalled_driver_is_waited_for, "S-09", [M07 => "two drivers"], async {
    let world = with_stream().await?;
    let id = with_consumer(&world, "C").await?;
    let consumer = world.consumer(id, "T", "C").ok_or("no consumer")?;
    world.disk(id).stall("consumers/");
    let fetch = interlock_engine::api::Fetch { batch: 1, expires: Duration::from_secs(1) };
    world.fetch(id, "T", "C", fetch).await?;
    // The driver saves what was delivered, and the disk does not answer.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let config = ConsumerConfig { name: "C".to_owned(), durable: true, replicas: 3, ..ConsumerConfig::default() };
    let request = Request::ConsumerCreate { stream: "T".to_owned(), config };
    let via = world.meta_leader().ok_or("no meta leader")?;
    let scaling = async {
        let _response = tokio::time::timeout(Duration::from_secs(30), world.request(via, request)).await;
    };
    let watching = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let two = consumer.member().node().is_some();
        world.disk(id).release("consumers/");
        two
    };
    let ((), two) = tokio::join!(scaling, watching);
    expect(!two, "two drivers")?;
    let monitored = world.until(SOON, |_| {
        let status = consumer.member().slot.status();
        status.running && status.count == 1 && consumer.member().node().is_some()
    });
    expect(monitored.await, "the consumer is unmonitored")
});

scenario!(s_17_starts_and_stops, "S-17", [M13 => "somebody had registered"], async {
    let slot = interlock_engine::slot::Slot::default();
    let starter = tokio::spawn({
        let slot = slot.clone();
        async move {
            for _ in 0..20_000 {
                let mut presence = slot.register().await;
                let token = slot.token();
                let entered = presence.enter();
                tokio::task::yield_now().await;
                if entered && token.is_cancelled() {
                    tokio::task::yield_now().await;
                }
                drop(presence);
            }
        }
    });
    let mut early = 0;
    for _ in 0..1_000 {
        failpoint::hold("slot_is_empty");
        let seen = failpoint::arrivals("slot_is_empty");
        let releasing = async {
            failpoint::arrival_after("slot_is_empty", seen).await;
            // Time for whoever wants to come in between.
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
            failpoint::release("slot_is_empty");
        };
        let both = async { tokio::join!(slot.stop_and_look(), releasing).0 };
        let count = tokio::time::timeout(SOON, both).await.map_err(|_| "a stop hangs".to_owned())?;
        early += u64::from(count > 0);
        tokio::task::yield_now().await;
    }
    starter.await.unwrap();
    expect(early == 0, format!("stopped, and {early} times somebody had registered meanwhile"))
});

scenario!(s_23_a_reset_from_inside, "S-23", [M19 => "the reset hangs"], async {
    let world = with_stream().await?;
    let id = other_than(&world, world.stream_leader("T").ok_or("no leader")?);
    let old = world.stream(id, "T").ok_or("no stream")?;
    old.diverge();
    world.publish(ServerId(1), "T.a", b"more").await?;
    let renewed = world.until(SOON, |world| {
        world.stream(id, "T").is_some_and(|stream| !std::sync::Arc::ptr_eq(&stream, &old))
    });
    expect(renewed.await, "the reset hangs")?;
    is_served(&world, "T").await?;
    let complete = world.until(SOON, |world| world.payloads(id, "T").len() == 12).await;
    expect(complete, format!("{} messages", world.payloads(id, "T").len()))
});

scenario!(s_24_a_reset_races_an_update, "S-24", [], async {
    let world = with_stream().await?;
    let id = other_than(&world, world.stream_leader("T").ok_or("no leader")?);
    let stream = world.stream(id, "T").ok_or("no stream")?;
    stream.diverge();
    let publishing = world.publish(ServerId(1), "T.a", b"more");
    let (_published, _remapped) = tokio::join!(publishing, remap(&world, "T"));
    is_served(&world, "T").await?;
    let stream = world.stream(id, "T").ok_or("no stream")?;
    expect(stream.member().slot.status().count == 1, "accounted twice")?;
    let complete = world.until(SOON, |world| world.payloads(id, "T").len() == 12).await;
    expect(complete, format!("{} messages", world.payloads(id, "T").len()))
});
