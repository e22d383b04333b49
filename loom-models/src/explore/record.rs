//! What is seen of a search while it runs: the execution at hand, its way, and what stops it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::ask::Ask;
use super::policy::Next;
use super::turns::Turns;
use super::way::{Way, draw};
use crate::outcome::Cut;
use crate::table::Switch;

/// A record that the runner, the scheduler and the panic hook share; all of them are on one thread.
pub(crate) type Shared<T> = Rc<RefCell<T>>;

/// Shares a value within the thread.
pub(crate) fn shared<T>(value: T) -> Shared<T> {
    Rc::new(RefCell::new(value))
}

/// Why a search ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Cut(Cut),
    /// The model did something else than before on the same way.
    Diverged(String),
}

/// What a search may take, over all its bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) steps: u32,
    pub(crate) executions: u64,
    pub(crate) until: Instant,
}

/// The execution at hand, and what is known of those before it.
#[derive(Debug)]
pub(crate) struct Record {
    /// Executions begun that belong to this shard, and those that only showed a foreign prefix.
    pub(crate) own: u64,
    pub(crate) prefixes: u64,
    /// Steps of this execution.
    pub(crate) steps: u32,
    /// Preemptions of this execution.
    pub(crate) preemptions: u32,
    /// Delays of this execution, where they are counted.
    pub(crate) delays: Option<u32>,
    /// Whose turn it is.
    pub(crate) turns: Turns,
    /// Draws of this execution without a stated range, and with one that chance decides.
    pub(crate) n_draws: u64,
    pub(crate) n_drawn_choices: u64,
    pub(crate) way: Way,
    /// Whether two tasks could ever run at once, or a value was chosen.
    pub(crate) ever_chose: bool,
    /// Whether any execution drew without a stated range.
    pub(crate) ever_drew: bool,
    /// Whether a timer could have fired where somebody else could go on, and was not allowed to.
    pub(crate) ever_held_time_back: bool,
    pub(crate) stop: Option<Stop>,
    pub(crate) allowance: Allowance,
    /// The switches of this execution, where someone wants them.
    pub(crate) switches: Option<Vec<Switch>>,
    pub(crate) last_progress: Instant,
}

impl Record {
    pub(crate) fn new(allowance: Allowance, counts_delays: bool) -> Record {
        Record {
            own: 0,
            prefixes: 0,
            steps: 0,
            preemptions: 0,
            delays: counts_delays.then_some(0),
            turns: Turns::default(),
            n_draws: 0,
            n_drawn_choices: 0,
            way: Way::default(),
            ever_chose: false,
            ever_drew: false,
            ever_held_time_back: false,
            stop: None,
            allowance,
            switches: None,
            last_progress: Instant::now(),
        }
    }

    /// Whether executions were left out that no bound names.
    pub(crate) fn is_narrowed(&self) -> bool {
        #[cfg(feature = "model-overlay")]
        if crate::overlaid::is_partly_real() {
            return true;
        }
        self.ever_drew || self.ever_held_time_back
    }

    /// Whether another execution may begin; if so, it has.
    pub(crate) fn begin(&mut self, next: Next) -> bool {
        if self.stop.is_none() && self.own + self.prefixes >= self.allowance.executions {
            self.stop = Some(Stop::Cut(Cut::Executions));
        }
        self.look_at_the_clock();
        if self.stop.is_some() {
            return false;
        }
        *(if next.is_foreign { &mut self.prefixes } else { &mut self.own }) += 1;
        self.steps = 0;
        self.preemptions = 0;
        self.delays = self.delays.map(|_| 0);
        self.turns.restart();
        self.n_draws = 0;
        self.n_drawn_choices = 0;
        self.way.restart(next.seed);
        if let Some(switches) = &mut self.switches {
            switches.clear();
        }
        true
    }

    fn look_at_the_clock(&mut self) {
        if self.stop.is_none() && Instant::now() >= self.allowance.until {
            self.stop = Some(Stop::Cut(Cut::Budget));
        }
    }

    /// One step more. `false` where the execution may not go on.
    pub(crate) fn step(&mut self) -> bool {
        self.steps += 1;
        if self.steps > self.allowance.steps {
            self.stop = Some(Stop::Cut(Cut::Steps));
        }
        // An execution of many slow steps must not outlast the time; the clock is not asked at each of them.
        if self.steps.is_multiple_of(1024) {
            self.look_at_the_clock();
        }
        self.stop.is_none()
    }

    /// Takes down who was picked.
    pub(crate) fn picked(&mut self, ask: &Ask<'_>, picked: u32) {
        let cost = ask.cost(picked);
        self.preemptions += cost;
        match &mut self.delays {
            Some(delays) => *delays += self.turns.ran_in_order(ask, picked),
            None => self.turns.ran(picked),
        }
        if ask.tasks.len() > 1 {
            self.ever_chose |= ask.ready().nth(1).is_some();
            self.way.push(ask.all(), picked, ask.usual());
        }
        if let Some(switches) = &mut self.switches {
            switches.push(Switch { task: ask.name(picked), preempts: cost > 0 });
        }
    }

    /// Takes down a value that was chosen among `n`.
    pub(crate) fn chose(&mut self, n: u32, chosen: u32) {
        self.ever_chose = true;
        self.way.push([n].into_iter(), chosen, 0);
    }

    /// The next draw without a stated range.
    pub(crate) fn draw(&mut self) -> u64 {
        self.ever_drew = true;
        self.n_draws += 1;
        draw(self.way.seed, self.n_draws)
    }

    /// The next draw for a choice. Its stream is apart: a replay has the choices, and draws the rest.
    pub(crate) fn draw_choice(&mut self) -> u64 {
        self.n_drawn_choices += 1;
        draw(!self.way.seed, self.n_drawn_choices)
    }

    /// Whether a second has passed since progress was last told.
    pub(crate) fn is_time_to_tell(&mut self) -> bool {
        let is_time = self.last_progress.elapsed() >= Duration::from_secs(1);
        if is_time {
            self.last_progress = Instant::now();
        }
        is_time
    }
}
