//! What was and was not resolved, and why, as text: what `--stats` prints.

use interlock_source::{Cause, Coverage, Span};

use crate::place::{Files, located};

/// The shares of what was resolved, then the causes of what was not: most frequent first, with the first few places.
#[must_use]
pub fn stats(coverage: &Coverage, files: &dyn Files) -> String {
    let receivers = coverage.n_receivers_lock + coverage.n_receivers_other + coverage.n_receivers_unknown;
    let calls = coverage.n_calls_resolved + coverage.n_calls_unknown;
    let mut text = format!(
        "lock-like receivers: {} locks, {} others, {} unknown ({} known)\n",
        coverage.n_receivers_lock,
        coverage.n_receivers_other,
        coverage.n_receivers_unknown,
        percent(receivers - coverage.n_receivers_unknown, receivers),
    );
    push_causes(&mut text, "why these receivers are unknown", &coverage.unknown_receivers, files);
    text.push_str(&format!(
        "calls: {} resolved, {} unknown ({} resolved)\n",
        coverage.n_calls_resolved,
        coverage.n_calls_unknown,
        percent(coverage.n_calls_resolved, calls),
    ));
    push_causes(&mut text, "why the targets of these calls are unknown", &coverage.unknown_calls, files);
    text
}

fn push_causes(text: &mut String, title: &str, causes: &[Cause], files: &dyn Files) {
    if causes.is_empty() {
        return;
    }
    text.push_str(&format!("{title}, most frequent first:\n"));
    for known in causes {
        text.push_str(&format!("{:>8} {} ({})\n", known.count, known.cause, examples(known, files)));
    }
}

fn examples(known: &Cause, files: &dyn Files) -> String {
    let places: Vec<String> = known.examples.iter().map(|span: &Span| located(*span, files)).collect();
    let more = if known.count > places.len() { ", .." } else { "" };
    format!("{}{more}", places.join(", "))
}

fn percent(part: usize, whole: usize) -> String {
    // Nothing to resolve is resolved.
    let share = if whole == 0 { 100.0 } else { 100.0 * part as f64 / whole as f64 };
    format!("{share:.1} %")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Sample};

    #[test]
    fn causes_stand_under_the_share_that_they_explain() {
        let expected = "\
lock-like receivers: 40 locks, 9 others, 1 unknown (98.0 % known)
why these receivers are unknown, most frequent first:
       1 generic result (src/store.rs:3:40)
calls: 310 resolved, 12 unknown (96.3 % resolved)
why the targets of these calls are unknown, most frequent first:
      11 result of an outside function (src/cluster.rs:3:20, src/cluster.rs:4:20, src/store.rs:3:40, ..)
       1 function that is not found (src/store.rs:2:5)
";
        assert_eq!(stats(&sample::report().coverage, &Sample), expected);
    }

    #[test]
    fn nothing_unknown_has_no_causes() {
        let expected = "\
lock-like receivers: 0 locks, 0 others, 0 unknown (100.0 % known)
calls: 0 resolved, 0 unknown (100.0 % resolved)
";
        assert_eq!(stats(&Coverage::default(), &Sample), expected);
    }
}
