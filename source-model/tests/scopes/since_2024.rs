//! What only edition 2024 has: chains of `let`.

use crate::support::*;

pub fn chain(d: &Depot) {
    if let Some(x) = d.rack.lock().first() && { at::<1>(); x > 1 } {
        at::<2>();
    } else {
        at::<3>();
    }
    at::<4>();
}

pub fn chain_of_two(d: &Depot) {
    if let Some(x) = d.rack.lock().first() && let Some(y) = *d.desk.lock().unwrap() {
        at::<1>();
    } else {
        at::<2>();
    }
    at::<3>();
}

pub fn chain_after_a_condition(d: &Depot) {
    if d.rack.lock().count() > 0 && let Some(y) = *d.desk.lock().unwrap() && { at::<1>(); cold() } {
        at::<2>();
    } else {
        at::<3>();
    }
    at::<4>();
}

pub fn chain_of_a_guard(d: &Depot) {
    if let Some(g) = d.rack.try_lock() && g.count() > 0 {
        at::<1>();
    } else {
        at::<2>();
    }
    at::<3>();
}

pub fn chain_in_a_while(d: &Depot) {
    while let Some(x) = d.rack.lock().first() && x > { at::<1>(); 1 } {
        at::<2>();
    }
    at::<3>();
}

pub fn chain_with_an_else_if(d: &Depot) {
    if let Some(x) = d.rack.lock().first() && x > 1 {
        at::<1>();
    } else if let Some(y) = *d.desk.lock().unwrap() && y > 1 {
        at::<2>();
    } else {
        at::<3>();
    }
}

pub async fn chain_before_an_await(d: &Depot) {
    if let Some(x) = d.rack.lock().first() && x > 1 {
        wait::<1>(1).await;
    } else {
        wait::<2>(1).await;
    }
}

pub fn async_closure(d: &Depot) {
    let f = async || {
        let g = d.rack.lock();
        wait::<1>(1).await;
        drop(g);
        wait::<2>(1).await;
    };
    at::<3>();
}
