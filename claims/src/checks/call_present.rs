//! `call-present`: a function, its closures or async blocks call a callee.
//!
//! Sites are the calls looked at. A call whose receiver is not known and whose name is the callee's is a doubt,
//! not a proof.

use interlock_lints::Certainty;
use interlock_source::{Body, Function, Point, Workspace};

use crate::callee::{Callee, Fit};
use crate::check::{points, what_happens};
use crate::outcome::{Evidence, Outcome, Status};
use crate::place::{Place, Site};

pub(crate) fn check(workspace: &Workspace, call: &str, functions: &[&Function]) -> Outcome {
    let mut sites = Vec::new();
    let mut present = Vec::new();
    let mut doubtful = Vec::new();
    for (body, point) in points(workspace, functions) {
        let Some(callee) = Callee::at(point) else {
            continue;
        };
        sites.push(Site::new(workspace, point.span, &body.item, what_happens(point)));
        match callee.fit(call) {
            Fit::Yes => {
                present.push(seen(workspace, body, point, Certainty::Derived, format!("calls `{}`", callee.name())))
            }
            Fit::Maybe => {
                let certainty = Certainty::Assumed(format!("this `{}` is `{call}`", callee.name()));
                let message = format!("calls `{}`, which may be `{call}`", callee.name());
                doubtful.push(seen(workspace, body, point, certainty, message));
            }
            Fit::No => {}
        }
    }
    sites.sort();
    sites.dedup();
    let (status, evidence) = decide(workspace, call, functions, sites.is_empty(), present, doubtful);
    Outcome { status, sites, evidence }
}

fn seen(workspace: &Workspace, body: &Body, point: &Point, certainty: Certainty, message: String) -> Evidence {
    Evidence::new(certainty, Place::new(workspace, point.span, &body.item), message)
}

fn decide(
    workspace: &Workspace,
    call: &str,
    functions: &[&Function],
    no_sites: bool,
    present: Vec<Evidence>,
    doubtful: Vec<Evidence>,
) -> (Status, Vec<Evidence>) {
    if !present.is_empty() {
        return (Status::Pass, present);
    }
    if !doubtful.is_empty() {
        return (Status::Unresolved(format!("no call of `{call}` is resolved, calls of that name are")), doubtful);
    }
    if no_sites {
        return (Status::Vacuous("the function calls nothing".to_owned()), Vec::new());
    }
    let absent = |function: &&Function| {
        let place = Place::of_function(workspace, function);
        Evidence::new(Certainty::Derived, place, format!("does not call `{call}`"))
    };
    (Status::Fail, functions.iter().map(absent).collect())
}
