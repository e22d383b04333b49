//! A volume that became read-only (EROFS), and a file that may not be made (EACCES): the engine of the server goes down,
//! and keeps what it has.

use std::os::unix::fs::symlink;

use crate::private_volume::PrivateVolume;
use crate::publishers::check;
use crate::servers::{Servers, directly};

const READ_ONLY: &str = "Read-only file system";
const NOT_PERMITTED: &str = "Permission denied";
const CLASS: &str = "(class: permission)";

/// The engine was shut down for what it was not permitted to write.
fn expect_engine_down(servers: &Servers, why: &str) {
    servers.until_red(1, &["the stream engine is not enabled: ", why, CLASS]);
    let jsz = servers.jsz(1);
    assert_eq!(jsz["disabled"], true, "{jsz}");
    assert!(jsz["write_error"].as_str().is_some_and(|error| error.contains(CLASS)), "{jsz}");
    assert_eq!(servers.gauge(1, "interlock_engine_enabled"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_alone_shuts_its_engine_down() {
    let mut servers = Servers::lay_out("read-only-alone", 1, 32_000);
    let Some(volume) = PrivateVolume::mount("read_only: one replica", &servers.data(1), "64m") else { return };
    servers.start_all(&volume.enter());
    let mut publisher = servers.stream("T", 1, None, 1000).await;
    publisher.publish_up_to(50).await;
    volume.protect();
    // Files that are open stay as they are: the next block is what cannot be made.
    publisher.publish_until_refused().await;
    expect_engine_down(&servers, READ_ONLY);
    servers.kill(1);
    volume.unprotect();
    servers.start_all(&volume.enter());
    publisher.publish_up_to(100).await;
    assert_eq!(check(&servers.client(), &[&publisher]).await.n_unacknowledged, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_of_three_goes_down_and_the_others_go_on() {
    let mut servers = Servers::lay_out("read-only-leader", 3, 32_000);
    let Some(volume) = PrivateVolume::mount("read_only: three replicas", &servers.data(1), "64m") else { return };
    servers.start(1, &volume.enter());
    servers.start(2, &directly());
    servers.start(3, &directly());
    servers.until_well();
    let mut publisher = servers.stream("T", 3, Some(1), 1000).await;
    publisher.publish_up_to(50).await;
    volume.protect();
    publisher.publish_up_to(200).await;
    expect_engine_down(&servers, READ_ONLY);
    servers.kill(1);
    volume.unprotect();
    servers.start(1, &volume.enter());
    servers.until_well();
    publisher.publish_up_to(300).await;
    let compared = check(&servers.client(), &[&publisher]).await;
    servers.until_all_have("T", compared.n_kept + compared.n_unacknowledged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_on_it_is_read_until_something_is_written() {
    let mut servers = Servers::lay_out("read-only-start", 1, 32_000);
    let Some(volume) = PrivateVolume::mount("read_only: start", &servers.data(1), "64m") else { return };
    servers.start_all(&volume.enter());
    let mut publisher = servers.stream("T", 1, None, 1000).await;
    publisher.publish_up_to(50).await;
    servers.kill(1);
    volume.protect();
    servers.start_all(&volume.enter());
    assert_eq!(check(&servers.client(), &[&publisher]).await.n_kept, 50);
    publisher.publish_until_refused().await;
    expect_engine_down(&servers, READ_ONLY);
    servers.kill(1);
    volume.unprotect();
    servers.start_all(&volume.enter());
    publisher.publish_up_to(100).await;
    assert_eq!(check(&servers.client(), &[&publisher]).await.n_unacknowledged, 0);
}

/// Needs no right at all: the next block would be a file where nobody can make one, root included.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_may_not_be_made() {
    let mut servers = Servers::lay_out("read-only-block", 1, 32_000);
    servers.start_all(&directly());
    let mut publisher = servers.stream("T", 1, None, 1000).await;
    publisher.publish_up_to(10).await;
    let block = servers.block_of_only_stream(2);
    symlink("/sys/no-such-block", &block).unwrap();
    publisher.publish_until_refused().await;
    expect_engine_down(&servers, NOT_PERMITTED);
    servers.kill(1);
    std::fs::remove_file(block).unwrap();
    servers.start_all(&directly());
    publisher.publish_up_to(100).await;
    assert_eq!(check(&servers.client(), &[&publisher]).await.n_unacknowledged, 0);
}
