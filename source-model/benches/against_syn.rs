//! Cold analysis against a pure `syn` parse of the same files: time and peak memory, in one run.
//!
//! `cargo bench -p interlock-source -- [MANIFEST ..]`; without arguments the fixtures are measured. Each figure is the
//! median of three interleaved rounds, each in a process of its own, on two threads.

#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark prints its table")]

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use interlock_source::{LoadOptions, Sources, Workspace};

/// Rounds of each measurement.
const ROUNDS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [mode, manifest] if mode == "parse" || mode == "analyse" => measure(mode, manifest),
        [] => compare(&[concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/p0-3-buggy/Cargo.toml").to_owned()]),
        manifests => compare(manifests),
    }
}

/// Runs one mode in this process and prints milliseconds and peak KiB.
fn measure(mode: &str, manifest: &str) {
    let options = LoadOptions { manifest_path: Some(PathBuf::from(manifest)), ..LoadOptions::default() };
    let ms = if mode == "parse" {
        let texts = texts(&options);
        let start = Instant::now();
        parse(&texts);
        start.elapsed().as_millis()
    } else {
        let start = Instant::now();
        let workspace = Workspace::load(&options).expect("the manifest is readable");
        std::hint::black_box(workspace.coverage());
        start.elapsed().as_millis()
    };
    println!("{ms} {}", peak_kib());
}

/// The files that the analysis reads, found by a first run in a process of its own so that its memory does not count.
fn texts(options: &LoadOptions) -> Vec<PathBuf> {
    let list = std::env::var_os("AGAINST_SYN_FILES").map(PathBuf::from);
    let list = list.and_then(|list| std::fs::read_to_string(list).ok());
    match list {
        Some(list) => list.lines().map(PathBuf::from).collect(),
        None => {
            let sources = Sources::load(options).expect("the manifest is readable");
            sources.files.iter().map(|file| file.absolute.clone()).collect()
        }
    }
}

fn parse(files: &[PathBuf]) {
    let half = files.len().div_ceil(2).max(1);
    std::thread::scope(|scope| {
        for part in files.chunks(half) {
            let parse_part = move || {
                for file in part {
                    let text = std::fs::read_to_string(file).unwrap_or_default();
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

fn compare(manifests: &[String]) {
    println!("| workspace | pure parse | analysis | ratio | parse peak | analysis peak | ratio |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for manifest in manifests {
        let list = list_files(manifest);
        let mut rounds = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (mode, figures) in ["parse", "analyse"].iter().zip(&mut rounds) {
                figures.push(child(mode, manifest, &list));
            }
        }
        let [(parse_ms, parse_kib), (ms, kib)] = rounds.map(median);
        let (time, memory) = (ms as f64 / parse_ms.max(1) as f64, kib as f64 / parse_kib.max(1) as f64);
        println!(
            "| {manifest} | {parse_ms} ms | {ms} ms | {time:.2} | {} MiB | {} MiB | {memory:.2} |",
            parse_kib / 1024,
            kib / 1024
        );
    }
    println!("\nThe analysis includes `cargo metadata`; the parse drops each tree at once.");
}

fn list_files(manifest: &str) -> PathBuf {
    let options = LoadOptions { manifest_path: Some(PathBuf::from(manifest)), ..LoadOptions::default() };
    let files = texts(&options).iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join("\n");
    let list = std::env::temp_dir().join(format!("against-syn-{}.txt", std::process::id()));
    std::fs::write(&list, files).expect("the temporary folder is writable");
    list
}

fn child(mode: &str, manifest: &str, list: &PathBuf) -> (u64, u64) {
    let own = std::env::current_exe().expect("the benchmark has a path");
    let output = Command::new(own)
        .args([mode, manifest])
        .env("RAYON_NUM_THREADS", "2")
        .env("AGAINST_SYN_FILES", list)
        .output()
        .expect("the benchmark runs itself");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut figures = text.split_whitespace().filter_map(|figure| figure.parse().ok());
    (figures.next().unwrap_or(0), figures.next().unwrap_or(0))
}

fn median(mut figures: Vec<(u64, u64)>) -> (u64, u64) {
    figures.sort_unstable();
    figures[figures.len() / 2]
}
