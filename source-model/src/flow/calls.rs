//! Calls: who is called, what it acquires or starts, which closures it runs, and what its result owns.

use crate::accessors::dereferenced;
use crate::coverage::{Receiver, ReceiverKind};
use crate::facts::{Construct, Dispatch};
use crate::flow::build::{Builder, Pending, Value};
use crate::flow::callee::Callee;
use crate::flow::closures::{run_of, run_through};
use crate::flow::exprs::position_name;
use crate::flow::graph::{Op, Place, RawCall, SlotId};
use crate::index::Shape;
use crate::ir::{Expr, ExprKind, Name, PathRef, TypeRef};
use crate::locks::LockClass;
use crate::methods::MethodMatch;
use crate::places::element_of;
use crate::span::{Span, TextRange};
use crate::types::{Bound, CallableTy, FnId, TraitId, Ty, TypeId};

use std::sync::Arc;

/// Methods without arguments whose receiver decides whether they acquire a lock.
const LOCK_LIKE: &[&str] = &[
    "lock",
    "read",
    "write",
    "try_lock",
    "try_read",
    "try_write",
    "borrow",
    "borrow_mut",
    "acquire",
    "lock_owned",
    "read_owned",
    "write_owned",
    "blocking_lock",
    "blocking_read",
    "blocking_write",
    "upgradable_read",
    "read_recursive",
    "lock_arc",
    "read_arc",
    "write_arc",
];

/// Why a call of a closure or function pointer that someone else gave has no target.
const HANDED_IN: &str = "closure or function pointer handed in";

/// A call while it is being lowered.
pub(super) struct Site<'a> {
    pub(super) function: FnId,
    pub(super) through_trait: Option<TraitId>,
    pub(super) name: Name,
    pub(super) range: TextRange,
    pub(super) receiver: Option<Value>,
    pub(super) self_ty: Option<Ty>,
    pub(super) turbofish: &'a [TypeRef],
    pub(super) args: &'a [Expr],
    pub(super) awaiting: bool,
    pub(super) extend_to: Option<usize>,
}

impl Builder<'_> {
    // ---- method calls ----

    #[expect(clippy::too_many_arguments, reason = "the parts of one expression, each used once")]
    pub(crate) fn method_call(
        &mut self,
        receiver_expr: &Expr,
        method: &Name,
        range: TextRange,
        turbofish: &[TypeRef],
        args: &[Expr],
        awaiting: bool,
        extend_to: Option<usize>,
    ) -> Value {
        let receiver = self.operand(receiver_expr, Construct::Receiver, range);
        let found = self.index.method_taking(&receiver.ty, method, args.len());
        let receiver = self.dereferenced(receiver, found.as_ref());
        if args.is_empty() && LOCK_LIKE.contains(&method.as_str()) {
            self.tally_receiver(&receiver, *method, range, found.as_ref());
        }
        let Some(found) = found else {
            return self.unmodelled_method(receiver, method, range, args, awaiting, extend_to);
        };
        let by_value = self.takes_self(&found);
        if !by_value {
            self.lend(&receiver);
        }
        let fills = self.index.fn_data(found.function).model.put;
        let receiver = if by_value {
            receiver
        } else if fills && receiver.owner.or(receiver.lent).is_none() {
            Value { lent: self.slot_to_fill(receiver_expr), ..receiver.unowned() }
        } else {
            // What the method gets is the object itself, not what it leads to: a guard is not what it guards.
            let is_own = same_head(&found.self_ty, receiver.ty.peeled());
            Value { lent: receiver.owner.or(receiver.lent).filter(|_| is_own), ..receiver.unowned() }
        };
        self.run(Site {
            function: found.function,
            through_trait: found.through_trait,
            name: method.clone(),
            range,
            self_ty: Some(found.self_ty),
            receiver: Some(receiver),
            turbofish,
            args,
            awaiting,
            extend_to,
        })
    }

    /// The receiver at the place that the method is called on.
    fn dereferenced(&self, receiver: Value, found: Option<&MethodMatch>) -> Value {
        let Some(found) = found.filter(|found| found.n_derefs > 0) else { return receiver };
        let place = dereferenced(self.index, &receiver.ty, receiver.place.clone(), 0, |at| *at == found.self_ty);
        receiver.at(place)
    }

    fn takes_self(&self, found: &MethodMatch) -> bool {
        let data = self.index.fn_data(found.function);
        found.n_derefs == 0 && data.def.self_param.as_ref().is_some_and(|param| !param.by_ref)
    }

    fn tally_receiver(&mut self, receiver: &Value, method: Name, range: TextRange, found: Option<&MethodMatch>) {
        let acquires = |found: &MethodMatch| self.index.fn_data(found.function).model.acquire.is_some();
        let lock = found.filter(|found| acquires(found) || self.index.is_lock(&found.self_ty));
        let kind = match (lock, unknown_cause(&self.pointee(&receiver.ty, found))) {
            (Some(found), _) => ReceiverKind::Lock(self.lock_class(&receiver.place, &found.self_ty)),
            (None, None) if let Some(class) = found.and_then(|found| self.wrapped_class(receiver, found)) => {
                ReceiverKind::Lock(class)
            }
            (None, Some(cause)) if found.is_none() => ReceiverKind::Unknown(cause.into()),
            _ => ReceiverKind::Other(self.index.show(&self.pointee(&receiver.ty, found)).into()),
        };
        let span = self.span(range);
        self.tally.receivers.push(Receiver { span, method, kind });
    }

    /// The class of the lock whose guard a function of the workspace returns.
    fn wrapped_class(&self, receiver: &Value, found: &MethodMatch) -> Option<LockClass> {
        let data = self.index.fn_data(found.function);
        let returned = self.index.result_type(data, &self.index.fn_scope(data, Some(&found.self_ty)), None);
        let output = match &returned {
            Ty::Future(future) => &future.output,
            other => other,
        };
        if data.is_model || !self.owns(output) {
            return None;
        }
        let args = [(found.self_ty.clone(), receiver.place.clone())];
        crate::accessors::acquired(self.index, found.function, &args, 0)?.class
    }

    /// The type that declares the method; where none does, what the receiver finally points to.
    fn pointee(&self, receiver: &Ty, found: Option<&MethodMatch>) -> Ty {
        if let Some(found) = found {
            return found.self_ty.peeled().clone();
        }
        self.index.derefs(receiver).filter(|at| !matches!(at, Ty::Ref(_))).last().unwrap_or_else(|| receiver.clone())
    }

    /// A method that neither the workspace nor a model declares.
    fn unmodelled_method(
        &mut self,
        receiver: Value,
        method: &Name,
        range: TextRange,
        args: &[Expr],
        awaiting: bool,
        extend_to: Option<usize>,
    ) -> Value {
        let mut places = vec![receiver.place.clone()];
        let mut polled = None;
        for arg in args {
            let mut value = self.operand(arg, Construct::Argument, range);
            self.consume(&value);
            places.push(value.place.clone());
            polled = polled.or(value.pending.take());
        }
        let chain = self.driven_by_name(&receiver, method, range);
        let path = self.outside_path(&receiver.ty, method);
        self.note_call(range, *method, path, places);
        let _ = awaiting;
        self.extend_to = extend_to;
        let value = self.universal_method(&receiver, method);
        self.extend_to = None;
        if value.owner.is_none() {
            self.lend(&receiver);
        }
        Value { chain, ..value }
    }

    /// Methods that nearly every type has, by what they mean wherever they are declared.
    fn universal_method(&mut self, receiver: &Value, method: &str) -> Value {
        let peeled = receiver.ty.peeled().clone();
        match method {
            "clone" | "to_owned" | "by_ref" | "borrow" | "as_ref" | "as_mut" | "borrow_mut" | "deref" | "into_iter" => {
                Value::of(peeled).at(receiver.place.clone())
            }
            // What `pin_project` makes: the fields of the pinned value.
            "project" | "project_ref" => {
                let target = self.index.deref_step(&peeled).unwrap_or(peeled);
                Value::of(Ty::reference(target)).at(receiver.place.clone())
            }
            "to_string" => Value::of(self.index.string()),
            "len" | "eq" | "ne" | "cmp" | "partial_cmp" | "is_empty" | "hash" if !peeled.is_unknown() => {
                Value::of(Ty::Scalar)
            }
            // Extension traits that add context to an error keep the shape and what it owns.
            "context" | "with_context" | "wrap_err" | "wrap_err_with" | "boxed" | "fuse" | "in_current_span" => {
                receiver.clone()
            }
            _ if matches!(peeled, Ty::Scalar) => Value::of(Ty::Scalar),
            _ => match peeled {
                Ty::Unknown(cause) => Value::of(Ty::Unknown(cause)),
                Ty::Outside(..) => Value::unknown("result of an outside method"),
                _ => Value::unknown("result of an unknown method"),
            },
        }
    }

    /// The path of a method on a type that is known, but not its methods; or why there is none.
    fn outside_path(&self, receiver: &Ty, method: &str) -> Result<Name, &'static str> {
        Ok(match receiver.peeled() {
            Ty::Unknown(cause) => return Err(cause),
            Ty::Outside(path, _) => format!("{path}::{method}").into(),
            Ty::Adt(ty, _) => format!("{}::{method}", self.index.type_data(*ty).path).into(),
            Ty::Param(..) | Ty::Dyn(_) if universal(method) => method.into(),
            Ty::Param(_, bounds) | Ty::Dyn(bounds) => {
                let path = outside_bound(bounds).ok_or("method that no bound declares")?;
                format!("{path}::{method}").into()
            }
            _ => method.into(),
        })
    }

    /// A call of something outside, by its path; or of something unknown, with the cause.
    fn note_call(&mut self, range: TextRange, name: Name, path: Result<Name, &'static str>, args: Vec<Place>) {
        let span = self.span(range);
        let dispatch = if path.is_ok() { Dispatch::Outside } else { Dispatch::Unknown };
        self.count(dispatch, span, path.err().unwrap_or_default());
        let (targets, passed, through) = (Vec::new(), Vec::new(), None);
        let path = path.ok();
        let call = RawCall { span, name, path, targets, dispatch, is_bounded: false, args, passed, through };
        self.op(Op::Call { call: Box::new(call), result: None });
    }

    /// Counts a call, with why its target is unknown where it is.
    pub(super) fn count(&mut self, dispatch: Dispatch, span: Span, cause: &'static str) {
        match dispatch {
            Dispatch::Unknown => self.tally.unknown_calls.push((cause.into(), span)),
            _ => self.tally.n_calls_resolved += 1,
        }
    }

    // ---- function calls ----

    pub(crate) fn call(
        &mut self,
        range: TextRange,
        callee: &Expr,
        args: &[Expr],
        awaiting: bool,
        extend_to: Option<usize>,
    ) -> Value {
        let ExprKind::Path(path) = &callee.kind else {
            let value = self.expr(callee);
            return self.call_value(range, &value, args, None);
        };
        if path.qself.is_none()
            && path.segments.len() == 1
            && let Some(local) = self.local(&path.segments[0].name)
        {
            return self.call_value(range, &local.value, args, Some(&path.segments[0].name));
        }
        let turbofish = path.segments.last().map(|last| last.args.as_slice()).unwrap_or_default();
        let name = path.segments.last().map(|last| last.name.clone()).unwrap_or_default();
        let name_range = callee.range.to(range);
        let site = |function, self_ty| Site {
            function,
            through_trait: None,
            name: name.clone(),
            range: name_range,
            receiver: None,
            self_ty,
            turbofish,
            args,
            awaiting,
            extend_to,
        };
        match self.callee(path) {
            Callee::Function(function, self_ty) => self.run(site(function, self_ty)),
            Callee::TraitMethod(function, of_trait, self_ty) => {
                self.run(Site { through_trait: Some(of_trait), ..site(function, self_ty) })
            }
            Callee::Constructor(ty, variant) => {
                let value = self.construct(path, ty, variant, args, extend_to);
                self.made(value, range)
            }
            Callee::Outside(path) => self.outside_call(name_range, name.clone(), Ok(path), args),
            Callee::Made(ty) => {
                let made = self.outside_call(name_range, name.clone(), Ok(self.index.show(&ty).into()), args);
                Value { ty, ..made }
            }
            Callee::Unknown => self.outside_call(name_range, name.clone(), Err("function that is not found"), args),
        }
    }

    /// A call through a value: a closure, a function pointer, a boxed callback.
    fn call_value(&mut self, range: TextRange, callee: &Value, args: &[Expr], name: Option<&Name>) -> Value {
        let callable = self.callable(&callee.ty);
        let values: Vec<Value> = args.iter().map(|arg| self.operand(arg, Construct::Argument, range)).collect();
        values.iter().for_each(|value| self.consume(value));
        let places: Vec<Place> = values.iter().map(|value| value.place.clone()).collect();
        let Some(callable) = callable else {
            let cause = unknown_cause(&callee.ty).unwrap_or("call of a value that is not known to be a function");
            self.note_call(range, name.copied().unwrap_or_default(), Err(cause), places);
            return Value::unknown("result of calling a value");
        };
        let span = self.span(range);
        let mut call = match (callable.body, self.through(callee, false)) {
            (Some(body), _) => run_of(body, span, places),
            (None, Some(through)) => run_through(through, span, places),
            (None, None) => {
                self.note_call(range, name.copied().unwrap_or_default(), Err(HANDED_IN), places);
                return Value::of(callable.ret.clone());
            }
        };
        call.name = name.cloned().unwrap_or_else(|| "closure".into());
        call.passed = self.passed(&values);
        self.count(call.dispatch, span, HANDED_IN);
        let polled = Pending::Call(RawCall { through: self.through(callee, true), ..call.clone() });
        let is_future = call.through.is_some() && matches!(callable.ret, Ty::Future(_));
        self.hand_over(callee);
        let owner = (!is_future && self.owns(&callable.ret)).then(|| self.new_temporary());
        self.op(Op::Call { call: Box::new(call), result: owner });
        Value { pending: is_future.then(|| Box::new(polled)), owner, ..Value::of(callable.ret.clone()) }
    }

    pub(super) fn callable(&self, ty: &Ty) -> Option<Arc<CallableTy>> {
        self.index.derefs(ty).find_map(|at| match at {
            Ty::Callable(callable) => Some(callable),
            _ => None,
        })
    }

    /// A function outside the index: its arguments are evaluated, its effects are not known.
    fn outside_call(&mut self, range: TextRange, name: Name, path: Result<Name, &'static str>, args: &[Expr]) -> Value {
        let mut places = Vec::new();
        for arg in args {
            let value = self.operand(arg, Construct::Argument, range);
            self.consume(&value);
            places.push(value.place);
        }
        let cause = path.err().unwrap_or("result of an outside function");
        self.note_call(range, name, path, places);
        Value::unknown(cause)
    }

    /// `Some(x)`, `Wrapper(x)`: the result owns what its arguments owned.
    fn construct(
        &mut self,
        path: &PathRef,
        ty: TypeId,
        variant: Option<u32>,
        args: &[Expr],
        extend_to: Option<usize>,
    ) -> Value {
        let fields: Vec<TypeRef> = match (&self.index.type_data(ty).shape, variant) {
            (Shape::Struct(def), _) => def.fields.iter().map(|field| field.ty.clone()).collect(),
            (Shape::Enum(def), Some(variant)) => {
                def.variants[variant as usize].fields.iter().map(|field| field.ty.clone()).collect()
            }
            (Shape::Enum(_), None) => Vec::new(),
        };
        let values: Vec<Value> = args.iter().map(|arg| self.expr(arg)).collect();
        let given: Vec<(TypeRef, Ty)> = fields.into_iter().zip(values.iter().map(|value| value.ty.clone())).collect();
        let _ = path;
        let made = self.index.made_of(ty, &given);
        // `Some(x)` stands for `x`. A struct is another object, and its field leads to `x`.
        let stands_for_it = variant.is_some() || self.index.is_model_type(ty);
        let place = match values.as_slice() {
            [only] if stands_for_it || self.index.is_wrapped_lock(ty, "0".into()) => only.place.clone(),
            _ if stands_for_it => Place::default(),
            many => self.held_in((0..many.len()).map(position_name).zip(many)),
        };
        self.extend_to = extend_to;
        let owner = self.gather(&values, &made);
        // A value that runs code when it goes is one of its own, whatever it was made of.
        let owner = owner.or_else(|| (!stands_for_it && self.owns(&made)).then(|| self.new_temporary()));
        self.extend_to = None;
        Value { owner, ..Value::of(made).at(place) }
    }

    /// Moves what values own into one result, if its type can own it; else it is handed over.
    pub(super) fn gather(&mut self, values: &[Value], ty: &Ty) -> Option<SlotId> {
        let any = values.iter().any(Value::may_own);
        if !any || !self.owns(ty) {
            values.iter().for_each(|value| self.consume(value));
            return None;
        }
        let slot = self.new_temporary();
        for value in values {
            self.move_to(value, slot);
        }
        Some(slot)
    }

    /// What a `for` loop iterates: a map yields its iterator, which holds a shard.
    pub(crate) fn iterate(&mut self, value: Value, head: &Expr) -> Value {
        let item = self.index.iterated(&value.ty);
        let peeled = value.ty.peeled().clone();
        let is_map = matches!(&peeled, Ty::Adt(id, _) if self.index.type_data(*id).model.family.is_some());
        if is_map
            && let Ty::Ref(_) = value.ty
            && let Some(found) = self.index.method(&peeled, &self.index.well_known.names.iter)
        {
            let iterator = self.run(Site {
                function: found.function,
                through_trait: None,
                name: "iter".into(),
                range: head.range,
                receiver: Some(Value { owner: None, ..value }),
                self_ty: Some(found.self_ty),
                turbofish: &[],
                args: &[],
                awaiting: false,
                extend_to: None,
            });
            return self.item_of(iterator, item);
        }
        let place = match &peeled {
            // An iterator already stands for its elements.
            Ty::Dyn(_) | Ty::Param(..) => value.place.clone(),
            _ => element_of(&value.place),
        };
        self.item_of(Value { place, ..value }, item)
    }

    /// The loop variable: the iterator stays where it is.
    fn item_of(&mut self, iterator: Value, item: Ty) -> Value {
        Value::of(item).at(iterator.place)
    }
}

fn same_head(a: &Ty, b: &Ty) -> bool {
    matches!((a, b), (Ty::Adt(a, _), Ty::Adt(b, _)) if a == b)
}

fn universal(method: &str) -> bool {
    matches!(method, "clone" | "to_string" | "to_owned" | "eq" | "cmp" | "hash" | "into" | "fmt")
}

/// A bound of a crate that is not in the index: its methods are outside.
fn outside_bound(bounds: &[Bound]) -> Option<&Name> {
    bounds.iter().find(|bound| bound.of_trait.is_none()).map(|bound| &bound.path)
}

fn unknown_cause(ty: &Ty) -> Option<&'static str> {
    match ty.peeled() {
        Ty::Unknown(cause) => Some(cause),
        _ => None,
    }
}
