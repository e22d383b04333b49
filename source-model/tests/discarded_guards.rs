//! Guards that are acquired only for `_` to drop them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod probe;

use interlock_source::{Edition, LineCol, PointKind, Workspace};

const SUPPORT: &str = "
use std::sync::{Condvar, Mutex, MutexGuard, RwLock};
struct Depot { shelf: Mutex<u32>, desk: tokio::sync::Mutex<u32>, rate: RwLock<u32>, bell: Condvar }
struct Two<'a> { shelf: MutexGuard<'a, u32>, n: u32 }
fn enter(d: &Depot) -> MutexGuard<'_, u32> { d.enter() }
fn enter_two(d: &Depot) -> Two<'_> { Two { shelf: d.enter(), n: 1 } }
impl Depot {
    fn enter(&self) -> MutexGuard<'_, u32> { self.shelf.lock().unwrap() }
    fn enter_counted(&self) -> Result<(MutexGuard<'_, u32>, u32), ()> { Ok((self.shelf.lock().unwrap(), 1)) }
}
";

/// Compares the discarded guards with what is drawn; `kept` stands for a place where none is.
#[track_caller]
fn check(text: &str) {
    let text = format!("{text}\n{SUPPORT}");
    probe::compare(&text, Edition::E2021, "kept", discarded);
    probe::compare(&text, Edition::E2024, "kept", discarded);
}

fn discarded(workspace: &Workspace) -> Vec<(LineCol, String)> {
    let points = workspace.bodies().iter().flat_map(|body| &body.points);
    let discarded = points.filter_map(|point| match &point.kind {
        PointKind::GuardDiscarded(guard) => {
            let how = if guard.must { "discarded" } else { "perhaps discarded" };
            let path = guard.acquisition.lock.path.as_ref().unwrap();
            Some((point.span.range.start, format!("{how} {path}")))
        }
        _ => None,
    });
    discarded.collect()
}

#[test]
fn an_underscore_takes_no_guard() {
    check(
        "
async fn f(d: &Depot) -> Option<u32> {
    let _ = d.shelf.lock();
                  //^^^^^^ discarded d.shelf
    let _ = d.shelf.lock().unwrap();
                  //^^^^^^ discarded d.shelf
    let _ = d.shelf.lock().ok()?;
                  //^^^^^^ discarded d.shelf
    let _ = d.desk.lock().await;
                 //^^^^^^ discarded d.desk
    let _: MutexGuard<'_, u32> = d.shelf.lock().unwrap();
                                       //^^^^^^ discarded d.shelf
    _ = d.shelf.lock();
              //^^^^^^ discarded d.shelf
    None
}",
    );
}

#[test]
fn a_guard_that_a_function_returns_is_discarded_where_it_is_called() {
    check(
        "
fn f(d: &Depot) {
    let _ = d.enter();
            //^^^^^^^ discarded d.shelf
    let _ = enter(d);
          //^^^^^ discarded d.shelf
    let _ = enter_two(d);
          //^^^^^^^^^ discarded d.shelf
    let _ = d.enter_counted();
            //^^^^^^^^^^^^^^^ discarded d.shelf
}",
    );
}

#[test]
fn a_part_of_a_tuple_is_discarded_alone() {
    check(
        "
fn f(d: &Depot) {
    let (_, _rate) = (d.shelf.lock(), d.rate.read());
                            //^^^^^^ discarded d.shelf
                                           //^^^^^^ kept
}",
    );
}

#[test]
fn a_pattern_that_binds_nothing_discards() {
    check(
        "
fn f(d: &Depot) {
    let Ok(_) = d.shelf.try_lock() else { return };
                      //^^^^^^^^^^ discarded d.shelf
    let _ = d.rate.try_write();
                 //^^^^^^^^^^^ perhaps discarded d.rate
}",
    );
}

#[test]
fn what_is_named_or_borrowed_is_kept() {
    check(
        "
fn f(d: &Depot) {
    let _guard = d.shelf.lock();
                       //^^^^^^ kept
    let _ = _guard;
    let _ = &d.rate.read();
                  //^^^^^^ kept
    if let Ok(_) = d.rate.try_read() {
                        //^^^^^^^^^^ kept
    }
}",
    );
}

#[test]
fn a_value_read_through_a_guard_is_no_guard() {
    check(
        "
fn f(d: &Depot) {
    let _ = *d.shelf.lock().unwrap();
                   //^^^^^^ kept
    let _ = d.shelf.lock().is_ok();
                  //^^^^^^ kept
    let _ = d.shelf.lock().unwrap().count_ones();
                  //^^^^^^ kept
    let _ = d.shelf.try_lock().map(|mut shelf| *shelf += 1);
                  //^^^^^^^^^^ kept
}",
    );
}

#[test]
fn a_guard_that_was_acquired_before_has_had_its_section() {
    check(
        "
fn f(d: &Depot) {
    let guard = d.shelf.lock().unwrap();
                      //^^^^^^ kept
    let _ = d.bell.wait(guard);
    let _ = d.bell.wait(d.shelf.lock().unwrap());
                              //^^^^^^ kept
    let mut slot = Some(d.rate.read());
                             //^^^^^^ kept
    let _ = slot.take();
}",
    );
}
