//! Replay tokens: `NAME=TOKEN`, or `NAME+BUG=TOKEN` of a twin. What stands after the sign is the model's own.

/// A replay token, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayToken {
    /// The model.
    pub name: String,
    /// The bug that was put back, in a twin.
    pub bug: Option<String>,
    /// The schedule, as the model's library encodes it.
    pub token: String,
}

impl ReplayToken {
    /// Takes a token apart; nothing where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<ReplayToken> {
        let (place, token) = text.trim().split_once('=')?;
        let (name, bug) = match place.split_once('+') {
            Some((name, bug)) => (name, Some(bug.to_owned())),
            None => (place, None),
        };
        let is_whole = !name.is_empty() && !token.is_empty() && bug.as_deref() != Some("");
        is_whole.then(|| ReplayToken { name: name.to_owned(), bug, token: token.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_apart_at_its_first_sign() {
        let token = ReplayToken::parse("slot::stop+M-02=v1=x+y\n").unwrap();
        assert_eq!((token.name.as_str(), token.bug.as_deref()), ("slot::stop", Some("M-02")));
        assert_eq!(token.token, "v1=x+y");
        assert_eq!(ReplayToken::parse("slot=9").unwrap().bug, None);
        for text in ["", "slot", "=9", "slot=", "slot+=9"] {
            assert_eq!(ReplayToken::parse(text), None, "{text}");
        }
    }
}
