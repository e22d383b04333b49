//! Calls of a store that run at once, on threads: the interleaving that matters is forced at a named point.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use interlock_engine::disk::{Fault, Operation};
use interlock_engine::mutation;
use interlock_engine::store::{NewMessage, Store, StoreError, SyncPolicy, flusher};
use interlock_sync::random::Random;
use interlock_sync::token::Token;

use crate::harness::expect;
use crate::store::{World, append};

/// How long a thread at a point waits for the other one. As shipped the lock is held there, and the other one waits.
const MEANWHILE: Duration = Duration::from_millis(500);
/// How long a call may take that nobody blocks.
const PROMPT: Duration = Duration::from_secs(2);

/// Starts a call on a thread of its own, with the same bug put back; the receiver tells when it is done.
fn start<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> (JoinHandle<()>, mpsc::Receiver<T>) {
    let bug = mutation::active();
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        mutation::set(bug);
        // Nobody listens any more where the scenario has ended.
        let _unheard = sender.send(call());
    };
    (std::thread::spawn(work), receiver)
}

/// The thread that runs what comes between.
type Between = Arc<Mutex<Option<JoinHandle<()>>>>;

/// The first time that a call comes to the point, another call is made on another thread, and given a moment.
fn meanwhile(store: &Arc<Store>, point: &'static str, call: impl Fn(&Store) + Send + Sync + 'static) -> Between {
    let between: Between = Arc::default();
    let (running, call, of_call) = (between.clone(), Arc::new(call), store.clone());
    let is_first = AtomicBool::new(true);
    store.set_hook(Some(Arc::new(move |at| {
        if at == point && is_first.swap(false, Ordering::SeqCst) {
            let (made, store) = (call.clone(), of_call.clone());
            let (thread, done) = start(move || made(&store));
            *running.lock().unwrap() = Some(thread);
            let _done_or_waiting = done.recv_timeout(MEANWHILE);
        }
    })));
    between
}

fn join(between: &Between) -> bool {
    between.lock().unwrap().take().is_some_and(|thread| thread.join().is_ok())
}

fn append_next(store: &Store, subject: &str) -> Result<u64, StoreError> {
    loop {
        let seq = store.totals().last_seq + 1;
        match store.append(&NewMessage { seq, index: 0, time_ns: seq, subject, headers: b"", payload: b"contended" }) {
            Ok(()) => return Ok(seq),
            Err(StoreError::Sequence { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Leaves one message of a subject, as a stream does: the oldest ones are looked up and removed.
fn limit(store: &Store, subject: &str) -> Result<(), StoreError> {
    loop {
        let totals = store.subject_totals(subject)?;
        if totals.messages <= 1 {
            return Ok(());
        }
        // Whoever else has removed it did what was wanted.
        let _is_removed = store.remove(totals.first_seq, 0)?;
    }
}

/// One of the threads of S-46: writes and limits, removes, expires, or reads.
fn contend(store: &Store, role: u64) -> Result<(), StoreError> {
    for round in 0..200 {
        let totals = store.totals();
        match role {
            0 | 1 => {
                let subject = ["a", "b"][(round % 2) as usize];
                append_next(store, subject)?;
                limit(store, subject)?;
            }
            2 => drop(store.remove(totals.first_seq, 0)?),
            3 => drop(store.compact(totals.last_seq.saturating_sub(1), 0)?),
            4 => store.sync_pass()?,
            _ => match store.next(totals.first_seq, Some("a")).and_then(|_| store.last_of("b")) {
                Ok(_) | Err(StoreError::NotFound(_)) => {}
                Err(error) => return Err(error),
            },
        }
    }
    Ok(())
}

scenario!(s_46_limits_and_removals, "S-46", [M60 => "a race latched a write error"], async {
    let world = World::with_messages(SyncPolicy::OnFlush, 3);
    // The oldest of "odd" is removed by somebody else when the limit has just seen it.
    let between = meanwhile(&world.store, "store_locked_in_remove", |store| drop(store.remove(1, 0)));
    let limited = limit(&world.store, "odd");
    world.store.set_hook(None);
    expect(join(&between), "the limit was never at its point")?;
    expect(world.store.write_error().is_none(), "a race latched a write error")?;
    expect(limited.is_ok(), "a race failed a call")?;
    expect(world.store.subject_totals("odd").is_ok_and(|odd| odd.messages == 1), "the limit does not hold")?;
    let threads: Vec<_> = (1..6).map(|role| {
        let store = world.store.clone();
        start(move || contend(&store, role))
    }).collect();
    // One of them is on the thread that is watched, so that it is seen to work.
    let own = contend(&world.store, 0);
    expect(own.is_ok(), format!("a race failed a call: {own:?}"))?;
    for (thread, done) in threads {
        let result = done.recv_timeout(Duration::from_secs(30)).map_err(|_| "a call hangs")?;
        expect(thread.join().is_ok() && result.is_ok(), format!("a race failed a call: {result:?}"))?;
    }
    expect(world.store.write_error().is_none(), "a race latched a write error")?;
    append_next(&world.store, "a").map_err(|error| error.to_string())?;
    world.store.flush().map_err(|error| error.to_string())
});

scenario!(s_54_written_during_a_sync, "S-54", [M96 => "a flushed message was lost"], async {
    // What was not synced may survive a power loss: one of the draws loses it.
    for seed in 0..8 {
        let world = World::with_messages(SyncPolicy::OnFlush, 1);
        append(&world.store, 2).map_err(|error| error.to_string())?;
        // The sync is done, and its block has yet to learn of it.
        let between = meanwhile(&world.store, "store_synced_a_block", |store| {
            let _refused_is_seen_below = append(store, 3);
            store.write_pending();
        });
        let first = world.store.flush();
        world.store.set_hook(None);
        expect(join(&between), "nothing was synced")?;
        let second = world.store.flush();
        expect(first.is_ok() && second.is_ok(), format!("{first:?}, {second:?}"))?;
        let restarted = world.after_power_loss(&mut Random::from_seed(seed)).map_err(|error| error.to_string())?;
        let lost = (1..=3).find(|seq| restarted.load(*seq).is_err());
        expect(lost.is_none(), format!("a flushed message was lost: {lost:?}"))?;
    }
    Ok(())
});

scenario!(s_54_another_sync_fails_meanwhile, "S-54", [], async {
    let world = World::with_messages(SyncPolicy::OnFlush, 1);
    append(&world.store, 2).map_err(|error| error.to_string())?;
    world.disk.fail(Fault::always(Operation::Sync, "1.blk", 5).nth(1));
    // The flush is about to sync the block, and a publisher does first, who begins the next one.
    let between = meanwhile(&world.store, "store_owes_a_sync", |store| {
        let payload = [0; 400];
        let message = NewMessage { seq: 3, index: 0, time_ns: 3, subject: "next", headers: b"", payload: &payload };
        let _fails_with_the_sync = store.append(&message);
    });
    let flushed = world.store.flush();
    world.store.set_hook(None);
    expect(join(&between), "nothing was synced")?;
    let error = world.store.write_error().ok_or("the publisher's sync did not fail")?;
    let told = flushed.err().map(|error| error.to_string());
    expect(told == Some(StoreError::Write(error).to_string()), format!("a failed sync was believed: {told:?}"))
});

scenario!(s_68_new_block_behind_a_broken_one, "S-68", [M78 => "a reader of the block hangs"], async {
    let world = World::with_messages(SyncPolicy::OnFlush, 2);
    let quit = Token::new();
    let task = interlock_sync::task::spawn(flusher(world.store.clone(), quit.clone()));
    world.disk.fail(Fault::always(Operation::Write, "/stream", 5));
    append(&world.store, 3).unwrap();
    interlock_sync::time::sleep(Duration::from_millis(10)).await;
    quit.cancel();
    task.await.unwrap();
    let publisher = world.store.clone();
    let (_publishing, published) = start(move || {
        let payload = [0; 400];
        publisher.append(&NewMessage { seq: 4, index: 0, time_ns: 4, subject: "new.block", headers: b"", payload: &payload })
    });
    let answered = published.recv_timeout(PROMPT);
    let reader = world.store.clone();
    let (_reading, read) = start(move || reader.load(1));
    let loaded = read.recv_timeout(PROMPT).map_err(|_| "a reader of the block hangs")?;
    expect(loaded.is_ok(), "a broken block does not read any more")?;
    let refused = answered.map_err(|_| "the publisher hangs")?;
    expect(matches!(refused, Err(StoreError::Write(_))), format!("a broken block was left behind: {refused:?}"))?;
    expect(world.store.usage().n_blocks == 1, "a new block began behind a broken one")
});

scenario!(s_70_error_before_the_lock, "S-70", [M80 => "the store changed after its error"], async {
    for call in 0..4 {
        let world = World::with_messages(SyncPolicy::OnFlush, 4);
        append(&world.store, 5).unwrap();
        let (disk, failing) = (world.disk.clone(), world.store.clone());
        let is_first = AtomicBool::new(true);
        // The flush of another task fails while the call waits for the lock.
        world.store.set_hook(Some(Arc::new(move |point| {
            if point == "before_lock" && is_first.swap(false, Ordering::SeqCst) {
                disk.fail(Fault::always(Operation::Sync, "/stream", 5));
                assert!(failing.flush().is_err(), "the flush fails");
                disk.heal();
            }
        })));
        let before = world.store.totals();
        let result = match call {
            0 => world.store.skip(9, 0),
            1 => world.store.compact(4, 0).map(drop),
            2 => world.store.remove(2, 0).map(drop),
            _ => append(&world.store, 6),
        };
        world.store.set_hook(None);
        expect(world.store.totals() == before, "the store changed after its error")?;
        let first = world.store.write_error().ok_or("the error was forgotten")?;
        expect(result == Err(StoreError::Write(first)), format!("the call did not fail with it: {result:?}"))?;
        // The lock is free: a call from another thread comes through.
        let other = world.store.clone();
        let (_thread, totals) = start(move || other.totals());
        expect(totals.recv_timeout(PROMPT) == Ok(before), "the lock is not free")?;
    }
    Ok(())
});

scenario!(s_71_compact_and_store, "S-71", [M81 => "a stored message was purged"], async {
    let world = World::with_messages(SyncPolicy::OnFlush, 10);
    let between = meanwhile(&world.store, "store_locked_in_compact", |store| append(store, 11).unwrap());
    let removed = world.store.compact(11, 0);
    world.store.set_hook(None);
    expect(join(&between), "the message was not stored")?;
    let totals = world.store.totals();
    expect(totals.last_seq == 11 && world.store.load(11).is_ok(), "a stored message was purged")?;
    expect(removed == Ok(10) && totals.messages == 1, format!("{removed:?} removed, {} left", totals.messages))
});

scenario!(a_flush_that_fails_loses_what_is_logged_meanwhile, "S-67", [], async {
    let world = World::with_messages(SyncPolicy::OnFlush, 4);
    append(&world.store, 5).map_err(|error| error.to_string())?;
    world.disk.fail(Fault::always(Operation::Write, "2.blk", 5));
    let (store, appending): (_, Between) = (world.store.clone(), Arc::default());
    let (thread, result): (_, Arc<Mutex<Option<_>>>) = (appending.clone(), Arc::default());
    let appended = result.clone();
    world.store.set_hook(Some(Arc::new(move |at| match at {
        // The flush knows its block: the other call comes to where its record is logged, and stays there.
        "store_flushes" => {
            let (publisher, appended) = (store.clone(), appended.clone());
            *thread.lock().unwrap() = Some(start(move || *appended.lock().unwrap() = Some(append(&publisher, 6))).0);
            std::thread::sleep(MEANWHILE);
        }
        "store_locked_in_log" => std::thread::sleep(2 * MEANWHILE),
        _ => {}
    })));
    expect(world.store.flush().is_err(), "the flush does not fail")?;
    expect(join(&appending), "nothing was appended meanwhile")?;
    world.store.set_hook(None);
    let appended = result.lock().unwrap().take().ok_or("nothing was appended meanwhile")?;
    let lost = world.store.lost_range();
    expect(appended.is_err() || lost == Some((5, 6)), format!("{appended:?}, and {lost:?} is lost"))?;
    expect(world.store.totals().last_seq == 4, "the state has what the disk has not")
});
