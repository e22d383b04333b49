//! Bugs that are known to be there, and the bound at which each is found.

use std::sync::Arc;
use std::time::Duration;

use interlock_models::{Cut, Limits, Outcome, Plan, Search, Verdict};
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicU32, Ordering};
use shuttle::thread;

fn bounded(preemptions: u32, body: fn()) -> Outcome {
    Plan::new("known", Search::Bounded { preemptions }).run(body)
}

#[track_caller]
fn assert_found(outcome: &Outcome, symptom: &str, preemptions: u32) {
    let failure = outcome.failure.as_ref().unwrap_or_else(|| panic!("nothing was found: {outcome:?}"));
    assert_eq!(outcome.verdict, Verdict::Failed);
    assert!(failure.message.contains(symptom), "{}", failure.message);
    assert_eq!(failure.preemptions, Some(preemptions));
    assert_eq!(failure.scheduler, "bounded");
    assert!(!failure.steps.is_empty());
    assert_eq!(outcome.notes, Vec::<String>::new());
}

fn opposite_orders() {
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
}

fn lost_update() {
    let count = Arc::new(AtomicU32::new(0));
    let add = |count: &AtomicU32| {
        let seen = count.load(Ordering::SeqCst);
        count.store(seen + 1, Ordering::SeqCst);
    };
    let of_other = count.clone();
    let other = thread::spawn(move || add(&of_other));
    add(&count);
    other.join().expect("it does not panic");
    assert_eq!(count.load(Ordering::SeqCst), 2, "an update is lost");
}

/// The other task must stop after `x` and see `y` before it goes on: 1, then 2 within it, then back.
fn needs_two() {
    let (x, y) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (other_x, other_y) = (x.clone(), y.clone());
    let other = thread::spawn(move || {
        other_x.store(1, Ordering::SeqCst);
        other_x.store(2, Ordering::SeqCst);
        other_y.load(Ordering::SeqCst)
    });
    let third = thread::spawn(move || {
        if x.load(Ordering::SeqCst) == 1 {
            y.store(1, Ordering::SeqCst);
            y.store(0, Ordering::SeqCst);
        }
    });
    let seen = other.join().expect("it does not panic");
    third.join().expect("it does not panic");
    assert_eq!(seen, 0, "the middle of an update is seen");
}

#[test]
fn opposite_orders_deadlock_with_one_preemption() {
    assert_eq!(bounded(0, opposite_orders).verdict, Verdict::CompleteUpTo { preemptions: 0, passed_over: None });
    assert_found(&bounded(2, opposite_orders), "deadlock", 1);
}

#[test]
fn an_update_is_lost_with_one_preemption() {
    assert_eq!(bounded(0, lost_update).verdict, Verdict::CompleteUpTo { preemptions: 0, passed_over: None });
    assert_found(&bounded(3, lost_update), "an update is lost", 1);
}

#[test]
fn a_bug_of_two_preemptions_is_not_found_with_one() {
    assert_eq!(bounded(1, needs_two).verdict, Verdict::CompleteUpTo { preemptions: 1, passed_over: None });
    assert_found(&bounded(2, needs_two), "the middle of an update is seen", 2);
}

#[test]
fn a_search_that_is_cut_off_says_so() {
    let limits = Limits { executions: 30, ..Limits::DEFAULT };
    let plan = Plan { limits, ..Plan::new("known", Search::Bounded { preemptions: 4 }) };
    let cut = plan.run(|| {
        let tasks = (0..3).map(|_| thread::spawn(thread::yield_now)).collect::<Vec<_>>();
        tasks.into_iter().for_each(|task| task.join().expect("it does not panic"));
    });
    assert!(matches!(cut.verdict, Verdict::CutOff { reason: Cut::Executions, .. }), "{}", cut.verdict);
    assert_eq!(cut.executions, 30);
    let plan = Plan { budget: Duration::ZERO, ..Plan::new("known", Search::Bounded { preemptions: 1 }) };
    let cut = plan.run(lost_update);
    assert_eq!(cut.verdict, Verdict::CutOff { reason: Cut::Budget, preemptions_done: None });
    assert_eq!(cut.executions, 0);
}

#[test]
fn an_execution_that_does_not_end_is_cut_off() {
    let limits = Limits { steps: 200, ..Limits::DEFAULT };
    let plan = Plan { limits, ..Plan::new("known", Search::Bounded { preemptions: 1 }) };
    let cut = plan.run(|| {
        let never = AtomicU32::new(0);
        while never.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
    });
    assert_eq!(cut.verdict, Verdict::CutOff { reason: Cut::Steps, preemptions_done: None });
}

#[test]
fn one_task_alone_explores_nothing() {
    let outcome = bounded(2, || drop(Mutex::new(1).lock()));
    assert_eq!(outcome.verdict, Verdict::NothingExplored);
    let plan = Plan::new("known", Search::Portfolio { schedules: 1_000 });
    assert_eq!(plan.run(|| drop(Mutex::new(1).lock())).verdict, Verdict::NothingExplored);
}

#[test]
fn a_model_that_depends_on_more_than_its_schedule_is_not_deterministic() {
    static EXECUTIONS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let outcome = bounded(2, || {
        let n = EXECUTIONS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let task = thread::spawn(move || (0..n % 3).for_each(|_| thread::yield_now()));
        task.join().expect("it does not panic");
    });
    assert!(matches!(&outcome.verdict, Verdict::NotDeterministic { cause } if cause.contains("likely causes")));
}
