//! How a span becomes `file:line:column`, a byte range and lines of source.

use std::ops::Range;

use interlock_source::{FileId, LineCol, Span, TextRange, Workspace};

/// Where the renderers look up paths and texts.
pub trait Files {
    /// Path relative to the workspace root, with `/`.
    fn path(&self, file: FileId) -> &str;
    /// The text that was analysed.
    fn text(&self, file: FileId) -> &str;
}

impl Files for Workspace {
    fn path(&self, file: FileId) -> &str {
        &self.file(file).path
    }

    fn text(&self, file: FileId) -> &str {
        self.file(file).text()
    }
}

/// The start of a span as `file:line:column`.
pub(crate) fn located(span: Span, files: &dyn Files) -> String {
    let LineCol { line, column } = span.range.start;
    format!("{}:{line}:{column}", files.path(span.file))
}

/// The bytes of a range, clamped to the text.
pub(crate) fn byte_range(text: &str, range: TextRange) -> Range<usize> {
    let start = byte_offset(text, range.start);
    start..byte_offset(text, range.end).max(start)
}

/// The byte at which a place stands; the end of its line, or of the text, where it lies beyond.
fn byte_offset(text: &str, place: LineCol) -> usize {
    let Some(line) = nth_line(text, place.line) else {
        return text.len();
    };
    let column_idx = place.column.saturating_sub(1) as usize;
    let content = text[line.clone()].trim_end_matches(['\r', '\n']);
    let in_line = content.char_indices().nth(column_idx);
    line.start + in_line.map_or(content.len(), |(offset, _)| offset)
}

/// The bytes of a 1-based line, its line break included.
fn nth_line(text: &str, line: u32) -> Option<Range<usize>> {
    let skipped = line.checked_sub(1)? as usize;
    let content = text.split_inclusive('\n').nth(skipped)?;
    let start = content.as_ptr() as usize - text.as_ptr() as usize;
    Some(start..start + content.len())
}

/// The lines that a range touches, at most `n_lines_max` of them, with their numbers.
pub(crate) fn excerpt_lines(text: &str, range: TextRange, n_lines_max: usize) -> Vec<(u32, &str)> {
    let first = range.start.line.max(1);
    (first..=range.end.line.max(first)).zip(text.lines().skip(first as usize - 1)).take(n_lines_max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Sample, range, span};

    #[track_caller]
    fn check(text: &str, range: TextRange, expected: &str) {
        assert_eq!(&text[byte_range(text, range)], expected);
    }

    #[test]
    fn columns_count_scalar_values_and_bytes_follow() {
        check("let é = \"µs\".lock();\n", range(1, 14, 1, 20), "lock()");
    }

    #[test]
    fn a_range_over_lines_keeps_their_breaks() {
        check("a.insert(\r\n  1,\r\n);\r\n", range(1, 3, 3, 2), "insert(\r\n  1,\r\n)");
    }

    #[test]
    fn a_place_beyond_its_line_is_its_end() {
        check("one\ntwo\n", range(1, 2, 1, 90), "ne");
        check("one\ntwo\n", range(9, 1, 9, 2), "");
        check("", range(1, 1, 1, 4), "");
    }

    #[test]
    fn a_place_reads_as_file_line_column() {
        assert_eq!(located(span(0, 3, 20, 26), &Sample), "src/cluster.rs:3:20");
    }

    #[test]
    fn an_excerpt_is_the_touched_lines_and_no_more_than_allowed() {
        let text = "one\ntwo\nthree\nfour";
        assert_eq!(excerpt_lines(text, range(2, 1, 4, 2), 2), [(2, "two"), (3, "three")]);
        assert_eq!(excerpt_lines(text, range(4, 1, 7, 2), 9), [(4, "four")]);
    }
}
