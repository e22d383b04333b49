//! Where guards live: every construct that keeps or ends a guard scope, in editions 2021 and 2024.
//!
//! Long because it is a flat list of cases. `at()` marks a point; below it stands what is held there. Where the
//! editions differ, the answers are those of the compiler's own drop elaboration (`rustc --emit=mir`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod probe;

use interlock_source::{Body, Edition, Held, LineCol, Point, PointKind, Sources, Workspace};

/// What the examples call and lock.
const SUPPORT: &str = "
use std::sync::{Condvar, Mutex, MutexGuard, RwLock};
use dashmap::DashMap;
fn at() {}
fn pair(_: u32, _: u32) -> u32 { 0 }
fn sink(_: MutexGuard<'_, Shelf>) {}
struct Shelf { boxes: Vec<u32> }
impl Shelf {
    fn first(&self) -> Option<u32> { None }
    fn count(&self) -> u32 { 0 }
    fn add(&mut self, _: u32) {}
}
struct Depot { shelf: Mutex<Shelf>, desk: Mutex<Option<u32>>, rate: RwLock<u32>, bays: DashMap<u32, u32>, bell: Condvar }
";

/// Compares what is held at each `at()` with what is drawn below it, in both editions.
#[track_caller]
fn check(text: &str) {
    check_in(Edition::E2021, text);
    check_in(Edition::E2024, text);
}

#[track_caller]
fn check_in(edition: Edition, text: &str) {
    probe::compare(&format!("{text}\n{SUPPORT}"), edition, "", markers);
}

fn markers(workspace: &Workspace) -> Vec<(LineCol, String)> {
    workspace.bodies().iter().flat_map(markers_of).collect()
}

/// Markers, await points (they start with the awaited expression), and functions of the examples that are polled.
fn markers_of(body: &Body) -> Vec<(LineCol, String)> {
    let points = body.points.iter().filter(|point| match &point.kind {
        PointKind::Call(call) => ["at", "tick", "send", "num"].contains(&call.name.as_str()),
        PointKind::Await { .. } => true,
        _ => false,
    });
    points.map(|point| (point.span.range.start, described(&point.held))).collect()
}

fn described(held: &[Held]) -> String {
    let locks = held.iter().map(|held| {
        let lock = &held.acquisition.lock;
        let named = lock.path.as_ref().map_or_else(|| lock.class.to_string(), ToString::to_string);
        format!("{} {named}", if held.must { "held" } else { "maybe" })
    });
    let locks: Vec<String> = locks.collect();
    if locks.is_empty() { "free".to_owned() } else { locks.join(", ") }
}

// ---- statements and variables ----

#[test]
fn a_temporary_dies_at_the_end_of_its_let() {
    check(
        "
fn f(d: &Depot) {
    let n = d.shelf.lock().unwrap().count();
    at();
  //^^ free
}",
    );
}

#[test]
fn a_temporary_dies_at_the_end_of_an_expression_statement() {
    check(
        "
fn f(d: &Depot) {
    d.shelf.lock().unwrap().add({ at(); 1 });
                                //^^ held d.shelf
    at();
  //^^ free
}",
    );
}

#[test]
fn a_temporary_dies_at_the_end_of_an_assignment() {
    check(
        "
fn f(d: &Depot) {
    let n;
    n = d.shelf.lock().unwrap().count();
    at();
  //^^ free
}",
    );
}

#[test]
fn a_temporary_in_an_argument_is_held_for_later_arguments_and_the_call() {
    check(
        "
fn f(d: &Depot) {
    pair(d.shelf.lock().unwrap().count(), { at(); 2 });
                                          //^^ held d.shelf
    at();
  //^^ free
}",
    );
}

#[test]
fn a_temporary_in_a_receiver_is_held_for_the_rest_of_the_chain() {
    check(
        "
fn f(d: &Depot) {
    let n = d.shelf.lock().unwrap().first().unwrap_or({ at(); 1 });
                                                      //^^ held d.shelf
}",
    );
}

#[test]
fn both_operands_of_a_sum_are_held_to_the_end_of_the_statement() {
    check(
        "
fn f(d: &Depot) {
    let n = d.shelf.lock().unwrap().count() + { at(); 1 };
                                              //^^ held d.shelf
    at();
  //^^ free
}",
    );
}

#[test]
fn a_wildcard_binds_nothing() {
    check(
        "
fn f(d: &Depot) {
    let _ = d.shelf.lock();
    at();
  //^^ free
    let _ = d.shelf.lock().unwrap();
    at();
  //^^ free
}",
    );
}

#[test]
fn a_wildcard_does_not_move_a_variable() {
    check(
        "
fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    let _ = g;
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn an_underscore_name_is_a_variable() {
    check(
        "
fn f(d: &Depot) {
    let _g = d.shelf.lock().unwrap();
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn drop_ends_the_guard_scope() {
    check(
        "
fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    at();
  //^^ held d.shelf
    drop(g);
    at();
  //^^ free
}",
    );
}

#[test]
fn drop_by_its_path_ends_the_guard_scope() {
    check(
        "
fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    std::mem::drop(g);
    at();
  //^^ free
}
fn h(d: &Depot) {
    use std::mem;
    let g = d.shelf.lock().unwrap();
    mem::drop(g);
    at();
  //^^ free
}",
    );
}

#[test]
fn drop_of_a_reference_does_nothing() {
    check(
        "
fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    drop(&g);
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn the_result_of_lock_owns_the_guard() {
    check(
        "
fn f(d: &Depot) {
    let r = d.shelf.lock();
    at();
  //^^ held d.shelf
    drop(r);
    at();
  //^^ free
}",
    );
}

#[test]
fn shadowing_does_not_drop() {
    check(
        "
fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    let g = 5u32;
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn a_guard_shadowed_by_its_own_value_is_held() {
    check(
        "
fn f(d: &Depot) {
    let g = d.shelf.lock();
    let g = g.unwrap();
    at();
  //^^ held d.shelf
    drop(g);
    at();
  //^^ free
}",
    );
}

#[test]
fn reassigning_acquires_while_the_old_guard_is_held() {
    check(
        "
fn f(d: &Depot) {
    let mut g = d.shelf.lock().unwrap();
    g = { at(); d.shelf.lock().unwrap() };
        //^^ held d.shelf
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn a_variable_declared_first_is_held_from_its_assignment() {
    check(
        "
fn f(d: &Depot) {
    let g;
    at();
  //^^ free
    g = d.shelf.lock().unwrap();
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn a_block_ends_the_scope_of_its_variables() {
    check(
        "
fn f(d: &Depot) {
    {
        let g = d.shelf.lock().unwrap();
        {
            let h = d.desk.lock().unwrap();
            at();
          //^^ held d.shelf, held d.desk
        }
        at();
      //^^ held d.shelf
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_guard_that_is_a_blocks_value_leaves_the_block() {
    check(
        "
fn f(d: &Depot) {
    let g = {
        let h = d.shelf.lock().unwrap();
        h
    };
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn a_block_used_as_a_condition_ends_its_scopes_before_the_body() {
    check(
        "
fn f(d: &Depot) {
    if { let g = d.shelf.lock().unwrap(); g.count() > 0 } {
        at();
      //^^ free
    }
    at();
  //^^ free
}",
    );
}

// ---- extended temporaries ----

#[test]
fn a_borrow_in_a_let_extends_the_temporary() {
    check(
        "
fn f(d: &Depot) {
    let boxes = &d.shelf.lock().unwrap().boxes;
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn a_borrow_in_a_struct_or_tuple_extends_the_temporary() {
    check(
        "
struct View<'a> { shelf: &'a Shelf }
fn f(d: &Depot) {
    let v = View { shelf: &d.shelf.lock().unwrap() };
    at();
  //^^ held d.shelf
}
fn h(d: &Depot) {
    let v = (&*d.shelf.lock().unwrap(), 1);
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn a_method_call_on_a_borrow_extends_nothing() {
    check(
        "
fn f(d: &Depot) {
    let b = Some(&d.shelf.lock().unwrap().boxes).is_some();
    at();
  //^^ free
}",
    );
}

#[test]
fn a_reference_pattern_extends_the_temporary() {
    check(
        "
fn f(d: &Depot) {
    let ref g = d.shelf.lock().unwrap();
    at();
  //^^ held d.shelf
}",
    );
}

// ---- tails ----

#[test]
fn a_temporary_in_a_blocks_tail_outlives_the_block_before_2024() {
    check(
        "
fn f(d: &Depot) {
    let n = pair({ d.shelf.lock().unwrap().count() }, { at(); 1 });
                                                      //^^ 2021: held d.shelf, 2024: free
    at();
  //^^ free
}",
    );
}

#[test]
fn a_temporary_in_a_nested_tail_outlives_both_blocks_before_2024() {
    check(
        "
fn f(d: &Depot) {
    let n = pair({ { d.shelf.lock().unwrap().count() } }, { at(); 1 });
                                                          //^^ 2021: held d.shelf, 2024: free
}",
    );
}

#[test]
fn a_statement_in_a_block_is_no_tail() {
    check(
        "
fn f(d: &Depot) {
    let n = pair({ d.shelf.lock().unwrap().count(); 1 }, { at(); 1 });
                                                         //^^ free
}",
    );
}

#[test]
fn a_functions_tail_releases_at_its_end() {
    check(
        "
fn count(d: &Depot) -> u32 {
    let n = 1;
    d.shelf.lock().unwrap().count()
}
fn f(d: &Depot) {
    let n = count(d);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_temporary_in_a_return_is_held_for_the_value() {
    check(
        "
fn f(d: &Depot, b: bool) -> u32 {
    if b {
        return pair(d.shelf.lock().unwrap().count(), { at(); 1 });
                                                     //^^ held d.shelf
    }
    at();
  //^^ free
    0
}",
    );
}

// ---- conditions ----

#[test]
fn an_if_let_holds_in_else_before_2024() {
    check(
        "
fn f(d: &Depot) {
    if let Some(x) = d.shelf.lock().unwrap().first() {
        at();
      //^^ held d.shelf
    } else {
        at();
      //^^ 2021: held d.shelf, 2024: free
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn an_else_if_let_chain_piles_up_before_2024() {
    check(
        "
fn f(d: &Depot) {
    if let Some(x) = d.shelf.lock().unwrap().first() {
        at();
      //^^ held d.shelf
    } else if let Some(y) = *d.desk.lock().unwrap() {
        at();
      //^^ 2021: held d.shelf, held d.desk, 2024: held d.desk
    } else {
        at();
      //^^ 2021: held d.shelf, held d.desk, 2024: free
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn an_if_let_as_an_operand_is_held_to_the_end_of_the_statement_before_2024() {
    check(
        "
fn f(d: &Depot) {
    let n = pair(if let Some(x) = d.shelf.lock().unwrap().first() { x } else { 0 }, { at(); 1 });
                                                                                    //^^ 2021: held d.shelf, 2024: free
}",
    );
}

#[test]
fn an_if_condition_is_free_in_both_branches() {
    check(
        "
fn f(d: &Depot) {
    if d.shelf.lock().unwrap().count() > 0 {
        at();
      //^^ free
    } else {
        at();
      //^^ free
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn operands_of_and_and_or_are_free_after_themselves() {
    check(
        "
fn f(d: &Depot) {
    if d.shelf.lock().unwrap().count() > 0 && { at(); true } {
                                              //^^ free
        at();
      //^^ free
    }
    if d.shelf.lock().unwrap().count() > 0 || { at(); true } {}
                                              //^^ free
    let b = d.shelf.lock().unwrap().count() > 0 && { at(); true };
                                                   //^^ free
}",
    );
}

#[test]
fn matches_in_a_condition_is_free_in_the_body() {
    check(
        "
fn f(d: &Depot) {
    if matches!(d.shelf.lock().unwrap().first(), Some(3)) {
        at();
      //^^ free
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_let_chain_holds_in_the_later_operands_and_the_body() {
    // Let chains are of edition 2024 only.
    check_in(
        Edition::E2024,
        "
fn f(d: &Depot) {
    if let Some(x) = d.shelf.lock().unwrap().first() && { at(); x > 1 } {
                                                        //^^ held d.shelf
        at();
      //^^ held d.shelf
    } else {
        at();
      //^^ free
    }
}",
    );
}

#[test]
fn a_while_condition_is_free_in_the_body() {
    check(
        "
fn f(d: &Depot) {
    while d.shelf.lock().unwrap().count() > 0 {
        at();
      //^^ free
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_while_let_holds_in_every_turn() {
    check(
        "
fn f(d: &Depot) {
    while let Some(x) = d.shelf.lock().unwrap().first() {
        at();
      //^^ held d.shelf
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_let_else_is_free_in_else_and_after() {
    check(
        "
fn f(d: &Depot) {
    let Some(x) = d.shelf.lock().unwrap().first() else {
        at();
      //^^ free
        return;
    };
    at();
  //^^ free
}",
    );
}

// ---- matches ----

#[test]
fn a_match_holds_in_every_arm() {
    check(
        "
fn f(d: &Depot) {
    match d.shelf.lock().unwrap().count() {
        0 => at(),
           //^^ held d.shelf
        _ => at(),
           //^^ held d.shelf
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_match_guard_runs_while_the_scrutinee_is_held() {
    check(
        "
fn f(d: &Depot) {
    match d.shelf.lock().unwrap().count() {
        n if { at(); n > 1 } => {}
             //^^ held d.shelf
        _ => {}
    }
}",
    );
}

#[test]
fn a_temporary_of_a_match_guard_is_free_in_the_arm() {
    check(
        "
fn f(d: &Depot, n: u32) {
    match n {
        n if d.shelf.lock().unwrap().count() > n => at(),
                                                  //^^ free
        _ => at(),
           //^^ free
    }
}",
    );
}

#[test]
fn a_temporary_in_an_arm_dies_with_the_arm() {
    check(
        "
fn f(d: &Depot, b: bool) {
    let n = pair(match b { true => d.shelf.lock().unwrap().count(), false => 0 }, { at(); 1 });
                                                                                  //^^ free
    at();
  //^^ free
}",
    );
}

#[test]
fn a_match_on_lock_holds_in_the_err_arm_too() {
    check(
        "
fn f(d: &Depot) {
    match d.shelf.lock() {
        Ok(g) => {
            at();
          //^^ held d.shelf
            drop(g);
            at();
          //^^ free
        }
        Err(e) => {
            at();
          //^^ held d.shelf
        }
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_match_that_yields_the_guard_binds_it() {
    check(
        "
fn f(d: &Depot) {
    let g = match d.shelf.lock() {
        Ok(g) => g,
        Err(e) => e.into_inner(),
    };
    at();
  //^^ held d.shelf
    drop(g);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_match_on_a_variable_moves_it_into_the_arm() {
    check(
        "
fn f(d: &Depot) {
    let r = d.shelf.lock();
    match r {
        Ok(g) => {}
        Err(_) => return,
    }
    at();
  //^^ free
}",
    );
}

// ---- loops ----

#[test]
fn the_head_of_a_for_is_held_for_the_loop() {
    check(
        "
fn f(d: &Depot) {
    for x in d.shelf.lock().unwrap().boxes.iter() {
        at();
      //^^ held d.shelf
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_head_that_is_bound_first_is_free_in_the_loop() {
    check(
        "
fn f(d: &Depot) {
    let boxes = d.shelf.lock().unwrap().boxes.clone();
    for x in boxes {
        at();
      //^^ free
    }
}",
    );
}

#[test]
fn break_drops_what_the_loop_body_owns() {
    check(
        "
fn f(d: &Depot, b: bool) {
    loop {
        let g = d.shelf.lock().unwrap();
        at();
      //^^ held d.shelf
        if b { break }
        drop(g);
        at();
      //^^ free
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn continue_drops_what_the_loop_body_owns() {
    check(
        "
fn f(d: &Depot, b: bool) {
    for n in 0..3 {
        at();
      //^^ free
        let g = d.shelf.lock().unwrap();
        if b { continue }
        at();
      //^^ held d.shelf
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_labelled_break_drops_both_loops() {
    check(
        "
fn f(d: &Depot, b: bool) {
    'outer: loop {
        let g = d.shelf.lock().unwrap();
        loop {
            let h = d.desk.lock().unwrap();
            if b { break 'outer }
            at();
          //^^ held d.shelf, held d.desk
            break;
        }
        at();
      //^^ held d.shelf
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_labelled_block_drops_what_it_owns() {
    check(
        "
fn f(d: &Depot, b: bool) {
    let n = 'found: {
        let g = d.shelf.lock().unwrap();
        if b { break 'found 1 }
        at();
      //^^ held d.shelf
        2
    };
    at();
  //^^ free
}",
    );
}

#[test]
fn a_guard_can_leave_a_loop_by_break() {
    check(
        "
fn f(d: &Depot) {
    let g = loop {
        let h = d.shelf.lock().unwrap();
        break h;
    };
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn a_guard_kept_by_a_loop_is_held_at_the_next_turn() {
    check(
        "
fn f(d: &Depot) {
    let mut kept = None;
    for n in 0..2 {
        at();
      //^^ maybe d.shelf
        kept = Some(d.shelf.lock().unwrap());
    }
    drop(kept);
    at();
  //^^ free
}",
    );
}

// ---- branches and early exits ----

#[test]
fn a_guard_dropped_in_one_branch_may_be_held_after() {
    check(
        "
fn f(d: &Depot, b: bool) {
    let g = d.shelf.lock().unwrap();
    if b {
        drop(g);
        at();
      //^^ free
    } else {
        at();
      //^^ held d.shelf
    }
    at();
  //^^ maybe d.shelf
}",
    );
}

#[test]
fn a_branch_that_returns_does_not_join() {
    check(
        "
fn f(d: &Depot, b: bool) {
    let g = d.shelf.lock().unwrap();
    if b {
        drop(g);
        return;
    }
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn a_branch_that_panics_does_not_join() {
    check(
        "
fn f(d: &Depot, b: bool) {
    let g = d.shelf.lock().unwrap();
    if b {
        drop(g);
        panic!(\"empty\");
    }
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn a_question_mark_drops_on_its_own_edge_only() {
    check(
        "
fn f(d: &Depot, o: Option<u32>) -> Option<u32> {
    let g = d.shelf.lock().unwrap();
    let x = o?;
    at();
  //^^ held d.shelf
    drop(g);
    at();
  //^^ free
    Some(x)
}",
    );
}

#[test]
fn a_question_mark_on_lock_binds_the_guard() {
    check(
        "
fn f(d: &Depot) -> Result<(), ()> {
    let g = d.shelf.lock().map_err(|_| ())?;
    at();
  //^^ held d.shelf
    Ok(())
}",
    );
}

#[test]
fn a_guard_chosen_by_a_branch_is_held_after() {
    check(
        "
fn f(d: &Depot, b: bool) {
    let g = if b { Some(d.shelf.lock().unwrap()) } else { None };
    at();
  //^^ maybe d.shelf
}",
    );
}

// ---- moves ----

#[test]
fn a_guard_given_to_a_function_is_released() {
    check(
        "
fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    sink(g);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_guard_lent_to_a_function_is_held() {
    check(
        "
fn look(_: &Shelf) {}
fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    look(&g);
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn a_guard_returned_from_a_function_is_held_by_the_caller() {
    check(
        "
fn open<'a>(d: &'a Depot) -> MutexGuard<'a, Shelf> {
    let g = d.shelf.lock().unwrap();
    at();
  //^^ held d.shelf
    g
}
fn f(d: &Depot) {
    let g = open(d);
    at();
  //^^ held d.shelf
    drop(g);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_returned_guard_in_a_chain_is_a_temporary() {
    check(
        "
fn open<'a>(d: &'a Depot) -> MutexGuard<'a, Shelf> {
    d.shelf.lock().unwrap()
}
fn f(d: &Depot) {
    pair(open(d).count(), { at(); 1 });
                          //^^ held d.shelf
    at();
  //^^ free
}",
    );
}

#[test]
fn a_guard_in_a_struct_is_held_until_the_struct_drops() {
    check(
        "
struct Holder<'a> { shelf: MutexGuard<'a, Shelf>, n: u32 }
fn f(d: &Depot) {
    let h = Holder { shelf: d.shelf.lock().unwrap(), n: 1 };
    at();
  //^^ held d.shelf
    drop(h);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_variable_moved_into_a_struct_is_held_by_the_struct() {
    check(
        "
struct Holder<'a> { shelf: MutexGuard<'a, Shelf> }
fn f(d: &Depot) {
    let shelf = d.shelf.lock().unwrap();
    let h = Holder { shelf };
    at();
  //^^ held d.shelf
    drop(h);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_wrapper_returned_from_a_method_holds_its_guard() {
    check(
        "
struct Holder<'a> { shelf: MutexGuard<'a, Shelf> }
impl Depot {
    fn hold(&self) -> Holder<'_> { Holder { shelf: self.shelf.lock().unwrap() } }
}
fn f(d: &Depot) {
    let h = d.hold();
    at();
  //^^ held d.shelf
    drop(h);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_guard_moved_out_of_a_struct_is_held_by_its_variable() {
    check(
        "
struct Holder<'a> { shelf: MutexGuard<'a, Shelf>, n: u32 }
fn f(d: &Depot) {
    let h = Holder { shelf: d.shelf.lock().unwrap(), n: 1 };
    let Holder { shelf, n } = h;
    at();
  //^^ held d.shelf
    drop(shelf);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_tuple_pattern_binds_the_guard() {
    check(
        "
fn f(d: &Depot) {
    let (g, n) = (d.shelf.lock().unwrap(), 1u32);
    at();
  //^^ held d.shelf
    drop(g);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_tuple_of_guards_holds_both() {
    check(
        "
fn f(d: &Depot) {
    let both = (d.shelf.lock().unwrap(), d.desk.lock().unwrap());
    at();
  //^^ held d.shelf, held d.desk
    drop(both);
    at();
  //^^ free
}",
    );
}

#[test]
fn parts_of_a_tuple_pattern_are_dropped_one_by_one() {
    check(
        "
fn f(d: &Depot) {
    let (a, b) = (d.shelf.lock().unwrap(), d.desk.lock().unwrap());
    drop(a);
    at();
  //^^ held d.desk
    drop(b);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_move_closure_holds_the_guard_until_it_drops() {
    check(
        "
fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    let c = move || g.count();
    at();
  //^^ held d.shelf
    drop(c);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_closure_that_borrows_the_guard_leaves_it_where_it_is() {
    check(
        "
fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    let c = || g.count();
    drop(c);
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn the_body_of_a_closure_is_a_scope() {
    check(
        "
fn f(d: &Depot, o: Option<u32>) {
    let n = o.map(|x| d.shelf.lock().unwrap().count());
    at();
  //^^ free
}",
    );
}

#[test]
fn a_guard_in_an_option_variable_is_held_until_taken() {
    check(
        "
fn f(d: &Depot) {
    let mut g = Some(d.shelf.lock().unwrap());
    at();
  //^^ held d.shelf
    g = None;
    at();
  //^^ free
}",
    );
}

#[test]
fn a_boxed_guard_is_held() {
    check(
        "
fn f(d: &Depot) {
    let g = Box::new(d.shelf.lock().unwrap());
    at();
  //^^ held d.shelf
    drop(g);
    at();
  //^^ free
}",
    );
}

// ---- guards that may be absent ----

#[test]
fn a_failed_try_lock_holds_nothing() {
    check(
        "
fn f(d: &Depot) {
    if let Ok(g) = d.shelf.try_lock() {
        at();
      //^^ held d.shelf
    } else {
        at();
      //^^ free
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_failed_try_lock_in_a_match_holds_nothing() {
    check(
        "
fn f(d: &Depot) {
    match d.shelf.try_lock() {
        Ok(g) => at(),
               //^^ held d.shelf
        Err(_) => at(),
                //^^ free
    }
}",
    );
}

#[test]
fn a_let_else_on_try_lock_binds_the_guard() {
    check(
        "
fn f(d: &Depot) {
    let Ok(g) = d.shelf.try_lock() else {
        at();
      //^^ free
        return;
    };
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn a_let_else_on_lock_binds_the_guard() {
    check(
        "
fn f(d: &Depot) {
    let Ok(g) = d.shelf.lock() else { return };
    at();
  //^^ held d.shelf
    drop(g);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_missing_map_entry_holds_nothing() {
    check(
        "
fn f(d: &Depot) {
    if let Some(bay) = d.bays.get(&1) {
        at();
      //^^ held d.bays
    } else {
        at();
      //^^ free
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_missing_map_entry_in_a_match_holds_nothing() {
    check(
        "
fn f(d: &Depot) {
    match d.bays.get(&1) {
        Some(bay) => at(),
                   //^^ held d.bays
        None => at(),
              //^^ free
    }
}",
    );
}

#[test]
fn a_question_mark_on_a_map_entry_binds_the_guard() {
    check(
        "
fn f(d: &Depot) -> Option<u32> {
    let bay = d.bays.get(&1)?;
    at();
  //^^ held d.bays
    drop(bay);
    at();
  //^^ free
    None
}",
    );
}

#[test]
fn a_map_value_that_is_copied_out_is_free() {
    check(
        "
fn f(d: &Depot) {
    let bay = d.bays.get(&1).map(|bay| *bay);
    at();
  //^^ free
    let bay = *d.bays.get(&1).unwrap();
    at();
  //^^ free
}",
    );
}

#[test]
fn a_map_entry_is_held_in_both_cases() {
    check(
        "
use dashmap::mapref::entry::Entry;
fn f(d: &Depot) {
    match d.bays.entry(1) {
        Entry::Occupied(bay) => at(),
                              //^^ held d.bays
        Entry::Vacant(bay) => at(),
                            //^^ held d.bays
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_map_operation_without_a_guard_releases_at_once() {
    check(
        "
fn f(d: &Depot) {
    d.bays.insert(1, 2);
    at();
  //^^ free
    let n = pair(d.bays.len() as u32, { at(); 1 });
                                      //^^ free
}",
    );
}

#[test]
fn an_iterated_map_is_held_in_the_body() {
    check(
        "
fn f(d: &Depot) {
    for bay in d.bays.iter() {
        at();
      //^^ held d.bays
    }
    for bay in &d.bays {
        at();
      //^^ held d.bays
    }
    at();
  //^^ free
}",
    );
}

// ---- macros, condition variables ----

#[test]
fn arguments_of_a_format_macro_are_held_to_its_end() {
    check(
        "
fn f(d: &Depot) {
    println!(\"{} {}\", d.shelf.lock().unwrap().count(), { at(); 1 });
                                                       //^^ held d.shelf
    at();
  //^^ free
    let text = format!(\"{}\", d.shelf.lock().unwrap().count());
    at();
  //^^ free
}",
    );
}

#[test]
fn arguments_of_an_assertion_are_held_to_its_end() {
    check(
        "
fn f(d: &Depot) {
    assert_eq!(d.shelf.lock().unwrap().count(), { at(); 1 });
                                                //^^ held d.shelf
    at();
  //^^ free
}",
    );
}

#[test]
fn a_format_macro_is_a_statement_of_its_own_and_others_are_expressions() {
    check(
        "
fn f(d: &Depot) {
    pair(format!(\"{}\", d.shelf.lock().unwrap().count()).len(), { at(); 1 });
                                                               //^^ free
    pair(vec![d.shelf.lock().unwrap().count()].len(), { at(); 1 });
                                                      //^^ held d.shelf
}",
    );
}

#[test]
fn the_condition_of_ensure_is_over_before_its_message() {
    check(
        "
fn f(d: &Depot) -> anyhow::Result<()> {
    let desk = d.desk.lock().unwrap();
    anyhow::ensure!(d.shelf.lock().unwrap().count() < { at(); 9 }, \"{}\", { at(); 1 });
                                                      //^^ held d.desk, held d.shelf
                                                                         //^^ held d.desk
    at();
  //^^ held d.desk
    anyhow::ensure!(true, \"{} {}\", d.shelf.lock().unwrap().count(), { at(); 1 });
                                                                    //^^ held d.desk, held d.shelf
    Ok(())
}",
    );
}

#[test]
fn a_field_of_a_json_object_is_over_before_the_next() {
    check(
        "
fn f(d: &Depot) {
    json!({ \"a\": d.shelf.lock().unwrap().count(), \"b\": { at(); 1 } });
                                                       //^^ free
    json!({ \"x\": { \"a\": d.shelf.lock().unwrap().count() }, \"b\": at() });
                                                              //^^ free
    json!([d.shelf.lock().unwrap().count(), { at(); 1 }]);
                                            //^^ held d.shelf
    json!({ \"a\": [d.shelf.lock().unwrap().count(), { at(); 1 }] });
                                                   //^^ held d.shelf
    at();
  //^^ free
}",
    );
}

#[test]
fn an_unknown_macro_tells_nothing_of_one_argument_while_another_runs() {
    check(
        "
fn f(d: &Depot) {
    let desk = d.desk.lock().unwrap();
    unknown!(d.shelf.lock().unwrap().count(), { at(); 1 });
                                              //^^ held d.desk
    unknown!(d.shelf.lock().unwrap(), { at(); 1 });
                                      //^^ held d.desk
    unknown! { \"a\" => d.shelf.lock().unwrap().count(), \"b\" => at() };
                                                            //^^ held d.desk
    unknown!(pair(d.shelf.lock().unwrap().count(), { at(); 1 }));
                                                   //^^ held d.desk, held d.shelf
    unknown!(desk, { at(); 1 });
                   //^^ held d.desk
    at();
  //^^ held d.desk
}",
    );
}

#[test]
fn waiting_on_a_condition_variable_keeps_the_guard() {
    check(
        "
fn f(d: &Depot) {
    let mut g = d.shelf.lock().unwrap();
    while g.count() == 0 {
        g = d.bell.wait(g).unwrap();
        at();
      //^^ held d.shelf
    }
    at();
  //^^ held d.shelf
    drop(g);
    at();
  //^^ free
}",
    );
}

#[test]
fn waiting_while_on_a_condition_variable_keeps_the_guard() {
    check(
        "
fn f(d: &Depot) {
    let g = d.bell.wait_while(d.shelf.lock().unwrap(), |shelf| shelf.count() == 0).unwrap();
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn a_read_guard_is_a_guard() {
    check(
        "
fn f(d: &Depot) {
    let n = *d.rate.read().unwrap();
    at();
  //^^ free
    let g = d.rate.write().unwrap();
    at();
  //^^ held d.rate
}",
    );
}

// ---- await points ----

/// The same for examples that await.
#[track_caller]
fn check_async(text: &str) {
    check(&format!("{text}\nasync fn tick() {{}}\nasync fn send(_: u32) {{}}\nasync fn num() -> u32 {{ 0 }}\n{ASYNC}"));
}

const ASYNC: &str = "
use std::sync::Arc;
use tokio::select;
struct Yard { gate: tokio::sync::Mutex<u32>, shed: tokio::sync::RwLock<u32>, slots: tokio::sync::Semaphore }
";

#[test]
fn a_guard_lives_across_an_await_point() {
    check_async(
        "
async fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    tick().await;
  //^^^^ held d.shelf
    at();
  //^^ held d.shelf
}",
    );
}

#[test]
fn drop_before_an_await_point_frees_it() {
    check_async(
        "
async fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    drop(g);
    tick().await;
  //^^^^ free
}",
    );
}

#[test]
fn a_block_before_an_await_point_frees_it() {
    check_async(
        "
async fn f(d: &Depot) {
    {
        let g = d.shelf.lock().unwrap();
        at();
      //^^ held d.shelf
    }
    tick().await;
  //^^^^ free
}",
    );
}

#[test]
fn a_temporary_in_an_awaited_call_is_held_across() {
    check_async(
        "
async fn f(d: &Depot) {
    send(d.shelf.lock().unwrap().count()).await;
  //^^^^ held d.shelf
    at();
  //^^ free
}",
    );
}

#[test]
fn a_match_holds_across_the_await_in_an_arm() {
    check_async(
        "
async fn f(d: &Depot) {
    match d.shelf.lock().unwrap().count() {
        0 => tick().await,
           //^^^^ held d.shelf
        _ => {}
    }
}",
    );
}

#[test]
fn an_if_let_holds_across_an_await_in_else_before_2024() {
    check_async(
        "
async fn f(d: &Depot) {
    if let Some(x) = *d.desk.lock().unwrap() {
        at();
      //^^ held d.desk
    } else {
        tick().await
      //^^^^ 2021: held d.desk, 2024: free
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn an_async_block_has_scopes_of_its_own() {
    check_async(
        "
fn f(d: Arc<Depot>) -> impl Future<Output = ()> {
    let g = d.rate.read().unwrap();
    async move {
        let h = d.shelf.lock().unwrap();
        tick().await;
      //^^^^ held d.shelf
    }
}",
    );
}

#[test]
fn continue_after_a_drop_awaits_freely() {
    check_async(
        "
async fn f(d: &Depot) {
    for n in 0..3 {
        let g = d.shelf.lock().unwrap();
        if g.count() > 1 {
            drop(g);
            tick().await;
          //^^^^ free
            continue;
        }
        at();
      //^^ held d.shelf
    }
}",
    );
}

#[test]
fn a_guard_dropped_in_one_branch_may_be_held_after_its_await() {
    check_async(
        "
async fn f(d: &Depot, b: bool) {
    let g = d.shelf.lock().unwrap();
    if b {
        drop(g);
        tick().await;
      //^^^^ free
    }
    at();
  //^^ maybe d.shelf
}",
    );
}

#[test]
fn a_guard_of_an_async_lock_is_held_from_its_await() {
    check_async(
        "
async fn f(y: &Yard) {
    let wait = y.gate.lock();
    at();
  //^^ free
    let g = wait.await;
          //^^^^ free
    at();
  //^^ held y.gate
    drop(g);
    at();
  //^^ free
}",
    );
}

#[test]
fn a_temporary_guard_of_an_async_lock_dies_at_the_end_of_the_statement() {
    check_async(
        "
async fn f(y: &Yard) {
    let n = *y.shed.read().await;
           //^^^^^^^^^^^^^ free
    at();
  //^^ free
    pair(*y.gate.lock().await, { at(); 1 });
        //^^^^^^^^^^^^^ free
                               //^^ held y.gate
}",
    );
}

#[test]
fn a_permit_is_a_guard() {
    check_async(
        "
async fn f(y: &Yard) -> Result<(), tokio::sync::AcquireError> {
    let permit = y.slots.acquire().await?;
               //^^^^^^^^^^^^^^^^^ free
    at();
  //^^ held y.slots
    drop(permit);
    at();
  //^^ free
    Ok(())
}",
    );
}

#[test]
fn a_select_arm_holds_only_its_own_guard() {
    check_async(
        "
async fn f(y: &Yard) {
    select! {
  //^^^^^^ free
        g = y.gate.lock() => { at(); }
          //^^^^^^^^^^^^^ free
                             //^^ held y.gate
        h = y.shed.read() => { at(); }
          //^^^^^^^^^^^^^ free
                             //^^ held y.shed
        _ = tick() => { at(); }
          //^^^^ free
                      //^^ free
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn a_guard_taken_before_a_select_is_held_in_every_arm() {
    check_async(
        "
async fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    select! {
  //^^^^^^ held d.shelf
        _ = tick() => { drop(g); at(); }
          //^^^^ held d.shelf
                               //^^ free
        n = num() => { at(); }
          //^^^ held d.shelf
                     //^^ held d.shelf
    }
    at();
  //^^ maybe d.shelf
}",
    );
}

#[test]
fn join_polls_while_the_guard_is_held() {
    check_async(
        "
async fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    tokio::join!(tick(), num());
  //^^^^^ held d.shelf
               //^^^^ held d.shelf
                       //^^^ held d.shelf
}",
    );
}

#[test]
fn temporaries_of_making_a_future_are_over_before_a_join_polls_it() {
    check_async(
        "
async fn f(d: &Depot) {
    tokio::join!(send(d.shelf.lock().unwrap().count()), send({ at(); 1 }));
  //^^^^^ free
               //^^^^ free
                                                      //^^^^ free
                                                             //^^ held d.shelf
    let _ = tokio::try_join!(send(d.shelf.lock().unwrap().count()), num());
          //^^^^^ free
                           //^^^^ free
                                                                  //^^^ free
}",
    );
}

#[test]
fn a_guard_within_a_future_is_held_while_a_join_polls_it() {
    check_async(
        "
async fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    tokio::join!(async move { tick().await; drop(g) }, num());
  //^^^^^ free
                            //^^^^ held d.shelf
                                                     //^^^ free
}",
    );
}

#[test]
fn temporaries_of_making_a_future_are_over_before_a_select_polls_it() {
    check_async(
        "
async fn f(d: &Depot) {
    select! {
  //^^^^^^ free
        _ = send(d.shelf.lock().unwrap().count()) => { at(); }
          //^^^^ free
                                                     //^^ free
        _ = send({ at(); 1 }) => {}
          //^^^^ free
                 //^^ held d.shelf
    }
}",
    );
}

#[test]
fn what_a_future_borrows_is_held_while_a_select_polls_it() {
    check_async(
        "
async fn f(d: &Depot) {
    select! {
  //^^^^^^ held d.shelf
        _ = &mut *d.shelf.lock().unwrap() => { at(); }
          //^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ held d.shelf
                                             //^^ free
        _ = tick() => { at(); }
          //^^^^ held d.shelf
                      //^^ free
    }
    at();
  //^^ free
}",
    );
}

#[test]
fn futures_of_a_select_are_over_before_a_handler_runs() {
    check_async(
        "
async fn f(d: &Depot) {
    let g = d.shelf.lock().unwrap();
    select! {
  //^^^^^^ held d.shelf
        _ = async move { tick().await; drop(g) } => { at(); }
                       //^^^^ held d.shelf
          //^^^^^ free
                                                    //^^ free
        _ = num() => { at(); }
          //^^^ held d.shelf
                     //^^ free
    }
}",
    );
}

#[test]
fn joined_acquisitions_are_held_together() {
    check_async(
        "
async fn f(y: &Yard) {
    let (g, h) = tokio::join!(y.gate.lock(), y.shed.read());
               //^^^^^ free
               //^^^^^ held y.gate
    at();
  //^^ held y.gate, held y.shed
    drop(g);
    at();
  //^^ held y.shed
}",
    );
}

#[test]
fn an_empty_option_owns_no_guard() {
    let text = "
        use std::sync::{Mutex, MutexGuard};
        struct S { m: Mutex<u8> }
        fn at() {}
        fn f(s: &S, n: u8) {
            let mut slot = None;
            for _ in 0..n {
                if slot.is_none() { at(); slot = Some(s.m.lock().unwrap()); }
            }
        }";
    let workspace = Workspace::analyse(Sources::of_text("example", Edition::E2021, text));
    let held = workspace.bodies().iter().flat_map(|body| &body.points).filter_map(|point| match &point.kind {
        PointKind::Call(call) if call.name == "at" => Some(point.held.len()),
        _ => None,
    });
    assert_eq!(held.collect::<Vec<_>>(), [0]);
}

#[test]
fn a_guard_that_the_callee_keeps_does_not_come_out_as_another() {
    let text = "
        use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard};
        struct S { m: Mutex<u8>, r: RwLock<u8> }
        fn at() {}
        fn eat<'a>(r: RwLockReadGuard<'a, u8>, m: MutexGuard<'a, u8>) -> RwLockReadGuard<'a, u8> { drop(m); r }
        fn f(s: &S) {
            let r = eat(s.r.read().unwrap(), s.m.lock().unwrap());
            at();
        }";
    let workspace = Workspace::analyse(Sources::of_text("example", Edition::E2021, text));
    let held = workspace.bodies().iter().flat_map(|body| &body.points).filter_map(|point| match &point.kind {
        PointKind::Call(call) if call.name == "at" => {
            Some(point.held.iter().map(|held| held.acquisition.operation.to_string()).collect::<Vec<_>>())
        }
        _ => None,
    });
    assert_eq!(held.collect::<Vec<_>>(), [["read"]]);
}

// ---- guards that change their mode ----

#[test]
fn a_guard_that_is_downgraded_is_a_reader() {
    let text = "
use parking_lot::{RwLock, RwLockUpgradableReadGuard, RwLockWriteGuard};
fn f(stock: &RwLock<u32>) {
    let writer = stock.write();
    let reader = RwLockWriteGuard::downgrade(writer);
    at();
  //^^ Shared
}
fn g(stock: &RwLock<u32>) {
    let reader = stock.upgradable_read();
    at();
  //^^ Shared
    let writer = RwLockUpgradableReadGuard::upgrade(reader);
    at();
  //^^ Exclusive
    drop(writer);
    at();
  //^^ nothing
}
fn at() {}";
    probe::compare(text, Edition::E2021, "nothing", |workspace| {
        let points = workspace.bodies().iter().flat_map(|body| &body.points);
        let marked = points.filter(|point| matches!(&point.kind, PointKind::Call(call) if call.name == "at"));
        let modes = |point: &Point| point.held.iter().map(|held| held.acquisition.mode).collect::<Vec<_>>();
        let told = marked.map(|point| (point.span.range.start, modes(point)));
        told.flat_map(|(at, modes)| modes.into_iter().map(move |mode| (at, format!("{mode:?}")))).collect()
    });
}
