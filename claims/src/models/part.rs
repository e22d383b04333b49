//! A shard's results, read back from the JSON lines of `cargo interlock model run --message-format json`.

use serde::Deserialize;

use super::bound::BoundDone;
use super::discover::{EmptyBinary, ModelId};
use super::model_run::ModelRun;
use super::protocol::{Description, Failure, Twin, VerdictObject};
use super::shard::Shard;
use super::suite::ModelKind;

/// The schema of the JSON lines that is understood.
const SCHEMA: u32 = 1;

/// The results of one shard of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The file that they were read from.
    pub file: String,
    pub(crate) workspace: String,
    pub(crate) shard: Shard,
    pub(crate) scale: String,
    pub(crate) budget_ms: u64,
    pub(crate) runs: Vec<ModelRun>,
    pub(crate) elsewhere: Vec<(ModelId, Option<String>)>,
    pub(crate) empty: Vec<EmptyBinary>,
    /// Whether the last line is there.
    pub(crate) is_whole: bool,
}

/// A file that is not what a run writes.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {what}")]
pub struct PartError {
    file: String,
    what: String,
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "lowercase")]
enum PartLine {
    Start(Start),
    Model(Box<RunLine>),
    Twin(Box<RunLine>),
    Elsewhere(Elsewhere),
    Empty(Empty),
    End {},
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct Start {
    schema: u32,
    workspace: String,
    command: String,
    shard: [u32; 2],
    scale: String,
    budget_ms: u64,
}

#[derive(Deserialize)]
struct Place {
    package: String,
    suite: String,
    binary: String,
    path: String,
}

#[derive(Deserialize)]
struct Elsewhere {
    #[serde(flatten)]
    place: Place,
    twin: Option<String>,
}

#[derive(Deserialize)]
struct Empty {
    package: String,
    suite: String,
    binary: String,
    cause: String,
}

#[derive(Deserialize)]
struct RunLine {
    #[serde(flatten)]
    place: Place,
    name: String,
    kind: String,
    shard: [u32; 2],
    twin: Option<Twin>,
    description: Option<Description>,
    verdict: VerdictObject,
    executions: u64,
    prefixes: u64,
    checked: u64,
    bounds: Vec<BoundDone>,
    elapsed_ms: u64,
    failure: Option<Failure>,
    notes: Vec<String>,
}

impl Part {
    /// Reads a shard's results. Lines that a later version has added are passed over.
    ///
    /// # Errors
    /// Where the text is not the result of `model run`.
    pub fn read(file: &str, text: &str) -> Result<Part, PartError> {
        let bad = |what: String| PartError { file: file.to_owned(), what };
        let mut part = Part { file: file.to_owned(), ..Part::default() };
        let mut is_started = false;
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let parsed = serde_json::from_str(line).map_err(|error| bad(format!("line {number}: {error}")))?;
            if let PartLine::Start(start) = &parsed {
                check(start).map_err(&bad)?;
                is_started = true;
            }
            part.add(parsed);
        }
        if is_started { Ok(part) } else { Err(bad("it has no line with the reason `start`".to_owned())) }
    }

    fn add(&mut self, line: PartLine) {
        match line {
            PartLine::Start(start) => {
                let [index, count] = start.shard;
                self.shard = Shard { index, count };
                (self.workspace, self.scale, self.budget_ms) = (start.workspace, start.scale, start.budget_ms);
            }
            PartLine::Model(line) | PartLine::Twin(line) => self.runs.push(line.run()),
            PartLine::Elsewhere(Elsewhere { place, twin }) => self.elsewhere.push((place.id(), twin)),
            PartLine::Empty(Empty { package, suite, binary, cause }) => {
                self.empty.push(EmptyBinary { package, suite, binary, cause });
            }
            PartLine::End {} => self.is_whole = true,
            PartLine::Unknown => {}
        }
    }
}

fn check(start: &Start) -> Result<(), String> {
    let [index, count] = start.shard;
    match start.command.as_str() {
        _ if start.schema != SCHEMA => Err(format!("its schema is {}, this version reads {SCHEMA}", start.schema)),
        "run" if index < count => Ok(()),
        "run" => Err(format!("it says to be shard {index} of {count}")),
        other => Err(format!("it is the result of `model {other}`, not of `model run`")),
    }
}

impl Place {
    fn id(self) -> ModelId {
        let Place { package, suite, binary, path } = self;
        ModelId { package, suite, binary, path }
    }
}

impl RunLine {
    fn run(self) -> ModelRun {
        let [index, count] = self.shard;
        ModelRun {
            id: self.place.id(),
            name: self.name,
            kind: match self.kind.as_str() {
                "own-test" => ModelKind::OwnTest,
                "overlaid" => ModelKind::Overlaid,
                _ => ModelKind::Interlock,
            },
            twin: self.twin,
            description: self.description,
            shard: Shard { index, count },
            verdict: self.verdict.verdict(),
            executions: self.executions,
            prefixes: self.prefixes,
            checked: self.checked,
            bounds: self.bounds,
            elapsed_ms: self.elapsed_ms,
            failure: self.failure,
            replay_file: None,
            replay_options: Vec::new(),
            is_off_pin: false,
            notes: self.notes,
        }
    }
}
