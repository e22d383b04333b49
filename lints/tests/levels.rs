//! Levels, certainty, order and fingerprints: what the runner makes of what the checks push.

use interlock_lints::{Certainty, Config, Finding, Level, Report, run};
use interlock_lockgraph::LockGraph;
use interlock_source::{Edition, Sources, Workspace};

fn report_with(text: &str, config: &Config) -> Report {
    let workspace = Workspace::analyse(Sources::of_text("example", Edition::E2021, text));
    run(&workspace, &LockGraph::build(&workspace), config)
}

fn findings(text: &str) -> Vec<Finding> {
    report_with(text, &Config::default()).findings
}

/// A struct with a lock, and a method body.
fn method(body: &str) -> String {
    format!("use std::sync::Mutex;\nstruct S {{ m: Mutex<u8> }}\nimpl S {{ fn f(&self, b: bool) {{ {body} }} }}\n")
}

#[test]
fn a_guard_held_on_some_paths_is_assumed_and_never_deny() {
    let found = findings(&method("let g = self.m.lock(); if b { drop(g); } let h = self.m.lock();"));
    assert_eq!(found.len(), 1);
    assert!(matches!(found[0].certainty, Certainty::Assumed(_)));
    assert_eq!(found[0].level, Level::Warn);
}

#[test]
fn a_guard_held_on_every_path_is_derived_and_deny() {
    let found = findings(&method("let g = self.m.lock(); if b { return; } let h = self.m.lock();"));
    assert_eq!((found.len(), &found[0].certainty, found[0].level), (1, &Certainty::Derived, Level::Deny));
}

#[test]
fn one_of_several_implementations_is_assumed() {
    let text = "
        use std::sync::Mutex;
        trait Step { fn step(&self, s: &S); }
        struct A; struct B; struct S { m: Mutex<u8> }
        impl Step for A { fn step(&self, s: &S) { s.m.lock(); } }
        impl Step for B { fn step(&self, s: &S) {} }
        fn f(s: &S, step: &dyn Step) { let g = s.m.lock(); step.step(s); }";
    let found = findings(text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(matches!(found[0].certainty, Certainty::Assumed(_)), "{found:?}");
    assert_eq!(found[0].level, Level::Warn);
}

#[test]
fn the_same_element_is_an_assumption() {
    let text = "
        use std::sync::Mutex;
        fn f(locks: &[Mutex<u8>]) { let g = locks[0].lock(); let h = locks[1].lock(); }";
    let found = findings(text);
    assert_eq!(found.iter().map(|finding| finding.level).collect::<Vec<_>>(), [Level::Warn]);
}

#[test]
fn another_path_to_the_class_is_no_finding() {
    let text = "
        use std::sync::Mutex;
        struct S { m: Mutex<u8> }
        fn f(a: &S, b: &S) { let g = a.m.lock(); let h = b.m.lock(); }";
    assert_eq!(findings(text), []);
}

#[test]
fn the_configuration_sets_the_level_of_derived_findings() {
    let text = method("let g = self.m.lock(); let h = self.m.lock();");
    let level = |level| {
        let config = Config { levels: [("reentrant-lock".to_owned(), level)].into() };
        report_with(&text, &config).findings.iter().map(|finding| finding.level).collect::<Vec<_>>()
    };
    assert_eq!(level(Level::Note), [Level::Note]);
    assert_eq!(level(Level::Allow), []);
}

#[test]
fn a_suppression_moves_the_finding_with_its_reason() {
    let text =
        method("let g = self.m.lock();\n let h = self.m.lock(); // interlock: allow(reentrant-lock): shown safe\n");
    let report = report_with(&text, &Config::default());
    assert_eq!(report.findings, []);
    assert_eq!(report.suppressed.len(), 1);
    assert_eq!(report.suppressed[0].1, "shown safe");
}

#[test]
fn a_suppression_without_a_reason_suppresses_nothing() {
    let text = method("let g = self.m.lock();\n let h = self.m.lock(); // interlock: allow(reentrant-lock)\n");
    let ids: Vec<&str> = findings(&text).iter().map(|finding| finding.lint.id).collect();
    assert_eq!(ids, ["reentrant-lock", "suppression-without-reason"]);
}

#[test]
fn fingerprints_do_not_move_with_lines_and_tell_twins_apart() {
    let body = "let g = self.m.lock(); let h = self.m.lock(); let i = self.m.lock();";
    let prints = |text: &str| findings(text).iter().map(|finding| finding.fingerprint.clone()).collect::<Vec<_>>();
    let (here, below) = (prints(&method(body)), prints(&format!("// one\n// more\n\n{}", method(body))));
    assert_eq!(here, below);
    let mut distinct = here.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), here.len());
    assert_eq!(here.len(), 3);
}

#[test]
fn fields_of_two_objects_are_no_cycle() {
    let text = "
        use std::sync::Mutex;
        struct Alive(Mutex<()>);
        struct Inner { alive: Alive }
        struct Outer { alive: Alive, inner: Mutex<Inner> }
        impl Outer {
            fn f(&self) {
                let a = self.alive.0.lock().unwrap();
                let inner = self.inner.lock().unwrap();
                let b = inner.alive.0.lock().unwrap();
            }
        }";
    assert_eq!(findings(text), []);
}

#[test]
fn one_object_reached_from_two_types_is_a_cycle() {
    let text = "
        use std::sync::Mutex;
        struct Dicts { a: Mutex<u8>, b: Mutex<u8> }
        struct Manager { dicts: Dicts }
        impl Dicts { fn f(&self) { let a = self.a.lock(); let b = self.b.lock(); } }
        impl Manager { fn g(&self) { let b = self.dicts.b.lock(); let a = self.dicts.a.lock(); } }";
    let found = findings(text);
    assert_eq!((found.len(), found[0].level), (1, Level::Deny));
}
