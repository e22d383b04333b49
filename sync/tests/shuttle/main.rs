//! The facade under shuttle: what is a step, who is let in, when timers fire, and what is recorded.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod locks;
mod map;
mod places;
#[path = "../programs/mod.rs"]
mod programs;
mod records;
mod rules;
mod steps;
mod tasks;
mod timers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use shuttle::scheduler::{DfsScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};

/// Runs a body under a scheduler: how many executions there were, or the message of the one that failed.
fn run(scheduler: impl Scheduler + 'static, body: impl Fn() + Send + Sync + 'static) -> Result<usize, String> {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    config.stack_size = 0x20000;
    let runner = Runner::new(scheduler, config);
    catch_unwind(AssertUnwindSafe(|| runner.run(body))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

/// Every schedule of a body that draws nothing.
fn every(body: impl Fn() + Send + Sync + 'static) -> Result<usize, String> {
    let executions = run(DfsScheduler::new(Some(200_000), false), body);
    assert_ne!(executions, Ok(200_000), "too many schedules to see them all");
    executions
}

/// Many schedules of a body that draws, from one seed.
fn many(body: impl Fn() + Send + Sync + 'static) -> Result<usize, String> {
    run(RandomScheduler::new_from_seed(7, 2000), body)
}

/// The outcomes of a body over every schedule.
fn outcomes<T: Ord + Send + 'static>(body: impl Fn() -> T + Send + Sync + 'static) -> Vec<T> {
    collected(every, body)
}

/// The outcomes of a body over many schedules.
fn drawn_outcomes<T: Ord + Send + 'static>(body: impl Fn() -> T + Send + Sync + 'static) -> Vec<T> {
    collected(many, body)
}

fn collected<T: Ord + Send + 'static>(
    run: impl FnOnce(Box<dyn Fn() + Send + Sync>) -> Result<usize, String>,
    body: impl Fn() -> T + Send + Sync + 'static,
) -> Vec<T> {
    let seen = Arc::new(Mutex::new(std::collections::BTreeSet::new()));
    let outcomes = seen.clone();
    let executions = run(Box::new(move || {
        let outcome = body();
        outcomes.lock().unwrap().insert(outcome);
    }));
    executions.expect("no schedule fails");
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    seen.into_iter().collect()
}

fn is_deadlock(result: &Result<usize, String>) -> bool {
    result.as_ref().is_err_and(|message| message.starts_with("deadlock!"))
}
