//! Names: interned text that is copied, compared and hashed as a number.
//!
//! Interned text lives as long as the process. Numbers differ from run to run: the order of names is that of their text.
//! An own table, because the kept-up interners either reserve megabytes up front or need the table at hand to read a
//! name, and a name here is read wherever text is.

use std::cmp::Ordering;
use std::fmt;
use std::hash::BuildHasher;
use std::ops::Deref;
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// Shards of the table: threads that lower files side by side rarely meet.
const N_SHARDS: usize = 32;
/// Names in the first block; each further block has twice as many as the one before.
const FIRST_BLOCK: u32 = 1 << 10;
/// Blocks: more than there are numbers.
const N_BLOCKS: usize = 23;
/// Text is kept in pieces of this size.
const ARENA_BYTES: usize = 1 << 14;

/// A name in source text, or a path made of names. Equal texts are equal numbers; the order is that of the texts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Name(u32);

/// All names of the process.
struct Names {
    shards: [Mutex<Shard>; N_SHARDS],
    /// The text of each number. A block never moves, so reading takes no lock.
    blocks: [OnceLock<Box<[OnceLock<&'static str>]>>; N_BLOCKS],
    next: Mutex<u32>,
}

/// The names whose hash falls into one part of the table.
#[derive(Default)]
struct Shard {
    numbers: HashTable<u32>,
    /// What is left of the piece that text goes to.
    arena: &'static mut [u8],
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let names = Names {
        shards: std::array::from_fn(|_| Mutex::default()),
        blocks: std::array::from_fn(|_| OnceLock::new()),
        next: Mutex::new(0),
    };
    // The empty name is number 0, which is also the default.
    names.intern("");
    names
});

impl Name {
    /// The name of a text.
    #[must_use]
    pub fn new(text: &str) -> Name {
        Name(NAMES.intern(text))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        NAMES.text(self.0)
    }

    /// The name of a text that is a name already.
    pub(crate) fn find(text: &str) -> Option<Name> {
        NAMES.find(text).map(Name)
    }
}

/// Stands between the name of a variable that a macro binds and the number of the expansion, so that it is no other
/// variable of its name. It can be part of an identifier, and nobody writes it.
pub(crate) const EXPANSION_MARK: char = '\u{b7}';

impl Name {
    /// The name of a variable as it is written.
    pub(crate) fn as_written(self) -> Name {
        self.as_str().split_once(EXPANSION_MARK).map_or(self, |(written, _)| written.into())
    }
}

/// A path of names.
pub(crate) fn joined(names: &[Name]) -> Name {
    match names {
        [only] => *only,
        _ => names.iter().map(Name::as_str).collect::<Vec<_>>().join("::").into(),
    }
}

impl Names {
    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        // The low bits choose the place within the shard's own table.
        &self.shards[(hash >> 48) as usize % N_SHARDS]
    }

    fn find(&self, text: &str) -> Option<u32> {
        let hash = FxBuildHasher.hash_one(text);
        let shard = self.shard(hash).lock().unwrap_or_else(PoisonError::into_inner);
        shard.numbers.find(hash, |number| self.text(*number) == text).copied()
    }

    fn intern(&self, text: &str) -> u32 {
        let hash = FxBuildHasher.hash_one(text);
        let mut shard = self.shard(hash).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shard.numbers.find(hash, |number| self.text(*number) == text) {
            return *known;
        }
        let kept = shard.keep(text);
        let number = self.number(kept);
        shard.numbers.insert_unique(hash, number, |number| FxBuildHasher.hash_one(self.text(*number)));
        number
    }

    /// The next number, which means `text` from here on.
    fn number(&self, text: &'static str) -> u32 {
        let number = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let number = *next;
            *next = number.checked_add(1).expect("fewer than four billion names");
            number
        };
        let (block, at) = place(number);
        let size = (FIRST_BLOCK as usize) << block;
        let block = self.blocks[block].get_or_init(|| std::iter::repeat_with(OnceLock::new).take(size).collect());
        block[at].set(text).expect("a number is given once");
        number
    }

    fn text(&self, number: u32) -> &'static str {
        let (block, at) = place(number);
        self.blocks[block].get().and_then(|block| block[at].get()).expect("a number was given")
    }
}

/// The block of a number, and its place there.
fn place(number: u32) -> (usize, usize) {
    let shifted = u64::from(number) + u64::from(FIRST_BLOCK);
    let block = shifted.ilog2() - FIRST_BLOCK.ilog2();
    let start = u64::from(FIRST_BLOCK) << block;
    (block as usize, usize::try_from(shifted - start).expect("a block fits in memory"))
}

impl Shard {
    /// Keeps a text for as long as the process runs.
    fn keep(&mut self, text: &str) -> &'static str {
        if text.len() > self.arena.len() {
            if text.len() > ARENA_BYTES / 8 {
                return Box::leak(text.to_owned().into_boxed_str());
            }
            self.arena = Box::leak(vec![0; ARENA_BYTES].into_boxed_slice());
        }
        let arena = std::mem::take(&mut self.arena);
        let (own, rest) = arena.split_at_mut(text.len());
        self.arena = rest;
        own.copy_from_slice(text.as_bytes());
        std::str::from_utf8(own).expect("the bytes are those of a text")
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        Name::new(text)
    }
}

impl From<String> for Name {
    fn from(text: String) -> Name {
        Name::new(&text)
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        if self.0 == other.0 { Ordering::Equal } else { self.as_str().cmp(other.as_str()) }
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<Name> for str {
    fn eq(&self, other: &Name) -> bool {
        self == other.as_str()
    }
}

impl PartialEq<Name> for &str {
    fn eq(&self, other: &Name) -> bool {
        *self == other.as_str()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_name() {
        assert_eq!(Name::new("a::b"), Name::from("a::b".to_owned()));
        assert_ne!(Name::new("a::b"), Name::new("a::c"));
        assert_eq!(Name::find("never a name before"), None);
    }

    #[test]
    fn the_default_is_empty() {
        assert_eq!(Name::default(), Name::new(""));
        assert_eq!(Name::default().as_str(), "");
    }

    #[test]
    fn the_order_is_that_of_texts() {
        let mut names = ["order z", "order a", "order m"].map(Name::new);
        names.sort();
        assert_eq!(names.map(|name| name.as_str()), ["order a", "order m", "order z"]);
    }

    #[test]
    fn numbers_fill_one_block_after_the_other() {
        assert_eq!(place(0), (0, 0));
        assert_eq!(place(FIRST_BLOCK - 1), (0, FIRST_BLOCK as usize - 1));
        assert_eq!(place(FIRST_BLOCK), (1, 0));
        assert_eq!(place(3 * FIRST_BLOCK), (2, 0));
        assert!(place(u32::MAX).0 < N_BLOCKS);
    }

    #[test]
    fn threads_agree_on_names() {
        let texts: Vec<String> = (0..5000).map(|n| format!("shared {n} {}", "x".repeat(n))).collect();
        let intern = || texts.iter().map(|text| Name::new(text)).collect::<Vec<_>>();
        let (one, other) = rayon::join(intern, intern);
        assert_eq!(one, other);
        assert!(one.iter().zip(&texts).all(|(name, text)| name == text.as_str()));
    }
}
