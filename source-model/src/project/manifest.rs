//! A workspace read from its manifests alone, for where `cargo metadata` fails: members, targets, features.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{DependencyDraft, Draft, Edition, PackageDraft, Target, TargetKind, crate_name};

/// Reads the given manifest, and those of its members.
pub(super) fn read(path: &Path, table: &Table, reason: String) -> Draft {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let workspace = table.get("workspace").and_then(Value::as_table);
    let inherited = workspace.cloned().or_else(|| workspace_above(folder)).unwrap_or_default();
    let first_line = reason.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim();
    let mut draft = Draft {
        root: folder.to_owned(),
        target_directory: None,
        packages: package(path, table, &inherited).into_iter().collect(),
        notes: vec![format!("`cargo metadata` failed, so the manifests were read directly: {first_line}")],
    };
    for member in workspace.map(|workspace| members(folder, workspace)).unwrap_or_default() {
        if member != folder {
            add_member(&mut draft, &member.join("Cargo.toml"), &inherited);
        }
    }
    draft
}

fn add_member(draft: &mut Draft, path: &Path, inherited: &Table) {
    let table = std::fs::read_to_string(path)
        .map_err(|error| error.to_string())
        .and_then(|text| text.parse::<Table>().map_err(|error| error.to_string()));
    match table {
        Ok(table) => draft.packages.extend(package(path, &table, inherited)),
        Err(error) => draft.notes.push(format!("member `{}` is not read: {}", path.display(), error.trim())),
    }
}

/// The `[workspace]` table that a package inherits from; only its inherited values are used.
fn workspace_above(folder: &Path) -> Option<Table> {
    folder.ancestors().skip(1).find_map(|above| {
        let text = std::fs::read_to_string(above.join("Cargo.toml")).ok()?;
        text.parse::<Table>().ok()?.get("workspace")?.as_table().cloned()
    })
}

/// The folders that `members` names, without those of `exclude`.
fn members(root: &Path, workspace: &Table) -> BTreeSet<PathBuf> {
    let excluded: Vec<PathBuf> = strings(workspace.get("exclude")).map(|path| root.join(path)).collect();
    strings(workspace.get("members"))
        .flat_map(|pattern| expand(root, pattern))
        .filter(|path| !excluded.iter().any(|excluded| path.starts_with(excluded)))
        .collect()
}

/// The folders that a pattern like `crates/*` matches; a plain path is itself.
fn expand(root: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    for part in pattern.split('/').filter(|part| !matches!(*part, "" | ".")) {
        found = if part.contains(['*', '?']) {
            let folders = found.iter().flat_map(|folder| folders(folder));
            folders.filter(|path| path.file_name().is_some_and(|name| fits(part, &name.to_string_lossy()))).collect()
        } else if part == ".." {
            found.iter().map(|folder| folder.parent().unwrap_or(folder).to_owned()).collect()
        } else {
            found.iter().map(|folder| folder.join(part)).collect()
        };
    }
    if pattern.contains(['*', '?']) {
        found.retain(|folder| folder.join("Cargo.toml").is_file());
    }
    found
}

/// Whether a name fits a pattern in which `*` stands for anything and `?` for one character.
fn fits(pattern: &str, name: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return name.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    match first {
        '*' => (0..=name.len()).any(|at| name.is_char_boundary(at) && fits(rest, &name[at..])),
        _ => name.chars().next().is_some_and(|c| (first == '?' || c == first) && fits(rest, &name[c.len_utf8()..])),
    }
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_dir()).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

fn package(path: &Path, table: &Table, workspace: &Table) -> Option<PackageDraft> {
    let header = table.get("package")?.as_table()?;
    let name = header.get("name")?.as_str()?.to_owned();
    let folder = path.parent()?;
    let dependencies = dependencies(table, workspace);
    let found = Targets { folder, table, package: &name, edition: edition(header, workspace) };
    Some(PackageDraft {
        features: features(table, &dependencies),
        targets: found.all(header),
        n_build_scripts: usize::from(
            folder.join("build.rs").is_file() || header.get("build").is_some_and(Value::is_str),
        ),
        manifest: path.to_owned(),
        dependencies,
        features_on: BTreeSet::new(),
        name,
    })
}

fn edition(header: &Table, workspace: &Table) -> Edition {
    let inherited = || workspace.get("package")?.get("edition")?.as_str();
    match header.get("edition") {
        Some(Value::String(edition)) => Edition::parse(edition),
        // The newest rules are the likelier ones where the workspace does not say.
        Some(_) => inherited().map_or(Edition::E2021, Edition::parse),
        None => Edition::default(),
    }
}

fn features(table: &Table, dependencies: &[DependencyDraft]) -> BTreeMap<String, Vec<String>> {
    let written = table.get("features").and_then(Value::as_table);
    let mut features: BTreeMap<String, Vec<String>> = written
        .into_iter()
        .flatten()
        .map(|(name, parts)| (name.clone(), strings(Some(parts)).map(str::to_owned).collect()))
        .collect();
    let named: BTreeSet<String> =
        features.values().flatten().filter_map(|part| part.strip_prefix("dep:")).map(str::to_owned).collect();
    for dependency in dependencies.iter().filter(|dependency| dependency.optional) {
        let key = dependency.key();
        if !named.contains(key) {
            features.entry(key.to_owned()).or_insert_with(|| vec![format!("dep:{key}")]);
        }
    }
    features
}

fn dependencies(table: &Table, workspace: &Table) -> Vec<DependencyDraft> {
    let platforms = table.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = std::iter::once(table).chain(platforms.filter_map(|(_, platform)| platform.as_table()));
    let shared = workspace.get("dependencies").and_then(Value::as_table);
    let mut all = Vec::new();
    for table in tables {
        for (section, is_dev) in [("dependencies", false), ("dev-dependencies", true)] {
            let entries = table.get(section).and_then(Value::as_table).into_iter().flatten();
            all.extend(entries.map(|(key, entry)| dependency(key, entry, shared, is_dev)));
        }
    }
    all
}

fn dependency(key: &str, entry: &Value, shared: Option<&Table>, is_dev: bool) -> DependencyDraft {
    let flag = |value: &Value, name: &str| value.get(name).and_then(Value::as_bool);
    let base = flag(entry, "workspace").unwrap_or(false).then(|| shared?.get(key)).flatten();
    let package = base.unwrap_or(entry).get("package").and_then(Value::as_str).unwrap_or(key);
    let sources = base.into_iter().chain([entry]);
    DependencyDraft {
        package: package.to_owned(),
        rename: (package != key).then(|| key.to_owned()),
        is_dev,
        optional: flag(entry, "optional").unwrap_or(false),
        default_features: flag(base.unwrap_or(entry), "default-features").unwrap_or(true),
        features: sources.flat_map(|source| strings(source.get("features"))).map(str::to_owned).collect(),
    }
}

fn strings(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// What the targets of one package are found from.
struct Targets<'a> {
    folder: &'a Path,
    table: &'a Table,
    package: &'a str,
    edition: Edition,
}

impl Targets<'_> {
    fn all(&self, header: &Table) -> Vec<(Target, Vec<String>)> {
        let mut all: Vec<_> = self.library().into_iter().collect();
        let kinds = [
            ("bin", "src/bin", "autobins", TargetKind::Bin),
            ("test", "tests", "autotests", TargetKind::Test),
            ("bench", "benches", "autobenches", TargetKind::Bench),
            ("example", "examples", "autoexamples", TargetKind::Example),
        ];
        for (section, folder, switch, kind) in kinds {
            // In the first edition a list of targets is complete.
            let default = self.edition > Edition::E2015 || !self.table.contains_key(section);
            let discovered = header.get(switch).and_then(Value::as_bool).unwrap_or(default);
            self.of_kind(section, folder, discovered, kind, &mut all);
        }
        all
    }

    fn library(&self) -> Option<(Target, Vec<String>)> {
        let lib = self.table.get("lib").and_then(Value::as_table);
        let field = |name: &str| lib.and_then(|lib| lib.get(name));
        let root = self.folder.join(field("path").and_then(Value::as_str).unwrap_or("src/lib.rs"));
        let is_macro =
            ["proc-macro", "proc_macro"].iter().any(|name| field(name).and_then(Value::as_bool) == Some(true));
        let kind = if is_macro { TargetKind::ProcMacro } else { TargetKind::Lib };
        let name = field("name").and_then(Value::as_str).unwrap_or(self.package);
        root.is_file().then(|| (self.target(name, kind, root), Vec::new()))
    }

    fn target(&self, name: &str, kind: TargetKind, root: PathBuf) -> Target {
        Target { crate_name: crate_name(name), kind, root, edition: self.edition }
    }

    /// The targets that the manifest lists, then those found in the kind's folder.
    fn of_kind(
        &self,
        section: &str,
        folder: &str,
        discovered: bool,
        kind: TargetKind,
        all: &mut Vec<(Target, Vec<String>)>,
    ) {
        for entry in self.table.get(section).and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = entry.get("name").and_then(Value::as_str) else { continue };
            let root = match entry.get("path").and_then(Value::as_str) {
                Some(path) => Some(self.folder.join(path)),
                None => self.default_root(name, folder, kind),
            };
            let required = strings(entry.get("required-features")).map(str::to_owned).collect();
            all.extend(root.map(|root| (self.target(name, kind, root), required)));
        }
        if discovered {
            for (name, root) in self.discover(folder, kind) {
                if !all.iter().any(|(target, _)| target.root == root) {
                    all.push((self.target(&name, kind, root), Vec::new()));
                }
            }
        }
    }

    fn default_root(&self, name: &str, folder: &str, kind: TargetKind) -> Option<PathBuf> {
        let folder = self.folder.join(folder);
        let own = (kind == TargetKind::Bin && name == self.package).then(|| self.folder.join("src/main.rs"));
        let usual = [folder.join(format!("{name}.rs")), folder.join(name).join("main.rs")];
        usual.into_iter().chain(own).find(|path| path.is_file())
    }

    fn discover(&self, folder: &str, kind: TargetKind) -> Vec<(String, PathBuf)> {
        let main = self.folder.join("src/main.rs");
        let mut found = Vec::new();
        if kind == TargetKind::Bin && main.is_file() {
            found.push((self.package.to_owned(), main));
        }
        for path in entries(&self.folder.join(folder)) {
            let root = if path.is_dir() { path.join("main.rs") } else { path.clone() };
            let is_rust = root.extension().is_some_and(|extension| extension == "rs");
            if let Some(name) = path.file_stem().filter(|_| is_rust && root.is_file()) {
                found.push((name.to_string_lossy().into_owned(), root));
            }
        }
        found
    }
}
