//! Tasks of an execution. One that panics ends the execution: a model that fails in any task has failed.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::object::Object;
use super::platform::{self, Detach};
use super::recorder::{Kind, Place};

/// A task was aborted before it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinError;

impl JoinError {
    /// Whether it was aborted: always.
    pub fn is_cancelled(&self) -> bool {
        true
    }

    /// Whether it panicked: never, that ends the execution.
    pub fn is_panic(&self) -> bool {
        false
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("task was cancelled")
    }
}

impl std::error::Error for JoinError {}

/// What a task and its handle share.
struct Shared<T> {
    output: Option<Result<T, JoinError>>,
    joiner: Option<Waker>,
    task: Option<Waker>,
    is_aborted: bool,
    is_finished: bool,
}

/// Waits for a task. Whoever drops it leaves the task running.
pub struct JoinHandle<T> {
    object: Arc<Object>,
    shared: Arc<Mutex<Shared<T>>>,
    spawned: Place,
    is_waiting: bool,
    _detach: Detach,
}

/// The future of a task that can be aborted.
struct Spawned<F: Future> {
    object: Arc<Object>,
    future: Option<Pin<Box<F>>>,
    shared: Arc<Mutex<Shared<F::Output>>>,
}

impl<F: Future> Spawned<F> {
    fn finish(&mut self, output: Result<F::Output, JoinError>) {
        // What the future owns goes before anyone hears that the task has ended.
        self.future = None;
        self.object.has_ended();
        let joiner = {
            let mut shared = self.shared.lock();
            shared.output = Some(output);
            shared.is_finished = true;
            shared.joiner.take()
        };
        if let Some(joiner) = joiner {
            joiner.wake();
        }
    }
}

impl<F: Future> Future for Spawned<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let is_aborted = {
            let mut shared = self.shared.lock();
            shared.task = Some(context.waker().clone());
            shared.is_aborted
        };
        let Some(future) = self.future.as_mut().filter(|_| !is_aborted) else {
            self.finish(Err(JoinError));
            return Poll::Ready(());
        };
        match future.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(output) => {
                self.finish(Ok(output));
                Poll::Ready(())
            }
        }
    }
}

/// Starts a task. Whoever drops the handle leaves it running.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_at(Location::caller(), future)
}

/// Starts a task for code at that place.
fn spawn_at<F>(spawned: Place, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let shared = Shared { output: None, joiner: None, task: None, is_aborted: false, is_finished: false };
    let shared = Arc::new(Mutex::new(shared));
    let object = Object::made("task", spawned);
    let task = Spawned { object: object.clone(), future: Some(Box::pin(future)), shared: shared.clone() };
    let detach = platform::spawn(task, spawned);
    JoinHandle { object, shared, spawned, is_waiting: false, _detach: detach }
}

impl<T> JoinHandle<T> {
    /// Ends the task where it waits next. A step.
    #[track_caller]
    pub fn abort(&self) {
        self.object.does("abort");
        self.end();
    }

    fn end(&self) {
        let task = {
            let mut shared = self.shared.lock();
            shared.is_aborted = true;
            shared.task.take()
        };
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.object.step();
        self.shared.lock().is_finished
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.object.step();
        let output = {
            let mut shared = self.shared.lock();
            let output = shared.output.take();
            shared.joiner = output.is_none().then(|| context.waker().clone());
            output
        };
        let kind = match (&output, self.is_waiting) {
            (None, true) => return Poll::Pending,
            (None, false) => Kind::Waits,
            (Some(_), true) => Kind::GoesOn,
            (Some(_), false) => Kind::Does,
        };
        self.is_waiting = output.is_none();
        self.object.tell(kind, "join", self.spawned);
        output.map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if self.is_waiting {
            self.object.tell(Kind::Leaves, "join", self.spawned);
        }
    }
}

/// Runs a closure on a task of its own, and waits for it.
#[track_caller]
pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> + Send {
    let place = Location::caller();
    async move {
        let Ok(value) = spawn_at(place, async { work() }).await else { unreachable!("nobody can abort it") };
        value
    }
}

/// Lets others go on.
pub async fn yield_now() {
    platform::yield_now().await;
}

/// Tasks that are waited for together, and aborted where that is dropped.
pub struct JoinSet<T> {
    running: VecDeque<JoinHandle<T>>,
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self { running: VecDeque::new() }
    }
}

impl<T: Send + 'static> JoinSet<T> {
    /// Without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task.
    #[track_caller]
    pub fn spawn(&mut self, future: impl Future<Output = T> + Send + 'static) {
        self.running.push_back(spawn(future));
    }

    /// Tasks whose end was not seen.
    pub fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether there are no such tasks.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for the end of any task; `None` where there is none.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|context| {
            for at in 0..self.running.len() {
                if let Poll::Ready(ended) = Pin::new(&mut self.running[at]).poll(context) {
                    self.running.remove(at);
                    return Poll::Ready(Some(ended));
                }
            }
            if self.running.is_empty() { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }

    /// Waits for all tasks: their outputs, in the order of their ends.
    ///
    /// # Panics
    /// One was aborted.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::new();
        while let Some(ended) = self.join_next().await {
            outputs.push(ended.expect("a task was aborted"));
        }
        outputs
    }
}

impl<T> JoinSet<T> {
    /// Ends all tasks where they wait next.
    #[track_caller]
    pub fn abort_all(&mut self) {
        for task in &self.running {
            task.abort();
        }
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        for task in &self.running {
            task.object.ends("abort");
            task.end();
        }
    }
}
