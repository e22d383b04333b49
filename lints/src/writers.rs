//! Who waits to write: the acquisitions that make a second reader queue.

use std::collections::BTreeMap;

use interlock_source::{Acquisition, Body, LockClass, Mode, Name, PointKind, Root, Wait, Workspace};

use crate::Place;
use crate::finding::place;

/// The exclusive acquisitions of a workspace, outside its tests, by the lock's declaration.
pub(crate) struct Writers<'a> {
    by_class: BTreeMap<&'a LockClass, Vec<Write<'a>>>,
    /// By the lock's type and what it guards: one lock has many names where it is handed around.
    by_type: BTreeMap<(Name, Name), Vec<Write<'a>>>,
}

type Write<'a> = (&'a Body, &'a Acquisition);

impl<'a> Writers<'a> {
    pub(crate) fn of(workspace: &'a Workspace) -> Writers<'a> {
        let mut writers = Writers { by_class: BTreeMap::new(), by_type: BTreeMap::new() };
        for body in workspace.bodies().iter().filter(|body| !body.is_test) {
            for point in &body.points {
                if let PointKind::Acquire(acquisition) = &point.kind
                    && acquisition.mode == Mode::Exclusive
                    && acquisition.wait != Wait::Never
                {
                    writers.add((body, &**acquisition));
                }
            }
        }
        writers
    }

    fn add(&mut self, write: Write<'a>) {
        let acquisition = write.1;
        if is_declared(&acquisition.lock.class) && !is_own(acquisition) {
            self.by_class.entry(&acquisition.lock.class).or_default().push(write);
        }
        if let Some(key) = type_of(acquisition) {
            self.by_type.entry(key).or_default().push(write);
        }
    }

    /// The first place in another function than `reader` that waits to write the lock, or else a lock of the same type
    /// that guards the same type of the workspace.
    pub(crate) fn beside(&self, reader: &Body, read: &Acquisition) -> Option<Writer> {
        let same = self.by_class.get(&read.lock.class).and_then(|writes| first_beside(reader, writes));
        let alike = || first_beside(reader, self.by_type.get(&type_of(read)?)?);
        same.map(Writer::Same).or_else(|| alike().map(Writer::Alike))
    }
}

/// Who waits to write.
pub(crate) enum Writer {
    /// One that names the lock as the reader does.
    Same(Place),
    /// One that names another lock of the same type, which may be the same object.
    Alike(Place),
}

fn first_beside(reader: &Body, writes: &[Write<'_>]) -> Option<Place> {
    let writes = writes.iter().filter(|(body, _)| body.id.function != reader.id.function);
    let (body, first) = writes.min_by_key(|(_, acquisition)| acquisition.span)?;
    Some(place(first.span, &body.item))
}

fn type_of(acquisition: &Acquisition) -> Option<(Name, Name)> {
    Some((acquisition.lock_type, acquisition.guarded?))
}

/// Fields, statics and results. A lock that is a local variable or a parameter is met by one function's code alone, as
/// far as its class tells.
fn is_declared(class: &LockClass) -> bool {
    matches!(class, LockClass::Field { .. } | LockClass::Static(_) | LockClass::Accessor(_))
}

/// Whether nobody else can hold the lock: it is a part of what a function has just built.
fn is_own(acquisition: &Acquisition) -> bool {
    acquisition.lock.path.as_ref().is_some_and(|path| matches!(path.root, Root::Local { .. }))
}
