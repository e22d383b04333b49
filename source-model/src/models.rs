//! Models of lock libraries, curated and the user's own: declarations with attributes, one file a library. A model beats
//! source.

use semver::{Version, VersionReq};

use crate::ir::{Attr, Item, ItemKind, Name};
use crate::locks::{Extent, LockFamily, Mode};
use crate::lower::parse_file;
use crate::sources::in_pool;
use crate::span::TextRange;
use crate::types::TraitId;

/// The files of `models/`, as crate name and text.
macro_rules! curated {
    ($($name:ident),* $(,)?) => {
        &[$((stringify!($name), include_str!(concat!("../models/", stringify!($name), ".rs")))),*]
    };
}

/// The models: crate name and text. `std` comes first, so that its prelude exists for the others.
pub(crate) const MODELS: &[(&str, &str)] = curated![
    std,
    actix_web,
    ahash,
    arc_swap,
    async_channel,
    async_lock,
    atomic_refcell,
    axum,
    crossbeam,
    crossbeam_channel,
    crossbeam_utils,
    dashmap,
    flume,
    futures,
    hashbrown,
    interlock_sync,
    keepcalm,
    lazy_static,
    lock_api,
    loom,
    once_cell,
    parking_lot,
    rustc_hash,
    shuttle,
    sled,
    smallvec,
    spin,
    thread_local,
    tokio,
];

/// Crates that re-export a modelled crate under another name.
pub(crate) const ALIASES: &[(&str, &str)] =
    &[("core", "std"), ("alloc", "std"), ("futures_util", "futures"), ("fxhash", "rustc_hash")];

/// A model that the user wrote: it beats a curated one, and the source of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserModel {
    /// The crate that it describes.
    pub krate: Name,
    /// The file that it stands in, for messages.
    pub file: String,
    /// The line of that file in which the text begins.
    pub line: u32,
    /// Declarations with attributes.
    pub text: String,
}

/// A word that is not known, and the ones that are.
pub type Unknown = (String, &'static [&'static str]);

/// What is wrong with a model that the user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelError {
    /// The line of the model's file.
    pub line: u32,
    /// What is wrong, as a lower-case fragment.
    pub problem: String,
    /// A word that is not known, and the ones that are.
    pub unknown: Option<Unknown>,
}

impl UserModel {
    /// Everything that is wrong with it. A model with an error is not used.
    #[must_use]
    pub fn errors(&self) -> Vec<ModelError> {
        let ir = in_pool(|| parse_file(&self.text));
        let unread = ir.gaps.iter().map(|gap| ModelError {
            line: self.line_of(gap.range),
            problem: format!("not read as Rust declarations: {}", gap.reason),
            unknown: None,
        });
        let mut errors: Vec<ModelError> = unread.collect();
        self.check_items(&ir.items, &mut errors);
        errors.sort_by_key(|error| error.line);
        errors
    }

    fn line_of(&self, range: TextRange) -> u32 {
        self.line + range.start.line.saturating_sub(1)
    }

    fn check_items(&self, items: &[Item], errors: &mut Vec<ModelError>) {
        for item in items {
            for attr in &item.attrs {
                let problem = attribute_problem(attr).map(|(problem, unknown)| {
                    let line = self.line_of(item.range);
                    ModelError { line, problem, unknown }
                });
                errors.extend(problem);
            }
            match &item.kind {
                ItemKind::Module { items: Some(items), .. } => self.check_items(items, errors),
                ItemKind::Impl(def) => self.check_items(&def.items, errors),
                ItemKind::Trait(def) => self.check_items(&def.items, errors),
                _ => {}
            }
        }
    }
}

/// The attributes of models.
const ATTRIBUTES: &[&str] = &[
    "lock", "guard", "handle", "acquire", "spawn", "in_place", "bounded", "same", "element", "put", "take", "clear",
    "forget", "becomes", "lazy", "version",
];
/// The arguments of those that have some.
const LOCK_WORDS: &[&str] = &["mutex", "rwlock", "map", "semaphore", "cell", "reentrant", "reader_preferring"];
const GUARD_WORDS: &[&str] = &["blocking", "task"];
const ACQUIRE_WORDS: &[&str] = &["exclusive", "shared", "try", "recursive", "shard", "iterate"];

/// The words of `#[becomes(..)]`.
const MODE_WORDS: &[&str] = &["exclusive", "shared"];

/// What is wrong with an attribute: a problem, and the unknown word with the known ones.
fn attribute_problem(attr: &Attr) -> Option<(String, Option<Unknown>)> {
    let words = match attr.name.as_str() {
        "lock" => LOCK_WORDS,
        "guard" => GUARD_WORDS,
        "acquire" => ACQUIRE_WORDS,
        "becomes" => MODE_WORDS,
        "version" => {
            let wrong = requirement(&attr.args).is_none();
            let problem =
                || ("write `#[version(\">=1.2, <2\")]` with a requirement as cargo reads it".to_owned(), None);
            return wrong.then(problem);
        }
        name if ATTRIBUTES.contains(&name) => return None,
        name => return Some((format!("unknown attribute `{name}`"), Some((name.to_owned(), ATTRIBUTES)))),
    };
    if attr.args.is_empty() {
        return Some((format!("`#[{}]` needs one of {}", attr.name, words.join(", ")), None));
    }
    let unknown = attr.args.iter().find(|arg| !words.contains(&arg.as_str()))?;
    Some((format!("`#[{}]` has no `{unknown}`", attr.name), Some((unknown.to_string(), words))))
}

/// Whether an item of a model exists in a version of its library; in the newest where the version is not known.
pub(crate) fn exists_in(attrs: &[Attr], version: Option<&Version>) -> bool {
    let newest = Version::new(u64::MAX, 0, 0);
    let required = find(attrs, "version").and_then(requirement);
    required.is_none_or(|required| required.matches(version.unwrap_or(&newest)))
}

/// `#[version(">=0.13, <0.14")]`: commas split the arguments, quotes surround them.
fn requirement(args: &[Name]) -> Option<VersionReq> {
    let text = args.iter().map(Name::as_str).collect::<Vec<_>>().join(",");
    VersionReq::parse(text.trim_matches('"')).ok().filter(|required| !required.comparators.is_empty())
}

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
    /// `#[becomes(..)]`: the guard given is a guard of that mode from here on.
    pub(crate) becomes: Option<Mode>,
    /// `#[lazy]`: closures and iterators that it is given are kept, and do not run within the call.
    pub(crate) lazy: bool,
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
    /// No model says so, but the declaration of a trait whose implementations are locks.
    pub(crate) through: Option<TraitLock>,
}

/// A trait whose implementations are locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraitLock {
    pub(crate) of_trait: TraitId,
    pub(crate) family: LockFamily,
    /// What the guards of all known implementations are.
    pub(crate) guard: GuardModel,
    /// No implementation is known, or they differ.
    pub(crate) is_assumed: bool,
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
            becomes: find(attrs, "becomes").map(mode),
            lazy: find(attrs, "lazy").is_some(),
        }
    }
}

fn mode(args: &[Name]) -> Mode {
    if has(args, "exclusive") { Mode::Exclusive } else { Mode::Shared }
}

fn acquire(args: &[Name]) -> AcquireModel {
    AcquireModel {
        mode: mode(args),
        is_try: has(args, "try"),
        recursive: has(args, "recursive"),
        extent: if has(args, "shard") {
            Extent::Shard
        } else if has(args, "iterate") {
            Extent::Iteration
        } else {
            Extent::Whole
        },
        through: None,
    }
}
