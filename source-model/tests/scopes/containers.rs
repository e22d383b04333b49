//! Guards in options, collections and boxes.

use crate::support::*;

pub fn option_taken(d: &Depot) {
    let mut slot = Some(d.rack.lock());
    at::<1>();
    let g = slot.take();
    at::<2>();
    drop(g);
    at::<3>();
}

pub fn option_taken_and_dropped(d: &Depot) {
    let mut slot = Some(d.rack.lock());
    drop(slot.take());
    at::<1>();
}

pub fn option_taken_as_a_statement(d: &Depot) {
    let mut slot = Some(d.rack.lock());
    slot.take();
    at::<1>();
}

pub fn option_filled_later(d: &Depot, b: bool) {
    let mut slot = None;
    at::<1>();
    if b {
        slot = Some(d.rack.lock());
        at::<2>();
    }
    at::<3>();
    drop(slot);
    at::<4>();
}

pub fn option_set_to_none(d: &Depot) {
    let mut slot = Some(d.rack.lock());
    slot = None;
    at::<1>();
}

pub fn option_matched(d: &Depot) {
    let slot = Some(d.rack.lock());
    if let Some(g) = slot {
        at::<1>();
        drop(g);
        at::<2>();
    }
    at::<3>();
}

pub fn option_matched_by_reference(d: &Depot) {
    let slot = Some(d.rack.lock());
    if let Some(g) = &slot {
        at::<1>();
    }
    at::<2>();
    if let Some(ref g) = slot {
        at::<3>();
    }
    at::<4>();
    drop(slot);
    at::<5>();
}

pub fn option_unwrapped(d: &Depot) {
    let slot = Some(d.rack.lock());
    let g = slot.unwrap();
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn option_as_ref(d: &Depot) {
    let slot = d.rack.try_lock();
    if slot.as_ref().is_some() {
        at::<1>();
    }
    at::<2>();
}

pub fn option_replaced(d: &Depot) {
    let mut slot = Some(d.rack.lock());
    let old = slot.replace(d.make_rack());
    at::<1>();
    drop(old);
    at::<2>();
    drop(slot);
    at::<3>();
}

impl Depot {
    fn make_rack(&self) -> parking_lot::MutexGuard<'_, Shelf> {
        self.rack.lock()
    }
}

pub fn mem_take(d: &Depot) {
    let mut slot = Some(d.rack.lock());
    let g = mem::take(&mut slot);
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn mem_replace(d: &Depot) {
    let mut g = d.rack.lock();
    let old = mem::replace(&mut g, d.rack.lock());
    at::<1>();
    drop(old);
    at::<2>();
    drop(g);
    at::<3>();
}

pub fn mem_replace_with_none(d: &Depot) {
    let mut slot = Some(d.rack.lock());
    drop(mem::replace(&mut slot, None));
    at::<1>();
}

pub fn vec_of_one(d: &Depot) {
    let guards = vec![d.rack.lock()];
    at::<1>();
    drop(guards);
    at::<2>();
}

pub fn vec_pushed(d: &Depot) {
    let mut guards = Vec::new();
    at::<1>();
    guards.push(d.rack.lock());
    at::<2>();
    drop(guards);
    at::<3>();
}

pub fn vec_ends_with_its_block(d: &Depot) {
    {
        let mut guards = Vec::new();
        guards.push(d.rack.lock());
        at::<1>();
    }
    at::<2>();
}

pub fn vec_cleared(d: &Depot) {
    let mut guards = vec![d.rack.lock()];
    guards.clear();
    at::<1>();
}

pub fn vec_truncated(d: &Depot) {
    let mut guards = vec![d.rack.lock()];
    guards.truncate(0);
    at::<1>();
}

pub fn vec_popped(d: &Depot) {
    let mut guards = vec![d.rack.lock()];
    let g = guards.pop();
    at::<1>();
    drop(guards);
    at::<2>();
}

pub fn vec_filled_in_a_loop(d: &Depot) {
    let mut guards = Vec::new();
    for x in 0..3 {
        at::<1>();
        guards.push(d.rack.lock());
        at::<2>();
    }
    at::<3>();
    drop(guards);
    at::<4>();
}

pub fn array(d: &Depot) {
    let guards = [d.rack.lock(), d.rack.lock()];
    at::<1>();
    drop(guards);
    at::<2>();
}

pub fn array_destructured(d: &Depot) {
    let [a, b] = [d.rack.lock(), d.rack.lock()];
    at::<1>();
    drop(a);
    drop(b);
    at::<2>();
}

pub fn array_partly_destructured(d: &Depot) {
    let [a, ..] = [d.rack.lock(), d.rack.lock()];
    at::<1>();
    drop(a);
    at::<2>();
}

pub fn boxed_moved(d: &Depot) {
    let b = Box::new(d.rack.lock());
    at::<1>();
    drop(b);
    at::<2>();
}

pub fn unboxed(d: &Depot) {
    let b = Box::new(d.rack.lock());
    let g = *b;
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn counted(d: &Depot) {
    let a = Rc::new(d.rack.lock());
    at::<1>();
    drop(a);
    at::<2>();
}

pub fn option_inserted(d: &Depot) {
    let mut slot = None;
    at::<1>();
    slot.insert(d.rack.lock()).add(1);
    at::<2>();
    slot = None;
    at::<3>();
}

pub fn option_taken_in_a_condition(d: &Depot) {
    let mut slot = Some(d.rack.lock());
    if let Some(g) = slot.take() {
        at::<1>();
        drop(g);
        at::<2>();
    }
    at::<3>();
}

pub fn option_in_a_loop(d: &Depot, b: bool) {
    let mut slot = None;
    while cold() {
        at::<1>();
        if cold() {
            slot = Some(d.rack.lock());
        } else {
            slot.take();
            at::<2>();
        }
    }
    at::<3>();
}

pub fn option_through_a_reference(d: &Depot) {
    let mut slot = Some(d.rack.lock());
    let by_ref = &mut slot;
    drop(by_ref.take());
    at::<1>();
    *by_ref = Some(d.rack.lock());
    at::<2>();
    drop(slot);
    at::<3>();
}

pub fn option_of_an_option(d: &Depot) {
    let slot = Some(Some(d.rack.lock()));
    at::<1>();
    if let Some(Some(g)) = slot {
        drop(g);
        at::<2>();
    }
    at::<3>();
}

pub fn option_joined_with_none_first(d: &Depot, b: bool) {
    let slot = if b { None } else { Some(d.rack.lock()) };
    at::<1>();
    drop(slot);
    at::<2>();
}

pub fn option_matched_mutably(d: &Depot) {
    let mut slot = Some(d.rack.lock());
    if let Some(g) = &mut slot {
        g.add(1);
        at::<1>();
    }
    match slot.as_mut() {
        Some(g) => at::<2>(),
        None => {}
    }
    drop(slot);
    at::<4>();
}

pub fn vec_in_a_struct(d: &Depot) {
    let mut keeper = KeeperOfMany { guards: Vec::new() };
    at::<1>();
    keeper.guards.push(d.rack.lock());
    at::<2>();
    keeper.guards.clear();
    at::<3>();
    keeper.guards.push(d.rack.lock());
    drop(keeper);
    at::<4>();
}

pub struct KeeperOfMany<'a> {
    pub guards: Vec<parking_lot::MutexGuard<'a, Shelf>>,
}

pub fn vec_of_tuples(d: &Depot) {
    let mut guards = Vec::new();
    guards.push((d.rack.lock(), 1));
    at::<1>();
    drop(guards);
    at::<2>();
}

pub fn vec_popped_to_the_end(d: &Depot) {
    let mut guards = vec![d.rack.lock()];
    drop(guards.pop());
    at::<1>();
}

pub fn vec_moved(d: &Depot) {
    let mut guards = Vec::with_capacity(2);
    guards.push(d.rack.lock());
    let others = guards;
    at::<1>();
    drop(others);
    at::<2>();
}

pub fn vec_returned(d: &Depot) -> Vec<parking_lot::MutexGuard<'_, Shelf>> {
    let mut guards = Vec::new();
    guards.push(d.rack.lock());
    at::<1>();
    guards
}

pub fn queue(d: &Depot) {
    let mut guards = std::collections::VecDeque::new();
    guards.push_back(d.rack.lock());
    at::<1>();
    guards.pop_front();
    at::<2>();
}

pub fn boxed_in_an_option(d: &Depot) {
    let slot = Some(Box::new(d.rack.lock()));
    at::<1>();
    drop(slot);
    at::<2>();
}

pub fn boxed_struct(d: &Depot) {
    let keeper = Box::new(Keeper { guard: d.shelf.lock().unwrap(), n: 1 });
    at::<1>();
    drop(keeper);
    at::<2>();
}

pub fn array_in_a_struct(d: &Depot) {
    let keepers = [Keeper { guard: d.shelf.lock().unwrap(), n: 1 }];
    at::<1>();
    let [Keeper { guard, .. }] = keepers;
    at::<2>();
    drop(guard);
    at::<3>();
}

pub fn dynamic(d: &Depot) {
    let b: Box<dyn std::ops::Deref<Target = Shelf> + '_> = Box::new(d.rack.lock());
    at::<1>();
    drop(b);
    at::<2>();
}
