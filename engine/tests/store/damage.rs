//! Bytes that change behind a store's back: what was durable is never dropped in silence.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use interlock_engine::disk::{Disk, Fault, Operation, SimulatedDisk, Vfs};
use interlock_engine::store::{NewMessage, Store, StoreError, StoreOptions};

const HEADER_BYTES: usize = 64;
/// Bytes of each record here.
const RECORD_BYTES: usize = 40 + 1 + 59;

fn options(disk: &SimulatedDisk) -> StoreOptions {
    let of_store = Disk::in_place(Arc::new(disk.clone()));
    StoreOptions { block_bytes: (HEADER_BYTES + 4 * RECORD_BYTES) as u64, ..StoreOptions::new("/stream", of_store) }
}

fn append(store: &Store, seq: u64, payload: &[u8]) {
    store.append(&NewMessage { seq, index: 0, time_ns: seq, subject: "s", headers: b"", payload }).unwrap();
}

/// Messages 1 to 6, each flushed: four in the first block, two in the second.
fn filled() -> SimulatedDisk {
    let disk = SimulatedDisk::default();
    let store = Store::open(options(&disk), None).unwrap();
    for seq in 1..=6 {
        append(&store, seq, &[seq as u8; 59]);
        store.flush().unwrap();
    }
    disk
}

fn block(number: u64) -> PathBuf {
    PathBuf::from(format!("/stream/{number}.blk"))
}

/// How many messages are there; all of them whole.
fn n_whole(store: &Store) -> u64 {
    let totals = store.totals();
    for seq in 1..=totals.messages {
        assert_eq!(store.load(seq).unwrap().payload[..], [seq as u8; 59]);
    }
    totals.messages
}

#[test]
fn each_changed_byte_is_reported_but_in_the_last_flush_where_it_may_be_a_torn_write() {
    for (number, n_records) in [(1, 4), (2, 2)] {
        for at in 0..HEADER_BYTES + n_records * RECORD_BYTES {
            let disk = filled();
            let before = disk.files();
            disk.corrupt(&block(number), |bytes| bytes[at] ^= 0x10);
            let in_last_record = number == 2 && at >= HEADER_BYTES + RECORD_BYTES;
            match Store::open(options(&disk), None) {
                Ok(store) if in_last_record => assert_eq!(n_whole(&store), 5, "byte {at}"),
                Err(StoreError::Read { path, .. }) if !in_last_record => {
                    assert_eq!(path, block(number));
                    disk.corrupt(&block(number), |bytes| bytes[at] ^= 0x10);
                    assert_eq!(disk.files(), before, "block {number} byte {at}: something was changed");
                }
                other => panic!("block {number} byte {at}: {:?}", other.map(|store| store.totals())),
            }
        }
    }
}

#[test]
fn a_cut_file_loses_what_is_behind_the_cut_in_the_last_block_and_is_reported_elsewhere() {
    for n_bytes in HEADER_BYTES..HEADER_BYTES + 2 * RECORD_BYTES {
        let disk = filled();
        disk.corrupt(&block(2), |bytes| bytes.truncate(n_bytes));
        let store = Store::open(options(&disk), None).unwrap();
        assert_eq!(n_whole(&store), 4 + ((n_bytes - HEADER_BYTES) / RECORD_BYTES) as u64);
        // It goes on where it was cut.
        let next = store.totals().last_seq + 1;
        append(&store, next, &[next as u8; 59]);
        store.close().unwrap();
        assert_eq!(n_whole(&Store::open(options(&disk), None).unwrap()), next);
    }
    let disk = filled();
    disk.corrupt(&block(1), |bytes| bytes.truncate(HEADER_BYTES + RECORD_BYTES + 10));
    assert!(matches!(Store::open(options(&disk), None), Err(StoreError::Read { .. })));
}

#[test]
fn a_record_inside_a_payload_proves_nothing() {
    // The payload holds a block whose records say that everything before them was durable.
    let inside = filled().files()[&block(1)].clone();
    let disk = SimulatedDisk::default();
    let store = Store::open(options(&disk), None).unwrap();
    append(&store, 1, &[1; 59]);
    append(&store, 2, &inside);
    store.flush().unwrap();
    disk.corrupt(&block(2), |bytes| bytes[HEADER_BYTES + 41] ^= 1);
    let opened = Store::open(options(&disk), None).unwrap();
    assert_eq!(opened.totals().last_seq, 1, "it is a torn write");
}

#[test]
fn a_store_that_cannot_be_repaired_does_not_open_and_is_not_harmed() {
    for operation in [Operation::Create, Operation::Write, Operation::Sync, Operation::SyncFolder] {
        let disk = filled();
        disk.corrupt(&block(2), |bytes| bytes.truncate(HEADER_BYTES + RECORD_BYTES + 50));
        disk.fail(Fault::always(operation, "", 30));
        let failed = Store::open(options(&disk), None).map(|store| store.totals());
        let is_told = matches!(&failed, Err(StoreError::Write(error)) if error.to_string().contains("os error 30"));
        assert!(is_told, "{operation:?}: {failed:?}");
        disk.heal();
        assert_eq!(n_whole(&Store::open(options(&disk), None).unwrap()), 5);
    }
}

#[test]
fn a_closed_or_idle_store_keeps_no_file_open_and_a_deleted_one_leaves_nothing() {
    let disk = filled();
    let store = Store::open(StoreOptions { idle_after: std::time::Duration::ZERO, ..options(&disk) }, None).unwrap();
    assert_eq!(n_whole(&store), 6);
    assert_eq!(store.usage().n_open_files, 2);
    store.sync_pass().unwrap();
    store.sync_pass().unwrap();
    assert_eq!(store.usage().n_open_files, 0);
    assert_eq!(n_whole(&store), 6);
    store.delete().unwrap();
    assert!(!disk.exists(Path::new("/stream")));
    assert_eq!(store.load(1), Err(StoreError::Closed));
    assert_eq!(store.delete(), Ok(()));
}
