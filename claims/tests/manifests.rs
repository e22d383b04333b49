//! Manifests that are right, and what is said of those that are not.

use interlock_claims::{Change, CheckKind, Manifest, TargetSource};

const TARGET: &str = "[target]\npath = '.'\n";
const CLAIM: &str = "[[claim]]\nid = 'a'\ntitle = 'A'\n";
const CHECK: &str = "[[claim.check]]\nkind = 'call-present'\ncall = 'send'\nwithin = 'f'\n";

fn parsed(text: &str) -> Manifest {
    Manifest::parse("audit.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn assert_error(text: &str, expected: &str) {
    let error = Manifest::parse("audit.toml", text).expect_err("the manifest is wrong");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn every_part_is_read() {
    let manifest = parsed(
        r#"
[target]
repository = "https://example.org/r.git"
commit = "abc"
features = ["shared-lock"]

[[claim]]
id = "raft"
title = "The loop uses its guard"
symptom = "freeze"
root_cause = "two locks"
origin = "an issue"
notes = "none"
scope = ["Cluster::run", { symbol = "Store::*", matches = 2 }]
[[claim.check]]
kind = "lock-not-acquired-while"
lock = "crate::Cluster::raft_node"
within = "crate::Cluster::run"
[[claim.check]]
kind = "model"
anything = "goes"
[[claim.control]]
title = "lock again"
edit = "crate::Cluster::run"
replace = "guard.apply()"
with = ""
matches = 2
check = 1
[[claim.control]]
checks = [1, 2]
edits = [
    { edit = "a", insert_before = "x()", with = "y();" },
    { edit = "b::*", insert_at_start = "z();", matches = 3 },
]
"#,
    );
    assert!(matches!(&manifest.target.source, TargetSource::Commit { commit, .. } if commit == "abc"));
    assert_eq!(manifest.target.features, ["shared-lock"]);
    let claim = &manifest.claims[0];
    assert_eq!((claim.scope[0].matches, claim.scope[1].matches), (1, 2));
    assert_eq!(claim.checks[1].kind, CheckKind::Unsupported("model".to_owned()));
    assert_eq!(claim.checks[0].line, 15);
    assert_eq!(claim.controls[0].checks, [0]);
    assert_eq!(claim.controls[0].edits[0].matches, 2);
    assert_eq!(claim.controls[1].edits[1].change, Change::InsertAtStart("z();".to_owned()));
    assert_eq!(manifest.digest.len(), 64);
}

#[test]
fn an_unknown_key_is_suggested() {
    assert_error(
        &format!("{TARGET}{CLAIM}root_caus = 'x'\n{CHECK}"),
        "audit.toml:6: unknown key `root_caus` in `[[claim]]`; did you mean `root_cause`?",
    );
}

#[test]
fn an_unknown_check_kind_is_suggested() {
    assert_error(
        &format!("{TARGET}{CLAIM}[[claim.check]]\nkind = 'lint-absnt'\n"),
        "audit.toml:7: unknown check kind `lint-absnt`; did you mean `lint-absent`?",
    );
}

#[test]
fn an_unknown_lint_is_suggested() {
    assert_error(
        &format!("{TARGET}{CLAIM}[[claim.check]]\nkind = 'lint-absent'\nlint = 'reentrant-locks'\nwithin = 'f'\n"),
        "audit.toml:8: no lint is called `reentrant-locks`; did you mean `reentrant-lock`?",
    );
}

#[test]
fn missing_parts_are_named_all_at_once() {
    assert_error(
        "[target]\ncommit = 'x'\n[[claim]]\nid = 'a'\n[[claim.check]]\nkind = 'call-present'\n",
        "audit.toml:1: `[target]` needs either `path`, or `repository` and `commit`\n\
         audit.toml:3: `[[claim]]` has no `title`\n\
         audit.toml:5: `[[claim.check]]` has no `call`\n\
         audit.toml:5: `[[claim.check]]` has no `within`",
    );
}

#[test]
fn a_manifest_without_target_or_claims_says_so() {
    assert_error("", "audit.toml:1: the manifest has no `[[claim]]`\naudit.toml:1: the manifest has no `target`");
}

#[test]
fn a_claim_needs_a_check() {
    assert_error(&format!("{TARGET}{CLAIM}"), "audit.toml:3: `[[claim]]` has no `[[claim.check]]`");
}

#[test]
fn claim_ids_are_unique() {
    assert_error(&format!("{TARGET}{CLAIM}{CHECK}{CLAIM}{CHECK}"), "audit.toml:10: claim `a` stands on line 3 already");
}

#[test]
fn a_pattern_states_its_matches() {
    assert_error(
        &format!("{TARGET}{CLAIM}{}", CHECK.replace("'f'", "'S::*'")),
        "audit.toml:9: `S::*` is a pattern: state how many functions it matches, as `matches = n`",
    );
}

#[test]
fn a_lock_is_no_pattern() {
    assert_error(
        &format!("{TARGET}{CLAIM}[[claim.check]]\nkind = 'lock-not-reachable'\nlock = 'S::*'\nfrom = 'f'\n"),
        "audit.toml:8: `lock` names one lock class: it may not contain `*`",
    );
}

#[test]
fn an_edit_makes_one_change() {
    let expected = "audit.toml:10: an edit needs one of `replace`, `insert_before`, `insert_after`, \
                    `insert_at_start`, `insert_at_end`";
    assert_error(&format!("{TARGET}{CLAIM}{CHECK}[[claim.control]]\nedit = 'f'\n"), expected);
    let two = format!("{TARGET}{CLAIM}{CHECK}[[claim.control]]\nedit = 'f'\nreplace = 'a'\ninsert_at_end = 'b'\n");
    assert!(Manifest::parse("audit.toml", &two).is_err());
}

#[test]
fn a_control_names_checks_that_exist() {
    let control = "[[claim.control]]\nedit = 'f'\ninsert_at_end = 'g();'\ncheck = 2\n";
    assert_error(
        &format!("{TARGET}{CLAIM}{CHECK}{control}"),
        "audit.toml:10: the control names check 2, the claim has 1",
    );
}

#[test]
fn types_are_checked() {
    assert_error(
        &format!("[target]\npath = 3\n{CLAIM}{CHECK}").replace("within = 'f'", "within = 'f'\nmatches = 0"),
        "audit.toml:1: `[target]` needs either `path`, or `repository` and `commit`\n\
         audit.toml:2: `path` of `[target]` must be a string, not integer\n\
         audit.toml:10: `matches` of `[[claim.check]]` must be a whole number from 1, not integer",
    );
}

#[test]
fn a_syntax_error_has_its_line() {
    let error = Manifest::parse("audit.toml", "[target]\npath = \n").expect_err("not TOML");
    assert!(error.to_string().starts_with("audit.toml:2: "), "{error}");
}
