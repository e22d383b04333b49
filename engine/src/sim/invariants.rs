//! What must hold of a cluster at rest (`docs/engine/invariants.md`).

use std::collections::{BTreeMap, BTreeSet};

use super::history::Violation;
use super::plan::Contents;
use super::world::World;
use crate::core::health::Options;
use crate::core::names::ServerId;
use crate::events::Event;

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

/// At most one leader in a term of a group (I-S15).
pub(super) fn check_leaders(world: &World) -> Result<(), Violation> {
    match world.network.two_leaders() {
        Some(what) => broken(what),
        None => Ok(()),
    }
}

/// Whatever is assigned here is driven by one task, on the node of its group (I-S1).
pub(super) fn check_monitors(world: &World) -> Result<(), Violation> {
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

/// No folder of a group that no assignment names (I-S3).
pub(super) fn check_folders(world: &World) -> Result<(), Violation> {
    for id in world.running() {
        let Some(engine) = world.engine(id) else { continue };
        let groups = World::folder(id).join("groups");
        let files = world.disk(id).files();
        let folders = files.keys().filter_map(|path| path.strip_prefix(&groups).ok()?.iter().next());
        let folders: BTreeSet<String> = folders.map(|name| name.to_string_lossy().into_owned()).collect();
        let named: BTreeSet<String> = engine.groups().iter().map(ToString::to_string).collect();
        if let Some(orphan) = folders.difference(&named).next() {
            return broken(format!("{id}: the folder of group {orphan} is left"));
        }
    }
    Ok(())
}

/// Each class handler runs once in the life of a process (I-S17).
pub(super) fn check_handlers(world: &World) -> Result<(), Violation> {
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
