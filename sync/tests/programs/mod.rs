//! Small programs on the facade's locks and map, with what becomes of each. They run on real threads against the real
//! libraries, and in a model against the rules that the model has for them: to the same verdicts.

use std::sync::Arc;

use interlock_sync::lock::{Mutex, RwLock};
use interlock_sync::map::{ConcurrentMap, Entry};

/// What becomes of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It ends, in every schedule.
    Ends,
    /// There is a schedule in which it does not end: this one, where the threads are real.
    Hangs,
}

use Verdict::{Ends, Hangs};

/// A map with two keys that share no shard, or do, in the order of an iteration over them.
pub(crate) type MapOfTwo = (Arc<ConcurrentMap<u32, u32>>, [u32; 2]);

/// What a program runs on.
pub(crate) trait Stage: 'static {
    /// Starts something beside the caller and returns once it waits, or can wait no more. The answer joins it.
    fn beside(work: impl FnOnce() + Send + 'static) -> Box<dyn FnOnce()>;

    /// A map of two keys.
    fn map_of_two(share_a_shard: bool) -> MapOfTwo;
}

/// All programs, by name.
pub(crate) fn programs<S: Stage>() -> [(&'static str, Verdict, fn()); 22] {
    [
        ("a mutex is locked twice", Hangs, lock_twice),
        ("a lock is read twice", Ends, read_twice),
        ("a lock is read twice, and a writer waits", Hangs, read_twice_beside_a_writer::<S>),
        ("a lock is read by two, and a writer waits", Hangs, two_readers_beside_a_writer::<S>),
        ("a lock is read by two", Ends, two_readers::<S>),
        ("a lock that is read is written", Hangs, || write_after(|lock| drop((lock.read(), lock.write())))),
        ("a lock that is written is read", Hangs, || write_after(|lock| drop((lock.write(), lock.read())))),
        ("a key is got twice", Ends, || on_two::<S>(true, |map, [a, _]| drop((map.get(&a), map.get(&a))))),
        ("a key is got twice, and a writer waits", Ends, get_twice_beside_a_writer::<S>),
        ("a key is got by two, and a writer waits", Ends, two_gets_beside_a_writer::<S>),
        ("a key that is held is inserted", Hangs, || {
            on_two::<S>(true, |map, [a, _]| drop((map.get(&a), map.insert(a, 1))))
        }),
        ("a key beside one that is held is inserted", Hangs, || on_two::<S>(true, get_and_insert)),
        ("a key of another shard than one that is held is inserted", Ends, || on_two::<S>(false, get_and_insert)),
        ("a key that is held to write is looked for", Hangs, || {
            on_two::<S>(true, |map, [a, _]| drop((map.get_mut(&a), map.contains_key(&a))));
        }),
        ("an absent key of a held shard is removed", Hangs, || on_two::<S>(true, remove_what_is_absent)),
        ("keys are removed while they are gone through", Hangs, || on_two::<S>(true, remove_while_iterating)),
        ("keys are got while they are gone through", Ends, || on_two::<S>(true, get_while_iterating)),
        ("a key is inserted beside an iterator that is through", Hangs, || {
            on_two::<S>(false, insert_beside_an_iterator)
        }),
        ("the next shard is taken before one is let go", Hangs, iterate_against_a_writer::<S>),
        ("keys are counted beside an entry that is held", Hangs, || on_two::<S>(true, count_beside_an_entry)),
        ("keys are counted while some are kept", Hangs, || {
            on_two::<S>(true, |map, _| map.retain(|_, _| !map.is_empty()));
        }),
        ("a key is got within its removal", Hangs, || {
            on_two::<S>(true, get_while_removing);
        }),
    ]
}

fn lock_twice() {
    let lock = Mutex::new(());
    let _held = lock.lock();
    let _again = lock.lock();
}

fn read_twice() {
    let lock = RwLock::new(());
    let _held = lock.read();
    let _again = lock.read();
}

fn write_after(program: fn(&RwLock<()>)) {
    program(&RwLock::new(()));
}

fn read_twice_beside_a_writer<S: Stage>() {
    let lock = Arc::new(RwLock::new(()));
    let held = lock.read();
    let writer = S::beside({
        let lock = lock.clone();
        move || drop(lock.write())
    });
    let again = lock.read();
    drop((held, again));
    writer();
}

fn two_readers_beside_a_writer<S: Stage>() {
    let lock = Arc::new(RwLock::new(()));
    let held = lock.read();
    let writer = S::beside({
        let lock = lock.clone();
        move || drop(lock.write())
    });
    let reader = S::beside({
        let lock = lock.clone();
        move || drop(lock.read())
    });
    reader();
    drop(held);
    writer();
}

fn two_readers<S: Stage>() {
    let lock = Arc::new(RwLock::new(()));
    let held = lock.read();
    let reader = S::beside({
        let lock = lock.clone();
        move || drop(lock.read())
    });
    reader();
    drop(held);
}

fn on_two<S: Stage>(share_a_shard: bool, program: fn(&ConcurrentMap<u32, u32>, [u32; 2])) {
    let (map, keys) = S::map_of_two(share_a_shard);
    program(&map, keys);
}

fn get_twice_beside_a_writer<S: Stage>() {
    let (map, [a, b]) = S::map_of_two(true);
    let held = map.get(&a);
    let writer = S::beside({
        let map = map.clone();
        move || drop(map.get_mut(&b))
    });
    let again = map.get(&a);
    drop((held, again));
    writer();
}

fn two_gets_beside_a_writer<S: Stage>() {
    let (map, [a, b]) = S::map_of_two(true);
    let held = map.get(&a);
    let writer = S::beside({
        let map = map.clone();
        move || drop(map.get_mut(&b))
    });
    let reader = S::beside({
        let map = map.clone();
        move || drop(map.get(&b))
    });
    reader();
    drop(held);
    writer();
}

fn get_and_insert(map: &ConcurrentMap<u32, u32>, [a, b]: [u32; 2]) {
    let _held = map.get(&a);
    map.insert(b, 1);
}

fn remove_what_is_absent(map: &ConcurrentMap<u32, u32>, [a, b]: [u32; 2]) {
    map.remove(&b);
    let _held = map.get(&a);
    map.remove(&b);
}

fn remove_while_iterating(map: &ConcurrentMap<u32, u32>, _keys: [u32; 2]) {
    for entry in map {
        map.remove(entry.key());
    }
}

fn get_while_iterating(map: &ConcurrentMap<u32, u32>, _keys: [u32; 2]) {
    for entry in map {
        assert!(map.get(entry.key()).is_some());
    }
}

fn get_while_removing(map: &ConcurrentMap<u32, u32>, [a, _]: [u32; 2]) {
    map.remove_if(&a, |key, _| map.get(key).is_some());
}

/// One of the keys is in the shard that the iterator was in last.
fn insert_beside_an_iterator(map: &ConcurrentMap<u32, u32>, keys: [u32; 2]) {
    let mut entries = map.iter();
    while entries.next().is_some() {}
    for key in keys {
        map.insert(key, 1);
    }
}

fn iterate_against_a_writer<S: Stage>() {
    let (map, [a, b]) = S::map_of_two(false);
    let mut entries = map.iter();
    assert_eq!(entries.next().map(|entry| *entry.key()), Some(a));
    let writer = S::beside({
        let map = map.clone();
        move || drop((map.get_mut(&b), map.get_mut(&a)))
    });
    assert_eq!(entries.next().map(|entry| *entry.key()), Some(b));
    drop(entries);
    writer();
}

fn count_beside_an_entry(map: &ConcurrentMap<u32, u32>, [a, _]: [u32; 2]) {
    map.remove(&a);
    if let Entry::Vacant(entry) = map.entry(a) {
        let _held = entry.insert(1);
        assert_eq!(map.len(), 2);
    }
}
