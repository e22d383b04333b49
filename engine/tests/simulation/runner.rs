//! Runs a seed of the simulated cluster on a thread of its own: one that waits for a lock that is never free is left behind.

use std::sync::mpsc;
use std::time::Duration;

use interlock_engine::mutation::{self, Mutation};
use interlock_engine::sim::plan::{self, Failure, Figures};

/// How long a seed may take on the wall clock. One takes less than a second where nothing is in its way.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a seed, with a bug put back or without.
///
/// # Errors
/// What was violated, and what led to it; also where the run panicked or its thread hangs.
pub(crate) fn run(seed: u64, bug: Option<Mutation>) -> Result<Figures, (String, Vec<String>)> {
    let (sender, receiver) = mpsc::channel();
    // Who listens to the logs here, listens to the seed's.
    let listener = tracing::dispatcher::get_default(Clone::clone);
    let running = move || {
        let _listening = tracing::dispatcher::set_default(&listener);
        mutation::set(bug);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let outcome = runtime.expect("a runtime of one thread needs nothing").block_on(plan::run(seed));
        // Nobody listens where it took too long.
        let _late = sender.send(outcome);
    };
    let started = std::thread::Builder::new().spawn(running);
    started.expect("the system has a thread left");
    match receiver.recv_timeout(LIMIT) {
        Ok(Ok(figures)) => Ok(figures),
        Ok(Err(Failure { violation, log })) => Err((violation.to_string(), log)),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(("a thread hangs".to_owned(), Vec::new())),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(("the run panicked".to_owned(), Vec::new())),
    }
}
