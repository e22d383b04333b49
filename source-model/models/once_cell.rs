// Curated model of `once_cell`.

pub mod sync {
    pub struct Lazy<T, F>;
    impl<T, F> Lazy<T, F> { #[same] #[lazy] pub fn new<G: FnOnce() -> T>(f: G) -> Lazy<T, G> {} #[same] pub fn force(lazy: &Lazy<T, F>) -> &T {} }
    impl<T, F> Deref for Lazy<T, F> { type Target = T; }
    pub struct OnceCell<T>;
    impl<T> OnceCell<T> {
        pub fn new() -> OnceCell<T> {} pub const fn with_value(value: T) -> OnceCell<T> {}
        #[same] pub fn get(&self) -> Option<&T> {}
        #[same] pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {}
        #[same] pub fn get_or_try_init<E, F: FnOnce() -> Result<T, E>>(&self, f: F) -> Result<&T, E> {}
        pub fn set(&self, value: T) -> Result<(), T> {}
    }
}
pub mod unsync { pub use once_cell::sync::{Lazy, OnceCell}; }
