//! `recursive-read`: a reader-writer lock is read while the same thread or task already reads it.

use interlock_source::{Acquisition, LockFamily, Wait};

use crate::context::{Reentry, exclusive_on_either_side};
use crate::finding::place;
use crate::writers::{Writer, Writers};
use crate::{Certainty, Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// A read acquisition of a reader-writer lock while the same thread or task holds a read guard of it, where the
    /// library lets a waiting writer go first.
    ///
    /// ## Why it matters
    /// When a writer asks for the lock between the two reads, the second read queues behind the writer, and the
    /// writer waits for the first read: all three hang. `std`, `parking_lot` and `tokio` behave so.
    ///
    /// ## Fires
    /// ```rust,fires
    /// use std::sync::RwLock;
    /// struct Status { terms: RwLock<Vec<u64>> }
    /// impl Status {
    ///     fn term(&self) -> u64 {
    ///         *self.terms.read().unwrap().last().unwrap()
    ///                   //^^^^^^ `example::Status::terms` is read while this thread already reads it
    ///     }
    ///     fn show(&self) -> (usize, u64) {
    ///         let terms = self.terms.read().unwrap();
    ///                              //^^^^^^ `self.terms` is locked here, shared
    ///         (terms.len(), self.term())
    ///                          //^^^^^^ calls `example::Status::term`
    ///     }
    /// }
    /// ```
    ///
    /// It is `deny` when it is derived and a function of the workspace, not a test, waits to write that lock ..
    ///
    /// ```rust,fires
    /// use std::sync::RwLock;
    /// struct Status { terms: RwLock<Vec<u64>> }
    /// impl Status {
    ///     fn show(&self) -> (usize, usize) {
    ///         let terms = self.terms.read().unwrap();
    ///         let again = self.terms.read().unwrap();
    ///                              //^^^^^^ `example::Status::terms` is read while this thread already reads it
    ///         (terms.len(), again.len())
    ///     }
    ///     fn vote(&self, term: u64) {
    ///         self.terms.write().unwrap().push(term);
    ///                  //^^^^^^^ a writer that waits between the two reads waits here
    ///     }
    /// }
    /// ```
    ///
    /// .. or a lock of the same type that guards the same type of the workspace: a lock that is handed around has a name in
    /// each place. A function that gives out a part of its receiver gives the same part each time:
    ///
    /// ```rust,fires
    /// use std::sync::{Arc, RwLock};
    /// struct Segment { points: u64 }
    /// enum Slot { Own(Arc<RwLock<Segment>>), Proxy(Arc<RwLock<Segment>>) }
    /// impl Slot {
    ///     fn get(&self) -> Arc<RwLock<Segment>> {
    ///         match self { Slot::Own(own) => own.clone(), Slot::Proxy(proxy) => Arc::clone(proxy) }
    ///     }
    /// }
    /// fn show(slot: &Slot) -> (u64, u64) {
    ///     let lock = slot.get();
    ///     let first = lock.read().unwrap();
    ///                    //^^^^^^ `slot.get()` is locked here, shared
    ///     let again = slot.get();
    ///     let second = again.read().unwrap();
    ///                      //^^^^^^ `example::Slot::get()` is read while this thread already reads it
    ///     (first.points, second.points)
    /// }
    /// fn add(segment: &RwLock<Segment>) {
    ///     segment.write().unwrap().points += 1;
    ///           //^^^^^^^ a lock of this type is written here: one waiting writer between the two reads is enough
    /// }
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// use parking_lot::RwLock;
    /// struct Status { terms: RwLock<Vec<u64>> }
    /// impl Status {
    ///     fn show(&self) -> (usize, usize) {
    ///         let terms = self.terms.read();
    ///         let again = self.terms.read_recursive();
    ///         (terms.len(), again.len())
    ///     }
    /// }
    /// ```
    ///
    /// ## Limits
    /// Says nothing of locks whose readers never queue behind a writer, such as those of `spin`.
    pub(crate) static LINT = {
        id: "recursive-read",
        level: Level::Warn,
        summary: "a reader-writer lock is read while the same thread already reads it",
    }
}

pub(crate) fn check(context: &LintContext<'_>, findings: &mut Vec<Finding>) {
    let writers = Writers::of(context.workspace);
    findings.extend(context.reentries(may_deadlock).iter().map(|reentry| finding(reentry, &writers)));
}

/// Whether an acquisition under a guard of the same lock is this lint's matter.
pub(crate) fn may_deadlock(held: &Acquisition, wanted: &Acquisition) -> bool {
    held.family == LockFamily::RwLock
        && wanted.wait != Wait::Never
        && !wanted.reentrant
        && !exclusive_on_either_side(held, wanted)
}

fn finding(reentry: &Reentry<'_>, writers: &Writers<'_>) -> Finding {
    let class = &reentry.effect.acquisition.lock.class;
    let primary = place(reentry.effect.acquisition.span, &reentry.effect.item);
    let message = format!("`{class}` is read while this thread already reads it");
    let found = Finding::new(&LINT, reentry.certainty.clone(), primary, message)
        .because(place(reentry.held.acquisition.span, &reentry.body.item), reentry.held_message())
        .through_held(reentry.held)
        .through(&reentry.effect.chain)
        .about([class])
        .with_help(reentry.help());
    if reentry.certainty != Certainty::Derived || reentry.body.is_test {
        return found;
    }
    match writers.beside(reentry.body, &reentry.effect.acquisition) {
        Some(Writer::Same(at)) => found.raised_because(at, "a writer that waits between the two reads waits here"),
        Some(Writer::Alike(at)) => {
            found.raised_because(at, "a lock of this type is written here: one waiting writer between the two reads is enough")
        }
        None => found,
    }
}
