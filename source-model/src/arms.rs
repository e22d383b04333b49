//! The lock behind a method that takes an enum apart: `match self { Inner::A { state } => state.lock() }`.

use crate::accessors::{Scope, acquired_by, evaluate};
use crate::flow::control::is_diverging_macro;
use crate::flow::graph::Place;
use crate::index::{Index, Shape};
use crate::ir::{Arm, Expr, ExprKind, Name, Pat, PathRef};
use crate::locks::LockClass;
use crate::places::field_of;
use crate::types::Ty;

/// The place of the lock whose guard every arm yields that ends at all; `None` where they differ.
pub(crate) fn acquired_in_arms(index: &Index, scrutinee: &Expr, arms: &[Arm], scope: &Scope<'_>) -> Option<Place> {
    let (ty, place) = evaluate(index, scrutinee, scope)?;
    let is_on = |arm: &&Arm| index.predicate_holds(scope.module, arm.cfg.as_ref());
    let mut acquired = arms.iter().filter(is_on).filter(|arm| !panics(&arm.body)).map(|arm| {
        let mut bound = scope.bound.to_vec();
        bind(index, &arm.pat, &ty, &place, &mut bound);
        acquired_by(index, &arm.body, &scope.within(&bound))
    });
    let first = acquired.next()??;
    acquired.all(|place| place.as_ref() == Some(&first)).then_some(first)
}

fn panics(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Macro(call) => call.path.last().is_some_and(|name| is_diverging_macro(name)),
        ExprKind::Block { block, label: None } => block.tail.as_deref().is_some_and(panics),
        _ => false,
    }
}

/// Adds what a pattern binds of a value at a place.
fn bind(index: &Index, pat: &Pat, ty: &Ty, place: &Place, bound: &mut Vec<(Name, Ty, Place)>) {
    match pat {
        Pat::Bind { name, sub: None, .. } => bound.push((*name, ty.clone(), place.clone())),
        Pat::Ref(inner) => bind(index, inner, ty.peeled(), place, bound),
        Pat::Struct { path, fields } => {
            for (name, part) in fields {
                if let Some((ty, place)) = part_of(index, path, name, ty, place) {
                    bind(index, part, &ty, &place, bound);
                }
            }
        }
        Pat::TupleStruct { path, elems } => {
            // What stands after `..` has a position that is not written.
            let written = elems.iter().take_while(|part| !matches!(part, Pat::Rest));
            for (at, part) in written.enumerate() {
                let name = Name::from(at.to_string());
                if let Some((ty, place)) = part_of(index, path, &name, ty, place) {
                    bind(index, part, &ty, &place, bound);
                }
            }
        }
        _ => {}
    }
}

/// A field of the struct or variant that a pattern names, as the flow names it.
fn part_of(index: &Index, path: &PathRef, name: &Name, ty: &Ty, base: &Place) -> Option<(Ty, Place)> {
    let Ty::Adt(id, args) = ty.peeled() else { return None };
    let data = index.type_data(*id);
    let mut place = field_of(index, base, Some(*id), name);
    let variant = match &data.shape {
        Shape::Struct(_) => None,
        Shape::Enum(def) => {
            let last = path.segments.last()?.name;
            let at = def.variants.iter().position(|variant| variant.name == last)?;
            let owner = format!("{}::{last}", data.path);
            place.class = Some(LockClass::Field { owner: owner.into(), field: *name });
            Some(u32::try_from(at).ok()?)
        }
    };
    Some((index.declared_field(*id, args, name, variant)?, place))
}
