//! Places as readers are told of them: in the code that is modelled, not in what it goes through.
//!
//! `#[track_caller]` names who calls. Where generic code of `std` is between (`Arc::<Mutex<T>>::default()`,
//! `entry(..).or_default()`, `map(Mutex::new)`), that is a line of `std`, the same for every lock that is made so. The
//! nearest frame of the stack that is in none of the libraries is named then. This is looked for while an execution is
//! recorded, never in a search.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use super::recorder::Place;

/// A place in the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    file: &'static str,
    line: u32,
}

impl Spot {
    /// As the compiler was told it.
    pub(crate) fn of(place: Place) -> Spot {
        Spot { file: place.file(), line: place.line() }
    }

    /// The file, as the compiler was given it; absolute where it was found on the stack.
    #[must_use]
    pub fn file(self) -> &'static str {
        self.file
    }

    /// The line, counted from 1.
    #[must_use]
    pub fn line(self) -> u32 {
        self.line
    }
}

/// How many stacks are looked at in one recording: each takes about a millisecond. Places of `std` remain after that.
const STACKS_MAX: u32 = 2_000;

thread_local! {
    static N_STACKS: Cell<u32> = const { Cell::new(0) };
    /// Names of files that were found on stacks; they are few, and live as long as the process.
    static FILES: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// A recording begins.
pub(crate) fn restart() {
    N_STACKS.set(0);
}

/// The place, or the nearest one of the modelled code where this one is in a library.
pub(crate) fn spot(place: Place) -> Spot {
    let told = Spot::of(place);
    if !is_foreign(told.file) { told } else { nearest().unwrap_or(told) }
}

/// Whether a file belongs to the compiler's libraries, to a dependency that was downloaded, or to this facade.
fn is_foreign(file: &str) -> bool {
    // The form of this file's name is that of all places of this crate: relative in its own workspace, else absolute.
    let own = file!().strip_suffix("model/spot.rs").unwrap_or(file!());
    let of_libraries = ["/rustc/", "/lib/rustlib/src/", "/registry/src/", "/git/checkouts/"];
    file.starts_with(own)
        || file.starts_with(concat!(env!("CARGO_MANIFEST_DIR"), "/src/"))
        || of_libraries.iter().any(|part| file.replace('\\', "/").contains(part))
}

/// The innermost frame of this stack in the modelled code, as far as there are line tables.
fn nearest() -> Option<Spot> {
    let n_stacks = N_STACKS.get();
    if n_stacks == STACKS_MAX {
        return None;
    }
    N_STACKS.set(n_stacks + 1);
    let stack = Backtrace::force_capture();
    // The stacks of a checker's tasks are small, and names are looked up with large ones.
    let text = std::thread::spawn(move || stack.to_string()).join().ok()?;
    let (file, line) = text.lines().filter_map(frame).find(|(file, _)| !is_foreign(file))?;
    Some(Spot { file: interned(file), line })
}

/// The place of a line `at FILE:LINE:COLUMN` of a printed stack.
fn frame(line: &str) -> Option<(String, u32)> {
    let place = line.trim_start().strip_prefix("at ")?;
    let mut parts = place.rsplitn(3, ':');
    let (_column, line, file) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    // What lies below the current directory is printed relative to it.
    let file = match file.strip_prefix("./") {
        Some(below) => std::env::current_dir().ok()?.join(below).display().to_string(),
        None => file.to_owned(),
    };
    Some((file, line))
}

fn interned(file: String) -> &'static str {
    FILES.with_borrow_mut(|files| {
        if let Some(known) = files.get(file.as_str()) {
            return *known;
        }
        let file: &'static str = Box::leak(file.into_boxed_str());
        files.insert(file);
        file
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_with_and_without_its_directory() {
        let below = std::env::current_dir().unwrap().join("src/lib.rs").display().to_string();
        assert_eq!(frame("             at ./src/lib.rs:14:9"), Some((below, 14)));
        assert_eq!(frame("  at /w/engine/src/a.rs:3:1"), Some(("/w/engine/src/a.rs".to_owned(), 3)));
        assert_eq!(frame("   7: bank::main"), None);
    }

    #[test]
    fn what_is_of_a_library_is_told_from_the_modelled_code() {
        let places = [
            ("/rustc/5980/library/core/src/ops/function.rs", true),
            ("/home/a/.rustup/toolchains/stable/lib/rustlib/src/rust/library/alloc/src/sync.rs", true),
            ("/home/a/.cargo/registry/src/index/shuttle-0.9.9/src/lib.rs", true),
            (file!(), true),
            ("engine/src/stream/mod.rs", false),
            ("/w/engine/src/stream/mod.rs", false),
        ];
        for (file, expected) in places {
            assert_eq!(is_foreign(file), expected, "{file}");
        }
    }
}
