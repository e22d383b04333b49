//! Replay tokens: `NAME=TOKEN`, or `NAME+BUG=TOKEN` of a twin. What stands after the sign is the model's own. A token of
//! `interlock-models` names its model and twin itself, and is taken without that, as `cargo test` prints it.

/// How a token of `interlock-models` begins: `im1:<engine>:<model>:<twin>:..`.
const OWN_FORM: &str = "im1:";

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
        if let Some(fields) = text.trim().strip_prefix(OWN_FORM) {
            let fields: Vec<&str> = fields.splitn(4, ':').collect();
            let [_, name, bug, _] = fields.as_slice() else { return None };
            let bug = (!bug.is_empty()).then(|| (*bug).to_owned());
            return Some(ReplayToken { name: (*name).to_owned(), bug, token: text.trim().to_owned() });
        }
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
    fn a_token_of_the_library_names_its_model_itself() {
        let text = "im1:shuttle-0.9.9-0.1.0:two_updates:read-then-write:9f:bounded:AQ==";
        let token = ReplayToken::parse(text).unwrap();
        assert_eq!((token.name.as_str(), token.bug.as_deref()), ("two_updates", Some("read-then-write")));
        assert_eq!(token.token, text);
        let token = ReplayToken::parse(&format!("two_updates={text}")).unwrap();
        assert_eq!((token.name.as_str(), token.token.as_str()), ("two_updates", text));
        assert_eq!(ReplayToken::parse("im1:loom:slot::9f:loom:AQ").unwrap().bug, None);
        assert_eq!(ReplayToken::parse("im1:loom:slot"), None);
    }

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
