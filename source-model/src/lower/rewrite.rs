//! Forms that other editions and nightly compilers know, and the grammar does not: said in words that it knows.
//!
//! Only for code that does not parse as it stands. What a rewritten form runs, and in which order, stays the same;
//! its types may lose a `Box` or a `const`, which no fact rests on. Places stay those of the written tokens.

use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};

/// Tokens within brackets deeper than this are kept as they are.
const MAX_DEPTH: usize = 512;

/// The tokens with every known form rewritten.
pub(crate) fn rewritten(tokens: TokenStream) -> TokenStream {
    level(tokens.into_iter().collect(), 0).into_iter().collect()
}

fn level(tokens: Vec<TokenTree>, depth: usize) -> Vec<TokenTree> {
    if depth > MAX_DEPTH {
        return tokens;
    }
    let mut out: Vec<TokenTree> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        at += match &tokens[at] {
            TokenTree::Ident(ident) => word(ident, &tokens[at..], &mut out),
            TokenTree::Group(group) => {
                let within: Vec<TokenTree> = group.stream().into_iter().collect();
                let within = if declares_parameters(&out, group) { with_names(within) } else { within };
                out.push(TokenTree::Group(regrouped(group, level(within, depth + 1))));
                1
            }
            // `~const Bound`.
            TokenTree::Punct(punct) if punct.as_char() == '~' && is_word(tokens.get(at + 1), "const") => 2,
            other => {
                out.push(other.clone());
                1
            }
        };
    }
    out
}

/// Puts the form that begins with a word; how many tokens it took.
fn word(ident: &Ident, rest: &[TokenTree], out: &mut Vec<TokenTree>) -> usize {
    let (before, next) = (out.last(), rest.get(1));
    let path_follows = is_punct(next, ':') && is_punct(rest.get(2), ':');
    match ident.to_string().as_str() {
        // `box value`, `box pattern`.
        "box" if begins_operand(next) => 1,
        // `do yeet error`.
        "do" if is_word(next, "yeet") => {
            out.push(TokenTree::Ident(Ident::new("return", ident.span())));
            2
        }
        // `crate fn f()`, a field `crate name: T`.
        "crate" if matches!(next, Some(TokenTree::Ident(_))) && !is_word(before, "extern") && !is_word(next, "as") => {
            out.push(TokenTree::Ident(Ident::new("pub", ident.span())));
            1
        }
        // `const trait T`, `impl const T for U`.
        "const" if is_word(next, "trait") || is_word(before, "impl") => 1,
        // `static || {..}`.
        "static" if is_punct(next, '|') || is_word(next, "move") => 1,
        "async" if !begins_async(next) => raw(ident, out),
        "await" if !is_punct(before, '.') || is_parens(next) => raw(ident, out),
        "try" if !is_braces(next) && !is_punct(next, '!') => raw(ident, out),
        name if FN_TRAITS.contains(&name) && is_parens(next) && !path_follows && begins_bare_type(out) => {
            out.push(TokenTree::Ident(Ident::new("dyn", ident.span())));
            out.push(rest[0].clone());
            1
        }
        _ => {
            out.push(rest[0].clone());
            1
        }
    }
}

/// Traits that are written with parentheses, and that bare trait objects before 2018 are mostly of.
const FN_TRAITS: [&str; 4] = ["Fn", "FnMut", "FnOnce", "FnBox"];

/// A name that later became a keyword.
fn raw(ident: &Ident, out: &mut Vec<TokenTree>) -> usize {
    out.push(TokenTree::Ident(Ident::new_raw(&ident.to_string(), ident.span())));
    1
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}

fn is_punct(token: Option<&TokenTree>, punct: char) -> bool {
    matches!(token, Some(TokenTree::Punct(found)) if found.as_char() == punct)
}

fn is_parens(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
}

fn is_braces(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace)
}

/// What may follow the operator `box`; after a variable of that name comes an operator or the end.
fn begins_operand(next: Option<&TokenTree>) -> bool {
    match next {
        Some(TokenTree::Ident(word)) => word != "as" && word != "if",
        Some(TokenTree::Literal(_)) => true,
        Some(TokenTree::Punct(punct)) => punct.as_char() == '|' || punct.as_char() == '\'',
        _ => false,
    }
}

fn begins_async(next: Option<&TokenTree>) -> bool {
    match next {
        Some(TokenTree::Ident(word)) => {
            ["fn", "move", "unsafe", "extern", "use", "gen"].iter().any(|known| word == known)
        }
        Some(TokenTree::Punct(punct)) => punct.as_char() == '|',
        other => is_braces(other),
    }
}

/// Whether a type may begin here that is not a bound: after `<`, `,`, `=`, `&`, `&mut`, `*const`, or in parentheses.
fn begins_bare_type(before: &[TokenTree]) -> bool {
    match before.last() {
        None => true,
        Some(TokenTree::Punct(punct)) => matches!(punct.as_char(), '<' | ',' | '=' | '&'),
        Some(TokenTree::Ident(word)) => {
            // `&'a Fn()`: a lifetime is a quote and a word.
            word == "mut" || word == "const" || is_punct(before.len().checked_sub(2).map(|at| &before[at]), '\'')
        }
        _ => false,
    }
}

fn regrouped(group: &Group, within: Vec<TokenTree>) -> Group {
    let mut new = Group::new(group.delimiter(), within.into_iter().collect());
    new.set_span(group.span());
    new
}

/// Whether a group holds the parameters of a function: `fn name(..)`, `fn name<..>(..)`.
fn declares_parameters(before: &[TokenTree], group: &Group) -> bool {
    if group.delimiter() != Delimiter::Parenthesis {
        return false;
    }
    let mut depth = 0_usize;
    let mut at = before.len();
    while at > 0 {
        at -= 1;
        match &before[at] {
            TokenTree::Punct(punct) if punct.as_char() == '>' && !is_arrow(before, at) => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '<' => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => return false,
            },
            TokenTree::Ident(_) if depth == 0 => {
                return at.checked_sub(1).is_some_and(|before_name| is_word(before.get(before_name), "fn"));
            }
            _ if depth == 0 => return false,
            _ => {}
        }
    }
    false
}

fn is_arrow(tokens: &[TokenTree], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| is_punct(tokens.get(before), '-'))
}

/// Parameters of traits before 2018 may be types alone: `fn f(u8, &str)`.
fn with_names(parameters: Vec<TokenTree>) -> Vec<TokenTree> {
    let mut out = Vec::with_capacity(parameters.len());
    for piece in parameters_of(parameters) {
        if is_type_alone(&piece) {
            let place = piece[0].span();
            out.push(TokenTree::Ident(Ident::new("_", place)));
            out.push(punct(':', place));
        }
        out.extend(piece);
    }
    out
}

fn punct(character: char, place: Span) -> TokenTree {
    let mut punct = Punct::new(character, Spacing::Alone);
    punct.set_span(place);
    TokenTree::Punct(punct)
}

/// Cut behind each comma that no angle bracket encloses.
fn parameters_of(tokens: Vec<TokenTree>) -> Vec<Vec<TokenTree>> {
    let mut pieces = vec![Vec::new()];
    let mut depth = 0_usize;
    for at in 0..tokens.len() {
        match &tokens[at] {
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' && !is_arrow(&tokens, at) => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        let last = pieces.len() - 1;
        pieces[last].push(tokens[at].clone());
        if depth == 0 && is_punct(tokens.get(at), ',') {
            pieces.push(Vec::new());
        }
    }
    pieces
}

fn is_type_alone(piece: &[TokenTree]) -> bool {
    let names = |at: usize| {
        is_punct(piece.get(at), ':')
            && !is_punct(piece.get(at + 1), ':')
            && !(at > 0 && is_punct(piece.get(at - 1), ':'))
    };
    let is_self = piece.iter().any(|token| is_word(Some(token), "self"));
    let is_nothing = piece.iter().all(|token| is_punct(Some(token), ',') || is_punct(Some(token), '.'));
    !is_self && !is_nothing && !is_punct(piece.first(), '#') && !(0..piece.len()).any(names)
}

#[cfg(test)]
mod tests {
    use super::rewritten;

    fn check(text: &str, expected: &str) {
        let tokens = rewritten(text.parse().unwrap());
        assert_eq!(tokens.to_string(), expected.parse::<proc_macro2::TokenStream>().unwrap().to_string());
    }

    #[test]
    fn names_that_became_keywords_are_raw() {
        check("use a::async::b; mod async; let async = 1;", "use a::r#async::b; mod r#async; let r#async = 1;");
        check("fn try(&self) { self.try(); self.await() }", "fn r#try(&self) { self.r#try(); self.r#await() }");
        check(
            "async fn a() { async move { try { b.await } }; try!(c) }",
            "async fn a() { async move { try { b.await } }; try!(c) }",
        );
    }

    #[test]
    fn box_is_left_out() {
        check("let a = box move |b| { c }; let box d = box E(f);", "let a = move |b| { c }; let d = E(f);");
        check("box.len() + box", "box.len() + box");
    }

    #[test]
    fn bare_trait_objects_of_functions_get_their_word() {
        check("Box<Fn(A) -> B + Send>", "Box<dyn Fn(A) -> B + Send>");
        check("type A = Fn(B); x: &'a FnMut(A) + Send", "type A = dyn Fn(B); x: &'a dyn FnMut(A) + Send");
        check("fn f<F: Fn(A), G>() where G: Send + Fn(B)", "fn f<F: Fn(A), G>() where G: Send + Fn(B)");
        check("Box<dyn Fn(A)>, impl Fn(A)", "Box<dyn Fn(A)>, impl Fn(A)");
    }

    #[test]
    fn parameters_without_names_get_one() {
        check("fn f<T>(&self, A<B, C>, d: E, &str);", "fn f<T>(&self, _: A<B, C>, d: E, _: &str);");
        check("fn f(a::B) -> fn(C);", "fn f(_: a::B) -> fn(C);");
        check("fn f(self, ...); f(a, b)", "fn f(self, ...); f(a, b)");
    }

    #[test]
    fn nightly_words_are_left_out() {
        check("const trait A {} impl const A for B {} fn f<C: ~const D>()", "trait A {} impl A for B {} fn f<C: D>()");
        check("crate fn a(); extern crate b; use crate::c;", "pub fn a(); extern crate b; use crate::c;");
        check("do yeet a; static || { b }", "return a; || { b }");
    }
}
