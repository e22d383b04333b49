//! What the fixtures lock and call. `at::<N>()` and `wait::<N>().await` are markers; `make_x` locks and returns a guard;
//! types named `Keeper..` can own one.

pub use std::mem;
pub use std::mem::ManuallyDrop;
pub use std::rc::Rc;
pub use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub fn at<const N: u32>() {}
pub async fn wait<const N: u32>(_: u32) {}

pub struct Shelf {
    pub boxes: Vec<u32>,
    pub label: u32,
}

impl Shelf {
    pub fn first(&self) -> Option<u32> {
        None
    }
    pub fn count(&self) -> u32 {
        0
    }
    pub fn add(&mut self, _: u32) {}
    pub fn named(&self, _: u32, _: u32) -> u32 {
        0
    }
}

pub struct Depot {
    pub shelf: Mutex<Shelf>,
    pub desk: Mutex<Option<u32>>,
    pub rate: RwLock<u32>,
    pub bell: Condvar,
    pub rack: parking_lot::Mutex<Shelf>,
    pub tray: parking_lot::RwLock<u32>,
    pub gate: tokio::sync::Mutex<u32>,
    pub yard: Arc<parking_lot::Mutex<u32>>,
}

pub struct Noisy(pub u32);
impl Drop for Noisy {
    fn drop(&mut self) {}
}

pub struct Tally(pub u32);
impl std::ops::AddAssign<u32> for Tally {
    fn add_assign(&mut self, _: u32) {}
}
impl std::ops::Add<u32> for Tally {
    type Output = u32;
    fn add(self, _: u32) -> u32 {
        0
    }
}

pub struct Keeper<'a> {
    pub guard: MutexGuard<'a, Shelf>,
    pub n: u32,
}

pub struct KeeperOfTwo<'a> {
    pub first: MutexGuard<'a, Shelf>,
    pub second: MutexGuard<'a, Option<u32>>,
}

pub struct KeeperOption<'a> {
    pub slot: Option<MutexGuard<'a, Shelf>>,
}

pub struct KeeperTuple<'a>(pub MutexGuard<'a, Shelf>, pub u32);

pub struct View<'a> {
    pub shelf: &'a Shelf,
    pub n: u32,
}

pub fn make_shelf(d: &Depot) -> MutexGuard<'_, Shelf> {
    d.shelf.lock().unwrap()
}

pub fn pair(_: u32, _: u32) -> u32 {
    0
}
pub fn triple(_: u32, _: u32, _: u32) {}
pub fn sink(_: MutexGuard<'_, Shelf>) {}
pub fn look(_: &Shelf) -> u32 {
    0
}
pub fn lend<'a>(shelf: &'a Shelf) -> &'a Shelf {
    shelf
}
pub fn cold() -> bool {
    false
}
pub fn never() -> ! {
    loop {}
}
