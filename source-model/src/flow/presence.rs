//! Whether an optional guard is there: what patterns and conditions say about it on each path.

use crate::flow::build::{Builder, Value};
use crate::flow::exprs::position_name;
use crate::flow::graph::{Op, SlotId};
use crate::ir::{Arm, Expr, ExprKind, Pat, PathRef, UnaryOp};
use crate::types::Ty;

impl Builder<'_> {
    /// On a path where a pattern matched: the guard in `Some(..)` or `Ok(..)` is there.
    pub(super) fn present(&mut self, pat: &Pat, value: &Value) {
        match pat {
            Pat::Bind { sub: Some(sub), .. } => return self.present(sub, value),
            Pat::Tuple(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    if let Some(known) = value.part(&position_name(at)) {
                        self.present(part, known);
                    }
                }
                return;
            }
            _ => {}
        }
        let Some(slot) = value.owner.or(value.lent) else { return };
        let Pat::TupleStruct { path, .. } = pat else { return };
        if matches!(last_name(path), "Some" | "Ok") && self.surely_owns(&value.ty.peeled().arg(0)) {
            self.op(Op::Confirm { slot });
        }
    }

    /// On a path where a pattern did not match: where it takes every `Some(..)`, there is nothing.
    pub(super) fn absent(&mut self, pat: &Pat, value: &Value) {
        if self.takes_every_value(pat) && self.is_optional(value.ty.peeled()) {
            self.empty(value);
        } else {
            self.refute(value);
        }
    }

    /// On a path where a value has no payload, a fallible guard is not there.
    fn refute(&mut self, value: &Value) {
        if let Some(slot) = value.owner {
            self.op(Op::Refute { slot });
        }
    }

    fn empty(&mut self, value: &Value) {
        if let Some(slot) = value.owner.or(value.lent) {
            self.op(Op::Absent { slot });
        }
    }

    /// An edge to where a pattern did not match.
    pub(super) fn failing_edge(&mut self, pat: &Pat, value: &Value, failed: u32) {
        if value.owner.or(value.lent).is_none() {
            self.edge(failed);
            self.continue_in_new();
            self.present(pat, value);
            return;
        }
        let refuted = self.new_block();
        let matched = self.new_block();
        self.edge(refuted);
        self.edge(matched);
        self.switch_to(refuted);
        self.absent(pat, value);
        self.edge(failed);
        self.switch_to(matched);
        self.present(pat, value);
    }

    /// An arm is reached: what its pattern, and the arms before it, say about the scrutinee.
    pub(super) fn arm_reached(&mut self, arm: &Arm, earlier: &[Arm], value: &Value) {
        let is_rest = match &arm.pat {
            Pat::Wild => true,
            Pat::Bind { name, sub: None, .. } => !self.names_constant(name),
            _ => false,
        };
        if names_absence(&arm.pat) || (is_rest && earlier.iter().any(|arm| self.takes_all(arm))) {
            if self.is_optional(value.ty.peeled()) { self.empty(value) } else { self.refute(value) }
        } else {
            self.present(&arm.pat, value);
        }
    }

    fn takes_all(&self, arm: &Arm) -> bool {
        arm.guard.is_none() && self.takes_every_value(&arm.pat)
    }

    /// `Some(x)`, `Ok(_)`: fails only where there is no value.
    fn takes_every_value(&self, pat: &Pat) -> bool {
        match pat {
            Pat::TupleStruct { path, elems } => {
                let is_taken = |elem: &Pat| self.takes_every_value(elem) || !self.is_refutable(elem);
                matches!(last_name(path), "Some" | "Ok") && elems.iter().all(is_taken)
            }
            Pat::Or(cases) => cases.iter().any(|case| self.takes_every_value(case)),
            Pat::Bind { sub: Some(sub), .. } => self.takes_every_value(sub),
            _ => false,
        }
    }

    /// A condition with an edge to where it fails. `slot.is_some()` and its like say what is there on each side.
    pub(super) fn plain_condition(&mut self, cond: &Expr, failed: u32) {
        self.in_scope(|builder| builder.expr(cond));
        let Some((slot, is_there, ty)) = self.asked_slot(cond) else {
            self.edge(failed);
            self.continue_in_new();
            return;
        };
        let failing = self.new_block();
        let holding = self.new_block();
        self.edge(failing);
        self.edge(holding);
        self.switch_to(failing);
        self.known_presence(slot, !is_there, &ty);
        self.edge(failed);
        self.switch_to(holding);
        self.known_presence(slot, is_there, &ty);
    }

    fn known_presence(&mut self, slot: SlotId, is_there: bool, ty: &Ty) {
        match is_there {
            true if self.surely_owns(&ty.arg(0)) => self.op(Op::Confirm { slot }),
            true => {}
            false if self.is_optional(ty) => self.op(Op::Absent { slot }),
            false => self.op(Op::Refute { slot }),
        }
    }

    /// The variable or field whose presence a condition asks for, and the answer when the condition holds.
    fn asked_slot(&mut self, cond: &Expr) -> Option<(SlotId, bool, Ty)> {
        match &cond.kind {
            ExprKind::Unary { op: UnaryOp::Not, base } => {
                self.asked_slot(base).map(|(slot, is_there, ty)| (slot, !is_there, ty))
            }
            ExprKind::MethodCall { receiver, method, .. } => {
                let is_there = match method.as_str() {
                    "is_some" | "is_ok" => true,
                    "is_none" | "is_err" => false,
                    _ => return None,
                };
                let value = self.place_value(receiver)?;
                let slot = value.owner.or(value.lent)?;
                let ty = value.ty.peeled().clone();
                // Asked of a guard, it is a question to what is guarded.
                let known = self.index.well_known;
                let is_asked = matches!(ty, Ty::Adt(id, _) if id == known.option || id == known.result);
                is_asked.then_some((slot, is_there, ty))
            }
            _ => None,
        }
    }

    /// The value of a variable or a field of one, without evaluating anything.
    fn place_value(&mut self, expr: &Expr) -> Option<Value> {
        match &expr.kind {
            ExprKind::Path(path) => match path.segments.as_slice() {
                [only] => Some(self.local(&only.name)?.value),
                _ => None,
            },
            ExprKind::Field { base, name } => {
                let base = self.place_value(base)?;
                Some(self.field(base, name))
            }
            _ => None,
        }
    }
}

fn last_name(path: &PathRef) -> &'static str {
    path.segments.last().map(|last| last.name.as_str()).unwrap_or_default()
}

/// `None`, `Err(..)`: a fallible guard is absent.
fn names_absence(pat: &Pat) -> bool {
    match pat {
        Pat::Bind { name, sub: None, .. } => name == "None",
        Pat::Path(path) => last_name(path) == "None",
        Pat::TupleStruct { path, .. } => last_name(path) == "Err",
        Pat::Or(cases) => cases.iter().all(names_absence),
        _ => false,
    }
}
