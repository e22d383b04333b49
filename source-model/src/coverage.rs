//! What was and was not seen. "Nothing found" without it is not a result.

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
    /// Causes of unknown types with their number, most frequent first.
    pub unknown_causes: Vec<(String, usize)>,
}
