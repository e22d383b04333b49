//! `guard-across-await`: a blocking guard is live at a suspension point.

use std::collections::BTreeMap;

use interlock_source::{Body, Held, PointKind, Span};

use crate::finding::place;
use crate::{Certainty, Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// A guard of a blocking lock, or a reference into a concurrent map, whose scope contains an `.await`.
    ///
    /// ## Why it matters
    /// The task may be parked while it holds the lock. Another task on the same worker thread that acquires the lock
    /// then blocks the thread that would have resumed the holder: a deadlock without a lock-order cycle.
    ///
    /// ## Fires
    /// ```rust,fires
    /// use std::sync::Mutex;
    /// async fn sync(n: usize) {}
    /// async fn flush(log: &Mutex<Vec<u8>>) {
    ///     let log = log.lock().unwrap();
    ///                 //^^^^^^ guard acquired here
    ///     sync(log.len())
    ///         .await;
    ///        //^^^^^ guard of `example::flush::log` is live across this await point
    /// }
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// use std::sync::Mutex;
    /// async fn sync(n: usize) {}
    /// async fn flush(log: &Mutex<Vec<u8>>) {
    ///     let n = log.lock().unwrap().len();
    ///     sync(n).await;
    ///     let guard = log.lock().unwrap();
    ///     drop(guard);
    ///     sync(n).await;
    /// }
    /// ```
    ///
    /// ## Limits
    /// Guards that live in a field of a value with a lifetime that is not followed are not seen.
    pub(crate) static LINT = {
        id: "guard-across-await",
        level: Level::Deny,
        summary: "a blocking guard is live across an await point",
    }
}

pub(crate) fn check(context: &LintContext<'_>, findings: &mut Vec<Finding>) {
    // One finding a guard: its first await point, the others as steps.
    let mut guards: BTreeMap<(Span, String), Finding> = BTreeMap::new();
    for (body, point) in context.points() {
        let PointKind::Await { at } = point.kind else { continue };
        for held in point.held.iter().filter(|held| held.acquisition.blocking_guard) {
            let key = (held.acquisition.span, body.item.to_string());
            let finding = match guards.remove(&key) {
                Some(known) => known.because(place(at, &body.item), "and across this await point"),
                None => finding(body, held, at),
            };
            guards.insert(key, finding);
        }
    }
    findings.extend(guards.into_values());
}

fn finding(body: &Body, held: &Held, at: Span) -> Finding {
    let certainty = if held.must {
        Certainty::Derived
    } else {
        Certainty::Assumed("the guard is held on some of the paths to here".to_owned())
    };
    let class = &held.acquisition.lock.class;
    let message = format!("guard of `{class}` is live across this await point");
    let found = Finding::new(&LINT, certainty, place(at, &body.item), message)
        .because(place(held.acquisition.span, &body.item), "guard acquired here")
        .through_held(held)
        .about([class]);
    match &held.variable {
        Some(variable) => found.with_help(format!("drop `{variable}` before the await, or end its block")),
        None => found.with_help("the guard is a temporary: bind what it yields before the await"),
    }
}
