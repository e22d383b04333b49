//! The facts that lints, the lock graph and claims ask for: bodies, their points, and what is held there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ir::Name;
use crate::locks::{Acquisition, BodyId};
use crate::span::Span;

/// What kind of body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum BodyKind {
    /// A function or method.
    #[default]
    Function,
    /// An `async fn`: its effects happen when its future is polled.
    AsyncFunction,
    /// A closure.
    Closure,
    /// An async block or async closure.
    AsyncBlock,
}

/// The facts of one body.
#[derive(Clone, Debug)]
pub struct Body {
    /// Its identity.
    pub id: BodyId,
    /// Path of the function it is or stands in, as `crate_name::module::Type::function`.
    pub item: Name,
    /// What it is.
    pub kind: BodyKind,
    /// The body that it stands in, for closures and async blocks.
    pub parent: Option<BodyId>,
    /// The function with its signature, or the closure or block.
    pub span: Span,
    /// Whether it is test code.
    pub is_test: bool,
    /// Whether it stands in a test that is to panic (`#[should_panic]`), maybe within the very call that it looks at.
    pub is_to_panic: bool,
    /// Points in evaluation order: acquisitions, calls, await points, spawns, drops of futures and handles.
    pub points: Vec<Point>,
}

/// A program point of interest and the guards held there.
#[derive(Clone, Debug)]
pub struct Point {
    /// Where it is.
    pub span: Span,
    /// What happens.
    pub kind: PointKind,
    /// The held set just before it happens, in order of acquisition.
    pub held: Vec<Held>,
    /// Whether the point can be reached again from itself: it stands in a loop.
    pub in_loop: bool,
}

/// A guard that is held at a point.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// Its acquisition, with the lock as this body names it.
    pub acquisition: Arc<Acquisition>,
    /// Whether it is held on every path to the point.
    pub must: bool,
    /// The variable that owns the guard; `None` for a temporary.
    pub variable: Option<Name>,
    /// Calls through which the guard came out of other functions, outermost first; empty for a direct acquisition.
    pub chain: Vec<ChainStep>,
    /// The construct that alone keeps a temporary alive here: nothing that the code can use borrows of the guard.
    pub extended_by: Option<Construct>,
}

/// A construct that keeps the temporaries of an expression in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Construct {
    /// The scrutinee of `match`, through its arms.
    Match,
    /// The scrutinee of `match`, through an arm that binds nothing of what it borrows.
    Arm,
    /// The scrutinee of `if let`, or of a `let` in a match guard, through the branches.
    IfLet,
    /// The scrutinee of `if let`, through its `else`, before 2024: the pattern that borrows did not match.
    Else,
    /// The scrutinee of `while let`, through the body.
    WhileLet,
    /// The head of `for`, through the loop.
    For,
    /// An argument, while the function runs.
    Argument,
    /// A receiver, while the method runs.
    Receiver,
    /// The tail of a block, while the variables of the block are dropped.
    Tail,
}

/// A call on the way from a body to an acquisition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainStep {
    /// The call.
    pub span: Span,
    /// Path of the function that contains the call.
    pub item: Name,
    /// Path of the function called.
    pub callee: Name,
}

/// What happens at a point.
#[derive(Clone, Debug)]
pub enum PointKind {
    /// A lock is acquired here.
    Acquire(Arc<Acquisition>),
    /// A function, closure or polled future of the workspace, or of an outside crate, runs here.
    Call(Call),
    /// The task may suspend here; the point is the whole expression.
    Await {
        /// Where the keyword stands, or the macro that polls: a long chain begins lines above the place where it waits.
        at: Span,
    },
    /// A task or thread starts here.
    Spawn(Spawn),
    /// A guard is acquired here only for `_` to drop it at the end of the statement.
    GuardDiscarded(Held),
    /// A future made by an `async fn` is dropped here and was never polled.
    FutureDropped {
        /// Path of the function that made it.
        callee: Name,
        /// Where it was made.
        made: Span,
    },
    /// A task handle is dropped here and was never joined, awaited, aborted or stored.
    HandleDropped {
        /// Its spawn.
        spawn: Spawn,
        /// Where the task was spawned.
        spawned: Span,
        /// The variable that held it, as `_task`.
        variable: Option<Name>,
    },
}

/// What a call may run.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name as written, for people.
    pub name: Name,
    /// Canonical path of the callee where it is known, also outside the workspace (`tokio::time::sleep`).
    pub path: Option<Name>,
    /// Bodies of the workspace that may run.
    pub targets: Vec<BodyId>,
    /// How the target is known.
    pub dispatch: Dispatch,
    /// Whether a timeout ends the call: nothing that it waits for is waited for without end.
    pub is_bounded: bool,
}

/// How a call's target is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Dispatch {
    /// One function of the workspace.
    Direct,
    /// One of several implementations of a trait.
    Trait,
    /// The `Drop` implementation of a value that goes here.
    Drop,
    /// A function outside the workspace.
    Outside,
    /// Not known.
    Unknown,
}

/// A started task or thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawn {
    /// The function that starts it, as `tokio::spawn`.
    pub function: Name,
    /// The body that runs, when it is known.
    pub body: Option<BodyId>,
    /// What its handle yields.
    pub output: TaskOutput,
    /// Whether the body contains a loop without an exit of its own (`loop` without `break` or `return`).
    pub runs_forever: bool,
    /// Whether it contains any loop.
    pub loops: bool,
}

/// What a task's output says about a dropped handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaskOutput {
    /// `()` or `!`.
    Unit,
    /// A `Result`: an error would be lost.
    Result,
    /// Any other value.
    Value,
    /// Not known.
    Unknown,
}

/// An acquisition that happens at a point: directly, or within a call.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The acquisition, with the lock as the point's body names it.
    pub acquisition: Arc<Acquisition>,
    /// The calls from the point to the acquisition, outermost first; empty for a direct one.
    pub chain: Vec<ChainStep>,
    /// Whether a call on the way has several possible targets, or an assumption of its own.
    pub assumed: Option<Assumption>,
    /// Path of the function that contains the acquisition.
    pub item: Name,
}

/// What a derived fact rests on besides resolved source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assumption {
    /// One of several implementations of a trait runs.
    TraitDispatch,
    /// A value that is dropped leads to the object, and is the last reference where it is shared.
    Dropped,
    /// What implements a trait with a method that gives a guard is a lock.
    TraitLock,
}

impl Assumption {
    /// What is assumed, as a lower-case fragment.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Assumption::TraitDispatch => "this implementation of the trait is the one that runs",
            Assumption::Dropped => {
                "the value dropped leads to the same object, and is its last reference if it is shared"
            }
            Assumption::TraitLock => "what implements the trait is a lock",
        }
    }
}

impl Acquisition {
    /// What it rests on besides resolved source.
    #[must_use]
    pub fn assumption(&self) -> Option<Assumption> {
        self.assumed.then_some(Assumption::TraitLock)
    }
}
