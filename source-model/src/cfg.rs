//! Conditional compilation: predicates as written, and the set of options they are judged by.

use std::collections::BTreeSet;

/// A `cfg` predicate.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum CfgExpr {
    /// `unix`
    Flag(String),
    /// `feature = "x"`
    KeyValue(String, String),
    /// `all(..)`
    All(Vec<CfgExpr>),
    /// `any(..)`
    Any(Vec<CfgExpr>),
    /// `not(..)`
    Not(Box<CfgExpr>),
}

/// The options that are on for one crate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CfgSet {
    flags: BTreeSet<String>,
    values: BTreeSet<(String, String)>,
}

impl CfgSet {
    /// The options of the machine that this tool was built for; `test` and every custom flag are off.
    #[must_use]
    pub fn host() -> CfgSet {
        let mut set = CfgSet::default();
        set.flags.insert(std::env::consts::FAMILY.to_owned());
        set.flags.insert("debug_assertions".to_owned());
        set.flags.insert("panic_unwind".to_owned());
        let width = usize::BITS.to_string();
        let values = [
            ("target_family", std::env::consts::FAMILY),
            ("target_os", std::env::consts::OS),
            ("target_arch", std::env::consts::ARCH),
            ("target_pointer_width", width.as_str()),
            ("target_endian", if cfg!(target_endian = "big") { "big" } else { "little" }),
            ("target_env", if cfg!(target_env = "musl") { "musl" } else { "gnu" }),
            ("target_vendor", "unknown"),
            ("panic", "unwind"),
            ("target_has_atomic", "8"),
            ("target_has_atomic", "16"),
            ("target_has_atomic", "32"),
            ("target_has_atomic", "64"),
            ("target_has_atomic", "ptr"),
        ];
        for (key, value) in values {
            set.values.insert((key.to_owned(), value.to_owned()));
        }
        set
    }

    /// Turns a feature on.
    #[must_use]
    pub fn with_feature(mut self, feature: &str) -> CfgSet {
        self.values.insert(("feature".to_owned(), feature.to_owned()));
        self
    }

    /// Turns `flag` or `key="value"` on, as after `--cfg`.
    #[must_use]
    pub fn with_flag(mut self, flag: &str) -> CfgSet {
        match flag.split_once('=') {
            Some((key, value)) => {
                let value = value.trim().trim_matches('"');
                self.values.insert((key.trim().to_owned(), value.to_owned()));
            }
            None => {
                self.flags.insert(flag.trim().to_owned());
            }
        }
        self
    }

    /// Whether the predicate holds.
    #[must_use]
    pub fn matches(&self, predicate: &CfgExpr) -> bool {
        match predicate {
            CfgExpr::Flag(flag) if flag == "true" => true,
            CfgExpr::Flag(flag) => self.flags.contains(flag),
            CfgExpr::KeyValue(key, value) => self.values.contains(&(key.clone(), value.clone())),
            CfgExpr::All(parts) => parts.iter().all(|part| self.matches(part)),
            CfgExpr::Any(parts) => parts.iter().any(|part| self.matches(part)),
            CfgExpr::Not(inner) => !self.matches(inner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_flags_are_off_unless_given() {
        let loom = CfgExpr::Flag("loom".to_owned());
        assert!(!CfgSet::host().matches(&loom));
        assert!(CfgSet::host().with_flag("loom").matches(&loom));
        assert!(CfgSet::host().matches(&CfgExpr::Not(Box::new(loom))));
    }

    #[test]
    fn features_are_values() {
        let feature = CfgExpr::KeyValue("feature".to_owned(), "net".to_owned());
        let either = CfgExpr::Any(vec![CfgExpr::Flag("test".to_owned()), feature]);
        assert!(!CfgSet::host().matches(&either));
        assert!(CfgSet::host().with_feature("net").matches(&either));
        assert!(CfgSet::host().with_flag("feature=\"net\"").matches(&either));
    }
}
