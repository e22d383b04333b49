//! Calls of functions that the index knows: arguments, closures, effects, and what the result owns.

use crate::facts::{Construct, Dispatch};
use crate::flow::build::{Builder, Pending, Value};
use crate::flow::calls::Site;
use crate::flow::exprs::merged;
use crate::flow::graph::{Op, Place, RawCall, SlotId, Token};
use crate::index::{FnData, Owner};
use crate::infer::TypeScope;
use crate::ir::{ExprKind, Generics};
use crate::locks::{BodyId, Wait};
use crate::models::FnModel;
use crate::places::{element_of, guarded};
use crate::span::{Span, TextRange};
use crate::types::{FnId, Ty};

/// A trait method with more implementations than this gets no edges; it is counted instead.
const MAX_TARGETS: usize = 8;

impl Builder<'_> {
    /// Lowers a call of a known function.
    pub(super) fn run(&mut self, site: Site<'_>) -> Value {
        let index = self.index;
        let data = index.fn_data(site.function);
        let mut scope = index.fn_scope(data, site.self_ty.as_ref());
        let generics = index.all_generics(data);
        for (param, written) in data.def.generics.params.iter().zip(site.turbofish) {
            scope.bind(&param.name, index.lower(written, &self.types));
        }
        let values = self.arguments(&site, &mut scope, &generics);
        self.fill_self(data, &mut scope);
        let model = data.model;
        if model.spawn {
            return self.spawn(&site, &values, &scope);
        }
        let callee = BodyId { function: site.function.0, part: 0 };
        let runs = data.def.body.is_some().then_some(callee);
        let mut ty = index.result_type(data, &scope, runs.filter(|_| !data.is_model));
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

    /// Fills the open arguments of `Self` with what the call's arguments have bound.
    fn fill_self(&self, data: &FnData, scope: &mut TypeScope) {
        if let (Owner::Impl(id), Some(own @ Ty::Adt(..))) = (data.owner, &scope.self_ty)
            && own.args().iter().any(Ty::is_unknown)
        {
            let bound = self.index.lower(&self.index.impls[id as usize].def.self_ty, scope);
            let is_open = |ty: &Ty| matches!(ty, Ty::Param(..));
            if !bound.args().iter().any(is_open) {
                scope.self_ty = Some(merged(own.clone(), bound));
            }
        }
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
                _ => self.operand(arg, Construct::Argument, site.range),
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
        if model.take {
            // It is no longer where it was taken from.
            return (None, Place { path: None, ..first });
        }
        if model.same {
            return (None, first);
        }
        if model.element {
            return (None, element_of(&first));
        }
        let data = self.index.fn_data(site.function);
        // A lock by value is a new one: whoever gets it declares it.
        if data.is_model || matches!(ty, Ty::Scalar | Ty::Str) || self.index.is_lock(ty) {
            return (None, if model.acquire.is_some() { first } else { Place::default() });
        }
        (None, crate::accessors::result_place(self.index, site.function, values))
    }

    fn run_plain(&mut self, site: &Site<'_>, model: FnModel, values: Vec<Value>, ty: Ty, place: Place) -> Value {
        let data = self.index.fn_data(site.function);
        let span = self.span(site.range);
        let kept = if data.is_model { self.run_given(data, &values, span) } else { Vec::new() };
        let call = self.raw_call(site, &values);
        let is_future = data.is_async;
        if is_future {
            self.tally.n_calls_resolved += 1;
            self.consume_all(&values);
            return self.future(site, call, ty, place);
        }
        let pending = if model.in_place { values.iter().find_map(|value| value.pending.clone()) } else { None };
        let pending = if model.bounded { pending.map(bounded) } else { pending };
        if !model.same {
            // A future or handle that is given away is the callee's to poll or join.
            values.iter().for_each(|value| self.lend(value));
        }
        let is_lazy = self.index.is_future(&ty) || pending.is_none();
        self.extend_to = site.extend_to;
        if model.drops {
            values.iter().filter_map(|value| value.owner).for_each(|slot| self.op(Op::Drop { slot }));
        }
        let mut owner = self.handed_on(data, values, &ty, span);
        let call_result = (owner.is_none() && self.owns(&ty)).then(|| {
            self.extend_to = site.extend_to;
            self.new_temporary()
        });
        self.extend_to = None;
        owner = owner.or(call_result);
        let made = owner.filter(|_| !model.same);
        self.count(call.dispatch, call.span, "trait method with more implementations than are followed");
        let chain = if data.is_model { kept } else { self.returned_chain(&call, &ty) };
        let returned = self.returned_future(&call, &ty).or_else(|| self.polled_chain(&chain, &ty));
        self.op(Op::Call { call: Box::new(call), result: owner });
        if let Some(slot) = made {
            self.make_value(&ty, slot, span);
        }
        let pending = pending.or(returned);
        let value = Value { owner, chain, ..Value::of(ty).at(place) };
        if let (false, Some(pending)) = (is_lazy, &pending) {
            return self.block_on(value, Pending::clone(pending), site.range);
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

    /// The slot of what a call's arguments owned and its result owns.
    fn handed_on(&mut self, data: &FnData, values: Vec<Value>, ty: &Ty, span: Span) -> Option<SlotId> {
        let changed = data.model.becomes.and_then(|mode| self.changed_guard(values.first()?, mode, span));
        if changed.is_some() {
            return changed;
        }
        if let Some(owner) = self.through_reference(data.model, &values) {
            return owner;
        }
        if data.is_model {
            return self.gather(&values, ty);
        }
        let (kept, given): (Vec<Value>, Vec<Value>) =
            values.into_iter().partition(|value| self.may_come_out(value, ty));
        self.consume_all(&given);
        self.gather(&kept, ty)
    }

    /// What polling the future that a call returns does.
    fn returned_future(&self, call: &RawCall, ty: &Ty) -> Option<Box<Pending>> {
        let is_future = !call.targets.is_empty() && self.index.derefs(ty).any(|at| matches!(at, Ty::Future(_)));
        is_future.then(|| {
            let targets = call.targets.iter().map(|target| BodyId::returned_by(target.function)).collect();
            Box::new(Pending::Call(RawCall { targets, passed: Vec::new(), ..call.clone() }))
        })
    }

    /// Whether a modelled function calls its argument rather than keeps it: the parameter has a bound that says so.
    pub(super) fn calls_argument(&self, data: &FnData, at: usize) -> bool {
        let at = at.checked_sub(usize::from(data.def.self_param.is_some()));
        let param = at.and_then(|at| data.def.params.get(at));
        param.is_some_and(|param| {
            matches!(self.index.lower(&param.ty, &self.index.fn_scope(data, None)), Ty::Callable(_))
        })
    }

    /// `block_on(future)`: the future runs to its end within the call.
    fn block_on(&mut self, value: Value, pending: Pending, range: TextRange) -> Value {
        let _ = range;
        let owner = match value.owner {
            Some(slot) => Some(slot),
            None => self.owns(&value.ty).then(|| self.new_temporary()),
        };
        match pending {
            Pending::Call(call) => self.op(Op::Call { call: Box::new(call), result: owner }),
            Pending::Acquire { acquisition, fallible } => self.acquire(acquisition, fallible, owner),
        }
        Value { owner, ..value }
    }

    /// The future of an `async fn`: nothing happens until it is polled.
    fn future(&mut self, site: &Site<'_>, call: RawCall, ty: Ty, place: Place) -> Value {
        let pending = Some(Box::new(Pending::Call(call.clone())));
        let is_future = !self.index.fn_data(site.function).is_rewritten;
        let owner = (is_future && !site.awaiting).then(|| {
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

    fn raw_call(&self, site: &Site<'_>, values: &[Value]) -> RawCall {
        let data = self.index.fn_data(site.function);
        let (targets, dispatch) = self.targets(site);
        RawCall {
            span: self.span(site.range),
            name: site.name.clone(),
            path: Some(data.path.clone()),
            targets,
            dispatch,
            is_bounded: false,
            args: values.iter().map(|value| value.place.clone()).collect(),
            passed: if data.is_model { Vec::new() } else { self.passed(values) },
            through: None,
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
}

fn has_known_args(ty: &Ty) -> bool {
    !ty.args().is_empty() && ty.args().iter().all(|arg| !arg.is_unknown())
}

/// What a future does when it is polled under a timeout: no wait of it is for ever.
fn bounded(mut pending: Box<Pending>) -> Box<Pending> {
    match &mut *pending {
        Pending::Call(call) => call.is_bounded = true,
        Pending::Acquire { acquisition, .. } => acquisition.wait = Wait::Never,
    }
    pending
}
