//! The result of a run: findings that stand, findings that were suppressed, and what was seen.

use interlock_source::Coverage;

use crate::Finding;

/// The result of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Findings in order of file, start and lint.
    pub findings: Vec<Finding>,
    /// Findings that a comment suppressed, with its reason.
    pub suppressed: Vec<(Finding, String)>,
    /// What was and was not seen.
    pub coverage: Coverage,
}
