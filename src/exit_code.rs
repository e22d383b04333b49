//! Exit codes as data, and which one wins.

use std::process::ExitCode;

use interlock_source::LoadError;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing at or above the threshold; every claim verified.
    Clean,
    /// Findings at or above the threshold.
    Findings,
    /// Wrong arguments, configuration or audit manifest.
    Usage,
    /// A claim is refuted.
    Refuted,
    /// A claim is stale, inconclusive or not run.
    Undecided,
    /// Nothing was analysed.
    NothingAnalysed,
    /// A bug of this tool.
    Internal,
    /// The command could not complete: no manifest, nothing to read or write.
    Incomplete,
}

/// Outcomes in order of precedence, with their codes.
const CODES: [(Outcome, u8); 8] = [
    (Outcome::Internal, 70),
    (Outcome::Incomplete, 101),
    (Outcome::Usage, 2),
    (Outcome::NothingAnalysed, 5),
    (Outcome::Refuted, 3),
    (Outcome::Findings, 1),
    (Outcome::Undecided, 4),
    (Outcome::Clean, 0),
];

impl Outcome {
    fn rank(self) -> usize {
        CODES.iter().position(|(outcome, _)| *outcome == self).unwrap_or(0)
    }

    /// The outcome of two that happened together.
    pub(crate) fn and(self, other: Outcome) -> Outcome {
        if self.rank() <= other.rank() { self } else { other }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(CODES[outcome.rank()].1)
    }
}

/// An error of the user's making: it ends with the usage code.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// What an error means for the caller.
pub(crate) fn of_error(error: &anyhow::Error) -> Outcome {
    let is_usage = error.chain().any(|cause| cause.is::<UsageError>());
    let is_empty = error.chain().any(|cause| matches!(cause.downcast_ref(), Some(LoadError::NoPackages { .. })));
    if is_empty {
        Outcome::NothingAnalysed
    } else if is_usage {
        Outcome::Usage
    } else {
        Outcome::Incomplete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graver_outcome_wins() {
        assert_eq!(Outcome::Findings.and(Outcome::Refuted), Outcome::Refuted);
        assert_eq!(Outcome::Undecided.and(Outcome::Findings), Outcome::Findings);
        assert_eq!(Outcome::Clean.and(Outcome::Undecided), Outcome::Undecided);
        assert_eq!(Outcome::Usage.and(Outcome::NothingAnalysed), Outcome::Usage);
    }
}
