//! The control-flow graph of one body: operations on guards, futures and handles, in evaluation order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::drops::Glue;
use crate::facts::{BodyKind, Dispatch, Spawn};
use crate::flow::extensions::Extension;
use crate::ir::Name;
use crate::locks::{AccessPath, Acquisition, BodyId, LockClass};
use crate::span::Span;

/// A place that can own guards, futures or handles: a variable or a temporary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct SlotId(pub(crate) u32);

/// The slot that a body's result is moved to.
pub(crate) const RESULT: SlotId = SlotId(0);

/// What an expression denotes, as far as lock identity goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) path: Option<AccessPath>,
    pub(crate) class: Option<LockClass>,
}

/// Something whose drop matters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Token {
    /// A guard. `fallible`: it may be absent (`Option<Guard>`), until a pattern or `unwrap` has shown it.
    Guard { acquisition: Arc<Acquisition>, fallible: bool },
    /// A future that nobody has polled.
    Future { callee: Name, made: Span },
    /// The handle of a task.
    Handle { spawn: Spawn, spawned: Span },
    /// A value whose `Drop` implementations run when it goes, and where it was made.
    Value { glue: Vec<Glue>, made: Span },
}

impl Token {
    /// The `Drop` implementations that run when it goes.
    pub(crate) fn glue(&self) -> &[Glue] {
        match self {
            Token::Value { glue, .. } => glue,
            _ => &[],
        }
    }
}

/// A call: what may run, and on which places.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RawCall {
    pub(crate) span: Span,
    pub(crate) name: Name,
    pub(crate) path: Option<Name>,
    pub(crate) targets: Vec<BodyId>,
    pub(crate) dispatch: Dispatch,
    /// Whether a timeout ends the call.
    pub(crate) is_bounded: bool,
    /// Places of the receiver and arguments, in order of the callee's parameters.
    pub(crate) args: Vec<Place>,
    /// Arguments that the callee may call or poll, by position.
    pub(crate) passed: Vec<(u32, Runnable)>,
    /// The callee is a parameter: whoever calls this function says what runs.
    pub(crate) through: Option<Through>,
}

/// Something that runs when someone calls or polls it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Runnable {
    /// A closure or function, and the future that calling it makes.
    Body { call: Option<BodyId>, poll: Option<BodyId> },
    /// A future, as the call that polling it is.
    Future(Box<RawCall>),
    /// A parameter, handed on.
    Param(ParamRef),
}

/// A parameter of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct ParamRef {
    pub(crate) body: BodyId,
    pub(crate) index: u32,
}

/// A call or poll of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Through {
    pub(crate) param: ParamRef,
    /// The future is polled; else the parameter is called.
    pub(crate) polls: bool,
}

/// An operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Op {
    /// A lock is acquired. Without a slot it is released when the call returns.
    Acquire { token: u32, slot: Option<SlotId> },
    /// A call runs; guards that it returns go to `result`.
    Call { call: Box<RawCall>, result: Option<SlotId> },
    /// The task may suspend.
    Await { span: Span, at: Span },
    /// A task starts.
    Spawn { spawn: Box<Spawn>, span: Span },
    /// A future or handle comes to be in a slot.
    Make { token: u32, slot: SlotId },
    /// The content of `from` moves to `to`, which owned nothing that survives.
    Move { from: SlotId, to: SlotId },
    /// One element of the content of `from` moves to `to`: which one is not known.
    MoveElement { from: SlotId, to: SlotId },
    /// `to` may come to own any part of what `from` owns: which one is not known.
    Share { from: SlotId, to: SlotId },
    /// The slot owns nothing on this path: the pattern or condition says so.
    Absent { slot: SlotId },
    /// The slot goes out of scope.
    Drop { slot: SlotId },
    /// The content is what `_` was given: nobody names it, and the end of the statement drops it. It came of `calls`.
    Discard { slot: SlotId, calls: Vec<Span> },
    /// The content is handed to someone else: released here, and not lost.
    Consume { slot: SlotId },
    /// A future or handle was polled, joined or lent; its drop means nothing.
    Use { slot: SlotId },
    /// The guard in the slot is there (a pattern matched, `unwrap` returned).
    Confirm { slot: SlotId },
    /// A fallible guard in the slot is not there (the pattern did not match).
    Refute { slot: SlotId },
}

/// A straight run of operations.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct BasicBlock {
    pub(crate) ops: Vec<(Op, bool)>,
    pub(crate) successors: Vec<u32>,
}

/// A body, lowered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RawBody {
    pub(crate) id: BodyId,
    pub(crate) item: Name,
    pub(crate) kind: BodyKind,
    pub(crate) parent: Option<BodyId>,
    pub(crate) span: Span,
    pub(crate) is_test: bool,
    pub(crate) is_to_panic: bool,
    pub(crate) blocks: Vec<BasicBlock>,
    /// Names of slots that are variables.
    pub(crate) slot_names: Vec<Option<Name>>,
    pub(crate) tokens: Vec<Token>,
    /// Temporaries that outlive their purpose.
    pub(crate) extensions: Vec<Extension>,
    pub(crate) has_loop: bool,
    pub(crate) runs_forever: bool,
    /// What polling the future that it returns runs.
    pub(crate) yields: Option<BodyId>,
}
