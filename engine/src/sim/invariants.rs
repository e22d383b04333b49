//! What must hold of a cluster at rest (`docs/engine/invariants.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::history::{Contents, Violation};
use super::world::World;
use crate::core::assignment::RaftGroup;
use crate::core::health::Options;
use crate::core::names::{ConsumerKey, GroupName, ServerId};
use crate::core::write_error::{ErrorClass, WriteError};
use crate::engine::{AssetKey, Engine};
use crate::events::Event;
use crate::member::Member;
use crate::raft::{Node, Status};
use crate::stream::Stream;

fn broken<T>(what: String) -> Result<T, Violation> {
    Err(Violation::Broken(what))
}

/// What keeps servers from being healthy.
pub(super) fn unhealthy(world: &World) -> Vec<String> {
    let problems = |id: ServerId| {
        let report = world.server(id).map(|server| server.health(&Options::default()));
        let problems = report.map(|report| report.problems).unwrap_or_default();
        problems.into_iter().map(move |problem| {
            format!(
                "{id}: {} {} {}",
                problem.stream.unwrap_or_default(),
                problem.consumer.unwrap_or_default(),
                problem.error
            )
        })
    };
    world.ids().iter().flat_map(|id| problems(*id)).collect()
}

/// The contents of a stream, which are the same on each of its servers (I-S12).
pub(super) fn agreed_contents(world: &World, name: &str) -> Result<Contents, Violation> {
    let mut agreed: Option<(ServerId, Contents, (u64, u32))> = None;
    for id in world.running() {
        let Some(stream) = world.stream(id, name) else { continue };
        let mut contents = Contents::new();
        let mut from = 0;
        loop {
            match stream.store().next(from, None) {
                Ok(Some(stored)) => {
                    from = stored.seq + 1;
                    contents.insert(stored.seq, stored.payload.to_vec());
                }
                Ok(None) => break,
                Err(error) => return broken(format!("{id} cannot read {name}: {error}")),
            }
        }
        let digest = stream.digest();
        match &agreed {
            None => agreed = Some((id, contents, digest)),
            Some((other, first, of_other)) => {
                if *first != contents {
                    let differing = first.iter().find(|(seq, payload)| contents.get(seq) != Some(payload));
                    let more = contents.keys().find(|seq| !first.contains_key(seq));
                    return broken(format!("{name} differs on {other} and {id}: {differing:?}, {more:?}"));
                }
                if of_other.0 == digest.0 && of_other.1 != digest.1 {
                    return broken(format!("the state of {name} differs on {other} and {id} at index {}", digest.0));
                }
            }
        }
    }
    match agreed {
        Some((_, contents, _)) => Ok(contents),
        None => broken(format!("{name} runs nowhere")),
    }
}

/// Contents, readable.
pub(super) fn shown(contents: &Contents) -> Vec<String> {
    contents.iter().map(|(seq, payload)| format!("{seq}: {}", String::from_utf8_lossy(payload))).collect()
}

/// Shuts a server down: no task of it is left (I-L1, I-L6, I-L9).
pub(super) async fn stop_in_order(world: &mut World, id: ServerId) -> Result<(), Violation> {
    let server = world.server(id);
    match world.stop(id).await {
        0 => Ok(()),
        n_left => {
            // What the engine still has is what it waits for.
            let left = server.and_then(|server| server.engine()).map(|engine| members(&engine)).unwrap_or_default();
            let driven = left.iter().filter(|(_, _, latched)| latched.n_drivers > 0);
            let driven: Vec<String> = driven.map(|(key, ..)| key.to_string()).collect();
            broken(format!("{id}: {n_left} tasks outlive the shutdown; driven: {driven:?}"))
        }
    }
}

/// Shuts a server down on which nothing is under way: each replicated stream has a snapshot of all that it has applied, and
/// the next start replays nothing.
pub(super) async fn stop_at_rest(world: &mut World, id: ServerId) -> Result<(), Violation> {
    let streams = world.engine(id).map(|engine| engine.streams()).unwrap_or_default();
    let replicated: Vec<_> = streams.into_iter().filter_map(|stream| Some((stream.member().node()?, stream))).collect();
    stop_in_order(world, id).await?;
    let behind = |(node, stream): &(Node, Arc<Stream>)| {
        let snapshot = node.status().snapshot_index;
        (snapshot < stream.applied()).then(|| {
            format!("{id}: {} has applied {} and its last snapshot ends at {snapshot}", stream.name(), stream.applied())
        })
    };
    replicated.iter().find_map(behind).map_or(Ok(()), broken)
}

/// What runs on a server, and its part in its group.
fn members(engine: &Engine) -> Vec<(AssetKey, RaftGroup, Latched)> {
    let mut members = Vec::new();
    for stream in engine.streams() {
        let (key, member) = (AssetKey::Stream(stream.name().to_owned()), stream.member());
        members.push((key, member.group(), Latched::of(member)));
        for consumer in stream.consumers() {
            let its = consumer.member();
            members.push((AssetKey::Consumer(consumer.key().clone()), its.group(), Latched::of(its)));
        }
    }
    members
}

/// What a member is, and its first error.
struct Latched {
    error: Option<WriteError>,
    /// Whether it is one that concerns the whole server. A full volume does not where it is a single replica's own error.
    concerns_all: bool,
    leads: bool,
    n_drivers: usize,
}

impl Latched {
    fn of(member: &Member) -> Self {
        let status = member.slot.status();
        let of_node = member.node().and_then(|node| node.write_error());
        let is_of = |error: &Option<WriteError>, class| error.as_ref().is_some_and(|error| error.class() == class);
        let error = member.write_error.get().or_else(|| of_node.clone());
        Self {
            concerns_all: is_of(&of_node, ErrorClass::Space) || is_of(&error, ErrorClass::Permission),
            error,
            leads: member.node().is_some() && member.leads(),
            n_drivers: if status.running { status.count } else { 0 },
        }
    }
}

/// The first errors of a server, of whatever level.
fn errors(engine: &Engine) -> Vec<(String, WriteError)> {
    // What has moved away or was deleted, and could not be removed, is nobody's any more.
    let is_assigned = |key: &AssetKey| {
        let group = match key {
            AssetKey::Stream(name) => engine.stream_assignment(name).map(|assignment| assignment.group),
            AssetKey::Consumer(key) => engine.consumer_assignment(key).map(|assignment| assignment.group),
        };
        group.is_some_and(|group| group.has(engine.me()))
    };
    let of_member = |(key, _, latched): (AssetKey, RaftGroup, Latched)| {
        let error = latched.error.filter(|_| is_assigned(&key))?;
        Some((key.to_string(), error))
    };
    let of_members = members(engine).into_iter().filter_map(of_member);
    let of_meta = engine.meta_error().or_else(|| engine.meta()?.write_error());
    of_members.chain(of_meta.map(|error| ("meta".to_owned(), error))).collect()
}

/// What holds at each moment: no second leader, no error out of nothing, health that does not lie, no panic.
pub(super) fn check_while_running(world: &World) -> Result<(), Violation> {
    check_leaders(world)?;
    check_handlers(world)?;
    for id in world.running() {
        let Some(server) = world.server(id) else { continue };
        let n_panicked = server.context().tasks.n_panicked();
        if n_panicked > 0 {
            return broken(format!("{id}: {n_panicked} tasks panicked"));
        }
        let Some(engine) = server.engine() else { continue };
        let errors = errors(&engine);
        let Some((what, error)) = errors.first() else { continue };
        if world.n_write_faults(id) == 0 {
            return broken(format!("{id}: {what} latched `{error}` although no write failed"));
        }
        if server.health(&Options::default()).http_status == 200 {
            return broken(format!("{id} is healthy although {what} has latched `{error}`"));
        }
    }
    Ok(())
}

/// What holds once elections and hand-overs are over, also where errors have latched.
pub(super) fn check_settled(world: &World) -> Result<(), Violation> {
    for id in world.running() {
        let Some(engine) = world.engine(id) else { continue };
        for (key, group, latched) in members(&engine) {
            match latched.error {
                Some(error) if latched.concerns_all => {
                    return broken(format!("{id}: nobody dealt with the class of `{error}` of {key}"));
                }
                Some(error) if group.is_replicated() && latched.leads => {
                    return broken(format!("{id} leads {key} with the error `{error}`"));
                }
                None if latched.n_drivers != 1 => {
                    return broken(format!("{id}: {key} is driven by {}", latched.n_drivers));
                }
                _ => {}
            }
        }
        check_assigned(id, &engine)?;
    }
    Ok(())
}

/// What runs on a server is what the meta layer has assigned to it (I-S5).
fn check_assigned(id: ServerId, engine: &Engine) -> Result<(), Violation> {
    if engine.is_recovering() || engine.meta_error().is_some() {
        return Ok(());
    }
    let mut assigned = BTreeMap::new();
    for stream in engine.assignments().streams() {
        let assignment = &stream.assignment;
        if assignment.group.has(id) {
            assigned.insert(AssetKey::Stream(assignment.config.name.clone()), assignment.created_ns);
        }
        for consumer in stream.consumers.values().filter(|consumer| consumer.group.has(id)) {
            assigned.insert(AssetKey::Consumer(consumer.key()), consumer.created_ns);
        }
    }
    let running: BTreeMap<AssetKey, u64> =
        members(engine).into_iter().filter_map(|(key, ..)| Some((key.clone(), created_ns(engine, &key)?))).collect();
    for (key, created) in &assigned {
        // Where it cannot run, that is noted; and with it go its consumers.
        let stream = AssetKey::Stream(stream_of(key).to_owned());
        let is_excused = [key, &stream].iter().any(|key| engine.assignment_error(key).is_some());
        if running.get(key) != Some(created) && !is_excused {
            return broken(format!("{id}: {key} of {created} is assigned, and what runs is {:?}", running.get(key)));
        }
    }
    match running.keys().find(|key| !assigned.contains_key(key)) {
        Some(key) => broken(format!("{id}: {key} runs and is not assigned")),
        None => Ok(()),
    }
}

fn created_ns(engine: &Engine, key: &AssetKey) -> Option<u64> {
    match key {
        AssetKey::Stream(name) => Some(engine.stream(name)?.created_ns()),
        AssetKey::Consumer(key) => Some(engine.consumer(key)?.created_ns()),
    }
}

fn stream_of(key: &AssetKey) -> &str {
    match key {
        AssetKey::Stream(name) => name,
        AssetKey::Consumer(ConsumerKey { stream, .. }) => stream,
    }
}

/// Replicated streams that must come to a leader: most of the voters run without an error, as each of them sees it
/// (I-L5).
pub(super) fn able_streams(world: &World) -> Vec<String> {
    // Who was left behind under an earlier name of the group is of no use to it.
    let mut able: BTreeMap<(String, GroupName), Vec<(ServerId, Status)>> = BTreeMap::new();
    for id in world.running() {
        let Some(engine) = world.engine(id) else { continue };
        for stream in engine.streams() {
            let member = stream.member();
            let is_moving = member.group().target.is_some();
            if let (Some(node), None, false) = (member.node(), Latched::of(member).error, is_moving) {
                able.entry((stream.name().to_owned(), node.group().clone())).or_default().push((id, node.status()));
            }
        }
    }
    let is_able = |(_, members): &((String, GroupName), Vec<(ServerId, Status)>)| {
        let is_up = |voter: &&ServerId| members.iter().any(|(id, _)| id == *voter);
        let has_most = |voters: &[ServerId]| 2 * voters.iter().filter(is_up).count() > voters.len();
        let mut seen = members.iter().map(|(_, status)| &status.voters).filter(|voters| !voters.is_empty()).peekable();
        seen.peek().is_some() && seen.all(|voters| has_most(voters))
    };
    able.into_iter().filter(is_able).map(|((name, _), _)| name).collect()
}

/// What holds at the end, when everybody is healthy and nothing is under way.
pub(super) fn check_at_rest(world: &World) -> Result<(), Violation> {
    check_while_running(world)?;
    check_settled(world)?;
    check_monitors(world)?;
    check_voters(world)?;
    check_folders(world)
}

/// At most one leader in a term of a group (I-S15).
fn check_leaders(world: &World) -> Result<(), Violation> {
    match world.network.two_leaders() {
        Some(what) => broken(what),
        None => Ok(()),
    }
}

/// Whatever is assigned here is driven by one task, on the node of its group (I-S1).
fn check_monitors(world: &World) -> Result<(), Violation> {
    for id in world.running() {
        let Some(engine) = world.engine(id) else { return broken(format!("{id} has no engine")) };
        for stream in engine.streams() {
            let status = stream.member().slot.status();
            if !status.running || status.count != 1 {
                return broken(format!("{id}: stream {} is driven by {}", stream.name(), status.count));
            }
            for consumer in stream.consumers() {
                let of_consumer = consumer.member().slot.status();
                if !of_consumer.running || of_consumer.count != 1 {
                    return broken(format!("{id}: consumer {} is driven by {}", consumer.key(), of_consumer.count));
                }
            }
        }
    }
    Ok(())
}

/// Whoever is a member has a vote: a majority of the replicas has what is acknowledged.
fn check_voters(world: &World) -> Result<(), Violation> {
    for id in world.running() {
        for (key, group, _) in world.engine(id).map(|engine| members(&engine)).unwrap_or_default() {
            let node = world.engine(id).and_then(|engine| engine.node(&group.name));
            let Some(status) = node.map(|node| node.status()).filter(Status::is_leader) else { continue };
            let (wanted, voters): (BTreeSet<_>, BTreeSet<_>) =
                (group.peers.iter().collect(), status.voters.iter().collect());
            if group.target.is_none() && wanted != voters {
                return broken(format!("{id} leads {key} with the voters {voters:?} of {wanted:?}"));
            }
        }
    }
    Ok(())
}

/// No folder of a group, stream or consumer that does not run here (I-S3).
fn check_folders(world: &World) -> Result<(), Violation> {
    for id in world.running() {
        let Some(engine) = world.engine(id) else { continue };
        let home = World::folder(id);
        let mut named: BTreeSet<PathBuf> =
            engine.groups().iter().map(|group| home.join("groups").join(group.as_str())).collect();
        for stream in engine.streams() {
            named.insert(stream.store().folder().to_owned());
            named.extend(stream.consumers().iter().map(|consumer| consumer.folder().clone()));
        }
        for parent in ["groups", "streams", "consumers"].map(|name| home.join(name)) {
            let files = world.disk(id).files();
            let folder_of =
                |path: &PathBuf| path.strip_prefix(&parent).ok()?.iter().next().map(|name| parent.join(name));
            if let Some(orphan) = files.keys().filter_map(folder_of).find(|folder| !named.contains(folder)) {
                return broken(format!("{id}: {} is left", orphan.display()));
            }
        }
    }
    Ok(())
}

/// Each class handler runs once in the life of a process (I-S17).
fn check_handlers(world: &World) -> Result<(), Violation> {
    for id in world.running() {
        let Some(server) = world.server(id) else { continue };
        let mut n_times: BTreeMap<&str, usize> = BTreeMap::new();
        for event in server.context().events.matching(|_| true) {
            match event {
                Event::OutOfSpace { .. } => *n_times.entry("out of space").or_default() += 1,
                Event::PermissionDenied { .. } => *n_times.entry("permission").or_default() += 1,
                _ => {}
            }
        }
        if let Some((class, n)) = n_times.into_iter().find(|(_, n)| *n > 1) {
            return broken(format!("{id}: the handler for {class} ran {n} times"));
        }
    }
    Ok(())
}
