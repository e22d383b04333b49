//! Guards and await points.

use crate::support::*;

pub async fn across(d: &Depot) {
    let g = d.rack.lock();
    at::<1>();
    wait::<2>(1).await;
    at::<3>();
}

pub async fn dropped_before(d: &Depot) {
    let g = d.rack.lock();
    drop(g);
    wait::<1>(1).await;
    at::<2>();
}

pub async fn block_before(d: &Depot) {
    {
        let g = d.rack.lock();
        at::<1>();
    }
    wait::<2>(1).await;
}

pub async fn temporary_in_an_argument(d: &Depot) {
    wait::<1>(d.rack.lock().count()).await;
    at::<2>();
}

pub async fn temporary_before(d: &Depot) {
    let n = d.rack.lock().count();
    wait::<1>(n).await;
}

pub async fn in_a_match(d: &Depot) {
    match d.rack.lock().count() {
        0 => wait::<1>(1).await,
        _ => {}
    }
    wait::<2>(1).await;
}

pub async fn in_an_if_let(d: &Depot) {
    if let Some(x) = d.rack.lock().first() {
        wait::<1>(1).await;
    } else {
        wait::<2>(1).await;
    }
    wait::<3>(1).await;
}

pub async fn in_a_condition(d: &Depot) {
    if d.rack.lock().count() > 0 {
        wait::<1>(1).await;
    }
    while d.rack.lock().count() > 0 {
        wait::<2>(1).await;
    }
}

pub async fn in_a_while_let(d: &Depot) {
    while let Some(x) = d.rack.lock().first() {
        wait::<1>(x).await;
    }
    wait::<2>(1).await;
}

pub async fn in_a_for(d: &Depot) {
    for x in d.rack.lock().boxes.iter() {
        wait::<1>(*x).await;
    }
    wait::<2>(1).await;
}

pub async fn in_a_loop(d: &Depot) {
    loop {
        wait::<1>(1).await;
        let g = d.rack.lock();
        if g.count() > 1 {
            drop(g);
            wait::<2>(1).await;
            continue;
        }
        if g.count() > 2 {
            break;
        }
        wait::<3>(1).await;
    }
    wait::<4>(1).await;
}

pub async fn conditional_drop_in_a_future(d: &Depot, b: bool) {
    let g = d.rack.lock();
    if b {
        drop(g);
        wait::<1>(1).await;
    }
    wait::<2>(1).await;
}

pub async fn tail(d: &Depot) -> u32 {
    let _noisy = Noisy(1);
    pair(d.rack.lock().count(), { wait::<1>(1).await; 1 })
}

pub async fn let_else_in_a_future(d: &Depot) {
    let Some(x) = d.rack.lock().first() else {
        wait::<1>(1).await;
        return;
    };
    wait::<2>(1).await;
}

pub async fn attempt(d: &Depot) {
    let Some(g) = d.rack.try_lock() else {
        wait::<1>(1).await;
        return;
    };
    wait::<2>(1).await;
}

pub async fn task_lock(d: &Depot) {
    let g = d.gate.lock().await;
    wait::<1>(*g).await;
    drop(g);
    wait::<2>(1).await;
}

pub async fn task_lock_as_a_temporary(d: &Depot) {
    let n = *d.gate.lock().await;
    wait::<1>(n).await;
    wait::<2>(*d.gate.lock().await).await;
    wait::<3>(1).await;
}

pub async fn task_lock_in_an_if_let(d: &Depot) {
    if let 3 = *d.gate.lock().await {
        wait::<1>(1).await;
    } else {
        wait::<2>(1).await;
    }
}

pub async fn task_lock_made_first(d: &Depot) {
    let locking = d.gate.lock();
    at::<1>();
    let g = locking.await;
    at::<2>();
}

pub async fn task_lock_attempt(d: &Depot) {
    if let Ok(g) = d.gate.try_lock() {
        wait::<1>(1).await;
    } else {
        wait::<2>(1).await;
    }
}

pub async fn blocks(d: &Depot) {
    let f = async {
        let g = d.rack.lock();
        wait::<1>(1).await;
        drop(g);
        wait::<2>(1).await;
    };
    at::<3>();
    f.await;
    at::<4>();
}

pub async fn block_captures_by_move(d: &Depot) {
    let g = d.rack.lock();
    let f = async move { g.count() };
    at::<1>();
    f.await;
    at::<2>();
}

pub async fn block_captures_by_move_and_is_dropped(d: &Depot) {
    let g = d.rack.lock();
    let f = async move { g.count() };
    at::<1>();
    drop(f);
    at::<2>();
}

pub async fn block_captures_by_reference(d: &Depot) {
    let g = d.rack.lock();
    let f = async { g.count() };
    f.await;
    at::<1>();
    drop(g);
    at::<2>();
}

pub async fn nested_blocks(d: &Depot) {
    let a = async {
        let g = d.rack.lock();
        let inner = async { wait::<1>(1).await };
        inner.await;
        at::<2>();
    };
    let b = async {
        wait::<3>(1).await;
        at::<4>();
    };
    a.await;
    at::<5>();
    b.await;
    at::<6>();
}

pub fn returned_block(d: Arc<Depot>) -> impl Future<Output = ()> {
    async move {
        let g = d.rack.lock();
        wait::<1>(1).await;
        drop(g);
        wait::<2>(1).await;
    }
}

pub async fn question_mark_in_a_future(d: &Depot, o: Option<u32>) -> Option<u32> {
    let g = d.rack.lock();
    let x = o?;
    wait::<1>(x).await;
    drop(g);
    wait::<2>(o?).await;
    Some(x)
}

pub async fn kept_in_a_struct(d: &Depot) {
    let keeper = Keeper { guard: d.shelf.lock().unwrap(), n: 1 };
    wait::<1>(1).await;
    drop(keeper);
    wait::<2>(1).await;
}

pub async fn borrowed(d: &Depot) {
    let v = &d.rack.lock().boxes;
    wait::<1>(1).await;
}

pub async fn two_awaits_in_a_statement(d: &Depot) {
    pair({ wait::<1>(1).await; d.rack.lock().count() }, { wait::<2>(1).await; 1 });
    wait::<3>(1).await;
}

pub use std::future::Future;
