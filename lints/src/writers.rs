//! Who waits to write: the acquisitions that make a second reader queue.

use std::collections::BTreeMap;

use interlock_source::{Acquisition, Body, LockClass, Mode, PointKind, Root, Wait, Workspace};

use crate::Place;
use crate::finding::place;

/// The exclusive acquisitions of a workspace, outside its tests, by the lock's declaration.
pub(crate) struct Writers<'a> {
    by_class: BTreeMap<&'a LockClass, Vec<(&'a Body, &'a Acquisition)>>,
}

impl<'a> Writers<'a> {
    pub(crate) fn of(workspace: &'a Workspace) -> Writers<'a> {
        let mut by_class: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for body in workspace.bodies().iter().filter(|body| !body.is_test) {
            for point in &body.points {
                let PointKind::Acquire(acquisition) = &point.kind else { continue };
                if is_shared_between_threads(&acquisition.lock.class) && may_queue(acquisition) {
                    by_class.entry(&acquisition.lock.class).or_default().push((body, &**acquisition));
                }
            }
        }
        Writers { by_class }
    }

    /// The first place in another function than `reader` that waits to write a lock of the class.
    pub(crate) fn beside(&self, reader: &Body, class: &LockClass) -> Option<Place> {
        let writers = self.by_class.get(class)?.iter().filter(|(body, _)| body.id.function != reader.id.function);
        let (body, first) = writers.min_by_key(|(_, acquisition)| acquisition.span)?;
        Some(place(first.span, &body.item))
    }
}

/// Fields and statics. A lock that is a local variable or a parameter is met by one function's code alone, as far as
/// its class tells.
fn is_shared_between_threads(class: &LockClass) -> bool {
    matches!(class, LockClass::Field { .. } | LockClass::Static(_))
}

/// Whether somebody else may hold the lock meanwhile: what a function has just built, no one has.
fn may_queue(acquisition: &Acquisition) -> bool {
    let is_own = acquisition.lock.path.as_ref().is_some_and(|path| matches!(path.root, Root::Local { .. }));
    acquisition.mode == Mode::Exclusive && acquisition.wait != Wait::Never && !is_own
}
