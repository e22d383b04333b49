//! A second try at a file that the grammar rejects: its items one by one, so that only the broken ones are lost.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::ir::{Gap, Item};
use crate::lower::Lowerer;
use crate::lower::ranges::between;

/// The items that parse; the others become gaps. `None` when the file is not even a token stream.
pub(crate) fn items(text: &str, lowerer: &mut Lowerer) -> Option<Vec<Item>> {
    let tokens: TokenStream = text.parse().ok()?;
    let mut found = Vec::new();
    for piece in pieces(tokens) {
        match parse::<syn::File>(&piece) {
            Ok(file) => found.extend(file.items),
            Err(error) => match members(&piece, lowerer) {
                Some(item) => found.push(item),
                None => lowerer.gaps.extend(gap(&piece, &error)),
            },
        }
    }
    Some(lowerer.items(&found))
}

/// An `impl`, `trait` or `mod` without those of its members that do not parse.
fn members(piece: &[TokenTree], lowerer: &mut Lowerer) -> Option<syn::Item> {
    let (TokenTree::Group(body), header) = piece.split_last()? else { return None };
    let mut empty = Group::new(Delimiter::Brace, TokenStream::new());
    empty.set_span(body.span());
    let hollow: Vec<TokenTree> = header.iter().cloned().chain([TokenTree::Group(empty)]).collect();
    let mut item = parse::<syn::Item>(&hollow).ok()?;
    for piece in pieces(body.stream()) {
        let result = match &mut item {
            syn::Item::Impl(def) => parse(&piece).map(|member| def.items.push(member)),
            syn::Item::Trait(def) => parse(&piece).map(|member| def.items.push(member)),
            syn::Item::Mod(syn::ItemMod { content: Some((_, items)), .. }) => {
                parse(&piece).map(|member| items.push(member))
            }
            _ => return None,
        };
        if let Err(error) = result {
            lowerer.gaps.extend(gap(&piece, &error));
        }
    }
    Some(item)
}

fn parse<T: syn::parse::Parse>(piece: &[TokenTree]) -> syn::Result<T> {
    syn::parse2(piece.iter().cloned().collect())
}

fn gap(piece: &[TokenTree], error: &syn::Error) -> Option<Gap> {
    let range = between(piece.first()?.span(), piece.last()?.span());
    Some(Gap { range, reason: error.to_string() })
}

/// Cuts tokens into items: each ends at its `;`, or at its `{..}` when its keyword is one that takes a body.
fn pieces(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut all = Vec::new();
    let mut piece: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let ends = match &token {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !ends_at_semicolon(&piece),
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

/// Whether the item goes on after a `{..}`: `use a::{..};`, `static A: T = B {..};`, but not `const fn`.
fn ends_at_semicolon(piece: &[TokenTree]) -> bool {
    let words: Vec<String> = piece
        .iter()
        .filter_map(|token| if let TokenTree::Ident(ident) = token { Some(ident.to_string()) } else { None })
        .take(4)
        .collect();
    let mut words = words.iter().map(String::as_str).skip_while(|word| matches!(*word, "pub" | "default"));
    match words.next() {
        Some("use" | "static" | "type" | "let") => true,
        Some("const") => !matches!(words.next(), Some("fn" | "unsafe" | "async" | "extern")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::lower::parse_file;

    fn check(text: &str, names: &[&str], gap_lines: &[u32]) {
        let ir = parse_file(text);
        let found: Vec<_> = ir.items.iter().map(|item| item.name.as_str()).collect();
        let lines: Vec<_> = ir.gaps.iter().map(|gap| gap.range.start.line).collect();
        assert_eq!((found.as_slice(), lines.as_slice()), (names, gap_lines));
    }

    #[test]
    fn only_the_broken_item_is_lost() {
        check(
            "fn a<'s>(x: &'static str) {}\nfn b() -> {}\nuse c::{d};\nconst fn e() {}\nstatic F: G = G {};\nconst H: G = G {};\nfn i() {}",
            &["a", "", "e", "F", "H", "i"],
            &[2],
        );
    }

    #[test]
    fn only_the_broken_member_is_lost() {
        let text = "mod m {\n fn a() {}\n fn b() -> {}\n}\ntrait T {\n fn c();\n fn d() -> ;\n}";
        check(text, &["m", "T"], &[3, 7]);
        check("impl A {\n fn a() {}\n fn b( : u8) {}\n}", &[""], &[3]);
    }

    #[test]
    fn text_that_is_no_token_stream_is_one_gap() {
        check("fn a() {}\nfn b() { ) }\n", &[], &[1]);
    }
}
