//! `cargo interlock audit`.

use crate::args::AuditArgs;
use crate::exit_code::Outcome;

pub(crate) fn run(_: &AuditArgs) -> anyhow::Result<Outcome> {
    Ok(Outcome::Undecided)
}
