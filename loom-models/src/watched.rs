//! The table of a failure of code without a recorder, from the stacks of its tasks and what was told of semaphores.

use std::collections::{BTreeMap, BTreeSet};

use crate::explore::stack::Call;
use crate::explore::told::{Event, Told};
use crate::outcome::Step;

/// A stretch of a task: it begins with what it was about to do.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    pub(crate) task: u32,
    pub(crate) call: Option<Call>,
}

/// Something that a task has of an object.
struct Hold {
    object: usize,
    task: u32,
    place: Option<(String, u32)>,
}

/// A table that is being made.
struct Table<'a> {
    names: &'a BTreeMap<u32, String>,
    steps: Vec<Step>,
    /// Objects, numbered in the order in which they were first used.
    objects: BTreeMap<usize, usize>,
    holds: Vec<Hold>,
    /// Objects that are given back by others than took them: nobody holds those.
    passed_on: BTreeSet<usize>,
    /// What each task waits for: its step, and the object if there is one.
    waits: BTreeMap<u32, (usize, Option<usize>)>,
    ended: BTreeSet<u32>,
}

/// The function of an operation.
fn verb(operation: &str) -> &str {
    operation.rsplit("::").next().unwrap_or_default()
}

/// The task that shuttle blames for a deadlock with itself: `deadlock! task NAME(NUMBER) tried to ..`.
fn blames(failure: &str) -> Option<u32> {
    let (task, _) = failure.strip_prefix("deadlock! task ")?.split_once(") tried to ")?;
    task.rsplit('(').next()?.parse().ok()
}

/// The steps of an execution that failed. `stood` is where each task was when it ended.
pub(crate) fn steps(
    stretches: &[Stretch],
    stood: &[Option<Call>],
    names: &BTreeMap<u32, String>,
    told: &Told,
    failure: &str,
) -> Vec<Step> {
    let mut table = Table {
        names,
        steps: Vec::new(),
        objects: BTreeMap::new(),
        holds: Vec::new(),
        passed_on: BTreeSet::new(),
        waits: BTreeMap::new(),
        ended: BTreeSet::new(),
    };
    let nothing = Vec::new();
    for (at, stretch) in stretches.iter().enumerate() {
        table.add(stretch, told.stretches.get(at).unwrap_or(&nothing));
    }
    if failure.contains("deadlock") {
        // This one has not ended, but was taken down.
        table.ended.retain(|task| Some(*task) != blames(failure));
        table.end(stood, blames(failure));
    }
    table.steps
}

impl Table<'_> {
    /// Adds what happened in a stretch; where nothing was told, the call itself.
    fn add(&mut self, stretch: &Stretch, events: &[(u32, Event)]) {
        let before = self.steps.len();
        for (task, event) in events {
            self.event(*task, *event, stretch.call.as_ref());
        }
        let Some(call) = &stretch.call else { return };
        let is_new = !self.is_repeated(stretch.task, call);
        if self.steps.len() == before && is_new {
            self.step(stretch.task, "does", verb(&call.operation).to_owned(), Some(call), None);
        }
    }

    /// Whether the task's last step is of this very call: one that offers a switch more than once.
    fn is_repeated(&self, task: u32, call: &Call) -> bool {
        let name = self.name(task);
        let last = self.steps.iter().rev().find(|step| step.task == name);
        last.is_some_and(|step| {
            step.place == call.place() && (step.what == "frees" || step.object.starts_with(verb(&call.operation)))
        })
    }

    fn event(&mut self, task: u32, event: Event, call: Option<&Call>) {
        match event {
            Event::Takes(object) | Event::Tries(object, true) => {
                self.hold(object, task, call);
                self.used(task, "takes", object, call);
            }
            Event::Tries(object, false) => self.used(task, "cannot have", object, call),
            Event::Waits(object) => {
                self.waits.insert(task, (self.steps.len(), Some(object)));
                self.used(task, "waits", object, call);
                let holders = self.holders(object);
                self.steps.last_mut().into_iter().for_each(|step| step.held_by = holders.clone());
            }
            Event::Got(object, waiter) => self.got(object, waiter),
            Event::Frees(object) => {
                self.free(object, task);
                self.used(task, "frees", object, call);
            }
            Event::Spawns(new) if new != task => self.step(task, "spawns", self.name(new), call, None),
            Event::Spawns(_) => {}
            Event::Ends => {
                self.ended.insert(task);
            }
        }
    }

    /// A task that waited has what it waited for, in somebody else's stretch.
    fn got(&mut self, object: usize, waiter: u32) {
        let waited = self.waits.remove(&waiter).map(|(step, _)| step);
        let place = waited.and_then(|step| self.steps[step].place.clone());
        self.holds.push(Hold { object, task: waiter, place: place.clone() });
        let text = waited.map(|step| self.steps[step].object.clone()).unwrap_or_default();
        self.steps.push(Step {
            task: self.name(waiter),
            place,
            what: "got".to_owned(),
            object: text,
            ..Step::default()
        });
    }

    fn hold(&mut self, object: usize, task: u32, call: Option<&Call>) {
        self.holds.push(Hold { object, task, place: call.and_then(Call::place) });
    }

    fn free(&mut self, object: usize, task: u32) {
        match self.holds.iter().rposition(|hold| hold.object == object && hold.task == task) {
            Some(at) => drop(self.holds.remove(at)),
            None => drop(self.passed_on.insert(object)),
        }
    }

    /// A step on an object: its operation, and the object's number.
    fn used(&mut self, task: u32, what: &str, object: usize, call: Option<&Call>) {
        let next = self.objects.len() + 1;
        let number = *self.objects.entry(object).or_insert(next);
        let verb = call.map(|call| verb(&call.operation)).unwrap_or_default();
        // The end of a guard says no more than that it is one.
        let text = if what == "frees" { format!("#{number}") } else { format!("{verb} #{number}") };
        self.step(task, what, text, call, None);
    }

    fn step(&mut self, task: u32, what: &str, object: String, call: Option<&Call>, held_by: Option<String>) {
        let place = call.and_then(Call::place);
        let task = self.name(task);
        self.steps.push(Step { task, place, what: what.to_owned(), object, held_by, ..Step::default() });
    }

    /// What nobody can go on from: a task that did not end waits for something.
    fn end(&mut self, stood: &[Option<Call>], blamed: Option<u32>) {
        for task in (0..).take(stood.len()).filter(|task| !self.ended.contains(task)).collect::<Vec<u32>>() {
            match self.waits.get(&task).copied() {
                Some((step, object)) => {
                    let stuck =
                        Step { held_by: object.and_then(|object| self.holders(object)), ..self.steps[step].clone() };
                    self.steps.push(Step { what: "STUCK".to_owned(), ..stuck });
                }
                None => {
                    let call = stood[task as usize].clone();
                    let verb = call.as_ref().map(|call| verb(&call.operation)).unwrap_or_default();
                    // What a task waits for that is no semaphore is not told: it is known where it was last.
                    let text = if blamed == Some(task) { verb.to_owned() } else { format!("behind {verb}") };
                    self.step(task, "STUCK", text, call.as_ref(), None);
                }
            }
        }
    }

    /// Who has an object, and since where.
    fn holders(&self, object: usize) -> Option<String> {
        if self.passed_on.contains(&object) {
            return None;
        }
        let of = |hold: &Hold| {
            let place = hold.place.as_ref().map(|(file, line)| format!(", since {file}:{line}")).unwrap_or_default();
            format!("{}{place}", self.name(hold.task))
        };
        let holders: Vec<String> = self.holds.iter().filter(|hold| hold.object == object).map(of).collect();
        (!holders.is_empty()).then(|| holders.join("; "))
    }

    fn name(&self, task: u32) -> String {
        let given = self.names.get(&task).cloned();
        given.unwrap_or_else(|| if task == 0 { "main".to_owned() } else { format!("task {task}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_blamed_is_read() {
        assert_eq!(blames("deadlock! task other(1)(12) tried to acquire a RwLock it already holds"), Some(12));
        assert_eq!(blames("deadlock! blocked tasks: [main-thread (task main-thread(0))]"), None);
    }
}
