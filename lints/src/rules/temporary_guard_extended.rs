//! `temporary-guard-extended`: a guard that nobody needs any more is held while another lock is waited for.

use std::collections::{BTreeMap, BTreeSet};

use interlock_source::{Acquisition, Body, Construct, Effect, Held, LockFamily, PointKind, Span, Wait};

use crate::finding::place;
use crate::rules::{
    dashmap_guard_reentry, dashmap_mutation_in_iteration, guard_across_await, lock_order_inversion, recursive_read,
    reentrant_lock,
};
use crate::{Certainty, Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// A guard that is a temporary in the scrutinee of a `match`, `if let` or `while let`, the head of a `for`, an
    /// argument, a receiver or a block's tail, and lives on through code that uses nothing which borrows of it: another
    /// lock is acquired there, or an async lock is held across an `.await`.
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
    ///                                     //^^^^^^ the guard of `example::Pool::queue` is kept through this `if let`
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
    /// An arm that binds nothing, under an async lock:
    ///
    /// ```rust,fires
    /// use std::collections::HashMap;
    /// use tokio::sync::Mutex;
    /// async fn load(id: u64) -> String { String::new() }
    /// async fn name(names: &Mutex<HashMap<u64, String>>, id: u64) -> String {
    ///     match names.lock().await.get(&id) {
    ///               //^^^^^^ the guard of `example::name::names` is kept through an arm of this `match`
    ///         Some(name) => name.clone(),
    ///         None => load(id).await,
    ///                        //^^^^^ the task may be suspended meanwhile
    ///     }
    /// }
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// use std::collections::VecDeque;
    /// use std::sync::Mutex;
    /// struct Pool { queue: Mutex<VecDeque<u64>>, done: Mutex<Vec<u64>> }
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
    /// What is bound refers to what the lock guards:
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
    /// A guard that another lint tells of is not told of twice: one whose lock is acquired again (`reentrant-lock`,
    /// `recursive-read`, the lints of maps), one that blocks a thread across an `.await` (`guard-across-await`), one in a ring
    /// (`lock-order-inversion`). Whether a value borrows is judged by its type; where that is not known, nothing is said.
    pub(crate) static LINT = {
        id: "temporary-guard-extended",
        level: Level::Warn,
        summary: "a temporary guard is kept by the construct around it while another lock is waited for",
    }
}

pub(crate) fn check(context: &LintContext<'_>, findings: &mut Vec<Finding>) {
    let told = told_elsewhere(context);
    let mut guards: BTreeMap<GuardKey, Extended<'_>> = BTreeMap::new();
    for (body, point) in context.points() {
        for held in point.held.iter().filter(|held| protects(held)) {
            let Some(construct) = held.extended_by else { continue };
            if told.contains(&guard_key(&body.item, held)) {
                continue;
            }
            let mut note = |reason| keep_best(&mut guards, Extended { body, held, construct, reason });
            match point.kind {
                PointKind::Await { at } if !held.acquisition.blocking_guard => note(Reason::Suspended(at)),
                _ => {}
            }
            let effects = context.workspace.effects(body, point).into_iter();
            effects.filter(|effect| waits_beside(held, effect)).for_each(|effect| note(Reason::Acquired(effect)));
        }
    }
    findings.extend(guards.into_values().map(Extended::finding));
}

/// A guard: the function, and where there it comes from.
type GuardKey = (String, Span);

fn guard_key(item: &str, held: &Held) -> GuardKey {
    (item.to_owned(), origin(held))
}

/// The acquisition, or the call that returned the guard.
fn origin(held: &Held) -> Span {
    held.chain.first().map_or(held.acquisition.span, |step| step.span)
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

/// Guards that a stronger lint tells of: one fix serves both.
fn told_elsewhere(context: &LintContext<'_>) -> BTreeSet<GuardKey> {
    let is_on = |lint| context.config.level(lint) > Level::Allow;
    let again = |held: &Acquisition, wanted: &Acquisition| {
        (is_on(&reentrant_lock::LINT) && reentrant_lock::deadlocks(held, wanted))
            || (is_on(&recursive_read::LINT) && recursive_read::may_deadlock(held, wanted))
            || (is_on(&dashmap_guard_reentry::LINT) && dashmap_guard_reentry::may_deadlock(held, wanted))
            || (is_on(&dashmap_mutation_in_iteration::LINT) && dashmap_mutation_in_iteration::mutates(held, wanted))
    };
    let again = context.reentries(again);
    let mut told: BTreeSet<GuardKey> =
        again.iter().map(|reentry| guard_key(&reentry.body.item, reentry.held)).collect();
    if is_on(&guard_across_await::LINT) {
        for (body, point) in context.points().filter(|(_, point)| matches!(point.kind, PointKind::Await { .. })) {
            let blocking = point.held.iter().filter(|held| held.acquisition.blocking_guard);
            told.extend(blocking.map(|held| guard_key(&body.item, held)));
        }
    }
    if is_on(&lock_order_inversion::LINT) {
        told.extend(lock_order_inversion::edges_told(context).map(|edge| guard_key(&edge.item, &edge.held)));
    }
    told
}

/// A guard that is kept for too long, and why that matters.
#[derive(Clone)]
struct Extended<'a> {
    body: &'a Body,
    held: &'a Held,
    construct: Construct,
    reason: Reason,
}

#[derive(Clone)]
enum Reason {
    /// The task may be suspended here.
    Suspended(Span),
    /// Another lock is waited for.
    Acquired(Effect),
}

/// Of several reasons, the surest and nearest; an await before an acquisition.
fn keep_best<'a>(guards: &mut BTreeMap<GuardKey, Extended<'a>>, extended: Extended<'a>) {
    let key = guard_key(&extended.body.item, extended.held);
    if guards.get(&key).is_none_or(|known| extended.rank() < known.rank()) {
        guards.insert(key, extended);
    }
}

impl Extended<'_> {
    fn rank(&self) -> (bool, bool, usize) {
        match &self.reason {
            Reason::Suspended(_) => (!self.held.must, false, 0),
            Reason::Acquired(effect) => (!self.held.must, effect.assumed.is_some(), 1 + effect.chain.len()),
        }
    }

    fn certainty(&self) -> Certainty {
        let assumed = match &self.reason {
            Reason::Acquired(effect) => effect.assumed,
            Reason::Suspended(_) => None,
        };
        if !self.held.must {
            Certainty::Assumed("the guard is held on some of the paths to here".to_owned())
        } else if let Some(assumption) = assumed {
            Certainty::Assumed(assumption.text().to_owned())
        } else {
            Certainty::Derived
        }
    }

    fn finding(self) -> Finding {
        let (body, held) = (self.body, self.held);
        let class = &held.acquisition.lock.class;
        let message = format!("the guard of `{class}` is kept {}", kept(self.construct));
        let found = Finding::new(&LINT, self.certainty(), place(origin(held), &body.item), message)
            .through_held(held)
            .about([class])
            .with_help(help(self.construct));
        match &self.reason {
            Reason::Suspended(at) => found.because(place(*at, &body.item), "the task may be suspended meanwhile"),
            Reason::Acquired(effect) => {
                let class = &effect.acquisition.lock.class;
                let there = place(effect.acquisition.span, &effect.item);
                found.through(&effect.chain).because(there, format!("`{class}` is acquired meanwhile"))
            }
        }
    }
}

fn kept(construct: Construct) -> &'static str {
    match construct {
        Construct::Match => "through this `match`, though what is matched borrows nothing of it",
        Construct::Arm => "through an arm of this `match` that uses nothing of it",
        Construct::IfLet => "through this `if let`, though what it binds borrows nothing of it",
        Construct::Else => "through the `else` of this `if let`, which uses nothing of it",
        Construct::WhileLet => "through each turn of this `while let`, though what it binds borrows nothing of it",
        Construct::For => "through this `for`, though what it iterates borrows nothing of it",
        Construct::Argument | Construct::Receiver => {
            "to the end of this statement, though what is taken out of it borrows nothing"
        }
        Construct::Tail => "to the end of this block, though what it yields borrows nothing of it",
    }
}

fn help(construct: Construct) -> &'static str {
    match construct {
        Construct::Else => "bind what is needed with `let` first; from edition 2024 on, `else` is free of it",
        Construct::Tail => {
            "bind the value with `let` first; from edition 2024 on, a tail's temporaries are dropped before the variables"
        }
        _ => "bind the value with `let` first: the guard is dropped at the end of that statement",
    }
}
