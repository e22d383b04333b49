//! `// interlock: allow(id): reason` on a line or an item.

use interlock_source::{Directive, FileId, Span, Workspace};

use crate::finding::{Certainty, Finding, Level, Place};
use crate::rules::{suppression_without_reason, unused_suppression};
use crate::{Config, Lint, Report};

/// A suppression as written.
struct Suppression<'a> {
    file: FileId,
    directive: &'a Directive,
    ids: Vec<String>,
    reason: String,
    used: bool,
}

/// Splits findings into those that stand and those that a comment suppresses; judges the comments too.
pub(crate) fn apply(workspace: &Workspace, config: &Config, findings: Vec<Finding>) -> Report {
    let mut suppressions = all(workspace);
    let mut report = Report::default();
    for finding in findings {
        match suppressions.iter_mut().find(|suppression| covers(suppression, &finding)) {
            Some(suppression) => {
                suppression.used = true;
                report.suppressed.push((finding, suppression.reason.clone()));
            }
            None => report.findings.push(finding),
        }
    }
    for suppression in &suppressions {
        judge(suppression, config, &mut report.findings);
    }
    report
}

fn all(workspace: &Workspace) -> Vec<Suppression<'_>> {
    let mut found = Vec::new();
    for (at, file) in workspace.files().iter().enumerate() {
        for directive in &file.outline.directives {
            let (ids, reason) = read(&directive.text);
            let file = FileId(u32::try_from(at).unwrap_or(u32::MAX));
            found.push(Suppression { file, directive, ids, reason, used: false });
        }
    }
    found
}

/// `allow(a, b): reason`; no ids when the text has another form.
fn read(text: &str) -> (Vec<String>, String) {
    let Some((ids, rest)) = text.strip_prefix("allow(").and_then(|rest| rest.split_once(')')) else {
        return (Vec::new(), String::new());
    };
    let ids = ids.split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect();
    let reason = rest.trim_start().strip_prefix(':').map(str::trim).unwrap_or_default();
    (ids, reason.to_owned())
}

fn covers(suppression: &Suppression<'_>, finding: &Finding) -> bool {
    let at = finding.primary.span;
    let names_it = suppression.ids.iter().any(|id| id == finding.lint.id);
    let in_place = suppression.directive.line == at.range.start.line
        || suppression.directive.item.is_some_and(|item| item.contains(at.range));
    suppression.file == at.file && names_it && in_place && !suppression.reason.is_empty()
}

fn judge(suppression: &Suppression<'_>, config: &Config, findings: &mut Vec<Finding>) {
    let mut push = |lint: &'static Lint, message: String| {
        let level = config.level(lint);
        if level > Level::Allow {
            let place = Place {
                span: Span { file: suppression.file, range: suppression.directive.range },
                item: String::new(),
            };
            let mut finding = Finding::new(lint, Certainty::Derived, place, message);
            finding.level = level;
            findings.push(finding);
        }
    };
    if suppression.ids.is_empty() {
        let said = &suppression.directive.text;
        push(&unused_suppression::LINT, format!("`{said}` is no suppression: write `allow(lint-id): reason`"));
        return;
    }
    for id in &suppression.ids {
        if let Err(unknown) = crate::find(id) {
            push(&unused_suppression::LINT, unknown.to_string());
        }
    }
    if suppression.reason.is_empty() {
        push(&suppression_without_reason::LINT, "this suppression gives no reason".to_owned());
    } else if !suppression.used && suppression.ids.iter().all(|id| crate::find(id).is_ok()) {
        push(&unused_suppression::LINT, "this suppression suppresses nothing".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn ids_and_reason_are_read() {
        let (ids, reason) = read("allow(a, b): because");
        assert_eq!((ids, reason.as_str()), (vec!["a".to_owned(), "b".to_owned()], "because"));
        assert_eq!(read("allow(a)").1, "");
        assert!(read("deny(a)").0.is_empty());
    }
}
