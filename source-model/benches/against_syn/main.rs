//! `check` against a pure `syn` parse of the same files: time and peak memory, cold, warm, and of three times the code.
//!
//! `cargo bench -p interlock-source --bench against_syn -- [MANIFEST ..]`; without arguments the fixtures are measured.
//! The workspace is copied first, so that nothing in it is touched. Each figure is the median of interleaved rounds, each
//! in a process of its own, on two threads. `docs/cache.md` has the budgets.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]
#![allow(clippy::cast_precision_loss, reason = "a ratio is shown with two digits")]

mod copies;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use interlock_lints::Config;
use interlock_lockgraph::LockGraph;
use interlock_source::{LoadOptions, Workspace};

use copies::Copies;

/// Rounds of each measurement.
const ROUNDS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [mode, folder] if mode == "parse" || mode == "check" || mode == "plain" => measure(mode, Path::new(folder)),
        [] => compare(&[concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/p0-3-buggy/Cargo.toml").to_owned()]),
        manifests => compare(manifests),
    }
}

/// Runs one mode in this process and prints milliseconds and peak KiB.
fn measure(mode: &str, folder: &Path) {
    let start = Instant::now();
    match mode {
        "parse" => parse(&copies::files(folder)),
        _ => check(folder, mode == "check"),
    }
    println!("{} {}", start.elapsed().as_millis(), peak_kib());
}

fn check(folder: &Path, use_cache: bool) {
    let options = LoadOptions {
        manifest_path: Some(folder.join("Cargo.toml")),
        target_directory: Some(folder.join("target")),
        use_cache,
        ..LoadOptions::default()
    };
    let workspace = Workspace::load(&options).expect("the copy is readable");
    let graph = LockGraph::build(&workspace);
    std::hint::black_box(interlock_lints::run(&workspace, &graph, &Config::default()).findings.len());
    // A command that is done leaves its memory to the system.
    std::mem::forget((workspace, graph));
}

fn parse(files: &[PathBuf]) {
    let half = files.len().div_ceil(2).max(1);
    std::thread::scope(|scope| {
        for part in files.chunks(half) {
            let parse_part = move || {
                for file in part {
                    let text = std::fs::read_to_string(file).expect("a copied file is readable");
                    std::hint::black_box(syn::parse_file(&text).is_ok());
                    proc_macro2::extra::invalidate_current_thread_spans();
                }
            };
            std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, parse_part).expect("a thread starts");
        }
    });
}

/// Peak resident memory as Linux tells it; 0 elsewhere.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

/// What is measured, in the order of each round.
const FIGURES: [&str; 7] = [
    "parse",
    "cold, no cache",
    "cold",
    "warm, nothing edited",
    "warm, a body edited",
    "warm, an item added",
    "3 x the code",
];

fn compare(manifests: &[String]) {
    for manifest in manifests {
        let copies = Copies::new(Path::new(manifest));
        let mut rounds: [Vec<(u64, u64)>; FIGURES.len()] = Default::default();
        for _ in 0..ROUNDS {
            for (figure, of_round) in rounds.iter_mut().zip(round(&copies)) {
                figure.push(of_round);
            }
        }
        print_table(manifest, &copies, &rounds.map(median));
    }
    println!("A ratio is to the parse. `3 x the code` is without a cache, and its ratio is to `cold, no cache`.");
}

fn round(copies: &Copies) -> [(u64, u64); FIGURES.len()] {
    let (one, three) = (copies.one(), copies.three());
    copies.restore();
    let parsed = child("parse", &one);
    let plain = child("plain", &one);
    let cold = child("check", &one);
    let warm = child("check", &one);
    copies.edit_body();
    let body = child("check", &one);
    copies.add_item();
    let item = child("check", &one);
    [parsed, plain, cold, warm, body, item, child("plain", &three)]
}

/// The figures of one run. A run that did not end as it should has none, so neither has the whole.
fn child(mode: &str, folder: &Path) -> (u64, u64) {
    let mut command = Command::new(std::env::current_exe().expect("the benchmark has a path"));
    command.arg(mode).arg(folder).env("RAYON_NUM_THREADS", "2");
    let output = command.output().expect("the benchmark runs itself");
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<u64> = text.split_whitespace().map_while(|figure| figure.parse().ok()).collect();
    match figures.as_slice() {
        [ms, kib] if output.status.success() => (*ms, *kib),
        _ => {
            let errors = String::from_utf8_lossy(&output.stderr);
            eprintln!("{command:?} ended with {} and said: {text}{errors}", output.status);
            std::process::exit(101);
        }
    }
}

fn median(mut figures: Vec<(u64, u64)>) -> (u64, u64) {
    figures.sort_unstable();
    figures[figures.len() / 2]
}

fn print_table(manifest: &str, copies: &Copies, figures: &[(u64, u64)]) {
    let ratio = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    println!("{manifest}: {} files, {} lines\n", copies.n_files, copies.n_lines);
    println!("| | time | ratio | peak | ratio |\n| --- | --- | --- | --- | --- |");
    for (at, (name, (ms, kib))) in FIGURES.iter().zip(figures).enumerate() {
        let base = figures[usize::from(at == FIGURES.len() - 1)];
        let (time, memory) = (ratio(*ms, base.0), ratio(*kib, base.1));
        println!("| {name} | {ms} ms | {time:.2} | {} MiB | {memory:.2} |", kib / 1024);
    }
    println!();
}
