//! Runs a seed of the simulated cluster on a thread of its own: one that waits for a lock that is never free is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use interlock_engine::mutation::{self, Mutation};
use interlock_engine::sim::plan::{self, Failure, Figures};

/// How long a thread may go without a moment in which all of its tasks wait. There are thousands of those in a second.
const LIMIT: Duration = Duration::from_secs(5);

/// Runs a seed, with a bug put back or without.
///
/// # Errors
/// What was violated, and what led to it; also where the run panicked or its thread hangs.
pub(crate) fn run(seed: u64, bug: Option<Mutation>) -> Result<Figures, (String, Vec<String>)> {
    let (sender, receiver) = mpsc::channel();
    // Who listens to the logs here, listens to the seed's.
    let listener = tracing::dispatcher::get_default(Clone::clone);
    let n_rests = Arc::new(AtomicU64::new(0));
    let counted = n_rests.clone();
    let running = move || {
        let _listening = tracing::dispatcher::set_default(&listener);
        mutation::set(bug);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).on_thread_park(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let runtime = runtime.build().expect("a runtime of one thread needs nothing");
        // Nobody listens where it took too long.
        let _late = sender.send(runtime.block_on(plan::run(seed)));
    };
    let started = std::thread::Builder::new().spawn(running);
    started.expect("the system has a thread left");
    let mut n_seen = 0;
    loop {
        match receiver.recv_timeout(LIMIT) {
            Ok(Ok(figures)) => return Ok(figures),
            Ok(Err(Failure { violation, log })) => return Err((violation.to_string(), log)),
            Err(RecvTimeoutError::Timeout) => {
                let n_now = n_rests.load(Ordering::Relaxed);
                if n_now == std::mem::replace(&mut n_seen, n_now) {
                    return Err(("a thread hangs".to_owned(), Vec::new()));
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Err(("the run panicked".to_owned(), Vec::new())),
        }
    }
}
