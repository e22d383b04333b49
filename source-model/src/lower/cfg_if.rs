//! `cfg_if!`: its branches with the predicate under which each is on.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::cfg::CfgExpr;
use crate::lower::attrs::Predicate;
use crate::lower::ranges::range_of;
use crate::span::TextRange;

/// A branch: on when its own predicate holds and none of those before it.
pub(crate) struct Branch {
    pub(crate) predicate: CfgExpr,
    pub(crate) tokens: TokenStream,
    pub(crate) range: TextRange,
}

/// `if #[cfg(a)] { .. } else if #[cfg(b)] { .. } else { .. }`.
pub(crate) fn branches(tokens: TokenStream) -> Vec<Branch> {
    let mut all = Vec::new();
    let mut earlier: Vec<CfgExpr> = Vec::new();
    let mut own: Option<CfgExpr> = None;
    for token in tokens {
        let TokenTree::Group(group) = token else { continue };
        match group.delimiter() {
            Delimiter::Bracket => own = bracketed(group.stream()),
            Delimiter::Brace => {
                let mut parts: Vec<CfgExpr> = earlier.iter().map(|one| CfgExpr::Not(Box::new(one.clone()))).collect();
                parts.extend(own.clone());
                earlier.extend(own.take());
                let range = range_of(group.span());
                all.push(Branch { predicate: CfgExpr::All(parts), tokens: group.stream(), range });
            }
            _ => {}
        }
    }
    all
}

/// `cfg(..)` between the brackets of an attribute.
fn bracketed(tokens: TokenStream) -> Option<CfgExpr> {
    let group = tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    })?;
    syn::parse2::<Predicate>(group).ok().map(|predicate| predicate.0)
}
