//! Streams of one and three replicas: a client over loopback, servers in processes of their own, all synced.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Context;
use interlock_engine::api::{Publish, Request};
use interlock_engine::client::{Answer, Client};
use interlock_engine::core::config::StreamConfig;

use super::latency::Latency;
use super::{Plan, Row};
use crate::args::BenchArgs;
use crate::cluster::{Cluster, Supervision, lay_out};
use crate::pages;

const SIZES: [usize; 2] = [128, 1024];
const WINDOWS: [usize; 3] = [1, 64, 512];
/// Publishing before anything is measured: files are made, leaders are found.
const WARM_UP: Duration = Duration::from_millis(500);
/// The metric that counts calls of fdatasync.
const SYNCS: &str = "interlock_disk_syncs_total";

/// Measures them, one cluster of processes for each number of replicas.
pub(crate) async fn measure(plan: &Plan<'_>, args: &BenchArgs, print: &mut impl FnMut(Row)) -> anyhow::Result<()> {
    for replicas in [1, 3] {
        let wanted: Vec<(usize, usize)> = SIZES
            .into_iter()
            .flat_map(|size| WINDOWS.into_iter().map(move |window| (size, window)))
            .filter(|(size, window)| plan.wants(&name(replicas, *size, *window)))
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let folder = args.dir.join(format!("r{replicas}"));
        super::empty(&folder)?;
        let nodes = lay_out(u16::from(replicas), &folder, args.port, true)?;
        let supervision = Supervision { log: "error".to_owned(), restarts: false, is_told: false };
        let cluster = Cluster::start(nodes, &supervision);
        let measured = rows(plan, &cluster, replicas, &wanted, print).await;
        cluster.stop().await;
        measured?;
    }
    Ok(())
}

/// The name of a row.
pub(crate) fn name(replicas: u8, size: usize, window: usize) -> String {
    format!("R{replicas}, {size} B, {window} in flight")
}

async fn rows(
    plan: &Plan<'_>,
    cluster: &Cluster,
    replicas: u8,
    wanted: &[(usize, usize)],
    print: &mut impl FnMut(Row),
) -> anyhow::Result<()> {
    cluster.wait_for_leader().await?;
    let client = cluster.client(Duration::from_secs(20));
    for (size, window) in wanted {
        let stream = format!("B{size}-{window}");
        let config = StreamConfig { name: stream.clone(), replicas, ..StreamConfig::default() };
        client.create_stream(config).await.with_context(|| format!("stream {stream}"))?;
        let client = at_leader(cluster, &client, &stream).await?;
        publish_for(&client, &stream, *size, *window, WARM_UP).await?;
        let before = syncs(cluster).await;
        let (latency, elapsed) = publish_for(&client, &stream, *size, *window, plan.duration()).await?;
        let n_syncs = syncs(cluster).await.zip(before).map(|(after, before)| after - before);
        let mut row = Row::new(name(replicas, *size, *window), &latency, elapsed);
        row.syncs_per_message = n_syncs.map(|n_syncs| n_syncs / latency.count().max(1) as f64);
        print(row);
        client.delete_stream(&stream).await.with_context(|| format!("stream {stream}"))?;
    }
    Ok(())
}

/// A client of the stream's leader, as clients of streams choose theirs.
async fn at_leader(cluster: &Cluster, client: &Client, stream: &str) -> anyhow::Result<Client> {
    let leader = client.stream_info(stream).await?.cluster.leader;
    let node = cluster.nodes.iter().find(|node| leader.is_some_and(|leader| leader.0 == u64::from(node.number)));
    let node = node.with_context(|| format!("stream {stream} has no leader"))?;
    let mut options = interlock_engine::client::ClientOptions::new(vec![node.clients.clone()]);
    options.timeout = Duration::from_secs(20);
    Ok(Client::new(options))
}

/// Calls of fdatasync on all servers so far; nothing where one does not count them.
async fn syncs(cluster: &Cluster) -> Option<f64> {
    let mut sum = 0.0;
    for node in &cluster.nodes {
        sum += pages::metrics(&node.http).await.ok()?.get(SYNCS)?;
    }
    Some(sum)
}

/// A closed loop: each acknowledgement makes room for the next message.
async fn publish_for(
    client: &Client,
    stream: &str,
    size: usize,
    window: usize,
    duration: Duration,
) -> anyhow::Result<(Latency, Duration)> {
    let publish = Publish { subject: stream.to_owned(), payload: vec![b'x'; size], ..Publish::default() };
    let mut waiting: VecDeque<(Instant, Answer)> = VecDeque::with_capacity(window);
    let (begun, mut latency) = (Instant::now(), Latency::new());
    loop {
        let goes_on = begun.elapsed() < duration;
        while goes_on && waiting.len() < window {
            waiting.push_back((Instant::now(), client.begin(Request::Publish(publish.clone())).await?));
        }
        let Some((sent, answer)) = waiting.pop_front() else { break };
        answer.published().await?;
        latency.record(sent.elapsed());
    }
    Ok((latency, begun.elapsed()))
}
