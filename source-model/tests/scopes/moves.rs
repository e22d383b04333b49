//! Guards that move: into structs and tuples, into functions, and out of them.

use crate::support::*;

pub fn into_a_struct(d: &Depot) {
    let keeper = Keeper { guard: d.shelf.lock().unwrap(), n: 1 };
    at::<1>();
    drop(keeper);
    at::<2>();
}

pub fn variable_into_a_struct(d: &Depot) {
    let guard = d.shelf.lock().unwrap();
    let keeper = Keeper { guard, n: 1 };
    at::<1>();
    {
        let inner = keeper;
        at::<2>();
    }
    at::<3>();
}

pub fn into_a_tuple_struct(d: &Depot) {
    let keeper = KeeperTuple(d.shelf.lock().unwrap(), 1);
    at::<1>();
    drop(keeper.0);
    at::<2>();
}

pub fn out_of_a_struct(d: &Depot) {
    let keeper = Keeper { guard: d.shelf.lock().unwrap(), n: 1 };
    let guard = keeper.guard;
    at::<1>();
    drop(guard);
    at::<2>();
}

pub fn field_dropped(d: &Depot) {
    let keepers = KeeperOfTwo { first: d.shelf.lock().unwrap(), second: d.desk.lock().unwrap() };
    at::<1>();
    drop(keepers.first);
    at::<2>();
    drop(keepers.second);
    at::<3>();
}

pub fn field_moved_out(d: &Depot) {
    let second;
    {
        let keepers = KeeperOfTwo { first: d.shelf.lock().unwrap(), second: d.desk.lock().unwrap() };
        second = keepers.second;
        at::<1>();
    }
    at::<2>();
}

pub fn destructured(d: &Depot) {
    let keeper = Keeper { guard: d.shelf.lock().unwrap(), n: 1 };
    let Keeper { guard, n } = keeper;
    at::<1>();
    drop(guard);
    at::<2>();
}

pub fn destructured_with_rest(d: &Depot) {
    let keepers = KeeperOfTwo { first: d.shelf.lock().unwrap(), second: d.desk.lock().unwrap() };
    let KeeperOfTwo { first, .. } = keepers;
    drop(first);
    at::<1>();
    drop(keepers.second);
    at::<2>();
}

pub fn field_assigned(d: &Depot) {
    let mut keeper = Keeper { guard: d.shelf.lock().unwrap(), n: 1 };
    drop(keeper.guard);
    at::<1>();
    keeper.guard = d.shelf.lock().unwrap();
    at::<2>();
    drop(keeper);
    at::<3>();
}

pub fn field_replaced(d: &Depot) {
    let mut keeper = Keeper { guard: d.shelf.lock().unwrap(), n: 1 };
    keeper.guard = { at::<1>(); d.shelf.lock().unwrap() };
    at::<2>();
}

pub fn optional_field_filled(d: &Depot) {
    let mut keeper = KeeperOption { slot: None };
    at::<1>();
    keeper.slot = Some(d.shelf.lock().unwrap());
    at::<2>();
    keeper.slot = None;
    at::<3>();
}

pub fn optional_field_taken(d: &Depot) {
    let mut keeper = KeeperOption { slot: Some(d.shelf.lock().unwrap()) };
    at::<1>();
    drop(keeper.slot.take());
    at::<2>();
}

pub fn functional_update(d: &Depot) {
    let keeper = Keeper { guard: d.shelf.lock().unwrap(), n: 1 };
    let other = Keeper { n: 2, ..keeper };
    at::<1>();
    drop(other);
    at::<2>();
}

pub fn into_a_tuple(d: &Depot) {
    let t = (d.rack.lock(), 1);
    at::<1>();
    drop(t);
    at::<2>();
}

pub fn tuple_destructured(d: &Depot) {
    let (a, b) = (d.rack.lock(), d.tray.read());
    at::<1>();
    drop(a);
    at::<2>();
}

pub fn tuple_field_dropped(d: &Depot) {
    let t = (d.rack.lock(), d.tray.read());
    drop(t.0);
    at::<1>();
    drop(t.1);
    at::<2>();
}

pub fn tuple_field_moved(d: &Depot) {
    let a;
    {
        let t = (d.rack.lock(), d.tray.read());
        a = t.0;
        at::<1>();
    }
    at::<2>();
}

pub fn tuple_partly_destructured(d: &Depot) {
    let t = (d.rack.lock(), d.tray.read());
    let (a, _) = t;
    drop(a);
    at::<1>();
}

pub fn nested_tuple(d: &Depot) {
    let t = ((d.rack.lock(), 1), d.tray.read());
    let ((a, n), b) = t;
    drop(a);
    at::<1>();
    drop(b);
    at::<2>();
}

pub fn tuple_through_a_function(d: &Depot) {
    let (g, n) = make_shelf_pair(d);
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn make_shelf_pair(d: &Depot) -> (MutexGuard<'_, Shelf>, u32) {
    (d.shelf.lock().unwrap(), 1)
}

pub fn forgotten(d: &Depot) {
    let g = d.rack.lock();
    mem::forget(g);
    at::<1>();
}

pub fn forgotten_in_a_block(d: &Depot) {
    {
        mem::forget(d.rack.lock());
    }
    at::<1>();
}

pub fn manually_dropped(d: &Depot) {
    {
        let g = ManuallyDrop::new(d.rack.lock());
        at::<1>();
    }
    at::<2>();
}

pub fn returned_in_a_result(d: &Depot) -> Result<MutexGuard<'_, Shelf>, u32> {
    let g = d.shelf.lock().map_err(|_| 1_u32)?;
    at::<1>();
    Ok(g)
}

pub fn returned_in_an_option(d: &Depot) -> Option<parking_lot::MutexGuard<'_, Shelf>> {
    let g = d.rack.try_lock()?;
    at::<1>();
    if g.count() > 3 { Some(g) } else { at::<2>(); None }
}

pub fn by_ok(d: &Depot) {
    let g = d.shelf.lock().ok();
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn mapped(d: &Depot) {
    let g = d.rack.lock();
    let m = parking_lot::MutexGuard::map(g, |shelf| &mut shelf.label);
    at::<1>();
    drop(m);
    at::<2>();
}

pub fn mapped_temporary(d: &Depot) {
    let m = parking_lot::MutexGuard::map(d.rack.lock(), |shelf| &mut shelf.boxes);
    at::<1>();
}

pub fn owned(d: &Depot) {
    let g = d.yard.lock_arc();
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn upgraded(d: &Depot) {
    let g = d.tray.upgradable_read();
    at::<1>();
    let g = parking_lot::RwLockUpgradableReadGuard::upgrade(g);
    at::<2>();
    let g = parking_lot::RwLockWriteGuard::downgrade(g);
    at::<3>();
    drop(g);
    at::<4>();
}

pub fn condition_variable(d: &Depot) {
    let mut g = d.shelf.lock().unwrap();
    while g.count() > 0 {
        at::<1>();
        g = d.bell.wait(g).unwrap();
        at::<2>();
    }
    at::<3>();
    drop(g);
    at::<4>();
}

pub fn condition_variable_with_timeout(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    let (g, timeout) = d.bell.wait_timeout(g, std::time::Duration::from_secs(1)).unwrap();
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn condition_variable_while(d: &Depot) {
    let g = d.bell.wait_while(d.shelf.lock().unwrap(), |shelf| shelf.count() > 0).unwrap();
    at::<1>();
}

pub fn lent_mutably(d: &Depot) {
    let mut g = d.rack.lock();
    let r = &mut g;
    r.add(1);
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn moved_then_shadowed(d: &Depot) {
    let g = d.rack.lock();
    let g = Some(g);
    at::<1>();
    let g = g.is_some();
    at::<2>();
}

pub fn read_and_write(d: &Depot) {
    let r = d.rate.read().unwrap();
    at::<1>();
    drop(r);
    let w = d.rate.write().unwrap();
    at::<2>();
    drop(w);
    at::<3>();
}
