//! A library with a curated model as the workspace itself: its own types are the locks that they are from outside.
//!
//! Below each method that acquires stands the lock class that it acquires, and the classes that are held then.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod probe;

use interlock_source::{Edition, LineCol, PointKind, Wait, Workspace};

/// A library with a lock behind a private module, as such libraries have it.
const TOKIO: &str = "
pub mod sync {
    mod mutex {
        pub struct Mutex<T> { value: std::cell::UnsafeCell<T> }
        pub struct MutexGuard<'a, T> { lock: &'a Mutex<T> }
        impl<T> std::ops::Deref for MutexGuard<'_, T> { type Target = T; fn deref(&self) -> &T { unsafe { &*self.lock.value.get() } } }
        impl<T> Mutex<T> {
            pub fn new(value: T) -> Mutex<T> { Mutex { value: std::cell::UnsafeCell::new(value) } }
            pub async fn lock(&self) -> MutexGuard<'_, T> { self.acquire().await; MutexGuard { lock: self } }
            pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, ()> { Ok(MutexGuard { lock: self }) }
            async fn acquire(&self) {}
        }
    }
    pub use self::mutex::{Mutex, MutexGuard};
    pub mod watch {
        pub struct Receiver<T> { shared: std::sync::Arc<T> }
        pub struct Ref<'a, T> { value: &'a T }
        impl<T> Receiver<T> { pub fn borrow(&self) -> Ref<'_, T> { Ref { value: &self.shared } } }
        impl<T> Clone for Receiver<T> { fn clone(&self) -> Self { Receiver { shared: self.shared.clone() } } }
    }
}
";

#[track_caller]
fn check(krate: &str, text: &str) {
    probe::compare_in(krate, text, Edition::E2021, "no lock", acquisitions);
}

fn acquisitions(workspace: &Workspace) -> Vec<(LineCol, String)> {
    let points = workspace.bodies().iter().flat_map(|body| &body.points);
    let acquired = points.filter_map(|point| {
        let PointKind::Acquire(acquisition) = &point.kind else { return None };
        let wait = match acquisition.wait {
            Wait::Thread => " by a thread",
            Wait::Task => "",
            Wait::Never => " at once",
        };
        let held: Vec<String> = point.held.iter().map(|held| held.acquisition.lock.class.to_string()).collect();
        let under = if held.is_empty() { String::new() } else { format!(" under {}", held.join(", ")) };
        Some((point.span.range.start, format!("{}{wait}{under}", acquisition.lock.class)))
    });
    acquired.collect()
}

#[test]
fn the_librarys_own_type_is_the_lock_that_its_model_describes() {
    check(
        "tokio",
        &format!(
            "
use crate::sync::Mutex;
struct File {{ inner: Mutex<u32>, name: Mutex<u32> }}
async fn write(file: &File) {{
    let inner = file.inner.lock().await;
                         //^^^^ tokio::File::inner
    file.name.try_lock();
            //^^^^^^^^ tokio::File::name at once under tokio::File::inner
    drop(inner);
    file.name.lock().await;
            //^^^^ tokio::File::name
    let local = Mutex::new(1);
    local.lock().await;
        //^^^^ tokio::write::local
}}
{TOKIO}"
        ),
    );
}

#[test]
fn a_model_speaks_of_a_method_that_the_library_has_by_a_trait() {
    check(
        "tokio",
        &format!(
            "
struct Wait {{ turn: crate::sync::watch::Receiver<u32> }}
fn wait(wait: &Wait) {{
    let turn = wait.turn.clone();
    turn.borrow();
       //^^^^^^ tokio::Wait::turn by a thread
}}
{TOKIO}"
        ),
    );
}

#[test]
fn a_type_elsewhere_in_the_library_is_not_described() {
    check(
        "tokio",
        &format!(
            "
mod inner {{
    pub struct Mutex {{ n: u32 }}
    impl Mutex {{ pub async fn lock(&self) -> u32 {{ self.n }} }}
}}
async fn f(m: &inner::Mutex, own: &sync::Mutex<u32>) {{
    m.lock().await;
    own.lock().await;
      //^^^^ tokio::f::own
}}
{TOKIO}"
        ),
    );
}

#[test]
fn a_crate_named_like_one_that_comes_with_the_compiler_is_another() {
    let text = "
pub mod sync {
    pub struct Mutex<T> { value: T }
    impl<T> Mutex<T> { pub fn lock(&self) -> &T { &self.value } }
}
fn f(m: &crate::sync::Mutex<u32>) {
    m.lock();
    //^^^^^^ no lock
}";
    check("core", text);
    probe::compare(text, Edition::E2021, "no lock", acquisitions);
}

#[test]
fn a_future_that_the_library_names_waits_as_the_modelled_one_does() {
    check(
        "futures",
        "
pub mod lock {
    pub struct Mutex<T> { value: std::cell::UnsafeCell<T> }
    pub struct MutexGuard<'a, T> { lock: &'a Mutex<T> }
    pub struct MutexLockFuture<'a, T> { lock: &'a Mutex<T> }
    impl<'a, T> std::future::Future for MutexLockFuture<'a, T> { type Output = MutexGuard<'a, T>; }
    impl<T> Mutex<T> { pub fn lock(&self) -> MutexLockFuture<'_, T> { MutexLockFuture { lock: self } } }
}
struct Town { shelf: lock::Mutex<u32>, rate: lock::Mutex<u32> }
async fn f(town: &Town) {
    let shelf = town.shelf.lock().await;
                         //^^^^ futures::Town::shelf
    town.rate.lock().await;
            //^^^^ futures::Town::rate under futures::Town::shelf
}",
    );
}
