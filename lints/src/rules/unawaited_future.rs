//! `unawaited-future`: a future is made and never polled.

use interlock_source::PointKind;

use crate::finding::place;
use crate::{Certainty, Finding, Level, LintContext, declare_lint};

declare_lint! {
    /// ## What it finds
    /// A call of an `async fn`, or an async block, whose future is dropped on every path without being awaited,
    /// spawned, stored or handed on.
    ///
    /// ## Why it matters
    /// A future does nothing until it is polled. The call looks as if it ran: the election is never triggered, the
    /// message is never sent, and nothing reports it.
    ///
    /// ## Fires
    /// ```rust,fires
    /// struct Elector;
    /// impl Elector { async fn trigger(&self, topic: &str) {} }
    /// fn monitor(elector: &Elector) {
    ///     elector.trigger("orders");
    ///           //^^^^^^^^^^^^^^^^^ the future of `example::Elector::trigger` is dropped and never polled
    /// }
    /// ```
    ///
    /// ## Silent
    /// ```rust,silent
    /// struct Elector;
    /// impl Elector { async fn trigger(&self, topic: &str) {} }
    /// async fn monitor(elector: &Elector) {
    ///     elector.trigger("orders").await;
    ///     let later = elector.trigger("users");
    ///     later.await;
    ///     tokio::spawn(async { }).await;
    /// }
    /// ```
    ///
    /// ## Limits
    /// Only futures of `async fn` and async blocks are followed, not of functions that return `impl Future`: those may
    /// have done their work when they return. In a test that is to panic, maybe in the very call, it is `assumed`.
    pub(crate) static LINT = {
        id: "unawaited-future",
        level: Level::Deny,
        summary: "a future is made and never polled",
    }
}

pub(crate) fn check(context: &LintContext<'_>, findings: &mut Vec<Finding>) {
    for (body, point) in context.points() {
        let PointKind::FutureDropped { callee, made } = &point.kind else { continue };
        let message = format!("the future of `{callee}` is dropped and never polled");
        let certainty = match body.is_to_panic {
            true => Certainty::Assumed("the call returns, in a test that is to panic".to_owned()),
            false => Certainty::Derived,
        };
        let finding = Finding::new(&LINT, certainty, place(*made, &body.item), message);
        findings.push(finding.with_help("await it, spawn it, or remove the call: as written it does nothing"));
    }
}
