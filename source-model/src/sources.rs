//! All files of a workspace, parsed once each, and how every crate mounts them as modules.

mod edited;
mod memory;
mod mount;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use crate::cache::{Cache, Key, key_of};
use crate::cfg::CfgSet;
use crate::encoding::EncodedFile;
use crate::ir::{Item, Name, Outline};
use crate::macros::Macros;
use crate::models::UserModel;
use crate::project::{Edition, LoadError, LoadOptions, Project, TargetKind, discover};
use crate::span::{FileId, TextRange};

use mount::{Loaded, Place};

/// Stack of the threads that parse: nested code is parsed and lowered by recursion.
const STACK_BYTES: usize = 64 << 20;

/// The files of a workspace and its crates.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The workspace.
    pub project: Arc<Project>,
    /// Every file that a crate mounts, sorted by path; `FileId` is the position.
    pub files: Vec<SourceFile>,
    /// The crates, in the order of packages and targets.
    pub crates: Vec<CrateSource>,
    /// Files that are named by a target or `mod` item and could not be read, sorted by path.
    pub unread: Vec<Unread>,
    /// `.rs` files below the packages' `src` folders that no crate mounts.
    pub n_unreached_files: usize,
    /// `mod x;` items whose predicate does not hold.
    pub n_cfg_skipped_modules: usize,
    /// Models that the user wrote.
    pub(crate) models: Arc<[UserModel]>,
    /// What earlier runs have kept.
    cache: Arc<Cache>,
    /// The macros that its files define.
    macros: Arc<Macros>,
}

/// A file.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Relative to the workspace root, with `/`; may start with `../`.
    pub path: String,
    /// The file on disk, symbolic links resolved.
    pub absolute: PathBuf,
    /// Its text, once someone has asked for it. Findings are few, and so are the files that they quote.
    text: OnceLock<Arc<str>>,
    /// What is known of it without its items.
    pub outline: Outline,
    /// What it says.
    facts: EncodedFile,
    /// What that was derived from.
    key: Key,
    /// Whether an earlier run has derived it.
    pub is_kept: bool,
}

/// A crate: a target with the files that its modules are in.
#[derive(Clone, Debug)]
pub struct CrateSource {
    /// Its crate name.
    pub name: Name,
    /// Position of its package in the project.
    pub package: usize,
    /// What it is.
    pub kind: TargetKind,
    /// Its edition.
    pub edition: Edition,
    /// The options that are on for it.
    pub cfg: CfgSet,
    /// Its root file.
    pub root: FileId,
    /// The file of each `mod x;` item, by the item's file and range.
    pub module_files: HashMap<(FileId, TextRange), FileId>,
    /// Where each file stands in the crate's module tree; decides where its own modules are looked for.
    places: HashMap<FileId, Place>,
}

/// A file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// Relative to the workspace root, as in [`SourceFile::path`].
    pub path: String,
    /// Why, as a lower-case fragment.
    pub reason: String,
}

impl SourceFile {
    /// Its text, read again from disk unless it was given in memory.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.get_or_init(|| mount::read_text(&self.absolute).unwrap_or_default().into())
    }

    /// Its items, decoded for as long as the caller keeps them.
    pub(crate) fn items(&self) -> Vec<Item> {
        self.facts.items()
    }
}

impl Sources {
    /// Finds the workspace and loads every file of its crates.
    pub fn load(options: &LoadOptions) -> Result<Sources, LoadError> {
        Ok(Sources::of_project(discover(options)?, options))
    }

    /// Loads every file of a known workspace's crates.
    #[must_use]
    pub fn of_project(project: Project, options: &LoadOptions) -> Sources {
        let cfgs: Vec<CfgSet> = project.packages.iter().map(|package| cfg_of(&package.features, options)).collect();
        let targets: Vec<_> = project
            .packages
            .iter()
            .enumerate()
            .flat_map(|(position, package)| package.targets.iter().map(move |target| (position, target)))
            .collect();
        let roots = targets.iter().map(|(package, target)| (target.root.clone(), &cfgs[*package])).collect();
        let cache = if options.use_cache { Cache::open(&project.target_directory) } else { Cache::none() };
        let (macros, loaded) = in_pool(|| {
            let macros = Macros::of(&project);
            let loaded = mount::load(roots, &cache, &macros);
            (macros, loaded)
        });
        Sources { cache: Arc::new(cache), macros: Arc::new(macros), ..assemble(&project, &targets, &cfgs, loaded) }
    }

    /// These sources, analysed with models that the user wrote.
    #[must_use]
    pub fn with_models(self, models: Vec<UserModel>) -> Sources {
        Sources { models: models.into(), ..self }
    }

    /// Of each file with expanded macros: the files that their definitions are in.
    pub(crate) fn origins(&self) -> FxHashMap<FileId, Vec<Option<FileId>>> {
        let with_origins = || (0..).map(FileId).zip(&self.files).filter(|(_, file)| !file.outline.origins.is_empty());
        let is_needed = with_origins().any(|(_, file)| file.outline.origins.iter().any(Option::is_some));
        let named = if is_needed { self.files.as_slice() } else { &[] };
        let ids: HashMap<&Path, FileId> =
            named.iter().enumerate().map(|(position, file)| (file.absolute.as_path(), file_id(position))).collect();
        let of_file = |(own, file): (FileId, &SourceFile)| {
            let origins = file.outline.origins.iter();
            let files = origins.map(|path| path.as_ref().map_or(Some(own), |path| ids.get(Path::new(path)).copied()));
            (own, files.collect())
        };
        with_origins().map(of_file).collect()
    }

    /// A file by its id.
    #[must_use]
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// Keeps what was derived of the files for later runs. What the user should know about the cache.
    pub(crate) fn keep(&self, built: &[(Key, Arc<[u8]>)]) -> Vec<String> {
        let files = self.files.iter().map(|file| (file.key, file.facts.bytes()));
        let built = built.iter().map(|(key, bytes)| (*key, &**bytes));
        self.cache.keep(&files.chain(built).collect::<Vec<_>>())
    }

    /// What was kept under a key.
    pub(crate) fn kept(&self, key: &Key) -> Option<Vec<u8>> {
        self.cache.get(key)
    }

    /// The digest of all that code sees of other files, and of how the files are put together; `None` without a cache.
    pub(crate) fn digest(&self) -> Option<Key> {
        if !self.cache.is_on() {
            return None;
        }
        let mut whole = format!("{:?}", (&self.project.packages, &self.project.locked, &self.models));
        for source in &self.crates {
            let mut links: Vec<_> = source.module_files.iter().collect();
            links.sort_unstable();
            let links: Vec<_> = links.into_iter().map(|((from, _), to)| (from, to)).collect();
            let CrateSource { name, package, kind, edition, cfg, root, .. } = source;
            whole += &format!("{:?}", (name, package, kind, edition, cfg, root, links));
        }
        let signatures: Vec<u8> = self.files.iter().flat_map(|file| file.outline.signature).collect();
        let paths: Vec<&str> = self.files.iter().map(|file| file.path.as_str()).collect();
        Some(key_of("index", &[whole.as_bytes(), paths.join("\n").as_bytes(), &signatures]))
    }

    /// What the lowered functions of a file are derived from.
    pub(crate) fn built_key(&self, digest: Key, file: FileId) -> Key {
        key_of("built", &[&digest, &self.file(file).key, &file.0.to_le_bytes()])
    }

    /// The id of a file by its path relative to the workspace root.
    #[must_use]
    pub fn file_id(&self, path: &str) -> Option<FileId> {
        let position = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        Some(file_id(position))
    }
}

fn cfg_of(features: &BTreeSet<String>, options: &LoadOptions) -> CfgSet {
    let with_features = features.iter().fold(CfgSet::host(), |cfg, feature| cfg.with_feature(feature));
    let given = options.cfgs.iter().fold(with_features, |cfg, flag| cfg.with_flag(flag));
    if options.all_targets { given.with_flag("test") } else { given }
}

fn file_id(position: usize) -> FileId {
    FileId(u32::try_from(position).expect("fewer than four billion files"))
}

/// Runs `work` on a pool whose threads have the stack that recursion over nested code needs.
pub(crate) fn in_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    static POOL: OnceLock<Option<rayon::ThreadPool>> = OnceLock::new();
    let build = || rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build().ok();
    match POOL.get_or_init(build) {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

type Targets<'a> = [(usize, &'a crate::project::Target)];

/// Gives files their ids and crates their links.
fn assemble(project: &Project, targets: &Targets<'_>, cfgs: &[CfgSet], loaded: Loaded) -> Sources {
    let mut files: Vec<SourceFile> = loaded
        .files
        .into_iter()
        .map(|(absolute, parsed)| SourceFile {
            path: relative(&project.root, &absolute),
            absolute,
            text: OnceLock::new(),
            outline: parsed.outline,
            facts: parsed.facts,
            key: parsed.key,
            is_kept: parsed.is_kept,
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let ids: HashMap<PathBuf, FileId> =
        files.iter().enumerate().map(|(position, file)| (file.absolute.clone(), file_id(position))).collect();
    let mut crates = Vec::new();
    let mut n_cfg_skipped_modules = 0;
    for ((package, target), mounted) in targets.iter().zip(loaded.crates) {
        let Some(root) = mounted.root.and_then(|root| ids.get(&root)) else { continue };
        n_cfg_skipped_modules += mounted.n_cfg_skipped;
        let links = mounted.links.into_iter().map(|(file, range, to)| ((ids[&file], range), ids[&to]));
        let places = mounted.places.into_iter().map(|(file, place)| (ids[&file], place));
        crates.push(CrateSource {
            name: target.crate_name.clone(),
            package: *package,
            kind: target.kind,
            edition: target.edition,
            cfg: cfgs[*package].clone(),
            root: *root,
            module_files: links.collect(),
            places: places.collect(),
        });
    }
    let unread: BTreeSet<Unread> = loaded
        .unread
        .into_iter()
        .map(|(path, reason)| Unread { path: relative(&project.root, &path), reason })
        .collect();
    Sources {
        models: Arc::default(),
        n_unreached_files: n_unreached(project, &ids),
        project: Arc::new(project.clone()),
        files,
        crates,
        unread: unread.into_iter().collect(),
        n_cfg_skipped_modules,
        cache: Arc::default(),
        macros: Arc::default(),
    }
}

/// A path relative to the root, with `/` on every system.
fn relative(root: &Path, path: &Path) -> String {
    let shared = root.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = root.components().skip(shared).map(|_| "..".to_owned());
    let down = path.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

fn n_unreached(project: &Project, ids: &HashMap<PathBuf, FileId>) -> usize {
    let folders: BTreeSet<PathBuf> = project
        .packages
        .iter()
        .filter_map(|package| std::fs::canonicalize(package.manifest.parent()?.join("src")).ok())
        .collect();
    let mut found = BTreeSet::new();
    for folder in folders {
        collect_rust_files(folder, &mut found);
    }
    found.iter().filter(|path| !ids.contains_key(*path)).count()
}

/// Symbolic links are not followed, so the walk ends.
pub(crate) fn collect_rust_files(folder: PathBuf, found: &mut BTreeSet<PathBuf>) {
    let mut pending = vec![folder];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() {
                pending.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::tests::Tree;

    const MANIFEST: &str = "//- Cargo.toml\n[package]\nname = \"a\"\nedition = \"2021\"\n";

    fn load(tree: &Tree) -> Sources {
        Sources::load(&tree.options()).unwrap()
    }

    /// One line a link: `declaring file:line -> file`, for all crates, then `? path: reason` for what is unread.
    fn summary(sources: &Sources) -> String {
        let mut lines = BTreeSet::new();
        for source in &sources.crates {
            let links: BTreeSet<_> = source.module_files.iter().collect();
            for ((from, range), to) in links {
                let path = |id: &FileId| sources.file(*id).path.as_str();
                lines.insert(format!("{}:{} -> {}\n", path(from), range.start.line, path(to)));
            }
        }
        lines.extend(sources.unread.iter().map(|unread| format!("? {}: {}\n", unread.path, unread.reason)));
        lines.into_iter().collect()
    }

    fn check(drawn: &str, expected: &str) -> Sources {
        let tree = Tree::new(&format!("{MANIFEST}{drawn}"));
        let sources = load(&tree);
        assert_eq!(summary(&sources), expected);
        sources
    }

    #[test]
    fn modules_are_beside_a_root_and_below_other_files() {
        check(
            "//- src/lib.rs\nmod x;\nmod y;\n//- src/x.rs\nmod z;\n//- src/x/z.rs\n//- src/y/mod.rs\nmod w;\n//- src/y/w.rs\n",
            "src/lib.rs:1 -> src/x.rs\nsrc/lib.rs:2 -> src/y/mod.rs\nsrc/x.rs:1 -> src/x/z.rs\nsrc/y/mod.rs:1 -> src/y/w.rs\n",
        );
    }

    #[test]
    fn inline_modules_are_folders() {
        check(
            "//- src/lib.rs\nmod x;\nmod i {\n mod k;\n}\n//- src/i/k.rs\n//- src/x.rs\nmod j {\n mod k;\n}\n//- src/x/j/k.rs\n",
            "src/lib.rs:1 -> src/x.rs\nsrc/lib.rs:3 -> src/i/k.rs\nsrc/x.rs:2 -> src/x/j/k.rs\n",
        );
    }

    #[test]
    fn paths_are_relative_to_the_file_and_own_their_folder() {
        check(
            "//- src/lib.rs\nmod x;\n//- src/x.rs\n#[path = \"y/p.rs\"]\nmod p;\nmod i {\n #[path = \"q.rs\"]\n mod q;\n}\n\
             //- src/y/p.rs\nmod z;\n//- src/y/z.rs\n//- src/x/i/q.rs\n",
            "src/lib.rs:1 -> src/x.rs\nsrc/x.rs:1 -> src/y/p.rs\nsrc/x.rs:4 -> src/x/i/q.rs\nsrc/y/p.rs:1 -> src/y/z.rs\n",
        );
    }

    #[test]
    fn raw_names_lose_their_prefix() {
        check("//- src/lib.rs\nmod r#async;\n//- src/async.rs\n", "src/lib.rs:1 -> src/async.rs\n");
    }

    #[test]
    fn modules_that_are_off_are_not_followed() {
        let sources = check(
            "//- src/lib.rs\n#[cfg(loom)]\nmod x;\n#[cfg(not(loom))]\nmod y;\n#[cfg(test)]\nmod z;\n//- src/x.rs\n//- src/y.rs\n",
            "src/lib.rs:3 -> src/y.rs\n",
        );
        assert_eq!((sources.n_cfg_skipped_modules, sources.n_unreached_files), (2, 1));
    }

    #[test]
    fn modules_of_a_function_body_are_followed() {
        check(
            "//- src/lib.rs\nfn f() {\n #[path = \"x.rs\"]\n mod x;\n}\n//- src/x.rs\n",
            "src/lib.rs:2 -> src/x.rs\n",
        );
    }

    #[test]
    fn what_cannot_be_read_is_a_fact() {
        let tree = Tree::new(&format!(
            "{MANIFEST}//- src/lib.rs\nmod bytes;\nmod folder;\nmod gone;\nmod looped;\n//- src/folder.rs/keep\n"
        ));
        std::fs::write(tree.0.join("src/bytes.rs"), b"\xff\xfe").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("looped.rs", tree.0.join("src/looped.rs")).unwrap();
        let unread = summary(&load(&tree));
        assert!(unread.contains("? src/bytes.rs: not valid UTF-8\n"), "{unread}");
        assert!(unread.contains("? src/folder.rs: not a regular file\n"), "{unread}");
        assert!(unread.contains("? src/gone.rs: no such file\n"), "{unread}");
        assert!(unread.contains("? src/looped.rs: "), "{unread}");
        assert!(!unread.contains("->"), "{unread}");
    }

    #[test]
    fn cycles_end() {
        check(
            "//- src/lib.rs\nmod x;\n//- src/x.rs\n#[path = \"lib.rs\"]\nmod again;\n#[path = \"x.rs\"]\nmod me;\n",
            "src/lib.rs:1 -> src/x.rs\nsrc/x.rs:1 -> src/lib.rs\nsrc/x.rs:3 -> src/x.rs\n",
        );
    }

    #[test]
    fn a_file_mounted_twice_is_expanded_as_its_first_mention_says() {
        let drawn =
            "//- src/lib.rs\nmod a;\n#[path = \"a.rs\"]\nmod b;\n//- src/a.rs\nmod c;\n//- src/a/c.rs\n//- src/c.rs\n";
        let tree = Tree::new(&format!("{MANIFEST}{drawn}"));
        let project = discover(&tree.options()).unwrap();
        // Often: the order in which threads come by differs from run to run.
        for _ in 0..200 {
            let expected = "src/a.rs:1 -> src/a/c.rs\nsrc/lib.rs:1 -> src/a.rs\nsrc/lib.rs:2 -> src/a.rs\n";
            assert_eq!(summary(&Sources::of_project(project.clone(), &tree.options())), expected);
        }
    }

    #[test]
    fn a_file_that_two_crates_mount_is_parsed_once() {
        let sources = check(
            "//- src/lib.rs\nmod x;\n//- src/main.rs\nmod x;\nfn main() {}\n//- src/x.rs\n",
            "src/lib.rs:1 -> src/x.rs\nsrc/main.rs:1 -> src/x.rs\n",
        );
        let paths: Vec<_> = sources.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["src/lib.rs", "src/main.rs", "src/x.rs"]);
        assert_eq!(sources.crates.len(), 2);
    }

    #[test]
    fn an_edited_text_keeps_its_modules() {
        let tree = Tree::new(&format!("{MANIFEST}//- src/lib.rs\nmod x;\n//- src/x.rs\nmod z;\n//- src/x/z.rs\n"));
        let sources = load(&tree);
        let lib = sources.file_id("src/lib.rs").unwrap();
        let edited = sources.with_text(lib, "fn new() {}\n\nmod x;\n".to_owned());
        assert_eq!(summary(&edited), "src/lib.rs:3 -> src/x.rs\nsrc/x.rs:1 -> src/x/z.rs\n");
        assert_eq!(edited.file(lib).items().len(), 2);
        assert_eq!(summary(&sources), "src/lib.rs:1 -> src/x.rs\nsrc/x.rs:1 -> src/x/z.rs\n");
    }
}
