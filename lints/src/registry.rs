//! Finding a lint by its id.

use crate::Lint;
use crate::rules::RULES;

/// All lints, by id.
pub fn lints() -> impl Iterator<Item = &'static Lint> {
    RULES.iter().map(|(lint, _)| *lint)
}

/// An id that names no lint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLint {
    /// The id as given.
    pub id: String,
    /// The lint that was probably meant.
    pub suggestion: Option<&'static str>,
}

impl std::fmt::Display for UnknownLint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no lint is called `{}`", self.id)?;
        match self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => f.write_str("; `cargo interlock lints` lists them"),
        }
    }
}

impl std::error::Error for UnknownLint {}

/// The lint of that id.
///
/// # Errors
/// When there is none; the error suggests the nearest.
pub fn find(id: &str) -> Result<&'static Lint, UnknownLint> {
    lints().find(|lint| lint.id == id).ok_or_else(|| {
        let scored = lints().map(|lint| (strsim::jaro_winkler(lint.id, id), lint.id));
        let best = scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > 0.8);
        UnknownLint { id: id.to_owned(), suggestion: best.map(|(_, id)| id) }
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_misspelt_id_is_suggested() {
        assert_eq!(super::find("reentrant-locks").unwrap_err().suggestion, Some("reentrant-lock"));
        assert_eq!(super::find("zzz").unwrap_err().suggestion, None);
    }
}
