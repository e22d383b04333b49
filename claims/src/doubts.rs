//! Calls with an unknown target that may acquire a lock class, judged by their name.

use std::collections::{BTreeMap, BTreeSet};

use interlock_lints::Certainty;
use interlock_source::{Call, Dispatch, LockClass, LockFamily, PointKind, Workspace};

use crate::callee::bare_name;
use crate::outcome::{At, Evidence};

/// The doubts about one lock class.
pub(crate) struct Doubts<'a> {
    workspace: &'a Workspace,
    class: &'a LockClass,
    /// Methods by which the class is acquired somewhere: on an unknown receiver they may mean it.
    operations: BTreeSet<String>,
    known: BTreeMap<String, bool>,
}

impl<'a> Doubts<'a> {
    pub(crate) fn about(workspace: &'a Workspace, class: &'a LockClass) -> Self {
        Doubts { workspace, class, operations: operations(workspace, class), known: BTreeMap::new() }
    }

    /// The doubt that a call raises, if it raises one.
    pub(crate) fn of_call(&mut self, call: &Call, at: At<'_>) -> Option<Evidence> {
        if call.dispatch == Dispatch::Unknown { self.of_unknown(&call.name, at) } else { None }
    }

    /// The doubt that a call with an unknown target raises.
    pub(crate) fn of_unknown(&mut self, written: &str, at: At<'_>) -> Option<Evidence> {
        let name = bare_name(written);
        if !self.may_acquire(name) {
            return None;
        }
        let message = format!("the target of `{name}` is not known and may acquire `{}`", self.class);
        let assumption = format!("this `{name}` is one that acquires the lock");
        Some(Evidence::new(Certainty::Assumed(assumption), at.place(self.workspace), message))
    }

    /// The doubt of a call chain that was not followed to its end.
    pub(crate) fn cut_off(&self, at: At<'_>) -> Evidence {
        let message = format!("more acquisitions than are followed; `{}` may be among the others", self.class);
        let assumption = "an acquisition that was cut off is of this lock".to_owned();
        Evidence::new(Certainty::Assumed(assumption), at.place(self.workspace), message)
    }

    fn may_acquire(&mut self, name: &str) -> bool {
        if self.operations.contains(name) {
            return true;
        }
        let (workspace, class) = (self.workspace, self.class);
        *self.known.entry(name.to_owned()).or_insert_with(|| workspace.may_acquire_by_name(name, class))
    }
}

/// Methods that acquire the class. Those of maps (`get`, `insert`) are too common to be a doubt.
fn operations(workspace: &Workspace, class: &LockClass) -> BTreeSet<String> {
    let points = workspace.bodies().iter().flat_map(|body| &body.points);
    let acquisitions = points.filter_map(|point| match &point.kind {
        PointKind::Acquire(acquisition) if acquisition.lock.class == *class => Some(acquisition),
        _ => None,
    });
    acquisitions
        .filter(|acquisition| !matches!(acquisition.family, LockFamily::Map | LockFamily::Cell))
        .map(|acquisition| acquisition.operation.to_string())
        .collect()
}
