//! Getters: functions that give out a part of their receiver and nothing else. Which part may depend on the receiver's
//! state (a variant of an enum), so the place has no name; called twice on one object, a getter yields one object.

use crate::index::{FnData, Owner};
use crate::ir::{Arm, Block, Expr, ExprKind, Name, Pat, Segment};

/// Calls that give the same object, or a counted reference to it.
const SAME: [&str; 5] = ["clone", "as_ref", "borrow", "deref", "by_ref"];

/// Whether every value that a method's body can yield is a part of its receiver.
pub(crate) fn is_getter(data: &FnData) -> bool {
    let def = &data.def;
    let may_be_overridden = matches!(data.owner, Owner::Trait(_));
    let asks_more = def.self_param.is_none() || !def.params.is_empty() || def.is_async;
    if may_be_overridden || asks_more || data.is_rewritten {
        return false;
    }
    let tail = def.body.as_ref().and_then(|body| body.only_value());
    tail.is_some_and(|tail| picks(&tail, &mut vec!["self".into()]))
}

/// Whether an expression is a part of what the names stand for.
fn picks(expr: &Expr, names: &mut Vec<Name>) -> bool {
    match &expr.kind {
        ExprKind::Path(path) => path.segments.len() == 1 && names.contains(&path.segments[0].name),
        ExprKind::Field { base, .. } | ExprKind::Ref(base) | ExprKind::Deref(base) => picks(base, names),
        ExprKind::Block { block, label: None } => tail_of(block).is_some_and(|tail| picks(tail, names)),
        ExprKind::Call { callee, args } => match (&callee.kind, args.as_slice()) {
            (ExprKind::Path(path), [only]) => is_clone(path.segments.last()) && picks(only, names),
            _ => false,
        },
        ExprKind::MethodCall { receiver, method, args, .. } => {
            args.is_empty() && SAME.contains(&method.as_str()) && picks(receiver, names)
        }
        ExprKind::Match { scrutinee, arms } => picks(scrutinee, names) && arms.iter().all(|arm| arm_picks(arm, names)),
        _ => false,
    }
}

fn is_clone(last: Option<&Segment>) -> bool {
    last.is_some_and(|segment| segment.name == "clone")
}

fn tail_of(block: &Block) -> Option<&Expr> {
    if block.stmts.is_empty() { block.tail.as_deref() } else { None }
}

fn arm_picks(arm: &Arm, names: &mut Vec<Name>) -> bool {
    let outer = names.len();
    bind(&arm.pat, names);
    let picked = arm.guard.is_none() && picks(&arm.body, names);
    names.truncate(outer);
    picked
}

/// Every name that a pattern binds is a part of what it is matched with.
fn bind(pat: &Pat, names: &mut Vec<Name>) {
    match pat {
        Pat::Bind { name, sub, .. } => {
            names.push(*name);
            if let Some(sub) = sub {
                bind(sub, names);
            }
        }
        Pat::Tuple(parts) | Pat::Slice(parts) | Pat::Or(parts) | Pat::TupleStruct { elems: parts, .. } => {
            parts.iter().for_each(|part| bind(part, names));
        }
        Pat::Struct { fields, .. } => fields.iter().for_each(|(_, part)| bind(part, names)),
        Pat::Ref(part) => bind(part, names),
        _ => {}
    }
}
