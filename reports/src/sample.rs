//! A hand-made report of a small workspace, for the tests of the renderers.

use interlock_lints::{Certainty, Finding, Level, Lint, Place, Report, Step};
use interlock_source::{Cause, Coverage, FileId, LineCol, Span, TextRange, Unparsed};

use crate::{Files, Heading};

/// The sample's files: `src/cluster.rs` is file 0, `src/store.rs` is file 1.
pub(crate) struct Sample;

const CLUSTER: &str = "\
impl Cluster {
    async fn run(&self) {
        let node = self.raft_node.lock().await;
        self.store.flush(&node);
    }
}
";

const STORE: &str = "\
impl Store {
    fn flush(&self, node: &Node) {
        /* µ */ self.cluster.raft_node.blocking_lock();
    }
}
";

impl Files for Sample {
    fn path(&self, file: FileId) -> &str {
        ["src/cluster.rs", "src/store.rs"][file.0 as usize]
    }

    fn text(&self, file: FileId) -> &str {
        [CLUSTER, STORE][file.0 as usize]
    }
}

pub(crate) const HEADING: Heading<'static> = Heading { workspace: "mycrate", version: "0.1.0" };

static REENTRANT: Lint =
    Lint { id: "reentrant-lock", level: Level::Deny, summary: "a lock is acquired while it is held", docs: &[] };

static HELD_OVER_IO: Lint =
    Lint { id: "guard-held-over-io", level: Level::Warn, summary: "a guard is live while I/O is done", docs: &[] };

pub(crate) fn range(line: u32, column: u32, end_line: u32, end_column: u32) -> TextRange {
    TextRange { start: LineCol { line, column }, end: LineCol { line: end_line, column: end_column } }
}

/// A span within one line.
pub(crate) fn span(file: u32, line: u32, column: u32, end_column: u32) -> Span {
    Span { file: FileId(file), range: range(line, column, line, end_column) }
}

fn place(span: Span) -> Place {
    let item = ["mycrate::Cluster::run", "mycrate::Store::flush"][span.file.0 as usize];
    Place { span, item: item.to_owned() }
}

fn step(span: Span, message: &str) -> Step {
    Step { place: place(span), message: message.to_owned() }
}

fn reentrant() -> Finding {
    let acquired_again = span(1, 3, 40, 55);
    Finding {
        lint: &REENTRANT,
        level: Level::Deny,
        certainty: Certainty::Derived,
        primary: place(acquired_again),
        message: "`raft_node` is acquired while this task holds it".to_owned(),
        steps: vec![
            step(span(0, 3, 35, 41), "guard acquired here"),
            step(span(0, 4, 20, 32), "called from here"),
            step(acquired_again, "acquired again here"),
        ],
        help: Some("use the guard already held: `node`".to_owned()),
        locks: vec!["mycrate::Cluster::raft_node".to_owned()],
        fingerprint: "9f2c".to_owned(),
        raised_by: None,
    }
}

fn held_over_io() -> Finding {
    Finding {
        lint: &HELD_OVER_IO,
        level: Level::Warn,
        certainty: Certainty::Assumed("one of 2 implementations of `Disk` runs".to_owned()),
        primary: place(span(0, 4, 20, 32)),
        message: "guard of `raft_node` is live while `flush` writes a Vec<u8>".to_owned(),
        steps: vec![step(span(0, 3, 35, 41), "guard acquired here")],
        help: None,
        locks: vec!["mycrate::Cluster::raft_node".to_owned()],
        fingerprint: "77aa".to_owned(),
        raised_by: None,
    }
}

/// A cause with more places than are listed where there are three.
fn cause(cause: &'static str, examples: Vec<Span>) -> Cause {
    let count = if examples.len() == 3 { 11 } else { examples.len() };
    Cause { cause, count, examples }
}

fn coverage() -> Coverage {
    Coverage {
        n_files: 2,
        n_lines: 340,
        n_bodies: 21,
        unparsed: vec![Unparsed { file: "src/broken.rs".to_owned(), line: 7, reason: "expected `;`".to_owned() }],
        n_receivers_lock: 40,
        n_receivers_other: 9,
        n_receivers_unknown: 1,
        n_calls_resolved: 310,
        n_calls_unknown: 12,
        n_macros_unread: 3,
        n_cfg_skipped: 2,
        n_files_unreached: 0,
        n_build_scripts: 1,
        n_effects_cut_off: 0,
        notes: vec!["cargo metadata failed; read from Cargo.toml".to_owned()],
        receivers: Vec::new(),
        unknown_receivers: vec![cause("generic result", vec![span(1, 3, 40, 55)])],
        unknown_calls: vec![
            cause("result of an outside function", vec![span(0, 3, 20, 26), span(0, 4, 20, 32), span(1, 3, 40, 55)]),
            cause("function that is not found", vec![span(1, 2, 5, 9)]),
        ],
    }
}

/// Two findings, one suppressed finding, and every kind of gap but one.
pub(crate) fn report() -> Report {
    Report {
        findings: vec![reentrant(), held_over_io()],
        suppressed: vec![(held_over_io(), "the disk is a | ramdisk".to_owned())],
        coverage: coverage(),
    }
}

/// Compares a whole document; a failure prints it as it is, ready to be read and copied.
#[track_caller]
pub(crate) fn check_document(actual: &str, expected: &str) {
    assert!(actual == expected, "the document differs from the expected one:\n{actual}");
}
