//! `lock-not-acquired-while`: a function never waits for a lock class while it holds a guard of it.
//!
//! Sites are the acquisitions of the class in the function and every point at which a guard of it is held. A guard
//! that is held on some paths only counts as held. Acquisitions that never wait (`try_lock`) do not fail the check.

use interlock_lints::Certainty;
use interlock_source::{Body, Effect, Function, Held, LockClass, Point, PointKind, Wait, Workspace};

use crate::check::{held_of, points, what_happens};
use crate::doubts::Doubts;
use crate::outcome::{At, Evidence, Outcome, Search};
use crate::place::{Place, Site};
use crate::traversal::bodies_within;

pub(crate) fn check(workspace: &Workspace, class: &LockClass, functions: &[&Function]) -> Outcome {
    let mut search = Search::default();
    let mut doubts = Doubts::about(workspace, class);
    let mut under_lock = Vec::new();
    for (body, point) in points(workspace, functions) {
        if let Some(held) = held_of(point, class) {
            let what = format!("{} while `{class}` is held", what_happens(point));
            search.sites.push(Site::new(workspace, point.span, &body.item, what));
            search.counterexamples.extend(reentries(workspace, class, body, point, held));
            under_lock.push((body, point));
        } else if yields_guard(point, class) {
            search.sites.push(Site::new(workspace, point.span, &body.item, what_happens(point)));
        }
    }
    search.doubts = doubts_under_lock(workspace, &under_lock, &mut doubts);
    let vacuous = search.sites.is_empty().then(|| format!("the function never holds `{class}`"));
    search.absence(vacuous)
}

fn yields_guard(point: &Point, class: &LockClass) -> bool {
    matches!(&point.kind, PointKind::Acquire(acquisition) if acquisition.lock.class == *class && !acquisition.momentary)
}

fn reentries(workspace: &Workspace, class: &LockClass, body: &Body, point: &Point, held: &Held) -> Vec<Evidence> {
    let effects = workspace.effects(body, point).into_iter();
    let again = effects.filter(|effect| waits_for(effect, class));
    again.map(|effect| reentry(workspace, body, point, held, &effect)).collect()
}

/// Whether an effect acquires the class and may wait for it.
pub(crate) fn waits_for(effect: &Effect, class: &LockClass) -> bool {
    effect.acquisition.lock.class == *class && effect.acquisition.wait != Wait::Never
}

fn reentry(workspace: &Workspace, body: &Body, point: &Point, held: &Held, effect: &Effect) -> Evidence {
    let class = &effect.acquisition.lock.class;
    let on_some_path = if held.must { "" } else { " on some path" };
    let message = format!("`{class}` is acquired while it is held{on_some_path}");
    let primary = Place::new(workspace, point.span, &body.item);
    let evidence = held_step(workspace, body, held, Evidence::new(certainty(effect), primary, message));
    let acquired = Place::new(workspace, effect.acquisition.span, &effect.item);
    evidence.through(workspace, &effect.chain).because(acquired, "acquired again here")
}

/// Adds where the guard was acquired, and the calls that it came out of.
pub(crate) fn held_step(workspace: &Workspace, body: &Body, held: &Held, evidence: Evidence) -> Evidence {
    let item = held.chain.last().map_or(&body.item, |step| &step.callee);
    let place = Place::new(workspace, held.acquisition.span, item);
    let message = format!("guard of `{}` acquired here", held.acquisition.lock.class);
    evidence.through(workspace, &held.chain).because(place, message)
}

/// How sure it is that the effect happens.
pub(crate) fn certainty(effect: &Effect) -> Certainty {
    match effect.assumed {
        Some(assumption) => Certainty::Assumed(assumption.text().to_owned()),
        None => Certainty::Derived,
    }
}

/// The unresolved calls that run under the lock, directly or within other calls, and may acquire it.
fn doubts_under_lock<'w>(
    workspace: &'w Workspace,
    under_lock: &[(&'w Body, &'w Point)],
    doubts: &mut Doubts<'_>,
) -> Vec<Evidence> {
    let mut found: Vec<Evidence> =
        under_lock.iter().filter_map(|(body, point)| doubt_at(body, point, doubts)).collect();
    for reached in bodies_within(workspace, under_lock) {
        for point in &reached.body.points {
            found.extend(doubt_at(reached.body, point, doubts).map(|doubt| doubt.through(workspace, &reached.chain)));
        }
    }
    found
}

fn doubt_at(body: &Body, point: &Point, doubts: &mut Doubts<'_>) -> Option<Evidence> {
    match &point.kind {
        PointKind::Call(call) => doubts.of_call(call, At { span: point.span, item: &body.item }),
        _ => None,
    }
}
