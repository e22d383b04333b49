//! The held sets of one body: a forward flow over its graph, may and must at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap as HashMap;

use crate::drops::Glue;
use crate::facts::{Call, ChainStep, Dispatch, Held, Point, PointKind, Spawn};
use crate::flow::callbacks::{self, Callback};
use crate::flow::closures::run_of;
use crate::flow::graph::{Op, Place, RESULT, RawBody, RawCall, SlotId, Token};
use crate::ir::Name;
use crate::locks::{Acquisition, BodyId};
use crate::span::Span;
use crate::summaries::{Returned, Summaries, as_called, substitute};

/// What a slot owns at a program point, and whether on every path.
type State = BTreeMap<(u32, SlotId), bool>;

/// A token as the flow sees it: the body's own, or a guard that came out of a call.
#[derive(Clone, Debug)]
enum Known {
    Guard { acquisition: Arc<Acquisition>, fallible: bool, chain: Vec<ChainStep> },
    Future { callee: Name, made: Span },
    Handle { token: u32 },
    Value { token: u32 },
}

/// The result of solving a body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Solved {
    pub(crate) points: Vec<Point>,
    /// Places of the arguments of each call point, by position in `points`.
    pub(crate) args: HashMap<u32, Vec<Place>>,
    /// Guards that the body returns.
    pub(crate) returned: Vec<Returned>,
    /// Calls and polls of parameters.
    pub(crate) callbacks: Vec<Callback>,
}

/// Solves a body, given the summaries of what it calls.
pub(crate) fn solve(body: &RawBody, summaries: &Summaries) -> Solved {
    let order = reverse_postorder(body);
    let mut flow = Flow { body, summaries, known: own_tokens(body), from_calls: HashMap::default() };
    let entry = flow.fixpoint(&order);
    flow.collect(&order, &entry)
}

fn own_tokens(body: &RawBody) -> Vec<Known> {
    let own = body.tokens.iter().enumerate().map(|(at, token)| match token {
        Token::Guard { acquisition, fallible } => {
            Known::Guard { acquisition: acquisition.clone(), fallible: *fallible, chain: Vec::new() }
        }
        Token::Future { callee, made } => Known::Future { callee: callee.clone(), made: *made },
        Token::Handle { .. } => Known::Handle { token: crate::index::position(at) },
        Token::Value { .. } => Known::Value { token: crate::index::position(at) },
    });
    own.collect()
}

fn reverse_postorder(body: &RawBody) -> Vec<u32> {
    let mut seen = vec![false; body.blocks.len()];
    let mut order = Vec::with_capacity(body.blocks.len());
    // Each entry: a block, and how many of its successors have been visited.
    let mut stack: Vec<(u32, usize)> = vec![(0, 0)];
    seen[0] = true;
    while let Some((block, visited)) = stack.pop() {
        match body.blocks[block as usize].successors.iter().rev().nth(visited) {
            Some(next) => {
                stack.push((block, visited + 1));
                if !std::mem::replace(&mut seen[*next as usize], true) {
                    stack.push((*next, 0));
                }
            }
            None => order.push(block),
        }
    }
    order.reverse();
    order
}

struct Flow<'a> {
    body: &'a RawBody,
    summaries: &'a Summaries,
    known: Vec<Known>,
    /// Tokens of guards returned by the call at (block, op).
    from_calls: HashMap<(u32, usize), Vec<(u32, bool)>>,
}

impl Flow<'_> {
    /// The state at the entry of each reachable block.
    fn fixpoint(&mut self, order: &[u32]) -> HashMap<u32, State> {
        let mut entry: HashMap<u32, State> = HashMap::from_iter([(0, State::new())]);
        let mut changed = true;
        while changed {
            changed = false;
            for block in order {
                let Some(mut state) = entry.get(block).cloned() else { continue };
                let body = self.body;
                let ops = &body.blocks[*block as usize].ops;
                if !ops.iter().enumerate().all(|(at, (op, _))| self.step(&mut state, op, (*block, at))) {
                    continue;
                }
                for next in &body.blocks[*block as usize].successors {
                    changed |= merge(&mut entry, *next, &state);
                }
            }
        }
        entry
    }

    /// Applies an operation; whether the path goes on.
    fn step(&mut self, state: &mut State, op: &Op, at: (u32, usize)) -> bool {
        if let Op::Absent { slot } = op
            && owned(state, *slot).any(|(_, must)| must)
        {
            // Something is there on every path to here: this one is never taken.
            return false;
        }
        match op {
            Op::Acquire { token, slot: Some(slot) } | Op::Make { token, slot } => {
                let fallible = matches!(self.known[*token as usize], Known::Guard { fallible: true, .. });
                state.insert((*token, *slot), !fallible);
            }
            Op::Call { call, result: Some(slot) } => {
                for (token, must) in self.returned_by(call, at) {
                    state.insert((token, *slot), must);
                }
            }
            Op::Move { from, to } => {
                let moved: Vec<_> = owned(state, *from).collect();
                for (token, must) in moved {
                    state.remove(&(token, *from));
                    let entry = state.entry((token, *to)).or_insert(must);
                    *entry |= must;
                }
            }
            Op::MoveElement { from, to } => {
                let moved: Vec<_> = owned(state, *from).collect();
                for (token, must) in &moved {
                    // One of several stays behind: the held set keeps it there as "may".
                    match moved.len() {
                        1 => state.remove(&(*token, *from)),
                        _ => state.insert((*token, *from), false),
                    };
                    let entry = state.entry((*token, *to)).or_insert(*must);
                    *entry |= must;
                }
            }
            Op::Share { from, to } => {
                let shared: Vec<_> = owned(state, *from).collect();
                state.extend(shared.into_iter().map(|(token, _)| ((token, *to), false)));
            }
            Op::Drop { slot } | Op::Consume { slot } | Op::Absent { slot } => state.retain(|(_, own), _| own != slot),
            Op::Use { slot } => {
                let known = &self.known;
                let stays = |token: &u32| matches!(known[*token as usize], Known::Guard { .. } | Known::Value { .. });
                state.retain(|(token, own), _| own != slot || stays(token));
            }
            Op::Confirm { slot } => {
                let known = &self.known;
                // What is there and can only be this one is this one.
                let is_only = owned(state, *slot).count() == 1;
                for ((token, own), must) in state.iter_mut() {
                    *must |= own == slot && (is_only || is_fallible(&known[*token as usize]));
                }
            }
            Op::Refute { slot } => {
                let known = &self.known;
                state.retain(|(token, own), _| own != slot || !is_fallible(&known[*token as usize]));
            }
            Op::Acquire { slot: None, .. }
            | Op::Call { result: None, .. }
            | Op::Await { .. }
            | Op::Spawn { .. }
            | Op::Discard { .. } => {}
        }
        true
    }

    /// Guards that a call returns, as tokens of this body.
    fn returned_by(&mut self, call: &RawCall, at: (u32, usize)) -> Vec<(u32, bool)> {
        if let Some(tokens) = self.from_calls.get(&at) {
            return tokens.clone();
        }
        let mut tokens = Vec::new();
        for target in &call.targets {
            let Some(target) = self.summaries.run_by(*target) else { continue };
            for returned in self.summaries.returned(target) {
                let acquisition = substitute(&returned.acquisition, &call.args, as_called(self.body.id, target));
                let mut chain = vec![ChainStep {
                    span: call.span,
                    item: self.body.item.clone(),
                    callee: self.summaries.item(target),
                }];
                chain.extend(returned.chain.iter().cloned());
                let token = crate::index::position(self.known.len());
                self.known.push(Known::Guard { acquisition, fallible: returned.fallible, chain });
                tokens.push((token, returned.must && call.targets.len() == 1));
            }
        }
        self.from_calls.insert(at, tokens.clone());
        tokens
    }

    // ---- points ----

    fn collect(&mut self, order: &[u32], entry: &HashMap<u32, State>) -> Solved {
        let mut solved = Solved::default();
        let mut dropped: BTreeMap<u32, Point> = BTreeMap::new();
        let mut used: BTreeSet<u32> = BTreeSet::new();
        let body = self.body;
        'blocks: for block in order {
            let Some(mut state) = entry.get(block).cloned() else { continue };
            for (at, (op, in_loop)) in body.blocks[*block as usize].ops.iter().enumerate() {
                self.point(&state, op, *in_loop, &mut solved);
                if let Op::Drop { slot } = op {
                    self.drop_values(&state, *slot, *in_loop, &mut solved);
                }
                if let Op::Call { call, .. } = op {
                    let held = || self.held(&state, call.span);
                    callbacks::run(self.body, self.summaries, call, held, *in_loop, &mut solved);
                }
                self.note_drop(&state, op, *in_loop, &mut dropped, &mut used);
                self.note_discard(&state, op, *in_loop, &mut solved);
                if !self.step(&mut state, op, (*block, at)) {
                    continue 'blocks;
                }
            }
            if body.blocks[*block as usize].successors.is_empty() || *block == 1 {
                self.note_returned(&state, &mut solved, &mut used);
            }
        }
        solved.points.extend(dropped.into_iter().filter(|(token, _)| !used.contains(token)).map(|(_, point)| point));
        solved
    }

    fn point(&self, state: &State, op: &Op, in_loop: bool, solved: &mut Solved) {
        let (span, kind) = match op {
            Op::Acquire { token, .. } => match &self.known[*token as usize] {
                Known::Guard { acquisition, .. } => (acquisition.span, PointKind::Acquire(acquisition.clone())),
                _ => return,
            },
            Op::Call { call, .. } => {
                solved.args.insert(crate::index::position(solved.points.len()), call.args.clone());
                (call.span, PointKind::Call(public_call(call, self.summaries)))
            }
            Op::Await { span, at } => (*span, PointKind::Await { at: *at }),
            Op::Spawn { spawn, span } => (*span, PointKind::Spawn(self.spawned(spawn))),
            _ => return,
        };
        solved.points.push(Point { span, kind, held: self.held(state, span), in_loop });
    }

    fn spawned(&self, spawn: &Spawn) -> Spawn {
        Spawn { body: spawn.body.and_then(|body| self.summaries.run_by(body)), ..spawn.clone() }
    }

    fn held(&self, state: &State, at: Span) -> Vec<Held> {
        let mut held: BTreeMap<u32, Held> = BTreeMap::new();
        for ((token, slot), must) in state {
            let Known::Guard { acquisition, chain, .. } = &self.known[*token as usize] else { continue };
            let variable = self.body.slot_names[slot.0 as usize].clone();
            let entry = held.entry(*token).or_insert_with(|| Held {
                acquisition: acquisition.clone(),
                must: *must,
                variable: variable.clone(),
                chain: chain.clone(),
                extended_by: None,
            });
            entry.must |= must;
            entry.variable = entry.variable.take().or(variable);
        }
        let mut held: Vec<Held> = held.into_values().collect();
        for guard in held.iter_mut().filter(|guard| guard.variable.is_none()) {
            let origin = guard.chain.first().map_or(guard.acquisition.span, |step| step.span);
            let mut extensions = self.body.extensions.iter();
            let extension = extensions.find(|extension| extension.keeps(origin, at));
            guard.extended_by = extension.map(|extension| extension.construct);
        }
        held
    }

    /// Guards that an expression yields only for `_` to drop them. One that was acquired before, and only came out of
    /// something here, has had its critical section.
    fn note_discard(&self, state: &State, op: &Op, in_loop: bool, solved: &mut Solved) {
        let Op::Discard { slot, calls } = op else { return };
        let is_temporary = self.body.slot_names[slot.0 as usize].is_none();
        for (token, must) in owned(state, *slot).filter(|_| is_temporary) {
            let Known::Guard { acquisition, chain, .. } = &self.known[token as usize] else { continue };
            let origin = chain.first().map_or(acquisition.span, |step| step.span);
            if !calls.contains(&origin) {
                continue;
            }
            let guard = Held {
                acquisition: acquisition.clone(),
                must,
                variable: None,
                chain: chain.clone(),
                extended_by: None,
            };
            let kind = PointKind::GuardDiscarded(guard);
            solved.points.push(Point { span: origin, kind, held: self.held(state, origin), in_loop });
        }
    }

    /// Futures and handles that are dropped here, and those that someone has used.
    fn note_drop(
        &self,
        state: &State,
        op: &Op,
        in_loop: bool,
        dropped: &mut BTreeMap<u32, Point>,
        used: &mut BTreeSet<u32>,
    ) {
        match op {
            Op::Use { slot } | Op::Consume { slot } => used.extend(owned(state, *slot).map(|(token, _)| token)),
            Op::Move { from, to } | Op::MoveElement { from, to } | Op::Share { from, to } if *to == RESULT => {
                used.extend(owned(state, *from).map(|(token, _)| token))
            }
            Op::Drop { slot } => {
                for (token, must) in owned(state, *slot).filter(|(_, must)| *must) {
                    debug_assert!(must);
                    if let Some(point) = self.drop_point(token, *slot, in_loop) {
                        dropped.entry(token).or_insert(point);
                    }
                }
            }
            _ => {}
        }
    }

    /// The `Drop` implementations that run when a slot goes out of scope.
    fn drop_values(&self, state: &State, slot: SlotId, in_loop: bool, solved: &mut Solved) {
        for (token, _) in owned(state, slot) {
            let Known::Value { token } = &self.known[token as usize] else { continue };
            let Token::Value { glue, made } = &self.body.tokens[*token as usize] else { continue };
            for glue in glue {
                callbacks::push(solved, self.summaries, &drop_of(*glue, *made), self.held(state, *made), in_loop);
            }
        }
    }

    fn drop_point(&self, token: u32, slot: SlotId, in_loop: bool) -> Option<Point> {
        let (span, kind) = match &self.known[token as usize] {
            Known::Future { callee, made } => (*made, PointKind::FutureDropped { callee: callee.clone(), made: *made }),
            Known::Handle { token } => match &self.body.tokens[*token as usize] {
                Token::Handle { spawn, spawned } => {
                    let variable = self.body.slot_names[slot.0 as usize].clone();
                    (*spawned, PointKind::HandleDropped { spawn: self.spawned(spawn), spawned: *spawned, variable })
                }
                _ => return None,
            },
            Known::Guard { .. } | Known::Value { .. } => return None,
        };
        Some(Point { span, kind, held: Vec::new(), in_loop })
    }

    fn note_returned(&self, state: &State, solved: &mut Solved, used: &mut BTreeSet<u32>) {
        for (token, must) in owned(state, RESULT) {
            used.insert(token);
            let Known::Guard { acquisition, fallible, chain } = &self.known[token as usize] else { continue };
            let returned =
                Returned { acquisition: acquisition.clone(), fallible: *fallible, must, chain: chain.clone() };
            match solved.returned.iter_mut().find(|known| known.acquisition.span == returned.acquisition.span) {
                Some(known) => known.must &= must,
                None => solved.returned.push(returned),
            }
        }
    }
}

fn is_fallible(known: &Known) -> bool {
    matches!(known, Known::Guard { fallible: true, .. })
}

fn owned(state: &State, slot: SlotId) -> impl Iterator<Item = (u32, bool)> + '_ {
    state.iter().filter(move |((_, own), _)| *own == slot).map(|((token, _), must)| (*token, *must))
}

/// Joins a state into a block's entry; whether it changed. Absent on one side means "not on every path".
fn merge(entry: &mut HashMap<u32, State>, block: u32, state: &State) -> bool {
    let Some(known) = entry.get_mut(&block) else {
        entry.insert(block, state.clone());
        return true;
    };
    let mut changed = false;
    for (key, must) in known.iter_mut() {
        let both = *must && state.get(key).copied().unwrap_or(false);
        changed |= both != *must;
        *must = both;
    }
    for key in state.keys() {
        if !known.contains_key(key) {
            known.insert(*key, false);
            changed = true;
        }
    }
    changed
}

fn drop_of(glue: Glue, made: Span) -> RawCall {
    let mut call = run_of(BodyId { function: glue.function.0, part: 0 }, made, Vec::new());
    (call.name, call.dispatch) = ("drop".into(), Dispatch::Drop);
    call
}

pub(super) fn public_call(call: &RawCall, summaries: &Summaries) -> Call {
    Call {
        name: call.name.clone(),
        path: call.path.clone(),
        targets: call.targets.iter().filter_map(|target| summaries.run_by(*target)).collect(),
        dispatch: call.dispatch,
        is_bounded: call.is_bounded,
    }
}
