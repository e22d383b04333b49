//! Small programs that are run under shuttle, and whose schedules are counted by hand: a recursion over an abstract
//! machine that shares nothing with the scheduler under test.

use std::sync::Arc;

use interlock_models::{Bound, Limits, Outcome, Plan, Search, Shard};
use shuttle::sync::atomic::{AtomicU32, Ordering};

/// What a task does. Each comes after a point where another task may run, as in shuttle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Step,
    Yield,
    /// A value is chosen among so many. No point comes before it.
    Choose(usize),
}

/// Tasks with their operations. The main task spawns each of them, and then joins each.
pub(crate) type Program = Vec<Vec<Op>>;

/// A task for each length, of plain steps.
pub(crate) fn steps(lengths: &[usize]) -> Program {
    lengths.iter().map(|length| vec![Op::Step; *length]).collect()
}

fn run(program: &Program) {
    let count = Arc::new(AtomicU32::new(0));
    let tasks = program.iter().map(|ops| {
        let (ops, count) = (ops.clone(), count.clone());
        shuttle::thread::spawn(move || {
            for op in ops {
                match op {
                    Op::Step => drop(count.fetch_add(1, Ordering::SeqCst)),
                    Op::Yield => shuttle::thread::yield_now(),
                    Op::Choose(n) => drop(interlock_models::choose(n)),
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.join().expect("no task of the program panics");
    }
}

/// The executions that the search takes at each bound.
pub(crate) fn searched(program: &Program, bound: Bound, shard: Shard) -> Outcome {
    let program = program.clone();
    searched_of(move || run(&program), bound, shard)
}

/// The same of any body.
pub(crate) fn searched_of(body: impl Fn() + Send + Sync + 'static, bound: Bound, shard: Shard) -> Outcome {
    // A yield that is met more often than this takes programs longer than these.
    let limits = Limits { checked_twice: 2, passed_over: 1_000, ..Limits::DEFAULT };
    let search = match bound {
        Bound::Preemptions(preemptions) => Search::Bounded { preemptions },
        Bound::Delays(delays) => Search::Delays { delays },
    };
    let plan = Plan { limits, shard, ..Plan::new("program", search) };
    plan.run(body)
}

/// One operation of the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Do {
    /// The task's own, after a point.
    Own(Op),
    Spawn(usize),
    Join(usize),
    /// The main task's end, which has a point of its own.
    Exit,
}

struct Machine {
    tasks: Vec<Vec<Do>>,
    bound: Bound,
}

/// Where each task is: not spawned, not begun, before an operation, ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    NotSpawned,
    NotBegun,
    Before(usize),
    Ended,
}

impl Machine {
    fn can_run(&self, at: &[At], task: usize) -> bool {
        match at[task] {
            At::NotSpawned | At::Ended => false,
            At::NotBegun => true,
            At::Before(op) => match self.tasks[task][op] {
                Do::Join(other) => at[other] == At::Ended,
                _ => true,
            },
        }
    }

    /// Moves on to what comes after operation `from`, through choices, which have no point. How many values they have.
    fn arrive(&self, at: &mut [At], task: usize, from: usize) -> u64 {
        let (mut op, mut values) = (from, 1);
        while let Some(Do::Own(Op::Choose(n))) = self.tasks[task].get(op) {
            values *= *n as u64;
            op += 1;
        }
        at[task] = if op < self.tasks[task].len() { At::Before(op) } else { At::Ended };
        values
    }

    /// Lets a task make its step. How many values it chooses from.
    fn step(&self, at: &mut [At], task: usize) -> u64 {
        match at[task] {
            At::NotBegun => self.arrive(at, task, 0),
            At::Before(op) => {
                if let Do::Spawn(other) = self.tasks[task][op] {
                    at[other] = At::NotBegun;
                }
                self.arrive(at, task, op + 1)
            }
            At::NotSpawned | At::Ended => unreachable!("it can run"),
        }
    }

    fn yields(&self, at: &[At], task: usize) -> bool {
        matches!(at[task], At::Before(op) if self.tasks[task][op] == Do::Own(Op::Yield))
    }

    /// Schedules from here on, with `used` preemptions so far.
    fn count_preempted(&self, at: &[At], current: usize, used: u32) -> u64 {
        let runnable: Vec<usize> = (0..at.len()).filter(|task| self.can_run(at, *task)).collect();
        if runnable.is_empty() {
            return 1;
        }
        let yields = self.yields(at, current);
        let goes_on = runnable.contains(&current) && !yields;
        let mut sum = 0;
        for task in runnable.iter().copied() {
            let is_other = task != current;
            if (!is_other && yields && runnable.len() > 1) || (goes_on && is_other && used == self.bound.number()) {
                continue;
            }
            let mut next = at.to_vec();
            let values = self.step(&mut next, task);
            sum += values * self.count_preempted(&next, task, used + u32::from(goes_on && is_other));
        }
        sum
    }

    /// Schedules from here on with so many delays left. The tasks stand in a queue: the first that can run does, and goes on
    /// as long as it can and does not yield; each delay sends the one whose turn it is to the end.
    fn count_delayed(&self, at: &[At], queue: &[usize], current: usize, left: u32) -> u64 {
        let mut waiting: Vec<usize> = queue.iter().copied().filter(|task| self.can_run(at, *task)).collect();
        if waiting.is_empty() {
            return 1;
        }
        if let Some(place) = waiting.iter().position(|task| *task == current) {
            waiting.remove(place);
            if !self.yields(at, current) || waiting.is_empty() {
                waiting.insert(0, current);
            }
        }
        let (mut queue, mut sum) = (queue.to_vec(), 0);
        for (delays, task) in (0..=left).zip(waiting) {
            queue.retain(|other| *other != task);
            queue.push(task);
            let mut next = at.to_vec();
            let values = self.step(&mut next, task);
            sum += values * self.count_delayed(&next, &queue, task, left - delays);
        }
        sum
    }
}

/// The schedules of a program within a bound.
pub(crate) fn counted(program: &Program, bound: Bound) -> u64 {
    let others = 1..=program.len();
    let main = others.clone().map(Do::Spawn).chain(others.map(Do::Join)).chain([Do::Exit]);
    let mut tasks: Vec<Vec<Do>> = vec![main.collect()];
    tasks.extend(program.iter().map(|ops| ops.iter().copied().map(Do::Own).collect::<Vec<_>>()));
    let mut at = vec![At::NotSpawned; tasks.len()];
    at[0] = At::NotBegun;
    let queue: Vec<usize> = (0..at.len()).collect();
    let machine = Machine { tasks, bound };
    match bound {
        Bound::Preemptions(_) => machine.count_preempted(&at, 0, 0),
        Bound::Delays(delays) => machine.count_delayed(&at, &queue, 0, delays),
    }
}

/// A program from a seed: two or three tasks with up to three operations each.
pub(crate) fn drawn(seed: u64) -> Program {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |n: u64| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) % n
    };
    let n_tasks = 2 + below(2);
    let op = |kind: u64| match kind {
        0..=3 => Op::Step,
        4 => Op::Yield,
        _ => Op::Choose(2),
    };
    (0..n_tasks).map(|_| (0..below(4)).map(|_| op(below(6))).collect()).collect()
}
