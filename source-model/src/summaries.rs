//! What each body does when it runs: acquisitions, also through calls, bottom-up over the call graph.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use rustc_hash::FxHashMap as HashMap;

use crate::built::BuiltBody;
use crate::facts::{Assumption, Call, ChainStep, Dispatch, Effect, Point, PointKind};
use crate::flow::callbacks::Callback;
use crate::flow::graph::{Place, RawBody};
use crate::flow::solve::{Solved, solve};
use crate::ir::Name;
use crate::locks::{AccessPath, Acquisition, BodyId, Extent, LockClass, LockRef, Mode, Root, Wait};
use crate::span::Span;

/// Effects kept for one body; more are cut off and counted.
const MAX_EFFECTS: usize = 256;
/// Rounds over a recursive group of bodies.
const MAX_ROUNDS: usize = 8;
/// Longer access paths are widened to their class.
const MAX_PROJECTIONS: usize = 8;

/// A guard that a body returns.
#[derive(Clone, Debug)]
pub(crate) struct Returned {
    pub(crate) acquisition: Arc<Acquisition>,
    pub(crate) fallible: bool,
    pub(crate) must: bool,
    pub(crate) chain: Vec<ChainStep>,
}

/// An acquisition that running a body performs.
#[derive(Clone, Debug)]
struct Entry {
    acquisition: Arc<Acquisition>,
    /// The point in this body, and for a call the callee's own entry.
    span: Span,
    next: Option<(BodyId, u32)>,
    length: u32,
    assumed: Option<Assumption>,
}

#[derive(Clone, Debug, Default)]
struct Summary {
    entries: Vec<Entry>,
    returned: Vec<Returned>,
    callbacks: Vec<Callback>,
}

/// The summaries of all bodies, and the points that they were made from.
#[derive(Debug, Default)]
pub(crate) struct Summaries {
    summaries: HashMap<BodyId, Summary>,
    items: HashMap<BodyId, Name>,
    /// The points of each body, until someone takes them.
    points: HashMap<BodyId, Vec<Point>>,
    /// Places of the arguments of calls that acquire something.
    args: HashMap<(BodyId, u32), Box<[Place]>>,
    /// Bodies whose effects were cut off.
    pub(crate) truncated: BTreeSet<BodyId>,
}

/// What makes two effects of one body the same.
type EffectKey = (LockRef, Mode, Extent, bool);

fn key(acquisition: &Acquisition) -> EffectKey {
    (acquisition.lock.clone(), acquisition.mode, acquisition.extent, acquisition.wait == Wait::Never)
}

impl Summaries {
    /// Solves every body, callees first.
    pub(crate) fn compute(bodies: &[BuiltBody]) -> Summaries {
        let mut summaries = Summaries::default();
        for body in bodies {
            summaries.items.insert(body.id, body.item.clone());
        }
        let (graph, positions) = call_graph(bodies);
        for group in tarjan_scc(&graph) {
            let mut members: Vec<usize> = group.iter().map(|node| positions[node.index()]).collect();
            members.sort_unstable();
            let is_recursive = members.len() > 1 || graph.contains_edge(group[0], group[0]);
            summaries.solve_group(bodies, &members, if is_recursive { MAX_ROUNDS } else { 1 });
        }
        summaries
    }

    fn solve_group(&mut self, bodies: &[BuiltBody], members: &[usize], rounds: usize) {
        let group: Vec<RawBody> = members.iter().map(|member| bodies[*member].decode()).collect();
        let mut solved: HashMap<BodyId, Solved> = HashMap::default();
        for _ in 0..rounds {
            let mut changed = false;
            for body in &group {
                let found = solve(body, self);
                changed |= self.summarise(body, &found);
                solved.insert(body.id, found);
            }
            if !changed {
                break;
            }
        }
        for body in &group {
            let found = solved.remove(&body.id).unwrap_or_default();
            self.keep(body.id, found);
        }
    }

    /// Keeps the points of a body, and of its arguments those that an effect is seen through.
    fn keep(&mut self, body: BodyId, mut solved: Solved) {
        for (at, point) in solved.points.iter().enumerate() {
            let PointKind::Call(call) = &point.kind else { continue };
            let acquires = |target| self.summaries.get(target).is_some_and(|summary| !summary.entries.is_empty());
            if call.targets.iter().any(acquires) {
                let at = crate::index::position(at);
                self.args.extend(solved.args.remove(&at).map(|args| ((body, at), args.into())));
            }
        }
        solved.points.shrink_to_fit();
        self.points.insert(body, solved.points);
    }

    /// The points of a body, once.
    pub(crate) fn take_points(&mut self, body: BodyId) -> Vec<Point> {
        self.points.remove(&body).unwrap_or_default()
    }

    /// Adds what the points of a body do to its summary; whether that is new.
    fn summarise(&mut self, body: &RawBody, solved: &Solved) -> bool {
        let mut summary = self.summaries.remove(&body.id).unwrap_or_default();
        let before = (summary.entries.len(), summary.returned.len(), summary.callbacks.len());
        let mut known: BTreeMap<EffectKey, usize> =
            summary.entries.iter().enumerate().map(|(at, entry)| (key(&entry.acquisition), at)).collect();
        for (at, point) in solved.points.iter().enumerate() {
            let at = crate::index::position(at);
            match &point.kind {
                PointKind::Acquire(acquisition) => {
                    let acquisition = acquisition.clone();
                    let entry = Entry { acquisition, span: point.span, next: None, length: 0, assumed: None };
                    add(&mut summary, &mut known, entry);
                }
                PointKind::Call(call) => {
                    let args = solved.args.get(&at).map(Vec::as_slice).unwrap_or_default();
                    for target in &call.targets {
                        for entry in self.entries_through(*target, call, args, point.span) {
                            add(&mut summary, &mut known, entry);
                        }
                    }
                }
                _ => {}
            }
        }
        if summary.entries.len() > MAX_EFFECTS {
            summary.entries.truncate(MAX_EFFECTS);
            self.truncated.insert(body.id);
        }
        summary.returned = solved.returned.clone();
        summary.callbacks = solved.callbacks.clone();
        let changed = before != (summary.entries.len(), summary.returned.len(), summary.callbacks.len());
        // What does nothing needs no summary.
        if !(summary.entries.is_empty() && summary.returned.is_empty() && summary.callbacks.is_empty()) {
            summary.entries.shrink_to_fit();
            self.summaries.insert(body.id, summary);
        }
        changed
    }

    /// The effects of a callee, as the caller sees them.
    fn entries_through(&self, target: BodyId, call: &Call, args: &[Place], span: Span) -> Vec<Entry> {
        let Some(summary) = self.summaries.get(&target) else { return Vec::new() };
        let assumed = match call.dispatch {
            Dispatch::Trait => Some(Assumption::TraitDispatch),
            Dispatch::Drop => Some(Assumption::Dropped),
            _ => None,
        };
        let entries = summary.entries.iter().enumerate().map(|(at, entry)| Entry {
            acquisition: seen_through(&entry.acquisition, call, args, target),
            span,
            next: Some((target, crate::index::position(at))),
            length: entry.length + 1,
            assumed: assumed.or(entry.assumed),
        });
        entries.collect()
    }

    pub(crate) fn returned(&self, body: BodyId) -> &[Returned] {
        self.summaries.get(&body).map(|summary| summary.returned.as_slice()).unwrap_or_default()
    }

    /// Where a body calls or polls its parameters, or those of an enclosing function.
    pub(crate) fn callbacks(&self, body: BodyId) -> &[Callback] {
        self.summaries.get(&body).map(|summary| summary.callbacks.as_slice()).unwrap_or_default()
    }

    pub(crate) fn item(&self, body: BodyId) -> Name {
        self.items.get(&body).cloned().unwrap_or_default()
    }

    /// The acquisitions that happen at a point of a body, with their call chains.
    pub(crate) fn effects_at(&self, body: BodyId, at: u32, point: &Point) -> Vec<Effect> {
        let item = self.item(body);
        match &point.kind {
            PointKind::Acquire(acquisition) => {
                vec![Effect { acquisition: acquisition.clone(), chain: Vec::new(), assumed: None, item }]
            }
            PointKind::Call(call) => {
                let args = self.args.get(&(body, at)).map(|args| &**args).unwrap_or_default();
                let mut effects = Vec::new();
                for target in &call.targets {
                    for entry in self.entries_through(*target, call, args, point.span) {
                        effects.push(self.effect(body, &entry));
                    }
                }
                effects
            }
            _ => Vec::new(),
        }
    }

    /// All acquisitions that running a body performs.
    pub(crate) fn effects_of(&self, body: BodyId) -> Vec<Effect> {
        let Some(summary) = self.summaries.get(&body) else { return Vec::new() };
        summary.entries.iter().map(|entry| self.effect(body, entry)).collect()
    }

    fn effect(&self, body: BodyId, entry: &Entry) -> Effect {
        let mut chain = Vec::new();
        let (mut at, mut entry) = (body, entry.clone());
        while let Some((callee, next)) = entry.next {
            chain.push(ChainStep { span: entry.span, item: self.item(at), callee: self.item(callee) });
            let Some(found) = self.summaries.get(&callee).and_then(|summary| summary.entries.get(next as usize)) else {
                break;
            };
            // A chain through a recursive group is cut rather than followed for ever.
            if chain.len() > 64 {
                break;
            }
            at = callee;
            let assumed = entry.assumed.or(found.assumed);
            entry = Entry { acquisition: entry.acquisition, assumed, ..found.clone() };
        }
        Effect { acquisition: entry.acquisition, chain, assumed: entry.assumed, item: self.item(at) }
    }
}

fn add(summary: &mut Summary, known: &mut BTreeMap<EffectKey, usize>, entry: Entry) {
    match known.get(&key(&entry.acquisition)) {
        Some(at) => {
            let old = &mut summary.entries[*at];
            let better = entry.length < old.length || (entry.assumed.is_none() && old.assumed.is_some());
            if better && entry.length <= old.length {
                *old = entry;
            }
        }
        None => {
            known.insert(key(&entry.acquisition), summary.entries.len());
            summary.entries.push(entry);
        }
    }
}

fn call_graph(bodies: &[BuiltBody]) -> (DiGraph<(), ()>, Vec<usize>) {
    let mut graph = DiGraph::with_capacity(bodies.len(), bodies.len());
    let mut nodes: HashMap<BodyId, NodeIndex> = HashMap::default();
    for body in bodies {
        nodes.insert(body.id, graph.add_node(()));
    }
    for body in bodies {
        for target in &body.callees {
            if let Some(to) = nodes.get(target) {
                graph.update_edge(nodes[&body.id], *to, ());
            }
        }
    }
    (graph, (0..bodies.len()).collect())
}

/// An acquisition of a callee as its caller sees it.
fn seen_through(acquisition: &Arc<Acquisition>, call: &Call, args: &[Place], callee: BodyId) -> Arc<Acquisition> {
    let mut acquisition = substitute(acquisition, args, callee);
    if call.is_bounded && acquisition.wait != Wait::Never {
        Arc::make_mut(&mut acquisition).wait = Wait::Never;
    }
    acquisition
}

/// An acquisition of a callee with the caller's places put in for its parameters.
pub(crate) fn substitute(acquisition: &Arc<Acquisition>, args: &[Place], callee: BodyId) -> Arc<Acquisition> {
    let lock = lock_through(&acquisition.lock, args, callee);
    if lock == acquisition.lock {
        return Arc::clone(acquisition);
    }
    Arc::new(Acquisition { lock, ..(**acquisition).clone() })
}

fn lock_through(lock: &LockRef, args: &[Place], callee: BodyId) -> LockRef {
    let Some(path) = &lock.path else { return lock.clone() };
    let mut result = lock.clone();
    match &path.root {
        Root::Param { body, index, .. } if *body == callee => {
            let place = args.get(*index as usize).cloned().unwrap_or_default();
            result.class = class_through(&lock.class, path.projections.is_empty(), &place);
            result.path = place.path.map(|mut base| {
                base.projections.extend(path.projections.iter().cloned());
                base
            });
            let too_long = |path: &AccessPath| path.projections.len() > MAX_PROJECTIONS;
            if result.path.as_ref().is_some_and(too_long) {
                result.path = None;
            }
        }
        // A callee's own variables are other objects at every call.
        Root::Local { body, .. } | Root::Param { body, .. } if callee.part == 0 && body.function == callee.function => {
            result.path = None;
        }
        _ => {}
    }
    result
}

/// A place of a callee with the caller's places put in for its parameters.
pub(crate) fn place_through(place: &Place, args: &[Place], callee: BodyId) -> Place {
    let Some(class) = &place.class else { return Place::default() };
    let lock = lock_through(&LockRef { class: class.clone(), path: place.path.clone() }, args, callee);
    Place { path: lock.path, class: Some(lock.class) }
}

fn class_through(class: &LockClass, is_whole: bool, place: &Place) -> LockClass {
    match (class, &place.class) {
        (LockClass::Param { .. }, Some(given)) if is_whole => given.clone(),
        (LockClass::Element(of), Some(given)) if matches!(**of, LockClass::Param { .. }) => {
            LockClass::Element(std::sync::Arc::new(given.clone()))
        }
        _ => class.clone(),
    }
}
