//! Closures that capture guards.

use crate::support::*;

pub fn captured_by_move(d: &Depot) {
    let g = d.rack.lock();
    let f = move || g.count();
    at::<1>();
    drop(f);
    at::<2>();
}

pub fn captured_by_move_and_called(d: &Depot) {
    let g = d.rack.lock();
    let f = move || { at::<1>(); g.count() };
    f();
    at::<2>();
}

pub fn captured_by_reference(d: &Depot) {
    let g = d.rack.lock();
    let f = || g.count();
    f();
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn captured_by_use(d: &Depot) {
    let g = d.rack.lock();
    let f = || drop(g);
    at::<1>();
    f();
    at::<2>();
}

pub fn captured_and_never_called(d: &Depot) {
    let g = d.rack.lock();
    {
        let f = || drop(g);
        at::<1>();
    }
    at::<2>();
}

pub fn called_once(d: &Depot) {
    let g = d.rack.lock();
    let f = move || { let inner = g; inner.count() };
    at::<1>();
    f();
    at::<2>();
}

pub fn boxed_closure(d: &Depot) {
    let g = d.rack.lock();
    let f: Box<dyn Fn() -> u32 + '_> = Box::new(move || g.count());
    at::<1>();
    drop(f);
    at::<2>();
}

pub fn own_guard(d: &Depot) {
    let f = || {
        let g = d.rack.lock();
        at::<1>();
    };
    at::<2>();
    f();
    at::<3>();
}

pub fn expression_body(d: &Depot) {
    let f = || pair(d.rack.lock().count(), { at::<1>(); 1 });
    f();
    at::<2>();
}

pub fn in_an_argument(d: &Depot, o: Option<u32>) {
    let n = o.map(|x| d.rack.lock().count() + { at::<1>(); x });
    at::<2>();
}

pub fn returns_a_guard(d: &Depot) {
    let f = || d.rack.lock();
    at::<1>();
}

pub fn move_of_a_reference(d: &Depot) {
    let g = d.rack.lock();
    let r = &g;
    let f = move || r.count();
    f();
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn moved_field(d: &Depot) {
    let keepers = KeeperOfTwo { first: d.shelf.lock().unwrap(), second: d.desk.lock().unwrap() };
    let f = move || keepers.first.count();
    at::<1>();
    drop(f);
    at::<2>();
}

pub fn held_around_a_closure(d: &Depot, o: Option<u32>) {
    let g = d.rack.lock();
    o.map(|x| pair(x, g.count()));
    at::<1>();
}
