//! What calls do to held sets: effects of callees, guards that come out of calls, closures, futures and tasks.
//!
//! Long because it is a flat list of cases. Below a call stands what it acquires and by which functions, below `at()`
//! what is held there, below a future or task that nobody polls or keeps that it is dropped.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod probe;

use interlock_source::{
    Assumption, Body, ChainStep, Edition, Effect, Held, LineCol, Point, PointKind, Sources, Wait, Workspace,
};

/// What the examples call and lock.
const SUPPORT: &str = "
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
fn at() {}
struct Shelf { n: u32 }
impl Shelf { fn count(&self) -> u32 { 0 } }
struct Depot { shelf: Mutex<Shelf>, desk: Mutex<u32>, rates: RwLock<Vec<u32>>, next: Arc<Inner> }
struct Inner { shelf: Mutex<Shelf> }
async fn tick() -> u32 { 0 }
async fn fill(d: &Depot) { let n = d.shelf.lock().unwrap().count(); }
";

/// Compares what calls do with what is drawn; `nothing` stands for a place where nothing is found.
#[track_caller]
fn check(text: &str) {
    probe::compare(&format!("{text}\n{SUPPORT}"), Edition::E2021, "nothing", facts);
}

fn facts(workspace: &Workspace) -> Vec<(LineCol, String)> {
    let points = workspace.bodies().iter().flat_map(|body| body.points.iter().map(move |point| (body, point)));
    points.flat_map(|(body, point)| facts_at(workspace, body, point)).collect()
}

fn facts_at(workspace: &Workspace, body: &Body, point: &Point) -> Vec<(LineCol, String)> {
    let here = |fact: String| (point.span.range.start, fact);
    match &point.kind {
        PointKind::Call(call) if call.name == "at" => vec![here(held(&point.held))],
        PointKind::Call(_) => {
            let effects = workspace.effects(body, point);
            effects.iter().map(|effect| here(format!("{}{}", acquires(effect), meanwhile(&point.held)))).collect()
        }
        PointKind::FutureDropped { .. } => vec![here("future dropped".to_owned())],
        PointKind::HandleDropped { .. } => vec![here("handle dropped".to_owned())],
        _ => Vec::new(),
    }
}

fn acquires(effect: &Effect) -> String {
    let lock = &effect.acquisition.lock;
    let named = lock.path.as_ref().map_or_else(|| lock.class.to_string(), ToString::to_string);
    let assumed = match effect.assumed {
        Some(Assumption::TraitDispatch) => ", assumed",
        Some(Assumption::Dropped) => ", dropped",
        Some(Assumption::TraitLock) => ", by its trait",
        None => "",
    };
    format!("acquires {named} by {}{assumed}", functions(&effect.chain))
}

fn meanwhile(held: &[Held]) -> String {
    let locks: Vec<String> = held.iter().map(lock).collect();
    if locks.is_empty() { String::new() } else { format!(" while {}", locks.join(", ")) }
}

fn held(held: &[Held]) -> String {
    let locks = held.iter().map(|held| {
        let from = if held.chain.is_empty() { String::new() } else { format!(" from {}", functions(&held.chain)) };
        lock(held) + &from
    });
    let locks: Vec<String> = locks.collect();
    if locks.is_empty() { "free".to_owned() } else { locks.join(", ") }
}

fn lock(held: &Held) -> String {
    let lock = &held.acquisition.lock;
    let named = lock.path.as_ref().map_or_else(|| lock.class.to_string(), ToString::to_string);
    format!("{} {named}", if held.must { "held" } else { "maybe" })
}

/// The functions called on the way, outermost first.
fn functions(chain: &[ChainStep]) -> String {
    let names = chain.iter().map(|step| step.callee.rsplit("::").next().unwrap_or_default());
    names.collect::<Vec<_>>().join(" > ")
}

// ---- effects through calls ----

#[test]
fn a_parameter_is_replaced_by_the_argument() {
    check(
        "
fn count(depot: &Depot) -> u32 { depot.shelf.lock().unwrap().count() }
fn f(d: &Depot) {
    count(d);
  //^^^^^ acquires d.shelf by count
    at();
  //^^ free
}",
    );
}

#[test]
fn self_is_replaced_by_the_receiver() {
    check(
        "
impl Depot {
    fn count(&self) -> u32 { self.shelf.lock().unwrap().count() }
}
struct Town { depot: Depot }
fn f(t: &Town) {
    t.depot.count();
          //^^^^^ acquires t.depot.shelf by count
    Depot::count(&t.depot);
  //^^^^^ acquires t.depot.shelf by count
}",
    );
}

#[test]
fn a_chain_names_every_function() {
    check(
        "
impl Depot {
    fn count(&self) -> u32 { self.next.count() }
                                     //^^^^^ acquires self.next.shelf by count
}
impl Inner {
    fn count(&self) -> u32 { self.shelf.lock().unwrap().count() }
}
fn f(d: &Depot) {
    d.count();
    //^^^^^ acquires d.next.shelf by count > count
}",
    );
}

#[test]
fn an_argument_that_is_the_lock_is_named_by_the_caller() {
    check(
        "
fn count(shelf: &Mutex<Shelf>) -> u32 { shelf.lock().unwrap().count() }
fn f(d: &Depot) {
    count(&d.shelf);
  //^^^^^ acquires d.shelf by count
}",
    );
}

#[test]
fn a_local_of_the_callee_has_no_path_for_the_caller() {
    check(
        "
fn count() -> u32 {
    let own = Mutex::new(1);
    let n = *own.lock().unwrap();
    n
}
fn f() {
    count();
  //^^^^^ acquires example::count::own by count
}",
    );
}

#[test]
fn a_call_happens_under_the_callers_guard() {
    check(
        "
fn count(depot: &Depot) -> u32 { depot.shelf.lock().unwrap().count() }
fn f(d: &Depot) {
    let g = d.desk.lock().unwrap();
    count(d);
  //^^^^^ acquires d.shelf by count while held d.desk
}",
    );
}

#[test]
fn an_accessor_is_the_lock_that_it_returns() {
    check(
        "
impl Depot {
    fn prices(&self) -> &RwLock<Vec<u32>> { &self.rates }
    fn inner(&self) -> &Arc<Inner> { &self.next }
}
fn f(d: &Depot) {
    let g = d.prices().read().unwrap();
    at();
  //^^ held d.rates
    let h = d.inner().shelf.lock().unwrap();
    at();
  //^^ held d.rates, held d.next.shelf
}",
    );
}

#[test]
fn an_accessor_of_an_accessor_is_followed() {
    check(
        "
impl Depot {
    fn inner(&self) -> &Inner { &self.next }
    fn deep(&self) -> &Mutex<Shelf> { &self.inner().shelf }
}
fn f(d: &Depot) {
    let g = d.deep().lock().unwrap();
    at();
  //^^ held d.next.shelf
}",
    );
}

#[test]
fn an_accessor_may_work_out_which_part_it_returns() {
    check(
        "
impl Depot {
    fn chosen(&self, n: u32) -> &RwLock<Vec<u32>> { let _at = n.min(3); &self.rates }
    fn doubtful(&self, n: u32) -> &RwLock<Vec<u32>> { let _at = if n > 3 { return &self.rates } else { n }; &self.rates }
}
fn f(d: &Depot) {
    let g = d.chosen(1).read().unwrap();
    at();
  //^^ held d.rates
    drop(g);
    let h = d.doubtful(1).read().unwrap();
    at();
  //^^ held d.doubtful()
}",
    );
}

#[test]
fn a_clone_of_an_arc_is_the_same_object() {
    check(
        "
fn f(d: &Depot) {
    let inner = Arc::clone(&d.next);
    let other = d.next.clone();
    let g = inner.shelf.lock().unwrap();
    at();
  //^^ held d.next.shelf
    let h = other.shelf.lock().unwrap();
    at();
  //^^ held d.next.shelf, held d.next.shelf
}",
    );
}

#[test]
fn recursion_ends() {
    check(
        "
fn even(d: &Depot, n: u32) -> bool {
    let k = d.shelf.lock().unwrap().count();
    n == 0 || odd(d, n - 1)
            //^^^ acquires d.desk by odd
            //^^^ acquires d.shelf by odd > even
}
fn odd(d: &Depot, n: u32) -> bool {
    let k = *d.desk.lock().unwrap();
    n != 0 && even(d, n - 1)
            //^^^^ acquires d.shelf by even
            //^^^^ acquires d.desk by even > odd
}",
    );
}

#[test]
fn recursion_on_a_part_of_the_argument_ends() {
    check(
        "
struct Node { m: Mutex<u32>, next: Option<Box<Node>> }
fn walk(node: &Node) {
    let n = *node.m.lock().unwrap();
    if let Some(next) = &node.next {
        at();
      //^^ free
    }
}
fn f(node: &Node) {
    walk(node);
  //^^^^ acquires node.m by walk
}",
    );
}

// ---- traits ----

#[test]
fn the_only_implementation_is_the_target() {
    check(
        "
trait Count { fn count(&self) -> u32; }
impl Count for Depot { fn count(&self) -> u32 { self.shelf.lock().unwrap().count() } }
fn f(c: &dyn Count) {
    c.count();
    //^^^^^ acquires c.shelf by count
}
fn g<C: Count>(c: &C) {
    c.count();
    //^^^^^ acquires c.shelf by count
}",
    );
}

#[test]
fn one_of_several_implementations_is_assumed() {
    check(
        "
trait Count { fn count(&self) -> u32; }
impl Count for Depot { fn count(&self) -> u32 { self.shelf.lock().unwrap().count() } }
impl Count for Inner { fn count(&self) -> u32 { self.shelf.lock().unwrap().count() } }
fn f(c: &dyn Count) {
    c.count();
    //^^^^^ acquires c.shelf by count, assumed
}
fn g(d: &Depot) {
    d.count();
    //^^^^^ acquires d.shelf by count
}",
    );
}

#[test]
fn a_trait_without_implementations_does_nothing() {
    check(
        "
trait Count { fn count(&self) -> u32; }
fn f(c: &dyn Count) {
    c.count();
    //^^^^^ nothing
}",
    );
}

#[test]
fn a_provided_method_runs() {
    check(
        "
trait Count {
    fn depot(&self) -> &Depot;
    fn count(&self) -> u32 { self.depot().shelf.lock().unwrap().count() }
}
struct Town { depot: Depot }
impl Count for Town { fn depot(&self) -> &Depot { &self.depot } }
fn f(t: &Town) {
    t.count();
    //^^^^^ acquires t.depot().shelf by count
}",
    );
}

// ---- guards that come out of calls ----

#[test]
fn a_returned_guard_remembers_its_calls() {
    check(
        "
impl Depot {
    fn open(&self) -> MutexGuard<'_, Shelf> { self.shelf.lock().unwrap() }
    fn enter(&self) -> MutexGuard<'_, Shelf> { self.open() }
                                                  //^^^^ acquires self.shelf by open
}
fn f(d: &Depot) {
    let g = d.enter();
            //^^^^^ acquires d.shelf by enter > open
    at();
  //^^ held d.shelf from enter > open
    drop(g);
    at();
  //^^ free
}",
    );
}

#[test]
fn an_optional_returned_guard_is_there_once_matched() {
    check(
        "
impl Depot {
    fn open(&self) -> Option<MutexGuard<'_, Shelf>> { self.shelf.try_lock().ok() }
}
fn f(d: &Depot) {
    if let Some(g) = d.open() {
                     //^^^^ acquires d.shelf by open
        at();
      //^^ held d.shelf from open
    } else {
        at();
      //^^ free
    }
}",
    );
}

#[test]
fn a_guard_on_some_paths_may_come_out() {
    check(
        "
fn open<'a>(d: &'a Depot, b: bool) -> Option<MutexGuard<'a, Shelf>> {
    if b { return None; }
    Some(d.shelf.lock().unwrap())
}
fn f(d: &Depot) {
    let g = open(d, true);
          //^^^^ acquires d.shelf by open
    at();
  //^^ maybe d.shelf from open
}",
    );
}

#[test]
fn a_guard_that_a_call_drops_is_free_after() {
    check(
        "
fn close(g: MutexGuard<'_, Shelf>) { drop(g); }
fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    close(g);
    at();
  //^^ free
}",
    );
}

// ---- closures ----

#[test]
fn a_closure_of_an_option_runs_in_place() {
    check(
        "
fn f(d: &Depot, o: Option<u32>) {
    let g = d.desk.lock().unwrap();
    let n = o.map(|n| d.shelf.lock().unwrap().count());
            //^^^ acquires d.shelf by f while held d.desk
}",
    );
}

#[test]
fn a_closure_of_an_iterator_runs_in_place() {
    check(
        "
fn f(d: &Depot, all: &[u32]) {
    let g = d.desk.lock().unwrap();
    all.iter().for_each(|n| { d.shelf.lock().unwrap().count(); });
             //^^^^^^^^ acquires d.shelf by f while held d.desk
}",
    );
}

#[test]
fn a_closure_runs_while_the_receivers_temporary_is_held() {
    check(
        "
fn f(d: &Depot) {
    d.rates.read().unwrap().iter().for_each(|n| { d.desk.lock().unwrap(); });
                                 //^^^^^^^^ acquires d.desk by f while held d.rates
}",
    );
}

#[test]
fn a_closure_in_a_variable_runs_where_it_is_called() {
    check(
        "
fn f(d: &Depot) {
    let count = || d.shelf.lock().unwrap().count();
    at();
  //^^ free
    let g = d.desk.lock().unwrap();
    count();
  //^^^^^ acquires d.shelf by f while held d.desk
}",
    );
}

#[test]
fn a_map_closure_runs_under_the_shard() {
    check(
        "
fn f(d: &Depot, bays: &dashmap::DashMap<u32, u32>) {
    bays.retain(|_, _| d.shelf.lock().unwrap().count() > 0);
       //^^^^^^ acquires d.shelf by f while held bays
    bays.entry(1).or_insert_with(|| d.shelf.lock().unwrap().count());
                //^^^^^^^^^^^^^^ acquires d.shelf by f while held bays
}",
    );
}

#[test]
fn a_closure_given_to_a_workspace_function_runs_where_it_is_called() {
    check(
        "
fn twice<F: Fn()>(run: F) { run(); run(); }
fn f(d: &Depot) {
    let g = d.desk.lock().unwrap();
    twice(|| { d.shelf.lock().unwrap().count(); });
  //^^^^^ acquires d.shelf by f while held d.desk
}",
    );
}

#[test]
fn a_closure_runs_under_the_guards_of_the_function_that_calls_it() {
    check(
        "
impl Depot {
    fn with<R>(&self, run: impl FnOnce(&mut u32) -> R) -> R {
        let mut desk = self.desk.lock().unwrap();
        run(&mut desk)
    }
    fn before(&self, run: impl FnOnce()) {
        run();
        let desk = self.desk.lock().unwrap();
    }
}
fn f(d: &Depot) {
    d.with(|n| { d.shelf.lock().unwrap().count(); });
    //^^^^ acquires d.desk by with
    //^^^^ acquires d.shelf by f while held d.desk
    d.before(|| { d.shelf.lock().unwrap().count(); });
    //^^^^^^ acquires d.desk by before
    //^^^^^^ acquires d.shelf by f
}",
    );
}

#[test]
fn a_closure_that_is_handed_down_runs_under_every_guard_on_the_way() {
    check(
        "
impl Depot {
    fn outer(&self, run: Box<dyn FnOnce()>) {
        let desk = self.desk.lock().unwrap();
        self.inner(run);
           //^^^^^ acquires self.rates by inner while held self.desk
    }
    fn inner(&self, run: Box<dyn FnOnce()>) {
        let rates = self.rates.read().unwrap();
        run();
    }
}
fn f(d: Arc<Depot>) {
    let own = d.clone();
    d.outer(Box::new(move || { own.shelf.lock().unwrap().count(); }));
    //^^^^^ acquires d.desk by outer
    //^^^^^ acquires d.rates by outer > inner
    //^^^^^ acquires d.shelf by f while held d.desk, held d.rates
}",
    );
}

#[test]
fn a_callback_within_a_closure_of_the_callee_runs_too() {
    check(
        "
impl Depot {
    fn each(&self, run: impl Fn(u32)) {
        let rates = self.rates.read().unwrap();
        rates.iter().for_each(|rate| run(*rate));
    }
}
fn f(d: &Depot) {
    d.each(|n| { d.shelf.lock().unwrap().count(); });
    //^^^^ acquires d.rates by each
    //^^^^ acquires d.shelf by f while held d.rates
}",
    );
}

#[test]
fn a_named_function_is_a_callback() {
    check(
        "
impl Depot { fn with(&self, run: fn(&Depot)) { let desk = self.desk.lock().unwrap(); run(self); } }
fn count(d: &Depot) { d.shelf.lock().unwrap().count(); }
fn f(d: &Depot) {
    d.with(count);
    //^^^^ acquires d.desk by with
    //^^^^ acquires d.shelf by count while held d.desk
}",
    );
}

#[test]
fn an_associated_function_is_a_callback_by_name() {
    check(
        "
struct Kept<'a> { guard: MutexGuard<'a, Shelf> }
impl<'a> Kept<'a> { fn new(guard: MutexGuard<'a, Shelf>) -> Kept<'a> { Kept { guard } } }
fn open(d: &Depot) -> Option<Kept<'_>> { d.shelf.lock().ok().map(Kept::new) }
impl Depot {
    fn count(&self) { self.shelf.lock().unwrap().count(); }
    fn with(&self, run: fn(&Depot)) { let desk = self.desk.lock().unwrap(); run(self); }
}
fn f(d: &Depot) {
    let Some(kept) = open(d) else { return };
                   //^^^^ acquires d.shelf by open
    at();
  //^^ held d.shelf from open
    d.with(Depot::count);
    //^^^^ acquires d.desk by with while held d.shelf
    //^^^^ acquires d.shelf by count while held d.shelf, held d.desk
}",
    );
}

#[test]
fn a_future_that_is_handed_over_runs_where_it_is_polled() {
    check(
        "
impl Depot {
    async fn under<F: std::future::Future<Output = ()>>(&self, work: F) {
        let rates = self.rates.read().unwrap();
        work.await;
    }
    async fn with<Fut: std::future::Future<Output = ()>>(&self, make: impl FnOnce() -> Fut) {
        let desk = self.desk.lock().unwrap();
        make().await;
    }
}
async fn f(d: &Depot) {
    d.under(fill(d)).await;
    //^^^^^ acquires d.rates by under
    //^^^^^ acquires d.shelf by fill while held d.rates
    d.with(|| async { fill(d).await }).await;
    //^^^^ acquires d.desk by with
    //^^^^ acquires d.shelf by f > fill while held d.desk
                    //^^^^ acquires d.shelf by fill
}",
    );
}

#[test]
fn a_callback_that_is_never_called_runs_nowhere() {
    check(
        "
fn keep<F: Fn()>(run: F) { let _kept = run; }
fn f(d: &Depot) {
    keep(|| { d.shelf.lock().unwrap().count(); });
  //^^^^ nothing
}",
    );
}

#[test]
fn a_spawned_closure_inherits_no_guards() {
    check(
        "
fn f(d: Arc<Depot>) {
    let g = d.desk.lock().unwrap();
    let own = d.clone();
    let handle = std::thread::spawn(move || {
        at();
      //^^ free
        let n = own.shelf.lock().unwrap().count();
    });
    handle.join().unwrap();
    at();
  //^^ held d.desk
}",
    );
}

#[test]
fn a_spawned_future_acquires_nothing_here() {
    check(
        "
async fn f(d: &'static Depot) {
    let handle = tokio::spawn(fill(d));
    handle.await;
    at();
  //^^ free
}",
    );
}

#[test]
fn a_handle_that_nobody_keeps_is_dropped() {
    check(
        "
async fn f() {
    tokio::spawn(async { 1 });
  //^^^^^ handle dropped
    let _ = tokio::spawn(async { 1 });
          //^^^^^ handle dropped
    let _task = tokio::spawn(async { 1 });
              //^^^^^ handle dropped
}",
    );
}

#[test]
fn a_handle_that_is_joined_or_aborted_is_not_dropped() {
    check(
        "
async fn f() {
    tokio::spawn(async { 1 }).await;
  //^^^^^ nothing
    let a = tokio::spawn(async { 1 });
    let b = tokio::spawn(async { 1 });
    let c = tokio::spawn(async { 1 });
    a.await;
    b.abort();
    let n = tokio::join!(c);
}",
    );
}

#[test]
fn a_handle_that_is_stored_or_returned_is_not_dropped() {
    check(
        "
struct Pool { tasks: Vec<tokio::task::JoinHandle<u32>>, last: Option<tokio::task::JoinHandle<u32>> }
fn f(pool: &mut Pool) -> tokio::task::JoinHandle<u32> {
    pool.tasks.push(tokio::spawn(async { 1 }));
    pool.last = Some(tokio::spawn(async { 1 }));
    let tasks = vec![tokio::spawn(async { 1 })];
                   //^^^^^ nothing
    tokio::spawn(async { 1 })
}",
    );
}

// ---- futures ----

#[test]
fn an_async_function_acquires_at_its_await() {
    check(
        "
async fn f(d: &Depot) {
    let fut = fill(d);
    let g = d.desk.lock().unwrap();
    at();
  //^^ held d.desk
    drop(g);
    fut.await;
  //^^^ acquires d.shelf by fill
}
async fn g(d: &Depot) {
    fill(d).await;
  //^^^^ acquires d.shelf by fill
}",
    );
}

#[test]
fn a_future_that_nobody_awaits_is_dropped() {
    check(
        "
async fn f(d: &Depot) {
    tick();
  //^^^^ future dropped
    let _ = tick();
          //^^^^ future dropped
    let later = fill(d);
              //^^^^ future dropped
    at();
  //^^ free
}",
    );
}

#[test]
fn an_async_block_that_nobody_awaits_is_dropped() {
    check(
        "
fn f(d: Arc<Depot>) {
    let later = async move { d.shelf.lock().unwrap().count() };
              //^^^^^ future dropped
}",
    );
}

#[test]
fn a_future_that_is_awaited_is_not_dropped() {
    check(
        "
async fn f() {
    tick().await;
  //^^^^ nothing
    let a = tick();
    let b = tick();
    a.await;
    tokio::join!(b, tick());
    tokio::time::timeout(std::time::Duration::ZERO, tick()).await;
}",
    );
}

#[test]
fn a_future_that_is_returned_is_not_dropped() {
    check(
        "
fn f() -> impl std::future::Future<Output = u32> {
    tick()
  //^^^^ nothing
}
fn g() -> std::pin::Pin<Box<dyn std::future::Future<Output = u32>>> {
    Box::pin(tick())
}",
    );
}

#[test]
fn a_future_that_is_stored_or_passed_is_not_dropped() {
    check(
        "
fn f(all: &mut Vec<std::pin::Pin<Box<dyn std::future::Future<Output = u32>>>>) {
    all.push(Box::pin(tick()));
                    //^^^^ nothing
    let more = vec![tick()];
    outside::run(tick());
}",
    );
}

#[test]
fn a_future_assigned_to_an_outer_variable_is_not_dropped() {
    check(
        "
async fn f(b: bool) {
    let mut later = None;
    if b {
        later = Some(tick());
                   //^^^^ nothing
    }
    if let Some(fut) = later {
        fut.await;
    }
}",
    );
}

#[test]
fn a_future_moved_into_an_async_block_is_not_dropped() {
    check(
        "
async fn f() {
    let fut = tick();
            //^^^^ nothing
    let all = async move { fut.await };
    all.await;
}",
    );
}

#[test]
fn a_future_polled_by_select_is_not_dropped() {
    check(
        "
async fn f() {
    let mut fut = std::pin::pin!(tick());
                               //^^^^ nothing
    tokio::select! {
        n = &mut fut => {}
        m = tick() => {}
    }
}",
    );
}

#[test]
fn block_on_runs_the_future_in_place() {
    check(
        "
fn f(d: &Depot, rt: &tokio::runtime::Runtime) {
    let g = d.desk.lock().unwrap();
    rt.block_on(fill(d));
              //^^^^ acquires d.shelf by fill while held d.desk
}",
    );
}

#[test]
fn an_async_block_runs_at_its_await() {
    check(
        "
async fn f(d: &Depot) {
    let later = async { d.shelf.lock().unwrap().count() };
    let g = d.desk.lock().unwrap();
    later.await;
  //^^^^^ acquires d.shelf by f while held d.desk
}",
    );
}

#[test]
fn joined_futures_run_under_the_callers_guard() {
    check(
        "
async fn f(d: &Depot) {
    let g = d.desk.lock().unwrap();
    tokio::join!(fill(d), tick());
               //^^^^ acquires d.shelf by fill while held d.desk
}",
    );
}

#[test]
fn a_selected_future_runs_under_the_callers_guard() {
    check(
        "
async fn f(d: &Depot) {
    let g = d.desk.lock().unwrap();
    tokio::select! {
        _ = fill(d) => {}
          //^^^^ acquires d.shelf by fill while held d.desk
        _ = tick() => {}
    }
}",
    );
}

#[test]
fn a_wait_under_a_timeout_ends() {
    let text = "
        use tokio::sync::Mutex;
        use tokio::time::{timeout, Duration};
        struct S { m: Mutex<u8> }
        impl S {
            async fn inner(&self) { self.m.lock().await; }
            async fn direct(&self) { timeout(Duration::from_secs(1), self.m.lock()).await; }
            async fn through(&self) { timeout(Duration::from_secs(1), self.inner()).await; }
            async fn plain(&self) { self.inner().await; }
        }";
    let workspace = Workspace::analyse(Sources::of_text("example", Edition::E2021, text));
    let waits = |name: &str| {
        let body = workspace.bodies().iter().find(|body| body.item.ends_with(name)).unwrap();
        let effects = body.points.iter().flat_map(|point| workspace.effects(body, point));
        effects.map(|effect| effect.acquisition.wait).collect::<Vec<_>>()
    };
    assert_eq!(waits("::direct"), [Wait::Never]);
    assert_eq!(waits("::through"), [Wait::Never]);
    assert_eq!(waits("::plain"), [Wait::Task]);
}

#[test]
fn an_async_entry_point_runs_within_its_call() {
    let text = "
        #[tokio::main] async fn run() {}
        async fn later() {}
        fn main() { run(); later(); }";
    let workspace = Workspace::analyse(Sources::of_text("example", Edition::E2021, text));
    let dropped = workspace.bodies().iter().flat_map(|body| &body.points).filter_map(|point| match &point.kind {
        PointKind::FutureDropped { callee, .. } => Some(callee.as_str()),
        _ => None,
    });
    assert_eq!(dropped.collect::<Vec<_>>(), ["example::later"]);
}

// ---- values that go ----

/// A type whose `Drop` locks.
const TICKET: &str = "
struct Ticket<'a> { depot: &'a Depot }
impl Drop for Ticket<'_> { fn drop(&mut self) { self.depot.shelf.lock().unwrap().count(); } }
impl Depot { fn ticket(&self) -> Ticket<'_> { Ticket { depot: self } } }
struct Folder<'a> { ticket: Option<Ticket<'a>>, n: u32 }
fn folder<'a>() -> Folder<'a> { todo!() }
fn shared() -> Arc<Folder<'static>> { todo!() }
";

#[track_caller]
fn check_with_ticket(text: &str) {
    check(&format!("{text}{TICKET}"));
}

#[test]
fn a_variable_runs_its_drop_at_the_end_of_its_block() {
    check_with_ticket(
        "
fn f(d: &Depot) {
    let before = d.rates.read().unwrap();
    let ticket = d.ticket();
                 //^^^^^^ acquires example::Depot::shelf by drop, dropped while held d.rates
    let g = d.desk.lock().unwrap();
}
fn g(d: &Depot) {
    let g = d.desk.lock().unwrap();
    d.ticket();
    //^^^^^^ acquires example::Depot::shelf by drop, dropped while held d.desk
    at();
  //^^ held d.desk
}",
    );
}

#[test]
fn a_moved_value_is_not_dropped_here() {
    check_with_ticket(
        "
fn f(d: &Depot) -> Ticket<'_> {
    let g = d.desk.lock().unwrap();
    d.ticket()
    //^^^^^^ nothing
}
fn keep(all: &mut Vec<Ticket<'static>>, d: &'static Depot) {
    let g = d.desk.lock().unwrap();
    all.push(d.ticket());
           //^^^^^^ nothing
}
fn forget(d: &'static Depot) {
    let g = d.desk.lock().unwrap();
    std::mem::forget(d.ticket());
                   //^^^^^^ nothing
}",
    );
}

#[test]
fn drop_runs_where_it_is_called() {
    check_with_ticket(
        "
fn f(d: &Depot) {
    let ticket = d.ticket();
                 //^^^^^^ acquires example::Depot::shelf by drop, dropped while held d.desk
    let g = d.desk.lock().unwrap();
    drop(ticket);
}",
    );
}

#[test]
fn a_parameter_taken_by_value_goes_in_the_callee() {
    check_with_ticket(
        "
  fn use_up(ticket: Ticket<'_>) {
//^^ acquires example::Depot::shelf by drop, dropped
    at();
  //^^ free
}
fn f(d: &Depot) {
    let g = d.desk.lock().unwrap();
    use_up(d.ticket());
  //^^^^^^ acquires example::Depot::shelf by use_up > drop, dropped while held d.desk
}",
    );
}

#[test]
fn fields_and_shared_values_go_with_their_owner() {
    check_with_ticket(
        "
fn f(d: &Depot) {
    let g = d.desk.lock().unwrap();
    let folder = folder();
               //^^^^^^ acquires example::Depot::shelf by drop, dropped while held d.desk
    let other = shared();
              //^^^^^^ acquires example::Depot::shelf by drop, dropped while held d.desk
}
fn lent(d: &Depot, folder: &Folder) {
    let g = d.desk.lock().unwrap();
    let ticket = &folder.ticket;
    at();
  //^^ held d.desk
}",
    );
}

#[test]
fn an_attribute_macro_may_make_a_stream_of_an_async_function() {
    check(
        "
#[try_stream(ok = u32)]
async fn numbers() { at(); }
                   //^^ free
#[instrument]
async fn count() -> u32 { 0 }
fn f() {
    numbers();
    count();
  //^^^^^ future dropped
}",
    );
}

#[test]
fn a_blanket_impl_is_asked_last_and_only_where_its_bounds_hold() {
    check(
        "
trait Keep { fn keep(&self); }
trait Api { fn shut(&self); fn truncate(&self, n: usize); }
trait Far { fn shut(&self); fn truncate(&self, n: usize); }
static BLANKET: Mutex<u32> = Mutex::new(0);
impl<K: elsewhere::Keep> Far for K {
    fn shut(&self) { drop(BLANKET.lock()); }
    fn truncate(&self, n: usize) { drop(BLANKET.lock()); }
}
impl<K: Keep + Send> Api for K {
    fn shut(&self) { drop(BLANKET.lock()); }
    fn truncate(&self, n: usize) { drop(BLANKET.lock()); }
}
struct Kept;
impl Keep for Kept { fn keep(&self) {} }
impl Shelf { fn shut(&self) {} }
fn f(d: &Depot, bytes: Vec<u8>, kept: Kept) {
    d.shelf.lock().unwrap().shut();
                          //^^^^ nothing
    bytes.truncate(3);
        //^^^^^^^^ nothing
    kept.shut();
       //^^^^ acquires example::BLANKET by shut
}",
    );
}

// ---- calls that nobody writes ----

#[test]
fn operators_of_the_workspace_are_calls() {
    check(
        "
use std::ops::{Add, AddAssign, Index, Not};
struct Clerk<'a>(&'a Depot);
impl Add<u32> for Clerk<'_> { type Output = u32; fn add(self, n: u32) -> u32 { *self.0.desk.lock().unwrap() + n } }
impl AddAssign<u32> for Clerk<'_> { fn add_assign(&mut self, n: u32) { *self.0.desk.lock().unwrap() += n; } }
impl Index<u32> for Clerk<'_> { type Output = u32; fn index(&self, n: u32) -> &u32 { self.0.desk.lock(); &0 } }
impl Not for Clerk<'_> { type Output = u32; fn not(self) -> u32 { *self.0.desk.lock().unwrap() } }
impl PartialEq for Clerk<'_> { fn eq(&self, _: &Self) -> bool { *self.0.desk.lock().unwrap() == 0 } }
fn f(d: &Depot, mut clerk: Clerk, number: u32) {
    clerk + 1;
  //^^^^^ acquires clerk.0.desk by add
    clerk += 1;
  //^^^^^ acquires clerk.0.desk by add_assign
    clerk[1];
  //^^^^^ acquires clerk.0.desk by index
    !clerk;
  //^ acquires clerk.0.desk by not
    clerk == Clerk(d);
  //^^^^^ acquires clerk.0.desk by eq
    number + 1;
  //^^^^^^ nothing
    clerk - 1;
  //^^^^^ nothing
}",
    );
}

#[test]
fn a_loop_calls_next_under_what_is_held() {
    check(
        "
struct Jobs<'a> { of: &'a Depot }
impl Iterator for Jobs<'_> {
    type Item = u32;
    fn next(&mut self) -> Option<u32> { Some(*self.of.desk.lock().unwrap()) }
}
struct Plan<'a>(&'a Depot);
impl<'a> IntoIterator for Plan<'a> {
    type Item = u32;
    type IntoIter = Jobs<'a>;
    fn into_iter(self) -> Jobs<'a> { self.0.shelf.lock(); Jobs { of: self.0 } }
}
fn f(d: &Depot, jobs: Jobs, plan: Plan) {
    let g = d.rates.read().unwrap();
    for job in jobs { at(); }
             //^^^^ acquires jobs.of.desk by next while held d.rates
                    //^^ held d.rates
    for job in plan {}
             //^^^^ acquires plan.0.shelf by into_iter while held d.rates
             //^^^^ acquires example::Depot::desk by next while held d.rates
}",
    );
}

#[test]
fn a_struct_made_here_leads_back_to_what_it_was_made_of() {
    check(
        "
struct View<'a> { of: &'a Depot, n: u32 }
impl View<'_> { fn count(&self) { self.of.desk.lock(); } }
struct Pair<'a>(&'a Depot, &'a Depot);
impl Pair<'_> { fn count(&self) { self.1.desk.lock(); } }
fn f(d: &Depot, other: &Depot) {
    View { of: d, n: 1 }.count();
                       //^^^^^ acquires d.desk by count
    let view = View { of: &d, n: 1 };
    view.count();
       //^^^^^ acquires d.desk by count
    let mut view = View { of: d, n: 1 };
    view.of = other;
    view.count();
       //^^^^^ acquires view.of.desk by count
    Pair(d, other).count();
                 //^^^^^ acquires example::Depot::desk by count
}",
    );
}

// ---- futures that functions return ----

#[test]
fn the_future_that_a_function_returns_runs_at_its_await() {
    check(
        "
use std::{future::Future, pin::Pin};
impl Depot {
    fn fill(&self) -> impl Future<Output = ()> + '_ {
        let name = 1;
        async move { self.desk.lock(); }
    }
    fn boxed(&self) -> Pin<Box<dyn Future<Output = ()> + '_>> { Box::pin(async move { self.desk.lock(); }) }
}
async fn f(d: &Depot) {
    let filled = d.fill();
    let g = d.shelf.lock().unwrap();
    filled.await;
  //^^^^^^ acquires d.desk by fill while held d.shelf
    d.boxed().await;
    //^^^^^ acquires d.desk by boxed while held d.shelf
    drop(d.fill());
}
fn start(d: &'static Depot) {
    let g = d.shelf.lock().unwrap();
    tokio::spawn(d.fill());
  //^^^^^^^^^^^^ handle dropped
}",
    );
}

// ---- guards that move into closures ----

#[test]
fn a_closure_takes_a_guard_with_it() {
    check(
        "
fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    let finish = move || {
        at();
      //^^ held d.shelf
        drop(g);
        at();
      //^^ free
        d.desk.lock();
    };
    at();
  //^^ held d.shelf
    finish();
  //^^^^^^ acquires d.desk by f
    at();
  //^^ free
}
async fn g(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    let finish = async move {
        drop(g);
        d.desk.lock();
    };
    finish.await;
  //^^^^^^ acquires d.desk by g
}",
    );
}

#[test]
fn a_task_holds_what_was_moved_into_it() {
    check(
        "
fn f(d: &'static Depot) {
    let g = d.shelf.lock().unwrap();
    let h = d.rates.read().unwrap();
    let task = std::thread::spawn(move || {
        g.count();
        at();
      //^^ held d.shelf
    });
    at();
  //^^ held d.rates
    task.join();
}",
    );
}

#[test]
fn a_closure_may_return_a_guard() {
    check(
        "
fn f(d: &Depot) {
    let lock = || d.shelf.lock().unwrap();
    let g = lock();
          //^^^^ acquires d.shelf by f
    at();
  //^^ held d.shelf from f
}",
    );
}

#[test]
fn an_accessor_of_a_static_is_the_static() {
    check(
        "
use std::sync::OnceLock;
static BELL: Mutex<u32> = Mutex::new(0);
static ONCE: OnceLock<Depot> = OnceLock::new();
fn bell() -> &'static Mutex<u32> { &BELL }
fn own() -> &'static Mutex<u32> { static OWN: Mutex<u32> = Mutex::new(0); &OWN }
impl Depot { fn global() -> &'static Depot { ONCE.get_or_init(|| make()) } }
fn f() {
    let g = bell().lock().unwrap();
    let h = Depot::global().desk.lock().unwrap();
    let i = own().lock().unwrap();
    at();
  //^^ held example::BELL, held example::ONCE.desk, held example::OWN
}",
    );
}

#[test]
fn guards_that_come_out_of_a_call_together_are_not_told_apart() {
    check(
        "
struct Both<'a> { shelf: MutexGuard<'a, Shelf>, desk: MutexGuard<'a, u32> }
impl Depot {
    fn two(&self) -> (MutexGuard<Shelf>, MutexGuard<u32>) { (self.shelf.lock().unwrap(), self.desk.lock().unwrap()) }
    fn both(&self) -> Both { Both { shelf: self.shelf.lock().unwrap(), desk: self.desk.lock().unwrap() } }
}
fn f(d: &Depot) {
    let (a, b) = d.two();
                 //^^^^^ acquires d.shelf by two
                 //^^^^^ acquires d.desk by two
    drop(b);
    at();
  //^^ maybe d.shelf from two, maybe d.desk from two
    drop(a);
    at();
  //^^ free
    let Both { shelf, desk } = d.both();
                               //^^^^^^ acquires d.shelf by both
                               //^^^^^^ acquires d.desk by both
    drop(desk);
    at();
  //^^ maybe d.shelf from both, maybe d.desk from both
}",
    );
}

#[test]
fn what_was_taken_out_is_no_longer_there() {
    check(
        "
fn f(d: &mut Depot) {
    let old = std::mem::replace(&mut d.next, Arc::new(make()));
    let g = old.shelf.lock().unwrap();
    let h = d.next.shelf.lock().unwrap();
    at();
  //^^ held old.shelf, held d.next.shelf
}",
    );
}

#[test]
fn a_tuple_struct_runs_its_drop() {
    check(
        "
struct Late(u32);
impl Drop for Late { fn drop(&mut self) { BELL.lock(); } }
static BELL: Mutex<u32> = Mutex::new(0);
fn f(d: &Depot) {
    let late = Late(1);
             //^^^^ acquires example::BELL by drop, dropped while held d.shelf
    let g = d.shelf.lock().unwrap();
    drop(late);
}",
    );
}

#[test]
fn a_chain_runs_where_it_is_driven() {
    check(
        "
fn f(d: &Depot, ids: &[u32]) {
    let n = d.desk.lock().unwrap();
    let counts: Vec<u32> = ids.iter().map(|i| i + d.shelf.lock().unwrap().count()).collect();
                                                                                 //^^^^^^^ acquires d.shelf by f while held d.desk
    let sum: u32 = ids.iter().filter(|i| d.shelf.lock().is_ok()).rev().sum();
                                                                     //^^^ acquires d.shelf by f while held d.desk
    for i in ids.iter().map(|i| d.shelf.lock().unwrap().count()) {}
           //^^^^^^^^^^^ acquires d.shelf by f while held d.desk
    let mut all = Vec::new();
    all.extend(ids.iter().map(|i| d.shelf.lock().unwrap().count()));
      //^^^^^^ acquires d.shelf by f while held d.desk
    let mut next = ids.iter().map(|i| d.shelf.lock().unwrap().count()).peekable();
    drop(n);
    while let Some(i) = next.next() {}
                           //^^^^ acquires d.shelf by f
}
fn g(d: &Depot, ids: &[u32]) {
    let counts = ids.iter().map(|i| d.shelf.lock().unwrap().count());
    let n = d.desk.lock().unwrap();
    let boxed = Box::new(counts);
    for i in boxed {}
           //^^^^^ acquires d.shelf by g while held d.desk
}",
    );
}

#[test]
fn a_chain_that_is_kept_does_not_run() {
    check(
        "
struct Keep<I>(I);
fn f<'a>(d: &'a Depot, ids: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
    let n = d.desk.lock().unwrap();
    let kept = Keep(ids.iter().map(|i| d.shelf.lock().unwrap().count()));
    let lazy = std::sync::LazyLock::new(|| d.shelf.lock().unwrap().count());
    let made = std::iter::from_fn(|| Some(d.shelf.lock().unwrap().count()));
    let n_known = ids.iter().map(|i| d.shelf.lock().unwrap().count()).len();
    let last = std::iter::from_fn(|| Some(d.shelf.lock().unwrap().count())).last();
                                                                          //^^^^ acquires d.shelf by f while held d.desk
    ids.iter().map(|i| d.shelf.lock().unwrap().count())
}",
    );
}

#[test]
fn a_function_drives_the_chain_that_it_is_given() {
    check(
        "
fn count(d: &Depot, ids: impl Iterator<Item = u32>) {
    let n = d.desk.lock().unwrap();
    for i in ids.map(|i| i + 1) {}
}
fn pass<I: IntoIterator<Item = u32>>(d: &Depot, ids: I) {
    count(d, ids.into_iter());
  //^^^^^ acquires d.desk by count
}
fn f(d: &Depot, ids: &[u32]) {
    count(d, ids.iter().map(|i| d.shelf.lock().unwrap().count()));
  //^^^^^ acquires d.desk by count
  //^^^^^ acquires d.shelf by f while held d.desk
    pass(d, ids.iter().map(|i| d.rates.read().unwrap().len()));
  //^^^^ acquires d.desk by pass > count
  //^^^^ acquires d.rates by f while held d.desk
}",
    );
}

#[test]
fn a_chain_that_a_function_returns_runs_at_its_caller() {
    check(
        "
impl Depot {
    fn counts<'a>(&'a self, ids: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
        let n = self.desk.lock().unwrap();
        ids.iter().filter(|i| self.rates.read().is_ok()).map(|i| self.shelf.lock().unwrap().count())
                 //^^^^^^ acquires self.rates by counts
                                                       //^^^ acquires self.shelf by counts
    }
    fn boxed<'a>(&'a self, ids: &'a [u32]) -> Box<dyn Iterator<Item = u32> + 'a> {
        Box::new(ids.iter().map(|i| self.shelf.lock().unwrap().count()))
    }
}
fn f(d: &Depot, ids: &[u32]) {
    let counts = d.counts(ids);
                 //^^^^^^ acquires d.desk by counts
    let n = d.desk.lock().unwrap();
    for i in counts {}
           //^^^^^^ acquires d.shelf by counts > counts while held d.desk
           //^^^^^^ acquires d.rates by counts > counts while held d.desk
    let all: Vec<u32> = d.boxed(ids).collect();
                                   //^^^^^^^ acquires d.shelf by boxed while held d.desk
}",
    );
}

#[test]
fn a_future_of_a_function_calls_it_when_it_is_polled() {
    check(
        "
async fn f(d: &Depot) {
    let n = d.desk.lock().unwrap();
    let made = std::future::poll_fn(|cx| std::task::Poll::Ready(d.shelf.lock().unwrap().count()));
    drop(n);
    made.await;
  //^^^^ acquires d.shelf by f
}",
    );
}
