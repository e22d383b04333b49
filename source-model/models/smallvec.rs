// Curated model of `smallvec`: an array in place, or a vector.

pub struct SmallVec<A>;
impl<A> SmallVec<A> {
    pub fn new() -> SmallVec<A> {}
    pub fn with_capacity(n: usize) -> SmallVec<A> {}
    #[put] pub fn push(&mut self, value: <A as IntoIterator>::Item) {}
    #[element] #[take] pub fn pop(&mut self) -> Option<<A as IntoIterator>::Item> {}
    #[element] #[take] pub fn remove(&mut self, index: usize) -> <A as IntoIterator>::Item {}
    #[element] #[take] pub fn swap_remove(&mut self, index: usize) -> <A as IntoIterator>::Item {}
    #[element] #[take] pub fn drain<R>(&mut self, range: R) -> impl Iterator<Item = <A as IntoIterator>::Item> {}
    #[clear] pub fn clear(&mut self) {}
    #[same] pub fn clone(&self) -> SmallVec<A> {}
}
impl<A> Deref for SmallVec<A> { type Target = A; }
