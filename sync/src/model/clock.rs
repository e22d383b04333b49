//! Virtual time: it stands still but for the clock, a task that lets one pending timer fire a step.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use shuttle_engine::runtime::execution::ExecutionState;
use shuttle_engine::runtime::task::TaskId;

use super::object::Object;
use super::platform::{Gate, choose, is_anyone_runnable, note, spawn_clock, world};
use super::recorder::{Kind, Place};
use super::{Config, TIMERS_SPENT, TimeMode};

/// What a look at the clock takes where code was not written for a clock that stands still: no two looks show the same.
const LOOK: Duration = Duration::from_nanos(1);

/// A sleep that somebody waits for.
struct Timer {
    id: u64,
    deadline: Duration,
    waker: Waker,
    object: Arc<Object>,
    place: Place,
}

/// The time of an execution.
#[derive(Default)]
pub(crate) struct Clock {
    now: Duration,
    task: Option<TaskId>,
    is_starting: bool,
    /// By deadline, then by age.
    timers: Vec<Timer>,
    n_timers: u64,
    n_fired: usize,
    n_early: usize,
}

impl Clock {
    /// The time since the execution began. A step where it may pass while somebody can go on.
    pub(crate) fn now() -> Duration {
        if Self::may_pass() {
            Gate::new().step();
        }
        let Some(world) = world() else { return Duration::ZERO };
        let mut clock = world.clock.borrow_mut();
        if world.config.borrow().time == TimeMode::WhenAlone {
            clock.now += LOOK;
        }
        clock.now
    }

    /// Whether time may pass while somebody can go on.
    fn may_pass() -> bool {
        world().is_some_and(|world| world.clock.borrow().is_eager(&world.config.borrow()))
    }

    /// Adds a timer, and gives its number.
    pub(crate) fn add(deadline: Duration, waker: Waker, object: Arc<Object>, place: Place) -> Option<u64> {
        let world = world()?;
        let (id, starts) = {
            let mut clock = world.clock.borrow_mut();
            clock.n_timers += 1;
            let id = clock.n_timers;
            let at = clock.timers.partition_point(|timer| timer.deadline <= deadline);
            clock.timers.insert(at, Timer { id, deadline, waker, object, place });
            let starts = !std::mem::replace(&mut clock.is_starting, true);
            (id, starts)
        };
        if starts {
            let task = spawn_clock(poll_fn(Self::poll));
            world.clock.borrow_mut().task = Some(task);
        }
        Self::settle();
        if Self::may_pass() {
            note();
        }
        Some(id)
    }

    /// Has another waker woken when the timer fires. False where it has fired.
    pub(crate) fn renew(id: u64, waker: &Waker) -> bool {
        let Some(world) = world() else { return false };
        let mut clock = world.clock.borrow_mut();
        let timer = clock.timers.iter_mut().find(|timer| timer.id == id);
        timer.map(|timer| timer.waker.clone_from(waker)).is_some()
    }

    /// Forgets a timer.
    pub(crate) fn remove(id: u64) {
        let Some(world) = world() else { return };
        let timer = {
            let mut clock = world.clock.borrow_mut();
            let at = clock.timers.iter().position(|timer| timer.id == id);
            at.map(|at| clock.timers.remove(at))
        };
        // Its waker may be the last owner of a task.
        drop(timer);
        Self::settle();
    }

    /// The task that runs is about to wait or to end: where nobody can go on then, time does.
    pub(crate) fn somebody_waits() {
        let Some(world) = world() else { return };
        let clock = world.clock.borrow();
        if let Some(task) = clock.task
            && !clock.timers.is_empty()
            && !is_anyone_runnable(shuttle_engine::current::me(), Some(task))
        {
            wake(task);
        }
    }

    /// Lets the clock run or sleep, as the mode says.
    fn settle() {
        let Some(world) = world() else { return };
        let clock = world.clock.borrow();
        let Some(task) = clock.task else { return };
        if clock.is_ready(&world.config.borrow()) {
            wake(task);
        } else {
            put_to_sleep(task);
        }
    }

    /// Whether timers may fire while somebody else could go on.
    fn is_eager(&self, config: &Config) -> bool {
        let is_patient = matches!(config.time, TimeMode::WhenIdle | TimeMode::WhenAlone);
        !self.timers.is_empty() && !is_patient && self.n_early < config.max_early
    }

    /// Whether the clock's task is to be ready: whether it runs is then the scheduler's choice.
    fn is_ready(&self, config: &Config) -> bool {
        self.is_eager(config) || (config.time == TimeMode::WhenAlone && !self.timers.is_empty())
    }

    /// One run of the clock's task.
    fn poll(context: &mut Context<'_>) -> Poll<()> {
        Self::fire();
        if world().is_some_and(|world| world.clock.borrow().is_ready(&world.config.borrow())) {
            context.waker().wake_by_ref();
        }
        // Who was woken goes first, at no cost in a search that counts preemptions.
        ExecutionState::request_yield();
        Poll::Pending
    }

    fn fire() {
        let Some(world) = world() else { return };
        let config = *world.config.borrow();
        let is_early = is_anyone_runnable(shuttle_engine::current::me(), None);
        let (n_timers, may_fire) = {
            let clock = world.clock.borrow();
            (clock.timers.len(), !is_early || clock.is_eager(&config))
        };
        if n_timers == 0 || !may_fire {
            return;
        }
        let idx = if config.time == TimeMode::AnyOrder { choose(n_timers) } else { 0 };
        let timer = {
            let mut clock = world.clock.borrow_mut();
            let timer = clock.timers.remove(idx);
            clock.now = clock.now.max(timer.deadline);
            clock.n_early += usize::from(is_early);
            clock.n_fired += 1;
            assert!(clock.n_fired <= config.max_fired, "{TIMERS_SPENT} {} times", config.max_fired);
            timer
        };
        timer.object.tell(Kind::Fires, "fire", timer.place);
        timer.waker.wake();
    }
}

fn wake(task: TaskId) {
    let wake = |state: &mut ExecutionState| {
        if let Some(task) = state.try_get_mut(task).filter(|task| task.sleeping()) {
            task.unblock();
        }
    };
    ExecutionState::with(wake);
}

fn put_to_sleep(task: TaskId) {
    let is_clock = shuttle_engine::current::try_get_current_task() == Some(task);
    let sleep = |state: &mut ExecutionState| {
        if let Some(task) = state.try_get_mut(task).filter(|task| task.runnable() && !is_clock) {
            task.sleep();
        }
    };
    ExecutionState::with(sleep);
}
