//! Callbacks: what a caller hands over, and a callee calls or polls under its own guards.
//!
//! A body's summary says where it calls its parameters and what it holds there. At a call that hands over a closure or
//! future, this becomes a point of the caller, under the guards of both.

use crate::facts::{ChainStep, Held, Point, PointKind};
use crate::flow::closures::run_of;
use crate::flow::graph::{Place, RawBody, RawCall, Runnable, Through};
use crate::flow::solve::{Solved, public_call};
use crate::locks::BodyId;
use crate::summaries::{Summaries, place_through, substitute};

/// Callbacks kept for one body; a function that calls its parameters at more places than this is generated.
const MAX_CALLBACKS: usize = 64;
/// Callbacks that are handed down through more calls than this are not followed.
const MAX_CHAIN: usize = 8;

/// A call or poll of a parameter, and what is held there.
#[derive(Clone, Debug)]
pub(crate) struct Callback {
    through: Through,
    args: Vec<Place>,
    held: Vec<Held>,
    n_calls: usize,
    is_bounded: bool,
}

impl Runnable {
    /// The bodies that it may run.
    pub(crate) fn bodies(&self) -> Vec<BodyId> {
        match self {
            Runnable::Body { call, poll } => call.iter().chain(poll).copied().collect(),
            Runnable::Future(call) => call.targets.clone(),
            Runnable::Param(_) => Vec::new(),
        }
    }

    /// The call that calling or polling it is.
    fn run(&self, callback: &Callback, call: &RawCall) -> Option<RawCall> {
        let polls = callback.through.polls;
        let mut run = match self {
            Runnable::Body { call: Some(body), .. } if !polls => run_of(*body, call.span, callback.args.clone()),
            Runnable::Body { poll: Some(body), .. } if polls => run_of(*body, call.span, Vec::new()),
            Runnable::Future(future) if polls => RawCall { span: call.span, ..(**future).clone() },
            _ => return None,
        };
        run.is_bounded |= callback.is_bounded || call.is_bounded;
        Some(run)
    }
}

/// Adds what a call does with the closures and futures that it is given, and the parameters that it calls.
pub(super) fn run(
    body: &RawBody,
    summaries: &Summaries,
    call: &RawCall,
    held: impl Fn() -> Vec<Held>,
    in_loop: bool,
    solved: &mut Solved,
) {
    if let Some(through) = call.through {
        let (args, is_bounded) = (call.args.clone(), call.is_bounded);
        add(solved, Callback { through, args, held: held(), n_calls: 0, is_bounded });
    }
    for target in &call.targets {
        for callback in summaries.callbacks(*target) {
            let inner = seen_by_caller(body, summaries, call, *target, callback, held());
            let param = callback.through.param;
            // A closure calls a parameter of the function that it stands in.
            if param.body != *target {
                add(solved, inner);
                continue;
            }
            // An iterator may run several.
            for (_, runnable) in call.passed.iter().filter(|(at, _)| *at == param.index) {
                hand_in(solved, summaries, runnable, &inner, call, in_loop);
            }
        }
    }
}

/// What a callee does with something that it was handed.
fn hand_in(
    solved: &mut Solved,
    summaries: &Summaries,
    runnable: &Runnable,
    callback: &Callback,
    call: &RawCall,
    in_loop: bool,
) {
    if let Runnable::Param(param) = runnable {
        let through = Through { param: *param, ..callback.through };
        add(solved, Callback { through, ..callback.clone() });
    } else if let Some(run) = runnable.run(callback, call) {
        push(solved, summaries, &run, callback.held.clone(), in_loop);
    }
}

/// A callee's callback with the caller's places, under the guards of both.
fn seen_by_caller(
    body: &RawBody,
    summaries: &Summaries,
    call: &RawCall,
    target: BodyId,
    callback: &Callback,
    mut held: Vec<Held>,
) -> Callback {
    let step = ChainStep { span: call.span, item: body.item.clone(), callee: summaries.item(target) };
    for inner in &callback.held {
        let acquisition = substitute(&inner.acquisition, &call.args, target);
        let chain = std::iter::once(step.clone()).chain(inner.chain.iter().cloned()).collect();
        let must = inner.must && call.targets.len() == 1;
        held.push(Held { acquisition, must, variable: None, chain, extended_by: None });
    }
    let args = callback.args.iter().map(|place| place_through(place, &call.args, target)).collect();
    Callback { through: callback.through, args, held, n_calls: callback.n_calls + 1, ..callback.clone() }
}

pub(super) fn push(solved: &mut Solved, summaries: &Summaries, run: &RawCall, held: Vec<Held>, in_loop: bool) {
    let at = crate::index::position(solved.points.len());
    let call = public_call(run, summaries);
    let known = solved.points.iter().any(|point| {
        let same = matches!(&point.kind, PointKind::Call(known) if known.targets == call.targets);
        same && point.span == run.span && point.held == held
    });
    if !known {
        solved.args.insert(at, run.args.clone());
        solved.points.push(Point { span: run.span, kind: PointKind::Call(call), held, in_loop });
    }
}

fn add(solved: &mut Solved, callback: Callback) {
    let same = |known: &Callback| known.through == callback.through && known.held == callback.held;
    if callback.n_calls > MAX_CHAIN || solved.callbacks.len() >= MAX_CALLBACKS || solved.callbacks.iter().any(same) {
        return;
    }
    solved.callbacks.push(callback);
}
