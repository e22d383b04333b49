//! Running models: each in a process of its own, each twin too, several side by side.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::build::BUILD_VARIABLE;
use super::child::{self, Life, Limits};
use super::discover::{FoundModel, ModelId};
use super::model_run::{ModelRun, Said};
use super::protocol::{Ask, Line, OUT_VARIABLE, REQUEST_VARIABLE, Request, Twin};
use super::shard::Shard;
use super::suite::ModelKind;
use super::verdict::Verdict;

/// What is kept of the start of what a process prints, and of the end.
const KEPT_BYTES: usize = 16 * 1024;

/// Where shuttle writes what it tells of an overlaid test's failure.
const TOLD_VARIABLE: &str = "SHUTTLE_ANNOTATION_FILE";

/// Said of a failure that a process of its own does not have.
const ALONE: &str = "the failing schedule, run alone in a process, does not fail: something outlives an execution and \
                     changes the next, as a `static` does";

/// How models are run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Time for each model, and for each twin.
    pub budget: Duration,
    /// How long a process may give no sign of life.
    pub silence: Duration,
    /// Memory that a process may take, where that can be watched.
    pub memory_bytes: u64,
    /// Processes side by side.
    pub jobs: usize,
    /// The shard that is run.
    pub shard: Shard,
    /// `ci` or `full`.
    pub scale: String,
    /// Where the files of lines go, while they are needed.
    pub folder: PathBuf,
    /// The workspace: places in it are told relative to it.
    pub root: PathBuf,
}

/// What was run, and what is another shard's.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// The models, each followed by its twins.
    pub runs: Vec<ModelRun>,
    /// What cannot be split and is in another shard: models, and twins by their bugs.
    pub elsewhere: Vec<(ModelId, Option<String>)>,
}

/// How far a run is.
#[derive(Debug)]
pub enum RunEvent<'a> {
    /// A process has begun.
    Started {
        /// The model, with the twin's bug.
        name: String,
    },
    /// A process is at work.
    Progress {
        /// The model, with the twin's bug.
        name: String,
        /// The bound that is searched.
        bound: Option<u32>,
        /// Executions so far.
        executions: u64,
        /// Since its start.
        elapsed_ms: u64,
    },
    /// A process has ended. What is long of its results may be put elsewhere: they are kept to the end of all runs.
    Finished(&'a mut ModelRun),
}

/// What a thread that runs processes has to say.
enum Word {
    Event(RunEvent<'static>),
    Done(Box<ModelRun>),
}

/// A process to run.
struct Job<'a> {
    model: &'a FoundModel,
    run: ModelRun,
    ask: Ask,
}

/// Asks each model what it is. Those that do not answer have the verdict that says why.
pub fn describe_all(models: &[FoundModel], options: &RunOptions, tell: &mut dyn FnMut(RunEvent<'_>)) -> Vec<ModelRun> {
    let speaking = models.iter().filter(|model| model.kind == ModelKind::Interlock);
    let jobs = speaking.map(|model| Job { model, run: ModelRun::of(model, None, Shard::WHOLE), ask: Ask::Describe });
    let mut described = perform(jobs.collect(), options, tell).into_iter();
    let each = models.iter().map(|model| match model.kind {
        ModelKind::Interlock => described.next().unwrap_or_default(),
        ModelKind::OwnTest | ModelKind::Overlaid => ModelRun::of(model, None, Shard::WHOLE),
    });
    each.collect()
}

/// Runs the models and their twins.
pub fn run_all(models: &[FoundModel], options: &RunOptions, tell: &mut dyn FnMut(RunEvent<'_>)) -> Runs {
    let described = describe_all(models, options, &mut |_| ());
    let mut result = Runs::default();
    let (mut jobs, mut silent) = (Vec::new(), Vec::new());
    for (model, described) in models.iter().zip(described) {
        let shard = shard_of(&described, options.shard);
        let key = model.id.to_string();
        if described.verdict != Verdict::NotRun {
            // It did not even say what it is: nothing more can be learnt by running it.
            match options.shard.has(&key) {
                true => silent.push(described),
                false => result.elsewhere.push((model.id.clone(), None)),
            }
            continue;
        }
        match shard {
            Some(shard) => jobs.push(job(model, &described, None, shard)),
            None => result.elsewhere.push((model.id.clone(), None)),
        }
        for twin in described.description.iter().flat_map(|description| &description.twins) {
            // One find is enough, so a twin is never split.
            match options.shard.has(&format!("{key}+{}", twin.bug)) {
                true => jobs.push(job(model, &described, Some(twin), Shard::WHOLE)),
                false => result.elsewhere.push((model.id.clone(), Some(twin.bug.clone()))),
            }
        }
    }
    result.runs = perform(jobs, options, tell);
    result.runs.extend(silent);
    for run in &mut result.runs {
        run.hold_against_pin(&options.scale);
    }
    // Each model is followed by its twins, in the order in which it names them: the sort keeps equals in place.
    result.runs.sort_by(|a, b| (&a.id, a.twin.is_some()).cmp(&(&b.id, b.twin.is_some())));
    result
}

/// Replays a failure of a model, or of a twin of it.
pub fn replay(model: &FoundModel, bug: Option<&str>, token: &str, options: &RunOptions) -> ModelRun {
    let described = describe_all(std::slice::from_ref(model), options, &mut |_| ()).pop().unwrap_or_default();
    if described.verdict != Verdict::NotRun {
        return described;
    }
    let mut twins = described.description.iter().flat_map(|description| &description.twins);
    let stated = bug.map(|bug| {
        let unstated = Twin { bug: bug.to_owned(), ..Twin::default() };
        twins.find(|twin| twin.bug == bug).cloned().unwrap_or(unstated)
    });
    let mut job = job(model, &described, stated.as_ref(), Shard::WHOLE);
    job.ask = Ask::Replay(token.to_owned());
    perform(vec![job], options, &mut |_| ()).pop().unwrap_or_default()
}

/// The shard of a model that a shard of the run has. What cannot be split is whole in one of them.
fn shard_of(described: &ModelRun, shard: Shard) -> Option<Shard> {
    match described.search().splits() {
        true => Some(shard),
        false => shard.has(&described.id.to_string()).then_some(Shard::WHOLE),
    }
}

fn job<'a>(model: &'a FoundModel, described: &ModelRun, twin: Option<&Twin>, shard: Shard) -> Job<'a> {
    let run = ModelRun { description: described.description.clone(), ..ModelRun::of(model, twin, shard) };
    Job { model, run, ask: Ask::Run }
}

/// Performs the jobs, as many side by side as are allowed. The results come in the order of the jobs.
fn perform(jobs: Vec<Job<'_>>, options: &RunOptions, tell: &mut dyn FnMut(RunEvent<'_>)) -> Vec<ModelRun> {
    let mut results: Vec<Option<ModelRun>> = jobs.iter().map(|_| None).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..options.jobs.clamp(1, jobs.len().max(1)) {
            let (sender, next, jobs) = (sender.clone(), &next, &jobs);
            // A plain counter: each index is taken once, and nothing else is ordered by it.
            scope.spawn(move || {
                while let Some((at, job)) = take(next, jobs) {
                    let say = |word| {
                        // The receiver lives until every sender is gone.
                        let _ = sender.send((at, word));
                    };
                    say(Word::Event(RunEvent::Started { name: full_name(&job.run) }));
                    let run = run_one(at, job, options, &|event| say(Word::Event(event)));
                    say(Word::Done(Box::new(confirm(at, job, run, options))));
                }
            });
        }
        drop(sender);
        for (at, word) in receiver {
            match word {
                Word::Event(event) => tell(event),
                Word::Done(mut run) => {
                    tell(RunEvent::Finished(&mut run));
                    results[at] = Some(*run);
                }
            }
        }
    });
    results.into_iter().flatten().collect()
}

fn take<'a, 'b>(next: &AtomicUsize, jobs: &'a [Job<'b>]) -> Option<(usize, &'a Job<'b>)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    jobs.get(at).map(|job| (at, job))
}

/// The model's name, with the twin's bug.
fn full_name(run: &ModelRun) -> String {
    match &run.twin {
        Some(twin) => format!("{}+{}", run.name, twin.bug),
        None => run.name.clone(),
    }
}

fn run_one(at: usize, job: &Job<'_>, options: &RunOptions, say: &dyn Fn(RunEvent<'static>)) -> ModelRun {
    let mut run = job.run.clone();
    let name = full_name(&run);
    let budget_ms = u64::try_from(options.budget.as_millis()).unwrap_or(u64::MAX);
    let file = options.folder.join(format!("{}-{at}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let speaks = run.kind != ModelKind::OwnTest;
    let told = options.folder.join(format!("{}-{at}.told", std::process::id()));
    let mut command = job.model.command();
    if speaks {
        let twin = run.twin.as_ref().map(|twin| twin.bug.as_str());
        let request = Request { ask: &job.ask, twin, budget_ms, shard: run.shard, scale: &options.scale };
        command.env(BUILD_VARIABLE, "1").env(OUT_VARIABLE, &file).env(REQUEST_VARIABLE, request.encoded());
        command.env(TOLD_VARIABLE, &told);
    }
    let mut said = Said::default();
    let mut hear = |line: Line| {
        said.hear(&line);
        if let Line::Progress { bound, executions, elapsed_ms } = line {
            say(RunEvent::Progress { name: name.clone(), bound, executions, elapsed_ms });
        }
    };
    let life = if speaks { Life::Lines } else { Life::Processor };
    let ended = child::run(&mut command, speaks.then_some(file.as_path()), limits(options, run.kind), life, &mut hear);
    for file in [&file, &told] {
        let _ = std::fs::remove_file(file);
    }
    // What only describes itself ends without a verdict.
    let is_described = job.ask == Ask::Describe && said.description.is_some();
    said.fill(&mut run, &ended, budget_ms);
    if let Some(failure) = &mut run.failure {
        failure.relative_to(&options.root);
    }
    if is_described {
        run.verdict = Verdict::NotRun;
    }
    run
}

/// Runs a failure again in a process of its own. One that comes only behind other executions is of what these have left, and
/// says nothing of its schedule. A twin that was caught is not asked.
fn confirm(at: usize, job: &Job<'_>, mut run: ModelRun, options: &RunOptions) -> ModelRun {
    let is_asked = job.ask == Ask::Run && run.twin.is_none() && run.verdict == Verdict::Failed;
    let token = run.failure.as_ref().map(|failure| failure.token.clone()).filter(|token| !token.is_empty());
    let Some(token) = token.filter(|_| is_asked) else { return run };
    let again = Job { model: job.model, run: job.run.clone(), ask: Ask::Replay(token) };
    let again = run_one(at, &again, options, &|_| ());
    // One that took too long, or did not run at all, says nothing of it.
    if matches!(again.verdict, Verdict::NotDeterministic(_)) {
        run.verdict = Verdict::NotDeterministic(ALONE.to_owned());
    }
    run
}

/// A model keeps to its budget by itself, so its process gets time to say so; a test of another library does not.
fn limits(options: &RunOptions, kind: ModelKind) -> Limits {
    let time = match kind {
        ModelKind::Interlock | ModelKind::Overlaid => options.budget + options.silence,
        ModelKind::OwnTest => options.budget,
    };
    Limits { time, silence: options.silence, memory_bytes: options.memory_bytes, kept_bytes: KEPT_BYTES }
}
