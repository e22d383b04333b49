//! The cache: what earlier runs derived, by digest of what it was derived from, in one pack below the target directory.
//!
//! A pack is written beside and renamed, so a reader meets an old or a new one, never half of one. Whatever is wrong
//! with a pack, the run goes on without it and says so.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// What an entry was derived from.
pub(crate) type Key = [u8; 32];

/// The first bytes of a pack.
const MAGIC: &[u8; 16] = b"interlock facts\n";
/// Raised when the form of a pack or of an entry changes.
const FORMAT: u32 = 1;
/// Magic, tool, length of the table, digest of the table.
const HEADER_BYTES: usize = 16 + 32 + 8 + 32;

/// What earlier runs have kept, and where this one keeps its own.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    path: Option<PathBuf>,
    pack: Option<Pack>,
    /// Why there is no pack although there is a file.
    note: Option<String>,
    found_damage: AtomicBool,
}

/// An open pack.
#[derive(Debug)]
struct Pack {
    file: Mutex<File>,
    entries: FxHashMap<Key, Place>,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u64,
    length: u32,
    digest: Key,
}

/// An entry in the table; entries stand behind the table in its order.
#[derive(Serialize, Deserialize)]
struct Row {
    key: Key,
    length: u32,
    digest: Key,
}

/// The digest of a text, and of everything else that decides what is derived from it.
pub(crate) fn key_of(kind: &str, parts: &[&[u8]]) -> Key {
    let mut hasher = blake3::Hasher::new_keyed(&tool());
    hasher.update(kind.as_bytes());
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The identity of this tool: other sources may derive other facts.
fn tool() -> Key {
    let identity = format!("{FORMAT} {} {}", env!("CARGO_PKG_VERSION"), env!("INTERLOCK_SOURCE_DIGEST"));
    blake3::hash(identity.as_bytes()).into()
}

impl Cache {
    /// No cache: nothing is read or written.
    pub(crate) fn none() -> Cache {
        Cache::default()
    }

    /// The cache of the workspace with this target directory.
    pub(crate) fn open(target_directory: &Path) -> Cache {
        let path = target_directory.join("interlock").join("facts.pack");
        let (pack, note) = match Pack::open(&path) {
            Ok(pack) => (pack, None),
            Err(reason) => (None, Some(format!("the cache `{}` is not used: {reason}", path.display()))),
        };
        Cache { path: Some(path), pack, note, found_damage: AtomicBool::new(false) }
    }

    /// Whether entries are kept at all.
    pub(crate) fn is_on(&self) -> bool {
        self.path.is_some()
    }

    /// What was kept under a key.
    pub(crate) fn get(&self, key: &Key) -> Option<Vec<u8>> {
        let pack = self.pack.as_ref()?;
        let place = pack.entries.get(key)?;
        let entry = pack.read(place);
        if entry.is_none() {
            self.found_damage.store(true, Ordering::Relaxed);
        }
        entry
    }

    /// Keeps the entries of this run, and drops all others, if there is a new one among them. What the user should know.
    pub(crate) fn keep(&self, entries: &[(Key, &[u8])]) -> Vec<String> {
        let mut notes: Vec<String> = self.note.iter().cloned().collect();
        let Some(path) = &self.path else { return notes };
        // Relaxed: the threads that set it have been joined.
        let is_damaged = self.found_damage.load(Ordering::Relaxed);
        if is_damaged {
            notes.push(format!("damaged entries of the cache `{}` are not used", path.display()));
        }
        let is_known = |key: &Key| self.pack.as_ref().is_some_and(|pack| pack.entries.contains_key(key));
        if (is_damaged || !entries.iter().all(|(key, _)| is_known(key)))
            && let Err(error) = write_pack(path, entries)
        {
            notes.push(format!("the cache `{}` is not written: {error}", path.display()));
        }
        notes
    }
}

impl Pack {
    /// Opens a pack; `None` where there is none, an error for a file that is none of ours.
    fn open(path: &Path) -> Result<Option<Pack>, String> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        if !metadata.is_file() {
            return Err("it is not a file".to_owned());
        }
        let mut header = [0; HEADER_BYTES];
        file.read_exact(&mut header).map_err(|_| "it is too short".to_owned())?;
        let (magic, rest) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err("it is no pack of facts".to_owned());
        }
        let (made_by, rest) = rest.split_at(32);
        // Another version of the tool wrote it: nothing is wrong, and nothing of it fits.
        if made_by != tool() {
            return Ok(None);
        }
        let (table_bytes, digest) = rest.split_at(8);
        let table_bytes = u64::from_le_bytes(table_bytes.try_into().expect("eight bytes"));
        let rows = read_table(&mut file, table_bytes, digest, metadata.len()).ok_or("its table is damaged")?;
        let mut start = HEADER_BYTES as u64 + table_bytes;
        let mut entries = FxHashMap::default();
        for Row { key, length, digest } in rows {
            entries.insert(key, Place { start, length, digest });
            start += u64::from(length);
        }
        if start != metadata.len() {
            return Err("its length is not what its table says".to_owned());
        }
        Ok(Some(Pack { file: Mutex::new(file), entries }))
    }

    /// The bytes of an entry, if they are those that were written.
    fn read(&self, place: &Place) -> Option<Vec<u8>> {
        let mut bytes = vec![0; place.length as usize];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(place.start)).ok()?;
            file.read_exact(&mut bytes).ok()?;
        }
        (*blake3::hash(&bytes).as_bytes() == place.digest).then_some(bytes)
    }
}

fn read_table(file: &mut File, table_bytes: u64, digest: &[u8], file_bytes: u64) -> Option<Vec<Row>> {
    // Before memory is asked for: a damaged length may be any number.
    if table_bytes > file_bytes {
        return None;
    }
    let mut table = vec![0; usize::try_from(table_bytes).ok()?];
    file.read_exact(&mut table).ok()?;
    if blake3::hash(&table).as_bytes() != digest {
        return None;
    }
    postcard::from_bytes(&table).ok()
}

/// Writes a pack beside its place and renames it.
fn write_pack(path: &Path, entries: &[(Key, &[u8])]) -> std::io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    // Relaxed: the number only has to differ from the others of this process.
    let unique = format!("pack.{}.{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let beside = path.with_extension(unique);
    let written = write_entries(&beside, entries).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // What remains is of no use to anyone, and that it cannot be removed changes nothing.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

fn write_entries(path: &Path, entries: &[(Key, &[u8])]) -> std::io::Result<()> {
    let rows: Vec<Row> = entries
        .iter()
        .map(|(key, bytes)| Row { key: *key, length: length_of(bytes), digest: blake3::hash(bytes).into() })
        .collect();
    let table = postcard::to_stdvec(&rows).map_err(std::io::Error::other)?;
    let mut file = BufWriter::new(File::options().write(true).create_new(true).open(path)?);
    file.write_all(MAGIC)?;
    file.write_all(&tool())?;
    file.write_all(&(table.len() as u64).to_le_bytes())?;
    file.write_all(blake3::hash(&table).as_bytes())?;
    file.write_all(&table)?;
    for (_, bytes) in entries {
        file.write_all(bytes)?;
    }
    file.flush()
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("an entry is smaller than four gigabytes")
}
