//! The table of a failure: what each task did, in order, with places and holders.

use interlock_sync::model::recorder::{self, Kind, Object, Record, Spot};

use crate::outcome::{Holder, Step};

/// Steps that are told of one failure, at most: about 25 MB of its line.
const STEPS_MAX: usize = 100_000;

/// The table of a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) steps: Vec<Step>,
    /// With those that are left out.
    pub(crate) n_steps: u64,
    pub(crate) n_quiet: u64,
}

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
pub(crate) fn of_switches(switches: &[Switch]) -> Table {
    let mut table = Table::default();
    let mut rest = switches;
    while let Some(first) = rest.first() {
        let length = rest.iter().skip(1).take_while(|next| next.task == first.task && !next.preempts).count() + 1;
        let what = if first.preempts { "interrupts" } else { "runs" };
        table.n_steps += 1;
        table.steps.push(Step {
            number: table.n_steps,
            is_quiet: false,
            task: first.task.clone(),
            place: None,
            what: what.to_owned(),
            object: format!("{length} step{}", if length == 1 { "" } else { "s" }),
            made: None,
            held_by: None,
            holders: Vec::new(),
        });
        rest = &rest[length..];
    }
    table.shorten();
    table
}

impl Table {
    /// Of steps as they were seen, none of them quiet.
    #[cfg(feature = "model-overlay")]
    pub(crate) fn of_seen(mut steps: Vec<Step>) -> Table {
        for (step, number) in steps.iter_mut().zip(1..) {
            step.number = number;
        }
        let n_steps = steps.len() as u64;
        let mut table = Table { steps, n_steps, n_quiet: 0 };
        table.shorten();
        table
    }

    /// Leaves the first steps out where there are too many.
    #[cfg(feature = "model-shuttle")]
    fn shorten(&mut self) {
        let n_surplus = self.steps.len().saturating_sub(STEPS_MAX);
        self.steps.drain(..n_surplus);
    }
}

/// Ends the recording and makes the table of it. `None` where nothing was recorded.
pub(crate) fn recorded() -> Option<Table> {
    let record = recorder::take()?;
    (!record.events.is_empty()).then(|| of_record(&record, STEPS_MAX))
}

fn of_record(record: &Record, max: usize) -> Table {
    let recorded = record.steps();
    let n_steps = recorded.len() as u64;
    let n_quiet = recorded.iter().filter(|step| step.event.is_quiet).count() as u64;
    let is_kept = kept(&recorded, max);
    // Where a task is stuck, who has the object at the end tells why; it may not be who had it when the waiting began.
    let mut blocked = record.blocked().into_iter();
    let steps = recorded.into_iter().zip(1..).zip(is_kept).filter_map(|((step, number), is_kept)| {
        let at_end = if step.is_stuck { blocked.next() } else { None };
        let held_by = at_end.map_or_else(|| step.held_by.clone(), |blocked| blocked.held_by);
        is_kept.then(|| of_step(record, number, &recorder::Step { held_by, ..step }))
    });
    Table { steps: steps.collect(), n_steps, n_quiet }
}

/// Which steps are told where there are more than that: those that are stuck, then the last ones; those of a quiet
/// stretch only where there is room.
fn kept(steps: &[recorder::Step], max: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by_key(|idx| (steps[*idx].is_stuck, !steps[*idx].event.is_quiet, *idx));
    let mut is_kept = vec![false; steps.len()];
    for idx in order.into_iter().rev().take(max) {
        is_kept[idx] = true;
    }
    is_kept
}

fn of_step(record: &Record, number: u64, step: &recorder::Step) -> Step {
    let recorder::Step { event, is_stuck, held_by } = step;
    let object = record.objects.get(event.object);
    let holders: Vec<Holder> = held_by.iter().map(|holder| held(record, holder)).collect();
    let words: Vec<String> = holders.iter().map(ToString::to_string).collect();
    Step {
        number,
        is_quiet: event.is_quiet,
        task: task(record, event.task),
        place: Some(place(event.place)),
        what: if *is_stuck { "STUCK" } else { word(event.kind) }.to_owned(),
        object: format!("{} {}", event.operation, object.map(name).unwrap_or_default()),
        made: object.map(|object| place(object.made)),
        held_by: (!words.is_empty()).then(|| words.join(", ")),
        holders,
    }
}

fn task(record: &Record, task: usize) -> String {
    record.tasks.get(task).cloned().unwrap_or_default()
}

fn name(object: &Object) -> String {
    format!("{} {}", object.kind, object.number)
}

fn held(record: &Record, holder: &recorder::Holder) -> Holder {
    let operation = holder.operation.to_owned();
    Holder { task: task(record, holder.task), operation, place: place(holder.place) }
}

fn place(place: Spot) -> (String, u32) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn step(task: usize, is_quiet: bool, is_stuck: bool) -> recorder::Step {
        let place = recorder::Spot::default();
        let event = recorder::Event { task, kind: Kind::Waits, operation: "recv", object: 0, place, is_quiet };
        recorder::Step { event, is_stuck, held_by: Vec::new() }
    }

    #[test]
    fn of_too_many_steps_the_stuck_ones_and_the_last_ones_are_told() {
        let steps = [
            step(0, true, true),
            step(1, true, false),
            step(2, false, false),
            step(3, false, true),
            step(4, false, false),
            step(5, true, false),
        ];
        let kept = |max| -> String { kept(&steps, max).iter().map(|kept| if *kept { 'x' } else { '.' }).collect() };
        assert_eq!([2, 3, 4, 5, 9].map(kept), ["x..x..", "x..xx.", "x.xxx.", "x.xxxx", "xxxxxx"]);
    }
}
