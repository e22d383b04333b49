//! What each body does when it runs: acquisitions, also through calls, bottom-up over the call graph.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap as HashMap};

use crate::built::BuiltBody;
use crate::facts::{Assumption, Call, ChainStep, Dispatch, Effect, Point, PointKind};
use crate::flow::callbacks::Callback;
use crate::flow::graph::{Place, RawBody};
use crate::flow::solve::{Solved, solve};
use crate::ir::Name;
use crate::locks::{AccessPath, Acquisition, BodyId, Extent, LockClass, LockRef, Mode, Projection, Root, Wait};
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
    way: Way,
}

/// How a body comes to an acquisition.
#[derive(Clone, Copy, Debug)]
struct Way {
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
    /// What polling the future that a function returns runs.
    yields: HashMap<u32, BodyId>,
}

/// What solving a body yields, before it is put with the others.
struct Found {
    body: BodyId,
    summary: Summary,
    is_cut_off: bool,
    points: Vec<Point>,
    args: Vec<(u32, Box<[Place]>)>,
}

impl Summaries {
    /// Solves every body, callees first; those of a level side by side.
    pub(crate) fn compute(bodies: &[BuiltBody]) -> Summaries {
        let mut summaries = Summaries::default();
        for body in bodies {
            summaries.items.insert(body.id, body.item.clone());
            summaries.yields.extend(body.yields.map(|future| (body.id.function, future)));
        }
        for level in levels(bodies) {
            let found: Vec<Found> = level.alone.par_iter().map(|at| summaries.found(&bodies[*at].decode())).collect();
            for found in found {
                summaries.put(found);
            }
            for group in &level.groups {
                summaries.solve_group(bodies, group);
            }
        }
        summaries
    }

    /// Solves a body whose callees have been solved.
    fn found(&self, body: &RawBody) -> Found {
        let solved = solve(body, self);
        let (summary, is_cut_off) = self.summarised(body.id, Summary::default(), &solved);
        self.kept(body.id, summary, is_cut_off, solved)
    }

    /// Solves bodies that call each other until nothing is new.
    fn solve_group(&mut self, bodies: &[BuiltBody], members: &[usize]) {
        let group: Vec<RawBody> = members.iter().map(|member| bodies[*member].decode()).collect();
        let mut solved: HashMap<BodyId, Solved> = HashMap::default();
        for _ in 0..MAX_ROUNDS {
            let mut changed = false;
            for body in &group {
                let found = solve(body, self);
                changed |= self.summarise(body.id, &found);
                solved.insert(body.id, found);
            }
            if !changed {
                break;
            }
        }
        for body in &group {
            let summary = self.summaries.get(&body.id).cloned().unwrap_or_default();
            let found = self.kept(body.id, summary, false, solved.remove(&body.id).unwrap_or_default());
            self.put(found);
        }
    }

    /// Adds what the points of a body do to its summary; whether that is new.
    fn summarise(&mut self, body: BodyId, solved: &Solved) -> bool {
        let before = self.summaries.remove(&body).unwrap_or_default();
        let n_before = before.counts();
        let (summary, is_cut_off) = self.summarised(body, before, solved);
        let changed = n_before != summary.counts();
        self.put_summary(body, summary, is_cut_off);
        changed
    }

    /// The points of a body, and of its arguments those that an effect is seen through.
    fn kept(&self, body: BodyId, summary: Summary, is_cut_off: bool, mut solved: Solved) -> Found {
        let acquires = |target| self.summaries.get(target).is_some_and(|summary| !summary.entries.is_empty());
        let mut args = Vec::new();
        for (at, point) in solved.points.iter().enumerate() {
            let PointKind::Call(call) = &point.kind else { continue };
            if call.targets.iter().any(acquires) {
                let at = crate::index::position(at);
                args.extend(solved.args.remove(&at).map(|args| (at, args.into())));
            }
        }
        solved.points.shrink_to_fit();
        Found { body, summary, is_cut_off, points: solved.points, args }
    }

    fn put(&mut self, found: Found) {
        let Found { body, summary, is_cut_off, points, args } = found;
        self.put_summary(body, summary, is_cut_off);
        self.args.extend(args.into_iter().map(|(at, args)| ((body, at), args)));
        self.points.insert(body, points);
    }

    fn put_summary(&mut self, body: BodyId, mut summary: Summary, is_cut_off: bool) {
        if is_cut_off {
            self.truncated.insert(body);
        }
        // What does nothing needs no summary.
        if summary.counts() != (0, 0, 0) {
            summary.entries.shrink_to_fit();
            self.summaries.insert(body, summary);
        }
    }

    /// The body that a call runs: of a function's future the one that it turned out to be, if any of the workspace.
    pub(crate) fn run_by(&self, target: BodyId) -> Option<BodyId> {
        let is_future = target == BodyId::returned_by(target.function);
        if is_future { self.yields.get(&target.function).copied() } else { Some(target) }
    }

    /// The points of a body, once.
    pub(crate) fn take_points(&mut self, body: BodyId) -> Vec<Point> {
        self.points.remove(&body).unwrap_or_default()
    }

    /// A summary with what the points of its body do, and whether that is more than is kept.
    fn summarised(&self, body: BodyId, before: Summary, solved: &Solved) -> (Summary, bool) {
        let mut entries = Entries::of(before.entries);
        for (at, point) in solved.points.iter().enumerate() {
            match &point.kind {
                PointKind::Acquire(acquisition) => entries.add(Seen::directly(acquisition), Way::here(point.span)),
                PointKind::Call(call) => {
                    let at = crate::index::position(at);
                    let args = solved.args.get(&at).map(Vec::as_slice).unwrap_or_default();
                    for (seen, way) in
                        call.targets.iter().flat_map(|to| self.through(body, *to, call, args, point.span))
                    {
                        entries.add(seen, way);
                    }
                }
                _ => {}
            }
        }
        let mut entries = entries.entries;
        let is_cut_off = entries.len() > MAX_EFFECTS;
        entries.truncate(MAX_EFFECTS);
        let (returned, callbacks) = (solved.returned.clone(), solved.callbacks.clone());
        (Summary { entries, returned, callbacks }, is_cut_off)
    }

    /// The effects of a callee, as the caller sees them.
    fn through<'a>(
        &'a self,
        from: BodyId,
        target: BodyId,
        call: &'a Call,
        args: &'a [Place],
        span: Span,
    ) -> impl Iterator<Item = (Seen<'a>, Way)> + 'a {
        let entries = self.summaries.get(&target).map(|summary| summary.entries.as_slice()).unwrap_or_default();
        let assumed = match call.dispatch {
            Dispatch::Trait => Some(Assumption::TraitDispatch),
            Dispatch::Drop => Some(Assumption::Dropped),
            _ => None,
        };
        let callee = as_called(from, target);
        entries.iter().enumerate().map(move |(at, entry)| {
            let way = Way {
                span,
                next: Some((target, crate::index::position(at))),
                length: entry.way.length + 1,
                assumed: assumed.or(entry.way.assumed),
            };
            (Seen::through(&entry.acquisition, call, args, callee), way)
        })
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
                let assumed = acquisition.assumption();
                vec![Effect { acquisition: acquisition.clone(), chain: Vec::new(), assumed, item }]
            }
            PointKind::Call(call) => {
                let args = self.args.get(&(body, at)).map(|args| &**args).unwrap_or_default();
                let mut effects = Vec::new();
                for target in &call.targets {
                    for (seen, way) in self.through(body, *target, call, args, point.span) {
                        effects.push(self.effect(body, seen.acquisition(), way));
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
        let entries = summary.entries.iter();
        entries.map(|entry| self.effect(body, Arc::clone(&entry.acquisition), entry.way)).collect()
    }

    fn effect(&self, body: BodyId, acquisition: Arc<Acquisition>, mut way: Way) -> Effect {
        let mut chain = Vec::with_capacity(way.length as usize);
        let mut at = body;
        while let Some((callee, next)) = way.next {
            chain.push(ChainStep { span: way.span, item: self.item(at), callee: self.item(callee) });
            let Some(found) = self.summaries.get(&callee).and_then(|summary| summary.entries.get(next as usize)) else {
                break;
            };
            // A chain through a recursive group is cut rather than followed for ever.
            if chain.len() > 64 {
                break;
            }
            at = callee;
            way = Way { assumed: way.assumed.or(found.way.assumed), ..found.way };
        }
        let assumed = way.assumed.or(acquisition.assumption());
        Effect { acquisition, chain, assumed, item: self.item(at) }
    }
}

impl Summary {
    fn counts(&self) -> (usize, usize, usize) {
        (self.entries.len(), self.returned.len(), self.callbacks.len())
    }
}

impl Way {
    fn here(span: Span) -> Way {
        Way { span, next: None, length: 0, assumed: None }
    }
}

/// An acquisition as a body sees it. Most are known already, so it is made only where it is new.
struct Seen<'a> {
    of: &'a Arc<Acquisition>,
    /// The lock as the body names it, where that is another name.
    lock: Option<LockRef>,
    wait: Wait,
}

impl<'a> Seen<'a> {
    fn directly(of: &'a Arc<Acquisition>) -> Seen<'a> {
        Seen { of, lock: None, wait: of.wait }
    }

    /// An acquisition of a callee as its caller sees it.
    fn through(of: &'a Arc<Acquisition>, call: &Call, args: &[Place], callee: BodyId) -> Seen<'a> {
        let wait = if call.is_bounded { Wait::Never } else { of.wait };
        Seen { of, lock: lock_through(&of.lock, args, callee), wait }
    }

    /// What makes two effects of one body the same.
    fn key(&self) -> (&LockRef, Mode, Extent, bool) {
        (self.lock.as_ref().unwrap_or(&self.of.lock), self.of.mode, self.of.extent, self.wait == Wait::Never)
    }

    fn acquisition(self) -> Arc<Acquisition> {
        if self.lock.is_none() && self.wait == self.of.wait {
            return Arc::clone(self.of);
        }
        let lock = self.lock.unwrap_or_else(|| self.of.lock.clone());
        Arc::new(Acquisition { lock, wait: self.wait, ..(**self.of).clone() })
    }
}

/// The effects of one body, in the order in which they are met, each once.
struct Entries {
    entries: Vec<Entry>,
    /// Positions of the entries, by their keys.
    known: HashTable<u32>,
}

impl Entries {
    fn of(entries: Vec<Entry>) -> Entries {
        let mut all = Entries { entries: Vec::with_capacity(entries.len()), known: HashTable::new() };
        for Entry { acquisition, way } in entries {
            all.add(Seen::directly(&acquisition), way);
        }
        all
    }

    /// Adds an effect, or a better way to one that is known.
    fn add(&mut self, seen: Seen<'_>, way: Way) {
        let hash = |seen: &Seen<'_>| FxBuildHasher.hash_one(seen.key());
        let own = hash(&seen);
        let entries = &mut self.entries;
        let is_same = |at: &u32| Seen::directly(&entries[*at as usize].acquisition).key() == seen.key();
        if let Some(at) = self.known.find(own, is_same).copied() {
            let old = &mut entries[at as usize];
            let better = way.length < old.way.length || (way.assumed.is_none() && old.way.assumed.is_some());
            if better && way.length <= old.way.length {
                *old = Entry { acquisition: seen.acquisition(), way };
            }
            return;
        }
        let at = crate::index::position(entries.len());
        entries.push(Entry { acquisition: seen.acquisition(), way });
        self.known.insert_unique(own, at, |at| hash(&Seen::directly(&entries[*at as usize].acquisition)));
    }
}

/// Bodies whose callees are all in earlier levels, but for those of their own group.
#[derive(Default)]
struct Level {
    /// Positions of bodies that do not call themselves.
    alone: Vec<usize>,
    /// Bodies that call each other.
    groups: Vec<Vec<usize>>,
}

fn levels(bodies: &[BuiltBody]) -> Vec<Level> {
    let graph = call_graph(bodies);
    let mut levels: Vec<Level> = Vec::new();
    let mut level_of = vec![0; bodies.len()];
    // Callees come first.
    for group in tarjan_scc(&graph) {
        let callees = group.iter().flat_map(|node| graph.neighbors(*node)).filter(|callee| !group.contains(callee));
        let level = callees.map(|callee| level_of[callee.index()] + 1).max().unwrap_or(0);
        if levels.len() <= level {
            levels.resize_with(level + 1, Level::default);
        }
        for node in &group {
            level_of[node.index()] = level;
        }
        let mut members: Vec<usize> = group.iter().map(|node| node.index()).collect();
        members.sort_unstable();
        if members.len() > 1 || graph.contains_edge(group[0], group[0]) {
            levels[level].groups.push(members);
        } else {
            levels[level].alone.extend(members);
        }
    }
    levels
}

/// Which body may run which; nodes are positions.
fn call_graph(bodies: &[BuiltBody]) -> DiGraph<(), ()> {
    let mut graph = DiGraph::with_capacity(bodies.len(), bodies.len());
    let mut nodes: HashMap<BodyId, NodeIndex> = bodies.iter().map(|body| (body.id, graph.add_node(()))).collect();
    for body in bodies {
        let future = body.yields.and_then(|future| nodes.get(&future).copied());
        nodes.extend(future.map(|node| (BodyId::returned_by(body.id.function), node)));
    }
    for body in bodies {
        for target in &body.callees {
            if let Some(to) = nodes.get(target) {
                graph.update_edge(nodes[&body.id], *to, ());
            }
        }
    }
    graph
}

/// The body whose parameters a call's arguments stand for: a future that another function returned names the function's.
pub(crate) fn as_called(from: BodyId, target: BodyId) -> BodyId {
    if from.function == target.function { target } else { BodyId { part: 0, ..target } }
}

/// An acquisition of a callee with the caller's places put in for its parameters.
pub(crate) fn substitute(acquisition: &Arc<Acquisition>, args: &[Place], callee: BodyId) -> Arc<Acquisition> {
    match lock_through(&acquisition.lock, args, callee) {
        None => Arc::clone(acquisition),
        Some(lock) => Arc::new(Acquisition { lock, ..(**acquisition).clone() }),
    }
}

/// The lock of a callee as its caller names it; `None` where that is the same name.
fn lock_through(lock: &LockRef, args: &[Place], callee: BodyId) -> Option<LockRef> {
    let path = lock.path.as_ref()?;
    match &path.root {
        Root::Param { body, index, .. } if *body == callee => {
            let unknown = Place::default();
            let place = args.get(*index as usize).unwrap_or(&unknown);
            let class = class_through(&lock.class, path.projections.is_empty(), place);
            Some(LockRef { class, path: place.path.as_ref().and_then(|base| joined(base, &path.projections)) })
        }
        // A callee's own variables are other objects at every call.
        Root::Local { body, .. } | Root::Param { body, .. } if callee.part == 0 && body.function == callee.function => {
            Some(LockRef { class: lock.class.clone(), path: None })
        }
        _ => None,
    }
}

/// A path with further steps; `None` where it would be too long, or leads to what a struct got from elsewhere.
fn joined(base: &AccessPath, steps: &[Projection]) -> Option<AccessPath> {
    if base.projections.len() + steps.len() > MAX_PROJECTIONS {
        return None;
    }
    let (mut path, mut steps) = (base.clone(), steps);
    if let (Some(Projection::Holder(_)), [first, rest @ ..]) = (base.projections.last(), steps) {
        let Projection::Field(name) = first else { return None };
        path = path.stepped_to(*name)?;
        steps = rest;
    }
    path.projections.extend_from_slice(steps);
    Some(path)
}

/// A place of a callee with the caller's places put in for its parameters.
pub(crate) fn place_through(place: &Place, args: &[Place], callee: BodyId) -> Place {
    let Some(class) = &place.class else { return Place::default() };
    let lock = LockRef { class: class.clone(), path: place.path.clone() };
    let lock = lock_through(&lock, args, callee).unwrap_or(lock);
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
