//! `unused-suppression`: a suppression that suppresses nothing.

use crate::{Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// A `// interlock:` comment that matches no finding, names no lint, or has another form than
    /// `allow(lint-id): reason`.
    ///
    /// ## Why it matters
    /// The bug it spoke of is gone, or it never worked. Left in place it would hide the next one.
    ///
    /// ## Fires
    /// ```rust,fires
    /// fn f() {} // interlock: allow(reentrant-lock): the lock is only taken at start-up
    ///         //^ this suppression suppresses nothing
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// struct Elector;
    /// impl Elector { async fn trigger(&self) {} }
    /// fn monitor(elector: &Elector) {
    ///     elector.trigger(); // interlock: allow(unawaited-future): shown to be harmless by hand
    /// }
    /// ```
    ///
    /// ## Limits
    /// Code that a `cfg` predicate leaves out cannot use its suppressions.
    pub(crate) static LINT = {
        id: "unused-suppression",
        level: Level::Deny,
        summary: "a suppression comment suppresses nothing",
    }
}

/// Suppressions are judged when they are applied, after every other lint has run.
pub(crate) fn check(_: &LintContext<'_>, _: &mut Vec<Finding>) {}
