//! What is to be searched, and how far.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Limits, Search};
use crate::outcome::{Cut, Failure, Outcome, Verdict};
use crate::shard::Shard;

/// The body of a model: run once for each execution.
pub(crate) type Body = Arc<dyn Fn() + Send + Sync>;

/// A search of one body.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The model's name. Sampled schedules are those of its name, in any process and on any machine.
    pub name: String,
    /// How it is searched.
    pub search: Search,
    /// Where it ends that would not end by itself.
    pub limits: Limits,
    /// Which part of it.
    pub shard: Shard,
    /// How long it may take.
    pub budget: Duration,
}

impl Plan {
    /// A whole search with the usual limits.
    pub fn new(name: &str, search: Search) -> Plan {
        let limits = Limits::DEFAULT;
        Plan {
            name: name.to_owned(),
            search,
            limits,
            shard: Shard::WHOLE,
            budget: Duration::from_millis(limits.budget_ms),
        }
    }

    /// Searches in this process, on this thread. A model that aborts takes the process with it; `model!` runs each in a
    /// process of its own.
    pub fn run(&self, body: impl Fn() + Send + Sync + 'static) -> Outcome {
        self.run_body(Arc::new(body))
    }

    pub(crate) fn run_body(&self, body: Body) -> Outcome {
        match self.search {
            #[cfg(feature = "model-shuttle")]
            Search::Bounded { .. } | Search::Delays { .. } | Search::Portfolio { .. } => {
                crate::explore::run(self, &body)
            }
            #[cfg(feature = "model-loom")]
            Search::Loom { preemptions } => crate::small::run(self, preemptions, &body),
            #[cfg(not(all(feature = "model-shuttle", feature = "model-loom")))]
            _ => without_engine(self.search),
        }
    }

    /// Runs the one execution that a way leads through.
    pub(crate) fn replay(&self, way: &str, scheduler: &str, body: &Body) -> Outcome {
        let again = match self.search {
            #[cfg(feature = "model-shuttle")]
            Search::Bounded { .. } | Search::Delays { .. } | Search::Portfolio { .. } => {
                crate::explore::replay(way, scheduler, self, body)
            }
            #[cfg(feature = "model-loom")]
            Search::Loom { .. } => crate::small::replay(way, scheduler, self, body),
            #[cfg(not(all(feature = "model-shuttle", feature = "model-loom")))]
            _ => return without_engine(self.search),
        };
        again.outcome()
    }
}

/// One execution again.
pub(crate) struct Again {
    /// What failed, with its steps.
    pub(crate) failure: Option<Failure>,
    /// Why this is not the same execution, if it is not.
    pub(crate) other: Option<String>,
    /// What ended it before its end.
    pub(crate) cut: Option<Cut>,
}

impl Again {
    fn outcome(self) -> Outcome {
        let verdict = match (&self.failure, self.cut) {
            (Some(_), _) => Verdict::Failed,
            (None, Some(reason)) => Verdict::CutOff { reason, done: None },
            (None, None) => Verdict::NotDeterministic { cause: self.other.clone().unwrap_or_default() },
        };
        let mut outcome = Outcome::of(verdict);
        outcome.executions = 1;
        outcome.failure = self.failure;
        outcome.notes.extend(self.other);
        outcome
    }
}

/// The outcome of a search whose engine is not in this build.
#[cfg(not(all(feature = "model-shuttle", feature = "model-loom")))]
fn without_engine(search: Search) -> Outcome {
    let feature = match search {
        Search::Loom { .. } => "model-loom",
        Search::Bounded { .. } | Search::Delays { .. } | Search::Portfolio { .. } => "model-shuttle",
    };
    let mut outcome = Outcome::of(Verdict::NothingExplored);
    outcome.notes.push(format!("this search needs the feature `{feature}`"));
    outcome
}
