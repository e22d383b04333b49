//! What `_` is given: the end of the statement drops it, and nobody can have used it.

use crate::flow::build::{Builder, Value};
use crate::flow::exprs::position_name;
use crate::flow::graph::Op;
use crate::ir::{Expr, ExprKind, Pat};
use crate::span::Span;
use crate::types::Ty;

impl Builder<'_> {
    /// Notes what a pattern leaves in the temporaries of its initialiser: the parts that it binds nothing of.
    pub(super) fn discard(&mut self, pat: &Pat, value: &Value, init: &Expr) {
        match pat {
            Pat::Tuple(parts) if !value.parts.is_empty() && !parts.iter().any(|part| matches!(part, Pat::Rest)) => {
                for (at, part) in parts.iter().enumerate() {
                    let name = position_name(at);
                    if let (Some(given), ExprKind::Tuple(elems)) = (value.part(&name), &init.kind) {
                        self.discard(part, given, elems.get(at).unwrap_or(init));
                    }
                }
            }
            _ if binds_nothing(pat) => self.discard_value(value, init),
            _ => {}
        }
    }

    /// Notes that a value is for `_`, where that value is a guard or may be one.
    pub(super) fn discard_value(&mut self, value: &Value, init: &Expr) {
        if !self.may_be_guard(&value.ty) {
            return;
        }
        let mut calls = Vec::new();
        self.calls_of(init, &mut calls);
        for slot in value.slots() {
            self.op(Op::Discard { slot, calls: calls.clone() });
        }
    }

    /// The calls whose results become the value of an expression. What is made in an argument has served the call: a
    /// guard that `Condvar::wait` is given.
    fn calls_of(&self, expr: &Expr, into: &mut Vec<Span>) {
        match &expr.kind {
            ExprKind::MethodCall { receiver, call_range, .. } => {
                into.push(self.span(*call_range));
                self.calls_of(receiver, into);
            }
            ExprKind::Call { .. } => into.push(self.span(expr.range)),
            ExprKind::Await(base) | ExprKind::Try(base) => self.calls_of(base, into),
            ExprKind::Block { block, .. } => block.tail.iter().for_each(|tail| self.calls_of(tail, into)),
            ExprKind::Tuple(parts) => parts.iter().for_each(|part| self.calls_of(part, into)),
            _ => {}
        }
    }

    /// A guard, or the `Result` or `Option` of one: not an error that carries a guard beside another value.
    pub(super) fn may_be_guard(&self, ty: &Ty) -> bool {
        let known = &self.index.well_known;
        match ty {
            Ty::Adt(id, _) if *id == known.option || *id == known.result => self.may_be_guard(&ty.arg(0)),
            _ if self.is_bare_guard(ty) => true,
            Ty::Adt(id, args) if self.index.is_model_type(*id) => args.iter().any(|arg| self.may_be_guard(arg)),
            Ty::Adt(id, _) => {
                let data = self.index.type_data(*id);
                data.fields().any(|field| self.names_guard(data.module, &field.ty, 0))
            }
            Ty::Tuple(parts) => parts.iter().any(|part| self.may_be_guard(part)),
            _ => false,
        }
    }
}

fn binds_nothing(pat: &Pat) -> bool {
    match pat {
        Pat::Bind { .. } => false,
        Pat::Tuple(parts) | Pat::TupleStruct { elems: parts, .. } | Pat::Slice(parts) | Pat::Or(parts) => {
            parts.iter().all(binds_nothing)
        }
        Pat::Struct { fields, .. } => fields.iter().all(|(_, pat)| binds_nothing(pat)),
        Pat::Typed(inner, _) | Pat::Ref(inner) => binds_nothing(inner),
        Pat::Wild | Pat::Path(_) | Pat::Literal | Pat::Rest => true,
    }
}
