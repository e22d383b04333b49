//! Names that a template binds itself: what its caller calls the same is something else.
//!
//! Only the names of `let`, `for`, closures and match arms are told apart, and only in code: an item that a macro
//! declares is known by its name. A use that is not recognised as one loses its meaning rather than getting another.

use crate::names::EXPANSION_MARK;
use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};

pub(crate) fn marked(name: &Ident, expansion: u32) -> Ident {
    Ident::new(&format!("{name}{EXPANSION_MARK}{expansion}"), name.span())
}

/// The lower-case names that a template binds.
pub(crate) fn locals(template: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    bound_in(&template.into_iter().collect::<Vec<_>>(), &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

fn bound_in(tokens: &[TokenTree], found: &mut Vec<String>) {
    for (at, token) in tokens.iter().enumerate() {
        let rest = &tokens[at + 1..];
        match token {
            TokenTree::Ident(word) if word == "let" => names(until(rest, &["=", ":", ";"]), found),
            TokenTree::Ident(word) if word == "for" => names(until(rest, &["in"]), found),
            TokenTree::Punct(punct) if punct.as_char() == '|' && begins_closure(tokens, at) => {
                names(until(rest, &["|"]), found);
            }
            TokenTree::Punct(punct) if punct.as_char() == '=' && is(rest.first(), ">") => {
                names(arm_before(&tokens[..at]), found);
            }
            TokenTree::Group(group) => bound_in(&group.stream().into_iter().collect::<Vec<_>>(), found),
            _ => {}
        }
    }
}

/// The pattern of a match arm, from the one before it to its `if` or `=>`.
fn arm_before(tokens: &[TokenTree]) -> &[TokenTree] {
    let is_end = |token: &TokenTree| {
        is(Some(token), ",") || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    let start = tokens.iter().rposition(is_end).map_or(0, |at| at + 1);
    until(&tokens[start..], &["if"])
}

fn until<'a>(tokens: &'a [TokenTree], ends: &[&str]) -> &'a [TokenTree] {
    let end = tokens.iter().position(|token| ends.iter().any(|end| is(Some(token), end)));
    &tokens[..end.unwrap_or(tokens.len())]
}

fn is(token: Option<&TokenTree>, expected: &str) -> bool {
    match token {
        Some(TokenTree::Ident(ident)) => ident == expected,
        Some(TokenTree::Punct(punct)) => expected.len() == 1 && expected.starts_with(punct.as_char()),
        _ => false,
    }
}

/// Whether a `|` is the first of a closure's, not an operator.
fn begins_closure(tokens: &[TokenTree], at: usize) -> bool {
    match at.checked_sub(1).map(|before| &tokens[before]) {
        None => true,
        Some(TokenTree::Punct(punct)) => matches!(punct.as_char(), ',' | '=' | '>' | ';' | '&' | '!' | ':'),
        Some(TokenTree::Ident(word)) => word == "move" || word == "async" || word == "return",
        Some(_) => false,
    }
}

/// The names of a pattern, as far as they are surely bindings.
fn names(pattern: &[TokenTree], found: &mut Vec<String>) {
    for (at, token) in pattern.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                let is_variable = name.starts_with(|c: char| c.is_lowercase() || c == '_') && name != "_";
                let is_word =
                    matches!(name.as_str(), "mut" | "ref" | "box" | "true" | "false" | "self" | "crate" | "super");
                let of_caller = at > 0 && is(pattern.get(at - 1), "$");
                // A path, a call of a macro, or a struct or variant in lower case.
                let goes_on = match pattern.get(at + 1) {
                    Some(TokenTree::Punct(punct)) => punct.as_char() == '!' || punct.as_char() == ':',
                    Some(TokenTree::Group(_)) => true,
                    _ => false,
                };
                let is_in_path = at > 0 && is(pattern.get(at - 1), ":") && at > 1 && is(pattern.get(at - 2), ":");
                if is_variable && !is_word && !of_caller && !goes_on && !is_in_path {
                    found.push(name);
                }
            }
            TokenTree::Group(group) => names(&group.stream().into_iter().collect::<Vec<_>>(), found),
            _ => {}
        }
    }
}

/// Which names of a template stand for its own variables, from what surrounds each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Something else: a field, a method, a path, a name of an argument.
    Other,
    Variable,
    /// A field of a struct and the variable of its name at once.
    Shorthand,
}

/// What the name at a position is used as. `in_struct`: the tokens stand between the braces of a struct.
pub(crate) fn use_of(tokens: &[TokenTree], at: usize, in_struct: bool) -> Use {
    let before = |n: usize| at.checked_sub(n).map(|before| &tokens[before]);
    let next = tokens.get(at + 1);
    let is_member = is(before(1), ".") && !is(before(2), ".");
    let is_in_path = is(before(1), ":") && is(before(2), ":");
    let is_joint =
        |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.spacing() == Spacing::Joint);
    if is_member || is_in_path || is(before(1), "$") || is(before(1), "'") || is(next, "!") && !is_joint(next) {
        return Use::Other;
    }
    if is(next, ":") {
        let binds = ["let", "mut", "ref", "|"].iter().any(|word| is(before(1), word));
        return if binds && !is_joint(next) { Use::Variable } else { Use::Other };
    }
    let stands_alone = (before(1).is_none() || is(before(1), ",")) && (next.is_none() || is(next, ","));
    if in_struct && stands_alone { Use::Shorthand } else { Use::Variable }
}
