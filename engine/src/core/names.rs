//! Names of servers, groups, streams and consumers.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A server of the cluster; also its raft id in every group. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServerId(pub u64);

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

/// A raft group. A group that is made anew for the same stream has another name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupName(Arc<str>);

impl GroupName {
    /// The group of this name.
    pub fn new(name: impl AsRef<str>) -> Self {
        Self(name.as_ref().into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A consumer: its stream and its own name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConsumerKey {
    /// The stream that it reads.
    pub stream: String,
    /// Its name within the stream.
    pub name: String,
}

impl fmt::Display for ConsumerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.stream, self.name)
    }
}

/// Why a name is refused, or nothing: names are parts of subjects and of paths.
pub fn refuse_name(name: &str) -> Option<&'static str> {
    let is_forbidden = |c: char| c.is_whitespace() || c.is_control() || ".*>/\\".contains(c);
    if name.is_empty() {
        Some("a name may not be empty")
    } else if name.len() > 128 {
        Some("a name may not be longer than 128 bytes")
    } else if name.chars().any(is_forbidden) {
        Some("a name may not contain spaces, '.', '*', '>' or path separators")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::refuse_name;

    #[test]
    fn names_that_would_leave_their_folder_are_refused() {
        for name in ["", "a.b", "a b", "../x", "a/b", "a\\b", "x*", "x>", "a\tb", &"x".repeat(129)] {
            assert!(refuse_name(name).is_some(), "{name:?}");
        }
        for name in ["ORDERS", "a-b_c", "ünïcode", &"x".repeat(128)] {
            assert_eq!(refuse_name(name), None, "{name:?}");
        }
    }
}
