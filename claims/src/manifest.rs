//! `audit.toml`: a target and the claims about it. Places in the target are symbols, never lines.

mod read;
mod table;

use std::fmt;

use sha2::{Digest, Sha256};

/// What an `audit.toml` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The manifest's path, as the caller named it.
    pub file: String,
    /// SHA-256 of the manifest's text.
    pub digest: String,
    /// What is audited.
    pub target: Target,
    /// The claims, in the order of the manifest; at least one.
    pub claims: Vec<Claim>,
}

impl Manifest {
    /// Reads the text of a manifest; `file` is the name that errors show.
    pub fn parse(file: &str, text: &str) -> Result<Manifest, ManifestError> {
        read::manifest(file, text)
    }
}

/// What is audited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where its source is.
    pub source: TargetSource,
    /// Features that are on.
    pub features: Vec<String>,
}

/// Where the source of a target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSource {
    /// A directory, relative to the manifest.
    Path(String),
    /// A commit of a repository; the caller names a local clone of it.
    Commit {
        /// The repository's address.
        repository: String,
        /// The commit.
        commit: String,
    },
}

/// A statement about the target, what decides it, and what must break it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Stable name; unique in the manifest.
    pub id: String,
    /// The statement, in one sentence.
    pub title: String,
    /// What people saw when it did not hold.
    pub symptom: Option<String>,
    /// Why they saw it.
    pub root_cause: Option<String>,
    /// Issue, pull request, release or document.
    pub origin: Option<String>,
    /// Anything else worth saying.
    pub notes: Option<String>,
    /// Further symbols that the report shows.
    pub scope: Vec<Symbol>,
    /// What decides the claim; at least one.
    pub checks: Vec<Check>,
    /// Changes that put the bug back.
    pub controls: Vec<Control>,
}

/// A function of the target, or a pattern with the number of functions that it must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// `crate::a::B::c`, `crate_name::a::B::c` or `B::c`; `*` stands for one segment.
    pub pattern: String,
    /// How many functions it must match.
    pub matches: usize,
}

/// One check of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Line of the manifest.
    pub line: usize,
    /// What is checked.
    pub kind: CheckKind,
}

/// What is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// No finding of a lint lies within a function.
    LintAbsent {
        /// Id of the lint.
        lint: String,
        /// The function.
        within: Symbol,
    },
    /// A function never waits for a lock class while it holds a guard of it, directly or through calls.
    LockNotAcquiredWhile {
        /// The lock class.
        lock: String,
        /// The function.
        within: Symbol,
    },
    /// No call chain from a function waits for a lock class.
    LockNotReachable {
        /// The lock class.
        lock: String,
        /// Where the call chains start.
        from: Symbol,
    },
    /// A callee does not run, directly or through calls, while a guard of a lock class is held in a function.
    CallAbsentUnderLock {
        /// Suffix of the callee's path.
        call: String,
        /// The lock class.
        lock: String,
        /// The function.
        within: Symbol,
    },
    /// A function calls a callee.
    CallPresent {
        /// Suffix of the callee's path.
        call: String,
        /// The function.
        within: Symbol,
    },
    /// A kind that the format knows and this version cannot run.
    Unsupported(String),
}

impl CheckKind {
    /// The kind as the manifest spells it.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            CheckKind::LintAbsent { .. } => "lint-absent",
            CheckKind::LockNotAcquiredWhile { .. } => "lock-not-acquired-while",
            CheckKind::LockNotReachable { .. } => "lock-not-reachable",
            CheckKind::CallAbsentUnderLock { .. } => "call-absent-under-lock",
            CheckKind::CallPresent { .. } => "call-present",
            CheckKind::Unsupported(kind) => kind,
        }
    }

    /// The function that it looks into; `None` for a kind that cannot run.
    #[must_use]
    pub fn symbol(&self) -> Option<&Symbol> {
        match self {
            CheckKind::LintAbsent { within, .. }
            | CheckKind::LockNotAcquiredWhile { within, .. }
            | CheckKind::CallAbsentUnderLock { within, .. }
            | CheckKind::CallPresent { within, .. } => Some(within),
            CheckKind::LockNotReachable { from, .. } => Some(from),
            CheckKind::Unsupported(_) => None,
        }
    }

    /// Whether it passes by finding nothing, so that only a control shows that it would find something.
    #[must_use]
    pub fn proves_absence(&self) -> bool {
        !matches!(self, CheckKind::CallPresent { .. } | CheckKind::Unsupported(_))
    }
}

impl fmt::Display for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckKind::LintAbsent { lint, within } => {
                write!(f, "no finding of `{lint}` within `{}`", within.pattern)
            }
            CheckKind::LockNotAcquiredWhile { lock, within } => {
                write!(f, "`{}` does not acquire `{lock}` while it holds it", within.pattern)
            }
            CheckKind::LockNotReachable { lock, from } => {
                write!(f, "no call chain from `{}` acquires `{lock}`", from.pattern)
            }
            CheckKind::CallAbsentUnderLock { call, lock, within } => {
                write!(f, "`{}` does not run `{call}` while it holds `{lock}`", within.pattern)
            }
            CheckKind::CallPresent { call, within } => {
                write!(f, "`{}` calls `{call}`", within.pattern)
            }
            CheckKind::Unsupported(kind) => write!(f, "a check of kind `{kind}`"),
        }
    }
}

/// A change that puts the bug back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Line of the manifest.
    pub line: usize,
    /// What it puts back.
    pub title: Option<String>,
    /// The edits; at least one.
    pub edits: Vec<ControlEdit>,
    /// Positions in `Claim::checks` of the checks that must fail; empty: at least one of them must.
    pub checks: Vec<usize>,
}

/// An edit of a function by symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlEdit {
    /// The function, or a pattern of functions.
    pub symbol: String,
    /// What is done to it.
    pub change: Change,
    /// How many places it must change, over all functions that the symbol matches.
    pub matches: usize,
}

/// What an edit does to a function's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Puts `with` in the place of `pattern`.
    Replace {
        /// What is replaced.
        pattern: String,
        /// What stands there then.
        with: String,
    },
    /// Puts `with` before `pattern`.
    InsertBefore {
        /// What it goes before.
        pattern: String,
        /// What is inserted.
        with: String,
    },
    /// Puts `with` after `pattern`.
    InsertAfter {
        /// What it goes after.
        pattern: String,
        /// What is inserted.
        with: String,
    },
    /// Puts the text first in the body.
    InsertAtStart(String),
    /// Puts the text last in the body.
    InsertAtEnd(String),
}

/// A line of a manifest that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// 1-based line.
    pub line: usize,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
}

/// A manifest that cannot be used, with everything that is wrong in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ManifestError {
    /// The manifest's path, as the caller named it.
    pub file: String,
    /// What is wrong, in order of lines; at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, problem) in self.problems.iter().enumerate() {
            let newline = if idx == 0 { "" } else { "\n" };
            write!(f, "{newline}{}:{}: {}", self.file, problem.line, problem.message)?;
        }
        Ok(())
    }
}

/// SHA-256 of a text, in hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
