//! `reentrant-lock`: a lock is acquired while the same thread or task already holds it.

use interlock_source::{Acquisition, LockFamily, Wait};

use crate::context::{Reentry, exclusive_on_either_side};
use crate::finding::place;
use crate::{Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// An acquisition of a mutex or reader-writer lock while the same thread or task holds that lock,
    /// exclusively on either side: in one function, or through calls.
    ///
    /// ## Why it matters
    /// The second acquisition waits for a guard that only its own thread can release. The thread hangs for ever,
    /// and with it everyone who needs the lock.
    ///
    /// ## Fires
    /// ```rust,fires
    /// use std::sync::Mutex;
    /// struct Node { raft: Mutex<Vec<u8>> }
    /// impl Node {
    ///     fn apply(&self) {
    ///         let mut raft = self.raft.lock().unwrap();
    ///                                //^^^^^^ `self.raft` is locked here, exclusively
    ///         raft.push(self.next());
    ///                      //^^^^^^ calls `example::Node::next`
    ///     }
    ///     fn next(&self) -> u8 {
    ///         self.raft.lock().unwrap().pop().unwrap_or(0)
    ///                 //^^^^^^ `example::Node::raft` is locked while it is already held
    ///     }
    /// }
    /// ```
    ///
    /// A collection keeps the guards that are pushed into it:
    ///
    /// ```rust,fires
    /// use std::sync::Mutex;
    /// struct Node { raft: Mutex<Vec<u8>> }
    /// impl Node {
    ///     fn apply(&self) {
    ///         let mut guards = Vec::new();
    ///         guards.push(self.raft.lock().unwrap());
    ///                             //^^^^^^ `self.raft` is locked here, exclusively
    ///         self.raft.lock().unwrap().push(1);
    ///                 //^^^^^^ `example::Node::raft` is locked while it is already held
    ///     }
    /// }
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// use std::sync::Mutex;
    /// struct Node { raft: Mutex<Vec<u8>> }
    /// impl Node {
    ///     fn apply(&self) {
    ///         let last = self.raft.lock().unwrap().pop();
    ///         drop(last);
    ///         self.raft.lock().unwrap().push(1);
    ///     }
    /// }
    /// ```
    ///
    /// A loop that locks each element and keeps the guards locks another one each turn:
    ///
    /// ```rust,silent
    /// use std::sync::Mutex;
    /// struct Shards { shards: Vec<Mutex<u8>> }
    /// impl Shards {
    ///     fn sum(&self) -> usize {
    ///         let mut guards = Vec::new();
    ///         for shard in self.shards.iter() {
    ///             guards.push(shard.lock().unwrap());
    ///         }
    ///         guards.len()
    ///     }
    /// }
    /// ```
    ///
    /// ## Limits
    /// Two paths to one object are told apart by their spelling: a lock reached as `self.a` here and through another
    /// owner there is not reported. Two readers are another matter: they deadlock only with a waiting writer.
    pub(crate) static LINT = {
        id: "reentrant-lock",
        level: Level::Deny,
        summary: "a lock is acquired while the same thread or task already holds it",
    }
}

pub(crate) fn check(context: &LintContext<'_>, findings: &mut Vec<Finding>) {
    findings.extend(context.reentries(deadlocks).iter().map(finding));
}

/// Whether an acquisition under a guard of the same lock is this lint's matter.
pub(crate) fn deadlocks(held: &Acquisition, wanted: &Acquisition) -> bool {
    let is_lock = matches!(held.family, LockFamily::Mutex | LockFamily::RwLock);
    let waits = wanted.wait != Wait::Never && !(wanted.reentrant && wanted.family == LockFamily::Mutex);
    is_lock && waits && exclusive_on_either_side(held, wanted)
}

fn finding(reentry: &Reentry<'_>) -> Finding {
    let (held, wanted) = (&reentry.held.acquisition, &reentry.effect.acquisition);
    let class = &wanted.lock.class;
    let primary = place(wanted.span, &reentry.effect.item);
    let message = format!("`{class}` is locked while it is already held");
    let again = Finding::new(&LINT, reentry.certainty.clone(), primary, message);
    again
        .because(place(held.span, &reentry.body.item), reentry.held_message())
        .through_held(reentry.held)
        .through(&reentry.effect.chain)
        .about([class])
        .with_help(reentry.help())
}
