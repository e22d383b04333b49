//! Which lock a receiver is: types through fields, generics, patterns, closures, collections and names.
//!
//! Long because it is a flat list of cases. Below each method that acquires stands the lock class that it acquires;
//! nothing else may be taken for a lock.

mod probe;

use interlock_source::{Edition, LineCol, PointKind, ReceiverKind, Workspace};

/// What the examples lock. Names are imported by each example, as imports are part of what is tested.
const SUPPORT: &str = "
struct Shelf { n: u32 }
struct Depot { shelf: std::sync::Mutex<Shelf>, rate: std::sync::RwLock<u32> }
";

/// Compares the lock classes of all acquisitions with what is drawn; `no lock` stands for a place without one.
#[track_caller]
fn check(text: &str) {
    probe::compare(&format!("{text}\n{SUPPORT}"), Edition::E2021, "no lock", acquisitions);
}

fn acquisitions(workspace: &Workspace) -> Vec<(LineCol, String)> {
    let points = workspace.bodies().iter().flat_map(|body| &body.points);
    let classes = points.filter_map(|point| match &point.kind {
        PointKind::Acquire(acquisition) => Some((point.span.range.start, acquisition.lock.class.to_string())),
        _ => None,
    });
    classes.collect()
}

// ---- declarations ----

#[test]
fn a_field_names_its_type() {
    check(
        "
struct Town { depot: Depot }
fn f(t: &Town) {
    t.depot.shelf.lock();
                //^^^^ example::Depot::shelf
    t.depot.rate.write();
               //^^^^^ example::Depot::rate
}",
    );
}

#[test]
fn a_tuple_field_is_a_number() {
    check(
        "
use std::sync::Mutex;
struct Pair(Mutex<u32>, u32);
fn f(p: &Pair) {
    p.0.lock();
      //^^^^ example::Pair::0
}",
    );
}

#[test]
fn a_parameter_of_a_tuple_type_has_parts() {
    check(
        "
use std::sync::{Arc, Mutex};
fn f(p: &(Arc<Mutex<u32>>, u32)) {
    let (m, n) = p;
    m.lock();
    //^^^^ example::f::p.0
}",
    );
}

#[test]
fn a_static_is_named_by_its_path() {
    check(
        "
mod store {
    pub static ALL: std::sync::Mutex<u32> = std::sync::Mutex::new(0);
}
fn f() {
    store::ALL.lock();
             //^^^^ example::store::ALL
}",
    );
}

#[test]
fn a_local_is_named_by_its_function() {
    check(
        "
use std::sync::Mutex;
fn f() {
    let m = Mutex::new(1);
    m.lock();
    //^^^^ example::f::m
}",
    );
}

#[test]
fn a_parameter_is_named_by_its_function() {
    check(
        "
use std::sync::Mutex;
fn f(m: &Mutex<u32>) {
    m.lock();
    //^^^^ example::f::m
}",
    );
}

#[test]
fn a_lazy_static_is_a_static() {
    check(
        "
use std::sync::{LazyLock, Mutex, OnceLock};
use once_cell::sync::{Lazy, OnceCell};
static A: Lazy<Mutex<u32>> = Lazy::new(|| Mutex::new(0));
static B: LazyLock<Mutex<u32>> = LazyLock::new(|| Mutex::new(0));
static C: OnceLock<Mutex<u32>> = OnceLock::new();
static D: OnceCell<Mutex<u32>> = OnceCell::new();
fn f() {
    A.lock();
    //^^^^ example::A
    B.lock();
    //^^^^ example::B
    C.get().unwrap().lock();
                   //^^^^ example::C
    D.get_or_init(|| Mutex::new(0)).lock();
                                  //^^^^ example::D
}",
    );
}

#[test]
fn lazy_static_declares_a_static() {
    check(
        "
use std::sync::Mutex;
lazy_static::lazy_static! {
    static ref ALL: Mutex<u32> = Mutex::new(0);
}
fn f() {
    ALL.lock();
      //^^^^ example::ALL
}",
    );
}

#[test]
fn a_thread_local_is_reached_by_with() {
    check(
        "
use std::sync::Mutex;
thread_local! {
    static OWN: Mutex<u32> = Mutex::new(0);
}
fn f() {
    OWN.with(|own| { own.lock(); });
                       //^^^^ example::OWN
}",
    );
}

// ---- wrappers, aliases, generics ----

#[test]
fn smart_pointers_are_looked_through() {
    check(
        "
use std::sync::{Arc, RwLock};
use std::rc::Rc;
struct Deep { a: Arc<RwLock<u32>>, b: Box<Arc<Depot>>, c: Rc<Depot> }
fn f(d: &&Deep) {
    d.a.read();
      //^^^^ example::Deep::a
    d.b.shelf.lock();
            //^^^^ example::Depot::shelf
    d.c.shelf.lock();
            //^^^^ example::Depot::shelf
}",
    );
}

#[test]
fn an_alias_is_what_it_stands_for() {
    check(
        "
use std::sync::{Arc, RwLock};
type Shared<T> = Arc<RwLock<T>>;
type Rates = Shared<Vec<u32>>;
struct Deep { rates: Rates, own: Shared<u32> }
fn f(d: &Deep) {
    d.rates.write();
          //^^^^^ example::Deep::rates
    d.own.read();
        //^^^^ example::Deep::own
}",
    );
}

#[test]
fn a_newtype_is_looked_through_by_deref() {
    check(
        "
use std::ops::Deref;
struct Handle(std::sync::Arc<Depot>);
impl Deref for Handle {
    type Target = Depot;
    fn deref(&self) -> &Depot { &self.0 }
}
fn f(h: &Handle) {
    h.shelf.lock();
          //^^^^ example::Depot::shelf
}",
    );
}

#[test]
fn a_dereference_leads_to_the_field_that_the_impl_names() {
    check(
        "
use std::{ops::Deref, sync::{Arc, RwLock}};
struct Saved<T> { path: u32, data: RwLock<T> }
impl<T> Deref for Saved<T> { type Target = RwLock<T>; fn deref(&self) -> &RwLock<T> { &self.data } }
impl<T> Saved<T> {
    fn clear(&self) { self.data.write(); }
                              //^^^^^ example::Saved::data
}
struct Town { saved: Arc<Saved<u32>> }
fn f(t: &Town) {
    t.saved.read();
          //^^^^ example::Saved::data
}",
    );
}

#[test]
fn an_accessor_of_an_element_is_the_element() {
    check(
        "
use std::{collections::HashMap, sync::{Arc, RwLock}};
struct Trees { names: Vec<u32>, all: Vec<Arc<RwLock<u32>>>, by_name: HashMap<u32, RwLock<u32>> }
impl Trees {
    fn tree(&self, name: u32) -> Arc<RwLock<u32>> {
        let at = self.names.iter().position(|known| *known == name).unwrap();
        self.all[at].clone()
    }
    fn named(&self, name: u32) -> &RwLock<u32> { &self.by_name[&name] }
}
fn f(t: &Trees) {
    t.tree(1).write();
            //^^^^^ example::Trees::all[]
    let tree = t.tree(2);
    tree.read();
       //^^^^ example::Trees::all[]
    t.named(3).read();
             //^^^^ example::Trees::by_name[]
}",
    );
}

#[test]
fn a_type_that_dereferences_to_itself_comes_to_an_end() {
    check(
        "
use std::{ops::Deref, sync::Mutex};
struct Row<H, T: ?Sized> { head: H, rest: T }
impl<H, T> Deref for Row<H, [T; 0]> { type Target = Row<H, [T]>; }
struct Own(Depot);
impl Deref for Own { type Target = Self; }
async fn f(row: &Row<u32, [u32; 0]>, own: Own) {
    row.head();
    for _ in row {}
    row.await;
    own();
    own.0.shelf.lock();
              //^^^^ example::Depot::shelf
}",
    );
}

#[test]
fn a_type_argument_reaches_the_field() {
    check(
        "
use std::sync::Mutex;
struct Cell<T> { inner: T }
struct Guarded<T> { m: Mutex<T> }
fn f(a: &Cell<Mutex<u32>>, b: &Guarded<Depot>) {
    a.inner.lock();
          //^^^^ example::Cell::inner
    b.m.lock().unwrap().shelf.lock();
      //^^^^ example::Guarded::m
                            //^^^^ example::Depot::shelf
}",
    );
}

#[test]
fn a_generic_literal_is_inferred_from_its_fields() {
    check(
        "
use std::sync::{Arc, Mutex};
struct Cell<T> { inner: T }
enum Either<T> { Far { inner: T }, Own(T) }
fn f() {
    let c = Arc::new(Cell { inner: Mutex::new(1) });
    c.inner.lock();
          //^^^^ example::Cell::inner
    if let Either::Far { inner } = (Either::Far { inner: Mutex::new(1) }) {
        inner.lock();
            //^^^^ example::Either::Far::inner
    }
}",
    );
}

#[test]
fn a_constructor_that_returns_self_is_inferred_from_its_arguments() {
    check(
        "
use std::sync::Mutex;
struct Cell<T> { inner: T }
impl<T> Cell<T> {
    fn new(inner: T) -> Self { Cell { inner } }
    fn make(inner: T) -> Cell<T> { Cell { inner } }
    fn get(&self) -> &T { &self.inner }
}
fn f() {
    let c = Cell::make(Mutex::new(1));
    c.get().lock();
          //^^^^ example::Cell::inner
    let d = Cell::new(Mutex::new(1));
    d.get().lock();
          //^^^^ example::Cell::inner
}",
    );
}

#[test]
fn a_bound_gives_methods_to_a_parameter() {
    check(
        "
trait Stock { fn shelf(&self) -> &std::sync::Mutex<u32>; }
fn f<S: Stock>(s: &S) {
    s.shelf().lock();
            //^^^^ example::Stock::shelf()
}
fn g<S>(s: S) where S: Stock {
    s.shelf().lock();
            //^^^^ example::Stock::shelf()
}",
    );
}

#[test]
fn impl_trait_is_known_by_its_bound() {
    check(
        "
use std::ops::Deref;
fn all() -> impl Iterator<Item = std::sync::Arc<Depot>> { Vec::new().into_iter() }
fn f(d: impl Deref<Target = Depot>) {
    d.shelf.lock();
          //^^^^ example::Depot::shelf
    for depot in all() {
        depot.shelf.lock();
                  //^^^^ example::Depot::shelf
    }
}",
    );
}

#[test]
fn a_bound_of_as_ref_reaches_its_target() {
    check(
        "
fn f<D: AsRef<Depot>>(d: D) {
    d.as_ref().shelf.lock();
                   //^^^^ example::Depot::shelf
}",
    );
}

#[test]
fn a_method_on_a_trait_object_has_its_declared_type() {
    check(
        "
use std::sync::Arc;
trait Stock { fn depot(&self) -> Arc<Depot>; }
fn f(s: &dyn Stock, t: Arc<dyn Stock + Send + Sync>, u: Box<dyn Stock>) {
    s.depot().shelf.lock();
                  //^^^^ example::Depot::shelf
    t.depot().shelf.lock();
                  //^^^^ example::Depot::shelf
    u.depot().shelf.lock();
                  //^^^^ example::Depot::shelf
}",
    );
}

#[test]
fn an_associated_type_is_resolved_in_the_impl() {
    check(
        "
trait Stock { type Lock; fn lock_of(&self) -> &Self::Lock; }
struct Town { m: std::sync::Mutex<u32> }
impl Stock for Town {
    type Lock = std::sync::Mutex<u32>;
    fn lock_of(&self) -> &Self::Lock { &self.m }
}
fn f(t: &Town) {
    t.lock_of().lock();
              //^^^^ example::Town::m
}",
    );
}

#[test]
fn self_paths_are_the_own_type() {
    check(
        "
impl Depot {
    fn all() -> Vec<Self> { Vec::new() }
    fn make() -> Self { Self::default() }
    fn f() {
        let d = Self::make();
        d.shelf.lock();
              //^^^^ example::Depot::shelf
        let Self { shelf, rate } = d;
        rate.read();
           //^^^^ example::Depot::rate
        for d in Self::all() {
            d.rate.read();
                 //^^^^ example::Depot::rate
        }
    }
}",
    );
}

// ---- patterns ----

#[test]
fn a_variants_payload_is_named_by_the_variant() {
    check(
        "
use std::sync::Mutex;
enum Stock { Own(Mutex<u32>), Far { m: Mutex<u32> }, Depot(Depot) }
fn f(s: &Stock) {
    match s {
        Stock::Own(m) => { m.lock(); }
                           //^^^^ example::Stock::Own::0
        Stock::Far { m } => { m.lock(); }
                              //^^^^ example::Stock::Far::m
        Stock::Depot(d) => { d.shelf.lock(); }
                                   //^^^^ example::Depot::shelf
    }
}",
    );
}

#[test]
fn an_option_is_its_payload() {
    check(
        "
struct Town { depot: Option<Depot> }
fn f(t: &Town) {
    if let Some(d) = &t.depot {
        d.shelf.lock();
              //^^^^ example::Depot::shelf
    }
    let Some(d) = t.depot.as_ref() else { return };
    d.rate.read();
         //^^^^ example::Depot::rate
}",
    );
}

#[test]
fn a_struct_pattern_binds_fields() {
    check(
        "
fn f(d: &Depot) {
    let Depot { shelf: s, rate } = d;
    s.lock();
    //^^^^ example::Depot::shelf
    rate.read();
       //^^^^ example::Depot::rate
}",
    );
}

// ---- closures ----

#[test]
fn a_closure_parameter_has_the_item_type() {
    check(
        "
fn f(all: &[Depot]) {
    all.iter().map(|d| d.shelf.lock().is_ok()).count();
                             //^^^^ example::Depot::shelf
    all.iter().filter(|d| d.rate.read().is_ok()).enumerate().for_each(|(n, d)| { d.shelf.lock(); });
                               //^^^^ example::Depot::rate
                                                                                       //^^^^ example::Depot::shelf
}",
    );
}

#[test]
fn a_closure_parameter_of_an_option_has_the_payload_type() {
    check(
        "
fn f(d: Option<&Depot>) {
    d.map(|d| { d.shelf.lock(); });
                      //^^^^ example::Depot::shelf
    d.and_then(|d| d.rate.read().ok());
                        //^^^^ example::Depot::rate
}",
    );
}

#[test]
fn a_closure_parameter_is_known_from_the_bound_of_the_function() {
    check(
        "
fn each<F: Fn(&Depot)>(run: F) {}
fn other(run: impl Fn(&Depot)) {}
fn f() {
    each(|d| { d.shelf.lock(); });
                     //^^^^ example::Depot::shelf
    other(|d| { d.rate.read(); });
                     //^^^^ example::Depot::rate
}",
    );
}

#[test]
fn a_closure_sees_the_variables_around_it() {
    check(
        "
use std::sync::Arc;
fn f(d: Arc<Depot>) {
    let own = Arc::clone(&d);
    std::thread::spawn(move || { own.shelf.lock(); }).join();
                                         //^^^^ example::Depot::shelf
}",
    );
}

#[test]
fn a_closures_result_has_the_type_of_its_body() {
    check(
        "
struct Town { depot: Depot }
fn f(t: &Town) {
    let pick = || &t.depot;
    pick().shelf.lock();
               //^^^^ example::Depot::shelf
}",
    );
}

// ---- collections ----

#[test]
fn an_index_yields_an_element() {
    check(
        "
use std::sync::Mutex;
struct Town { depots: Vec<Depot>, locks: Vec<Mutex<u32>>, four: [Mutex<u32>; 4] }
fn f(t: &Town) {
    t.depots[0].shelf.lock();
                    //^^^^ example::Depot::shelf
    t.locks[1].lock();
             //^^^^ example::Town::locks[]
    t.four[2].lock();
            //^^^^ example::Town::four[]
}",
    );
}

#[test]
fn a_for_loop_binds_elements() {
    check(
        "
use std::sync::Mutex;
struct Town { depots: Vec<Depot>, locks: Vec<Mutex<u32>> }
fn f(t: &Town) {
    for d in &t.depots {
        d.shelf.lock();
              //^^^^ example::Depot::shelf
    }
    for m in t.locks.iter() {
        m.lock();
        //^^^^ example::Town::locks[]
    }
}",
    );
}

#[test]
fn the_second_part_of_a_pair_that_iteration_makes_is_the_element() {
    // These are the elements of the fields, `locks[]` and `named[]`: the pair is not part of the collection.
    check(
        "
use std::collections::HashMap;
use std::sync::Mutex;
struct Town { locks: Vec<Mutex<u32>>, named: HashMap<u32, Mutex<u32>> }
fn f(t: &Town) {
    for (n, m) in t.locks.iter().enumerate() {
        m.lock();
        //^^^^ example::Town::locks[]
    }
    for (n, m) in &t.named {
        m.lock();
        //^^^^ example::Town::named[]
    }
}",
    );
}

#[test]
fn a_map_yields_its_values() {
    check(
        "
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
fn name() -> String { String::new() }
struct Town { depots: HashMap<String, Arc<Depot>>, locks: BTreeMap<u32, Mutex<u32>> }
fn f(t: &mut Town) {
    t.depots.get(&name()).unwrap().shelf.lock();
                                       //^^^^ example::Depot::shelf
    for d in t.depots.values() {
        d.shelf.lock();
              //^^^^ example::Depot::shelf
    }
    for (name, d) in &t.depots {
        d.rate.read();
             //^^^^ example::Depot::rate
    }
    t.locks.entry(1).or_default().lock();
                                //^^^^ example::Town::locks[]
    if let Some(m) = t.locks.get(&1) {
        m.lock();
        //^^^^ example::Town::locks[]
    }
    t.depots[&name()].rate.read();
                         //^^^^ example::Depot::rate
}",
    );
}

#[test]
fn a_concurrent_map_yields_its_values() {
    check(
        "
use dashmap::DashMap;
use std::sync::Arc;
struct Town { depots: DashMap<u32, Arc<Depot>> }
fn f(t: &Town) {
    if let Some(d) = t.depots.get(&1) {
                            //^^^ example::Town::depots
        d.shelf.lock();
              //^^^^ example::Depot::shelf
        d.value().rate.read();
                     //^^^^ example::Depot::rate
    }
}",
    );
}

#[test]
fn what_a_lock_guards_has_its_type() {
    check(
        "
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
struct Town { depots: RwLock<HashMap<u32, Arc<Depot>>> }
fn f(t: &Town) {
    let depots = t.depots.read().unwrap();
                        //^^^^ example::Town::depots
    depots.get(&1).cloned().unwrap().shelf.lock();
                                         //^^^^ example::Depot::shelf
}",
    );
}

// ---- names ----

#[test]
fn an_import_of_a_block_holds_in_the_block() {
    check(
        "
struct Mutex(u32);
impl Mutex { fn lock(&self) -> u32 { 0 } }
fn f(m: &Mutex) {
    m.lock();
    //^^^^ no lock
}
fn g() {
    use std::sync::Mutex;
    let m: Mutex<u32> = Mutex::new(1);
    m.lock();
    //^^^^ example::g::m
}",
    );
}

#[test]
fn a_glob_import_brings_names() {
    check(
        "
use std::sync::*;
mod store {
    use super::*;
    pub struct Town { pub m: Mutex<u32> }
}
use store::*;
fn f(t: &Town) {
    t.m.lock();
      //^^^^ example::store::Town::m
}",
    );
}

#[test]
fn a_re_export_is_the_same_type() {
    check(
        "
mod sync {
    pub use std::sync::Mutex as Lock;
    pub mod deep { pub use super::Lock as Deeper; }
}
use sync::deep::Deeper;
struct Town { a: sync::Lock<u32>, b: Deeper<u32> }
fn f(t: &Town) {
    t.a.lock();
      //^^^^ example::Town::a
    t.b.lock();
      //^^^^ example::Town::b
}",
    );
}

#[test]
fn crate_and_super_paths_are_resolved() {
    check(
        "
mod outer {
    pub struct Town { pub depot: crate::Depot }
    pub mod inner {
        pub fn f(t: &super::Town) {
            t.depot.shelf.lock();
                        //^^^^ example::Depot::shelf
        }
    }
}",
    );
}

#[test]
fn a_users_type_named_mutex_is_no_lock() {
    check(
        "
struct Mutex<T> { value: T }
impl<T> Mutex<T> {
    fn lock(&self) -> Option<&T> { Some(&self.value) }
}
struct Town { m: Mutex<u32> }
fn f(t: &Town) {
    t.m.lock();
      //^^^^ no lock
}",
    );
}

#[test]
fn a_method_named_lock_of_a_user_type_is_no_acquisition() {
    check(
        "
struct Door { depot: Depot }
impl Door { fn lock(&self) { self.depot.shelf.lock(); } }
                                            //^^^^ example::Depot::shelf
fn f(door: &Door) {
    door.lock();
       //^^^^ no lock
}",
    );
}

#[test]
fn reading_with_arguments_is_io() {
    check(
        "
use std::io::{Read, Write};
fn f(mut file: std::fs::File, buffer: &mut [u8]) {
    file.read(buffer);
       //^^^^ no lock
    file.write(buffer);
       //^^^^^ no lock
}",
    );
}

#[test]
fn an_impl_for_an_arc_of_a_trait_object_takes_no_other_arc() {
    check(
        "
use std::sync::{Arc, RwLock};
trait Store {}
trait Access { fn read(&self) -> u32; }
impl Access for Arc<dyn Store> { fn read(&self) -> u32 { 0 } }
fn f(a: &Arc<dyn Store>, b: &Arc<RwLock<u32>>) {
    a.read();
    //^^^^ no lock
    b.read();
    //^^^^ example::f::b
}",
    );
}

#[test]
fn a_generic_impl_with_an_unmet_bound_takes_nothing() {
    check(
        "
use std::sync::Mutex;
trait Marker {}
trait Access { fn lock(&self) -> u32; }
impl<T: Marker> Access for T { fn lock(&self) -> u32 { 0 } }
fn f(m: &Mutex<u32>) {
    m.lock();
    //^^^^ example::f::m
}",
    );
}

// ---- results of expressions ----

#[test]
fn a_question_mark_yields_the_payload() {
    check(
        "
fn depot() -> Result<Depot, ()> { Err(()) }
fn f() -> Result<(), ()> {
    let d = depot()?;
    d.shelf.lock();
          //^^^^ example::Depot::shelf
    Ok(())
}
fn g(d: Option<Depot>) -> Option<u32> {
    d?.rate.read();
          //^^^^ example::Depot::rate
    None
}",
    );
}

#[test]
fn an_await_yields_the_output() {
    check(
        "
use std::sync::Arc;
async fn depot() -> Result<Arc<Depot>, ()> { Err(()) }
async fn f() -> Result<(), ()> {
    depot().await?.shelf.lock();
                       //^^^^ example::Depot::shelf
    let later = async { Arc::new(depot().await) };
    later.await.as_ref().unwrap().rate.read();
                                     //^^^^ example::Depot::rate
    Ok(())
}",
    );
}

#[test]
fn branches_yield_the_type_that_is_known() {
    check(
        "
fn f(a: &Depot, b: &Depot, n: u32) {
    let d = if n > 1 { a } else { b };
    d.shelf.lock();
          //^^^^ example::Depot::shelf
    let d = match n { 0 => panic!(), 1 => return, _ => b };
    d.rate.read();
         //^^^^ example::Depot::rate
    let d = loop { break a };
    d.rate.read();
         //^^^^ example::Depot::rate
}",
    );
}

#[test]
fn a_cast_closure_or_block_keeps_its_type() {
    check(
        "
fn f(a: &Depot) {
    let d = { let inner = a; inner };
    d.shelf.lock();
          //^^^^ example::Depot::shelf
    (&*a).rate.read();
             //^^^^ example::Depot::rate
    let d: &Depot = unsafe { &*(a as *const Depot) };
    d.rate.read();
         //^^^^ example::Depot::rate
}",
    );
}

#[test]
fn a_written_type_decides_over_an_unknown_one() {
    check(
        "
use std::sync::Arc;
fn f() {
    let d: Arc<Depot> = outside::make();
    d.shelf.lock();
          //^^^^ example::Depot::shelf
    // `collect::<B>()` yields a `B`, but methods of unknown receivers do not look at their type arguments.
    let all = outside::all().collect::<Vec<Depot>>();
    all[0].rate.read();
              //^^^^ no lock
}",
    );
}

#[test]
fn a_function_by_its_full_path_acquires() {
    check(
        "
use std::sync::Mutex;
fn f(d: &Depot) {
    let g = Mutex::lock(&d.shelf);
          //^^^^^^^^^^^ example::Depot::shelf
}",
    );
}

// ---- bounds ----

#[test]
fn a_bound_that_names_itself_ends() {
    check(
        "
fn all<I: Iterator<Item = I>>(items: I) {}
struct Walk;
impl Iterator for Walk { type Item = Walk; }
fn f(d: &Depot, walk: Walk) {
    all(walk);
    d.shelf.lock();
          //^^^^ example::Depot::shelf
}",
    );
}

// ---- what the coverage says of receivers ----

/// Compares what every lock-like call is called on with what is drawn.
#[track_caller]
fn check_receivers(text: &str) {
    probe::compare(&format!("{text}\n{SUPPORT}"), Edition::E2021, "no lock-like call", receivers);
}

fn receivers(workspace: &Workspace) -> Vec<(LineCol, String)> {
    let shown = |kind: &ReceiverKind| match kind {
        ReceiverKind::Lock(class) => class.to_string(),
        ReceiverKind::Other(ty) => format!("other: {ty}"),
        ReceiverKind::Unknown(cause) => format!("unknown: {cause}"),
    };
    workspace.coverage().receivers.iter().map(|known| (known.span.range.start, shown(&known.kind))).collect()
}

#[test]
fn a_method_that_returns_a_guard_stands_for_its_lock_and_one_that_returns_a_copy_does_not() {
    check_receivers(
        "
use std::sync::{Arc, RwLock, RwLockReadGuard};
struct Holder { inner: Arc<RwLock<u32>> }
impl Holder {
    fn read(&self) -> RwLockReadGuard<'_, u32> { self.inner.read().unwrap() }
                                                          //^^^^ example::Holder::inner
    fn write(&self) -> u32 { *self.inner.write().unwrap() }
                                       //^^^^^ example::Holder::inner
}
fn f(h: &Holder) {
    h.read();
    //^^^^ example::Holder::inner
    h.write();
    //^^^^^ other: example::Holder
}",
    );
}

#[test]
fn a_method_that_returns_a_guard_may_take_an_enum_apart() {
    check_receivers(
        "
use std::sync::{Mutex, MutexGuard};
enum Inner {
    Wheel { state: Mutex<u32>, n: u32 },
    #[cfg(never)]
    List(u32),
    Heap,
}
enum Either { Left(u32, Mutex<u32>), Right(Mutex<u32>) }
impl Inner {
    fn lock(&self) -> MutexGuard<'_, u32> {
        match self {
            Inner::Wheel { state, .. } => state.lock().unwrap(),
                                              //^^^^ example::Inner::Wheel::state
            #[cfg(never)]
            Inner::List(n) => other(n),
            Inner::Heap => { unreachable!(\"no heap\") }
        }
    }
}
impl Either {
    fn lock(&self) -> MutexGuard<'_, u32> {
        match self {
            Either::Left(_, state) => state.lock().unwrap(),
                                          //^^^^ example::Either::Left::1
            Either::Right(state) => state.lock().unwrap(),
                                        //^^^^ example::Either::Right::0
        }
    }
    fn write(&self) -> MutexGuard<'_, u32> {
        match self { Either::Left(..) => todo!(), Either::Right(state) => state.lock().unwrap() }
                                                                              //^^^^ example::Either::Right::0
    }
}
fn f(inner: &Inner, either: &Either) {
    inner.lock();
        //^^^^ example::Inner::Wheel::state
    either.lock();
         //^^^^ other: example::Either
    either.write();
         //^^^^^ example::Either::Right::0
}",
    );
}

#[test]
fn a_list_of_pairs_yields_pairs_and_a_map_values() {
    check_receivers(
        "
use std::collections::HashMap;
struct Town { list: Vec<(Depot, u32)>, array: [(Depot, u32); 4], map: HashMap<u32, Depot> }
fn f<K: std::borrow::Borrow<u32>>(t: &Town, keys: &Vec<(K, u32)>) {
    t.list[0].0.shelf.lock();
                    //^^^^ example::Depot::shelf
    t.array[0].0.shelf.lock();
                     //^^^^ example::Depot::shelf
    t.map[&1].shelf.lock();
                  //^^^^ example::Depot::shelf
    keys[0].0.borrow();
            //^^^^^^ other: K
}",
    );
}

#[test]
fn an_async_method_that_returns_a_guard_stands_for_its_lock() {
    check_receivers(
        "
struct Shared(std::sync::Arc<tokio::sync::RwLock<u32>>);
impl Shared {
    async fn read(&self) -> tokio::sync::RwLockReadGuard<'_, u32> { self.0.read().await }
                                                                         //^^^^ example::Shared::0
}
async fn f(s: &Shared) {
    s.read().await;
    //^^^^ example::Shared::0
}",
    );
}

#[test]
fn a_wrapper_of_a_lock_of_anything_is_named_by_its_own_place() {
    check_receivers(
        "
struct Mutex<T>(std::marker::PhantomData<T>, parking_lot::Mutex<T>);
impl<T> Mutex<T> {
    fn lock(&self) -> parking_lot::MutexGuard<'_, T> { self.1.lock() }
                                                            //^^^^ example::Mutex::lock::self
}
struct Guarded<T> { m: std::sync::Mutex<T> }
struct Town { a: Mutex<u32>, b: Guarded<u32> }
fn f(t: &Town) {
    t.a.lock();
      //^^^^ example::Town::a
    t.b.m.lock();
        //^^^^ example::Guarded::m
}",
    );
}

#[test]
fn a_call_without_arguments_is_no_method_that_needs_some() {
    check_receivers(
        "
use std::sync::{Arc, RwLock};
trait Sink: std::io::Write { fn put(&mut self) {} }
impl<T: std::io::Write> Sink for T {}
trait Page { fn read(&self, n: u32); }
impl Page for Arc<RwLock<u32>> { fn read(&self, n: u32) {} }
fn f(a: Arc<RwLock<u32>>, b: Arc<RwLock<u32>>) {
    a.write().unwrap();
    //^^^^^ example::f::a
    b.read().unwrap();
    //^^^^ example::f::b
}",
    );
}

#[test]
fn an_associated_type_has_the_bounds_that_its_trait_writes() {
    check_receivers(
        "
trait Batch { fn write(&mut self) -> u32; }
trait Engine { type Batch: Batch; type Free; fn batch(&self) -> Self::Batch; fn free(&self) -> Self::Free; }
fn f<E: Engine>(e: &E) {
    e.batch().write();
            //^^^^^ other: dyn Batch
    e.free().write();
           //^^^^^ unknown: associated type of a generic parameter
}",
    );
}

#[test]
fn a_path_from_the_root_starts_with_a_crate() {
    check_receivers(
        "
use lazy_static::lazy_static;
mod std { pub mod sync { pub struct Mutex<T>(T); impl<T> Mutex<T> { pub fn lock(&self) {} } } }
lazy_static! { static ref SHELF: ::std::sync::Mutex<u32> = make(); }
fn f(own: &std::sync::Mutex<u32>) {
    SHELF.lock();
        //^^^^ example::SHELF
    own.lock();
      //^^^^ other: example::std::sync::Mutex
}",
    );
}

#[test]
fn a_macro_named_after_thread_local_declares_one() {
    check_receivers(
        "
struct Context { handle: std::cell::RefCell<u32> }
my_thread_local! { static CONTEXT: Context = const { make() } }
other_items! { static LOST: Context = const { make() } }
fn f() {
    CONTEXT.with(|c| { c.handle.borrow(); });
                              //^^^^^^ example::Context::handle
    LOST.with(|c| { c.handle.borrow(); });
                           //^^^^^^ unknown: closure parameter
}",
    );
}

#[test]
fn a_projection_of_a_pinned_value_has_its_fields() {
    check_receivers(
        "
use std::pin::Pin;
struct Frame { state: std::cell::RefCell<u32> }
impl Frame {
    fn poll(self: Pin<&mut Self>) {
        let me = self.project();
        me.state.borrow_mut();
               //^^^^^^^^^^ example::Frame::state
        self.projected().state.borrow_mut();
                             //^^^^^^^^^^ unknown: result of an unknown method
    }
}",
    );
}

#[test]
fn handlers_reach_their_state_through_extractors() {
    check_receivers(
        "
use axum::extract::State;
use std::sync::Arc;
async fn f(State(town): State<Arc<Depot>>, other: warp::State<Arc<Depot>>) {
    town.shelf.lock();
             //^^^^ example::Depot::shelf
    other.shelf.lock();
              //^^^^ unknown: field of an outside type
}",
    );
}

#[test]
fn locks_of_other_libraries_are_known() {
    check_receivers(
        "
use crossbeam_utils::CachePadded;
struct Town {
    a: async_lock::RwLock<u32>,
    b: crossbeam::sync::ShardedLock<u32>,
    c: CachePadded<parking_lot::FairMutex<u32>>,
    d: lock_api::Mutex<Raw, u32>,
    e: std::sync::Arc<loom::sync::Mutex<u32>>,
    f: shuttle::sync::RwLock<u32>,
    g: thread_local::ThreadLocal<std::sync::Mutex<u32>>,
    h: arc_swap::ArcSwap<Depot>,
    i: atomic_refcell::AtomicRefCell<u32>,
    j: ahash::AHashMap<u32, std::sync::Mutex<u32>>,
    k: smallvec::SmallVec<[std::sync::Mutex<u32>; 4]>,
    l: keepcalm::SharedMut<u32>,
}
async fn f(t: &Town) {
    t.a.read().await;
      //^^^^ example::Town::a
    t.b.write().unwrap();
      //^^^^^ example::Town::b
    t.c.lock();
      //^^^^ example::Town::c
    t.d.lock();
      //^^^^ example::Town::d
    t.e.lock();
      //^^^^ example::Town::e
    t.f.read();
      //^^^^ example::Town::f
    t.g.get_or(make).lock();
                   //^^^^ example::Town::g[]
    t.h.load().shelf.lock();
                   //^^^^ example::Depot::shelf
    t.i.borrow();
      //^^^^^^ example::Town::i
    t.j.get(&1).unwrap().lock();
                       //^^^^ example::Town::j[]
    t.k[0].lock();
         //^^^^ example::Town::k[]
    t.l.write();
      //^^^^^ example::Town::l
}",
    );
}

#[test]
fn imports_of_edition_2015_start_at_the_root_unless_they_are_relative() {
    probe::compare(
        "
mod town {
    pub mod depot { pub struct Depot { pub shelf: ::std::sync::Mutex<u32> } }
    pub mod visit {
        use super::depot::Depot;
        use town::depot::Depot as Same;
        use depot::Depot as Lost;
        fn f(d: &Depot, s: &Same, l: &Lost) {
            d.shelf.lock();
                  //^^^^ example::town::depot::Depot::shelf
            s.shelf.lock();
                  //^^^^ example::town::depot::Depot::shelf
            l.shelf.lock();
        }
    }
}",
        Edition::E2015,
        "no lock",
        acquisitions,
    );
}
