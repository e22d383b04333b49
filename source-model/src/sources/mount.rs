//! Following `mod x;` from crate roots: which file each module is in, as the compiler looks for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::cache::{Cache, Key, key_of};
use crate::cfg::CfgSet;
use crate::encoding::EncodedFile;
use crate::ir::{Item, ItemKind, Outline};
use crate::lower::encode_file;
use crate::macros::Macros;
use crate::span::TextRange;

/// Where a file stands in the folders of a module tree.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The file as the module tree names it: symbolic links are not resolved.
    path: PathBuf,
    /// Whether its modules are looked for beside it: a crate root, a `mod.rs`, or a file named by `#[path]`.
    owns_folder: bool,
}

impl Place {
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The folder in which `mod x;` is looked for.
    fn modules(&self) -> PathBuf {
        if self.owns_folder { self.folder().to_owned() } else { self.path.with_extension("") }
    }
}

/// What a crate mounts.
#[derive(Default)]
pub(super) struct Mounted {
    /// The root file; `None` when it could not be read.
    pub(super) root: Option<PathBuf>,
    /// Declaring file, range of the `mod` item, and the module's file.
    pub(super) links: Vec<(PathBuf, TextRange, PathBuf)>,
    /// Where each file stands.
    pub(super) places: HashMap<PathBuf, Place>,
    /// `mod x;` items whose predicate does not hold.
    pub(super) n_cfg_skipped: usize,
}

/// What a file says.
pub(super) struct Parsed {
    pub(super) outline: Outline,
    pub(super) facts: EncodedFile,
    pub(super) key: Key,
    pub(super) is_kept: bool,
}

/// Everything that was read.
pub(super) struct Loaded {
    /// Files by their path with symbolic links resolved.
    pub(super) files: BTreeMap<PathBuf, Parsed>,
    /// What each root mounts, in the order of the roots.
    pub(super) crates: Vec<Mounted>,
    /// Files that could not be read, and why.
    pub(super) unread: Vec<(PathBuf, String)>,
}

/// A file to mount: by which crate, and what names it.
struct Visit {
    krate: usize,
    /// The declaring file and the range of its `mod` item; `None` for a root.
    declared: Option<(PathBuf, TextRange)>,
    place: Place,
}

/// A visit of a file that exists, or why it cannot be found.
type Found = (Visit, std::io::Result<PathBuf>);

/// Loads the roots and all modules below them, on the threads of the current pool.
///
/// Level by level: the files of a level are read side by side and mounted in order. So a file with two places in
/// one crate always has the same one, whichever thread is first.
pub(super) fn load(roots: Vec<(PathBuf, &CfgSet)>, cache: &Cache, macros: &Macros) -> Loaded {
    let mut crates: Vec<Mounted> = roots.iter().map(|_| Mounted::default()).collect();
    let mut files = Files::default();
    let mut level: Vec<Found> = roots.iter().enumerate().map(|(krate, (root, _))| visit_root(krate, root)).collect();
    while !level.is_empty() {
        files.read_level(&level, cache, macros);
        let mut next = Vec::new();
        for (visit, real) in level {
            let krate = visit.krate;
            next.extend(mount(&mut crates[krate], roots[krate].1, &mut files, visit, real));
        }
        level = next.into_par_iter().map(|(krate, from, link)| visit_link(krate, from, link)).collect();
    }
    let parsed = files.parsed.into_iter().filter_map(|(path, parsed)| Some((path, parsed?))).collect();
    Loaded { files: parsed, crates, unread: files.unread }
}

fn visit_root(krate: usize, root: &Path) -> Found {
    let place = Place { path: root.to_owned(), owns_folder: true };
    let real = std::fs::canonicalize(root);
    (Visit { krate, declared: None, place }, real)
}

fn visit_link(krate: usize, declared_in: PathBuf, link: Link) -> Found {
    let found = link.candidates.iter().find(|path| path.symlink_metadata().is_ok());
    let path = found.unwrap_or(&link.candidates[0]).clone();
    let owns_folder = link.is_path_attr || path.file_name().is_some_and(|name| name == "mod.rs");
    let real = std::fs::canonicalize(&path);
    (Visit { krate, declared: Some((declared_in, link.range)), place: Place { path, owns_folder } }, real)
}

/// Mounts a file that was read. The modules to mount next, with their crate and declaring file.
fn mount(
    mounted: &mut Mounted,
    cfg: &CfgSet,
    files: &mut Files,
    visit: Visit,
    real: std::io::Result<PathBuf>,
) -> Vec<(usize, PathBuf, Link)> {
    let Some(real) = files.note(&visit.place.path, real) else { return Vec::new() };
    let Some(Some(parsed)) = files.parsed.get(&real) else { return Vec::new() };
    match visit.declared {
        Some((declared_in, range)) => mounted.links.push((declared_in, range, real.clone())),
        None => mounted.root = Some(real.clone()),
    }
    // Each file is expanded once a crate: this ends cycles of `mod` items and of symbolic links.
    if mounted.places.contains_key(&real) {
        return Vec::new();
    }
    let found = links(&parsed.outline, &visit.place, cfg);
    mounted.n_cfg_skipped += found.n_cfg_skipped;
    mounted.places.insert(real.clone(), visit.place);
    found.links.into_iter().map(|link| (visit.krate, real.clone(), link)).collect()
}

/// The files of all crates, each read once.
#[derive(Default)]
struct Files {
    /// By path with symbolic links resolved; `None` for a file that could not be read.
    parsed: BTreeMap<PathBuf, Option<Parsed>>,
    unread: Vec<(PathBuf, String)>,
}

impl Files {
    fn read_level(&mut self, level: &[Found], cache: &Cache, macros: &Macros) {
        let named: BTreeSet<&PathBuf> = level.iter().filter_map(|(_, real)| real.as_ref().ok()).collect();
        let new: Vec<&PathBuf> = named.into_iter().filter(|path| !self.parsed.contains_key(*path)).collect();
        let read: Vec<_> =
            new.into_par_iter().map(|path| (path.clone(), read_and_parse(path, cache, macros))).collect();
        for (path, parsed) in read {
            let parsed = self.note(&path, parsed);
            self.parsed.insert(path, parsed);
        }
    }

    /// Keeps an error as a fact about the path.
    fn note<T>(&mut self, path: &Path, result: std::io::Result<T>) -> Option<T> {
        result.map_err(|error| self.unread.push((path.to_owned(), reason(&error)))).ok()
    }
}

fn read_and_parse(path: &Path, cache: &Cache, macros: &Macros) -> std::io::Result<Parsed> {
    let bytes = read(path)?;
    let reachable = str::from_utf8(&bytes).map(|text| macros.of_file(path, text)).unwrap_or_default();
    let key =
        if cache.is_on() { key_of("file", &[&bytes, reachable.digest_input().as_bytes()]) } else { Key::default() };
    let known = cache.get(&key).map(EncodedFile::from_bytes);
    if let Some((outline, facts)) = known.and_then(|facts| Some((facts.outline()?, facts))) {
        return Ok(Parsed { outline, facts, key, is_kept: true });
    }
    let facts = encode_file(&text_of(bytes)?, reachable);
    let outline = facts.outline().unwrap_or_default();
    Ok(Parsed { outline, facts, key, is_kept: false })
}

pub(super) fn read_text(path: &Path) -> std::io::Result<String> {
    text_of(read(path)?)
}

fn text_of(bytes: Vec<u8>) -> std::io::Result<String> {
    String::from_utf8(bytes).map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    // A pipe or device would block or never end.
    if !path.metadata()?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    std::fs::read(path)
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::InvalidData => "not valid UTF-8".to_owned(),
        _ => error.to_string().to_lowercase(),
    }
}

/// A `mod x;` item and where its file may be, first choice first.
pub(super) struct Link {
    pub(super) range: TextRange,
    pub(super) candidates: Vec<PathBuf>,
    is_path_attr: bool,
}

/// The `mod x;` items of one file.
#[derive(Default)]
pub(super) struct Links {
    pub(super) links: Vec<Link>,
    pub(super) n_cfg_skipped: usize,
}

/// Finds the `mod x;` items of a file that are on.
pub(super) fn links(outline: &Outline, place: &Place, cfg: &CfgSet) -> Links {
    let mut found = Links::default();
    if outline.cfg.as_ref().is_none_or(|predicate| cfg.matches(predicate)) {
        let search = Search { cfg, for_paths: place.folder().to_owned(), for_names: place.modules() };
        search.items(&outline.modules, &mut found);
    }
    found
}

/// Where the modules of one module are looked for.
struct Search<'a> {
    cfg: &'a CfgSet,
    /// `#[path = ".."]` is relative to this folder.
    for_paths: PathBuf,
    /// `mod x;` is `x.rs` or `x/mod.rs` in this folder.
    for_names: PathBuf,
}

impl Search<'_> {
    fn items(&self, items: &[Item], found: &mut Links) {
        for item in items {
            match &item.kind {
                ItemKind::Module { items, path } => self.module(item, items.as_deref(), path.as_deref(), found),
                ItemKind::BlockScope { items, .. } => self.items(items, found),
                _ => {}
            }
        }
    }

    fn module(&self, item: &Item, inline: Option<&[Item]>, path: Option<&str>, found: &mut Links) {
        let is_on = item.cfg.as_ref().is_none_or(|predicate| self.cfg.matches(predicate));
        match inline {
            _ if !is_on => found.n_cfg_skipped += usize::from(inline.is_none()),
            Some(items) => self.inline(&item.name, path).items(items, found),
            None => found.links.push(self.link(item, path)),
        }
    }

    /// Within an inline module both kinds of names are relative to its own folder.
    fn inline(&self, name: &str, path: Option<&str>) -> Search<'_> {
        let folder = match path {
            Some(path) => self.for_paths.join(path),
            None => self.for_names.join(name),
        };
        Search { cfg: self.cfg, for_paths: folder.clone(), for_names: folder }
    }

    fn link(&self, item: &Item, path: Option<&str>) -> Link {
        let candidates = match path {
            Some(path) => vec![self.for_paths.join(path)],
            None => vec![
                self.for_names.join(format!("{}.rs", item.name)),
                self.for_names.join(item.name.as_str()).join("mod.rs"),
            ],
        };
        Link { range: item.range, candidates, is_path_attr: path.is_some() }
    }
}
