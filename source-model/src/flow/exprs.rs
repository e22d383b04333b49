//! Expressions other than calls and control flow.

use crate::flow::blocks::is_place;
use crate::flow::build::{Builder, Pending, Value};
use crate::flow::callee::Callee;
use crate::flow::graph::{Op, Place, RESULT};
use crate::flow::implicit::{binary_methods, unary_method};
use crate::index::{Def, Shape};
use crate::ir::{BinaryOp, Expr, ExprKind, Literal, Name, PathRef, TypeRef};

use crate::places::static_of;
use crate::resolve::Namespace;
use crate::span::{LineCol, TextRange};
use crate::types::{CallableTy, FnId, Ty, TypeId, segment_names};

use std::sync::Arc;

impl Builder<'_> {
    /// Lowers an expression in evaluation order.
    pub(crate) fn expr(&mut self, expr: &Expr) -> Value {
        let awaiting = std::mem::take(&mut self.awaiting);
        let extend_to = self.extend_to.take();
        let extendable = self.extendable.take();
        match &expr.kind {
            ExprKind::MethodCall { receiver, method, call_range, turbofish, args } => {
                self.method_call(receiver, method, *call_range, turbofish, args, awaiting, extend_to)
            }
            ExprKind::Call { callee, args } => self.call(expr.range, callee, args, awaiting, extend_to),
            ExprKind::Await(base) => self.await_expr(expr, base, extend_to),
            ExprKind::Try(base) => self.try_expr(base, extend_to),
            ExprKind::Field { .. } | ExprKind::Deref(_) | ExprKind::Index { .. } => {
                self.extend_to = extend_to;
                self.place_expr(expr)
            }
            // The operand of a borrow in an extending position lives as long as the `let` block.
            ExprKind::Ref(base) => self.borrow(base, extendable.or(extend_to)),
            ExprKind::Tuple(_) | ExprKind::Array(_) | ExprKind::Struct { .. } | ExprKind::Cast { .. } => {
                self.aggregate(expr, extendable)
            }
            ExprKind::Block { label, block } => {
                self.extendable = extendable;
                self.labelled_block(label.as_ref(), block)
            }
            ExprKind::If { .. } | ExprKind::Match { .. } => {
                self.extendable = extendable;
                self.control(expr)
            }
            ExprKind::Path(path) => self.path(path),
            ExprKind::Macro(call) => self.macro_call(expr, call, extend_to),
            ExprKind::Async { block, is_move } => self.async_block(expr.range, block, *is_move),
            ExprKind::Closure(def) => self.closure(def, None, &Place::default()),
            _ => self.operator(expr),
        }
    }

    /// Expressions whose operands are extending positions when they are in one.
    fn aggregate(&mut self, expr: &Expr, extendable: Option<usize>) -> Value {
        match &expr.kind {
            ExprKind::Tuple(elems) => {
                let mut parts = Vec::new();
                for (at, elem) in elems.iter().enumerate() {
                    self.extendable = extendable;
                    parts.push((position_name(at), self.element(elem)));
                }
                let ty = Ty::Tuple(parts.iter().map(|(_, part)| part.ty.clone()).collect());
                Value { parts, ..Value::of(ty) }
            }
            ExprKind::Array(elems) => self.array(elems, extendable),
            ExprKind::Struct { path, fields, rest } => {
                let value = self.struct_literal(path, fields, rest.as_deref(), extendable);
                self.made(value, expr.range)
            }
            ExprKind::Cast { expr, ty } => {
                self.extendable = extendable;
                let value = self.expr(expr);
                let ty = merged(self.index.lower(ty, &self.types), value.ty.clone());
                if !self.owns(&ty) {
                    self.consume(&value);
                }
                Value { owner: value.owner.filter(|_| self.owns(&ty)), ty, parts: Vec::new(), ..value }
            }
            _ => Value::unknown("expression form"),
        }
    }

    /// An element of a new value: a variable moves into it here, whatever becomes of it.
    fn element(&mut self, elem: &Expr) -> Value {
        let value = self.expr(elem);
        if value.may_own() && is_place(elem) {
            let innermost = self.state().scopes.len() - 1;
            return self.lift(value, innermost);
        }
        value
    }

    fn operator(&mut self, expr: &Expr) -> Value {
        match &expr.kind {
            ExprKind::Unary { op, base } => {
                let value = self.expr(base);
                let made = unary_method(*op).and_then(|method| self.run_implicit(method, &[&value], expr.range));
                made.unwrap_or_else(|| Value::of(value.ty))
            }
            ExprKind::Binary { op, left, right } => self.binary(*op, left, right, expr.range),
            ExprKind::Assign { left, right } => self.assign(left, right),
            ExprKind::AssignOp { op, left, right } => self.assign_op(*op, left, right, expr.range),
            ExprKind::Repeat { value, count } => {
                let element = self.expr(value);
                self.expr(count);
                self.consume(&element);
                Value::of(Ty::Slice(Arc::new(element.ty)))
            }
            ExprKind::Range(bounds) => {
                let types: Vec<Ty> = bounds.iter().map(|bound| self.expr(bound).ty).collect();
                let item = types.into_iter().next().unwrap_or(Ty::Scalar);
                Value::of(Ty::Adt(self.index.well_known.range, Arc::from([item])))
            }
            ExprKind::Literal(literal) => Value::of(literal_type(*literal)),
            ExprKind::Return(value) => self.return_expr(value.as_deref()),
            _ => self.control(expr),
        }
    }

    fn return_expr(&mut self, value: Option<&Expr>) -> Value {
        let value = value.map_or_else(Value::unit, |value| self.expr(value));
        self.state_mut().returned.get_or_insert(value.ty.clone());
        self.move_to(&value, RESULT);
        self.drop_down_to(0);
        let exit = self.state().exit;
        self.goto(exit);
        Value::of(Ty::Never)
    }

    /// `a && b`: each operand's temporaries die with it, and the right side may not run.
    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr, range: TextRange) -> Value {
        let Some((method, _)) = binary_methods(op) else {
            self.in_scope(|builder| builder.expr(left));
            let join = self.new_block();
            self.edge(join);
            self.continue_in_new();
            self.in_scope(|builder| builder.expr(right));
            self.edge(join);
            self.switch_to(join);
            return Value::of(Ty::Scalar);
        };
        let left = self.expr(left);
        let right = self.expr(right);
        self.operated(method, &left, &right, range)
    }

    fn array(&mut self, elems: &[Expr], extendable: Option<usize>) -> Value {
        let mut item = Ty::Unknown("empty array");
        let mut parts = Vec::new();
        for (at, elem) in elems.iter().enumerate() {
            self.extendable = extendable;
            let value = self.element(elem);
            // A future or handle among others is somebody's to poll or join.
            self.lend(&value);
            if item.is_unknown() {
                item = value.ty.clone();
            }
            if value.may_own() && self.owns(&value.ty) {
                parts.push((position_name(at), value));
            }
        }
        Value { parts, ..Value::of(Ty::Slice(Arc::new(item))) }
    }

    fn struct_literal(
        &mut self,
        path: &PathRef,
        fields: &[(Name, Expr)],
        rest: Option<&Expr>,
        extendable: Option<usize>,
    ) -> Value {
        let mut values = Vec::new();
        for (_, expr) in fields {
            self.extendable = extendable;
            values.push(self.element(expr));
        }
        let rest = rest.map(|rest| self.expr(rest));
        let ty = self.literal_type(path, fields, &values);
        let named = fields.iter().map(|(name, _)| *name).zip(&values);
        let is_variant = matches!(self.shape_of(path, &ty), Some((_, Some(_))));
        let place = if is_variant { Place::default() } else { self.held_in(named) };
        let mut parts = Vec::new();
        for ((name, _), value) in fields.iter().zip(values) {
            let declared = self.index.field(&ty, name).map_or_else(|| value.ty.clone(), |(ty, _)| ty);
            parts.extend(self.literal_part(name, value, declared));
        }
        if let Some(rest) = rest {
            parts.extend(rest.parts.into_iter().filter(|(name, _)| !fields.iter().any(|(written, _)| written == name)));
            let rest = Value { owner: rest.owner, ..Value::of(rest.ty) };
            parts.extend(rest.owner.is_some().then(|| ("..".into(), rest)));
        }
        // What the type cannot own goes to someone else.
        if !self.owns(&ty) {
            parts.iter().for_each(|(_, part)| self.consume(part));
            parts.clear();
        }
        let owner = (parts.is_empty() && self.owns(&ty)).then(|| self.new_temporary());
        Value { owner, parts, ..Value::of(ty) }.at(place)
    }

    /// A field of a struct literal that owns something, or may come to.
    fn literal_part(&mut self, name: &Name, value: Value, declared: Ty) -> Option<(Name, Value)> {
        let ty = merged(declared, value.ty);
        let is_empty = value.owner.is_none() && value.parts.is_empty();
        let owner = if is_empty && self.owns(&ty) { Some(self.new_temporary()) } else { value.owner };
        let part = Value { owner, parts: value.parts, ..Value::of(ty) };
        part.may_own().then_some((*name, part))
    }

    /// The type of a struct literal: arguments that are not written are judged by the values of its fields.
    fn literal_type(&self, path: &PathRef, fields: &[(Name, Expr)], values: &[Value]) -> Ty {
        let written = self.index.lower(&TypeRef::Path(path.clone()), &self.types);
        let Ty::Adt(id, args) = &written else { return written };
        if !args.iter().any(Ty::is_unknown) {
            return written;
        }
        let variant = path.segments.last().map(|last| last.name.as_str()).unwrap_or_default();
        let declared = match &self.index.type_data(*id).shape {
            Shape::Struct(def) => def.fields.as_slice(),
            Shape::Enum(def) => {
                let known = def.variants.iter().find(|known| known.name == variant);
                known.map(|known| known.fields.as_slice()).unwrap_or_default()
            }
        };
        let given = fields.iter().zip(values).filter_map(|((name, _), value)| {
            let field = declared.iter().find(|field| field.name == *name)?;
            Some((field.ty.clone(), value.ty.clone()))
        });
        let given: Vec<(TypeRef, Ty)> = given.collect();
        merged(written.clone(), self.index.made_of(*id, &given))
    }

    // ---- paths ----

    pub(crate) fn path(&mut self, path: &PathRef) -> Value {
        if path.qself.is_none()
            && path.segments.len() == 1
            && let Some(local) = self.local(&path.segments[0].name)
        {
            return local.value;
        }
        let names = segment_names(path);
        if let Some(function) = self.named_function(path, &names) {
            return function;
        }
        if names.first().is_some_and(|first| first == "Self") {
            return Value::of(self.types.self_ty.clone().unwrap_or(Ty::Unknown("Self outside an impl")));
        }
        let Some(resolved) = self.index.resolve(self.types.module, &names, Namespace::Values) else {
            return Value::unknown("unresolved path");
        };
        self.value_of(&resolved.def, resolved.n_used == names.len())
    }

    /// `Type::function` as a value: a callback by name.
    fn named_function(&mut self, path: &PathRef, names: &[Name]) -> Option<Value> {
        if names.len() < 2 && path.qself.is_none() {
            return None;
        }
        match self.callee(path) {
            Callee::Function(id, self_ty) => Some(self.function_value(id, self_ty.as_ref())),
            _ => None,
        }
    }

    fn function_value(&self, id: FnId, self_ty: Option<&Ty>) -> Value {
        let data = self.index.fn_data(id);
        let scope = self.index.fn_scope(data, self_ty);
        let body = crate::locks::BodyId { function: id.0, part: 0 };
        let runs = data.def.body.is_some().then_some(body);
        let ret = self.index.result_type(data, &scope, runs);
        let own = data.def.self_param.as_ref().and(scope.self_ty.clone());
        let rest = data.def.params.iter().map(|param| self.index.lower(&param.ty, &scope));
        let params = own.into_iter().chain(rest).collect();
        let body = runs.filter(|_| !data.is_model && !data.is_async);
        Value::of(Ty::Callable(Arc::new(CallableTy { params, ret, body })))
    }

    fn value_of(&mut self, def: &Def, whole: bool) -> Value {
        match def {
            Def::Static(id) if whole => {
                let (ty, place) = static_of(self.index, *id);
                Value::of(ty).at(place)
            }
            Def::Fn(id) if whole => {
                let data = self.index.fn_data(*id);
                let scope = self.index.fn_scope(data, None);
                let body = crate::locks::BodyId { function: id.0, part: 0 };
                let runs = data.def.body.is_some().then_some(body);
                let ret = self.index.result_type(data, &scope, runs);
                let params = data.def.params.iter().map(|param| self.index.lower(&param.ty, &scope)).collect();
                let body = runs.filter(|_| !data.is_model && !data.is_async);
                Value::of(Ty::Callable(Arc::new(CallableTy { params, ret, body })))
            }
            Def::Variant(ty, variant) if whole => self.constructor(*ty, Some(*variant)),
            Def::Type(ty) if whole => self.constructor(*ty, None),
            Def::Outside(path) => Value::of(Ty::Outside(path.clone(), Arc::from([]))),
            _ => Value::unknown("path value"),
        }
    }

    /// A unit struct or variant by its path, or the constructor of one with fields: a function.
    fn constructor(&self, ty: TypeId, variant: Option<u32>) -> Value {
        let data = self.index.type_data(ty);
        let args = vec![Ty::Unknown("inferred type argument"); data.generics().params.len()];
        let made = Ty::Adt(ty, args.into());
        let n_fields = match (&data.shape, variant) {
            (Shape::Struct(def), _) => def.fields.len(),
            (Shape::Enum(def), Some(variant)) => def.variants[variant as usize].fields.len(),
            (Shape::Enum(_), None) => 0,
        };
        if n_fields == 0 {
            return Value::of(made);
        }
        let params = vec![Ty::Unknown("inferred type argument"); n_fields];
        Value::of(Ty::Callable(Arc::new(CallableTy { params, ret: made, body: None })))
    }

    /// The struct shape of a path in a pattern: the type and, for an enum, the variant.
    pub(crate) fn shape_of(&self, path: &PathRef, scrutinee: &Ty) -> Option<(TypeId, Option<u32>)> {
        let names = segment_names(path);
        if names.first().is_some_and(|first| first == "Self")
            && let Some(Ty::Adt(ty, _)) = self.types.self_ty.as_ref().map(Ty::peeled)
        {
            return Some((*ty, names.get(1).and_then(|name| self.variant_named(*ty, name))));
        }
        if let Some(resolved) = self.index.resolve(self.types.module, &names, Namespace::Values)
            && resolved.n_used == names.len()
        {
            match resolved.def {
                Def::Variant(ty, variant) => return Some((ty, Some(variant))),
                Def::Type(ty) => return Some((ty, None)),
                _ => {}
            }
        }
        // An enum whose path is not visible here: the scrutinee's type knows the variant's name.
        match scrutinee.peeled() {
            Ty::Adt(ty, _) => {
                let variant = self.variant_named(*ty, names.last()?);
                (variant.is_some() || names.len() == 1).then_some((*ty, variant))
            }
            _ => None,
        }
    }

    fn variant_named(&self, ty: TypeId, name: &Name) -> Option<u32> {
        let Shape::Enum(def) = &self.index.type_data(ty).shape else { return None };
        def.variants.iter().position(|variant| variant.name == *name).and_then(|found| u32::try_from(found).ok())
    }

    // ---- await, `?` ----

    fn await_expr(&mut self, expr: &Expr, base: &Expr, extend_to: Option<usize>) -> Value {
        self.awaiting = true;
        let value = self.expr(base);
        self.awaiting = false;
        self.extend_to = extend_to;
        self.poll(value, expr.range, keyword_at_end(expr.range))
    }

    /// Polls a future to its end, `at` a place within `range`: the task may suspend, and the future's effects happen.
    pub(crate) fn poll(&mut self, value: Value, range: TextRange, at: TextRange) -> Value {
        let ty = self.index.awaited(&value.ty);
        self.lend(&value);
        self.hand_over(&value);
        let span = self.span(range);
        self.op(Op::Await { span, at: self.span(at) });
        let owner = self.owns(&ty).then(|| self.new_temporary());
        let pending = value.pending.clone().or_else(|| self.pending_of(&value.ty, span));
        let pending = pending.or_else(|| self.pending_param(&value, span));
        match pending.map(|pending| *pending) {
            Some(Pending::Call(mut call)) => {
                // A future that was made elsewhere runs here.
                if !range.contains(call.span.range) {
                    call.span = span;
                }
                self.op(Op::Call { call: Box::new(call), result: owner });
            }
            Some(Pending::Acquire { acquisition, fallible }) => {
                let keeps = owner.filter(|_| !acquisition.momentary);
                self.acquire(acquisition, fallible, keeps);
            }
            None => {}
        }
        // Awaiting takes the future, and drops it when it has run.
        self.consume(&value);
        Value { owner, place: value.place, ..Value::of(ty) }
    }

    fn try_expr(&mut self, base: &Expr, extend_to: Option<usize>) -> Value {
        self.extend_to = extend_to;
        let value = self.expr(base);
        if self.has_live_slots() {
            let failed = self.new_block();
            let passed = self.new_block();
            self.edge(failed);
            self.edge(passed);
            self.switch_to(failed);
            self.drop_down_to(0);
            let exit = self.state().exit;
            self.edge(exit);
            self.switch_to(passed);
        }
        let ty = match value.ty.peeled() {
            Ty::Unknown(cause) => Ty::Unknown(cause),
            other => other.arg(0),
        };
        let owner = value.owner.filter(|_| self.owns(&ty));
        if let Some(slot) = owner {
            self.op(Op::Confirm { slot });
        }
        Value { ty, owner, place: value.place, ..Value::unit() }
    }
}

/// `0`, `1`, ..: the name of a part by its position.
pub(crate) fn position_name(at: usize) -> Name {
    const FEW: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];
    FEW.get(at).map_or_else(|| at.to_string().into(), |name| (*name).into())
}

/// Fills what a written type leaves open from an inferred one.
pub(crate) fn merged(written: Ty, inferred: Ty) -> Ty {
    match (written, inferred) {
        (Ty::Unknown(_), inferred) => inferred,
        (Ty::Ref(a), Ty::Ref(b)) => Ty::reference(merged((*a).clone(), (*b).clone())),
        (Ty::Adt(a, args), Ty::Adt(b, others)) if a == b => {
            let filled = args.iter().enumerate().map(|(position, arg)| match others.get(position) {
                Some(other) => merged(arg.clone(), other.clone()),
                None => arg.clone(),
            });
            Ty::Adt(a, filled.collect())
        }
        // A future or closure knows what it runs; the written bound does not.
        (Ty::Future(_) | Ty::Callable(_), inferred @ (Ty::Future(_) | Ty::Callable(_))) => inferred,
        (written, _) => written,
    }
}

fn literal_type(literal: Literal) -> Ty {
    match literal {
        Literal::Str => Ty::reference(Ty::Str),
        Literal::Bytes => Ty::reference(Ty::Slice(Arc::new(Ty::Scalar))),
        Literal::Bool | Literal::Scalar => Ty::Scalar,
    }
}

const AWAIT_LEN: u32 = "await".len() as u32;

/// Where the keyword of `.. .await` stands. Of an expression that a macro awaits only the first token is known.
fn keyword_at_end(range: TextRange) -> TextRange {
    let is_first_token = range.end.line == range.start.line && range.end.column <= range.start.column + AWAIT_LEN;
    if is_first_token {
        return range;
    }
    let start = LineCol { column: range.end.column.saturating_sub(AWAIT_LEN), ..range.end };
    TextRange { start, end: range.end }
}
