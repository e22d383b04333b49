//! Errors of a store: of these only write errors stay.

use std::path::{Path, PathBuf};

use crate::core::write_error::{ErrorClass, WriteError};

/// Why an operation of a store failed. A fragment that completes "failed to ...".
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// There is no message of this sequence.
    #[error("no message has sequence {0}")]
    NotFound(u64),
    /// A message or a gap came out of order.
    #[error("the next sequence is {expected}, not {given}")]
    Sequence {
        /// What the store expected.
        expected: u64,
        /// What it was given.
        given: u64,
    },
    /// A message does not fit into a record.
    #[error("a record of {bytes} bytes is too large")]
    TooLarge {
        /// The record's length.
        bytes: u64,
    },
    /// Something was read that is not what was written, or could not be read at all. Nothing was changed.
    #[error("cannot read {}: {what}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A write, sync, rename or removal failed, in this call or before: it is the first error that the store had.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl StoreError {
    pub(super) fn read(path: &Path, what: impl ToString) -> Self {
        Self::Read { path: path.to_owned(), what: what.to_string() }
    }

    /// Its class. Limits are not the store's business: it has no error for them.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Closed => ErrorClass::Ignored,
            Self::NotFound(_) => ErrorClass::NotFound,
            Self::Sequence { .. } | Self::TooLarge { .. } | Self::Read { .. } => ErrorClass::Read,
            Self::Write(error) => error.class(),
        }
    }

    /// The write error, if it is one.
    pub fn write_error(&self) -> Option<&WriteError> {
        match self {
            Self::Write(error) => Some(error),
            _ => None,
        }
    }
}
