//! Curated models of lock libraries: declarations with attributes, one file a library. A curated model beats source.

use crate::ir::{Attr, Name};
use crate::locks::{Extent, LockFamily, Mode};

/// The models: crate name and text. `std` comes first, so that its prelude exists for the others.
pub(crate) const MODELS: &[(&str, &str)] = &[
    ("std", include_str!("../models/std.rs")),
    ("dashmap", include_str!("../models/dashmap.rs")),
    ("futures", include_str!("../models/futures.rs")),
    ("lazy_static", include_str!("../models/lazy_static.rs")),
    ("once_cell", include_str!("../models/once_cell.rs")),
    ("parking_lot", include_str!("../models/parking_lot.rs")),
    ("spin", include_str!("../models/spin.rs")),
    ("tokio", include_str!("../models/tokio.rs")),
];

/// Crates that re-export a modelled crate under another name.
pub(crate) const ALIASES: &[(&str, &str)] = &[("core", "std"), ("alloc", "std"), ("futures_util", "futures")];

/// What a model says about a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TypeModel {
    /// `#[lock(family)]`
    pub(crate) family: Option<LockFamily>,
    /// `#[lock(.., reentrant)]`
    pub(crate) reentrant: bool,
    /// `#[lock(.., reader_preferring)]`: readers never queue behind a waiting writer.
    pub(crate) reader_preferring: bool,
    /// `#[guard(..)]`
    pub(crate) guard: Option<GuardModel>,
    /// `#[handle]`: a task handle whose drop detaches the task.
    pub(crate) handle: bool,
}

/// What a model says about a guard type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GuardModel {
    /// It blocks a thread.
    Blocking,
    /// It belongs to a task and may live across an await point.
    Task,
}

/// What a model says about a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FnModel {
    /// `#[acquire(..)]`
    pub(crate) acquire: Option<AcquireModel>,
    /// `#[spawn]`: the last argument, a closure or future, runs as a task or thread of its own.
    pub(crate) spawn: bool,
    /// `#[in_place]`: a future argument is polled by the call, or when its result is awaited.
    pub(crate) in_place: bool,
    /// `#[bounded]`: the future argument is given up after a while: what it waits for is no deadlock.
    pub(crate) bounded: bool,
    /// `#[same]`: the result is, or leads to, the object of the receiver or first argument.
    pub(crate) same: bool,
    /// `#[element]`: the result is an element of it.
    pub(crate) element: bool,
    /// `#[put]`: what the other arguments own is owned by the receiver or first argument from here on.
    pub(crate) put: bool,
    /// `#[take]`: what the receiver or first argument owned comes out; of `#[element]`, one of several.
    pub(crate) take: bool,
    /// `#[clear]`: the receiver drops what it owns.
    pub(crate) clear: bool,
    /// `#[forget]`: what the argument owns is never dropped.
    pub(crate) forget: bool,
    /// `#[drops]`: what its argument owns goes within the call.
    pub(crate) drops: bool,
}

/// `#[acquire(..)]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AcquireModel {
    /// `exclusive` or `shared`.
    pub(crate) mode: Mode,
    /// `try`: never waits, and yields nothing when the lock is not free.
    pub(crate) is_try: bool,
    /// `recursive`: a reader that never queues behind a waiting writer.
    pub(crate) recursive: bool,
    /// `shard`, `iterate`.
    pub(crate) extent: Extent,
}

fn find<'a>(attrs: &'a [Attr], name: &str) -> Option<&'a [Name]> {
    attrs.iter().find(|attr| attr.name == name).map(|attr| attr.args.as_slice())
}

fn has(args: &[Name], word: &str) -> bool {
    args.iter().any(|arg| arg == word)
}

impl TypeModel {
    pub(crate) fn of(attrs: &[Attr]) -> TypeModel {
        let lock = find(attrs, "lock").unwrap_or_default();
        TypeModel {
            family: lock.first().and_then(|word| family(word)),
            reentrant: has(lock, "reentrant"),
            reader_preferring: has(lock, "reader_preferring"),
            guard: find(attrs, "guard")
                .map(|args| if has(args, "blocking") { GuardModel::Blocking } else { GuardModel::Task }),
            handle: find(attrs, "handle").is_some(),
        }
    }
}

fn family(word: &str) -> Option<LockFamily> {
    Some(match word {
        "mutex" => LockFamily::Mutex,
        "rwlock" => LockFamily::RwLock,
        "map" => LockFamily::Map,
        "semaphore" => LockFamily::Semaphore,
        "cell" => LockFamily::Cell,
        _ => return None,
    })
}

impl FnModel {
    pub(crate) fn of(attrs: &[Attr]) -> FnModel {
        FnModel {
            acquire: find(attrs, "acquire").map(acquire),
            spawn: find(attrs, "spawn").is_some(),
            in_place: find(attrs, "in_place").is_some(),
            bounded: find(attrs, "bounded").is_some(),
            same: find(attrs, "same").is_some(),
            element: find(attrs, "element").is_some(),
            put: find(attrs, "put").is_some(),
            take: find(attrs, "take").is_some(),
            clear: find(attrs, "clear").is_some(),
            forget: find(attrs, "forget").is_some(),
            drops: find(attrs, "drops").is_some(),
        }
    }
}

fn acquire(args: &[Name]) -> AcquireModel {
    AcquireModel {
        mode: if has(args, "exclusive") { Mode::Exclusive } else { Mode::Shared },
        is_try: has(args, "try"),
        recursive: has(args, "recursive"),
        extent: if has(args, "shard") {
            Extent::Shard
        } else if has(args, "iterate") {
            Extent::Iteration
        } else {
            Extent::Whole
        },
    }
}
