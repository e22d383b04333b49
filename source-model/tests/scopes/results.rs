//! Guards that functions and methods give back, or take.

use crate::support::*;

pub fn make_shelf_keeper(d: &Depot) -> Keeper<'_> {
    Keeper { guard: d.shelf.lock().unwrap(), n: 1 }
}

pub fn make_shelf_option(d: &Depot) -> Option<MutexGuard<'_, Shelf>> {
    Some(d.shelf.lock().unwrap())
}

pub async fn make_shelf_later(d: &Depot) -> MutexGuard<'_, Shelf> {
    d.shelf.lock().unwrap()
}

impl<'a> Keeper<'a> {
    pub fn finish(self) -> u32 {
        self.n
    }
    pub fn view(&self) -> &Shelf {
        &self.guard
    }
    pub fn into_guard(self) -> MutexGuard<'a, Shelf> {
        self.guard
    }
}

pub fn struct_of_a_function(d: &Depot) {
    let keeper = make_shelf_keeper(d);
    at::<1>();
    drop(keeper);
    at::<2>();
}

pub fn field_of_a_result(d: &Depot) {
    let keeper = make_shelf_keeper(d);
    drop(keeper.guard);
    at::<1>();
}

pub fn field_of_a_temporary(d: &Depot) {
    let g = make_shelf_keeper(d).guard;
    at::<1>();
    drop(g);
    at::<2>();
    let n = make_shelf_keeper(d).n;
    at::<3>();
}

pub fn destructured_result(d: &Depot) {
    let Keeper { guard, n } = make_shelf_keeper(d);
    at::<1>();
    drop(guard);
    at::<2>();
}

pub fn method_by_value(d: &Depot) {
    let keeper = make_shelf_keeper(d);
    keeper.finish();
    at::<1>();
    make_shelf_keeper(d).finish();
    at::<2>();
}

pub fn method_by_reference(d: &Depot) {
    let keeper = make_shelf_keeper(d);
    keeper.view();
    at::<1>();
    let shelf = make_shelf_keeper(d).view().label;
    at::<2>();
}

pub fn method_on_a_temporary(d: &Depot) {
    pair(make_shelf_keeper(d).view().label, { at::<1>(); 1 });
    at::<2>();
}

pub fn method_gives_the_guard(d: &Depot) {
    let g = Keeper { guard: d.shelf.lock().unwrap(), n: 1 }.into_guard();
    at::<1>();
    drop(g);
    at::<2>();
}

pub fn result_in_an_option(d: &Depot) {
    let slot = make_shelf_option(d);
    at::<1>();
    drop(slot);
    at::<2>();
}


pub async fn result_of_a_future(d: &Depot) {
    let g = make_shelf_later(d).await;
    at::<1>();
    wait::<2>(1).await;
    drop(g);
    wait::<3>(1).await;
}

pub async fn result_of_a_future_as_a_temporary(d: &Depot) {
    let n = make_shelf_later(d).await.count();
    wait::<1>(n).await;
    wait::<2>(make_shelf_later(d).await.count()).await;
}

pub async fn pinned_block(d: &Depot) {
    let g = d.rack.lock();
    let f = Box::pin(async move { g.count() });
    at::<1>();
    f.await;
    at::<2>();
}

pub async fn boxed_future_dropped(d: &Depot) {
    let g = d.rack.lock();
    let f: std::pin::Pin<Box<dyn std::future::Future<Output = u32> + '_>> = Box::pin(async move { g.count() });
    at::<1>();
    drop(f);
    at::<2>();
}

pub async fn if_let_of_an_awaited_lock(d: &Depot) {
    if let Some(x) = d.gate.lock().await.checked_add(1) {
        wait::<1>(1).await;
    } else {
        wait::<2>(1).await;
    }
    wait::<3>(1).await;
}

pub async fn match_of_an_awaited_lock(d: &Depot) {
    match *d.gate.lock().await {
        0 => wait::<1>(1).await,
        _ => wait::<2>(1).await,
    }
    wait::<3>(1).await;
}

pub async fn loop_over_an_awaited_lock(d: &Depot) {
    while *d.gate.lock().await > 3 {
        wait::<1>(1).await;
    }
    for x in 0..*d.gate.lock().await {
        wait::<2>(1).await;
    }
    wait::<3>(1).await;
}

pub async fn owned_task_guard(d: Arc<Depot>, m: Arc<tokio::sync::Mutex<u32>>) {
    let g = d.gate.lock().await;
    at::<1>();
    drop(g);
    at::<2>();
}

pub async fn borrow_in_a_branch_across(d: &Depot, b: bool) {
    let v = if b { &*d.gate.lock().await } else { &7 };
    wait::<1>(1).await;
}

pub fn make_rack_struct(d: &Depot) -> Option<KeeperOfRack<'_>> {
    let guard = d.rack.try_lock()?;
    if guard.count() > 0 { Some(KeeperOfRack(guard)) } else { None }
}

pub struct KeeperOfRack<'a>(pub parking_lot::MutexGuard<'a, Shelf>);

pub fn struct_of_an_attempt(d: &Depot) {
    let Some(keeper) = d.rack.try_lock().map(KeeperOfRack) else {
        at::<1>();
        return;
    };
    at::<2>();
    drop(keeper);
    at::<3>();
}

pub fn struct_in_a_tuple_of_options(d: &Depot, o: Option<u32>) {
    let slot = d.rack.try_lock().map(KeeperOfRack);
    let (Some(keeper), Some(x)) = (slot, o) else {
        at::<1>();
        return;
    };
    at::<2>();
    drop(keeper);
    at::<3>();
}
