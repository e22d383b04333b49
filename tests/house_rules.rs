//! The rules of `docs/style.md` that a machine can see, over this workspace's own Rust files.
//!
//! Each rule is a function from text to violations, and has a twin: a test that shows a violation being caught.

use std::path::{Path, PathBuf};

use interlock_source::{Edition, LoadOptions, Sources, Workspace};

const MAX_FUNCTION_LINES: u32 = 70;
const MAX_FILE_LINES: usize = 500;
/// How a header begins the sentence that excuses a longer file.
const EXCUSE: &str = "Long because ";
const BANNED_STEMS: [&str; 6] = ["util", "utils", "common", "misc", "helper", "helpers"];
/// Folders without code of ours: built things, crates that exist to be analysed, declarations of other libraries.
const FOREIGN_FOLDERS: [&str; 4] = ["target", ".git", "fixtures", "source-model/models"];
/// Spelt in two parts, so that this file does not break its own rule.
const LEFTOVERS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// A Rust file of the workspace.
struct File {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn own_files() -> Vec<File> {
    let mut files = Vec::new();
    collect(&root(), &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.len() > 50, "the walk found {} files", files.len());
    files
}

fn collect(folder: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the workspace is readable") {
        let path = entry.expect("its entries too").path();
        if path.is_dir() {
            let below = path.strip_prefix(root()).unwrap_or(&path);
            if !FOREIGN_FOLDERS.iter().any(|folder| below.ends_with(folder)) {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("source is UTF-8");
            let path = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.push(File { path, text });
        }
    }
}

/// Applies a rule to every file; the violations with their files.
fn violations(rule: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let of =
        |file: &File| rule(&file.text).into_iter().map(|what| format!("{}: {what}", file.path)).collect::<Vec<_>>();
    own_files().iter().flat_map(of).collect()
}

#[track_caller]
fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

/// Lines of code whose trimmed text fits, numbered. Attributes and comments stand at the start of their lines.
fn lines_where(text: &str, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    numbered.filter(|(_, line)| fits(line)).map(|(number, line)| format!("line {number}: {line}")).collect()
}

// ---- the rules ----

fn header(text: &str) -> String {
    text.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n")
}

fn missing_header(text: &str) -> Vec<String> {
    let says_something = !header(text).trim_start_matches("//!").trim().is_empty();
    if says_something { Vec::new() } else { vec!["does not open with `//!` and what it is".to_owned()] }
}

fn banned_name(path: &str) -> bool {
    let mut parts = path.split('/').map(|part| part.trim_end_matches(".rs"));
    parts.any(|part| BANNED_STEMS.contains(&part))
}

fn too_long(text: &str) -> Vec<String> {
    let n_lines = text.lines().count();
    let is_fine = n_lines <= MAX_FILE_LINES || header(text).contains(EXCUSE);
    if is_fine { Vec::new() } else { vec![format!("{n_lines} lines, and no `{EXCUSE}..` in its header")] }
}

/// From the line of `fn` (or an attribute above it) to the closing brace.
fn long_functions(workspace: &Workspace) -> Vec<String> {
    let functions = workspace.functions().iter().filter(|function| function.body_range.is_some());
    let lengths = functions.map(|function| {
        let range = function.span.range;
        (function, range.end.line - range.start.line + 1)
    });
    let long = lengths.filter(|(_, n_lines)| *n_lines > MAX_FUNCTION_LINES);
    let described = long.map(|(function, n_lines)| {
        let file = &workspace.file(function.span.file).path;
        format!("{file}:{}: `{}` has {n_lines} lines", function.span.range.start.line, function.path)
    });
    described.collect()
}

fn ignored_tests(text: &str) -> Vec<String> {
    lines_where(text, |line| line.starts_with("#[ignore"))
}

fn nameless_panics(text: &str) -> Vec<String> {
    lines_where(text, |line| line.starts_with("#[should_panic]"))
}

/// `#[allow(..)]` and `#[expect(..)]` without `reason = ".."`.
fn unreasoned_attributes(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let opens =
        |line: &str| ["#[allow(", "#![allow(", "#[expect(", "#![expect("].iter().any(|open| line.starts_with(open));
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| opens(line)) {
        let end = lines[at..].iter().position(|line| line.ends_with(")]")).map_or(lines.len(), |n| at + n + 1);
        if !lines[at..end].join(" ").contains("reason = \"") {
            found.push(format!("line {}: {line}", at + 1));
        }
    }
    found
}

/// `.expect(..)` whose argument says nothing.
fn empty_expects(text: &str) -> Vec<String> {
    let empty = concat!(".expect", "(\"\")");
    lines_where(text, |line| line.contains(empty))
}

fn leftovers(text: &str) -> Vec<String> {
    lines_where(text, |line| LEFTOVERS.iter().any(|word| line.contains(word)))
}

/// Documents are written in `reports` only: nothing else derives `Serialize`.
fn serializing(text: &str) -> Vec<String> {
    lines_where(text, |line| line.starts_with("#[derive(") && line.replace("Deserialize", "").contains("Serialize"))
}

/// `select!` without `biased;` as its next word: its random start is no choice that a seed or a model makes.
fn unbiased_selects(text: &str) -> Vec<String> {
    let code: Vec<(usize, &str)> =
        text.lines().enumerate().filter(|(_, line)| !line.trim().starts_with("//")).collect();
    let is_unbiased = |at: usize| {
        let line = code[at].1;
        line.find(concat!("select", "! {")).is_some_and(|from| {
            let rest = code[at + 1..].iter().map(|(_, line)| line.trim()).find(|line| !line.is_empty());
            let first = line[from..].split_once('{').map_or("", |(_, first)| first.trim());
            !first.starts_with("biased;") && (!first.is_empty() || rest.is_none_or(|rest| !rest.starts_with("biased;")))
        })
    };
    (0..code.len())
        .filter(|at| is_unbiased(*at))
        .map(|at| format!("line {}: {}", code[at].0 + 1, code[at].1.trim()))
        .collect()
}

// ---- the workspace ----

#[test]
fn every_file_says_what_it_is() {
    assert_none(&violations(missing_header));
}

#[test]
fn files_are_named_by_what_they_hold() {
    let banned = own_files().into_iter().filter(|file| banned_name(&file.path)).map(|file| file.path);
    assert_none(&banned.collect::<Vec<_>>());
}

#[test]
fn long_files_say_why() {
    assert_none(&violations(too_long));
}

#[test]
fn functions_stay_short() {
    let options = LoadOptions { dir: root(), all_targets: true, ..LoadOptions::default() };
    let workspace = Workspace::load(&options).expect("this workspace can be read");
    assert!(workspace.functions().len() > 500, "{} functions were seen", workspace.functions().len());
    assert_eq!(workspace.coverage().unparsed, []);
    assert_none(&long_functions(&workspace));
}

#[test]
fn no_test_is_ignored() {
    assert_none(&violations(ignored_tests));
}

#[test]
fn expected_panics_name_their_symptom() {
    assert_none(&violations(nameless_panics));
}

#[test]
fn exceptions_give_a_reason() {
    assert_none(&violations(unreasoned_attributes));
    assert_none(&violations(empty_expects));
}

#[test]
fn nothing_is_left_for_later() {
    assert_none(&violations(leftovers));
}

#[test]
fn only_reports_serialize() {
    // Private encodings live with their owner: the pack of facts, and what the engine keeps on disk and answers.
    let owners = ["reports/", "source-model/src/", "engine/src/"];
    let is_owned = |violation: &String| owners.iter().any(|owner| violation.starts_with(owner));
    let elsewhere = violations(serializing).into_iter().filter(|violation| !is_owned(violation));
    assert_none(&elsewhere.collect::<Vec<_>>());
}

#[test]
fn what_is_waited_for_first_is_not_drawn() {
    let is_modelled = |violation: &String| violation.starts_with("engine/src/") || violation.starts_with("sync/src/");
    assert_none(&violations(unbiased_selects).into_iter().filter(is_modelled).collect::<Vec<_>>());
}

/// The twins: each rule sees a violation, and lets the fixed text pass.
mod twins {
    use super::*;

    #[test]
    fn a_missing_header_is_caught() {
        assert_eq!(missing_header("use std::fmt;\n").len(), 1);
        assert_eq!(missing_header("//!\nuse std::fmt;\n").len(), 1);
        assert_eq!(missing_header("//! Prints a graph.\n").len(), 0);
    }

    #[test]
    fn a_name_that_says_nothing_is_caught() {
        assert!(banned_name("lints/src/utils.rs"));
        assert!(banned_name("lints/src/common/level.rs"));
        assert!(!banned_name("lints/src/level.rs"));
    }

    #[test]
    fn a_long_file_is_caught() {
        let body = "fn f() {}\n".repeat(MAX_FILE_LINES);
        assert_eq!(too_long(&format!("//! Some facts.\n{body}")).len(), 1);
        assert_eq!(too_long(&format!("//! Some facts. {EXCUSE}it is one list.\n{body}")).len(), 0);
        assert_eq!(too_long(&body).len(), 0);
    }

    #[test]
    fn a_long_function_is_caught() {
        let function = |n: usize| format!("fn f() {{\n{}}}\n", "    let _x = 1;\n".repeat(n));
        let of = |text: &str| long_functions(&Workspace::analyse(Sources::of_text("example", Edition::E2024, text)));
        assert_eq!(of(&function(69)), ["src/lib.rs:1: `example::f` has 71 lines"]);
        assert_eq!(of(&function(68)), Vec::<String>::new());
    }

    #[test]
    fn an_ignored_test_is_caught() {
        assert_eq!(ignored_tests("#[test]\n#[ignore]\nfn t() {}\n"), ["line 2: #[ignore]"]);
        assert_eq!(ignored_tests("#[ignore = \"slow\"]\n").len(), 1);
        assert_eq!(ignored_tests("// no #[ignore] here\n").len(), 0);
    }

    #[test]
    fn a_nameless_panic_is_caught() {
        assert_eq!(nameless_panics("    #[should_panic]\n").len(), 1);
        assert_eq!(nameless_panics("    #[should_panic(expected = \"stuck\")]\n").len(), 0);
    }

    #[test]
    fn an_exception_without_a_reason_is_caught() {
        assert_eq!(unreasoned_attributes("#[allow(dead_code)]\n").len(), 1);
        assert_eq!(
            unreasoned_attributes("#![expect(\n    dead_code,\n)]\nconst R: &str = \"reason = \\\"\";\n").len(),
            1
        );
        assert_eq!(unreasoned_attributes("#[expect(dead_code, reason = \"a twin\")]\n").len(), 0);
        assert_eq!(empty_expects(concat!("a.expect", "(\"\");\n")).len(), 1);
        assert_eq!(empty_expects("a.expect(\"it was pushed\");\n").len(), 0);
    }

    #[test]
    fn a_leftover_is_caught() {
        assert_eq!(leftovers(&format!("// {}: later\n", LEFTOVERS[0])).len(), 1);
        assert_eq!(leftovers("// A todo list is a list.\n").len(), 0);
    }

    #[test]
    fn an_unbiased_select_is_caught() {
        let of = |body: &str| unbiased_selects(&format!("let a = {} {{{body}}};\n", concat!("select", "!"))).len();
        assert_eq!(of("\n    biased;\n    () = a => {}\n"), 0);
        assert_eq!(of(" biased; () = a => {} "), 0);
        assert_eq!(of("\n    () = a => {}\n"), 1);
        assert_eq!(of(" () = a => {} "), 1);
        assert_eq!(of(""), 1);
    }

    #[test]
    fn a_serializing_type_is_caught() {
        assert_eq!(serializing("#[derive(Debug, Serialize)]\n").len(), 1);
        assert_eq!(serializing("#[derive(Debug, Deserialize)]\n").len(), 0);
    }
}
