//! Whole audits of small crates: each verdict beside its twin.

use interlock_claims::{Audit, ClaimResult, ControlMode, ControlVerdict, Manifest, NotRunPolicy, Status, Verdict, run};
use interlock_source::{Edition, Sources, Workspace};

const CLUSTER: &str = "
use std::sync::Arc;
use tokio::sync::{mpsc, Mutex};

pub struct RawNode;
impl RawNode {
    fn apply_conf_change(&mut self, change: u8) { let _ = change; }
    fn tick(&mut self) {}
}

pub struct Elector { raft_node: Arc<Mutex<RawNode>> }
impl Elector {
    async fn trigger(&self) { self.raft_node.lock().await.tick(); }
}

pub struct Cluster { raft_node: Arc<Mutex<RawNode>>, idle: Mutex<u8>, elector: Elector }
impl Cluster {
    /// Applies changes. Do NOT call self.raft_node.lock() again: deadlock!
    pub async fn run(&self, changes: Vec<u8>) {
        let mut guard = self.raft_node.lock().await;
        guard.tick();
        for change in changes {
            guard.apply_conf_change(change);
        }
    }

    pub async fn run_again(&self, change: u8) {
        let mut guard = self.raft_node.lock().await;
        guard.tick();
        self.raft_node.lock().await.apply_conf_change(change);
    }

    pub async fn run_through_call(&self, change: u8) {
        let mut guard = self.raft_node.lock().await;
        guard.tick();
        self.apply(change).await;
    }

    async fn apply(&self, change: u8) { self.raft_node.lock().await.apply_conf_change(change); }

    pub async fn run_in_turn(&self, change: u8) {
        let mut guard = self.raft_node.lock().await;
        guard.tick();
        drop(guard);
        self.apply(change).await;
    }

    pub async fn run_trying(&self) {
        let mut guard = self.raft_node.lock().await;
        guard.tick();
        if let Ok(mut again) = self.raft_node.try_lock() { again.tick(); }
    }

    pub fn nothing(&self) {}

    pub async fn monitor(&self, elections: mpsc::UnboundedSender<u8>) {
        let _ = elections.send(1);
    }

    pub async fn monitor_directly(&self) { self.elector.trigger().await; }

    pub async fn monitor_by_task(self: Arc<Self>) {
        tokio::spawn(async move { self.elector.trigger().await });
        std::thread::yield_now();
    }
}
";

fn workspace(text: &str) -> Workspace {
    let workspace = Workspace::analyse(Sources::of_text("example", Edition::E2021, text));
    assert_eq!(workspace.coverage().unparsed, []);
    workspace
}

fn audit_of(text: &str, claim: &str, mode: ControlMode) -> Audit {
    let manifest = format!("[target]\npath = '.'\n[[claim]]\nid = 'c'\ntitle = 't'\n{claim}");
    let manifest = Manifest::parse("audit.toml", &manifest).unwrap_or_else(|error| panic!("{error}"));
    run(&manifest, &workspace(text), mode, &mut |_| ())
}

fn claim_of(text: &str, claim: &str) -> ClaimResult {
    audit_of(text, claim, ControlMode::Run).claims.remove(0)
}

fn check(kind: &str, keys: &str) -> String {
    format!("[[claim.check]]\nkind = '{kind}'\n{keys}\n")
}

fn raft_check(within: &str) -> String {
    check(
        "lock-not-acquired-while",
        &format!("lock = 'crate::Cluster::raft_node'\nwithin = 'crate::Cluster::{within}'"),
    )
}

fn replace(within: &str, pattern: &str, with: &str) -> String {
    format!(
        "[[claim.control]]\nedit = 'crate::Cluster::{within}'\nreplace = '{pattern}'\nwith = '{with}'\nmatches = 1\n"
    )
}

#[track_caller]
fn assert_inconclusive(result: &ClaimResult, because: &str) {
    match &result.verdict {
        Verdict::Inconclusive(why) => assert!(why.contains(because), "{why}"),
        verdict => panic!("{verdict}: {:#?}", result.checks),
    }
}

/// A check that holds, with a control that breaks it.
fn raft_claim() -> String {
    raft_check("run")
        + &replace("run", "guard.apply_conf_change(change)", "self.raft_node.lock().await.apply_conf_change(change)")
}

#[test]
fn a_held_claim_with_a_failing_control_is_verified() {
    let result = claim_of(CLUSTER, &raft_claim());
    assert_eq!(result.verdict, Verdict::Verified, "{result:#?}");
    assert_eq!(result.confidence.map(|confidence| confidence.to_string()).as_deref(), Some("MEDIUM"));
    assert!(result.checks[0].outcome.sites.len() >= 3);
    let control = &result.controls[0];
    assert_eq!((&control.verdict, &control.failed_checks[..]), (&ControlVerdict::MadeFail, &[0][..]));
    assert_eq!(control.edits[0].matches, 1);
    assert_eq!(control.edits[0].before.text.trim(), "guard.apply_conf_change(change);");
    assert!(control.edits[0].after.text.contains("self.raft_node.lock().await"));
}

#[test]
fn a_second_acquisition_refutes() {
    let result = claim_of(CLUSTER, &raft_check("run_again"));
    assert_eq!(result.verdict, Verdict::Refuted);
    assert_eq!(result.confidence, None);
    let evidence = &result.checks[0].outcome.evidence[0];
    assert!(evidence.primary.line_text.starts_with("self.raft_node.lock().await"), "{evidence:#?}");
    assert_eq!(evidence.steps[0].message, "guard of `example::Cluster::raft_node` acquired here");
}

#[test]
fn an_acquisition_within_a_call_refutes() {
    let result = claim_of(CLUSTER, &raft_check("run_through_call"));
    assert_eq!(result.verdict, Verdict::Refuted);
    let steps = &result.checks[0].outcome.evidence[0].steps;
    assert!(steps.iter().any(|step| step.message == "calls `example::Cluster::apply`"), "{steps:#?}");
}

#[test]
fn an_acquisition_after_the_release_passes() {
    assert_eq!(claim_of(CLUSTER, &raft_check("run_in_turn")).checks[0].outcome.status, Status::Pass);
}

#[test]
fn a_try_acquisition_passes() {
    assert_eq!(claim_of(CLUSTER, &raft_check("run_trying")).checks[0].outcome.status, Status::Pass);
}

#[test]
fn a_claim_without_a_control_is_inconclusive() {
    assert_inconclusive(&claim_of(CLUSTER, &raft_check("run")), "no control made check 1 fail");
}

#[test]
fn a_control_that_changes_nothing_that_matters_is_inconclusive() {
    let claim = raft_check("run") + &replace("run", "guard.tick()", "guard.tick2()");
    assert_inconclusive(&claim_of(CLUSTER, &claim), "control 1 did not make the check fail: check 1 is pass with it");
}

#[test]
fn a_control_whose_text_is_gone_is_inconclusive() {
    let claim = raft_check("run") + &replace("run", "guard.commit()", "()");
    assert_inconclusive(&claim_of(CLUSTER, &claim), "control 1 could not be applied");
}

#[test]
fn a_control_that_changes_another_number_of_places_is_inconclusive() {
    let claim = raft_check("run") + &replace("run", "guard", "guard2");
    assert_inconclusive(&claim_of(CLUSTER, &claim), "must change 1 place, it changes 3");
}

#[test]
fn a_control_that_does_not_parse_is_inconclusive() {
    let claim = raft_check("run") + &replace("run", "guard.tick()", "guard.tick(");
    assert_inconclusive(&claim_of(CLUSTER, &claim), "control 1 could not be applied");
}

#[test]
fn several_edits_are_made_one_after_the_other() {
    let control = "[[claim.control]]\nedits = [\n\
                   { edit = 'crate::Cluster::run', replace = 'changes: Vec<u8>', with = 'changes: u8' },\n\
                   { edit = 'crate::Cluster::run', insert_at_end = 'self.apply(changes).await;' },\n]\n";
    let result = claim_of(CLUSTER, &(raft_check("run") + control));
    assert_eq!(result.verdict, Verdict::Verified, "{result:#?}");
    let edits = &result.controls[0].edits;
    assert_eq!(edits[0].before.text.trim(), "pub async fn run(&self, changes: Vec<u8>) {");
    assert!(edits[1].after.text.contains("self.apply(changes).await;"));
}

#[test]
fn a_control_must_make_the_checks_fail_that_it_names() {
    let present = check("call-present", "call = 'RawNode::tick'\nwithin = 'crate::Cluster::run'");
    let claim = raft_check("run") + &present + &raft_claim().replace(&raft_check("run"), "");
    assert_eq!(claim_of(CLUSTER, &claim).verdict, Verdict::Verified);
    let named = claim.clone() + "checks = [1, 2]\n";
    assert_inconclusive(&claim_of(CLUSTER, &named), "control 1 did not make the check fail: check 2 is pass with it");
}

#[test]
fn a_trait_call_with_several_targets_is_an_assumption() {
    let text = CLUSTER
        .replace(
            "self.apply(change).await;\n    }\n\n    async fn apply",
            "self.plugin.call();\n    }\n\n    async fn apply",
        )
        .replace("idle: Mutex<u8>", "plugin: Box<dyn Plugin>, idle: Mutex<u8>")
        + "
pub trait Plugin { fn call(&self); }
pub struct Quiet;
impl Plugin for Quiet { fn call(&self) {} }
pub struct Loud { cluster: Arc<Cluster> }
impl Plugin for Loud { fn call(&self) { self.cluster.raft_node.blocking_lock().tick(); } }
";
    let result = claim_of(&text, &raft_check("run_through_call"));
    assert!(matches!(result.checks[0].outcome.status, Status::Unresolved(_)), "{result:#?}");
    assert_inconclusive(&result, "rests on an assumption");
}

#[test]
fn skipped_controls_are_inconclusive() {
    let audit = audit_of(CLUSTER, &raft_claim(), ControlMode::Skip);
    assert_inconclusive(&audit.claims[0], "control 1 was not run");
    assert_eq!(audit.exit_code(NotRunPolicy::Allowed), 4);
}

#[test]
fn a_function_that_never_holds_the_lock_is_vacuous() {
    let result = claim_of(CLUSTER, &raft_check("nothing"));
    assert!(matches!(result.checks[0].outcome.status, Status::Vacuous(_)));
    assert_inconclusive(&result, "never holds");
}

#[test]
fn a_lock_that_nothing_acquires_is_vacuous() {
    let claim = check("lock-not-reachable", "lock = 'Cluster::idle'\nfrom = 'Cluster::monitor'");
    assert_inconclusive(&claim_of(CLUSTER, &claim), "nothing in the workspace acquires `Cluster::idle`");
}

#[test]
fn a_misspelt_function_is_inconclusive_and_suggested() {
    assert_inconclusive(&claim_of(CLUSTER, &raft_check("runn")), "did you mean `example::Cluster::run`");
}

#[test]
fn a_pattern_must_match_as_many_functions_as_it_says() {
    let keys = "lock = 'Cluster::raft_node'\nwithin = 'crate::Cluster::*'\nmatches = 3";
    assert_inconclusive(&claim_of(CLUSTER, &check("lock-not-acquired-while", keys)), "must match 3 functions");
}

#[test]
fn a_channel_breaks_the_chain_and_a_direct_call_is_the_control() {
    let lock = "lock = 'Elector::raft_node'\nfrom = 'crate::Cluster::monitor'";
    let control = replace("monitor", "let _ = elections.send(1)", "self.elector.trigger().await");
    let present = check("call-present", "call = 'UnboundedSender::send'\nwithin = 'crate::Cluster::monitor'");
    let result = claim_of(CLUSTER, &(check("lock-not-reachable", lock) + &present + &control));
    assert_eq!(result.verdict, Verdict::Verified, "{result:#?}");
    assert_eq!(result.controls[0].failed_checks, [0, 1]);
}

#[test]
fn a_reachable_lock_refutes() {
    let lock = "lock = 'Elector::raft_node'\nfrom = 'crate::Cluster::monitor_directly'";
    let result = claim_of(CLUSTER, &check("lock-not-reachable", lock));
    assert_eq!(result.verdict, Verdict::Refuted);
}

#[test]
fn a_spawned_task_is_another_root() {
    let lock = "lock = 'Elector::raft_node'\nfrom = 'crate::Cluster::monitor_by_task'";
    let result = claim_of(CLUSTER, &check("lock-not-reachable", lock));
    assert_eq!(result.checks[0].outcome.status, Status::Pass, "{result:#?}");
}

#[test]
fn a_function_that_calls_nothing_is_vacuous() {
    let lock = "lock = 'Elector::raft_node'\nfrom = 'crate::Cluster::nothing'";
    assert_inconclusive(&claim_of(CLUSTER, &check("lock-not-reachable", lock)), "calls and acquires nothing");
}

#[test]
fn a_call_under_the_lock_refutes_directly_and_through_calls() {
    let keys = |within| {
        format!("call = 'apply_conf_change'\nlock = 'Cluster::raft_node'\nwithin = 'crate::Cluster::{within}'")
    };
    for within in ["run", "run_through_call"] {
        let result = claim_of(CLUSTER, &check("call-absent-under-lock", &keys(within)));
        assert_eq!(result.verdict, Verdict::Refuted, "{within}");
    }
    let result = claim_of(CLUSTER, &check("call-absent-under-lock", &keys("run_in_turn")));
    assert_eq!(result.checks[0].outcome.status, Status::Pass);
}

#[test]
fn an_absent_call_refutes_call_present() {
    let keys = "call = 'UnboundedSender::send'\nwithin = 'crate::Cluster::monitor_directly'";
    assert_eq!(claim_of(CLUSTER, &check("call-present", keys)).verdict, Verdict::Refuted);
}

#[test]
fn a_comment_is_no_call() {
    let keys = "call = 'lock'\nwithin = 'crate::Cluster::nothing'";
    let text = CLUSTER.replace("fn nothing(&self) {}", "fn nothing(&self) { /* self.raft_node.lock() */ }");
    assert_inconclusive(&claim_of(&text, &check("call-present", keys)), "calls nothing");
}

#[test]
fn a_call_on_an_unknown_receiver_is_a_doubt() {
    let text = CLUSTER.replace("guard.apply_conf_change(change);", "mystery(change).lock();");
    assert_inconclusive(&claim_of(&text, &raft_check("run")), "`lock` is not known and may acquire");
}

#[test]
fn a_check_of_a_later_version_is_not_run() {
    let audit = audit_of(CLUSTER, &check("model", "model = 'm'"), ControlMode::Run);
    assert!(matches!(&audit.claims[0].verdict, Verdict::NotRun(why) if why.contains("not supported by this version")));
    assert_eq!(audit.exit_code(NotRunPolicy::Fails), 4);
    assert_eq!(audit.exit_code(NotRunPolicy::Allowed), 0);
}

const SWEEP: &str = "
use dashmap::DashMap;
fn sweep(beats: &DashMap<String, u64>, now: u64) {
    let mut late = Vec::new();
    for beat in beats.iter() {
        if *beat.value() < now { late.push(beat.key().clone()); }
    }
    for key in late { beats.remove(&key); }
}
fn sweep_while_iterating(beats: &DashMap<String, u64>, now: u64) {
    for beat in beats.iter() {
        if *beat.value() < now { beats.remove(beat.key()); }
    }
}
fn sweep_quietly(beats: &DashMap<String, u64>, now: u64) {
    for beat in beats.iter() {
        // interlock: allow(dashmap-mutation-in-iteration): one shard only
        if *beat.value() < now { beats.remove(beat.key()); }
    }
}
fn no_map() {}
";

fn sweep_check(within: &str) -> String {
    check("lint-absent", &format!("lint = 'dashmap-mutation-in-iteration'\nwithin = 'crate::{within}'"))
}

#[test]
fn an_absent_lint_with_its_control_is_verified() {
    let control = "[[claim.control]]\nedit = 'crate::sweep'\nreplace = 'late.push(beat.key().clone())'\n\
                   with = 'beats.remove(beat.key())'\n";
    let result = claim_of(SWEEP, &(sweep_check("sweep") + control));
    assert_eq!(result.verdict, Verdict::Verified, "{result:#?}");
}

#[test]
fn a_finding_refutes_even_when_a_comment_suppresses_it() {
    for within in ["sweep_while_iterating", "sweep_quietly"] {
        let result = claim_of(SWEEP, &sweep_check(within));
        assert_eq!(result.verdict, Verdict::Refuted, "{within}");
    }
}

#[test]
fn a_lint_with_nothing_to_look_at_is_vacuous() {
    assert_inconclusive(&claim_of(SWEEP, &sweep_check("no_map")), "no operation on a concurrent map");
}

#[test]
fn the_same_code_on_other_lines_has_the_same_digests() {
    let result = claim_of(CLUSTER, &raft_claim());
    let moved = claim_of(&format!("\n\n// moved\n{CLUSTER}"), &raft_claim());
    assert_eq!(result.rests_on, moved.rests_on);
    assert_ne!(result.symbols[0].place.range, moved.symbols[0].place.range);
    let changed = claim_of(&CLUSTER.replace("for change in changes", "for change in changes.clone()"), &raft_claim());
    assert_ne!(result.rests_on, changed.rests_on);
}
