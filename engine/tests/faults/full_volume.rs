//! No space left: under a stream of one replica, under the leader of three, and a file that cannot be extended.

use std::os::unix::fs::symlink;

use interlock_engine::client::ClientError;
use interlock_engine::core::api_error::ApiError;

use crate::private_volume::PrivateVolume;
use crate::publishers::{check, compare, read};
use crate::servers::{Servers, directly};

const NO_SPACE: &str = "No space left on device";
const CLASS: &str = "(class: out of space)";

/// A lone stream's store has failed: health is red and says so, and nothing but writing has ended.
async fn expect_failed_store(servers: &Servers, why: &[&str]) {
    servers.until_red(1, &[&["\"STREAM\"", "write error: "], why].concat());
    let jsz = servers.jsz(1);
    let error = jsz["stream_detail"][0]["interlock"]["write_error"].as_str().unwrap_or_default();
    assert!(why.iter().all(|word| error.contains(word)), "{jsz}");
    assert_eq!(servers.gauge(1, "interlock_streams_failed"), Some(1));
    assert_eq!(servers.gauge(1, "interlock_engine_enabled"), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_one_replica_latches_and_the_server_goes_on() {
    let mut servers = Servers::lay_out("full-alone", 1, 256 << 10);
    let Some(volume) = PrivateVolume::mount("full_volume: one replica", &servers.data(1), "2m") else { return };
    servers.start_all(&volume.enter());
    let mut publisher = servers.stream("T", 1, None, 4096).await;
    let refused = publisher.publish_until_refused().await;
    assert!(matches!(&refused, ClientError::Refused(error) if *error == ApiError::STORE_FAILED), "{refused}");
    assert!(publisher.acknowledged.len() > 100, "{} fit", publisher.acknowledged.len());
    expect_failed_store(&servers, &[NO_SPACE, CLASS]).await;
    // Reads go on, and room does not heal what has failed.
    let client = servers.client();
    let readable = read(&client, "T").await;
    assert!(readable.len() >= publisher.acknowledged.len(), "{} are readable", readable.len());
    volume.resize("64m");
    assert!(publisher.publish().await.is_err(), "a failed store takes messages");
    expect_failed_store(&servers, &[NO_SPACE, CLASS]).await;
    servers.kill(1);
    servers.start_all(&volume.enter());
    publisher.publish_up_to(publisher.acknowledged.len() + 100).await;
    assert_eq!(check(&client, &[&publisher]).await.n_unacknowledged, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_of_three_goes_down_and_the_others_go_on() {
    let mut servers = Servers::lay_out("full-leader", 3, 1 << 20);
    let Some(volume) = PrivateVolume::mount("full_volume: three replicas", &servers.data(1), "6m") else { return };
    servers.start(1, &volume.enter());
    servers.start(2, &directly());
    servers.start(3, &directly());
    servers.until_well();
    let mut publisher = servers.stream("T", 3, Some(1), 16 << 10).await;
    publisher.publish_up_to(600).await;
    let why = ["the stream engine is not enabled: ", NO_SPACE, CLASS];
    servers.until_red(1, &why);
    let jsz = servers.jsz(1);
    assert_eq!(jsz["disabled"], true, "{jsz}");
    assert!(jsz["write_error"].as_str().is_some_and(|error| error.contains(CLASS)), "{jsz}");
    assert_eq!(servers.gauge(1, "interlock_engine_enabled"), Some(0));
    let client = servers.client();
    let info = client.stream_info("T").await.unwrap();
    assert!(info.cluster.leader.is_some_and(|leader| leader.0 != 1), "{:?}", info.cluster);
    // A restart alone does not help, and does no harm.
    servers.kill(1);
    servers.start(1, &volume.enter());
    servers.until_red(1, &why);
    volume.resize("256m");
    servers.kill(1);
    servers.start(1, &volume.enter());
    servers.until_well();
    publisher.publish_up_to(700).await;
    let compared = check(&client, &[&publisher]).await;
    servers.until_all_have("T", compared.n_kept + compared.n_unacknowledged);
}

/// Needs no right at all: the next block is a device that is always full.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_takes_no_byte() {
    let mut servers = Servers::lay_out("full-block", 1, 32_000);
    servers.start_all(&directly());
    let mut publisher = servers.stream("T", 1, None, 1000).await;
    publisher.publish_up_to(10).await;
    let block = servers.block_of_only_stream(2);
    symlink("/dev/full", &block).unwrap();
    let refused = publisher.publish_until_refused().await;
    assert!(matches!(&refused, ClientError::Refused(error) if *error == ApiError::STORE_FAILED), "{refused}");
    expect_failed_store(&servers, &["2.blk", NO_SPACE, CLASS]).await;
    let client = servers.client();
    compare(&read(&client, "T").await, &[&publisher]);
    servers.kill(1);
    std::fs::remove_file(block).unwrap();
    servers.start_all(&directly());
    publisher.publish_up_to(100).await;
    assert_eq!(check(&client, &[&publisher]).await.n_unacknowledged, 0);
}

/// The comparison sees what it looks for: with the failed writes acknowledged, messages are missing.
#[tokio::test(flavor = "multi_thread")]
async fn failed_writes_that_are_acknowledged_are_missing() {
    let mut servers = Servers::lay_out("full-lies", 1, 32_000);
    servers.mutation = Some("M-61");
    servers.start_all(&directly());
    let mut publisher = servers.stream("T", 1, None, 1000).await;
    publisher.publish_up_to(10).await;
    let block = servers.block_of_only_stream(2);
    symlink("/dev/full", &block).unwrap();
    publisher.publish_up_to(100).await;
    servers.kill(1);
    std::fs::remove_file(block).unwrap();
    servers.start_all(&directly());
    let n_kept = read(&servers.client(), "T").await.len();
    assert!(n_kept < 100, "M-61 shows no symptom");
}
