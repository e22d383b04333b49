//! A failure that chance has found, in a schedule that reads better.

use std::time::{Duration, Instant};

use super::bounded::{Bounded, Split};
use super::record::{Allowance, Record, shared};
use super::{Run, run_policy};
use crate::outcome::{Bound, Failure};
use crate::session;

/// How much is spent on it: nobody waits long for a table that is shorter.
const EXECUTIONS: u64 = 2_000;
const TIME: Duration = Duration::from_secs(2);

impl Run<'_> {
    /// Looks for the same failure with fewer preemptions. What this runs is counted nowhere: the search has its answer.
    pub(super) fn simplify(&mut self) {
        let Some(found) = self.outcome.failure.clone() else { return };
        let Some(preemptions) = found.preemptions else { return };
        let until = self.until.min(Instant::now() + TIME);
        let allowance = Allowance { steps: self.plan.limits.steps, executions: EXECUTIONS, until };
        let record = shared(Record::new(allowance, false));
        for bound in 0..preemptions {
            let policy = Bounded::new(Bound::Preemptions(bound), self.plan.limits.passed_over, Split::NONE);
            let run = || run_policy(&shared(policy), &record, "bounded", &self.plan.limits, self.body);
            match session::muted(run) {
                Some(simpler) if is_same(&simpler.message, &found.message) => {
                    let note = format!(
                        "shown in a schedule with {bound} preemption{}; it was found in one with {preemptions}",
                        if bound == 1 { "" } else { "s" }
                    );
                    self.outcome.notes.push(note);
                    let Failure { execution, scheduler, .. } = found;
                    self.outcome.failure = Some(Failure { execution, scheduler, ..simpler });
                    return;
                }
                None if record.borrow().stop.is_none() => {}
                _ => return,
            }
        }
    }
}

/// Whether two failures say the same, whatever tasks and values they name.
fn is_same(one: &str, other: &str) -> bool {
    let text =
        |message: &str| -> String { message.chars().take_while(|char| !"0123456789[(:".contains(*char)).collect() };
    text(one) == text(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_alike_whatever_they_name() {
        assert!(is_same("deadlock! blocked tasks: [a, b]", "deadlock! blocked tasks: [b]"));
        assert!(is_same("lost 3 of 4", "lost 1 of 4"));
        assert!(!is_same("deadlock! blocked tasks: [a]", "deadlock! task a(0) tried"));
    }
}
