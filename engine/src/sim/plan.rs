//! A run of a cluster under a seed: clients, an operator, faults; then quiet, and every invariant is looked at.

use std::collections::BTreeMap;
use std::sync::Arc;

use interlock_sync::lock::Mutex;
use interlock_sync::random::Random;
use interlock_sync::task;
use interlock_sync::time::{Duration, Instant, sleep, timeout};

use super::history::{Attempt, DeliveryEvent, History, LastSeqRead, Violation};
use super::world::{Servers, World};
use super::{Link, invariants};
use crate::api::{AckKind, Fetch, Publish, Request, Response};
use crate::core::config::{ConsumerConfig, StreamConfig};
use crate::core::names::ServerId;
use crate::disk::{Fault, Operation};

/// Streams of a run and their replicas at its beginning.
const STREAMS: [(&str, u8); 3] = [("A", 3), ("B", 3), ("C", 1)];
/// How long faults come.
const STORM: Duration = Duration::from_secs(40);
/// How long the cluster has to come to rest afterwards.
const CALM: Duration = Duration::from_secs(180);
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Messages that were sent.
    pub n_sent: usize,
    /// Messages that were acknowledged.
    pub n_acknowledged: usize,
    /// Faults that were made.
    pub n_faults: usize,
    /// Deliveries.
    pub n_deliveries: usize,
}

/// A violation, and what the run had done.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What cannot have been.
    pub violation: Violation,
    /// What the operator and the faults did, with their times.
    pub log: Vec<String>,
}

/// What the clients of a run share.
struct Clients {
    servers: Servers,
    history: Mutex<History>,
    started: Instant,
    is_over: Mutex<bool>,
}

impl Clients {
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn is_over(&self) -> bool {
        *self.is_over.lock()
    }

    async fn ask(&self, random: &mut Random, request: Request) -> Response {
        let server = self.servers.draw(random);
        let Some(server) = server else { return Response::Silence };
        timeout(PATIENCE, server.handle(request)).await.unwrap_or(Response::Silence)
    }
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
    let broken = |what: String| Violation::Broken(what);
    let mut world = World::start(3, seed).await;
    for (name, replicas) in STREAMS {
        world.create_stream(name, replicas).await.map_err(broken)?;
    }
    let durable = ConsumerConfig {
        name: "D".to_owned(),
        durable: true,
        ack_wait: Duration::from_secs(3),
        ..ConsumerConfig::default()
    };
    world.create_consumer("A", durable).await.map_err(broken)?;
    let clients = Arc::new(Clients {
        servers: world.servers(),
        history: Mutex::default(),
        started: Instant::now(),
        is_over: Mutex::new(false),
    });
    let mut tasks = Vec::new();
    for number in 0..3 {
        tasks.push(task::spawn(publish_for_ever(
            clients.clone(),
            Random::split(seed, &format!("publisher {number}")),
            number,
        )));
    }
    tasks.push(task::spawn(consume_for_ever(clients.clone(), Random::split(seed, "consumer"))));
    tasks.push(task::spawn(read_for_ever(clients.clone(), Random::split(seed, "reader"))));
    let n_faults =
        Storm { world: &mut world, random: Random::split(seed, "storm"), log, clients: &clients }.rage().await;
    *clients.is_over.lock() = true;
    for task in tasks {
        task.await.map_err(|error| Violation::Broken(format!("a client ended: {error}")))?;
    }
    calm(&mut world, log).await?;
    let history = std::mem::take(&mut *clients.history.lock());
    check(&world, &history)?;
    let n_acknowledged = history.attempts.iter().filter(|attempt| attempt.acknowledged.is_some()).count();
    Ok(Figures { n_sent: history.attempts.len(), n_acknowledged, n_faults, n_deliveries: history.deliveries.len() })
}

async fn publish_for_ever(clients: Arc<Clients>, mut random: Random, number: u64) {
    let mut count = 0_u64;
    while !clients.is_over() {
        sleep(Duration::from_millis(random.below(400))).await;
        count += 1;
        let stream = STREAMS[usize::try_from(random.below(3)).unwrap_or(0)].0;
        let payload = format!("{number}/{count}").into_bytes();
        let sent = clients.now();
        let publish = Publish { subject: format!("{stream}.{number}"), payload: payload.clone(), ..Publish::default() };
        let response = clients.ask(&mut random, Request::Publish(publish)).await;
        let acknowledged = match &response {
            Response::Published(ack) => Some((ack.seq, clients.now())),
            _ => None,
        };
        let attempt = Attempt { stream: stream.to_owned(), payload, sent, acknowledged, is_refused: false };
        clients.history.lock().attempts.push(attempt);
    }
}

async fn read_for_ever(clients: Arc<Clients>, mut random: Random) {
    while !clients.is_over() {
        sleep(Duration::from_millis(random.below(900))).await;
        let stream = STREAMS[usize::try_from(random.below(3)).unwrap_or(0)].0;
        let sent = clients.now();
        let response = clients.ask(&mut random, Request::StreamInfo(stream.to_owned())).await;
        if let Response::Stream(info) = response {
            let (answered, last_seq) = (clients.now(), info.totals.last_seq);
            let read = LastSeqRead { stream: stream.to_owned(), sent, answered, last_seq };
            clients.history.lock().reads.push(read);
        }
    }
}

async fn consume_for_ever(clients: Arc<Clients>, mut random: Random) {
    while !clients.is_over() {
        let fetch = Fetch { batch: 5, expires: Duration::from_millis(random.below(800)) };
        let asked = clients.now();
        let request = Request::Fetch { stream: "A".to_owned(), consumer: "D".to_owned(), fetch };
        let Response::Fetched(deliveries, _) = clients.ask(&mut random, request).await else {
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        for delivery in deliveries {
            let seq = delivery.message.seq;
            let is_acknowledged = random.chance(70);
            let ack = Request::Ack { stream: "A".to_owned(), consumer: "D".to_owned(), seq, kind: AckKind::Ack };
            let confirmed = is_acknowledged && clients.ask(&mut random, ack).await == Response::Done;
            let confirmed = confirmed.then(|| clients.now());
            clients.history.lock().deliveries.push(DeliveryEvent { seq, asked, confirmed });
        }
    }
}

/// The operator and the weather.
struct Storm<'a> {
    world: &'a mut World,
    random: Random,
    log: &'a mut Vec<String>,
    clients: &'a Arc<Clients>,
}

impl Storm<'_> {
    async fn rage(mut self) -> usize {
        let mut n_faults = 0;
        while self.clients.started.elapsed() < STORM {
            sleep(Duration::from_millis(self.random.below(2_000))).await;
            let what = self.strike().await;
            self.log.push(format!("{:>9.3} s {what}", self.clients.started.elapsed().as_secs_f64()));
            n_faults += 1;
        }
        n_faults
    }

    fn some_server(&mut self) -> ServerId {
        let ids = self.world.ids();
        let n_servers = ids.len() as u64;
        ids[usize::try_from(self.random.below(n_servers)).unwrap_or(0)]
    }

    async fn strike(&mut self) -> String {
        let id = self.some_server();
        match self.random.below(15) {
            0 | 1 => self.crash(id).await,
            2 => self.restart(id).await,
            3 | 4 => {
                let ids = self.world.ids().to_vec();
                self.world.network.isolate(id, &ids);
                format!("{id} is cut off")
            }
            5 | 6 => {
                self.world.network.heal();
                "the network heals".to_owned()
            }
            7 => {
                let loss = self.random.below(20);
                let link = Link { loss, duplicates: 5, jitter: Duration::from_millis(20), ..Link::default() };
                self.world.network.set_link(link);
                format!("{loss} % of the frames are lost")
            }
            8 | 9 => self.break_disk(id).await,
            10 => self.ask(Request::StreamStepDown { stream: "A".to_owned(), preferred: None }).await,
            11 => self.ask(Request::MetaStepDown).await,
            12 => {
                let peers = self.world.ids().to_vec();
                self.ask(Request::StreamMove { stream: "B".to_owned(), peers }).await
            }
            13 => self.ask(Request::StreamMove { stream: "C".to_owned(), peers: vec![id] }).await,
            _ => {
                let replicas = if self.random.chance(50) { 1 } else { 3 };
                let config = StreamConfig {
                    name: "B".to_owned(),
                    subjects: vec!["B.>".to_owned()],
                    replicas,
                    ..StreamConfig::default()
                };
                self.ask(Request::StreamUpdate(config)).await
            }
        }
    }

    async fn ask(&mut self, request: Request) -> String {
        let server = self.clients.servers.draw(&mut self.random);
        let Some(server) = server else { return "nobody is there to be asked".to_owned() };
        let text = format!("{request:?}");
        // It goes on while the next fault comes.
        drop(task::spawn(async move { server.handle(request).await }));
        text
    }

    async fn crash(&mut self, id: ServerId) -> String {
        if self.world.running().len() < 3 {
            return self.restart_all().await;
        }
        self.world.crash(id);
        format!("{id} loses power")
    }

    async fn restart(&mut self, id: ServerId) -> String {
        if self.world.running().len() < 3 {
            return self.restart_all().await;
        }
        self.world.stop(id).await;
        let started = self.world.try_boot(id).await;
        format!("{id} is stopped and started: {started}")
    }

    async fn restart_all(&mut self) -> String {
        for id in self.world.ids().to_vec() {
            if self.world.server(id).is_none() {
                self.world.disk(id).heal();
                self.world.try_boot(id).await;
            }
        }
        "everybody is started".to_owned()
    }

    async fn break_disk(&mut self, id: ServerId) -> String {
        if self.world.running().len() < 3 {
            return self.restart_all().await;
        }
        const OPERATIONS: [Operation; 5] =
            [Operation::Write, Operation::Sync, Operation::Rename, Operation::Create, Operation::Remove];
        const ERRNOS: [i32; 3] = [5, 28, 13];
        let operation = OPERATIONS[usize::try_from(self.random.below(5)).unwrap_or(0)];
        let errno = ERRNOS[usize::try_from(self.random.below(3)).unwrap_or(0)];
        let nth = 1 + self.random.below(20);
        let path = if self.random.chance(50) { "streams" } else { "" };
        self.world.disk(id).fail(Fault::always(operation, path, errno).nth(nth));
        format!("{id}: the {nth}. {operation:?} of {path:?} fails with errno {errno}")
    }
}

/// Ends the faults, restarts who is down or broken, and waits until everybody is healthy.
async fn calm(world: &mut World, log: &mut Vec<String>) -> Result<(), Violation> {
    world.network.heal();
    for id in world.ids().to_vec() {
        world.disk(id).heal();
        if world.server(id).is_some() {
            world.stop(id).await;
        }
        if !world.try_boot(id).await {
            return Err(Violation::Broken(format!("{id} does not start on a healthy disk")));
        }
    }
    log.push("calm".to_owned());
    let deadline = Instant::now() + CALM;
    loop {
        let unhealthy = invariants::unhealthy(world);
        if unhealthy.is_empty() {
            break;
        }
        if Instant::now() >= deadline {
            return Err(Violation::Broken(format!("not healthy after {CALM:?}: {}", unhealthy.join("; "))));
        }
        sleep(Duration::from_millis(200)).await;
    }
    // Time for orphans to be looked for, and for replicas to come to the same index.
    sleep(Duration::from_secs(45)).await;
    Ok(())
}

fn check(world: &World, history: &History) -> Result<(), Violation> {
    for (name, _) in STREAMS {
        let held = invariants::agreed_contents(world, name)?;
        history.check(name, &held)?;
    }
    history.check_deliveries()?;
    invariants::check_leaders(world)?;
    invariants::check_monitors(world)?;
    invariants::check_folders(world)?;
    invariants::check_handlers(world)
}

/// The contents of a stream, by sequence.
pub(super) type Contents = BTreeMap<u64, Vec<u8>>;
