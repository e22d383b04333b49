//! The steps of an execution of code that knows no recorder: read off the stacks of its tasks, and off what shuttle itself
//! tells of its semaphores, which are under every lock and channel of its own.
//!
//! A task offers a switch *before* each operation. So where it stood when it last did is the place of what happens in its
//! next stretch. Only a replay is watched: a stack costs more than most executions.

use std::cell::RefCell;
use std::path::PathBuf;

use shuttle::annotations;
use shuttle::scheduler::{Task, TaskId};

use super::ask::number;
use super::stack::{Call, caller};
use super::told::{self, Told};
use crate::outcome::{Failure, Step};
use crate::watched::{Stretch, steps};

/// Where shuttle writes what it tells; without it, nothing is watched.
const TOLD: &str = "SHUTTLE_ANNOTATION_FILE";

thread_local! {
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

struct Watch {
    /// Where each task stood when it last offered a switch.
    stood: Vec<Option<Call>>,
    stretches: Vec<Stretch>,
}

/// Watches the execution that is to come.
pub(crate) fn start() {
    if std::env::var_os(TOLD).is_some() {
        annotations::start_annotations();
        WATCH.set(Some(Watch { stood: Vec::new(), stretches: Vec::new() }));
    }
}

/// The current task offers a switch.
pub(crate) fn switches(current: Option<TaskId>) {
    WATCH.with_borrow_mut(|watch| {
        let (Some(watch), Some(task)) = (watch.as_mut(), current) else { return };
        let at = number(task) as usize;
        if watch.stood.len() <= at {
            watch.stood.resize(at + 1, None);
        }
        let Some(call) = caller() else { return };
        let tells_less = watch.stood[at].as_ref().is_some_and(|before| call.is_outer_part_of(before));
        if !tells_less {
            watch.stood[at] = Some(call);
        }
    });
}

/// A task goes on.
pub(crate) fn goes_on(task: TaskId, tasks: &[&Task]) {
    WATCH.with_borrow_mut(|watch| {
        let Some(watch) = watch else { return };
        annotations::record_schedule(task, tasks);
        let task = number(task);
        let call = watch.stood.get(task as usize).cloned().flatten();
        watch.stretches.push(Stretch { task, call });
    });
}

/// Gives a failure the steps that were seen, where the recorder has none.
pub(crate) fn add_steps(mut failure: Failure) -> Failure {
    let Some(watch) = WATCH.take() else { return failure };
    annotations::stop_annotations();
    let path = PathBuf::from(std::env::var_os(TOLD).unwrap_or_default());
    let told = told::read(&path).unwrap_or_else(|_| Told::default());
    let _ = std::fs::remove_file(path);
    let seen: Vec<Step> = steps(&watch.stretches, &watch.stood, &told, &failure.message);
    if !seen.is_empty() && failure.steps.iter().all(|step| step.place.is_none()) {
        failure.steps = seen;
    }
    failure
}
