//! Arguments of a macro call against the matchers of its rules.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::buffer::Cursor;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseBuffer, ParseStream, Parser};

use super::rules::{Fragment, Matcher, Repeat, Rule, Rules};
use crate::lower::retry::ends_at_semicolon;

/// What a variable stands for.
pub(crate) enum Bound {
    One {
        tokens: Vec<TokenTree>,
        /// Whether other tokens around it must not change how it is read.
        is_whole: bool,
    },
    Many(Vec<Bound>),
}

pub(crate) type Bindings = BTreeMap<String, Bound>;

/// Operators of more than one character: one token tree each.
const OPERATORS: &[&str] = &[
    "<<=", ">>=", "...", "..=", "&&", "||", "<<", ">>", "+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=", "==", "!=",
    ">=", "<=", "->", "=>", "::", "..", "<-",
];

/// The first rule that the arguments fit, with what its variables stand for.
pub(crate) fn first_match(rules: &Rules, arguments: TokenStream) -> Option<(&Rule, Bindings)> {
    let find = |input: ParseStream<'_>| {
        for rule in &rules.0 {
            let attempt = input.fork();
            let mut bindings = Bindings::new();
            let is_match = all(&rule.matcher, &attempt, &mut bindings).is_ok() && attempt.is_empty();
            if is_match {
                input.advance_to(&attempt);
                return Ok((rule, bindings));
            }
        }
        Err(input.error("no rule fits"))
    };
    find.parse2(arguments).ok()
}

fn all(matchers: &[Matcher], input: ParseStream<'_>, bindings: &mut Bindings) -> syn::Result<()> {
    for matcher in matchers {
        match matcher {
            Matcher::Token(expected) => token(expected, input)?,
            Matcher::Fragment { name, kind } => {
                let bound = fragment(*kind, input)?;
                bindings.insert(name.clone(), bound);
            }
            Matcher::Group(delimiter, inner) => {
                let content = enter(*delimiter, input)?;
                all(inner, &content, bindings)?;
                if !content.is_empty() {
                    return Err(content.error("more than the rule takes"));
                }
            }
            Matcher::Repeat(repeat) => repeated(repeat, input, bindings)?,
        }
    }
    Ok(())
}

fn enter<'a>(delimiter: Delimiter, input: &ParseBuffer<'a>) -> syn::Result<ParseBuffer<'a>> {
    let content;
    match delimiter {
        Delimiter::Parenthesis => drop(syn::parenthesized!(content in input)),
        Delimiter::Bracket => drop(syn::bracketed!(content in input)),
        Delimiter::Brace => drop(syn::braced!(content in input)),
        Delimiter::None => return Err(input.error("a group without brackets")),
    }
    Ok(content)
}

fn token(expected: &TokenTree, input: ParseStream<'_>) -> syn::Result<()> {
    input.step(|cursor| match cursor.token_tree() {
        Some((found, rest)) if is_same(expected, &found) => Ok(((), rest)),
        _ => Err(cursor.error("another token")),
    })
}

fn is_same(expected: &TokenTree, found: &TokenTree) -> bool {
    match (expected, found) {
        (TokenTree::Ident(a), TokenTree::Ident(b)) => a == b,
        (TokenTree::Punct(a), TokenTree::Punct(b)) => a.as_char() == b.as_char(),
        (TokenTree::Literal(a), TokenTree::Literal(b)) => a.to_string() == b.to_string(),
        _ => false,
    }
}

/// Takes as many as fit. What a failed attempt has read is given back, the separator in front of it too.
fn repeated(repeat: &Repeat<Matcher>, input: ParseStream<'_>, bindings: &mut Bindings) -> syn::Result<()> {
    let mut columns: BTreeMap<&String, Vec<Bound>> = repeat.names.iter().map(|name| (name, Vec::new())).collect();
    let mut n_times = 0_usize;
    while !(input.is_empty() || repeat.at_most_once && n_times == 1) {
        let attempt = input.fork();
        let mut inner = Bindings::new();
        let separators = if n_times == 0 { &[] } else { repeat.separator.as_slice() };
        let matched = separators.iter().try_for_each(|separator| token(separator, &attempt));
        let matched = matched.and_then(|()| all(&repeat.inner, &attempt, &mut inner));
        // What takes nothing would be taken for ever.
        if matched.is_err() || attempt.cursor() == input.cursor() {
            break;
        }
        input.advance_to(&attempt);
        n_times += 1;
        for (name, bound) in inner {
            if let Some(column) = columns.get_mut(&name) {
                column.push(bound);
            }
        }
    }
    if repeat.at_least_once && n_times == 0 {
        return Err(input.error("at least one"));
    }
    bindings.extend(columns.into_iter().map(|(name, column)| (name.clone(), Bound::Many(column))));
    Ok(())
}

fn fragment(kind: Fragment, input: ParseStream<'_>) -> syn::Result<Bound> {
    let start = input.cursor();
    match kind {
        Fragment::Vis => drop(input.parse::<syn::Visibility>()?),
        _ if input.is_empty() => return Err(input.error("nothing is left")),
        Fragment::Block => drop(enter(Delimiter::Brace, input)?.parse::<TokenStream>()?),
        Fragment::Expr if input.peek(syn::Token![_]) => return Err(input.error("no expression")),
        Fragment::Expr => drop(input.parse::<syn::Expr>()?),
        Fragment::Ident if input.peek(syn::Token![_]) => return Err(input.error("no name")),
        Fragment::Ident => drop(input.call(syn::Ident::parse_any)?),
        Fragment::Item => item(input)?,
        Fragment::Lifetime => drop(input.parse::<syn::Lifetime>()?),
        Fragment::Literal => {
            let _: Option<syn::Token![-]> = input.parse()?;
            input.parse::<syn::Lit>()?;
        }
        Fragment::Meta => drop(input.parse::<syn::Meta>()?),
        Fragment::Pat => drop(input.call(syn::Pat::parse_multi_with_leading_vert)?),
        Fragment::PatParam => drop(input.call(syn::Pat::parse_single)?),
        Fragment::Path => drop(input.parse::<syn::Path>()?),
        Fragment::Stmt => statement(input)?,
        Fragment::Tt => token_tree(input)?,
        Fragment::Ty => drop(input.parse::<syn::Type>()?),
    }
    let tokens = between(start, input.cursor()).ok_or_else(|| input.error("not on a token"))?;
    let has_plus = || tokens.iter().any(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '+'));
    let is_whole = match kind {
        Fragment::Expr => tokens.len() > 1,
        Fragment::Ty => has_plus(),
        _ => false,
    };
    Ok(Bound::One { tokens, is_whole })
}

/// The token trees from one place to another; `None` when the second is within one of them.
fn between(start: Cursor<'_>, end: Cursor<'_>) -> Option<Vec<TokenTree>> {
    let mut tokens = Vec::new();
    let mut at = start;
    while at != end {
        let (token, rest) = at.token_tree()?;
        tokens.push(token);
        at = rest;
    }
    Some(tokens)
}

fn any_token(input: ParseStream<'_>) -> syn::Result<TokenTree> {
    input.step(|cursor| cursor.token_tree().ok_or_else(|| cursor.error("nothing is left")))
}

/// To its `;` or its `{..}`. It is parsed where it goes to, not here as well.
fn item(input: ParseStream<'_>) -> syn::Result<()> {
    let mut piece = Vec::new();
    while !input.is_empty() {
        let token = any_token(input)?;
        let ends = match &token {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !ends_at_semicolon(&piece),
            _ => false,
        };
        let is_whole_item =
            piece.is_empty() && matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::None);
        piece.push(token);
        if is_whole_item || ends {
            return if piece.len() > 1 || is_whole_item { Ok(()) } else { Err(input.error("no item")) };
        }
    }
    Err(input.error("no end of the item"))
}

/// Without its semicolon.
fn statement(input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(syn::Token![let]) {
        while !input.is_empty() && !input.peek(syn::Token![;]) {
            any_token(input)?;
        }
        return Ok(());
    }
    let attempt = input.fork();
    if attempt.parse::<syn::Expr>().is_ok() {
        input.advance_to(&attempt);
        return Ok(());
    }
    item(input)
}

/// One token tree: an operator of several characters is one, and so is a lifetime.
fn token_tree(input: ParseStream<'_>) -> syn::Result<()> {
    let TokenTree::Punct(first) = any_token(input)? else { return Ok(()) };
    if first.as_char() == '\'' {
        any_token(input)?;
        return Ok(());
    }
    let mut written = String::from(first.as_char());
    let mut cursor = input.cursor();
    let mut is_joint = first.spacing() == Spacing::Joint;
    while is_joint
        && let Some((punct, rest)) = cursor.punct()
        && written.len() < 3
    {
        written.push(punct.as_char());
        is_joint = punct.spacing() == Spacing::Joint;
        cursor = rest;
    }
    let operator = OPERATORS.iter().find(|operator| written.starts_with(*operator));
    for _ in 1..operator.map_or(1, |operator| operator.len()) {
        any_token(input)?;
    }
    Ok(())
}
