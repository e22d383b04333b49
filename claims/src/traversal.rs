//! Bodies that run within calls, each with the shortest call chain to it.

use std::collections::{BTreeSet, VecDeque};

use interlock_source::{Body, BodyId, Call, ChainStep, Point, PointKind, Workspace};

/// A body that runs within a call, and the calls that lead to it.
pub(crate) struct Reached<'w> {
    pub(crate) body: &'w Body,
    pub(crate) chain: Vec<ChainStep>,
    /// Whether a call of the chain has several possible targets.
    pub(crate) is_assumed: bool,
}

/// Every body that the calls at the given points may run, breadth first.
pub(crate) fn bodies_within<'w>(workspace: &'w Workspace, starts: &[(&'w Body, &'w Point)]) -> Vec<Reached<'w>> {
    let mut open: VecDeque<Reached<'w>> = VecDeque::new();
    let mut seen: BTreeSet<BodyId> = BTreeSet::new();
    for (body, point) in starts {
        open.extend(targets(workspace, body, point, &[], &mut seen));
    }
    let mut reached = Vec::new();
    while let Some(next) = open.pop_front() {
        for point in &next.body.points {
            let inner = targets(workspace, next.body, point, &next.chain, &mut seen);
            open.extend(
                inner.into_iter().map(|inner| Reached { is_assumed: inner.is_assumed || next.is_assumed, ..inner }),
            );
        }
        reached.push(next);
    }
    reached
}

fn targets<'w>(
    workspace: &'w Workspace,
    body: &'w Body,
    point: &'w Point,
    chain: &[ChainStep],
    seen: &mut BTreeSet<BodyId>,
) -> Vec<Reached<'w>> {
    let PointKind::Call(call) = &point.kind else {
        return Vec::new();
    };
    let fresh = call.targets.iter().filter(|target| seen.insert(**target));
    let bodies = fresh.filter_map(|target| body_of(workspace, *target));
    bodies.map(|target| reached(target, body, point, call, chain)).collect()
}

/// A body by its id, where it was analysed.
fn body_of(workspace: &Workspace, id: BodyId) -> Option<&Body> {
    let position = workspace.bodies().binary_search_by_key(&id, |body| body.id).ok()?;
    Some(&workspace.bodies()[position])
}

fn reached<'w>(target: &'w Body, body: &Body, point: &Point, call: &Call, chain: &[ChainStep]) -> Reached<'w> {
    let step = ChainStep { span: point.span, item: body.item, callee: target.item };
    let chain = chain.iter().cloned().chain([step]).collect();
    Reached { body: target, chain, is_assumed: call.targets.len() > 1 }
}
