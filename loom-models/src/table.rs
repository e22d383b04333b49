//! The table of a failure: what each task did, in order, with places and holders.

use interlock_sync::model::recorder::{self, Event, Holder, Kind, Object, Place, Record};

use crate::outcome::Step;

/// A switch between tasks, for the table where the recorder has nothing.
#[cfg(feature = "model-shuttle")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Switch {
    pub(crate) task: String,
    /// Whether the task before it could have gone on.
    pub(crate) preempts: bool,
}

/// One line for each stretch of a task.
#[cfg(feature = "model-shuttle")]
pub(crate) fn of_switches(switches: &[Switch]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = switches;
    while let Some(first) = rest.first() {
        let length = rest.iter().skip(1).take_while(|next| next.task == first.task && !next.preempts).count() + 1;
        let what = if first.preempts { "interrupts" } else { "runs" };
        steps.push(Step {
            task: first.task.clone(),
            place: None,
            what: what.to_owned(),
            object: format!("{length} step{}", if length == 1 { "" } else { "s" }),
            made: None,
            held_by: None,
        });
        rest = &rest[length..];
    }
    steps
}

/// Ends the recording and makes the table of it. `None` where nothing was recorded.
pub(crate) fn recorded() -> Option<Vec<Step>> {
    let record = recorder::take()?;
    (!record.events.is_empty()).then(|| of_record(&record))
}

fn of_record(record: &Record) -> Vec<Step> {
    // Where a task is stuck, who has the object at the end tells why; it may not be who had it when the waiting began.
    let mut blocked = record.blocked().into_iter();
    let steps = record.steps().into_iter().map(|step| {
        let at_end = if step.is_stuck { blocked.next() } else { None };
        let holders = at_end.map_or(step.held_by, |blocked| blocked.held_by);
        of_event(record, &step.event, step.is_stuck, &holders)
    });
    steps.collect()
}

fn of_event(record: &Record, event: &Event, is_stuck: bool, holders: &[Holder]) -> Step {
    let object = record.objects.get(event.object);
    let held_by: Vec<String> = holders.iter().map(|holder| held(record, holder)).collect();
    Step {
        task: task(record, event.task),
        place: Some(place(event.place)),
        what: if is_stuck { "STUCK" } else { word(event.kind) }.to_owned(),
        object: format!("{} {}", event.operation, object.map(name).unwrap_or_default()),
        made: object.map(|object| place(object.made)),
        held_by: (!held_by.is_empty()).then(|| held_by.join(", ")),
    }
}

fn task(record: &Record, task: usize) -> String {
    record.tasks.get(task).cloned().unwrap_or_default()
}

fn name(object: &Object) -> String {
    format!("{} {}", object.kind, object.number)
}

fn held(record: &Record, holder: &Holder) -> String {
    let (file, line) = place(holder.place);
    format!("{}, {} at {file}:{line}", task(record, holder.task), holder.operation)
}

fn place(place: Place) -> (String, u32) {
    (place.file().to_owned(), place.line())
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Takes => "takes",
        Kind::Waits => "waits",
        Kind::Got => "got",
        Kind::GoesOn => "goes on",
        Kind::Leaves => "leaves",
        Kind::Frees => "frees",
        Kind::Does => "does",
        Kind::Fires => "fires",
    }
}
