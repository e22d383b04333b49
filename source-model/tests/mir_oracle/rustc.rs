//! Runs the compiler on the fixtures and reads its answers.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Answers, fixtures, parse, walk};

fn compiler() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// `rustc 1.95.0`, without the commit.
pub(crate) fn version() -> String {
    let output = compiler().arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// What the compiler says of each marker of the crate.
pub(crate) fn answers(text: &str, year: &str) -> Result<Answers, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mir-{year}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let answers = emit(text, year, &folder).and_then(|mir| read(&mir));
    std::fs::remove_dir_all(&folder).unwrap();
    answers
}

fn emit(text: &str, year: &str, folder: &Path) -> Result<String, String> {
    let root = folder.join("example.rs");
    std::fs::write(&root, text).unwrap();
    let mut main = compiler();
    main.arg(&root).args(["--crate-name", "example", "--emit=mir"]).arg("-o").arg(folder.join("example.mir"));
    for stand_in in stand_ins() {
        let name = stand_in.file_stem().unwrap().to_str().unwrap();
        let library = folder.join(format!("lib{name}.rlib"));
        let mut command = compiler();
        command.arg(&stand_in).args(["--crate-name", name, "--emit=link"]).arg("-o").arg(&library);
        run(&mut command, "2021")?;
        main.arg("--extern").arg(format!("{name}={}", library.display()));
    }
    run(&mut main, year)?;
    std::fs::read_to_string(folder.join("example.mir")).map_err(|error| error.to_string())
}

/// Crates with the names and signatures of lock libraries: only signatures matter to a caller's MIR.
fn stand_ins() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixtures().join("stand_ins")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn run(command: &mut Command, year: &str) -> Result<(), String> {
    // Without unwinding and checks of pointers the text is a fraction of its size, and the scopes are the same.
    command.args(["--crate-type", "lib", "--edition", year, "--cap-lints", "allow"]);
    command.args(["-C", "panic=abort", "-C", "debug-assertions=off"]);
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn read(mir: &str) -> Result<Answers, String> {
    let mut answers = Answers::new();
    for function in parse::functions(mir)? {
        let markers = walk::markers(&function).map_err(|problem| format!("{}: {problem}", function.name))?;
        // Closures and coroutines count with the function that they stand in.
        let name = function.name.split("::{closure#").next().unwrap_or_default();
        let name = name.rsplit("::").next().unwrap_or_default().to_owned();
        if !markers.is_empty() {
            answers.entry(name).or_default().extend(markers);
        }
    }
    Ok(answers)
}
