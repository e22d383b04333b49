//! The steps of an execution of code that knows no recorder: read off the stacks of its tasks, and off what shuttle itself
//! tells of its semaphores, which are under every lock and channel of its own.
//!
//! A task offers a switch *before* each operation. So where it stood when it last did is the place of what happens in its
//! next stretch. Only a replay is watched: a stack costs more than most executions.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use shuttle::annotations;
use shuttle::scheduler::{Task, TaskId};

use super::ask::number;
use super::stack::{Call, caller};
use super::told;
use crate::outcome::{Failure, Step};
use crate::table::Table;
use crate::watched::{Stretch, steps};

/// Where shuttle writes what it tells; without it, nothing is watched.
const TOLD: &str = "SHUTTLE_ANNOTATION_FILE";

thread_local! {
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

struct Watch {
    /// The stretch from which on stacks are looked at.
    from: usize,
    /// Where each task stood when it last offered a switch.
    stood: Vec<Option<Call>>,
    stretches: Vec<Stretch>,
    /// Names that tasks were given.
    names: BTreeMap<u32, String>,
}

/// Steps whose stacks are looked at: as many as anyone reads.
const WATCHED_STEPS: u32 = 2_000;

/// Watches the execution that is to come, which has so many steps. Whether it is wanted.
pub(crate) fn start(n_steps: u32) -> bool {
    if std::env::var_os(TOLD).is_none() {
        return false;
    }
    annotations::start_annotations();
    let from = n_steps.saturating_sub(WATCHED_STEPS) as usize;
    WATCH.set(Some(Watch { from, stood: Vec::new(), stretches: Vec::new(), names: BTreeMap::new() }));
    true
}

/// The current task offers a switch.
pub(crate) fn switches(current: Option<TaskId>) {
    WATCH.with_borrow_mut(|watch| {
        if let (Some(watch), Some(task)) = (watch, current) {
            watch.stands(number(task));
        }
    });
}

/// The execution has failed. Where that is a panic of a task, it stands where it failed.
pub(crate) fn fails() {
    // A panic within this module finds it borrowed.
    let _ = WATCH.try_with(|watch| {
        let Ok(mut watch) = watch.try_borrow_mut() else { return };
        let Some(watch) = watch.as_mut() else { return };
        if let Some(last) = watch.stretches.last() {
            watch.stands(last.task);
        }
    });
}

impl Watch {
    /// Takes down where this task stands, which is the one that runs.
    fn stands(&mut self, task: u32) {
        let at = task as usize;
        if self.stood.len() <= at {
            self.stood.resize(at + 1, None);
        }
        if self.stretches.len() < self.from {
            return;
        }
        let Some(call) = caller() else { return };
        let tells_less = self.stood[at].as_ref().is_some_and(|before| call.is_outer_part_of(before));
        if !tells_less {
            self.stood[at] = Some(call);
        }
    }
}

/// A task goes on.
pub(crate) fn goes_on(task: TaskId, tasks: &[&Task]) {
    WATCH.with_borrow_mut(|watch| {
        let Some(watch) = watch else { return };
        annotations::record_schedule(task, tasks);
        let name = tasks.iter().find(|known| known.id() == task).and_then(|known| known.name());
        let task = number(task);
        watch.names.extend(name.filter(|_| task > 0).map(|name| (task, name)));
        let call = watch.stood.get(task as usize).cloned().flatten();
        watch.stretches.push(Stretch { task, call });
    });
}

/// Gives a failure the steps that were seen, where the execution has failed again. Code under the checker knows no
/// recorder; what this has told is of the clock.
pub(crate) fn end(mut failure: Failure, has_failed: bool) -> Failure {
    let Some(watch) = WATCH.take() else { return failure };
    annotations::stop_annotations();
    let path = PathBuf::from(std::env::var_os(TOLD).unwrap_or_default());
    let told = told::read(&path);
    let _ = std::fs::remove_file(path);
    // Without it the table would be of half of what happened: that of who ran is whole.
    let Ok(told) = told else { return failure };
    let seen: Vec<Step> = steps(&watch.stretches, &watch.stood, &watch.names, &told, &failure.message);
    if has_failed && !seen.is_empty() {
        let table = Table::of_seen(seen);
        (failure.steps, failure.n_steps, failure.n_quiet) = (table.steps, table.n_steps, table.n_quiet);
    }
    failure
}
