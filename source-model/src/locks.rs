//! What a lock is: its class, the path that reached it, its family, and one acquisition of it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ir::Name;
use crate::span::Span;

/// All locks made at one declaration (lockdep's lock class).
///
/// Names are paths from the crate root, as `crate_name::module::Type`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LockClass {
    /// A field of a type.
    Field {
        /// Path of the type that declares the field.
        owner: Name,
        /// The field.
        field: Name,
    },
    /// A static or constant, by path.
    Static(Name),
    /// A local variable.
    Local {
        /// Path of the function that declares it.
        function: Name,
        /// The variable.
        name: Name,
    },
    /// A parameter that is itself a lock.
    Param {
        /// Path of the function.
        function: Name,
        /// The parameter.
        name: Name,
    },
    /// An element of a collection of locks.
    Element(Arc<LockClass>),
    /// What a function returns, where its body does not say which lock that is.
    Accessor(Name),
}

impl fmt::Display for LockClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockClass::Field { owner, field } => write!(f, "{owner}::{field}"),
            LockClass::Static(path) => f.write_str(path),
            LockClass::Local { function, name } | LockClass::Param { function, name } => {
                write!(f, "{function}::{name}")
            }
            LockClass::Element(of) => write!(f, "{of}[]"),
            LockClass::Accessor(function) => write!(f, "{function}()"),
        }
    }
}

impl LockClass {
    /// Whether the class names one declaration, not an element or an unknown result.
    #[must_use]
    pub fn is_declaration(&self) -> bool {
        !matches!(self, LockClass::Element(_) | LockClass::Accessor(_))
    }
}

/// Where an access path starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Root {
    /// A parameter of a body; `self` is parameter 0 of a method.
    Param {
        /// The body that declares it.
        body: BodyId,
        /// Its position.
        index: u32,
        /// Its name, for people.
        name: Name,
    },
    /// A local variable; `binding` tells shadowed ones apart.
    Local {
        /// The body that declares it.
        body: BodyId,
        /// Which binding of the body.
        binding: u32,
        /// Its name, for people.
        name: Name,
    },
    /// A static, by path.
    Static(Name),
}

/// A step of an access path. Dereferences are not steps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Projection {
    /// `.field`
    Field(Name),
    /// `[..]`, or an element met by iteration or lookup.
    Element,
    /// What the lock guards, through a guard.
    Guarded,
    /// `.method()` of a function whose body does not say what it returns.
    Call(Name),
    /// `.method()` of a function that gives out one of its receiver's parts, the same one each time.
    Getter(Name),
    /// A struct made around this place, which its field of that name leads back to.
    Holder(Name),
}

/// How code reaches a lock: a root and projections. The class finds candidates, the path sets certainty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccessPath {
    /// Where it starts.
    pub root: Root,
    /// The steps from there.
    pub projections: Vec<Projection>,
}

impl AccessPath {
    /// The path to a field; `None` for one that a struct made here got from elsewhere.
    pub(crate) fn stepped_to(mut self, name: Name) -> Option<AccessPath> {
        match self.projections.last() {
            Some(Projection::Holder(own)) if *own == name => drop(self.projections.pop()),
            Some(Projection::Holder(_)) => return None,
            _ => self.projections.push(Projection::Field(name)),
        }
        Some(self)
    }

    /// Whether two equal paths of this form surely reach one object.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.projections
            .iter()
            .all(|step| matches!(step, Projection::Field(_) | Projection::Guarded | Projection::Getter(_)))
    }
}

impl fmt::Display for AccessPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            Root::Param { name, .. } | Root::Local { name, .. } => f.write_str(name)?,
            Root::Static(path) => f.write_str(path)?,
        }
        for step in &self.projections {
            match step {
                Projection::Field(name) => write!(f, ".{name}")?,
                Projection::Guarded => {}
                Projection::Element => f.write_str("[_]")?,
                Projection::Holder(name) => write!(f, "{{{name}}}")?,
                Projection::Call(name) | Projection::Getter(name) => write!(f, ".{name}()")?,
            }
        }
        Ok(())
    }
}

/// A function body, or a closure or async block within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct BodyId {
    /// The function, by its position in the workspace's index.
    pub function: u32,
    /// 0 for the function's own body, then its closures and async blocks in the order they are met.
    pub part: u32,
}

impl BodyId {
    /// The future that a function returns: which of its bodies that runs is known once the function is lowered.
    pub(crate) fn returned_by(function: u32) -> BodyId {
        BodyId { function, part: u32::MAX }
    }
}

/// A lock as one piece of code names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LockRef {
    /// Its class.
    pub class: LockClass,
    /// How it was reached; `None` where that is not known.
    pub path: Option<AccessPath>,
}

/// Kinds of lock-like things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LockFamily {
    /// One holder at a time.
    Mutex,
    /// Readers or one writer.
    RwLock,
    /// A concurrent map whose references hold a shard.
    Map,
    /// A permit counter.
    Semaphore,
    /// `RefCell` and the like: panics instead of waiting. Never a deadlock.
    Cell,
}

/// How a lock is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// Beside other readers.
    Shared,
    /// Alone.
    Exclusive,
}

/// What waits when the lock is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Wait {
    /// The thread.
    Thread,
    /// The task, at an await point.
    Task,
    /// Nothing: a `try_` call.
    Never,
}

/// Which part of a concurrent map an operation touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Extent {
    /// The whole lock; every lock but a map.
    Whole,
    /// The shard of one key.
    Shard,
    /// Every shard in turn, the current one held: iteration.
    Iteration,
}

/// One acquisition: a call that yields a guard, or that locks for as long as it runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Acquisition {
    /// The lock.
    pub lock: LockRef,
    /// Type of the lock, as `tokio::sync::Mutex`.
    pub lock_type: Name,
    /// What it guards, where the workspace declares that type or trait, as `town::Depot` or `dyn town::Store`.
    pub guarded: Option<Name>,
    /// Its family.
    pub family: LockFamily,
    /// How it is asked for.
    pub mode: Mode,
    /// What waits.
    pub wait: Wait,
    /// Whether the guard blocks a thread: it must not live across an await point.
    pub blocking_guard: bool,
    /// Whether a thread that holds the lock in a compatible mode never waits here: re-entrant locks, readers that do
    /// not queue behind a waiting writer.
    pub reentrant: bool,
    /// Which part of a map.
    pub extent: Extent,
    /// The operation, as `lock` or `insert`.
    pub operation: Name,
    /// No implementation of the trait that it is asked through is known to be a lock, or they differ.
    pub assumed: bool,
    /// Whether the lock is released when the call returns (no guard comes out).
    pub momentary: bool,
    /// From the method's name to the closing parenthesis.
    pub span: Span,
}
