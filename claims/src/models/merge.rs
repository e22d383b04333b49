//! Joining the shards of a run, and the proof that they are all of it.

use std::collections::{BTreeMap, BTreeSet};

use super::bound::{Bound, BoundDone};
use super::discover::ModelId;
use super::model_report::{ModelCommand, ModelReport};
use super::model_run::ModelRun;
use super::part::Part;
use super::protocol::Twin;
use super::shard::Shard;
use super::verdict::Verdict;

/// What is joined: a model, or a twin of it by its bug.
type Key = (ModelId, Option<String>);

/// Joins shards. Whatever keeps them from being the whole is a problem of the report, and of the models concerned.
#[must_use]
pub fn merge(parts: &[Part]) -> ModelReport {
    let mut problems = problems_of_files(parts);
    let mut runs: BTreeMap<Key, Vec<&ModelRun>> = BTreeMap::new();
    for part in parts {
        for run in &part.runs {
            runs.entry(key(run)).or_default().push(run);
        }
    }
    let scale = parts.first().map(|part| part.scale.as_str()).unwrap_or_default();
    let mut joined: Vec<ModelRun> = runs.values().map(|runs| join(runs)).collect();
    for run in &mut joined {
        run.hold_against_pin(scale);
    }
    let missing = promised(parts).into_iter().filter(|key| !runs.contains_key(key));
    joined.extend(missing.map(|key| absent(&key, parts)));
    joined.sort_by(|a, b| (&a.id, bug(a)).cmp(&(&b.id, bug(b))));
    for run in &joined {
        if let Verdict::CutOff { reason, .. } = &run.verdict {
            problems.extend(reason.strip_prefix(NOT_COVERED).map(|why| format!("{}: {why}", named(run))));
        }
    }
    let first = parts.first().cloned().unwrap_or_default();
    ModelReport {
        workspace: first.workspace,
        command: ModelCommand::Merge,
        shard: Shard::WHOLE,
        scale: first.scale,
        budget_ms: first.budget_ms,
        runs: joined,
        empty: union(parts.iter().flat_map(|part| part.empty.clone())),
        problems,
        ..ModelReport::default()
    }
}

/// How the reason of a model begins whose shards do not cover.
const NOT_COVERED: &str = "not covered: ";

fn union<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.fold(Vec::new(), |mut all, item| {
        if !all.contains(&item) {
            all.push(item);
        }
        all
    })
}

fn bug(run: &ModelRun) -> Option<&str> {
    run.twin.as_ref().map(|twin| twin.bug.as_str())
}

fn key(run: &ModelRun) -> Key {
    (run.id.clone(), bug(run).map(str::to_owned))
}

fn named(run: &ModelRun) -> String {
    bug(run).map_or_else(|| run.name.clone(), |bug| format!("{}+{bug}", run.name))
}

/// Whether the files are the shards of one run, each once.
fn problems_of_files(parts: &[Part]) -> Vec<String> {
    let mut problems = Vec::new();
    let Some(first) = parts.first() else { return vec!["no file was named".to_owned()] };
    for part in parts {
        if !part.is_whole {
            problems.push(format!("{} ends early: its last line is missing", part.file));
        }
        if part.shard.count != first.shard.count {
            let (a, b) = (first.shard, part.shard);
            problems.push(format!("{} is shard {a}, {} is shard {b}", first.file, part.file));
        }
        if (&part.scale, part.budget_ms) != (&first.scale, first.budget_ms) {
            problems.push(format!("{} and {} were run with another scale or budget", first.file, part.file));
        }
    }
    for index in 0..first.shard.count {
        let shard = Shard { index, ..first.shard };
        let files: Vec<&str> = parts.iter().filter(|part| part.shard == shard).map(|part| part.file.as_str()).collect();
        match files.as_slice() {
            [] => problems.push(format!("shard {shard} is missing")),
            [_] => {}
            [..] => problems.push(format!("shard {shard} is there {} times: {}", files.len(), files.join(", "))),
        }
    }
    problems
}

/// What the shards say there is: what they leave to each other, and the twins of their models.
fn promised(parts: &[Part]) -> BTreeSet<Key> {
    let mut promised = BTreeSet::new();
    for part in parts {
        promised.extend(part.elsewhere.iter().cloned());
        for run in part.runs.iter().filter(|run| run.twin.is_none()) {
            let twins = run.description.iter().flat_map(|description| &description.twins);
            promised.extend(twins.map(|twin| (run.id.clone(), Some(twin.bug.clone()))));
        }
    }
    promised
}

/// What is promised, and in none of the shards.
fn absent((id, bug): &Key, parts: &[Part]) -> ModelRun {
    let models = || parts.iter().flat_map(|part| &part.runs).filter(|run| run.id == *id && run.twin.is_none());
    let twins = || models().flat_map(|run| run.description.iter().flat_map(|description| &description.twins));
    let twin = bug.as_ref().map(|bug| {
        let unstated = Twin { bug: bug.clone(), ..Twin::default() };
        twins().find(|twin| twin.bug == *bug).cloned().unwrap_or(unstated)
    });
    let short = || id.path.rsplit("::").next().unwrap_or(&id.path).to_owned();
    ModelRun {
        id: id.clone(),
        name: models().next().map_or_else(short, |run| run.name.clone()),
        description: models().next().and_then(|run| run.description.clone()),
        twin,
        verdict: not_covered("it is in none of the shards"),
        ..ModelRun::default()
    }
}

fn not_covered(why: &str) -> Verdict {
    Verdict::CutOff { reason: format!("{NOT_COVERED}{why}"), done: None }
}

/// Joins the shards of one model. There is at least one.
fn join(runs: &[&ModelRun]) -> ModelRun {
    let mut joined = ModelRun { shard: Shard::WHOLE, ..runs[0].clone() };
    joined.prefixes = runs.iter().map(|run| run.prefixes).sum();
    joined.checked = runs.iter().map(|run| run.checked).sum();
    joined.elapsed_ms = runs.iter().map(|run| run.elapsed_ms).sum();
    joined.bounds = joined_bounds(runs);
    joined.executions = match runs {
        // Where nothing was beyond a bound, no shard could know of the others and went on to its last one.
        [_, _, ..] if reaches_all(&joined.bounds) => joined.bounds.iter().map(|bound| bound.executions).sum(),
        _ => runs.iter().map(|run| run.executions).sum(),
    };
    joined.notes = union(with_something(runs).iter().flat_map(|run| run.notes.clone()));
    let failures = runs.iter().filter_map(|run| run.failure.as_ref());
    joined.failure = failures.min_by_key(|failure| (failure.delays, failure.preemptions, failure.execution)).cloned();
    joined.verdict = joined_verdict(runs);
    if joined.executions == 0 && joined.verdict.answers_something() {
        joined.verdict = Verdict::NothingExplored("none of its shards had an execution".to_owned());
    }
    // A failure that was found needs no other shard.
    if let Some(why) = gap(runs).filter(|_| !joined.verdict.is_failure()) {
        joined.verdict = not_covered(&why);
    }
    joined
}

/// A bound is searched to its end where every shard has done so, and keeps something out where it does so in any of them.
/// What comes after the first that keeps nothing out is left out: there was nothing more to see.
fn joined_bounds(runs: &[&ModelRun]) -> Vec<BoundDone> {
    let of = |run: &ModelRun, bound| run.bounds.iter().find(|done| done.bound == bound).copied();
    let join = |bound| {
        let each: Option<Vec<BoundDone>> = runs.iter().map(|run| of(run, bound)).collect();
        each.map(|each| BoundDone {
            bound,
            executions: each.iter().map(|done| done.executions).sum(),
            is_bounded: each.iter().any(|done| done.is_bounded),
        })
    };
    let mut bounds: Vec<BoundDone> = runs[0].bounds.iter().filter_map(|done| join(done.bound)).collect();
    if let Some(last) = bounds.iter().position(|done| !done.is_bounded) {
        bounds.truncate(last + 1);
    }
    bounds
}

fn reaches_all(bounds: &[BoundDone]) -> bool {
    bounds.last().is_some_and(|done| !done.is_bounded)
}

/// The gravest verdict of the shards; numbers are those of all of them.
fn joined_verdict(runs: &[&ModelRun]) -> Verdict {
    let runs = with_something(runs);
    let runs = runs.as_slice();
    let verdicts = || runs.iter().map(|run| &run.verdict);
    let gravest = verdicts().max_by_key(|verdict| verdict.gravity());
    match gravest.cloned().unwrap_or_default() {
        // What a note says may have kept executions from a part, whatever its bound.
        Verdict::CompleteUpTo { .. }
            if reaches_all(&joined_bounds(runs))
                && passes(runs).is_none()
                && runs.iter().all(|run| run.notes.is_empty()) =>
        {
            Verdict::Complete
        }
        Verdict::CompleteUpTo { .. } => {
            let done = verdicts().filter_map(|verdict| match verdict {
                Verdict::CompleteUpTo { bound, .. } => Some(*bound),
                _ => None,
            });
            let bound = done.min().unwrap_or(Bound::Preemptions(0));
            Verdict::CompleteUpTo { bound, passed_over: passes(runs) }
        }
        Verdict::Sampled(_) => {
            let done = verdicts().filter_map(|verdict| match verdict {
                Verdict::Sampled(done) => Some(*done),
                _ => None,
            });
            Verdict::Sampled(done.sum())
        }
        Verdict::CutOff { reason, .. } => {
            let done = joined_bounds(runs).last().map(|done| done.bound);
            Verdict::CutOff { reason, done }
        }
        verdict => verdict,
    }
}

/// The shards that got something of the search; all of them where none did.
fn with_something<'a>(runs: &[&'a ModelRun]) -> Vec<&'a ModelRun> {
    let got = runs.iter().copied().filter(|run| !matches!(run.verdict, Verdict::NothingExplored(_)));
    let got: Vec<&ModelRun> = got.collect();
    if got.is_empty() { runs.to_vec() } else { got }
}

/// The limit on passing over a task, where some shard met it.
fn passes(runs: &[&ModelRun]) -> Option<u32> {
    let of = |run: &&ModelRun| match run.verdict {
        Verdict::CompleteUpTo { passed_over, .. } => passed_over,
        _ => None,
    };
    runs.iter().filter_map(of).min()
}

/// Why the runs of one model are not exactly its shards.
fn gap(runs: &[&ModelRun]) -> Option<String> {
    let source = |run: &ModelRun| run.description.as_ref().and_then(|description| description.source.clone());
    if runs.iter().any(|run| source(run) != source(runs[0])) {
        return Some("its shards were built from different sources".to_owned());
    }
    if runs.iter().any(|run| run.description != runs[0].description) {
        return Some("its shards had different bounds".to_owned());
    }
    let n_parts = runs[0].shard.count;
    if runs.iter().any(|run| run.shard.count != n_parts) {
        return Some("it was split in different ways".to_owned());
    }
    let missing = (0..n_parts).filter(|index| !runs.iter().any(|run| run.shard.index == *index));
    let missing: Vec<String> = missing.map(|index| format!("{index}/{n_parts}")).collect();
    match (missing.as_slice(), runs.len()) {
        ([], n) if n == n_parts as usize => None,
        ([], _) => Some("a shard of it is there more than once".to_owned()),
        ([one], _) => Some(format!("shard {one} is missing")),
        (many, _) => Some(format!("shards {} are missing", many.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::protocol::{Description, Failure, SearchPlan};

    fn up_to(preemptions: u32) -> Verdict {
        Verdict::CompleteUpTo { bound: Bound::Preemptions(preemptions), passed_over: None }
    }

    fn description() -> Description {
        let twins = vec![Twin { bug: "M-02".to_owned(), symptom: "stuck".to_owned(), found_within: Some(1) }];
        let search = SearchPlan::Bounded { preemptions: 1 };
        let source = Some("abc".to_owned());
        Description { protocol: 1, name: "slot".to_owned(), search, twins, source, ..Description::default() }
    }

    fn run(index: u32, verdict: Verdict, executions: u64) -> ModelRun {
        let id = ModelId { path: "slot".to_owned(), ..ModelId::default() };
        ModelRun {
            id,
            name: "slot".to_owned(),
            description: Some(description()),
            shard: Shard { index, count: 2 },
            verdict,
            executions,
            bounds: vec![done(0, 1, true), done(1, executions - 1, true)],
            ..ModelRun::default()
        }
    }

    fn done(preemptions: u32, executions: u64, is_bounded: bool) -> BoundDone {
        BoundDone { bound: Bound::Preemptions(preemptions), executions, is_bounded }
    }

    fn twin_run() -> ModelRun {
        let twin = description().twins.pop();
        let failure = Some(Failure { message: "stuck".to_owned(), ..Failure::default() });
        ModelRun { twin, failure, shard: Shard::WHOLE, ..run(0, Verdict::Failed, 3) }
    }

    /// Two shards of one model; the twin is in the second.
    fn parts() -> Vec<Part> {
        let part = |index: u32, runs| Part {
            file: format!("{index}.jsonl"),
            shard: Shard { index, count: 2 },
            runs,
            is_whole: true,
            ..Part::default()
        };
        let twin = (run(0, Verdict::NotRun, 1).id, Some("M-02".to_owned()));
        let mut first = part(0, vec![run(0, up_to(1), 20)]);
        first.elsewhere.push(twin);
        vec![first, part(1, vec![run(1, up_to(1), 30), twin_run()])]
    }

    #[test]
    fn shards_that_cover_are_the_whole() {
        let report = merge(&parts());
        assert_eq!(report.problems, Vec::<String>::new());
        assert_eq!(report.exit_code(), 0);
        let run = &report.runs[0];
        assert_eq!((run.executions, run.verdict.clone()), (50, up_to(1)));
        let bounds = [done(0, 2, true), done(1, 48, true)];
        assert_eq!(run.bounds, bounds);
    }

    #[track_caller]
    fn check_problem(parts: &[Part], expected: &str) {
        let report = merge(parts);
        assert!(report.problems.iter().any(|problem| problem == expected), "{:?}", report.problems);
        assert_ne!(report.exit_code(), 0);
    }

    #[test]
    fn shards_of_a_search_by_delays_join_by_their_delays() {
        let mut parts = parts();
        for part in &mut parts {
            let run = &mut part.runs[0];
            run.verdict = Verdict::CompleteUpTo { bound: Bound::Delays(1), passed_over: None };
            run.description = Some(Description { search: SearchPlan::Delays { delays: 1 }, ..description() });
            for bound in &mut run.bounds {
                bound.bound = Bound::Delays(bound.bound.number());
            }
        }
        let report = merge(&parts);
        let run = &report.runs[0];
        assert_eq!((run.verdict.to_string().as_str(), run.executions), ("complete up to 1 delay", 50));
        assert_eq!(
            run.bounds.iter().map(|done| (done.bound, done.executions)).collect::<Vec<_>>(),
            [(Bound::Delays(0), 2), (Bound::Delays(1), 48)]
        );
        assert_eq!(report.exit_code(), 0);
    }

    #[test]
    fn a_shard_that_is_missing_is_named() {
        check_problem(&parts()[..1], "shard 1/2 is missing");
        check_problem(&parts()[..1], "slot: shard 1/2 is missing");
        check_problem(&parts()[..1], "slot+M-02: it is in none of the shards");
        check_problem(&parts()[1..], "shard 0/2 is missing");
        let mut parts = parts();
        parts[1].runs.remove(0);
        check_problem(&parts, "slot: shard 1/2 is missing");
    }

    #[test]
    fn a_twin_in_no_shard_is_named() {
        let mut parts = parts();
        parts[1].runs.pop();
        check_problem(&parts, "slot+M-02: it is in none of the shards");
        parts[0].elsewhere.clear();
        check_problem(&parts, "slot+M-02: it is in none of the shards");
    }

    #[test]
    fn a_shard_that_is_there_twice_is_named() {
        let mut parts = parts();
        parts.push(parts[0].clone());
        check_problem(&parts, "shard 0/2 is there 2 times: 0.jsonl, 0.jsonl");
        check_problem(&parts, "slot: a shard of it is there more than once");
    }

    #[test]
    fn shards_of_different_things_do_not_join() {
        let mut others = parts();
        others[1].runs[0].description = Some(Description { source: Some("def".to_owned()), ..description() });
        check_problem(&others, "slot: its shards were built from different sources");
        let mut others = parts();
        let search = SearchPlan::Bounded { preemptions: 2 };
        others[1].runs[0].description = Some(Description { search, ..description() });
        check_problem(&others, "slot: its shards had different bounds");
        let mut others = parts();
        others[1].shard.count = 3;
        check_problem(&others, "0.jsonl is shard 0/2, 1.jsonl is shard 1/3");
        let mut others = parts();
        others[1].is_whole = false;
        check_problem(&others, "1.jsonl ends early: its last line is missing");
        let mut others = parts();
        others[1].scale = "full".to_owned();
        check_problem(&others, "0.jsonl and 1.jsonl were run with another scale or budget");
    }

    #[test]
    fn where_no_shard_kept_anything_out_the_whole_is_complete() {
        let mut parts = parts();
        for part in &mut parts {
            let bounds = &mut part.runs[0].bounds;
            bounds[1].is_bounded = false;
            // Each went on, not knowing of the other.
            bounds.push(done(2, 5, false));
        }
        let run = &merge(&parts).runs[0];
        assert_eq!((&run.verdict, run.executions, run.bounds.len()), (&Verdict::Complete, 50, 2));
        // A note may tell of executions that no bound has kept out.
        parts[1].runs[0].notes = vec!["timers were held back".to_owned()];
        assert_eq!(merge(&parts).runs[0].verdict, up_to(1));
        parts[1].runs[0].notes.clear();
        parts[1].runs[0].bounds[1].is_bounded = true;
        parts[1].runs[0].bounds[2].is_bounded = true;
        assert_eq!(merge(&parts).runs[0].verdict, up_to(1));
    }

    #[test]
    fn empty_shards_are_not_a_whole() {
        let mut parts = parts();
        parts[0].runs[0].verdict = Verdict::NothingExplored("no choice".to_owned());
        parts[0].runs[0].notes = vec!["no choice".to_owned()];
        let report = merge(&parts);
        assert_eq!((report.exit_code(), &report.runs[0].verdict, report.runs[0].notes.len()), (0, &up_to(1), 0));
        parts[1].runs[0].verdict = Verdict::NothingExplored(String::new());
        assert_eq!(merge(&parts).exit_code(), 4);
        parts = self::parts();
        parts[0].runs[0].executions = 0;
        assert_eq!(merge(&parts).exit_code(), 0);
        parts[1].runs[0].executions = 0;
        assert_eq!(merge(&parts).runs[0].verdict.kind(), "nothing-explored");
    }

    #[test]
    fn the_gravest_verdict_counts_and_a_failure_needs_no_other_shard() {
        let mut parts = parts();
        parts[1].runs[0].verdict = Verdict::CutOff { reason: "budget".to_owned(), done: Some(Bound::Preemptions(0)) };
        parts[1].runs[0].bounds.pop();
        let report = merge(&parts);
        let expected = Verdict::CutOff { reason: "budget".to_owned(), done: Some(Bound::Preemptions(0)) };
        assert_eq!((report.runs[0].verdict.clone(), report.exit_code()), (expected, 4));
        parts[0].runs[0].verdict = Verdict::Failed;
        assert_eq!(merge(&parts[..1]).runs[0].verdict, Verdict::Failed);
    }
}
