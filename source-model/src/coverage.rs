//! What was and was not seen. "Nothing found" without it is not a result.

use serde::{Deserialize, Serialize};

use crate::ir::Name;
use crate::locks::LockClass;
use crate::span::Span;

/// A file, or a part of one, that was not analysed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unparsed {
    /// Relative to the workspace root.
    pub file: String,
    /// First line of the gap; 1 for a whole file.
    pub line: u32,
    /// Why, as a lower-case fragment.
    pub reason: String,
}

/// A call without arguments that is named like an acquisition (`lock`, `read`, `write`, ..), and what it is called on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Receiver {
    /// From the method's name to the closing parenthesis.
    pub span: Span,
    /// The method.
    pub method: Name,
    /// What the receiver is.
    pub kind: ReceiverKind,
}

/// What the receiver of a lock-like call is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ReceiverKind {
    /// A lock of a curated model, with its class.
    Lock(LockClass),
    /// A type that is known not to be a lock, as people read it.
    Other(Name),
    /// Not known, and why.
    Unknown(Name),
}

/// A cause of something unknown, with how often it occurs and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// A lower-case fragment.
    pub cause: &'static str,
    /// How many places have this cause.
    pub count: usize,
    /// The first few of them.
    pub examples: Vec<Span>,
}

/// Places shown of each cause.
const N_EXAMPLES: usize = 3;

impl Cause {
    /// Groups places by their cause: most frequent first, places in order.
    pub(crate) fn grouped(mut places: Vec<(&'static str, Span)>) -> Vec<Cause> {
        places.sort_unstable();
        let groups = places.chunk_by(|a, b| a.0 == b.0);
        let cause = |group: &[(&'static str, Span)]| Cause {
            cause: group[0].0,
            count: group.len(),
            examples: group.iter().take(N_EXAMPLES).map(|(_, span)| *span).collect(),
        };
        let mut causes: Vec<Cause> = groups.map(cause).collect();
        causes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cause.cmp(b.cause)));
        causes
    }
}

/// What was and was not seen in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Files analysed.
    pub n_files: usize,
    /// Lines in them.
    pub n_lines: usize,
    /// Function bodies, closures and async blocks analysed.
    pub n_bodies: usize,
    /// Files and items that could not be read.
    pub unparsed: Vec<Unparsed>,
    /// Zero-argument lock-like calls (`lock`, `read`, `write`, ...) on a known lock type.
    pub n_receivers_lock: usize,
    /// The same on a type that is known not to be a lock.
    pub n_receivers_other: usize,
    /// The same on a type that is not known.
    pub n_receivers_unknown: usize,
    /// Calls with a known target: in the workspace, in a curated model, or of a type of a named outside crate.
    pub n_calls_resolved: usize,
    /// Calls whose target is not known.
    pub n_calls_unknown: usize,
    /// Macro calls whose arguments could not be read.
    pub n_macros_unread: usize,
    /// Items skipped because their `cfg` predicate is false.
    pub n_cfg_skipped: usize,
    /// `.rs` files of the packages that no target reaches.
    pub n_files_unreached: usize,
    /// Build scripts, which are not analysed.
    pub n_build_scripts: usize,
    /// Functions whose effects were cut off: more acquisitions than are followed through calls.
    pub n_effects_cut_off: usize,
    /// How the workspace was read, where that was not the ordinary way.
    pub notes: Vec<String>,
    /// Every lock-like call, in order of its place.
    pub receivers: Vec<Receiver>,
    /// Why receivers of lock-like calls are unknown, most frequent first; the counts add up to `n_receivers_unknown`.
    pub unknown_receivers: Vec<Cause>,
    /// Why targets of calls are unknown, most frequent first; the counts add up to `n_calls_unknown`.
    pub unknown_calls: Vec<Cause>,
}
