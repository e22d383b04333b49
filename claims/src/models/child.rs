//! One process: started, watched, stopped when it takes too long or too much, and reaped.
//!
//! What it prints is read and mostly thrown away; what it writes to its file of lines is read as it comes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::capture::{Capture, captured};
use super::process::{cpu_ms, memory_bytes};
use super::protocol::Line;

/// How often a process is looked at, at least.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the last of what a dead process printed is waited for.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Bytes of lines after which a process is stopped.
const LINES_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// What is read of the lines at once.
const READ_BYTES_MAX: u64 = 1024 * 1024;

/// How long a process may take, and how much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// From start to end.
    pub(crate) time: Duration,
    /// Without a sign of life: a line, or for a process that speaks no protocol any use of the processor.
    pub(crate) silence: Duration,
    pub(crate) memory_bytes: u64,
    /// What is kept of the start of what it prints, and of the end.
    pub(crate) kept_bytes: usize,
}

/// What counts as a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Lines,
    Processor,
}

/// Why a process was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Silent { after: Duration, cpu_ms: Option<u64> },
    OutOfTime,
    OutOfMemory { bytes: u64 },
    TooManyLines,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) enum Ending {
    NotStarted(String),
    Ended(ExitStatus),
    Stopped(Stop),
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) ending: Ending,
    pub(crate) elapsed: Duration,
    pub(crate) stdout: Arc<Mutex<Capture>>,
    pub(crate) stderr: Arc<Mutex<Capture>>,
    /// Lines that could not be read, the first of them.
    pub(crate) unreadable: Option<String>,
}

impl Ended {
    pub(crate) fn first_panic(&self) -> Option<String> {
        let of = |capture: &Mutex<Capture>| capture.lock().unwrap_or_else(PoisonError::into_inner).first_panic();
        of(&self.stderr).or_else(|| of(&self.stdout))
    }

    pub(crate) fn printed_bytes(&self) -> u64 {
        let of = |capture: &Mutex<Capture>| capture.lock().unwrap_or_else(PoisonError::into_inner).n_bytes();
        of(&self.stdout) + of(&self.stderr)
    }

    pub(crate) fn stdout_text(&self) -> String {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).text()
    }

    pub(crate) fn stderr_text(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).text()
    }
}

/// Runs a process to its end, or stops it. `tell` gets each line as it comes.
pub(crate) fn run(
    command: &mut Command,
    lines: Option<&Path>,
    limits: Limits,
    life: Life,
    tell: &mut dyn FnMut(Line),
) -> Ended {
    let start = Instant::now();
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return not_started(&error),
    };
    let kept = limits.kept_bytes;
    let stdout = child.stdout.take().map_or_else(Arc::default, |stream| captured(stream, kept));
    let stderr = child.stderr.take().map_or_else(Arc::default, |stream| captured(stream, kept));
    let mut lines = Lines::new(lines);
    let ending = watch(&mut child, &mut lines, limits, life, tell);
    // Whatever came last, a line without its end too.
    lines.read(tell);
    lines.finish(tell);
    let elapsed = start.elapsed();
    wait_for_last_words(&[&stdout, &stderr]);
    Ended { ending, elapsed, stdout, stderr, unreadable: lines.unreadable }
}

fn not_started(error: &std::io::Error) -> Ended {
    Ended {
        ending: Ending::NotStarted(error.to_string()),
        elapsed: Duration::ZERO,
        stdout: Arc::default(),
        stderr: Arc::default(),
        unreadable: None,
    }
}

fn watch(child: &mut Child, lines: &mut Lines, limits: Limits, life: Life, tell: &mut dyn FnMut(Line)) -> Ending {
    let start = Instant::now();
    let (mut alive_at, mut cpu_at_life) = (start, cpu_ms(child.id()));
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ending::Ended(status),
            Ok(None) => {}
            Err(error) => return Ending::NotStarted(format!("it cannot be waited for: {error}")),
        }
        let cpu = cpu_ms(child.id());
        let is_alive = lines.read(tell) || (life == Life::Processor && (cpu.is_none() || cpu > cpu_at_life));
        if is_alive {
            (alive_at, cpu_at_life) = (Instant::now(), cpu);
        }
        let memory = memory_bytes(child.id()).unwrap_or(0);
        let stop = if memory > limits.memory_bytes {
            Some(Stop::OutOfMemory { bytes: memory })
        } else if lines.n_bytes > LINES_BYTES_MAX {
            Some(Stop::TooManyLines)
        } else if alive_at.elapsed() > limits.silence {
            let cpu_ms = cpu.zip(cpu_at_life).map(|(now, then)| now.saturating_sub(then));
            Some(Stop::Silent { after: limits.silence, cpu_ms })
        } else if start.elapsed() > limits.time {
            Some(Stop::OutOfTime)
        } else {
            None
        };
        if let Some(stop) = stop {
            return stopped(child, stop);
        }
        // A short process is not made to wait for a long look.
        std::thread::sleep(LOOK_EVERY.min(start.elapsed() / 4 + Duration::from_millis(1)));
    }
}

/// Kills the process and reaps it. One that ended by itself meanwhile has ended by itself.
fn stopped(child: &mut Child, stop: Stop) -> Ending {
    if let Ok(Some(status)) = child.try_wait() {
        return Ending::Ended(status);
    }
    let killed = child.kill();
    match (killed, child.wait()) {
        (Ok(()), Ok(_)) => Ending::Stopped(stop),
        (Err(error), _) | (_, Err(error)) => Ending::NotStarted(format!("it cannot be stopped: {error}")),
    }
}

/// The threads that read let go of a stream at its end.
fn wait_for_last_words(captures: &[&Arc<Mutex<Capture>>]) {
    let start = Instant::now();
    while captures.iter().any(|capture| Arc::strong_count(capture) > 1) && start.elapsed() < LAST_WORDS {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The file that a process appends its lines to, as far as it was read.
struct Lines {
    path: Option<PathBuf>,
    n_bytes: u64,
    /// A line whose end was not there yet.
    partial: Vec<u8>,
    unreadable: Option<String>,
}

impl Lines {
    fn new(path: Option<&Path>) -> Lines {
        Lines { path: path.map(Path::to_owned), n_bytes: 0, partial: Vec::new(), unreadable: None }
    }

    /// Reads what is new, in bounded pieces. Whether there was a whole line.
    fn read(&mut self, tell: &mut dyn FnMut(Line)) -> bool {
        let mut was_line = false;
        while let Some(piece) = self.piece().filter(|piece| !piece.is_empty()) {
            for byte in piece {
                if byte == b'\n' {
                    was_line = true;
                    self.finish(tell);
                } else {
                    self.partial.push(byte);
                }
            }
            if self.n_bytes > LINES_BYTES_MAX {
                break;
            }
        }
        was_line
    }

    fn piece(&mut self) -> Option<Vec<u8>> {
        let mut file = File::open(self.path.as_ref()?).ok()?;
        file.seek(SeekFrom::Start(self.n_bytes)).ok()?;
        let mut piece = Vec::new();
        let n_read = file.take(READ_BYTES_MAX).read_to_end(&mut piece).ok()?;
        self.n_bytes += u64::try_from(n_read).unwrap_or(u64::MAX);
        Some(piece)
    }

    /// Ends the line that was begun.
    fn finish(&mut self, tell: &mut dyn FnMut(Line)) {
        let line = std::mem::take(&mut self.partial);
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        match serde_json::from_slice(&line) {
            Ok(line) => tell(line),
            Err(error) => {
                self.unreadable.get_or_insert_with(|| format!("a line of it cannot be read: {error}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        time: Duration::from_secs(20),
        silence: Duration::from_secs(20),
        memory_bytes: 1 << 30,
        kept_bytes: 1000,
    };

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    #[cfg(unix)]
    fn lines_are_read_as_they_come_and_the_last_needs_no_end() {
        let file = std::env::temp_dir().join(format!("interlock-child-{}.jsonl", std::process::id()));
        let script = format!(
            r#"echo '{{"line":"checked","executions":7}}' >> '{0}'; echo nonsense >> '{0}'; printf '{{"line":"x"}}' >> '{0}'"#,
            file.display()
        );
        let mut seen = Vec::new();
        let ended = run(&mut shell(&script), Some(&file), LIMITS, Life::Lines, &mut |line| seen.push(line));
        let _ = std::fs::remove_file(&file);
        assert_eq!(seen, [Line::Checked { executions: 7 }, Line::Unknown]);
        assert!(ended.unreadable.is_some_and(|what| what.starts_with("a line of it cannot be read")));
    }

    #[test]
    #[cfg(unix)]
    fn a_silent_process_is_stopped_and_reaped() {
        let limits = Limits { silence: Duration::from_millis(100), ..LIMITS };
        let ended = run(&mut shell("exec sleep 60"), None, limits, Life::Lines, &mut |_| ());
        assert!(matches!(ended.ending, Ending::Stopped(Stop::Silent { .. })), "{ended:?}");
        assert!(ended.elapsed < Duration::from_secs(10));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_computes_is_alive_until_its_time_is_up() {
        let limits = Limits { silence: Duration::from_millis(400), time: Duration::from_millis(900), ..LIMITS };
        let ended = run(&mut shell("while :; do :; done"), None, limits, Life::Processor, &mut |_| ());
        assert!(matches!(ended.ending, Ending::Stopped(Stop::OutOfTime)), "{ended:?}");
    }

    #[test]
    #[cfg(unix)]
    fn a_grandchild_that_holds_the_streams_is_not_waited_for() {
        let start = Instant::now();
        let ended = run(&mut shell("sleep 5 & echo said"), None, LIMITS, Life::Lines, &mut |_| ());
        assert!(matches!(ended.ending, Ending::Ended(status) if status.success()), "{ended:?}");
        assert_eq!(ended.stdout_text(), "said\n");
        assert!(start.elapsed() < Duration::from_secs(4));
    }

    #[test]
    fn what_cannot_be_started_is_said() {
        let ended = run(&mut Command::new("/no/such/program"), None, LIMITS, Life::Lines, &mut |_| ());
        assert!(matches!(ended.ending, Ending::NotStarted(_)));
    }
}
