//! What shuttle tells of its semaphores, in version 0 of its annotated schedules (shuttle-engine 0.1.7, `annotations`).

use std::io::{Error, ErrorKind};
use std::path::Path;

use serde_json::Value;

/// Something that happened to a semaphore or a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A task has permits at once.
    Takes(usize),
    /// It waits for them.
    Waits(usize),
    /// A task that waited has them.
    Got(usize, u32),
    /// It tried, and has them or not.
    Tries(usize, bool),
    /// It gives permits back.
    Frees(usize),
    /// It has made a task.
    Spawns(u32),
    /// It is over.
    Ends,
}

/// All that is told of an execution.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// For each stretch, by its number: what happened in it, and to whom it is told of.
    pub(crate) stretches: Vec<Vec<(u32, Event)>>,
}

/// Reads the file that shuttle wrote.
pub(crate) fn read(path: &Path) -> std::io::Result<Told> {
    let value: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    if value["version"] != 0 {
        return Err(Error::new(ErrorKind::InvalidData, "an unknown version of annotated schedules"));
    }
    Ok(told(&value))
}

fn told(value: &Value) -> Told {
    let mut told = Told::default();
    // Whose stretch it is, until that task offers a switch. What is told then, before anyone was picked, is of the taking
    // down of the tasks that are left.
    let mut whose = None;
    for event in value["events"].as_array().into_iter().flatten() {
        // The first event of a stretch carries the tasks that could have had it.
        if event[4].is_array() {
            told.stretches.push(Vec::new());
            whose = index(&event[0]);
        }
        let task = index(&event[0]).filter(|task| whose == Some(*task));
        if let (Some(stretch), Some(task), Some(event)) = (told.stretches.last_mut(), task, known(&event[2])) {
            stretch.push((task, event));
        }
        if event[2] == "Tick" {
            whose = None;
        }
    }
    told
}

fn known(value: &Value) -> Option<Event> {
    if value == "TaskTerminated" {
        return Some(Event::Ends);
    }
    let (kind, of) = value.as_object()?.iter().next()?;
    let object = || usize::try_from(of.as_u64().or_else(|| of[0].as_u64())?).ok();
    match kind.as_str() {
        "SemaphoreAcquireFast" => Some(Event::Takes(object()?)),
        "SemaphoreAcquireBlocked" => Some(Event::Waits(object()?)),
        "SemaphoreAcquireUnblocked" => Some(Event::Got(object()?, index(&of[1])?)),
        "SemaphoreTryAcquire" => Some(Event::Tries(object()?, of[2].as_bool()?)),
        "SemaphoreRelease" => Some(Event::Frees(object()?)),
        "TaskCreated" => Some(Event::Spawns(index(&of[0])?)),
        _ => None,
    }
}

fn index(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_belong_to_the_stretch_that_they_are_told_in() {
        let value = json!({
            "version": 0,
            "events": [
                [0, null, {"TaskCreated": [0, false]}, null, null],
                [0, null, {"SemaphoreAcquireFast": [3, 1]}, null, [0]],
                [0, null, {"SemaphoreRelease": [3, 1]}, null, null],
                [0, null, "Tick", null, null],
                [1, null, {"SemaphoreTryAcquire": [3, 1, false]}, null, [0, 1]],
                [1, null, "Tick", null, null],
                [1, null, "TaskTerminated", null, null],
                [0, null, {"SemaphoreRelease": [3, 1]}, null, null],
            ],
        });
        let told = told(&value);
        assert_eq!(
            told.stretches,
            [vec![(0, Event::Takes(3)), (0, Event::Frees(3))], vec![(1, Event::Tries(3, false)), (1, Event::Ends)]]
        );
    }
}
