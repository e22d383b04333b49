//! `call-absent-under-lock`: a callee does not run while a function holds a guard of a lock class.
//!
//! Calls under the lock are followed. Sites are the points at which the guard is held. A call whose receiver is not
//! known and whose name is the callee's leaves the check unresolved.

use interlock_lints::Certainty;
use interlock_source::{Body, Function, Held, LockClass, Point, Workspace};

use super::lock_not_acquired_while::held_step;
use crate::callee::{Callee, Fit};
use crate::check::{held_of, points, what_happens};
use crate::outcome::{Evidence, Outcome, Search};
use crate::place::{Place, Site};
use crate::traversal::{Reached, bodies_within};

pub(crate) fn check(workspace: &Workspace, call: &str, class: &LockClass, functions: &[&Function]) -> Outcome {
    let mut search = Search::default();
    let mut under_lock = Vec::new();
    for (body, point) in points(workspace, functions) {
        let Some(held) = held_of(point, class) else {
            continue;
        };
        let what = format!("{} while `{class}` is held", what_happens(point));
        search.sites.push(Site::new(workspace, point.span, &body.item, what));
        note(&mut search, direct(workspace, call, body, point, held));
        under_lock.push((body, point));
    }
    for reached in bodies_within(workspace, &under_lock) {
        for point in &reached.body.points {
            note(&mut search, within_calls(workspace, call, class, &reached, point));
        }
    }
    let vacuous = search.sites.is_empty().then(|| format!("nothing happens while `{class}` is held"));
    search.absence(vacuous)
}

fn note(search: &mut Search, found: Option<(Fit, Evidence)>) {
    match found {
        Some((Fit::Yes, evidence)) => search.counterexamples.push(evidence),
        Some((Fit::Maybe, evidence)) => search.doubts.push(evidence),
        Some((Fit::No, _)) | None => {}
    }
}

fn direct(workspace: &Workspace, call: &str, body: &Body, point: &Point, held: &Held) -> Option<(Fit, Evidence)> {
    let (fit, certainty, message) = fitting(call, point)?;
    let primary = Place::new(workspace, point.span, &body.item);
    let message = format!("{message} while `{}` is held", held.acquisition.lock.class);
    Some((fit, held_step(workspace, body, held, Evidence::new(certainty, primary, message))))
}

fn within_calls(
    workspace: &Workspace,
    call: &str,
    class: &LockClass,
    reached: &Reached<'_>,
    point: &Point,
) -> Option<(Fit, Evidence)> {
    let (fit, mut certainty, message) = fitting(call, point)?;
    if reached.is_assumed {
        certainty = Certainty::Assumed("this target of a call is the one that runs".to_owned());
    }
    let place = Place::new(workspace, point.span, &reached.body.item);
    let first = reached.chain.first()?;
    let primary = Place::new(workspace, first.span, &first.item);
    let message = format!("{message} within a call while `{class}` is held");
    let evidence = Evidence::new(certainty, primary, message).through(workspace, &reached.chain);
    Some((fit, evidence.because(place, format!("`{call}` runs here"))))
}

fn fitting(call: &str, point: &Point) -> Option<(Fit, Certainty, String)> {
    let callee = Callee::at(point)?;
    let name = callee.name();
    match callee.fit(call) {
        Fit::Yes => Some((Fit::Yes, Certainty::Derived, format!("`{name}` runs"))),
        Fit::Maybe => {
            let certainty = Certainty::Assumed(format!("this `{name}` is `{call}`"));
            Some((Fit::Maybe, certainty, format!("`{name}`, which may be `{call}`, runs")))
        }
        Fit::No => None,
    }
}
