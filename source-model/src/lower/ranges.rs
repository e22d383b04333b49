//! Where things stand: ranges put together from the tokens that syntax trees keep.

use std::cell::RefCell;

use proc_macro2::{LineColumn, Span, TokenStream};
use syn::{AttrStyle, Attribute, PathArguments, Visibility};

use crate::span::{LineCol, TextRange};

thread_local! {
    /// A span around each macro definition that calls of the file being read were expanded by, by origin less one.
    static ORIGINS: RefCell<Vec<Span>> = const { RefCell::new(Vec::new()) };
}

/// Gives the next origin to the text around a span.
pub(crate) fn add_origin(whole: Span) {
    ORIGINS.with_borrow_mut(|origins| origins.push(whole));
}

pub(crate) fn forget_origins() {
    ORIGINS.with_borrow_mut(Vec::clear);
}

/// The origin of a span; 0 for the file being read.
fn origin_of(span: Span) -> u32 {
    let position = ORIGINS.with_borrow(|origins| origins.iter().position(|whole| whole.join(span).is_some()));
    position.map_or(0, |position| u32::try_from(position + 1).unwrap_or(0))
}

/// The range of a `proc_macro2` span: lines are 1-based there, columns 0-based.
pub(crate) fn range_of(span: Span) -> TextRange {
    between(span, span)
}

/// From the start of one span to the end of another.
pub(crate) fn between(first: Span, last: Span) -> TextRange {
    TextRange::from_to(start_of(first), end_of(last))
}

pub(crate) fn start_of(span: Span) -> LineCol {
    place(span.start(), span)
}

pub(crate) fn end_of(span: Span) -> LineCol {
    place(span.end(), span)
}

fn place(at: LineColumn, span: Span) -> LineCol {
    let column = u32::try_from(at.column + 1).unwrap_or(u32::MAX);
    LineCol { line: u32::try_from(at.line).unwrap_or(u32::MAX), column }.of_origin(origin_of(span))
}

/// The first outer attribute, doc comments included.
pub(crate) fn attributes_start(attrs: &[Attribute]) -> Option<Span> {
    attrs.iter().find(|attr| matches!(attr.style, AttrStyle::Outer)).map(|attr| attr.pound_token.span)
}

pub(crate) fn visibility_start(visibility: &Visibility) -> Option<Span> {
    match visibility {
        Visibility::Public(token) => Some(token.span),
        Visibility::Restricted(restricted) => Some(restricted.pub_token.span),
        Visibility::Inherited => None,
    }
}

/// The first token of a function's signature.
pub(crate) fn signature_start(sig: &syn::Signature) -> Span {
    let safety = match &sig.safety {
        syn::Safety::Safe(token) => Some(token.span),
        syn::Safety::Unsafe(token) => Some(token.span),
        syn::Safety::Default => None,
    };
    let words = [
        sig.constness.map(|token| token.span),
        sig.asyncness.map(|token| token.span),
        safety,
        sig.abi.as_ref().map(|abi| abi.extern_token.span),
    ];
    words.into_iter().flatten().next().unwrap_or(sig.fn_token.span)
}

pub(crate) fn path_range(qself: Option<&syn::QSelf>, path: &syn::Path) -> TextRange {
    between(path_start(qself, path), path_end(path))
}

pub(crate) fn path_start(qself: Option<&syn::QSelf>, path: &syn::Path) -> Span {
    let first = || path.segments.first().map_or_else(Span::call_site, |first| first.ident.span());
    match (qself, &path.leading_colon) {
        (Some(qself), _) => qself.lt_token.span,
        (None, Some(colons)) => colons.spans[0],
        (None, None) => first(),
    }
}

fn path_end(path: &syn::Path) -> Span {
    let Some(last) = path.segments.last() else { return Span::call_site() };
    match &last.arguments {
        PathArguments::AngleBracketed(args) => args.gt_token.span,
        PathArguments::Parenthesized(args) => args.paren_token.span.close(),
        PathArguments::None => last.ident.span(),
    }
}

/// A macro call from its path to its closing delimiter.
pub(crate) fn macro_range(call: &syn::Macro) -> TextRange {
    between(path_start(None, &call.path), call.delimiter.span().close())
}

/// From the first to the last token.
pub(crate) fn tokens_range(tokens: &TokenStream) -> Option<TextRange> {
    let mut all = tokens.clone().into_iter();
    let first = all.next()?.span();
    let last = all.last().map_or(first, |last| last.span());
    Some(between(first, last))
}
