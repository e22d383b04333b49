//! `temporary-guard-extended`: a guard that nobody needs any more is held while another lock is waited for.

use std::collections::{BTreeMap, BTreeSet};

use interlock_source::{Body, Construct, Effect, Held, LockFamily, PointKind, Span, Wait};

use crate::finding::place;
use crate::{Certainty, Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// A guard that is a temporary in the scrutinee of a `match`, `if let` or `while let`, the head of a `for`, an
    /// argument, a receiver or a block's tail, lives on although the value taken out of it borrows nothing of it, and
    /// meanwhile another lock is acquired, or an async lock is held across an `.await`.
    ///
    /// ## Why it matters
    /// The code reads as if the lock were held for one expression. It is held through every arm, the whole loop or the
    /// whole call: others wait for as long, and whatever is acquired there is acquired under it.
    ///
    /// ## Fires
    /// ```rust,fires
    /// use std::collections::VecDeque;
    /// use std::sync::Mutex;
    /// struct Job(u64);
    /// struct Pool { queue: Mutex<VecDeque<Job>>, done: Mutex<Vec<u64>> }
    /// impl Pool {
    ///     fn step(&self) {
    ///         if let Some(job) = self.queue.lock().unwrap().pop_front() {
    ///                                     //^^^^^^ the guard of `example::Pool::queue` is kept by this `if let`
    ///             self.finish(job);
    ///                //^^^^^^^^^^^ calls `example::Pool::finish`
    ///         }
    ///     }
    ///     fn finish(&self, job: Job) {
    ///         self.done.lock().unwrap().push(job.0);
    ///                 //^^^^^^ `example::Pool::done` is acquired meanwhile
    ///     }
    /// }
    /// ```
    ///
    /// An async lock, held while a message is sent:
    ///
    /// ```rust,fires
    /// use tokio::sync::{Mutex, mpsc};
    /// async fn report(count: &Mutex<u64>, out: &mpsc::Sender<u64>) {
    ///     out.send(*count.lock().await).await;
    ///                   //^^^^^^ the guard of `example::report::count` is kept by the call that it is an argument of
    ///   //^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the task may be suspended meanwhile
    /// }
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// use std::collections::{HashMap, VecDeque};
    /// use std::sync::Mutex;
    /// struct Pool { queue: Mutex<VecDeque<u64>>, names: Mutex<HashMap<u64, String>>, done: Mutex<Vec<u64>> }
    /// impl Pool {
    ///     fn step(&self) {
    ///         let job = self.queue.lock().unwrap().pop_front();
    ///         if let Some(job) = job {
    ///             self.done.lock().unwrap().push(job);
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// What is taken out refers to what the lock guards:
    ///
    /// ```rust,silent
    /// use std::collections::HashMap;
    /// use std::sync::Mutex;
    /// struct Names { names: Mutex<HashMap<u64, String>>, shown: Mutex<Vec<String>> }
    /// impl Names {
    ///     fn show(&self, id: u64) {
    ///         if let Some(name) = self.names.lock().unwrap().get(&id) {
    ///             self.shown.lock().unwrap().push(name.clone());
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// ## Limits
    /// A lock that is acquired again is `reentrant-lock`, `recursive-read` or a lint of maps; a guard that blocks a thread,
    /// across an `.await`, is `guard-across-await`; a pair of locks that closes a ring is `lock-order-inversion`. Whether a
    /// value borrows is judged by its type; where that is not known, nothing is said.
    pub(crate) static LINT = {
        id: "temporary-guard-extended",
        level: Level::Warn,
        summary: "a temporary guard is kept by the construct around it while another lock is waited for",
    }
}

pub(crate) fn check(context: &LintContext<'_>, findings: &mut Vec<Finding>) {
    let in_rings = pairs_in_rings(context);
    let mut guards: BTreeMap<(Span, &str), Extended<'_>> = BTreeMap::new();
    for (body, point) in context.points() {
        for held in point.held.iter().filter(|held| protects(held)) {
            let Some(construct) = held.extended_by else { continue };
            let key = (held.acquisition.span, &*body.item);
            let guard = guards.entry(key).or_insert_with(|| Extended::of(body, held, construct));
            if matches!(point.kind, PointKind::Await) && !held.acquisition.blocking_guard {
                guard.suspended.get_or_insert(point.span);
            }
            for effect in context.workspace.effects(body, point) {
                let pair = (held.acquisition.span, effect.acquisition.span);
                if waits_beside(held, &effect) && !in_rings.contains(&pair) {
                    guard.waits_for(effect);
                }
            }
        }
    }
    findings.extend(guards.into_values().filter_map(Extended::finding));
}

/// Whether the guard stands for a critical section of its own.
fn protects(held: &Held) -> bool {
    matches!(held.acquisition.family, LockFamily::Mutex | LockFamily::RwLock | LockFamily::Map)
}

/// Whether another lock is waited for. The same one is the matter of other lints.
fn waits_beside(held: &Held, effect: &Effect) -> bool {
    let wanted = &effect.acquisition;
    wanted.wait != Wait::Never
        && wanted.family != LockFamily::Cell
        && wanted.lock.class != held.acquisition.lock.class
}

/// A guard and what is acquired under it, by their places: the rings of the lock-order graph are told by its lint.
fn pairs_in_rings(context: &LintContext<'_>) -> BTreeSet<(Span, Span)> {
    let edges = context.graph.cycles().into_iter().flat_map(|cycle| cycle.edges);
    let edges = edges.map(|edge| &context.graph.edges[edge]);
    edges.map(|edge| (edge.held.acquisition.span, edge.acquired.acquisition.span)).collect()
}

/// A guard that is kept for too long, with the nearest reasons not to.
struct Extended<'a> {
    body: &'a Body,
    held: &'a Held,
    construct: Construct,
    suspended: Option<Span>,
    acquired: Option<Effect>,
}

impl Extended<'_> {
    fn of<'a>(body: &'a Body, held: &'a Held, construct: Construct) -> Extended<'a> {
        Extended { body, held, construct, suspended: None, acquired: None }
    }

    /// Keeps the surest and nearest acquisition.
    fn waits_for(&mut self, effect: Effect) {
        let rank = |effect: &Effect| (effect.assumed.is_some(), effect.chain.len());
        if self.acquired.as_ref().is_none_or(|known| rank(&effect) < rank(known)) {
            self.acquired = Some(effect);
        }
    }

    fn certainty(&self) -> Certainty {
        if !self.held.must {
            return Certainty::Assumed("the guard is held on some of the paths to here".to_owned());
        }
        let is_assumed = self.acquired.as_ref().is_some_and(|effect| effect.assumed.is_some());
        if is_assumed && self.suspended.is_none() {
            return Certainty::Assumed("this implementation of the trait is the one that runs".to_owned());
        }
        Certainty::Derived
    }

    fn finding(self) -> Option<Finding> {
        if self.suspended.is_none() && self.acquired.is_none() {
            return None;
        }
        let (body, held) = (self.body, self.held);
        let class = &held.acquisition.lock.class;
        let keeper = keeper(self.construct);
        let origin = held.chain.first().map_or(held.acquisition.span, |step| step.span);
        let message =
            format!("the guard of `{class}` is kept by {keeper}, though what is taken out of it borrows nothing");
        let mut found = Finding::new(&LINT, self.certainty(), place(origin, &body.item), message)
            .through_held(held)
            .about([class])
            .with_help("bind the value with `let` first: the guard is dropped at the end of that statement");
        if let Some(at) = self.suspended {
            found = found.because(place(at, &body.item), "the task may be suspended meanwhile");
        }
        if let Some(effect) = &self.acquired {
            let class = &effect.acquisition.lock.class;
            let there = place(effect.acquisition.span, &effect.item);
            found = found.through(&effect.chain).because(there, format!("`{class}` is acquired meanwhile"));
        }
        Some(found)
    }
}

fn keeper(construct: Construct) -> &'static str {
    match construct {
        Construct::Match => "this `match`",
        Construct::IfLet => "this `if let`",
        Construct::WhileLet => "this `while let`, each turn",
        Construct::For => "this `for`",
        Construct::Argument => "the call that it is an argument of",
        Construct::Receiver => "the call that it is the receiver of",
        Construct::Tail => "the end of this block",
    }
}
