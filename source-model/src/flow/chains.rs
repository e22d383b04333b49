//! Iterator chains: adapters keep the closures that they are given, and who drives the chain runs them.

use crate::facts::BodyKind;
use crate::flow::build::{Builder, Pending, Value};
use crate::flow::closures::{call_of, run_through};
use crate::flow::graph::{Op, RawCall, Runnable};
use crate::index::{FnData, Owner};
use crate::ir::Name;
use crate::locks::BodyId;
use crate::span::{Span, TextRange};
use crate::types::{Bound, Ty};

impl Builder<'_> {
    /// What a modelled function does with the closures and iterators that it is given: it runs them, or its result keeps
    /// them.
    pub(super) fn run_given(&mut self, data: &FnData, values: &[Value], span: Span) -> Vec<RawCall> {
        let keeps = self.keeps_closures(data);
        let mut kept = Vec::new();
        for (at, value) in values.iter().enumerate() {
            let chain = self.chain_of(value);
            if !keeps && self.drives_argument(data, value, at) {
                self.drive(chain, span);
            } else if keeps || data.model.same {
                kept.extend(chain);
            }
            if let Some(runnable) = self.runnable(value)
                && self.calls_argument(data, at)
            {
                if keeps {
                    kept.extend(call_of(&runnable, span));
                } else {
                    self.hand_over(value);
                    self.run_here(&runnable, span);
                }
            }
        }
        kept
    }

    /// What driving an iterator runs: its closures, or what the caller gave.
    pub(super) fn chain_of(&self, value: &Value) -> Vec<RawCall> {
        if !value.chain.is_empty() || !self.is_iterator(&value.ty) {
            return value.chain.clone();
        }
        let through = self.through(value, true);
        through.map(|through| run_through(through, self.state().span, Vec::new())).into_iter().collect()
    }

    /// Runs a chain here.
    pub(super) fn drive(&mut self, chain: Vec<RawCall>, span: Span) {
        for call in chain {
            self.op(Op::Call { call: Box::new(RawCall { span, ..call }), result: None });
        }
    }

    /// Iterators as what a callee may drive.
    pub(super) fn driven(&self, value: &Value) -> Vec<Runnable> {
        let runnable = |call: RawCall| match call.through {
            Some(through) => Runnable::Param(through.param),
            None => Runnable::Future(Box::new(call)),
        };
        self.chain_of(value).into_iter().map(runnable).collect()
    }

    /// What driving the iterator runs that a function of the workspace returns.
    pub(super) fn returned_chain(&self, call: &RawCall, ty: &Ty) -> Vec<RawCall> {
        if call.targets.is_empty() || !self.is_iterator(ty) {
            return Vec::new();
        }
        let targets = call.targets.iter().map(|target| BodyId::returned_by(target.function)).collect();
        vec![RawCall { targets, passed: Vec::new(), ..call.clone() }]
    }

    /// Polling a future that was made of a closure calls the closure.
    pub(super) fn polled_chain(&self, chain: &[RawCall], ty: &Ty) -> Option<Box<Pending>> {
        let call = chain.first().filter(|_| self.index.is_future(ty))?;
        Some(Box::new(Pending::Call(call.clone())))
    }

    /// The body that driving a returned chain runs.
    pub(super) fn body_of_chain(&mut self, chain: Vec<RawCall>, span: Span) -> Option<BodyId> {
        match chain.as_slice() {
            [] => None,
            [only] if only.through.is_none() && only.targets.len() == 1 && only.args.is_empty() => {
                Some(only.targets[0])
            }
            _ => {
                let id = self.enter(BodyKind::Closure, span);
                chain.into_iter().for_each(|call| self.op(Op::Call { call: Box::new(call), result: None }));
                self.leave();
                Some(id)
            }
        }
    }

    /// A method that is not known, on an iterator whose closures are: one of `Iterator` by its name drives it.
    pub(super) fn driven_by_name(&mut self, receiver: &Value, method: &Name, range: TextRange) -> Vec<RawCall> {
        let index = self.index;
        let declared = index.trait_data(index.well_known.iterator).fns.get(method);
        if declared.is_none_or(|function| self.keeps_closures(index.fn_data(*function))) {
            return receiver.chain.clone();
        }
        self.drive(receiver.chain.clone(), self.span(range));
        Vec::new()
    }

    /// Whether a modelled function keeps what it is given: it says so, or is declared to return an iterator.
    fn keeps_closures(&self, data: &FnData) -> bool {
        let returned = || self.index.lower(&data.def.ret, &self.index.fn_scope(data, None));
        data.model.lazy || self.is_iterator(&returned())
    }

    /// Whether a modelled function drives that argument: it is a method of iterators, or the parameter has a bound.
    fn drives_argument(&self, data: &FnData, value: &Value, at: usize) -> bool {
        let Some(at) = at.checked_sub(usize::from(data.def.self_param.is_some())) else {
            return match data.owner {
                Owner::Trait(of_trait) => of_trait == self.index.well_known.iterator,
                _ => self.is_iterator(&value.ty),
            };
        };
        let param = data.def.params.get(at);
        param.is_some_and(|param| self.is_iterator(&self.index.lower(&param.ty, &self.index.fn_scope(data, None))))
    }

    /// Whether a type says that it is an iterator.
    pub(super) fn is_iterator(&self, ty: &Ty) -> bool {
        let known = &self.index.well_known;
        let iterates = |bound: &Bound| [Some(known.iterator), Some(known.into_iterator)].contains(&bound.of_trait);
        self.index.derefs(ty).any(|at| match at {
            Ty::Dyn(bounds) | Ty::Param(_, bounds) => bounds.iter().any(iterates),
            Ty::Adt(id, _) => self.index.impls_of_type(id).any(|data| data.of_trait == Some(known.iterator)),
            _ => false,
        })
    }
}
