//! Temporaries that outlive their purpose: the construct around an expression keeps what the expression no longer needs.

use serde::{Deserialize, Serialize};

use crate::facts::Construct;
use crate::flow::blocks::binds_by_ref;
use crate::flow::build::{Builder, Value};
use crate::index::ModuleId;
use crate::ir::{Arm, Expr, ExprKind, Pat, TypeRef};
use crate::span::{LineCol, Span, TextRange};
use crate::types::{Ty, TypeId};

/// An expression whose temporaries live on through code that needs nothing of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Extension<P = Span> {
    pub(crate) construct: Construct,
    pub(crate) of: P,
    pub(crate) over: P,
}

impl Extension {
    /// Whether a guard that was acquired at `origin` is kept at `point` by this construct alone.
    pub(crate) fn keeps(&self, origin: Span, point: Span) -> bool {
        let is_kept_at = match self.construct {
            // The arguments after it, the call itself and the await of it.
            Construct::Argument | Construct::Receiver => {
                let is_later = self.over.contains(point) && point.range.start >= self.of.range.end;
                is_later || (point.contains(self.over) && !self.of.contains(point))
            }
            // A value that is dropped at the end of the block was made before its tail.
            Construct::Tail => self.over.contains(point) && point.range.end <= self.of.range.start,
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
        let (value, has_temporaries) = self.with_temporaries(expr);
        if has_temporaries && self.hands_on(expr, &value.ty, construct) {
            self.extension(construct, expr, over);
        }
        value
    }

    /// Lowers the scrutinee of a `match` that ends at `end`: kept through all arms, or through those that bind nothing of
    /// what it borrows.
    pub(super) fn match_scrutinee(&mut self, expr: &Expr, arms: &[Arm], end: LineCol) -> Value {
        let (value, has_temporaries) = self.with_temporaries(expr);
        if !has_temporaries {
            return value;
        }
        if self.hands_on(expr, &value.ty, Construct::Match) {
            let first = arms.first().map_or(expr.range, |arm| arm.body.range);
            self.extension(Construct::Match, expr, kept_over(expr.range, first, end));
        } else if !self.may_be_guard(&value.ty) {
            for arm in arms {
                if self.needs_nothing(expr, &arm.pat) {
                    self.extension(Construct::Arm, expr, arm.body.range);
                }
            }
        }
        value
    }

    /// Lowers the scrutinee of a `let` condition. `close_extensions` tells how far it is kept.
    pub(super) fn let_scrutinee(&mut self, expr: &Expr, pat: &Pat) -> Value {
        let (value, has_temporaries) = self.with_temporaries(expr);
        if !has_temporaries {
            return value;
        }
        if self.hands_on(expr, &value.ty, Construct::IfLet) {
            self.extension(Construct::IfLet, expr, TextRange::default());
        } else if !self.may_be_guard(&value.ty) {
            let construct = if self.needs_nothing(expr, pat) { Construct::IfLet } else { Construct::Else };
            self.extension(construct, expr, TextRange::default());
        }
        value
    }

    /// Lowers an expression, and tells whether it made temporaries.
    fn with_temporaries(&mut self, expr: &Expr) -> (Value, bool) {
        let before = self.state().slot_names.len();
        let value = self.expr(expr);
        (value, self.state().slot_names.len() > before)
    }

    fn extension(&mut self, construct: Construct, expr: &Expr, over: TextRange) {
        self.state_mut().extensions.push(Extension { construct, of: expr.range, over });
    }

    /// Tells the extensions of `let` conditions, from `first` on, how far their construct reaches.
    pub(super) fn close_extensions(
        &mut self,
        first: usize,
        construct: Construct,
        body: TextRange,
        otherwise: Option<TextRange>,
    ) {
        let end = otherwise.unwrap_or(body).end;
        let extensions = &mut self.state_mut().extensions;
        let is_open = |extension: &Extension<TextRange>| extension.over == TextRange::default();
        let mut noted = extensions.split_off(first);
        for open in noted.iter_mut().filter(|extension| is_open(extension)) {
            if open.construct == Construct::Else {
                open.over = otherwise.unwrap_or_default();
            } else {
                open.construct = construct;
                open.over = kept_over(open.of, body, end);
            }
        }
        // An `else` that is not there keeps nothing.
        noted.retain(|extension| !is_open(extension));
        extensions.append(&mut noted);
    }

    /// Extensions with their places. One that a macro began and its caller ended has none: it is left out.
    pub(super) fn placed(&self, extensions: Vec<Extension<TextRange>>) -> Vec<Extension> {
        let place = |Extension { construct, of, over }: Extension<TextRange>| {
            over.is_of_one_text().then(|| Extension { construct, of: self.span(of), over: self.span(over) })
        };
        extensions.into_iter().filter_map(place).collect()
    }

    /// Whether what a pattern binds of an expression is on its own. Out of a place only copies can be bound, but by `ref`.
    fn needs_nothing(&self, expr: &Expr, pat: &Pat) -> bool {
        (is_place(expr) && !binds_by_ref(pat)) || self.binds_no_borrow(pat)
    }

    fn binds_no_borrow(&self, pat: &Pat) -> bool {
        match pat {
            Pat::Bind { name, by_ref, sub, .. } => !by_ref && sub.is_none() && self.names_constant(name),
            Pat::Tuple(parts) | Pat::TupleStruct { elems: parts, .. } | Pat::Slice(parts) | Pat::Or(parts) => {
                parts.iter().all(|part| self.binds_no_borrow(part))
            }
            Pat::Struct { fields, .. } => fields.iter().all(|(_, pat)| self.binds_no_borrow(pat)),
            Pat::Typed(inner, _) => self.binds_no_borrow(inner),
            // `&n` copies what the reference leads to.
            Pat::Ref(inner) => !binds_by_ref(inner),
            Pat::Wild | Pat::Path(_) | Pat::Literal | Pat::Rest => true,
        }
    }

    /// Whether the value is on its own: nothing in it refers to a temporary of its expression.
    fn hands_on(&self, expr: &Expr, ty: &Ty, construct: Construct) -> bool {
        // A place is borrowed where it stands; an argument is copied or moved out of it.
        let is_borrowed = is_place(expr) && construct != Construct::Argument;
        matches!(ty, Ty::Scalar) || (!is_borrowed && !leads_on(expr) && self.is_detached(ty, 0))
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
        if data.model.guard.is_some() {
            return true;
        }
        if self.index.is_model_type(id) {
            let name = data.path.rsplit("::").next().unwrap_or_default();
            return BORROWS.contains(&name);
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

/// From behind an expression to the end of the construct that keeps it, whose code begins with `body`.
pub(super) fn kept_over(of: TextRange, body: TextRange, end: LineCol) -> TextRange {
    let whole = TextRange { start: of.end, end };
    // The expression may be a macro's argument, and the construct in its definition.
    if whole.is_of_one_text() { whole } else { TextRange { start: body.start, end } }
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
