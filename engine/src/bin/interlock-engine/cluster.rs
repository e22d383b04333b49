//! `cluster`: servers as child processes on this machine.

mod child;
mod layout;

use std::time::Duration;

use anyhow::Context;
use interlock_engine::client::{Client, ClientOptions};
use interlock_sync::net::EndSignals;
use interlock_sync::select;
use interlock_sync::task::Tracker;
use interlock_sync::time::{Instant, sleep};
use interlock_sync::token::Token;

use crate::args::ClusterArgs;
use crate::pages;

pub(crate) use child::Supervision;
pub(crate) use layout::{Node, lay_out};

/// Between two looks whether the cluster has a leader.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A cluster without a leader for so long will not get one.
const LEADER_LIMIT: Duration = Duration::from_secs(60);

/// Child processes, supervised.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    quit: Token,
    tasks: Tracker,
}

impl Cluster {
    /// Starts a child process for each node.
    pub(crate) fn start(nodes: Vec<Node>, supervision: &Supervision) -> Self {
        let cluster = Self { nodes, quit: Token::new(), tasks: Tracker::default() };
        for node in &cluster.nodes {
            let supervised = child::supervise(node.clone(), supervision.clone(), cluster.quit.clone());
            let is_started = cluster.tasks.spawn(supervised);
            debug_assert!(is_started, "nobody closes the tracker before the cluster is stopped");
        }
        cluster
    }

    /// A client of all nodes.
    pub(crate) fn client(&self, timeout: Duration) -> Client {
        let addresses = self.nodes.iter().map(|node| node.clients.clone()).collect();
        Client::new(ClientOptions { timeout, ..ClientOptions::new(addresses) })
    }

    /// Waits until requests that need a leader are answered.
    pub(crate) async fn wait_for_leader(&self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let client = self.client(Duration::from_secs(1));
        while begun.elapsed() < LEADER_LIMIT {
            if let Ok(_names) = client.stream_names().await {
                return Ok(begun.elapsed());
            }
            sleep(LOOK_EVERY).await;
        }
        anyhow::bail!("no leader within {} s", LEADER_LIMIT.as_secs())
    }

    /// Ends all child processes, in order where they let themselves be ended.
    pub(crate) async fn stop(self) {
        self.quit.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Runs a cluster until the process is asked to end.
pub(crate) async fn run(args: &ClusterArgs, log: &str) -> anyhow::Result<()> {
    let mut signals = EndSignals::take().context("failed to take signals")?;
    let nodes = lay_out(args.nodes, &args.dir, args.port, args.quick)?;
    for node in &nodes {
        println!("s{} clients {} · peers {} · http {}", node.number, node.clients, node.peers, node.http);
    }
    let supervision = Supervision { log: log.to_owned(), restarts: args.restart, is_told: true };
    let cluster = Cluster::start(nodes, &supervision);
    select! {
        biased;
        () = signals.next() => {}
        outcome = announce(&cluster) => {
            if let Err(error) = outcome {
                println!("{error}; see the logs");
            }
            signals.next().await;
        }
    }
    println!("stopping");
    let quick = async {
        signals.next().await;
        println!("leaving at once");
    };
    select! {
        biased;
        () = cluster.stop() => {}
        () = quick => {}
    }
    Ok(())
}

async fn announce(cluster: &Cluster) -> anyhow::Result<()> {
    let waited = cluster.wait_for_leader().await?;
    let servers: Vec<&str> = cluster.nodes.iter().map(|node| node.clients.as_str()).collect();
    let leader = leader_of(cluster).await.unwrap_or_else(|| "not known".to_owned());
    println!("ready after {:.1} s; leader of the meta layer: {leader}", waited.as_secs_f64());
    println!("clients: --servers {}", servers.join(","));
    println!("Ctrl-C stops all");
    Ok(())
}

/// Who leads the meta layer, as the first server says that knows it.
async fn leader_of(cluster: &Cluster) -> Option<String> {
    for node in &cluster.nodes {
        let Ok(text) = pages::get(&node.http, "/varz").await else { continue };
        let Ok(varz) = serde_json::from_str::<serde_json::Value>(&text) else { continue };
        if let Some(leader) = varz["jetstream"]["meta"]["leader"].as_str().filter(|leader| !leader.is_empty()) {
            return Some(leader.to_owned());
        }
    }
    None
}
