//! Stretches of an execution that are run in one order: how a model begins, and how it ends.

use std::cell::Cell;

use interlock_sync::model::recorder;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static EVER: Cell<bool> = const { Cell::new(false) };
}

/// As long as this lives, nobody is preempted and the order of the tasks is one. Values are chosen as ever.
#[derive(Debug)]
pub struct Quiet(());

/// Runs what follows in one order, until the answer is dropped.
///
/// What a model needs before its question begins (a node that leads, a stream with messages) has far more orders than the
/// question itself. A search that leaves them out says so in its notes, and finds nothing that only they would show.
pub fn quiet() -> Quiet {
    set_depth(DEPTH.get() + 1);
    EVER.set(true);
    // Loom panics where it is told twice.
    #[cfg(feature = "model-loom")]
    if DEPTH.get() == 1 {
        loom::stop_exploring();
    }
    Quiet(())
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // An execution that failed may have been left before this.
        set_depth(DEPTH.get().saturating_sub(1));
        #[cfg(feature = "model-loom")]
        if DEPTH.get() == 0 && !std::thread::panicking() {
            loom::explore();
        }
    }
}

/// Whether there is one order now.
#[cfg(feature = "model-shuttle")]
pub(crate) fn is_on() -> bool {
    DEPTH.get() > 0
}

/// Whether there was one order in any execution of the search.
pub(crate) fn was_on() -> bool {
    EVER.get()
}

/// A search begins.
pub(crate) fn forget() {
    EVER.set(false);
}

/// An execution begins.
pub(crate) fn restart() {
    set_depth(0);
}

fn set_depth(depth: u32) {
    DEPTH.set(depth);
    recorder::set_quiet(depth > 0);
}

/// What a verdict is to be read with, if anything was run in one order.
pub(crate) fn note() -> Option<String> {
    was_on().then(|| "what the model does quietly was run in one order".to_owned())
}
