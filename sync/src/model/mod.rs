//! The facade under a model checker: each operation is a step, at which the checker chooses who goes on.
//!
//! One task runs at a time, and what it does between two steps nobody comes between. The primitives that are awaited
//! (`mpsc`, `oneshot`, `watch`, `Notify`, `Semaphore`, `AsyncMutex`, `Token`) are the real ones, so that they behave as
//! in production; only a step is put before each operation. The locks that block are state machines with the rule of the
//! library that they stand for: see `rwlock` and `map`. `tests/conformance.rs` runs the same small programs on the real
//! libraries.
//!
//! # What is a step
//!
//! Each step more multiplies what a search has to go through, so they are as few as lose nothing:
//!
//! - Taking a `Mutex`, `AsyncMutex`, `RwLock` or a shard of a map is one. Freeing it is none: it delays nobody, and
//!   nobody can try a lock without waiting for it (the facade has no `try_lock`).
//! - Each operation of a channel, notification, token or semaphore is one, also a look (`is_cancelled`, `is_closed`);
//!   so is the end of a last sender, of a receiver and of a permit. A change of a watched value and the waking by it are
//!   one; what `borrow` gives keeps the value locked.
//! - Each poll of what is awaited is one, in a `select!` one for each branch, in their order. A task that was woken has
//!   just been chosen, so its first poll is none.
//! - `len`, `retain` and an iterator of a map take one a shard. Starting a task, aborting it and seeing its end are one
//!   each. Yielding is one that hands over.
//! - A timer that fires is a step of the clock's. Reading the clock, also by polling a timer, is one where it may go on
//!   while a task can, and else none.
//! - Under shuttle, an operation of a task that has done nothing since it was chosen needs no step of its own.
//! - Atomics of `std` and whatever else is shared without the facade are no steps: nothing comes
//!   between them and the step before.
//!
//! # Shuttle and loom
//!
//! Under shuttle all of the facade is modelled but sockets. Timers fire as [`TimeMode`] says; a key's shard and
//! [`choose`] are draws of the scheduler ([`n_choices`]). `model::clock` and `model::task` say what fails an execution.
//! A task whose handle was dropped may be stuck without a deadlock being reported, and is cut off where it stands when
//! the execution ends; a `Drop` that has to wait then aborts the process. So a model ends what it starts.
//!
//! Under loom a task is a thread, of which there are at most four beside the first. Locks, channels, tokens and tasks
//! are modelled. Not modelled are time (timers are tokio's, and panic without a runtime), and random choices ([`choose`]
//! always gives 0, and keys of a map share a shard unless [`Config`] says otherwise). Freeing a lock orders nothing
//! for loom's own atomics and cells: what a lock guards belongs into it.

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
mod spot;
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
    /// The same where tasks also wait for what is none of the facade's: the task [`CLOCK`] is always ready while there are
    /// timers, and the scheduler lets it run only where nobody else can. Looking at the clock takes a nanosecond.
    WhenAlone,
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

/// What the task is called that lets timers fire.
pub const CLOCK: &str = "the clock of interlock-sync";

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
