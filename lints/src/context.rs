//! What a check may ask: the workspace, the lock graph, the configuration.

use std::collections::BTreeSet;

use interlock_lockgraph::LockGraph;
use interlock_source::{Acquisition, Assumption, Body, Effect, Held, LockClass, Mode, Point, Workspace};

use crate::{Certainty, Config};

/// What a check may ask.
pub struct LintContext<'a> {
    /// The facts.
    pub workspace: &'a Workspace,
    /// The lock-order graph.
    pub graph: &'a LockGraph,
    /// The configuration.
    pub config: &'a Config,
}

/// An acquisition of a lock that is held already.
pub(crate) struct Reentry<'a> {
    pub(crate) body: &'a Body,
    pub(crate) held: &'a Held,
    pub(crate) effect: Effect,
    pub(crate) certainty: Certainty,
}

impl LintContext<'_> {
    /// Every point of the workspace, with its body.
    pub(crate) fn points(&self) -> impl Iterator<Item = (&Body, &Point)> {
        self.workspace.bodies().iter().flat_map(|body| body.points.iter().map(move |point| (body, point)))
    }

    /// Every acquisition of one lock while that same lock is held, of the kinds that `wanted` accepts: once for each
    /// pair of places in a body.
    pub(crate) fn reentries(&self, wanted: impl Fn(&Acquisition, &Acquisition) -> bool) -> Vec<Reentry<'_>> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for (body, point) in self.points().filter(|(_, point)| !point.held.is_empty()) {
            for effect in self.workspace.effects(body, point) {
                for held in &point.held {
                    if !wanted(&held.acquisition, &effect.acquisition) {
                        continue;
                    }
                    let places = (body.id, held.acquisition.span, effect.acquisition.span);
                    if let Some(certainty) = self.same_lock(held, &effect).filter(|_| seen.insert(places)) {
                        found.push(Reentry { body, held, effect: effect.clone(), certainty });
                    }
                }
            }
        }
        found
    }

    /// Whether two acquisitions mean one object, and how sure that is.
    fn same_lock(&self, held: &Held, effect: &Effect) -> Option<Certainty> {
        let (first, second) = (&held.acquisition.lock, &effect.acquisition.lock);
        if first.class != second.class {
            return None;
        }
        // How the dropped value reaches the lock is not followed: one declaration is a strong hint, and no more.
        if effect.assumed == Some(Assumption::Dropped)
            && matches!(first.class, LockClass::Field { .. })
            && !self.workspace.is_wrapper(&first.class)
        {
            return Some(Certainty::Assumed(Assumption::Dropped.text().to_owned()));
        }
        let (Some(path), Some(other)) = (&first.path, &second.path) else { return None };
        if path != other {
            return None;
        }
        // One place that locks in a loop and keeps the guards: each turn has another element.
        let is_same_place = held.acquisition.span == effect.acquisition.span && held.chain == effect.chain;
        if !path.is_exact() && is_same_place {
            return None;
        }
        if !path.is_exact() {
            return Some(Certainty::Assumed(format!("`{path}` is the same object both times")));
        }
        if !held.must {
            return Some(Certainty::Assumed("the guard is held on some of the paths to here".to_owned()));
        }
        if let Some(assumption) = effect.assumed {
            return Some(Certainty::Assumed(assumption.text().to_owned()));
        }
        Some(Certainty::Derived)
    }
}

/// Whether one of two acquisitions excludes the other.
pub(crate) fn exclusive_on_either_side(first: &Acquisition, second: &Acquisition) -> bool {
    first.mode == Mode::Exclusive || second.mode == Mode::Exclusive
}

impl Reentry<'_> {
    /// The step that shows where the lock is held.
    pub(crate) fn held_message(&self) -> String {
        let held = &self.held.acquisition;
        let how = match held.mode {
            Mode::Exclusive => "exclusively",
            Mode::Shared => "shared",
        };
        match &held.lock.path {
            Some(path) => format!("`{path}` is locked here, {how}"),
            None => format!("`{}` is locked here, {how}", held.lock.class),
        }
    }

    /// What to do about it.
    pub(crate) fn help(&self) -> String {
        match &self.held.variable {
            Some(variable) => format!("use the guard already held, `{variable}`, or drop it first"),
            None => "the first guard is a temporary: bind what it yields, so that it is dropped earlier".to_owned(),
        }
    }
}
