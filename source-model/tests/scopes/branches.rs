//! `if`, `if let`, `match` and `let .. else`.

use crate::support::*;

pub fn condition(d: &Depot) {
    if d.rack.lock().count() > 0 {
        at::<1>();
    } else {
        at::<2>();
    }
    at::<3>();
}

pub fn condition_of_a_chain(d: &Depot) {
    if d.rack.lock().count() > 0 {
        at::<1>();
    } else if d.tray.read().count_ones() > 0 {
        at::<2>();
    } else {
        at::<3>();
    }
}

pub fn condition_with_operators(d: &Depot) {
    if d.rack.lock().count() > 0 && { at::<1>(); cold() } || { at::<2>(); cold() } {
        at::<3>();
    }
    at::<4>();
}

pub fn negated_condition(d: &Depot) {
    if !d.rack.lock().boxes.is_empty() {
        at::<1>();
    }
}

pub fn condition_in_a_block(d: &Depot) {
    if { let g = d.rack.lock(); at::<1>(); g.count() > 0 } {
        at::<2>();
    }
}

pub fn lazy_operators_as_a_value(d: &Depot) {
    let n = d.rack.lock().count() > 0 && { at::<1>(); cold() };
    let n = cold() || d.rack.lock().count() > { at::<2>(); 0 };
    at::<3>();
}

pub fn lazy_operator_as_an_argument(d: &Depot) {
    let n = u32::from(cold() && d.rack.lock().count() > 0) + { at::<1>(); 1 };
}

pub fn if_let(d: &Depot) {
    if let Some(x) = d.rack.lock().first() {
        at::<1>();
    } else {
        at::<2>();
    }
    at::<3>();
}

pub fn if_let_chain_of_elses(d: &Depot) {
    if let Some(x) = d.rack.lock().first() {
        at::<1>();
    } else if let Some(y) = *d.desk.lock().unwrap() {
        at::<2>();
    } else {
        at::<3>();
    }
    at::<4>();
}

pub fn if_let_then_if(d: &Depot) {
    if let Some(x) = d.rack.lock().first() {
        at::<1>();
    } else if d.tray.read().count_ones() > 0 {
        at::<2>();
    } else {
        at::<3>();
    }
    at::<4>();
}

pub fn if_let_as_a_value(d: &Depot) {
    let n = if let Some(x) = d.rack.lock().first() { at::<1>(); x } else { at::<2>(); 0 };
    at::<3>();
}

pub fn if_let_as_a_tail(d: &Depot) -> u32 {
    let _noisy = Noisy(1);
    if let Some(x) = d.rack.lock().first() { at::<1>(); x } else { at::<2>(); 0 }
}

pub fn if_let_as_an_argument(d: &Depot) {
    pair(if let Some(x) = d.rack.lock().first() { x } else { 0 }, { at::<1>(); 1 });
}

pub fn if_let_of_a_guard(d: &Depot) {
    if let Some(g) = d.rack.try_lock() {
        at::<1>();
        drop(g);
        at::<2>();
    } else {
        at::<3>();
    }
    at::<4>();
}

pub fn if_let_ok_of_a_guard(d: &Depot) {
    if let Ok(g) = d.shelf.try_lock() {
        at::<1>();
    } else {
        at::<2>();
    }
    at::<3>();
}

pub fn if_let_wildcard_of_a_guard(d: &Depot) {
    if let Some(_) = d.rack.try_lock() {
        at::<1>();
    } else {
        at::<2>();
    }
    at::<3>();
}

pub fn if_let_reference(d: &Depot) {
    if let Some(x) = &*d.desk.lock().unwrap() {
        at::<1>();
    } else {
        at::<2>();
    }
}

pub fn if_let_of_a_cloned_value(d: &Depot) {
    let first = d.rack.lock().first();
    if let Some(x) = first {
        at::<1>();
    }
}

pub fn if_is_some(d: &Depot) {
    let g = d.rack.try_lock();
    if g.is_some() {
        at::<1>();
    } else {
        at::<2>();
    }
}

pub fn if_is_none_returns(d: &Depot) {
    let g = d.rack.try_lock();
    at::<1>();
    if g.is_none() {
        return;
    }
    at::<2>();
}

pub fn match_scrutinee(d: &Depot) {
    match d.rack.lock().count() {
        0 => at::<1>(),
        _ => at::<2>(),
    }
    at::<3>();
}

pub fn match_as_a_value(d: &Depot) {
    let n = match d.rack.lock().first() {
        Some(x) => { at::<1>(); x }
        None => { at::<2>(); 0 }
    };
    at::<3>();
}

pub fn match_as_a_tail(d: &Depot) -> u32 {
    let _noisy = Noisy(1);
    match d.rack.lock().first() {
        Some(x) => { at::<1>(); x }
        None => { at::<2>(); 0 }
    }
}

pub fn match_arm_temporaries(d: &Depot, b: bool) {
    let n = match b {
        true => d.rack.lock().count(),
        false => { at::<1>(); 0 }
    };
    at::<2>();
}

pub fn match_arm_in_an_expression(d: &Depot, b: bool) {
    let n = match b { true => d.rack.lock().count(), false => 0 } + { at::<1>(); 1 };
}

pub fn match_arm_moves_the_guard(d: &Depot, b: bool) {
    let g = d.rack.lock();
    match b {
        true => drop(g),
        false => at::<1>(),
    }
    at::<2>();
}

pub fn match_on_a_poisoned_lock(d: &Depot) {
    match d.shelf.lock() {
        Ok(g) => {
            at::<1>();
            drop(g);
            at::<2>();
        }
        Err(poisoned) => {
            at::<3>();
            drop(poisoned);
            at::<4>();
        }
    }
    at::<5>();
}

pub fn match_recovers_the_guard(d: &Depot) {
    let g = match d.shelf.lock() {
        Ok(g) => g,
        Err(poisoned) => poisoned.into_inner(),
    };
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn match_ignores_the_error(d: &Depot) {
    match d.shelf.lock() {
        Ok(g) => at::<1>(),
        Err(_) => at::<2>(),
    }
    at::<3>();
}

pub fn unwrap_or_else_recovers_the_guard(d: &Depot) {
    let g = d.shelf.lock().unwrap_or_else(PoisonError::into_inner);
    at::<1>();
    drop(g);
    let g = d.desk.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    at::<2>();
}

pub fn match_on_an_attempt(d: &Depot) {
    match d.rack.try_lock() {
        Some(g) => {
            at::<1>();
            drop(g);
            at::<2>();
        }
        None => at::<3>(),
    }
    at::<4>();
}

pub fn match_on_an_attempt_with_a_wildcard(d: &Depot) {
    match d.rack.try_lock() {
        Some(g) => at::<1>(),
        _ => at::<2>(),
    }
}

pub fn match_binds_the_whole(d: &Depot) {
    match d.rack.lock() {
        g => at::<1>(),
    }
    at::<2>();
}

pub fn match_by_reference(d: &Depot) {
    match &d.rack.lock().boxes {
        boxes if boxes.is_empty() => at::<1>(),
        boxes => at::<2>(),
    }
    at::<3>();
}

pub fn match_on_a_tuple(d: &Depot) {
    match (d.rack.lock().count(), d.tray.read().count_ones()) {
        (0, _) => at::<1>(),
        (_, n) => at::<2>(),
    }
    at::<3>();
}

pub fn match_on_a_tuple_of_guards(d: &Depot) {
    match (d.rack.lock(), d.tray.read()) {
        (a, b) => {
            at::<1>();
            drop(a);
            at::<2>();
        }
    }
    at::<3>();
}

pub fn match_guard(d: &Depot, n: u32) {
    match n {
        0 if d.rack.lock().count() > 0 => at::<1>(),
        _ => at::<2>(),
    }
    at::<3>();
}

pub fn match_guard_beside_a_scrutinee(d: &Depot) {
    match d.rack.lock().first() {
        Some(x) if d.tray.read().count_ones() > { at::<1>(); x } => at::<2>(),
        Some(_) => at::<3>(),
        None => at::<4>(),
    }
    at::<5>();
}

pub fn match_guard_that_drops(d: &Depot) {
    match d.rack.try_lock() {
        Some(g) if g.count() > 0 => { at::<1>(); drop(g); at::<2>(); }
        Some(g) => at::<3>(),
        None => at::<4>(),
    }
    at::<5>();
}

pub fn nested_match(d: &Depot) {
    match d.rack.lock().first() {
        Some(x) => match d.tray.read().count_ones() {
            0 => at::<1>(),
            _ => at::<2>(),
        },
        None => at::<3>(),
    }
    at::<4>();
}

pub fn matches_macro(d: &Depot) {
    if matches!(d.rack.lock().first(), Some(3)) {
        at::<1>();
    }
    let b = matches!(d.rack.lock().first(), Some(x) if { at::<2>(); x > 3 });
    at::<3>();
}

pub fn let_else_in_branch(d: &Depot) {
    let Some(x) = d.rack.lock().first() else {
        at::<1>();
        return;
    };
    at::<2>();
}

pub fn let_else_of_a_guard(d: &Depot) {
    let Some(g) = d.rack.try_lock() else {
        at::<1>();
        return;
    };
    at::<2>();
    drop(g);
    at::<3>();
}

pub fn let_else_of_ok(d: &Depot) {
    let Ok(g) = d.shelf.try_lock() else {
        at::<1>();
        return;
    };
    at::<2>();
}

pub fn guard_from_either_branch(d: &Depot, b: bool) {
    let g = if b { d.rack.lock() } else { at::<1>(); return };
    at::<2>();
}

pub fn guard_from_both_branches(d: &Depot, b: bool) {
    let n;
    if b {
        let g = d.rack.lock();
        n = g.count();
        at::<1>();
    } else {
        let g = d.shelf.lock().unwrap();
        n = g.count();
        at::<2>();
    }
    at::<3>();
}

pub fn optional_guard_of_a_branch(d: &Depot, b: bool) {
    let g = if b { Some(d.rack.lock()) } else { None };
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn optional_guard_by_then(d: &Depot, b: bool) {
    let g = b.then(|| d.rack.lock().count());
    at::<1>();
}

pub fn borrow_in_branches(d: &Depot, b: bool) {
    let v = if b { &d.rack.lock().label } else { &7 };
    at::<1>();
}

pub fn borrow_in_both_branches(d: &Depot, b: bool) {
    let v = if b { &d.rack.lock().label } else { &d.shelf.lock().unwrap().label };
    at::<1>();
}

pub fn borrow_in_arms(d: &Depot, n: u32) {
    let v = match n {
        0 => &d.rack.lock().label,
        1 => { at::<1>(); &d.shelf.lock().unwrap().label }
        _ => &7,
    };
    at::<2>();
}

pub fn borrow_in_nested_branches(d: &Depot, b: bool) {
    let v = if b { if cold() { &d.rack.lock().label } else { &7 } } else { match cold() { true => &8, false => &9 } };
    at::<1>();
}

pub fn borrow_in_a_branch_of_a_tuple(d: &Depot, b: bool) {
    let (v, n) = (if b { &d.rack.lock().label } else { &7 }, 1);
    at::<1>();
}

pub fn borrow_of_an_if(d: &Depot, b: bool) {
    let v = &if b { d.rack.lock().label } else { 7 };
    at::<1>();
}

pub fn borrow_of_a_block(d: &Depot) {
    let v = &{ d.rack.lock().label };
    at::<1>();
}

pub fn borrow_of_a_guard_in_a_block(d: &Depot) {
    let v = &{ d.rack.lock() };
    at::<1>();
}
