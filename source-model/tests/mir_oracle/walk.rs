//! Walks the MIR of a function with exact states: which guard lies where, on every path. Nothing is joined, so what the
//! compiler's drop flags and variants rule out is not seen; at a marker the states are compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::library;
use crate::parse::{Function, Line, Operand, Place, Rvalue, Step, Typed};

/// More states than this in one function mean that the walk does not end by itself.
const MAX_STATES: usize = 50_000;

/// What is held at a marker, by lock: on every path, or on some.
pub(crate) type Answer = BTreeMap<String, bool>;

/// A guard that exists: the block that made it, and its lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Guard {
    pub(crate) made: u32,
    pub(crate) lock: String,
}

/// One exact state.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct State {
    pub(crate) guards: BTreeSet<(Guard, Place)>,
    /// What references and raw pointers point to.
    pub(crate) refs: BTreeMap<Place, Place>,
    /// Variants that are known, and drop flags.
    pub(crate) known: BTreeMap<Place, u128>,
    /// Which place a number is the discriminant of.
    pub(crate) asks: BTreeMap<Place, Place>,
}

/// A place that is never dropped: of forgotten guards.
pub(crate) fn forever() -> Place {
    Place { local: u32::MAX, steps: Vec::new() }
}

/// Whether a place is part of the value in another one: what a reference points to is not.
fn is_within(inner: &Place, outer: &Place) -> bool {
    let Some((steps, rest)) = inner.steps.split_at_checked(outer.steps.len()) else { return false };
    let is_covered = outer.steps.iter().zip(steps).all(|(outer, inner)| outer.covers(*inner));
    inner.local == outer.local && is_covered && !rest.contains(&Step::Deref)
}

impl State {
    /// The place with its references followed.
    pub(crate) fn resolve(&self, place: &Place) -> Place {
        let mut at = Place { local: place.local, steps: Vec::new() };
        for step in &place.steps {
            match (step, self.refs.get(&at)) {
                (Step::Deref, Some(target)) => at = target.clone(),
                _ => at.steps.push(*step),
            }
        }
        at
    }

    /// Removes and returns the guards in a place, with the steps from there.
    ///
    /// A guard whose exact position in a value is not known lies in each part that can own it.
    pub(crate) fn take(&mut self, place: &Place, can_own: bool) -> Vec<(Guard, Vec<Step>)> {
        let mut taken = Vec::new();
        self.guards.retain(|(guard, at)| {
            if is_within(at, place) {
                taken.push((guard.clone(), at.steps[place.steps.len()..].to_vec()));
                return false;
            }
            let is_part = is_within(place, at) && can_own;
            if is_part {
                taken.push((guard.clone(), Vec::new()));
            }
            !is_part
        });
        taken
    }

    pub(crate) fn put(&mut self, place: &Place, guards: Vec<(Guard, Vec<Step>)>) {
        for (guard, steps) in guards {
            let mut at = place.clone();
            at.steps.extend(steps);
            self.guards.insert((guard, at));
        }
    }

    /// What is known of a value and its parts, by the steps from there.
    fn known_within(&self, operand: &Operand) -> Vec<(Vec<Step>, u128)> {
        let Operand::From(from) = operand else { return Vec::new() };
        let place = self.resolve(&from.place);
        let within = self.known.iter().filter(|(at, _)| is_within(at, &place));
        within.map(|(at, value)| (at.steps[place.steps.len()..].to_vec(), *value)).collect()
    }

    fn learn(&mut self, place: &Place, known: Vec<(Vec<Step>, u128)>) {
        for (steps, value) in known {
            self.known.insert(Place { steps: [place.steps.clone(), steps].concat(), ..*place }, value);
        }
    }

    /// Forgets what was known of a place that is written.
    pub(crate) fn overwrite(&mut self, place: &Place) {
        self.guards.retain(|(_, at)| !is_within(at, place));
        self.refs.retain(|at, _| !is_within(at, place));
        self.known.retain(|at, _| !is_within(at, place));
        self.asks.retain(|at, of| !is_within(at, place) && !is_within(of, place));
    }
}

/// Held sets at the markers of a function; markers that nothing reaches are absent.
pub(crate) fn markers(function: &Function) -> Result<BTreeMap<u32, Answer>, String> {
    let mut seen: BTreeMap<u32, Vec<BTreeSet<Guard>>> = BTreeMap::new();
    let mut first = State::default();
    if is_coroutine(function) {
        first.known.insert(saved_state(), 0);
    }
    let mut open = vec![(0_u32, first)];
    let mut visited: BTreeSet<(u32, State)> = BTreeSet::new();
    while let Some((block, state)) = open.pop() {
        if !visited.insert((block, state.clone())) {
            continue;
        }
        if visited.len() > MAX_STATES {
            return Err("too many states".to_owned());
        }
        Walk { function, block }.run(state, &mut seen, &mut open)?;
    }
    Ok(seen.into_iter().map(|(marker, states)| (marker, answer(&states))).collect())
}

fn is_coroutine(function: &Function) -> bool {
    function.types.get(&1).is_some_and(|ty| ty.starts_with("Pin<&mut {async "))
}

/// Where a coroutine notes how far it is: states from 3 on are suspension points.
fn saved_state() -> Place {
    Place { local: 1, steps: vec![Step::Field(0), Step::Deref] }
}

/// A guard that is there in every state is held; one that is in some only may be.
fn answer(states: &[BTreeSet<Guard>]) -> Answer {
    let mut answer = Answer::new();
    let all: BTreeSet<&Guard> = states.iter().flatten().collect();
    for guard in all {
        let must = states.iter().all(|state| state.contains(guard));
        *answer.entry(guard.lock.clone()).or_insert(false) |= must;
    }
    answer
}

struct Walk<'a> {
    function: &'a Function,
    block: u32,
}

impl Walk<'_> {
    fn run(
        &self,
        mut state: State,
        seen: &mut BTreeMap<u32, Vec<BTreeSet<Guard>>>,
        open: &mut Vec<(u32, State)>,
    ) -> Result<(), String> {
        for line in &self.function.blocks[&self.block] {
            match line {
                Line::Assign(to, value) => self.assign(&mut state, to, value),
                Line::SetDiscriminant(place, value) => {
                    let place = state.resolve(place);
                    state.known.insert(place, u128::from(*value));
                }
                Line::Drop(place, next) => {
                    self.moved(&mut state, &Operand::From(place.clone()));
                    open.push((*next, state.clone()));
                }
                Line::Call { to, callee, args, next } => {
                    if let Some(marker) = library::marker(callee) {
                        let guards = state.guards.iter().map(|(guard, _)| guard);
                        let held = guards.filter(|guard| !guard.is_promise()).cloned().collect();
                        seen.entry(marker).or_default().push(held);
                    }
                    let Some(next) = next else { continue };
                    for after in self.call(&state, to, callee, args)? {
                        open.push((*next, after));
                    }
                }
                Line::Switch(on, cases, otherwise) => self.switch(&state, on, cases, *otherwise, open),
                Line::Goto(next) => open.push((*next, state.clone())),
                Line::Return => self.suspend(&state, open),
                Line::Unreachable => {}
            }
        }
        Ok(())
    }

    fn assign(&self, state: &mut State, to: &Place, value: &Rvalue) {
        let to = state.resolve(to);
        match value {
            Rvalue::Use(Operand::From(from)) => self.copy(state, &to, from),
            Rvalue::Use(Operand::Const(text)) => {
                state.overwrite(&to);
                let flag = [("false", 0), ("true", 1)].into_iter().find(|(name, _)| name == text);
                // Only the compiler's own flags: a variable of the source may be set by anyone.
                if let Some((_, flag)) = flag {
                    state.known.insert(to, flag);
                }
            }
            Rvalue::Ref(from) => {
                let from = state.resolve(from);
                state.overwrite(&to);
                state.refs.insert(to, from);
            }
            Rvalue::Discriminant(of) => {
                let of = state.resolve(of);
                let known = state.known.get(&of).copied();
                state.overwrite(&to);
                if let Some(known) = known {
                    state.known.insert(to, known);
                } else {
                    state.asks.insert(to, of);
                }
            }
            Rvalue::Aggregate(name, operands) => {
                let parts: Vec<_> =
                    operands.iter().map(|operand| (state.known_within(operand), self.moved(state, operand))).collect();
                state.overwrite(&to);
                for ((known, part), at) in parts.into_iter().zip(0..) {
                    let place = Place { steps: [&to.steps[..], &[Step::Field(at)]].concat(), ..to };
                    state.put(&place, part);
                    state.learn(&place, known);
                }
                if let Some(variant) = library::variant(name) {
                    state.known.insert(to, variant);
                }
            }
        }
    }

    fn copy(&self, state: &mut State, to: &Place, from: &Typed) {
        let place = state.resolve(&from.place);
        let known = state.known_within(&Operand::From(from.clone()));
        let guards = self.moved(state, &Operand::From(from.clone()));
        let target = match state.refs.get(&place) {
            Some(target) => Some(target.clone()),
            None => self.points_to(&place, from),
        };
        state.overwrite(to);
        state.put(to, guards);
        state.learn(to, known);
        if let Some(target) = target {
            state.refs.insert(to.clone(), target);
        }
    }

    /// What a reference that came from elsewhere points to: a place of its own.
    fn points_to(&self, place: &Place, from: &Typed) -> Option<Place> {
        let ty = self.function.type_of(from)?;
        if ty.starts_with('&') || ty.starts_with('*') {
            return Some(Place { steps: [&place.steps[..], &[Step::Deref]].concat(), ..*place });
        }
        // The pointer within a box leads to what the box owns.
        let boxed = self.function.types.get(&from.place.local)?.starts_with("std::boxed::Box<");
        let through = ty.starts_with("std::ptr::NonNull<") && boxed;
        through.then(|| Place { local: place.local, steps: Vec::new() })
    }

    /// The guards that an operand hands over.
    fn moved(&self, state: &mut State, operand: &Operand) -> Vec<(Guard, Vec<Step>)> {
        let Operand::From(from) = operand else { return Vec::new() };
        let can_own = self.function.type_of(from).is_some_and(library::can_own);
        let place = state.resolve(&from.place);
        state.take(&place, can_own)
    }

    fn switch(
        &self,
        state: &State,
        on: &Operand,
        cases: &[(u128, u32)],
        otherwise: Option<u32>,
        open: &mut Vec<(u32, State)>,
    ) {
        let known = match on {
            Operand::From(from) => state.known.get(&state.resolve(&from.place)).copied(),
            Operand::Const(_) => None,
        };
        // Flags with a name are variables of the source: both sides may run.
        let known = known.filter(|_| !self.is_variable(on));
        match known {
            Some(known) => {
                let taken = cases.iter().find(|(value, _)| *value == known).map(|(_, block)| *block);
                open.extend(taken.or(otherwise).map(|block| (block, state.clone())));
            }
            None => {
                let asked = match on {
                    Operand::From(from) => state.asks.get(&state.resolve(&from.place)),
                    Operand::Const(_) => None,
                };
                for (value, block) in cases {
                    let mut state = state.clone();
                    // The same question has the same answer until the place is written.
                    state.known.extend(asked.map(|place| (place.clone(), *value)));
                    open.push((*block, state));
                }
                open.extend(otherwise.map(|block| (block, state.clone())));
            }
        }
    }

    fn is_variable(&self, on: &Operand) -> bool {
        let Operand::From(from) = on else { return false };
        from.place.steps.is_empty() && self.function.variables.contains(&from.place.local)
    }

    /// A coroutine that returns at a suspension point goes on there when it is polled again.
    fn suspend(&self, state: &State, open: &mut Vec<(u32, State)>) {
        let is_suspended = state.known.get(&saved_state()).is_some_and(|at| *at >= 3);
        if is_suspended && is_coroutine(self.function) {
            open.push((0, state.clone()));
        }
    }

    fn call(&self, state: &State, to: &Typed, callee: &str, args: &[Operand]) -> Result<Vec<State>, String> {
        let ty = self.function.type_of(to).ok_or("the type of a result is not known")?;
        let call = library::Call { block: self.block, function: self.function, callee, args, to: &to.place, ty };
        call.run(state, |state, operand| self.moved(state, operand))
    }
}
