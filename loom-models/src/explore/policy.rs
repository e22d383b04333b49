//! Between shuttle and a way of searching: counts, limits and the way taken are the same for all of them.

use interlock_sync::model::n_choices;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

use super::ask::Ask;
use super::record::{Record, Shared, Stop};
use crate::{quiet, session};

/// An execution that is to begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Next {
    /// The seed of its draws without a stated range.
    pub(crate) seed: u64,
    /// Whether it belongs to another shard.
    pub(crate) is_foreign: bool,
}

/// A way of searching: which execution is next, and who runs in it.
pub(crate) trait Policy {
    /// Prepares the next execution; `None` is the end.
    fn next_execution(&mut self, record: &mut Record) -> Option<Next>;

    /// Who runs next. `None` leaves this execution.
    fn pick(&mut self, ask: &Ask<'_>, record: &mut Record) -> Option<u32>;

    /// A value below `n`, which is two or more.
    fn choose(&mut self, n: u32, record: &mut Record) -> u32;

    /// What progress is told of: the bound.
    fn bound(&self) -> Option<u32> {
        None
    }
}

/// A scheduler of shuttle that asks a policy. Policy and record outlive it, for whoever started the search.
pub(crate) struct Asking<P> {
    pub(crate) policy: Shared<P>,
    pub(crate) record: Shared<Record>,
}

impl<P: Policy> Scheduler for Asking<P> {
    fn new_execution(&mut self) -> Option<Schedule> {
        let (mut policy, mut record) = (self.policy.borrow_mut(), self.record.borrow_mut());
        if record.stop.is_some() {
            return None;
        }
        session::begins();
        let next = policy.next_execution(&mut record)?;
        if !record.begin(next) {
            return None;
        }
        if record.is_time_to_tell() {
            session::progress(policy.bound(), record.own);
        }
        quiet::restart();
        Some(Schedule::new(0))
    }

    fn next_task(&mut self, tasks: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        let (mut policy, mut record) = (self.policy.borrow_mut(), self.record.borrow_mut());
        if !record.step() {
            return None;
        }
        // A replay may take long for its one execution.
        if record.switches.is_some() && record.is_time_to_tell() {
            session::progress(None, record.own);
        }
        #[cfg(feature = "model-overlay")]
        super::watch::switches(current);
        #[cfg(feature = "model-overlay")]
        let others = without_the_clock(tasks);
        #[cfg(feature = "model-overlay")]
        {
            record.ever_held_time_back |= others.is_some();
        }
        #[cfg(feature = "model-overlay")]
        let tasks = others.as_deref().unwrap_or(tasks);
        let whole = Ask { tasks, current, yields };
        let ask = if quiet::is_on() { whole.only_the_usual() } else { whole };
        let picked = policy.pick(&ask, &mut record)?;
        if record.stop.is_some() {
            return None;
        }
        let Some(task) = tasks.iter().find(|task| super::ask::number(task.id()) == picked) else {
            record.stop =
                Some(Stop::Diverged(format!("task {picked} was to run at step {}, and cannot", record.steps)));
            return None;
        };
        record.picked(&ask, picked);
        #[cfg(feature = "model-overlay")]
        super::watch::goes_on(task.id(), tasks);
        Some(task.id())
    }

    fn next_u64(&mut self) -> u64 {
        let mut record = self.record.borrow_mut();
        match n_choices() {
            None => record.draw(),
            Some(n) => {
                let n = u32::try_from(n).unwrap_or(u32::MAX);
                let chosen = self.policy.borrow_mut().choose(n, &mut record);
                record.chose(n, chosen);
                u64::from(chosen)
            }
        }
    }
}

/// The tasks but the clock's, where someone else can go on: where tasks wait for what is not the facade's, nobody but the
/// scheduler knows who can ([`interlock_sync::model::TimeMode::WhenAlone`]).
#[cfg(feature = "model-overlay")]
fn without_the_clock<'a>(tasks: &[&'a Task]) -> Option<Vec<&'a Task>> {
    let is_clock = |task: &&Task| task.name().is_some_and(|name| name == interlock_sync::model::CLOCK);
    let others: Vec<&Task> = tasks.iter().filter(|task| !is_clock(task)).copied().collect();
    (others.len() < tasks.len() && others.iter().any(|task| task.runnable())).then_some(others)
}
