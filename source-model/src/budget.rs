//! What the typing of one expression may cost: how deep its questions may nest, and how many there may be.
//!
//! Types lead on to other types by defaults, aliases, bounds, dereferences and associated types. Written code can make
//! rings and doubling chains of all of them at once, so a bound at each way alone bounds neither.

use std::cell::Cell;

/// Questions within questions. Real code stays below a third of it; the stacks of the analysis have room for many times it.
const NESTED_MAX: u32 = 96;
/// Questions that one question may lead to. Real code stays below a thirtieth of it.
const QUESTIONS_MAX: u32 = 1 << 12;

thread_local! {
    /// How many questions are open, and how many were asked since the outermost one.
    static SPENT: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
}

/// An open question. Its answer is worked out by one thread from its start to its end, so it costs the same in each run.
pub(crate) struct Question(());

impl Question {
    /// `None` where the answer has to be Unknown.
    pub(crate) fn open() -> Option<Question> {
        let (nested, asked) = SPENT.get();
        if nested >= NESTED_MAX || asked >= QUESTIONS_MAX {
            return None;
        }
        SPENT.set((nested + 1, asked + 1));
        Some(Question(()))
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let (nested, asked) = SPENT.get();
        SPENT.set((nested - 1, if nested == 1 { 0 } else { asked }));
    }
}
