//! The concurrent map in two shards, each with a lock by DashMap's rule. Which shard a key is in is the scheduler's
//! choice, once an execution: any two keys may share a shard in the real one.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash};
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHasher;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::recorder::{self, Place};
use super::rwlock::{Policy, RawRwLock};
use super::{Shards, platform};

const N_SHARDS: usize = 2;

/// A key and its value.
type Row<K, V> = (K, V);

struct Shard<K, V> {
    raw: RawRwLock,
    /// Never contended: `raw` lets in. Its guards may go to other threads, as DashMap's.
    rows: RwLock<Vec<Row<K, V>>>,
}

/// As `DashMap`. A reference, entry or iterator holds the lock of its shard while it lives.
pub struct ConcurrentMap<K, V> {
    shards: [Shard<K, V>; N_SHARDS],
    /// Hashes of the keys that were used, and their shards.
    choices: Mutex<BTreeMap<u64, usize>>,
}

impl<K: Eq + Hash, V> Default for ConcurrentMap<K, V> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Eq + Hash, V> ConcurrentMap<K, V> {
    /// An empty map.
    #[track_caller]
    pub fn new() -> Self {
        let place = Location::caller();
        let raw = || RawRwLock::made("Shard", Policy::ReadersFirst, place);
        let shard = || Shard { raw: raw(), rows: RwLock::new(Vec::new()) };
        Self { shards: [shard(), shard()], choices: Mutex::default() }
    }

    /// An empty map. It has two shards whatever is asked for.
    #[track_caller]
    pub fn with_hasher_and_shard_amount(_hasher: BuildHasherDefault<FxHasher>, _n_shards: usize) -> Self {
        Self::new()
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> &Shard<K, V> {
        let hash = BuildHasherDefault::<FxHasher>::default().hash_one(key);
        let (chosen, n_keys) = {
            let choices = self.choices.lock();
            (choices.get(&hash).copied(), choices.len())
        };
        let chosen = chosen.unwrap_or_else(|| {
            let chosen = match platform::shards() {
                // Which of two empty shards makes no difference.
                Shards::Drawn if n_keys == 0 => 0,
                Shards::Drawn => platform::choose(N_SHARDS),
                Shards::Together => 0,
                Shards::Apart => n_keys % N_SHARDS,
            };
            let mut choices = self.choices.lock();
            if choices.values().any(|shard| *shard == chosen) {
                recorder::keys_are_together();
            }
            *choices.entry(hash).or_insert(chosen)
        });
        &self.shards[chosen]
    }

    /// The value of a key.
    #[track_caller]
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<Ref<'_, K, V>>
    where
        K: Borrow<Q>,
    {
        let hold = self.shard(key).read("get", Location::caller());
        let at = position(&hold, key)?;
        Some(Ref { hold: Arc::new(hold), at })
    }

    /// The value of a key, to be changed.
    #[track_caller]
    pub fn get_mut<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<RefMut<'_, K, V>>
    where
        K: Borrow<Q>,
    {
        let hold = self.shard(key).write("get_mut", Location::caller());
        let at = position(&hold, key)?;
        Some(RefMut::new(hold, at))
    }

    /// Whether a key is there.
    #[track_caller]
    pub fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        let hold = self.shard(key).read("contains_key", Location::caller());
        position(&hold, key).is_some()
    }

    /// Puts a value, and gives back the one before.
    #[track_caller]
    pub fn insert(&self, key: K, value: V) -> Option<V> {
        let mut hold = self.shard(&key).write("insert", Location::caller());
        match position(&hold, &key) {
            Some(at) => Some(std::mem::replace(&mut hold[at].1, value)),
            None => {
                hold.push((key, value));
                None
            }
        }
    }

    /// Takes a key out.
    #[track_caller]
    pub fn remove<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let mut hold = self.shard(key).write("remove", Location::caller());
        position(&hold, key).map(|at| hold.remove(at))
    }

    /// Takes a key out where its value is as wanted.
    #[track_caller]
    pub fn remove_if<Q: Hash + Eq + ?Sized>(&self, key: &Q, is_wanted: impl FnOnce(&K, &V) -> bool) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let mut hold = self.shard(key).write("remove_if", Location::caller());
        let at = position(&hold, key)?;
        is_wanted(&hold[at].0, &hold[at].1).then(|| hold.remove(at))
    }

    /// A key's place, taken or free. Its shard is held to write.
    #[track_caller]
    pub fn entry(&self, key: K) -> Entry<'_, K, V> {
        let hold = self.shard(&key).write("entry", Location::caller());
        match position(&hold, &key) {
            Some(at) => Entry::Occupied(OccupiedEntry { hold, at, key }),
            None => Entry::Vacant(VacantEntry { hold, key }),
        }
    }

    /// Keeps what is wanted, shard after shard.
    #[track_caller]
    pub fn retain(&self, mut is_wanted: impl FnMut(&K, &mut V) -> bool) {
        for shard in &self.shards {
            shard.write("retain", Location::caller()).retain_mut(|row| is_wanted(&row.0, &mut row.1));
        }
    }

    /// Takes everything out, shard after shard.
    #[track_caller]
    pub fn clear(&self) {
        self.retain(|_, _| false);
    }

    /// How many keys there are, counted shard after shard.
    #[track_caller]
    pub fn len(&self) -> usize {
        let place = Location::caller();
        self.shards.iter().map(|shard| shard.read("len", place).len()).sum()
    }

    /// Whether there is no key.
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All keys and values. Holds the lock of the shard that it is in.
    #[track_caller]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { shards: self.shards.iter(), inside: None, place: Location::caller() }
    }
}

fn position<K: Borrow<Q>, V, Q: Eq + ?Sized>(rows: &[Row<K, V>], key: &Q) -> Option<usize> {
    rows.iter().position(|row| row.0.borrow() == key)
}

impl<K, V> Shard<K, V> {
    fn read(&self, operation: &'static str, place: Place) -> ReadHold<'_, K, V> {
        self.raw.read(operation, place);
        ReadHold { raw: &self.raw, operation, place, rows: Some(self.rows.try_read().expect("`raw` lets in")) }
    }

    fn write(&self, operation: &'static str, place: Place) -> WriteHold<'_, K, V> {
        self.raw.write(operation, place);
        WriteHold { raw: &self.raw, operation, place, rows: Some(self.rows.try_write().expect("`raw` lets in")) }
    }
}

macro_rules! hold {
    ($name:ident, $guard:ident, $free:ident, $what:literal) => {
        #[doc = $what]
        struct $name<'a, K, V> {
            raw: &'a RawRwLock,
            operation: &'static str,
            place: Place,
            rows: Option<$guard<'a, Vec<Row<K, V>>>>,
        }

        impl<K, V> Drop for $name<'_, K, V> {
            fn drop(&mut self) {
                self.rows = None;
                self.raw.$free(self.operation, self.place);
            }
        }

        impl<K, V> Deref for $name<'_, K, V> {
            type Target = Vec<Row<K, V>>;

            fn deref(&self) -> &Vec<Row<K, V>> {
                self.rows.as_ref().expect("held until it is dropped")
            }
        }
    };
}

hold!(ReadHold, RwLockReadGuard, free_read, "A shard, held to read.");
hold!(WriteHold, RwLockWriteGuard, free_write, "A shard, held to write.");

impl<K, V> DerefMut for WriteHold<'_, K, V> {
    fn deref_mut(&mut self) -> &mut Vec<Row<K, V>> {
        self.rows.as_mut().expect("held until it is dropped")
    }
}

/// A key and its value. Holds the lock of their shard to read.
pub struct Ref<'a, K, V> {
    hold: Arc<ReadHold<'a, K, V>>,
    at: usize,
}

impl<K, V> Ref<'_, K, V> {
    /// The key.
    pub fn key(&self) -> &K {
        &self.hold[self.at].0
    }

    /// The value.
    pub fn value(&self) -> &V {
        &self.hold[self.at].1
    }

    /// Both.
    pub fn pair(&self) -> (&K, &V) {
        (self.key(), self.value())
    }
}

impl<K, V> Deref for Ref<'_, K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        self.value()
    }
}

/// A key and its value, to be changed. Holds the lock of their shard to write.
pub struct RefMut<'a, K, V> {
    hold: WriteHold<'a, K, V>,
    at: usize,
}

impl<'a, K, V> RefMut<'a, K, V> {
    fn new(hold: WriteHold<'a, K, V>, at: usize) -> Self {
        Self { hold, at }
    }

    /// The key.
    pub fn key(&self) -> &K {
        &self.hold[self.at].0
    }

    /// The value.
    pub fn value(&self) -> &V {
        &self.hold[self.at].1
    }

    /// The value, to be changed.
    pub fn value_mut(&mut self) -> &mut V {
        &mut self.hold[self.at].1
    }
}

impl<K, V> Deref for RefMut<'_, K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        self.value()
    }
}

impl<K, V> DerefMut for RefMut<'_, K, V> {
    fn deref_mut(&mut self) -> &mut V {
        self.value_mut()
    }
}

/// A key's place in the map. Holds the lock of its shard to write.
pub enum Entry<'a, K, V> {
    /// The key is there.
    Occupied(OccupiedEntry<'a, K, V>),
    /// It is not.
    Vacant(VacantEntry<'a, K, V>),
}

/// The place of a key that is there.
pub struct OccupiedEntry<'a, K, V> {
    hold: WriteHold<'a, K, V>,
    at: usize,
    key: K,
}

/// The place of a key that is not there.
pub struct VacantEntry<'a, K, V> {
    hold: WriteHold<'a, K, V>,
    key: K,
}

impl<'a, K, V> Entry<'a, K, V> {
    /// The key.
    pub fn key(&self) -> &K {
        match self {
            Self::Occupied(entry) => entry.key(),
            Self::Vacant(entry) => entry.key(),
        }
    }

    /// The value, or this one where there was none.
    pub fn or_insert(self, value: V) -> RefMut<'a, K, V> {
        self.or_insert_with(|| value)
    }

    /// The value, or a new one where there was none.
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> RefMut<'a, K, V> {
        match self {
            Self::Occupied(entry) => entry.into_ref(),
            Self::Vacant(entry) => entry.insert(value()),
        }
    }

    /// The value, or the default where there was none.
    pub fn or_default(self) -> RefMut<'a, K, V>
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

impl<'a, K, V> OccupiedEntry<'a, K, V> {
    /// The key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The value.
    pub fn get(&self) -> &V {
        &self.hold[self.at].1
    }

    /// The value, to be changed.
    pub fn get_mut(&mut self) -> &mut V {
        &mut self.hold[self.at].1
    }

    /// Puts a value, and gives back the one before.
    pub fn insert(&mut self, value: V) -> V {
        std::mem::replace(self.get_mut(), value)
    }

    /// Takes the key out.
    pub fn remove(mut self) -> V {
        self.hold.remove(self.at).1
    }

    /// The value, for as long as the shard is held.
    pub fn into_ref(self) -> RefMut<'a, K, V> {
        RefMut::new(self.hold, self.at)
    }
}

impl<'a, K, V> VacantEntry<'a, K, V> {
    /// The key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Puts a value.
    pub fn insert(mut self, value: V) -> RefMut<'a, K, V> {
        self.hold.push((self.key, value));
        let at = self.hold.len() - 1;
        RefMut::new(self.hold, at)
    }
}

/// Goes through a map, shard after shard.
pub struct Iter<'a, K, V> {
    shards: std::slice::Iter<'a, Shard<K, V>>,
    inside: Option<(Arc<ReadHold<'a, K, V>>, usize)>,
    place: Place,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = Ref<'a, K, V>;

    fn next(&mut self) -> Option<Ref<'a, K, V>> {
        loop {
            if let Some((hold, at)) = &mut self.inside
                && *at < hold.len()
            {
                *at += 1;
                return Some(Ref { hold: hold.clone(), at: *at - 1 });
            }
            // As the real one: the next shard is taken before this one is let go.
            let hold = self.shards.next()?.read("iter", self.place);
            self.inside = Some((Arc::new(hold), 0));
        }
    }
}

impl<'a, K: Eq + Hash, V> IntoIterator for &'a ConcurrentMap<K, V> {
    type Item = Ref<'a, K, V>;
    type IntoIter = Iter<'a, K, V>;

    #[track_caller]
    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}
