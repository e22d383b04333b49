//! `dashmap-guard-reentry`: a concurrent map is used while a reference into it is held.

use interlock_source::{Acquisition, LockFamily, Wait};

use crate::context::{Reentry, exclusive_on_either_side};
use crate::finding::place;
use crate::rules::dashmap_mutation_in_iteration;
use crate::{Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// `get`, `insert`, `entry`, `len`, `iter`, `remove` or another operation of a `DashMap` while a reference into
    /// that map is alive (`Ref`, `RefMut`, `Entry`, or what an iterator yielded), exclusively on either side: in one
    /// function, or through calls.
    ///
    /// ## Why it matters
    /// The reference holds the lock of its shard. An operation that needs the same shard waits for it on the same
    /// thread: it hangs at 0 % CPU. `len`, `iter`, `retain` and `clear` need every shard and hang each time, the
    /// others when both keys share a shard.
    ///
    /// ## Fires
    /// ```rust,fires
    /// use dashmap::DashMap;
    /// use dashmap::mapref::entry::Entry;
    /// fn admit(peers: &DashMap<u64, String>, id: u64, limit: usize) {
    ///     if let Entry::Vacant(slot) = peers.entry(id) {
    ///                                      //^^^^^^^^^ a reference into `peers` is held from here on
    ///         if peers.len() < limit {
    ///                //^^^^^ `len` on `example::admit::peers` while a reference into it is held
    ///             slot.insert(String::new());
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// Through a call, by a method of the same map:
    ///
    /// ```rust,fires
    /// use dashmap::DashMap;
    /// struct Clients { inner: DashMap<u64, u32> }
    /// impl Clients {
    ///     fn unregister(&self, id: u64) {
    ///         self.inner.remove(&id);
    ///                  //^^^^^^^^^^^ `remove` on `example::Clients::inner` while a reference into it is held
    ///     }
    ///     fn send(&self, id: u64) {
    ///         if let Some(client) = self.inner.get(&id) {
    ///                                        //^^^^^^^^ a reference into `self.inner` is held from here on
    ///             if *client == 0 {
    ///                 self.unregister(id);
    ///                    //^^^^^^^^^^^^^^ calls `example::Clients::unregister`
    ///             }
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// use dashmap::DashMap;
    /// fn admit(peers: &DashMap<u64, String>, id: u64, limit: usize) {
    ///     let name = peers.get(&id).map(|peer| peer.clone());
    ///     if name.is_none() && peers.len() < limit {
    ///         peers.insert(id, String::new());
    ///     }
    ///     let peer = peers.get(&id);
    ///     drop(peer);
    ///     peers.remove(&id);
    /// }
    /// ```
    ///
    /// Two readers: `DashMap` lets a reader in while a writer waits, so a read under a read never waits for itself.
    ///
    /// ```rust,silent
    /// use dashmap::DashMap;
    /// fn sum(costs: &DashMap<u64, u64>, a: u64, b: u64) -> Option<u64> {
    ///     let first = costs.get(&a)?;
    ///     let second = costs.get(&b)?;
    ///     Some(*first + *second)
    /// }
    /// ```
    ///
    /// ## Limits
    /// Maps that are reached by two different paths are taken for two maps. A change while the map is iterated is
    /// `dashmap-mutation-in-iteration`; a reference that lives across an `.await` is `guard-across-await`.
    pub(crate) static LINT = {
        id: "dashmap-guard-reentry",
        level: Level::Deny,
        summary: "a concurrent map is used while a reference into it is held",
    }
}

pub(crate) fn check(context: &LintContext<'_>, findings: &mut Vec<Finding>) {
    findings.extend(context.reentries(may_deadlock).iter().map(finding));
}

/// Whether an acquisition under a guard of the same lock is this lint's matter.
pub(crate) fn may_deadlock(held: &Acquisition, wanted: &Acquisition) -> bool {
    held.family == LockFamily::Map
        && wanted.wait != Wait::Never
        && exclusive_on_either_side(held, wanted)
        && !dashmap_mutation_in_iteration::mutates(held, wanted)
}

fn finding(reentry: &Reentry<'_>) -> Finding {
    let (held, wanted) = (&reentry.held.acquisition, &reentry.effect.acquisition);
    let class = &wanted.lock.class;
    let primary = place(wanted.span, &reentry.effect.item);
    let message = format!("`{}` on `{class}` while a reference into it is held", wanted.operation);
    let map = held.lock.path.as_ref().map_or_else(|| class.to_string(), ToString::to_string);
    let help = match &reentry.held.variable {
        Some(variable) => format!("drop `{variable}` first, or copy what is needed out of the map"),
        None => "the reference is a temporary: copy what is needed out of the map first".to_owned(),
    };
    Finding::new(&LINT, reentry.certainty.clone(), primary, message)
        .because(place(held.span, &reentry.body.item), format!("a reference into `{map}` is held from here on"))
        .through_held(reentry.held)
        .through(&reentry.effect.chain)
        .about([class])
        .with_help(help)
}
