//! Bodies that are nothing but a value: what a call of such a function yields can be told without running it.

use crate::ir::{Block, Expr, ExprKind, Stmt, StmtKind};

/// The value of a block that does nothing else, or that only works out which part of `self` it is.
pub(crate) fn only_value(block: &Block) -> Option<&Expr> {
    let tail = block.tail.as_deref()?;
    let is_one = block.stmts.is_empty() || (is_part_of_self(tail) && block.stmts.iter().all(binds));
    is_one.then_some(tail)
}

/// A place within `self`, or a counted reference to it. Variables of the block cannot stand for it.
fn is_part_of_self(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Path(path) => path.segments.len() == 1 && path.segments[0].name == "self",
        ExprKind::Field { base, .. } | ExprKind::Index { base, .. } | ExprKind::Ref(base) | ExprKind::Deref(base) => {
            is_part_of_self(base)
        }
        ExprKind::MethodCall { receiver, args, .. } => args.is_empty() && is_part_of_self(receiver),
        ExprKind::Call { args, .. } => matches!(args.as_slice(), [only] if is_part_of_self(only)),
        _ => false,
    }
}

/// Whether a statement is a `let` after which the block goes on.
fn binds(stmt: &Stmt) -> bool {
    match &stmt.kind {
        StmtKind::Let(binding) => binding.otherwise.is_none() && binding.init.as_ref().is_none_or(goes_on),
        StmtKind::Expr(_) => false,
    }
}

/// Whether no other value can be returned from within an expression. `?` returns an error, which is no place.
fn goes_on(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Path(_) | ExprKind::Literal(_) | ExprKind::Closure(_) => true,
        ExprKind::Field { base, .. } => goes_on(base),
        ExprKind::Ref(base) | ExprKind::Deref(base) | ExprKind::Try(base) => goes_on(base),
        ExprKind::Unary { base, .. } => goes_on(base),
        ExprKind::Cast { expr, .. } => goes_on(expr),
        ExprKind::Index { base, index } => goes_on(base) && goes_on(index),
        ExprKind::Binary { left, right, .. } => goes_on(left) && goes_on(right),
        ExprKind::MethodCall { receiver, args, .. } => goes_on(receiver) && args.iter().all(goes_on),
        ExprKind::Call { callee, args } => goes_on(callee) && args.iter().all(goes_on),
        _ => false,
    }
}
