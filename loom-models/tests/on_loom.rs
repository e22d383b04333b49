//! Searches on loom: what is found at which bound, and what is said where loom itself says nothing.

use std::sync::Arc;
use std::time::Duration;

use interlock_models::{Bound, Cut, Limits, Outcome, Plan, Search, Verdict, armed};
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

interlock_models::model! {
    /// Does whoever sees the flag see the value?
    mod flag_after_value = Model {
        property: "the value is seen with the flag",
        search: Search::Loom { preemptions: None },
        twins: &[Twin { bug: "relaxed-flag", symptom: "the flag without the value", found_within: 1 }],
    };
    fn body() {
        let order = if armed("relaxed-flag") { Ordering::Relaxed } else { Ordering::Release };
        let (value, flag) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (of_value, of_flag) = (value.clone(), flag.clone());
        let writer = thread::spawn(move || {
            of_value.store(1, Ordering::Relaxed);
            of_flag.store(1, order);
        });
        if flag.load(Ordering::Acquire) == 1 {
            assert_eq!(value.load(Ordering::Relaxed), 1, "the flag without the value");
        }
        writer.join().expect("it does not panic");
    }
}

fn plan(preemptions: Option<u32>) -> Plan {
    Plan::new("on loom", Search::Loom { preemptions })
}

#[track_caller]
fn assert_found(outcome: &Outcome, symptom: &str, preemptions: Option<u32>) {
    let failure = outcome.failure.as_ref().unwrap_or_else(|| panic!("nothing was found: {outcome:?}"));
    assert_eq!(outcome.verdict, Verdict::Failed);
    assert!(failure.message.contains(symptom), "{}", failure.message);
    assert_eq!(failure.preemptions, preemptions);
    assert_eq!(outcome.notes, Vec::<String>::new(), "it fails again when it is replayed");
}

fn lost_update() {
    let count = Arc::new(AtomicU32::new(0));
    let add = |count: &AtomicU32| {
        let seen = count.load(Ordering::Acquire);
        count.store(seen + 1, Ordering::Release);
    };
    let of_other = count.clone();
    let other = thread::spawn(move || add(&of_other));
    add(&count);
    other.join().expect("it does not panic");
    assert_eq!(count.load(Ordering::Acquire), 2, "an update is lost");
}

fn two_adds() {
    let count = Arc::new(AtomicU32::new(0));
    let of_other = count.clone();
    let other = thread::spawn(move || of_other.fetch_add(1, Ordering::AcqRel));
    count.fetch_add(1, Ordering::AcqRel);
    other.join().expect("it does not panic");
    assert_eq!(count.load(Ordering::Acquire), 2);
}

#[test]
fn a_lost_update_is_found_at_its_bound() {
    let outcome = plan(Some(2)).run(lost_update);
    let bound = outcome.failure.as_ref().and_then(|failure| failure.preemptions);
    assert_found(&outcome, "an update is lost", bound);
    assert!(bound.is_some_and(|bound| bound <= 1), "{bound:?}");
    assert_found(&plan(None).run(lost_update), "an update is lost", None);
}

#[test]
fn a_search_without_a_bound_is_complete() {
    let outcome = plan(None).run(two_adds);
    assert_eq!(outcome.verdict, Verdict::Complete);
    assert!(outcome.executions > 1);
    let bounded = plan(Some(2)).run(two_adds);
    assert_eq!(bounded.verdict, Verdict::CompleteUpTo { bound: Bound::Preemptions(2), passed_over: None });
    assert_eq!(bounded.bounds.len(), 3);
}

#[test]
fn a_deadlock_is_told_and_replayed() {
    let outcome = plan(Some(2)).run(|| {
        let (a, b) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let (other_a, other_b) = (a.clone(), b.clone());
        let other = thread::spawn(move || {
            let _b = other_b.lock();
            let _a = other_a.lock();
        });
        {
            let _a = a.lock();
            let _b = b.lock();
        }
        other.join().expect("it does not panic");
    });
    assert_found(&outcome, "deadlock", Some(1));
}

/// Four threads that write one number: far more executions than the limit.
fn many_orders() {
    let count = Arc::new(AtomicU32::new(0));
    let threads = (0..4).map(|_| {
        let count = count.clone();
        thread::spawn(move || (0..2).for_each(|n| count.store(n, Ordering::Release)))
    });
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().expect("it does not panic"));
}

#[test]
fn a_search_that_loom_leaves_is_cut_off() {
    let limits = Limits { executions: 1_000, ..Limits::DEFAULT };
    let outcome = Plan { limits, ..plan(None) }.run(many_orders);
    assert_eq!(outcome.verdict, Verdict::CutOff { reason: Cut::Executions, done: None });
    let outcome = Plan { budget: Duration::from_millis(50), ..plan(None) }.run(many_orders);
    assert_eq!(outcome.verdict, Verdict::CutOff { reason: Cut::Budget, done: None });
    let outcome = Plan { budget: Duration::ZERO, ..plan(None) }.run(many_orders);
    assert_eq!(outcome.executions, 0);
}

#[test]
fn a_program_that_branches_too_often_is_cut_off() {
    let limits = Limits { steps: 20, ..Limits::DEFAULT };
    let outcome = Plan { limits, ..plan(None) }.run(many_orders);
    assert_eq!(outcome.verdict, Verdict::CutOff { reason: Cut::Steps, done: None });
    assert_eq!(outcome.failure, None);
}

#[test]
fn a_sixth_thread_is_named() {
    let outcome = plan(Some(0)).run(|| {
        for thread in (0..5).map(|_| thread::spawn(|| ())).collect::<Vec<_>>() {
            thread.join().expect("it does not panic");
        }
    });
    let failure = outcome.failure.expect("loom cannot run it");
    assert_eq!(failure.message, "loom runs at most 5 threads, the main one among them, and this model starts one more");
}

#[test]
fn one_order_is_nothing_explored() {
    assert_eq!(plan(None).run(|| AtomicU32::new(0).store(1, Ordering::Release)).verdict, Verdict::NothingExplored);
}
