//! Where a task stands: the frames of its stack that are of the source under test, and what the innermost of them calls.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use backtrace::{Backtrace, BacktraceSymbol};

/// The folders whose files are the source under test, as `PATH` lists its.
const SOURCES: &str = "INTERLOCK_OVERLAY_SOURCES";

/// A function of the source under test, and the line in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    function: String,
    pub(crate) file: String,
    pub(crate) line: u32,
}

/// What a task was about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Frames of the source under test, the outermost first; there is one.
    pub(crate) frames: Vec<Frame>,
    /// What the innermost of them calls: type and function.
    pub(crate) operation: String,
}

impl Call {
    /// Its place.
    pub(crate) fn place(&self) -> Option<(String, u32)> {
        self.frames.last().map(|frame| (frame.file.clone(), frame.line))
    }

    /// Whether this only tells less of where the task stands: a future that is pending has left the stack.
    pub(crate) fn is_outer_part_of(&self, other: &Call) -> bool {
        self.frames.len() < other.frames.len() && other.frames.starts_with(&self.frames)
    }
}

/// What this task is about to do. `None` where none of the source under test is on its stack.
pub(crate) fn caller() -> Option<Call> {
    let stack = Backtrace::new();
    // The innermost is first, and what was inlined stands before that which it is in.
    let symbols: Vec<&BacktraceSymbol> = stack.frames().iter().flat_map(|frame| frame.symbols()).collect();
    let innermost = symbols.iter().position(|symbol| frame(symbol).is_some())?;
    let is_library = |symbol: &&&BacktraceSymbol| symbol.filename().is_some_and(|file| !file.starts_with("/rustc"));
    let called = symbols[..innermost].iter().rev().find(is_library);
    let operation = called.map(|symbol| operation(symbol)).unwrap_or_default();
    let frames = symbols[innermost..].iter().rev().filter_map(|symbol| frame(symbol)).collect();
    Some(Call { frames, operation })
}

/// What a function of a library is called; one without a name of its own, as the body of an async function that was
/// inlined, by its file.
fn operation(symbol: &BacktraceSymbol) -> String {
    let name = symbol.name().map(|name| short(&name.to_string())).filter(|name| !name.is_empty());
    let file = || Some(symbol.filename()?.file_stem()?.to_string_lossy().into_owned());
    name.or_else(file).unwrap_or_default()
}

/// A frame of the source under test.
fn frame(symbol: &BacktraceSymbol) -> Option<Frame> {
    let (path, line) = (symbol.filename()?, symbol.lineno()?);
    // This library may lie in the target folder of the source under test.
    if path.starts_with(env!("CARGO_MANIFEST_DIR")) {
        return None;
    }
    let file = sources().iter().find_map(|source| path.strip_prefix(source).ok())?;
    let function = symbol.name().map(|name| short(&name.to_string())).unwrap_or_default();
    Some(Frame { function, file: file.display().to_string(), line })
}

fn sources() -> &'static [PathBuf] {
    static LIST: OnceLock<Vec<PathBuf>> = OnceLock::new();
    LIST.get_or_init(|| {
        let list = std::env::var_os(SOURCES).unwrap_or_default();
        std::env::split_paths(&list).filter(|path| path.is_absolute() && path != Path::new("/")).collect()
    })
}

/// Type and function of a demangled name, without paths, generics, closures and the hash.
fn short(name: &str) -> String {
    let name = name.strip_prefix('<').map_or(name, |rest| rest);
    let mut plain = String::new();
    let (mut depth, mut trait_depth) = (0_u32, None);
    let mut rest = name;
    while let Some(char) = rest.chars().next() {
        if depth == 0 && rest.starts_with(" as ") {
            trait_depth = Some(0_u32);
        }
        match (char, &mut trait_depth) {
            ('<', Some(inner)) => *inner += 1,
            ('>', Some(0)) => trait_depth = None,
            ('>', Some(inner)) => *inner -= 1,
            (_, Some(_)) => {}
            ('<', None) => depth += 1,
            ('>', None) => depth = depth.saturating_sub(1),
            (_, None) if depth == 0 => plain.push(char),
            (_, None) => {}
        }
        rest = &rest[char.len_utf8()..];
    }
    let is_hash =
        |part: &str| part.len() == 17 && part.starts_with('h') && part[1..].bytes().all(|b| b.is_ascii_hexdigit());
    let parts = plain.split("::").filter(|part| !part.is_empty() && !part.starts_with('{') && !is_hash(part));
    let parts: Vec<&str> = parts.collect();
    parts[parts.len().saturating_sub(2)..].join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_type_and_function() {
        for (name, expected) in [
            ("shuttle_std::sync::mutex::Mutex<T>::lock::h0123456789abcdef", "Mutex::lock"),
            ("<a::notify::Notified as core::future::future::Future>::poll", "Notified::poll"),
            ("<a::Lock<T,U> as b::Raw<V>>::lock::{{closure}}::h0123456789abcdef", "Lock::lock"),
            ("a::b::work::{{closure}}", "b::work"),
            ("main", "main"),
        ] {
            assert_eq!(short(name), expected);
        }
    }

    #[test]
    fn a_pending_future_is_not_forgotten() {
        let frame = |line| Frame { function: "f".to_owned(), file: "a.rs".to_owned(), line };
        let call =
            |lines: &[u32]| Call { frames: lines.iter().map(|line| frame(*line)).collect(), operation: String::new() };
        assert!(call(&[1]).is_outer_part_of(&call(&[1, 2])));
        assert!(!call(&[1, 2]).is_outer_part_of(&call(&[1, 2])));
        assert!(!call(&[3]).is_outer_part_of(&call(&[1, 2])));
    }
}
