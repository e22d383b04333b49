//! Macros among the statements of a block: what they expand to stands in the block itself.

use proc_macro2::TokenStream;
use syn::parse::Parser;

use super::{Position, Within};
use crate::lower::{Lowerer, attrs};

/// The statements of a block with those of its macros in their places.
pub(crate) struct Spliced {
    pub(crate) stmts: Vec<syn::Stmt>,
    /// The expansion that each came out of.
    pub(crate) within: Vec<Within>,
}

impl Lowerer {
    /// The statements with macros expanded; `None` where no macro of the workspace stands among them.
    pub(crate) fn spliced(&mut self, stmts: &[syn::Stmt]) -> Option<Spliced> {
        if !stmts.iter().any(|stmt| self.is_known_macro(stmt)) {
            return None;
        }
        let mut spliced = Spliced { stmts: Vec::new(), within: Vec::new() };
        let n_before = self.expander.n_expansions;
        self.splice(stmts.to_vec(), &mut spliced);
        (self.expander.n_expansions > n_before).then_some(spliced)
    }

    fn is_known_macro(&self, stmt: &syn::Stmt) -> bool {
        let syn::Stmt::Macro(call) = stmt else { return false };
        self.expander.has_name_of(&call.mac) && self.expander.find(&call.mac, self.site_of(&call.mac)).is_some()
    }

    fn splice(&mut self, stmts: Vec<syn::Stmt>, into: &mut Spliced) {
        for stmt in stmts {
            let call = match &stmt {
                // Under a predicate it stays one statement.
                syn::Stmt::Macro(call) if attrs::predicate(&call.attrs).is_none() => call,
                _ => {
                    into.push(stmt, self);
                    continue;
                }
            };
            let expanded = self.expanded(&call.mac, Position::Code, |lowerer, tokens| {
                let stmts = statements(tokens, call.semi_token)?;
                lowerer.splice(stmts, into);
                Some(())
            });
            if expanded.is_none() {
                into.push(stmt, self);
            }
        }
    }
}

impl Spliced {
    fn push(&mut self, stmt: syn::Stmt, lowerer: &Lowerer) {
        self.stmts.push(stmt);
        self.within.push(lowerer.expander.within.clone());
    }
}

/// The semicolon behind the call ends the last statement.
fn statements(tokens: TokenStream, semi: Option<syn::Token![;]>) -> Option<Vec<syn::Stmt>> {
    let mut stmts = syn::Block::parse_within.parse2(tokens).ok()?;
    match (stmts.last_mut(), semi) {
        (Some(syn::Stmt::Expr(_, end @ None)), Some(semi)) => *end = Some(semi),
        (Some(syn::Stmt::Macro(call)), Some(semi)) if call.semi_token.is_none() => call.semi_token = Some(semi),
        _ => {}
    }
    Some(stmts)
}
