//! The model that this thread runs: where its lines go, and who hears its first panic.
//!
//! The first panic of a search is written down by the panic hook, before anything unwinds: the process may abort while it
//! does. Later panics of the same search are noise, and are not heard.

use std::any::Any;
use std::cell::RefCell;
use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::Once;
use std::time::Instant;

use serde_json::{Value, json};

use crate::lines::{Lines, bound_value};
use crate::outcome::{Bound, Failure};

/// Makes the failure of a panic: its way, its steps, from what is known at that moment. `None` if it is no failure.
type Describe = Box<dyn Fn(String) -> Option<Failure>>;

/// What a thread knows of the model that it runs.
struct Session {
    lines: Option<Lines>,
    since: Instant,
    describe: Option<Describe>,
    failure: Option<Failure>,
    is_unheard: bool,
    /// Whether failures are kept and not written.
    is_muted: bool,
    /// Whether a panic is printed without its backtrace, which takes longer to make than most failures to find.
    is_brief: bool,
}

thread_local! {
    static SESSION: RefCell<Session> = RefCell::new(Session {
        lines: None,
        since: Instant::now(),
        describe: None,
        failure: None,
        is_unheard: false,
        is_muted: false,
        is_brief: false,
    });
}

static HOOK: Once = Once::new();

/// Writes this thread's lines to a file from here on.
pub(crate) fn open(lines: Lines, is_brief: bool) {
    SESSION.with_borrow_mut(|session| {
        session.lines = Some(lines);
        session.is_brief = is_brief;
        session.since = Instant::now();
    });
}

/// Writes a line, if anyone reads them.
pub(crate) fn write(line: &Value) {
    SESSION.with_borrow_mut(|session| {
        if let Some(lines) = &mut session.lines {
            lines.write(line);
        }
    });
}

/// Writes the line of a failure.
pub(crate) fn write_failure(failure: &Failure) {
    SESSION.with_borrow_mut(|session| {
        if let Some(lines) = &mut session.lines {
            lines.write_failure(failure);
        }
    });
}

/// Milliseconds since the lines were opened.
pub(crate) fn elapsed_ms() -> u64 {
    SESSION.with_borrow(|session| u64::try_from(session.since.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// Tells that the search goes on.
pub(crate) fn progress(bound: Option<u32>, executions: u64) {
    write(&json!({"line": "progress", "bound": bound, "executions": executions, "elapsed_ms": elapsed_ms()}));
}

/// Tells that a bound is complete, and whether it kept anything out of this part of the search.
pub(crate) fn bound(bound: Bound, executions: u64, is_bounded: bool) {
    write(&bound_value(bound, executions, is_bounded));
}

/// An execution begins, so what panicked in the one before was caught, and no failure.
pub(crate) fn begins() {
    if SESSION.with_borrow_mut(|session| session.failure.take()).is_some() {
        take_back();
    }
}

/// Takes the failure back that was told last: its execution went on, and ended well.
pub(crate) fn take_back() {
    if SESSION.with_borrow(|session| !session.is_muted) {
        write(&json!({"line": "taken-back"}));
    }
}

/// Tells that schedules that were run twice did the same.
#[cfg(feature = "model-shuttle")]
pub(crate) fn checked(executions: u64) {
    write(&json!({"line": "checked", "executions": executions}));
}

/// Runs something while the first panic of this thread becomes a failure. The hook is set before shuttle sets its own,
/// which calls it.
pub(crate) fn listen<T>(
    describe: impl Fn(String) -> Option<Failure> + 'static,
    run: impl FnOnce() -> T,
) -> (T, Option<Failure>) {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if heard(info) {
                before(info);
            }
        }));
    });
    SESSION.with_borrow_mut(|session| {
        session.describe = Some(Box::new(describe));
        session.failure = None;
    });
    let result = run();
    let failure = SESSION.with_borrow_mut(|session| {
        session.describe = None;
        session.failure.take()
    });
    (result, failure)
}

/// Runs something whose panics are not the model's.
#[cfg(feature = "model-shuttle")]
pub(crate) fn unheard<T>(run: impl FnOnce() -> T) -> T {
    SESSION.with_borrow_mut(|session| session.is_unheard = true);
    let result = run();
    SESSION.with_borrow_mut(|session| session.is_unheard = false);
    result
}

/// Panics without being heard, for whoever started the search to catch.
#[cfg(feature = "model-loom")]
pub(crate) fn unheard_panic(payload: impl Any + Send) -> ! {
    std::panic::resume_unwind(Box::new(payload))
}

/// Runs something that is known to fail: its failure is kept, and neither written nor printed.
pub(crate) fn muted<T>(run: impl FnOnce() -> T) -> T {
    SESSION.with_borrow_mut(|session| session.is_muted = true);
    let result = run();
    SESSION.with_borrow_mut(|session| session.is_muted = false);
    result
}

/// Takes a panic down. Whether it is to be printed: the first of a search, and those that are no model's.
fn heard(info: &PanicHookInfo<'_>) -> bool {
    // The hook must not panic: a session that is borrowed right now, or gone, prints as any thread does.
    let is_first = SESSION.try_with(|session| {
        let Ok(mut session) = session.try_borrow_mut() else { return true };
        let Some(describe) = &session.describe else { return true };
        if session.is_unheard || session.failure.is_some() {
            return false;
        }
        let Some(failure) = describe(text_of(info)) else { return true };
        let is_told = !session.is_muted;
        if let Some(lines) = session.lines.as_mut().filter(|_| is_told) {
            lines.write_failure(&failure);
        }
        if is_told && session.is_brief {
            // Nobody is there to hear of an error.
            let _ = writeln!(std::io::stderr(), "panicked: {}", failure.message);
        }
        session.failure = Some(failure);
        is_told && !session.is_brief
    });
    is_first.unwrap_or(true)
}

/// The panic's text, and where it is, unless that is within a library.
fn text_of(info: &PanicHookInfo<'_>) -> String {
    let text = payload_text(info.payload());
    let is_library = |file: &str| file.contains("/registry/src/") || file.contains("loom-models/overlay/");
    match info.location().filter(|place| !is_library(place.file())) {
        Some(place) => format!("{text} ({}:{})", place.file(), place.line()),
        None => text,
    }
}

/// The text that a panic carries.
pub(crate) fn payload_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "a panic without a text".to_owned())
}
