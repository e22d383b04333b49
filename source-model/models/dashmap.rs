// Curated model of `dashmap`: references, entries and iterators hold the lock of a shard.

pub use dashmap::mapref::entry::Entry;
#[lock(map)] pub struct DashMap<K, V, S>;
impl<K, V, S> DashMap<K, V, S> {
    pub fn new() -> DashMap<K, V, S> {}
    pub fn with_capacity(n: usize) -> DashMap<K, V, S> {}
    pub fn with_hasher(s: S) -> DashMap<K, V, S> {}
    pub fn with_shard_amount(n: usize) -> DashMap<K, V, S> {}
    #[acquire(shared, shard)] #[element] pub fn get<Q>(&self, key: &Q) -> Option<Ref<K, V>> {}
    #[acquire(exclusive, shard)] #[element] pub fn get_mut<Q>(&self, key: &Q) -> Option<RefMut<K, V>> {}
    #[acquire(shared, shard, try)] #[element] pub fn try_get<Q>(&self, key: &Q) -> TryResult<Ref<K, V>> {}
    #[acquire(exclusive, shard, try)] #[element] pub fn try_get_mut<Q>(&self, key: &Q) -> TryResult<RefMut<K, V>> {}
    #[acquire(exclusive, shard)] #[element] pub fn entry(&self, key: K) -> Entry<K, V> {}
    #[acquire(exclusive, shard, try)] #[element] pub fn try_entry(&self, key: K) -> Option<Entry<K, V>> {}
    #[acquire(exclusive, shard)] pub fn insert(&self, key: K, value: V) -> Option<V> {}
    #[acquire(exclusive, shard)] pub fn remove<Q>(&self, key: &Q) -> Option<(K, V)> {}
    #[acquire(exclusive, shard)] pub fn remove_if<Q, F: FnOnce(&K, &V) -> bool>(&self, key: &Q, f: F) -> Option<(K, V)> {}
    #[acquire(exclusive, shard)] pub fn remove_if_mut<Q, F: FnOnce(&K, &mut V) -> bool>(&self, key: &Q, f: F) -> Option<(K, V)> {}
    #[acquire(exclusive, shard)] pub fn alter<Q, F: FnOnce(&K, V) -> V>(&self, key: &Q, f: F) {}
    #[acquire(exclusive, iterate)] pub fn alter_all<F: FnMut(&K, V) -> V>(&self, f: F) {}
    #[acquire(exclusive, iterate)] pub fn retain<F: FnMut(&K, &mut V) -> bool>(&self, f: F) {}
    #[acquire(exclusive, iterate)] pub fn clear(&self) {}
    #[acquire(exclusive, iterate)] pub fn shrink_to_fit(&self) {}
    #[acquire(shared, shard)] pub fn contains_key<Q>(&self, key: &Q) -> bool {}
    #[acquire(shared, shard)] pub fn view<Q, R, F: FnOnce(&K, &V) -> R>(&self, key: &Q, f: F) -> Option<R> {}
    #[acquire(shared, iterate)] pub fn len(&self) -> usize {}
    #[acquire(shared, iterate)] pub fn is_empty(&self) -> bool {}
    #[acquire(shared, iterate)] #[element] pub fn iter(&self) -> Iter<RefMulti<K, V>> {}
    #[acquire(exclusive, iterate)] #[element] pub fn iter_mut(&self) -> Iter<RefMutMulti<K, V>> {}
    #[element] pub fn into_iter(self) -> impl Iterator<Item = (K, V)> {}
    #[same] pub fn clone(&self) -> DashMap<K, V, S> {}
}
impl<K, V, S> IntoIterator for DashMap<K, V, S> { type Item = (K, V); }
impl<K, V, S> FromIterator<(K, V)> for DashMap<K, V, S> {}
#[lock(map)] pub struct DashSet<K, S>;
impl<K, S> DashSet<K, S> {
    pub fn new() -> DashSet<K, S> {}
    #[acquire(exclusive, shard)] pub fn insert(&self, key: K) -> bool {}
    #[acquire(exclusive, shard)] pub fn remove<Q>(&self, key: &Q) -> Option<K> {}
    #[acquire(shared, shard)] pub fn contains<Q>(&self, key: &Q) -> bool {}
    #[acquire(shared, shard)] #[element] pub fn get<Q>(&self, key: &Q) -> Option<Ref<K, ()>> {}
    #[acquire(exclusive, iterate)] pub fn retain<F: FnMut(&K) -> bool>(&self, f: F) {}
    #[acquire(exclusive, iterate)] pub fn clear(&self) {}
    #[acquire(shared, iterate)] pub fn len(&self) -> usize {}
    #[acquire(shared, iterate)] pub fn is_empty(&self) -> bool {}
    #[acquire(shared, iterate)] #[element] pub fn iter(&self) -> Iter<RefMulti<K, ()>> {}
}
#[guard(blocking)] pub struct Iter<R>;
impl<R> Iterator for Iter<R> { type Item = R; }
pub mod try_result { pub use dashmap::TryResult; }
pub enum TryResult<R> { Present(R), Absent, Locked }
impl<R> TryResult<R> { #[same] pub fn unwrap(self) -> R {} #[same] pub fn try_unwrap(self) -> Option<R> {} pub fn is_locked(&self) -> bool {} pub fn is_present(&self) -> bool {} }
pub mod mapref {
    pub mod one { pub use dashmap::{Ref, RefMut, MappedRef, MappedRefMut}; }
    pub mod multiple { pub use dashmap::{RefMulti, RefMutMulti}; }
    pub mod entry {
        #[guard(blocking)] pub enum Entry<K, V> { Occupied(OccupiedEntry<K, V>), Vacant(VacantEntry<K, V>) }
        impl<K, V> Entry<K, V> {
            #[same] pub fn or_insert(self, value: V) -> dashmap::RefMut<K, V> {}
            #[same] pub fn or_insert_with<F: FnOnce() -> V>(self, f: F) -> dashmap::RefMut<K, V> {}
            #[same] pub fn or_try_insert_with<E, F: FnOnce() -> Result<V, E>>(self, f: F) -> Result<dashmap::RefMut<K, V>, E> {}
            #[same] pub fn or_default(self) -> dashmap::RefMut<K, V> {}
            #[same] pub fn and_modify<F: FnOnce(&mut V)>(self, f: F) -> Entry<K, V> {}
            #[same] pub fn insert(self, value: V) -> dashmap::RefMut<K, V> {}
            pub fn key(&self) -> &K {}
        }
        #[guard(blocking)] pub struct OccupiedEntry<K, V>;
        impl<K, V> OccupiedEntry<K, V> { #[same] pub fn get(&self) -> &V {} #[same] pub fn get_mut(&mut self) -> &mut V {} #[same] pub fn insert(&mut self, value: V) -> V {} #[same] pub fn remove(self) -> V {} #[same] pub fn remove_entry(self) -> (K, V) {} #[same] pub fn into_ref(self) -> dashmap::RefMut<K, V> {} pub fn key(&self) -> &K {} }
        #[guard(blocking)] pub struct VacantEntry<K, V>;
        impl<K, V> VacantEntry<K, V> { #[same] pub fn insert(self, value: V) -> dashmap::RefMut<K, V> {} pub fn key(&self) -> &K {} }
    }
}
#[guard(blocking)] pub struct Ref<K, V>;
impl<K, V> Ref<K, V> { #[same] pub fn value(&self) -> &V {} pub fn key(&self) -> &K {} #[same] pub fn pair(&self) -> (&K, &V) {} #[same] pub fn map<U, F: FnOnce(&V) -> &U>(self, f: F) -> Ref<K, U> {} }
impl<K, V> Deref for Ref<K, V> { type Target = V; }
#[guard(blocking)] pub struct RefMut<K, V>;
impl<K, V> RefMut<K, V> { #[same] pub fn value(&self) -> &V {} #[same] pub fn value_mut(&mut self) -> &mut V {} pub fn key(&self) -> &K {} #[same] pub fn pair(&self) -> (&K, &V) {} #[same] pub fn pair_mut(&mut self) -> (&K, &mut V) {} #[same] #[becomes(shared)] pub fn downgrade(self) -> Ref<K, V> {} }
impl<K, V> Deref for RefMut<K, V> { type Target = V; }
#[guard(blocking)] pub struct RefMulti<K, V>;
impl<K, V> RefMulti<K, V> { #[same] pub fn value(&self) -> &V {} pub fn key(&self) -> &K {} #[same] pub fn pair(&self) -> (&K, &V) {} }
impl<K, V> Deref for RefMulti<K, V> { type Target = V; }
#[guard(blocking)] pub struct RefMutMulti<K, V>;
impl<K, V> RefMutMulti<K, V> { #[same] pub fn value(&self) -> &V {} #[same] pub fn value_mut(&mut self) -> &mut V {} pub fn key(&self) -> &K {} #[same] pub fn pair(&self) -> (&K, &V) {} #[same] pub fn pair_mut(&mut self) -> (&K, &mut V) {} }
impl<K, V> Deref for RefMutMulti<K, V> { type Target = V; }
