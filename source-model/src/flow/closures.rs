//! Closures and async blocks: bodies of their own, with what they capture.

use crate::facts::{BodyKind, Dispatch};
use crate::flow::build::{Builder, Pending, Value};
use crate::flow::graph::{Op, Place, RESULT, RawCall, SlotId, Token};
use crate::ir::{Block, ClosureDef};
use crate::locks::BodyId;
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
        let owner = self.capture_into(&captures, def.is_move);
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
        self.move_to(value, RESULT);
        let captures = self.leave();
        let owner = self.capture_into(&captures, is_move);
        let slot = owner.unwrap_or_else(|| self.new_temporary());
        let token = self.new_token(Token::Future { callee: "async block".into(), made: span });
        self.op(Op::Make { token, slot });
        let pending = Some(Box::new(Pending::Call(run_of(id, span, Vec::new()))));
        let ty = Ty::Future(Arc::new(FutureTy { output, runs: Some(id) }));
        Value { owner: Some(slot), pending, ..Value::of(ty) }
    }

    /// What a closure or block captured: moved into it, or lent to it.
    fn capture_into(&mut self, captures: &[(BodyId, SlotId)], is_move: bool) -> Option<SlotId> {
        let own = self.state().id;
        let slots: Vec<SlotId> = captures.iter().filter(|(body, _)| *body == own).map(|(_, slot)| *slot).collect();
        if slots.is_empty() {
            return None;
        }
        for slot in &slots {
            self.op(Op::Use { slot: *slot });
        }
        if !is_move {
            return None;
        }
        let owner = self.new_temporary();
        for from in slots {
            self.op(Op::Move { from, to: owner });
        }
        Some(owner)
    }

    /// What polling a future of that type runs, where the type says it.
    pub(crate) fn pending_of(&self, ty: &Ty, span: Span) -> Option<Box<Pending>> {
        match ty {
            Ty::Future(future) => Some(Box::new(Pending::Call(run_of(future.runs?, span, Vec::new())))),
            Ty::Ref(inner) => self.pending_of(inner, span),
            Ty::Adt(..) => self.index.deref_step(ty).and_then(|inner| self.pending_of(&inner, span)),
            _ => None,
        }
    }

    /// Runs a closure here.
    pub(crate) fn run_closure(&mut self, body: BodyId, span: Span, args: Vec<Place>) {
        self.op(Op::Call { call: Box::new(run_of(body, span, args)), result: None });
    }
}

/// A call of a closure or async block.
fn run_of(body: BodyId, span: Span, args: Vec<Place>) -> RawCall {
    RawCall {
        span,
        name: if body.part == 0 { "call" } else { "closure" }.into(),
        path: None,
        targets: vec![body],
        dispatch: Dispatch::Direct,
        is_bounded: false,
        args,
    }
}
