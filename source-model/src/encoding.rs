//! Files and their code, encoded: what they say in a tenth of the memory of its tree, decoded while it is looked at.
//!
//! Names are numbers in a table of their file, and lines are differences: the same code has the same bytes wherever in
//! its file it stands. The pack of the cache holds the same bytes.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cache::Key;
use crate::ir::{Block, Expr, FileIr, Item, Outline};
use crate::names::Name;
use crate::span::{LineCol, TextRange};
use crate::values::only_value;

/// What the code of one file shares: its names, complete once the file is read, and the bytes that it was decoded from.
#[derive(Debug, Default)]
struct FileCode {
    names: OnceLock<Box<[Name]>>,
    bytes: Arc<[u8]>,
}

/// Code in encoded form.
#[derive(Clone)]
pub struct Code<T> {
    /// From its first to its last token.
    pub range: TextRange,
    /// Whether it is a block that is nothing but its value.
    is_value: bool,
    file: Arc<FileCode>,
    bytes: CodeBytes,
    of: PhantomData<fn() -> T>,
}

/// Where the bytes of code are.
#[derive(Clone)]
enum CodeBytes {
    Own(Box<[u8]>),
    /// A part of the file's bytes.
    OfFile {
        start: u32,
        length: u32,
    },
}

/// A file in encoded form.
#[derive(Clone, Debug, Default)]
pub(crate) struct EncodedFile(Arc<[u8]>);

/// What encoding remembers from one value to the next.
#[derive(Default)]
struct Encoding {
    numbers: FxHashMap<Name, u32>,
    names: Vec<Name>,
    file: Arc<FileCode>,
    /// The line that the next range is relative to.
    line: u32,
    /// Places, and bodies that are more than a value, are left out.
    only_signatures: bool,
}

thread_local! {
    /// Of the file that this thread reads.
    static ENCODING: RefCell<Encoding> = RefCell::default();
    /// What this thread decodes code of, and the line that the next range is relative to.
    static DECODING: RefCell<Option<(Arc<FileCode>, u32)>> = const { RefCell::new(None) };
}

/// Runs what reads one file; the code that it encodes shares one table of names.
pub(crate) fn in_file<T>(read: impl FnOnce() -> T) -> T {
    let outer = ENCODING.replace(Encoding::default());
    let result = read();
    let encoding = ENCODING.replace(outer);
    let _ = encoding.file.names.set(encoding.names.into());
    result
}

/// Decodes what was encoded within one file.
fn decode_in<T: DeserializeOwned>(file: Arc<FileCode>, line: u32, bytes: &[u8]) -> Option<T> {
    let outer = DECODING.replace(Some((file, line)));
    let decoded = postcard::from_bytes(bytes);
    DECODING.set(outer);
    decoded.ok()
}

/// Encodes a value whose code belongs to no other file.
pub(crate) fn encode_part<T: Serialize>(make: impl FnOnce() -> T) -> Arc<[u8]> {
    in_file(|| part(&make())).into()
}

/// Decodes what `encode_part` made. Its code stays in the same bytes.
pub(crate) fn decode_part<T: DeserializeOwned>(bytes: &Arc<[u8]>) -> Option<T> {
    let part = postcard::from_bytes::<Part<'_>>(bytes).ok()?;
    decode_in(Arc::new(FileCode::of(&part, bytes)), 0, part.bytes.0)
}

/// The digest of what code elsewhere can see of items: everything but places, and bodies that are more than a value.
pub(crate) fn signature(items: &[Item]) -> Key {
    let bytes = in_file(|| {
        ENCODING.with_borrow_mut(|encoding| encoding.only_signatures = true);
        part(&items)
    });
    blake3::hash(&bytes).into()
}

/// A value with the names that it uses.
#[derive(Serialize, Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    names: Vec<&'a str>,
    #[serde(borrow)]
    bytes: Bytes<'a>,
}

impl EncodedFile {
    /// Encodes the file that this thread reads.
    pub(crate) fn of(ir: &FileIr) -> EncodedFile {
        let items = part(&ir.items);
        // No name is new from here on, and the signature looks into the code of values.
        ENCODING.with_borrow(|encoding| encoding.file.names.get_or_init(|| encoding.names.clone().into()).len());
        let outline = in_file(|| part(&Outline { signature: signature(&ir.items), ..Outline::of(ir) }));
        let parts = [outline, items];
        EncodedFile(parts.concat().into())
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> EncodedFile {
        EncodedFile(bytes.into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What is known of the file without its items; `None` when the bytes mean nothing.
    pub(crate) fn outline(&self) -> Option<Outline> {
        let (outline, _) = postcard::take_from_bytes::<Part<'_>>(&self.0).ok()?;
        decode_in(Arc::new(FileCode::of(&outline, &Arc::default())), 0, outline.bytes.0)
    }

    /// The items of the file. Bytes that mean nothing are no items.
    pub(crate) fn items(&self) -> Vec<Item> {
        let items = postcard::take_from_bytes::<Part<'_>>(&self.0).ok().and_then(|(_, rest)| {
            let items = postcard::from_bytes::<Part<'_>>(rest).ok()?;
            decode_in(Arc::new(FileCode::of(&items, &self.0)), 0, items.bytes.0)
        });
        debug_assert!(items.is_some(), "what was encoded can be decoded");
        items.unwrap_or_default()
    }
}

fn part<T: Serialize>(value: &T) -> Vec<u8> {
    ENCODING.with_borrow_mut(|encoding| encoding.line = 0);
    let bytes = encoded(value);
    let names = ENCODING.with_borrow(|encoding| encoding.names.iter().map(Name::as_str).collect());
    encoded(&Part { names, bytes: Bytes(&bytes) })
}

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("memory is all that encoding needs")
}

impl FileCode {
    fn of(part: &Part<'_>, bytes: &Arc<[u8]>) -> FileCode {
        let names: Box<[Name]> = part.names.iter().map(|text| Name::new(text)).collect();
        FileCode { names: OnceLock::from(names), bytes: Arc::clone(bytes) }
    }
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
        only_value(self).is_some()
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
        let file = ENCODING.with_borrow_mut(|encoding| {
            encoding.line = range.start.line;
            Arc::clone(&encoding.file)
        });
        let bytes = CodeBytes::Own(encoded(code).into_boxed_slice());
        Code { range, is_value: code.is_value(), file, bytes, of: PhantomData }
    }
}

impl<T: Default + DeserializeOwned> Code<T> {
    /// The code. Bytes that mean nothing are code that does nothing.
    #[must_use]
    pub fn decode(&self) -> T {
        let decoded = decode_in(Arc::clone(&self.file), self.range.start.line, self.bytes());
        debug_assert!(decoded.is_some(), "what was encoded can be decoded");
        decoded.unwrap_or_default()
    }
}

impl Code<Block> {
    /// The value of a block that is nothing but its value.
    pub(crate) fn only_value(&self) -> Option<Expr> {
        self.value_and_scope().map(|(value, _)| value)
    }

    /// The same, with the block scope of the items that the block declares.
    pub(crate) fn value_and_scope(&self) -> Option<(Expr, Option<u32>)> {
        let block = self.is_value.then(|| self.decode())?;
        Some((*block.tail?, block.scope))
    }
}

impl<T> Code<T> {
    fn bytes(&self) -> &[u8] {
        match &self.bytes {
            CodeBytes::Own(bytes) => bytes,
            CodeBytes::OfFile { start, length } => {
                let start = *start as usize;
                self.file.bytes.get(start..start + *length as usize).unwrap_or_default()
            }
        }
    }
}

impl<T> fmt::Debug for Code<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({:?}, {} bytes)", self.range, self.bytes().len())
    }
}

impl<T: Default + DeserializeOwned + Serialize> Serialize for Code<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if ENCODING.with_borrow(|encoding| encoding.only_signatures) {
            return self.is_value.then(|| self.decode()).serialize(serializer);
        }
        (self.range, self.is_value, Bytes(self.bytes())).serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Code<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Code<T>, D::Error> {
        let (range, is_value, Bytes(bytes)) = Deserialize::deserialize(deserializer)?;
        let file = DECODING.with_borrow(|decoding| decoding.as_ref().map(|(file, _)| Arc::clone(file)));
        let file = file.ok_or_else(|| D::Error::custom("no file"))?;
        let bytes = place_in(&file.bytes, bytes).unwrap_or_else(|| CodeBytes::Own(bytes.into()));
        Ok(Code { range, is_value, file, bytes, of: PhantomData })
    }
}

/// Where a part of the file's bytes is.
fn place_in(file: &[u8], part: &[u8]) -> Option<CodeBytes> {
    let start = part.as_ptr().addr().checked_sub(file.as_ptr().addr())?;
    let (start, length) = (u32::try_from(start).ok()?, u32::try_from(part.len()).ok()?);
    (start as usize + part.len() <= file.len()).then_some(CodeBytes::OfFile { start, length })
}

/// Bytes, read and written as one piece.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes<'a>, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Bytes)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = ENCODING.with_borrow_mut(|encoding| {
            let Encoding { numbers, names, .. } = encoding;
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
        let name = DECODING.with_borrow(|decoding| {
            let (file, _) = decoding.as_ref()?;
            file.names.get()?.get(number as usize).copied()
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
        let before = ENCODING.with_borrow_mut(|encoding| {
            let before = std::mem::replace(&mut encoding.line, self.start.line);
            (!encoding.only_signatures).then_some(before)
        });
        let Some(before) = before else { return serializer.serialize_unit() };
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
        let line = DECODING.with_borrow_mut(|decoding| {
            let (_, line) = decoding.as_mut()?;
            *line = line.wrapping_add_signed(relative.lines_down);
            Some(*line)
        });
        let line = line.ok_or_else(|| D::Error::custom("no file"))?;
        let start = LineCol { line, column: relative.column };
        let end = LineCol { line: line.wrapping_add(relative.n_lines), column: relative.end_column };
        Ok(TextRange { start, end })
    }
}
