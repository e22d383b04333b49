//! The file store under faults: what stays, what is told, what survives (S-47 to S-86).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use interlock_engine::core::write_error::{ErrorClass, WriteError};
use interlock_engine::disk::{Disk, Fault, Operation, SimulatedDisk, Vfs};
use interlock_engine::store::{NewMessage, Store, StoreError, StoreOptions, SyncPolicy, Totals, flusher};
use interlock_sync::random::Random;
use interlock_sync::token::Token;

use crate::harness::{Outcome, expect};

const FOLDER: &str = "/stream";
/// Errno values.
const EIO: i32 = 5;
const EACCES: i32 = 13;
const ENOSPC: i32 = 28;
const EOPNOTSUPP: i32 = 95;

/// A store on a disk of its own.
pub(crate) struct World {
    pub(crate) disk: SimulatedDisk,
    pub(crate) store: Arc<Store>,
    sync: SyncPolicy,
}

impl World {
    pub(crate) fn new(sync: SyncPolicy, replay_from: Option<u64>) -> Self {
        let disk = SimulatedDisk::default();
        let store = Store::open(options(&disk, sync), replay_from).unwrap();
        Self { disk, store, sync }
    }

    /// The same with messages 1 to `n`, flushed. A block has three of them.
    pub(crate) fn with_messages(sync: SyncPolicy, n: u64) -> Self {
        let world = Self::new(sync, None);
        for seq in 1..=n {
            append(&world.store, seq).unwrap();
        }
        world.store.flush().unwrap();
        world
    }

    fn fail(&self, operation: Operation, errno: i32) {
        self.disk.fail(Fault::always(operation, FOLDER, errno));
    }

    /// The power goes; the store is opened again.
    pub(crate) fn after_power_loss(&self, random: &mut Random) -> Result<Arc<Store>, StoreError> {
        self.disk.power_off(random);
        self.disk.power_on();
        self.disk.heal();
        Store::open(options(&self.disk, self.sync), None)
    }

    fn restarted(&self) -> Arc<Store> {
        self.disk.heal();
        Store::open(options(&self.disk, self.sync), None).unwrap()
    }
}

fn options(disk: &SimulatedDisk, sync: SyncPolicy) -> StoreOptions {
    let disk = Disk::in_place(Arc::new(disk.clone()));
    StoreOptions { block_bytes: 500, sync, ..StoreOptions::new(FOLDER, disk) }
}

/// Appends a message of 140 bytes, its index ten times its sequence.
pub(crate) fn append(store: &Store, seq: u64) -> Result<(), StoreError> {
    let subject = if seq.is_multiple_of(2) { "even" } else { "odd" };
    let payload = [seq as u8; 96];
    store.append(&NewMessage { seq, index: seq * 10, time_ns: seq, subject, headers: b"", payload: &payload })
}

fn block(number: u64) -> String {
    format!("{FOLDER}/{number}.blk")
}

fn holds(store: &Store, seqs: impl IntoIterator<Item = u64>) -> bool {
    seqs.into_iter().all(|seq| store.load(seq).is_ok_and(|message| message.payload[..] == [seq as u8; 96]))
}

/// Every call that changes a store, by name.
fn mutating_calls(store: &Store) -> Vec<(&'static str, Result<(), StoreError>)> {
    let next = store.totals().last_seq + 1;
    vec![
        ("remove", store.remove(1, 900).map(drop)),
        ("compact", store.compact(3, 900).map(drop)),
        ("truncate", store.truncate(1)),
        ("skip", store.skip(next, 900)),
        ("append", append(store, next)),
        ("flush", store.flush()),
        ("sync pass", store.sync_pass()),
    ]
}

/// A broken store answers every call with its first error and keeps its state; reads go on.
fn stays_broken(store: &Store, first: &WriteError, before: Totals) -> Outcome {
    for (call, result) in mutating_calls(store) {
        let told = result.err().and_then(|error| error.write_error().cloned());
        expect(told.as_ref() == Some(first), format!("{call} reported success, or another error: {told:?}"))?;
        expect(store.totals() == before, format!("{call} changed a broken store"))?;
    }
    expect(store.write_error().as_ref() == Some(first), "the first error did not stay")?;
    expect(holds(store, [1, 2, 3]), "a broken store does not read any more")
}

scenario!(s_47_failed_write, "S-47", [M61 => "acknowledged a message that is not stored"], async {
    let world = World::with_messages(SyncPolicy::Always, 4);
    world.fail(Operation::Write, EIO);
    let before = world.store.totals();
    expect(append(&world.store, 5).is_err(), "acknowledged a message that is not stored")?;
    expect(world.store.totals() == before, "a failed message is there")?;
    let first = world.store.write_error().ok_or("the error was forgotten")?;
    expect(first.to_string().contains("os error 5"), "the error is another one")?;
    // Later errors are of another kind, then there are none: the first one stays.
    world.disk.heal();
    world.fail(Operation::AnyWrite, ENOSPC);
    stays_broken(&world.store, &first, before)?;
    world.disk.heal();
    stays_broken(&world.store, &first, before)?;
    expect(holds(&world.restarted(), 1..=4), "a restart lost messages")
});

scenario!(s_54_failed_sync_in_the_pass, "S-54", [M66 => "a failed sync was repeated"], async {
    let world = World::with_messages(SyncPolicy::OnFlush, 3);
    append(&world.store, 4).unwrap();
    let before = world.disk.n_syncs();
    world.disk.fail(Fault::always(Operation::Sync, "2.blk", EIO).nth(1));
    let passed = world.store.sync_pass();
    expect(world.disk.n_syncs() == before + 1, "a failed sync was repeated")?;
    expect(passed.is_err(), "a failed sync was believed")?;
    let first = world.store.write_error().ok_or("the error was forgotten")?;
    expect(world.store.sync_pass().is_err() && world.store.flush().is_err(), "the store goes on")?;
    expect(world.disk.n_syncs() == before + 1, "a later call synced again")?;
    expect(world.store.write_error() == Some(first), "the first error did not stay")?;
    expect(holds(&world.store, 1..=4), "what was accepted cannot be read")?;
    let restarted = world.after_power_loss(&mut Random::from_seed(1)).map_err(|error| error.to_string())?;
    expect(restarted.write_error().is_none() && holds(&restarted, 1..=3), "a restart lost durable messages")?;
    expect(restarted.totals().last_seq == 3, "a message came back that never was durable")
});

scenario!(s_55_failed_sync_of_a_call, "S-55", [M61 => "acknowledged a message that is not durable"], async {
    let world = World::with_messages(SyncPolicy::Always, 4);
    world.fail(Operation::Sync, EIO);
    let before = world.store.totals();
    expect(append(&world.store, 5).is_err(), "acknowledged a message that is not durable")?;
    let first = world.store.write_error().ok_or("the error was forgotten")?;
    stays_broken(&world.store, &first, before)
});

scenario!(s_62_failed_removal, "S-62", [], async {
    for name in ["compact", "limit"] {
        let world = World::with_messages(SyncPolicy::Always, 8);
        world.fail(Operation::Remove, EIO);
        let failed = match name {
            "compact" => world.store.compact(4, 900).map(drop),
            _ => (1..=3).try_for_each(|seq| world.store.remove(seq, 900).map(drop)),
        };
        expect(failed.is_err(), format!("{name}: a failed removal is silent"))?;
        let first = world.store.write_error().ok_or("the error was forgotten")?;
        expect(first.class() == ErrorClass::Other, "the class is another one")?;
        world.disk.heal();
        expect(append(&world.store, 9).is_err() && world.store.sync_pass().is_err(), "the removal was tried again")?;
        expect(world.disk.exists(Path::new(&block(1))), "the removal was tried again")?;
        let restarted = world.restarted();
        restarted.sync_pass().map_err(|error| error.to_string())?;
        expect(!world.disk.exists(Path::new(&block(1))), "the file leaked")?;
        expect(restarted.totals().first_seq == 4 && holds(&restarted, 4..=8), "messages were lost")?;
    }
    Ok(())
});

scenario!(s_63_block_removed_during_the_pass, "S-63", [M74 => "a block that was removed latches"], async {
    // A replica: what was removed above the floor stays in its block until the pass.
    let world = World::new(SyncPolicy::Always, Some(0));
    for seq in 1..=7 {
        append(&world.store, seq).unwrap();
    }
    world.store.remove(2, 80).unwrap();
    world.store.remove(3, 80).unwrap();
    world.store.set_reclaim_floor(100);
    let in_pass = world.store.clone();
    let removed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let noted = removed.clone();
    world.store.set_hook(Some(Arc::new(move |point| {
        if point == "sync_before_compact_recheck" && !noted.swap(true, std::sync::atomic::Ordering::SeqCst) {
            in_pass.compact(4, 90).unwrap();
        }
    })));
    let passed = world.store.sync_pass();
    world.store.set_hook(None);
    expect(removed.load(std::sync::atomic::Ordering::SeqCst), "no block was about to be compacted")?;
    expect(!world.disk.exists(Path::new(&block(1))), "the block was not removed")?;
    expect(passed.is_ok() && world.store.write_error().is_none(), "a block that was removed latches")?;
    append(&world.store, 8).map_err(|error| error.to_string())?;
    expect(holds(&world.store, 4..=8), "messages were lost")
});

scenario!(s_64_block_vanished, "S-64", [], async {
    let world = World::with_messages(SyncPolicy::OnFlush, 4);
    world.disk.remove_file(Path::new(&block(2))).unwrap();
    append(&world.store, 5).unwrap();
    expect(world.store.sync_pass().is_err(), "a block is gone and nobody says so")?;
    let first = world.store.write_error().ok_or("a block is gone and the store goes on")?;
    expect(first.class() == ErrorClass::Other, "a missing block counts as a race")?;
    expect(append(&world.store, 6).is_err() && world.store.load(1).is_ok(), "the store goes on")
});

scenario!(s_65_read_errors, "S-65", [M75 => "a read error stays"], async {
    let world = World::with_messages(SyncPolicy::OnFlush, 7);
    // Subjects of idle blocks are read again when a call needs them.
    interlock_sync::time::sleep(Duration::from_secs(31)).await;
    world.store.sync_pass().unwrap();
    let path = block(1);
    let flip = |bytes: &mut Vec<u8>| bytes[64 + 200] ^= 0x40;
    world.disk.corrupt(Path::new(&path), flip);
    let before = world.store.totals();
    let failed = world.store.remove(1, 900);
    expect(world.store.write_error().is_none(), "a read error stays")?;
    expect(matches!(failed, Err(StoreError::Read { .. })), format!("damage was passed over: {failed:?}"))?;
    expect(world.store.totals() == before, "a failed call changed the store")?;
    append(&world.store, 8).map_err(|error| format!("the next write failed: {error}"))?;
    world.disk.corrupt(Path::new(&path), flip);
    world.disk.fail(Fault::always(Operation::Read, "1.blk", EIO).nth(1));
    let failed = world.store.remove(1, 900);
    expect(matches!(failed, Err(StoreError::Read { .. })), format!("a failed read was passed over: {failed:?}"))?;
    expect(world.store.remove(1, 900) == Ok(true), "the index was not read again")?;
    let odd = world.store.subject_totals("odd").map_err(|error| error.to_string())?;
    expect((odd.messages, odd.first_seq, odd.last_seq) == (3, 3, 7), "the index is another one")?;
    world.store.flush().map_err(|error| format!("a read error stays: {error}"))
});

scenario!(s_66_failed_flusher, "S-66", [M76 => "the flusher's error was dropped"], async {
    for by_pass in [false, true] {
        let world = World::with_messages(SyncPolicy::OnFlush, 3);
        let quit = Token::new();
        let task = interlock_sync::task::spawn(flusher(world.store.clone(), quit.clone()));
        append(&world.store, 4).unwrap();
        interlock_sync::time::sleep(Duration::from_millis(10)).await;
        expect(world.store.pending_bytes() == 0, "the flusher does not write")?;
        world.fail(Operation::Write, EIO);
        append(&world.store, 5).unwrap();
        append(&world.store, 6).unwrap();
        interlock_sync::time::sleep(Duration::from_millis(10)).await;
        world.disk.heal();
        let next = if by_pass { world.store.sync_pass() } else { append(&world.store, 7) };
        quit.cancel();
        task.await.unwrap();
        expect(next.is_err() && world.store.write_error().is_some(), "the flusher's error was dropped")?;
        expect(world.store.lost_range() == Some((5, 6)), format!("lost: {:?}", world.store.lost_range()))?;
        expect(world.store.totals().last_seq == 4 && holds(&world.store, 1..=4), "the state is not what the disk has")?;
        expect(world.restarted().totals().last_seq == 4, "the state is not what the disk has")?;
    }
    Ok(())
});

scenario!(s_67_short_write, "S-67", [M77 => "the original error was replaced"], async {
    let world = World::with_messages(SyncPolicy::OnFlush, 3);
    for seq in 4..=6 {
        append(&world.store, seq).unwrap();
    }
    world.disk.fail(Fault::always(Operation::Write, "2.blk", EIO).short());
    expect(world.store.flush().is_err(), "a short write counts as one")?;
    let survived = world.store.totals().last_seq;
    expect(survived == 4, format!("{survived} survived half of three records"))?;
    expect(world.store.lost_range() == Some((5, 6)), "the lost range is another one")?;
    expect(world.store.usage().n_open_files == 1, "the file was not closed")?;
    expect(holds(&world.store, 1..=4) && holds(&world.restarted(), 1..=4), "what survived cannot be read")?;
    expect(world.restarted().totals().last_seq == survived, "a torn record is visible")?;
    // What the file has cannot be learnt either: that error comes second.
    let blind = World::with_messages(SyncPolicy::OnFlush, 4);
    append(&blind.store, 5).unwrap();
    blind.disk.fail(Fault::always(Operation::Write, "2.blk", ENOSPC).short());
    blind.disk.fail(Fault::always(Operation::Read, "2.blk", EIO));
    expect(blind.store.flush().is_err(), "a short write counts as one")?;
    let class = blind.store.write_error().map(|error| error.class());
    expect(class == Some(ErrorClass::Space), "the original error was replaced")
});

scenario!(s_69_calls_on_a_broken_store, "S-69", [M79 => "reported success"], async {
    for errno in [EIO, ENOSPC, EACCES] {
        let world = World::with_messages(SyncPolicy::OnFlush, 5);
        world.fail(Operation::Sync, errno);
        append(&world.store, 6).unwrap();
        expect(world.store.flush().is_err(), "a failed sync was believed")?;
        let first = world.store.write_error().ok_or("the error was forgotten")?;
        world.disk.heal();
        let before = world.store.totals();
        stays_broken(&world.store, &first, before)?;
    }
    Ok(())
});

scenario!(s_72_compaction_in_the_pass, "S-72", [M82 => "durable messages are gone"], async {
    for seed in 0..20 {
        let world = World::with_messages(SyncPolicy::OnFlush, 7);
        world.store.remove(2, 900).unwrap();
        world.store.remove(3, 900).unwrap();
        world.store.flush().unwrap();
        world.store.sync_pass().map_err(|error| error.to_string())?;
        expect(world.store.usage().file_bytes < 1000, "nothing was compacted")?;
        let restarted = world.after_power_loss(&mut Random::from_seed(seed));
        let restarted = restarted.map_err(|error| format!("durable messages are gone: {error}"))?;
        expect(holds(&restarted, [1, 4, 5, 6, 7]), "durable messages are gone")?;
        expect(restarted.totals().messages == 5, "removed messages are back")?;
    }
    Ok(())
});

scenario!(s_73_inline_compaction, "S-73", [M83 => "acknowledged messages are gone"], async {
    for seed in 0..20 {
        let world = World::with_messages(SyncPolicy::Always, 7);
        world.store.remove(2, 900).unwrap();
        world.store.remove(3, 900).unwrap();
        expect(world.store.usage().file_bytes < 1100, "nothing was compacted")?;
        append(&world.store, 8).unwrap();
        let restarted = world.after_power_loss(&mut Random::from_seed(seed));
        let restarted = restarted.map_err(|error| format!("acknowledged messages are gone: {error}"))?;
        expect(holds(&restarted, [1, 4, 5, 6, 7, 8]), "acknowledged messages are gone")?;
        expect(restarted.totals().messages == 6, "removed messages are back")?;
    }
    Ok(())
});

scenario!(s_85_closed_store, "S-85", [M94 => "a closed store latches"], async {
    let world = World::with_messages(SyncPolicy::OnFlush, 5);
    world.store.close().map_err(|error| error.to_string())?;
    world.fail(Operation::AnyWrite, EIO);
    for (call, result) in mutating_calls(&world.store) {
        // A sync pass of a closed store has nothing to do.
        let is_told = result == Err(StoreError::Closed) || call == "sync pass";
        expect(is_told || world.store.write_error().is_some(), format!("{call} of a closed store: {result:?}"))?;
        expect(world.store.write_error().is_none(), format!("{call}: a closed store latches"))?;
    }
    expect(world.store.load(1) == Err(StoreError::Closed), "a closed store reads")?;
    expect(world.store.close().is_ok(), "a second close fails")?;
    expect(holds(&world.restarted(), 1..=5), "a close lost messages")
});

scenario!(s_86_no_sync_of_folders, "S-86", [M95 => "a platform without folder sync latches"], async {
    for sync in [SyncPolicy::OnFlush, SyncPolicy::Always] {
        let world = World::new(sync, None);
        world.fail(Operation::SyncFolder, EOPNOTSUPP);
        for seq in 1..=7 {
            append(&world.store, seq).map_err(|error| format!("a platform without folder sync latches: {error}"))?;
        }
        world.store.compact(5, 900).map_err(|error| error.to_string())?;
        world.store.flush().map_err(|error| error.to_string())?;
        world.store.sync_pass().map_err(|error| error.to_string())?;
        expect(world.store.write_error().is_none(), "a platform without folder sync latches")?;
        expect(holds(&world.restarted(), 5..=7), "messages were lost")?;
    }
    Ok(())
});
