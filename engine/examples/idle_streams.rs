//! What idle streams cost a server: `cargo run --release -p interlock-engine --example idle_streams -- FOLDER [STREAMS]
//! [REPLICATED]`: so many of one replica on a lone server, then so many of three replicas on three servers of one process.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use interlock_engine::api::{Publish, Request, Response};
use interlock_engine::core::config::StreamConfig;
use interlock_engine::core::names::ServerId;
use interlock_engine::disk::Disk;
use interlock_engine::peer::{PeerFrame, PeerNetwork};
use interlock_engine::server::{Server, Settings};

/// How long they are left alone before they are weighed.
const IDLE: Duration = Duration::from_secs(20);
/// Messages of a stream.
const N_MESSAGES: u64 = 10;

/// The servers of this process, as their own network.
type Servers = OnceLock<BTreeMap<ServerId, Arc<Server>>>;

struct Local {
    me: ServerId,
    servers: Arc<Servers>,
}

impl PeerNetwork for Local {
    fn try_send(&self, to: ServerId, frame: PeerFrame) -> bool {
        let server = self.servers.get().and_then(|servers| servers.get(&to));
        server.inspect(|server| server.deliver(self.me, frame)).is_some()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("a folder is needed")?;
    let n_alone = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let n_replicated = arguments.next().map_or(Ok(200), |text| text.parse())?;
    weigh(&Path::new(&folder).join("alone"), 1, n_alone).await?;
    weigh(&Path::new(&folder).join("replicated"), 3, n_replicated).await
}

/// Makes streams, one replica on each of so many servers, and says what one replica costs.
async fn weigh(folder: &Path, n_servers: u8, n_streams: u64) -> Result<(), Box<dyn Error>> {
    let servers = start(folder, u64::from(n_servers)).await?;
    let all: Vec<&Arc<Server>> = servers.get().into_iter().flat_map(BTreeMap::values).collect();
    let first = all.first().ok_or("no server was started")?;
    let before = Usage::now()?;
    for n in 0..n_streams {
        let name = format!("idle-{n}");
        let config = StreamConfig { name: name.clone(), replicas: n_servers, ..StreamConfig::default() };
        until_done(first, Request::StreamCreate(config)).await?;
        for _ in 0..N_MESSAGES {
            let message = Publish { subject: name.clone(), payload: vec![0; 128], ..Publish::default() };
            until_done(first, Request::Publish(message)).await?;
        }
    }
    tokio::time::sleep(IDLE).await;
    let busy = Usage::now()?;
    tokio::time::sleep(IDLE).await;
    let after = Usage::now()?;
    let n_replicas = n_streams * u64::from(n_servers);
    println!(
        "{n_streams} idle streams of {n_servers} replicas, {N_MESSAGES} messages of 128 B each: {} B a replica, {} open \
         files, {:.1} % of a processor while idle",
        (after.resident_bytes.saturating_sub(before.resident_bytes)) / n_replicas,
        after.n_files.saturating_sub(before.n_files),
        100.0 * (after.processor - busy.processor).as_secs_f64() / IDLE.as_secs_f64(),
    );
    for server in all {
        server.shutdown().await;
    }
    Ok(())
}

async fn start(folder: &Path, n_servers: u64) -> Result<Arc<Servers>, Box<dyn Error>> {
    let (servers, ids) = (Arc::new(Servers::new()), (1..=n_servers).map(ServerId).collect::<Vec<_>>());
    let mut started = BTreeMap::new();
    for id in &ids {
        let settings = Settings::new(*id, ids.clone(), folder.join(id.to_string()));
        let network = Arc::new(Local { me: *id, servers: servers.clone() });
        started.insert(*id, Server::start(settings, Disk::standard(), network).await?);
    }
    servers.set(started).map_err(|_| "they were started before")?;
    Ok(servers)
}

/// Asks again while a leader is missing.
async fn until_done(server: &Server, request: Request) -> Result<(), Box<dyn Error>> {
    let mut answer = Response::Silence;
    for _ in 0..100 {
        answer = server.handle(request.clone()).await;
        match answer {
            Response::Error(_) | Response::Silence => tokio::time::sleep(Duration::from_millis(100)).await,
            _ => return Ok(()),
        }
    }
    Err(format!("not done: {answer:?}").into())
}

/// What this process uses.
struct Usage {
    resident_bytes: u64,
    n_files: u64,
    processor: Duration,
}

impl Usage {
    fn now() -> Result<Self, Box<dyn Error>> {
        let statm = std::fs::read_to_string("/proc/self/statm")?;
        let pages: u64 = statm.split(' ').nth(1).ok_or("statm is short")?.parse()?;
        let schedstat = std::fs::read_dir("/proc/self/task")?.filter_map(|task| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        let n_files = std::fs::read_dir("/proc/self/fd")?.count() as u64;
        Ok(Self { resident_bytes: pages * 4096, n_files, processor: Duration::from_nanos(schedstat.sum()) })
    }
}
