//! An audit as Markdown: each claim with its issue, its implementation, its verification and its status.

mod claim;
mod control;
mod evidence;
mod footer;
mod link;
mod summary;
mod symbol;

use interlock_claims::{Audit, ControlMode, TargetInfo, TargetSource};

use crate::coverage_text::counted;
use crate::markdown_text::{code, prose};
use link::Links;

/// Version of the document's layout: it grows when a field moves or goes.
const SCHEMA: u32 = 1;

/// Where and how an audit was made: nothing that its data say, and nothing that a renderer may look up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Provenance<'a> {
    /// The day, as it is to be printed.
    pub date: Option<&'a str>,
    /// The commit of the tree that was read.
    pub commit: Option<&'a str>,
    /// The command line.
    pub command: &'a str,
    /// What stands before a path of the target in a link; without it, the target as the manifest names it.
    pub source_base: Option<&'a str>,
}

/// The audit as Markdown.
#[must_use]
pub fn audit_markdown(audit: &Audit, provenance: Provenance<'_>) -> String {
    let links = Links::of(&audit.target.target, provenance.source_base);
    let mut text = format!("# Audit of {}\n\n", code(&audit.target.name));
    push_header(&mut text, audit, provenance);
    summary::push_summary(&mut text, audit);
    for (position, result) in (1..).zip(&audit.claims) {
        claim::push_claim(&mut text, &links, position, result, provenance.command);
    }
    footer::push_methodology(&mut text, audit);
    summary::push_table(&mut text, &links, audit);
    summary::push_conclusion(&mut text, audit);
    footer::push_not_analysed(&mut text, audit);
    footer::push_reproduction(&mut text, audit, provenance);
    text
}

fn push_header(text: &mut String, audit: &Audit, provenance: Provenance<'_>) {
    let (manifest, digest) = (code(&audit.manifest_file), code(&audit.config_digest));
    let fields = [
        ("Date", provenance.date.unwrap_or("not stated").to_owned()),
        ("Task", task(audit)),
        ("Status", summary::status(audit)),
        ("Target", target(&audit.target)),
        ("Commit", provenance.commit.map_or("not stated".to_owned(), code)),
        ("Manifest", format!("{manifest}, SHA-256 {digest}")),
        ("Tool", format!("cargo-interlock {}, report schema {SCHEMA}", audit.tool_version)),
        ("Command", code(provenance.command)),
    ];
    for (name, value) in fields {
        text.push_str(&format!("- **{name}**: {value}\n"));
    }
}

fn task(audit: &Audit) -> String {
    let claims = counted(audit.claims.len(), "claim");
    match audit.control_mode {
        ControlMode::Run => format!("decide {claims}, and put each bug back to see the checks fail"),
        ControlMode::Skip => format!("decide {claims}, without controls"),
    }
}

fn target(info: &TargetInfo) -> String {
    let source = match &info.target.source {
        TargetSource::Path(path) => code(path),
        TargetSource::Commit { repository, commit } => format!("{} at {}", code(repository), code(commit)),
    };
    let features: Vec<String> = info.target.features.iter().map(|feature| code(feature)).collect();
    if features.is_empty() { source } else { format!("{source}, features {}", features.join(", ")) }
}

/// Prose on one line: a line break of the manifest starts no list and no heading.
fn flat(text: &str) -> String {
    prose(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use interlock_source::Coverage;

    use super::*;
    use crate::{sample, sample_audit};

    const PROVENANCE: Provenance<'static> = Provenance {
        date: Some("2026-01-02"),
        commit: Some("d653cb4"),
        command: "cargo interlock audit audits/mycrate",
        source_base: None,
    };

    #[test]
    fn an_audit_reads_like_this() {
        let text = audit_markdown(&sample_audit::audit(), PROVENANCE);
        sample::check_document(&text, include_str!("expected/audit.md"));
    }

    #[track_caller]
    fn check_says(audit: &Audit, provenance: Provenance<'_>, expected: &[&str]) {
        let text = audit_markdown(audit, provenance);
        let missing: Vec<_> = expected.iter().filter(|line| !text.lines().any(|other| other == **line)).collect();
        assert!(missing.is_empty(), "{missing:?} is not in:\n{text}");
    }

    #[test]
    fn what_is_not_known_of_the_run_is_not_stated() {
        let expected = ["- **Date**: not stated", "- **Commit**: not stated"];
        check_says(&sample_audit::audit(), Provenance { date: None, commit: None, ..PROVENANCE }, &expected);
    }

    #[test]
    fn an_audit_without_controls_says_so() {
        let audit = Audit { control_mode: ControlMode::Skip, ..sample_audit::audit() };
        let expected = [
            "- **Task**: decide 5 claims, without controls",
            "The controls were not run: a claim that has or needs one cannot be VERIFIED.",
            "3. **Controls**: not run in this audit.",
        ];
        check_says(&audit, PROVENANCE, &expected);
    }

    #[test]
    fn an_audit_of_nothing_says_so() {
        let audit = Audit { claims: Vec::new(), coverage: Coverage::default(), ..sample_audit::audit() };
        let expected = [
            "- **Status**: NOT RUN (0 claims)",
            "No function body of the target was read, so this audit says nothing about it.",
        ];
        check_says(&audit, PROVENANCE, &expected);
    }
}
