//! Patterns that take values apart, and assignments to patterns.

use crate::support::*;

pub fn assignment_to_a_tuple(d: &Depot) {
    let a;
    let b;
    (a, b) = (d.rack.lock(), d.tray.read());
    at::<1>();
    drop(a);
    at::<2>();
}

pub fn assignment_to_a_tuple_with_a_wildcard(d: &Depot) {
    let a;
    (a, _) = (d.rack.lock(), d.tray.read());
    at::<1>();
    drop(a);
    at::<2>();
}

pub fn assignment_to_a_struct(d: &Depot) {
    let guard;
    KeeperOfTwo { first: guard, .. } = KeeperOfTwo { first: d.shelf.lock().unwrap(), second: d.desk.lock().unwrap() };
    at::<1>();
    drop(guard);
    at::<2>();
}

pub fn assignment_over_a_guard(d: &Depot) {
    let mut a = d.rack.lock();
    let b;
    (a, b) = (d.rack.lock(), d.tray.read());
    at::<1>();
    drop(a);
    at::<2>();
}

pub fn either_variant(d: &Depot) {
    let g = match d.shelf.lock().map_err(PoisonError::into_inner) {
        Ok(g) | Err(g) => g,
    };
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn either_variant_in_a_let(d: &Depot) {
    let (Ok(g) | Err(g)) = d.shelf.lock().map_err(PoisonError::into_inner);
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn bound_as_a_whole(d: &Depot) {
    if let slot @ Some(_) = d.rack.try_lock() {
        at::<1>();
        drop(slot);
        at::<2>();
    }
    at::<3>();
}

pub fn typed(d: &Depot) {
    let g: parking_lot::MutexGuard<'_, Shelf> = d.rack.lock();
    at::<1>();
    let n: u32 = d.tray.read().count_ones();
    at::<2>();
}

pub fn struct_in_a_tuple(d: &Depot) {
    let (Keeper { guard, n }, other) = (Keeper { guard: d.shelf.lock().unwrap(), n: 1 }, d.tray.read());
    drop(guard);
    at::<1>();
    drop(other);
    at::<2>();
}

pub fn tuple_in_a_struct_match(d: &Depot) {
    match (Keeper { guard: d.shelf.lock().unwrap(), n: 1 }) {
        Keeper { n: 0, .. } => at::<1>(),
        Keeper { guard, n } => {
            drop(guard);
            at::<2>();
        }
    }
    at::<3>();
}

pub fn option_of_a_tuple(d: &Depot) {
    if let Some((g, n)) = Some((d.rack.lock(), 1)) {
        at::<1>();
        drop(g);
        at::<2>();
    }
    at::<3>();
}

pub fn tuple_of_options(d: &Depot) {
    if let (Some(a), Some(b)) = (d.rack.try_lock(), d.tray.try_write()) {
        at::<1>();
        drop(a);
        at::<2>();
    }
    at::<3>();
}

pub fn tuple_of_options_in_a_let_else(d: &Depot) {
    let (Some(a), Some(b)) = (d.rack.try_lock(), d.tray.try_write()) else {
        at::<1>();
        return;
    };
    at::<2>();
}

pub fn moved_field_by_field(d: &Depot) {
    let keepers = KeeperOfTwo { first: d.shelf.lock().unwrap(), second: d.desk.lock().unwrap() };
    let pair = (keepers.first, keepers.second);
    at::<1>();
    drop(pair.0);
    at::<2>();
    drop(pair.1);
    at::<3>();
}

pub fn moved_on_one_path(d: &Depot, b: bool) {
    let keepers = KeeperOfTwo { first: d.shelf.lock().unwrap(), second: d.desk.lock().unwrap() };
    if b {
        drop(keepers.first);
        at::<1>();
    } else {
        at::<2>();
    }
    at::<3>();
}

pub fn whole_after_a_branch(d: &Depot, b: bool) {
    let mut t = (d.rack.lock(), 1);
    if b {
        t = (d.rack.lock(), 2);
        at::<1>();
    }
    at::<2>();
    drop(t);
    at::<3>();
}

pub fn tuple_from_branches(d: &Depot, b: bool) {
    let (g, n) = if b { (d.rack.lock(), 1) } else { at::<1>(); (d.rack.lock(), 2) };
    at::<2>();
    drop(g);
    at::<3>();
}

pub fn guards_swapped(d: &Depot) {
    let mut a = Some(d.rack.lock());
    let mut b = None;
    mem::swap(&mut a, &mut b);
    at::<1>();
    drop(a);
    drop(b);
    at::<2>();
}

pub fn variable_in_a_tuple_that_is_not_bound(d: &Depot) {
    let g = d.rack.lock();
    let (_, n) = (g, 1);
    at::<1>();
}

pub fn variable_in_a_match_on_a_tuple(d: &Depot) {
    let g = d.rack.lock();
    match (g, 1) {
        (_, 0) => at::<1>(),
        (_, n) => at::<2>(),
    }
    at::<3>();
}

pub fn variable_in_a_struct_that_is_not_bound(d: &Depot) {
    let guard = d.shelf.lock().unwrap();
    let Keeper { n, .. } = (Keeper { guard, n: 1 });
    at::<1>();
}
