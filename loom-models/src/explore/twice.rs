//! Each schedule twice: what a model does may depend on nothing but its schedule.

use super::ask::Ask;
use super::policy::{Next, Policy};
use super::record::{Record, Stop};
use super::way::draw;
use crate::outcome::Bound;

/// What is likely to be behind a model that is not deterministic.
pub(crate) const LIKELY_CAUSES: &str = "likely causes: a hash map's random order, `thread_rng` or another random \
    generator of its own, the real clock, a static that outlives the execution, a real thread, an address used as a number";

/// At one in so many points a task may be delayed: few delays are to come anywhere in an execution.
const RARELY: usize = 16;

/// A question and its answer, to be compared when the schedule is run again.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Task { tasks: Vec<u32>, names: Vec<String>, picked: u32 },
    Choice { n: u32, chosen: u32 },
}

impl Asked {
    fn text(&self) -> String {
        match self {
            Asked::Task { names, .. } => format!("{{{}}} could run", names.join(", ")),
            Asked::Choice { n, .. } => format!("one of {n} values was chosen"),
        }
    }
}

/// Random schedules, each followed by itself.
#[derive(Debug)]
pub(crate) struct Twice {
    schedules: u64,
    /// Schedules beyond it are not for the search that follows, and so not for this one.
    bound: Bound,
    begun: u64,
    /// What was asked in the first run of the schedule at hand, and how far the second is.
    asked: Vec<Asked>,
    at: usize,
    n_random: u64,
}

impl Twice {
    pub(crate) fn new(schedules: u64, bound: Bound) -> Twice {
        Twice { schedules, bound, begun: 0, asked: Vec::new(), at: 0, n_random: 0 }
    }

    fn is_second(&self) -> bool {
        self.begun.is_multiple_of(2)
    }

    /// The answer of the first run, if the question is the same.
    fn answer(&mut self, now: &Asked, record: &mut Record) -> Option<Asked> {
        let before = self.asked.get(self.at).cloned();
        self.at += 1;
        let is_same = match (&before, now) {
            (Some(Asked::Task { tasks, .. }), Asked::Task { tasks: now, .. }) => tasks == now,
            (Some(Asked::Choice { n, .. }), Asked::Choice { n: now, .. }) => n == now,
            _ => false,
        };
        if is_same {
            return before;
        }
        let before = before.map_or_else(|| "it ended".to_owned(), |asked| asked.text());
        let text = format!("one schedule run twice: at question {} first {before}, then {}", self.at, now.text());
        record.stop = Some(Stop::Diverged(text));
        None
    }

    /// Who may be picked at random: those whom the bounded search may pick.
    fn among(&mut self, ask: &Ask<'_>, record: &Record) -> Vec<u32> {
        let bound = match self.bound {
            Bound::Preemptions(bound) => bound,
            Bound::Delays(bound) => {
                let mut order = Vec::new();
                record.turns.order(ask, &mut order);
                let left = bound.saturating_sub(record.delays.unwrap_or(0));
                let may_delay = order.len() > 1 && self.random(RARELY) == 0;
                order.truncate(if may_delay { left as usize + 1 } else { 1 });
                return order;
            }
        };
        let current = ask.current.map(super::ask::number);
        match ask.goes_on() {
            Some(current) if record.preemptions >= bound => vec![current],
            Some(_) => ask.ready().collect(),
            None => {
                let others: Vec<u32> = ask.ready().filter(|task| Some(*task) != current).collect();
                if others.is_empty() { ask.ready().collect() } else { others }
            }
        }
    }

    fn random(&mut self, n: usize) -> usize {
        self.n_random += 1;
        let drawn = draw(self.begun, self.n_random) % n as u64;
        usize::try_from(drawn).expect("it is below a length")
    }
}

impl Policy for Twice {
    fn next_execution(&mut self, record: &mut Record) -> Option<Next> {
        let is_short = self.begun > 0 && self.is_second() && self.at < self.asked.len();
        if is_short {
            let text = format!("one schedule run twice: first {} questions, then {}", self.asked.len(), self.at);
            record.stop = Some(Stop::Diverged(text));
            return None;
        }
        if self.begun >= 2 * self.schedules {
            return None;
        }
        self.begun += 1;
        self.at = 0;
        if !self.is_second() {
            self.asked.clear();
            self.n_random = 0;
        }
        Some(Next { seed: draw(0, self.begun.div_ceil(2)), is_foreign: false })
    }

    fn pick(&mut self, ask: &Ask<'_>, record: &mut Record) -> Option<u32> {
        let tasks: Vec<u32> = ask.all().collect();
        let names = tasks.iter().map(|task| ask.name(*task)).collect();
        if self.is_second() {
            let now = Asked::Task { tasks, names, picked: 0 };
            return match self.answer(&now, record)? {
                Asked::Task { picked, .. } => Some(picked),
                Asked::Choice { .. } => None,
            };
        }
        let among = self.among(ask, record);
        let picked = among[self.random(among.len())];
        self.asked.push(Asked::Task { tasks, names, picked });
        Some(picked)
    }

    fn choose(&mut self, n: u32, record: &mut Record) -> u32 {
        if self.is_second() {
            let now = Asked::Choice { n, chosen: 0 };
            return match self.answer(&now, record) {
                Some(Asked::Choice { chosen, .. }) => chosen,
                _ => 0,
            };
        }
        let chosen = u32::try_from(self.random(n as usize)).expect("it is below a u32");
        self.asked.push(Asked::Choice { n, chosen });
        chosen
    }
}
