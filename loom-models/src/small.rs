//! Searches on loom: small cores of a few threads, with atomics and what weak memory lets them read.
//!
//! Loom says nothing where its time or its executions are used up: it returns as it does when it is done. So executions
//! are counted here, and it is made to look at its limits often. What it panics with where a model is too large for it is
//! no failure of the model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use interlock_sync::model::recorder;
use loom::model::Builder;

use crate::outcome::{Bound, Cut, Failure, Outcome, Verdict};
use crate::plan::{Again, Body, Plan};
use crate::{quiet, session};

/// How many executions loom runs before it looks at its limits.
const INTERVAL: u64 = 256;
/// Who chooses the schedule of a failure that loom finds.
const SCHEDULER: &str = "loom";
/// What loom says of a program that branches more often than it may.
const TOO_MANY_BRANCHES: &str = "Model exceeded maximum number of branches";
/// What it says of a path that it cannot follow again.
const OTHER_PATH: &str = "Is the model fully deterministic?";
/// The assertion that one thread too many runs into.
const TOO_MANY_THREADS: &str = "self.threads.len() < self.max()";

/// Runs a search: bounds in turn, or once without one.
pub(crate) fn run(plan: &Plan, preemptions: Option<u32>, body: &Body) -> Outcome {
    let started = Instant::now();
    let mut outcome = Outcome::of(Verdict::Complete);
    quiet::forget();
    // Loom's reduction is lost where its search is split, so the first part does all of it.
    if plan.shard.index > 0 {
        outcome.notes.push("loom's searches are not split: the first part does all of this one".to_owned());
        return outcome;
    }
    let bounds = match preemptions {
        None => vec![None],
        Some(last) => (0..=last).map(Some).collect(),
    };
    for bound in bounds {
        outcome.verdict = search(plan, bound, body, started, &mut outcome);
        if !matches!(outcome.verdict, Verdict::Complete | Verdict::CompleteUpTo { .. }) {
            break;
        }
    }
    let is_one_order = preemptions != Some(0) && outcome.bounds.last().map_or(outcome.executions, |(_, n)| *n) == 1;
    if is_one_order && matches!(outcome.verdict, Verdict::Complete | Verdict::CompleteUpTo { .. }) {
        outcome.verdict = Verdict::NothingExplored;
        outcome.notes.push("loom saw one order only: no two threads touched the same thing".to_owned());
    }
    outcome.notes.extend(quiet::note());
    if started.elapsed() < plan.budget / 2 {
        follow_the_failure(plan, body, &mut outcome);
    }
    outcome.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    outcome
}

/// Searches at one bound.
fn search(plan: &Plan, bound: Option<u32>, body: &Body, started: Instant, outcome: &mut Outcome) -> Verdict {
    let done = outcome.bounds.last().map(|(bound, _)| *bound);
    let cut = |reason| Verdict::CutOff { reason, done };
    let left = plan.budget.saturating_sub(started.elapsed());
    let allowed = plan.limits.executions.saturating_sub(outcome.executions);
    if left.is_zero() {
        return cut(Cut::Budget);
    }
    let since = Instant::now();
    let mut builder = builder(plan, bound);
    builder.checkpoint_interval = index(INTERVAL);
    builder.max_duration = Some(left);
    builder.max_permutations = Some(index(allowed));
    let count = Arc::new(AtomicU64::new(0));
    let (failure, message) = check(&builder, &count, bound, None, body);
    let executions = count.load(Ordering::SeqCst);
    outcome.executions += executions;
    if let Some(message) = message {
        outcome.failure = failure;
        return verdict_of(&message, done);
    }
    // Loom looks at its limits before executions whose number the interval divides; it may be done there all the same.
    let is_looking = (executions + 1).is_multiple_of(INTERVAL);
    if is_looking && since.elapsed() >= left {
        return cut(Cut::Budget);
    }
    if is_looking && executions + 1 >= allowed {
        return cut(Cut::Executions);
    }
    match bound {
        None => Verdict::Complete,
        Some(preemptions) => {
            let bound = Bound::Preemptions(preemptions);
            outcome.bounds.push((bound, executions));
            session::bound(bound, executions, true);
            Verdict::CompleteUpTo { bound, passed_over: None }
        }
    }
}

/// What a panic means.
fn verdict_of(message: &str, done: Option<Bound>) -> Verdict {
    if message.contains(TOO_MANY_BRANCHES) {
        return Verdict::CutOff { reason: Cut::Steps, done };
    }
    if message.contains(OTHER_PATH) {
        return Verdict::NotDeterministic { cause: format!("loom could not follow its path again: {message}") };
    }
    Verdict::Failed
}

fn builder(plan: &Plan, bound: Option<u32>) -> Builder {
    // Each field that the environment could set is set here: the same search whoever runs it.
    let mut builder = Builder::new();
    builder.max_branches = plan.limits.steps as usize;
    builder.preemption_bound = bound.map(|bound| bound as usize);
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.checkpoint_file = None;
    builder.location = false;
    builder.log = false;
    builder
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The panic that ends a run before its end, where no more is wanted of it.
struct Enough;

/// Runs loom. The failure that was heard and the panic's text, if there was one; `upto` ends it before that execution.
fn check(
    builder: &Builder,
    count: &Arc<AtomicU64>,
    bound: Option<u32>,
    upto: Option<u64>,
    body: &Body,
) -> (Option<Failure>, Option<String>) {
    let (body, counted, told) = (body.clone(), count.clone(), count.clone());
    let since = Instant::now();
    let seconds = AtomicU64::new(0);
    let each = move || {
        let n = counted.fetch_add(1, Ordering::SeqCst) + 1;
        quiet::restart();
        session::begins();
        if upto.is_some_and(|upto| n >= upto) {
            session::unheard_panic(Enough);
        }
        let now = since.elapsed().as_secs();
        if seconds.swap(now, Ordering::SeqCst) != now {
            session::progress(bound, n);
        }
        body();
    };
    let describe = move |message: String| failure(message, told.load(Ordering::SeqCst), bound);
    let again = describe.clone();
    let (result, heard) = session::listen(describe, || catch_unwind(AssertUnwindSafe(|| builder.check(each))));
    match result {
        Ok(()) => {
            if heard.is_some() {
                session::take_back();
            }
            (None, None)
        }
        Err(payload) if payload.is::<Enough>() => (None, None),
        Err(payload) => {
            let text =
                heard.as_ref().map_or_else(|| session::payload_text(&*payload), |failure| failure.message.clone());
            (heard.or_else(|| again(text.clone())), Some(text))
        }
    }
}

/// The failure of a panic; `None` where the panic says that the model is too large.
fn failure(message: String, execution: u64, bound: Option<u32>) -> Option<Failure> {
    if message.contains(TOO_MANY_BRANCHES) || message.contains(OTHER_PATH) {
        return None;
    }
    let message = if message.contains(TOO_MANY_THREADS) {
        format!(
            "loom runs at most {} threads, the main one among them, and this model starts one more",
            loom::MAX_THREADS
        )
    } else {
        message
    };
    let table = crate::table::recorded().unwrap_or_default();
    let bound_text = bound.map_or_else(|| "none".to_owned(), |bound| bound.to_string());
    Some(Failure {
        message,
        execution,
        preemptions: bound,
        delays: None,
        scheduler: SCHEDULER.to_owned(),
        way: format!("{bound_text}.{execution}"),
        steps: table.steps,
        n_steps: table.n_steps,
        n_quiet: table.n_quiet,
        classes: Vec::new(),
    })
}

/// Runs the failing execution again, for its steps.
fn follow_the_failure(plan: &Plan, body: &Body, outcome: &mut Outcome) {
    let Some(failure) = &mut outcome.failure else { return };
    let again = session::muted(|| replay(&failure.way, SCHEDULER, plan, body));
    match again.failure {
        Some(again) => {
            (failure.steps, failure.n_steps, failure.n_quiet) = (again.steps, again.n_steps, again.n_quiet);
            failure.classes = again.classes;
        }
        None => {
            let why = again.other.unwrap_or_default();
            outcome.notes.push(format!("the failing execution was run again in the same process: {why}"));
        }
    }
}

/// Replays an execution by its number: loom goes there once more, writes its path to a file, and is started from that.
pub(crate) fn replay(way: &str, scheduler: &str, plan: &Plan, body: &Body) -> Again {
    let Some((bound, execution)) = read(way).filter(|_| scheduler == SCHEDULER) else {
        return Again { failure: None, other: Some("the token's way cannot be read".to_owned()), cut: None };
    };
    let path = Scratch::new();
    let mut first = builder(plan, bound);
    first.checkpoint_file = Some(path.0.clone());
    first.checkpoint_interval = index(execution);
    first.max_duration = Some(plan.budget);
    let (_, message) = check(&first, &Arc::default(), bound, Some(execution), body);
    if message.is_some() || !path.0.exists() {
        let other = message.unwrap_or_else(|| format!("the search ended before execution {execution}"));
        return Again { failure: None, other: Some(other), cut: None };
    }
    let mut second = builder(plan, bound);
    second.checkpoint_file = Some(path.0.clone());
    second.checkpoint_interval = usize::MAX;
    second.location = true;
    recorder::start();
    let (failure, _) = check(&second, &Arc::default(), bound, Some(2), body);
    // Where nothing failed, nobody has taken what was recorded.
    drop(recorder::take());
    let other = failure.is_none().then(|| "the execution did not fail".to_owned());
    let failure = failure.map(|failure| Failure { way: way.to_owned(), ..failure });
    Again { failure, other, cut: None }
}

fn read(way: &str) -> Option<(Option<u32>, u64)> {
    let (bound, execution) = way.split_once('.')?;
    let bound = if bound == "none" { None } else { Some(bound.parse().ok()?) };
    Some((bound, execution.parse().ok().filter(|execution| *execution > 0)?))
}

/// A file that is gone with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("interlock-loom-{}-{}.json", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
        Scratch(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may not have been made.
        let _ = std::fs::remove_file(&self.0);
    }
}
