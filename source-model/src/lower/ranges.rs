//! Where syntax starts and ends, from its first and last tokens.
//!
//! `syn`'s own `span()` prints the whole node to tokens first: over nested code that is quadratic.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Expr, Item};

use crate::lower::between;
use crate::span::TextRange;

/// The range of an expression, without attributes.
pub(crate) fn expr_range(expr: &Expr) -> TextRange {
    between(start(expr), end(expr))
}

fn start(expr: &Expr) -> Span {
    match expr {
        Expr::Assign(e) => start(&e.left),
        Expr::Await(e) => start(&e.base),
        Expr::Binary(e) => start(&e.left),
        Expr::Call(e) => start(&e.func),
        Expr::Cast(e) => start(&e.expr),
        Expr::Field(e) => start(&e.base),
        Expr::Index(e) => start(&e.expr),
        Expr::MethodCall(e) => start(&e.receiver),
        Expr::Try(e) => start(&e.expr),
        Expr::Range(e) => e.start.as_ref().map_or_else(|| e.limits.span(), |from| start(from)),
        Expr::Group(e) => start(&e.expr),
        Expr::Paren(e) => e.paren_token.span.open(),
        Expr::Array(e) => e.bracket_token.span.open(),
        Expr::Repeat(e) => e.bracket_token.span.open(),
        Expr::Tuple(e) => e.paren_token.span.open(),
        Expr::Reference(e) => e.and_token.span,
        Expr::Unary(e) => e.op.span(),
        Expr::Path(e) => path_start(e.qself.as_ref(), &e.path),
        Expr::Struct(e) => path_start(e.qself.as_ref(), &e.path),
        Expr::Lit(e) => e.lit.span(),
        Expr::Macro(e) => path_start(None, &e.mac.path),
        Expr::Async(e) => e.async_token.span,
        Expr::Block(e) => e.label.as_ref().map_or_else(|| e.block.brace_token.span.open(), |at| at.name.apostrophe),
        Expr::Break(e) => e.break_token.span,
        Expr::Closure(e) => closure_start(e),
        Expr::Const(e) => e.const_token.span,
        Expr::Continue(e) => e.continue_token.span,
        Expr::ForLoop(e) => e.label.as_ref().map_or(e.for_token.span, |at| at.name.apostrophe),
        Expr::If(e) => e.if_token.span,
        Expr::Infer(e) => e.underscore_token.span,
        Expr::Let(e) => e.let_token.span,
        Expr::Loop(e) => e.label.as_ref().map_or(e.loop_token.span, |at| at.name.apostrophe),
        Expr::Match(e) => e.match_token.span,
        Expr::Return(e) => e.return_token.span,
        Expr::TryBlock(e) => e.try_token.span,
        Expr::Unsafe(e) => e.unsafe_token.span,
        Expr::While(e) => e.label.as_ref().map_or(e.while_token.span, |at| at.name.apostrophe),
        other => other.span(),
    }
}

fn end(expr: &Expr) -> Span {
    match expr {
        Expr::Assign(e) => end(&e.right),
        Expr::Await(e) => e.await_token.span,
        Expr::Binary(e) => end(&e.right),
        Expr::Call(e) => e.paren_token.span.close(),
        Expr::Cast(e) => e.ty.span(),
        Expr::Field(e) => e.member.span(),
        Expr::Index(e) => e.bracket_token.span.close(),
        Expr::MethodCall(e) => e.paren_token.span.close(),
        Expr::Try(e) => e.question_token.span,
        Expr::Range(e) => e.end.as_ref().map_or_else(|| e.limits.span(), |to| end(to)),
        Expr::Group(e) => end(&e.expr),
        Expr::Paren(e) => e.paren_token.span.close(),
        Expr::Array(e) => e.bracket_token.span.close(),
        Expr::Repeat(e) => e.bracket_token.span.close(),
        Expr::Tuple(e) => e.paren_token.span.close(),
        Expr::Reference(e) => end(&e.expr),
        Expr::Unary(e) => end(&e.expr),
        Expr::Path(e) => e.path.segments.last().map_or_else(|| e.span(), Spanned::span),
        Expr::Struct(e) => e.brace_token.span.close(),
        Expr::Lit(e) => e.lit.span(),
        Expr::Macro(e) => macro_end(&e.mac),
        Expr::Async(e) => e.block.brace_token.span.close(),
        Expr::Block(e) => e.block.brace_token.span.close(),
        Expr::Break(e) => match (&e.expr, &e.label) {
            (Some(value), _) => end(value),
            (None, Some(label)) => label.ident.span(),
            (None, None) => e.break_token.span,
        },
        Expr::Closure(e) => end(&e.body),
        Expr::Const(e) => e.block.brace_token.span.close(),
        Expr::Continue(e) => e.label.as_ref().map_or(e.continue_token.span, |label| label.ident.span()),
        Expr::ForLoop(e) => e.body.brace_token.span.close(),
        Expr::If(e) => match &e.else_branch {
            Some((_, otherwise)) => end(otherwise),
            None => e.then_branch.brace_token.span.close(),
        },
        Expr::Infer(e) => e.underscore_token.span,
        Expr::Let(e) => end(&e.expr),
        Expr::Loop(e) => e.body.brace_token.span.close(),
        Expr::Match(e) => e.brace_token.span.close(),
        Expr::Return(e) => e.expr.as_ref().map_or(e.return_token.span, |value| end(value)),
        Expr::TryBlock(e) => e.block.brace_token.span.close(),
        Expr::Unsafe(e) => e.block.brace_token.span.close(),
        Expr::While(e) => e.body.brace_token.span.close(),
        other => other.span(),
    }
}

fn path_start(qself: Option<&syn::QSelf>, path: &syn::Path) -> Span {
    match (qself, &path.leading_colon, path.segments.first()) {
        (Some(qself), ..) => qself.lt_token.span,
        (None, Some(colon), _) => colon.spans[0],
        (None, None, Some(first)) => first.ident.span(),
        (None, None, None) => path.span(),
    }
}

fn closure_start(closure: &syn::ExprClosure) -> Span {
    let words = [closure.asyncness.map(|word| word.span), closure.capture.map(|word| word.span)];
    words.into_iter().flatten().next().unwrap_or(closure.inputs_begin.span)
}

/// The closing delimiter of a macro call.
fn macro_end(call: &syn::Macro) -> Span {
    call.delimiter.span().close()
}

/// The range of a macro call, without attributes.
pub(crate) fn macro_range(call: &syn::Macro) -> TextRange {
    between(path_start(None, &call.path), macro_end(call))
}

/// The range of a statement, with its semicolon.
pub(crate) fn stmt_range(stmt: &syn::Stmt) -> TextRange {
    match stmt {
        syn::Stmt::Local(local) => between(local.let_token.span, local.semi_token.span),
        syn::Stmt::Expr(expr, None) => expr_range(expr),
        syn::Stmt::Expr(expr, Some(semi)) => between(start(expr), semi.span),
        syn::Stmt::Macro(call) => {
            let last = call.semi_token.map_or_else(|| macro_end(&call.mac), |semi| semi.span);
            between(path_start(None, &call.mac.path), last)
        }
        syn::Stmt::Item(item) => item_range(item),
    }
}

/// The range of an item with its attributes.
pub(crate) fn item_range(item: &Item) -> TextRange {
    match item {
        Item::Fn(def) => fn_range(&def.attrs, &def.vis, &def.sig, def.block.brace_token.span.close()),
        Item::Impl(def) => {
            let first = def.unsafety.map_or(def.impl_token.span, |word| word.span);
            between(first_of(&def.attrs, None, first), def.brace_token.span.close())
        }
        Item::Trait(def) => {
            let first = def.unsafety.map_or(def.trait_token.span, |word| word.span);
            between(first_of(&def.attrs, Some(&def.vis), first), def.brace_token.span.close())
        }
        Item::Mod(def) => {
            let last = match (&def.content, &def.semi) {
                (Some((brace, _)), _) => brace.span.close(),
                (None, Some(semi)) => semi.span,
                (None, None) => def.ident.span(),
            };
            between(first_of(&def.attrs, Some(&def.vis), def.mod_token.span), last)
        }
        Item::Static(def) => {
            between(first_of(&def.attrs, Some(&def.vis), def.static_token.span), def.semi_token.span)
        }
        Item::Const(def) => between(first_of(&def.attrs, Some(&def.vis), def.const_token.span), def.semi_token.span),
        other => crate::lower::range_of(other.span()),
    }
}

/// The range of a function with its attributes.
pub(crate) fn fn_range(
    attrs: &[syn::Attribute],
    vis: &syn::Visibility,
    sig: &syn::Signature,
    last: Span,
) -> TextRange {
    between(first_of(attrs, Some(vis), sig_start(sig)), last)
}

/// The first word of a signature.
pub(crate) fn sig_start(sig: &syn::Signature) -> Span {
    let words = [sig.constness.map(|word| word.span), sig.asyncness.map(|word| word.span)];
    let abi = sig.abi.as_ref().map(|abi| abi.extern_token.span);
    words.into_iter().flatten().next().or_else(|| safety(&sig.safety)).or(abi).unwrap_or(sig.fn_token.span)
}

fn safety(safety: &syn::Safety) -> Option<Span> {
    match safety {
        syn::Safety::Unsafe(word) => Some(word.span),
        syn::Safety::Safe(word) => Some(word.span),
        _ => None,
    }
}

/// The first of: an attribute, the visibility, the given word.
pub(crate) fn first_of(attrs: &[syn::Attribute], vis: Option<&syn::Visibility>, word: Span) -> Span {
    let attr = attrs.iter().find(|attr| matches!(attr.style, syn::AttrStyle::Outer)).map(|attr| attr.pound_token.span);
    let vis = match vis {
        Some(syn::Visibility::Public(word)) => Some(word.span),
        Some(syn::Visibility::Restricted(vis)) => Some(vis.pub_token.span),
        _ => None,
    };
    attr.or(vis).unwrap_or(word)
}
