//! A test of a crate that does not know of models, run as one: what an overlay's `#[test]` and `#[tokio::test]` call.

use std::path::Path;
use std::sync::Arc;

use interlock_sync::model::{Config, TimeMode, configure};

use crate::child;
use crate::model::{Limits, Model, Search};
use crate::plan::Plan;
use crate::request::{OUT, REQUEST};

/// A test says nothing of how far it is to be searched, so it is sampled, and then searched in order. What is small is
/// thereby complete.
const SEARCH: Search = Search::Portfolio { schedules: 1_000 };
const FULL_SEARCH: Search = Search::Portfolio { schedules: 20_000 };

/// Frames of code that was not written to be modelled may be large.
const LIMITS: Limits = Limits { steps: 100_000, stack_bytes: 0x40_0000, ..Limits::DEFAULT };

/// Timers of code that was not written to be modelled: one that only waits for time is told so in the end.
const TIMERS_MAX: usize = 1_000;

/// Runs a test's body under every schedule that the search takes, and panics where one of them fails: by a panic of the
/// test, or by a deadlock.
pub fn overlaid(body: impl Fn() + Send + Sync + 'static) {
    let name = test_name().leak();
    let body = move || {
        configure(Config { time: TimeMode::WhenAlone, max_fired: TIMERS_MAX, ..Config::default() });
        body();
    };
    if let (Some(out), Ok(request)) = (std::env::var_os(OUT), std::env::var(REQUEST)) {
        child::answer(&model(name), Arc::new(body), Path::new(&out), &request);
        return;
    }
    let plan = Plan { limits: LIMITS, ..Plan::new(name, SEARCH) };
    let outcome = plan.run(body);
    if let Some(failure) = &outcome.failure {
        panic!("{}", failure.message);
    }
}

/// Whether the run's notes name something of the code that is not the checker's: then nothing is complete.
pub(crate) fn is_partly_real() -> bool {
    std::env::var_os("INTERLOCK_OVERLAY_PARTLY_REAL").is_some()
}

fn model(name: &'static str) -> Model {
    Model {
        name,
        question: "does the test pass under each schedule?",
        property: "nothing panics, and every task that is waited for ends",
        search: SEARCH,
        full: Some(FULL_SEARCH),
        limits: LIMITS,
        ..Model::DEFAULT
    }
}

/// What the harness calls the test: it runs it on a thread of that name, or alone and by that argument.
fn test_name() -> String {
    let thread = std::thread::current();
    let of_thread = thread.name().filter(|name| *name != "main").map(str::to_owned);
    let of_argument = || std::env::args().skip_while(|argument| argument != "--exact").nth(1);
    of_thread.or_else(of_argument).unwrap_or_else(|| "test".to_owned())
}
