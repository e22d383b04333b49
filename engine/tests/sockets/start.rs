//! The order in which a server's sockets begin and end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use interlock_engine::core::names::ServerId;
use interlock_engine::mutation::{self, Mutation};
use interlock_engine::net::config::Config;
use interlock_engine::net::serve::{ServeError, serve};
use interlock_engine::peer::{PeerFrame, PeerNetwork};
use interlock_sync::token::Token;

use crate::stand_in::StandIn;
use crate::{listener, until};

pub(crate) async fn free_port() -> u16 {
    let (listener, _) = listener().await;
    listener.local_addr().unwrap().port()
}

/// Configurations of two servers.
async fn pair() -> [Config; 2] {
    let ports = [free_port().await, free_port().await];
    let mut configs = Vec::new();
    for server in 1..=2 {
        let (clients, http) = (free_port().await, free_port().await);
        let text = format!(
            "server = {server}\ndata = 'd'\n[listen]\nclients = '127.0.0.1:{clients}'\nhttp = '127.0.0.1:{http}'\n\
             peers = '127.0.0.1:{own}'\n[peers]\n1 = '127.0.0.1:{one}'\n2 = '127.0.0.1:{two}'\n",
            own = ports[server - 1],
            one = ports[0],
            two = ports[1],
        );
        configs.push(Config::parse(&text, Path::new("engine.toml")).unwrap());
    }
    configs.try_into().unwrap()
}

/// A server that keeps calling the other one.
async fn run(config: Config, host: Arc<StandIn>, quit: Token) -> Result<(), ServeError> {
    let other = ServerId(3 - config.server);
    let making = |peers: Arc<interlock_engine::net::peers::Peers>| {
        let quit = quit.clone();
        tokio::spawn(async move {
            while !quit.is_cancelled() {
                peers.send(other, PeerFrame::Heartbeat { partitions: Vec::new() });
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        async move { Ok(host) }
    };
    serve(&config, making, quit.clone()).await
}

/// S-106, at the sockets: whether both servers get a leader within a second and a half.
async fn both_are_led() -> bool {
    let quit = Token::new();
    let hosts = [StandIn::new(), StandIn::new()];
    let [one, two] = pair().await;
    let first = tokio::spawn(run(one, hosts[0].clone(), quit.clone()));
    // The second one starts later.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let second = tokio::spawn(run(two, hosts[1].clone(), quit.clone()));
    let led = until("a leader", || hosts.iter().all(|host| host.is_led()));
    let is_led = tokio::time::timeout(Duration::from_millis(1500), led).await.is_ok();
    quit.cancel();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert!(hosts.iter().all(|host| *host.is_down.borrow()), "the host is shut down with its sockets");
    is_led
}

// One thread each: the switch of a mutation is its thread's.
#[tokio::test]
async fn s_106_listeners_are_bound_before_a_leader_is_waited_for() {
    assert!(both_are_led().await);
}

#[tokio::test]
async fn s_106_is_missed_when_a_leader_is_waited_for_first() {
    mutation::set(Some(Mutation::M117));
    assert!(!both_are_led().await, "M-117 shows no symptom");
}

#[tokio::test]
async fn a_taken_address_is_named_with_its_key() {
    let (taken, address) = listener().await;
    let [mut config, _] = pair().await;
    config.listen.http = address.clone();
    let error = run(config, StandIn::new(), Token::new()).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("failed to listen on {address} (`listen.http`): ")), "{error}");
    drop(taken);
}
