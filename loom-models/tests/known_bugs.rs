//! Bugs that are known to be there, and the bound at which each is found.

use std::sync::Arc;
use std::time::Duration;

use interlock_models::{Bound, Cut, Limits, Outcome, Plan, Search, Verdict};
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
    assert_eq!(
        bounded(0, opposite_orders).verdict,
        Verdict::CompleteUpTo { bound: Bound::Preemptions(0), passed_over: None }
    );
    assert_found(&bounded(2, opposite_orders), "deadlock", 1);
}

#[test]
fn an_update_is_lost_with_one_preemption() {
    assert_eq!(
        bounded(0, lost_update).verdict,
        Verdict::CompleteUpTo { bound: Bound::Preemptions(0), passed_over: None }
    );
    assert_found(&bounded(3, lost_update), "an update is lost", 1);
}

#[test]
fn a_bug_of_two_preemptions_is_not_found_with_one() {
    assert_eq!(
        bounded(1, needs_two).verdict,
        Verdict::CompleteUpTo { bound: Bound::Preemptions(1), passed_over: None }
    );
    assert_found(&bounded(2, needs_two), "the middle of an update is seen", 2);
}

fn delayed(delays: u32, body: fn()) -> Outcome {
    Plan::new("known", Search::Delays { delays }).run(body)
}

#[track_caller]
fn assert_found_with_delays(outcome: &Outcome, symptom: &str, delays: u32) {
    let failure = outcome.failure.as_ref().unwrap_or_else(|| panic!("nothing was found: {outcome:?}"));
    assert_eq!(outcome.verdict, Verdict::Failed);
    assert!(failure.message.contains(symptom), "{}", failure.message);
    assert_eq!((failure.delays, failure.scheduler.as_str()), (Some(delays), "delays"));
    assert!(!failure.steps.is_empty());
    assert_eq!(outcome.notes, Vec::<String>::new());
}

#[test]
fn bugs_are_found_with_as_many_delays_as_they_take() {
    let up_to = |delays| Verdict::CompleteUpTo { bound: Bound::Delays(delays), passed_over: None };
    assert_eq!(delayed(0, opposite_orders).verdict, up_to(0));
    assert_found_with_delays(&delayed(2, opposite_orders), "deadlock", 1);
    assert_found_with_delays(&delayed(3, lost_update), "an update is lost", 1);
    assert_eq!(delayed(1, needs_two).verdict, up_to(1));
    assert_found_with_delays(&delayed(3, needs_two), "the middle of an update is seen", 2);
}

#[test]
fn a_search_by_delays_that_is_cut_off_says_so_in_delays() {
    let limits = Limits { executions: 12, ..Limits::DEFAULT };
    let cut = Plan { limits, ..Plan::new("known", Search::Delays { delays: 2 }) }.run(needs_two);
    assert_eq!(cut.verdict, Verdict::CutOff { reason: Cut::Executions, done: Some(Bound::Delays(1)) });
    assert_eq!(cut.verdict.to_string(), "cut off (executions), complete up to 1 delay");
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
    assert_eq!(cut.verdict, Verdict::CutOff { reason: Cut::Budget, done: None });
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
    assert_eq!(cut.verdict, Verdict::CutOff { reason: Cut::Steps, done: None });
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

/// Two tasks that wait for a third by yielding could leave it out for ever.
fn waits_by_yielding() {
    let flag = Arc::new(AtomicU32::new(0));
    let waiting = (0..2).map(|_| {
        let flag = flag.clone();
        thread::spawn(move || {
            while flag.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
        })
    });
    let waiting: Vec<_> = waiting.collect();
    let setting = thread::spawn(move || flag.store(1, Ordering::SeqCst));
    waiting.into_iter().chain([setting]).for_each(|task| task.join().expect("it does not panic"));
}

#[test]
fn who_is_left_out_by_yields_runs_after_all() {
    let run = |passed_over| {
        let limits = Limits { passed_over, ..Limits::DEFAULT };
        Plan { limits, ..Plan::new("known", Search::Bounded { preemptions: 1 }) }.run(waits_by_yielding)
    };
    let outcome = run(4);
    assert_eq!(outcome.verdict, Verdict::CompleteUpTo { bound: Bound::Preemptions(1), passed_over: Some(4) });
    assert!(run(6).executions > outcome.executions, "a higher limit explores more");
    let text = "complete up to 1 preemption, no task passed over by yields more than 4 times";
    assert_eq!(outcome.verdict.to_string(), text);
}

/// Each has its turn, so that no limit keeps anything out.
#[test]
fn delays_leave_nobody_out() {
    let limits = Limits { passed_over: 0, ..Limits::DEFAULT };
    let outcome = Plan { limits, ..Plan::new("known", Search::Delays { delays: 2 }) }.run(waits_by_yielding);
    assert_eq!(outcome.verdict, Verdict::CompleteUpTo { bound: Bound::Delays(2), passed_over: None });
    assert_eq!(outcome.verdict.to_string(), "complete up to 2 delays");
}

/// Tasks that wait for each other by parking leave nobody out for ever: they block.
#[test]
fn who_parks_does_not_yield() {
    let outcome = bounded(0, || {
        let main = thread::current();
        let other = thread::spawn(move || {
            for _ in 0..12 {
                main.unpark();
                thread::park();
            }
        });
        let third = thread::spawn(|| AtomicU32::new(0).store(1, Ordering::SeqCst));
        for _ in 0..12 {
            thread::park();
            other.thread().unpark();
        }
        [other, third].into_iter().for_each(|task| task.join().expect("it does not panic"));
    });
    assert_eq!(outcome.verdict, Verdict::CompleteUpTo { bound: Bound::Preemptions(0), passed_over: None });
    assert!(outcome.executions > 20, "{}", outcome.executions);
}

#[test]
fn a_choice_is_replayed_whoever_made_it() {
    let body = || assert_ne!(interlock_models::choose(7), 5, "five was chosen");
    let outcome = Plan::new("known", Search::Bounded { preemptions: 0 }).run(body);
    assert_found(&outcome, "five was chosen", 0);
    assert_eq!(outcome.failure.map(|failure| failure.execution), Some(6));
    let limits = Limits { checked_twice: 0, ..Limits::DEFAULT };
    let outcome = Plan { limits, ..Plan::new("known", Search::Portfolio { schedules: 600 }) }.run(body);
    assert_eq!(outcome.failure.map(|failure| failure.scheduler), Some("random".to_owned()));
    assert_eq!(outcome.notes, Vec::<String>::new());
}

#[test]
fn a_draw_without_a_range_is_one_stream_and_makes_no_search_complete() {
    use shuttle::rand::RngCore;
    let outcome = bounded(5, || {
        let other = thread::spawn(|| shuttle::rand::thread_rng().next_u64());
        thread::yield_now();
        let mine = shuttle::rand::thread_rng().next_u64();
        assert_ne!(mine, other.join().expect("it does not panic"));
    });
    assert!(
        matches!(outcome.verdict, Verdict::CompleteUpTo { bound: Bound::Preemptions(5), .. }),
        "{}",
        outcome.verdict
    );
    assert!(outcome.notes.iter().any(|note| note.contains("one fixed stream")), "{:?}", outcome.notes);
}

/// Three tasks in one order of many: a bug of depth three.
#[test]
fn a_portfolio_finds_an_order() {
    let plan = Plan::new("order", Search::Portfolio { schedules: 5_000 });
    let outcome = plan.run(|| {
        let seen = Arc::new(AtomicU32::new(0));
        let step = |from: u32| {
            let seen = seen.clone();
            thread::spawn(move || {
                for _ in 0..4 {
                    let _ = seen.load(Ordering::SeqCst);
                }
                let _ = seen.compare_exchange(from, from + 1, Ordering::SeqCst, Ordering::SeqCst);
            })
        };
        let tasks = [step(2), step(1), step(0)];
        tasks.into_iter().for_each(|task| task.join().expect("it does not panic"));
        assert_ne!(seen.load(Ordering::SeqCst), 3, "the rare order");
    });
    let failure = outcome.failure.expect("it is found");
    assert!(failure.message.contains("the rare order"));
    assert!(!failure.steps.is_empty());
}

/// What is left of the first execution makes the second one fail: a schedule does not say it.
#[test]
fn a_failure_that_does_not_come_again_is_said_to_be_one() {
    static FAILED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    let outcome = bounded(1, || {
        let task = thread::spawn(thread::yield_now);
        task.join().expect("it does not panic");
        assert!(FAILED.swap(true, std::sync::atomic::Ordering::SeqCst), "only once");
    });
    assert_ne!(outcome.verdict, Verdict::Complete);
    assert!(outcome.notes.iter().any(|note| note.contains("did not fail")), "{outcome:?}");
}

#[test]
fn what_is_quiet_has_one_order_and_the_verdict_says_so() {
    let outcome = bounded(2, || {
        let begins = interlock_models::quiet();
        lost_update();
        // Each of those who yield has its turn.
        let ends = Arc::new(AtomicU32::new(0));
        let waiting = (0..3).map(|n| {
            let ends = ends.clone();
            thread::spawn(move || {
                while ends.load(Ordering::SeqCst) < 2 - n {
                    thread::yield_now();
                }
                ends.fetch_add(1, Ordering::SeqCst);
            })
        });
        waiting.collect::<Vec<_>>().into_iter().for_each(|task| task.join().expect("it does not panic"));
        drop(begins);
        let other = thread::spawn(|| AtomicU32::new(0).store(1, Ordering::SeqCst));
        AtomicU32::new(0).store(1, Ordering::SeqCst);
        other.join().expect("it does not panic");
    });
    assert_eq!(outcome.verdict, Verdict::CompleteUpTo { bound: Bound::Preemptions(2), passed_over: None });
    assert!(outcome.notes.iter().any(|note| note.contains("one order")), "{:?}", outcome.notes);
    assert!(outcome.executions < 20, "{}", outcome.executions);
    assert_found(&bounded(2, lost_update), "an update is lost", 1);
}
