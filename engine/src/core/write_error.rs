//! Classes of errors that reach a write path, and which of them stay.
//!
//! `docs/engine/write-errors.md` has the table.

use std::fmt;
use std::io;
use std::sync::Arc;

/// What an I/O error means for the thing that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The store was closed, or nothing was there to do.
    Ignored,
    /// A file is missing. Whether that is a loss depends on whether it should be there: the caller knows.
    NotFound,
    /// A read or a decoding failed; nothing was written.
    Read,
    /// The process may not write: permission, or a file system mounted for reading only.
    Permission,
    /// The volume or the quota is full.
    Space,
    /// Any other failure of a write, a sync, a rename or a close.
    Other,
}

impl ErrorClass {
    /// The class of an error that a write, sync, rename, create or remove gave.
    pub fn of_write(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Permission,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Space,
            _ => Self::Other,
        }
    }

    /// Whether an error of this class stays until a restart. `NotFound` is the caller's to decide.
    pub fn latches(self) -> bool {
        matches!(self, Self::Permission | Self::Space | Self::Other)
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ignored => "ignored",
            Self::NotFound => "not found",
            Self::Read => "read",
            Self::Permission => "permission",
            Self::Space => "out of space",
            Self::Other => "other",
        })
    }
}

/// A write error: what failed, where, and its class. Cheap to clone, since it is kept at several levels.
#[derive(Clone, Debug)]
pub struct WriteError {
    class: ErrorClass,
    text: Arc<str>,
}

impl WriteError {
    /// The error of an operation on a path, in the operation's words ("write", "sync", "rename").
    pub fn io(operation: &str, path: &std::path::Path, error: &io::Error) -> Self {
        let text = format!("{operation} {}: {error}", path.display());
        Self { class: ErrorClass::of_write(error), text: text.into() }
    }

    /// An error that is not the disk's: an entry that cannot be decoded, a checksum that differs.
    pub fn other(text: impl AsRef<str>) -> Self {
        Self { class: ErrorClass::Other, text: text.as_ref().into() }
    }

    /// The same failure in another class: a missing file of a live store is a loss, a race is not.
    pub fn reclassified(mut self, class: ErrorClass) -> Self {
        self.class = class;
        self
    }

    /// Its class.
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// What operators read: the error with its class.
    pub fn report(&self) -> String {
        format!("{self} (class: {})", self.class)
    }
}

impl PartialEq for WriteError {
    fn eq(&self, other: &Self) -> bool {
        self.class == other.class && self.text == other.text
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for WriteError {}

#[cfg(test)]
mod tests {
    use super::{ErrorClass, WriteError};
    use std::io::Error;
    use std::path::Path;

    /// Linux errno values.
    const CASES: [(i32, ErrorClass, bool); 8] = [
        (2, ErrorClass::NotFound, false),
        (1, ErrorClass::Permission, true),
        (13, ErrorClass::Permission, true),
        (30, ErrorClass::Permission, true),
        (28, ErrorClass::Space, true),
        (122, ErrorClass::Space, true),
        (5, ErrorClass::Other, true),
        (27, ErrorClass::Other, true),
    ];

    #[test]
    fn classes_follow_the_error_and_not_its_text() {
        for (errno, class, latches) in CASES {
            let error = WriteError::io("write", Path::new("1.blk"), &Error::from_raw_os_error(errno));
            assert_eq!(error.class(), class, "errno {errno}");
            assert_eq!(error.class().latches(), latches, "errno {errno}");
        }
    }
}
