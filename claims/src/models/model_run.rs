//! What is known of one model, or of one twin of it, after its process has ended: lines and ending become a verdict.

use super::bound::BoundDone;
use super::child::{Ended, Ending, Stop};
use super::discover::{FoundModel, ModelId};
use super::protocol::{Description, End, Failure, Line, PROTOCOL, SearchPlan, Twin};
use super::shard::Shard;
use super::suite::ModelKind;
use super::verdict::{Judgement, Verdict};

/// Bytes of output from which on it is worth a note.
const MUCH_OUTPUT_BYTES: u64 = 1 << 20;

/// What became of one model, or of one twin of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelRun {
    /// Where it is.
    pub id: ModelId,
    /// What it is called.
    pub name: String,
    /// What kind of test it is.
    pub kind: ModelKind,
    /// The bug that was put back, in a twin.
    pub twin: Option<Twin>,
    /// What it says of itself.
    pub description: Option<Description>,
    /// The shard of it that was run.
    pub shard: Shard,
    /// What became of it.
    pub verdict: Verdict,
    /// Executions that count.
    pub executions: u64,
    /// Executions that only led to another shard's beginning.
    pub prefixes: u64,
    /// Executions of the check for determinism.
    pub checked: u64,
    /// The bounds that were searched to their ends.
    pub bounds: Vec<BoundDone>,
    /// From start to end.
    pub elapsed_ms: u64,
    /// The first failure.
    pub failure: Option<Failure>,
    /// A file that holds the replay token, where that is too long to be printed.
    pub replay_file: Option<String>,
    /// The options of the command that it was built with, as a replay needs them.
    pub replay_options: Vec<String>,
    /// Whether its executions are another number than the pinned one.
    pub is_off_pin: bool,
    /// What else there is to say.
    pub notes: Vec<String>,
}

impl ModelRun {
    /// A run that has not begun.
    pub(crate) fn of(model: &FoundModel, twin: Option<&Twin>, shard: Shard) -> ModelRun {
        ModelRun {
            id: model.id.clone(),
            name: model.name.clone(),
            kind: model.kind,
            twin: twin.cloned(),
            shard,
            ..ModelRun::default()
        }
    }

    /// Whether it tells how much it explored.
    #[must_use]
    pub fn counts_executions(&self) -> bool {
        self.kind != ModelKind::OwnTest
    }

    /// Holds the executions of a whole search against the number that is pinned for it, at the scale that this is for.
    pub(crate) fn hold_against_pin(&mut self, scale: &str) {
        let pinned = self.description.as_ref().and_then(|description| description.pinned);
        let is_whole = self.twin.is_none() && self.shard.is_whole() && self.verdict.answers_something();
        let Some(pinned) = pinned.filter(|_| is_whole && scale == "ci") else { return };
        if pinned != self.executions {
            self.is_off_pin = true;
            self.notes.push(format!("{pinned} executions are pinned: the model or its search has changed"));
        }
    }

    /// How it was to be searched.
    #[must_use]
    pub fn search(&self) -> SearchPlan {
        self.description.as_ref().map(|description| description.search.clone()).unwrap_or_default()
    }

    /// Of a twin: whether it was caught.
    #[must_use]
    pub fn judgement(&self) -> Option<Judgement> {
        Judgement::of(self.twin.as_ref()?, &self.search(), &self.verdict, self.failure.as_ref())
    }

    /// Whether it is as it should be: a model explored as asked, a twin caught.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        match self.judgement() {
            Some(judgement) => judgement == Judgement::Caught,
            None if self.verdict == Verdict::NotRun => true,
            None => !self.is_off_pin && self.verdict.answers(&self.search(), self.shard.count),
        }
    }

    /// Whether it says that something is wrong: the property broken, or a bug not seen.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        match self.judgement() {
            Some(judgement) => !matches!(judgement, Judgement::Caught | Judgement::Undecided),
            None => self.verdict.is_failure(),
        }
    }

    /// What to give to `cargo interlock model replay`: the token, or the file that holds it.
    #[must_use]
    pub fn replay_argument(&self) -> Option<String> {
        self.replay_file.clone().or_else(|| self.replay_token())
    }

    /// The command that replays its failure.
    #[must_use]
    pub fn replay_command(&self) -> Option<String> {
        let options: String = self.replay_options.iter().map(|option| format!(" {option}")).collect();
        Some(format!("cargo interlock model replay '{}'{options}", self.replay_argument()?))
    }

    /// What replays its failure: `NAME=TOKEN`, or `NAME+BUG=TOKEN` of a twin.
    #[must_use]
    pub fn replay_token(&self) -> Option<String> {
        let token = &self.failure.as_ref().filter(|failure| !failure.token.is_empty())?.token;
        let bug = self.twin.as_ref().map(|twin| format!("+{}", twin.bug)).unwrap_or_default();
        Some(format!("{}{bug}={token}", self.name))
    }
}

/// The lines of a process, put together.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) description: Option<Description>,
    failure: Option<Failure>,
    bounds: Vec<BoundDone>,
    checked: u64,
    /// As far as the last line of progress tells.
    executions: u64,
    refused: Option<String>,
    end: Option<End>,
}

impl Said {
    pub(crate) fn hear(&mut self, line: &Line) {
        match line {
            Line::Model(description) => self.description = Some(description.clone()),
            Line::Checked { executions } => self.checked += executions,
            Line::Progress { executions, .. } => self.executions = *executions,
            Line::Bound(bound) => self.bounds.push(*bound),
            // The first comes at the panic; a later one is the same with its steps, or one that takes fewer preemptions or delays.
            Line::Failure(failure) => self.failure = Some(failure.clone()),
            Line::TakenBack => self.failure = None,
            Line::Refused { reason } => self.refused = Some(reason.clone().unwrap_or_default()),
            Line::End(end) => self.end = Some(end.clone()),
            Line::Unknown => {}
        }
    }

    /// Fills in what became of the run.
    pub(crate) fn fill(self, run: &mut ModelRun, ended: &Ended, budget_ms: u64) {
        run.elapsed_ms = u64::try_from(ended.elapsed.as_millis()).unwrap_or(u64::MAX);
        run.notes.extend(ended.unreadable.clone());
        let printed = ended.printed_bytes();
        if printed > MUCH_OUTPUT_BYTES {
            run.notes.push(format!("it printed {} MB; the start and the end were read", printed / 1_000_000));
        }
        run.verdict = match run.kind {
            ModelKind::Interlock => self.verdict(ended, run.shard),
            // The harness says so where the checker has kept the panic to itself.
            ModelKind::Overlaid if ended.stdout_text().contains("test did not panic as expected") => {
                not_overlaid(Verdict::Passed)
            }
            ModelKind::Overlaid if self.description.is_some() => self.verdict(ended, run.shard),
            ModelKind::Overlaid => not_overlaid(own_verdict(ended, budget_ms)),
            ModelKind::OwnTest => own_verdict(ended, budget_ms),
        };
        (run.executions, run.prefixes) = match self.end {
            Some(end) => {
                run.notes.extend(end.notes);
                (end.executions, end.prefixes)
            }
            None => (self.executions, 0),
        };
        run.failure = self.failure.or_else(|| own_failure(run, ended));
        (run.checked, run.bounds) = (self.checked, self.bounds);
        run.description = self.description.or(run.description.take());
    }

    fn verdict(&self, ended: &Ended, shard: Shard) -> Verdict {
        let version = self.description.as_ref().map_or(PROTOCOL, |description| description.protocol);
        if version != PROTOCOL {
            return Verdict::Unknown(format!("it speaks protocol {version}, this version speaks {PROTOCOL}"));
        }
        if let Some(reason) = &self.refused {
            return Verdict::Refused(reason.clone());
        }
        let Some(end) = &self.end else { return self.verdict_without_end(ended) };
        match (end.verdict.clone().verdict(), &ended.ending) {
            (Verdict::Failed, _) if self.failure.is_none() => {
                Verdict::Unknown("it says `failed` without a failure".to_owned())
            }
            // A shard of a small search may be empty; the whole may not.
            (verdict, _) if verdict.answers_something() && end.executions == 0 && shard.is_whole() => {
                Verdict::NothingExplored("it says that it is done after no execution".to_owned())
            }
            (Verdict::Failed, _) => Verdict::Failed,
            // What dies after its last line has not ended well: the search's own end may have been a lie.
            (verdict, Ending::Ended(status)) if verdict.answers_something() && !status.success() => {
                Verdict::Crashed(format!("{status}, after it had said `{verdict}`"))
            }
            (verdict, _) => verdict,
        }
    }

    fn verdict_without_end(&self, ended: &Ended) -> Verdict {
        let panic = self.failure.as_ref().map(|failure| failure.message.clone()).or_else(|| ended.first_panic());
        let because = panic.map(|panic| format!(": {panic}")).unwrap_or_default();
        match &ended.ending {
            Ending::NotStarted(error) => Verdict::Crashed(format!("it did not run: {error}")),
            Ending::Ended(status) => died(status, &because, ended),
            Ending::Stopped(stop) => stopped(*stop, &self.bounds),
        }
    }
}

/// A process that ended without its last line.
fn died(status: &std::process::ExitStatus, because: &str, ended: &Ended) -> Verdict {
    let stderr = ended.stderr_text();
    if let Some(line) = stderr.lines().find(|line| line.starts_with("memory allocation of ")) {
        return Verdict::OutOfMemory(format!("{line} ({status})"));
    }
    match status.code() {
        Some(0) => Verdict::Crashed("it ended well, and said no verdict".to_owned()),
        None if status.to_string().contains("SIGKILL") => {
            Verdict::Crashed(format!("{status}, not by this command; the system kills so where memory runs out"))
        }
        // A stack overflow is told by the runtime, not by a panic.
        None if stderr.contains("has overflowed its stack") => {
            Verdict::Crashed(format!("{status}: a thread has overflowed its stack"))
        }
        _ => Verdict::Crashed(format!("{status}{because}")),
    }
}

fn stopped(stop: Stop, bounds: &[BoundDone]) -> Verdict {
    match stop {
        Stop::Silent { after, cpu_ms } => {
            let doing = match cpu_ms {
                Some(0..50) => "; it waits: it took no processor time",
                Some(_) => "; it is busy: it took processor time all along",
                None => "",
            };
            Verdict::Hung(format!("it said nothing for {after:?}{doing}"))
        }
        Stop::OutOfTime => {
            let reason = "stopped: it did not keep to its budget".to_owned();
            Verdict::CutOff { reason, done: bounds.last().map(|done| done.bound) }
        }
        Stop::OutOfMemory { bytes } => Verdict::OutOfMemory(format!("it had {} MiB", bytes >> 20)),
        Stop::TooManyLines => Verdict::Crashed("it was stopped: it wrote more lines than anyone can read".to_owned()),
    }
}

/// The verdict of a test of an overlaid crate that was not run by the checker. What it did there by itself is no answer.
fn not_overlaid(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Passed | Verdict::Failed => Verdict::NothingExplored(
            "the checker did not run it: it has to panic, or has a harness of its own".to_owned(),
        ),
        other => other,
    }
}

/// The verdict of a test that speaks no protocol: how its process ended.
fn own_verdict(ended: &Ended, budget_ms: u64) -> Verdict {
    match &ended.ending {
        Ending::NotStarted(error) => Verdict::Crashed(format!("it did not run: {error}")),
        Ending::Stopped(Stop::OutOfTime) => {
            let reason = format!("stopped after {} s; it was still busy", budget_ms.div_ceil(1000));
            Verdict::CutOff { reason, done: None }
        }
        Ending::Stopped(Stop::Silent { after, .. }) => {
            Verdict::Hung(format!("it waits: it took no processor time for {after:?}"))
        }
        Ending::Stopped(stop) => stopped(*stop, &[]),
        Ending::Ended(status) => match status.code() {
            Some(0) if ended.stdout_text().contains("test result: ok. 0 passed") => {
                Verdict::NothingExplored("the test is ignored, or its name has changed".to_owned())
            }
            Some(0) => Verdict::Passed,
            // The exit code of a test binary with failures.
            Some(101) => Verdict::Failed,
            _ => {
                let panic = ended.first_panic().map(|panic| format!(": {panic}")).unwrap_or_default();
                died(status, &panic, ended)
            }
        },
    }
}

/// The first panic of a test that speaks no protocol, as a failure.
fn own_failure(run: &ModelRun, ended: &Ended) -> Option<Failure> {
    if run.kind != ModelKind::OwnTest || !run.verdict.is_failure() {
        return None;
    }
    Some(Failure { message: ended.first_panic()?, ..Failure::default() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ended(ending: Ending) -> Ended {
        let elapsed = Duration::from_millis(5);
        Ended { ending, elapsed, stdout: Default::default(), stderr: Default::default(), unreadable: None }
    }

    fn said(lines: &[&str]) -> Said {
        let mut said = Said::default();
        for line in lines {
            said.hear(&serde_json::from_str(line).unwrap());
        }
        said
    }

    #[track_caller]
    fn check(lines: &[&str], expected: &str) {
        let mut run = ModelRun::default();
        said(lines).fill(&mut run, &ended(Ending::Stopped(Stop::TooManyLines)), 1000);
        assert_eq!(format!("{} {}", run.verdict, run.verdict.cause().unwrap_or_default()).trim(), expected);
    }

    #[test]
    fn a_success_without_executions_is_nothing_explored() {
        check(
            &[r#"{"line":"end","verdict":{"kind":"complete"},"executions":0}"#],
            "nothing explored it says that it is done after no execution",
        );
        check(&[r#"{"line":"end","verdict":{"kind":"complete"},"executions":1}"#], "complete");
    }

    #[test]
    fn a_failure_has_to_be_shown() {
        let end = r#"{"line":"end","verdict":{"kind":"failed"},"executions":3}"#;
        check(&[end], "unknown it says `failed` without a failure");
        check(&[r#"{"line":"failure","message":"stuck"}"#, end], "failed");
        let mut run = ModelRun::default();
        let lines = [r#"{"line":"failure","message":"early"}"#, r#"{"line":"failure","message":"with steps"}"#, end];
        said(&lines).fill(&mut run, &ended(Ending::Stopped(Stop::TooManyLines)), 1000);
        assert_eq!(run.failure.map(|failure| failure.message).as_deref(), Some("with steps"));
    }

    #[test]
    fn another_protocol_is_not_guessed_at() {
        let end = r#"{"line":"end","verdict":{"kind":"complete"},"executions":3}"#;
        check(&[r#"{"line":"model","protocol":2}"#, end], "unknown it speaks protocol 2, this version speaks 1");
    }

    #[test]
    #[cfg(unix)]
    fn what_dies_after_its_last_line_has_not_ended_well() {
        use std::os::unix::process::ExitStatusExt;

        let end = r#"{"line":"end","verdict":{"kind":"complete"},"executions":3}"#;
        // An exit code stands in the second byte, a signal in the first.
        for (status, expected) in [(0, "complete"), (101 << 8, "crashed"), (6, "crashed")] {
            let mut run = ModelRun::default();
            let ending = Ending::Ended(std::process::ExitStatus::from_raw(status));
            said(&[end]).fill(&mut run, &ended(ending), 1000);
            assert_eq!(run.verdict.kind(), expected);
        }
    }

    #[test]
    fn a_refusal_is_no_crash() {
        check(
            &[r#"{"line":"refused","reason":"the token is of another source"}"#],
            "refused the token is of another source",
        );
    }

    #[test]
    fn another_number_than_the_pinned_one_is_noticed() {
        let description = Description { pinned: Some(6), ..Description::default() };
        let run = |executions, scale| {
            let verdict = Verdict::Complete;
            let mut run =
                ModelRun { verdict, executions, description: Some(description.clone()), ..ModelRun::default() };
            run.hold_against_pin(scale);
            run.is_fine()
        };
        assert!(run(6, "ci") && !run(5, "ci") && run(5, "full"));
    }

    #[test]
    fn a_run_without_end_keeps_what_was_said() {
        let mut run = ModelRun::default();
        let lines =
            [r#"{"line":"bound","preemptions":1,"executions":9}"#, r#"{"line":"progress","bound":2,"executions":40}"#];
        said(&lines).fill(
            &mut run,
            &ended(Ending::Stopped(Stop::Silent { after: Duration::from_secs(2), cpu_ms: Some(0) })),
            1000,
        );
        assert_eq!((run.executions, run.bounds.len()), (40, 1));
        assert!(run.verdict.cause().is_some_and(|cause| cause.contains("it waits")));
    }

    #[test]
    fn a_token_names_its_model_and_its_twin() {
        let failure = Some(Failure { token: "x=9".to_owned(), ..Failure::default() });
        let mut run = ModelRun { name: "slot".to_owned(), failure, ..ModelRun::default() };
        assert_eq!(run.replay_token().as_deref(), Some("slot=x=9"));
        run.twin = Some(Twin { bug: "M-02".to_owned(), ..Twin::default() });
        assert_eq!(run.replay_token().as_deref(), Some("slot+M-02=x=9"));
    }
}
