//! What a command about models has to tell: runs, what is missing, and the exit code.

use super::discover::{EmptyBinary, ModelId};
use super::model_run::ModelRun;
use super::shard::Shard;
use super::verdict::Judgement;

/// What was done with the models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModelCommand {
    /// They were listed.
    #[default]
    List,
    /// They were run.
    Run,
    /// The shards of a run were joined.
    Merge,
    /// One failure was replayed.
    Replay,
}

impl ModelCommand {
    /// The word of JSON lines.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            ModelCommand::List => "list",
            ModelCommand::Run => "run",
            ModelCommand::Merge => "merge",
            ModelCommand::Replay => "replay",
        }
    }
}

/// Everything that is known after a command about models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelReport {
    /// Name of the workspace.
    pub workspace: String,
    /// What was done.
    pub command: ModelCommand,
    /// The shard that was run.
    pub shard: Shard,
    /// `ci` or `full`.
    pub scale: String,
    /// Time for each model, and for each twin.
    pub budget_ms: u64,
    /// The models, each followed by its twins.
    pub runs: Vec<ModelRun>,
    /// What is in another shard: models, and twins by their bugs.
    pub elsewhere: Vec<(ModelId, Option<String>)>,
    /// Binaries that should hold a model, and hold none.
    pub empty: Vec<EmptyBinary>,
    /// Why the shards do not cover the whole.
    pub problems: Vec<String>,
    /// What was not watched.
    pub notes: Vec<String>,
}

/// How many of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelCounts {
    /// Models that were run or listed.
    pub models: usize,
    /// Of these, those explored as asked.
    pub models_fine: usize,
    /// Twins that were run.
    pub twins: usize,
    /// Of these, those caught.
    pub twins_caught: usize,
    /// Executions that count, of all.
    pub executions: u64,
}

impl ModelReport {
    /// How many of what.
    #[must_use]
    pub fn counts(&self) -> ModelCounts {
        let mut counts = ModelCounts::default();
        for run in &self.runs {
            counts.executions += run.executions;
            match (&run.twin, run.is_fine()) {
                (None, is_fine) => {
                    counts.models += 1;
                    counts.models_fine += usize::from(is_fine);
                }
                (Some(_), _) => {
                    counts.twins += 1;
                    counts.twins_caught += usize::from(run.judgement() == Some(Judgement::Caught));
                }
            }
        }
        counts
    }

    /// 5 where nothing was found to run, 1 for a failed model or a twin that was not caught, 4 for a model that was
    /// neither complete nor sampled as asked or for shards that do not cover, 0 otherwise: the first that applies. A replay
    /// gives 1 where the failure happened again, 4 where it did not.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if !self.empty.is_empty() || (self.runs.is_empty() && self.elsewhere.is_empty()) {
            return 5;
        }
        if self.command == ModelCommand::Replay {
            return if self.runs.iter().any(|run| run.verdict.is_failure()) { 1 } else { 4 };
        }
        if self.runs.iter().any(ModelRun::is_failure) {
            return 1;
        }
        let is_open = !self.problems.is_empty() || self.runs.iter().any(|run| !run.is_fine());
        if is_open { 4 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::bound::Bound;
    use crate::models::protocol::{Description, SearchPlan, Twin};
    use crate::models::verdict::Verdict;

    fn model(verdict: Verdict) -> ModelRun {
        let search = SearchPlan::Bounded { preemptions: 2 };
        let description = Some(Description { search, ..Description::default() });
        ModelRun { verdict, description, ..ModelRun::default() }
    }

    fn twin(verdict: Verdict) -> ModelRun {
        ModelRun { twin: Some(Twin::default()), ..model(verdict) }
    }

    #[track_caller]
    fn check(runs: &[ModelRun], expected: u8) {
        let report = ModelReport { runs: runs.to_vec(), ..ModelReport::default() };
        assert_eq!(report.exit_code(), expected);
    }

    #[test]
    fn the_gravest_outcome_is_the_exit_code() {
        let up_to = |n| model(Verdict::CompleteUpTo { bound: Bound::Preemptions(n), passed_over: None });
        let (fine, open) = (up_to(2), up_to(1));
        check(&[], 5);
        check(std::slice::from_ref(&fine), 0);
        check(&[fine.clone(), open.clone()], 4);
        check(&[fine.clone(), open, model(Verdict::Failed)], 1);
        check(&[fine.clone(), model(Verdict::Crashed(String::new()))], 1);
        check(&[fine.clone(), twin(Verdict::Failed)], 0);
        check(&[fine, twin(Verdict::Complete)], 1);
    }

    #[test]
    fn an_empty_binary_is_no_success() {
        let empty = vec![EmptyBinary {
            package: String::new(),
            suite: String::new(),
            binary: String::new(),
            cause: String::new(),
        }];
        let report = ModelReport { runs: vec![model(Verdict::Complete)], empty, ..ModelReport::default() };
        assert_eq!(report.exit_code(), 5);
    }

    #[test]
    fn shards_that_do_not_cover_are_no_success() {
        let problems = vec!["shard 2/4 is missing".to_owned()];
        let report = ModelReport { runs: vec![model(Verdict::Complete)], problems, ..ModelReport::default() };
        assert_eq!(report.exit_code(), 4);
    }
}
