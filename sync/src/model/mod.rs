//! The facade under a model checker: each operation is a step, at which the checker chooses who goes on.

#[cfg(feature = "model-loom")]
#[path = "loom.rs"]
mod platform;
#[cfg(feature = "model-shuttle")]
#[path = "shuttle.rs"]
mod platform;

pub(crate) mod async_lock;
#[cfg(feature = "model-shuttle")]
mod clock;
pub(crate) mod lock;
pub(crate) mod map;
pub mod mpsc;
pub(crate) mod notify;
mod object;
pub mod oneshot;
mod operation;
pub mod recorder;
pub(crate) mod rwlock;
pub(crate) mod task;
#[cfg(feature = "model-shuttle")]
pub(crate) mod time;
pub(crate) mod token;

use std::cell::Cell;

/// When timers fire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeMode {
    /// In the order of their deadlines, and only when nothing else can go on: the code takes no time.
    #[default]
    WhenIdle,
    /// In the order of their deadlines, at any step: the code may be as slow as it likes.
    DeadlineOrder,
    /// Any that is pending, at any step: also what happens late may happen in any order.
    AnyOrder,
}

/// How the keys of a concurrent map fall into its two shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shards {
    /// Each key as the scheduler chooses, once an execution.
    #[default]
    Drawn,
    /// All into one.
    Together,
    /// By turns, in the order in which the keys are first used.
    Apart,
}

/// What an execution is to be like. Set at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// When timers fire.
    pub time: TimeMode,
    /// How many may fire while somebody else could go on; after that, they fire when nothing else can.
    pub max_early: usize,
    /// How many may fire at all. One more is a failure, which says [`TIMERS_SPENT`]: a model that still runs then does
    /// nothing but wait.
    pub max_fired: usize,
    /// How keys fall into shards.
    pub shards: Shards,
}

impl Default for Config {
    fn default() -> Self {
        Self { time: TimeMode::WhenIdle, max_early: 4, max_fired: 100, shards: Shards::Drawn }
    }
}

/// Begins the message of an execution that ended because its timers fired as often as they may.
pub const TIMERS_SPENT: &str = "the execution waits for nothing but time: timers have fired";

thread_local! {
    static N_CHOICES: Cell<Option<usize>> = const { Cell::new(None) };
}

/// While a scheduler is asked for a number: how many there are, where the facade asks. It may then answer with a number
/// below that, and come back for each other one.
pub fn n_choices() -> Option<usize> {
    N_CHOICES.get()
}

/// Says what this execution is to be like. Call it first.
pub fn configure(config: Config) {
    platform::configure(config);
}

/// Runs a future on the task that calls, which waits for it.
pub fn block_on<F: Future>(future: F) -> F::Output {
    platform::block_on(future)
}

/// A choice of the scheduler: a number of `0..n`.
pub fn choose(n: usize) -> usize {
    platform::choose(n)
}

/// Names the task that calls, for the records.
pub fn name_task(name: &str) {
    platform::name_task(name);
}
