//! Steps, waiting and tasks by loom: a task is a thread, and each step an access that its search for conflicts sees.
//! Release work is left out while a panic unwinds: loom would panic again.

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex, MutexGuard};

use super::recorder::{self, Place};
use super::{Config, Shards};

thread_local! {
    static CONFIG: Cell<Config> = Cell::new(Config::default());
    static N_TASKS: Cell<u64> = const { Cell::new(0) };
}

loom::thread_local! {
    // The first thread has none, and is 0.
    static TASK: Cell<u64> = Cell::new(0);
}

/// The task that runs, for the recorder. Nothing while a panic unwinds: what is dropped then explains nothing.
pub(crate) fn recorded_task() -> Option<u64> {
    (recorder::is_on() && !std::thread::panicking()).then(|| TASK.with(Cell::get))
}

/// Before an operation that others can see: two on one primitive conflict.
pub(crate) struct Gate(Option<AtomicUsize>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Some(AtomicUsize::new(0)))
    }

    /// Of a primitive whose [`Monitor`] is the conflict.
    pub(crate) fn of_monitor() -> Self {
        Self(None)
    }

    pub(crate) fn step(&self) {
        if let Some(gate) = &self.0
            && !std::thread::panicking()
        {
            gate.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// Nothing is between the steps of a thread.
pub(crate) fn note() {}

/// Loom has no use for moments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark;

/// This moment.
pub(crate) fn mark() -> Mark {
    Mark
}

/// State that blocks who cannot go on by it.
pub(crate) struct Monitor<S> {
    state: Mutex<S>,
    changed: Condvar,
}

impl<S> Monitor<S> {
    pub(crate) fn new(state: S) -> Self {
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, S> {
        self.state.lock().expect("no panic while it is held")
    }

    /// Blocks until the state is ready for it, then enters. Says so before it blocks.
    pub(crate) fn enter<R>(
        &self,
        ready: impl Fn(&S) -> bool + Copy + Send + 'static,
        enter: impl FnOnce(&mut S) -> R,
        says: impl FnOnce(),
    ) -> R {
        let mut state = self.lock();
        if !ready(&state) {
            says();
        }
        while !ready(&state) {
            state = self.changed.wait(state).expect("no panic while it is held");
        }
        enter(&mut state)
    }

    /// Changes the state, and wakes who waits for that.
    pub(crate) fn change(&self, change: impl FnOnce(&mut S)) {
        if !std::thread::panicking() {
            change(&mut *self.lock());
            self.changed.notify_all();
        }
    }
}

/// Loom draws nothing: always the first.
pub(crate) fn choose(_n: usize) -> usize {
    0
}

/// Says what this execution is like. Only what is said of shards is of use here.
pub(crate) fn configure(config: Config) {
    CONFIG.set(config);
}

/// How the keys of maps fall into shards: where they are to be drawn, all into one, which blocks most.
pub(crate) fn shards() -> Shards {
    match CONFIG.get().shards {
        Shards::Drawn => Shards::Together,
        shards => shards,
    }
}

/// Wakes a thread that waits for a future.
struct Signal {
    is_given: Mutex<bool>,
    given: Condvar,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !std::thread::panicking() {
            *self.is_given.lock().expect("no panic while it is held") = true;
            self.given.notify_one();
        }
    }
}

impl Signal {
    fn wait(&self) {
        let mut is_given = self.is_given.lock().expect("no panic while it is held");
        while !*is_given {
            is_given = self.given.wait(is_given).expect("no panic while it is held");
        }
        *is_given = false;
    }
}

/// Runs a future on the thread that calls.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let signal = Arc::new(Signal { is_given: Mutex::new(false), given: Condvar::new() });
    let waker = Waker::from(signal.clone());
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => signal.wait(),
        }
    }
}

/// A thread runs to its end, whoever has its handle.
pub(crate) struct Detach;

/// Starts a task, on a thread of its own.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static, place: Place) -> Detach {
    let task = N_TASKS.get() + 1;
    N_TASKS.set(task);
    recorder::name(task, || recorder::short(place));
    drop(loom::thread::spawn(move || {
        TASK.with(|own| own.set(task));
        block_on(future);
    }));
    Detach
}

/// Names the task that runs.
pub(crate) fn name_task(name: &str) {
    if let Some(task) = recorded_task() {
        recorder::rename(task, name);
    }
}

/// Lets other threads go on.
pub(crate) async fn yield_now() {
    loom::thread::yield_now();
}
