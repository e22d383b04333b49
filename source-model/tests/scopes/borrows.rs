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

pub fn tuple_of_a_guard(d: &Depot) {
    let v = &(d.rack.lock(), 1);
    at::<1>();
}

pub fn struct_of_a_guard(d: &Depot) {
    let v = &Keeper { guard: d.shelf.lock().unwrap(), n: 1 };
    at::<1>();
}

pub fn borrow_within_a_borrowed_tuple(d: &Depot) {
    let v = &(&d.rack.lock().label, 1);
    at::<1>();
}

pub fn field_of_a_borrowed_tuple(d: &Depot) {
    let v = &(d.rack.lock(), 1).1;
    at::<1>();
}

pub fn borrow_within_a_constructor(d: &Depot) {
    let n = Some(&d.rack.lock().label).copied();
    at::<1>();
}

pub fn borrow_of_a_result(d: &Depot) {
    let v = &make_shelf(d).boxes;
    at::<1>();
}

pub fn borrow_of_a_method_on_a_guard(d: &Depot) {
    let n = &d.rack.lock().count();
    at::<1>();
}

pub fn borrow_in_a_match_scrutinee(d: &Depot) {
    match &d.rack.lock().first() {
        Some(x) => at::<1>(),
        None => at::<2>(),
    }
    at::<3>();
}

pub fn borrow_in_an_inner_block_of_a_branch(d: &Depot, b: bool) {
    let v = if b { let n = 1; at::<1>(); &d.rack.lock().label } else { at::<2>(); &7 };
    at::<3>();
}

pub fn borrow_in_a_branch_with_else_if(d: &Depot, n: u32) {
    let v = if n == 0 { &1 } else if n == 1 { &d.rack.lock().label } else { &d.shelf.lock().unwrap().label };
    at::<1>();
}

pub fn borrow_in_an_arm_with_a_guard(d: &Depot, n: u32) {
    let v = match n { 0 if d.tray.read().count_ones() > 1 => &1, _ => &d.rack.lock().label };
    at::<1>();
}

pub fn borrow_in_a_labelled_block(d: &Depot) {
    let v = 'block: { if cold() { break 'block &3; } &d.rack.lock().label };
    at::<1>();
}

pub fn borrow_of_a_match_scrutinee_in_an_initialiser(d: &Depot) {
    let n = match &d.rack.lock().first() { Some(x) => *x, None => 0 };
    at::<1>();
}

pub fn borrow_within_an_index(d: &Depot) {
    let v = &d.rack.lock().boxes[d.tray.read().count_ones() as usize];
    at::<1>();
}

pub fn borrow_of_a_dereferenced_call(d: &Depot) {
    let v = &*lend(&d.rack.lock()).boxes.clone();
    at::<1>();
}

pub fn format_arguments_in_a_let(d: &Depot) {
    let n = format_args!("{}", 1).to_string();
    let text = format!("{}", format_args!("{}", d.rack.lock().label));
    at::<1>();
}

pub fn pin_of_a_block(d: &Depot) {
    let p = std::pin::pin!({ at::<1>(); d.rack.lock() });
    at::<2>();
}
