//! Searches on shuttle: bounded, sampled, each schedule twice, and one execution again.

mod ask;
mod bounded;
mod policy;
mod record;
mod replay;
mod sampled;
mod simpler;
#[cfg(feature = "model-overlay")]
pub(crate) mod stack;
#[cfg(feature = "model-overlay")]
pub(crate) mod told;
mod turns;
mod twice;
#[cfg(feature = "model-overlay")]
mod watch;
mod way;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use interlock_sync::model::recorder;
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use bounded::{Bounded, Prefix, Split};
use policy::{Asking, Policy};
use record::{Allowance, Record, Shared, Stop, shared};
use replay::Replay;
use sampled::{Sampled, Sampler, UNIT};
use twice::{LIKELY_CAUSES, Twice};
use way::Route;

use crate::model::{Limits, Search};
use crate::outcome::{Bound, Cut, Failure, Outcome, Verdict};
use crate::plan::{Again, Body, Plan};
use crate::{quiet, session};

/// How many prefixes each shard gets at least, if there are as many: with fewer, one may have most of the work.
const PREFIXES_PER_SHARD: u64 = 8;

/// A search that is running: what it may take, what it has found.
struct Run<'a> {
    plan: &'a Plan,
    body: &'a Body,
    until: Instant,
    record: Shared<Record>,
    outcome: Outcome,
}

/// Runs a search.
pub(crate) fn run(plan: &Plan, body: &Body) -> Outcome {
    quiet::forget();
    let started = Instant::now();
    let until = started + plan.budget;
    let record = shared(new_record(plan, until));
    let mut run = Run { plan, body, until, record, outcome: Outcome::of(Verdict::NothingExplored) };
    let early = run.check_twice();
    match early {
        Err(cause) => run.outcome.verdict = Verdict::NotDeterministic { cause },
        Ok(early) => {
            run.search();
            run.keep_early(early);
            if matches!(plan.search, Search::Portfolio { .. }) {
                run.simplify();
            }
            run.follow_the_failure();
        }
    }
    run.outcome.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    run.outcome
}

fn new_record(plan: &Plan, until: Instant) -> Record {
    let allowance = Allowance { steps: plan.limits.steps, executions: plan.limits.executions, until };
    Record::new(allowance, matches!(plan.search, Search::Delays { .. }))
}

impl Run<'_> {
    fn search(&mut self) {
        let verdict = match self.plan.search {
            Search::Bounded { preemptions } => self.bounds(Bound::Preemptions(preemptions)),
            Search::Delays { delays } => self.bounds(Bound::Delays(delays)),
            Search::Portfolio { schedules } => self.portfolio(schedules),
            Search::Loom { .. } => Verdict::NothingExplored,
        };
        let record = self.record.borrow();
        self.outcome.executions = record.own;
        self.outcome.prefixes = record.prefixes;
        if record.ever_drew {
            let note = "draws without a stated range came from one fixed stream: other draws were not explored";
            self.outcome.notes.push(note.to_owned());
        }
        if record.ever_held_time_back {
            let note = "time went on only where nobody else could: what a slow task meets was not explored";
            self.outcome.notes.push(note.to_owned());
        }
        self.outcome.notes.extend(quiet::note());
        let is_clean = self.outcome.failure.is_none() && record.stop.is_none();
        self.outcome.verdict = if is_clean && !record.ever_chose { Verdict::NothingExplored } else { verdict };
        if matches!(self.outcome.verdict, Verdict::NothingExplored) {
            self.outcome
                .notes
                .push("there was no step at which two tasks could go on, and nothing was chosen".to_owned());
        }
    }

    /// Bounds in turn, until one fails, is cut off, or keeps nothing out.
    fn bounds(&mut self, last: Bound) -> Verdict {
        let Plan { limits, shard, .. } = self.plan;
        let mut done = None;
        let (mut is_limited, mut is_all) = (false, false);
        for bound in (0..=last.number()).map(|number| last.of_same(number)) {
            let before = self.record.borrow().own;
            let searched = self.split(bound, done).and_then(|split| self.bound(bound, split, done));
            let policy = match searched {
                Ok(policy) => policy,
                Err(verdict) => return verdict,
            };
            let executions = self.record.borrow().own - before;
            let policy = policy.borrow();
            self.outcome.bounds.push((bound, executions));
            session::bound(bound, executions, policy.met_the_bound);
            done = Some(bound);
            is_limited |= policy.met_the_limit;
            is_all = !policy.met_the_bound;
            // A part cannot know whether the bound keeps something out of another part, and goes on to the last bound.
            if is_all && shard.is_whole() {
                break;
            }
        }
        let is_whole = !is_limited && !self.record.borrow().is_narrowed() && !quiet::was_on();
        match is_all {
            true if is_whole => Verdict::Complete,
            // No bound keeps anything out; something else does.
            true => Verdict::CompleteUpTo { bound: last, passed_over: is_limited.then_some(limits.passed_over) },
            false => Verdict::CompleteUpTo {
                bound: done.unwrap_or(last),
                passed_over: is_limited.then_some(limits.passed_over),
            },
        }
    }

    /// One bound. Without a failure, and to its end, it has no verdict.
    fn bound(&mut self, bound: Bound, split: Split, done: Option<Bound>) -> Result<Shared<Bounded>, Verdict> {
        let Plan { limits, .. } = self.plan;
        let policy = shared(Bounded::new(bound, limits.passed_over, split));
        let scheduler = match bound {
            Bound::Preemptions(_) => "bounded",
            Bound::Delays(_) => "delays",
        };
        self.outcome.failure = run_policy(&policy, &self.record, scheduler, limits, self.body);
        match self.stopped(done) {
            _ if self.outcome.failure.is_some() => Err(Verdict::Failed),
            Some(stopped) => Err(stopped),
            None => Ok(policy),
        }
    }

    /// How this bound is split: with prefixes that are long enough.
    fn split(&mut self, bound: Bound, done: Option<Bound>) -> Result<Split, Verdict> {
        let shard = self.plan.shard;
        if shard.is_whole() {
            return Ok(Split::NONE);
        }
        if matches!(bound, Bound::Delays(_)) {
            return Ok(Split { shard, prefix: Prefix::FirstDelay, prefixes_only: None });
        }
        let mut points = 1;
        loop {
            let prefix = Prefix::Points(points);
            let prefixes_only = Some(PREFIXES_PER_SHARD * u64::from(shard.count));
            let policy = self.bound(bound, Split { shard, prefix, prefixes_only }, done)?;
            if policy.borrow().is_split_enough() {
                return Ok(Split { shard, prefix, prefixes_only: None });
            }
            points *= 2;
        }
    }

    /// Samples, then searches for as many executions again.
    fn portfolio(&mut self, schedules: u64) -> Verdict {
        let Plan { name, limits, shard, .. } = self.plan;
        for unit in (0..schedules.div_ceil(UNIT)).filter(|unit| shard.has(*unit)) {
            let n = UNIT.min(schedules - unit * UNIT);
            let policy = shared(Sampled::new(unit, name, n));
            let scheduler = Sampler::of_unit(unit).name();
            self.outcome.failure = run_policy(&policy, &self.record, &scheduler, limits, self.body);
            if self.outcome.failure.is_some() {
                return Verdict::Failed;
            }
            if let Some(stopped) = self.stopped(None) {
                return stopped;
            }
        }
        let sampled = self.record.borrow().own;
        let all = self.record.borrow().allowance.executions;
        self.record.borrow_mut().allowance.executions = all.min(2 * sampled);
        let verdict = self.bounds(Bound::Preemptions(u32::MAX));
        let mut record = self.record.borrow_mut();
        match verdict {
            Verdict::CutOff { reason: Cut::Executions | Cut::Budget, .. } | Verdict::CompleteUpTo { .. } => {
                record.stop = None;
                Verdict::Sampled { schedules: sampled }
            }
            other => other,
        }
    }

    /// The verdict of a search that was stopped.
    fn stopped(&self, done: Option<Bound>) -> Option<Verdict> {
        let record = self.record.borrow();
        match record.stop.clone()? {
            Stop::Cut(reason) => Some(Verdict::CutOff { reason, done }),
            Stop::Diverged(text) => Some(Verdict::NotDeterministic { cause: format!("{text}; {LIKELY_CAUSES}") }),
        }
    }

    /// Runs some schedules twice. A failure on the way is kept for later: the search may find it with fewer preemptions.
    fn check_twice(&mut self) -> Result<Option<Failure>, String> {
        let Plan { limits, .. } = self.plan;
        let record = shared(new_record(self.plan, self.until));
        let bound = match self.plan.search {
            Search::Bounded { preemptions } => Bound::Preemptions(preemptions),
            Search::Delays { delays } => Bound::Delays(delays),
            Search::Portfolio { .. } | Search::Loom { .. } => Bound::Preemptions(u32::MAX),
        };
        let policy = shared(Twice::new(limits.checked_twice, bound));
        let failure = run_policy(&policy, &record, "random", limits, self.body);
        if let Some(Stop::Diverged(text)) = &record.borrow().stop {
            return Err(format!("{text}; {LIKELY_CAUSES}"));
        }
        session::checked(record.borrow().own);
        Ok(failure)
    }

    /// Runs the failing execution again, for its steps.
    fn follow_the_failure(&mut self) {
        let Some(failure) = &mut self.outcome.failure else { return };
        let again = session::muted(|| replay(&failure.way, &failure.scheduler, self.plan, self.body));
        match (again.failure, again.other) {
            // The text may name tasks that only the recorder knows.
            (Some(again), None) => {
                (failure.steps, failure.n_steps, failure.n_quiet) = (again.steps, again.n_steps, again.n_quiet);
                failure.classes = again.classes;
            }
            (_, why) => {
                let why = why.unwrap_or_default();
                self.outcome.notes.push(format!("the failing schedule was run again in the same process: {why}"));
            }
        }
    }

    fn keep_early(&mut self, early: Option<Failure>) {
        if self.outcome.failure.is_none() && early.is_some() && self.outcome.verdict.is_without_failure() {
            self.outcome.failure = early;
            self.outcome.verdict = Verdict::Failed;
        }
    }
}

/// Replays a way.
pub(crate) fn replay(way: &str, scheduler: &str, plan: &Plan, body: &Body) -> Again {
    let Some(route) = Route::read(way) else {
        return Again { failure: None, other: Some("the token's way cannot be read".to_owned()), cut: None };
    };
    let record = shared(new_record(plan, Instant::now() + plan.budget));
    record.borrow_mut().switches = Some(Vec::new());
    recorder::start();
    let failure = run_policy(&shared(Replay::new(route.clone())), &record, scheduler, &plan.limits, body);
    // Where nothing failed, nobody has taken what was recorded.
    drop(recorder::take());
    #[cfg(feature = "model-overlay")]
    let failure = failure.map(|failure| watched(failure, &route, record.borrow().steps, plan, body));
    let record = record.borrow();
    let cut = match (&record.stop, &failure) {
        (Some(Stop::Cut(reason)), None) => Some(*reason),
        _ => None,
    };
    let other = match (&record.stop, &failure) {
        (Some(Stop::Diverged(text)), _) => Some(text.clone()),
        (Some(Stop::Cut(reason)), None) => Some(format!("cut off ({})", reason.word())),
        (_, None) => {
            Some(format!("the execution did not fail; it took {} choices of {}", record.way.picks.len(), route.n_picks))
        }
        (_, Some(failure)) => {
            let same = |seen: Route| (seen.n_picks, seen.digest) == (route.n_picks, route.digest);
            let is_same = Route::read(&failure.way).is_some_and(same);
            (!is_same).then(|| "the execution failed, and had other choices on its way than the token says".to_owned())
        }
    };
    Again { failure, other, cut }
}

/// The same failure with the steps that the stacks tell, seen in the same execution once more: whether it fails is known,
/// and what a stack costs is spent on the last of its many steps only.
#[cfg(feature = "model-overlay")]
fn watched(failure: Failure, route: &Route, n_steps: u32, plan: &Plan, body: &Body) -> Failure {
    if !watch::start(n_steps) {
        return failure;
    }
    let record = shared(new_record(plan, Instant::now() + plan.budget));
    record.borrow_mut().switches = Some(Vec::new());
    let again = || run_policy(&shared(Replay::new(route.clone())), &record, "replay", &plan.limits, body);
    let failed = session::muted(again).is_some();
    watch::end(failure, failed)
}

/// Runs one policy to its end. The failure, if an execution failed.
fn run_policy<P: Policy + 'static>(
    policy: &Shared<P>,
    record: &Shared<Record>,
    scheduler: &str,
    limits: &Limits,
    body: &Body,
) -> Option<Failure> {
    let asking = Asking { policy: policy.clone(), record: record.clone() };
    let runner = Runner::new(asking, config(limits));
    let body = Arc::clone(body);
    let (seen, scheduler) = (record.clone(), scheduler.to_owned());
    let describe = move |message| Some(failure(&seen, message, &scheduler));
    let again = describe.clone();
    let (result, first) = session::listen(describe, || catch_unwind(AssertUnwindSafe(|| runner.run(move || body()))));
    let Err(payload) = result else {
        if first.is_some() {
            session::take_back();
        }
        return None;
    };
    // The first panic of the execution may have been caught, and the one that ended it another.
    let text = session::payload_text(&*payload);
    first.filter(|first| first.message.starts_with(&text)).or_else(|| again(text))
}

/// What is known of the execution at hand, which has failed.
fn failure(record: &Shared<Record>, message: String, scheduler: &str) -> Failure {
    #[cfg(feature = "model-overlay")]
    watch::fails();
    // The panic may come from within a scheduler, which holds the record.
    let record = record.try_borrow();
    let record = record.as_deref().ok();
    let recorded = crate::table::recorded();
    let table = recorded.or_else(|| Some(crate::table::of_switches(record?.switches.as_deref()?))).unwrap_or_default();
    Failure {
        message,
        execution: record.map_or(0, |record| record.own + record.prefixes),
        preemptions: record.map(|record| record.preemptions),
        delays: record.and_then(|record| record.delays),
        scheduler: scheduler.to_owned(),
        way: record.map(|record| record.way.text()).unwrap_or_default(),
        steps: table.steps,
        n_steps: table.n_steps,
        n_quiet: table.n_quiet,
        classes: Vec::new(),
    }
}

fn config(limits: &Limits) -> Config {
    let mut config = Config::new();
    config.stack_size = limits.stack_bytes;
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    // Ours is met first, and is no failure; this one is for destructors, which run without being asked for.
    config.max_steps = MaxSteps::FailAfter(limits.steps as usize * 8 + 100_000);
    config
}
