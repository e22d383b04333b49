//! What a search has found, and how much of all executions it has seen.

use std::fmt;

/// What is known after a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The answer.
    pub verdict: Verdict,
    /// Executions of this search, of all its bounds; without those of `prefixes`.
    pub executions: u64,
    /// Executions that only showed which part of the search belongs to another shard.
    pub prefixes: u64,
    /// Each bound that is complete, with the executions that it took.
    pub bounds: Vec<(Bound, u64)>,
    /// The first execution that failed.
    pub failure: Option<Failure>,
    /// What limits the verdict: one sentence each.
    pub notes: Vec<String>,
    /// How long it took.
    pub elapsed_ms: u64,
}

impl Outcome {
    /// An outcome of which nothing but the verdict is known yet.
    #[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
    pub(crate) fn of(verdict: Verdict) -> Outcome {
        Outcome {
            verdict,
            executions: 0,
            prefixes: 0,
            bounds: Vec::new(),
            failure: None,
            notes: Vec::new(),
            elapsed_ms: 0,
        }
    }
}

/// How far a search goes. What one of them counts is not what the other does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So many times a task that could go on is made to wait, and whoever follows one that cannot is free.
    Preemptions(u32),
    /// So many times a task is passed over whose turn has come.
    Delays(u32),
}

impl Bound {
    /// How many.
    pub fn number(self) -> u32 {
        match self {
            Bound::Preemptions(number) | Bound::Delays(number) => number,
        }
    }

    /// Another number of the same.
    #[cfg(feature = "model-shuttle")]
    pub(crate) fn of_same(self, number: u32) -> Bound {
        match self {
            Bound::Preemptions(_) => Bound::Preemptions(number),
            Bound::Delays(_) => Bound::Delays(number),
        }
    }

    /// What is counted, in the protocol.
    pub fn word(self) -> &'static str {
        match self {
            Bound::Preemptions(_) => "preemptions",
            Bound::Delays(_) => "delays",
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.word();
        match self.number() {
            1 => write!(f, "1 {}", &words[..words.len() - 1]),
            number => write!(f, "{number} {words}"),
        }
    }
}

/// The answer of a search. None of them says more than was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every execution was explored, without a bound.
    Complete,
    /// Every execution within this bound was explored.
    CompleteUpTo {
        /// The last complete bound.
        bound: Bound,
        /// The limit on passing over, where the search met it: executions beyond it were not explored.
        passed_over: Option<u32>,
    },
    /// As many schedules were drawn, and none failed.
    Sampled {
        /// How many.
        schedules: u64,
    },
    /// The search ended before its end.
    CutOff {
        /// What ended it.
        reason: Cut,
        /// The last bound that was complete.
        done: Option<Bound>,
    },
    /// An execution failed.
    Failed,
    /// The same schedule led to something else.
    NotDeterministic {
        /// What was seen, and what it is likely to come from.
        cause: String,
    },
    /// There was nothing to explore: no execution, or never a choice of who runs.
    NothingExplored,
}

/// What ended a search early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The time.
    Budget,
    /// The number of executions.
    Executions,
    /// An execution that did not end within its steps.
    Steps,
}

impl Cut {
    /// The word for it in the protocol.
    pub fn word(self) -> &'static str {
        match self {
            Cut::Budget => "budget",
            Cut::Executions => "executions",
            Cut::Steps => "steps",
        }
    }
}

impl Verdict {
    /// Whether nothing has failed as far as the search went.
    #[cfg(feature = "model-shuttle")]
    pub(crate) fn is_without_failure(&self) -> bool {
        !matches!(self, Verdict::Failed | Verdict::NotDeterministic { .. })
    }

    /// The kind's word in the protocol.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Complete => "complete",
            Verdict::CompleteUpTo { bound: Bound::Preemptions(_), .. } => "complete-up-to",
            Verdict::CompleteUpTo { bound: Bound::Delays(_), .. } => "complete-up-to-delays",
            Verdict::Sampled { .. } => "sampled",
            Verdict::CutOff { .. } => "cut-off",
            Verdict::Failed => "failed",
            Verdict::NotDeterministic { .. } => "not-deterministic",
            Verdict::NothingExplored => "nothing-explored",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Complete => write!(f, "complete"),
            Verdict::CompleteUpTo { bound, passed_over } => {
                write!(f, "complete up to {bound}")?;
                match passed_over {
                    Some(times) => write!(f, ", no task passed over by yields more than {times} times"),
                    None => Ok(()),
                }
            }
            Verdict::Sampled { schedules } => write!(f, "sampled {schedules} schedules"),
            Verdict::CutOff { reason, done: Some(done) } => {
                write!(f, "cut off ({}), complete up to {done}", reason.word())
            }
            Verdict::CutOff { reason, .. } => write!(f, "cut off ({})", reason.word()),
            Verdict::Failed => write!(f, "failed"),
            Verdict::NotDeterministic { cause } => write!(f, "not deterministic: {cause}"),
            Verdict::NothingExplored => write!(f, "nothing explored"),
        }
    }
}

/// An execution that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The first panic, or what got stuck.
    pub message: String,
    /// Which execution it was, from 1.
    pub execution: u64,
    /// How many preemptions it took, where they are counted.
    pub preemptions: Option<u32>,
    /// How many delays it took, where the search counts them.
    pub delays: Option<u32>,
    /// Who chose the schedule: `bounded`, `delays`, `random`, `pct-3`, `urw`, `loom`.
    pub scheduler: String,
    /// The way to it: what a replay follows.
    pub way: String,
    /// What happened, in order. Empty until it was replayed. Of a very long execution, what is stuck and what came last.
    pub steps: Vec<Step>,
    /// How many steps there were, with those that are left out.
    pub n_steps: u64,
    /// How many of them were taken where the model runs in one order.
    pub n_quiet: u64,
    /// The lock classes that it is about, as far as the recorder knows them.
    pub classes: Vec<String>,
}

/// One line of the table of a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Its number in the execution, from 1.
    pub number: u64,
    /// Whether it was taken where the model runs in one order.
    pub is_quiet: bool,
    /// Who.
    pub task: String,
    /// Where in the source, if that is known.
    pub place: Option<(String, u32)>,
    /// What it did: `takes`, `waits`, `got`, `goes on`, `leaves`, `frees`, `does`, `fires`, `STUCK` where it waits to the end;
    /// `runs` and `interrupts` where there is no record but of who ran.
    pub what: String,
    /// The operation and what it was done to.
    pub object: String,
    /// Where that was made, if that is known.
    pub made: Option<(String, u32)>,
    /// Who had it, where that is why it waits.
    pub held_by: Option<String>,
    /// The same, each for itself, where the recorder knows.
    pub holders: Vec<Holder>,
}

/// Who holds something, and since where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The task.
    pub task: String,
    /// By which operation.
    pub operation: String,
    /// Where it took it.
    pub place: (String, u32),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line) = &self.place;
        write!(f, "{}, {} at {file}:{line}", self.task, self.operation)
    }
}
