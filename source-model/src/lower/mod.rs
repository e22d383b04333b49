//! Rust text to IR: parses one file, lowers it at once, keeps no syntax tree. The only module that knows `syn`.

mod attrs;
mod comments;
mod exprs;
mod items;
mod macros;
mod patterns;
mod ranges;
mod retry;
mod types;

use proc_macro2::Span;

use crate::ir::{FileIr, Gap, Item, ItemKind};
use crate::span::{LineCol, TextRange};

/// Bracket nesting that is still read. Deeper files are a gap: recursion over them would exhaust the stack.
const MAX_DEPTH: usize = 256;

/// Lowering state of one file.
#[derive(Default)]
pub(crate) struct Lowerer {
    n_scopes: u32,
    /// Block scopes of the function being lowered, to be put beside it.
    scopes: Vec<Item>,
    n_macros_unread: u32,
    gaps: Vec<Gap>,
}

/// Parses and lowers a file. Broken source is data: what cannot be read is a gap.
#[must_use]
pub(crate) fn parse_file(text: &str) -> FileIr {
    let mut ir = lower_text(text);
    ir.n_lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    ir.directives = comments::directives(text, &ir.items);
    // Spans are places in a thread-wide source map that would otherwise grow with every file.
    proc_macro2::extra::invalidate_current_thread_spans();
    ir
}

/// Where and why a text is not a Rust file.
pub(crate) fn syntax_error(text: &str) -> Option<(usize, String)> {
    let error = syn::parse_file(text).err().map(|error| (error.span().start().line, error.to_string()));
    proc_macro2::extra::invalidate_current_thread_spans();
    error
}

fn lower_text(text: &str) -> FileIr {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let blanked;
    let text = if text.starts_with("#!") && !text.starts_with("#![") {
        let end = text.find('\n').unwrap_or(text.len());
        blanked = format!("{}{}", " ".repeat(end), &text[end..]);
        blanked.as_str()
    } else {
        text
    };
    if comments::bracket_depth(text) > MAX_DEPTH {
        return whole_gap(text, format!("brackets nested deeper than {MAX_DEPTH}"));
    }
    let mut lowerer = Lowerer::default();
    let (items, cfg) = match syn::parse_file(text) {
        Ok(file) => (lowerer.items(&file.items), attrs::predicate(&file.attrs)),
        Err(error) => match retry::items(text, &mut lowerer) {
            Some(items) => (items, None),
            None => return whole_gap(text, error.to_string()),
        },
    };
    FileIr { items, cfg, gaps: lowerer.gaps, n_macros_unread: lowerer.n_macros_unread, ..FileIr::default() }
}

fn whole_gap(text: &str, reason: String) -> FileIr {
    let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX).max(1);
    let range = TextRange { start: LineCol { line: 1, column: 1 }, end: LineCol { line: lines, column: 1 } };
    FileIr { gaps: vec![Gap { range, reason }], ..FileIr::default() }
}

/// The range of a `proc_macro2` span: lines are 1-based there, columns 0-based.
pub(crate) fn range_of(span: Span) -> TextRange {
    let place = |at: proc_macro2::LineColumn| LineCol {
        line: u32::try_from(at.line).unwrap_or(u32::MAX),
        column: u32::try_from(at.column + 1).unwrap_or(u32::MAX),
    };
    TextRange { start: place(span.start()), end: place(span.end()) }
}

/// From the start of one span to the end of another.
pub(crate) fn between(first: Span, last: Span) -> TextRange {
    range_of(first).to(range_of(last))
}

impl Lowerer {
    /// Lowers items; block scopes of their functions follow them.
    pub(crate) fn items(&mut self, items: &[syn::Item]) -> Vec<Item> {
        let outer = std::mem::take(&mut self.scopes);
        let mut lowered = Vec::with_capacity(items.len());
        for item in items {
            self.item(item, &mut lowered);
        }
        lowered.append(&mut self.scopes);
        self.scopes = outer;
        lowered
    }

    /// Makes a block scope of the items that a block declares.
    pub(crate) fn block_scope(&mut self, items: &[syn::Item]) -> Option<u32> {
        if items.is_empty() {
            return None;
        }
        let id = self.n_scopes;
        self.n_scopes += 1;
        let items = self.items(items);
        let range = items.first().map(|item| item.range).unwrap_or_default();
        let kind = ItemKind::BlockScope { id, items };
        self.scopes.push(Item { name: "".into(), range, cfg: None, attrs: Vec::new(), kind });
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::parse_file;

    #[test]
    fn a_broken_item_costs_only_itself() {
        let ir = parse_file("fn a() {}\nfn b( -> {}\nfn c() {}\n");
        let names: Vec<_> = ir.items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, ["a", "c"]);
        assert_eq!(ir.gaps.len(), 1);
        assert_eq!(ir.gaps[0].range.start.line, 2);
    }

    #[test]
    fn an_unclosed_file_is_one_gap() {
        let ir = parse_file("fn a() {\n");
        assert!(ir.items.is_empty());
        assert_eq!(ir.gaps.len(), 1);
    }

    #[test]
    fn deep_nesting_is_a_gap_and_no_overflow() {
        let text = format!("fn a() {{ {}{} }}", "(".repeat(10_000), ")".repeat(10_000));
        assert_eq!(parse_file(&text).gaps.len(), 1);
    }

    #[test]
    fn a_shebang_and_a_byte_order_mark_are_skipped() {
        assert_eq!(parse_file("#!/usr/bin/env run\nfn a() {}\n").items.len(), 1);
        assert_eq!(parse_file("\u{feff}fn a() {}\n").items.len(), 1);
    }
}
