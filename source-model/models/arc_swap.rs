// Curated model of `arc-swap`: nothing in it waits. What `load` lends is no lock guard; it keeps the value alive.

pub type ArcSwap<T> = ArcSwapAny<std::sync::Arc<T>, DefaultStrategy>;
pub type ArcSwapOption<T> = ArcSwapAny<Option<std::sync::Arc<T>>, DefaultStrategy>;
pub struct DefaultStrategy;
pub struct ArcSwapAny<P, S>;
impl<P, S> ArcSwapAny<P, S> {
    pub fn new(value: P) -> ArcSwapAny<P, S> {}
    pub fn from_pointee<V>(value: V) -> ArcSwapAny<P, S> {}
    pub fn empty() -> ArcSwapAny<P, S> {}
    #[same] pub fn load(&self) -> Guard<P, S> {}
    #[same] pub fn load_full(&self) -> P {}
    pub fn store(&self, value: P) {}
    pub fn swap(&self, value: P) -> P {}
    pub fn compare_and_swap<C>(&self, current: C, value: P) -> Guard<P, S> {}
    pub fn rcu<R, F: FnMut(&P) -> R>(&self, f: F) -> P {}
    #[same] pub fn into_inner(self) -> P {}
}
pub struct Guard<P, S>;
impl<P, S> Guard<P, S> { #[same] pub fn into_inner(guard: Guard<P, S>) -> P {} }
impl<P, S> Deref for Guard<P, S> { type Target = P; }
