//! The registry: a line per lint expands to its module and to the pair of declaration and check.

use crate::{Finding, Lint, LintContext};

/// A lint's check.
pub(crate) type Check = fn(&LintContext<'_>, &mut Vec<Finding>);

macro_rules! rules {
    ($($name:ident,)*) => {
        $(pub(crate) mod $name;)*

        /// Every lint with its check, sorted by id.
        pub(crate) const RULES: &[(&Lint, Check)] = &[$((&$name::LINT, $name::check)),*];
    };
}

rules! {
    dashmap_guard_reentry,
    dashmap_mutation_in_iteration,
    dropped_task_handle,
    guard_across_await,
    let_underscore_guard,
    lock_order_inversion,
    recursive_read,
    reentrant_lock,
    suppression_without_reason,
    temporary_guard_extended,
    unawaited_future,
    unused_suppression,
}
