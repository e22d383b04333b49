//! Attributes: predicates, and those that the analysis reads.

use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Meta};

use crate::cfg::CfgExpr;
use crate::ir::Attr;

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

/// `#[path = ".."]`, also within `#[cfg_attr(.., path = "..")]`.
pub(crate) fn path_attr(attrs: &[Attribute]) -> Option<String> {
    attrs.iter().find_map(|attr| match &attr.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
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
        Meta::List(list) => list
            .tokens
            .to_string()
            .split(',')
            .map(|arg| arg.chars().filter(|c| !c.is_whitespace()).collect::<String>().into())
            .collect(),
        _ => Vec::new(),
    };
    Some(Attr { name: name.into(), args })
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
