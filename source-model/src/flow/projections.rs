//! Parts of values: fields, dereferences, elements, and borrows of them.

use crate::accessors::dereferenced;
use crate::flow::build::{Builder, Value};
use crate::flow::graph::Place;
use crate::flow::implicit::INDEX;
use crate::ir::{Expr, ExprKind, Name};
use crate::locks::BodyId;
use crate::places::{element_of, field_of};
use crate::project::Edition;
use crate::types::{Ty, TypeId};

impl Builder<'_> {
    /// Parts of a place: an extended place extends what it is a part of.
    pub(super) fn place_expr(&mut self, expr: &Expr) -> Value {
        match &expr.kind {
            ExprKind::Field { base, name } => {
                if let Some(value) = self.captured_field(base, name) {
                    return value;
                }
                let extend_to = self.extend_to;
                let mut value = self.expr(base);
                if let Some(scope) = extend_to
                    && is_made_here(base)
                {
                    value = self.lift(value, scope);
                }
                self.field(value, name)
            }
            ExprKind::Deref(base) => {
                let value = self.expr(base);
                let ty = self.index.deref_step(&value.ty).unwrap_or_else(|| value.ty.clone());
                // What is in a box can move out of it.
                let owner = value.owner.filter(|_| self.is_box(&value.ty) && self.owns(&ty));
                // A guard is not what it guards.
                let lent =
                    value.owner.or(value.lent).filter(|_| matches!(value.ty, Ty::Ref(_)) || self.is_box(&value.ty));
                Value { ty, owner, parts: Vec::new(), lent, ..value }
            }
            ExprKind::Index { base, index } => {
                let value = self.expr(base);
                self.extend_to = None;
                let by_range = matches!(index.kind, ExprKind::Range(_));
                let index = self.expr(index);
                match self.run_implicit(INDEX, &[&value, &index], expr.range) {
                    Some(element) => Value { lent: value.owner.or(value.lent), ..element },
                    None => self.indexed(value, by_range),
                }
            }
            _ => Value::unknown("expression form"),
        }
    }

    /// The operand of a borrow that is extended lives in the scope that it is extended to.
    pub(super) fn borrow(&mut self, base: &Expr, extend_to: Option<usize>) -> Value {
        self.extend_to = extend_to;
        self.extendable = extend_to;
        let mut value = self.expr(base);
        (self.extend_to, self.extendable) = (None, None);
        if let Some(scope) = extend_to
            && is_made_here(base)
        {
            value = self.lift(value, scope);
        }
        self.lend(&value);
        let lent = value.owner.or(value.lent);
        Value { ty: Ty::reference(value.ty.clone()), lent, ..value.unowned() }
    }

    pub(crate) fn field(&mut self, base: Value, name: &Name) -> Value {
        let part = base.part(name).cloned();
        if let Some(part) = &part
            && matches!(base.ty, Ty::Tuple(_))
            && (part.place != Place::default() || base.place == Place::default())
        {
            return part.clone();
        }
        if let Ty::Unknown(cause) = base.ty.peeled() {
            return Value::of(Ty::Unknown(cause));
        }
        let Some((ty, owner)) = self.index.field(&base.ty, name) else {
            return Value::unknown("field of an outside type");
        };
        let at = dereferenced(self.index, &base.ty, base.place.clone(), 0, |at| at.head() == owner);
        let place = self.field_place(&at, owner, name);
        let can_own = self.owns(&ty) && !self.is_bare_guard(base.ty.peeled());
        let lent = base.lent.filter(|_| can_own);
        if let Some(part) = part {
            return Value { owner: part.owner, parts: part.parts, lent, ..Value::of(ty).at(place) };
        }
        let owner = base.owner.filter(|_| can_own);
        Value { owner, lent, ..Value::of(ty).at(place) }
    }

    pub(crate) fn field_place(&self, base: &Place, owner: Option<TypeId>, name: &Name) -> Place {
        field_of(self.index, base, owner, name)
    }

    /// A field of a variable of an enclosing body: a closure captures that field alone.
    fn captured_field(&mut self, base: &Expr, name: &Name) -> Option<Value> {
        if self.edition < Edition::E2021 {
            return None;
        }
        let (body, whole) = self.uncaptured(base)?;
        let value = self.field(whole, name);
        Some(self.view(body, value))
    }

    fn uncaptured(&mut self, expr: &Expr) -> Option<(BodyId, Value)> {
        match &expr.kind {
            ExprKind::Path(path) if path.qself.is_none() && path.segments.len() == 1 => {
                let local = self.peek(&path.segments[0].name)?;
                (local.body != self.state().id).then_some((local.body, local.value))
            }
            ExprKind::Field { base, name } => {
                let (body, whole) = self.uncaptured(base)?;
                Some((body, self.field(whole, name)))
            }
            _ => None,
        }
    }

    fn indexed(&mut self, base: Value, by_range: bool) -> Value {
        let lent = base.owner.or(base.lent).filter(|_| !self.is_bare_guard(base.ty.peeled()));
        if by_range {
            return Value { lent, ..base.unowned() };
        }
        Value { lent, ..Value::of(self.index.element(&base.ty)).at(element_of(&base.place)) }
    }
}

/// Whether a value is made by the expression itself, so that its temporary can be chosen.
fn is_made_here(expr: &Expr) -> bool {
    use ExprKind as E;
    matches!(
        expr.kind,
        E::Block { .. }
            | E::If { .. }
            | E::Match { .. }
            | E::Loop { .. }
            | E::Tuple(_)
            | E::Array(_)
            | E::Struct { .. }
    )
}
