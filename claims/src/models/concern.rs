//! What a failure concerns in the words of the analyser: the lock classes of its steps, and the lints whose subject it is.
//!
//! A step says where a lock was asked for; the analyser knows which lock is acquired in that line. It is asked only where
//! there is a failure, and not for longer than [`ANALYSIS_MAX`]. What it cannot say is left out, with a note.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::time::Duration;

use interlock_lints::Config;
use interlock_lockgraph::LockGraph;
use interlock_source::{LoadOptions, PointKind, Sources, Span, UserModel, Workspace};

use super::model_run::ModelRun;
use super::protocol::{Failure, FailureStep, LintConcerned};
use super::suite::MODEL_FEATURES;

/// How long the analysis is waited for.
const ANALYSIS_MAX: Duration = Duration::from_secs(20);
/// Findings that are told of one lint.
const FINDINGS_MAX: usize = 3;

/// Kinds of objects that are locks, as steps name them.
const LOCKS: [&str; 4] = ["Mutex", "RwLock", "AsyncMutex", "Shard"];
/// Those of them that block a thread.
const BLOCKING_LOCKS: [&str; 3] = ["Mutex", "RwLock", "Shard"];
/// Operations of a concurrent map that hold a shard while they go through it.
const ITERATIONS: [&str; 3] = ["iter", "iter_mut", "retain"];
/// Operations that only read a shard.
const READS: [&str; 4] = ["get", "contains_key", "iter", "len"];

/// How the analyser is asked.
#[derive(Clone, Debug)]
pub struct ConcernOptions {
    /// The workspace; features and cfgs are those of each model.
    pub load: LoadOptions,
    /// The user's own models of libraries.
    pub models: Vec<UserModel>,
    /// The settings of the lints.
    pub lints: Config,
}

/// Names what failures concern. Each way of building is analysed once, and only when it is asked for.
#[derive(Debug)]
pub struct Concerns {
    options: ConcernOptions,
    known: BTreeMap<(String, String), Result<Facts, String>>,
}

/// What the analyser says, in files and lines.
#[derive(Debug, Default)]
struct Facts {
    /// Locks by the file and line of their acquisitions: operation and class.
    acquisitions: BTreeMap<(String, u32), BTreeSet<(String, String)>>,
    findings: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    lint: &'static str,
    locks: Vec<String>,
    /// The places of its argument.
    places: BTreeSet<(String, u32)>,
    words: String,
}

impl Concerns {
    /// Nothing is analysed yet.
    #[must_use]
    pub fn new(options: ConcernOptions) -> Concerns {
        Concerns { options, known: BTreeMap::new() }
    }

    /// Names the lock classes of a failure's steps, and the lints that it concerns.
    pub fn name(&mut self, run: &mut ModelRun) {
        let Some(failure) = &mut run.failure else { return };
        if !failure.steps.iter().any(|step| LOCKS.contains(&kind(step)) && step.file.is_some()) {
            return;
        }
        let key = (run.id.package.clone(), run.id.suite.clone());
        let options = &self.options;
        let facts = self.known.entry(key).or_insert_with_key(|(package, suite)| facts(options, package, suite));
        let facts = match facts {
            Ok(facts) => &*facts,
            Err(why) => {
                run.notes.push(format!("the locks of the failure have no names: {why}"));
                &Facts::default()
            }
        };
        name_classes(failure, facts);
        // Those that the model itself has said stay.
        let own = std::mem::take(&mut failure.classes);
        failure.classes = own.into_iter().chain(classes(failure)).collect::<BTreeSet<_>>().into_iter().collect();
        failure.lints = lints(failure, facts);
    }
}

// ---- the analyser ----

/// Analyses the workspace in a thread of its own, which is left alone where it takes too long.
fn facts(options: &ConcernOptions, package: &str, suite: &str) -> Result<Facts, String> {
    let ConcernOptions { mut load, models, lints } = options.clone();
    let mut words = suite.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "--cfg" => load.cfgs.extend(words.next().map(str::to_owned)),
            // With it the facade is that of a checker, whose locks are not those of the libraries that they stand for.
            feature if MODEL_FEATURES.contains(&feature) => {}
            feature => load.features.push(format!("{package}/{feature}")),
        }
    }
    let (sender, receiver) = mpsc::channel();
    // interlock: allow(dropped-task-handle): an analysis that takes too long is waited for by nobody
    std::thread::spawn(move || {
        let analysed = Sources::load(&load).map_err(|error| error.to_string()).map(|sources| {
            let workspace = Workspace::analyse(sources.with_models(models));
            of_workspace(&workspace, &lints)
        });
        // Nobody may be there any more.
        let _ = sender.send(analysed);
    });
    match receiver.recv_timeout(ANALYSIS_MAX) {
        Ok(analysed) => analysed,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("the analysis takes longer than {ANALYSIS_MAX:?}")),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("the analysis has failed".to_owned()),
    }
}

fn of_workspace(workspace: &Workspace, config: &Config) -> Facts {
    let mut facts = Facts::default();
    for point in workspace.bodies().iter().flat_map(|body| &body.points) {
        if let PointKind::Acquire(acquisition) = &point.kind {
            let known = facts.acquisitions.entry(place(workspace, acquisition.span)).or_default();
            known.insert((acquisition.operation.to_string(), acquisition.lock.class.to_string()));
        }
    }
    let graph = LockGraph::build(workspace);
    let report = interlock_lints::run(workspace, &graph, config);
    let found = report.findings.iter().map(|finding| {
        let (file, line) = place(workspace, finding.primary.span);
        let words = format!("{file}:{line}: {}", finding.message);
        let steps = finding.steps.iter().map(|step| place(workspace, step.place.span));
        let places = steps.chain([(file, line)]).collect();
        Found { lint: finding.lint.id, locks: finding.locks.clone(), places, words }
    });
    facts.findings = found.collect();
    facts
}

fn place(workspace: &Workspace, span: Span) -> (String, u32) {
    (workspace.file(span.file).path.clone(), span.range.start.line)
}

// ---- lock classes ----

/// The first word of what a step is done with: `Mutex` of `lock Mutex 1`.
fn kind(step: &FailureStep) -> &str {
    step.noun().split(' ').next().unwrap_or_default()
}

/// Gives each step the class of its lock. A lock that has one class wherever that is known has it everywhere.
fn name_classes(failure: &mut Failure, facts: &Facts) {
    let mut of_noun: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for step in failure.steps.iter_mut().filter(|step| LOCKS.contains(&kind(step))) {
        step.class = class_at(step, facts);
        if let Some(class) = &step.class {
            of_noun.entry(step.noun().to_owned()).or_default().insert(class.clone());
        }
    }
    for step in &mut failure.steps {
        let known = of_noun.get(step.noun()).filter(|known| known.len() == 1);
        if let Some(class) = known.and_then(BTreeSet::first) {
            step.class = Some(class.clone());
        }
    }
}

/// The class that the analyser sees acquired in the step's line, where it is one.
fn class_at(step: &FailureStep, facts: &Facts) -> Option<String> {
    let known = facts.acquisitions.get(&(step.file.clone()?, step.line?))?;
    let one =
        |classes: BTreeSet<&String>| (classes.len() == 1).then(|| classes.first().map(|class| (*class).clone()))?;
    let same = known.iter().filter(|(operation, _)| operation == step.operation()).map(|(_, class)| class).collect();
    one(same).or_else(|| one(known.iter().map(|(_, class)| class).collect()))
}

/// The classes of what somebody holds while somebody waits for it to the end.
fn classes(failure: &Failure) -> BTreeSet<String> {
    let waited_for = failure.steps.iter().filter(|step| step.is_stuck() && !step.holders.is_empty());
    waited_for.filter_map(|step| step.class.clone()).collect()
}

// ---- lints ----

/// The lints whose subject the end of the execution is, with what they find about the same locks.
fn lints(failure: &Failure, facts: &Facts) -> Vec<LintConcerned> {
    let stuck: Vec<&FailureStep> = failure.steps.iter().filter(|step| step.is_stuck()).collect();
    let mut concerned: BTreeMap<&str, String> = BTreeMap::new();
    for step in &stuck {
        for holder in &step.holders {
            let (lint, because) = match holder.task == step.task {
                true => (lint_of_itself(step, &holder.operation), format!("{} waits for what it holds", step.task)),
                false if waits_for(&stuck, &holder.task, &step.task) => {
                    let [first, second] = ordered(&step.task, &holder.task);
                    ("lock-order-inversion", format!("{first} and {second} wait for each other"))
                }
                false if is_awaiting(&stuck, &holder.task) && BLOCKING_LOCKS.contains(&kind(step)) => {
                    ("guard-across-await", format!("{} awaits and holds what {} waits for", holder.task, step.task))
                }
                false => continue,
            };
            concerned.entry(lint).or_insert(because);
        }
    }
    let places = places(&stuck);
    let told = |(id, because): (&str, String)| {
        let about = |found: &&Found| {
            let shares_lock = found.locks.iter().any(|lock| failure.classes.contains(lock));
            found.lint == id && (shares_lock || !found.places.is_disjoint(&places))
        };
        let findings =
            facts.findings.iter().filter(about).take(FINDINGS_MAX).map(|found| found.words.clone()).collect();
        LintConcerned { id: id.to_owned(), because, findings }
    };
    concerned.into_iter().map(told).collect()
}

/// Where somebody waits to the end, and where what they wait for was taken.
fn places(stuck: &[&FailureStep]) -> BTreeSet<(String, u32)> {
    let waits = stuck.iter().filter_map(|step| Some((step.file.clone()?, step.line?)));
    let holds = stuck.iter().flat_map(|step| &step.holders).map(|holder| (holder.file.clone(), holder.line));
    waits.chain(holds).collect()
}

/// The lint of a task that waits for what it holds itself.
fn lint_of_itself(step: &FailureStep, held_by: &str) -> &'static str {
    match (kind(step), held_by, step.operation()) {
        ("Shard", iteration, other) if ITERATIONS.contains(&iteration) && !READS.contains(&other) => {
            "dashmap-mutation-in-iteration"
        }
        ("Shard", _, _) => "dashmap-guard-reentry",
        (_, "read", "read") => "recursive-read",
        _ => "reentrant-lock",
    }
}

/// Whether a task waits to the end for another, directly or through others.
fn waits_for(stuck: &[&FailureStep], from: &str, to: &str) -> bool {
    let mut open = vec![from];
    let mut seen = BTreeSet::from([from]);
    while let Some(task) = open.pop() {
        if task == to {
            return true;
        }
        let holders = stuck.iter().filter(|step| step.task == task).flat_map(|step| &step.holders);
        open.extend(holders.map(|holder| holder.task.as_str()).filter(|task| seen.insert(task)));
    }
    false
}

/// Whether a task waits to the end for something that is awaited.
fn is_awaiting(stuck: &[&FailureStep], task: &str) -> bool {
    stuck.iter().any(|step| step.task == task && !BLOCKING_LOCKS.contains(&kind(step)) && kind(step) != "Condvar")
}

fn ordered<'a>(a: &'a str, b: &'a str) -> [&'a str; 2] {
    if a <= b { [a, b] } else { [b, a] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::protocol::HolderAt;

    fn step(task: &str, line: u32, what: &str, object: &str) -> FailureStep {
        FailureStep {
            task: task.to_owned(),
            file: Some("src/lib.rs".to_owned()),
            line: Some(line),
            what: what.to_owned(),
            object: object.to_owned(),
            ..FailureStep::default()
        }
    }

    fn stuck(task: &str, line: u32, object: &str, holder: Option<(&str, &str, u32)>) -> FailureStep {
        let holder = holder.map(|(task, operation, line)| HolderAt {
            task: task.to_owned(),
            operation: operation.to_owned(),
            file: "src/lib.rs".to_owned(),
            line,
        });
        FailureStep { holders: holder.into_iter().collect(), ..step(task, line, "STUCK", object) }
    }

    fn facts() -> Facts {
        let at = |line| ("src/lib.rs".to_owned(), line);
        let lock = |operation: &str, class: &str| (operation.to_owned(), class.to_owned());
        let acquisitions = [
            (at(10), vec![lock("lock", "bank::Account::balance")]),
            (at(20), vec![lock("lock", "bank::Account::balance"), lock("read", "bank::Bank::accounts")]),
            (at(30), vec![lock("lock", "bank::Account::balance"), lock("lock", "bank::Log::lines")]),
        ];
        let found = Found {
            lint: "lock-order-inversion",
            locks: vec!["bank::Account::balance".to_owned()],
            places: BTreeSet::new(),
            words: "src/lib.rs:10: a cycle".to_owned(),
        };
        let acquisitions = acquisitions.into_iter().map(|(at, locks)| (at, locks.into_iter().collect())).collect();
        Facts { acquisitions, findings: vec![found] }
    }

    #[track_caller]
    fn check(steps: Vec<FailureStep>, classes: &[&str], lints: &[&str]) {
        let mut failure = Failure { steps, ..Failure::default() };
        name_classes(&mut failure, &facts());
        failure.classes = super::classes(&failure).into_iter().collect();
        let named = super::lints(&failure, &facts()).into_iter().map(|lint| {
            assert!(interlock_lints::find(&lint.id).is_ok(), "{}", lint.id);
            format!("{}: {}; {}", lint.id, lint.because, lint.findings.join(", "))
        });
        assert_eq!((failure.classes.clone(), named.collect::<Vec<_>>()), (strings(classes), strings(lints)));
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn two_that_wait_for_each_other_are_an_inversion() {
        check(
            vec![
                stuck("a", 10, "lock Mutex 1", Some(("b", "lock", 20))),
                stuck("b", 20, "lock Mutex 2", Some(("a", "lock", 10))),
            ],
            &["bank::Account::balance"],
            &["lock-order-inversion: a and b wait for each other; src/lib.rs:10: a cycle"],
        );
    }

    #[test]
    fn who_waits_for_itself_is_told_by_what_it_holds() {
        let itself = |object: &str, held: &str, lint: &str| {
            let because = format!("{lint}: a waits for what it holds; ");
            check(vec![stuck("a", 1, object, Some(("a", held, 1)))], &[], &[&because]);
        };
        itself("lock Mutex 1", "lock", "reentrant-lock");
        itself("write RwLock 1", "read", "reentrant-lock");
        itself("read RwLock 1", "read", "recursive-read");
        itself("remove Shard 1", "iter", "dashmap-mutation-in-iteration");
        itself("get Shard 1", "iter", "dashmap-guard-reentry");
        itself("insert Shard 1", "get", "dashmap-guard-reentry");
    }

    #[test]
    fn who_waits_for_one_that_awaits_is_told_and_who_waits_for_a_worker_is_not() {
        let awaits =
            |object: &str| vec![stuck("a", 1, object, Some(("b", "lock", 1))), stuck("b", 2, "recv mpsc 1", None)];
        check(awaits("lock Mutex 1"), &[], &["guard-across-await: b awaits and holds what a waits for; "]);
        check(awaits("lock AsyncMutex 1"), &[], &[]);
        check(vec![stuck("a", 1, "lock Mutex 1", Some(("b", "lock", 1)))], &[], &[]);
        check(vec![stuck("a", 1, "recv mpsc 1", None)], &[], &[]);
    }

    #[test]
    fn a_line_with_several_locks_is_told_by_its_operation_or_by_other_lines() {
        let class = |steps: Vec<FailureStep>| {
            let mut failure = Failure { steps, ..Failure::default() };
            name_classes(&mut failure, &facts());
            failure.steps.last().unwrap().class.clone()
        };
        let taken = |line, object| step("a", line, "takes", object);
        assert_eq!(class(vec![taken(20, "read RwLock 1")]).as_deref(), Some("bank::Bank::accounts"));
        assert_eq!(class(vec![taken(30, "lock Mutex 1")]), None);
        let both = vec![taken(10, "lock Mutex 1"), taken(30, "lock Mutex 1")];
        assert_eq!(class(both).as_deref(), Some("bank::Account::balance"));
        assert_eq!(class(vec![taken(10, "lock Mutex 2"), taken(30, "lock Mutex 1")]), None);
        assert_eq!(class(vec![taken(10, "recv mpsc 1")]), None);
    }
}
