//! The steps of a failure, where there are too many: which of them are told.
//!
//! An execution of whole servers has tens of thousands of steps. Those that matter are the ones that are stuck, those by
//! which others came to hold what they wait for, and the last ones. What happened before the model's question began (its
//! quiet steps) is the first to go.

use std::collections::BTreeSet;
use std::path::Path;

use super::protocol::{Failure, FailureStep, HolderAt};

/// Steps that are kept of a failure in memory and in JSON, once all of them are in a file.
const KEPT_MAX: usize = 2_000;

/// A line of a table of steps that does not show all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// A step.
    Step(&'a FailureStep),
    /// So many steps are left out here.
    LeftOut(u64),
}

impl FailureStep {
    /// Whether the task waits to the end.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.what.starts_with("STUCK")
    }

    /// What the step is done with, without the operation: `Mutex 1` of `lock Mutex 1`.
    pub(crate) fn noun(&self) -> &str {
        self.object.split_once(' ').map_or("", |(_, noun)| noun)
    }

    /// The operation: `lock` of `lock Mutex 1`.
    pub(crate) fn operation(&self) -> &str {
        self.object.split_once(' ').map_or(&self.object, |(operation, _)| operation)
    }

    /// Whether the holder came to hold its object by this step.
    fn is_taking_of(&self, holder: &HolderAt) -> bool {
        matches!(self.what.as_str(), "takes" | "got")
            && self.task == holder.task
            && self.operation() == holder.operation
            && (self.file.as_deref(), self.line) == (Some(holder.file.as_str()), Some(holder.line))
    }
}

impl Failure {
    /// Names files of the workspace relative to its root, as the compiler names most of them.
    pub(crate) fn relative_to(&mut self, root: &Path) {
        let root = format!("{}/", root.display());
        let shorten = |file: &mut String| {
            if let Some(below) = file.strip_prefix(&root) {
                *file = below.to_owned();
            }
        };
        for step in &mut self.steps {
            step.file.iter_mut().for_each(shorten);
            step.made.iter_mut().for_each(|made| shorten(&mut made.file));
            step.holders.iter_mut().for_each(|holder| shorten(&mut holder.file));
            if let Some(held_by) = &mut step.held_by {
                *held_by = held_by.replace(&root, "");
            }
        }
    }

    /// How many steps there were, with those that are not here.
    #[must_use]
    pub fn n_steps(&self) -> u64 {
        self.steps_total.max(u64::try_from(self.steps.len()).unwrap_or(u64::MAX))
    }

    /// The steps for a reader who has room for so many, in order: those that are stuck and who took what they wait for, be
    /// they more, and of the others the last ones; quiet ones only where there is room.
    #[must_use]
    pub fn told(&self, max: usize) -> Vec<Told<'_>> {
        let shown = self.chosen(max);
        let mut told = Vec::new();
        let mut next = 1;
        for (step, _) in self.steps.iter().zip(shown).filter(|(_, is_shown)| *is_shown) {
            if step.step > next {
                told.push(Told::LeftOut(step.step - next));
            }
            next = step.step + 1;
            told.push(Told::Step(step));
        }
        if !told.is_empty() && self.n_steps() >= next {
            told.push(Told::LeftOut(self.n_steps() + 1 - next));
        }
        told
    }

    /// Drops the steps that nobody is told in the results themselves. Whether there were any.
    pub fn shorten(&mut self) -> bool {
        if self.steps.len() <= KEPT_MAX {
            return false;
        }
        let mut chosen = self.chosen(KEPT_MAX).into_iter();
        self.steps_total = self.n_steps();
        self.steps.retain(|_| chosen.next().unwrap_or(false));
        true
    }

    fn chosen(&self, max: usize) -> Vec<bool> {
        let needed = self.needed();
        let mut order: Vec<usize> = (0..self.steps.len()).collect();
        order.sort_by_key(|idx| (needed.contains(idx), !self.steps[*idx].quiet, *idx));
        let mut chosen = vec![false; self.steps.len()];
        for idx in order.into_iter().rev().take(max.max(needed.len())) {
            chosen[idx] = true;
        }
        chosen
    }

    /// The steps that are stuck, and the last step by which each holder took what they wait for.
    fn needed(&self) -> BTreeSet<usize> {
        let stuck = self.steps.iter().enumerate().filter(|(_, step)| step.is_stuck());
        let mut needed: BTreeSet<usize> = stuck.map(|(idx, _)| idx).collect();
        let mut wanted: Vec<(&str, &HolderAt)> = needed
            .iter()
            .flat_map(|idx| self.steps[*idx].holders.iter().map(|holder| (self.steps[*idx].noun(), holder)))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        for (idx, step) in self.steps.iter().enumerate().rev() {
            if wanted.is_empty() {
                break;
            }
            let n_wanted = wanted.len();
            wanted.retain(|(noun, holder)| *noun != step.noun() || !step.is_taking_of(holder));
            if wanted.len() < n_wanted {
                needed.insert(idx);
            }
        }
        needed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(number: u64, what: &str, object: &str) -> FailureStep {
        FailureStep {
            step: number,
            task: format!("t{number}"),
            file: Some("a.rs".to_owned()),
            line: Some(u32::try_from(number).unwrap()),
            what: what.to_owned(),
            object: object.to_owned(),
            ..FailureStep::default()
        }
    }

    /// Step 1 is quiet and takes what step 5 waits for to the end; 2 and 3 are quiet.
    fn failure() -> Failure {
        let held = HolderAt { task: "t1".to_owned(), operation: "lock".to_owned(), file: "a.rs".to_owned(), line: 1 };
        let mut steps: Vec<FailureStep> = (1..=9).map(|number| step(number, "does", "send mpsc 1")).collect();
        steps[0] = step(1, "takes", "lock Mutex 1");
        steps[4] = FailureStep { holders: vec![held], ..step(5, "STUCK", "lock Mutex 1") };
        for step in &mut steps[..3] {
            step.quiet = true;
        }
        Failure { steps, steps_total: 9, ..Failure::default() }
    }

    fn told(failure: &Failure, max: usize) -> String {
        let word = |told: &Told<'_>| match told {
            Told::Step(step) => step.step.to_string(),
            Told::LeftOut(n) => format!("({n})"),
        };
        failure.told(max).iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_stuck_and_who_took_it_are_told_then_the_last_ones_and_quiet_ones_last() {
        let failure = failure();
        assert_eq!(told(&failure, 0), "1 (3) 5 (4)");
        assert_eq!(told(&failure, 4), "1 (3) 5 (2) 8 9");
        assert_eq!(told(&failure, 7), "1 (2) 4 5 6 7 8 9");
        assert_eq!(told(&failure, 8), "1 (1) 3 4 5 6 7 8 9");
        assert_eq!(told(&failure, 9), "1 2 3 4 5 6 7 8 9");
        assert_eq!(told(&Failure { steps_total: 12, ..failure }, 9), "1 2 3 4 5 6 7 8 9 (3)");
        assert_eq!(told(&Failure::default(), 9), "");
    }

    #[test]
    fn a_failure_is_shortened_once_and_says_how_long_it_was() {
        let mut failure = Failure { steps: (1..=5000).map(|n| step(n, "does", "send mpsc 1")).collect(), ..failure() };
        failure.steps[0] = step(1, "STUCK", "recv mpsc 2");
        failure.steps_total = 0;
        assert!(failure.shorten() && !failure.shorten());
        assert_eq!((failure.steps.len(), failure.n_steps()), (KEPT_MAX, 5000));
        assert_eq!((failure.steps[0].step, failure.steps[1].step), (1, 3002));
    }
}
