//! A second try at a file that the grammar rejects: its items one by one, so that only the broken ones are lost.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::ir::{Gap, Item};
use crate::lower::{Lowerer, between};

/// The items that parse; the others become gaps. `None` when the file is not even a token stream.
pub(crate) fn items(text: &str, lowerer: &mut Lowerer) -> Option<Vec<Item>> {
    let tokens: TokenStream = text.parse().ok()?;
    let mut lowered = Vec::new();
    for piece in pieces(tokens) {
        match syn::parse2::<syn::File>(piece.iter().cloned().collect()) {
            Ok(file) => lowered.extend(lowerer.items(&file.items)),
            Err(error) => lowerer.gaps.extend(gap(&piece, &error)),
        }
    }
    Some(lowered)
}

fn gap(piece: &[TokenTree], error: &syn::Error) -> Option<Gap> {
    let range = between(piece.first()?.span(), piece.last()?.span());
    Some(Gap { range, reason: error.to_string() })
}

/// Cuts a file into items: each ends at a `;`, or at a `{..}` that nothing follows on the same item.
fn pieces(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut all = Vec::new();
    let mut piece: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let ends = match &token {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !is_use(&piece),
            _ => false,
        };
        piece.push(token);
        if ends {
            all.push(std::mem::take(&mut piece));
        }
    }
    if !piece.is_empty() {
        all.push(piece);
    }
    all
}

/// `use a::{..};` and `static X: T = {..};` go on after their braces.
fn is_use(piece: &[TokenTree]) -> bool {
    piece.iter().any(|token| {
        matches!(token, TokenTree::Ident(ident) if ident == "use" || ident == "static")
            || matches!(token, TokenTree::Punct(punct) if punct.as_char() == '=')
    })
}
