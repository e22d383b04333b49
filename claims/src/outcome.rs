//! What a check found: its status, the sites it looked at, and the evidence.

use interlock_lints::{Certainty, Finding};
use interlock_source::{ChainStep, Span, Workspace};

use crate::{Place, Site};

/// How a check came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It holds everywhere it looked.
    Pass,
    /// It does not hold; the evidence shows where.
    Fail,
    /// It looked at nothing, or could not have failed.
    Vacuous(String),
    /// It rests on something that is not known.
    Unresolved(String),
    /// It was not run.
    NotRun(String),
}

impl Status {
    /// `pass`, `fail`, `vacuous`, `unresolved` or `not run`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Status::Pass => "pass",
            Status::Fail => "fail",
            Status::Vacuous(_) => "vacuous",
            Status::Unresolved(_) => "unresolved",
            Status::NotRun(_) => "not run",
        }
    }

    /// Why it neither passed nor failed.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Status::Pass | Status::Fail => None,
            Status::Vacuous(why) | Status::Unresolved(why) | Status::NotRun(why) => Some(why),
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it came out.
    pub status: Status,
    /// The points it looked at, in order of file and start.
    pub sites: Vec<Site>,
    /// Of a failed check the counterexamples, of a passed one what it rests on, of an unresolved one the doubts.
    pub evidence: Vec<Evidence>,
}

impl Outcome {
    /// A check that neither passed nor failed.
    pub(crate) fn without_sites(status: Status) -> Outcome {
        Outcome { status, sites: Vec::new(), evidence: Vec::new() }
    }
}

/// A fact with the argument for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// How sure it is.
    pub certainty: Certainty,
    /// The place that a developer would edit.
    pub primary: Place,
    /// A lower-case fragment without full stop.
    pub message: String,
    /// The argument, in order.
    pub steps: Vec<EvidenceStep>,
}

/// A step of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceStep {
    /// Where.
    pub place: Place,
    /// What happens there, as a lower-case fragment.
    pub message: String,
}

impl Evidence {
    pub(crate) fn new(certainty: Certainty, primary: Place, message: impl Into<String>) -> Evidence {
        Evidence { certainty, primary, message: message.into(), steps: Vec::new() }
    }

    pub(crate) fn of_finding(workspace: &Workspace, finding: &Finding) -> Evidence {
        let place = |place: &interlock_lints::Place| Place::new(workspace, place.span, &place.item);
        let primary = place(&finding.primary);
        let evidence = Evidence::new(finding.certainty.clone(), primary, finding.message.clone());
        let steps = finding.steps.iter();
        let steps = steps.map(|step| EvidenceStep { place: place(&step.place), message: step.message.clone() });
        Evidence { steps: steps.collect(), ..evidence }
    }

    pub(crate) fn because(mut self, place: Place, message: impl Into<String>) -> Evidence {
        self.steps.push(EvidenceStep { place, message: message.into() });
        self
    }

    /// Adds the calls of a chain, one step each.
    pub(crate) fn through(mut self, workspace: &Workspace, chain: &[ChainStep]) -> Evidence {
        for step in chain {
            let place = Place::new(workspace, step.span, &step.item);
            self = self.because(place, format!("calls `{}`", step.callee));
        }
        self
    }

    fn is_assumed(&self) -> bool {
        matches!(self.certainty, Certainty::Assumed(_))
    }
}

/// What was found while looking: sites, counterexamples and doubts.
#[derive(Debug, Default)]
pub(crate) struct Search {
    pub(crate) sites: Vec<Site>,
    pub(crate) counterexamples: Vec<Evidence>,
    pub(crate) doubts: Vec<Evidence>,
}

impl Search {
    /// The outcome of a proof of absence.
    ///
    /// A counterexample that rests on no assumption fails the check; one that does leaves it unresolved, as a
    /// doubt does. `vacuous` is the reason why nothing could have been found, where there is one.
    pub(crate) fn absence(self, vacuous: Option<String>) -> Outcome {
        let Search { mut sites, mut counterexamples, doubts } = self;
        sites.sort();
        sites.dedup();
        let is_refuted = counterexamples.iter().any(|evidence| !evidence.is_assumed());
        let n_assumed = counterexamples.len() + doubts.len();
        let status = match vacuous {
            _ if is_refuted => Status::Fail,
            Some(why) => Status::Vacuous(why),
            None if n_assumed > 0 => Status::Unresolved(unresolved_reason(&counterexamples, &doubts)),
            None => Status::Pass,
        };
        if !is_refuted {
            counterexamples.extend(doubts);
        }
        Outcome { status, sites, evidence: counterexamples }
    }
}

fn unresolved_reason(assumed: &[Evidence], doubts: &[Evidence]) -> String {
    match (assumed.len(), doubts) {
        (0, [one]) => format!("{} at {}:{}", one.message, one.primary.file, one.primary.range.start.line),
        (0, many) => format!("{} calls are not resolved, the first: {}", many.len(), many[0].message),
        (1, _) => format!("a counterexample rests on an assumption: {}", assumed[0].message),
        (n, _) => format!("{n} counterexamples rest on assumptions, the first: {}", assumed[0].message),
    }
}

/// A span with the function that it stands in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    pub(crate) span: Span,
    pub(crate) item: &'a str,
}

impl At<'_> {
    pub(crate) fn place(self, workspace: &Workspace) -> Place {
        Place::new(workspace, self.span, self.item)
    }
}
