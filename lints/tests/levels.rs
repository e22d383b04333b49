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

/// Levels of what is found in a test with a discarded guard and a dropped future, with the attribute and without.
fn levels_in_a_test(attribute: &str) -> Vec<Level> {
    let body = "let _ = m.lock(); let _fut = later();";
    let text = format!(
        "use std::sync::Mutex;\nasync fn later() {{}}\n#[test]\n{attribute}\nfn f() {{ let m = Mutex::new(0); {body} }}"
    );
    findings(&text).iter().map(|finding| finding.level).collect()
}

#[test]
fn what_a_test_that_is_to_panic_drops_is_assumed_to_be_there() {
    assert_eq!(levels_in_a_test("#[should_panic]"), [Level::Warn, Level::Warn]);
    assert_eq!(levels_in_a_test("#[should_panic(expected = \"full\")]"), [Level::Warn, Level::Warn]);
    assert_eq!(levels_in_a_test("#[inline]"), [Level::Deny, Level::Deny]);
}

#[test]
fn a_blocking_call_in_async_code_may_never_give_a_guard() {
    let discarded = |head: &str, tail: &str| {
        let text = format!("use tokio::sync::RwLock;\n{head} {{ let _ = lock.blocking_read(); }} {tail}");
        findings(&text).iter().map(|finding| finding.level).collect::<Vec<_>>()
    };
    assert_eq!(discarded("async fn f(lock: &RwLock<u8>)", ""), [Level::Warn]);
    assert_eq!(discarded("fn f(lock: &RwLock<u8>) { let block = async move", "; spawn(block); }"), [Level::Warn]);
    assert_eq!(discarded("fn f(lock: &RwLock<u8>)", ""), [Level::Deny]);
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

/// A struct with a reader-writer lock, read twice in `f`, and more functions of its impl.
fn read_twice(lock: &str, reads: &str, more: &str) -> String {
    format!("use {lock};\nstruct S {{ m: RwLock<u8> }}\nimpl S {{\nfn f(&self, b: bool) {{ {reads} }}\n{more}\n}}\n")
}

const STD: &str = "std::sync::RwLock";
const READS: &str = "let g = self.m.read(); let h = self.m.read();";
const WRITER: &str = "fn w(&self) { *self.m.write().unwrap() = 1; }";

fn levels(text: &str) -> Vec<Level> {
    findings(text).iter().map(|finding| finding.level).collect()
}

#[test]
fn a_writer_elsewhere_raises_a_recursive_read_to_deny() {
    for lock in [STD, "parking_lot::RwLock"] {
        let writer = WRITER.replace(".unwrap()", if lock == STD { ".unwrap()" } else { "" });
        let found = findings(&read_twice(lock, READS, &writer));
        assert_eq!((found.len(), found[0].level), (1, Level::Deny), "{lock}");
        assert_eq!(found[0].raised_by.as_ref(), found[0].steps.last(), "{lock}");
    }
    assert_eq!(levels(&read_twice(STD, READS, "")), [Level::Warn]);
}

#[test]
fn what_cannot_wait_beside_the_readers_raises_nothing() {
    let writers = [
        "fn w(&self) { let g = self.m.try_write(); }",
        "#[test] fn w(&self) { *self.m.write().unwrap() = 1; }",
        "fn w() -> S { let s = S { m: RwLock::new(0) }; *s.m.write().unwrap() = 1; s }",
        "fn w(other: &RwLock<u8>) { *other.write().unwrap() = 1; }",
    ];
    for writer in writers {
        assert_eq!(levels(&read_twice(STD, READS, writer)), [Level::Warn], "{writer}");
    }
    let same_function = format!("{{ {READS} }} *self.m.write().unwrap() = 1;");
    assert_eq!(levels(&read_twice(STD, &same_function, "")), [Level::Warn]);
}

#[test]
fn an_assumed_recursive_read_is_never_raised() {
    let reads = "let g = self.m.read(); if b { drop(g); } let h = self.m.read();";
    let found = findings(&read_twice(STD, reads, WRITER));
    assert_eq!((found.len(), found[0].level, found[0].raised_by.is_none()), (1, Level::Warn, true));
}

#[test]
fn readers_that_do_not_queue_are_silent_beside_a_writer() {
    let recursive = "let g = self.m.read(); let h = self.m.read_recursive();";
    let writer = WRITER.replace(".unwrap()", "");
    assert_eq!(findings(&read_twice("parking_lot::RwLock", recursive, &writer)), []);
    assert_eq!(findings(&read_twice("spin::RwLock", READS, &writer)), []);
}

#[test]
fn a_level_that_the_user_has_set_is_not_raised() {
    let config = Config { levels: [("recursive-read".to_owned(), Level::Warn)].into() };
    let found = report_with(&read_twice(STD, READS, WRITER), &config).findings;
    assert_eq!(found.iter().map(|finding| finding.level).collect::<Vec<_>>(), [Level::Warn]);
}

#[test]
fn what_raises_a_level_is_no_part_of_the_identity() {
    let prints = |text: &str| findings(text).iter().map(|found| found.fingerprint.clone()).collect::<Vec<_>>();
    assert_eq!(prints(&read_twice(STD, READS, WRITER)), prints(&read_twice(STD, READS, "")));
}

/// A struct with a concurrent map, and a method body.
fn on_map(body: &str) -> String {
    let method = format!("fn f(&self, b: bool) {{ {body} }}");
    format!(
        "use dashmap::DashMap;\nstruct S {{ m: DashMap<u8, u8> }}\nimpl S {{ {method} fn n(&self) -> usize {{ self.m.len() }} }}\n"
    )
}

#[test]
fn a_map_is_used_under_its_own_reference() {
    let one = |body: &str| {
        let found = findings(&on_map(body));
        found.iter().map(|found| (found.lint.id, found.level)).collect::<Vec<_>>()
    };
    let reentry = |level| vec![("dashmap-guard-reentry", level)];
    let mut wrong = Vec::new();
    let mut expect = |body, expected| {
        let found = one(body);
        if found != expected {
            wrong.push((body, found));
        }
    };
    for body in [
        "let r = self.m.get(&1).unwrap(); self.m.insert(2, 3); drop(r);",
        "let r = self.m.get(&1).unwrap(); self.m.remove(&1);",
        "let r = self.m.get_mut(&1).unwrap(); self.m.contains_key(&2);",
        "let e = self.m.entry(1); let n = self.n();",
        "for r in self.m.iter_mut() { self.m.get(&1); }",
        "if let Some(r) = self.m.get(&1) { for s in self.m.iter_mut() {} }",
        "match self.m.get(&1) { Some(r) => { self.m.clear(); } None => {} }",
        "self.m.entry(1).or_insert_with(|| self.m.len() as u8);",
    ] {
        expect(body, reentry(Level::Deny));
    }
    let on_some_paths = "let r = self.m.get(&1).unwrap(); if b { drop(r); } self.m.insert(2, 3);";
    expect(on_some_paths, reentry(Level::Warn));
    for silent in [
        "let r = self.m.get(&1); let s = self.m.get(&2);",
        "let n = self.m.get(&1).map(|r| *r); self.m.insert(2, 3);",
        "if self.m.get(&1).is_none() { self.m.insert(1, 2); }",
        "{ let r = self.m.get_mut(&1); } self.m.len();",
        "let r = self.m.get(&1); self.m.try_get_mut(&2);",
        "match self.m.entry(1) { dashmap::mapref::entry::Entry::Vacant(e) => { e.insert(1); } _ => {} } self.m.len();",
        "let value = self.n() as u8; self.m.insert(1, value);",
    ] {
        expect(silent, Vec::new());
    }
    assert_eq!(wrong, []);
}

#[test]
fn a_discarded_guard_is_graded_by_what_it_guards() {
    let levels = |body: &str| {
        let locks = "m: tokio::sync::Mutex<u8>, p: tokio::sync::Semaphore, c: std::cell::RefCell<u8>, \
            d: dashmap::DashMap<u8, u8>, w: tokio::sync::watch::Receiver<u8>, r: parking_lot::RwLock<u8>";
        let text = format!("struct S {{ {locks} }}\nimpl S {{ async fn f(&self) {{ {body} }} }}\n");
        findings(&text).iter().map(|finding| (finding.level, finding.certainty.word())).collect::<Vec<_>>()
    };
    assert_eq!(levels("let _ = self.m.lock().await;"), [(Level::Deny, "derived")]);
    assert_eq!(levels("let _ = self.m.try_lock();"), [(Level::Warn, "assumed")]);
    assert_eq!(levels("let _ = self.p.acquire().await;"), [(Level::Warn, "derived")]);
    assert_eq!(levels("let _ = self.p.acquire_many(8).await;"), []);
    assert_eq!(levels("let _ = self.c.borrow_mut();"), []);
    assert_eq!(levels("let _ = self.d.get(&1);"), []);
    assert_eq!(levels("let _ = self.d.get_mut(&1);"), []);
    assert_eq!(levels("let _ = self.w.borrow();"), []);
    assert_eq!(levels("let _ = self.r.try_read();"), [(Level::Warn, "assumed")]);
    assert_eq!(levels("let _ = self.r.write();"), [(Level::Deny, "derived")]);
}

#[test]
fn what_a_map_gives_away_is_no_reference_into_it() {
    let text = "
        use dashmap::DashMap;
        use tokio::sync::OwnedSemaphorePermit;
        use tokio::task::JoinHandle;
        struct S { tasks: DashMap<u8, JoinHandle<()>>, permits: DashMap<u8, OwnedSemaphorePermit> }
        impl S {
            async fn f(&self) {
                if let Some((_, task)) = self.tasks.remove(&1) {
                    self.tasks.clear();
                    task.await;
                }
                if let Some((_, permit)) = self.permits.remove(&1) {
                    self.permits.insert(2, permit);
                }
            }
        }";
    assert_eq!(findings(text), []);
}
