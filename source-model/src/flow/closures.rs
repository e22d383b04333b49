//! Closures and async blocks: bodies of their own, with what they capture.

use crate::facts::{BodyKind, Dispatch};
use crate::flow::build::{Builder, Pending, Value};
use crate::flow::graph::{Op, ParamRef, Place, RESULT, RawCall, Runnable, Through, Token};
use crate::index::position;
use crate::ir::{Block, ClosureDef};
use crate::locks::{BodyId, Root};
use crate::span::{Span, TextRange};
use crate::types::{CallableTy, FutureTy, Ty};

use std::sync::Arc;

impl Builder<'_> {
    /// A closure: lowered here, run wherever it is called. `place` is what its first parameter leads to.
    pub(crate) fn closure(&mut self, def: &ClosureDef, expected: Option<&CallableTy>, place: &Place) -> Value {
        let span = self.span(def.range);
        let kind = if def.is_async { BodyKind::AsyncBlock } else { BodyKind::Closure };
        let id = self.enter(kind, span);
        for (at, param) in def.params.iter().enumerate() {
            let written = self.index.lower(&param.ty, &self.types);
            let known = expected.and_then(|callable| callable.params.get(at)).cloned();
            let ty = crate::flow::exprs::merged(written, known.unwrap_or(Ty::Unknown("closure parameter")));
            let place = self.closure_param_place(id, at, param, place);
            self.bind(&param.pat, Value::of(ty).at(place));
        }
        let declared = self.index.lower(&def.ret, &self.types);
        let value = self.in_scope(|builder| builder.expr(&def.body));
        let ret = crate::flow::exprs::merged(declared, self.finish_with(value));
        let captures = self.leave();
        let owner = self.capture_into(id, &captures, def.is_move);
        let ret = match def.is_async {
            true => Ty::Future(Arc::new(FutureTy { output: ret, runs: Some(id) })),
            false => ret,
        };
        let params = expected.map(|callable| callable.params.clone()).unwrap_or_default();
        Value { owner, ..Value::of(Ty::Callable(Arc::new(CallableTy { params, ret, body: Some(id) }))) }
    }

    fn closure_param_place(&self, body: BodyId, at: usize, param: &crate::ir::Param, given: &Place) -> Place {
        if at == 0 && *given != Place::default() {
            return given.clone();
        }
        let name = crate::flow::patterns::first_name(&param.pat).unwrap_or_else(|| "_".into());
        self.param_place(body, u32::try_from(at).unwrap_or(u32::MAX), &name)
    }

    /// An async block: a future that runs the block when it is polled.
    pub(crate) fn async_block(&mut self, range: TextRange, block: &Arc<Block>, is_move: bool) -> Value {
        let span = self.span(range);
        let id = self.enter(BodyKind::AsyncBlock, span);
        let value = self.block(block);
        let output = match &value.ty {
            Ty::Never => self.state().returned.clone().unwrap_or(Ty::Never),
            other => other.clone(),
        };
        self.move_to(&value, RESULT);
        let captures = self.leave();
        let owner = self.capture_into(id, &captures, is_move);
        let slot = owner.unwrap_or_else(|| self.new_temporary());
        let token = self.new_token(Token::Future { callee: "async block".into(), made: span });
        self.op(Op::Make { token, slot });
        let pending = Some(Box::new(Pending::Call(run_of(id, span, Vec::new()))));
        let ty = Ty::Future(Arc::new(FutureTy { output, runs: Some(id) }));
        Value { owner: Some(slot), pending, ..Value::of(ty) }
    }

    /// What polling a future of that type runs, where the type says it.
    pub(crate) fn pending_of(&self, ty: &Ty, span: Span) -> Option<Box<Pending>> {
        self.future_in(ty).map(|body| Box::new(Pending::Call(run_of(body, span, Vec::new()))))
    }

    /// The body that polling a future runs, where its type says it.
    pub(super) fn future_in(&self, ty: &Ty) -> Option<BodyId> {
        self.index.derefs(ty).find_map(|at| match at {
            Ty::Future(future) => future.runs,
            _ => None,
        })
    }

    /// What polling a future does that was given as a parameter.
    pub(crate) fn pending_param(&self, value: &Value, span: Span) -> Option<Box<Pending>> {
        if !matches!(value.ty.peeled(), Ty::Future(_)) {
            return None;
        }
        let through = self.through(value, true)?;
        Some(Box::new(Pending::Call(run_through(through, span, Vec::new()))))
    }

    /// Runs a closure, function or callable parameter here.
    pub(crate) fn run_here(&mut self, runnable: &Runnable, span: Span) {
        if let Some(call) = call_of(runnable, span) {
            self.op(Op::Call { call: Box::new(call), result: None });
        }
    }

    // ---- what can be run later ----

    /// What runs when someone calls or polls the value.
    pub(crate) fn runnable(&self, value: &Value) -> Option<Runnable> {
        if let Some(callable) = self.callable(&value.ty) {
            let (call, poll) = (callable.body, body_of_future(&callable.ret));
            return match (call, poll) {
                (None, None) => param_of(&value.place).map(Runnable::Param),
                _ => Some(Runnable::Body { call, poll }),
            };
        }
        match (value.pending.as_deref(), &value.ty) {
            (Some(Pending::Call(call)), _) => Some(Runnable::Future(Box::new(call.clone()))),
            (Some(Pending::Acquire { .. }), _) => None,
            (None, Ty::Future(_)) => param_of(&value.place).map(Runnable::Param),
            (None, _) => None,
        }
    }

    /// The arguments that a callee may run.
    pub(crate) fn passed(&self, values: &[Value]) -> Vec<(u32, Runnable)> {
        let runnable = |(at, value)| {
            let own = self.runnable(value).into_iter();
            own.chain(self.driven(value)).map(move |runnable| (position(at), runnable)).collect::<Vec<_>>()
        };
        values.iter().enumerate().flat_map(runnable).collect()
    }

    /// The call or poll of a parameter.
    pub(crate) fn through(&self, value: &Value, polls: bool) -> Option<Through> {
        param_of(&value.place).map(|param| Through { param, polls })
    }
}

fn body_of_future(ty: &Ty) -> Option<BodyId> {
    match ty {
        Ty::Future(future) => future.runs,
        Ty::Adt(_, args) => args.first().and_then(body_of_future),
        _ => None,
    }
}

fn param_of(place: &Place) -> Option<ParamRef> {
    let path = place.path.as_ref().filter(|path| path.projections.is_empty())?;
    match &path.root {
        Root::Param { body, index, .. } => Some(ParamRef { body: *body, index: *index }),
        _ => None,
    }
}

/// The call that calling a closure, function or callable parameter is.
pub(super) fn call_of(runnable: &Runnable, span: Span) -> Option<RawCall> {
    match runnable {
        Runnable::Body { call: Some(call), .. } => Some(run_of(*call, span, Vec::new())),
        Runnable::Param(param) => Some(run_through(Through { param: *param, polls: false }, span, Vec::new())),
        Runnable::Body { call: None, .. } | Runnable::Future(_) => None,
    }
}

/// A call of a closure or async block.
pub(crate) fn run_of(body: BodyId, span: Span, args: Vec<Place>) -> RawCall {
    RawCall {
        span,
        name: if body.part == 0 { "call" } else { "closure" }.into(),
        path: None,
        targets: vec![body],
        dispatch: Dispatch::Direct,
        is_bounded: false,
        args,
        passed: Vec::new(),
        through: None,
    }
}

/// A call or poll of a parameter.
pub(crate) fn run_through(through: Through, span: Span, args: Vec<Place>) -> RawCall {
    RawCall {
        span,
        name: "callback".into(),
        path: None,
        targets: Vec::new(),
        dispatch: Dispatch::Unknown,
        is_bounded: false,
        args,
        passed: Vec::new(),
        through: Some(through),
    }
}
