//! Bugs that can be put back: one switch each, chosen at run time, per thread.
//!
//! Only builds with the feature `mutation` have this. A scenario runs twice: as shipped, where it must hold, and with
//! each mutation that it names, where it must fail with the symptom that it names.

mod catalogue;

use std::cell::Cell;
use std::str::FromStr;
use std::sync::OnceLock;

pub use catalogue::{MISSED, Mutation};

/// The environment's switch, for processes: `INTERLOCK_MUTATION=M-61`.
pub const VARIABLE: &str = "INTERLOCK_MUTATION";

thread_local! {
    static ACTIVE: Cell<Option<Mutation>> = const { Cell::new(None) };
}

/// Whether this bug is put back, on this thread or in this process.
pub fn is(mutation: Mutation) -> bool {
    ACTIVE.get().or_else(of_process) == Some(mutation)
}

/// What is active on this thread, to be handed to threads that it starts.
pub fn active() -> Option<Mutation> {
    ACTIVE.get()
}

/// Puts a bug back on this thread, or none.
pub fn set(mutation: Option<Mutation>) {
    ACTIVE.set(mutation);
}

fn of_process() -> Option<Mutation> {
    static OF_PROCESS: OnceLock<Option<Mutation>> = OnceLock::new();
    let read = || std::env::var(VARIABLE).ok().and_then(|id| Mutation::from_str(&id).ok());
    *OF_PROCESS.get_or_init(read)
}
