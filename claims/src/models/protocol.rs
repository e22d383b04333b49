//! The lines that a model's process writes, protocol 1, and the request that it is given (`docs/model-protocol.md`).
//!
//! A reader ignores lines and fields that it does not know, and fills in what an older writer leaves out.

use serde::Deserialize;
use serde_json::json;

use super::bound::{Bound, BoundDone, Counted};
use super::shard::Shard;
use super::verdict::Verdict;

/// The version that is asked for and understood.
pub(crate) const PROTOCOL: u32 = 1;
/// Names the file that the process appends its lines to.
pub(crate) const OUT_VARIABLE: &str = "INTERLOCK_MODEL_OUT";
/// Holds the request.
pub(crate) const REQUEST_VARIABLE: &str = "INTERLOCK_MODEL_REQUEST";

/// One line of a model's process.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "line", rename_all = "lowercase")]
pub(crate) enum Line {
    Model(Description),
    Checked {
        executions: u64,
    },
    Progress {
        bound: Option<u32>,
        #[serde(default)]
        executions: u64,
        #[serde(default)]
        elapsed_ms: u64,
    },
    Bound(BoundDone),
    Failure(Failure),
    /// The failure that was told last was none: its panic was caught.
    #[serde(rename = "taken-back")]
    TakenBack,
    /// A token that cannot be replayed.
    Refused {
        #[serde(default)]
        reason: Option<String>,
    },
    End(End),
    #[serde(other)]
    Unknown,
}

/// What a model says of itself.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Description {
    /// Version of the protocol that it speaks.
    pub protocol: u32,
    /// Its name.
    pub name: String,
    /// What is asked, in a sentence.
    pub question: String,
    /// What must hold in every execution.
    pub property: String,
    /// `shuttle` or `loom`.
    pub engine: String,
    /// How it searches.
    pub search: SearchPlan,
    /// The bugs that can be put back.
    pub twins: Vec<Twin>,
    /// Executions that its shipped search is known to take.
    pub pinned: Option<u64>,
    /// The file that it stands in.
    pub file: Option<String>,
    /// Digest of what was built: shards of one model must agree in it.
    pub source: Option<String>,
}

/// How a model searches: what its verdict is held against.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SearchPlan {
    /// Every schedule with at most so many preemptions.
    Bounded {
        /// The last bound.
        preemptions: u32,
    },
    /// Every schedule with at most so many delays.
    Delays {
        /// The last bound.
        delays: u32,
    },
    /// So many schedules of several samplers.
    Portfolio {
        /// In all.
        schedules: u64,
    },
    /// Loom's own search.
    Loom {
        /// Its bound, if it has one.
        #[serde(default)]
        preemptions: Option<u32>,
    },
    /// Not said, or of a kind that is not known here.
    #[default]
    #[serde(other)]
    Unknown,
}

impl SearchPlan {
    /// How far it goes, where there is a bound.
    #[must_use]
    pub fn bound(&self) -> Option<Bound> {
        match self {
            SearchPlan::Bounded { preemptions } | SearchPlan::Loom { preemptions: Some(preemptions) } => {
                Some(Bound::Preemptions(*preemptions))
            }
            SearchPlan::Delays { delays } => Some(Bound::Delays(*delays)),
            SearchPlan::Portfolio { .. } | SearchPlan::Loom { preemptions: None } | SearchPlan::Unknown => None,
        }
    }

    /// Whether shards share it among them; what they do not share is whole in one of them.
    #[must_use]
    pub fn splits(&self) -> bool {
        match self {
            SearchPlan::Bounded { .. } | SearchPlan::Delays { .. } | SearchPlan::Portfolio { .. } => true,
            SearchPlan::Loom { .. } | SearchPlan::Unknown => false,
        }
    }

    /// What its twins' bounds are counted in.
    #[must_use]
    pub fn counted(&self) -> Counted {
        match self {
            SearchPlan::Delays { .. } => Counted::Delays,
            SearchPlan::Portfolio { .. } => Counted::Schedules,
            SearchPlan::Bounded { .. } | SearchPlan::Loom { .. } | SearchPlan::Unknown => Counted::Preemptions,
        }
    }
}

/// A bug that can be put back into what a model runs, which then must fail.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Twin {
    /// Id of the bug.
    pub bug: String,
    /// What the failure's message must contain.
    pub symptom: String,
    /// Within how many preemptions, delays or schedules it must be found, as the search counts.
    pub found_within: Option<u32>,
}

/// The first failure of a model.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Failure {
    /// The first panic.
    pub message: String,
    /// Number of the execution, from 1.
    pub execution: u64,
    /// Preemptions of its schedule, where they are counted.
    pub preemptions: Option<u32>,
    /// Delays of its schedule, where they are counted.
    pub delays: Option<u32>,
    /// What chose the schedule.
    pub scheduler: String,
    /// The schedule, as the model's own library encodes it.
    pub token: String,
    /// The execution, step by step; of a long one not all of them.
    pub steps: Vec<FailureStep>,
    /// How many steps there were. Without it there were those that are here.
    pub steps_total: u64,
    /// How many of them were taken where the model runs in one order.
    pub steps_quiet: u64,
    /// A file that has all of them, where this has not.
    pub steps_file: Option<String>,
    /// Lock classes concerned.
    pub classes: Vec<String>,
    /// Lints concerned.
    pub lints: Vec<LintConcerned>,
}

/// A lint that a failure concerns.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct LintConcerned {
    /// Its id.
    pub id: String,
    /// What of the failure is its subject.
    pub because: String,
    /// Where it finds something that concerns the same locks: `file:line: message`.
    pub findings: Vec<String>,
}

impl Failure {
    /// What its schedule took, as a search counts it.
    pub(crate) fn counted_in(&self, counted: Counted) -> Option<u64> {
        match counted {
            Counted::Preemptions => self.preemptions.map(u64::from),
            Counted::Delays => self.delays.map(u64::from),
            Counted::Schedules => Some(self.execution),
        }
    }
}

/// A step of a failing execution.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct FailureStep {
    /// Its number, from 1.
    pub step: u64,
    /// The task or thread.
    pub task: String,
    /// Where in the source, if that is known.
    pub file: Option<String>,
    /// The line there.
    pub line: Option<u32>,
    /// What the task did, or waits for.
    pub what: String,
    /// With which object.
    pub object: String,
    /// Where that was made, if that is known.
    pub made: Option<MadeAt>,
    /// Who holds it.
    pub held_by: Option<String>,
    /// The same, each for itself.
    pub holders: Vec<HolderAt>,
    /// Whether the model ran in one order here: its question had not begun, or was answered.
    pub quiet: bool,
    /// The lock class of the object, where it is known.
    pub class: Option<String>,
}

/// Who holds something, and since where.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(default)]
pub struct HolderAt {
    /// The task.
    pub task: String,
    /// By which operation.
    pub operation: String,
    /// In which file.
    pub file: String,
    /// In which line.
    pub line: u32,
}

/// Where an object was made.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct MadeAt {
    /// In which file.
    pub file: String,
    /// In which line.
    pub line: u32,
}

/// The last line.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) verdict: VerdictObject,
    #[serde(default)]
    pub(crate) executions: u64,
    #[serde(default)]
    pub(crate) prefixes: u64,
    /// Sentences that limit the verdict.
    #[serde(default)]
    pub(crate) notes: Vec<String>,
}

/// A verdict as it is written: also in the results that shards are joined from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct VerdictObject {
    pub(crate) kind: String,
    pub(crate) preemptions: Option<u32>,
    pub(crate) delays: Option<u32>,
    pub(crate) passed_over: Option<u32>,
    pub(crate) schedules: Option<u64>,
    pub(crate) reason: Option<String>,
    pub(crate) preemptions_done: Option<u32>,
    pub(crate) delays_done: Option<u32>,
    pub(crate) cause: Option<String>,
}

impl VerdictObject {
    /// The verdict. One whose kind or number is missing is `Unknown`, never a success.
    pub(crate) fn verdict(self) -> Verdict {
        let cause = self.cause.unwrap_or_default();
        let bound = Bound::of_fields(self.preemptions, self.delays);
        let passed_over = self.passed_over;
        match (self.kind.as_str(), bound, self.schedules) {
            ("complete", _, _) => Verdict::Complete,
            ("complete-up-to", Some(bound @ Bound::Preemptions(_)), _) => Verdict::CompleteUpTo { bound, passed_over },
            ("complete-up-to-delays", Some(bound @ Bound::Delays(_)), _) => {
                Verdict::CompleteUpTo { bound, passed_over }
            }
            ("sampled", _, Some(schedules)) => Verdict::Sampled(schedules),
            ("cut-off", _, _) => {
                let done = Bound::of_fields(self.preemptions_done, self.delays_done);
                Verdict::CutOff { reason: self.reason.unwrap_or_default(), done }
            }
            ("failed", _, _) => Verdict::Failed,
            ("not-deterministic", _, _) => Verdict::NotDeterministic(cause),
            ("nothing-explored", _, _) => Verdict::NothingExplored(cause),
            ("crashed", _, _) => Verdict::Crashed(cause),
            ("hung", _, _) => Verdict::Hung(cause),
            ("out-of-memory", _, _) => Verdict::OutOfMemory(cause),
            ("refused", _, _) => Verdict::Refused(cause),
            ("passed", _, _) => Verdict::Passed,
            ("not-run", _, _) => Verdict::NotRun,
            ("unknown", _, _) => Verdict::Unknown(cause),
            (kind, _, _) => Verdict::Unknown(format!("the verdict `{kind}` is not known to this version")),
        }
    }
}

/// What a model's process is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Describe,
    Run,
    Replay(String),
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) ask: &'a Ask,
    pub(crate) twin: Option<&'a str>,
    pub(crate) budget_ms: u64,
    pub(crate) shard: Shard,
    pub(crate) scale: &'a str,
}

impl Request<'_> {
    /// The request as the process reads it.
    pub(crate) fn encoded(&self) -> String {
        let (ask, token) = match self.ask {
            Ask::Describe => ("describe", None),
            Ask::Run => ("run", None),
            Ask::Replay(token) => ("replay", Some(token)),
        };
        let Request { twin, budget_ms, shard, scale, .. } = self;
        let shard = [shard.index, shard.count];
        json!({
            "protocol": PROTOCOL, "ask": ask, "twin": twin, "budget_ms": budget_ms,
            "shard": shard, "scale": scale, "token": token,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Line {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn unknown_lines_and_fields_are_ignored() {
        assert_eq!(read(r#"{"line":"weather","sun":true}"#), Line::Unknown);
        let bound = read(r#"{"line":"bound","preemptions":2,"executions":9,"colour":"red"}"#);
        assert_eq!(bound, Line::Bound(BoundDone { bound: Bound::Preemptions(2), executions: 9, is_bounded: true }));
    }

    #[test]
    fn a_model_of_another_kind_of_search_is_still_read() {
        let line = read(r#"{"line":"model","protocol":1,"name":"a","search":{"kind":"oracle","depth":3}}"#);
        let expected = Description { protocol: 1, name: "a".to_owned(), ..Description::default() };
        assert_eq!(line, Line::Model(expected));
        let line = read(r#"{"line":"model","search":{"kind":"loom","preemptions":null}}"#);
        let expected = Description { search: SearchPlan::Loom { preemptions: None }, ..Description::default() };
        assert_eq!(line, Line::Model(expected));
    }

    #[test]
    fn a_verdict_without_its_number_is_no_success() {
        let verdict = |text: &str| serde_json::from_str::<VerdictObject>(text).unwrap().verdict();
        assert_eq!(
            verdict(r#"{"kind":"complete-up-to","preemptions":2}"#),
            Verdict::CompleteUpTo { bound: Bound::Preemptions(2), passed_over: None }
        );
        assert!(matches!(verdict(r#"{"kind":"complete-up-to"}"#), Verdict::Unknown(_)));
        let delays = Verdict::CompleteUpTo { bound: Bound::Delays(2), passed_over: None };
        assert_eq!(verdict(r#"{"kind":"complete-up-to-delays","delays":2}"#), delays);
        // A number of the one is none of the other.
        assert!(matches!(verdict(r#"{"kind":"complete-up-to","delays":2}"#), Verdict::Unknown(_)));
        assert!(matches!(verdict(r#"{"kind":"complete-up-to-delays","preemptions":2}"#), Verdict::Unknown(_)));
        assert!(matches!(verdict(r#"{"kind":"exhaustive"}"#), Verdict::Unknown(_)));
    }

    #[test]
    fn a_request_says_everything() {
        let ask = Ask::Replay("x9".to_owned());
        let shard = Shard { index: 1, count: 4 };
        let request = Request { ask: &ask, twin: Some("M-02"), budget_ms: 5, shard, scale: "ci" };
        let value: serde_json::Value = serde_json::from_str(&request.encoded()).unwrap();
        let expected =
            json!({"protocol":1,"ask":"replay","twin":"M-02","budget_ms":5,"shard":[1,4],"scale":"ci","token":"x9"});
        assert_eq!(value, expected);
    }
}
