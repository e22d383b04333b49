//! Guards that a construct keeps although nobody needs them any more.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod probe;

use interlock_source::{Edition, LineCol, PointKind, Workspace};

const SUPPORT: &str = "
use std::collections::HashMap;
use std::sync::{Mutex, RwLock};
fn at() {}
async fn tick() {}
fn num(_: u32) -> u32 { 0 }
fn sum(_: u32, _: u32) {}
struct Job { id: u32 }
enum Phase { Idle, Busy(u32), Named(String) }
use Phase::Idle;
impl Phase { fn since(&self) -> Option<u32> { None } }
impl Job { fn run(&self) -> u32 { 0 } }
struct View<'a> { job: &'a Job }
struct Shelf { jobs: Vec<Job>, names: HashMap<u32, String> }
impl Shelf {
    fn next(&mut self) -> Option<Job> { None }
    fn view(&self) -> Option<View<'_>> { None }
    fn len(&self) -> u32 { 0 }
    async fn flush(&self) {}
}
struct Depot { shelf: Mutex<Shelf>, phase: Mutex<Phase>, count: RwLock<u32>, desk: tokio::sync::Mutex<Shelf> }
struct Late { depot: Depot }
impl Drop for Late { fn drop(&mut self) { at() } }
";

#[track_caller]
fn check(text: &str) {
    let text = format!("{text}\n{SUPPORT}");
    probe::compare(&text, Edition::E2021, "nothing", kept);
    probe::compare(&text, Edition::E2024, "nothing", kept);
}

/// What keeps a temporary guard at markers, awaits, and calls of the examples' functions.
fn kept(workspace: &Workspace) -> Vec<(LineCol, String)> {
    let points = workspace.bodies().iter().flat_map(|body| &body.points);
    let points = points.filter(|point| match &point.kind {
        PointKind::Call(call) => ["at", "num", "run", "drop"].contains(&call.name.as_str()),
        PointKind::Await { .. } => true,
        _ => false,
    });
    let described = points.flat_map(|point| {
        let guards = point.held.iter().filter_map(|held| Some((held, held.extended_by?)));
        guards.map(|(held, by)| {
            let path = held.acquisition.lock.path.as_ref().unwrap();
            (point.span.range.start, format!("{path} by {by:?}"))
        })
    });
    described.collect()
}

#[test]
fn branches_and_loops_keep_their_head() {
    check(
        "
fn f(d: &Depot) {
    match d.shelf.lock().unwrap().next() {
        Some(_) => at(),
                 //^^^^ d.shelf by Match
        None => at(),
              //^^^^ d.shelf by Match
    }
    if let Some(job) = d.shelf.lock().unwrap().next() {
        at();
      //^^^^ d.shelf by IfLet
    } else {
        at();
      //^^^^ 2021: d.shelf by IfLet, 2024: nothing
    }
    while let Some(job) = d.shelf.lock().unwrap().next() {
        at();
      //^^^^ d.shelf by WhileLet
    }
    for i in 0..d.shelf.lock().unwrap().len() {
        at();
      //^^^^ d.shelf by For
    }
    match d.count.read().map(|count| *count) {
        Ok(n) if num(n) == 0 => at(),
        _ => {}
    }
    at();
  //^^^^ nothing
}",
    );
}

#[test]
fn a_value_that_borrows_needs_its_guard() {
    check(
        "
fn f(d: &Depot) {
    if let Some(name) = d.shelf.lock().unwrap().names.get(&1) {
        at();
      //^^^^ nothing
    }
    if let Some(view) = d.shelf.lock().unwrap().view() {
        at();
      //^^^^ nothing
    }
    for job in d.shelf.lock().unwrap().jobs.iter() {
        at();
      //^^^^ nothing
    }
    match d.shelf.lock().unwrap().jobs {
        ref jobs => at(),
                  //^^^^ nothing
    }
    if let Ok(shelf) = d.shelf.lock() {
        at();
      //^^^^ nothing
    }
}",
    );
}

#[test]
fn a_call_keeps_its_arguments_and_its_receiver() {
    check(
        "
fn f(d: &Depot) {
    num(*d.count.read().unwrap());
  //^^^ d.count by Argument
    d.shelf.lock().unwrap().next().unwrap().run();
                                          //^^^^^ d.shelf by Receiver
    let n = *d.count.read().unwrap();
    num(n);
  //^^^ nothing
    sum(*d.count.read().unwrap(), num(1));
                                //^^^ d.count by Argument
    sum(num(1), *d.count.read().unwrap());
      //^^^ nothing
}
async fn g(d: &Depot, wait: fn(u32) -> std::future::Ready<()>) {
    wait(d.desk.lock().await.len()).await;
  //^^^^ d.desk by Argument
    d.desk.lock().await.flush().await;
  //^^^^ nothing
}",
    );
}

#[test]
fn the_tail_of_a_block_outlives_its_variables() {
    check(
        "
fn f(d: &Depot, depot: Depot) -> Option<Job> {
    let late = Late { depot };
             //^^^^ 2021: d.shelf by Tail, 2024: nothing
    d.shelf.lock().unwrap().next()
}",
    );
}

#[test]
fn an_arm_that_binds_nothing_needs_nothing() {
    check(
        "
fn f(d: &Depot) {
    match d.shelf.lock().unwrap().names.get(&1) {
        Some(name) => at(),
                    //^^^^ nothing
        None => at(),
              //^^^^ d.shelf by Arm
    }
    match d.shelf.lock().unwrap().jobs.first() {
        Some(Job { id: 1 }) => at(),
                             //^^^^ d.shelf by Arm
        Some(&Job { id }) => at(),
                           //^^^^ d.shelf by Arm
        Some(&Job { ref id }) => at(),
                               //^^^^ nothing
        _ if d.count.read().is_ok() => at(),
                                     //^^^^ d.shelf by Arm
        job => at(),
             //^^^^ nothing
    }
    match *d.phase.lock().unwrap() {
        Idle => at(),
              //^^^^ d.phase by Arm
        Phase::Busy(since) => at(),
                            //^^^^ d.phase by Arm
        Phase::Named(ref name) => at(),
                                //^^^^ nothing
    }
    match d.shelf.lock() {
        Ok(shelf) => at(),
                   //^^^^ nothing
        Err(_) => at(),
                //^^^^ nothing
    }
}",
    );
}

#[test]
fn the_else_of_what_borrows_needs_nothing() {
    check(
        "
fn f(d: &Depot) {
    if let Some(name) = d.shelf.lock().unwrap().names.get(&1) {
        at();
      //^^^^ nothing
    } else {
        at();
      //^^^^ 2021: d.shelf by Else, 2024: nothing
    }
    if let Some(name) = d.shelf.lock().unwrap().names.get(&1) {
        at();
    } else if let Some(_) = d.phase.lock().unwrap().since() {
        at();
      //^^^^ 2021: d.shelf by Else, 2024: nothing
      //^^^^ d.phase by IfLet
    }
    if let Some(_) = d.shelf.lock().unwrap().names.get(&1) {
        at();
      //^^^^ d.shelf by IfLet
    }
    if let Ok(shelf) = d.shelf.lock() {
        at();
    } else {
        at();
      //^^^^ nothing
    }
    while let Some(Job { id: 1 }) = d.shelf.lock().unwrap().jobs.first() {
        at();
      //^^^^ d.shelf by WhileLet
    }
    while let Some(job) = d.shelf.lock().unwrap().jobs.first() {
        at();
      //^^^^ nothing
    }
}",
    );
}

#[test]
fn conditions_within_conditions_keep_their_own() {
    check(
        "
fn f(d: &Depot) {
    if let Some(a) = d.shelf.lock().unwrap().next() && let Some(b) = { if let Some(_) = Some(1) { at(); } Some(2) } {
                                                                                                //^^^^ d.shelf by IfLet
        at();
      //^^^^ d.shelf by IfLet
    }
}",
    );
}
