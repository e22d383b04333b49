//! The table of a failure from the switches between tasks alone.

use super::record::Switch;
use crate::outcome::Step;

/// One line for each stretch of a task.
pub(crate) fn steps(switches: &[Switch]) -> Vec<Step> {
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
            held_by: None,
        });
        rest = &rest[length..];
    }
    steps
}
