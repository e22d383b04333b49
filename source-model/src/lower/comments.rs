//! What the token stream does not show: `// interlock:` comments and the code they apply to.

use crate::ir::{Directive, Item, ItemKind};
use crate::span::{LineCol, TextRange};
use crate::tokens::{Token, TokenKind, place_of, tokens};

/// Marks a comment that speaks to this tool.
const MARK: &str = "interlock:";

/// The directives of a file.
pub(crate) fn directives(text: &str, items: &[Item]) -> Vec<Directive> {
    if !text.contains(MARK) {
        return Vec::new();
    }
    let all: Vec<Token> = tokens(text).collect();
    let comments = all.iter().enumerate().filter(|(_, token)| token.kind == TokenKind::Comment);
    let said = comments.filter_map(|(at, token)| Some((at, said(&text[token.bytes()])?)));
    said.map(|(at, said)| directive(text, &all, at, said, items)).collect()
}

/// What a comment says to this tool. Doc comments speak to readers.
fn said(comment: &str) -> Option<&str> {
    let inner = comment.strip_prefix("//")?;
    if inner.starts_with(['/', '!']) {
        return None;
    }
    Some(inner.trim_start().strip_prefix(MARK)?.trim())
}

fn directive(text: &str, all: &[Token], at: usize, said: &str, items: &[Item]) -> Directive {
    let is_code = |token: &&Token| token.kind != TokenKind::Comment;
    let comment = all[at];
    let end = comment.start + text[comment.bytes()].trim_end().len();
    let range = TextRange { start: place_of(text, comment.start), end: place_of(text, end) };
    let before = all[..at].iter().rfind(is_code);
    let is_trailing = before.is_some_and(|before| !text[before.end..comment.start].contains('\n'));
    let next = all[at..].iter().find(is_code).map(|next| place_of(text, next.start));
    let (line, item) = match next {
        Some(next) if !is_trailing => (next.line, item_at(text, items, next)),
        _ => (range.start.line, None),
    };
    Directive { range, text: said.to_owned(), line, item }
}

/// The outermost item that the code at a place begins, whatever attributes and comments stand before it.
fn item_at(text: &str, items: &[Item], place: LineCol) -> Option<TextRange> {
    let around = items.iter().filter(|item| item.range.is_of_one_text());
    let around = around.filter(|item| item.range.start <= place && place < item.range.end);
    around
        .into_iter()
        .find_map(|item| if begins(text, item, place) { Some(item.range) } else { within(text, item, place) })
}

fn within(text: &str, item: &Item, place: LineCol) -> Option<TextRange> {
    match &item.kind {
        ItemKind::Module { items: Some(items), .. } | ItemKind::BlockScope { items, .. } => item_at(text, items, place),
        ItemKind::Impl(def) => item_at(text, &def.items, place),
        ItemKind::Trait(def) => item_at(text, &def.items, place),
        _ => None,
    }
}

/// Whether nothing but doc comments and attributes of the item stands before the place.
fn begins(text: &str, item: &Item, place: LineCol) -> bool {
    if matches!(item.kind, ItemKind::BlockScope { .. }) {
        return false;
    }
    let before = TextRange { start: item.range.start, end: place };
    let before = &text[crate::tokens::byte_range(text, before)];
    let mut depth = 0_usize;
    tokens(before).all(|token| {
        let was_open = depth > 0;
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        // At the top level an attribute is `#` and a bracket.
        was_open
            || match token.kind {
                TokenKind::Comment => true,
                TokenKind::Word => false,
                _ => matches!(&before[token.bytes()], "#" | "[" | "]"),
            }
    })
}

#[cfg(test)]
mod tests {
    use crate::lower::parse_file;

    /// Checks line and item lines of the only directive.
    fn check(text: &str, line: u32, item: Option<(u32, u32)>) {
        let ir = parse_file(text);
        assert!(ir.gaps.is_empty(), "{:?}", ir.gaps);
        let [directive] = ir.directives.as_slice() else { panic!("{:?}", ir.directives) };
        let lines = directive.item.map(|range| (range.start.line, range.end.line));
        assert_eq!((directive.text.as_str(), directive.line, lines), ("allow(a): why", line, item));
    }

    #[test]
    fn a_trailing_comment_applies_to_its_line() {
        check("fn f() {\n    g(); // interlock: allow(a): why\n}\n", 2, None);
        check("fn f() { // interlock: allow(a): why\n    g();\n}\n", 1, None);
    }

    #[test]
    fn a_comment_above_applies_to_the_next_line_with_code() {
        check("fn f() {\n    // interlock: allow(a): why\n\n    // more\n    g();\n}\n", 5, None);
    }

    #[test]
    fn a_comment_above_an_item_applies_to_the_item() {
        check("// interlock: allow(a): why\nfn f() {\n}\n", 2, Some((2, 3)));
        check("impl A {\n    // interlock: allow(a): why\n    fn f() {\n    }\n}\n", 3, Some((3, 4)));
        check("fn f() {\n    // interlock: allow(a): why\n    fn g() {}\n}\n", 3, Some((3, 3)));
    }

    #[test]
    fn doc_comments_and_attributes_belong_to_the_item() {
        check("// interlock: allow(a): why\n/// Doc.\n#[a(b)]\nfn f() {}\n", 3, Some((2, 4)));
        check("/// Doc.\n// interlock: allow(a): why\nfn f() {}\n", 3, Some((1, 3)));
        check("#[a(b)]\n// interlock: allow(a): why\nfn f() {}\n", 3, Some((1, 3)));
    }

    #[test]
    fn strings_and_doc_comments_hold_no_directives() {
        let text = "/// interlock: a\nconst A: &str = \"// interlock: b\"; const B: &str = r#\"// interlock: c\"#;\n/* // interlock: d */";
        assert!(parse_file(text).directives.is_empty());
    }

    #[test]
    fn a_directive_at_the_end_applies_to_itself() {
        check("fn f() {}\n// interlock: allow(a): why", 2, None);
    }
}
