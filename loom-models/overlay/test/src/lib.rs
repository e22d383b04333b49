//! `#[test]` of an overlaid crate: the test's body is run by the checker, under every schedule that it searches.
//!
//! The standard `std` brings its `test` into every module by its prelude, and so does the overlay's, so that the tests of
//! a crate need not be changed to be models.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

/// Wraps a test's function. A test that has to panic is left as it is: what the checker finds is a panic, too.
#[proc_macro_attribute]
pub fn test(_: TokenStream, item: TokenStream) -> TokenStream {
    let (attributes, function) = split(item);
    let plain = stream("#[::core::prelude::v1::test]");
    let Some(name) = name(&function).filter(|_| !has_to_panic(&attributes)) else {
        return [plain, attributes, function].into_iter().collect();
    };
    let call = stream(&format!("::std::interlock::overlaid(|| ::std::interlock::ended_well({name}()));"));
    let body = [function, call].into_iter().collect();
    let head = [TokenTree::from(Ident::new("fn", Span::call_site())), name.into()];
    let head = head.into_iter().chain([Group::new(Delimiter::Parenthesis, TokenStream::new()).into()]);
    let wrapped = head.chain([TokenTree::from(Group::new(Delimiter::Brace, body))]).collect();
    [plain, attributes, wrapped].into_iter().collect()
}

/// Whether one of the attributes is `should_panic`.
fn has_to_panic(attributes: &TokenStream) -> bool {
    let is_it = |token: TokenTree| match token {
        TokenTree::Group(brackets) => match brackets.stream().into_iter().next() {
            Some(TokenTree::Ident(word)) => word.to_string() == "should_panic",
            _ => false,
        },
        _ => false,
    };
    attributes.clone().into_iter().any(is_it)
}

/// The attributes that an item begins with, and the rest of it.
fn split(item: TokenStream) -> (TokenStream, TokenStream) {
    let mut tokens = item.into_iter().peekable();
    let mut attributes = Vec::new();
    while tokens.peek().is_some_and(|token| matches!(token, TokenTree::Punct(sign) if sign.as_char() == '#')) {
        // The sign, and its brackets.
        attributes.extend(tokens.next());
        attributes.extend(tokens.next());
    }
    (attributes.into_iter().collect(), tokens.collect())
}

/// The name of a function.
fn name(function: &TokenStream) -> Option<Ident> {
    let mut tokens = function.clone().into_iter();
    tokens.find(|token| matches!(token, TokenTree::Ident(word) if word.to_string() == "fn"))?;
    match tokens.next()? {
        TokenTree::Ident(name) => Some(name),
        _ => None,
    }
}

fn stream(text: &str) -> TokenStream {
    // The texts are ours.
    text.parse().unwrap_or_default()
}
