//! `lock-not-reachable`: no call chain from a function waits for a lock class.
//!
//! Spawned tasks and the receivers of channels are other roots: what they acquire does not count. Sites are the
//! calls and acquisitions looked at. An unresolved call that may acquire the class leaves the check unresolved.

use interlock_source::{Effect, Function, LockClass, Point, PointKind, Reach, Workspace};

use super::lock_not_acquired_while::{certainty, waits_for};
use crate::check::what_happens;
use crate::doubts::Doubts;
use crate::outcome::{At, Evidence, Outcome, Search};
use crate::place::{Place, Site};

pub(crate) fn check(workspace: &Workspace, class: &LockClass, functions: &[&Function]) -> Outcome {
    let mut search = Search::default();
    let mut doubts = Doubts::about(workspace, class);
    for function in functions {
        let reach = workspace.reach(function);
        search.sites.extend(sites(workspace, &reach));
        let effects = reach.effects.iter().filter(|effect| waits_for(effect, class));
        search.counterexamples.extend(effects.map(|effect| counterexample(workspace, function, effect)));
        if reach.cut_off {
            let at = At { span: function.span, item: &function.path };
            search.doubts.push(doubts.cut_off(at));
        }
        for (span, name, item) in &reach.unknown_calls {
            search.doubts.extend(doubts.of_unknown(name, At { span: *span, item }));
        }
    }
    let vacuous = search.sites.is_empty().then(|| "the function calls and acquires nothing".to_owned());
    search.absence(vacuous)
}

fn sites(workspace: &Workspace, reach: &Reach) -> Vec<Site> {
    let bodies = reach.bodies.iter().map(|id| workspace.body(*id));
    let points = bodies.flat_map(|body| body.points.iter().map(move |point| (body, point)));
    let looked_at = points.filter(|(_, point)| is_looked_at(point));
    looked_at.map(|(body, point)| Site::new(workspace, point.span, &body.item, what_happens(point))).collect()
}

fn is_looked_at(point: &Point) -> bool {
    matches!(point.kind, PointKind::Call(_) | PointKind::Acquire(_))
}

fn counterexample(workspace: &Workspace, function: &Function, effect: &Effect) -> Evidence {
    let class = &effect.acquisition.lock.class;
    let acquired = Place::new(workspace, effect.acquisition.span, &effect.item);
    let primary = match effect.chain.first() {
        Some(step) => Place::new(workspace, step.span, &step.item),
        None => acquired.clone(),
    };
    let message = format!("`{class}` is acquired on a call chain from `{}`", function.path);
    let evidence = Evidence::new(certainty(effect), primary, message).through(workspace, &effect.chain);
    evidence.because(acquired, format!("`{class}` is acquired here"))
}
