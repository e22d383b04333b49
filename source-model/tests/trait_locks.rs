//! Traits of the workspace that are locks: a method such as `lock` gives a guard that the implementation chooses.
//!
//! Below each call that acquires stands the class, what waits, whether that rests on the trait's declaration alone, and
//! which classes are held then.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod probe;

use interlock_source::{Acquisition, Edition, LineCol, PointKind, Wait, Workspace};

#[track_caller]
fn check(text: &str) {
    probe::compare_in("example", text, Edition::E2021, "no lock", acquisitions);
    probe::compare(text, Edition::E2024, "no lock", acquisitions);
}

fn acquisitions(workspace: &Workspace) -> Vec<(LineCol, String)> {
    let points = workspace.bodies().iter().flat_map(|body| &body.points);
    let acquired = points.filter_map(|point| {
        let PointKind::Acquire(acquisition) = &point.kind else { return None };
        let held: Vec<String> = point.held.iter().map(|held| held.acquisition.lock.class.to_string()).collect();
        let under = if held.is_empty() { String::new() } else { format!(", under {}", held.join(", ")) };
        Some((point.span.range.start, format!("{}, {}{under}", acquisition.lock.class, manner(acquisition))))
    });
    acquired.collect()
}

fn manner(acquisition: &Acquisition) -> String {
    let wait = match acquisition.wait {
        Wait::Thread => "thread",
        Wait::Task => "task",
        Wait::Never => "never",
    };
    let blocks = if acquisition.blocking_guard { " blocking" } else { "" };
    let assumed = if acquisition.assumed { " assumed" } else { "" };
    format!("{wait}{blocks}{assumed}")
}

/// A runtime with a mutex of its choice, as libraries that support several runtimes have it.
const RUNTIME: &str = "
pub trait Runtime { type Mutex<T: 'static>: AsyncMutex<T>; }
pub trait AsyncMutex<T>: 'static {
    type Guard<'a>: std::ops::DerefMut<Target = T> where Self: 'a;
    fn new(value: T) -> Self;
    fn lock(&self) -> impl std::future::Future<Output = Self::Guard<'_>> + Send;
    fn lock_owned(self: std::sync::Arc<Self>) -> impl std::future::Future<Output = Owned<Self, T>> + Send where Self: Sized {
        async move { make(self) }
    }
}
pub struct Owned<M: AsyncMutex<T>, T> { guard: M::Guard<'static>, mutex: std::sync::Arc<M> }
impl<M: AsyncMutex<T>, T> std::ops::Deref for Owned<M, T> { type Target = T; fn deref(&self) -> &T { &self.guard } }
";

#[test]
fn a_mutex_of_a_generic_runtime_is_the_field_that_holds_it() {
    check(&format!(
        "
struct Town<R: Runtime, L> {{ shelf: L, rate: std::sync::Arc<R::Mutex<u32>> }}
struct Shelf {{ depth: std::sync::Mutex<u32> }}
async fn f<R: Runtime, L: AsyncMutex<Shelf>>(town: &Town<R, L>) {{
    let shelf = town.shelf.lock().await;
                         //^^^^ example::Town::shelf, task assumed
    shelf.depth.lock().unwrap();
              //^^^^ example::Shelf::depth, thread blocking, under example::Town::shelf
    drop(shelf);
    let rate = town.rate.clone().lock_owned().await;
                               //^^^^^^^^^^ example::Town::rate, task assumed
    town.shelf.lock().await;
             //^^^^ example::Town::shelf, task assumed, under example::Town::rate
}}
async fn g<R: Runtime>() {{
    let count = std::sync::Arc::new(R::Mutex::new(0_u32));
    count.lock().await;
        //^^^^ example::g::count, task assumed
}}
{RUNTIME}"
    ));
}

#[test]
fn what_all_implementations_are_holds_for_the_trait() {
    check(
        "
pub trait Lock<T> {
    type Guard<'a>: std::ops::Deref<Target = T> where Self: 'a;
    fn lock(&self) -> Self::Guard<'_>;
    fn try_lock(&self) -> Option<Self::Guard<'_>>;
}
struct Own<T> { inner: parking_lot::Mutex<T> }
impl<T> Lock<T> for Own<T> {
    type Guard<'a> = parking_lot::MutexGuard<'a, T> where T: 'a;
    fn lock(&self) -> Self::Guard<'_> { self.inner.lock() }
                                                 //^^^^ example::Own::lock::self, thread blocking
    fn try_lock(&self) -> Option<Self::Guard<'_>> { self.inner.try_lock() }
                                                             //^^^^^^^^ example::Own::try_lock::self, never blocking
}
impl<T> Lock<T> for std::sync::Mutex<T> {
    type Guard<'a> = std::sync::MutexGuard<'a, T> where T: 'a;
    fn lock(&self) -> Self::Guard<'_> { todo!() }
    fn try_lock(&self) -> Option<Self::Guard<'_>> { None }
}
struct Town<L> { shelf: L, other: L }
fn f<L: Lock<u32>>(town: &Town<L>) {
    let shelf = town.shelf.lock();
                         //^^^^ example::Town::shelf, thread blocking
    town.other.try_lock();
             //^^^^^^^^ example::Town::other, never blocking, under example::Town::shelf
}",
    );
}

#[test]
fn implementations_that_differ_leave_an_assumption() {
    check(
        "
pub trait Lock<T> {
    type Guard<'a>: std::ops::Deref<Target = T> where Self: 'a;
    async fn lock(&self) -> Self::Guard<'_>;
}
impl<T> Lock<T> for tokio::sync::Mutex<T> {
    type Guard<'a> = tokio::sync::MutexGuard<'a, T> where T: 'a;
    async fn lock(&self) -> Self::Guard<'_> { todo!() }
}
impl<T> Lock<T> for std::sync::Mutex<T> {
    type Guard<'a> = std::sync::MutexGuard<'a, T> where T: 'a;
    async fn lock(&self) -> Self::Guard<'_> { todo!() }
}
struct Town<L> { shelf: L }
async fn f<L: Lock<u32>>(town: &Town<L>) {
    town.shelf.lock().await;
             //^^^^ example::Town::shelf, task assumed
}",
    );
}

#[test]
fn a_trait_is_no_lock_when_one_implementation_gives_no_guard() {
    for guard in ["&'a T", "std::cell::RefMut<'a, T>", "std::sync::Arc<T>", "Kept<'a, T>"] {
        check(&format!(
            "
pub trait Lock<T> {{
    type Guard<'a>: std::ops::Deref<Target = T> where Self: 'a;
    fn lock(&self) -> Self::Guard<'_>;
}}
struct Kept<'a, T> {{ value: &'a T }}
impl<T> std::ops::Deref for Kept<'_, T> {{ type Target = T; fn deref(&self) -> &T {{ self.value }} }}
impl<T> Lock<T> for std::sync::Mutex<T> {{
    type Guard<'a> = std::sync::MutexGuard<'a, T> where T: 'a;
    fn lock(&self) -> Self::Guard<'_> {{ todo!() }}
}}
struct Own<T> {{ value: T }}
impl<T> Lock<T> for Own<T> {{
    type Guard<'a> = {guard} where T: 'a;
    fn lock(&self) -> Self::Guard<'_> {{ todo!() }}
}}
struct Town<L> {{ shelf: L }}
fn f<L: Lock<u32>>(town: &Town<L>) {{
    town.shelf.lock();
             //^^^^ no lock
}}"
        ));
    }
}

#[test]
fn a_trait_that_only_reads_gives_a_snapshot() {
    check(
        "
pub trait View<T> {
    type Guard<'a>: std::ops::Deref<Target = T> where Self: 'a;
    fn read(&self) -> Self::Guard<'_>;
}
struct Town<V> { shelf: V }
fn f<V: View<u32>>(town: &Town<V>) {
    town.shelf.read();
             //^^^^ no lock
}",
    );
}
