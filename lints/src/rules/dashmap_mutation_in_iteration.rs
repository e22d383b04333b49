//! `dashmap-mutation-in-iteration`: a concurrent map is changed while it is iterated.

use interlock_source::{Acquisition, Extent, LockFamily, Mode, Wait};

use crate::context::Reentry;
use crate::finding::place;
use crate::{Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// `insert`, `remove`, `entry`, `get_mut`, `retain`, `clear` or another change of a `DashMap` while an iterator
    /// of that map, or a reference that it yielded, is alive: in one function, or through calls.
    ///
    /// ## Why it matters
    /// The iterator holds the read lock of the shard it stands in. A change of that shard waits for it on the same
    /// thread: the node hangs at 0 % CPU, and only when both keys share a shard.
    ///
    /// ## Fires
    /// ```rust,fires
    /// use dashmap::DashMap;
    /// fn sweep(beats: &DashMap<String, u64>, now: u64) {
    ///     for beat in beats.iter() {
    ///                     //^^^^^^ iterated here
    ///         if *beat.value() < now {
    ///             beats.remove(beat.key());
    ///                 //^^^^^^^^^^^^^^^^^^ `remove` on `example::sweep::beats` while it is iterated
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// use dashmap::DashMap;
    /// fn sweep(beats: &DashMap<String, u64>, now: u64) {
    ///     let late: Vec<String> = beats.iter().filter(|b| *b.value() < now).map(|b| b.key().clone()).collect();
    ///     for key in late {
    ///         beats.remove(&key);
    ///     }
    ///     beats.retain(|_, at| *at >= now);
    /// }
    /// ```
    ///
    /// ## Limits
    /// Maps that are reached by two different paths are taken for two maps. Other uses of a map while a reference into it
    /// is held are `dashmap-guard-reentry`.
    pub(crate) static LINT = {
        id: "dashmap-mutation-in-iteration",
        level: Level::Deny,
        summary: "a concurrent map is changed while it is iterated",
    }
}

pub(crate) fn check(context: &LintContext<'_>, findings: &mut Vec<Finding>) {
    findings.extend(context.reentries(mutates).iter().map(finding));
}

/// Whether an acquisition changes a map under an iterator: this lint's part of what waits for itself.
pub(crate) fn mutates(held: &Acquisition, wanted: &Acquisition) -> bool {
    held.family == LockFamily::Map
        && held.extent == Extent::Iteration
        && wanted.mode == Mode::Exclusive
        && wanted.wait != Wait::Never
}

fn finding(reentry: &Reentry<'_>) -> Finding {
    let wanted = &reentry.effect.acquisition;
    let class = &wanted.lock.class;
    let primary = place(wanted.span, &reentry.effect.item);
    let message = format!("`{}` on `{class}` while it is iterated", wanted.operation);
    Finding::new(&LINT, reentry.certainty.clone(), primary, message)
        .because(place(reentry.held.acquisition.span, &reentry.body.item), "iterated here")
        .through_held(reentry.held)
        .through(&reentry.effect.chain)
        .about([class])
        .with_help("collect the keys first and change the map after the loop, or use `retain`")
}
