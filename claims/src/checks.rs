//! The kinds of checks, one file each.

pub(crate) mod call_absent_under_lock;
pub(crate) mod call_present;
pub(crate) mod lint_absent;
pub(crate) mod lock_not_acquired_while;
pub(crate) mod lock_not_reachable;
