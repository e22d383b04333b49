//! Runs the whole analysis over many crates, files or damaged files, and counts panics, slow ones and gaps by cause.
//!
//! `cargo run --release --example survey -- crates DIR..` loads each folder with a manifest;
//! `.. files PATH..` analyses each file as a crate of its own; `.. mutated COUNT SEED PATH..` draws files below the
//! paths and damages them. Each job runs in a worker process, so that an overflow or a hang costs only itself.

#![allow(clippy::print_stdout, reason = "a tool that prints its table")]

#[path = "../tests/mutations/mod.rs"]
mod mutations;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use interlock_lints::Config;
use interlock_lockgraph::LockGraph;
use interlock_source::{Edition, LoadOptions, Sources, Workspace};
use mutations::{Random, mutated};

/// A job that takes longer counts as hung.
const LIMIT: Duration = Duration::from_secs(10);

/// Jobs above this are listed as slow.
const SLOW_MS: u128 = 2_000;

const HANG: &str = "hang";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["worker"] => work(),
        ["crates", folders @ ..] => {
            survey(&folders.iter().map(|folder| format!("crate\t{folder}")).collect::<Vec<_>>())
        }
        ["files", paths @ ..] => {
            let files = paths.iter().flat_map(|path| rust_files(Path::new(path)));
            survey(&files.map(|file| format!("file\t{}", file.display())).collect::<Vec<_>>());
        }
        ["mutated", count, seed, paths @ ..] => survey(&drawn(count, seed, paths)),
        _ => println!("usage: survey crates DIR.. | files PATH.. | mutated COUNT SEED PATH.."),
    }
}

/// Draws pairs of files, each pair with a seed of its own.
fn drawn(count: &str, seed: &str, paths: &[&str]) -> Vec<String> {
    let mut random = Random(seed.parse().expect("SEED is a number"));
    let mut files: Vec<PathBuf> = paths.iter().flat_map(|path| rust_files(Path::new(path))).collect();
    files.sort();
    let jobs = (0..count.parse::<usize>().expect("COUNT is a number")).map(|_| {
        let (a, b) = (&files[random.below(files.len())], &files[random.below(files.len())]);
        format!("mutated\t{}\t{}\t{}", a.display(), b.display(), random.next())
    });
    jobs.collect()
}

fn rust_files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && entry.file_name() != "target" && entry.file_name() != ".git" {
            files.extend(rust_files(&entry.path()));
        } else if kind.is_file() && entry.path().extension().is_some_and(|extension| extension == "rs") {
            files.push(entry.path());
        }
    }
    files
}

/// A process that analyses one job a line.
struct Worker {
    child: Child,
    jobs: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn new() -> Worker {
        let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
            .arg("worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("this program can be started again");
        let (jobs, answers) = (child.stdin.take().expect("it is piped"), child.stdout.take().expect("it is piped"));
        Worker { child, jobs, answers: BufReader::new(answers) }
    }

    fn replaced(mut self) -> Worker {
        drop(self.child.wait());
        Worker::new()
    }

    /// The answer's lines; `None` when the process ended instead.
    fn ask(&mut self, job: &str) -> Option<Vec<String>> {
        writeln!(self.jobs, "{job}").ok()?;
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.answers.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "done" => return Some(lines),
                other => lines.push(other.to_owned()),
            }
        }
    }
}

fn survey(jobs: &[String]) {
    let start = Instant::now();
    let mut totals = Totals::default();
    let mut worker = Worker::new();
    for job in jobs {
        match worker.ask(job) {
            Some(lines) => {
                totals.add(job, &lines);
                // A worker that hung has left.
                if lines.iter().any(|line| line == HANG) {
                    worker = worker.replaced();
                }
            }
            None => {
                totals.ended.push(job.clone());
                worker = worker.replaced();
            }
        }
    }
    drop(worker.jobs);
    drop(worker.child.wait());
    totals.print(jobs.len(), start.elapsed());
}

/// What the workers said.
#[derive(Default)]
struct Totals {
    counts: BTreeMap<String, u64>,
    gaps: BTreeMap<String, (u64, String)>,
    /// Panics, hangs and errors.
    failed: Vec<String>,
    /// Jobs whose process ended: overflows.
    ended: Vec<String>,
    slow: Vec<(u128, String)>,
    /// The one that took longest.
    slowest: (u128, String),
}

impl Totals {
    fn add(&mut self, job: &str, lines: &[String]) {
        for line in lines {
            match line.split_once('\t') {
                Some(("count", rest)) => {
                    let (name, n) = rest.split_once('\t').unwrap_or((rest, "0"));
                    *self.counts.entry(name.to_owned()).or_default() += n.parse::<u64>().unwrap_or(0);
                }
                Some(("gap", rest)) => {
                    let (reason, place) = rest.split_once('\t').unwrap_or((rest, ""));
                    let (n, first) = self.gaps.entry(reason.to_owned()).or_default();
                    *n += 1;
                    if *n <= 12 {
                        first.push_str(&format!(" {place} of {job};"));
                    }
                }
                Some(("ms", ms)) => {
                    let ms = ms.parse().unwrap_or(0);
                    if ms >= self.slowest.0 {
                        self.slowest = (ms, job.to_owned());
                    }
                    if ms > SLOW_MS {
                        self.slow.push((ms, job.to_owned()));
                    }
                }
                _ => self.failed.push(format!("{line}: {job}")),
            }
        }
    }

    fn print(&self, n_jobs: usize, elapsed: Duration) {
        println!("{n_jobs} jobs in {:.1} s", elapsed.as_secs_f64());
        for (name, n) in &self.counts {
            println!("  {name}: {n}");
        }
        println!("processes that ended: {}", self.ended.len());
        self.ended.iter().for_each(|job| println!("  {job}"));
        println!("panics, hangs, errors: {}", self.failed.len());
        self.failed.iter().for_each(|line| println!("  {line}"));
        println!("slowest: {} ms {}", self.slowest.0, self.slowest.1);
        println!("slow: {}", self.slow.len());
        self.slow.iter().for_each(|(ms, job)| println!("  {ms} ms {job}"));
        let mut gaps: Vec<_> = self.gaps.iter().collect();
        gaps.sort_by_key(|(_, (n, _))| std::cmp::Reverse(*n));
        println!("gaps: {}", gaps.iter().map(|(_, (n, _))| n).sum::<u64>());
        gaps.iter().for_each(|(reason, (n, first))| println!("  {n} {reason}:{first}"));
    }
}

fn work() {
    for job in std::io::stdin().lines().map_while(Result::ok) {
        let (sender, receiver) = mpsc::channel();
        let start = Instant::now();
        std::thread::spawn(move || {
            let _ = sender.send(answer(&job));
        });
        match receiver.recv_timeout(LIMIT) {
            Ok(lines) => {
                lines.iter().for_each(|line| println!("{line}"));
                println!("ms\t{}", start.elapsed().as_millis());
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => println!("panic"),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                println!("{HANG}\ndone");
                // The thread cannot be stopped on its own; the next job gets a new process.
                std::process::exit(0);
            }
        }
        println!("done");
    }
}

fn answer(job: &str) -> Vec<String> {
    let parts: Vec<&str> = job.split('\t').collect();
    match parts.as_slice() {
        ["crate", folder] => {
            let options = LoadOptions {
                manifest_path: Some(Path::new(folder).join("Cargo.toml")),
                offline: true,
                ..LoadOptions::default()
            };
            match Sources::load(&options) {
                Ok(sources) => facts(sources),
                Err(error) => vec![format!("error {error}").replace('\n', " ")],
            }
        }
        ["file", path] => text_facts(&read(path), Edition::E2021),
        ["mutated", path, other, seed] => {
            let mut random = Random(seed.parse().unwrap_or(0));
            let text = mutated(&read(path), &read(other), &mut random);
            let editions = [Edition::E2015, Edition::E2018, Edition::E2021, Edition::E2024];
            text_facts(&text, editions[random.below(4)])
        }
        _ => vec!["error unknown job".to_owned()],
    }
}

fn read(path: &str) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

fn text_facts(text: &str, edition: Edition) -> Vec<String> {
    facts(Sources::of_text("survey", edition, text))
}

fn facts(sources: Sources) -> Vec<String> {
    let workspace = Workspace::analyse(sources);
    let graph = LockGraph::build(&workspace);
    let report = interlock_lints::run(&workspace, &graph, &Config::default());
    let coverage = workspace.coverage();
    let counts = [
        ("files", coverage.n_files),
        ("lines", coverage.n_lines),
        ("bodies", coverage.n_bodies),
        ("macros unread", coverage.n_macros_unread),
        ("findings", report.findings.len()),
        ("calls resolved", coverage.n_calls_resolved),
        ("calls unknown", coverage.n_calls_unknown),
    ];
    let gaps = coverage.unparsed.iter();
    let gaps = gaps.map(|gap| format!("gap\t{}\t{}:{}", gap.reason.replace('\n', " "), gap.file, gap.line));
    counts.iter().map(|(name, n)| format!("count\t{name}\t{n}")).chain(gaps).collect()
}
