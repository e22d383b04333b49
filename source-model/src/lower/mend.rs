//! A function whose body does not parse: the statements and match arms that are broken are taken out, the others stay.
//!
//! What is taken out leaves a use of the variables that it names behind. So a guard that the broken code may have
//! dropped or moved is not taken to live on: a gap hides findings, and makes none.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Group, Ident, LineColumn, Punct, Spacing, Span, TokenStream, TokenTree};
use syn::parse::Parse;

use crate::ir::Gap;
use crate::lower::ranges::between;

/// Statements that are taken out of one function; a function with more is lost as a whole.
const MAX_MENDS: usize = 16;

/// Names that are kept of what is taken out.
const MAX_NAMES: usize = 32;

/// The piece as far as it parses, and what was taken out. `None` when that does not help.
pub(crate) fn mended<T: Parse>(piece: &[TokenTree], attempts_left: &mut u32) -> Option<(T, Vec<Gap>)> {
    let (TokenTree::Group(body), header) = piece.split_last()? else { return None };
    parse::<T>(header, body, TokenStream::new()).ok()?;
    let mut stream = body.stream();
    let mut gaps = Vec::new();
    let mut error = parse::<T>(header, body, stream.clone()).err()?;
    for _ in 0..MAX_MENDS {
        let place = error.span().start();
        let next = candidates(&stream, place).into_iter().find_map(|cut| {
            *attempts_left = attempts_left.checked_sub(1)?;
            let result = parse::<T>(header, body, cut.stream.clone());
            let helps = result.as_ref().err().is_none_or(|error| error.span().start() > cut.end);
            helps.then_some((cut, result))
        });
        let (cut, result) = next?;
        gaps.push(Gap { range: cut.range, reason: error.to_string() });
        stream = cut.stream;
        match result {
            Ok(item) => return Some((item, gaps)),
            Err(later) => error = later,
        }
    }
    None
}

fn parse<T: Parse>(header: &[TokenTree], body: &Group, within: TokenStream) -> syn::Result<T> {
    let group = TokenTree::Group(regrouped(body, within));
    syn::parse2(header.iter().cloned().chain([group]).collect())
}

fn regrouped(group: &Group, within: TokenStream) -> Group {
    let mut new = Group::new(group.delimiter(), within);
    new.set_span(group.span());
    new
}

/// A body without one of its pieces.
struct Cut {
    stream: TokenStream,
    range: crate::span::TextRange,
    end: LineColumn,
}

/// Ways to take out what stands at a place, the smallest first.
fn candidates(stream: &TokenStream, place: LineColumn) -> Vec<Cut> {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    let mut cuts = Vec::new();
    let enclosing = tokens.iter().position(|token| matches!(token, TokenTree::Group(group) if encloses(group, place)));
    if let Some(at) = enclosing
        && let TokenTree::Group(group) = &tokens[at]
    {
        for inner in candidates(&group.stream(), place) {
            let mut outer = tokens.clone();
            outer[at] = TokenTree::Group(regrouped(group, inner.stream));
            cuts.push(Cut { stream: outer.into_iter().collect(), ..inner });
        }
    }
    cuts.extend(cut(&tokens, place));
    cuts
}

fn encloses(group: &Group, place: LineColumn) -> bool {
    group.span_open().start() < place && place <= group.span_close().start()
}

/// Takes out the statement or arm at a place.
fn cut(tokens: &[TokenTree], place: LineColumn) -> Option<Cut> {
    let has_arms = (0..tokens.len()).any(|at| is_fat_arrow(tokens, at));
    let ends = if has_arms { arm_ends(tokens) } else { statement_ends(tokens) };
    let mut start = 0;
    for end in ends {
        if tokens[end - 1].span().end() > place || end == tokens.len() {
            let piece = &tokens[start..end];
            let instead = if has_arms { arm_instead(piece) } else { statement_instead(piece) };
            let stream = [&tokens[..start], &instead, &tokens[end..]].concat().into_iter().collect();
            let (first, last) = (piece.first()?.span(), piece.last()?.span());
            return Some(Cut { stream, range: between(first, last), end: last.end() });
        }
        start = end;
    }
    None
}

fn is_fat_arrow(tokens: &[TokenTree], at: usize) -> bool {
    matches!((&tokens[at], tokens.get(at + 1)), (TokenTree::Punct(a), Some(TokenTree::Punct(b)))
        if a.as_char() == '=' && a.spacing() == Spacing::Joint && b.as_char() == '>')
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

fn is_word(token: Option<&TokenTree>, words: &[&str]) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if words.iter().any(|word| ident == word))
}

fn is_braces(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

/// Statements end at `;`, and those that begin like a block or item at their last `{..}`.
fn statement_ends(tokens: &[TokenTree]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut start = 0;
    for (at, token) in tokens.iter().enumerate() {
        let goes_on = |next: &TokenTree| is_word(Some(next), &["else"]) || is_punct(next, '.') || is_punct(next, '?');
        let ends_here = is_braces(token) && begins_block(&tokens[start..]) && !tokens.get(at + 1).is_some_and(goes_on);
        if is_punct(token, ';') || ends_here || at + 1 == tokens.len() {
            ends.push(at + 1);
            start = at + 1;
        }
    }
    ends
}

/// Words that begin a statement which ends with a block.
const BLOCK_WORDS: [&str; 15] = [
    "if", "match", "while", "for", "loop", "unsafe", "fn", "struct", "enum", "impl", "trait", "mod", "async", "pub",
    "try",
];

fn begins_block(piece: &[TokenTree]) -> bool {
    let is_label = |token: &TokenTree| is_punct(token, '\'');
    is_word(piece.first(), &BLOCK_WORDS) || piece.first().is_some_and(|token| is_braces(token) || is_label(token))
}

/// Arms end at `,`, or at the `{..}` that is their whole body.
fn arm_ends(tokens: &[TokenTree]) -> Vec<usize> {
    let mut ends = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let after_arrow = at >= 2 && is_fat_arrow(tokens, at - 2);
        let comma_follows = tokens.get(at + 1).is_some_and(|next| is_punct(next, ','));
        if is_punct(token, ',') || is_braces(token) && after_arrow && !comma_follows || at + 1 == tokens.len() {
            ends.push(at + 1);
        }
    }
    ends
}

/// What a statement leaves behind: its jump or its pattern, and a use of its variables.
fn statement_instead(piece: &[TokenTree]) -> Vec<TokenTree> {
    let place = piece[0].span();
    if is_word(piece.first(), &["use", "fn", "struct", "enum", "impl", "trait", "mod", "static", "pub"]) {
        return Vec::new();
    }
    let mut instead = Vec::new();
    if is_word(piece.first(), &["return", "break", "continue"]) {
        instead.push(piece[0].clone());
    }
    if !is_word(piece.first(), &["continue"]) {
        instead.push(uses(piece, place));
    }
    instead.push(punct(';', Spacing::Alone, place));
    instead
}

fn arm_instead(piece: &[TokenTree]) -> Vec<TokenTree> {
    let place = piece[0].span();
    let wildcard = TokenTree::Ident(Ident::new("_", place));
    let arrow = [punct('=', Spacing::Joint, place), punct('>', Spacing::Alone, place)];
    let mut arm = vec![wildcard];
    arm.extend(arrow);
    arm.push(uses(piece, place));
    arm.push(punct(',', Spacing::Alone, place));
    arm
}

fn punct(character: char, spacing: Spacing, place: Span) -> TokenTree {
    let mut punct = Punct::new(character, spacing);
    punct.set_span(place);
    TokenTree::Punct(punct)
}

/// A tuple of the variables that the tokens may name: it takes what they own, and drops it.
fn uses(piece: &[TokenTree], place: Span) -> TokenTree {
    let mut names = BTreeMap::new();
    variables(piece.iter().cloned().collect(), &mut names);
    let elements = names.into_values().take(MAX_NAMES).flat_map(|mut ident| {
        ident.set_span(place);
        [TokenTree::Ident(ident), punct(',', Spacing::Alone, place)]
    });
    let mut tuple = Group::new(Delimiter::Parenthesis, elements.collect());
    tuple.set_span(place);
    TokenTree::Group(tuple)
}

fn variables(stream: TokenStream, names: &mut BTreeMap<String, Ident>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => variables(group.stream(), names),
            TokenTree::Ident(ident) => {
                let follows = |character| at > 0 && is_punct(&tokens[at - 1], character);
                let name = ident.to_string();
                let is_variable = name.starts_with(|c: char| c == '_' || c.is_lowercase())
                    && !follows('.')
                    && !follows(':')
                    && !follows('\'')
                    && !tokens.get(at + 1).is_some_and(|next| is_called(next) || is_punct(next, ':'))
                    && name != "_"
                    && name != "self"
                    && syn::parse_str::<Ident>(&name).is_ok();
                if is_variable {
                    names.insert(name, ident.clone());
                }
            }
            _ => {}
        }
    }
}

fn is_called(next: &TokenTree) -> bool {
    is_punct(next, '!') || matches!(next, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis)
}
