//! What a lint is: its identity, its level, its documentation. The check is a function beside it.

use crate::Level;

/// A lint as data. `reports` and `explain` need no more than this.
#[derive(Debug, PartialEq, Eq)]
pub struct Lint {
    /// Names the pattern found; reads well after "allow".
    pub id: &'static str,
    /// Level of a `derived` finding.
    pub level: Level,
    /// One line, lower case.
    pub summary: &'static str,
    /// The documentation, one string a line, as Markdown.
    pub docs: &'static [&'static str],
}

/// Declares a lint: the doc comment becomes both rustdoc and [`Lint::docs`].
///
/// The levels and the summary are named, so that a declaration reads as a table row.
#[macro_export]
macro_rules! declare_lint {
    (
        $(#[doc = $doc:literal])*
        $visibility:vis static $name:ident = {
            id: $id:literal,
            level: $level:expr,
            summary: $summary:literal,
        }
    ) => {
        $(#[doc = $doc])*
        $visibility static $name: $crate::Lint = $crate::Lint {
            id: $id,
            level: $level,
            summary: $summary,
            docs: &[$($doc),*],
        };
    };
}
