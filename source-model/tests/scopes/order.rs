//! The order of evaluation.

use crate::support::*;

pub fn right_side_first(d: &Depot) {
    *d.tray.write() = { at::<1>(); 1 };
    d.rack.lock().label = { at::<2>(); 2 };
    at::<3>();
}

pub fn right_side_is_held_for_the_left(d: &Depot) {
    *{ at::<1>(); d.tray.write() } = d.rack.lock().count();
    at::<2>();
}

pub fn place_of_an_assignment(d: &Depot, list: &mut [u32]) {
    list[{ at::<1>(); 0 }] = d.rack.lock().count();
    at::<2>();
}

pub fn compound_assignment_of_scalars(d: &Depot) {
    *d.tray.write() += { at::<1>(); 1 };
    d.rack.lock().label += { at::<2>(); d.shelf.lock().unwrap().count() };
    at::<3>();
}

pub fn compound_assignment_of_scalars_by_index(d: &Depot, list: &mut Vec<u32>) {
    list[{ at::<1>(); 0 }] += d.rack.lock().count();
    at::<2>();
}

pub fn compound_assignment_overloaded(d: &Depot, tallies: &mut Vec<Tally>) {
    tallies[{ at::<1>(); 0 }] += d.rack.lock().count();
    at::<2>();
}

pub fn receiver_before_arguments(d: &Depot) {
    d.rack.lock().named({ at::<1>(); 1 }, d.tray.read().count_ones() + { at::<2>(); 1 });
    at::<3>();
}

pub fn arguments_from_left_to_right(d: &Depot) {
    triple({ at::<1>(); 1 }, d.rack.lock().count(), { at::<2>(); 1 });
}

pub fn operands_from_left_to_right(d: &Depot) {
    let n = { at::<1>(); 1 } + d.rack.lock().count() + { at::<2>(); 1 };
    at::<3>();
}

pub fn operands_of_an_overloaded_operator(d: &Depot) {
    let n = Tally(d.rack.lock().count()) + { at::<1>(); 1 };
    at::<2>();
}

pub fn operands_of_a_comparison(d: &Depot) {
    let n = d.rack.lock().count() < { at::<1>(); 1 };
    at::<2>();
}

pub fn elements_of_a_tuple(d: &Depot) {
    let t = ({ at::<1>(); 1 }, d.rack.lock().count(), { at::<2>(); 1 });
    at::<3>();
}

pub fn fields_as_written(d: &Depot) {
    let t = (View2 { b: d.rack.lock().count(), a: { at::<1>(); 1 } }, { at::<2>(); 1 });
    at::<3>();
}

pub struct View2 {
    pub a: u32,
    pub b: u32,
}

pub fn array_elements(d: &Depot) {
    let t = [{ at::<1>(); 1 }, d.rack.lock().count(), { at::<2>(); 1 }];
    at::<3>();
}

pub fn index_after_base(d: &Depot) {
    let n = d.rack.lock().boxes[{ at::<1>(); 0 }] + { at::<2>(); 1 };
    at::<3>();
}

pub fn range_bounds(d: &Depot) {
    let r = d.rack.lock().count()..{ at::<1>(); 3 };
    at::<2>();
}

pub fn guards_in_one_statement(d: &Depot) {
    let n = d.rack.lock().count() + *d.tray.read() + { at::<1>(); 1 };
    at::<2>();
}

pub fn method_chain(d: &Depot) {
    let n = d.rack.lock().first().unwrap_or({ at::<1>(); 1 }).max({ at::<2>(); 2 });
    at::<3>();
}

pub fn callee_before_arguments(d: &Depot) {
    let n = (if d.rack.lock().count() > 0 { pair } else { pair })({ at::<1>(); 1 }, d.tray.read().count_ones() + { at::<2>(); 1 });
}

pub fn negation(d: &Depot) {
    let n = !d.rack.lock().boxes.is_empty() & { at::<1>(); true };
    at::<2>();
}

pub fn repeat(d: &Depot) {
    let n = ([d.rack.lock().count(); 3], { at::<1>(); 1 });
    at::<2>();
}

pub fn swap(d: &Depot) {
    mem::swap(&mut d.rack.lock().label, &mut { at::<1>(); 3 });
    at::<2>();
}
