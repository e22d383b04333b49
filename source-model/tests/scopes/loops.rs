//! Loops, labels, and what jumps out of them.

use crate::support::*;

pub fn while_condition(d: &Depot) {
    while d.rack.lock().count() > 0 {
        at::<1>();
    }
    at::<2>();
}

pub fn while_let(d: &Depot) {
    while let Some(x) = d.rack.lock().first() {
        at::<1>();
    }
    at::<2>();
}

pub fn while_let_with_branches(d: &Depot) {
    while let Some(x) = d.rack.lock().boxes.pop() {
        if x > 3 {
            at::<1>();
            continue;
        } else {
            at::<2>();
        }
        if x > 2 {
            break;
        }
    }
    at::<3>();
}

pub fn while_let_of_a_guard(d: &Depot) {
    while let Some(g) = d.rack.try_lock() {
        at::<1>();
        drop(g);
        at::<2>();
    }
    at::<3>();
}

pub fn for_head(d: &Depot) {
    for x in d.rack.lock().boxes.iter() {
        at::<1>();
    }
    at::<2>();
}

pub fn for_head_by_value(d: &Depot) {
    for x in d.rack.lock().boxes.clone() {
        at::<1>();
    }
    at::<2>();
}

pub fn for_range(d: &Depot) {
    for x in 0..d.rack.lock().count() {
        at::<1>();
    }
    at::<2>();
}

pub fn for_body(d: &Depot) {
    for x in 0..3 {
        at::<1>();
        let g = d.rack.lock();
        at::<2>();
    }
    at::<3>();
}

pub fn for_with_break(d: &Depot) {
    for x in d.rack.lock().boxes.iter() {
        if *x > 3 {
            break;
        }
        at::<1>();
    }
    at::<2>();
}

pub fn for_with_return(d: &Depot) {
    for x in 0..3 {
        let g = d.rack.lock();
        if x == 2 {
            return;
        }
        at::<1>();
    }
    at::<2>();
}

pub fn loop_with_break(d: &Depot, b: bool) {
    loop {
        let g = d.rack.lock();
        at::<1>();
        if b {
            break;
        }
        drop(g);
        at::<2>();
    }
    at::<3>();
}

pub fn loop_breaks_with_a_guard(d: &Depot) {
    let g = loop {
        let inner = d.rack.lock();
        if inner.count() > 0 {
            break inner;
        }
        drop(inner);
        at::<1>();
    };
    at::<2>();
}

pub fn loop_breaks_with_a_temporary(d: &Depot) {
    let n = loop {
        break d.rack.lock().count() + { at::<1>(); 1 };
    };
    at::<2>();
}

pub fn alive_over_the_back_edge(d: &Depot) {
    let mut kept = None;
    for x in 0..3 {
        at::<1>();
        kept = Some(d.rack.lock());
        at::<2>();
    }
    at::<3>();
}

pub fn reassigned_in_a_loop(d: &Depot) {
    let mut g = d.rack.lock();
    while g.count() > 0 {
        at::<1>();
        drop(g);
        at::<2>();
        g = d.rack.lock();
    }
    at::<3>();
}

pub fn dropped_in_a_loop_that_ends(d: &Depot) {
    let g = d.rack.lock();
    loop {
        at::<1>();
        if cold() {
            drop(g);
            break;
        }
    }
    at::<2>();
}

pub fn labels(d: &Depot) {
    'outer: loop {
        let a = d.rack.lock();
        loop {
            let b = d.tray.read();
            at::<1>();
            if cold() {
                break 'outer;
            }
            if cold() {
                continue 'outer;
            }
            if cold() {
                break;
            }
        }
        at::<2>();
    }
    at::<3>();
}

pub fn labelled_block(d: &Depot) {
    let n = 'block: {
        let g = d.rack.lock();
        if g.count() > 0 {
            break 'block 1;
        }
        at::<1>();
        2
    };
    at::<2>();
}

pub fn labelled_block_yields_a_guard(d: &Depot) {
    let g = 'block: {
        let inner = d.rack.lock();
        if cold() {
            break 'block Some(inner);
        }
        None
    };
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn while_let_some_with_else_in_body(d: &Depot) {
    while let Some(x) = d.rack.lock().first() {
        if let Some(y) = *d.desk.lock().unwrap() {
            at::<1>();
        } else {
            at::<2>();
        }
        at::<3>();
    }
    at::<4>();
}

pub fn while_with_a_guard_outside(d: &Depot) {
    let g = d.rack.lock();
    while cold() {
        at::<1>();
    }
    at::<2>();
}

pub fn nested_loops(d: &Depot) {
    for x in d.rack.lock().boxes.iter() {
        for y in 0..*d.tray.read() {
            at::<1>();
        }
        at::<2>();
    }
    at::<3>();
}
