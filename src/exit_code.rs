//! Exit codes as data.

use std::process::ExitCode;

use interlock_source::LoadError;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing at or above the threshold; every claim verified; every model explored as asked, every twin caught.
    Clean,
    /// Findings at or above the threshold; a failed model, or a twin that was not caught.
    Findings,
    /// Wrong arguments, configuration or audit manifest.
    Usage,
    /// A claim is refuted.
    Refuted,
    /// A claim is stale, inconclusive or not run; a model was neither complete nor sampled as asked.
    Undecided,
    /// Nothing was analysed; no model was found.
    NothingAnalysed,
    /// A bug of this tool.
    Internal,
    /// The command could not complete: no manifest, nothing to read or write, a build that failed.
    Incomplete,
}

/// The code of each outcome, the gravest first.
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

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        let code = CODES.iter().find(|(known, _)| *known == outcome).map_or(70, |(_, code)| *code);
        ExitCode::from(code)
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
    use super::CODES;

    #[test]
    fn every_outcome_has_a_code_of_its_own() {
        let mut codes: Vec<u8> = CODES.iter().map(|(_, code)| *code).collect();
        codes.sort_unstable();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 70, 101]);
    }
}
