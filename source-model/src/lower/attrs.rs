//! Attributes: predicates, and those that the analysis reads.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Meta};

use crate::cfg::CfgExpr;
use crate::ir::{Attr, Name};

/// Attributes that say nothing to the analysis.
const IGNORED: &[&str] = &["doc", "cfg", "inline", "allow", "warn", "deny", "expect", "rustfmt", "cfg_attr"];

/// The conjunction of all `#[cfg(..)]` among the attributes.
pub(crate) fn predicate(attrs: &[Attribute]) -> Option<CfgExpr> {
    let mut parts: Vec<CfgExpr> = attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"))
        .filter_map(|attr| attr.parse_args::<Predicate>().ok())
        .map(|predicate| predicate.0)
        .collect();
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(CfgExpr::All(parts)),
    }
}

/// Both predicates at once.
pub(crate) fn both(outer: Option<CfgExpr>, inner: Option<CfgExpr>) -> Option<CfgExpr> {
    match (outer, inner) {
        (Some(outer), Some(inner)) => Some(CfgExpr::All(vec![outer, inner])),
        (one, other) => one.or(other),
    }
}

/// `#[path = ".."]`.
pub(crate) fn path_attr(attrs: &[Attribute]) -> Option<String> {
    attrs.iter().find_map(|attr| path_of(&attr.meta))
}

fn path_of(meta: &Meta) -> Option<String> {
    match meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// `#[cfg_attr(.., path = "..")]`: each predicate and path.
pub(crate) fn conditional_paths(attrs: &[Attribute]) -> Vec<(CfgExpr, String)> {
    let conditional = attrs.iter().filter(|attr| attr.path().is_ident("cfg_attr"));
    conditional.filter_map(|attr| attr.parse_args_with(conditional_path).ok().flatten()).collect()
}

fn conditional_path(input: ParseStream<'_>) -> syn::Result<Option<(CfgExpr, String)>> {
    let predicate = parse_predicate(input)?;
    let _: syn::Token![,] = input.parse()?;
    let metas = input.parse_terminated(Meta::parse, syn::Token![,])?;
    Ok(metas.iter().find_map(path_of).map(|path| (predicate, path)))
}

/// The other attributes, as names and arguments.
pub(crate) fn kept(attrs: &[Attribute]) -> Vec<Attr> {
    attrs.iter().filter_map(kept_attr).collect()
}

fn kept_attr(attr: &Attribute) -> Option<Attr> {
    let name = attr.path().segments.last()?.ident.to_string();
    if IGNORED.contains(&name.as_str()) {
        return None;
    }
    let args = match &attr.meta {
        Meta::List(list) => arguments(&list.tokens),
        _ => Vec::new(),
    };
    Some(Attr { name: name.into(), args })
}

/// The tokens split at commas, as text: white space is removed save within literals.
fn arguments(tokens: &TokenStream) -> Vec<Name> {
    let mut args = vec![String::new()];
    for token in tokens.clone() {
        match (&token, args.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => args.push(String::new()),
            (TokenTree::Literal(literal), Some(arg)) => arg.push_str(&literal.to_string()),
            (_, Some(arg)) => arg.extend(token.to_string().chars().filter(|c| !c.is_whitespace())),
            (_, None) => {}
        }
    }
    args.into_iter().filter(|arg| !arg.is_empty()).map(Name::from).collect()
}

/// A predicate in the syntax of `#[cfg(..)]`.
pub(crate) struct Predicate(pub(crate) CfgExpr);

impl Parse for Predicate {
    fn parse(input: ParseStream<'_>) -> syn::Result<Predicate> {
        let parsed = parse_predicate(input)?;
        let _: Option<syn::Token![,]> = input.parse()?;
        Ok(Predicate(parsed))
    }
}

fn parse_predicate(input: ParseStream<'_>) -> syn::Result<CfgExpr> {
    if input.peek(syn::LitBool) {
        let literal: syn::LitBool = input.parse()?;
        return Ok(if literal.value { CfgExpr::All(Vec::new()) } else { CfgExpr::Any(Vec::new()) });
    }
    let path = syn::Path::parse_mod_style(input)?;
    let name = path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>().join("::");
    if input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in input);
        let parts = content.parse_terminated(parse_predicate, syn::Token![,])?.into_iter().collect::<Vec<_>>();
        return Ok(match name.as_str() {
            "any" => CfgExpr::Any(parts),
            "not" => CfgExpr::Not(Box::new(CfgExpr::All(parts))),
            _ => CfgExpr::All(parts),
        });
    }
    if input.peek(syn::Token![=]) {
        let _: syn::Token![=] = input.parse()?;
        let value: syn::LitStr = input.parse()?;
        return Ok(CfgExpr::KeyValue(name, value.value()));
    }
    Ok(CfgExpr::Flag(name))
}
