//! Whose turn it is: the order that a search without deviations follows, and what it costs to leave it.
//!
//! After Emmi, Qadeer and Rakamaric, "Delay-bounded Scheduling" (POPL 2011). One scheduler that leaves nothing open says who
//! runs: whoever ran goes on as long as it can and does not yield; then whoever has had no turn for longest. Each *delay*
//! passes over the task whose turn it is, which then waits as if it had had its turn. With at most k delays there are as
//! many schedules as there are ways to place k marks among the steps, however many tasks could run at each of them.

use super::ask::Ask;

/// When each task had its last turn.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// By task.
    last: Vec<u32>,
    n_turns: u32,
    /// Memory for the order of a question.
    order: Vec<u32>,
}

impl Turns {
    /// An execution begins.
    pub(crate) fn restart(&mut self) {
        self.last.clear();
        self.n_turns = 0;
    }

    /// Orders tasks: who has had no turn for longest is first.
    pub(crate) fn sort(&self, tasks: &mut [u32]) {
        tasks.sort_unstable_by_key(|task| (self.last.get(*task as usize).copied().unwrap_or(0), *task));
    }

    /// Puts into `order` who may be picked, in the order of their turns: taking the i-th instead of the first costs i
    /// delays. Who would wake without a reason comes last. One that yields is not picked, if there is anyone else.
    pub(crate) fn order(&self, ask: &Ask<'_>, order: &mut Vec<u32>) {
        order.clear();
        let goes_on = ask.goes_on();
        let current = ask.current.map(super::ask::number);
        order.extend(goes_on);
        order.extend(ask.ready().filter(|task| Some(*task) != current));
        if order.is_empty() {
            order.extend(ask.ready());
        }
        self.sort(&mut order[usize::from(goes_on.is_some())..]);
        order.extend(ask.sleepers());
    }

    /// Takes down who ran; nobody who was passed over has had a turn by that.
    pub(crate) fn ran(&mut self, task: u32) {
        let at = task as usize;
        if self.last.len() <= at {
            self.last.resize(at + 1, 0);
        }
        self.n_turns += 1;
        self.last[at] = self.n_turns;
    }

    /// Takes down who ran, and that those before it in the order were delayed: how many.
    pub(crate) fn ran_in_order(&mut self, ask: &Ask<'_>, picked: u32) -> u32 {
        if ask.tasks.len() == 1 {
            self.ran(picked);
            return 0;
        }
        let mut order = std::mem::take(&mut self.order);
        self.order(ask, &mut order);
        let delayed = order.iter().take_while(|task| **task != picked);
        let mut delays = 0;
        for task in delayed {
            self.ran(*task);
            delays += 1;
        }
        self.ran(picked);
        self.order = order;
        delays
    }
}
