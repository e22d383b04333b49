//! Following `mod x;` from crate roots: which file each module is in, as the compiler looks for it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::cfg::CfgSet;
use crate::ir::{FileIr, Item, ItemKind};
use crate::lower::parse_file;
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

/// A file's text and what it says.
pub(super) type Parsed = (Arc<str>, Arc<FileIr>);

/// Everything that was read.
pub(super) struct Loaded {
    /// Files by their path with symbolic links resolved.
    pub(super) files: BTreeMap<PathBuf, Parsed>,
    /// What each root mounts, in the order of the roots.
    pub(super) crates: Vec<Mounted>,
    /// Files that could not be read, and why.
    pub(super) unread: Vec<(PathBuf, String)>,
}

/// Loads the roots and all modules below them, on the threads of the current pool.
pub(super) fn load(roots: Vec<(PathBuf, &CfgSet)>) -> Loaded {
    let loader = Loader::default();
    let crates: Vec<CrateLoad<'_>> =
        roots.iter().map(|(_, cfg)| CrateLoad { cfg, mounted: Mutex::default() }).collect();
    rayon::scope(|scope| {
        for ((root, _), load) in roots.iter().zip(&crates) {
            let loader = &loader;
            scope.spawn(move |scope| {
                let place = Place { path: root.clone(), owns_folder: true };
                let root = loader.mount(load, place, scope);
                lock(&load.mounted).root = root;
            });
        }
    });
    let parsed = loader.parsed.into_inner().unwrap_or_else(PoisonError::into_inner);
    Loaded {
        files: parsed.into_iter().filter_map(|(path, cell)| Some((path, cell.get()?.clone()?))).collect(),
        crates: crates
            .into_iter()
            .map(|load| load.mounted.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect(),
        unread: loader.unread.into_inner().unwrap_or_else(PoisonError::into_inner),
    }
}

struct CrateLoad<'a> {
    cfg: &'a CfgSet,
    mounted: Mutex<Mounted>,
}

/// A file that several crates mount is parsed by the first and awaited by the others.
type Cell = Arc<OnceLock<Option<Parsed>>>;

/// Shared by all crates. Its locks are held for one insertion each, never while a file is read or parsed.
#[derive(Default)]
struct Loader {
    parsed: Mutex<HashMap<PathBuf, Cell>>,
    unread: Mutex<Vec<(PathBuf, String)>>,
}

/// A poisoned lock means that a thread panicked, which the pool reports; the data is whole all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Loader {
    /// Mounts a file and spawns the mounting of its modules. The file with symbolic links resolved.
    fn mount<'s>(&'s self, load: &'s CrateLoad<'s>, place: Place, scope: &rayon::Scope<'s>) -> Option<PathBuf> {
        let real = self.note(&place.path, std::fs::canonicalize(&place.path))?;
        let (_, ir) = self.parsed(&real)?;
        {
            let mut mounted = lock(&load.mounted);
            // Each file is expanded once a crate: this ends cycles of `mod` items and of symbolic links.
            if mounted.places.contains_key(&real) {
                return Some(real);
            }
            mounted.places.insert(real.clone(), place.clone());
        }
        let found = links(&ir, &place, load.cfg);
        lock(&load.mounted).n_cfg_skipped += found.n_cfg_skipped;
        for link in found.links {
            let real = real.clone();
            scope.spawn(move |scope| self.follow(load, &real, link, scope));
        }
        Some(real)
    }

    fn follow<'s>(&'s self, load: &'s CrateLoad<'s>, declared_in: &Path, link: Link, scope: &rayon::Scope<'s>) {
        let found = link.candidates.iter().find(|path| path.symlink_metadata().is_ok());
        let Some(path) = found.or(link.candidates.first()) else { return };
        let owns_folder = link.is_path_attr || path.file_name().is_some_and(|name| name == "mod.rs");
        let place = Place { path: path.clone(), owns_folder };
        if let Some(to) = self.mount(load, place, scope) {
            lock(&load.mounted).links.push((declared_in.to_owned(), link.range, to));
        }
    }

    fn parsed(&self, real: &Path) -> Option<Parsed> {
        let cell = Arc::clone(lock(&self.parsed).entry(real.to_owned()).or_default());
        cell.get_or_init(|| {
            let text = self.note(real, read(real))?;
            let ir = parse_file(&text);
            Some((text.into(), Arc::new(ir)))
        })
        .clone()
    }

    /// Keeps an error as a fact about the path.
    fn note<T>(&self, path: &Path, result: std::io::Result<T>) -> Option<T> {
        result.map_err(|error| lock(&self.unread).push((path.to_owned(), reason(&error)))).ok()
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    // A pipe or device would block or never end.
    if !path.metadata()?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    std::fs::read_to_string(path)
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
pub(super) fn links(ir: &FileIr, place: &Place, cfg: &CfgSet) -> Links {
    let mut found = Links::default();
    if ir.cfg.as_ref().is_none_or(|predicate| cfg.matches(predicate)) {
        let search = Search { cfg, for_paths: place.folder().to_owned(), for_names: place.modules() };
        search.items(&ir.items, &mut found);
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
            let ItemKind::Module { items, path } = &item.kind else { continue };
            let is_on = item.cfg.as_ref().is_none_or(|predicate| self.cfg.matches(predicate));
            match items {
                _ if !is_on => found.n_cfg_skipped += usize::from(items.is_none()),
                Some(items) => self.inline(&item.name, path.as_deref()).items(items, found),
                None => found.links.push(self.link(item, path.as_deref())),
            }
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
