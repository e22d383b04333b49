//! A volume that became read-only (EROFS): the engine of its server goes down, and keeps what it has.

use crate::private_volume::PrivateVolume;
use crate::publishers::check;
use crate::servers::{Servers, directly};

const READ_ONLY: &str = "Read-only file system";
const CLASS: &str = "(class: permission)";

/// The engine was shut down for what it was not permitted to write.
fn expect_engine_down(servers: &Servers) {
    servers.until_red(1, &["the stream engine is not enabled: ", READ_ONLY, CLASS]);
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
    expect_engine_down(&servers);
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
    expect_engine_down(&servers);
    servers.kill(1);
    volume.unprotect();
    servers.start(1, &volume.enter());
    servers.until_well();
    publisher.publish_up_to(300).await;
    let compared = check(&servers.client(), &[&publisher]).await;
    servers.until_all_have((compared.n_kept + compared.n_unacknowledged) as u64);
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
    expect_engine_down(&servers);
    servers.kill(1);
    volume.unprotect();
    servers.start_all(&volume.enter());
    publisher.publish_up_to(100).await;
    assert_eq!(check(&servers.client(), &[&publisher]).await.n_unacknowledged, 0);
}
