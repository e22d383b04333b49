//! `lock-order-inversion`: threads acquire the same locks in orders that contradict each other.

use interlock_lockgraph::Edge;
use interlock_source::{AccessPath, Held, LockRef};

use crate::finding::place;
use crate::{Certainty, Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// A cycle of the lock graph: A is held while B is acquired in one place, B is held while A is acquired in
    /// another, or a longer ring. Not reported: rings under one common outer lock, and rings that only readers form.
    ///
    /// ## Why it matters
    /// Two threads that enter the ring at different places wait for each other for ever.
    ///
    /// ## Fires
    /// ```rust,fires
    /// use std::sync::Mutex;
    /// struct Store { index: Mutex<u8>, log: Mutex<u8> }
    /// impl Store {
    ///     fn append(&self) {
    ///         let index = self.index.lock();
    ///                              //^^^^^^ holds `example::Store::index` ..
    ///         let log = self.log.lock();
    ///                          //^^^^^^ `example::Store::index` and `example::Store::log` are acquired in contradicting orders
    ///     }
    ///     fn compact(&self) {
    ///         let log = self.log.lock();
    ///                          //^^^^^^ holds `example::Store::log` ..
    ///         let index = self.index.lock();
    ///                              //^^^^^^ .. and acquires `example::Store::index`
    ///     }
    /// }
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// use std::sync::Mutex;
    /// struct Store { index: Mutex<u8>, log: Mutex<u8> }
    /// impl Store {
    ///     fn append(&self) {
    ///         let index = self.index.lock();
    ///         let log = self.log.lock();
    ///     }
    ///     fn compact(&self) {
    ///         let n = { let log = self.log.lock(); 1 };
    ///         let index = self.index.lock();
    ///     }
    /// }
    /// ```
    ///
    /// ## Limits
    /// Works on lock classes. Where the two places may mean different objects of a type, the finding is `assumed`.
    /// Of several rings through one edge only the shortest is shown.
    pub(crate) static LINT = {
        id: "lock-order-inversion",
        level: Level::Deny,
        summary: "locks are acquired in contradicting orders",
    }
}

pub(crate) fn check(context: &LintContext<'_>, findings: &mut Vec<Finding>) {
    findings.extend(rings(context).iter().map(|(edges, meetings)| finding(edges, meetings)));
}

/// The edges of the rings that this lint tells of.
pub(crate) fn edges_told<'a>(context: &'a LintContext<'_>) -> impl Iterator<Item = &'a Edge> {
    rings(context).into_iter().flat_map(|(edges, _)| edges)
}

/// Rings whose locks may all be the same objects, with how each edge meets the next.
fn rings<'a>(context: &'a LintContext<'_>) -> Vec<(Vec<&'a Edge>, Vec<Meeting>)> {
    let mut rings = Vec::new();
    for cycle in context.graph.cycles() {
        let edges: Vec<&Edge> = cycle.edges.iter().map(|at| &context.graph.edges[*at]).collect();
        let meetings: Vec<Meeting> = (0..edges.len()).map(|at| meeting(edges[at], edges[(at + 1) % edges.len()])).collect();
        if !meetings.contains(&Meeting::Never) {
            rings.push((edges, meetings));
        }
    }
    rings
}

fn finding(edges: &[&Edge], meetings: &[Meeting]) -> Finding {
    let classes: Vec<String> = edges.iter().map(|edge| format!("`{}`", edge.held.acquisition.lock.class)).collect();
    let message = format!("{} are acquired in contradicting orders", listed(&classes));
    let first = edges[0];
    let primary = place(first.acquired.acquisition.span, &first.acquired.item);
    let mut found = Finding::new(&LINT, certainty(edges, meetings), primary, message);
    for edge in edges {
        let (held, acquired) = (&edge.held, &edge.acquired);
        found = found
            .because(place(held.acquisition.span, &edge.item), format!("holds `{}` ..", held.acquisition.lock.class))
            .through_held(held)
            .through(&acquired.chain)
            .because(
                place(acquired.acquisition.span, &acquired.item),
                format!(".. and acquires `{}`", acquired.acquisition.lock.class),
            );
    }
    found
        .about(edges.iter().map(|edge| &edge.held.acquisition.lock.class))
        .with_help("acquire them in one order everywhere, or release the first before the second")
}

fn listed(names: &[String]) -> String {
    match names {
        [one, other] => format!("{one} and {other}"),
        _ => names.join(", "),
    }
}

/// `derived` only when every edge is sure and both locks of it belong to one owner.
fn certainty(edges: &[&Edge], meetings: &[Meeting]) -> Certainty {
    let assumed = |edge: &&Edge| edge.acquired.assumed.or(edge.held.acquisition.assumption());
    if let Some(assumption) = edges.iter().find_map(assumed) {
        return Certainty::Assumed(assumption.text().to_owned());
    }
    if edges.iter().any(|edge| !edge.held.must) {
        return Certainty::Assumed("a guard is held on only some of the paths".to_owned());
    }
    let one_owner = edges.iter().all(|edge| one_owner(&edge.held, &edge.acquired.acquisition.lock));
    if !one_owner || meetings.contains(&Meeting::Perhaps) {
        return Certainty::Assumed("both places mean the same objects".to_owned());
    }
    Certainty::Derived
}

/// Whether both locks are reached exactly, from one root; statics are one object each.
fn one_owner(held: &Held, acquired: &LockRef) -> bool {
    let exact = |lock: &LockRef| lock.path.clone().filter(AccessPath::is_exact).filter(|_| lock.class.is_declaration());
    let (Some(first), Some(second)) = (exact(&held.acquisition.lock), exact(acquired)) else { return false };
    let is_static = |path: &AccessPath| matches!(path.root, interlock_source::Root::Static(_));
    first.root == second.root || (is_static(&first) && is_static(&second)) || (is_local(&first) && is_local(&second))
}

/// Local variables of one function that several closures share.
fn is_local(path: &AccessPath) -> bool {
    matches!(path.root, interlock_source::Root::Local { .. }) && path.projections.is_empty()
}

/// Whether the lock that one thread wants is the object that the next one holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meeting {
    Surely,
    Perhaps,
    /// Two objects of one class: both are reached exactly, from one root, by different fields.
    Never,
}

fn meeting(wants: &Edge, holds: &Edge) -> Meeting {
    let (wanted, held) = (&wants.acquired.acquisition.lock.path, &holds.held.acquisition.lock.path);
    let (Some(wanted), Some(held)) = (wanted, held) else { return Meeting::Perhaps };
    let equal = wanted.projections == held.projections;
    if wanted.root == held.root {
        let exact = wanted.is_exact() && held.is_exact();
        return if equal { Meeting::Surely } else if exact { Meeting::Never } else { Meeting::Perhaps };
    }
    // From another type the same object is reached by more or fewer steps.
    let owner = |item: &str| item.rsplit_once("::").map(|(owner, _)| owner.to_owned());
    let nested = wanted.projections.ends_with(&held.projections) || held.projections.ends_with(&wanted.projections);
    let fits = if owner(&wants.item) == owner(&holds.item) { equal } else { nested };
    if fits { Meeting::Surely } else { Meeting::Perhaps }
}
