//! Calls: who is called, what it acquires or starts, which closures it runs, and what its result owns.

use crate::facts::{Dispatch, Spawn, TaskOutput};
use crate::flow::build::{Builder, Pending, Value};
use crate::flow::graph::{Op, Place, RawCall, SlotId, Token};
use crate::index::{Def, Shape};
use crate::infer::{MethodMatch, TypeScope};
use crate::ir::{Expr, ExprKind, Generics, Name, PathRef, TypeRef};
use crate::locks::{Acquisition, BodyId, Extent, LockClass, LockFamily, LockRef, Mode, Wait};
use crate::models::{AcquireModel, FnModel, GuardModel};
use crate::places::{element_of, guarded};
use crate::resolve::Namespace;
use crate::span::TextRange;
use crate::types::{Bound, CallableTy, FnId, TraitId, Ty, TypeId, segment_names};

use std::sync::Arc;

/// A trait method with more implementations than this gets no edges; it is counted instead.
const MAX_TARGETS: usize = 8;

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

/// A call while it is being lowered.
struct Site<'a> {
    function: FnId,
    through_trait: Option<TraitId>,
    name: Name,
    range: TextRange,
    receiver: Option<Value>,
    self_ty: Option<Ty>,
    turbofish: &'a [TypeRef],
    args: &'a [Expr],
    awaiting: bool,
    extend_to: Option<usize>,
}

impl Builder<'_> {
    // ---- method calls ----

    #[expect(clippy::too_many_arguments, reason = "the parts of one expression, each used once")]
    pub(crate) fn method_call(
        &mut self,
        receiver: &Expr,
        method: &Name,
        range: TextRange,
        turbofish: &[TypeRef],
        args: &[Expr],
        awaiting: bool,
        extend_to: Option<usize>,
    ) -> Value {
        let receiver = self.expr(receiver);
        let found = self.index.method(&receiver.ty, method);
        if args.is_empty() && LOCK_LIKE.contains(&method.as_str()) {
            self.tally_receiver(&receiver.ty, found.as_ref());
        }
        if let Some(cause) = unknown_cause(&receiver.ty) {
            *self.tally.causes.entry(cause).or_default() += 1;
        }
        let Some(found) = found else {
            return self.unmodelled_method(receiver, method, range, args, awaiting, extend_to);
        };
        let by_value = self.takes_self(&found);
        if !by_value {
            self.lend(&receiver);
        }
        let receiver = Value { owner: receiver.owner.filter(|_| by_value), ..receiver };
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

    fn takes_self(&self, found: &MethodMatch) -> bool {
        let data = self.index.fn_data(found.function);
        found.n_derefs == 0 && data.def.self_param.as_ref().is_some_and(|param| !param.by_ref)
    }

    fn tally_receiver(&mut self, receiver: &Ty, found: Option<&MethodMatch>) {
        let acquires = found.is_some_and(|found| self.index.fn_data(found.function).model.acquire.is_some());
        if acquires {
            self.tally.n_lock += 1;
        } else if found.is_some() || unknown_cause(receiver).is_none() {
            self.tally.n_other += 1;
        } else {
            self.tally.n_unknown += 1;
        }
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
            let mut value = self.expr(arg);
            self.consume(&value);
            places.push(value.place.clone());
            polled = polled.or(value.pending.take());
        }
        let path = self.outside_path(&receiver.ty, method);
        let dispatch = if path.is_some() { Dispatch::Outside } else { Dispatch::Unknown };
        self.note_call(range, method.clone(), path, Vec::new(), dispatch, places);
        let _ = awaiting;
        self.extend_to = extend_to;
        let value = self.universal_method(&receiver, method);
        self.extend_to = None;
        if value.owner.is_none() {
            self.lend(&receiver);
        }
        value
    }

    /// Methods that nearly every type has, by what they mean wherever they are declared.
    fn universal_method(&mut self, receiver: &Value, method: &str) -> Value {
        let peeled = receiver.ty.peeled().clone();
        match method {
            "clone" | "to_owned" | "by_ref" | "borrow" | "as_ref" | "as_mut" | "borrow_mut" | "deref" | "into_iter" => {
                Value::of(peeled).at(receiver.place.clone())
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

    /// The path of a method on a type that is known, but not its methods.
    fn outside_path(&self, receiver: &Ty, method: &str) -> Option<Name> {
        match receiver.peeled() {
            Ty::Unknown(_) => None,
            Ty::Outside(path, _) => Some(format!("{path}::{method}").into()),
            Ty::Adt(ty, _) => Some(format!("{}::{method}", self.index.type_data(*ty).path).into()),
            Ty::Param(..) | Ty::Dyn(_) if universal(method) => Some(method.into()),
            Ty::Param(_, bounds) | Ty::Dyn(bounds) => {
                outside_bound(bounds).map(|path| format!("{path}::{method}").into())
            }
            _ => Some(method.into()),
        }
    }

    fn note_call(
        &mut self,
        range: TextRange,
        name: Name,
        path: Option<Name>,
        targets: Vec<BodyId>,
        dispatch: Dispatch,
        args: Vec<Place>,
    ) {
        match dispatch {
            Dispatch::Unknown => self.tally.n_calls_unknown += 1,
            _ => self.tally.n_calls_resolved += 1,
        }
        let span = self.span(range);
        let call = RawCall { span, name, path, targets, dispatch, args };
        self.op(Op::Call { call: Box::new(call), result: None });
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
        let name_range = TextRange { start: callee.range.start, end: range.end };
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
            Callee::Constructor(ty, variant) => self.construct(path, ty, variant, args, extend_to),
            Callee::Outside(path) => self.outside_call(name_range, name.clone(), Some(path), args),
            Callee::Made(ty) => {
                let made = self.outside_call(name_range, name.clone(), Some(self.index.show(&ty).into()), args);
                Value { ty, ..made }
            }
            Callee::Unknown => self.outside_call(name_range, name.clone(), None, args),
        }
    }

    /// A call through a value: a closure, a function pointer, a boxed callback.
    fn call_value(&mut self, range: TextRange, callee: &Value, args: &[Expr], name: Option<&Name>) -> Value {
        let callable = self.callable(&callee.ty);
        let mut places = Vec::new();
        for arg in args {
            let value = self.expr(arg);
            self.consume(&value);
            places.push(value.place);
        }
        let Some(callable) = callable else {
            self.note_call(range, name.cloned().unwrap_or_default(), None, Vec::new(), Dispatch::Unknown, places);
            return Value::unknown("call of a value");
        };
        let name = name.cloned().unwrap_or_else(|| "closure".into());
        let (targets, dispatch) = match callable.body {
            Some(body) => (vec![body], Dispatch::Direct),
            None => (Vec::new(), Dispatch::Unknown),
        };
        self.note_call(range, name, None, targets, dispatch, places);
        Value::of(callable.ret.clone())
    }

    fn callable(&self, ty: &Ty) -> Option<Arc<CallableTy>> {
        match ty {
            Ty::Callable(callable) => Some(Arc::clone(callable)),
            other => self.index.deref_step(other).and_then(|inner| self.callable(&inner)),
        }
    }

    /// A function outside the index: its arguments are evaluated, its effects are not known.
    fn outside_call(&mut self, range: TextRange, name: Name, path: Option<Name>, args: &[Expr]) -> Value {
        let mut places = Vec::new();
        for arg in args {
            let value = self.expr(arg);
            self.consume(&value);
            places.push(value.place);
        }
        let dispatch = if path.is_some() { Dispatch::Outside } else { Dispatch::Unknown };
        self.note_call(range, name, path, Vec::new(), dispatch, places);
        Value::unknown("result of an outside function")
    }

    fn callee(&mut self, path: &PathRef) -> Callee {
        if let Some(qself) = &path.qself {
            let base = self.index.lower(qself, &self.types);
            let Some(last) = path.segments.last() else { return Callee::Unknown };
            return self.associated_fn(base, &last.name);
        }
        let names = segment_names(path);
        let scoped = match names.first().map(Name::as_str) {
            Some("Self") => self.types.self_ty.clone(),
            Some(first) if names.len() > 1 => self.types.generic(first).cloned(),
            _ => None,
        };
        if let Some(base) = scoped {
            return match names.len() {
                1 => constructor_of(&base),
                2 => self.associated_or_variant(base, &names[1]),
                _ => Callee::Unknown,
            };
        }
        let Some(resolved) = self.index.resolve(self.types.module, &names, Namespace::Values) else {
            return Callee::Unknown;
        };
        let rest = names.len() - resolved.n_used;
        match (&resolved.def, rest) {
            (Def::Fn(function), 0) => Callee::Function(*function, None),
            (Def::Variant(ty, variant), 0) => Callee::Constructor(*ty, Some(*variant)),
            (Def::Type(ty), 0) => Callee::Constructor(*ty, None),
            (Def::Type(_) | Def::Alias(_), 1) => {
                let mut head = path.clone();
                head.segments.pop();
                let base = self.index.lower(&TypeRef::Path(head), &self.types);
                self.associated_fn(base, names.last().expect("a path has a segment"))
            }
            (Def::Trait(of_trait), 1) => self.trait_fn(*of_trait, names.last().expect("a path has a segment")),
            (Def::Outside(path), 0) => outside_callee(path),
            _ => Callee::Unknown,
        }
    }

    fn associated_or_variant(&mut self, base: Ty, name: &Name) -> Callee {
        if let Ty::Adt(ty, _) = base.peeled()
            && let Shape::Enum(def) = &self.index.type_data(*ty).shape
            && let Some(variant) = def.variants.iter().position(|variant| variant.name == *name)
        {
            return Callee::Constructor(*ty, u32::try_from(variant).ok());
        }
        self.associated_fn(base, name)
    }

    /// `Type::function`.
    fn associated_fn(&mut self, base: Ty, name: &Name) -> Callee {
        if let Some(found) = self.index.method(&base, name) {
            return match found.through_trait {
                Some(of_trait) => Callee::TraitMethod(found.function, of_trait, Some(base)),
                None => Callee::Function(found.function, Some(found.self_ty)),
            };
        }
        match base {
            Ty::Outside(path, args) if is_constructor_name(name) => Callee::Made(Ty::Outside(path, args)),
            Ty::Outside(path, _) => Callee::Outside(format!("{path}::{name}").into()),
            // `#[derive(Default)]` and constructors that a macro wrote.
            Ty::Adt(..) if is_constructor_name(name) => Callee::Made(base),
            Ty::Adt(ty, _) => Callee::Outside(format!("{}::{name}", self.index.type_data(ty).path).into()),
            _ => Callee::Unknown,
        }
    }

    fn trait_fn(&self, of_trait: TraitId, name: &Name) -> Callee {
        let data = self.index.trait_data(of_trait);
        match data.fns.get(name) {
            Some(function) => Callee::TraitMethod(*function, of_trait, None),
            None => Callee::Outside(format!("{}::{name}", data.path).into()),
        }
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
        let generics = self.index.type_data(ty).generics().clone();
        let fields: Vec<TypeRef> = match (&self.index.type_data(ty).shape, variant) {
            (Shape::Struct(def), _) => def.fields.iter().map(|field| field.ty.clone()).collect(),
            (Shape::Enum(def), Some(variant)) => {
                def.variants[variant as usize].fields.iter().map(|field| field.ty.clone()).collect()
            }
            (Shape::Enum(_), None) => Vec::new(),
        };
        let mut scope = TypeScope::of_module(self.index.type_data(ty).module);
        self.index.declare_params(&generics, &mut scope);
        let values: Vec<Value> = args.iter().map(|arg| self.expr(arg)).collect();
        for (field, value) in fields.iter().zip(&values) {
            self.index.unify(field, &value.ty, &mut scope, &generics);
        }
        let _ = path;
        let bound = generics.params.iter().map(|param| match scope.generic(&param.name) {
            Some(Ty::Param(name, _)) if *name == param.name => Ty::Unknown("inferred type argument"),
            Some(ty) => ty.clone(),
            None => Ty::Unknown("inferred type argument"),
        });
        let made = Ty::Adt(ty, bound.collect());
        let place = match values.as_slice() {
            [only] => only.place.clone(),
            _ => Place::default(),
        };
        self.extend_to = extend_to;
        let owner = self.gather(&values, &made);
        self.extend_to = None;
        Value { owner, ..Value::of(made).at(place) }
    }

    /// Moves what values own into one result, if its type can own it; else it is handed over.
    fn gather(&mut self, values: &[Value], ty: &Ty) -> Option<SlotId> {
        let any = values.iter().any(|value| value.owner.is_some() || !value.parts.is_empty());
        if !any || !self.owns(ty) {
            values.iter().for_each(|value| self.consume(value));
            return None;
        }
        let slot = self.new_temporary();
        for value in values {
            self.move_to(value.clone(), slot);
        }
        Some(slot)
    }

    // ---- functions of the index ----

    /// Lowers a call of a known function.
    fn run(&mut self, site: Site<'_>) -> Value {
        let index = self.index;
        let data = index.fn_data(site.function);
        let mut scope = index.fn_scope(data, site.self_ty.as_ref());
        let generics = index.all_generics(data);
        for (param, written) in data.def.generics.params.iter().zip(site.turbofish) {
            scope.bind(&param.name, index.lower(written, &self.types));
        }
        let values = self.arguments(&site, &mut scope, &generics);
        let model = data.model;
        if model.spawn {
            return self.spawn(&site, &values, &scope);
        }
        let callee = BodyId { function: site.function.0, part: 0 };
        let runs = data.def.body.is_some().then_some(callee);
        let mut ty = index.result_type(&data.def, &scope, runs.filter(|_| !data.is_model));
        if let Ty::Unknown(_) = ty
            && let Some(first) = values.first()
            && matches!(site.name.as_str(), "clone" | "cloned" | "copied")
        {
            ty = first.ty.peeled().clone();
        }
        let (class_place, model_place) = self.result_place(&site, model, &values, &ty);
        if let Some(acquire) = model.acquire {
            let place = guarded(class_place.unwrap_or(model_place));
            return self.run_acquire(&site, acquire, &values, ty, place);
        }
        let place = class_place.unwrap_or(model_place);
        self.run_plain(&site, model, values, ty, place)
    }

    /// Evaluates arguments in order, telling closures the types of their parameters.
    fn arguments(&mut self, site: &Site<'_>, scope: &mut TypeScope, generics: &Generics) -> Vec<Value> {
        let index = self.index;
        let data = index.fn_data(site.function);
        let mut values: Vec<Value> = site.receiver.iter().cloned().collect();
        let takes_self = data.def.self_param.is_some();
        let given_place = self.closure_place(site, data.model);
        for (at, arg) in site.args.iter().enumerate() {
            // `Type::method(receiver, ..)`: the first argument is the receiver.
            let param = match (takes_self, site.receiver.is_some()) {
                (true, false) => at.checked_sub(1).and_then(|at| data.def.params.get(at)),
                _ => data.def.params.get(at),
            };
            let value = match (&arg.kind, param) {
                (ExprKind::Closure(def), Some(param)) => {
                    let expected = index.lower(&param.ty, scope);
                    let expected = match &expected {
                        Ty::Callable(callable) => Some(&**callable),
                        _ => None,
                    };
                    self.closure(def, expected, &given_place)
                }
                _ => self.expr(arg),
            };
            if let Some(param) = param {
                index.unify(&param.ty, &value.ty, scope, generics);
            } else if takes_self && site.receiver.is_none() && at == 0 {
                let own = value.ty.peeled().clone();
                *scope = index.fn_scope(data, site.self_ty.as_ref().filter(|ty| has_known_args(ty)).or(Some(&own)));
            }
            values.push(value);
        }
        values
    }

    /// What the first parameter of a closure argument leads to.
    fn closure_place(&self, site: &Site<'_>, model: FnModel) -> Place {
        let Some(receiver) = &site.receiver else { return Place::default() };
        if !self.index.fn_data(site.function).is_model {
            return Place::default();
        }
        if model.element { element_of(&receiver.place) } else { receiver.place.clone() }
    }

    /// The place of a call's result: from the model, from an accessor's body, or the call itself.
    fn result_place(&self, site: &Site<'_>, model: FnModel, values: &[Value], ty: &Ty) -> (Option<Place>, Place) {
        let first = values.first().map(|value| value.place.clone()).unwrap_or_default();
        if model.same {
            return (None, first);
        }
        if model.element {
            return (None, element_of(&first));
        }
        let data = self.index.fn_data(site.function);
        if data.is_model || matches!(ty, Ty::Scalar | Ty::Str) {
            return (None, if model.acquire.is_some() { first } else { Place::default() });
        }
        (None, crate::accessors::result_place(self.index, site.function, values))
    }

    fn run_plain(&mut self, site: &Site<'_>, model: FnModel, values: Vec<Value>, ty: Ty, place: Place) -> Value {
        let data = self.index.fn_data(site.function);
        let span = self.span(site.range);
        if data.is_model {
            for value in &values {
                if let Some(callable) = self.callable(&value.ty)
                    && let Some(body) = callable.body
                {
                    self.run_closure(body, span, Vec::new());
                }
            }
        }
        let call = self.raw_call(site, &values);
        let is_future = data.def.is_async;
        if is_future {
            self.tally.n_calls_resolved += 1;
            self.consume_all(&values);
            return self.future(site, call, ty, place);
        }
        let pending = if model.in_place { values.iter().find_map(|value| value.pending.clone()) } else { None };
        if !model.same {
            // A future or handle that is given away is the callee's to poll or join.
            values.iter().for_each(|value| self.lend(value));
        }
        let is_lazy = matches!(ty, Ty::Future(_)) || pending.is_none();
        self.extend_to = site.extend_to;
        let mut owner = self.gather(&values, &ty);
        let call_result = (owner.is_none() && self.owns(&ty)).then(|| {
            self.extend_to = site.extend_to;
            self.new_temporary()
        });
        self.extend_to = None;
        owner = owner.or(call_result);
        self.count(call.dispatch);
        self.op(Op::Call { call: Box::new(call), result: owner });
        let value = Value { owner, ..Value::of(ty).at(place) };
        if let (false, Some(pending)) = (is_lazy, &pending) {
            return self.block_on(value, pending.clone(), site.range);
        }
        if let Some(slot) = owner
            && self.is_bare_guard(&value.ty)
        {
            self.op(Op::Confirm { slot });
        }
        if value.ty == Ty::Never {
            return self.diverge();
        }
        Value { pending, ..value }
    }

    /// `block_on(future)`: the future runs to its end within the call.
    fn block_on(&mut self, value: Value, pending: Box<Pending>, range: TextRange) -> Value {
        let _ = range;
        let owner = match value.owner {
            Some(slot) => Some(slot),
            None => self.owns(&value.ty).then(|| self.new_temporary()),
        };
        match *pending {
            Pending::Call(call) => self.op(Op::Call { call: Box::new(call), result: owner }),
            Pending::Acquire { acquisition, fallible } => self.acquire(acquisition, fallible, owner),
        }
        Value { owner, ..value }
    }

    /// The future of an `async fn`: nothing happens until it is polled.
    fn future(&mut self, site: &Site<'_>, call: RawCall, ty: Ty, place: Place) -> Value {
        let pending = Some(Box::new(Pending::Call(call.clone())));
        let owner = (!site.awaiting).then(|| {
            self.extend_to = site.extend_to;
            let slot = self.new_temporary();
            let callee = call.path.clone().unwrap_or_else(|| site.name.clone());
            let token = self.new_token(Token::Future { callee, made: call.span });
            self.op(Op::Make { token, slot });
            slot
        });
        Value { owner, pending, ..Value::of(ty).at(place) }
    }

    fn consume_all(&mut self, values: &[Value]) {
        values.iter().for_each(|value| self.consume(value));
    }

    fn count(&mut self, dispatch: Dispatch) {
        match dispatch {
            Dispatch::Unknown => self.tally.n_calls_unknown += 1,
            _ => self.tally.n_calls_resolved += 1,
        }
    }

    fn raw_call(&self, site: &Site<'_>, values: &[Value]) -> RawCall {
        let data = self.index.fn_data(site.function);
        let (targets, dispatch) = self.targets(site);
        RawCall {
            span: self.span(site.range),
            name: site.name.clone(),
            path: Some(data.path.clone()),
            targets,
            dispatch,
            args: values.iter().map(|value| value.place.clone()).collect(),
        }
    }

    /// The bodies that a call may run.
    fn targets(&self, site: &Site<'_>) -> (Vec<BodyId>, Dispatch) {
        let body_of = |function: FnId| BodyId { function: function.0, part: 0 };
        let data = self.index.fn_data(site.function);
        if data.is_model {
            return (Vec::new(), Dispatch::Outside);
        }
        let Some(of_trait) = site.through_trait else {
            let known = data.def.body.is_some();
            let targets = if known { vec![body_of(site.function)] } else { Vec::new() };
            return (targets, Dispatch::Direct);
        };
        let found = self.index.implementations(of_trait, site.function);
        match found.len() {
            0 => (Vec::new(), Dispatch::Outside),
            1 => (vec![body_of(found[0])], Dispatch::Direct),
            n if n <= MAX_TARGETS => (found.into_iter().map(body_of).collect(), Dispatch::Trait),
            _ => (Vec::new(), Dispatch::Unknown),
        }
    }

    // ---- acquisitions ----

    fn run_acquire(&mut self, site: &Site<'_>, model: AcquireModel, values: &[Value], ty: Ty, place: Place) -> Value {
        let data = self.index.fn_data(site.function);
        let acquisition = self.acquisition(site, model, values, &ty);
        let output = match &ty {
            Ty::Future(future) => future.output.clone(),
            other => other.clone(),
        };
        let fallible = model.is_try || self.is_optional(&output);
        self.tally.n_calls_resolved += 1;
        values.iter().skip(usize::from(site.receiver.is_some())).for_each(|value| self.consume(value));
        if data.def.is_async {
            let pending = Some(Box::new(Pending::Acquire { acquisition, fallible }));
            let owner = (!site.awaiting).then(|| {
                let slot = self.new_temporary();
                let span = self.span(site.range);
                let token = self.new_token(Token::Future { callee: data.path.clone(), made: span });
                self.op(Op::Make { token, slot });
                slot
            });
            return Value { pending, owner, ..Value::of(ty).at(place) };
        }
        self.extend_to = site.extend_to;
        let owner = self.owns(&output).then(|| self.new_temporary());
        self.extend_to = None;
        let closures: Vec<BodyId> =
            values.iter().filter_map(|value| self.callable(&value.ty)).filter_map(|callable| callable.body).collect();
        self.acquire_around(acquisition, fallible, owner, &closures, site.range);
        Value { owner, ..Value::of(ty).at(place) }
    }

    /// Acquires, and runs closures that the operation calls while it holds the lock.
    fn acquire_around(
        &mut self,
        acquisition: Acquisition,
        fallible: bool,
        owner: Option<SlotId>,
        closures: &[BodyId],
        range: TextRange,
    ) {
        if closures.is_empty() {
            self.acquire(acquisition, fallible, owner);
            return;
        }
        self.push_scope(false);
        let held = owner.unwrap_or_else(|| self.new_temporary());
        self.acquire(acquisition, fallible, Some(held));
        let span = self.span(range);
        for body in closures {
            self.run_closure(*body, span, Vec::new());
        }
        self.pop_scope();
    }

    pub(crate) fn acquire(&mut self, acquisition: Acquisition, fallible: bool, slot: Option<SlotId>) {
        let token = self.new_token(Token::Guard { acquisition, fallible });
        self.op(Op::Acquire { token, slot });
    }

    fn acquisition(&self, site: &Site<'_>, model: AcquireModel, values: &[Value], ty: &Ty) -> Acquisition {
        let index = self.index;
        let data = index.fn_data(site.function);
        let lock_ty =
            site.self_ty.clone().unwrap_or_else(|| values.first().map_or(Ty::Never, |value| value.ty.clone()));
        let lock_ty = lock_ty.peeled().clone();
        let type_model = match &lock_ty {
            Ty::Adt(id, _) => index.type_data(*id).model,
            _ => crate::models::TypeModel::default(),
        };
        let place = values.first().map(|value| value.place.clone()).unwrap_or_default();
        let class = place.class.unwrap_or_else(|| LockClass::Accessor(self.unplaced(&lock_ty)));
        let output = match ty {
            Ty::Future(future) => &future.output,
            other => other,
        };
        Acquisition {
            lock: LockRef { class, path: place.path },
            lock_type: index.show(&lock_ty).into(),
            family: type_model.family.unwrap_or(LockFamily::Mutex),
            mode: model.mode,
            wait: match (model.is_try, data.def.is_async) {
                (true, _) => Wait::Never,
                (false, true) => Wait::Task,
                (false, false) => Wait::Thread,
            },
            blocking_guard: self.guard_model(output) == Some(GuardModel::Blocking),
            reentrant: type_model.reentrant
                || (model.mode == Mode::Shared && (model.recursive || type_model.reader_preferring)),
            extent: if type_model.family == Some(LockFamily::Map) { model.extent } else { Extent::Whole },
            operation: site.name.clone(),
            momentary: !self.owns(output),
            span: self.span(site.range),
        }
    }

    /// The name of a lock that no declaration is known for: its type, within this function.
    fn unplaced(&self, lock: &Ty) -> Name {
        let inner = lock.args().first().map_or_else(|| "_".to_owned(), |inner| self.index.show(inner));
        format!("{}::<{}<{inner}>>", self.item, self.index.show(lock)).into()
    }

    // ---- spawns ----

    fn spawn(&mut self, site: &Site<'_>, values: &[Value], scope: &TypeScope) -> Value {
        let data = self.index.fn_data(site.function);
        let task = values.iter().skip(usize::from(data.def.self_param.is_some())).next_back();
        let (body, output) = task.map_or((None, Ty::Unknown("spawned task")), |value| self.task_of(value));
        let spawn = Spawn {
            function: data.path.clone(),
            body,
            output: self.task_output(&output),
            runs_forever: false,
            loops: false,
        };
        let span = self.span(site.range);
        self.tally.n_calls_resolved += 1;
        values.iter().for_each(|value| self.consume(value));
        self.op(Op::Spawn { spawn: Box::new(spawn.clone()), span });
        let ty = self.index.result_type(&data.def, scope, None);
        if !self.is_handle(&ty) {
            return Value::of(ty);
        }
        self.extend_to = site.extend_to;
        let slot = self.new_temporary();
        let token = self.new_token(Token::Handle { spawn, spawned: span });
        self.op(Op::Make { token, slot });
        Value { owner: Some(slot), ..Value::of(ty) }
    }

    /// The body that a spawned future or closure runs, and what it yields.
    fn task_of(&self, value: &Value) -> (Option<BodyId>, Ty) {
        let by_pending = match value.pending.as_deref() {
            Some(Pending::Call(call)) if call.targets.len() == 1 => Some(call.targets[0]),
            _ => None,
        };
        match &value.ty {
            Ty::Future(future) => (by_pending.or(future.runs), future.output.clone()),
            Ty::Callable(callable) => (callable.body, callable.ret.clone()),
            other => (by_pending, self.index.awaited(other)),
        }
    }

    fn task_output(&self, ty: &Ty) -> TaskOutput {
        match ty {
            Ty::Never => TaskOutput::Unit,
            ty if ty.is_unit() => TaskOutput::Unit,
            Ty::Adt(id, _) if *id == self.index.well_known.result => TaskOutput::Result,
            Ty::Unknown(_) => TaskOutput::Unknown,
            _ => TaskOutput::Value,
        }
    }

    // ---- ownership by type ----

    /// Whether a value of the type can own a guard, a future or a task handle.
    pub(crate) fn owns(&self, ty: &Ty) -> bool {
        self.owns_at(ty, 0)
    }

    fn owns_at(&self, ty: &Ty, depth: u32) -> bool {
        if depth > 4 {
            return false;
        }
        match ty {
            Ty::Future(_) | Ty::Callable(_) | Ty::Dyn(_) => true,
            Ty::Tuple(parts) => parts.iter().any(|part| self.owns_at(part, depth + 1)),
            Ty::Adt(id, args) => {
                let data = self.index.type_data(*id);
                if data.model.guard.is_some() || data.model.handle {
                    return true;
                }
                if self.index.is_model_type(*id) {
                    return data.model.family.is_none() && args.iter().any(|arg| self.owns_at(arg, depth + 1));
                }
                data.fields().any(|field| self.field_owns(data.module, &field.ty, depth + 1))
            }
            Ty::Outside(_, args) => args.iter().any(|arg| self.owns_at(arg, depth + 1)),
            _ => false,
        }
    }

    /// A field whose written type is a guard or contains one.
    fn field_owns(&self, module: crate::index::ModuleId, ty: &TypeRef, depth: u32) -> bool {
        match ty {
            TypeRef::Path(path) => {
                let names_guard = self.index.type_of_path(module, path, 0).is_some_and(|id| {
                    let model = self.index.type_data(id).model;
                    model.guard.is_some()
                });
                let args = path.segments.last().map(|last| last.args.as_slice()).unwrap_or_default();
                names_guard || (depth < 4 && args.iter().any(|arg| self.field_owns(module, arg, depth + 1)))
            }
            TypeRef::Tuple(parts) => parts.iter().any(|part| self.field_owns(module, part, depth + 1)),
            _ => false,
        }
    }

    /// A guard that is surely there: not inside an `Option` or `Result`.
    pub(crate) fn is_bare_guard(&self, ty: &Ty) -> bool {
        matches!(ty, Ty::Adt(id, _) if self.index.type_data(*id).model.guard.is_some())
    }

    fn guard_model(&self, ty: &Ty) -> Option<GuardModel> {
        match ty {
            Ty::Adt(id, args) => {
                let own = self.index.type_data(*id).model.guard;
                own.or_else(|| args.iter().find_map(|arg| self.guard_model(arg)))
            }
            Ty::Tuple(parts) => parts.iter().find_map(|part| self.guard_model(part)),
            _ => None,
        }
    }

    fn is_handle(&self, ty: &Ty) -> bool {
        match ty {
            Ty::Adt(id, args) => self.index.type_data(*id).model.handle || args.iter().any(|arg| self.is_handle(arg)),
            _ => false,
        }
    }

    fn is_optional(&self, ty: &Ty) -> bool {
        matches!(ty, Ty::Adt(id, _) if *id == self.index.well_known.option)
    }

    /// What a `for` loop iterates: a map yields its iterator, which holds a shard.
    pub(crate) fn iterate(&mut self, value: Value, head: &Expr) -> Value {
        let item = self.index.iterated(&value.ty);
        let peeled = value.ty.peeled().clone();
        let is_map = matches!(&peeled, Ty::Adt(id, _) if self.index.type_data(*id).model.family.is_some());
        if is_map
            && let Ty::Ref(_) = value.ty
            && let Some(found) = self.index.method(&peeled, "iter")
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

/// Who a call's path names.
enum Callee {
    Function(FnId, Option<Ty>),
    TraitMethod(FnId, TraitId, Option<Ty>),
    Constructor(TypeId, Option<u32>),
    /// A constructor that is not declared in the source: derived, or of an outside type.
    Made(Ty),
    Outside(Name),
    Unknown,
}

fn constructor_of(base: &Ty) -> Callee {
    match base {
        Ty::Adt(ty, _) => Callee::Constructor(*ty, None),
        _ => Callee::Unknown,
    }
}

/// `Type::new` of an outside crate yields the type; other functions yield what is not known.
fn outside_callee(path: &Name) -> Callee {
    let (head, last) = path.rsplit_once("::").unwrap_or(("", path));
    let names_type = head.rsplit("::").next().is_some_and(|name| name.starts_with(char::is_uppercase));
    if names_type && is_constructor_name(last) {
        return Callee::Made(Ty::Outside(head.into(), Arc::from([])));
    }
    Callee::Outside(path.clone())
}

fn is_constructor_name(name: &str) -> bool {
    matches!(name, "new" | "default" | "with_capacity" | "builder" | "from" | "now" | "empty")
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

fn has_known_args(ty: &Ty) -> bool {
    !ty.args().is_empty() && ty.args().iter().all(|arg| !arg.is_unknown())
}
