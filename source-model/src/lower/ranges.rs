//! Where things stand: ranges put together from the tokens that syntax trees keep.

use proc_macro2::{LineColumn, Span, TokenStream};
use syn::{AttrStyle, Attribute, PathArguments, Visibility};

use crate::span::{LineCol, TextRange};

/// The range of a `proc_macro2` span: lines are 1-based there, columns 0-based.
pub(crate) fn range_of(span: Span) -> TextRange {
    TextRange { start: start_of(span), end: end_of(span) }
}

/// From the start of one span to the end of another.
pub(crate) fn between(first: Span, last: Span) -> TextRange {
    TextRange { start: start_of(first), end: end_of(last) }
}

pub(crate) fn start_of(span: Span) -> LineCol {
    place(span.start())
}

pub(crate) fn end_of(span: Span) -> LineCol {
    place(span.end())
}

fn place(at: LineColumn) -> LineCol {
    LineCol {
        line: u32::try_from(at.line).unwrap_or(u32::MAX),
        column: u32::try_from(at.column + 1).unwrap_or(u32::MAX),
    }
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
    TextRange { start: start_of(path_start(qself, path)), end: end_of(path_end(path)) }
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
