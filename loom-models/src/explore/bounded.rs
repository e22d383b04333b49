//! Bounded search: every schedule with at most so many preemptions, or with at most so many delays.
//!
//! **Preemptions.** After Musuvathi and Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded Programs" (PLDI 2007).
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
//! **Delays** (`turns`) limit forced hand-overs as well, which is what models of many tasks need: one order is set for all of
//! them, and to take the i-th task of that order instead of the first costs i delays. A preemption is a delay of the task that
//! runs. The order leaves nobody out, so no limit on passing over is needed. Choices take each value here too.
//!
//! The search is depth first over the points where there is more than one option, and runs each execution from its
//! start. A point that offers other options than it did before ends the search: the model depends on something that is
//! not its schedule.
//!
//! **Shards.** The first so many points of an execution are its prefix. Prefixes are numbered in the order in which the
//! search meets them and dealt out in turn; an execution of a foreign prefix is left where its prefix ends. So each
//! execution belongs to exactly one shard. How long a prefix is, each shard finds out by itself, and all find the same:
//! the shortest of 1, 2, 4, .. points with enough prefixes for the shards to be alike. Where delays are counted most of the
//! search follows an early first delay, so the prefix is all up to the first delay, with it: each shard runs the executions
//! without a delay, and knows from them which first delays there are, its own and the others'.

use super::ask::Ask;
use super::policy::{Next, Policy};
use super::record::{Record, Stop};
use crate::outcome::Bound;
use crate::shard::Shard;

/// How a search is split.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Split {
    pub(crate) shard: Shard,
    pub(crate) prefix: Prefix,
    /// Whether prefixes are all that is asked for, and how many of them are enough.
    pub(crate) prefixes_only: Option<u64>,
}

/// What is the prefix of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// So many points.
    Points(usize),
    /// All up to the first delay, with it.
    FirstDelay,
}

impl Split {
    /// A search that is not split.
    pub(crate) const NONE: Split = Split { shard: Shard::WHOLE, prefix: Prefix::Points(0), prefixes_only: None };
}

/// A point with more than one option.
#[derive(Debug, Default)]
struct Point {
    /// Tasks by their numbers, or the values of a choice.
    options: Vec<u32>,
    is_choice: bool,
    /// The one that is being explored.
    at: usize,
}

impl Point {
    /// Whether the option that is being explored passes over a task whose turn has come.
    fn delays(&self) -> bool {
        self.at > 0 && !self.is_choice
    }
}

/// The search at one bound.
#[derive(Debug)]
pub(crate) struct Bounded {
    bound: Bound,
    passed_over_max: u32,
    split: Split,
    /// The points of the execution at hand, and where it is among them.
    points: Vec<Point>,
    depth: usize,
    begun: bool,
    prefix: u64,
    is_foreign: bool,
    /// Whether any execution was left at the end of its prefix.
    has_left: bool,
    /// For each task: how often it was passed over since it ran.
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
    pub(crate) fn new(bound: Bound, passed_over_max: u32, split: Split) -> Bounded {
        Bounded {
            bound,
            passed_over_max,
            split,
            points: Vec::new(),
            depth: 0,
            begun: false,
            prefix: 0,
            is_foreign: false,
            has_left: false,
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

    /// Whether the rest of this execution is another shard's, and shows nothing that this one needs. An execution without a
    /// delay shows where the first one may be.
    fn is_left(&self) -> bool {
        match self.split.prefix {
            Prefix::Points(n) => self.is_foreign && self.depth >= n,
            Prefix::FirstDelay => false,
        }
    }

    /// Goes to the next option of the last point that has one. `false` where there is none.
    fn advance(&mut self) -> bool {
        while let Some(mut point) = self.points.pop() {
            point.at += 1;
            if point.at == point.options.len() {
                self.spare.push(point.options);
                continue;
            }
            let is_in_prefix = match self.split.prefix {
                Prefix::Points(n) => self.points.len() < n,
                Prefix::FirstDelay => !self.points.iter().any(Point::delays),
            };
            self.prefix += u64::from(is_in_prefix);
            // A prefix that ends with this option is known without a run.
            let is_known = self.split.prefix == Prefix::FirstDelay && point.delays();
            self.points.push(point);
            if !(is_in_prefix && is_known && !self.split.shard.has(self.prefix)) {
                return true;
            }
        }
        false
    }

    /// The option to take at the point that is next, from `self.options`, of which there is more than one.
    fn take_option(&mut self, is_choice: bool, record: &mut Record) -> u32 {
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
            self.points.push(Point { options, is_choice, at: 0 });
        }
        let point = &self.points[self.depth];
        self.depth += 1;
        point.options[point.at]
    }

    /// Puts what may follow into `self.options`, whose turn it is first.
    fn list_options(&mut self, ask: &Ask<'_>, record: &Record) {
        record.turns.order(ask, &mut self.options);
        match self.bound {
            Bound::Preemptions(bound) => self.keep_within_preemptions(ask, record.preemptions < bound),
            Bound::Delays(bound) => {
                let n_left = bound.saturating_sub(record.delays.unwrap_or(0));
                self.keep(n_left as usize + 1);
            }
        }
    }

    /// Leaves what costs no preemption, or may cost one.
    fn keep_within_preemptions(&mut self, ask: &Ask<'_>, may_preempt: bool) {
        let n_free = if ask.goes_on().is_some() { 1 } else { self.options.len() - ask.sleepers().count() };
        if !may_preempt {
            self.keep(n_free);
        }
        if ask.gives_way() {
            let costly = self.options.split_off(n_free.min(self.options.len()));
            self.keep_the_overdue();
            self.options.extend(costly);
        }
    }

    /// Leaves so many options at most.
    fn keep(&mut self, n: usize) {
        self.met_the_bound |= self.options.len() > n;
        self.options.truncate(n);
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

    /// Takes down who was passed over.
    fn count(&mut self, ask: &Ask<'_>, picked: u32) {
        let n_tasks = ask.all().max().map_or(0, |task| task as usize + 1);
        if self.passed_over.len() < n_tasks {
            self.passed_over.resize(n_tasks, 0);
        }
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
        self.passed_over.clear();
        Some(Next { seed: 0, is_foreign: self.is_foreign })
    }

    fn pick(&mut self, ask: &Ask<'_>, record: &mut Record) -> Option<u32> {
        if self.is_left() {
            self.has_left = true;
            return None;
        }
        self.list_options(ask, record);
        let picked = match self.options[..] {
            [only] => only,
            _ => self.take_option(false, record),
        };
        self.count(ask, picked);
        Some(picked)
    }

    fn choose(&mut self, n: u32, record: &mut Record) -> u32 {
        if self.is_left() {
            return 0;
        }
        self.options.clear();
        self.options.extend(0..n);
        self.take_option(true, record)
    }

    fn bound(&self) -> Option<u32> {
        Some(self.bound.number())
    }
}
