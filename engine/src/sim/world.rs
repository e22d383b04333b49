//! A cluster to test: servers that start, stop, crash and answer.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use interlock_sync::lock::Mutex;
use interlock_sync::random::Random;
use interlock_sync::time::{Duration, Instant, WallClock, sleep};

use super::SimulatedNetwork;
use crate::api::{Fetch, FetchEnd, PubAck, Publish, Request, Response};
use crate::consumer::Consumer;
use crate::core::config::{ConsumerConfig, StreamConfig};
use crate::core::names::{ConsumerKey, ServerId};
use crate::disk::{Disk, SimulatedDisk};
use crate::engine::Engine;
use crate::events::Event;
use crate::raft::NodeHost;
use crate::server::{Server, Settings};
use crate::stream::Stream;

/// When the clock of a world begins: nanoseconds since 1970.
const EPOCH_NS: u64 = 1_700_000_000_000_000_000;
/// The pause between two looks of [`World::until`].
const LOOK: Duration = Duration::from_millis(10);

thread_local! {
    /// What hosts the raft nodes of the worlds that this thread makes, and how many it has made.
    static HOST: Cell<(NodeHost, u64)> = const { Cell::new((NodeHost::Actor, 0)) };
}

/// A change of what servers are told at their start.
pub type Adjust = Arc<dyn Fn(&mut Settings) + Send + Sync>;

struct Machine {
    disk: SimulatedDisk,
    /// Writes that had failed on the disk when the server was started.
    n_write_faults: u64,
    incarnation: u64,
    server: Option<Arc<Server>>,
}

/// The servers that run, for clients that live beside the world. Clones see the same.
#[derive(Clone, Default)]
pub struct Servers {
    running: Arc<Mutex<BTreeMap<ServerId, Arc<Server>>>>,
    /// What those that have ended had proposed.
    removals_of_the_past: Arc<Mutex<Vec<ConsumerKey>>>,
}

fn removals_of(server: &Server) -> Vec<ConsumerKey> {
    let proposed = server.context().events.matching(|event| matches!(event, Event::RemovalProposed { .. }));
    let consumer = |event| match event {
        Event::RemovalProposed { consumer, .. } => Some(consumer),
        _ => None,
    };
    proposed.into_iter().filter_map(consumer).collect()
}

impl Servers {
    /// One of them, at random.
    pub fn draw(&self, random: &mut Random) -> Option<Arc<Server>> {
        let running = self.running.lock();
        let n_servers = running.len() as u64;
        running.values().nth(usize::try_from(random.below(n_servers)).unwrap_or(0)).cloned()
    }

    /// Whether this is one of them.
    pub(super) fn is_running(&self, server: &Arc<Server>) -> bool {
        self.running.lock().values().any(|running| Arc::ptr_eq(running, server))
    }

    /// How often the removal of a consumer was proposed, by any of them.
    pub(super) fn n_removals(&self, key: &ConsumerKey) -> usize {
        let running: Vec<Arc<Server>> = self.running.lock().values().cloned().collect();
        let mut all = self.removals_of_the_past.lock().clone();
        all.extend(running.iter().flat_map(|server| removals_of(server)));
        all.iter().filter(|consumer| *consumer == key).count()
    }

    fn remove(&self, id: ServerId) {
        let removed = self.running.lock().remove(&id);
        if let Some(server) = removed {
            self.removals_of_the_past.lock().extend(removals_of(&server));
        }
    }
}

/// A cluster.
pub struct World {
    /// Its network.
    pub network: SimulatedNetwork,
    /// What its draws come from.
    pub random: Random,
    seed: u64,
    clock: WallClock,
    ids: Vec<ServerId>,
    machines: BTreeMap<ServerId, Machine>,
    servers: Servers,
    /// What hosts the raft nodes.
    pub host: NodeHost,
    /// Changes what servers are told at their start.
    pub adjust: Adjust,
}

impl World {
    /// Has worlds that this thread makes from here on host their raft nodes so.
    pub fn host_by(host: NodeHost) {
        HOST.set((host, 0));
    }

    /// How many worlds this thread has made since then.
    pub fn n_made() -> u64 {
        HOST.get().1
    }

    /// A cluster of so many servers, started, with a leader of the meta layer.
    pub async fn start(n_servers: u64, seed: u64) -> Self {
        let mut world = Self::machines(n_servers, seed);
        for id in world.ids.clone() {
            world.boot(id).await;
        }
        if n_servers > 1 {
            world.until(Duration::from_secs(60), |world| world.meta_leader().is_some()).await;
        }
        world
    }

    /// The same, with no server started.
    pub fn machines(n_servers: u64, seed: u64) -> Self {
        crate::failpoint::clear();
        let (host, n_made) = HOST.get();
        HOST.set((host, n_made + 1));
        let ids: Vec<ServerId> = (1..=n_servers).map(ServerId).collect();
        let machine = |id: &ServerId| {
            (*id, Machine { disk: SimulatedDisk::default(), n_write_faults: 0, incarnation: 0, server: None })
        };
        Self {
            network: SimulatedNetwork::new(seed),
            random: Random::split(seed, "world"),
            seed,
            clock: WallClock::starting_at(EPOCH_NS),
            machines: ids.iter().map(machine).collect(),
            ids,
            servers: Servers::default(),
            host,
            adjust: Arc::new(|_| {}),
        }
    }

    /// The servers that run, for clients.
    pub fn servers(&self) -> Servers {
        self.servers.clone()
    }

    /// The servers.
    pub fn ids(&self) -> &[ServerId] {
        &self.ids
    }

    fn machine(&self, id: ServerId) -> &Machine {
        self.machines.get(&id).expect("the world has this server")
    }

    /// A server's disk.
    pub fn disk(&self, id: ServerId) -> SimulatedDisk {
        self.machine(id).disk.clone()
    }

    /// Writes that have failed since a server was started.
    pub fn n_write_faults(&self, id: ServerId) -> u64 {
        let machine = self.machine(id);
        machine.disk.n_write_faults().saturating_sub(machine.n_write_faults)
    }

    /// Where a server keeps everything.
    pub fn folder(id: ServerId) -> PathBuf {
        PathBuf::from(format!("/{id}"))
    }

    /// Starts a server on its disk.
    ///
    /// # Panics
    /// Where the disk does not let it.
    pub async fn boot(&mut self, id: ServerId) {
        assert!(self.try_boot(id).await, "{id} does not start");
    }

    /// The same, and whether it started.
    pub async fn try_boot(&mut self, id: ServerId) -> bool {
        let machine = self.machines.get_mut(&id).expect("the world has this server");
        machine.incarnation += 1;
        machine.n_write_faults = machine.disk.n_write_faults();
        let (incarnation, disk) = (machine.incarnation, Disk::in_place(Arc::new(machine.disk.clone())));
        let mut settings = Settings::new(id, self.ids.clone(), Self::folder(id));
        settings.seed = self.seed.wrapping_mul(31).wrapping_add(incarnation);
        settings.host = self.host;
        (self.adjust)(&mut settings);
        let endpoint = self.network.endpoint(id, incarnation);
        match Server::start_at(settings, disk, endpoint, self.clock).await {
            Ok(server) => {
                self.network.connect(id, &server);
                self.servers.running.lock().insert(id, server.clone());
                self.machines.get_mut(&id).expect("it was there").server = Some(server);
                true
            }
            Err(error) => {
                tracing::warn!("{id}: {error}");
                false
            }
        }
    }

    /// Shuts a server down in order: how many of its tasks outlive that.
    pub async fn stop(&mut self, id: ServerId) -> usize {
        self.servers.remove(id);
        let server = self.machines.get_mut(&id).and_then(|machine| machine.server.take());
        let mut n_left = 0;
        if let Some(server) = server {
            server.shutdown().await;
            n_left = server.context().tasks.n_running();
        }
        self.network.disconnect(id);
        n_left
    }

    /// Cuts a server's power: what was not synced may be gone.
    pub fn crash(&mut self, id: ServerId) {
        self.servers.remove(id);
        self.network.disconnect(id);
        let machine = self.machines.get_mut(&id).expect("the world has this server");
        machine.disk = machine.disk.after_power_loss(&mut self.random);
        let Some(server) = machine.server.take() else { return };
        server.context().quit.cancel();
        // Its raft nodes end as well: nothing of it goes on to tick.
        if let Some(engine) = server.engine() {
            let nodes = engine.groups().into_iter().filter_map(|group| engine.node(&group));
            engine.meta().into_iter().chain(nodes).for_each(|node| node.quit().cancel());
        }
    }

    /// A server that runs.
    pub fn server(&self, id: ServerId) -> Option<Arc<Server>> {
        self.machine(id).server.clone()
    }

    /// The servers that run.
    pub fn running(&self) -> Vec<ServerId> {
        self.ids.iter().copied().filter(|id| self.machine(*id).server.is_some()).collect()
    }

    /// A server's engine.
    pub fn engine(&self, id: ServerId) -> Option<Arc<Engine>> {
        self.server(id)?.engine()
    }

    /// A stream on a server.
    pub fn stream(&self, id: ServerId, name: &str) -> Option<Arc<Stream>> {
        self.engine(id)?.stream(name)
    }

    /// A consumer on a server.
    pub fn consumer(&self, id: ServerId, stream: &str, name: &str) -> Option<Arc<Consumer>> {
        self.engine(id)?.consumer(&ConsumerKey { stream: stream.to_owned(), name: name.to_owned() })
    }

    /// Who leads the meta layer, by its own account.
    pub fn meta_leader(&self) -> Option<ServerId> {
        let leads = |id: &ServerId| {
            let meta = self.engine(*id).and_then(|engine| engine.meta());
            meta.is_some_and(|meta| meta.status().is_leader())
        };
        self.running().into_iter().find(leads)
    }

    /// Who leads a stream, by its own account.
    pub fn stream_leader(&self, name: &str) -> Option<ServerId> {
        let leads = |id: &ServerId| self.stream(*id, name).is_some_and(|stream| stream.member().leads());
        self.running().into_iter().find(leads)
    }

    /// Who leads a consumer, by its own account.
    pub fn consumer_leader(&self, stream: &str, name: &str) -> Option<ServerId> {
        let leads = |id: &ServerId| self.consumer(*id, stream, name).is_some_and(|consumer| consumer.member().leads());
        self.running().into_iter().find(leads)
    }

    /// Waits until something holds, for so long at most: whether it does.
    pub async fn until(&self, limit: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let deadline = Instant::now() + limit;
        while !holds(self) {
            if Instant::now() >= deadline {
                return false;
            }
            sleep(LOOK).await;
        }
        true
    }

    /// A client's request to a server.
    pub async fn request(&self, via: ServerId, request: Request) -> Response {
        match self.server(via) {
            Some(server) => server.handle(request).await,
            None => Response::Silence,
        }
    }

    /// A client's request to some server that runs.
    pub async fn ask(&self, request: Request) -> Response {
        match self.running().first() {
            Some(via) => self.request(*via, request).await,
            None => Response::Silence,
        }
    }

    /// Creates a stream that takes `<name>.>`, and waits until it is led.
    ///
    /// # Errors
    /// The answer, where it is not the stream's state.
    pub async fn create_stream(&self, name: &str, replicas: u8) -> Result<(), String> {
        self.create(StreamConfig {
            name: name.to_owned(),
            subjects: vec![format!("{name}.>")],
            replicas,
            ..StreamConfig::default()
        })
        .await
    }

    /// Creates a stream.
    ///
    /// # Errors
    /// The answer, where it is not the stream's state.
    pub async fn create(&self, config: StreamConfig) -> Result<(), String> {
        match self.ask(Request::StreamCreate(config)).await {
            Response::Stream(_) => Ok(()),
            other => Err(format!("no stream was created: {other:?}")),
        }
    }

    /// Creates a consumer.
    ///
    /// # Errors
    /// The answer, where it is not the consumer's state.
    pub async fn create_consumer(&self, stream: &str, config: ConsumerConfig) -> Result<(), String> {
        match self.ask(Request::ConsumerCreate { stream: stream.to_owned(), config }).await {
            Response::Consumer(_) => Ok(()),
            other => Err(format!("no consumer was created: {other:?}")),
        }
    }

    /// Publishes a message: its acknowledgement.
    ///
    /// # Errors
    /// The answer, where it is no acknowledgement.
    pub async fn publish(&self, via: ServerId, subject: &str, payload: &[u8]) -> Result<PubAck, String> {
        let publish = Publish { subject: subject.to_owned(), payload: payload.to_vec(), ..Publish::default() };
        match self.request(via, Request::Publish(publish)).await {
            Response::Published(ack) => Ok(ack),
            other => Err(format!("not acknowledged: {other:?}")),
        }
    }

    /// Fetches messages: their payloads, and why there are no more.
    ///
    /// # Errors
    /// The answer, where it is another.
    pub async fn fetch(
        &self,
        via: ServerId,
        stream: &str,
        consumer: &str,
        fetch: Fetch,
    ) -> Result<(Vec<u64>, FetchEnd), String> {
        let (stream, consumer) = (stream.to_owned(), consumer.to_owned());
        match self.request(via, Request::Fetch { stream, consumer, fetch }).await {
            Response::Fetched(deliveries, end) => {
                Ok((deliveries.into_iter().map(|delivery| delivery.message.seq).collect(), end))
            }
            other => Err(format!("nothing was fetched: {other:?}")),
        }
    }

    /// The payloads of a stream on a server's own disk, in order.
    pub fn payloads(&self, id: ServerId, name: &str) -> Vec<Vec<u8>> {
        let Some(stream) = self.stream(id, name) else { return Vec::new() };
        let (mut payloads, mut from) = (Vec::new(), 0);
        while let Ok(Some(stored)) = stream.store().next(from, None) {
            from = stored.seq + 1;
            payloads.push(stored.payload.to_vec());
        }
        payloads
    }
}
