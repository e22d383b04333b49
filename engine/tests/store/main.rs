//! The file store: what it holds, what it gives back, and what a crash leaves of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crashes;
mod damage;
mod faults;
mod held;
mod model;

use std::sync::Arc;

use interlock_engine::disk::{Disk, SimulatedDisk};
use interlock_engine::store::{NewMessage, Store, StoreOptions, SyncPolicy};

fn options(disk: &SimulatedDisk, sync: SyncPolicy, block_bytes: u64) -> StoreOptions {
    let disk = Disk::in_place(Arc::new(disk.clone()));
    StoreOptions { block_bytes, sync, ..StoreOptions::new("/stream", disk) }
}

fn append(store: &Store, seq: u64, subject: &str) {
    let payload = format!("payload of {seq}");
    let message =
        NewMessage { seq, index: seq, time_ns: seq * 10, subject, headers: b"h", payload: payload.as_bytes() };
    store.append(&message).unwrap();
}

fn seqs(store: &Store, filter: Option<&str>) -> Vec<u64> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(message) = store.next(from, filter).unwrap() {
        found.push(message.seq);
        from = message.seq + 1;
    }
    found
}

#[test]
fn a_store_holds_what_it_was_given_also_after_it_was_opened_again() {
    for sync in [SyncPolicy::Always, SyncPolicy::OnFlush] {
        let disk = SimulatedDisk::default();
        let store = Store::open(options(&disk, sync, 400), None).unwrap();
        for seq in 1..=20 {
            append(&store, seq, if seq.is_multiple_of(2) { "even.x" } else { "odd.y" });
        }
        assert!(store.remove(6, 21).unwrap());
        assert!(!store.remove(6, 22).unwrap());
        assert_eq!(store.compact(4, 23).unwrap(), 3);
        for seq in (5..=15).step_by(2) {
            assert!(store.remove(seq, 24).unwrap());
        }
        store.skip(22, 25).unwrap();
        let look = |store: &Store| {
            assert_eq!(seqs(store, None), [4, 8, 10, 12, 14, 16, 17, 18, 19, 20], "{sync:?}");
            assert_eq!(seqs(store, Some("odd.y")), [17, 19]);
            assert_eq!(seqs(store, Some("even.>")), [4, 8, 10, 12, 14, 16, 18, 20]);
            assert_eq!(store.load(8).unwrap().payload.as_ref(), b"payload of 8");
            assert_eq!(store.last_of("odd.y").unwrap().unwrap().seq, 19);
            assert_eq!(store.subject_totals("even.x").unwrap().first_seq, 4);
            let totals = store.totals();
            assert_eq!((totals.messages, totals.first_seq, totals.last_seq), (10, 4, 22));
            assert_eq!((totals.first_time_ns, totals.last_time_ns), (40, 200));
        };
        look(&store);
        store.sync_pass().unwrap();
        look(&store);
        store.sync_pass().unwrap();
        store.close().unwrap();
        look(&Store::open(options(&disk, sync, 400), None).unwrap());
    }
}
