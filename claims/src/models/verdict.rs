//! What became of a model, and of a twin: verdicts and their words.

use super::bound::{Bound, Counted};
use super::protocol::{Failure, SearchPlan, Twin};

/// What became of one model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Every schedule was run.
    Complete,
    /// Every schedule within a bound was run.
    CompleteUpTo {
        /// The bound.
        bound: Bound,
        /// How often a task may be passed over by those that yield, where the search met that limit.
        passed_over: Option<u32>,
    },
    /// So many schedules were run.
    Sampled(u64),
    /// A test of another library passed. How much it explored is its own affair.
    Passed,
    /// It ended before it had done what it was asked.
    CutOff {
        /// What ended it.
        reason: String,
        /// The last bound that was searched to its end.
        done: Option<Bound>,
    },
    /// An execution broke the property.
    Failed,
    /// The process died, or ended without a verdict.
    Crashed(String),
    /// The process had to be stopped because nothing came from it.
    Hung(String),
    /// The process took more memory than it may.
    OutOfMemory(String),
    /// The same schedule did not give the same execution twice.
    NotDeterministic(String),
    /// It ended well, but nothing was explored.
    NothingExplored(String),
    /// It was listed only.
    #[default]
    NotRun,
    /// It would not do what it was asked, such as to replay a token of another source.
    Refused(String),
    /// It said something that is not understood.
    Unknown(String),
}

impl Verdict {
    /// The word of JSON lines.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Verdict::Complete => "complete",
            Verdict::CompleteUpTo { bound: Bound::Preemptions(_), .. } => "complete-up-to",
            Verdict::CompleteUpTo { bound: Bound::Delays(_), .. } => "complete-up-to-delays",
            Verdict::Sampled(_) => "sampled",
            Verdict::Passed => "passed",
            Verdict::CutOff { .. } => "cut-off",
            Verdict::Failed => "failed",
            Verdict::Crashed(_) => "crashed",
            Verdict::Hung(_) => "hung",
            Verdict::OutOfMemory(_) => "out-of-memory",
            Verdict::NotDeterministic(_) => "not-deterministic",
            Verdict::NothingExplored(_) => "nothing-explored",
            Verdict::NotRun => "not-run",
            Verdict::Refused(_) => "refused",
            Verdict::Unknown(_) => "unknown",
        }
    }

    /// Why it came to this, where that is known.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        let cause = match self {
            Verdict::Crashed(cause)
            | Verdict::Hung(cause)
            | Verdict::OutOfMemory(cause)
            | Verdict::NotDeterministic(cause)
            | Verdict::NothingExplored(cause)
            | Verdict::Refused(cause)
            | Verdict::Unknown(cause) => cause,
            _ => return None,
        };
        Some(cause.as_str()).filter(|cause| !cause.is_empty())
    }

    /// Whether it says that the property is broken.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Verdict::Failed | Verdict::Crashed(_))
    }

    /// Whether it answers what was asked.
    #[must_use]
    pub fn answers(&self, search: &SearchPlan, n_shards: u32) -> bool {
        match (self, search) {
            (Verdict::Complete | Verdict::Passed, _) => true,
            // A shard may get nothing of a small search; that not all of them did is seen when they are joined.
            (Verdict::NothingExplored(_), _) => n_shards > 1,
            (Verdict::CompleteUpTo { bound: done, .. }, _) => {
                search.bound().is_some_and(|asked| done.counted() == asked.counted() && done.number() >= asked.number())
            }
            // How many are a shard's share is its own affair; that all of them are enough is seen when they are joined.
            (Verdict::Sampled(done), SearchPlan::Portfolio { schedules }) => n_shards > 1 || done >= schedules,
            _ => false,
        }
    }

    /// Whether it claims that something was explored to its end.
    pub(crate) fn answers_something(&self) -> bool {
        matches!(self, Verdict::Complete | Verdict::CompleteUpTo { .. } | Verdict::Sampled(_))
    }

    /// How grave it is, the gravest last: of several parts of a model the gravest counts.
    pub(crate) fn gravity(&self) -> u8 {
        match self {
            Verdict::Complete => 0,
            Verdict::CompleteUpTo { .. } => 1,
            Verdict::Sampled(_) | Verdict::Passed => 2,
            Verdict::NotRun => 3,
            Verdict::CutOff { .. } => 4,
            Verdict::Refused(_) | Verdict::Unknown(_) => 5,
            Verdict::NothingExplored(_) => 6,
            Verdict::OutOfMemory(_) => 7,
            Verdict::Hung(_) => 8,
            Verdict::NotDeterministic(_) => 9,
            Verdict::Crashed(_) => 10,
            Verdict::Failed => 11,
        }
    }
}

/// The words shown to people. Each says how much was explored; none is "exhaustive".
impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Complete => f.write_str("complete"),
            Verdict::CompleteUpTo { bound, passed_over: None } => write!(f, "complete up to {bound}"),
            Verdict::CompleteUpTo { bound, passed_over: Some(times) } => {
                write!(f, "complete up to {bound} and {times} passes by yields")
            }
            Verdict::Sampled(n) => write!(f, "sampled {n} schedules"),
            Verdict::Passed => f.write_str("passed (its own bound, not known to us)"),
            Verdict::CutOff { reason, done: None } => write!(f, "cut off ({reason})"),
            Verdict::CutOff { reason, done: Some(done) } => write!(f, "cut off ({reason}; complete up to {done})"),
            Verdict::Failed => f.write_str("failed"),
            Verdict::Crashed(_) => f.write_str("crashed"),
            Verdict::Hung(_) => f.write_str("hung"),
            Verdict::OutOfMemory(_) => f.write_str("out of memory"),
            Verdict::NotDeterministic(_) => f.write_str("not deterministic"),
            Verdict::NothingExplored(_) => f.write_str("nothing explored"),
            Verdict::NotRun => f.write_str("not run"),
            Verdict::Refused(_) => f.write_str("refused"),
            Verdict::Unknown(_) => f.write_str("unknown"),
        }
    }
}

/// What a twin shows: the bug is put back, so it must fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It failed with its symptom, within its bound.
    Caught,
    /// It failed with its symptom, and later than stated.
    Late {
        /// Preemptions or delays of the failing schedule; of a sampled model, its number.
        found: u64,
        /// The bound that is stated.
        within: u32,
        /// What both count.
        counted: Counted,
    },
    /// It failed, with another message.
    OtherSymptom,
    /// It was searched as asked, and did not fail.
    Missed,
    /// It neither failed nor was it searched to the end.
    Undecided,
}

impl Judgement {
    /// What a twin's verdict and failure show.
    pub(crate) fn of(
        twin: &Twin,
        search: &SearchPlan,
        verdict: &Verdict,
        failure: Option<&Failure>,
    ) -> Option<Judgement> {
        match verdict {
            Verdict::NotRun => return None,
            Verdict::Complete | Verdict::CompleteUpTo { .. } | Verdict::Sampled(_) | Verdict::Passed => {
                return Some(Judgement::Missed);
            }
            Verdict::Failed | Verdict::Crashed(_) => {}
            _ => return Some(Judgement::Undecided),
        }
        // A model that fails by a deadlock may abort while it unwinds: its first panic is what counts.
        let message = failure.map(|failure| failure.message.as_str()).or(verdict.cause()).unwrap_or_default();
        if !message.contains(&twin.symptom) {
            return Some(Judgement::OtherSymptom);
        }
        let counted = search.counted();
        let found = failure.and_then(|failure| failure.counted_in(counted));
        match (found, twin.found_within) {
            (Some(found), Some(within)) if found > u64::from(within) => {
                Some(Judgement::Late { found, within, counted })
            }
            _ => Some(Judgement::Caught),
        }
    }

    /// The word of JSON lines.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Judgement::Caught => "caught",
            Judgement::Late { .. } => "late",
            Judgement::OtherSymptom => "other-symptom",
            Judgement::Missed => "missed",
            Judgement::Undecided => "undecided",
        }
    }
}

impl std::fmt::Display for Judgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Judgement::Caught => f.write_str("caught"),
            Judgement::Late { found, within, counted: Counted::Schedules } => {
                write!(f, "caught late: by schedule {found}, stated {within}")
            }
            Judgement::Late { found, within, counted } => {
                write!(f, "caught late: {}, stated {within}", counted.words(*found))
            }
            Judgement::OtherSymptom => f.write_str("not caught: failed with another symptom"),
            Judgement::Missed => f.write_str("not caught: passed"),
            Judgement::Undecided => f.write_str("undecided"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twin() -> Twin {
        Twin { bug: "M-02".to_owned(), symptom: "unmonitored".to_owned(), found_within: Some(1) }
    }

    fn failure(message: &str, preemptions: Option<u32>) -> Failure {
        Failure { message: message.to_owned(), preemptions, ..Failure::default() }
    }

    #[track_caller]
    fn check(verdict: &Verdict, failure: Option<&Failure>, expected: &Judgement) {
        let bounded = SearchPlan::Bounded { preemptions: 3 };
        assert_eq!(Judgement::of(&twin(), &bounded, verdict, failure).as_ref(), Some(expected));
    }

    #[test]
    fn a_twin_is_caught_only_with_its_symptom_within_its_bound() {
        check(&Verdict::Failed, Some(&failure("s1 is unmonitored", Some(1))), &Judgement::Caught);
        check(&Verdict::Failed, Some(&failure("s1 is unmonitored", None)), &Judgement::Caught);
        let late = Judgement::Late { found: 2, within: 1, counted: Counted::Preemptions };
        check(&Verdict::Failed, Some(&failure("s1 is unmonitored", Some(2))), &late);
        check(&Verdict::Failed, Some(&failure("deadlock", Some(1))), &Judgement::OtherSymptom);
        check(&Verdict::Failed, None, &Judgement::OtherSymptom);
    }

    #[test]
    fn a_sampled_twin_is_caught_by_its_schedule_with_any_number_of_preemptions() {
        let sampled = SearchPlan::Portfolio { schedules: 9 };
        let at = |execution| Failure { execution, ..failure("unmonitored", Some(300)) };
        let judged = |execution| Judgement::of(&twin(), &sampled, &Verdict::Failed, Some(&at(execution)));
        assert_eq!(judged(1), Some(Judgement::Caught));
        assert_eq!(judged(2), Some(Judgement::Late { found: 2, within: 1, counted: Counted::Schedules }));
    }

    #[test]
    fn a_twin_of_a_search_by_delays_is_caught_by_its_delays_with_any_number_of_preemptions() {
        let search = SearchPlan::Delays { delays: 2 };
        let at = |delays| Failure { delays: Some(delays), ..failure("unmonitored", Some(300)) };
        let judged = |delays| Judgement::of(&twin(), &search, &Verdict::Failed, Some(&at(delays)));
        assert_eq!(judged(1), Some(Judgement::Caught));
        let late = judged(2).expect("it is a twin's");
        assert_eq!(late, Judgement::Late { found: 2, within: 1, counted: Counted::Delays });
        assert_eq!(late.to_string(), "caught late: 2 delays, stated 1");
    }

    #[test]
    fn a_twin_that_passes_is_missed() {
        check(&Verdict::Complete, None, &Judgement::Missed);
        check(&Verdict::Sampled(9), None, &Judgement::Missed);
        check(&Verdict::Hung(String::new()), None, &Judgement::Undecided);
    }

    #[test]
    fn an_abort_counts_by_its_first_panic() {
        let crashed = Verdict::Crashed("signal 6 (abort)".to_owned());
        check(&crashed, Some(&failure("unmonitored", None)), &Judgement::Caught);
        check(&crashed, None, &Judgement::OtherSymptom);
    }

    #[test]
    fn less_than_asked_is_no_answer() {
        let bounded = SearchPlan::Bounded { preemptions: 3 };
        let up_to = |n| Verdict::CompleteUpTo { bound: Bound::Preemptions(n), passed_over: None };
        let delays = Verdict::CompleteUpTo { bound: Bound::Delays(3), passed_over: None };
        assert!(delays.answers(&SearchPlan::Delays { delays: 3 }, 1) && !delays.answers(&bounded, 1));
        assert!(!up_to(3).answers(&SearchPlan::Delays { delays: 3 }, 1));
        assert!(up_to(3).answers(&bounded, 1));
        assert!(!up_to(2).answers(&bounded, 1));
        assert!(!Verdict::Sampled(9000).answers(&bounded, 1));
        let unbounded = SearchPlan::Loom { preemptions: None };
        assert!(Verdict::Complete.answers(&unbounded, 1) && !up_to(3).answers(&unbounded, 1));
        let portfolio = SearchPlan::Portfolio { schedules: 10 };
        assert!(Verdict::Sampled(10).answers(&portfolio, 1) && !Verdict::Sampled(9).answers(&portfolio, 1));
        assert!(Verdict::Sampled(0).answers(&portfolio, 3));
    }

    #[test]
    fn no_verdict_is_called_exhaustive_and_passed_is_not_complete() {
        assert_eq!(Verdict::Passed.to_string(), "passed (its own bound, not known to us)");
        let up_to = |passed_over| Verdict::CompleteUpTo { bound: Bound::Preemptions(1), passed_over }.to_string();
        assert_eq!(up_to(None), "complete up to 1 preemption");
        assert_eq!(up_to(Some(9)), "complete up to 1 preemption and 9 passes by yields");
        let reason = "budget".to_owned();
        let cut = Verdict::CutOff { reason, done: Some(Bound::Preemptions(2)) };
        assert_eq!(cut.to_string(), "cut off (budget; complete up to 2 preemptions)");
    }
}
