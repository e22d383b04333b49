//! A replay token: which model, which engine, which source, and the way to the failure. One word, safe in a shell.

use std::fmt;
use std::path::Path;

use crate::model::Model;
use crate::outcome::Failure;

/// The form of tokens.
const FORM: &str = "im1";
/// The engines that this crate is pinned to (`Cargo.toml` of the workspace).
const SHUTTLE: &str = "0.9.9";
const LOOM: &str = "0.7.2";
/// A way that is longer goes to a file.
const WAY_MAX: usize = 2_000;

/// All of a token but the scheduler and the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// `shuttle-0.9.9-0.1.0`: engine, its version, that of this crate.
    pub(crate) engine: String,
    pub(crate) model: String,
    /// The bug that was put back, or nothing.
    pub(crate) twin: String,
    /// The digest of the source.
    pub(crate) source: String,
}

impl Origin {
    pub(crate) fn new(engine: Engine, model: &Model, twin: Option<&str>, source: &str) -> Origin {
        let engine = format!("{engine}-{}", env!("CARGO_PKG_VERSION"));
        let twin = twin.unwrap_or_default().to_owned();
        Origin { engine, model: model.name.to_owned(), twin, source: source.to_owned() }
    }

    /// The token of a failure. A long way is written beside the lines, and the token names the file.
    pub(crate) fn token(&self, failure: &Failure, folder: &Path) -> String {
        let Origin { engine, model, twin, source } = self;
        let way = if failure.way.len() <= WAY_MAX { failure.way.clone() } else { filed(failure, model, folder) };
        format!("{FORM}:{engine}:{model}:{twin}:{source}:{}:{way}", failure.scheduler)
    }
}

/// Writes a way to a file and names it. Where that fails, the way is in the token after all.
fn filed(failure: &Failure, model: &str, folder: &Path) -> String {
    let path = folder.join(format!("{model}-{}-{}.way", failure.scheduler, failure.execution));
    match std::fs::write(&path, &failure.way) {
        Ok(()) => format!("@{}", path.display()),
        Err(_) => failure.way.clone(),
    }
}

/// What runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Shuttle,
    Loom,
}

impl Engine {
    /// Its name in the protocol.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Engine::Shuttle => "shuttle",
            Engine::Loom => "loom",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Engine::Shuttle => write!(f, "shuttle-{SHUTTLE}"),
            Engine::Loom => write!(f, "loom-{LOOM}"),
        }
    }
}

/// A token, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) origin: Origin,
    pub(crate) scheduler: String,
    pub(crate) way: String,
}

impl Token {
    /// Reads a token, and the file that it names.
    pub(crate) fn read(text: &str) -> Result<Token, String> {
        let parts: Vec<&str> = text.trim().splitn(7, ':').collect();
        let [FORM, engine, model, twin, source, scheduler, way] = parts[..] else {
            return Err(format!("`{text}` is not a replay token: one begins with `{FORM}:` and has seven parts"));
        };
        let way = match way.strip_prefix('@') {
            None => way.to_owned(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| format!("the token's file {path} cannot be read: {error}"))?,
        };
        let [engine, model, twin, source] = [engine, model, twin, source].map(str::to_owned);
        Ok(Token { origin: Origin { engine, model, twin, source }, scheduler: scheduler.to_owned(), way })
    }

    /// Why this token cannot be replayed here, if it cannot.
    pub(crate) fn refusal(&self, here: &Origin) -> Option<String> {
        let pairs = [
            ("model", &self.origin.model, &here.model),
            ("engine and version", &self.origin.engine, &here.engine),
            ("bug put back", &self.origin.twin, &here.twin),
            ("source", &self.origin.source, &here.source),
        ];
        let other = pairs.into_iter().find(|(_, theirs, ours)| theirs != ours);
        other.map(|(what, theirs, ours)| {
            format!(
                "the token is of another {what}: `{theirs}`, and here it is `{ours}`; run the model again for a new one"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(way: String) -> Failure {
        Failure {
            message: "lost".to_owned(),
            execution: 4,
            preemptions: Some(1),
            delays: None,
            scheduler: "bounded".to_owned(),
            way,
            steps: Vec::new(),
            n_steps: 0,
            n_quiet: 0,
            classes: Vec::new(),
        }
    }

    fn origin() -> Origin {
        let model = Model { name: "hand_off", ..Model::DEFAULT };
        Origin::new(Engine::Shuttle, &model, Some("M-02"), "f00d")
    }

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let text = origin().token(&failure("0.3.1a.2.1".to_owned()), Path::new("."));
        let token = Token::read(&text).expect("it was written so");
        assert_eq!((token.way.as_str(), token.scheduler.as_str()), ("0.3.1a.2.1", "bounded"));
        assert_eq!(token.refusal(&origin()), None);
    }

    #[test]
    fn a_long_way_goes_to_a_file() {
        let folder = std::env::temp_dir().join(format!("interlock-token-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let way = format!("0.3.1a{}", ".0.1".repeat(WAY_MAX));
        let text = origin().token(&failure(way.clone()), &folder);
        assert!(text.len() < 300 && text.contains(":@"), "{text}");
        assert_eq!(Token::read(&text).map(|token| token.way), Ok(way));
        std::fs::remove_dir_all(&folder).expect("the test made it");
        assert!(Token::read(&text).is_err_and(|error| error.contains("cannot be read")));
    }

    #[test]
    fn a_token_of_another_source_is_refused() {
        let token = Token::read(&origin().token(&failure(String::new()), Path::new("."))).expect("it was written so");
        let other = Origin { source: "beef".to_owned(), ..origin() };
        assert!(token.refusal(&other).is_some_and(|text| text.contains("another source: `f00d`")));
        let other = Origin { engine: "shuttle-0.9.8-0.1.0".to_owned(), ..origin() };
        assert!(token.refusal(&other).is_some_and(|text| text.contains("another engine and version")));
    }

    #[test]
    fn a_broken_token_is_refused() {
        assert!(Token::read("im1:shuttle").is_err_and(|error| error.contains("is not a replay token")));
        assert!(Token::read("im2:a:b:c:d:e:f").is_err());
    }

    #[test]
    fn the_versions_are_those_of_the_lock_file() {
        let lock = include_str!("../../Cargo.lock");
        for (name, version) in [("shuttle", SHUTTLE), ("loom", LOOM)] {
            assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"")), "{name} {version}");
        }
    }
}
