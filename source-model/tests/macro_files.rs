//! Macros of other files and crates of the workspace: which calls mean them, and what is kept of files that use them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod located;

use std::path::PathBuf;

use interlock_source::{LoadOptions, Sources, Workspace};
use located::facts;

/// A workspace below the temporary directory; removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Folder {
        let folder = Folder(std::env::temp_dir().join(format!("interlock-macros-{name}-{}", std::process::id())));
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn run(&self, use_cache: bool) -> Workspace {
        let manifest_path = Some(self.0.join("Cargo.toml"));
        let target_directory = Some(self.0.join("target"));
        let options =
            LoadOptions { manifest_path, target_directory, use_cache, offline: true, ..LoadOptions::default() };
        Workspace::load(&options).unwrap()
    }
}

const ONE: (&str, &str) =
    ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n");

#[test]
fn definitions_of_other_files_are_found_where_they_can_be_named() {
    let user = "use std::sync::Mutex;\npub struct D { a: Mutex<u32> }\nfn f(d: &D) { hold!(d.a); at(); }\nfn at() {}\n";
    let definition = "macro_rules! hold { ($e:expr) => {\n let g = $e.lock().unwrap(); } }\n";
    let expected = ["one::user::f src/macros.rs:2 one::user::D::a", "one::user::f holds g: one::user::D::a"];
    let files = [ONE, ("src/lib.rs", "#[macro_use] mod macros;\nmod user;\n"), ("src/macros.rs", definition)];
    let by_attribute = Folder::new("attribute", &[&files[..], &[("src/user.rs", user)]].concat());
    assert_eq!(facts(&by_attribute.run(false)), expected);
    let by_import = Folder::new(
        "import",
        &[
            ONE,
            ("src/lib.rs", "mod macros;\nmod user;\n"),
            ("src/macros.rs", &format!("{definition}pub(crate) use hold;\n")),
            ("src/user.rs", &format!("use crate::macros::hold;\n{user}")),
        ],
    );
    assert_eq!(facts(&by_import.run(false)), expected);
    // Nothing leads from one module to a macro of its neighbour: the call means another.
    let unrelated =
        [ONE, ("src/lib.rs", "mod macros;\nmod user;\n"), ("src/macros.rs", definition), ("src/user.rs", user)];
    assert_eq!(facts(&Folder::new("unrelated", &unrelated).run(false)), ["one::user::f holds "]);
    // What another crate exports under that name is imported.
    let foreign = format!("use other::hold;\n{user}");
    let imported = [&files[..], &[("src/user.rs", foreign.as_str())]].concat();
    assert_eq!(facts(&Folder::new("foreign", &imported).run(false)), ["one::user::f holds "]);
    let renamed = format!("use crate::other as hold;\n{user}");
    let imported = [&files[..], &[("src/user.rs", renamed.as_str())]].concat();
    assert_eq!(facts(&Folder::new("renamed", &imported).run(false)), ["one::user::f holds "]);
    // The order of two modules decides over two definitions; it is not looked at.
    let lib = "#[macro_use] mod macros;\n#[macro_use] mod more;\nmod user;\n";
    let another = "macro_rules! hold { ($e:expr) => { $e.lock().unwrap(); } }\n";
    let two = [&files[..], &[("src/lib.rs", lib), ("src/more.rs", another), ("src/user.rs", user)]].concat();
    assert_eq!(facts(&Folder::new("two", &two).run(false)), ["one::user::f holds "]);
}

#[test]
fn exported_macros_are_found_by_the_crates_that_import_them() {
    let manifest = "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nkit = { path = \"../kit\" }\n";
    let kit = "pub use std::sync::Mutex;\npub static ALL: Mutex<u32> = Mutex::new(0);\n#[macro_export]\n\
               macro_rules! hold { () => { let g = $crate::ALL.lock().unwrap(); } }\n";
    let user =
        "fn f() { kit::hold!(); at(); }\nmod m { use kit::hold; fn g() { hold!(); at(); } fn at() {} }\nfn at() {}\n";
    let folder = Folder::new(
        "crates",
        &[
            ("Cargo.toml", "[workspace]\nmembers = [\"kit\", \"user\"]\nresolver = \"2\"\n"),
            ("kit/Cargo.toml", "[package]\nname = \"kit\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
            ("kit/src/lib.rs", kit),
            ("user/Cargo.toml", manifest),
            ("user/src/lib.rs", user),
        ],
    );
    let expected = ["user::f", "user::m::g"]
        .map(|function| [format!("{function} kit/src/lib.rs:4 kit::ALL"), format!("{function} holds g: kit::ALL")]);
    assert_eq!(facts(&folder.run(false)), expected.concat());
}

#[test]
fn modules_of_a_macro_are_read() {
    let lib = "macro_rules! modules { ($($name:ident),*) => { $(mod $name;)* } }\nmodules!(a, b);\n";
    let lock = |name: &str| {
        format!("static {name}: std::sync::Mutex<u32> = std::sync::Mutex::new(0);\nfn f() {{ {name}.lock(); }}\n")
    };
    let folder =
        Folder::new("modules", &[ONE, ("src/lib.rs", lib), ("src/a.rs", &lock("A")), ("src/b.rs", &lock("B"))]);
    assert_eq!(facts(&folder.run(false)), ["one::a::f src/a.rs:2 one::a::A", "one::b::f src/b.rs:2 one::b::B"]);
}

#[test]
fn what_is_kept_of_a_file_ends_with_the_definitions_that_it_uses() {
    let definition = |field: &str| format!("macro_rules! hold {{ ($d:ident) => {{ $d.{field}.lock().unwrap(); }} }}\n");
    let user = "use std::sync::Mutex;\npub struct D { a: Mutex<u32>, b: Mutex<u32> }\nfn f(d: &D) { hold!(d); }\n";
    let lib = "#[macro_use] mod macros;\nmod user;\n";
    let folder =
        Folder::new("kept", &[ONE, ("src/lib.rs", lib), ("src/macros.rs", &definition("a")), ("src/user.rs", user)]);
    for (field, line) in [("a", 1), ("a", 1), ("b", 1), ("b", 2)] {
        folder.write("src/macros.rs", &format!("{}{}", "\n".repeat(line - 1), definition(field)));
        let expected = [format!("one::user::f src/macros.rs:{line} one::user::D::{field}")];
        assert_eq!(facts(&folder.run(true)), expected);
        let again = folder.run(true);
        assert_eq!(facts(&again), expected);
        assert!(again.files().iter().all(|file| file.is_kept));
    }
}

#[test]
fn what_is_kept_of_a_function_ends_with_the_file_that_its_body_is_in() {
    let definition = "macro_rules! make { ($d:ident $name:ident $body:block) => { fn $name($d: &D) $body } }\n";
    let user = |field: &str| {
        let head = "use std::sync::Mutex;\npub struct D { a: Mutex<u32>, b: Mutex<u32> }\n";
        format!("{head}make!(d f {{ d.{field}.lock().unwrap(); }});\n")
    };
    let lib = "#[macro_use] mod macros;\nmod user;\n";
    let folder = Folder::new(
        "body-kept",
        &[ONE, ("src/lib.rs", lib), ("src/macros.rs", definition), ("src/user.rs", &user("a"))],
    );
    for field in ["a", "a", "b"] {
        folder.write("src/user.rs", &user(field));
        assert_eq!(facts(&folder.run(true)), [format!("one::user::f src/user.rs:3 one::user::D::{field}")]);
    }
}

#[test]
fn an_edit_of_a_definition_changes_what_its_calls_are() {
    let definition = "macro_rules! hold { ($d:ident) => { $d.a.lock().unwrap(); } }\n";
    let user = "use std::sync::Mutex;\npub struct D { a: Mutex<u32>, b: Mutex<u32> }\nfn f(d: &D) { hold!(d); }\n";
    let lib = "#[macro_use] mod macros;\nmod user;\n";
    let folder = Folder::new("edit", &[ONE, ("src/lib.rs", lib), ("src/macros.rs", definition), ("src/user.rs", user)]);
    let options =
        LoadOptions { manifest_path: Some(folder.0.join("Cargo.toml")), offline: true, ..LoadOptions::default() };
    let sources = Sources::load(&options).unwrap();
    let file = sources.file_id("src/macros.rs").unwrap();
    let edited = sources.with_text(file, definition.replace("$d.a", "$d.b"));
    assert_eq!(facts(&Workspace::analyse(edited)), ["one::user::f src/macros.rs:1 one::user::D::b"]);
    let without = sources.with_text(file, String::new());
    assert_eq!(facts(&Workspace::analyse(without.clone())), Vec::<String>::new());
    assert_eq!(
        facts(&Workspace::analyse(without.with_text(file, definition.to_owned()))),
        facts(&Workspace::analyse(sources))
    );
}

#[test]
fn a_body_of_another_file_than_its_function_is_not_edited() {
    let lib = "#[macro_use] mod macros;\nmod user;\n";
    let definition = "macro_rules! make { ($name:ident $body:block) => { fn $name() $body fn own() {} } }\n";
    let user = "make!(f { g(); });\nfn g() {}\n";
    let folder = Folder::new("body", &[ONE, ("src/lib.rs", lib), ("src/macros.rs", definition), ("src/user.rs", user)]);
    let workspace = folder.run(false);
    let bodies: Vec<_> = workspace
        .functions()
        .iter()
        .map(|f| format!("{} {} {}", f.path, workspace.file(f.span.file).path, f.body_range.is_some()))
        .collect();
    let expected =
        ["one::user::f src/macros.rs false", "one::user::g src/user.rs true", "one::user::own src/macros.rs true"];
    assert_eq!(bodies, expected);
}
