//! Edits of one function in memory: by token patterns, so that layout and comments do not matter.

mod statements;

use std::collections::BTreeSet;
use std::ops::Range;

use crate::lower::parse_file;
use crate::sources::in_pool;
use crate::span::TextRange;
use crate::tokens::{TokenKind, byte_range, code_tokens, is_word, place_of, tokens};

/// A change to a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Replaces every match.
    Replace {
        /// The tokens to look for.
        pattern: String,
        /// What stands there instead.
        with: String,
    },
    /// Inserts before the innermost statement around each match.
    InsertBefore {
        /// The tokens to look for.
        pattern: String,
        /// What is inserted.
        text: String,
    },
    /// Inserts after the innermost statement around each match.
    InsertAfter {
        /// The tokens to look for.
        pattern: String,
        /// What is inserted.
        text: String,
    },
    /// Inserts before the first statement of the body.
    InsertAtStart {
        /// What is inserted.
        text: String,
    },
    /// Inserts after the last statement of the body.
    InsertAtEnd {
        /// What is inserted.
        text: String,
    },
}

/// Why an edit was not made; completes "failed to edit: ...".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The pattern has no tokens.
    #[error("the pattern is empty")]
    EmptyPattern,
    /// The function does not have the tokens.
    #[error("`{0}` does not occur in the function")]
    NoMatch(String),
    /// The match is in the signature or an attribute.
    #[error("`{0}` occurs outside of any statement; insert at the start or end of the body instead")]
    NotInStatement(String),
    /// The function is a declaration.
    #[error("the function has no body")]
    NoBody,
    /// An earlier edit of the same run removed or renamed the function.
    #[error("`{0}` is gone after an earlier edit")]
    FunctionLost(String),
    /// The edited file is not Rust.
    #[error("the edited file does not parse: line {line}: {message}")]
    DoesNotParse {
        /// The line in the edited text.
        line: usize,
        /// What the parser says.
        message: String,
    },
}

/// Makes the edit. Returns the edited text and how many places of the function matched.
pub(crate) fn apply(
    text: &str,
    function: TextRange,
    body: Option<TextRange>,
    edit: &Edit,
) -> Result<(String, usize), EditError> {
    let (splices, n_matches) = match edit {
        Edit::Replace { pattern, with } => {
            let found = matches(text, function, pattern)?;
            let splices = found.iter().map(|found| (found.clone(), standalone(text, found, with))).collect();
            (splices, found.len())
        }
        Edit::InsertBefore { pattern, text: inserted } => {
            let (statements, n_matches) = statements_around(text, function, pattern)?;
            let at = |statement: Range<usize>| (statement.start..statement.start, separated(inserted));
            (statements.into_iter().map(at).collect(), n_matches)
        }
        Edit::InsertAfter { pattern, text: inserted } => {
            let (statements, n_matches) = statements_around(text, function, pattern)?;
            let at = |statement: Range<usize>| (statement.end..statement.end, format!(" {}", closed(inserted)));
            (statements.into_iter().map(at).collect(), n_matches)
        }
        Edit::InsertAtStart { text: inserted } => {
            let at = body_bytes(text, body)?.start;
            (vec![(at..at, format!(" {}", closed(inserted)))], 1)
        }
        Edit::InsertAtEnd { text: inserted } => {
            let at = body_bytes(text, body)?.end;
            (vec![(at..at, separated(inserted))], 1)
        }
    };
    let edited = spliced(text, splices);
    check_parses(&edited)?;
    Ok((edited, n_matches))
}

/// The bytes between the braces of the body.
fn body_bytes(text: &str, body: Option<TextRange>) -> Result<Range<usize>, EditError> {
    let bytes = byte_range(text, body.ok_or(EditError::NoBody)?);
    let inner = bytes.start + 1..bytes.end.saturating_sub(1);
    if inner.start <= inner.end { Ok(inner) } else { Err(EditError::NoBody) }
}

/// The bytes of every match of the pattern's tokens in the function, from left to right, without overlap.
fn matches(text: &str, function: TextRange, pattern: &str) -> Result<Vec<Range<usize>>, EditError> {
    let wanted: Vec<&str> = code_tokens(pattern).map(|token| &pattern[token.bytes()]).collect();
    if wanted.is_empty() {
        return Err(EditError::EmptyPattern);
    }
    let bytes = byte_range(text, function);
    let code = &text[bytes.clone()];
    let tokens: Vec<_> = code_tokens(code).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(window) = tokens.get(at..at + wanted.len()) {
        let fits = window.iter().zip(&wanted).all(|(token, wanted)| code[token.bytes()] == **wanted);
        if fits {
            found.push(bytes.start + window[0].start..bytes.start + window[wanted.len() - 1].end);
        }
        at += if fits { wanted.len() } else { 1 };
    }
    if found.is_empty() { Err(EditError::NoMatch(pattern.to_owned())) } else { Ok(found) }
}

/// The innermost statements around the matches, each once, and the number of matches.
fn statements_around(text: &str, function: TextRange, pattern: &str) -> Result<(Vec<Range<usize>>, usize), EditError> {
    let found = matches(text, function, pattern)?;
    let ir = in_pool(|| parse_file(text));
    let statements = statements::all(&ir.items);
    let mut around = BTreeSet::new();
    for found in &found {
        let place = TextRange { start: place_of(text, found.start), end: place_of(text, found.end) };
        let within = statements.iter().filter(|range| function.contains(**range) && range.contains(place));
        // Statements nest: the innermost one starts last.
        let innermost = within.max_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
        let innermost = innermost.ok_or_else(|| EditError::NotInStatement(pattern.to_owned()))?;
        around.insert((innermost.start, innermost.end));
    }
    let ranges = around.into_iter().map(|(start, end)| byte_range(text, TextRange { start, end }));
    Ok((ranges.collect(), found.len()))
}

/// A text that hides nothing of what follows: a line comment at its end is ended.
fn closed(text: &str) -> String {
    let ends_in_comment = tokens(text).last().is_some_and(|last| {
        last.kind == TokenKind::Comment && text[last.bytes()].starts_with("//") && last.end == text.len()
    });
    format!("{text}{}", if ends_in_comment { "\n" } else { "" })
}

/// A text that is not glued to what follows.
fn separated(text: &str) -> String {
    format!("{} ", closed(text))
}

/// A replacement that neither hides what follows nor makes one word with what is beside it.
fn standalone(text: &str, place: &Range<usize>, with: &str) -> String {
    let joins = |left: Option<char>, right: Option<char>| left.is_some_and(is_word) && right.is_some_and(is_word);
    let space = |joins: bool| if joins { " " } else { "" };
    let before = space(joins(text[..place.start].chars().next_back(), with.chars().next()));
    let with = closed(with);
    let after = space(joins(with.chars().next_back(), text[place.end..].chars().next()));
    format!("{before}{with}{after}")
}

fn spliced(text: &str, mut splices: Vec<(Range<usize>, String)>) -> String {
    splices.sort_by_key(|(range, _)| range.start);
    let mut edited = String::with_capacity(text.len());
    let mut at = 0;
    for (range, with) in splices {
        edited.push_str(&text[at..range.start]);
        edited.push_str(&with);
        at = range.end;
    }
    edited.push_str(&text[at..]);
    edited
}

fn check_parses(text: &str) -> Result<(), EditError> {
    in_pool(|| match crate::lower::syntax_error(text) {
        Some((line, message)) => Err(EditError::DoesNotParse { line, message }),
        None => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::ItemKind;

    fn edited(text: &str, edit: Edit) -> Result<(String, usize), EditError> {
        let ir = parse_file(text);
        let item = &ir.items[0];
        let ItemKind::Fn(def) = &item.kind else { panic!("the source is not a function") };
        apply(text, item.range, def.body.as_ref().map(|body| body.range), &edit)
    }

    fn check(text: &str, edit: Edit, expected: &str) {
        let (edited, _) = edited(text, edit).unwrap();
        assert_eq!(edited, expected);
    }

    fn replace(pattern: &str, with: &str) -> Edit {
        Edit::Replace { pattern: pattern.into(), with: with.into() }
    }

    fn before(pattern: &str, text: &str) -> Edit {
        Edit::InsertBefore { pattern: pattern.into(), text: text.into() }
    }

    fn after(pattern: &str, text: &str) -> Edit {
        Edit::InsertAfter { pattern: pattern.into(), text: text.into() }
    }

    #[test]
    fn layout_and_comments_do_not_matter() {
        check("fn f() { a\n  .b( /* c */ 1); }", replace("a.b(1)", "g()"), "fn f() { g(); }");
    }

    #[test]
    fn every_match_is_replaced_and_counted() {
        let (text, n_matches) = edited("fn f() { g(); h(g()); }", replace("g()", "x()")).unwrap();
        assert_eq!((text.as_str(), n_matches), ("fn f() { x(); h(x()); }", 2));
    }

    #[test]
    fn other_functions_are_left_alone() {
        check("fn f() { g(); } fn h() { g(); }", replace("g()", "x()"), "fn f() { x(); } fn h() { g(); }");
    }

    #[test]
    fn part_of_a_word_is_no_match() {
        let error = edited("fn f() { agent(); }", replace("gent()", "x()")).unwrap_err();
        assert_eq!(error, EditError::NoMatch("gent()".into()));
    }

    #[test]
    fn insertion_takes_the_whole_innermost_statement() {
        check(
            "fn f() { a(); let x = b(c { d: e() }); }",
            before("e()", "n();"),
            "fn f() { a(); n(); let x = b(c { d: e() }); }",
        );
        check("fn f() { if a { b(c()); } d(); }", after("c()", "n();"), "fn f() { if a { b(c()); n(); } d(); }");
        check(
            "fn f() { if a { b } else { c }.d(e); }",
            before("e", "n();"),
            "fn f() { n(); if a { b } else { c }.d(e); }",
        );
        check(
            "fn f() { match a { B => c(), _ => {} } }",
            before("c()", "n();"),
            "fn f() { n(); match a { B => c(), _ => {} } }",
        );
    }

    #[test]
    fn statements_in_closures_and_macros_are_found() {
        check("fn f() { run(|| { a(); b() }); }", before("b()", "n();"), "fn f() { run(|| { a(); n(); b() }); }");
        check(
            "fn f() { select! { x = a() => { b(); } } }",
            after("b()", "n();"),
            "fn f() { select! { x = a() => { b(); n(); } } }",
        );
    }

    #[test]
    fn the_signature_is_no_statement() {
        let error = edited("fn f(a: u8) { b(); }", before("a: u8", "n();")).unwrap_err();
        assert_eq!(error, EditError::NotInStatement("a: u8".into()));
    }

    #[test]
    fn start_and_end_of_the_body() {
        check("fn f() { a(); }", Edit::InsertAtStart { text: "n();".into() }, "fn f() { n(); a(); }");
        check("fn f() { a(); }", Edit::InsertAtEnd { text: "n();".into() }, "fn f() { a(); n(); }");
        check("fn f() {}", Edit::InsertAtStart { text: "n();".into() }, "fn f() { n();}");
    }

    #[test]
    fn a_comment_at_the_end_of_an_insertion_hides_nothing() {
        check("fn f() { a(); b(); }", before("b()", "n(); // why"), "fn f() { a(); n(); // why\n b(); }");
        check("fn f() { a(); b(); }", after("a()", "n(); // why"), "fn f() { a(); n(); // why\n b(); }");
        check("fn f() { a(); }", Edit::InsertAtEnd { text: "n(); // why".into() }, "fn f() { a(); n(); // why\n }");
        check("fn f() { a(); b(); }", replace("a();", "n(); // why"), "fn f() { n(); // why\n b(); }");
        check("fn f() { a(\"// b\"); }", replace("a", "n"), "fn f() { n(\"// b\"); }");
    }

    #[test]
    fn a_replacement_stays_a_word_of_its_own() {
        check("fn f() { return(a) }", replace("(a)", "b"), "fn f() { return b }");
        check("fn f() { (a)as u8; }", replace("(a)", "b"), "fn f() { b as u8; }");
    }

    #[test]
    fn attributes_belong_to_their_statement() {
        check("fn f() { #[cfg(x)] a(); b(); }", before("a()", "n();"), "fn f() { n(); #[cfg(x)] a(); b(); }");
    }

    #[test]
    fn the_result_must_parse() {
        let error = edited("fn f() {\n a(); }", replace("a()", "a(")).unwrap_err();
        assert!(matches!(error, EditError::DoesNotParse { .. }), "{error}");
    }
}
