//! Preemption-bounded search: every schedule with at most so many preemptions.
//!
//! After Musuvathi and Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded Programs" (PLDI 2007).
//! A switch away from a task that could go on costs one preemption; most bugs need few of them, and the number of
//! schedules grows with the length of the program only to the power of the bound. What a bound does not limit:
//!
//! - *Forced hand-overs.* Where the task blocks, ends or yields, each task that can run is taken in turn, at no cost. A
//!   task that yields does not get its own yield, if there is anyone else.
//! - *Fairness.* Tasks that yield to each other could leave out a third one for ever, so a task that can run is passed over
//!   by yields a limited number of times, then it runs. Where that removes an option, `met_the_limit` says so, and so does
//!   the verdict. A program whose tasks do not spin never meets the limit.
//! - *Choices* of the model (`choose`) take each value, at no cost.
//! - *A wake-up without a reason*, which shuttle offers where a task parks, costs one preemption.
//!
//! The search is depth first over the points where there is more than one option, and runs each execution from its
//! start. A point that offers other options than it did before ends the search: the model depends on something that is
//! not its schedule.
//!
//! **Shards.** The first so many points of an execution are its prefix. Prefixes are numbered in the order in which the
//! search meets them and dealt out in turn; an execution of a foreign prefix is left where its prefix ends. So each
//! execution belongs to exactly one shard. How long a prefix is, each shard finds out by itself, and all find the same:
//! the shortest of 1, 2, 4, .. points with enough prefixes for the shards to be alike.

use super::ask::Ask;
use super::policy::{Next, Policy};
use super::record::{Record, Stop};
use crate::shard::Shard;

/// How a search is split.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Split {
    pub(crate) shard: Shard,
    /// How many points a prefix has.
    pub(crate) points: usize,
    /// Whether prefixes are all that is asked for, and how many of them are enough.
    pub(crate) prefixes_only: Option<u64>,
}

impl Split {
    /// A search that is not split.
    pub(crate) const NONE: Split = Split { shard: Shard::WHOLE, points: 0, prefixes_only: None };
}

/// A point with more than one option.
#[derive(Debug, Default)]
struct Point {
    /// Tasks by their numbers, or the values of a choice.
    options: Vec<u32>,
    /// The one that is being explored.
    at: usize,
}

/// The search at one bound.
#[derive(Debug)]
pub(crate) struct Bounded {
    bound: u32,
    passed_over_max: u32,
    split: Split,
    /// The points of the execution at hand, and where it is among them.
    points: Vec<Point>,
    depth: usize,
    used: u32,
    begun: bool,
    prefix: u64,
    is_foreign: bool,
    /// Whether any execution was left at the end of its prefix.
    has_left: bool,
    /// For each task: the step that it last ran in, and how often it was passed over since.
    last_ran: Vec<u32>,
    passed_over: Vec<u32>,
    /// Memory for the options of a question, and of points that are gone.
    options: Vec<u32>,
    spare: Vec<Vec<u32>>,
    /// Whether the bound kept anything from being explored.
    pub(crate) met_the_bound: bool,
    /// Whether the limit on passing over did.
    pub(crate) met_the_limit: bool,
}

impl Bounded {
    pub(crate) fn new(bound: u32, passed_over_max: u32, split: Split) -> Bounded {
        Bounded {
            bound,
            passed_over_max,
            split,
            points: Vec::new(),
            depth: 0,
            used: 0,
            begun: false,
            prefix: 0,
            is_foreign: false,
            has_left: false,
            last_ran: Vec::new(),
            passed_over: Vec::new(),
            options: Vec::new(),
            spare: Vec::new(),
            met_the_bound: false,
            met_the_limit: false,
        }
    }

    /// Whether there are as many prefixes as were asked for, or no longer ones.
    pub(crate) fn is_split_enough(&self) -> bool {
        !self.has_left || self.split.prefixes_only.is_some_and(|enough| self.prefix >= enough)
    }

    /// Whether the rest of this execution is another shard's.
    fn is_left(&self) -> bool {
        self.is_foreign && self.depth >= self.split.points
    }

    /// Goes to the next option of the last point that has one. `false` where there is none.
    fn advance(&mut self) -> bool {
        while let Some(mut point) = self.points.pop() {
            point.at += 1;
            if point.at < point.options.len() {
                self.prefix += u64::from(self.points.len() < self.split.points);
                self.points.push(point);
                return true;
            }
            self.spare.push(point.options);
        }
        false
    }

    /// The option to take at the point that is next, from `self.options`, of which there is more than one.
    fn take_option(&mut self, record: &mut Record) -> u32 {
        if let Some(point) = self.points.get(self.depth) {
            if point.options != self.options {
                let text = format!(
                    "point {} of the same schedule had the options {:?} and now has {:?}",
                    self.depth, point.options, self.options
                );
                record.stop = Some(Stop::Diverged(text));
                return self.options[0];
            }
        } else {
            let mut options = self.spare.pop().unwrap_or_default();
            options.clear();
            options.extend_from_slice(&self.options);
            self.points.push(Point { options, at: 0 });
        }
        let point = &self.points[self.depth];
        self.depth += 1;
        point.options[point.at]
    }

    /// Puts what may follow into `self.options`.
    fn list_options(&mut self, ask: &Ask<'_>) {
        self.options.clear();
        let may_preempt = self.used < self.bound;
        match ask.goes_on() {
            Some(current) => {
                self.options.push(current);
                if may_preempt {
                    self.options.extend(ask.ready().filter(|task| *task != current));
                    self.by_last_run(1);
                } else {
                    self.met_the_bound |= ask.tasks.len() > 1;
                }
            }
            None => {
                let current = ask.current.map(super::ask::number);
                self.options.extend(ask.ready().filter(|task| Some(*task) != current));
                if self.options.is_empty() {
                    self.options.extend(ask.ready());
                }
                self.by_last_run(0);
                if ask.gives_way() {
                    self.keep_the_overdue();
                }
                self.met_the_bound |= !may_preempt && ask.sleepers().next().is_some();
            }
        }
        if may_preempt {
            self.options.extend(ask.sleepers());
        }
    }

    /// Orders the options from a position on: who has not run for longest is first.
    fn by_last_run(&mut self, from: usize) {
        let last_ran = &self.last_ran;
        self.options[from..].sort_by_key(|task| (last_ran.get(*task as usize).copied().unwrap_or(0), *task));
    }

    /// Leaves only those that were passed over as often as is allowed, if there are any.
    fn keep_the_overdue(&mut self) {
        let (passed_over, max) = (&self.passed_over, self.passed_over_max);
        let is_overdue = |task: &u32| passed_over.get(*task as usize).is_some_and(|times| *times >= max);
        let n_overdue = self.options.iter().filter(|task| is_overdue(task)).count();
        if n_overdue > 0 && n_overdue < self.options.len() {
            self.options.retain(is_overdue);
            self.met_the_limit = true;
        }
    }

    /// Takes down who ran, and who was passed over.
    fn count(&mut self, ask: &Ask<'_>, picked: u32, step: u32) {
        let n_tasks = ask.all().max().map_or(0, |task| task as usize + 1);
        if self.last_ran.len() < n_tasks {
            self.last_ran.resize(n_tasks, 0);
            self.passed_over.resize(n_tasks, 0);
        }
        self.last_ran[picked as usize] = step;
        self.passed_over[picked as usize] = 0;
        if ask.gives_way() {
            let current = ask.current.map(super::ask::number);
            for task in ask.ready().filter(|task| *task != picked && Some(*task) != current) {
                self.passed_over[task as usize] += 1;
            }
        }
    }
}

impl Policy for Bounded {
    fn next_execution(&mut self, record: &mut Record) -> Option<Next> {
        if self.begun {
            let is_short = self.depth < self.points.len() && record.stop.is_none();
            if is_short {
                let text = format!("an execution ended after {} points of {}", self.depth, self.points.len());
                record.stop = Some(Stop::Diverged(text));
                return None;
            }
            if !self.advance() {
                return None;
            }
        }
        self.begun = true;
        if self.split.prefixes_only.is_some_and(|enough| self.prefix >= enough) {
            return None;
        }
        self.is_foreign = self.split.prefixes_only.is_some() || !self.split.shard.has(self.prefix);
        self.depth = 0;
        self.used = 0;
        self.last_ran.clear();
        self.passed_over.clear();
        Some(Next { seed: 0, is_foreign: self.is_foreign })
    }

    fn pick(&mut self, ask: &Ask<'_>, record: &mut Record) -> Option<u32> {
        if self.is_left() {
            self.has_left = true;
            return None;
        }
        self.list_options(ask);
        let picked = match self.options[..] {
            [only] => only,
            _ => self.take_option(record),
        };
        self.used += ask.cost(picked);
        self.count(ask, picked, record.steps);
        Some(picked)
    }

    fn choose(&mut self, n: u32, record: &mut Record) -> u32 {
        if self.is_left() {
            return 0;
        }
        self.options.clear();
        self.options.extend(0..n);
        self.take_option(record)
    }

    fn bound(&self) -> Option<u32> {
        Some(self.bound)
    }
}
