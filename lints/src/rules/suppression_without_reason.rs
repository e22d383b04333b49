//! `suppression-without-reason`: a suppression does not say why.

use crate::{Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// A `// interlock: allow(id)` comment without a reason after a colon. It suppresses nothing.
    ///
    /// ## Why it matters
    /// The next reader cannot tell a judged exception from a silenced bug.
    ///
    /// ## Fires
    /// ```rust,fires
    /// fn f() {} // interlock: allow(reentrant-lock)
    ///         //^ this suppression gives no reason
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// fn f() {}
    /// ```
    ///
    /// ## Limits
    /// Whether the reason is a good one is for people to judge.
    pub(crate) static LINT = {
        id: "suppression-without-reason",
        level: Level::Deny,
        summary: "a suppression comment gives no reason",
    }
}

/// Suppressions are judged when they are applied, after every other lint has run.
pub(crate) fn check(_: &LintContext<'_>, _: &mut Vec<Finding>) {}
