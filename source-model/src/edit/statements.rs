//! Where the statements of a file are, at every depth.

use crate::ir::{Arm, Block, Expr, ExprKind, Item, ItemKind, LetStmt, MacroArgs, MacroCall, SelectBranch, StmtKind};
use crate::span::TextRange;

/// The ranges of all statements, values of blocks included.
pub(super) fn all(items: &[Item]) -> Vec<TextRange> {
    let mut ranges = Vec::new();
    of_items(items, &mut ranges);
    ranges
}

fn of_items(items: &[Item], ranges: &mut Vec<TextRange>) {
    for item in items {
        match &item.kind {
            ItemKind::Module { items: Some(items), .. } | ItemKind::BlockScope { items, .. } => of_items(items, ranges),
            ItemKind::Trait(def) => of_items(&def.items, ranges),
            ItemKind::Impl(def) => of_items(&def.items, ranges),
            ItemKind::Fn(def) => def.body.iter().for_each(|body| of_block(&body.decode(), ranges)),
            ItemKind::Static(def) => def.init.iter().for_each(|init| of_expr(&init.decode(), ranges)),
            _ => {}
        }
    }
}

fn of_block(block: &Block, ranges: &mut Vec<TextRange>) {
    for stmt in &block.stmts {
        ranges.push(stmt.range);
        match &stmt.kind {
            StmtKind::Let(binding) => {
                let LetStmt { init, otherwise, .. } = &**binding;
                init.iter().for_each(|init| of_expr(init, ranges));
                otherwise.iter().for_each(|block| of_block(block, ranges));
            }
            StmtKind::Expr(expr) => of_expr(expr, ranges),
        }
    }
    if let Some(tail) = &block.tail {
        ranges.push(tail.range);
        of_expr(tail, ranges);
    }
}

fn of_expr(expr: &Expr, ranges: &mut Vec<TextRange>) {
    match &expr.kind {
        ExprKind::If { cond, then, otherwise } => {
            of_expr(cond, ranges);
            of_block(then, ranges);
            otherwise.iter().for_each(|branch| of_expr(branch, ranges));
        }
        ExprKind::Match { scrutinee, arms } => {
            of_expr(scrutinee, ranges);
            arms.iter().for_each(|arm| of_arm(arm, ranges));
        }
        ExprKind::While { cond: head, body, .. } | ExprKind::For { iter: head, body, .. } => {
            of_expr(head, ranges);
            of_block(body, ranges);
        }
        ExprKind::Loop { body: block, .. } | ExprKind::Block { block, .. } => of_block(block, ranges),
        ExprKind::Async { block, .. } => of_block(block, ranges),
        ExprKind::Closure(def) => of_expr(&def.body, ranges),
        ExprKind::Macro(call) => of_macro(call, ranges),
        other => parts(other).into_iter().for_each(|part| of_expr(part, ranges)),
    }
}

fn of_arm(arm: &Arm, ranges: &mut Vec<TextRange>) {
    arm.guard.iter().for_each(|guard| of_expr(guard, ranges));
    of_expr(&arm.body, ranges);
}

fn of_macro(call: &MacroCall, ranges: &mut Vec<TextRange>) {
    match &call.args {
        MacroArgs::Exprs(exprs) => exprs.iter().for_each(|expr| of_expr(expr, ranges)),
        MacroArgs::Block(block) => of_block(block, ranges),
        MacroArgs::Select(branches) => branches.iter().for_each(|branch| of_branch(branch, ranges)),
        MacroArgs::Matches(arm, scrutinee) => {
            of_expr(scrutinee, ranges);
            of_arm(arm, ranges);
        }
        MacroArgs::Unread => {}
    }
}

fn of_branch(branch: &SelectBranch, ranges: &mut Vec<TextRange>) {
    let parts = branch.future.iter().chain(&branch.cond).chain([&branch.body]);
    parts.for_each(|part| of_expr(part, ranges));
}

/// The parts of an expression that holds no block of its own.
fn parts(kind: &ExprKind) -> Vec<&Expr> {
    match kind {
        ExprKind::Field { base: one, .. }
        | ExprKind::Await(one)
        | ExprKind::Try(one)
        | ExprKind::Ref(one)
        | ExprKind::Deref(one)
        | ExprKind::Unary { base: one, .. }
        | ExprKind::Let { expr: one, .. }
        | ExprKind::Cast { expr: one, .. } => vec![one],
        ExprKind::MethodCall { receiver: first, args, .. } | ExprKind::Call { callee: first, args } => {
            std::iter::once(&**first).chain(args).collect()
        }
        ExprKind::Binary { left, right, .. }
        | ExprKind::Assign { left, right }
        | ExprKind::AssignOp { left, right, .. }
        | ExprKind::Repeat { value: left, count: right }
        | ExprKind::Index { base: left, index: right } => vec![left, right],
        ExprKind::Return(value) | ExprKind::Break { value, .. } => value.iter().map(|value| &**value).collect(),
        ExprKind::Struct { fields, rest, .. } => {
            fields.iter().map(|(_, value)| value).chain(rest.iter().map(|rest| &**rest)).collect()
        }
        ExprKind::Tuple(list) | ExprKind::Array(list) | ExprKind::Range(list) => list.iter().collect(),
        _ => Vec::new(),
    }
}
