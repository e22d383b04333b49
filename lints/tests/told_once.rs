//! A guard that is kept for too long is told of once: by the strongest lint that has something to say of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use interlock_lints::{Config, Level, run};
use interlock_lockgraph::LockGraph;
use interlock_source::{Edition, Sources, Workspace};

const SUPPORT: &str = "
use std::sync::{Mutex, RwLock};
fn num(_: u32) {}
fn two(_: usize, _: u32) {}
async fn tick() {}
struct S {
    a: Mutex<Vec<u32>>, b: Mutex<u32>, r: RwLock<u32>, t: tokio::sync::Mutex<Vec<u32>>, map: dashmap::DashMap<u32, u32>,
    p: tokio::sync::Semaphore, c: std::cell::RefCell<u32>,
}
impl S { fn lock_b(&self) { *self.b.lock().unwrap() += 1; } fn count(&self) -> u32 { *self.r.read().unwrap() } }
";

fn lints_with(edition: Edition, body: &str, config: &Config) -> Vec<&'static str> {
    let text = format!("{SUPPORT}\nimpl S {{ async fn f(&self, other: &S) {{ {body} }} }}\n");
    let workspace = Workspace::analyse(Sources::of_text("example", edition, &text));
    assert_eq!(workspace.coverage().unparsed, []);
    let report = run(&workspace, &LockGraph::build(&workspace), config);
    report.findings.iter().map(|finding| finding.lint.id).collect()
}

#[track_caller]
fn expect(body: &str, lints: &[&str]) {
    for edition in [Edition::E2021, Edition::E2024] {
        assert_eq!(lints_with(edition, body, &Config::default()), lints, "{body}");
    }
}

#[test]
fn another_lock_or_an_await_under_a_temporary_is_found() {
    for body in [
        "match self.a.lock().unwrap().pop() { Some(_) => self.lock_b(), None => {} }",
        "if let Some(n) = self.a.lock().unwrap().pop() { self.lock_b(); }",
        "while let Some(n) = self.a.lock().unwrap().pop() { self.lock_b(); }",
        "for n in 0..self.a.lock().unwrap().len() { self.lock_b(); }",
        "for n in self.a.lock().unwrap().clone() { self.lock_b(); }",
        "num({ let n = self.a.lock().unwrap().len(); 1 }); while let Some(n) = self.t.lock().await.pop() { tick().await; }",
        "two(self.a.lock().unwrap().len(), *self.b.lock().unwrap());",
        "if let Some(n) = self.t.lock().await.pop() { let _permit = self.p.acquire().await; }",
        "match self.map.get(&1).map(|n| *n) { Some(n) => {} None => {} } match *self.map.get(&1).unwrap() { 0 => self.lock_b(), _ => {} }",
    ] {
        expect(body, &["temporary-guard-extended"]);
    }
}

#[test]
fn a_value_that_is_bound_first_is_the_fix() {
    for body in [
        "let n = self.a.lock().unwrap().pop(); match n { Some(_) => self.lock_b(), None => {} }",
        "let n = self.a.lock().unwrap().pop(); if let Some(n) = n { self.lock_b(); }",
        "loop { let n = self.a.lock().unwrap().pop(); let Some(n) = n else { break }; self.lock_b(); }",
        "let n = self.a.lock().unwrap().len(); for n in 0..n { self.lock_b(); }",
        "let n = self.t.lock().await.pop(); if let Some(n) = n { tick().await; }",
        "let Some(n) = self.a.lock().unwrap().pop() else { self.lock_b(); return }; self.lock_b();",
        "if self.a.lock().unwrap().pop().is_some() { self.lock_b(); }",
        "while self.a.lock().unwrap().pop().is_some() { self.lock_b(); }",
    ] {
        expect(body, &[]);
    }
}

#[test]
fn a_guard_that_is_needed_or_waits_for_nothing_is_silent() {
    for body in [
        "if let Some(n) = self.a.lock().unwrap().first() { self.lock_b(); }",
        "for n in self.a.lock().unwrap().iter() { self.lock_b(); }",
        "for n in self.a.lock().unwrap().drain(..) { self.lock_b(); }",
        "if let Ok(a) = self.a.lock() { self.lock_b(); }",
        "if let Some(n) = self.a.lock().unwrap().pop() { num(n); }",
        "if let Some(n) = self.a.lock().unwrap().pop() { let _b = self.b.try_lock(); }",
        "if let Some(n) = self.a.lock().unwrap().pop() { *self.c.borrow_mut() = n; }",
        "if let Some(n) = self.a.lock().unwrap().pop() { other.a.lock().unwrap().push(n); }",
    ] {
        expect(body, &[]);
    }
}

#[test]
fn the_else_is_free_from_2024_on() {
    let body = "if let Some(n) = self.a.lock().unwrap().first() { num(*n); } else { self.lock_b(); }";
    assert_eq!(lints_with(Edition::E2021, body, &Config::default()), ["temporary-guard-extended"]);
    assert_eq!(lints_with(Edition::E2024, body, &Config::default()), [""; 0]);
}

#[test]
fn a_stronger_lint_speaks_alone() {
    let pairs = [
        (
            "reentrant-lock",
            "match self.a.lock().unwrap().pop() { _ => { self.lock_b(); self.a.lock().unwrap().clear(); } }",
        ),
        ("recursive-read", "match *self.r.read().unwrap() { 0 => { self.lock_b(); self.count(); } _ => {} }"),
        ("guard-across-await", "match self.a.lock().unwrap().pop() { _ => { self.lock_b(); tick().await; } }"),
        (
            "dashmap-guard-reentry",
            "match *self.map.get(&1).unwrap() { 0 => { self.lock_b(); self.map.clear(); } _ => {} }",
        ),
    ];
    for (stronger, body) in pairs {
        expect(body, &[stronger]);
        let mut config = Config::default();
        config.levels.insert(stronger.to_owned(), Level::Allow);
        assert_eq!(lints_with(Edition::E2021, body, &config), ["temporary-guard-extended"], "{body}");
    }
    let ring = "{ let b = self.b.lock(); self.a.lock(); } match self.a.lock().unwrap().pop() { _ => self.lock_b() }";
    expect(ring, &["lock-order-inversion"]);
}
