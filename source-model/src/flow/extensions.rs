//! Temporaries that outlive their purpose: the construct around an expression keeps what the expression no longer needs.

use serde::{Deserialize, Serialize};

use crate::facts::Construct;
use crate::flow::build::{Builder, Value};
use crate::index::ModuleId;
use crate::ir::{Expr, ExprKind, TypeRef};
use crate::span::TextRange;
use crate::types::{Ty, TypeId};

/// An expression whose value borrows nothing of its temporaries, and the code through which they live on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Extension {
    pub(crate) construct: Construct,
    pub(crate) of: TextRange,
    pub(crate) over: TextRange,
}

impl Extension {
    /// Whether a guard that was acquired at `origin` is kept at `point` by this construct alone.
    pub(crate) fn keeps(&self, origin: TextRange, point: TextRange) -> bool {
        let is_kept_at = match self.construct {
            // The call itself and the await of it, not its other arguments.
            Construct::Argument | Construct::Receiver => point.contains(self.over) && !self.of.contains(point),
            // A value that is dropped at the end of the block was made before its tail.
            Construct::Tail => self.over.contains(point) && point.end <= self.of.start,
            _ => self.over.contains(point),
        };
        self.of.contains(origin) && is_kept_at
    }
}

/// How far names of types are followed to see whether one borrows.
const MAX_DEPTH: u32 = 3;

/// Methods that lead on to what their receiver refers to, also where no model says what they return.
const LEADS_ON: [&str; 8] = ["as_ref", "as_mut", "borrow", "borrow_mut", "by_ref", "deref", "deref_mut", "into_iter"];

/// Types of the models that refer to what they were made of.
const BORROWS: [&str; 10] =
    ["Arguments", "Context", "Cow", "Entry", "Formatter", "OccupiedEntry", "Path", "Peekable", "Str", "VacantEntry"];

impl Builder<'_> {
    /// Lowers an expression that stands in a construct, and notes what the construct keeps of it over `over`.
    pub(super) fn operand(&mut self, expr: &Expr, construct: Construct, over: TextRange) -> Value {
        let before = self.state().slot_names.len();
        let value = self.expr(expr);
        self.note_extension(expr, &value, before, construct, over);
        value
    }

    /// Notes an expression whose temporaries, those from slot `before` on, live on over `over`.
    pub(super) fn note_extension(
        &mut self,
        expr: &Expr,
        value: &Value,
        before: usize,
        construct: Construct,
        over: TextRange,
    ) {
        let has_temporaries = self.state().slot_names.len() > before;
        if has_temporaries && self.hands_on(expr, &value.ty, construct) {
            self.state_mut().extensions.push(Extension { construct, of: expr.range, over });
        }
    }

    /// Tells the extensions from `first` on that were noted before their construct's end was known.
    pub(super) fn close_extensions(&mut self, first: usize, construct: Construct, end: crate::span::LineCol) {
        for extension in &mut self.state_mut().extensions[first..] {
            if extension.construct == Construct::IfLet && extension.over == TextRange::default() {
                extension.construct = construct;
                extension.over = TextRange { start: extension.of.end, end };
            }
        }
    }

    /// Whether the value is on its own: nothing in it refers to a temporary of its expression.
    fn hands_on(&self, expr: &Expr, ty: &Ty, construct: Construct) -> bool {
        // A place is borrowed where it stands; an argument is copied or moved out of it.
        let is_borrowed = is_place(expr) && construct != Construct::Argument && !matches!(ty, Ty::Scalar);
        !is_borrowed && !leads_on(expr) && self.is_detached(ty, 0)
    }

    fn is_detached(&self, ty: &Ty, depth: u32) -> bool {
        let all = |parts: &[Ty]| parts.iter().all(|part| self.is_detached(part, depth + 1));
        match ty {
            Ty::Scalar | Ty::Never | Ty::Param(..) => true,
            Ty::Tuple(parts) => all(parts),
            Ty::Slice(item) => self.is_detached(item, depth + 1),
            Ty::Outside(_, args) => all(args),
            Ty::Adt(id, args) => !self.borrows(*id, 0) && all(args),
            // `Box<dyn Job>` is a job; `impl Iterator` is likely to borrow.
            Ty::Dyn(_) => depth > 0,
            Ty::Unknown(_) | Ty::Ref(_) | Ty::Str | Ty::Future(_) | Ty::Callable(_) => false,
        }
    }

    /// Whether a type refers to something else, as far as its declaration shows.
    fn borrows(&self, id: TypeId, depth: u32) -> bool {
        let data = self.index.type_data(id);
        if self.index.is_model_type(id) {
            let name = data.path.rsplit("::").next().unwrap_or_default();
            return data.model.guard.is_some() || BORROWS.contains(&name);
        }
        depth < MAX_DEPTH && data.fields().any(|field| self.field_borrows(data.module, &field.ty, depth + 1))
    }

    fn field_borrows(&self, module: ModuleId, ty: &TypeRef, depth: u32) -> bool {
        match ty {
            TypeRef::Ref(_) => true,
            TypeRef::Tuple(parts) => parts.iter().any(|part| self.field_borrows(module, part, depth)),
            TypeRef::Path(path) => {
                let named = self.index.type_of_path(module, path, 0);
                let args = path.segments.last().map(|last| last.args.as_slice()).unwrap_or_default();
                named.is_some_and(|id| self.borrows(id, depth))
                    || args.iter().any(|arg| self.field_borrows(module, arg, depth))
            }
            _ => false,
        }
    }
}

/// Whether an expression names a part of something, rather than making a value.
fn is_place(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Path(_) | ExprKind::Field { .. } | ExprKind::Deref(_) | ExprKind::Index { .. })
}

/// Whether the calls that made a value only led on to it.
fn leads_on(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::MethodCall { receiver, method, .. } => LEADS_ON.contains(&method.as_str()) || leads_on(receiver),
        ExprKind::Try(base) | ExprKind::Await(base) => leads_on(base),
        _ => false,
    }
}
