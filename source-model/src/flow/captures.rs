//! What closures and async blocks take with them: a guard that moves in is held there, and no longer here.

use std::collections::BTreeSet;

use crate::flow::build::{Builder, Capture, Pending, Value};
use crate::flow::graph::{Op, SlotId, Token};
use crate::index::position;
use crate::locks::BodyId;
use crate::types::Ty;

/// A guard that was moved into a closure or async block.
#[derive(Debug)]
pub(crate) struct MovedIn {
    into: BodyId,
    /// The slot that it has there.
    slot: SlotId,
    guard: Token,
}

impl Builder<'_> {
    /// What a closure or block captured: moved into it, or lent to it.
    pub(super) fn capture_into(&mut self, into: BodyId, captures: &[Capture], is_move: bool) -> Option<SlotId> {
        let mut moved = Vec::new();
        for capture in captures {
            let slot = self.captured(capture.body, capture.slot);
            self.op(Op::Use { slot });
            if is_move || capture.moves_out {
                let guard = self.only_guard_in(slot);
                self.moved_in.extend(guard.map(|guard| MovedIn { into, slot: capture.own, guard }));
                moved.push(slot);
            }
        }
        if self.once.contains(&into) {
            self.hold_from_start(into);
        }
        if moved.is_empty() {
            return None;
        }
        let owner = self.new_temporary();
        for from in moved {
            self.op(Op::Move { from, to: owner });
        }
        Some(owner)
    }

    /// The guard that a slot may own, if all that was put into it so far is one.
    pub(super) fn only_guard_in(&self, slot: SlotId) -> Option<Token> {
        let ops = || self.state().blocks.iter().flat_map(|block| &block.ops).map(|(op, _)| op);
        let mut slots = BTreeSet::from([slot]);
        loop {
            let sources = ops().filter_map(|op| match op {
                Op::Move { from, to } if slots.contains(to) => Some(*from),
                _ => None,
            });
            let more: Vec<SlotId> = sources.filter(|from| !slots.contains(from)).collect();
            if more.is_empty() {
                break;
            }
            slots.extend(more);
        }
        let mut acquired = ops().filter_map(|op| match op {
            Op::Acquire { token, slot: Some(slot) } | Op::Make { token, slot } if slots.contains(slot) => Some(*token),
            _ => None,
        });
        let only = acquired.next().filter(|_| acquired.next().is_none())?;
        let token = &self.state().tokens[only as usize];
        matches!(token, Token::Guard { .. }).then(|| token.clone())
    }

    /// Guards that moved into a body that runs apart, or that lets go of them, are held there from its start.
    pub(super) fn hold_from_start(&mut self, into: BodyId) {
        let (here, others) = std::mem::take(&mut self.moved_in).into_iter().partition(|moved| moved.into == into);
        self.moved_in = others;
        let Some(body) = self.done.iter_mut().find(|body| body.id == into) else { return };
        let here: Vec<MovedIn> = here;
        for MovedIn { slot, guard, .. } in here {
            body.tokens.push(guard);
            let token = position(body.tokens.len() - 1);
            body.blocks[0].ops.insert(0, (Op::Make { token, slot }, false));
        }
    }

    /// A closure that runs once, or a future of such a block, takes what it owns with it where it is run.
    pub(super) fn hand_over(&mut self, value: &Value) {
        let of_call = match value.pending.as_deref() {
            Some(Pending::Call(call)) if call.targets.len() == 1 => Some(call.targets[0]),
            _ => None,
        };
        let body = match &value.ty {
            Ty::Callable(callable) => callable.body,
            Ty::Future(future) => future.runs.or(of_call),
            _ => of_call,
        };
        if body.is_some_and(|body| self.once.contains(&body)) {
            self.consume(value);
        }
    }
}
