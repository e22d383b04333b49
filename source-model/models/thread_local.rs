// Curated model of `thread_local`: one value for each thread; nothing waits.

pub struct ThreadLocal<T>;
impl<T> ThreadLocal<T> {
    #[same] pub fn new() -> ThreadLocal<T> {}
    #[same] pub fn with_capacity(n: usize) -> ThreadLocal<T> {}
    #[element] pub fn get(&self) -> Option<&T> {}
    #[element] pub fn get_or<F: FnOnce() -> T>(&self, f: F) -> &T {}
    #[element] pub fn get_or_default(&self) -> &T {}
    #[element] pub fn get_or_try<E, F: FnOnce() -> Result<T, E>>(&self, f: F) -> Result<&T, E> {}
    #[element] pub fn iter(&self) -> impl Iterator<Item = &T> {}
    #[element] pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {}
    pub fn clear(&mut self) {}
}
