//! What the runtime asks a scheduler: who runs next.

use shuttle::scheduler::{Task, TaskId};

/// A question for the next task.
pub(crate) struct Ask<'a> {
    /// The tasks that may be picked, by their numbers. Some of them wait, and may wake without a reason.
    pub(crate) tasks: &'a [&'a Task],
    /// Who ran last.
    pub(crate) current: Option<TaskId>,
    /// Whether it offers its place to the others.
    pub(crate) yields: bool,
}

impl<'a> Ask<'a> {
    /// The same question where it has only one answer.
    pub(crate) fn only_the_usual(self) -> Ask<'a> {
        let usual = self.usual();
        let at = self.tasks.iter().position(|task| number(task.id()) == usual);
        Ask { tasks: at.map_or(self.tasks, |at| &self.tasks[at..=at]), ..self }
    }

    /// The task that ran last, if it can go on and does not yield.
    pub(crate) fn goes_on(&self) -> Option<u32> {
        let current = self.current.filter(|_| !self.yields)?;
        self.tasks.iter().any(|task| task.id() == current && task.runnable()).then(|| number(current))
    }

    /// Whether the task that ran last could go on, and offers its place. One that parks does both in shuttle's words, and
    /// cannot go on.
    pub(crate) fn gives_way(&self) -> bool {
        let can_go_on = |task: &&Task| Some(task.id()) == self.current && task.runnable();
        self.yields && self.tasks.iter().any(can_go_on)
    }

    /// Tasks that can run.
    pub(crate) fn ready(&self) -> impl Iterator<Item = u32> {
        self.tasks.iter().filter(|task| task.runnable()).map(|task| number(task.id()))
    }

    /// Tasks that wait, and may wake without a reason, as `park` does.
    pub(crate) fn sleepers(&self) -> impl Iterator<Item = u32> {
        self.tasks.iter().filter(|task| !task.runnable()).map(|task| number(task.id()))
    }

    /// Every task that may be picked.
    pub(crate) fn all(&self) -> impl Iterator<Item = u32> {
        self.tasks.iter().map(|task| number(task.id()))
    }

    /// The pick that needs no telling: whoever ran goes on; one that yields gives way to the next, and so each in turn;
    /// else the first that is ready.
    pub(crate) fn usual(&self) -> u32 {
        let current = self.current.map(number);
        let next = || self.ready().find(|task| self.gives_way() && Some(*task) > current);
        let other = || self.ready().find(|task| Some(*task) != current);
        self.goes_on().or_else(next).or_else(other).or_else(|| self.ready().next()).unwrap_or(0)
    }

    /// What a pick costs: one preemption where someone else could have gone on, or where the pick wakes without a reason.
    pub(crate) fn cost(&self, picked: u32) -> u32 {
        let interrupts = self.goes_on().is_some_and(|current| current != picked);
        u32::from(interrupts || self.sleepers().any(|task| task == picked))
    }

    /// The task's own name for a reader.
    pub(crate) fn name(&self, task: u32) -> String {
        let found = self.tasks.iter().find(|known| number(known.id()) == task);
        found.map_or_else(|| format!("task {task}"), |found| found.name().unwrap_or_else(|| format!("task {task}")))
    }
}

/// A task's number.
pub(crate) fn number(task: TaskId) -> u32 {
    u32::try_from(usize::from(task)).expect("an execution has fewer tasks than 2^32")
}
