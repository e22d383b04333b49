//! What the tasks of an execution did and waited for, with the places in the source. Off in a search; a replay turns it
//! on and reads it afterwards, also where the execution ended by a panic or a deadlock.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

pub use super::spot::Spot;
use super::spot::{self, spot};

/// A place in the source.
pub type Place = &'static Location<'static>;

/// What happened to an object, or to what a task wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The task has it at once.
    Takes,
    /// The task cannot have it and waits.
    Waits,
    /// The task has what it waited for.
    Got,
    /// What the task waited for has come, and it goes on without holding anything: a value was received.
    GoesOn,
    /// The task waits for it no more: the future was dropped.
    Leaves,
    /// The task gives back what it held.
    Frees,
    /// Done without ever waiting: a value was sent, a token cancelled.
    Does,
    /// The clock lets a timer fire.
    Fires,
}

/// An object of the execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// `Mutex`, `mpsc`, `timer` ..
    pub kind: &'static str,
    /// Counted from 1 within the kind, in the order of the making.
    pub number: usize,
    /// Where it was made.
    pub made: Spot,
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Index into [`Record::tasks`].
    pub task: usize,
    /// What happened.
    pub kind: Kind,
    /// The operation: `lock`, `read`, `send` ..
    pub operation: &'static str,
    /// Index into [`Record::objects`].
    pub object: usize,
    /// Where the code asked for it.
    pub place: Spot,
    /// Whether it happened where the model runs in one order: before its question begins, or after it.
    pub is_quiet: bool,
}

/// An execution as recorded.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Names of the tasks.
    pub tasks: Vec<String>,
    /// The objects, in the order of their making.
    pub objects: Vec<Object>,
    /// The events, in their order.
    pub events: Vec<Event>,
    /// Whether two keys of a concurrent map were in one shard.
    pub keys_together: bool,
}

/// Who holds something, and since where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Index into [`Record::tasks`].
    pub task: usize,
    /// The operation that it holds it by.
    pub operation: &'static str,
    /// Where it was taken.
    pub place: Spot,
}

/// A line of the table that people read.
#[derive(Clone, Debug)]
pub struct Step {
    /// What happened.
    pub event: Event,
    /// The task waits for this to the end of the execution.
    pub is_stuck: bool,
    /// Where the task waits: who holds the object then. No line for who only waits as well.
    pub held_by: Vec<Holder>,
}

struct Recording {
    record: Record,
    /// The checker's number of a task, to its index in the record.
    tasks: BTreeMap<u64, usize>,
    /// Objects so far, by their kind.
    n_made: BTreeMap<&'static str, usize>,
}

thread_local! {
    static RECORDING: RefCell<Option<Recording>> = const { RefCell::new(None) };
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Records from here on, and forgets what was recorded. Call it before the one execution that is replayed.
pub fn start() {
    spot::restart();
    RECORDING.set(Some(Recording { record: Record::default(), tasks: BTreeMap::new(), n_made: BTreeMap::new() }));
}

/// Says whether what happens from here on is run in one order.
pub fn set_quiet(is_quiet: bool) {
    IS_QUIET.set(is_quiet);
}

/// Ends the recording: what was recorded since [`start`], or nothing where that was not called.
pub fn take() -> Option<Record> {
    RECORDING.take().map(|recording| recording.record)
}

/// Whether this thread records.
pub fn is_on() -> bool {
    RECORDING.with_borrow(Option::is_some)
}

/// A place as people read it: the file's name and the line.
pub(crate) fn short(place: Place) -> String {
    let spot = if is_on() { spot(place) } else { Spot::of(place) };
    format!("{}:{}", spot.file().rsplit('/').next().unwrap_or_default(), spot.line())
}

/// A new object: its index where this thread records.
pub(crate) fn object(kind: &'static str, made: Place) -> Option<usize> {
    if !is_on() {
        return None;
    }
    let made = spot(made);
    RECORDING.with_borrow_mut(|recording| {
        let Recording { record, n_made, .. } = recording.as_mut()?;
        let number = n_made.entry(kind).or_default();
        *number += 1;
        record.objects.push(Object { kind, number: *number, made });
        Some(record.objects.len() - 1)
    })
}

/// Names a task. It keeps a name that it has.
pub(crate) fn name(task: u64, name: impl FnOnce() -> String) {
    if !is_on() {
        return;
    }
    let name = name();
    RECORDING.with_borrow_mut(|recording| {
        if let Some(recording) = recording {
            recording.index(task, || name);
        }
    });
}

/// Gives a task another name.
pub(crate) fn rename(task: u64, name: &str) {
    RECORDING.with_borrow_mut(|recording| {
        if let Some(recording) = recording {
            let index = recording.index(task, String::new);
            recording.record.tasks[index] = name.to_owned();
        }
    });
}

/// Two keys of a map are in one shard.
pub(crate) fn keys_are_together() {
    RECORDING.with_borrow_mut(|recording| {
        if let Some(recording) = recording {
            recording.record.keys_together = true;
        }
    });
}

/// Something happened.
pub(crate) fn event(task: u64, kind: Kind, operation: &'static str, object: usize, place: Place) {
    if !is_on() {
        return;
    }
    let (place, is_quiet) = (spot(place), IS_QUIET.get());
    RECORDING.with_borrow_mut(|recording| {
        let Some(recording) = recording else { return };
        let task = recording.index(task, || if task == 0 { "main".to_owned() } else { format!("task {task}") });
        recording.record.events.push(Event { task, kind, operation, object, place, is_quiet });
    });
}

impl Recording {
    fn index(&mut self, task: u64, name: impl FnOnce() -> String) -> usize {
        let tasks = &mut self.record.tasks;
        *self.tasks.entry(task).or_insert_with(|| {
            tasks.push(name());
            tasks.len() - 1
        })
    }
}

impl Record {
    /// The events with what a reader needs beside them.
    pub fn steps(&self) -> Vec<Step> {
        let mut held: Vec<(usize, Holder)> = Vec::new();
        let is_answered = self.are_answered();
        let step = |(event, is_answered): (&Event, bool)| {
            let holder = Holder { task: event.task, operation: event.operation, place: event.place };
            match event.kind {
                Kind::Takes | Kind::Got => held.push((event.object, holder)),
                Kind::Frees => forget(&mut held, event),
                Kind::Waits | Kind::GoesOn | Kind::Leaves | Kind::Does | Kind::Fires => {}
            }
            let is_waiting = event.kind == Kind::Waits;
            let holders = held.iter().filter(|(object, _)| is_waiting && *object == event.object);
            let held_by = holders.map(|(_, holder)| *holder).collect();
            Step { event: *event, is_stuck: is_waiting && !is_answered, held_by }
        };
        self.events.iter().zip(is_answered).map(step).collect()
    }

    /// What each task waits for at the end of the execution. `held_by` is who holds it at the end.
    pub fn blocked(&self) -> Vec<Step> {
        let mut held: Vec<(usize, Holder)> = Vec::new();
        for event in &self.events {
            let holder = Holder { task: event.task, operation: event.operation, place: event.place };
            match event.kind {
                Kind::Takes | Kind::Got => held.push((event.object, holder)),
                Kind::Frees => forget(&mut held, event),
                Kind::Waits | Kind::GoesOn | Kind::Leaves | Kind::Does | Kind::Fires => {}
            }
        }
        let mut blocked: Vec<Step> = self.steps().into_iter().filter(|step| step.is_stuck).collect();
        for step in &mut blocked {
            let holders = held.iter().filter(|(object, _)| *object == step.event.object);
            step.held_by = holders.map(|(_, holder)| *holder).collect();
        }
        blocked
    }

    /// Of each event, whether a later one of the same task ends a waiting that it may be.
    fn are_answered(&self) -> Vec<bool> {
        let mut later = BTreeSet::new();
        let mut answered = vec![false; self.events.len()];
        for (event, answered) in self.events.iter().zip(&mut answered).rev() {
            let key = (event.task, event.object, event.operation);
            *answered = later.contains(&key);
            if event.kind != Kind::Frees {
                later.insert(key);
            }
        }
        answered
    }
}

/// Takes the holder off that freed the object. A guard may be dropped by another task than the one that took it.
fn forget(held: &mut Vec<(usize, Holder)>, event: &Event) {
    let fits = |(object, holder): &(usize, Holder)| *object == event.object && holder.operation == event.operation;
    let by_the_task = held.iter().rposition(|entry| fits(entry) && entry.1.task == event.task);
    if let Some(idx) = by_the_task.or_else(|| held.iter().rposition(fits)) {
        held.remove(idx);
    }
}
