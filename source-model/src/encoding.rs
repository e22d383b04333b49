//! Code, encoded: what a body or initialiser says, in a tenth of the memory of its tree, decoded while it is analysed.
//!
//! Names are numbers in a table of their file, and lines are differences: the same code has the same bytes wherever in
//! its file it stands.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ir::{Block, Expr};
use crate::names::Name;
use crate::span::{LineCol, TextRange};

/// The names that the code of one file uses. Its file is read as a whole before any of its code is decoded.
type FileNames = Arc<OnceLock<Box<[Name]>>>;

/// Code in encoded form.
#[derive(Clone)]
pub struct Code<T> {
    /// From its first to its last token.
    pub range: TextRange,
    /// Whether it is a block that is nothing but its value.
    is_value: bool,
    names: FileNames,
    bytes: Box<[u8]>,
    of: PhantomData<fn() -> T>,
}

/// What encoding and decoding remember from one value to the next.
#[derive(Default)]
struct Coding {
    numbers: FxHashMap<Name, u32>,
    names: Vec<Name>,
    file: FileNames,
    /// The line that the next range is relative to.
    line: u32,
}

thread_local! {
    /// Of the file that this thread reads.
    static FILE: RefCell<Coding> = RefCell::default();
    /// Of the value that this thread decodes.
    static DECODED: RefCell<Option<(FileNames, u32)>> = const { RefCell::new(None) };
}

/// Runs what reads one file; the code that it encodes shares one table of names.
pub(crate) fn in_file<T>(read: impl FnOnce() -> T) -> T {
    FILE.with_borrow_mut(|coding| *coding = Coding::default());
    let result = read();
    FILE.with_borrow_mut(|coding| {
        let coding = std::mem::take(coding);
        let _ = coding.file.set(coding.names.into());
    });
    result
}

/// Code that has a place.
pub trait Placed {
    /// From its first to its last token.
    fn range(&self) -> TextRange;
    /// Whether it is a block that is nothing but its value.
    fn is_value(&self) -> bool;
}

impl Placed for Block {
    fn range(&self) -> TextRange {
        self.range
    }

    fn is_value(&self) -> bool {
        self.stmts.is_empty() && self.tail.is_some()
    }
}

impl Placed for Expr {
    fn range(&self) -> TextRange {
        self.range
    }

    fn is_value(&self) -> bool {
        false
    }
}

impl<T: Placed + Serialize> Code<T> {
    /// Encodes code of the file that this thread reads.
    pub(crate) fn of(code: &T) -> Code<T> {
        let range = code.range();
        let names = FILE.with_borrow_mut(|coding| {
            coding.line = range.start.line;
            Arc::clone(&coding.file)
        });
        let bytes = postcard::to_stdvec(code).expect("memory is all that encoding needs");
        Code { range, is_value: code.is_value(), names, bytes: bytes.into_boxed_slice(), of: PhantomData }
    }
}

impl<T: Default + DeserializeOwned> Code<T> {
    /// The code. Bytes that mean nothing are code that does nothing.
    #[must_use]
    pub fn decode(&self) -> T {
        let outer = DECODED.replace(Some((Arc::clone(&self.names), self.range.start.line)));
        let decoded = postcard::from_bytes(&self.bytes);
        DECODED.set(outer);
        debug_assert!(decoded.is_ok(), "what was encoded can be decoded");
        decoded.unwrap_or_default()
    }
}

impl Code<Block> {
    /// The value of a block that is nothing but its value.
    pub(crate) fn only_value(&self) -> Option<Expr> {
        if self.is_value { self.decode().tail.map(|tail| *tail) } else { None }
    }
}

impl<T> fmt::Debug for Code<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({:?}, {} bytes)", self.range, self.bytes.len())
    }
}

impl<T> Serialize for Code<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.range, self.is_value, Bytes(self.bytes.clone())).serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Code<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Code<T>, D::Error> {
        let (range, is_value, Bytes(bytes)) = Deserialize::deserialize(deserializer)?;
        let names = DECODED.with_borrow(|decoded| decoded.as_ref().map(|(names, _)| Arc::clone(names)));
        let names = names.ok_or_else(|| D::Error::custom("no file"))?;
        Ok(Code { range, is_value, names, bytes, of: PhantomData })
    }
}

/// Bytes, read and written as one piece.
struct Bytes(Box<[u8]>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        deserializer.deserialize_bytes(Bytes(Box::default()))
    }
}

impl Visitor<'_> for Bytes {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.into()))
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = FILE.with_borrow_mut(|coding| {
            let Coding { numbers, names, .. } = coding;
            *numbers.entry(*self).or_insert_with(|| {
                names.push(*self);
                crate::index::position(names.len() - 1)
            })
        });
        serializer.serialize_u32(number)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        let number = u32::deserialize(deserializer)?;
        let name = DECODED.with_borrow(|decoded| {
            let (names, _) = decoded.as_ref()?;
            names.get()?.get(number as usize).copied()
        });
        name.ok_or_else(|| D::Error::custom("no such name"))
    }
}

/// A range as it is encoded: its line is relative to that of the range before it, its end to its start.
#[derive(Serialize, Deserialize)]
struct Relative {
    lines_down: i32,
    column: u32,
    n_lines: u32,
    end_column: u32,
}

impl Serialize for TextRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let before = FILE.with_borrow_mut(|coding| std::mem::replace(&mut coding.line, self.start.line));
        let relative = Relative {
            lines_down: self.start.line.wrapping_sub(before).cast_signed(),
            column: self.start.column,
            n_lines: self.end.line.wrapping_sub(self.start.line),
            end_column: self.end.column,
        };
        relative.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TextRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TextRange, D::Error> {
        let relative = Relative::deserialize(deserializer)?;
        let line = DECODED.with_borrow_mut(|decoded| {
            let (_, line) = decoded.as_mut()?;
            *line = line.wrapping_add_signed(relative.lines_down);
            Some(*line)
        });
        let line = line.ok_or_else(|| D::Error::custom("no file"))?;
        let start = LineCol { line, column: relative.column };
        let end = LineCol { line: line.wrapping_add(relative.n_lines), column: relative.end_column };
        Ok(TextRange { start, end })
    }
}
