//! A run of a cluster under a seed: clients, an operator, faults; then quiet, and every invariant is looked at.

use std::sync::Arc;

use interlock_sync::random::Random;

use super::clients::Clients;
use super::history::{History, Violation};
use super::storm::Storm;
use super::swarm::{KEPT, KEPT_OF_SUBJECT, Part, Swarm};
use super::users::{DURABLE, WORKER, durable};
use super::world::World;
use super::{invariants, rest};

/// Servers of a run.
const N_SERVERS: u64 = 3;
/// Bytes of a message block: small ones are filled, compacted and removed within a run.
const BLOCK_BYTES: u64 = 2_048;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Messages that were sent.
    pub n_sent: usize,
    /// Messages that were acknowledged.
    pub n_acknowledged: usize,
    /// Faults that were made, and requests of the operator.
    pub n_faults: usize,
    /// Deliveries.
    pub n_deliveries: usize,
}

impl Figures {
    /// Adds those of another run.
    pub fn add(&mut self, other: Self) {
        self.n_sent += other.n_sent;
        self.n_acknowledged += other.n_acknowledged;
        self.n_faults += other.n_faults;
        self.n_deliveries += other.n_deliveries;
    }
}

/// A violation, and what the run had done.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What cannot have been.
    pub violation: Violation,
    /// What the operator and the faults did, with their times.
    pub log: Vec<String>,
}

/// Runs a seed. Call it on a runtime of one thread with a paused clock.
///
/// # Errors
/// The first violation.
pub async fn run(seed: u64) -> Result<Figures, Failure> {
    let mut log = Vec::new();
    let outcome = run_logged(seed, &mut log).await;
    outcome.map_err(|violation| Failure { violation, log })
}

async fn run_logged(seed: u64, log: &mut Vec<String>) -> Result<Figures, Violation> {
    let swarm = Swarm::of(seed);
    let mut world = begin(seed, &swarm).await?;
    let clients = Clients::new(world.servers(), &swarm.parts);
    let tasks = clients.begin(seed, &swarm);
    let random = Random::split(seed, "storm");
    let storm = Storm { world: &mut world, random, log, clients: &clients, swarm: &swarm };
    let n_faults = storm.rage().await?;
    clients.end();
    for task in tasks {
        task.await.map_err(|error| Violation::Broken(format!("a client ended: {error}")))?;
    }
    log.push("the faults end".to_owned());
    rest::settle(&world).await?;
    log.push("all are started again".to_owned());
    rest::restart(&mut world).await?;
    let history = std::mem::take(&mut *clients.history.lock());
    check(&mut world, &swarm, history, n_faults).await
}

/// The cluster of a run, with its streams and consumers.
async fn begin(seed: u64, swarm: &Swarm) -> Result<World, Violation> {
    let mut world = World::machines(N_SERVERS, seed);
    world.host = swarm.host;
    let (snapshot_every, sync_every) = (swarm.snapshot_every, swarm.sync_every);
    world.adjust = Arc::new(move |settings| {
        settings.block_bytes = BLOCK_BYTES;
        settings.snapshot_every = snapshot_every;
        settings.sync_every = sync_every;
    });
    for id in world.ids().to_vec() {
        if !swarm.has_folder_syncs {
            world.disk(id).lack_folder_syncs();
        }
        world.boot(id).await;
    }
    rest::until(&world, "a leader of the meta layer", |world| world.meta_leader().is_some()).await?;
    for part in &swarm.parts {
        world.create(part.config()).await.map_err(Violation::Broken)?;
    }
    world.create_consumer(Part::A.name(), durable(DURABLE)).await.map_err(Violation::Broken)?;
    if swarm.parts.contains(&Part::W) {
        world.create_consumer(Part::W.name(), durable(WORKER)).await.map_err(Violation::Broken)?;
    }
    Ok(world)
}

async fn check(world: &mut World, swarm: &Swarm, mut history: History, n_faults: usize) -> Result<Figures, Violation> {
    if let Some(what) = history.impossible.first() {
        return Err(Violation::Broken(what.clone()));
    }
    history.limits.insert(Part::P.name().to_owned(), KEPT);
    history.limits_of_subjects.insert(Part::S.name().to_owned(), KEPT_OF_SUBJECT);
    for part in &swarm.parts {
        let held = invariants::agreed_contents(world, part.name())?;
        tracing::debug!("{} holds {:?}", part.name(), invariants::shown(&held));
        history.check(part.name(), &held)?;
    }
    history.check_deliveries()?;
    invariants::check_at_rest(world)?;
    rest::check_use(world, swarm, &history).await?;
    for id in world.ids().to_vec() {
        invariants::stop_at_rest(world, id).await?;
    }
    let n_acknowledged = history.attempts.iter().filter(|attempt| attempt.acknowledged.is_some()).count();
    Ok(Figures { n_sent: history.attempts.len(), n_acknowledged, n_faults, n_deliveries: history.deliveries.len() })
}
