//! A limit on the size of files (EFBIG): neither space nor permission, so nothing but what has failed ends.

use interlock_engine::client::ClientError;
use interlock_engine::core::api_error::ApiError;

use crate::publishers::check;
use crate::servers::{Servers, Through, directly};

const TOO_LARGE: &str = "File too large";
const CLASS: &str = "(class: other)";

/// Through a shell that lets no file be larger, and has the signal of that ignored: then it is an error of the write.
fn limited(kib: u32) -> Through {
    // Units of 512 bytes.
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kib * 2);
    ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_one_replica_latches() {
    let mut servers = Servers::lay_out("file-size-alone", 1, 8 << 20);
    servers.start_all(&limited(512));
    let mut publisher = servers.stream("T", 1, None, 4096).await;
    let refused = publisher.publish_until_refused().await;
    assert!(matches!(&refused, ClientError::Refused(error) if *error == ApiError::STORE_FAILED), "{refused}");
    assert!(publisher.acknowledged.len() > 100, "{} fit", publisher.acknowledged.len());
    servers.until_red(1, &["\"STREAM\"", "write error: ", TOO_LARGE, CLASS]);
    assert_eq!(servers.gauge(1, "interlock_streams_failed"), Some(1));
    assert_eq!(servers.gauge(1, "interlock_engine_enabled"), Some(1));
    servers.kill(1);
    servers.start_all(&directly());
    publisher.publish_up_to(publisher.acknowledged.len() + 100).await;
    assert_eq!(check(&servers.client(), &[&publisher]).await.n_unacknowledged, 0);
}

/// The group's log is the file that grows: the node ends, its engine does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_of_three_ends_its_node_and_the_others_go_on() {
    let mut servers = Servers::lay_out("file-size-leader", 3, 256 << 10);
    servers.start(1, &limited(1024));
    servers.start(2, &directly());
    servers.start(3, &directly());
    servers.until_well();
    let mut publisher = servers.stream("T", 3, Some(1), 16 << 10).await;
    publisher.publish_up_to(200).await;
    servers.until_red(1, &["\"STREAM\"", "write error: ", TOO_LARGE, CLASS]);
    assert_eq!(servers.gauge(1, "interlock_engine_enabled"), Some(1));
    assert_eq!(servers.gauge(1, "interlock_groups_failed"), Some(1));
    let client = servers.client();
    let info = client.stream_info("T").await.unwrap();
    assert!(info.cluster.leader.is_some_and(|leader| leader.0 != 1), "{:?}", info.cluster);
    servers.kill(1);
    servers.start(1, &directly());
    servers.until_well();
    publisher.publish_up_to(300).await;
    let compared = check(&client, &[&publisher]).await;
    servers.until_all_have("T", compared.n_kept + compared.n_unacknowledged);
}
