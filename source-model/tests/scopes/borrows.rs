//! Temporaries that a borrow extends to the end of the block, and those it does not.

use crate::support::*;

pub fn field(d: &Depot) {
    let v = &d.rack.lock().boxes;
    at::<1>();
}

pub fn whole(d: &Depot) {
    let g = &d.rack.lock();
    at::<1>();
    let g = &mut d.shelf.lock().unwrap();
    at::<2>();
}

pub fn dereferenced_borrowed(d: &Depot) {
    let v = &*d.rack.lock();
    at::<1>();
}

pub fn dereferenced_mutably(d: &Depot) {
    let v = &mut *d.tray.write();
    *v += 1;
    at::<1>();
}

pub fn twice(d: &Depot) {
    let v = &&d.rack.lock().boxes;
    at::<1>();
}

pub fn ends_with_its_block(d: &Depot) {
    {
        let v = &d.rack.lock().boxes;
        at::<1>();
    }
    at::<2>();
}

pub fn index(d: &Depot) {
    let v = &d.rack.lock().boxes[0];
    at::<1>();
}

pub fn index_operand(d: &Depot, list: &[u32]) {
    let v = &list[d.rack.lock().count() as usize];
    at::<1>();
}

pub fn slice(d: &Depot) {
    let v = &d.rack.lock().boxes[1..];
    at::<1>();
}

pub fn in_a_tuple(d: &Depot) {
    let (v, n) = (&d.rack.lock().boxes, 1);
    at::<1>();
}

pub fn in_an_array(d: &Depot) {
    let v = [&d.rack.lock().label];
    at::<1>();
}

pub fn in_a_struct(d: &Depot) {
    let v = View { shelf: &d.rack.lock(), n: 1 };
    at::<1>();
}

pub fn in_a_struct_in_a_tuple(d: &Depot) {
    let v = (View { shelf: &d.rack.lock(), n: 1 }, [&d.tray.read()]);
    at::<1>();
}

pub fn in_a_cast(d: &Depot) {
    let v = &d.rack.lock().label as &dyn std::fmt::Display;
    at::<1>();
}

pub fn in_parentheses(d: &Depot) {
    let v = (&(d.rack.lock()).boxes);
    at::<1>();
}

pub fn in_the_tail_of_a_block(d: &Depot) {
    let v = { at::<1>(); &d.rack.lock().boxes };
    at::<2>();
}

pub fn in_the_tail_of_nested_blocks(d: &Depot) {
    let v = { { &d.rack.lock().boxes } };
    at::<1>();
}

pub fn as_argument(d: &Depot) {
    let n = look(&d.rack.lock());
    at::<1>();
}

pub fn as_argument_of_a_method(d: &Depot) {
    let n = Some(&d.rack.lock().label).is_some();
    at::<1>();
}

pub fn as_receiver(d: &Depot) {
    let n = (&d.rack.lock()).count();
    at::<1>();
}

pub fn within_the_operand(d: &Depot) {
    let n = &d.rack.lock().count();
    at::<1>();
}

pub fn of_a_call_with_a_temporary_argument(d: &Depot) {
    let n = &look(&d.rack.lock());
    at::<1>();
}

pub fn statement_without_let(d: &Depot) {
    &d.rack.lock().boxes;
    at::<1>();
}

pub fn ref_pattern(d: &Depot) {
    let ref v = d.rack.lock().boxes;
    at::<1>();
}

pub fn ref_pattern_of_a_guard(d: &Depot) {
    let ref g = d.rack.lock();
    at::<1>();
}

pub fn ref_pattern_in_a_tuple(d: &Depot) {
    let (ref g, n) = (d.rack.lock(), 1);
    at::<1>();
}

pub fn ref_mut_pattern(d: &Depot) {
    let ref mut g = d.rack.lock();
    at::<1>();
}

pub fn reference_pattern(d: &Depot) {
    let &n = &d.rack.lock().label;
    at::<1>();
}

pub fn let_else_is_not_extended_on_failure(d: &Depot) {
    let Some(x) = &*d.desk.lock().unwrap() else {
        at::<1>();
        return;
    };
    at::<2>();
}

pub fn pin_macro(d: &Depot) {
    let p = std::pin::pin!(d.rack.lock());
    at::<1>();
}

pub fn format_args_macro(d: &Depot) {
    println!("{}", format_args!("{}", d.rack.lock().count()));
    at::<1>();
}

pub fn assigned(d: &Depot) {
    let n;
    n = *&d.rack.lock().label;
    at::<1>();
}

pub fn promoted() {
    let v: &'static u32 = &7;
    at::<1>();
}

pub fn nested_let(d: &Depot) {
    let n = {
        let v = &d.rack.lock().boxes;
        at::<1>();
        v.len()
    };
    at::<2>();
}
