//! The bounded search explores each schedule once: its counts are those of a recursion over an abstract machine.

mod programs;

use interlock_models::{Shard, Verdict};
use programs::{Op, Program, counted, drawn, searched, steps};

#[track_caller]
fn check(program: &Program, preemptions: u32) {
    let outcome = searched(program, preemptions, Shard::WHOLE);
    assert!(!outcome.bounds.is_empty(), "{program:?}: {outcome:?}");
    for (bound, executions) in &outcome.bounds {
        assert_eq!(*executions, counted(program, *bound), "bound {bound} of {program:?}");
    }
    let last = outcome.bounds.last().map(|(bound, _)| *bound);
    let executions: u64 = outcome.bounds.iter().map(|(_, executions)| executions).sum();
    assert_eq!(outcome.executions, executions);
    match outcome.verdict {
        Verdict::Complete => assert_eq!(counted(program, last.expect("one is complete")), counted(program, 1_000)),
        Verdict::CompleteUpTo { preemptions, passed_over: None } => {
            assert_eq!(Some(preemptions), last);
            assert!(counted(program, preemptions) < counted(program, 1_000));
        }
        other => panic!("{program:?}: {other}"),
    }
}

#[test]
fn two_tasks_of_n_steps() {
    for n in 0..4 {
        for preemptions in 0..5 {
            check(&steps(&[n, n]), preemptions);
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
    check(&steps(&[2, 2]), 20);
}

#[test]
fn three_tasks_of_unlike_length() {
    check(&steps(&[1, 2, 1]), 3);
    check(&steps(&[3, 0, 1]), 4);
}

#[test]
fn yields_hand_over_and_choices_take_each_value() {
    check(&vec![vec![Op::Step, Op::Yield, Op::Step], vec![Op::Yield, Op::Step]], 3);
    check(&vec![vec![Op::Choose(3), Op::Step], vec![Op::Step, Op::Choose(2), Op::Choose(2)]], 2);
}

#[test]
fn sixty_drawn_programs() {
    for seed in 0..60 {
        check(&drawn(seed), 2);
    }
}

#[test]
fn shards_add_up() {
    let programs = [steps(&[3, 3]), steps(&[1, 2, 1]), drawn(3), drawn(11), drawn(17)];
    for program in programs {
        let whole = searched(&program, 3, Shard::WHOLE);
        for count in [2, 3, 4, 7] {
            let parts: Vec<_> = (0..count).map(|index| searched(&program, 3, Shard { index, count })).collect();
            for (bound, executions) in &whole.bounds {
                let of = |bounds: &[(u32, u64)]| bounds.iter().find(|(part, _)| part == bound).map(|(_, n)| *n);
                let sum: Option<u64> = parts.iter().map(|part| of(&part.bounds)).sum();
                assert_eq!(sum, Some(*executions), "bound {bound} of {program:?} in {count} parts");
            }
        }
    }
}
