//! The order of the evaluation, one fact worse at a time.

use std::time::Duration;

use super::*;

fn node() -> NodeFacts {
    NodeFacts { group: GroupName::new("S-1"), incarnation: 1, write_error: None, is_healthy: true }
}

fn stream() -> AssetFacts {
    let entity = EntityFacts { node: Some(node()), is_monitored: true, ..EntityFacts::default() };
    AssetFacts {
        stream: "ORDERS".to_owned(),
        n_replicas: 3,
        age: Duration::from_secs(3600),
        node: Some(node()),
        entity: Some(entity),
        ..AssetFacts::default()
    }
}

fn meta() -> MetaFacts {
    MetaFacts { has_leader: true, is_current: true, ..MetaFacts::default() }
}

fn clustered(assets: Vec<AssetFacts>) -> ServerFacts {
    ServerFacts { is_ready: true, engine: EngineFacts::Clustered(meta(), assets) }
}

/// Status and errors.
fn of(facts: &ServerFacts, options: &Options) -> (u16, Vec<String>) {
    let report = evaluate(facts, options);
    (report.http_status, report.problems.into_iter().map(|problem| problem.error).collect())
}

#[track_caller]
fn check(facts: &ServerFacts, http_status: u16, errors: &[&str]) {
    assert_eq!(of(facts, &Options::default()), (http_status, errors.iter().map(|&error| error.to_owned()).collect()));
}

#[test]
fn a_server_is_as_healthy_as_its_worst_part() {
    check(&clustered(vec![stream()]), 200, &[]);
    check(&ServerFacts { is_ready: false, ..clustered(vec![]) }, 500, &["not ready for connections"]);
    let of_engine = |engine| ServerFacts { is_ready: true, engine };
    check(&of_engine(EngineFacts::Disabled(None)), 503, &["the stream engine is not enabled"]);
    let disabled = EngineFacts::Disabled(Some("stream T: EROFS".to_owned()));
    check(&of_engine(disabled), 503, &["the stream engine is not enabled: stream T: EROFS"]);
    let lost = AssetFacts { n_replicas: 1, entity: None, ..stream() };
    check(&of_engine(EngineFacts::Standalone(vec![lost])), 503, &["not found"]);
}

/// Breaks one more thing at a time, from the last check to the first: each time, the error of the newest is reported.
#[test]
fn an_asset_reports_the_first_error_of_the_order() {
    type Break = fn(&mut AssetFacts);
    fn entity(asset: &mut AssetFacts) -> &mut EntityFacts {
        asset.entity.as_mut().expect("it has one")
    }
    fn both_nodes(asset: &mut AssetFacts, break_one: fn(&mut NodeFacts)) {
        break_one(asset.node.as_mut().expect("it has one"));
        break_one(entity(asset).node.as_mut().expect("it has one"));
    }
    let breaks: [(Break, &str); 10] = [
        (|asset| both_nodes(asset, |node| node.is_healthy = false), "group node unhealthy"),
        (|asset| entity(asset).is_catching_up = true, "catching up"),
        (|asset| entity(asset).is_monitored = false, "monitor not running"),
        (|asset| entity(asset).write_error = Some("EIO".to_owned()), "write error: EIO"),
        (|asset| both_nodes(asset, |node| node.write_error = Some("EROFS".to_owned())), "node write error: EROFS"),
        (
            |asset| asset.node = Some(NodeFacts { group: GroupName::new("S-2"), ..node() }),
            "node skew: runs on S-1, assigned to S-2",
        ),
        (|asset| entity(asset).node = None, "has no node"),
        (|asset| asset.node = None, "group node missing"),
        (|asset| asset.entity = None, "not found"),
        (|asset| asset.assignment_error = Some("no space".to_owned()), "assignment error: no space"),
    ];
    let mut asset = stream();
    for (break_one_more, error) in breaks {
        break_one_more(&mut asset);
        check(&clustered(vec![asset.clone()]), 503, &[error]);
    }
}

#[test]
fn one_replica_has_a_disk_too() {
    let entity = EntityFacts { write_error: Some("EIO".to_owned()), ..EntityFacts::default() };
    let broken = AssetFacts { n_replicas: 1, node: None, entity: Some(entity), ..stream() };
    check(&clustered(vec![broken.clone()]), 503, &["write error: EIO"]);
    let standalone = ServerFacts { is_ready: true, engine: EngineFacts::Standalone(vec![broken.clone(), stream()]) };
    check(&standalone, 503, &["write error: EIO"]);
    crate::mutation::set(Some(crate::mutation::Mutation::M62));
    check(&clustered(vec![broken]), 200, &[]);
    crate::mutation::set(None);
}

#[test]
fn one_replica_has_to_be_driven_too() {
    let alone = AssetFacts { n_replicas: 1, node: None, ..stream() };
    check(&clustered(vec![alone.clone()]), 200, &[]);
    let left = AssetFacts { entity: Some(EntityFacts::default()), ..alone };
    check(&clustered(vec![left.clone()]), 503, &["monitor not running"]);
    check(&ServerFacts { is_ready: true, engine: EngineFacts::Standalone(vec![left]) }, 503, &["monitor not running"]);
}

#[test]
fn a_consumer_may_be_missing_for_a_moment() {
    let missing = |age| AssetFacts { consumer: Some("C".to_owned()), entity: None, age, ..stream() };
    check(&clustered(vec![missing(Duration::from_millis(4999))]), 200, &[]);
    check(&clustered(vec![missing(Duration::from_secs(5))]), 503, &["not found"]);
}

#[test]
fn the_meta_layer_comes_before_the_assets() {
    let broken = AssetFacts { entity: None, ..stream() };
    let with = |meta| ServerFacts { is_ready: true, engine: EngineFacts::Clustered(meta, vec![broken.clone()]) };
    let all_wrong = MetaFacts {
        write_error: Some("EIO".to_owned()),
        apply_error: Some("version 9".to_owned()),
        is_closed: true,
        is_recovering: true,
        ..MetaFacts::default()
    };
    check(&with(all_wrong.clone()), 503, &["meta layer write error: EIO"]);
    let no_write_error = MetaFacts { write_error: None, ..all_wrong };
    check(&with(no_write_error.clone()), 503, &["meta layer apply error: version 9"]);
    let no_error = MetaFacts { apply_error: None, ..no_write_error };
    check(&with(no_error.clone()), 503, &["the meta layer is closed"]);
    let open = MetaFacts { is_closed: false, ..no_error };
    check(&with(open.clone()), 503, &["the meta layer is still recovering"]);
    let recovered = MetaFacts { is_recovering: false, ..open };
    check(&with(recovered.clone()), 503, &["no contact with the meta leader"]);
    check(&with(MetaFacts { has_leader: true, ..recovered }), 503, &["the meta layer is not current"]);
    check(&with(meta()), 503, &["not found"]);
}

#[test]
fn options_stop_the_evaluation_or_ask_for_one_asset() {
    let consumer = AssetFacts { consumer: Some("C".to_owned()), ..stream() };
    let lost = AssetFacts { stream: "LOST".to_owned(), entity: None, ..stream() };
    let facts = clustered(vec![stream(), consumer, lost]);
    let asked = |stream: &str, consumer: Option<&str>| Options {
        account: Some("A".to_owned()),
        stream: Some(stream.to_owned()),
        consumer: consumer.map(str::to_owned),
        ..Options::default()
    };
    let status = |options: &Options| evaluate(&facts, options).http_status;
    assert_eq!(status(&Options::default()), 503);
    assert_eq!(status(&Options { server_only: true, ..Options::default() }), 200);
    assert_eq!(status(&Options { enabled_only: true, ..Options::default() }), 200);
    assert_eq!(status(&Options { meta_only: true, ..Options::default() }), 200);
    assert_eq!(status(&asked("ORDERS", None)), 200);
    assert_eq!(status(&asked("ORDERS", Some("C"))), 200);
    assert_eq!(status(&asked("ORDERS", Some("D"))), 404);
    assert_eq!(status(&asked("NONE", None)), 404);
    assert_eq!(status(&asked("LOST", None)), 503);
    assert_eq!(status(&Options { account: None, ..asked("ORDERS", None) }), 400);
    assert_eq!(status(&Options { stream: None, ..asked("ORDERS", Some("C")) }), 400);
}
