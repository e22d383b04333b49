//! What was there at an index, after it was removed: served as long as the removal may be undone.

use std::path::Path;
use std::sync::Arc;

use interlock_engine::disk::{Disk, SimulatedDisk, Vfs};
use interlock_engine::store::{NewMessage, Store, StoreOptions, SyncPolicy};

const FOLDER: &str = "/held";

fn open(disk: &SimulatedDisk, replay_from: Option<u64>) -> Arc<Store> {
    let options = StoreOptions {
        block_bytes: 500,
        sync: SyncPolicy::OnFlush,
        ..StoreOptions::new(FOLDER, Disk::in_place(Arc::new(disk.clone())))
    };
    Store::open(options, replay_from).unwrap()
}

fn append(store: &Store, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        let payload = [seq as u8; 96];
        let message = NewMessage { seq, index: seq, time_ns: seq, subject: "a", headers: b"", payload: &payload };
        store.append(&message).unwrap();
    }
}

/// The sequences that were there at an index; each of them is read.
fn as_of(store: &Store, index: u64) -> Vec<u64> {
    let seqs = store.seqs_as_of((0, u64::MAX - 1), index, usize::MAX).unwrap();
    for seq in &seqs {
        let message = store.load_kept(*seq).unwrap().expect("a sequence that is held has its record");
        assert_eq!((message.seq, message.payload.as_ref()), (*seq, [*seq as u8; 96].as_slice()));
    }
    seqs
}

fn exists(disk: &SimulatedDisk, block: u64) -> bool {
    disk.exists(Path::new(&format!("{FOLDER}/{block}.blk")))
}

/// Three messages to a block; the snapshot covers the first ten of eleven.
fn filled(disk: &SimulatedDisk) -> Arc<Store> {
    let store = open(disk, Some(0));
    append(&store, 1..=11);
    store.set_reclaim_floor(10);
    store.flush().unwrap();
    store
}

#[test]
fn each_way_of_removal_leaves_what_was_there() {
    let store = filled(&SimulatedDisk::default());
    store.remove(5, 12).unwrap();
    store.compact(3, 13).unwrap();
    for seq in [3, 4, 6, 7, 8] {
        store.remove(seq, 14).unwrap();
    }
    assert_eq!(as_of(&store, 10), (1..=11).collect::<Vec<_>>());
    assert_eq!(as_of(&store, 12), [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]);
    assert_eq!(as_of(&store, 13), [3, 4, 6, 7, 8, 9, 10, 11]);
    assert_eq!(as_of(&store, 14), [9, 10, 11]);
    assert_eq!(store.seqs_as_of((2, 6), 10, 3).unwrap(), [2, 3, 4]);
    // The last message goes with all others.
    store.compact(12, 15).unwrap();
    assert_eq!(as_of(&store, 14), [9, 10, 11]);
    assert_eq!((store.totals().messages, as_of(&store, 15)), (0, vec![]));
}

#[test]
fn blocks_keep_what_is_held_until_the_floor_is_above() {
    let disk = SimulatedDisk::default();
    let store = filled(&disk);
    store.compact(4, 12).unwrap();
    store.remove(5, 13).unwrap();
    store.flush().unwrap();
    store.sync_pass().unwrap();
    assert!(exists(&disk, 1), "all of the block is removed and held");
    assert_eq!(as_of(&store, 10), (1..=11).collect::<Vec<_>>());
    // What nobody can want any more goes, and only that.
    store.set_reclaim_floor(12);
    store.sync_pass().unwrap();
    assert!(!exists(&disk, 1));
    assert_eq!(as_of(&store, 12), (4..=11).collect::<Vec<_>>());
    store.set_reclaim_floor(13);
    store.sync_pass().unwrap();
    assert_eq!(as_of(&store, 12), [4, 6, 7, 8, 9, 10, 11]);
}

#[test]
fn a_block_that_is_written_anew_has_what_is_held() {
    let disk = SimulatedDisk::default();
    let store = filled(&disk);
    store.set_reclaim_floor(11);
    // Two of the first block are gone for good, the third is held.
    store.remove(1, 11).unwrap();
    store.remove(2, 11).unwrap();
    store.remove(3, 12).unwrap();
    store.flush().unwrap();
    let before = store.usage().file_bytes;
    store.sync_pass().unwrap();
    assert!(store.usage().file_bytes < before, "the block was written anew");
    assert_eq!(as_of(&store, 11), (3..=11).collect::<Vec<_>>());
    assert_eq!(store.load_kept(2).unwrap(), None);
}

#[test]
fn a_replay_after_a_restart_holds_again() {
    let disk = SimulatedDisk::default();
    let store = filled(&disk);
    store.compact(4, 12).unwrap();
    store.flush().unwrap();
    drop(store);
    let store = open(&disk, Some(10));
    assert_eq!(as_of(&store, 10), (1..=10).collect::<Vec<_>>());
    append(&store, 11..=11);
    store.compact(4, 12).unwrap();
    assert_eq!(as_of(&store, 10), (1..=11).collect::<Vec<_>>());
    // A restart behind a later snapshot knows of nothing that is held.
    store.flush().unwrap();
    drop(store);
    assert_eq!(as_of(&open(&disk, Some(12)), 10), (4..=11).collect::<Vec<_>>());
}

#[test]
fn sequences_that_are_given_out_anew_are_other_messages() {
    let store = filled(&SimulatedDisk::default());
    store.remove(9, 12).unwrap();
    store.truncate(8).unwrap();
    assert_eq!(as_of(&store, 10), (1..=8).collect::<Vec<_>>());
    append(&store, 9..=10);
    store.remove(9, 20).unwrap();
    assert_eq!(as_of(&store, 19), (1..=10).collect::<Vec<_>>());
    assert_eq!(as_of(&store, 20), [1, 2, 3, 4, 5, 6, 7, 8, 10]);
}
