//! What a cluster must come to once the faults have ended.

use std::collections::BTreeSet;

use interlock_sync::time::{Duration, Instant, sleep};

use super::history::{History, Violation};
use super::invariants;
use super::swarm::{Part, Swarm};
use super::users::{DURABLE, WORKER, ack, fetch};
use super::world::World;
use crate::api::{ConsumerInfo, Request, Response};
use crate::core::names::ServerId;

/// How long after the faults elections, catch-ups and hand-overs may take where nothing is started again.
const SETTLED_AFTER: Duration = Duration::from_secs(15);
/// How long the cluster has to become healthy after everybody was started again.
const HEALTHY_WITHIN: Duration = Duration::from_secs(180);
/// Time for orphans to be looked for, and for replicas to come to the same index.
const QUIET: Duration = Duration::from_secs(45);
/// How long anything may take in a cluster at rest.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// Waits until something holds; a violation where it does not come to that.
pub(super) async fn until(world: &World, what: &str, holds: impl Fn(&World) -> bool) -> Result<(), Violation> {
    if world.until(PATIENCE, holds).await {
        return Ok(());
    }
    Err(Violation::Broken(format!("there is never {what}")))
}

/// The faults end; nothing is started again: what went wrong shows, and what did not goes on.
pub(super) async fn settle(world: &World) -> Result<(), Violation> {
    world.network.heal();
    for id in world.ids() {
        world.disk(*id).heal();
        world.disk(*id).release_all();
    }
    sleep(SETTLED_AFTER).await;
    invariants::check_while_running(world)?;
    invariants::check_settled(world)?;
    for name in invariants::able_streams(world) {
        until(world, &format!("a leader of {name}"), |world| world.stream_leader(&name).is_some()).await?;
    }
    Ok(())
}

/// Starts everybody again, and waits until all are healthy.
pub(super) async fn restart(world: &mut World) -> Result<(), Violation> {
    for id in world.ids().to_vec() {
        invariants::stop_in_order(world, id).await?;
        if !world.try_boot(id).await {
            return Err(Violation::Broken(format!("{id} does not start on a healthy disk")));
        }
    }
    let deadline = Instant::now() + HEALTHY_WITHIN;
    loop {
        let unhealthy = invariants::unhealthy(world);
        if unhealthy.is_empty() {
            break;
        }
        if Instant::now() >= deadline {
            return Err(Violation::Broken(format!("not healthy after {HEALTHY_WITHIN:?}: {}", unhealthy.join("; "))));
        }
        sleep(LOOK).await;
    }
    sleep(QUIET).await;
    Ok(())
}

/// Uses a cluster at rest: everything answers, and everything that was there is delivered.
pub(super) async fn check_use(world: &World, swarm: &Swarm, history: &History) -> Result<(), Violation> {
    check_deliveries(world, history).await?;
    if swarm.parts.contains(&Part::W) {
        work_off(world).await?;
    }
    for part in &swarm.parts {
        for id in world.running() {
            let (subject, payload) = (format!("{}.end", part.name()), format!("end {id}"));
            let published = world.publish(id, &subject, payload.as_bytes()).await;
            published.map_err(|answer| Violation::Broken(format!("{} through {id}: {answer}", part.name())))?;
        }
    }
    for part in [Part::A, Part::B] {
        check_consumers(world, part).await?;
    }
    Ok(())
}

/// Who was not used is gone, and nobody else.
async fn check_consumers(world: &World, part: Part) -> Result<(), Violation> {
    let kept = if part == Part::A { vec![DURABLE.to_owned()] } else { Vec::new() };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = world.ask(Request::ConsumerNames(part.name().to_owned())).await;
        if answer == Response::Names(kept.clone()) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Violation::Broken(format!("the consumers of {} are {answer:?}, not {kept:?}", part.name())));
        }
        sleep(LOOK).await;
    }
}

/// Every message that is there was acknowledged, or is delivered now.
async fn check_deliveries(world: &World, history: &History) -> Result<(), Violation> {
    let stream = Part::A.name();
    let held = invariants::agreed_contents(world, stream)?;
    let mut seen = drain(world, stream, DURABLE).await?;
    let acknowledged = history.deliveries.iter().filter(|delivery| delivery.is_acknowledged);
    seen.extend(acknowledged.map(|delivery| delivery.seq));
    match held.keys().find(|seq| !seen.contains(seq)) {
        Some(seq) => Err(Violation::Broken(format!("message {seq} of {stream} is delivered to nobody"))),
        None => Ok(()),
    }
}

/// What is worked off leaves the queue.
async fn work_off(world: &World) -> Result<(), Violation> {
    let stream = Part::W.name();
    drain(world, stream, WORKER).await?;
    let is_empty = |seen: &World| {
        let on = |id: &ServerId| seen.stream(*id, stream).is_none_or(|found| found.totals().messages == 0);
        seen.ids().iter().all(on)
    };
    until(world, "an end of the work queue", is_empty).await
}

/// Fetches and acknowledges until nothing is left: what came.
async fn drain(world: &World, stream: &str, consumer: &str) -> Result<BTreeSet<u64>, Violation> {
    let mut seen = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let fetched = world.ask(fetch(stream, consumer, 50, Duration::from_secs(1))).await;
        if let Response::Fetched(deliveries, _) = fetched {
            for delivery in deliveries {
                let seq = delivery.message.seq;
                let _outcome = world.ask(ack(stream, consumer, seq)).await;
                seen.insert(seq);
            }
        }
        let left = info(world, stream, consumer).await;
        if left.as_ref().is_some_and(|info| info.n_pending == 0 && info.n_ack_pending == 0) {
            return Ok(seen);
        }
        if Instant::now() >= deadline {
            return Err(Violation::Broken(format!("{stream} > {consumer} comes to no end: {left:?}")));
        }
    }
}

async fn info(world: &World, stream: &str, consumer: &str) -> Option<ConsumerInfo> {
    let request = Request::ConsumerInfo { stream: stream.to_owned(), consumer: consumer.to_owned() };
    match world.ask(request).await {
        Response::Consumer(info) => Some(*info),
        _ => None,
    }
}
