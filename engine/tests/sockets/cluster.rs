//! Three servers with real disks, over sockets, in this process: each sees the others live, and one of them die.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use interlock_engine::client::{Client, ClientOptions};
use interlock_engine::core::config::StreamConfig;
use interlock_engine::net::config::Config;
use interlock_engine::net::serve::ServeError;
use interlock_engine::net::server::serve;
use interlock_sync::token::Token;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::start::free_port;

/// Elections in well under a second, and a silence that is noticed in one.
const TIMING: &str = "[timing]\ntick_ms = 25\nheartbeat_ms = 100\nelection_min_ms = 400\nelection_max_ms = 900\n\
                      peer_heartbeat_ms = 100\npeer_silence_ms = 1000\n";

struct Running {
    config: Config,
    quit: Token,
    task: JoinHandle<Result<(), ServeError>>,
}

async fn three(folder: &Path) -> Vec<Running> {
    let ports = [free_port().await, free_port().await, free_port().await];
    let peers: String = ports.iter().enumerate().map(|(n, port)| format!("{} = '127.0.0.1:{port}'\n", n + 1)).collect();
    let mut running = Vec::new();
    for (n, port) in ports.iter().enumerate() {
        let (clients, http) = (free_port().await, free_port().await);
        let text = format!(
            "server = {number}\ndata = 's{number}'\n[listen]\nclients = '127.0.0.1:{clients}'\n\
             http = '127.0.0.1:{http}'\npeers = '127.0.0.1:{port}'\n[peers]\n{peers}{TIMING}",
            number = n + 1,
        );
        let config = Config::parse(&text, &folder.join("engine.toml")).unwrap();
        let (quit, served) = (Token::new(), Arc::new(config.clone()));
        let task = tokio::spawn({
            let quit = quit.clone();
            async move { serve(&served, quit).await }
        });
        running.push(Running { config, quit, task });
    }
    running
}

/// A page of a server; nothing where it does not answer yet.
async fn page(server: &Running, path: &str) -> Option<String> {
    let address = server.config.listen.http.clone();
    let path = path.to_owned();
    let get = crate::pages::get(&address, &path);
    tokio::time::timeout(Duration::from_secs(5), get).await.ok()?.map(|(_, body)| body)
}

/// What a server says of the others on `/varz`.
async fn liveness(server: &Running) -> Option<Value> {
    let document: Value = serde_json::from_str(&page(server, "/varz").await?).ok()?;
    Some(document["liveness"].clone())
}

fn n_alive(liveness: &Value) -> usize {
    let peers = liveness["peers"].as_array();
    peers.map_or(0, |peers| peers.iter().filter(|peer| peer["alive"] == true).count())
}

fn n_led(liveness: &Value) -> u64 {
    let peers = liveness["peers"].as_array();
    peers.map_or(0, |peers| peers.iter().filter_map(|peer| peer["groups_led"].as_u64()).sum())
}

/// Waits until a server sees the others so.
async fn until_seen(server: &Running, what: &str, holds: impl Fn(&Value) -> bool) {
    for _ in 0..300 {
        if let Some(seen) = liveness(server).await
            && holds(&seen)
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never {what}: {:?}", liveness(server).await);
}

#[tokio::test]
async fn servers_see_each_other_live_and_die() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("liveness");
    let _none_yet = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let mut servers = three(&folder).await;
    for server in &servers {
        until_seen(server, "all alive", |seen| n_alive(seen) == 2).await;
    }
    let client = Client::new(ClientOptions::new(vec![servers[0].config.listen.clients.clone()]));
    let stream =
        StreamConfig { name: "T".to_owned(), subjects: vec!["T.>".to_owned()], replicas: 3, ..StreamConfig::default() };
    client.create_stream(stream).await.unwrap();
    // The meta layer and the stream have a leader each; a server hears of those of the others.
    for server in &servers {
        until_seen(server, "led", |seen| n_led(seen) > 0 || seen["groups_watched"].as_u64() > Some(0)).await;
    }
    let metrics = page(&servers[0], "/metrics").await.unwrap();
    assert!(metrics.contains("\ninterlock_peers 2\n") && metrics.contains("\ninterlock_peers_alive 2\n"), "{metrics}");
    let stopped = servers.remove(2);
    stopped.quit.cancel();
    stopped.task.await.unwrap().unwrap();
    for server in &servers {
        until_seen(server, "one dead", |seen| n_alive(seen) == 1).await;
    }
    let metrics = page(&servers[0], "/metrics").await.unwrap();
    assert!(metrics.contains("\ninterlock_peers_alive 1\n"), "{metrics}");
    for server in servers {
        server.quit.cancel();
        server.task.await.unwrap().unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
