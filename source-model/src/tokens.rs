//! A lexer that keeps nothing but places: for comparing code without its layout, and for finding comments.

use std::ops::Range;

use crate::span::{LineCol, TextRange};

/// The tokens of a range joined by one space each: what the code says without layout and comments.
#[must_use]
pub fn normalised_tokens(text: &str, range: TextRange) -> String {
    let text = &text[byte_range(text, range)];
    let mut joined = String::with_capacity(text.len());
    for token in code_tokens(text) {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(&text[token.bytes()]);
    }
    joined
}

/// The bytes that a range covers; clamped to the text.
#[must_use]
pub fn byte_range(text: &str, range: TextRange) -> Range<usize> {
    let start = byte_offset(text, range.start);
    start..byte_offset(text, range.end).max(start)
}

/// The byte at which a place begins; clamped to the end of its line.
#[must_use]
pub(crate) fn byte_offset(text: &str, place: LineCol) -> usize {
    let line_start = match place.line {
        // A byte order mark is not part of the first line.
        0 | 1 => text.len() - text.trim_start_matches('\u{feff}').len(),
        line => match text.match_indices('\n').nth(line as usize - 2) {
            Some((newline, _)) => newline + 1,
            None => text.len(),
        },
    };
    let line = text[line_start..].split('\n').next().unwrap_or_default();
    let column = place.column.saturating_sub(1) as usize;
    line_start + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at)
}

/// The place of a byte.
#[must_use]
pub(crate) fn place_of(text: &str, offset: usize) -> LineCol {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let columns = before[line_start..].trim_start_matches('\u{feff}').chars().count();
    let position = |count: usize| u32::try_from(count).unwrap_or(u32::MAX - 1) + 1;
    LineCol { line: position(before.matches('\n').count()), column: position(columns) }
}

/// What a token is, as far as comparing and nesting need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// An identifier, keyword, number, string, character or lifetime.
    Word,
    /// One character of punctuation.
    Punct,
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// A comment of any kind, doc comments included.
    Comment,
}

/// A token and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Token {
    pub(crate) fn bytes(self) -> Range<usize> {
        self.start..self.end
    }
}

/// All tokens of a text, comments included. Never fails: an unclosed string or comment reaches to the end.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token> + '_ {
    let mut lexer = Lexer { text, at: 0 };
    std::iter::from_fn(move || lexer.next_token())
}

/// The tokens of a text without comments.
pub(crate) fn code_tokens(text: &str) -> impl Iterator<Item = Token> + '_ {
    tokens(text).filter(|token| token.kind != TokenKind::Comment)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn next_token(&mut self) -> Option<Token> {
        self.at +=
            self.rest().len() - self.rest().trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
        let start = self.at;
        let first = self.rest().chars().next()?;
        let (kind, length) = match first {
            '/' if self.byte(1) == b'/' => (TokenKind::Comment, self.rest().find('\n').unwrap_or(self.rest().len())),
            '/' if self.byte(1) == b'*' => (TokenKind::Comment, block_comment(self.rest())),
            '(' | '[' | '{' => (TokenKind::Open, 1),
            ')' | ']' | '}' => (TokenKind::Close, 1),
            '"' => (TokenKind::Word, quoted(self.rest(), b'"')),
            '\'' => (TokenKind::Word, quote(self.rest())),
            '0'..='9' => (TokenKind::Word, number(self.rest())),
            c if is_word(c) => (TokenKind::Word, word(self.rest())),
            c => (TokenKind::Punct, c.len_utf8()),
        };
        self.at = start + length;
        Some(Token { kind, start, end: self.at })
    }
}

/// Whether a character may stand within an identifier.
pub(crate) fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn word_length(text: &str) -> usize {
    text.find(|c| !is_word(c)).unwrap_or(text.len())
}

/// An identifier, or a literal whose prefix looks like one: `r"`, `br#"`, `c"`, `b'`, `r#name`.
fn word(text: &str) -> usize {
    let length = word_length(text);
    let rest = &text[length..];
    let next = rest.as_bytes().first();
    match (&text[..length], next) {
        ("r" | "br" | "cr", Some(b'"' | b'#')) => length + raw(rest),
        ("b" | "c", Some(b'"')) => length + quoted(rest, b'"'),
        ("b", Some(b'\'')) => length + quoted(rest, b'\''),
        _ => length,
    }
}

/// After the prefix of a raw string or identifier.
fn raw(text: &str) -> usize {
    let n_hashes = text.bytes().take_while(|byte| *byte == b'#').count();
    if text.as_bytes().get(n_hashes) != Some(&b'"') {
        return if n_hashes == 1 { 1 + word_length(&text[1..]) } else { 0 };
    }
    let close = format!("\"{}", "#".repeat(n_hashes));
    let body = n_hashes + 1;
    text[body..].find(&close).map_or(text.len(), |at| body + at + close.len())
}

/// From one quotation mark to the next that is not escaped.
fn quoted(text: &str, mark: u8) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            _ if byte == mark => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character literal or a lifetime.
fn quote(text: &str) -> usize {
    let mut chars = text.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(text, b'\''),
        _ => 1 + word_length(&text[1..]),
    }
}

fn number(text: &str) -> usize {
    let mut length = word_length(text);
    let mut after = text[length..].chars();
    let is_fraction = after.next() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit());
    if is_fraction {
        length += 1 + word_length(&text[length + 1..]);
    }
    // Only digits before the `e`: neither hexadecimal nor the end of a suffix such as `usize`.
    let mantissa = text[..length].strip_suffix(['e', 'E']);
    let is_decimal = |digits: &str| digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'_' | b'.'));
    if mantissa.is_some_and(is_decimal) && text[length..].starts_with(['+', '-']) {
        length += 1 + word_length(&text[length + 1..]);
    }
    length
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let range = TextRange { start: LineCol { line: 1, column: 1 }, end: LineCol { line: u32::MAX, column: 1 } };
        assert_eq!(normalised_tokens(text, range), expected);
    }

    #[test]
    fn layout_and_comments_do_not_count() {
        check("a . b(/* c /* d */ e */ f) // g\n  ;", "a . b ( f ) ;");
        check("/// doc\nfn  f ( ) {\n}", "fn f ( ) { }");
    }

    #[test]
    fn strings_are_kept_whole() {
        check(
            r##"f("a // b", r#"c "d" "#, b"\"", 'x', '\'', b'\\')"##,
            r##"f ( "a // b" , r#"c "d" "# , b"\"" , 'x' , '\'' , b'\\' )"##,
        );
    }

    #[test]
    fn lifetimes_are_no_characters() {
        check("&'a T + 'static; 'b: loop {}", "& 'a T + 'static ; 'b : loop { }");
    }

    #[test]
    fn numbers_end_before_ranges_and_methods() {
        check("0..10 1.5e-3 2.max(3) 0xEE-1", "0 . . 10 1.5e-3 2 . max ( 3 ) 0xEE - 1");
    }

    #[test]
    fn a_suffix_in_e_is_no_exponent() {
        check("1usize-1 2_isize+x 1e-3f64 1_0E+2", "1usize - 1 2_isize + x 1e-3f64 1_0E+2");
    }

    #[test]
    fn unclosed_text_ends() {
        check("f(\"abc", "f ( \"abc");
        check("f /* abc", "f");
        check("r#\"abc", "r#\"abc");
    }

    #[test]
    fn ranges_count_characters_not_bytes() {
        let text = "\u{feff}äö x\nß y";
        let range =
            |line, from, to| TextRange { start: LineCol { line, column: from }, end: LineCol { line, column: to } };
        assert_eq!(&text[byte_range(text, range(1, 4, 5))], "x");
        assert_eq!(&text[byte_range(text, range(2, 3, 4))], "y");
        assert_eq!(place_of(text, text.find('x').unwrap()), LineCol { line: 1, column: 4 });
        assert_eq!(place_of(text, text.find('y').unwrap()), LineCol { line: 2, column: 3 });
    }

    #[test]
    fn ranges_outside_the_text_are_clamped() {
        let far = LineCol { line: 9, column: 9 };
        assert_eq!(byte_range("ab", TextRange { start: far, end: far }), 2..2);
        assert_eq!(byte_range("ab\ncd", TextRange { start: LineCol { line: 1, column: 9 }, end: far }), 2..5);
    }
}
