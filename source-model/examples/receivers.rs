//! Lists every lock-like call that the coverage counts with what its receiver is, or compares them with labels read by
//! hand.
//!
//! `receivers MANIFEST` prints a line for each: file, line, column, method, and the lock class, `other: TYPE` or
//! `unknown: CAUSE`, separated by tabs.
//!
//! `receivers MANIFEST --labels FILE` reads lines of file, line, optionally method, and the class as a person reads the
//! source (`other` for whatever is no lock), and prints which are right, wrong and missing. Lines with `#` are comments.
//!
//! `--all-features` and `--cfg NAME` after the manifest turn on what the labelled code asks for, as for `check`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool of development that prints its answer")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use interlock_source::{LoadOptions, Receiver, ReceiverKind, Workspace};

fn main() -> ExitCode {
    let Some((options, labels)) = options(std::env::args().skip(1)) else {
        eprintln!("usage: receivers MANIFEST [--all-features] [--cfg NAME].. [--labels FILE]");
        return ExitCode::from(2);
    };
    let workspace = match Workspace::load(&options) {
        Ok(workspace) => workspace,
        Err(error) => {
            eprintln!("failed to load the workspace: {error}");
            return ExitCode::from(2);
        }
    };
    match labels {
        None => list(&workspace),
        Some(file) => match std::fs::read_to_string(&file) {
            Ok(text) => return compare(&workspace, &text),
            Err(error) => {
                eprintln!("failed to read {file}: {error}");
                return ExitCode::from(2);
            }
        },
    }
    ExitCode::SUCCESS
}

/// What to load, and the file of labels.
fn options(mut args: impl Iterator<Item = String>) -> Option<(LoadOptions, Option<String>)> {
    let mut options = LoadOptions { manifest_path: Some(PathBuf::from(args.next()?)), ..LoadOptions::default() };
    let mut labels = None;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--all-features" => options.all_features = true,
            "--cfg" => options.cfgs.push(args.next()?),
            "--labels" => labels = Some(args.next()?),
            _ => return None,
        }
    }
    Some((options, labels))
}

fn list(workspace: &Workspace) {
    for receiver in &workspace.coverage().receivers {
        let start = receiver.span.range.start;
        let file = &workspace.file(receiver.span.file).path;
        println!("{file}\t{}\t{}\t{}\t{}", start.line, start.column, receiver.method, shown(receiver));
    }
    let coverage = workspace.coverage();
    let (lock, other) = (coverage.n_receivers_lock, coverage.n_receivers_other);
    eprintln!("{lock} locks, {other} others, {} unknown", coverage.n_receivers_unknown);
}

fn shown(receiver: &Receiver) -> String {
    match &receiver.kind {
        ReceiverKind::Lock(class) => class.to_string(),
        ReceiverKind::Other(ty) => format!("other: {ty}"),
        ReceiverKind::Unknown(cause) => format!("unknown: {cause}"),
    }
}

/// A site as a person labelled it.
struct Label<'a> {
    file: &'a str,
    line: u32,
    method: Option<&'a str>,
    class: &'a str,
}

fn label(text: &str) -> Option<Label<'_>> {
    let columns: Vec<&str> = text.split('\t').map(str::trim).collect();
    let (file, line, method, class) = match columns.as_slice() {
        [file, line, class] => (*file, *line, None, *class),
        [file, line, method, class, ..] => (*file, *line, Some(*method), *class),
        _ => return None,
    };
    Some(Label { file, line: line.parse().ok()?, method, class })
}

/// Prints how the labels fare. A site is right when one call at its line has the labelled class.
fn compare(workspace: &Workspace, text: &str) -> ExitCode {
    let mut found: BTreeMap<(&str, u32), Vec<&Receiver>> = BTreeMap::new();
    for receiver in &workspace.coverage().receivers {
        let file = workspace.file(receiver.span.file).path.as_str();
        found.entry((file, receiver.span.range.start.line)).or_default().push(receiver);
    }
    let (mut n_right, mut n_wrong, mut n_missing) = (0_usize, 0_usize, 0_usize);
    for written in text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty()) {
        let Some(label) = label(written) else {
            eprintln!("not a label: {written}");
            return ExitCode::from(2);
        };
        let at: Vec<String> = found
            .get(&(label.file, label.line))
            .into_iter()
            .flatten()
            .filter(|receiver| label.method.is_none_or(|method| receiver.method == *method))
            .map(|receiver| shown(receiver))
            .collect();
        let place = format!("{}:{}", label.file, label.line);
        if at.is_empty() {
            n_missing += 1;
            println!("missing\t{place}\t{}", label.class);
        } else if at.iter().any(|class| agrees(class, label.class)) {
            n_right += 1;
            println!("right\t{place}\t{}", label.class);
        } else {
            n_wrong += 1;
            println!("wrong\t{place}\t{}\tfound {}", label.class, at.join(", "));
        }
    }
    let n_all = n_right + n_wrong + n_missing;
    let share = 100.0 * n_right as f64 / n_all.max(1) as f64;
    println!("{n_right} right, {n_wrong} wrong, {n_missing} missing of {n_all}: {share:.1} %");
    if n_right == n_all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether a class is the labelled one; a label may leave out leading segments, and the type behind `other`.
fn agrees(class: &str, label: &str) -> bool {
    let is_end = class.strip_suffix(label).is_some_and(|head| head.is_empty() || head.ends_with("::"));
    is_end || (class.starts_with("other: ") && (label == "other" || label.starts_with("other:")))
}
