//! Steps, waiting and tasks by shuttle: one task runs at a time, and its scheduler chooses at each step which.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use shuttle_engine::runtime::execution::ExecutionState;
use shuttle_engine::runtime::storage::StorageKey;
use shuttle_engine::runtime::task::{Task, TaskId};
use shuttle_engine::runtime::thread::switch;

use super::clock::Clock;
use super::recorder::{self, Place};
use super::{Config, Shards};

/// What belongs to one execution and is forgotten with it.
pub(crate) struct World {
    execution: usize,
    /// The task that made the last step, and how often the scheduler had been asked then.
    last_step: Cell<Mark>,
    pub(crate) config: RefCell<Config>,
    pub(crate) clock: RefCell<Clock>,
}

/// A name of ours in the storage that shuttle keeps for an execution.
const WORLD: StorageKey = StorageKey(0x1417_e410, 0x10c0);

/// Of no execution.
static N_EXECUTIONS: AtomicUsize = AtomicUsize::new(0);

/// The execution's world, unless there is no execution, or one that is being torn down.
pub(crate) fn world() -> Option<Rc<World>> {
    let find = |state: &mut ExecutionState| {
        state.try_current().filter(|_| !state.in_cleanup())?;
        if let Some(world) = state.get_storage::<_, Rc<World>>(WORLD) {
            return Some(world.clone());
        }
        let world = Rc::new(World {
            execution: N_EXECUTIONS.fetch_add(1, Ordering::Relaxed),
            last_step: Cell::new((usize::MAX, 0)),
            config: RefCell::default(),
            clock: RefCell::default(),
        });
        state.init_storage(WORLD, world.clone());
        Some(world)
    };
    ExecutionState::try_with(find).ok().flatten()
}

/// The task that runs, for the recorder. Nothing while a panic unwinds: what is dropped then explains nothing.
pub(crate) fn recorded_task() -> Option<u64> {
    if std::thread::panicking() {
        return None;
    }
    let running = |state: &mut ExecutionState| {
        let task = state.try_current().filter(|_| !state.in_cleanup());
        task.map(|task| usize::from(task.id()) as u64)
    };
    ExecutionState::try_with(running).ok().flatten()
}

/// A moment of an execution: the task that runs, and how often the scheduler was asked.
pub(crate) type Mark = (usize, usize);

/// This moment.
pub(crate) fn mark() -> Mark {
    if world().is_some() { now() } else { (usize::MAX, 0) }
}

fn now() -> Mark {
    (usize::from(shuttle_engine::current::me()), shuttle_engine::current::context_switches())
}

/// Before an operation that others can see.
#[derive(Default)]
pub(crate) struct Gate;

impl Gate {
    pub(crate) fn new() -> Self {
        Self
    }

    /// Of a primitive that has a [`Monitor`].
    pub(crate) fn of_monitor() -> Self {
        Self
    }

    /// Lets the scheduler choose who goes on. Where the task has done nothing since it was chosen last, there is nothing
    /// to choose again.
    pub(crate) fn step(&self) {
        if std::thread::panicking() {
            return;
        }
        if let Some(world) = world() {
            let before = now();
            if world.last_step.get() == before {
                switch();
            }
            world.last_step.set((before.0, shuttle_engine::current::context_switches()));
        }
    }
}

/// A task has ended. The scheduler chooses then anyway.
pub(crate) fn ends(_gate: &Gate) {}

/// Something has changed for others without a step before it: the next operation of this task is a step again.
pub(crate) fn note() {
    if let Some(world) = world() {
        world.last_step.set(now());
    }
}

/// State that blocks who cannot go on by it.
pub(crate) struct Monitor<S>(Mutex<Watched<S>>);

/// What a task waits to be true of the state.
type Ready<S> = Box<dyn Fn(&S) -> bool + Send>;

struct Watched<S> {
    state: S,
    waiting: Vec<(TaskId, Ready<S>)>,
}

impl<S> Monitor<S> {
    pub(crate) fn new(state: S) -> Self {
        Self(Mutex::new(Watched { state, waiting: Vec::new() }))
    }

    /// Blocks until the state is ready for it, then enters. Says so before it blocks.
    pub(crate) fn enter<R>(
        &self,
        ready: impl Fn(&S) -> bool + Copy + Send + 'static,
        enter: impl FnOnce(&mut S) -> R,
        says: impl FnOnce(),
    ) -> R {
        let mut says = Some(says);
        loop {
            {
                let mut watched = self.0.lock();
                if ready(&watched.state) {
                    return enter(&mut watched.state);
                }
                watched.waiting.push((shuttle_engine::current::me(), Box::new(ready)));
            }
            if let Some(says) = says.take() {
                says();
            }
            block();
        }
    }

    /// Changes the state, and unblocks who can go on by it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut S)) {
        let mut watched = self.0.lock();
        let Watched { state, waiting } = &mut *watched;
        change(state);
        waiting.retain(|(task, ready)| {
            let is_ready = ready(state);
            if is_ready {
                unblock(*task);
            }
            !is_ready
        });
        drop(watched);
        note();
    }
}

fn block() {
    ExecutionState::with(|state| state.current_mut().block(false));
    Clock::somebody_waits();
    switch();
}

fn unblock(task: TaskId) {
    let unblock = |state: &mut ExecutionState| {
        if let Some(task) = state.try_get_mut(task).filter(|task| task.blocked()) {
            task.unblock();
        }
    };
    // Outside an execution nobody is blocked.
    ExecutionState::try_with(unblock).ok();
}

/// Whether anyone but these two could go on.
pub(crate) fn is_anyone_runnable(but: TaskId, and: Option<TaskId>) -> bool {
    ExecutionState::with(|state| {
        let all = (0..).map_while(|id| state.try_get(TaskId::from(id)));
        all.into_iter().any(|task: &Task| task.runnable() && task.id() != but && Some(task.id()) != and)
    })
}

/// A choice of the scheduler: a number of `0..n`. Schedulers that search may ask [`super::n_choices`] how many there are.
pub(crate) fn choose(n: usize) -> usize {
    if n < 2 || world().is_none() {
        return 0;
    }
    super::N_CHOICES.set(Some(n));
    let drawn = ExecutionState::next_u64();
    super::N_CHOICES.set(None);
    usize::try_from(drawn % n as u64).unwrap_or(0)
}

/// Says what this execution is like.
pub(crate) fn configure(config: Config) {
    if let Some(world) = world() {
        *world.config.borrow_mut() = config;
    }
}

/// How the keys of maps fall into shards.
pub(crate) fn shards() -> Shards {
    world().map_or(Shards::Drawn, |world| world.config.borrow().shards)
}

/// Wakes a task that sleeps. Shuttle's own waker makes a task that slept run twice.
struct TaskWaker {
    task: usize,
    execution: usize,
    is_woken: AtomicBool,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if world().is_none_or(|world| world.execution != self.execution) {
            return;
        }
        // Kept also where the task sleeps: it may sleep within a poll of what this wakes.
        self.is_woken.store(true, Ordering::Relaxed);
        let unblock = |state: &mut ExecutionState| {
            let task = state.try_get_mut(TaskId::from(self.task));
            if let Some(task) = task.filter(|task| task.sleeping()) {
                task.unblock();
            }
        };
        ExecutionState::with(unblock);
    }
}

/// A future as shuttle polls it.
struct Polled<F> {
    future: Pin<Box<F>>,
    waker: Option<Arc<TaskWaker>>,
}

impl<F> Polled<F> {
    fn new(future: F) -> Self {
        Self { future: Box::pin(future), waker: None }
    }
}

impl<F: Future> Future for Polled<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(world) = world() else {
            return self.future.as_mut().poll(context);
        };
        let waker = self.waker.get_or_insert_with(|| {
            let task = usize::from(shuttle_engine::current::me());
            Arc::new(TaskWaker { task, execution: world.execution, is_woken: AtomicBool::new(false) })
        });
        let waker = waker.clone();
        waker.is_woken.store(false, Ordering::Relaxed);
        drop(world);
        let polled = self.future.as_mut().poll(&mut Context::from_waker(&Waker::from(waker.clone())));
        if polled.is_pending() && waker.is_woken.load(Ordering::Relaxed) {
            context.waker().wake_by_ref();
        } else {
            Clock::somebody_waits();
        }
        polled
    }
}

/// Leaves the task running when it is dropped.
pub(crate) struct Detach(TaskId);

impl Drop for Detach {
    fn drop(&mut self) {
        let detach = |state: &mut ExecutionState| {
            if !state.is_finished() {
                state.detach(self.0);
            }
        };
        ExecutionState::try_with(detach).ok();
    }
}

/// Starts a task. That is a step.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static, place: Place) -> Detach {
    let stack_size = ExecutionState::with(|state| state.config.stack_size);
    // Without a name of its own it would go by its parent's.
    let name = recorder::short(place);
    let task = ExecutionState::spawn_future(Polled::new(future), stack_size, Some(name), place);
    recorder::name(usize::from(task) as u64, || recorder::short(place));
    note();
    Detach(task)
}

/// Starts a task that the end of the execution does not wait for.
pub(crate) fn spawn_clock(future: impl Future<Output = ()> + 'static) -> TaskId {
    let stack_size = ExecutionState::with(|state| state.config.stack_size);
    let place = std::panic::Location::caller();
    let task = ExecutionState::spawn_future(future, stack_size, Some(super::CLOCK.to_owned()), place);
    recorder::name(usize::from(task) as u64, || "clock".to_owned());
    ExecutionState::with(|state| state.detach(task));
    task
}

/// Runs a future on the task that calls.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    shuttle_engine::future::block_on(Polled::new(future))
}

/// Names the task that runs.
pub(crate) fn name_task(name: &str) {
    if recorder::is_on()
        && let Some(task) = recorded_task()
    {
        recorder::rename(task, name);
        shuttle_engine::current::set_name_for_task(shuttle_engine::current::me(), name);
    }
}

/// Hands over to whoever else can go on.
pub(crate) async fn yield_now() {
    shuttle_engine::future::yield_now().await;
}
