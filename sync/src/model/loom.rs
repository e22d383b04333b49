//! Steps, waiting and tasks by loom: a task is a thread, and each step an access that its search for conflicts sees.
//! Nobody is woken while a panic unwinds: loom would panic again.

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread::Thread;
use parking_lot::Mutex;

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

/// A task has ended, which others may look for.
pub(crate) fn ends(gate: &Gate) {
    gate.step();
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

/// State that blocks who cannot go on by it. Entering conflicts with entering; leaving delays nobody, and is no conflict.
pub(crate) struct Monitor<S> {
    gate: Gate,
    watched: Mutex<Watched<S>>,
}

/// What a thread waits to be true of the state.
type Ready<S> = Box<dyn Fn(&S) -> bool + Send>;

struct Watched<S> {
    state: S,
    waiting: Vec<(Thread, Ready<S>)>,
}

impl<S> Monitor<S> {
    pub(crate) fn new(state: S) -> Self {
        Self { gate: Gate::new(), watched: Mutex::new(Watched { state, waiting: Vec::new() }) }
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
            self.gate.step();
            {
                let mut watched = self.watched.lock();
                if ready(&watched.state) {
                    return enter(&mut watched.state);
                }
                watched.waiting.push((loom::thread::current(), Box::new(ready)));
            }
            if let Some(says) = says.take() {
                says();
            }
            loom::thread::park();
        }
    }

    /// Changes the state, and unblocks who can go on by it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut S)) {
        let mut watched = self.watched.lock();
        let Watched { state, waiting } = &mut *watched;
        change(state);
        if std::thread::panicking() {
            return;
        }
        waiting.retain(|(thread, ready)| {
            let is_ready = ready(state);
            if is_ready {
                thread.unpark();
            }
            !is_ready
        });
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

/// Wakes a thread that waits for a future. What is waited for has its own conflicts; a wake-up adds none.
struct Signal {
    thread: Thread,
    is_given: AtomicBool,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !std::thread::panicking() && !self.is_given.swap(true, Relaxed) {
            self.thread.unpark();
        }
    }
}

/// Runs a future on the thread that calls.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let signal = Arc::new(Signal { thread: loom::thread::current(), is_given: AtomicBool::new(false) });
    let waker = Waker::from(signal.clone());
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => {
                while !signal.is_given.swap(false, Relaxed) {
                    loom::thread::park();
                }
            }
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
