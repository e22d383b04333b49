//! The bounded search explores each schedule once: its counts are those of a recursion over an abstract machine.

mod programs;

use interlock_models::{Bound, Outcome, Shard, Verdict};
use programs::{Op, Program, counted, drawn, searched, searched_of, steps};

#[track_caller]
fn check(program: &Program, bound: Bound) {
    let outcome = searched(program, bound, Shard::WHOLE);
    assert!(!outcome.bounds.is_empty(), "{program:?}: {outcome:?}");
    for (bound, executions) in &outcome.bounds {
        assert_eq!(*executions, counted(program, *bound), "{bound} of {program:?}");
    }
    let last = outcome.bounds.last().map(|(bound, _)| *bound).expect("one is complete");
    let executions: u64 = outcome.bounds.iter().map(|(_, executions)| executions).sum();
    assert_eq!(outcome.executions, executions);
    let all = counted(program, Bound::Preemptions(1_000));
    match outcome.verdict {
        Verdict::Complete => assert_eq!(counted(program, last), all),
        Verdict::CompleteUpTo { bound, passed_over: None } => {
            assert_eq!(bound, last);
            assert!(counted(program, bound) < all);
        }
        other => panic!("{program:?}: {other}"),
    }
}

fn check_preemptions(program: &Program, preemptions: u32) {
    check(program, Bound::Preemptions(preemptions));
}

fn check_delays(program: &Program, delays: u32) {
    check(program, Bound::Delays(delays));
}

#[test]
fn two_tasks_of_n_steps() {
    for n in 0..4 {
        for preemptions in 0..5 {
            check_preemptions(&steps(&[n, n]), preemptions);
        }
    }
}

/// Two tasks that main waits for, after a bound that keeps main out: interleavings of runs of a and b steps.
#[test]
fn without_a_bound_two_tasks_have_as_many_orders_as_a_binomial() {
    let binomial = |n: u64, k: u64| (1..=k).fold(1, |so_far, i| so_far * (n - k + i) / i);
    // Main takes no part once both are spawned and it waits for the first; what it does before and after is counted by
    // the machine, which is compared with the closed form where main has no step left.
    let alone = |a: u64, b: u64| binomial(a + b, a);
    assert_eq!(alone(2, 2), 6);
    check_preemptions(&steps(&[2, 2]), 20);
}

#[test]
fn three_tasks_of_unlike_length() {
    check_preemptions(&steps(&[1, 2, 1]), 3);
    check_preemptions(&steps(&[3, 0, 1]), 4);
}

#[test]
fn yields_hand_over_and_choices_take_each_value() {
    check_preemptions(&vec![vec![Op::Step, Op::Yield, Op::Step], vec![Op::Yield, Op::Step]], 3);
    check_preemptions(&vec![vec![Op::Choose(3), Op::Step], vec![Op::Step, Op::Choose(2), Op::Choose(2)]], 2);
}

#[test]
fn sixty_drawn_programs() {
    for seed in 0..60 {
        check_preemptions(&drawn(seed), 2);
    }
}

#[test]
fn delays_of_tasks_of_unlike_length() {
    for delays in 0..5 {
        check_delays(&steps(&[2, 2]), delays);
        check_delays(&steps(&[1, 2, 1]), delays);
        check_delays(&vec![vec![Op::Step, Op::Yield, Op::Step], vec![Op::Yield, Op::Step]], delays);
        check_delays(&vec![vec![Op::Choose(3), Op::Step], vec![Op::Step, Op::Choose(2), Op::Choose(2)]], delays);
    }
}

#[test]
fn delays_of_sixty_drawn_programs() {
    for seed in 0..60 {
        check_delays(&drawn(seed), 3);
    }
}

/// What a bound on preemptions does not limit: five tasks that block have 120 orders, and one without a delay.
#[test]
fn delays_also_limit_who_follows_a_task_that_ends() {
    let program = steps(&[0, 0, 0, 0, 0]);
    assert!(counted(&program, Bound::Preemptions(0)) >= 120);
    assert_eq!(counted(&program, Bound::Delays(0)), 1);
    check_delays(&program, 2);
}

/// Enough delays leave nothing out.
#[test]
fn without_a_bound_delays_are_all_schedules() {
    check_delays(&steps(&[2, 1]), 100);
    assert_eq!(searched(&steps(&[2, 1]), Bound::Delays(100), Shard::WHOLE).verdict, Verdict::Complete);
}

#[test]
fn shards_add_up() {
    let programs = [steps(&[3, 3]), steps(&[1, 2, 1]), drawn(3), drawn(11), drawn(17)];
    for program in programs {
        for bound in [Bound::Preemptions(3), Bound::Delays(3)] {
            for count in [2, 3, 4, 7] {
                check_shards(&program, bound, count);
            }
        }
    }
}

/// Each part runs the executions without a delay, its own or not: a failure there has a number in each of them.
#[test]
fn what_always_fails_is_the_first_execution_of_each_part() {
    let fails = || {
        let task = shuttle::thread::spawn(|| ());
        assert!(task.join().is_err(), "always");
    };
    for index in 0..3 {
        let outcome = searched_of(fails, Bound::Delays(2), Shard { index, count: 3 });
        assert_eq!((outcome.verdict, outcome.failure.map(|failure| failure.execution)), (Verdict::Failed, Some(1)));
    }
}

#[track_caller]
fn check_shards(program: &Program, bound: Bound, count: u32) {
    let whole = searched(program, bound, Shard::WHOLE);
    let parts: Vec<_> = (0..count).map(|index| searched(program, bound, Shard { index, count })).collect();
    for (bound, executions) in &whole.bounds {
        let of = |outcome: &Outcome| {
            outcome.bounds.iter().find(|(part, _)| part == bound).map(|(_, executions)| *executions)
        };
        let sum: Option<u64> = parts.iter().map(of).sum();
        assert_eq!(sum, Some(*executions), "{bound} of {program:?} in {count} parts");
    }
}

/// The first delays of a search are dealt out one by one, so that no part has most of it.
#[test]
fn parts_of_a_search_by_delays_are_alike() {
    let program = steps(&[12, 12]);
    let executions = |index| searched(&program, Bound::Delays(2), Shard { index, count: 4 }).executions;
    let parts: Vec<u64> = (0..4).map(executions).collect();
    let (least, most) = (parts.iter().min().copied(), parts.iter().max().copied());
    assert!(least.zip(most).is_some_and(|(least, most)| most < 2 * least), "{parts:?}");
}
