//! The store (`engine/src/store`): calls that meet a failing write, a pass, a removal or each other.

use std::sync::Arc;

use interlock_engine::disk::{Disk, Fault, Operation, SimulatedDisk};
use interlock_engine::mutation;
use interlock_engine::store::{NewMessage, Store, StoreError, StoreOptions, SyncPolicy};
use interlock_sync::model::{block_on, choose, name_task};
use interlock_sync::random::Random;
use interlock_sync::task::{JoinHandle, spawn};

fn put_back(bug: &str) {
    mutation::set(Some(bug.parse().expect("the bug is in the engine's catalogue")));
}

const FOLDER: &str = "/s/stream";
const EIO: i32 = 5;

fn options(disk: &SimulatedDisk, sync: SyncPolicy) -> StoreOptions {
    let disk = Disk::in_place(Arc::new(disk.clone()));
    StoreOptions { block_bytes: 500, sync, ..StoreOptions::new(FOLDER, disk) }
}

/// A store with messages 1 to `n`, flushed. A block has three of them.
fn filled(sync: SyncPolicy, n: u64) -> (SimulatedDisk, Arc<Store>) {
    let disk = SimulatedDisk::default();
    let store = Store::open(options(&disk, sync), None).expect("the disk is well");
    for seq in 1..=n {
        append(&store, seq).expect("the disk is well");
    }
    store.flush().expect("the disk is well");
    (disk, store)
}

fn append(store: &Store, seq: u64) -> Result<(), StoreError> {
    let payload = [0; 96];
    store.append(&NewMessage { seq, index: seq, time_ns: seq, subject: "s", headers: b"", payload: &payload })
}

/// Makes a call on a task of its own.
fn call<T: Send + 'static>(
    name: &'static str,
    store: &Arc<Store>,
    make: impl FnOnce(&Store) -> T + Send + 'static,
) -> JoinHandle<T> {
    let store = store.clone();
    spawn(async move {
        name_task(name);
        make(&store)
    })
}

async fn done<T>(call: JoinHandle<T>) -> T {
    call.await.expect("a call does not panic")
}

fn told<T>(result: &Result<T, StoreError>) -> Option<String> {
    result.as_ref().err().map(ToString::to_string)
}

interlock_models::model! {
    /// Is a message that was accepted while a write fails stored, and does everybody learn the same error?
    mod writers_meet_a_failed_write = Model {
        property: "what is acknowledged is on the disk after a power loss, and the first error is everybody's",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-61", symptom: "acknowledged and not stored", found_within: 1 }],
        pinned: Some(2_114),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let (disk, store) = filled(SyncPolicy::Always, 1);
            // The second write of the two fails.
            disk.fail(Fault::always(Operation::Write, "1.blk", EIO).nth(2));
            let first = call("writer", &store, |store| append(store, 2));
            let second = call("syncer", &store, Store::flush);
            let third = append(&store, 3);
            let (first, _flushed) = (done(first).await, done(second).await);
            let error = store.write_error().map(|error| StoreError::Write(error).to_string());
            for result in [&first, &third] {
                let refused = matches!(result, Err(StoreError::Sequence { .. }));
                assert!(result.is_ok() || refused || told(result) == error, "another error: {result:?}");
            }
            disk.power_off(&mut Random::from_seed(1));
            disk.power_on();
            disk.heal();
            let restarted = Store::open(options(&disk, SyncPolicy::Always), None).expect("the disk is well");
            for (seq, result) in [(2, &first), (3, &third)] {
                assert!(result.is_err() || restarted.load(seq).is_ok(), "{seq} is acknowledged and not stored");
            }
        });
    }
}

interlock_models::model! {
    /// Does anything change behind a flush that has failed?
    mod a_call_meets_a_failed_flush = Model {
        property: "a call that begins behind the error changes nothing, and says so",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-80", symptom: "changed behind the error", found_within: 1 }],
        pinned: Some(110),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let (disk, store) = filled(SyncPolicy::OnFlush, 1);
            append(&store, 2).expect("the disk is well");
            disk.fail(Fault::always(Operation::Sync, "1.blk", EIO).nth(1));
            let flush = call("flusher", &store, |store| {
                let flushed = store.flush();
                (flushed, store.totals())
            });
            let appended = append(&store, 3);
            let (flushed, seen) = done(flush).await;
            assert!(flushed.is_err(), "a failed sync was believed");
            let has_changed = store.totals() != seen;
            assert!(!has_changed, "the store has changed behind the error: {appended:?}");
            assert_eq!(appended.is_ok(), seen.last_seq == 3, "it is acknowledged where it is there");
        });
    }
}

interlock_models::model! {
    /// May blocks go while a pass looks at them?
    mod a_pass_meets_a_removal = Model {
        property: "no error latches on a disk that failed no write, and no message is lost",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-74", symptom: "latches", found_within: 1 }],
        pinned: Some(1_335),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let disk = SimulatedDisk::default();
            // A replica's: what was removed above the floor stays in its block until the pass.
            let store = Store::open(options(&disk, SyncPolicy::Always), Some(0)).expect("the disk is well");
            for seq in 1..=4 {
                append(&store, seq).expect("the disk is well");
            }
            for seq in [2, 3] {
                store.remove(seq, 8).expect("the disk is well");
            }
            store.flush().expect("the disk is well");
            store.set_reclaim_floor(100);
            let pass = call("sync pass", &store, Store::sync_pass);
            let removal = call("compaction", &store, |store| store.compact(4, 9));
            let (passed, compacted) = (done(pass).await, done(removal).await);
            assert!(store.write_error().is_none(), "a block that was removed latches: {passed:?}, {compacted:?}");
            assert!(passed.is_ok() && compacted.is_ok(), "{passed:?}, {compacted:?}");
            assert!(store.load(4).is_ok(), "a message is lost");
        });
    }
}

interlock_models::model! {
    /// What becomes of a message that two remove, and of one that comes in while everything is removed?
    mod removals_meet = Model {
        property: "a message is removed once, a race is no error, and what came in is not purged",
        search: Search::Bounded { preemptions: 2 },
        twins: &[
            Twin { bug: "M-60", symptom: "a race latched", found_within: 1 },
            Twin { bug: "M-81", symptom: "was purged", found_within: 1 },
        ],
        pinned: Some(35_382),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let (_disk, store) = filled(SyncPolicy::OnFlush, 2);
            let limit = call("limit", &store, |store| store.remove(1, 3));
            let publisher = call("publisher", &store, |store| append(store, 3));
            let compaction = call("compaction", &store, |store| store.compact(3, 4));
            let (limited, published, compacted) = (done(limit).await, done(publisher).await, done(compaction).await);
            assert!(store.write_error().is_none(), "a race latched an error");
            let n_removed = compacted.expect("a race is no error") + u64::from(limited.expect("a race is no error"));
            published.expect("a race is no error");
            assert!(store.load(3).is_ok(), "the message that came in was purged");
            assert_eq!((n_removed, store.totals().messages), (2, 1), "removed, and left");
        });
    }
}

interlock_models::model! {
    /// What do a publisher, two that remove one message, and a reader make of a flush that fails?
    mod three_writers_meet_a_failed_flush = Model {
        property: "only the disk's error latches, everybody learns the same one, and nothing changes behind it",
        search: Search::Bounded { preemptions: 2 },
        twins: &[
            Twin { bug: "M-60", symptom: "a race latched", found_within: 1 },
            Twin { bug: "M-80", symptom: "changed behind the error", found_within: 1 },
        ],
        pinned: Some(245_740),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let (disk, store) = filled(SyncPolicy::OnFlush, 1);
            append(&store, 2).expect("the disk is well");
            disk.fail(Fault::always(Operation::Sync, "1.blk", EIO).nth(1));
            let syncer = call("syncer", &store, |store| (store.flush(), store.totals()));
            let publisher = call("publisher", &store, |store| append(store, 3));
            let limit = call("limit", &store, |store| store.remove(1, 4));
            let removed = store.remove(1, 5);
            assert!(store.load(2).is_ok(), "a reader learns of a failed flush");
            let (flushed, seen) = done(syncer).await;
            let (published, limited) = (done(publisher).await, done(limit).await);
            let error = store.write_error();
            assert_eq!(error.is_some(), disk.n_faults_struck() > 0, "a race latched an error: {error:?}");
            assert_eq!(store.totals(), seen, "the store has changed behind the error");
            let error = error.map(|error| StoreError::Write(error).to_string());
            assert_eq!(told(&flushed), error, "a failed sync was believed");
            for told in [told(&published), told(&limited), told(&removed)] {
                assert!(told.is_none() || told == error, "another error: {told:?}, not {error:?}");
            }
        });
    }
}

interlock_models::model! {
    /// Is what is written as a sync ends synced by the next one?
    mod a_write_meets_a_sync = Model {
        property: "what was accepted before a flush is on the disk after it",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-96", symptom: "flushed and not stored", found_within: 1 }],
        pinned: Some(9_448),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let (disk, store) = filled(SyncPolicy::OnFlush, 1);
            append(&store, 2).expect("the disk is well");
            let syncer = call("syncer", &store, Store::flush);
            let writer = call("writer", &store, |store| {
                let appended = append(store, 3);
                store.write_pending();
                appended
            });
            done(writer).await.expect("the disk is well");
            done(syncer).await.expect("the disk is well");
            store.flush().expect("the disk is well");
            // What was not synced may survive: one of the draws loses it.
            disk.power_off(&mut Random::from_seed(choose(8) as u64));
            disk.power_on();
            let restarted = Store::open(options(&disk, SyncPolicy::OnFlush), None).expect("the disk is well");
            for seq in 1..=3 {
                assert!(restarted.load(seq).is_ok(), "{seq} is flushed and not stored");
            }
        });
    }
}

interlock_models::model! {
    /// Can a block whose write failed in the background be read, whoever learns of the error?
    mod a_reader_meets_a_failed_write = Model {
        property: "the publisher is refused or waits for nobody, and the reader reads",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-78", symptom: "deadlock", found_within: 1 }],
        pinned: Some(1_058),
        arm: Some(put_back),
    };
    fn body() {
        block_on(async {
            let (disk, store) = filled(SyncPolicy::OnFlush, 2);
            append(&store, 3).expect("the disk is well");
            disk.fail(Fault::always(Operation::Write, "1.blk", EIO));
            let flusher = call("flusher", &store, Store::write_pending);
            let publisher = call("publisher", &store, |store| append(store, 4));
            assert!(store.load(1).is_ok(), "a broken block does not read any more");
            done(flusher).await;
            let published = done(publisher).await;
            assert!(store.load(1).is_ok(), "a broken block does not read any more");
            assert!(store.flush().is_err(), "the failed write is forgotten, and the client learned {published:?}");
        });
    }
}
