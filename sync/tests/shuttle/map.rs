//! The map: which keys are in one shard, and what a reference into it keeps others from.

use std::sync::Arc;

use interlock_sync::map::{ConcurrentMap, Entry};
use interlock_sync::model::{Config, Shards, block_on, configure};
use interlock_sync::task::spawn;

use crate::{drawn_outcomes, every, is_deadlock, many};

fn with(shards: Shards) -> ConcurrentMap<u32, u32> {
    configure(Config { shards, ..Config::default() });
    let map = ConcurrentMap::default();
    map.insert(1, 10);
    map.insert(2, 20);
    map
}

/// A reference to one key is held while another key is inserted.
fn get_then_insert(shards: Shards) {
    let map = with(shards);
    let held = map.get(&1);
    map.insert(2, 21);
    drop(held);
}

#[test]
fn get_then_insert_deadlocks_where_the_keys_share_a_shard() {
    let together = every(|| get_then_insert(Shards::Together));
    assert!(is_deadlock(&together), "{together:?}");
    assert_eq!(every(|| get_then_insert(Shards::Apart)), Ok(1));
    let drawn = many(|| get_then_insert(Shards::Drawn));
    assert!(is_deadlock(&drawn), "{drawn:?}");
}

#[test]
fn the_scheduler_chooses_the_shards_of_keys() {
    let shared = drawn_outcomes(|| {
        let map: ConcurrentMap<u32, ()> = ConcurrentMap::new();
        for key in 1..=3 {
            map.insert(key, ());
        }
        map.iter().map(|entry| *entry.key()).collect::<Vec<_>>()
    });
    // The first key is in the first shard; each of the others in either.
    assert_eq!(shared, [vec![1, 2, 3], vec![1, 3, 2]]);
}

#[test]
fn a_recursive_get_passes_a_writer_that_waits() {
    let result = every(|| {
        let map = Arc::new(with(Shards::Together));
        let writer = spawn({
            let map = map.clone();
            async move { map.insert(2, 21) }
        });
        let first = map.get(&1);
        let second = map.get(&1);
        drop((first, second));
        block_on(writer).unwrap();
    });
    assert!(result.is_ok_and(|n_schedules| n_schedules > 1));
}

#[test]
fn an_iterator_keeps_its_shard_from_a_removal() {
    let removing_within = every(|| {
        let map = with(Shards::Together);
        for entry in &map {
            map.remove(entry.key());
        }
    });
    assert!(is_deadlock(&removing_within), "{removing_within:?}");
    let collected_first = every(|| {
        let map = with(Shards::Together);
        let keys: Vec<u32> = map.iter().map(|entry| *entry.key()).collect();
        for key in keys {
            map.remove(&key);
        }
        assert!(map.is_empty());
    });
    assert_eq!(collected_first, Ok(1));
}

#[test]
fn an_entry_keeps_its_shard_from_a_length() {
    let result = every(|| {
        let map = with(Shards::Together);
        if let Entry::Vacant(entry) = map.entry(3) {
            let _held = entry.insert(30);
            map.len();
        }
    });
    assert!(is_deadlock(&result), "{result:?}");
}

#[test]
fn two_shards_do_not_wait_for_each_other() {
    let result = every(|| {
        let map = Arc::new(with(Shards::Apart));
        let held = map.get_mut(&1);
        let other = spawn({
            let map = map.clone();
            async move { drop(map.get_mut(&2)) }
        });
        block_on(other).unwrap();
        drop(held);
    });
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn a_map_keeps_values_as_the_real_one() {
    let result = every(|| {
        let map = with(Shards::Apart);
        assert_eq!(map.get(&1).map(|value| *value), Some(10));
        assert_eq!(map.insert(1, 11), Some(10));
        *map.entry(3).or_default() += 5;
        assert_eq!(map.remove(&3), Some((3, 5)));
        assert_eq!(map.remove_if(&1, |_, value| *value == 10), None);
        assert_eq!(map.remove_if(&1, |_, value| *value == 11), Some((1, 11)));
        assert_eq!((map.len(), map.contains_key(&1), map.contains_key(&2)), (1, false, true));
        map.retain(|_, value| *value != 20);
        assert!(map.is_empty());
    });
    assert_eq!(result, Ok(1));
}
