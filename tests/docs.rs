//! `docs/lints.md` says what the lints say: it is rendered from their documentation and compared.
//!
//! `INTERLOCK_BLESS=1 cargo test --test docs` rewrites the file.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use interlock_lints::{Lint, lints};

const INTRODUCTION: &str = "\
# Lints

<!-- Generated from the doc comments in lints/src/rules/. Rewrite with: INTERLOCK_BLESS=1 cargo test --test docs -->

The level is that of a finding that follows from resolved facts (`derived`). A finding that rests on an assumption
is never `deny`. A check may raise a finding by one level for a reason that it shows as a step, or lower it; what
`interlock.toml` sets is not raised. `cargo interlock explain <lint>` prints a section of this page.

The blocks under *Fires* and *Silent* are run as tests: a comment that begins with `//^` names the place of the line
above it that the finding, or a step of it, points at.
";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lints.md")
}

fn render(lints: &[&Lint]) -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str("\n| lint | level | finds |\n| --- | --- | --- |\n");
    for lint in lints {
        push(&mut text, format_args!("| [`{}`](#{}) | {} | {} |", lint.id, lint.id, lint.level, lint.summary));
    }
    for lint in lints {
        push(&mut text, format_args!("\n## `{}`\n\nLevel: {}. In short: {}.\n", lint.id, lint.level, lint.summary));
        for line in lint.docs {
            push(&mut text, format_args!("{}", demoted(line.strip_prefix(' ').unwrap_or(line))));
        }
    }
    text
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a String takes every write");
}

/// A heading of a doc comment is one level deeper on the page.
fn demoted(line: &str) -> String {
    if line.starts_with("## ") { format!("#{line}") } else { line.to_owned() }
}

#[test]
fn the_page_of_lints_is_up_to_date() {
    let rendered = render(&lints().collect::<Vec<_>>());
    if std::env::var_os("INTERLOCK_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(page(), &rendered).expect("docs/ is writable");
    }
    let written = std::fs::read_to_string(page()).unwrap_or_default();
    let differs = written.lines().zip(rendered.lines()).position(|(old, new)| old != new);
    let line = differs.unwrap_or_else(|| written.lines().count().min(rendered.lines().count())) + 1;
    let same = written == rendered;
    assert!(same, "docs/lints.md differs from line {line} on: run INTERLOCK_BLESS=1 cargo test --test docs");
}

#[test]
fn a_changed_lint_changes_the_page() {
    let known = lints().next().expect("there are lints");
    let changed = Lint { id: known.id, level: known.level, summary: "something else", docs: known.docs };
    assert_ne!(render(&[known]), render(&[&changed]));
}

#[test]
fn every_lint_has_its_section() {
    let text = render(&lints().collect::<Vec<_>>());
    for lint in lints() {
        assert!(text.contains(&format!("\n## `{}`\n", lint.id)), "{}", lint.id);
    }
    assert!(!text.contains("\n## What it finds"));
}
