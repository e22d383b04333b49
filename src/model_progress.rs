//! What is told on stderr while models run: the bound, executions, their rate, the time against the budget.
//!
//! No percentage: the parts of a search differ too much in size for one to be true.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use interlock_claims::models::{ModelKind, ModelRun, RunEvent};

use crate::output::{complain, progress, width};

/// How often a model at work is told of where lines cannot be drawn over.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// The models at work, and what was said of them.
pub(crate) struct ModelProgress {
    quiet: bool,
    is_terminal: bool,
    budget: Duration,
    /// Each with its last words, and when they were said.
    at_work: BTreeMap<String, (String, Instant)>,
}

impl ModelProgress {
    pub(crate) fn new(quiet: bool, budget: Duration) -> ModelProgress {
        let is_terminal = !quiet && std::env::var_os("CI").is_none() && std::io::stderr().is_terminal();
        ModelProgress { quiet, is_terminal, budget, at_work: BTreeMap::new() }
    }

    /// Takes up what has happened.
    pub(crate) fn hear(&mut self, event: RunEvent<'_>) {
        match event {
            RunEvent::Started { name } => {
                self.at_work.insert(name.clone(), (name, Instant::now()));
            }
            RunEvent::Progress { name, bound, executions, elapsed_ms } => {
                let words = self.words(&name, bound, executions, elapsed_ms);
                self.say(name, words);
            }
            RunEvent::Finished(run) => self.finish(run),
        }
        self.draw();
    }

    fn words(&self, name: &str, bound: Option<u32>, executions: u64, elapsed_ms: u64) -> String {
        let bound = bound.map(|bound| format!("bound {bound}, ")).unwrap_or_default();
        let rate = executions * 1000 / elapsed_ms.max(1);
        let (elapsed, budget) = (elapsed_ms / 1000, self.budget.as_secs());
        format!("{name}: {bound}{executions} executions, {rate}/s, {elapsed} of {budget} s")
    }

    fn say(&mut self, name: String, words: String) {
        let said_at = self.at_work.get(&name).map_or_else(Instant::now, |(_, at)| *at);
        let is_due = !self.is_terminal && said_at.elapsed() >= TELL_EVERY;
        if is_due {
            progress(self.quiet, &words);
        }
        self.at_work.insert(name, (words, if is_due { Instant::now() } else { said_at }));
    }

    fn finish(&mut self, run: &ModelRun) {
        let bug = run.twin.as_ref().map(|twin| format!("+{}", twin.bug)).unwrap_or_default();
        let name = format!("{}{bug}", run.name);
        let shown = run.judgement().map_or_else(|| run.verdict.to_string(), |judgement| judgement.to_string());
        self.clear();
        let (executions, ms) = (run.executions, run.elapsed_ms);
        progress(self.quiet, &format!("{name}: {shown}, {executions} executions in {ms} ms"));
        self.at_work.remove(&name);
    }

    /// One line for all that are at work, drawn over the last one.
    fn draw(&self) {
        if self.is_terminal {
            let words: Vec<&str> = self.at_work.values().map(|(words, _)| words.as_str()).collect();
            let line: String = words.join(" · ").chars().take(width().saturating_sub(1)).collect();
            let mut stderr = std::io::stderr().lock();
            // There is nowhere left to report a failure of stderr.
            let _ = write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush());
        }
    }

    fn clear(&self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// What to do where there are no models.
pub(crate) fn explain_nothing(n_binaries: usize, kind: ModelKind) {
    let what = match (n_binaries, kind) {
        (0, _) => {
            "no package has models: a model is a test whose path ends in `::interlock_model`, in a test target that \
             requires the feature model-shuttle or model-loom (docs/models.md); for tests of loom or shuttle name \
             --own-tests, and --cfg, --features, --test or --lib as they need it"
        }
        (_, ModelKind::OwnTest | ModelKind::Overlaid) => "the test binaries list no test",
        (_, ModelKind::Interlock) => {
            "the test binaries list no test that ends in `::interlock_model`; --own-tests takes every test"
        }
    };
    complain(&format!("error: nothing to run: {what}"));
}
