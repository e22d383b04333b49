//! Calls that nobody writes: operators, an index, the `next` of a loop, as far as the workspace implements them. Those of
//! other crates acquire no lock that the workspace knows of.

use crate::facts::Dispatch;
use crate::flow::build::{Builder, Value};
use crate::flow::graph::{Op, RawCall};
use crate::ir::{BinaryOp, UnaryOp};
use crate::locks::BodyId;
use crate::span::TextRange;
use crate::types::Ty;

/// A trait of the standard library and its method.
pub(crate) type TraitMethod = (&'static str, &'static str);

pub(super) const INDEX: TraitMethod = ("Index", "index");
const INTO_ITER: TraitMethod = ("IntoIterator", "into_iter");
const NEXT: TraitMethod = ("Iterator", "next");

impl Builder<'_> {
    /// Runs what the workspace implements of a trait for the first operand, and yields its result.
    pub(super) fn run_implicit(&mut self, method: TraitMethod, operands: &[&Value], range: TextRange) -> Option<Value> {
        let index = self.index;
        let (function, self_ty) = index.implemented_here(&operands.first()?.ty, method)?;
        let data = index.fn_data(function);
        let callee = BodyId { function: function.0, part: 0 };
        let ty = index.result_type(data, &index.fn_scope(data, Some(&self_ty)), Some(callee));
        let takes_self = data.def.self_param.as_ref().is_some_and(|own| !own.by_ref);
        operands.iter().skip(usize::from(!takes_self)).for_each(|operand| self.consume(operand));
        let call = RawCall {
            span: self.span(range),
            name: data.name,
            path: Some(data.path),
            targets: vec![callee],
            dispatch: Dispatch::Direct,
            is_bounded: false,
            args: operands.iter().map(|operand| operand.place.clone()).collect(),
            passed: Vec::new(),
            through: None,
        };
        self.count(call.dispatch, call.span, "");
        let owner = self.owns(&ty).then(|| self.new_temporary());
        self.op(Op::Call { call: Box::new(call), result: owner });
        Some(Value { owner, ..Value::of(ty) })
    }

    /// What a loop calls `next` of, if that is code of the workspace: its head, or what the head turns into.
    pub(super) fn looped(&mut self, head: &Value, range: TextRange) -> Option<Value> {
        let own = Value { owner: None, parts: Vec::new(), ..head.clone() };
        let iterator = self.run_implicit(INTO_ITER, &[&own], range).unwrap_or(own);
        self.index.implemented_here(&iterator.ty, NEXT).map(|_| iterator)
    }

    pub(super) fn run_next(&mut self, iterator: &Value, range: TextRange) {
        self.run_implicit(NEXT, &[iterator], range);
    }

    /// The type of `left op right`.
    pub(super) fn operated(&mut self, method: TraitMethod, left: &Value, right: &Value, range: TextRange) -> Value {
        let is_comparison = matches!(method.0, "PartialEq" | "PartialOrd");
        match self.run_implicit(method, &[left, right], range) {
            Some(value) if !value.ty.is_unknown() => value,
            _ if is_comparison => Value::of(Ty::Scalar),
            _ => Value::of(left.ty.peeled().clone()),
        }
    }
}

pub(super) fn unary_method(op: UnaryOp) -> Option<TraitMethod> {
    match op {
        UnaryOp::Not => Some(("Not", "not")),
        UnaryOp::Neg => Some(("Neg", "neg")),
        UnaryOp::Yield => None,
    }
}

/// What an operator calls, and what its assigning form calls; `&&` and `||` are no calls.
pub(super) fn binary_methods(op: BinaryOp) -> Option<(TraitMethod, TraitMethod)> {
    Some(match op {
        BinaryOp::And | BinaryOp::Or => return None,
        BinaryOp::Eq => (("PartialEq", "eq"), ("PartialEq", "eq")),
        BinaryOp::Order => (("PartialOrd", "partial_cmp"), ("PartialOrd", "partial_cmp")),
        BinaryOp::Add => (("Add", "add"), ("AddAssign", "add_assign")),
        BinaryOp::Sub => (("Sub", "sub"), ("SubAssign", "sub_assign")),
        BinaryOp::Mul => (("Mul", "mul"), ("MulAssign", "mul_assign")),
        BinaryOp::Div => (("Div", "div"), ("DivAssign", "div_assign")),
        BinaryOp::Rem => (("Rem", "rem"), ("RemAssign", "rem_assign")),
        BinaryOp::BitAnd => (("BitAnd", "bitand"), ("BitAndAssign", "bitand_assign")),
        BinaryOp::BitOr => (("BitOr", "bitor"), ("BitOrAssign", "bitor_assign")),
        BinaryOp::BitXor => (("BitXor", "bitxor"), ("BitXorAssign", "bitxor_assign")),
        BinaryOp::Shl => (("Shl", "shl"), ("ShlAssign", "shl_assign")),
        BinaryOp::Shr => (("Shr", "shr"), ("ShrAssign", "shr_assign")),
    })
}
