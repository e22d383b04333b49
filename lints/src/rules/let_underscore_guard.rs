//! `let-underscore-guard`: a guard is acquired only for `_` to drop it.

use interlock_source::{Acquisition, Body, BodyKind, Held, LockFamily, PointKind};

use crate::finding::place;
use crate::{Certainty, Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// `let _ = m.lock();`, also as `_ = m.lock();`, after `unwrap`, `?` or `.await`, with a function of the workspace
    /// that returns a guard, or as a part of a tuple: of every known library.
    ///
    /// ## Why it matters
    /// `_` binds nothing. The guard is dropped at the end of the statement, and what follows runs without the lock,
    /// though it reads as if it were held. `let _guard = m.lock();` holds it. Graded `warn` for one permit of a semaphore,
    /// which guards no data and may be asked for only to wait.
    ///
    /// ## Fires
    /// ```rust,fires
    /// struct Ledger { turn: tokio::sync::Mutex<()> }
    /// impl Ledger {
    ///     async fn post(&self) {
    ///         let _ = self.turn.lock().await;
    ///                         //^^^^^^ the guard of `example::Ledger::turn` is dropped at once: `_` keeps nothing
    ///         self.write().await;
    ///     }
    ///     async fn write(&self) {}
    /// }
    /// ```
    ///
    /// A guard that a function returns:
    ///
    /// ```rust,fires
    /// use parking_lot::{Mutex, MutexGuard};
    /// struct Ledger { turn: Mutex<()> }
    /// impl Ledger {
    ///     fn enter(&self) -> MutexGuard<'_, ()> {
    ///         self.turn.lock()
    ///                 //^^^^^^ acquired here
    ///     }
    ///     fn post(&self) {
    ///         let _ = self.enter();
    ///                    //^^^^^^^ the guard of `example::Ledger::turn` is dropped at once
    ///     }
    /// }
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// use std::sync::{Condvar, Mutex};
    /// struct Ledger { turn: Mutex<Vec<u8>>, idle: Condvar }
    /// impl Ledger {
    ///     fn post(&self) {
    ///         let _ = self.turn.lock().unwrap().pop();
    ///         let _ = self.turn.try_lock().is_ok();
    ///         let turn = self.turn.lock().unwrap();
    ///         let _ = self.idle.wait(turn);
    ///         let _turn = self.turn.lock().unwrap();
    ///     }
    /// }
    /// ```
    ///
    /// What is no critical section, or is called for the wait:
    ///
    /// ```rust,silent
    /// use tokio::sync::{Semaphore, watch};
    /// async fn finish(hits: &dashmap::DashMap<String, u64>, key: String, running: &Semaphore, seen: &mut watch::Receiver<u8>) {
    ///     let _ = hits.get(&key);
    ///     let _ = hits.entry(key).or_insert(0);
    ///     let _ = seen.borrow_and_update();
    ///     let _ = running.acquire_many(8).await;
    /// }
    /// ```
    ///
    /// ## Limits
    /// Where only the wait for another holder is meant, `drop(m.lock())` says so and is silent. A reference into a
    /// concurrent map or a watched value, and a borrow of a `RefCell`, are taken for the value, not to keep others out. A
    /// guard in a struct that a pattern takes apart is not followed. A `try_` call that may have failed is `assumed`, and so
    /// is one that may panic before there is a guard: in a test that is to panic, or a `blocking_` one in async code.
    pub(crate) static LINT = {
        id: "let-underscore-guard",
        level: Level::Deny,
        summary: "a guard is dropped at once because `_` keeps nothing",
    }
}

/// Operations that keep nobody out for long: the value that is seen, the wait until every task has given its permit back.
const NO_SECTION: [&str; 5] = ["borrow", "borrow_and_update", "wait_for", "acquire_many", "acquire_many_owned"];

/// Operations that panic where a runtime polls the code that calls them.
const PANICS_IN_ASYNC: [&str; 4] = ["blocking_lock", "blocking_lock_owned", "blocking_read", "blocking_write"];

pub(crate) fn check(context: &LintContext<'_>, findings: &mut Vec<Finding>) {
    for (body, point) in context.points() {
        let PointKind::GuardDiscarded(guard) = &point.kind else { continue };
        if protects(&guard.acquisition) {
            findings.push(finding(guard, body, place(point.span, &body.item)));
        }
    }
}

/// Whether the guard is what the operation is called for, and stands for a critical section.
fn protects(acquisition: &Acquisition) -> bool {
    let keeps_out = matches!(acquisition.family, LockFamily::Mutex | LockFamily::RwLock | LockFamily::Semaphore);
    keeps_out && !NO_SECTION.contains(&acquisition.operation.as_str())
}

fn certainty(guard: &Held, body: &Body) -> Certainty {
    let is_async = matches!(body.kind, BodyKind::AsyncFunction | BodyKind::AsyncBlock);
    if !guard.must {
        return Certainty::Assumed("the lock was free, so that there is a guard".to_owned());
    }
    if is_async && PANICS_IN_ASYNC.contains(&guard.acquisition.operation.as_str()) {
        return Certainty::Assumed("no runtime polls this code: the call would panic there".to_owned());
    }
    if body.is_to_panic {
        return Certainty::Assumed("the call returns, in a test that is to panic".to_owned());
    }
    Certainty::Derived
}

fn finding(guard: &Held, body: &Body, primary: crate::Place) -> Finding {
    let class = &guard.acquisition.lock.class;
    let message = format!("the guard of `{class}` is dropped at once: `_` keeps nothing");
    let found = Finding::new(&LINT, certainty(guard, body), primary, message)
        .about([class])
        .with_help("name it, as `let _guard = ..`, or write `drop(..)` where only the wait is meant");
    let found = match guard.acquisition.family {
        LockFamily::Semaphore => found.at_most(Level::Warn),
        _ => found,
    };
    match guard.chain.last() {
        Some(last) => {
            found.through(&guard.chain).because(place(guard.acquisition.span, &last.callee), "acquired here")
        }
        None => found,
    }
}
