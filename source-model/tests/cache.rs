//! The cache: a run that uses it finds what a run without it finds, whatever has happened to the pack.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use interlock_source::{LoadOptions, Workspace};

/// A workspace below the temporary directory; removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", "[package]\nname = \"kept\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n"),
    (
        "src/lib.rs",
        "mod store;\nmod broken;\nuse store::Store;\nuse std::sync::Mutex;\n\
         static COUNT: Mutex<u32> = Mutex::new(0);\n\
         fn both(store: &Store) {\n    let count = COUNT.lock().unwrap();\n    store.put(*count);\n    store.rows().lock().unwrap().clear();\n}\n",
    ),
    (
        "src/store.rs",
        "use std::sync::Mutex;\npub struct Store { rows: Mutex<Vec<u32>>, spare: Mutex<Vec<u32>> }\n\
         impl Store {\n    pub fn rows(&self) -> &Mutex<Vec<u32>> { &self.rows }\n\
         pub fn put(&self, row: u32) {\n        // interlock: allow(reentrant-lock) a test\n\
         self.rows().lock().unwrap().push(row);\n    }\n}\n",
    ),
    ("src/broken.rs", "fn fine() {}\nfn broken() -> {}\n"),
];

impl Folder {
    fn new(name: &str) -> Folder {
        let root = std::env::temp_dir().join(format!("interlock-cache-{name}-{}", std::process::id()));
        let folder = Folder(root);
        for (path, text) in FILES {
            folder.write(path, text);
        }
        folder
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn pack(&self) -> PathBuf {
        self.0.join("target/interlock/facts.pack")
    }

    fn run(&self, use_cache: bool) -> Run {
        let manifest_path = Some(self.0.join("Cargo.toml"));
        // The environment may name a folder that other runs share.
        let target_directory = Some(self.0.join("target"));
        let options = LoadOptions { manifest_path, target_directory, use_cache, ..LoadOptions::default() };
        Run(Workspace::load(&options).unwrap())
    }
}

struct Run(Workspace);

impl Run {
    /// All that lints ask for, as text.
    fn facts(&self) -> String {
        let workspace = &self.0;
        let outlines: Vec<_> = workspace.files().iter().map(|file| &file.outline).collect();
        let effects: Vec<_> = workspace
            .bodies()
            .iter()
            .flat_map(|body| body.points.iter().map(|point| workspace.effects(body, point)))
            .collect();
        format!(
            "{:#?}\n{:#?}\n{:#?}\n{outlines:#?}\n{effects:#?}",
            workspace.bodies(),
            workspace.functions(),
            workspace.coverage()
        )
    }

    fn n_kept(&self) -> usize {
        self.0.files().iter().filter(|file| file.is_kept).count()
    }

    fn notes(&self) -> String {
        self.0.cache_notes().join("\n")
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

#[test]
fn a_second_run_parses_nothing_and_finds_the_same() {
    let folder = Folder::new("second");
    let without = folder.run(false);
    let cold = folder.run(true);
    let written = std::fs::read(folder.pack()).unwrap();
    let warm = folder.run(true);
    assert_eq!((cold.n_kept(), warm.n_kept()), (0, 3));
    assert!(cold.facts().contains("rows"), "{}", cold.facts());
    assert_eq!(cold.facts(), without.facts());
    assert_eq!(warm.facts(), without.facts());
    assert_eq!(cold.notes() + &warm.notes(), "");
    assert_eq!(std::fs::read(folder.pack()).unwrap(), written);
}

#[test]
fn an_edit_costs_its_own_file_only() {
    let folder = Folder::new("edit");
    folder.run(true);
    let text = FILES[2].1.replace("push(row)", "push(row + 1);\n        self.rows().lock().unwrap().pop()");
    folder.write("src/store.rs", text);
    let warm = folder.run(true);
    assert_eq!(warm.n_kept(), 2);
    assert_eq!(warm.facts(), folder.run(false).facts());
    assert_eq!(folder.run(true).n_kept(), 3);
}

/// Edits of `src/store.rs` that change what `src/lib.rs` means.
#[test]
fn what_other_files_see_is_judged_anew() {
    let folder = Folder::new("seen");
    let before = folder.run(true).facts();
    let edits = [
        // A line further down: places move, nothing else does.
        ("impl Store", "\n\nimpl Store"),
        // The accessor means another lock.
        ("{ &self.rows }", "{ &self.spare }"),
        ("use std::sync::Mutex", "use tokio::sync::Mutex"),
        ("pub fn put(&self", "pub async fn put(&self"),
        ("pub struct Store", "#[cfg(loom)]\npub struct Other;\npub struct Store"),
        ("impl Store", "impl Drop for Store { fn drop(&mut self) { self.put(0); } }\nimpl Store"),
    ];
    for (from, to) in edits {
        assert!(FILES[2].1.contains(from), "{from}");
        folder.write("src/store.rs", FILES[2].1.replacen(from, to, 1));
        let (warm, without) = (folder.run(true), folder.run(false).facts());
        assert_eq!((warm.n_kept(), warm.facts()), (2, without), "{to}");
        assert_ne!(warm.facts(), before, "{to}");
    }
}

#[test]
fn nothing_but_the_pack_is_written() {
    let folder = Folder::new("written");
    let before = files_below(&folder.0);
    folder.run(false);
    assert_eq!(files_below(&folder.0), before);
    folder.run(true);
    let mut expected = before;
    expected.push(folder.pack());
    expected.sort();
    assert_eq!(files_below(&folder.0), expected);
}

#[test]
fn entries_of_what_is_gone_are_dropped() {
    let folder = Folder::new("stale");
    let long = format!("fn long() {{ {} }}\n", "call(1, 2, 3);".repeat(1000));
    folder.write("src/broken.rs", &long);
    folder.run(true);
    let before = std::fs::metadata(folder.pack()).unwrap().len();
    folder.write("src/lib.rs", FILES[1].1.replace("mod broken;", ""));
    folder.run(true);
    let after = std::fs::metadata(folder.pack()).unwrap().len();
    assert!(after + 2000 < before, "{after} bytes, {before} before");
}

/// Numbers without a pattern; the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

#[test]
fn a_damaged_pack_changes_nothing_but_the_notes() {
    let folder = Folder::new("damage");
    let expected = folder.run(false).facts();
    folder.run(true);
    let pack = std::fs::read(folder.pack()).unwrap();
    let mut numbers = Numbers(7);
    for round in 0..45 {
        let mut damaged = pack.clone();
        let at = numbers.next(pack.len());
        match round % 3 {
            0 => damaged[at] ^= 1 << numbers.next(8),
            1 => damaged.truncate(at),
            _ => damaged.iter_mut().skip(at).take(40).for_each(|byte| *byte = 0xff),
        }
        std::fs::write(folder.pack(), &damaged).unwrap();
        let run = folder.run(true);
        assert_eq!(run.facts(), expected, "round {round}, byte {at}");
        // A pack that seems to be of another version is replaced without a word.
        let in_version = (16..48).contains(&at) && round % 3 != 1;
        assert!(in_version || run.notes().contains("facts.pack"), "round {round}, byte {at}: {}", run.notes());
        // It is whole again.
        let next = folder.run(true);
        assert_eq!((next.n_kept(), next.notes()), (3, String::new()));
    }
}

#[test]
fn a_file_of_another_kind_is_replaced() {
    let folder = Folder::new("foreign");
    folder.write(
        "target/interlock/facts.pack",
        "PK\x03\x04 this is something else, and longer than a header of a pack: ".repeat(9),
    );
    let run = folder.run(true);
    assert!(run.notes().ends_with("facts.pack` is not used: it is no pack of facts"), "{}", run.notes());
    assert_eq!((folder.run(true).n_kept(), run.facts()), (3, folder.run(false).facts()));
}

#[test]
fn a_folder_that_cannot_be_written_is_a_note() {
    let folder = Folder::new("unwritable");
    folder.write("target", "a file where the folder should be");
    let run = folder.run(true);
    assert!(run.notes().contains("is not written"), "{}", run.notes());
    assert_eq!(run.facts(), folder.run(false).facts());
}

#[test]
fn runs_side_by_side_do_not_harm_each_other() {
    let folder = Folder::new("beside");
    let expected = folder.run(false).facts();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (folder, expected) = (&folder, &expected);
            scope.spawn(move || {
                for round in 0..8 {
                    if (round + thread) % 3 == 0 {
                        // Whoever reads it at this moment keeps its own view of it.
                        let _ = std::fs::remove_file(folder.pack());
                    }
                    let run = folder.run(true);
                    assert_eq!((run.facts(), run.notes()), (expected.clone(), String::new()));
                }
            });
        }
    });
    folder.run(true);
    assert_eq!(folder.run(true).n_kept(), 3);
    assert_eq!(files_below(&folder.0.join("target")), [folder.pack()]);
}
