//! The sockets of servers and clients over loopback, with a stand-in behind them and a bad line between them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clients;
mod cluster;
mod pages;
mod peers;
mod proxy;
mod stand_in;
mod start;

use std::time::Duration;

/// Waits until something holds; a test that waits longer has failed.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// A listener on a port that was free, with its address.
async fn listener() -> (tokio::net::TcpListener, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}
