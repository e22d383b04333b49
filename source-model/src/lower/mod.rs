//! Rust text to IR: parses one file, lowers it at once, keeps no syntax tree. The only module that knows `syn`.

mod attrs;
mod blocks;
mod cfg_if;
mod comments;
pub(crate) mod expand;
mod exprs;
mod item_macros;
mod items;
mod lists;
mod macros;
mod mend;
mod nesting;
mod patterns;
mod ranges;
mod retry;
mod rewrite;
mod select;
mod types;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::encoding::{EncodedFile, in_file};
use crate::ir::{FileIr, Gap, Item};
use crate::lower::expand::Expander;
use crate::macros::FileMacros;
use crate::span::{LineCol, TextRange};

/// Lowering state of one file.
#[derive(Default)]
pub(crate) struct Lowerer {
    n_scopes: u32,
    /// Block scopes of the functions lowered so far, to be put beside them.
    scopes: Vec<Item>,
    n_macros_unread: u32,
    gaps: Vec<Gap>,
    expander: Expander,
}

/// Parses and lowers a file. Broken source is data: what cannot be read is a gap.
#[must_use]
pub(crate) fn parse_file(text: &str) -> FileIr {
    in_file(|| parse(text, FileMacros::of_text(text)))
}

/// Parses a file whose calls may mean these macros, and keeps its facts in encoded form.
#[must_use]
pub(crate) fn encode_file(text: &str, macros: FileMacros) -> EncodedFile {
    in_file(|| EncodedFile::of(&parse(text, macros)))
}

fn parse(text: &str, macros: FileMacros) -> FileIr {
    ranges::forget_origins();
    let lowered = catch_unwind(AssertUnwindSafe(|| lower_text(text, macros)));
    let mut ir = lowered.unwrap_or_else(|_| whole_gap(text, "the parser panicked".to_owned()));
    ir.n_lines = n_lines(text);
    ir.directives = comments::directives(text, &ir.items);
    // Spans are places in a thread-wide source map that would otherwise grow with every file.
    proc_macro2::extra::invalidate_current_thread_spans();
    ir
}

/// Where and why a text is not a Rust file.
pub(crate) fn syntax_error(text: &str) -> Option<(usize, String)> {
    let text = without_preamble(text);
    if let Some(reason) = nesting::too_deep(&text) {
        return Some((1, reason));
    }
    let error = syn::parse_file(&text).err().map(|error| (error.span().start().line, error.to_string()));
    proc_macro2::extra::invalidate_current_thread_spans();
    error
}

fn lower_text(text: &str, macros: FileMacros) -> FileIr {
    let text = &*without_preamble(text);
    if let Some(reason) = nesting::too_deep(text) {
        return whole_gap(text, reason);
    }
    let mut lowerer = Lowerer { expander: Expander::of(macros), ..Lowerer::default() };
    let (items, cfg) = match syn::parse_file(text) {
        Ok(file) => (lowerer.items_of_file(&file.items), attrs::predicate(&file.attrs)),
        Err(error) => match retry::items(text, &mut lowerer) {
            Some(retried) => (retried.items, retried.cfg),
            None => return whole_gap(text, error.to_string()),
        },
    };
    let Lowerer { gaps, n_macros_unread, expander, .. } = lowerer;
    FileIr { items, cfg, gaps, n_macros_unread, origins: expander.origins, ..FileIr::default() }
}

/// The text without its byte order mark, and with blanks for its shebang so that places stay.
fn without_preamble(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_shebang = text.strip_prefix("#!").is_some_and(|rest| !rest.trim_start().starts_with('['));
    if !is_shebang {
        return Cow::Borrowed(text);
    }
    let (first, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    Cow::Owned(" ".repeat(first.chars().count()) + rest)
}

fn n_lines(text: &str) -> u32 {
    u32::try_from(text.lines().count()).unwrap_or(u32::MAX)
}

fn whole_gap(text: &str, reason: String) -> FileIr {
    let end = LineCol { line: n_lines(text).saturating_add(1), column: 1 };
    let range = TextRange { start: LineCol { line: 1, column: 1 }, end };
    FileIr { gaps: vec![Gap { range, reason }], ..FileIr::default() }
}

impl Lowerer {
    pub(crate) fn items_of_file(&mut self, all: &[syn::Item]) -> Vec<Item> {
        if self.expander.has_macros() {
            self.expander.set_imports(items::imports(all));
        }
        self.items(all)
    }

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
}

#[cfg(test)]
mod tests {
    use super::parse_file;

    #[test]
    fn a_broken_item_costs_only_itself() {
        let ir = parse_file("fn a() {}\nfn b() -> {}\nfn c() {}\n");
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
