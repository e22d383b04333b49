//! `macro_rules!` items in a text, found without parsing it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ir::Name;
use crate::span::{LineCol, TextRange};
use crate::tokens::{Token, TokenKind, code_tokens, is_word, place_of};

/// A `macro_rules!` item.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: Name,
    /// The file that it stands in.
    pub(crate) file: PathBuf,
    /// Its rules with the brackets around them.
    pub(crate) text: Box<str>,
    /// Where its rules begin.
    pub(crate) start: LineCol,
    /// Where its name is in textual scope; the end is that of the block or module around it.
    pub(crate) scope: TextRange,
    /// Whether it has `#[macro_export]`.
    pub(crate) is_exported: bool,
    /// Whether a `use` of its own file names it: another path leads to it.
    pub(crate) is_reexported: bool,
    /// Whether no block and no module of its file encloses it.
    pub(crate) is_free: bool,
    /// Whether a predicate decides over it.
    pub(crate) is_conditional: bool,
}

const KEYWORD: &str = "macro_rules";

/// The definitions of a text, in order. Definitions within others are none of its own.
pub(crate) fn definitions(text: &str, file: &Path) -> Vec<Arc<Definition>> {
    if !text.contains(KEYWORD) {
        return Vec::new();
    }
    let mut scan = Scan { text, file, open: Vec::new(), attributes: Vec::new(), found: Vec::new() };
    let tokens: Vec<Token> = code_tokens(text).collect();
    let mut at = 0;
    while at < tokens.len() {
        at = scan.step(&tokens, at);
    }
    let end = place_of(text, text.len());
    let reexported: Vec<bool> = scan.found.iter().map(|(one, _)| is_in_use(text, &tokens, one.name.as_str())).collect();
    let found = scan.found.into_iter().zip(reexported);
    let finish = |((mut definition, closed), is_reexported): ((Definition, Option<usize>), bool)| {
        definition.scope.end = closed.map_or(end, |byte| place_of(text, byte));
        definition.is_reexported = is_reexported;
        Arc::new(definition)
    };
    found.map(finish).collect()
}

/// Whether a `use` declaration of the text has the name in it.
fn is_in_use(text: &str, tokens: &[Token], name: &str) -> bool {
    let mut in_use = false;
    for token in tokens {
        match &text[token.bytes()] {
            "use" => in_use = true,
            ";" => in_use = false,
            word if in_use && word == name => return true,
            _ => {}
        }
    }
    false
}

struct Scan<'a> {
    text: &'a str,
    file: &'a Path,
    /// The definitions found so far that each open bracket encloses, and whether the bracket ends their scope.
    open: Vec<(Vec<usize>, bool)>,
    /// The attributes in front of the next item, as far as they follow each other.
    attributes: Vec<&'a str>,
    /// Each with the byte at which its scope ends, once that is known.
    found: Vec<(Definition, Option<usize>)>,
}

impl<'a> Scan<'a> {
    /// Looks at one token. The position to go on at.
    fn step(&mut self, tokens: &[Token], at: usize) -> usize {
        let token = tokens[at];
        let written = &self.text[token.bytes()];
        match token.kind {
            TokenKind::Punct if written == "#" => {
                let after = at + 1 + usize::from(self.is(tokens, at + 1, "!"));
                if self.is(tokens, after, "[") {
                    let close = closing(tokens, after);
                    self.attributes.push(&self.text[tokens[after].end..tokens[close].start]);
                    return close + 1;
                }
            }
            TokenKind::Open => self.open.push((Vec::new(), !self.is_macro_use_module(tokens, at))),
            TokenKind::Close => self.close(token.start),
            TokenKind::Word if written == KEYWORD && self.is(tokens, at + 1, "!") => {
                if let Some(next) = self.definition(tokens, at) {
                    self.attributes.clear();
                    return next;
                }
            }
            _ => {}
        }
        // A visibility and `mod name` may stand between attributes and the bracket of a module.
        let is_head =
            matches!(written, "pub" | "mod" | "(" | ")" | "crate") || self.is(tokens, at.wrapping_sub(1), "mod");
        if !is_head {
            self.attributes.clear();
        }
        at + 1
    }

    fn is(&self, tokens: &[Token], at: usize, expected: &str) -> bool {
        tokens.get(at).is_some_and(|token| &self.text[token.bytes()] == expected)
    }

    /// `#[macro_use] mod name {`: what it defines is in scope after it.
    fn is_macro_use_module(&self, tokens: &[Token], at: usize) -> bool {
        let is_module = self.is(tokens, at, "{") && self.is(tokens, at.wrapping_sub(2), "mod");
        is_module && self.attributes.iter().any(|attribute| attribute.trim().starts_with("macro_use"))
    }

    fn close(&mut self, byte: usize) {
        let Some((inner, ends_scope)) = self.open.pop() else { return };
        if !ends_scope && let Some((outer, _)) = self.open.last_mut() {
            outer.extend(inner);
        } else if ends_scope {
            for position in inner {
                self.found[position].1 = Some(byte);
            }
        }
    }

    /// `macro_rules! name { .. }`. The position behind it.
    fn definition(&mut self, tokens: &[Token], at: usize) -> Option<usize> {
        let name = tokens.get(at + 2).filter(|name| name.kind == TokenKind::Word)?;
        let open = at + 3;
        tokens.get(open).filter(|open| open.kind == TokenKind::Open)?;
        let close = closing(tokens, open);
        let bytes = tokens[open].start..tokens[close].end;
        let has = |word: &str| self.attributes.iter().any(|attribute| attribute.contains(word));
        let scope = TextRange { start: place_of(self.text, bytes.end), end: LineCol::default() };
        let definition = Definition {
            name: self.text[name.bytes()].trim_start_matches("r#").into(),
            file: self.file.to_owned(),
            text: self.text[bytes.clone()].into(),
            start: place_of(self.text, bytes.start),
            scope,
            is_exported: has("macro_export"),
            is_reexported: false,
            is_free: self.open.iter().all(|(_, ends_scope)| !ends_scope),
            is_conditional: self.attributes.iter().any(|attribute| attribute.trim().starts_with("cfg(")),
        };
        let position = self.found.len();
        self.found.push((definition, None));
        if let Some((inner, _)) = self.open.last_mut() {
            inner.push(position);
        }
        Some(close + 1)
    }
}

/// The position of the bracket that closes the one at `open`, else of the last token.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close if depth <= 1 => return at,
            TokenKind::Close => depth -= 1,
            _ => {}
        }
    }
    tokens.len() - 1
}

/// The names directly in front of a `!`: those of macro calls are among them.
pub(crate) fn called_names(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('!').filter_map(|(at, _)| {
        let before = &text[..at];
        let start = before.char_indices().rev().take_while(|(_, c)| is_word(*c)).last()?.0;
        Some(&before[start..])
    })
}

/// `#[macro_use]` of modules and crates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mentions {
    modules: Vec<String>,
    crates: Vec<String>,
}

impl Mentions {
    pub(crate) fn of(text: &str) -> Mentions {
        let mut mentions = Mentions::default();
        for (at, _) in text.match_indices("#[macro_use") {
            let Some((_, after)) = text[at..].split_once(']') else { continue };
            let mut words = code_tokens(after)
                .take(12)
                .map(|token| &after[token.bytes()])
                .skip_while(|word| !matches!(*word, "mod" | "crate" | ";" | "{"));
            match (words.next(), words.next()) {
                (Some("mod"), Some(name)) => mentions.modules.push(name.trim_start_matches("r#").to_owned()),
                (Some("crate"), Some(name)) => {
                    let alias = if words.next() == Some("as") { words.next() } else { None };
                    mentions.crates.push(alias.unwrap_or(name).to_owned());
                }
                _ => {}
            }
        }
        mentions
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.modules.is_empty() && self.crates.is_empty()
    }

    pub(crate) fn add(&mut self, other: Mentions) {
        self.modules.extend(other.modules);
        self.crates.extend(other.crates);
    }

    /// Whether a module in that file is under `#[macro_use]`.
    pub(crate) fn uses_module(&self, file: &Path) -> bool {
        let stem = file.file_stem().filter(|stem| *stem != "mod");
        let name = stem.or_else(|| file.parent()?.file_name());
        name.is_some_and(|name| self.modules.iter().any(|module| name == module.as_str()))
    }

    pub(crate) fn uses_crate(&self, krate: &str) -> bool {
        self.crates.iter().any(|name| name == krate)
    }
}
