//! From TOML to a manifest: every problem is noted with its line, and reading goes on.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::table::{Document, Located, Table};
use super::{
    Change, Check, CheckKind, Claim, Control, ControlEdit, Manifest, ManifestError, Problem, Symbol, Target,
    TargetSource, sha256,
};
use crate::nearest::{did_you_mean, nearest};

/// Kinds that this version runs, then kinds that it only knows.
const KINDS: [&str; 9] = [
    "lint-absent",
    "lock-not-acquired-while",
    "lock-not-reachable",
    "call-absent-under-lock",
    "call-present",
    "order",
    "graph-acyclic",
    "model",
    "test",
];

pub(super) fn manifest(file: &str, text: &str) -> Result<Manifest, ManifestError> {
    let failed = |problems| ManifestError { file: file.to_owned(), problems };
    let document = Document::new(text);
    let root = DeTable::parse(text).map_err(|error| failed(vec![syntax_problem(&document, &error)]))?;
    let (target, claims) = {
        let table = Table::new("the manifest", 1, &document, root.get_ref());
        let parts = (target(&table), claims(&table));
        table.reject_unknown_keys();
        parts
    };
    let problems = document.into_problems();
    match target {
        Some(target) if problems.is_empty() => {
            Ok(Manifest { file: file.to_owned(), digest: sha256(text), target, claims })
        }
        _ => Err(failed(problems)),
    }
}

fn syntax_problem(document: &Document<'_>, error: &toml::de::Error) -> Problem {
    let line = document.line(error.span().unwrap_or(0..0));
    Problem { line, message: error.message().to_owned() }
}

fn target(root: &Table<'_>) -> Option<Target> {
    let table = root.table("target", "`[target]`")?;
    let source = target_source(&table);
    let features = table.texts("features");
    table.reject_unknown_keys();
    Some(Target { source: source?, features })
}

fn target_source(table: &Table<'_>) -> Option<TargetSource> {
    let path = table.text("path").map(|path| path.value);
    let repository = table.text("repository").map(|repository| repository.value);
    let commit = table.text("commit").map(|commit| commit.value);
    match (path, repository, commit) {
        (Some(path), None, None) => Some(TargetSource::Path(path)),
        (None, Some(repository), Some(commit)) => Some(TargetSource::Commit { repository, commit }),
        _ => {
            let message = "`[target]` needs either `path`, or `repository` and `commit`";
            table.document.problem(table.line, message);
            None
        }
    }
}

fn claims(root: &Table<'_>) -> Vec<Claim> {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let mut claims = Vec::new();
    for table in root.tables("claim", "`[[claim]]`") {
        let claim = claim(&table);
        if let Some(first) = lines.insert(claim.id.clone(), table.line) {
            let message = format!("claim `{}` stands on line {first} already", claim.id);
            table.document.problem(table.line, message);
        }
        claims.push(claim);
    }
    if claims.is_empty() {
        root.document.problem(root.line, "the manifest has no `[[claim]]`");
    }
    claims
}

fn claim(table: &Table<'_>) -> Claim {
    let optional = |key| table.text(key).map(|text| text.value);
    let claim = Claim {
        id: table.required("id").value,
        title: table.required("title").value,
        symptom: optional("symptom"),
        root_cause: optional("root_cause"),
        origin: optional("origin"),
        notes: optional("notes"),
        scope: table
            .array("scope", "an array of symbols")
            .into_iter()
            .filter_map(|value| scope(table, value))
            .collect(),
        checks: table.tables("check", "`[[claim.check]]`").iter().map(check).collect(),
        controls: table.tables("control", "`[[claim.control]]`").iter().map(control).collect(),
    };
    if claim.checks.is_empty() {
        table.document.problem(table.line, "`[[claim]]` has no `[[claim.check]]`");
    }
    reject_unknown_checks(table, &claim);
    table.reject_unknown_keys();
    claim
}

fn reject_unknown_checks(table: &Table<'_>, claim: &Claim) {
    for control in &claim.controls {
        for check in control.checks.iter().filter(|check| **check >= claim.checks.len()) {
            let n_checks = claim.checks.len();
            let message = format!("the control names check {}, the claim has {n_checks}", check + 1);
            table.document.problem(control.line, message);
        }
    }
}

/// An entry of `scope`: a symbol, or `{ symbol = "..", matches = n }`.
fn scope<'a>(claim: &Table<'a>, value: &'a Spanned<DeValue<'a>>) -> Option<Symbol> {
    let line = claim.document.line(value.span());
    if let Some(pattern) = value.get_ref().as_str() {
        let located = Located { value: pattern.to_owned(), line };
        return Some(counted_symbol(claim, located, None));
    }
    let Some(table) = claim.nested("an entry of `scope`", value) else {
        claim.document.problem(line, "an entry of `scope` must be a string or `{ symbol = \"..\", matches = n }`");
        return None;
    };
    let symbol = table.required("symbol");
    let matches = table.count("matches");
    table.reject_unknown_keys();
    Some(counted_symbol(&table, symbol, matches))
}

fn counted_symbol(table: &Table<'_>, symbol: Located<String>, matches: Option<usize>) -> Symbol {
    if symbol.value.contains('*') && matches.is_none() {
        let message = format!("`{}` is a pattern: state how many functions it matches, as `matches = n`", symbol.value);
        table.document.problem(symbol.line, message);
    }
    Symbol { pattern: symbol.value, matches: matches.unwrap_or(1) }
}

fn symbol(table: &Table<'_>, key: &'static str) -> Symbol {
    let pattern = table.required(key);
    let matches = table.count("matches");
    counted_symbol(table, pattern, matches)
}

fn check(table: &Table<'_>) -> Check {
    let kind = table.required("kind");
    let line = table.line;
    let kind = match kind.value.as_str() {
        "lint-absent" => CheckKind::LintAbsent { lint: lint(table), within: symbol(table, "within") },
        "lock-not-acquired-while" => {
            CheckKind::LockNotAcquiredWhile { lock: lock(table), within: symbol(table, "within") }
        }
        "lock-not-reachable" => CheckKind::LockNotReachable { lock: lock(table), from: symbol(table, "from") },
        "call-absent-under-lock" => CheckKind::CallAbsentUnderLock {
            call: table.required("call").value,
            lock: lock(table),
            within: symbol(table, "within"),
        },
        "call-present" => {
            CheckKind::CallPresent { call: table.required("call").value, within: symbol(table, "within") }
        }
        _ => return Check { line, kind: other_kind(table, kind) },
    };
    table.reject_unknown_keys();
    Check { line, kind }
}

/// A kind that this version does not run: its keys are not judged.
fn other_kind(table: &Table<'_>, kind: Located<String>) -> CheckKind {
    let is_missing = kind.value.is_empty();
    if !is_missing && !KINDS.contains(&kind.value.as_str()) {
        let near = nearest(&kind.value, KINDS.into_iter(), 1);
        let message = format!("unknown check kind `{}`{}", kind.value, did_you_mean(&near));
        table.document.problem(kind.line, message);
    }
    CheckKind::Unsupported(kind.value)
}

fn lint(table: &Table<'_>) -> String {
    let lint = table.required("lint");
    if let Err(unknown) = interlock_lints::find(&lint.value)
        && !lint.value.is_empty()
    {
        table.document.problem(lint.line, unknown.to_string());
    }
    lint.value
}

fn lock(table: &Table<'_>) -> String {
    let lock = table.required("lock");
    if lock.value.contains('*') {
        table.document.problem(lock.line, "`lock` names one lock class: it may not contain `*`");
    }
    lock.value
}

fn control(table: &Table<'_>) -> Control {
    let edits = if table.has("edits") {
        table.tables("edits", "an entry of `edits`").iter().map(whole_edit).collect()
    } else {
        vec![control_edit(table)]
    };
    let control = Control {
        line: table.line,
        title: table.text("title").map(|title| title.value),
        edits: edits.into_iter().flatten().collect(),
        checks: named_checks(table),
    };
    table.reject_unknown_keys();
    control
}

/// An entry of `edits`: a table of its own.
fn whole_edit(table: &Table<'_>) -> Option<ControlEdit> {
    let edit = control_edit(table);
    table.reject_unknown_keys();
    edit
}

/// `check = n` or `checks = [..]`, counted from 1 in the manifest and from 0 here.
fn named_checks(table: &Table<'_>) -> Vec<usize> {
    let mut checks = table.counts("checks");
    checks.extend(table.count("check"));
    checks.sort_unstable();
    checks.dedup();
    checks.into_iter().map(|check| check - 1).collect()
}

fn control_edit(table: &Table<'_>) -> Option<ControlEdit> {
    let symbol = table.required("edit");
    let change = change(table);
    let matches = table.count("matches");
    if symbol.value.contains('*') && matches.is_none() {
        let message =
            format!("`{}` is a pattern: state how many places the edit changes, as `matches = n`", symbol.value);
        table.document.problem(symbol.line, message);
    }
    Some(ControlEdit { symbol: symbol.value, change: change?, matches: matches.unwrap_or(1) })
}

fn change(table: &Table<'_>) -> Option<Change> {
    const KEYS: [&str; 5] = ["replace", "insert_before", "insert_after", "insert_at_start", "insert_at_end"];
    let present: Vec<&str> = KEYS.into_iter().filter(|key| table.has(key)).collect();
    let [key] = present[..] else {
        let message = format!("an edit needs one of `{}`", KEYS.join("`, `"));
        table.document.problem(table.line, message);
        return None;
    };
    let text = table.text(KEYS.into_iter().find(|known| *known == key)?)?.value;
    Some(match key {
        "insert_at_start" => Change::InsertAtStart(text),
        "insert_at_end" => Change::InsertAtEnd(text),
        "replace" => Change::Replace { pattern: text, with: replacement(table) },
        "insert_before" => Change::InsertBefore { pattern: text, with: table.required("with").value },
        _ => Change::InsertAfter { pattern: text, with: table.required("with").value },
    })
}

/// `with` of a replacement, which may be empty: the code is then removed.
fn replacement(table: &Table<'_>) -> String {
    if !table.has("with") {
        table.missing("with");
    }
    table.any_text("with").map_or(String::new(), |with| with.value)
}
