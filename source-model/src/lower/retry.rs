//! A second try at a file that the grammar rejects: its items one by one, so that only what is broken is lost.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use syn::parse::Parse;

use crate::cfg::CfgExpr;
use crate::ir::{Gap, Item};
use crate::lower::mend::mended;
use crate::lower::ranges::between;
use crate::lower::rewrite::rewritten;
use crate::lower::{Lowerer, attrs};

/// Attempts at mending functions, for one file.
const MAX_ATTEMPTS: u32 = 512;

/// What of a file parses.
pub(crate) struct Retried {
    pub(crate) items: Vec<Item>,
    /// Inner `#![cfg(..)]` of the file.
    pub(crate) cfg: Option<CfgExpr>,
}

/// The items that parse; the others become gaps. `None` when the file is not even a token stream.
pub(crate) fn items(text: &str, lowerer: &mut Lowerer) -> Option<Retried> {
    let tokens: TokenStream = text.parse().ok()?;
    let mut retry = Retry { lowerer, attempts_left: MAX_ATTEMPTS };
    let mut attributes = Vec::new();
    let mut found = Vec::new();
    for piece in pieces(tokens) {
        if let Some(file) = retry.item::<syn::File>(piece) {
            attributes.extend(file.attrs);
            found.extend(file.items);
        }
    }
    Some(Retried { items: lowerer.items_of_file(&found), cfg: attrs::predicate(&attributes) })
}

/// One file's second try.
struct Retry<'a> {
    lowerer: &'a mut Lowerer,
    attempts_left: u32,
}

/// What a piece can be: an item, or a member of one.
trait Piece: Parse {
    /// A container without the members that do not parse.
    fn container(piece: &[TokenTree], retry: &mut Retry<'_>) -> Option<Self>;
}

impl Piece for syn::File {
    fn container(piece: &[TokenTree], retry: &mut Retry<'_>) -> Option<syn::File> {
        let item = retry.members(piece)?;
        Some(syn::File { shebang: None, frontmatter: None, attrs: Vec::new(), items: vec![item] })
    }
}

impl Piece for syn::Item {
    fn container(piece: &[TokenTree], retry: &mut Retry<'_>) -> Option<syn::Item> {
        retry.members(piece)
    }
}

impl Piece for syn::ImplItem {
    fn container(_: &[TokenTree], _: &mut Retry<'_>) -> Option<syn::ImplItem> {
        None
    }
}

impl Piece for syn::TraitItem {
    fn container(_: &[TokenTree], _: &mut Retry<'_>) -> Option<syn::TraitItem> {
        None
    }
}

impl Retry<'_> {
    /// The piece as it stands, else with known forms rewritten, else without its broken members or statements.
    fn item<T: Piece>(&mut self, piece: Vec<TokenTree>) -> Option<T> {
        let error = match parse(&piece) {
            Ok(item) => return Some(item),
            Err(error) => error,
        };
        let piece: Vec<TokenTree> = rewritten(piece.into_iter().collect()).into_iter().collect();
        if let Ok(item) = parse(&piece) {
            return Some(item);
        }
        if let Some(item) = T::container(&piece, self) {
            return Some(item);
        }
        if let Some((item, gaps)) = mended(&piece, &mut self.attempts_left) {
            self.lowerer.gaps.extend(gaps);
            return Some(item);
        }
        self.lowerer.gaps.extend(gap(&piece, &error));
        None
    }

    /// An `impl`, `trait` or `mod` without those of its members that do not parse.
    fn members(&mut self, piece: &[TokenTree]) -> Option<syn::Item> {
        let (TokenTree::Group(body), header) = piece.split_last()? else { return None };
        let mut empty = Group::new(Delimiter::Brace, TokenStream::new());
        empty.set_span(body.span());
        let hollow: Vec<TokenTree> = header.iter().cloned().chain([TokenTree::Group(empty)]).collect();
        let mut item = parse::<syn::Item>(&hollow).ok()?;
        match &mut item {
            syn::Item::Impl(def) => def.items.extend(self.all(body)),
            syn::Item::Trait(def) => def.items.extend(self.all(body)),
            syn::Item::Mod(syn::ItemMod { content: Some((_, items)), .. }) => items.extend(self.all(body)),
            _ => return None,
        }
        Some(item)
    }

    fn all<T: Piece>(&mut self, body: &Group) -> Vec<T> {
        pieces(body.stream()).into_iter().filter_map(|piece| self.item(piece)).collect()
    }
}

fn parse<T: Parse>(piece: &[TokenTree]) -> syn::Result<T> {
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
            TokenTree::Group(group) => match group.delimiter() {
                Delimiter::Brace => !ends_at_semicolon(&piece),
                Delimiter::Bracket => is_inner_attribute(&piece),
                _ => false,
            },
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

/// `#!` in front of `[..]`: an attribute of the file, not of the item after it.
fn is_inner_attribute(piece: &[TokenTree]) -> bool {
    matches!(piece, [TokenTree::Punct(hash), TokenTree::Punct(bang)] if hash.as_char() == '#' && bang.as_char() == '!')
}

/// Whether the item goes on after a `{..}`: `use a::{..};`, `static A: T = B {..};`, but not `const fn`.
pub(crate) fn ends_at_semicolon(piece: &[TokenTree]) -> bool {
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
    use crate::ir::{Expr, ExprKind, ItemKind, StmtKind};
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
    fn only_the_broken_statement_is_lost() {
        check("fn a() {\n b.lock();\n let c = d +;\n e();\n}", &["a"], &[3]);
        check("impl A {\n fn a() {\n  match b {\n   C => d.use,\n   E => f(),\n  }\n }\n}", &[""], &[4]);
        check("fn a() {\n if b {\n  c(\n   d use);\n  return e use;\n }\n f()\n}", &["a"], &[3, 5]);
    }

    #[test]
    fn broken_statements_leave_a_use_of_their_variables() {
        let ir = parse_file("fn a() { let c = d.x(e, F) +; g() }");
        let ItemKind::Fn(def) = &ir.items[0].kind else { panic!("{:?}", ir.items) };
        let body = def.body.clone().unwrap().decode();
        let StmtKind::Expr(Expr { kind: ExprKind::Tuple(used), .. }) = &body.stmts[0].kind else { panic!("{body:?}") };
        assert_eq!((used.len(), body.tail.is_some()), (3, true));
    }

    #[test]
    fn raw_names_outlive_their_statement() {
        check("fn a() { let b = try.x(async) +; c() }", &["a"], &[1]);
        let ir = parse_file("fn a() { let b = r#async +; c() }");
        assert_eq!(ir.gaps[0].reason, "expected an expression");
    }

    #[test]
    fn forms_of_other_editions_are_read() {
        check(
            "mod async;\ntrait A {\n fn b(u8, &str);\n}\nfn c() { let d = box e; d.try(); }",
            &["async", "A", "c"],
            &[],
        );
        check("type A = Box<FnBox(B) -> C + Send>;\nimpl const D for E {\n fn f() {}\n}", &["A", ""], &[]);
    }

    #[test]
    fn the_predicate_of_a_file_outlives_a_broken_item() {
        let ir = parse_file("#![cfg(loom)]\nfn a() -> {}\nfn b() {}\n");
        assert!(ir.cfg.is_some());
        assert_eq!((ir.items.len(), ir.gaps.len()), (1, 1));
    }

    #[test]
    fn text_that_is_no_token_stream_is_one_gap() {
        check("fn a() {}\nfn b() { ) }\n", &[], &[1]);
    }
}
