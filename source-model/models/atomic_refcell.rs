// Curated model of `atomic_refcell`: a cell between threads that panics instead of waiting.

#[lock(cell)] pub struct AtomicRefCell<T>;
impl<T> AtomicRefCell<T> {
    #[same] pub fn new(value: T) -> AtomicRefCell<T> {}
    #[acquire(shared)] pub fn borrow(&self) -> AtomicRef<T> {}
    #[acquire(exclusive)] pub fn borrow_mut(&self) -> AtomicRefMut<T> {}
    #[acquire(shared, try)] pub fn try_borrow(&self) -> Result<AtomicRef<T>, BorrowError> {}
    #[acquire(exclusive, try)] pub fn try_borrow_mut(&self) -> Result<AtomicRefMut<T>, BorrowMutError> {}
    #[same] pub fn get_mut(&mut self) -> &mut T {}
    #[same] pub fn into_inner(self) -> T {}
}
pub struct BorrowError; pub struct BorrowMutError;
#[guard(task)] pub struct AtomicRef<T>;
impl<T> AtomicRef<T> {
    #[same] pub fn map<U, F: FnOnce(&T) -> &U>(guard: AtomicRef<T>, f: F) -> AtomicRef<U> {}
    #[same] pub fn filter_map<U, F: FnOnce(&T) -> Option<&U>>(guard: AtomicRef<T>, f: F) -> Option<AtomicRef<U>> {}
}
impl<T> Deref for AtomicRef<T> { type Target = T; }
#[guard(task)] pub struct AtomicRefMut<T>;
impl<T> AtomicRefMut<T> {
    #[same] pub fn map<U, F: FnOnce(&mut T) -> &mut U>(guard: AtomicRefMut<T>, f: F) -> AtomicRefMut<U> {}
    #[same] pub fn filter_map<U, F: FnOnce(&mut T) -> Option<&mut U>>(guard: AtomicRefMut<T>, f: F) -> Option<AtomicRefMut<U>> {}
}
impl<T> Deref for AtomicRefMut<T> { type Target = T; }
