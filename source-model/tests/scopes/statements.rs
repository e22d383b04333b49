//! Temporaries of statements, and variables.

use crate::support::*;

pub fn let_of_a_value(d: &Depot) {
    let n = d.shelf.lock().unwrap().count();
    at::<1>();
}

pub fn expression_statement(d: &Depot) {
    d.shelf.lock().unwrap().add({ at::<1>(); 1 });
    at::<2>();
}

pub fn assignment(d: &Depot) {
    let n;
    n = d.shelf.lock().unwrap().count();
    at::<1>();
}

pub fn argument(d: &Depot) {
    pair(d.shelf.lock().unwrap().count(), { at::<1>(); 2 });
    at::<2>();
}

pub fn wildcard(d: &Depot) {
    let _ = d.rack.lock();
    at::<1>();
    let _ = d.shelf.lock().unwrap();
    at::<2>();
}

pub fn wildcard_assignment(d: &Depot) {
    _ = d.rack.lock();
    at::<1>();
}

pub fn wildcard_of_a_variable(d: &Depot) {
    let g = d.rack.lock();
    let _ = g;
    at::<1>();
}

pub fn wildcard_in_a_tuple(d: &Depot) {
    let (_, n) = (d.rack.lock(), 1);
    at::<1>();
}

pub fn wildcard_in_a_function_result(d: &Depot) {
    let (_, n) = make_shelf_first(d);
    at::<1>();
}

pub fn make_shelf_first(d: &Depot) -> (MutexGuard<'_, Shelf>, u32) {
    (d.shelf.lock().unwrap(), 1)
}

pub fn underscore_name(d: &Depot) {
    let _g = d.rack.lock();
    at::<1>();
}

pub fn shadowing(d: &Depot) {
    let g = d.rack.lock();
    at::<1>();
    let g = 5;
    at::<2>();
}

pub fn shadowing_by_a_guard(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    let g = d.desk.lock().unwrap();
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn shadowing_in_a_block(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    {
        let g = d.desk.lock().unwrap();
        at::<1>();
    }
    at::<2>();
}

pub fn reassigned(d: &Depot) {
    let mut g = d.rack.lock();
    at::<1>();
    g = { at::<2>(); d.rack.lock() };
    at::<3>();
    drop(g);
    at::<4>();
}

pub fn reassigned_after_a_drop(d: &Depot) {
    let mut g = d.rack.lock();
    drop(g);
    at::<1>();
    g = d.rack.lock();
    at::<2>();
}

pub fn declared_first(d: &Depot) {
    let g;
    at::<1>();
    g = d.rack.lock();
    at::<2>();
}

pub fn declared_outside(d: &Depot, b: bool) {
    let g;
    {
        g = d.rack.lock();
        at::<1>();
    }
    at::<2>();
}

pub fn assigned_on_one_path(d: &Depot, b: bool) {
    let g;
    if b {
        g = d.rack.lock();
        at::<1>();
    }
    at::<2>();
}

pub fn block(d: &Depot) {
    {
        let g = d.rack.lock();
        at::<1>();
    }
    at::<2>();
}

pub fn block_as_value(d: &Depot) {
    let n = {
        let g = d.rack.lock();
        at::<1>();
        g.count()
    };
    at::<2>();
}

pub fn tail_of_a_block(d: &Depot) {
    let n = { let _noisy = Noisy(1); d.rack.lock().count() } + { at::<1>(); 1 };
    at::<2>();
}

pub fn tail_of_nested_blocks(d: &Depot) {
    let n = pair({ { { d.rack.lock().count() } } }, { at::<1>(); 1 });
    at::<2>();
}

pub fn tail_of_a_block_statement(d: &Depot) {
    { d.rack.lock().count() };
    at::<1>();
}

pub fn guard_as_the_value_of_a_block(d: &Depot) {
    let g = { at::<1>(); d.rack.lock() };
    at::<2>();
}

pub fn guard_moved_out_of_a_block(d: &Depot) {
    let g = {
        let inner = d.rack.lock();
        at::<1>();
        inner
    };
    at::<2>();
}

pub fn guard_moved_out_of_nested_blocks(d: &Depot) {
    let g = { { let inner = d.rack.lock(); { inner } } };
    at::<1>();
}

pub fn unsafe_block(d: &Depot) {
    let n = unsafe { d.rack.lock().count() };
    at::<1>();
    let g = unsafe { d.rack.lock() };
    at::<2>();
}

pub fn two_in_order(d: &Depot) {
    let a = d.shelf.lock().unwrap();
    let b = d.desk.lock().unwrap();
    at::<1>();
    drop(a);
    at::<2>();
    drop(b);
    at::<3>();
}

pub fn two_in_the_other_order(d: &Depot) {
    let a = d.shelf.lock().unwrap();
    let b = d.desk.lock().unwrap();
    drop(b);
    at::<1>();
    drop(a);
    at::<2>();
}

pub fn two_temporaries(d: &Depot) {
    let n = pair(d.shelf.lock().unwrap().count(), d.desk.lock().unwrap().map_or(0, |x| x) + { at::<1>(); 1 });
    at::<2>();
}

pub fn format_arguments(d: &Depot) {
    println!("{} {}", d.shelf.lock().unwrap().count(), { at::<1>(); 1 });
    at::<2>();
}

pub fn format_value(d: &Depot) {
    let text = format!("{}", d.rack.lock().count());
    at::<1>();
}

pub fn assert_arguments(d: &Depot) {
    assert_eq!(d.rack.lock().count(), { at::<1>(); 0 });
    at::<2>();
    assert!(d.rack.lock().count() == 0, "text {}", { at::<3>(); 1 });
    at::<4>();
}

pub fn dereferenced(d: &Depot) {
    let n = *d.tray.read();
    at::<1>();
    *d.tray.write() = { at::<2>(); 3 };
    at::<4>();
}

pub fn cast(d: &Depot) {
    let n = d.rack.lock().count() as u64;
    at::<1>();
}

pub fn returned_temporary(d: &Depot) -> u32 {
    let _noisy = Noisy(1);
    return d.rack.lock().count() + { at::<1>(); 1 };
}

pub fn drop_by_path(d: &Depot) {
    let g = d.rack.lock();
    std::mem::drop(g);
    at::<1>();
    let g = d.rack.lock();
    mem::drop(g);
    at::<2>();
}

pub fn drop_of_a_temporary(d: &Depot) {
    drop(d.rack.lock());
    at::<1>();
}

pub fn drop_of_a_reference(d: &Depot) {
    let g = d.rack.lock();
    drop(&g);
    at::<1>();
}

pub fn conditional_drop(d: &Depot, b: bool) {
    let g = d.rack.lock();
    if b {
        drop(g);
        at::<1>();
    } else {
        at::<2>();
    }
    at::<3>();
}

pub fn conditional_drop_ends_with_the_block(d: &Depot, b: bool) {
    {
        let g = d.rack.lock();
        if b {
            drop(g);
        }
        at::<1>();
    }
    at::<2>();
}

pub fn drop_on_both_paths(d: &Depot, b: bool) {
    let g = d.rack.lock();
    if b {
        drop(g);
    } else {
        drop(g);
    }
    at::<1>();
}

pub fn drop_within_an_expression(d: &Depot) {
    let g = d.rack.lock();
    pair({ drop(g); 1 }, { at::<1>(); 2 });
    at::<2>();
}

pub fn given_away(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    sink(g);
    at::<1>();
}

pub fn returned_by_a_function(d: &Depot) {
    let g = make_shelf(d);
    at::<1>();
    drop(g);
    at::<2>();
    make_shelf(d).add({ at::<3>(); 1 });
    at::<4>();
}

pub fn returned_guard(d: &Depot) -> parking_lot::MutexGuard<'_, Shelf> {
    let g = d.rack.lock();
    at::<1>();
    g
}

pub fn early_return(d: &Depot, b: bool) -> u32 {
    let g = d.rack.lock();
    if b {
        return { at::<1>(); 1 };
    }
    at::<2>();
    0
}

pub fn question_mark(d: &Depot, o: Option<u32>) -> Option<u32> {
    let g = d.rack.lock();
    let x = o?;
    at::<1>();
    drop(g);
    let y = o?;
    at::<2>();
    Some(x + y)
}

pub fn question_mark_on_a_temporary(d: &Depot) -> Option<u32> {
    let x = d.rack.lock().first()?;
    at::<1>();
    Some(pair(d.rack.lock().first()?, { at::<2>(); 1 }))
}

pub fn question_mark_on_a_guard(d: &Depot) -> Option<u32> {
    let g = d.rack.try_lock()?;
    at::<1>();
    drop(g);
    at::<2>();
    None
}

pub fn diverging_calls(d: &Depot, n: u32) {
    let g = d.rack.lock();
    match n {
        0 => panic!("no"),
        1 => unreachable!(),
        2 => never(),
        3 => loop {},
        4 => std::process::exit(1),
        5 => return,
        6 => drop(g),
        _ => todo!(),
    }
    at::<1>();
}

