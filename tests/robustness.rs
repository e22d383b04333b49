//! Damaged source is data: no text panics, overflows or hangs the analysis, and what is lost is counted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod mutations;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use interlock_lints::Config;
use interlock_lockgraph::LockGraph;
use interlock_source::{Edition, Sources, Workspace};
use mutations::{Random, mutated};

/// What one file may take; the whole test takes less than that.
const LIMIT: Duration = Duration::from_secs(10);

/// How many damaged files, as `INTERLOCK_SCALE` says.
fn n_mutations() -> usize {
    if std::env::var("INTERLOCK_SCALE").is_ok_and(|scale| scale == "full") { 2_000 } else { 60 }
}

/// This workspace's own Rust files, in order.
fn own_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            own_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

/// Analyses a text as a crate and runs every lint; the number of gaps. `None` when it panics or hangs.
fn n_gaps(text: String, edition: Edition) -> Option<usize> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let workspace = Workspace::analyse(Sources::of_text("damaged", edition, &text));
        let graph = LockGraph::build(&workspace);
        drop(interlock_lints::run(&workspace, &graph, &Config::default()));
        let gaps = &workspace.coverage().unparsed;
        // A panic of the parser is caught there, and must not hide here.
        assert!(!gaps.iter().any(|gap| gap.reason.contains("panicked")), "{gaps:?}");
        let _ = sender.send(gaps.len());
    });
    receiver.recv_timeout(LIMIT).ok()
}

#[test]
fn damaged_files_neither_panic_nor_hang() {
    let mut files = Vec::new();
    own_files(Path::new(env!("CARGO_MANIFEST_DIR")), &mut files);
    let texts: Vec<String> = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let editions = [Edition::E2015, Edition::E2018, Edition::E2021, Edition::E2024];
    let mut n_damaged = 0;
    for seed in 0..u64::try_from(n_mutations()).unwrap() {
        let mut random = Random(seed);
        let (a, b) = (random.below(texts.len()), random.below(texts.len()));
        let text = mutated(&texts[a], &texts[b], &mut random);
        let gaps = n_gaps(text, editions[random.below(4)]);
        let gaps = gaps.unwrap_or_else(|| panic!("seed {seed}: {} with {}", files[a].display(), files[b].display()));
        n_damaged += usize::from(gaps > 0);
    }
    // Mutations that break nothing would prove nothing.
    assert!(n_damaged * 4 > n_mutations(), "only {n_damaged} files were damaged");
}

/// Types that lead to themselves, and chains that double at each step. Most are no Rust that compiles; all can be written.
const RINGS: [&str; 5] = [
    "struct A<T = A> { t: T } fn f(a: A) { a.t.lock(); }",
    "struct A<T = B, U = B>(T, U); struct B<T = A, U = A>(T, U); fn f(a: A) { a.0.1.lock(); }",
    "type A = (A, A, A, A, A, A, A, A); fn f(a: A) { a.0.1.lock(); }",
    "struct A; impl std::ops::Deref for A { type Target = <A as std::ops::Deref>::Target; } fn f(a: A) { a.lock(); }",
    "struct A; impl IntoIterator for A { type IntoIter = A; type Item = <Self::IntoIter as Iterator>::Item; }
     fn f(a: A) { for x in a { x.lock(); } }",
];

#[test]
fn types_that_lead_to_themselves_come_to_an_end() {
    for text in RINGS {
        assert_eq!(n_gaps(text.to_owned(), Edition::E2021), Some(0), "{text}");
    }
}

#[test]
fn chains_of_types_that_double_at_each_step_come_to_an_end() {
    let defaults = |i: u32| format!("struct S{}<A = S{i}, B = S{i}>(A, B);\n", i + 1);
    let items = |i: u32| {
        let item = format!("<S{i} as Iterator>::Item");
        format!("struct S{0}; impl Iterator for S{0} {{ type Item = ({item}, {item}); }}\n", i + 1)
    };
    let steps: [&dyn Fn(u32) -> String; 2] = [&defaults, &items];
    for step in steps {
        let chain: String = (0..60).map(step).collect();
        let text = format!("struct S0;\n{chain} fn f(s: S60) {{ for x in s {{ x.0.lock(); }} }}");
        assert_eq!(n_gaps(text.clone(), Edition::E2021), Some(0), "{text}");
    }
}
