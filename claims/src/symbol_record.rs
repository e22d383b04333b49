//! The symbols that a claim names and rests on: where they are, what they say, and their digests.

use std::collections::BTreeMap;

use interlock_source::{Function, Workspace};

use crate::manifest::sha256;
use crate::{CheckResult, Claim, Excerpt, Place};

/// A function that a claim names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolRecord {
    /// The symbol as the manifest names it.
    pub symbol: String,
    /// The whole item.
    pub place: Place,
    /// Its lines.
    pub excerpt: Excerpt,
    /// SHA-256 of its normalised tokens: layout and comments do not change it.
    pub digest: String,
}

/// The digest of a function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SymbolDigest {
    /// Path of the function.
    pub path: String,
    /// SHA-256 of its normalised tokens; of all of them in order, where several functions have the path.
    pub digest: String,
}

/// The functions that the checks, controls and scope of a claim name, each once, in this order.
pub(crate) fn named_symbols(workspace: &Workspace, claim: &Claim) -> Vec<SymbolRecord> {
    let checked = claim.checks.iter().filter_map(|check| check.kind.symbol()).map(|symbol| &symbol.pattern);
    let edited = claim.controls.iter().flat_map(|control| &control.edits).map(|edit| &edit.symbol);
    let shown = claim.scope.iter().map(|symbol| &symbol.pattern);
    let mut records: Vec<SymbolRecord> = Vec::new();
    for symbol in checked.chain(edited).chain(shown) {
        for function in workspace.find_functions(symbol) {
            let record = record(workspace, symbol, function);
            if records.iter().all(|known| known.place != record.place) {
                records.push(record);
            }
        }
    }
    records
}

fn record(workspace: &Workspace, symbol: &str, function: &Function) -> SymbolRecord {
    SymbolRecord {
        symbol: symbol.to_owned(),
        place: Place::of_function(workspace, function),
        excerpt: Excerpt::of(workspace, function.span),
        digest: sha256(&workspace.digest_text(function.span)),
    }
}

/// The digests of every function that a claim names or looked into, sorted by path.
pub(crate) fn rests_on(workspace: &Workspace, symbols: &[SymbolRecord], checks: &[CheckResult]) -> Vec<SymbolDigest> {
    let named = symbols.iter().map(|symbol| symbol.place.item.as_str());
    let looked_into = checks.iter().flat_map(|check| &check.outcome.sites).map(|site| site.place.item.as_str());
    let mut tokens: BTreeMap<&str, String> = named.chain(looked_into).map(|path| (path, String::new())).collect();
    for function in workspace.functions() {
        if let Some(tokens) = tokens.get_mut(function.path.as_str()) {
            // Twins of one path, such as two targets that share a file, count in order.
            let separator = if tokens.is_empty() { "" } else { "\n" };
            tokens.push_str(separator);
            tokens.push_str(&workspace.digest_text(function.span));
        }
    }
    tokens.into_iter().map(|(path, tokens)| SymbolDigest { path: path.to_owned(), digest: sha256(&tokens) }).collect()
}
