//! What `_` is given: the end of the statement drops it, and nobody can have used it.

use crate::flow::build::{Builder, Value};
use crate::flow::exprs::position_name;
use crate::flow::graph::Op;
use crate::ir::Pat;
use crate::span::TextRange;

impl Builder<'_> {
    /// Notes what a pattern leaves in the temporaries of its initialiser: the parts that it binds nothing of.
    pub(super) fn discard(&mut self, pat: &Pat, value: &Value, init: TextRange) {
        match pat {
            Pat::Tuple(parts) if !value.parts.is_empty() && !parts.iter().any(|part| matches!(part, Pat::Rest)) => {
                for (at, part) in parts.iter().enumerate() {
                    if let Some(given) = value.part(&position_name(at)) {
                        self.discard(part, given, init);
                    }
                }
            }
            _ if binds_nothing(pat) => self.discard_value(value, init),
            _ => {}
        }
    }

    /// Notes that a value is for `_`.
    pub(super) fn discard_value(&mut self, value: &Value, init: TextRange) {
        let span = self.span(init);
        for slot in value.slots() {
            self.op(Op::Discard { slot, span });
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
