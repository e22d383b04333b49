//! Consumers that nobody uses, in a cluster: scenarios S-28 to S-42. What the core decides alone is in `inactivity.rs`.
//!
//! Long because the scenarios of one table stand in one file.

use std::cell::Cell;
use std::time::Duration;

use interlock_engine::api::{Fetch, Request, Response};
use interlock_engine::core::config::{AckPolicy, ConsumerConfig};
use interlock_engine::core::meta::Identity;
use interlock_engine::core::names::{ConsumerKey, GroupName, ServerId};
use interlock_engine::events::Event;
use interlock_engine::failpoint;
use interlock_engine::sim::World;
use tokio::time::{Instant, sleep, timeout};

use crate::harness::{Outcome, expect};

pub(crate) const SOON: Duration = Duration::from_secs(15);
/// The default threshold of an ephemeral consumer with all that is added, and a little time to decide.
pub(crate) const FIRED: Duration = Duration::from_millis(6500);
/// The longest interval of the retry loop, and a little time to commit.
pub(crate) const INTERVAL_MAX: Duration = Duration::from_secs(310);
/// A threshold that no scenario lives to see.
pub(crate) const LONG: Duration = Duration::from_secs(24 * 3600);

pub(crate) const NO_WAIT: Fetch = Fetch { batch: 1, expires: Duration::ZERO };

pub(crate) fn key() -> ConsumerKey {
    ConsumerKey { stream: "T".to_owned(), name: "C".to_owned() }
}

/// An ephemeral consumer: it expires after 5 s.
pub(crate) fn ephemeral(replicas: u8) -> ConsumerConfig {
    ConsumerConfig { name: "C".to_owned(), replicas, ..ConsumerConfig::default() }
}

/// A cluster of three with a stream of three replicas that has ten messages.
pub(crate) async fn with_stream(seed: u64) -> Result<World, String> {
    let world = World::start(3, seed).await;
    world.create_stream("T", 3).await?;
    for n in 0..10_u8 {
        world.publish(ServerId(1), "T.a", &[n]).await?;
    }
    // A consumer reads the stream of its own server.
    let has_all = |world: &World| world.ids().iter().all(|id| world.payloads(*id, "T").len() == 10);
    expect(world.until(SOON, has_all).await, "a replica stays behind")?;
    Ok(world)
}

/// The same with a consumer.
pub(crate) async fn with_consumer(config: ConsumerConfig) -> Result<World, String> {
    let world = with_stream(28).await?;
    world.create_consumer("T", config).await?;
    Ok(world)
}

/// Who leads the consumer, once that is not the leader of the meta layer: its proposals are passed on.
pub(crate) async fn away_from_meta(world: &World) -> Result<ServerId, String> {
    for _ in 0..10 {
        let here = world.consumer_leader("T", "C").ok_or("nobody leads the consumer")?;
        if world.meta_leader().is_some_and(|leader| leader != here) {
            return Ok(here);
        }
        let _stepped_down = world.request(here, Request::MetaStepDown).await;
        world.until(SOON, |world| world.meta_leader().is_some_and(|leader| leader != here)).await;
    }
    Err("the leader of the meta layer does not change".to_owned())
}

pub(crate) fn others(world: &World, id: ServerId) -> Vec<ServerId> {
    world.ids().iter().copied().filter(|other| *other != id).collect()
}

pub(crate) fn created_ns(world: &World, id: ServerId) -> Option<u64> {
    Some(world.engine(id)?.consumer_assignment(&key())?.created_ns)
}

/// Whether a server's meta layer lists the consumer.
pub(crate) fn meta_has(world: &World, id: ServerId) -> bool {
    created_ns(world, id).is_some()
}

pub(crate) fn is_here(world: &World, id: ServerId) -> bool {
    world.consumer(id, "T", "C").is_some()
}

/// Whether no server has the consumer, and no meta layer lists it.
pub(crate) fn is_gone(world: &World) -> bool {
    world.running().into_iter().all(|id| !is_here(world, id) && !meta_has(world, id))
}

/// Of each proposal of a server to remove the consumer: how many there were before.
pub(crate) fn proposals(world: &World, id: ServerId) -> Vec<u64> {
    let Some(server) = world.server(id) else { return Vec::new() };
    let proposed = server.context().events.matching(|event| matches!(event, Event::RemovalProposed { .. }));
    let n_earlier = |event| if let Event::RemovalProposed { n_earlier, .. } = event { n_earlier } else { 0 };
    proposed.into_iter().map(n_earlier).collect()
}

pub(crate) fn n_proposals(world: &World) -> usize {
    world.running().into_iter().map(|id| proposals(world, id).len()).sum()
}

/// How often the consumer was deleted on a server.
pub(crate) fn n_deletions(world: &World, id: ServerId) -> usize {
    let Some(server) = world.server(id) else { return 0 };
    server.context().events.matching(|event| matches!(event, Event::ConsumerDeleted { .. })).len()
}

/// Why an inactive consumer stays, as often as a server has said so.
pub(crate) fn reasons(world: &World, id: ServerId) -> Vec<&'static str> {
    let Some(server) = world.server(id) else { return Vec::new() };
    let told = server.context().events.matching(|event| matches!(event, Event::RemovalWaits { .. }));
    let reason = |event| if let Event::RemovalWaits { reason, .. } = event { reason } else { "" };
    told.into_iter().map(reason).collect()
}

pub(crate) async fn answers(world: &World, via: ServerId) -> bool {
    let request = Request::ConsumerInfo { stream: "T".to_owned(), consumer: "C".to_owned() };
    matches!(world.request(via, request).await, Response::Consumer(_))
}

/// Waits until the consumer's leader has asked for its removal so often.
pub(crate) async fn until_proposed(world: &World, here: ServerId, n: usize) -> Outcome {
    let proposed = world.until(INTERVAL_MAX, |world| proposals(world, here).len() >= n).await;
    expect(proposed, format!("no proposal number {n}: the consumer is a ghost"))
}

/// Deletes the consumer and makes another one of its name, on behalf of a client of this server.
async fn renew(world: &World, via: ServerId) -> Outcome {
    let (stream, consumer) = ("T".to_owned(), "C".to_owned());
    let deleted = world.request(via, Request::ConsumerDelete { stream: stream.clone(), consumer }).await;
    expect(deleted == Response::Done, format!("not deleted: {deleted:?}"))?;
    let config = ConsumerConfig { inactive_threshold: LONG, ..ephemeral(1) };
    // Where it is assigned to a server that is cut off there is no answer.
    let _response = timeout(SOON, world.request(via, Request::ConsumerCreate { stream, config })).await;
    expect(meta_has(world, via), "not made anew")
}

/// So many entries of the meta log, which change nothing, that it is cut behind its next snapshot.
pub(crate) async fn fill_meta(world: &World, via: ServerId) -> Outcome {
    let engine = world.engine(via).ok_or("no engine")?;
    let nobody = ConsumerKey { stream: "T".to_owned(), name: "nobody".to_owned() };
    for _ in 0..1300 {
        let identity = Identity { key: nobody.clone(), created_ns: 1, group: GroupName::new("none") };
        engine.propose_removal(identity).await;
    }
    let meta = engine.meta().ok_or("no meta layer")?;
    let snapshot = world.until(Duration::from_secs(200), |_| meta.status().snapshot_index > 1300).await;
    expect(snapshot, format!("no snapshot of the meta layer: {:?}", meta.status()))
}

scenario!(s_28_removed_by_one_proposal, "S-28", [M30 => "gone before its removal was committed"], async {
    let world = with_consumer(ephemeral(3)).await?;
    let leader = world.consumer_leader("T", "C").ok_or("no leader")?;
    let begun = Instant::now();
    let is_ghost = Cell::new(false);
    let gone = world.until(SOON, |world| {
        let half = |id: &ServerId| !is_here(world, *id) && meta_has(world, *id);
        is_ghost.set(is_ghost.get() || world.ids().iter().any(half));
        is_gone(world) || is_ghost.get()
    });
    let gone = gone.await;
    expect(!is_ghost.get(), "gone before its removal was committed")?;
    expect(gone, "an inactive consumer stays")?;
    let after = begun.elapsed();
    expect((Duration::from_secs(5)..FIRED).contains(&after), format!("gone after {after:?}"))?;
    sleep(Duration::from_secs(400)).await;
    expect(proposals(&world, leader) == [0], format!("proposed again: {:?}", proposals(&world, leader)))?;
    expect(n_proposals(&world) == 1, "followers propose too")?;
    for id in world.ids() {
        expect(n_deletions(&world, *id) == 1, format!("{id}: {} deletions", n_deletions(&world, *id)))?;
    }
    Ok(())
});

scenario!(s_29_a_lost_proposal_is_repeated, "S-29", [M30 => "the consumer is a ghost"], async {
    let world = with_consumer(ephemeral(1)).await?;
    let here = away_from_meta(&world).await?;
    world.network.lose_proposals(1);
    sleep(FIRED).await;
    expect(meta_has(&world, here), "removed though the proposal was lost")?;
    for _ in 0..28 {
        expect(answers(&world, here).await, "the consumer is a ghost")?;
        sleep(Duration::from_secs(1)).await;
    }
    expect(proposals(&world, here) == [0], format!("proposed too early: {:?}", proposals(&world, here)))?;
    expect(world.until(Duration::from_secs(32), is_gone).await, "not proposed again in time")?;
    expect(proposals(&world, here) == [0, 1], format!("{:?}", proposals(&world, here)))
});

scenario!(s_30_without_quorum_it_stays, "S-30", [
    M30 => "deleted without the meta layer",
    M31 => "never deleted",
], async {
    let mut world = with_consumer(ephemeral(1)).await?;
    let here = away_from_meta(&world).await?;
    for other in others(&world, here) {
        world.crash(other);
    }
    sleep(Duration::from_secs(600)).await;
    expect(is_here(&world, here) && answers(&world, here).await, "deleted without the meta layer")?;
    let n_repeated = proposals(&world, here).len();
    // It serves, and that is activity: the loop ends and the timer goes on.
    let (seqs, _) = world.fetch(here, "T", "C", NO_WAIT).await?;
    expect(seqs == [1], format!("delivered {seqs:?}"))?;
    let acked = world.request(here, ack(1)).await;
    expect(acked == Response::Done, format!("{acked:?}"))?;
    for other in others(&world, here) {
        world.boot(other).await;
    }
    expect(world.until(SOON, |world| world.meta_leader().is_some()).await, "no quorum after the restart")?;
    expect(world.until(INTERVAL_MAX + FIRED, is_gone).await, "never deleted")?;
    expect(n_repeated >= 3, format!("{n_repeated} proposals in ten minutes"))
});

pub(crate) fn ack(seq: u64) -> Request {
    let kind = interlock_engine::api::AckKind::Ack;
    Request::Ack { stream: "T".to_owned(), consumer: "C".to_owned(), seq, kind }
}

scenario!(s_31_a_raised_threshold_is_respected, "S-31", [M32 => "deleted by its own server"], async {
    let world = with_consumer(ephemeral(1)).await?;
    let here = away_from_meta(&world).await?;
    world.network.isolate(here, world.ids());
    // Behind the second proposal there is a minute at least until the next one.
    until_proposed(&world, here, 2).await?;
    world.network.heal();
    let has_leader = |world: &World| {
        let meta = world.engine(here).and_then(|engine| engine.meta());
        meta.is_some_and(|meta| meta.status().leader.is_some()) && world.meta_leader().is_some()
    };
    expect(world.until(SOON, has_leader).await, "no leader after the partition")?;
    let created = created_ns(&world, here);
    let config = ConsumerConfig { inactive_threshold: Duration::from_secs(600), ..ephemeral(1) };
    world.create_consumer("T", config).await?;
    sleep(Duration::from_secs(240)).await;
    expect(is_here(&world, here) || !meta_has(&world, here), "deleted by its own server")?;
    expect(created_ns(&world, here) == created && created.is_some(), "deleted although its threshold was raised")?;
    expect(proposals(&world, here).len() == 2, "proposed although its threshold was raised")?;
    expect(world.until(Duration::from_secs(620), is_gone).await, "the timer was not armed again")
});

scenario!(s_32_another_consumer_of_the_name, "S-32", [
    M32 => "deleted by its own server",
    M33 => "a removal of the old consumer is proposed",
], async {
    let world = with_consumer(ephemeral(1)).await?;
    let here = away_from_meta(&world).await?;
    world.network.isolate(here, world.ids());
    until_proposed(&world, here, 1).await?;
    let via = others(&world, here)[0];
    renew(&world, via).await?;
    // The old consumer's server learns of the new one by a snapshot: at once, and before it has done anything about it.
    fill_meta(&world, via).await?;
    failpoint::hold("before_placing");
    world.network.heal();
    let renewed = created_ns(&world, via);
    let learned = world.until(Duration::from_secs(60), |world| created_ns(world, here) == renewed).await;
    expect(learned, "the new assignment does not arrive")?;
    let n_before = proposals(&world, here).len();
    sleep(INTERVAL_MAX).await;
    expect(n_deletions(&world, here) == 0, "deleted by its own server")?;
    expect(proposals(&world, here).len() == n_before, "a removal of the old consumer is proposed")?;
    failpoint::release("before_placing");
    let runs = |world: &World| world.consumer_leader("T", "C").is_some_and(|id| created_ns(world, id) == renewed);
    expect(world.until(SOON, runs).await, "the new consumer does not run")?;
    sleep(Duration::from_secs(60)).await;
    expect(runs(&world) && answers(&world, here).await, "the new consumer was touched")
});

scenario!(s_33_made_anew_before_the_proposal, "S-33", [M34 => "the new consumer was deleted"], async {
    let world = with_consumer(ephemeral(1)).await?;
    let here = world.consumer_leader("T", "C").ok_or("no leader")?;
    let via = world.meta_leader().ok_or("no meta leader")?;
    failpoint::hold("between_capture_and_proposal");
    let seen = failpoint::arrivals("between_capture_and_proposal");
    failpoint::arrival_after("between_capture_and_proposal", seen).await;
    renew(&world, via).await?;
    let renewed = created_ns(&world, via);
    let known = world.until(SOON, |world| created_ns(world, here) == renewed).await;
    expect(known, "the new assignment does not arrive")?;
    failpoint::release("between_capture_and_proposal");
    sleep(Duration::from_secs(70)).await;
    expect(created_ns(&world, via) == renewed && renewed.is_some(), "the new consumer was deleted")?;
    expect(n_proposals(&world) == 0, "a removal was proposed")?;
    expect(answers(&world, via).await, "the new consumer does not answer")
});

scenario!(s_34_an_update_keeps_the_identity, "S-34", [M35 => "the loop ends, and the consumer is a ghost"], async {
    let world = with_consumer(ephemeral(1)).await?;
    let here = away_from_meta(&world).await?;
    world.network.lose_proposals(1);
    until_proposed(&world, here, 1).await?;
    world.create_consumer("T", ConsumerConfig { max_ack_pending: 7, ..ephemeral(1) }).await?;
    let gone = world.until(Duration::from_secs(70), is_gone).await;
    expect(gone, "the loop ends, and the consumer is a ghost")?;
    expect(proposals(&world, here) == [0, 1], format!("{:?}", proposals(&world, here)))
});

scenario!(s_35_an_equal_assignment_is_the_same, "S-35", [M36 => "the consumer is a ghost"], async {
    let world = with_consumer(ephemeral(1)).await?;
    let here = away_from_meta(&world).await?;
    let meta = world.engine(here).and_then(|engine| engine.meta()).ok_or("no meta layer")?;
    world.network.isolate(here, world.ids());
    until_proposed(&world, here, 1).await?;
    fill_meta(&world, others(&world, here)[0]).await?;
    let before = meta.status().snapshot_index;
    let n_before = proposals(&world, here).len();
    world.network.heal();
    let replaced = world.until(Duration::from_secs(60), |_| meta.status().snapshot_index > before).await;
    expect(replaced, "no snapshot came")?;
    expect(world.until(INTERVAL_MAX, is_gone).await, "the consumer is a ghost")?;
    expect(proposals(&world, here).len() > n_before, "another one deleted it")
});

scenario!(s_36_a_remapped_consumer, "S-36", [M37 => "the timer of a living consumer has ended"], async {
    let world = with_consumer(ephemeral(3)).await?;
    let leader = world.consumer_leader("T", "C").ok_or("no leader")?;
    let via = world.meta_leader().ok_or("no meta leader")?;
    let group = |world: &World| {
        let assigned = world.engine(leader).and_then(|engine| engine.consumer_assignment(&key()));
        assigned.map(|assigned| assigned.group.name)
    };
    let old = group(&world);
    // The meta layer says that the consumer lives in another group, and it does not yet.
    failpoint::hold("before_placing");
    let remapping = async {
        let request = Request::ConsumerRemap { stream: "T".to_owned(), consumer: "C".to_owned() };
        timeout(SOON, world.request(via, request)).await
    };
    let waiting = async {
        expect(world.until(SOON, |world| group(world) != old).await, "not remapped")?;
        sleep(Duration::from_secs(60)).await;
        let leads = world.consumer(leader, "T", "C").is_some_and(|consumer| consumer.member().leads());
        expect(leads, "the consumer is not led")?;
        let n_looks = reasons(&world, leader).len();
        failpoint::release("before_placing");
        expect(n_looks >= 5, "the timer of a living consumer has ended")?;
        expect(n_proposals(&world) == 0, "a removal of the old group's consumer was proposed")
    };
    tokio::join!(remapping, waiting).1?;
    expect(world.until(FIRED + SOON, is_gone).await, "the consumer is a ghost")?;
    for id in world.ids() {
        expect(n_deletions(&world, *id) == 1, format!("{id}: {} deletions", n_deletions(&world, *id)))?;
    }
    Ok(())
});

/// Hands the consumer's leadership over.
async fn hand_over(world: &World, to: ServerId) -> Outcome {
    let leader = world.consumer_leader("T", "C").ok_or("nobody leads the consumer")?;
    let node = world.consumer(leader, "T", "C").and_then(|consumer| consumer.member().node()).ok_or("no node")?;
    node.step_down(Some(to)).await.map_err(|closed| format!("{closed:?}"))?;
    let leads = world.until(SOON, |world| world.consumer_leader("T", "C") == Some(to)).await;
    expect(leads, format!("{to} does not lead"))
}

scenario!(s_37_leadership_ends_the_loop, "S-37", [
    M38 => "two loops",
    M39 => "the consumer is a ghost",
], async {
    let world = with_consumer(ephemeral(3)).await?;
    let first = away_from_meta(&world).await?;
    world.network.lose_proposals(u64::MAX);
    until_proposed(&world, first, 1).await?;
    hand_over(&world, others(&world, first)[0]).await?;
    hand_over(&world, first).await?;
    let returned = Instant::now();
    let n_before = proposals(&world, first).len();
    until_proposed(&world, first, n_before + 1).await?;
    let after = returned.elapsed();
    expect((Duration::from_millis(4500)..FIRED).contains(&after), format!("two loops: proposed after {after:?}"))?;
    sleep(Duration::from_secs(100)).await;
    let since = proposals(&world, first).split_off(n_before);
    let is_one_loop = since.iter().enumerate().all(|(n, n_earlier)| *n_earlier == n as u64);
    expect(is_one_loop && since.len() >= 2, format!("two loops: {since:?}"))?;
    world.network.lose_proposals(0);
    expect(world.until(INTERVAL_MAX, is_gone).await, "never deleted")?;
    for id in world.ids() {
        expect(n_deletions(&world, *id) == 1, format!("{id}: {} deletions", n_deletions(&world, *id)))?;
    }
    Ok(())
});

scenario!(s_38_a_followers_timer, "S-38", [M40 => "an active consumer was deleted"], async {
    // Nothing waits for an acknowledgement: only the pulls are activity, and the follower does not see them.
    let world = with_consumer(ConsumerConfig { ack: AckPolicy::None, ..ephemeral(3) }).await?;
    let leader = world.consumer_leader("T", "C").ok_or("no leader")?;
    let follower = others(&world, leader)[0];
    let consumer = world.consumer(follower, "T", "C").ok_or("no consumer")?;
    consumer.watch_until(&world.engine(follower).ok_or("no engine")?, interlock_sync::token::Token::new());
    for _ in 0..20 {
        let fetched = world.fetch(leader, "T", "C", NO_WAIT).await;
        expect(fetched.is_ok(), "an active consumer was deleted")?;
        sleep(Duration::from_secs(1)).await;
    }
    expect(n_proposals(&world) == 0, "a follower has proposed")?;
    expect(meta_has(&world, leader), "an active consumer was deleted")
});

scenario!(s_39_the_meta_leader_changes_meanwhile, "S-39", [], async {
    let world = with_consumer(ephemeral(3)).await?;
    let mut earlier: Option<Identity> = None;
    for _ in 0..3 {
        let via = world.meta_leader().ok_or("no meta leader")?;
        failpoint::hold("between_capture_and_proposal");
        let seen = failpoint::arrivals("between_capture_and_proposal");
        failpoint::arrival_after("between_capture_and_proposal", seen).await;
        let assigned = world.engine(via).and_then(|engine| engine.consumer_assignment(&key())).ok_or("not assigned")?;
        failpoint::release("between_capture_and_proposal");
        let _stepped_down = world.request(via, Request::MetaStepDown).await;
        expect(world.until(Duration::from_secs(70), is_gone).await, "never deleted")?;
        // A second removal is none, and neither is one that comes late, when there is another consumer of the name.
        for id in world.ids() {
            world.engine(*id).ok_or("no engine")?.propose_removal(Identity::of(&assigned)).await;
        }
        world.create_consumer("T", ephemeral(3)).await?;
        for identity in earlier.replace(Identity::of(&assigned)).into_iter().chain([Identity::of(&assigned)]) {
            world.engine(via).ok_or("no engine")?.propose_removal(identity).await;
        }
        sleep(Duration::from_secs(2)).await;
        expect(meta_has(&world, via), "a late removal hit another consumer")?;
    }
    for id in world.ids() {
        let engine = world.engine(*id).ok_or("no engine")?;
        expect(engine.meta_error().is_none() && engine.meta_is_monitored(), format!("{id}: the meta layer failed"))?;
    }
    Ok(())
});

scenario!(s_40_closed_and_assigned, "S-40", [M41 => "a closed consumer is proposed for ever"], async {
    let world = with_consumer(ConsumerConfig { ack: AckPolicy::None, ..ephemeral(1) }).await?;
    let here = away_from_meta(&world).await?;
    world.network.lose_proposals(u64::MAX);
    // The driver saves what was delivered, and the disk does not answer: leadership does not end by the close alone.
    world.disk(here).stall("consumers/");
    world.fetch(here, "T", "C", NO_WAIT).await?;
    until_proposed(&world, here, 1).await?;
    world.consumer(here, "T", "C").ok_or("no consumer")?.member().slot.close();
    sleep(Duration::from_secs(900)).await;
    expect(proposals(&world, here) == [0], "a closed consumer is proposed for ever")?;
    let told = reasons(&world, here);
    expect(told == ["it is closed and still assigned"], format!("{told:?}"))
});

scenario!(s_41_a_loop_without_a_leadership, "S-41", [M41 => "a closed consumer is proposed for ever"], async {
    let world = with_consumer(ephemeral(1)).await?;
    let here = away_from_meta(&world).await?;
    let (engine, consumer) =
        (world.engine(here).ok_or("no engine")?, world.consumer(here, "T", "C").ok_or("no consumer")?);
    world.network.lose_proposals(u64::MAX);
    // Its token is nobody's: what it sees has to end the loop.
    consumer.watch_until(&engine, interlock_sync::token::Token::new());
    until_proposed(&world, here, 2).await?;
    consumer.member().slot.close();
    consumer.member().end_leadership();
    consumer.member().slot.stop().await;
    sleep(Duration::from_secs(900)).await;
    expect(proposals(&world, here) == [0, 0], "a closed consumer is proposed for ever")?;
    expect(reasons(&world, here).len() == 1, format!("{:?}", reasons(&world, here)))
});

scenario!(s_42_no_handle_of_the_meta_layer, "S-42", [M42 => "the timer has ended silently"], async {
    let world = with_consumer(ephemeral(1)).await?;
    let here = away_from_meta(&world).await?;
    let engine = world.engine(here).ok_or("no engine")?;
    let meta = engine.swap_meta(None);
    sleep(Duration::from_secs(100)).await;
    expect(is_here(&world, here), "deleted without the meta layer")?;
    let told = reasons(&world, here);
    expect(told.len() >= 3, format!("the timer has ended silently: {told:?}"))?;
    engine.swap_meta(meta);
    expect(world.until(Duration::from_secs(40), is_gone).await, "the consumer is a ghost")
});

scenario!(s_42_no_assignment_of_its_own, "S-42", [M42 => "the timer has ended silently"], async {
    let world = with_consumer(ephemeral(1)).await?;
    let here = away_from_meta(&world).await?;
    world.consumer(here, "T", "C").ok_or("no consumer")?.forget_assignment();
    sleep(Duration::from_secs(100)).await;
    expect(is_here(&world, here) && n_proposals(&world) == 0, "deleted without an assignment")?;
    let told = reasons(&world, here);
    expect(told.len() >= 3, format!("the timer has ended silently: {told:?}"))?;
    world.create_consumer("T", ConsumerConfig { max_ack_pending: 7, ..ephemeral(1) }).await?;
    expect(world.until(Duration::from_secs(40), is_gone).await, "the consumer is a ghost")
});
