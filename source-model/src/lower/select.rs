//! The grammars of `select!`: tokio's, futures' and crossbeam's.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;

/// A branch as written.
pub(crate) struct Branch {
    /// `None` for `else`, `complete` and `default`.
    pub(crate) pat: Option<syn::Pat>,
    pub(crate) future: Option<syn::Expr>,
    pub(crate) cond: Option<syn::Expr>,
    pub(crate) body: syn::Expr,
}

/// All branches of a call.
pub(crate) struct Branches(pub(crate) Vec<Branch>);

impl Parse for Branches {
    fn parse(input: ParseStream<'_>) -> syn::Result<Branches> {
        if input.peek(syn::Ident) && input.peek2(syn::Token![;]) {
            let _biased: syn::Ident = input.parse()?;
            let _: syn::Token![;] = input.parse()?;
        }
        let mut branches = Vec::new();
        while !input.is_empty() {
            branches.push(branch(input)?);
            let _: Option<syn::Token![,]> = input.parse()?;
        }
        Ok(Branches(branches))
    }
}

fn branch(input: ParseStream<'_>) -> syn::Result<Branch> {
    let mut branch = if is_fallback(input)? {
        Branch { pat: None, future: None, cond: None, body: unit() }
    } else if is_channel_operation(input) {
        channel_operation(input)?
    } else {
        future(input)?
    };
    let _: syn::Token![=>] = input.parse()?;
    branch.body = body(input)?;
    Ok(branch)
}

/// `else`, `complete`, `default`, `default(timeout)`.
fn is_fallback(input: ParseStream<'_>) -> syn::Result<bool> {
    if input.peek(syn::Token![else]) {
        input.parse::<syn::Token![else]>()?;
        return Ok(true);
    }
    let ahead = input.fork();
    let Ok(word) = ahead.parse::<syn::Ident>() else { return Ok(false) };
    let has_timeout = word == "default" && ahead.peek(syn::token::Paren);
    let is_alone = (word == "complete" || word == "default") && ahead.peek(syn::Token![=>]);
    if is_alone || has_timeout {
        input.parse::<syn::Ident>()?;
    }
    if has_timeout {
        input.parse::<proc_macro2::Group>()?;
    }
    Ok(is_alone || has_timeout)
}

/// `recv(channel) -> pat` and `send(channel, value) -> pat`.
fn is_channel_operation(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let is_word = ahead.parse::<syn::Ident>().is_ok_and(|word| word == "recv" || word == "send");
    is_word
        && ahead.parse::<proc_macro2::Group>().is_ok()
        && (ahead.peek(syn::Token![->]) || ahead.peek(syn::Token![=>]))
}

fn channel_operation(input: ParseStream<'_>) -> syn::Result<Branch> {
    let operation: proc_macro2::Ident = input.parse()?;
    let arguments: proc_macro2::Group = input.parse()?;
    let call = [proc_macro2::TokenTree::Ident(operation), proc_macro2::TokenTree::Group(arguments)];
    let future = syn::parse2(call.into_iter().collect())?;
    let pat = if input.peek(syn::Token![->]) {
        let _: syn::Token![->] = input.parse()?;
        syn::Pat::parse_multi_with_leading_vert(input)?
    } else {
        wildcard()
    };
    Ok(Branch { pat: Some(pat), future: Some(future), cond: None, body: unit() })
}

/// `pat = future, if cond`.
fn future(input: ParseStream<'_>) -> syn::Result<Branch> {
    let pat = syn::Pat::parse_multi_with_leading_vert(input)?;
    let _: syn::Token![=] = input.parse()?;
    let future = input.parse()?;
    let mut cond = None;
    if input.peek(syn::Token![,]) && input.peek2(syn::Token![if]) {
        let _: syn::Token![,] = input.parse()?;
        let _: syn::Token![if] = input.parse()?;
        cond = Some(input.parse()?);
    }
    Ok(Branch { pat: Some(pat), future: Some(future), cond, body: unit() })
}

/// A block ends the branch without a comma, where an expression would go on.
fn body(input: ParseStream<'_>) -> syn::Result<syn::Expr> {
    if !input.peek(syn::token::Brace) {
        return input.parse();
    }
    let block: syn::Block = input.parse()?;
    Ok(syn::Expr::Block(syn::ExprBlock { attrs: Vec::new(), label: None, block }))
}

fn unit() -> syn::Expr {
    let paren_token = syn::token::Paren::default();
    syn::Expr::Tuple(syn::ExprTuple { attrs: Vec::new(), paren_token, elems: Punctuated::new() })
}

fn wildcard() -> syn::Pat {
    syn::Pat::Wild(syn::PatWild { attrs: Vec::new(), underscore_token: syn::Token![_](proc_macro2::Span::call_site()) })
}
