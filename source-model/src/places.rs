//! Places: how fields, elements and tuple parts of a place are named.

use std::sync::Arc;

use crate::flow::graph::Place;
use crate::index::Index;
use crate::infer::TypeScope;
use crate::ir::Name;
use crate::locks::{AccessPath, LockClass, Projection, Root};
use crate::types::{Ty, TypeId};

/// A field of a place. `owner` is the type that declares it; a part of a tuple has none.
pub(crate) fn field_of(index: &Index, base: &Place, owner: Option<TypeId>, name: &Name) -> Place {
    // A wrapper stands for its lock, and the second part of a pair for the element: what iteration with a key or number
    // yields is what look-up yields.
    let is_lock = base.class.is_some() && owner.is_some_and(|ty| index.is_wrapped_lock(ty, *name));
    let is_paired = owner.is_none() && *name == "1" && matches!(base.class, Some(LockClass::Element(_)));
    if is_lock || is_paired {
        return base.clone();
    }
    let path = base.path.clone().and_then(|path| path.stepped_to(*name));
    let class = match (owner, &base.class) {
        (Some(ty), _) => Some(LockClass::Field { owner: index.type_data(ty).path.clone(), field: name.clone() }),
        (None, Some(class)) => Some(tuple_part(class, name)),
        (None, None) => None,
    };
    Place { path, class }
}

/// A struct made here, by the fields that may lead to a lock. Only one of them can be told from outside.
pub(crate) fn holder_of<'a>(fields: impl IntoIterator<Item = (Name, &'a Place)>) -> Place {
    let mut known = fields.into_iter().filter_map(|(name, place)| Some((name, place.path.clone()?)));
    let (Some((name, mut path)), None) = (known.next(), known.next()) else { return Place::default() };
    path.projections.push(Projection::Holder(name));
    Place { path: Some(path), class: None }
}

/// What a lock guards: another object than the lock, reached through a guard of it.
pub(crate) fn guarded(mut place: Place) -> Place {
    if let Some(path) = &mut place.path {
        path.projections.push(Projection::Guarded);
    }
    place
}

/// A static of the workspace or a model.
pub(crate) fn static_of(index: &Index, id: u32) -> (Ty, Place) {
    let data = &index.statics[id as usize];
    let path = AccessPath { root: Root::Static(data.path), projections: Vec::new() };
    let ty = index.lower(&data.def.ty, &TypeScope::of_module(data.module));
    (ty, Place { path: Some(path), class: Some(LockClass::Static(data.path)) })
}

/// An element of a collection.
pub(crate) fn element_of(place: &Place) -> Place {
    let path = place.path.clone().map(|mut path| {
        if path.projections.last() != Some(&Projection::Element) {
            path.projections.push(Projection::Element);
        }
        path
    });
    let class = place.class.clone().map(|class| match class {
        LockClass::Element(_) => class,
        other => LockClass::Element(Arc::new(other)),
    });
    Place { path, class }
}

/// The class of a part of a tuple.
fn tuple_part(class: &LockClass, part: &Name) -> LockClass {
    let extended = |name: &Name| Name::from(format!("{name}.{part}"));
    match class {
        LockClass::Field { owner, field } => LockClass::Field { owner: owner.clone(), field: extended(field) },
        LockClass::Static(path) => LockClass::Static(extended(path)),
        LockClass::Local { function, name } => LockClass::Local { function: function.clone(), name: extended(name) },
        LockClass::Param { function, name } => LockClass::Param { function: function.clone(), name: extended(name) },
        LockClass::Element(of) => LockClass::Element(Arc::new(tuple_part(of, part))),
        LockClass::Accessor(path) => LockClass::Accessor(extended(path)),
    }
}
