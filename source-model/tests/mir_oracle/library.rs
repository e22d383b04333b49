//! What functions of libraries do with the guards they get: the one part that MIR does not tell.
//!
//! A call that might make a guard and is not listed here is an error.

use crate::parse::{Function, Operand, Place, Step};
use crate::walk::{Guard, State, forever};

/// Functions that acquire, with the lock as the first argument.
const ACQUIRES: &[&str] =
    &["lock", "read", "write", "lock_owned", "lock_arc", "read_arc", "write_arc", "upgradable_read", "read_recursive"];
/// The same, where the guard may be absent.
const TRIES: &[&str] = &["try_lock", "try_read", "try_write"];
/// Functions whose result can own guards and owns none yet.
const MAKES_EMPTY: &[&str] = &["new", "with_capacity", "default", "new_uninit", "pending", "from_residual"];

/// Fields of the fixtures' `Depot`, in order: which lock a place is.
const DEPOT: &[&str] = &["shelf", "desk", "rate", "bell", "rack", "tray", "gate", "yard"];

/// The number of a marker call, or of a future that is polled.
pub(crate) fn marker(callee: &str) -> Option<u32> {
    let digits = match callee.split_once("at::<") {
        Some((path, rest)) if path.is_empty() || path.ends_with("::") => rest.split('>').next()?,
        _ if callee.ends_with(" as Future>::poll") => callee.split_once("wait<")?.1.split('>').next()?,
        _ => return None,
    };
    digits.parse().ok()
}

/// The discriminant of a variant of the standard library.
pub(crate) fn variant(name: &str) -> Option<u128> {
    match name {
        "None" | "Ok" | "Ready" | "Continue" => Some(0),
        "Some" | "Err" | "Pending" | "Break" => Some(1),
        _ => None,
    }
}

/// Whether a value of the type can own a guard. Fixtures name their own such types `Keeper..`.
pub(crate) fn can_own(ty: &str) -> bool {
    let owned = without_references(ty);
    // The parts of a box are pointers: what it owns is behind them.
    let is_pointer = owned.starts_with("std::ptr::");
    !is_pointer && names_guard(&owned)
        || ["{closure@", "{coroutine@", "{async", "dyn ", "impl "].iter().any(|mark| owned.contains(mark))
}

fn names_guard(owned: &str) -> bool {
    owned.contains("Guard<") || owned.contains("Keeper")
}

/// The type without what stands behind references.
fn without_references(ty: &str) -> String {
    let mut kept = String::new();
    let mut depth = 0_u32;
    // The depth at which a reference started: what follows it belongs to it until its list goes on.
    let mut behind = None;
    for letter in ty.chars() {
        match letter {
            '&' | '*' if behind.is_none() => behind = Some(depth),
            '<' | '(' | '[' | '{' => depth += 1,
            '>' | ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                behind = behind.filter(|start| depth >= *start);
            }
            ',' | ';' => behind = behind.filter(|start| depth > *start),
            _ => {}
        }
        if behind.is_none() {
            kept.push(letter);
        }
    }
    kept
}

/// A call of a function that is not read.
pub(crate) struct Call<'a> {
    pub(crate) block: u32,
    pub(crate) function: &'a Function,
    pub(crate) callee: &'a str,
    pub(crate) args: &'a [Operand],
    pub(crate) to: &'a Place,
    pub(crate) ty: &'a str,
}

type Moved = Vec<(Guard, Vec<Step>)>;

impl Call<'_> {
    /// The states after the call, given what moves operands.
    pub(crate) fn run(
        &self,
        before: &State,
        moved: impl Fn(&mut State, &Operand) -> Moved,
    ) -> Result<Vec<State>, String> {
        let mut state = before.clone();
        let to = state.resolve(self.to);
        let name = self.name();
        let target = self.target(&state);
        let variant = self.variant_of_argument(&state);
        if matches!(name.as_str(), "unwrap" | "expect") && variant == Some(self.failing()) {
            return Ok(Vec::new());
        }
        let given: Vec<Moved> = self.args.iter().map(|arg| moved(&mut state, arg)).collect();
        state.overwrite(&to);
        if let Some(target) = &target
            && let Some(states) = self.through_reference(&name, &mut state, target, &to, &given)
        {
            return Ok(states);
        }
        let given: Moved = given.concat();
        if given.is_empty() {
            let known = self.variant_of_result(&name, variant).map(|variant| (to.clone(), variant));
            state.known.extend(known);
            return self.makes(&name, state, &to, target);
        }
        match name.as_str() {
            "forget" => state.put(&forever(), given),
            // A guard in the arguments of an `async fn` is the callee's, as with any other function.
            _ if self.ty.contains("{async fn body") && !is_future_step(&name) => {}
            _ if can_own(self.ty) => state.put(&to, flattened(given)),
            _ => {}
        }
        if let Some(variant) = self.variant_of_result(&name, variant) {
            state.known.insert(to, variant);
        }
        Ok(vec![state])
    }

    /// The last name of the callee's path.
    fn name(&self) -> String {
        let mut plain = String::new();
        let mut depth = 0_i32;
        for letter in self.callee.replace("->", "").chars() {
            match letter {
                '<' => depth += 1,
                '>' => depth -= 1,
                _ if depth == 0 => plain.push(letter),
                _ => {}
            }
        }
        plain.trim_end_matches("::").rsplit("::").next().unwrap_or_default().to_owned()
    }

    /// What the first argument refers to.
    fn target(&self, state: &State) -> Option<Place> {
        let Some(Operand::From(first)) = self.args.first() else { return None };
        let place = state.resolve(&first.place);
        let elsewhere = || {
            let ty = self.function.type_of(first)?;
            ty.starts_with('&').then(|| Place { steps: [&place.steps[..], &[Step::Deref]].concat(), ..place })
        };
        state.refs.get(&place).cloned().or_else(elsewhere)
    }

    fn variant_of_argument(&self, state: &State) -> Option<u128> {
        let Some(Operand::From(first)) = self.args.first() else { return None };
        state.known.get(&state.resolve(&first.place)).copied()
    }

    /// The discriminant of the first argument's variant that has no value.
    fn failing(&self) -> u128 {
        let ty = self.args.first().and_then(|arg| match arg {
            Operand::From(from) => self.function.type_of(from),
            Operand::Const(_) => None,
        });
        u128::from(!ty.is_some_and(|ty| ty.starts_with("std::option::Option<")))
    }

    fn variant_of_result(&self, name: &str, given: Option<u128>) -> Option<u128> {
        let given = given?;
        let is_there = given != self.failing();
        match name {
            "branch" => Some(u128::from(!is_there)),
            "ok" => Some(u128::from(is_there)),
            "map" | "map_err" | "ok_or" | "ok_or_else" => {
                Some(if self.ty.contains("Option<") { given } else { u128::from(!is_there) })
            }
            _ => None,
        }
    }

    /// Functions that change what their first argument refers to, or look at it.
    fn through_reference(
        &self,
        name: &str,
        state: &mut State,
        target: &Place,
        to: &Place,
        given: &[Moved],
    ) -> Option<Vec<State>> {
        let known = state.known.get(target).copied();
        match name {
            "take" | "replace" => {
                let taken = state.take(target, false);
                state.overwrite(target);
                state.put(to, taken);
                let put: Moved = given.concat();
                let on_option = self.callee.contains("Option");
                if on_option {
                    state
                        .known
                        .insert(target.clone(), u128::from(name == "replace" && self.callee.starts_with("Option")));
                    state.known.extend(known.map(|known| (to.clone(), known)));
                }
                state.put(target, flattened(put));
                if let (true, Some(Operand::From(second))) = (name == "replace", self.args.get(1)) {
                    let second = state.resolve(&second.place);
                    let variant = state.known.get(&second).copied();
                    state.known.extend(variant.map(|variant| (target.clone(), variant)));
                }
            }
            "insert" | "get_or_insert" if self.callee.contains("Option::") => {
                state.overwrite(target);
                state.put(target, flattened(given.concat()));
                state.known.insert(target.clone(), 1);
            }
            "push" | "push_back" => {
                let n_known = state.guards.iter().filter(|(_, at)| at.local == target.local).count();
                let at = u32::from(n_known > 0);
                let slot = Place { steps: [&target.steps[..], &[Step::Field(at)]].concat(), ..*target };
                state.put(&slot, given.concat());
            }
            "clear" | "truncate" => state.overwrite(target),
            "pop" | "pop_front" | "remove" | "swap_remove" if names_guard(&without_references(self.ty)) => {
                return Some(popped(state, target, to));
            }
            "is_some" | "is_ok" | "is_none" | "is_err" => {
                let is_variant = u128::from(matches!(name, "is_some" | "is_err"));
                state.known.extend(known.map(|known| (to.clone(), u128::from(known == is_variant))));
            }
            "poll" => return polled(state, target, to, self.ty),
            // The pointer stays the same.
            "new_unchecked" | "as_mut" | "get_unchecked_mut" => {
                state.refs.insert(to.clone(), target.clone());
            }
            "clone" | "deref" if self.callee.contains("Arc<") => {
                state.refs.insert(to.clone(), target.clone());
            }
            _ => return None,
        }
        Some(vec![state.clone()])
    }

    /// Whether an argument is of a type that owns guards: those of parameters belong to the caller.
    fn gets_guards(&self) -> bool {
        let types = self.args.iter().filter_map(|arg| match arg {
            Operand::From(from) => self.function.type_of(from),
            Operand::Const(_) => None,
        });
        types.into_iter().any(|ty| names_guard(&without_references(ty)))
    }

    /// A call that got no guard: it acquires, or its result owns none.
    fn makes(&self, name: &str, state: State, to: &Place, target: Option<Place>) -> Result<Vec<State>, String> {
        let tries = TRIES.contains(&name);
        if !tries && !ACQUIRES.contains(&name) && !name.starts_with("make_") {
            let is_known =
                MAKES_EMPTY.contains(&name) || !names_guard(&without_references(self.ty)) || self.gets_guards();
            return if is_known { Ok(vec![state]) } else { Err(format!("what does `{}` make?", self.callee)) };
        }
        let lock = match name.strip_prefix("make_") {
            Some(lock) => lock.split('_').next().unwrap_or_default().to_owned(),
            None => target.map_or_else(|| "?".to_owned(), |target| lock_at(&target)),
        };
        let mut held = state.clone();
        let is_promise = !names_guard(&without_references(self.ty));
        let guard = Guard { made: self.block, lock: if is_promise { format!("{PROMISE}{lock}") } else { lock } };
        held.guards.insert((guard, to.clone()));
        if !tries {
            return Ok(vec![held]);
        }
        let mut free = state;
        let is_option = u128::from(self.ty.starts_with("std::option::Option<"));
        held.known.insert(to.clone(), is_option);
        free.known.insert(to.clone(), 1 - is_option);
        Ok(vec![held, free])
    }
}

/// The lock of a guard that a future will yield.
const PROMISE: &str = "future of ";

impl Guard {
    pub(crate) fn is_promise(&self) -> bool {
        self.lock.starts_with(PROMISE)
    }
}

/// Calls between the call of an `async fn` and its poll.
fn is_future_step(name: &str) -> bool {
    matches!(name, "into_future" | "new" | "pin")
}

/// Where in its result a function puts a guard is not known.
fn flattened(guards: Moved) -> Moved {
    guards.into_iter().map(|(guard, _)| (guard, Vec::new())).collect()
}

fn lock_at(place: &Place) -> String {
    let field = match place.steps.as_slice() {
        [.., Step::Field(at)] => DEPOT.get(*at as usize),
        _ => None,
    };
    field.map_or_else(|| "?".to_owned(), ToString::to_string)
}

/// The guard that was pushed last comes out; of several that are not told apart, one may stay.
fn popped(state: &State, target: &Place, to: &Place) -> Vec<State> {
    let within = |at: &Place| at.local == target.local && at.steps.starts_with(&target.steps);
    let last = state.guards.iter().filter(|(_, at)| within(at)).map(|(_, at)| at.steps.clone()).max();
    let Some(last) = last else {
        let mut none = state.clone();
        none.known.insert(to.clone(), 0);
        return vec![none];
    };
    let place = Place { steps: last.clone(), ..*target };
    let mut some = state.clone();
    let taken = some.take(&place, false);
    some.put(to, flattened(taken));
    some.known.insert(to.clone(), 1);
    if last.last() == Some(&Step::Field(1)) {
        let mut stays = some.clone();
        stays.guards.extend(state.guards.iter().filter(|(_, at)| *at == place).cloned());
        return vec![some, stays];
    }
    vec![some]
}

/// A future that yields a guard is not ready, or yields it.
fn polled(state: &State, target: &Place, to: &Place, ty: &str) -> Option<Vec<State>> {
    let promise = state.guards.iter().find(|(guard, at)| guard.is_promise() && at == target).cloned()?;
    let mut pending = state.clone();
    pending.known.insert(to.clone(), 1);
    let mut ready = state.clone();
    ready.guards.remove(&promise);
    ready.known.insert(to.clone(), 0);
    let lock = promise.0.lock.trim_start_matches(PROMISE).to_owned();
    debug_assert!(names_guard(ty), "the future of a lock yields a guard");
    ready.guards.insert((Guard { lock, ..promise.0 }, to.clone()));
    Some(vec![pending, ready])
}
