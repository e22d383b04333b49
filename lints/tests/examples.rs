//! Runs the examples of every lint's documentation: `fires` with its expectations, `silent` with none of any lint.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use interlock_lints::{Config, Finding, Lint, lints, run};
use interlock_lockgraph::LockGraph;
use interlock_source::{Edition, Sources, Workspace};

/// A code block of a lint's documentation.
struct Example {
    fires: bool,
    text: String,
}

/// A message that is expected to start at a place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Expectation {
    line: u32,
    column: u32,
    message: String,
}

fn examples(lint: &Lint) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut current: Option<Example> = None;
    for line in lint.docs {
        let line = line.strip_prefix(' ').unwrap_or(line);
        match (line.trim_end(), &mut current) {
            ("```rust,fires", None) => current = Some(Example { fires: true, text: String::new() }),
            ("```rust,silent", None) => current = Some(Example { fires: false, text: String::new() }),
            ("```", Some(_)) => examples.extend(current.take()),
            (_, Some(example)) => {
                example.text.push_str(line);
                example.text.push('\n');
            }
            _ => {}
        }
    }
    assert!(current.is_none(), "{}: a code block is not closed", lint.id);
    examples
}

/// `//^^^ message` below a line: the message starts where the first `^` points at.
fn expectations(text: &str) -> Vec<Expectation> {
    let mut found = Vec::new();
    let mut code_line = 0;
    for (at, line) in text.lines().enumerate() {
        let Some((before, marker)) = line.split_once("//^") else {
            code_line = at + 1;
            continue;
        };
        assert!(before.trim().is_empty(), "a marker stands alone on its line: {line}");
        let column = before.chars().count() + 3;
        let message = marker.trim_start_matches('^').trim().to_owned();
        found.push(Expectation {
            line: u32::try_from(code_line).unwrap(),
            column: u32::try_from(column).unwrap(),
            message,
        });
    }
    found.sort();
    found
}

/// Every place that the findings of a lint name, with its message.
fn reported(workspace: &Workspace, findings: &[&Finding]) -> Vec<Expectation> {
    let mut found = Vec::new();
    let mut push = |place: &interlock_lints::Place, message: &str| {
        let start = place.span.range.start;
        assert_eq!(workspace.file(place.span.file).path, "src/lib.rs");
        found.push(Expectation { line: start.line, column: start.column, message: message.to_owned() });
    };
    for finding in findings {
        push(&finding.primary, &finding.message);
        for step in &finding.steps {
            push(&step.place, &step.message);
        }
    }
    found.sort();
    found
}

/// Compares what a lint says of an example with what is drawn under it. `Err` tells the difference.
fn judge(lint: &Lint, example: &Example) -> Result<(), String> {
    let workspace = Workspace::analyse(Sources::of_text("example", Edition::E2021, &example.text));
    if !workspace.coverage().unparsed.is_empty() {
        return Err(format!("does not parse: {:?}", workspace.coverage().unparsed));
    }
    let report = run(&workspace, &LockGraph::build(&workspace), &Config::default());
    let (own, others): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().partition(|finding| finding.lint.id == lint.id);
    let (expected, found) = (expectations(&example.text), reported(&workspace, &own));
    if example.fires && own.is_empty() {
        return Err("does not fire".to_owned());
    }
    if !example.fires && !own.is_empty() {
        return Err(format!("is not silent: {found:#?}"));
    }
    // An example shows one lint. A task that loops is spawned on purpose in the example of its own lint only.
    if !others.is_empty() {
        let ids: Vec<_> = others.iter().map(|finding| (finding.lint.id, &finding.message)).collect();
        return Err(format!("other lints fire: {ids:?}"));
    }
    let missing: Vec<_> = expected.iter().filter(|wanted| !found.iter().any(|one| fits(wanted, one))).collect();
    if !missing.is_empty() {
        return Err(format!("expected {missing:#?}\nfound {found:#?}"));
    }
    Ok(())
}

/// A message may be longer than what is drawn.
fn fits(wanted: &Expectation, found: &Expectation) -> bool {
    (wanted.line, wanted.column) == (found.line, found.column) && found.message.starts_with(&wanted.message)
}

#[test]
fn every_example_does_what_it_says() {
    let mut failures = Vec::new();
    for lint in lints() {
        let examples = examples(lint);
        assert!(examples.iter().any(|example| example.fires), "{} has no firing example", lint.id);
        assert!(examples.iter().any(|example| !example.fires), "{} has no silent example", lint.id);
        for example in &examples {
            if example.fires {
                assert!(!expectations(&example.text).is_empty(), "{}: nothing is drawn", lint.id);
            }
            if let Err(problem) = judge(lint, example) {
                failures.push(format!("{}: {problem}\n{}", lint.id, example.text));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n----\n"));
}

#[test]
fn the_documentation_has_its_headings() {
    for lint in lints() {
        let headings: Vec<&str> =
            lint.docs.iter().map(|line| line.trim()).filter(|line| line.starts_with("## ")).collect();
        assert_eq!(
            headings,
            ["## What it finds", "## Why it matters", "## Fires", "## Silent", "## Limits"],
            "{}",
            lint.id
        );
        assert!(lint.summary.starts_with(char::is_lowercase), "{}: the summary is lower case", lint.id);
        assert!(!lint.summary.ends_with('.'), "{}: the summary has no full stop", lint.id);
    }
}

#[test]
fn lints_are_sorted_by_id() {
    let ids: Vec<&str> = lints().map(|lint| lint.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
}

/// The harness itself: what must fail does fail.
mod harness {
    use super::{Example, judge};
    use interlock_lints::find;

    const UNPOLLED: &str = "async fn f() {}\nfn g() {\n    f();\n}\n";

    #[test]
    fn a_marker_at_the_wrong_place_fails() {
        let lint = find("unawaited-future").unwrap();
        let right = UNPOLLED.replace("    f();\n", "    f();\n  //^^^ the future of `example::f` is dropped\n");
        let wrong = UNPOLLED.replace("    f();\n", "    f();\n   //^^ the future of `example::f` is dropped\n");
        // The marker of the first is one column short of `f`: its caret is at column 5.
        assert_eq!(judge(lint, &Example { fires: true, text: right }), Ok(()));
        assert!(judge(lint, &Example { fires: true, text: wrong }).is_err());
    }

    #[test]
    fn a_silent_example_that_fires_fails() {
        let lint = find("unawaited-future").unwrap();
        assert!(judge(lint, &Example { fires: false, text: UNPOLLED.to_owned() }).is_err());
    }

    #[test]
    fn a_firing_example_that_is_silent_fails() {
        let lint = find("unawaited-future").unwrap();
        let text = UNPOLLED.replace("f();\n}", "drop(f());\n}");
        assert!(judge(lint, &Example { fires: true, text }).is_err());
    }

    #[test]
    fn another_lint_that_fires_fails() {
        let lint = find("reentrant-lock").unwrap();
        assert!(judge(lint, &Example { fires: false, text: UNPOLLED.to_owned() }).is_err());
    }
}
