//! Symbol patterns: how manifests and queries name functions and locks.

/// A pattern over paths: a full path, `crate::..`, or a suffix of whole segments; `*` stands for one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolPattern {
    segments: Vec<String>,
    /// The pattern started with `crate::`: all segments after the crate's name must match.
    from_crate: bool,
}

impl SymbolPattern {
    /// Reads a pattern.
    #[must_use]
    pub fn new(pattern: &str) -> SymbolPattern {
        let (from_crate, rest) = match pattern.strip_prefix("crate::") {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        SymbolPattern { segments: rest.split("::").map(str::to_owned).collect(), from_crate }
    }

    /// Whether a path fits.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split("::").collect();
        let Some(skipped) = path.len().checked_sub(self.segments.len()) else { return false };
        if self.from_crate && skipped != 1 {
            return false;
        }
        self.segments.iter().zip(&path[skipped..]).all(|(wanted, segment)| wanted == "*" || wanted == segment)
    }

    /// Whether the pattern may fit several paths by design.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.segments.iter().any(|segment| segment == "*")
    }
}

#[cfg(test)]
mod tests {
    use super::SymbolPattern;

    #[test]
    fn suffixes_are_of_whole_segments() {
        let pattern = SymbolPattern::new("Cluster::run");
        assert!(pattern.matches("server::raft::Cluster::run"));
        assert!(!pattern.matches("server::raft::RaftCluster::run"));
    }

    #[test]
    fn crate_anchors_at_any_crate_root() {
        let pattern = SymbolPattern::new("crate::Cluster::*");
        assert!(pattern.matches("server::Cluster::run"));
        assert!(!pattern.matches("server::raft::Cluster::run"));
        assert!(pattern.has_wildcard());
    }
}
