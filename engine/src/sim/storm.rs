//! The operator and the weather: what befalls a cluster while its clients work.

use std::sync::Arc;

use interlock_sync::random::Random;
use interlock_sync::task;
use interlock_sync::time::{Duration, sleep};

use super::clients::Clients;
use super::history::Violation;
use super::swarm::{Part, Stroke, Swarm};
use super::users::{DURABLE, KEPT_ALIVE, WAITED_FOR};
use super::world::World;
use super::{Link, invariants};
use crate::api::Request;
use crate::core::config::StreamConfig;
use crate::core::names::ServerId;
use crate::disk::{Fault, Operation};
use crate::failpoint;

/// How long it lasts.
const LENGTH: Duration = Duration::from_secs(40);
/// The longest pause between two strokes, in milliseconds.
const PAUSE_MS: u64 = 2_000;
/// How long a named point holds a task at most, in milliseconds.
const LINGER_MS: u64 = 400;
/// How long a fault that a power loss follows has to strike.
const STRIKES_WITHIN: Duration = Duration::from_secs(3);
/// How long after it the server keeps its power at most, in milliseconds.
const CRASH_WITHIN_MS: u64 = 600;
/// Paths that a disk stalls at.
const STALLED: [&str; 3] = ["streams", "groups", "consumers"];

/// A storm.
pub(super) struct Storm<'a> {
    pub world: &'a mut World,
    pub random: Random,
    pub log: &'a mut Vec<String>,
    pub clients: &'a Arc<Clients>,
    pub swarm: &'a Swarm,
}

impl Storm<'_> {
    /// Rages, and then is over: how often it struck.
    pub(super) async fn rage(mut self) -> Result<usize, Violation> {
        let mut n_strokes = 0;
        while self.clients.started.elapsed() < LENGTH {
            sleep(Duration::from_millis(self.random.below(PAUSE_MS))).await;
            invariants::check_while_running(self.world)?;
            let stroke = self.swarm.draw(&mut self.random);
            let what = self.strike(stroke).await?;
            tracing::info!("{what}");
            self.log.push(format!("{:>9.3} s {what}", self.clients.started.elapsed().as_secs_f64()));
            n_strokes += 1;
        }
        failpoint::linger(None);
        Ok(n_strokes)
    }

    fn some_server(&mut self) -> ServerId {
        let ids = self.world.ids().to_vec();
        *self.pick(&ids)
    }

    fn pick<'b, T>(&mut self, all: &'b [T]) -> &'b T {
        &all[usize::try_from(self.random.below(all.len() as u64)).unwrap_or(0)]
    }

    async fn strike(&mut self, stroke: Stroke) -> Result<String, Violation> {
        let id = self.some_server();
        Ok(match stroke {
            Stroke::Crash | Stroke::Restart | Stroke::BreakDisk | Stroke::BreakAndCrash
                if self.world.running().len() < 3 =>
            {
                self.restart_all().await
            }
            Stroke::Crash => {
                self.crash(id);
                format!("{id} loses power")
            }
            Stroke::Restart => self.restart(id).await?,
            Stroke::BreakDisk => self.break_disk(id),
            Stroke::BreakAndCrash => {
                let n_before = self.world.n_write_faults(id);
                let broken = self.break_disk(id);
                // What the fault has left unsaid is then all that there is.
                self.world.until(STRIKES_WITHIN, |world| world.n_write_faults(id) > n_before).await;
                sleep(Duration::from_millis(self.random.below(CRASH_WITHIN_MS))).await;
                self.crash(id);
                format!("{broken}, and then it loses power")
            }
            Stroke::BreakReads => {
                let nth = 1 + self.random.below(10);
                self.world.disk(id).fail(Fault::always(Operation::Read, "", 5).nth(nth));
                format!("{id}: the {nth}. read fails")
            }
            Stroke::StallDisk => self.stall_disk(id),
            Stroke::Isolate => {
                let ids = self.world.ids().to_vec();
                self.world.network.isolate(id, &ids);
                format!("{id} is cut off")
            }
            Stroke::Heal => {
                self.world.network.heal();
                "the network heals".to_owned()
            }
            Stroke::Lose => {
                let loss = self.random.below(20);
                let link = Link { loss, duplicates: 5, jitter: Duration::from_millis(20), ..Link::default() };
                self.world.network.set_link(link);
                format!("{loss} % of the frames are lost")
            }
            Stroke::Pace => {
                let is_slow = self.random.chance(60);
                let linger = Random::split(self.random.below(u64::MAX), "linger");
                failpoint::linger(is_slow.then_some((linger, Duration::from_millis(LINGER_MS))));
                format!("tasks linger: {is_slow}")
            }
            operation => {
                let request = self.operation(operation, id);
                self.ask(request)
            }
        })
    }

    /// Cuts the power. The others learn that at once from their connections, or by and by from its silence.
    fn crash(&mut self, id: ServerId) {
        self.world.crash(id);
        if self.random.chance(50) {
            let others = self.world.running().into_iter().filter_map(|other| self.world.server(other));
            others.for_each(|server| server.lose(id));
        }
    }

    /// What an operator asks for.
    fn operation(&mut self, stroke: Stroke, id: ServerId) -> Request {
        let replicated = *self.pick(&[Part::A, Part::B]);
        match stroke {
            Stroke::StepDown => Request::StreamStepDown { stream: replicated.name().to_owned(), preferred: None },
            Stroke::Remap => {
                let peers = self.world.ids().to_vec();
                Request::StreamMove { stream: replicated.name().to_owned(), peers }
            }
            Stroke::Move => Request::StreamMove { stream: Part::C.name().to_owned(), peers: vec![id] },
            Stroke::Scale => {
                let replicas = if self.random.chance(50) { 1 } else { 3 };
                Request::StreamUpdate(StreamConfig { replicas, ..Part::B.config() })
            }
            Stroke::ConsumerRemap => {
                let (stream, consumer) = self.some_consumer();
                Request::ConsumerRemap { stream, consumer }
            }
            Stroke::ConsumerStepDown => {
                let (stream, consumer) = self.some_consumer();
                Request::ConsumerStepDown { stream, consumer }
            }
            Stroke::Lifecycle => {
                let name = format!("X{}", self.random.below(2));
                if self.random.chance(40) {
                    return Request::StreamDelete(name);
                }
                let replicas = if self.random.chance(50) { 1 } else { 3 };
                let subjects = vec![format!("{name}.>")];
                Request::StreamCreate(StreamConfig { name, subjects, replicas, ..StreamConfig::default() })
            }
            _ => Request::MetaStepDown,
        }
    }

    /// One that always is, or one that comes and goes: it need not be there.
    fn some_consumer(&mut self) -> (String, String) {
        const NAMES: [&str; 6] = [DURABLE, DURABLE, KEPT_ALIVE, WAITED_FOR, "E0", "E1"];
        let mut name = (*self.pick(&NAMES)).to_owned();
        if [KEPT_ALIVE, WAITED_FOR].contains(&name.as_str()) {
            name.push_str(&(1 + self.random.below(4)).to_string());
        }
        (Part::A.name().to_owned(), name)
    }

    fn ask(&mut self, request: Request) -> String {
        let server = self.clients.servers.draw(&mut self.random);
        let Some(server) = server else { return "nobody is there to be asked".to_owned() };
        let text = match &request {
            Request::StreamUpdate(config) => format!("StreamUpdate to {} replicas", config.replicas),
            Request::StreamCreate(config) => format!("StreamCreate {} with {} replicas", config.name, config.replicas),
            other => format!("{other:?}"),
        };
        // It goes on while the next stroke comes.
        drop(task::spawn(async move { server.handle(request).await }));
        text
    }

    async fn restart(&mut self, id: ServerId) -> Result<String, Violation> {
        // A shutdown on a disk that hangs leaves tasks behind: that is another story.
        STALLED.iter().for_each(|path| self.world.disk(id).release(path));
        invariants::stop_in_order(self.world, id).await?;
        let started = self.world.try_boot(id).await;
        Ok(format!("{id} is stopped and started: {started}"))
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

    fn break_disk(&mut self, id: ServerId) -> String {
        const OPERATIONS: [Operation; 6] = [
            Operation::Write,
            Operation::Sync,
            Operation::Rename,
            Operation::Create,
            Operation::Remove,
            Operation::SyncFolder,
        ];
        let operation = *self.pick(&OPERATIONS);
        let errno = *self.pick(&[5, 28, 13]);
        let within = *self.pick(&[3, 20]);
        let nth = 1 + self.random.below(within);
        let path = *self.pick(&["", "streams", "groups", "consumers", "meta"]);
        self.world.disk(id).fail(Fault::always(operation, path, errno).nth(nth));
        format!("{id}: the {nth}. {operation:?} of {path:?} fails with errno {errno}")
    }

    fn stall_disk(&mut self, id: ServerId) -> String {
        let path = *self.pick(&STALLED);
        let length = Duration::from_millis(self.random.below(4_000));
        let disk = self.world.disk(id);
        disk.stall(path);
        drop(task::spawn(async move {
            sleep(length).await;
            disk.release(path);
        }));
        format!("{id}: the disk hangs at {path} for {length:?}")
    }
}
