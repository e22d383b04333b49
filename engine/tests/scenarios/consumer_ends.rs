//! How consumers that nobody uses end, and what keeps them: scenarios S-43 to S-45i and S-110.

use std::sync::Arc;
use std::time::Duration;

use interlock_engine::api::{Fetch, FetchEnd, Request, Response};
use interlock_engine::core::config::ConsumerConfig;
use interlock_engine::core::names::ServerId;
use interlock_engine::failpoint;
use interlock_engine::sim::World;
use interlock_sync::token::Token;
use tokio::time::{Instant, sleep};

use crate::consumers::{
    FIRED, LONG, NO_WAIT, SOON, ack, away_from_meta, created_ns, ephemeral, fill_meta, is_gone, is_here, key, meta_has,
    n_deletions, n_proposals, others, proposals, with_consumer, with_stream,
};
use crate::harness::{Outcome, expect};

/// Whether a server has a file of a consumer without a group.
fn has_folder(world: &World, id: ServerId, name: &str) -> bool {
    let folder = World::folder(id).join("consumers");
    world.disk(id).files().keys().any(|path| path.starts_with(&folder) && path.to_string_lossy().contains(name))
}

scenario!(s_43_a_direct_consumer_in_a_cluster, "S-43", [M43 => "a direct consumer leaks"], async {
    let world = with_stream(43).await?;
    let here = others(&world, world.meta_leader().ok_or("no meta leader")?)[0];
    let engine = world.engine(here).ok_or("no engine")?;
    let direct = engine.add_direct_consumer("T", ConsumerConfig::default()).await.map_err(|error| format!("{error:?}"))?;
    let name = direct.key().name.clone();
    let (seqs, _) = world.fetch(here, "T", &name, Fetch { batch: 4, expires: Duration::from_secs(1) }).await?;
    expect(seqs == [1, 2, 3, 4], format!("delivered {seqs:?}"))?;
    let acked = |seq| Request::Ack {
        stream: "T".to_owned(),
        consumer: name.clone(),
        seq,
        kind: interlock_engine::api::AckKind::Ack,
    };
    for seq in seqs {
        expect(world.request(here, acked(seq)).await == Response::Done, "not acknowledged")?;
    }
    expect(engine.consumer_assignment(direct.key()).is_none(), "the meta layer knows of it")?;
    sleep(Duration::from_secs(4)).await;
    expect(has_folder(&world, here, &name) && engine.consumer(direct.key()).is_some(), "deleted too early")?;
    sleep(Duration::from_millis(2500)).await;
    expect(engine.consumer(direct.key()).is_none(), "a direct consumer leaks")?;
    expect(!has_folder(&world, here, &name), "its folder is left")?;
    expect(n_deletions(&world, here) == 1 && n_proposals(&world) == 0, "a removal was proposed")
});

scenario!(s_44_without_a_cluster, "S-44", [], async {
    let mut world = World::start(1, 44).await;
    let here = ServerId(1);
    world.create_stream("T", 1).await?;
    world.publish(here, "T.a", b"one").await?;
    world.create_consumer("T", ephemeral(1)).await?;
    sleep(Duration::from_secs(5)).await;
    expect(is_here(&world, here) && has_folder(&world, here, "T-C"), "deleted too early")?;
    sleep(Duration::from_millis(1500)).await;
    expect(is_gone(&world), "an inactive consumer stays")?;
    expect(!has_folder(&world, here, "T-C"), "its folder is left")?;
    expect(n_deletions(&world, here) == 1 && n_proposals(&world) == 0, "a removal was proposed")?;
    world.crash(here);
    world.boot(here).await;
    expect(is_gone(&world) && world.stream(here, "T").is_some(), "it is there again after a restart")
});

/// An inactive consumer whose server waits to propose its removal again, and that server.
async fn in_the_wait() -> Result<(World, ServerId), String> {
    let world = with_consumer(ephemeral(1)).await?;
    let here = away_from_meta(&world).await?;
    world.network.lose_proposals(u64::MAX);
    // Not by its proposals: a bug may have made none.
    sleep(FIRED).await;
    Ok((world, here))
}

scenario!(s_45_the_server_quits, "S-45", [
    M30 => "the consumer's folder is gone",
    M44 => "the consumer's folder is gone",
], async {
    let (mut world, here) = in_the_wait().await?;
    let server = world.server(here).ok_or("no server")?;
    let before = proposals(&world, here).len();
    let consumer = world.consumer(here, "T", "C");
    server.context().quit.cancel();
    sleep(Duration::from_millis(100)).await;
    expect(has_folder(&world, here, "T-C"), "the consumer's folder is gone")?;
    // The stream's map and this test are left.
    let n_holders = consumer.as_ref().map_or(0, Arc::strong_count);
    expect(n_holders == 2, format!("{n_holders} hold the consumer: its tasks stay"))?;
    let lost = world.network.n_proposals();
    world.stop(here).await;
    expect(world.network.n_proposals() == lost && before == 1, "proposed after the quit signal")?;
    expect(has_folder(&world, here, "T-C"), "the consumer's folder is gone")?;
    world.boot(here).await;
    expect(world.until(SOON, |world| is_here(world, here)).await, "it is not there after the restart")?;
    expect(others(&world, here).into_iter().all(|other| meta_has(&world, other)), "the meta layer has removed it")
});

scenario!(s_45_the_cluster_quits, "S-45", [
    M30 => "the consumer's folder is gone",
    M44 => "the consumer's folder is gone",
], async {
    let (mut world, here) = in_the_wait().await?;
    let server = world.server(here).ok_or("no server")?;
    let lost = world.network.n_proposals();
    let begun = Instant::now();
    server.stop_engine().await;
    expect(has_folder(&world, here, "T-C"), "the consumer's folder is gone")?;
    expect(!server.context().quit.is_cancelled(), "the server quits too")?;
    sleep(Duration::from_millis(100)).await;
    // The class handlers and the heartbeats are the server's, and stay.
    let n_running = server.context().tasks.n_running();
    expect(n_running == 2, format!("{n_running} tasks run {:?} after the engine was stopped", begun.elapsed()))?;
    sleep(Duration::from_secs(120)).await;
    expect(world.network.n_proposals() == lost, "proposed after the quit signal")?;
    world.stop(here).await;
    world.boot(here).await;
    expect(world.until(SOON, |world| is_here(world, here)).await, "it is not there after the restart")?;
    expect(has_folder(&world, here, "T-C"), "the consumer's folder is gone")
});

scenario!(s_45c_loops_leave_no_timers, "S-45c", [M48 => "timers outlive their loops"], async {
    let (world, here) = in_the_wait().await?;
    let (server, engine) = (world.server(here).ok_or("no server")?, world.engine(here).ok_or("no engine")?);
    let consumer = world.consumer(here, "T", "C").ok_or("no consumer")?;
    let n_before = server.context().tasks.n_running();
    let lost = world.network.n_proposals();
    for _ in 0..10 {
        let token = Token::new();
        for _ in 0..1000 {
            consumer.watch_until(&engine, token.clone());
        }
        sleep(FIRED).await;
        token.cancel();
    }
    expect(world.network.n_proposals() >= lost + 10_000, "the loops have not begun")?;
    sleep(Duration::from_millis(100)).await;
    let n_after = server.context().tasks.n_running();
    // The loop of the leadership itself may have gone on by a round, with the bug.
    expect(n_after <= n_before, format!("timers outlive their loops: {n_before} tasks became {n_after}"))
});

scenario!(s_45d_a_client_may_be_at_work, "S-45d", [M49 => "deleted while a client may be at work"], async {
    let backoff = [1, 30].map(Duration::from_secs).to_vec();
    let config = ConsumerConfig { backoff, filter: Some("T.eu".to_owned()), ..ephemeral(3) };
    let world = with_stream(45).await?;
    world.publish(ServerId(1), "T.eu", b"work").await?;
    world.create_consumer("T", config).await?;
    let here = world.consumer_leader("T", "C").ok_or("no leader")?;
    // Delivered twice: the second time it waits for 30 s.
    for _ in 0..2 {
        let (seqs, _) = world.fetch(here, "T", "C", Fetch { batch: 1, expires: Duration::from_secs(3) }).await?;
        expect(seqs == [11], format!("delivered {seqs:?}"))?;
    }
    sleep(Duration::from_secs(20)).await;
    expect(is_here(&world, here) && n_proposals(&world) == 0, "deleted while a client may be at work")?;
    let acked = world.request(here, ack(11)).await;
    expect(acked == Response::Done, format!("not acknowledged: {acked:?}"))?;
    // The timer looks again when the message would have been due, and then counts from the acknowledgement.
    expect(world.until(Duration::from_secs(17), is_gone).await, "an inactive consumer stays")
});

scenario!(s_45e_an_acknowledgement_when_the_timer_fires, "S-45e", [M50 => "an active consumer was deleted"], async {
    let config = ConsumerConfig { ack_wait: Duration::from_millis(100), ..ephemeral(1) };
    let world = with_consumer(config).await?;
    let here = world.consumer_leader("T", "C").ok_or("no leader")?;
    world.fetch(here, "T", "C", NO_WAIT).await?;
    sleep(Duration::from_millis(4900)).await;
    // It has come, and is processed only after the timer has fired.
    failpoint::hold("ack_before_processing");
    let processed = async {
        sleep(Duration::from_secs(3)).await;
        failpoint::release("ack_before_processing");
    };
    let (acked, ()) = tokio::join!(world.request(here, ack(1)), processed);
    expect(n_proposals(&world) == 0 && is_here(&world, here), "an active consumer was deleted")?;
    expect(acked == Response::Done, format!("not acknowledged: {acked:?}"))?;
    expect(world.until(SOON, is_gone).await, "an inactive consumer stays")
});

scenario!(s_45f_a_polled_consumer, "S-45f", [M51 => "a polled consumer was deleted"], async {
    let config = ConsumerConfig { filter: Some("T.none".to_owned()), ..ephemeral(1) };
    let world = with_consumer(config).await?;
    for _ in 0..60 {
        let fetched = world.fetch(ServerId(1), "T", "C", NO_WAIT).await;
        expect(fetched == Ok((vec![], FetchEnd::NoMessages)), format!("a polled consumer was deleted: {fetched:?}"))?;
        sleep(Duration::from_secs(2)).await;
    }
    // A request that waits keeps it too, and its end counts as its begin did.
    for _ in 0..4 {
        let fetch = Fetch { batch: 1, expires: Duration::from_secs(20) };
        let fetched = world.fetch(ServerId(1), "T", "C", fetch).await;
        expect(fetched == Ok((vec![], FetchEnd::Timeout)), format!("deleted under a waiting request: {fetched:?}"))?;
        sleep(Duration::from_secs(4)).await;
    }
    expect(world.until(SOON, is_gone).await, "an inactive consumer stays")
});

scenario!(s_45g_a_threshold_that_changes, "S-45g", [M52 => "the new deadline is not used"], async {
    for replicas in [1, 3] {
        let world = with_consumer(ephemeral(replicas)).await?;
        let set = async |seconds| {
            let inactive_threshold = Duration::from_secs(seconds);
            world.create_consumer("T", ConsumerConfig { inactive_threshold, ..ephemeral(replicas) }).await
        };
        sleep(Duration::from_secs(3)).await;
        set(60).await?;
        sleep(Duration::from_secs(50)).await;
        expect(!is_gone(&world) && n_proposals(&world) == 0, "the old deadline was used")?;
        // And back again, which is another change.
        set(5).await?;
        expect(world.until(FIRED, is_gone).await, format!("the new deadline is not used with {replicas} replicas"))?;
    }
    Ok(())
});

scenario!(s_45h_inactive_over_a_restart, "S-45h", [], async {
    for replicas in [1, 3] {
        let mut world = with_consumer(ephemeral(replicas)).await?;
        // What is left of the log is not enough: the consumer comes back by the meta layer's snapshot.
        fill_meta_of_all(&world).await?;
        expect(!is_gone(&world), "deleted while it was used")?;
        for id in world.ids().to_vec() {
            world.stop(id).await;
        }
        sleep(Duration::from_secs(3600)).await;
        for id in world.ids().to_vec() {
            world.boot(id).await;
        }
        expect(world.until(SOON, |world| world.consumer_leader("T", "C").is_some()).await, "it does not come back")?;
        expect(world.until(Duration::from_secs(75), is_gone).await, "a ghost after the restart")?;
        sleep(Duration::from_secs(120)).await;
        expect(is_gone(&world), "it was made again")?;
        let n_here: usize = world.ids().iter().map(|id| n_deletions(&world, *id)).sum();
        expect(n_here == usize::from(replicas), format!("{n_here} deletions of {replicas} replicas"))?;
    }
    Ok(())
});

/// Makes the meta log so long that it is cut, while a client uses the consumer.
async fn fill_meta_of_all(world: &World) -> Outcome {
    let polling = async {
        loop {
            let _fetched = world.fetch(ServerId(1), "T", "C", NO_WAIT).await;
            sleep(Duration::from_secs(2)).await;
        }
    };
    tokio::select! {
        filled = fill_meta(world, world.meta_leader().unwrap_or(ServerId(1))) => filled,
        () = polling => Ok(()),
    }
}

scenario!(s_45i_deleted_while_its_server_was_away, "S-45i", [], async {
    for (replicas, by_snapshot) in [(1, false), (1, true), (3, true)] {
        let mut world = with_consumer(ConsumerConfig { inactive_threshold: LONG, ..ephemeral(replicas) }).await?;
        let here = away_from_meta(&world).await?;
        let group = world.engine(here).and_then(|engine| engine.consumer_assignment(&key())).ok_or("not assigned")?;
        world.fetch(here, "T", "C", NO_WAIT).await?;
        world.stop(here).await;
        let via = others(&world, here)[0];
        let request = Request::ConsumerDelete { stream: "T".to_owned(), consumer: "C".to_owned() };
        let deleted = world.request(via, request).await;
        expect(deleted == Response::Done, format!("not deleted: {deleted:?}"))?;
        if by_snapshot {
            fill_meta(&world, via).await?;
        }
        world.boot(here).await;
        expect(world.until(SOON, is_gone).await, "a stale consumer stays")?;
        sleep(Duration::from_secs(60)).await;
        expect(is_gone(&world) && !has_folder(&world, here, "T-C"), "its folder is left")?;
        let folder = World::folder(here).join("groups").join(group.group.name.as_str());
        let left = world.disk(here).files().into_keys().find(|path| path.starts_with(&folder));
        expect(left.is_none(), format!("{left:?} is left"))?;
        expect(world.consumer_leader("T", "C").is_none() && n_proposals(&world) == 0, "a removal was proposed")?;
    }
    Ok(())
});

/// Whether the consumer is everywhere where it is assigned and nowhere else, or gone.
fn is_whole(world: &World) -> bool {
    let assigned = world.engine(ServerId(1)).and_then(|engine| engine.consumer_assignment(&key()));
    let Some(assigned) = assigned else { return is_gone(world) };
    let created = Some(assigned.created_ns);
    world.ids().iter().all(|id| is_here(world, *id) == assigned.group.has(*id) && created_ns(world, *id) == created)
        && world.consumer_leader("T", "C").is_some()
}

scenario!(s_110_inactive_while_its_stream_moves, "S-110", [], async {
    for round in 0..8_u64 {
        let world = World::start(4, 110 + round).await;
        world.create_stream("T", 3).await?;
        world.publish(ServerId(1), "T.a", b"one").await?;
        world.create_consumer("T", ephemeral(3)).await?;
        let assigned = world.engine(ServerId(1)).and_then(|engine| engine.stream_assignment("T")).ok_or("no stream")?;
        let mut peers = assigned.group.peers;
        if round % 2 == 1 {
            let other = world.ids().iter().copied().find(|id| !peers.contains(id)).ok_or("no other server")?;
            peers[usize::try_from(round / 2 % 3).unwrap()] = other;
        }
        // The timer fires between 5.1 and 6 s.
        sleep(Duration::from_millis(4900 + 150 * round)).await;
        let via = world.meta_leader().ok_or("no meta leader")?;
        let _moved = world.request(via, Request::StreamMove { stream: "T".to_owned(), peers }).await;
        expect(world.until(Duration::from_secs(120), is_whole).await, format!("round {round}: half a consumer"))?;
        expect(
            world.until(Duration::from_secs(120), is_gone).await,
            format!("round {round}: the consumer is a ghost"),
        )?;
        world.publish(ServerId(1), "T.a", b"two").await?;
        let n_groups = |world: &World| -> usize {
            let engines = world.ids().iter().filter_map(|id| world.engine(*id));
            engines.map(|engine| engine.groups().len()).sum()
        };
        // The stream's own group, once it has moved.
        let moved = world.until(Duration::from_secs(60), |world| n_groups(world) == 3).await;
        expect(moved, format!("round {round}: {} nodes are left", n_groups(&world)))?;
    }
    Ok(())
});
