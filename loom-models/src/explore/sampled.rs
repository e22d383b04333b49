//! Sampled schedules: shuttle's random, PCT and uniform random walk, in units that take turns.
//!
//! A unit is one scheduler with one seed and a hundred schedules; PCT and URW learn the length of the program from the
//! first of them. Units are dealt to shards in turn, so that the shards' schedules are those of the whole run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler, UrwRandomScheduler};

use super::ask::{Ask, number};
use super::policy::{Next, Policy};
use super::record::Record;
use super::way::draw;
use crate::session;

/// Schedules of one unit.
pub(crate) const UNIT: u64 = 100;

/// Who chooses the schedules of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sampler {
    Random,
    Pct(u32),
    Urw,
}

/// The samplers, in the order of their turns.
const TURNS: [Sampler; 6] =
    [Sampler::Random, Sampler::Pct(1), Sampler::Pct(2), Sampler::Pct(3), Sampler::Pct(4), Sampler::Urw];

impl Sampler {
    /// Whose turn a unit is.
    pub(crate) fn of_unit(unit: u64) -> Sampler {
        TURNS[usize::try_from(unit % TURNS.len() as u64).expect("it is below the number of turns")]
    }

    pub(crate) fn name(self) -> String {
        match self {
            Sampler::Random => "random".to_owned(),
            Sampler::Pct(depth) => format!("pct-{depth}"),
            Sampler::Urw => "urw".to_owned(),
        }
    }

    fn scheduler(self, seed: u64, schedules: u64) -> Box<dyn Scheduler> {
        let n = usize::try_from(schedules).unwrap_or(usize::MAX);
        match self {
            Sampler::Random => Box::new(RandomScheduler::new_from_seed(seed, n)),
            Sampler::Pct(depth) => Box::new(PctScheduler::new_from_seed(seed, depth as usize, n)),
            Sampler::Urw => Box::new(UrwRandomScheduler::new_from_seed(seed, n)),
        }
    }
}

/// One unit.
pub(crate) struct Sampled {
    sampler: Sampler,
    inner: Box<dyn Scheduler>,
    seed: u64,
    begun: u64,
    /// Whether anything could be chosen in this unit.
    chose: bool,
}

impl Sampled {
    /// A unit whose seed comes from the model's name and the unit's number.
    pub(crate) fn new(unit: u64, name: &str, schedules: u64) -> Sampled {
        let sampler = Sampler::of_unit(unit);
        let of_name = name.bytes().fold(0, |seed, byte| draw(seed, u64::from(byte)));
        let seed = draw(of_name, unit);
        Sampled { sampler, inner: sampler.scheduler(seed, schedules), seed, begun: 0, chose: false }
    }

    /// Asks shuttle's scheduler. One that gives up by a panic (PCT does where a model has no concurrency) ends the unit
    /// and says nothing about the model.
    fn ask_inner<T>(&mut self, ask: impl FnOnce(&mut Box<dyn Scheduler>) -> Option<T>) -> Option<T> {
        let inner = &mut self.inner;
        session::unheard(|| catch_unwind(AssertUnwindSafe(|| ask(inner)))).ok().flatten()
    }
}

impl Policy for Sampled {
    fn next_execution(&mut self, _: &mut Record) -> Option<Next> {
        // PCT panics when it is asked for more of a program in which nothing can be chosen.
        if self.begun > 0 && !self.chose && matches!(self.sampler, Sampler::Pct(_)) {
            return None;
        }
        self.ask_inner(|inner| inner.new_execution())?;
        self.begun += 1;
        Some(Next { seed: draw(self.seed, self.begun), is_foreign: false })
    }

    fn pick(&mut self, ask: &Ask<'_>, _: &mut Record) -> Option<u32> {
        self.chose |= ask.tasks.len() > 1;
        self.ask_inner(|inner| inner.next_task(ask.tasks, ask.current, ask.yields)).map(number)
    }

    fn choose(&mut self, n: u32, record: &mut Record) -> u32 {
        let drawn = record.draw_choice();
        u32::try_from(drawn % u64::from(n)).expect("it is below a u32")
    }
}
