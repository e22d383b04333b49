//! Assignments: which side is evaluated first, and what becomes of the old value.

use crate::flow::build::{Builder, Local, Value};
use crate::flow::exprs::position_name;
use crate::flow::graph::{Op, SlotId};
use crate::flow::implicit::binary_methods;
use crate::ir::{BinaryOp, Expr, ExprKind, Name};
use crate::span::TextRange;
use crate::types::Ty;

impl Builder<'_> {
    /// The right side is evaluated, and acquires, before the old value of the left side is dropped.
    pub(super) fn assign(&mut self, left: &Expr, right: &Expr) -> Value {
        let value = self.expr(right);
        self.assign_value(left, value, right);
        Value::unit()
    }

    /// `(a, b.c) = value` assigns part by part.
    fn assign_value(&mut self, left: &Expr, value: Value, from: &Expr) {
        let name = match &left.kind {
            ExprKind::Path(path) if path.segments.len() == 1 => Some(path.segments[0].name),
            ExprKind::Tuple(parts) | ExprKind::Array(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    let given = self.field(value.clone(), &position_name(at));
                    self.assign_value(part, given, from);
                }
                return;
            }
            ExprKind::Struct { fields, .. } => {
                for (name, part) in fields {
                    let given = self.field(value.clone(), name);
                    self.assign_value(part, given, from);
                }
                return;
            }
            // `_` takes nothing.
            ExprKind::Opaque => return self.discard_value(&value, from),
            _ => None,
        };
        match name.and_then(|name| self.peek(&name).map(|local| (name, local))) {
            Some((name, local)) => self.assign_local(&name, local, value),
            None => self.assign_place(left, &value),
        }
    }

    /// A field, element or referent takes the value over, if what it belongs to is known here.
    fn assign_place(&mut self, left: &Expr, value: &Value) {
        let place = self.expr(left);
        let Some(slot) = place.owner.or(place.lent).filter(|_| self.owns(&place.ty)) else {
            self.consume(value);
            return;
        };
        if !matches!(left.kind, ExprKind::Index { .. }) {
            self.drop_slots(&Value { owner: Some(slot), ..place });
        }
        self.store(value, slot);
    }

    fn drop_slots(&mut self, value: &Value) {
        for slot in value.slots() {
            self.op(Op::Drop { slot });
        }
    }

    fn assign_local(&mut self, name: &Name, old: Local, new: Value) {
        if old.body != self.state().id {
            self.view(old.body, old.value);
            self.consume(&new);
            return;
        }
        self.drop_slots(&old.value);
        let slot = self.slot_for(name, &old, &new);
        if let Some(slot) = slot {
            self.assign_parts(&old.value, &new, slot);
        }
        let Some(local) = self.env.iter_mut().rev().find_map(|scope| scope.get_mut(name)) else { return };
        if local.value.ty.is_unknown() {
            local.value.ty = new.ty;
        }
        // The variable names another object from here on.
        local.value.place.path = None;
        local.value.place.class = new.place.class.or_else(|| local.value.place.class.take());
        local.value.pending = new.pending;
        local.value.chain = new.chain;
        local.value.lent = None;
        if local.value.parts.is_empty() {
            local.value.owner = slot;
        }
    }

    /// The slot of a variable that is assigned to. It lives as long as the variable, which may be declared further out.
    fn slot_for(&mut self, name: &Name, old: &Local, new: &Value) -> Option<SlotId> {
        let known = old.value.slots().first().copied();
        known.or_else(|| new.may_own().then(|| self.slot_in(old.scope, Some(*name))))
    }

    /// A slot for a variable that something is put into: a collection that was empty when it was declared.
    pub(super) fn slot_to_fill(&mut self, receiver: &Expr) -> Option<SlotId> {
        let ExprKind::Path(path) = &receiver.kind else { return None };
        let [only] = path.segments.as_slice() else { return None };
        let local = self.peek(&only.name)?;
        if local.body != self.state().id || local.value.may_own() || matches!(local.value.ty, Ty::Ref(_)) {
            return None;
        }
        let slot = self.slot_in(local.scope, Some(only.name));
        let local = self.env.iter_mut().rev().find_map(|scope| scope.get_mut(&only.name))?;
        local.value.owner = Some(slot);
        Some(slot)
    }

    /// Part by part where both sides have the part, else to one slot.
    fn assign_parts(&mut self, old: &Value, new: &Value, slot: SlotId) {
        if let Some(from) = new.owner {
            self.op(Op::Move { from, to: slot });
        }
        for (name, part) in &new.parts {
            match old.part(name).map(|known| (known, known.slots())) {
                Some((known, slots)) if !slots.is_empty() => self.assign_parts(known, part, slots[0]),
                _ => self.move_to(part, slot),
            }
        }
    }

    /// `a += b`: the right side first when both are numbers, else the left side is the receiver of a call.
    pub(super) fn assign_op(&mut self, op: BinaryOp, left: &Expr, right: &Expr, range: TextRange) -> Value {
        let entry = self.state().current;
        let left_side = self.side(left);
        let right_side = self.side(right);
        let is_built_in = |side: &Side| matches!(side.value.ty.peeled(), Ty::Scalar | Ty::Unknown(_));
        let right_first = is_built_in(&left_side) && is_built_in(&right_side);
        let order = if right_first { [&right_side, &left_side] } else { [&left_side, &right_side] };
        self.switch_to(entry);
        for side in order {
            self.edge(side.first);
            self.switch_to(side.last);
        }
        self.continue_in_new();
        if let Some((_, method)) = binary_methods(op) {
            self.run_implicit(method, &[&left_side.value, &right_side.value], range);
        }
        Value::unit()
    }

    /// Lowers an operand into blocks of its own.
    fn side(&mut self, operand: &Expr) -> Side {
        let first = self.new_block();
        self.switch_to(first);
        let value = self.expr(operand);
        Side { first, last: self.state().current, value }
    }
}

/// An operand, lowered: to be put in order.
struct Side {
    first: u32,
    last: u32,
    value: Value,
}
