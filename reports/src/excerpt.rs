//! A labelled piece of one source file, as the diagnostic that the terminal renderer draws.
//!
//! It reads lines and columns itself: columns count Unicode scalar values as everywhere else, and
//! two places far apart in a long file stay two excerpts.

use std::error::Error;
use std::fmt;

use interlock_source::{LineCol, TextRange};
use miette::{
    Diagnostic, LabeledSpan, MietteError, MietteSpanContents, Severity, SourceCode, SourceSpan, SpanContents,
};

use crate::place::byte_range;

/// Longest range that is drawn whole; of a longer one only the first line is.
const N_LINES_MAX: u32 = 8;

/// A labelled piece of one source file.
#[derive(Debug)]
pub(crate) struct Excerpt<'a> {
    /// Line above the message, such as `deny[reentrant-lock]`.
    pub(crate) code: Option<String>,
    /// What the excerpt shows.
    pub(crate) message: String,
    /// Sets colour and sign.
    pub(crate) severity: Severity,
    /// The file.
    pub(crate) listing: Listing<'a>,
    /// The labelled places.
    pub(crate) labels: Vec<LabeledSpan>,
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Excerpt<'_> {}

impl Diagnostic for Excerpt<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.as_ref().map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.listing)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// The path and text of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing<'a> {
    /// Relative to the workspace root.
    pub(crate) path: &'a str,
    /// The whole text.
    pub(crate) text: &'a str,
}

impl Listing<'_> {
    /// A label under a range of the file.
    pub(crate) fn label(&self, range: TextRange, text: String) -> LabeledSpan {
        LabeledSpan::new_with_span(Some(text), self.drawn(range))
    }

    /// The label whose place heads the excerpt.
    pub(crate) fn primary_label(&self, range: TextRange, text: String) -> LabeledSpan {
        LabeledSpan::new_primary_with_span(Some(text), self.drawn(range))
    }

    fn drawn(&self, range: TextRange) -> SourceSpan {
        byte_range(self.text, shortened(range)).into()
    }

    fn line_start(&self, offset: usize) -> usize {
        self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1)
    }

    fn line_end(&self, offset: usize) -> usize {
        self.text[offset..].find('\n').map_or(self.text.len(), |newline| offset + newline + 1)
    }

    fn start_with_context(&self, offset: usize, n_lines: usize) -> usize {
        let line_start = self.line_start(offset);
        (0..n_lines).fold(line_start, |start, _| self.line_start(start.saturating_sub(1)))
    }

    fn end_with_context(&self, offset: usize, n_lines: usize) -> usize {
        let line_end = self.line_end(offset);
        (0..n_lines).fold(line_end, |end, _| self.line_end(end))
    }
}

/// The range, or its first line where it is long.
fn shortened(range: TextRange) -> TextRange {
    if range.end.line - range.start.line.min(range.end.line) < N_LINES_MAX {
        return range;
    }
    let end = LineCol { line: range.start.line, column: u32::MAX };
    TextRange { start: range.start, end }
}

impl SourceCode for Listing<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_lines_before: usize,
        context_lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let last = span.offset() + span.len().saturating_sub(1);
        if !self.text.is_char_boundary(span.offset()) || last > self.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        // Without context the contents start at the span: their column is then that of the label.
        let start = match context_lines_before {
            0 => span.offset(),
            n_lines => self.start_with_context(span.offset(), n_lines),
        };
        let end = self.end_with_context(self.text.floor_char_boundary(last), context_lines_after);
        let data = &self.text[start..end];
        let line = self.text[..start].matches('\n').count();
        let column = self.text[self.line_start(start)..start].chars().count();
        Ok(Box::new(MietteSpanContents::new_named(
            self.path.to_owned(),
            data.as_bytes(),
            (start, data.len()).into(),
            line,
            column,
            data.lines().count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use miette::{GraphicalReportHandler, GraphicalTheme};

    use super::*;
    use crate::sample::range;

    const TEXT: &str = "one\nzwölf µ\nthree\nfour\n";

    #[track_caller]
    fn check(range: TextRange, n_context: usize, expected: (&str, usize, usize, usize)) {
        let listing = Listing { path: "src/lib.rs", text: TEXT };
        let contents = listing.read_span(&listing.drawn(range), n_context, n_context).unwrap();
        let data = std::str::from_utf8(contents.data()).unwrap();
        let shape = (data, contents.line(), contents.column(), contents.line_count());
        assert_eq!(shape, expected);
    }

    #[test]
    fn context_is_whole_lines() {
        check(range(3, 2, 3, 4), 1, ("zwölf µ\nthree\nfour\n", 1, 0, 3));
    }

    #[test]
    fn context_ends_with_the_file() {
        check(range(1, 1, 1, 4), 1, ("one\nzwölf µ\n", 0, 0, 2));
        check(range(4, 1, 4, 5), 2, ("zwölf µ\nthree\nfour\n", 1, 0, 3));
        check(range(9, 1, 9, 5), 0, ("", 4, 0, 0));
    }

    #[test]
    fn without_context_the_column_counts_scalar_values() {
        check(range(2, 7, 2, 8), 0, ("µ\n", 1, 6, 1));
    }

    #[test]
    fn a_long_range_is_drawn_by_its_first_line() {
        let text = "fn long() {\n".to_owned() + &"    step();\n".repeat(9) + "}\n";
        let listing = Listing { path: "src/lib.rs", text: &text };
        assert_eq!(listing.drawn(range(1, 4, 11, 2)), (3..11).into());
        assert_eq!(listing.drawn(range(1, 4, 2, 3)), (3..14).into());
    }

    #[test]
    fn places_far_apart_are_two_excerpts() {
        let text = "    step();\r\n".repeat(900);
        let listing = Listing { path: "src/lib.rs", text: &text };
        let label = |line| listing.label(range(line, 5, line, 11), "here".to_owned());
        let excerpt = Excerpt {
            code: None,
            message: "message".to_owned(),
            severity: Severity::Warning,
            listing,
            labels: vec![label(500), label(800)],
        };
        let mut drawn = String::new();
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
        handler.render_report(&mut drawn, &excerpt).unwrap();
        let is_head = |line: &&str| line.contains('╭');
        let heads: Vec<_> = drawn.lines().filter(is_head).map(str::trim).collect();
        assert_eq!(heads, ["╭─[src/lib.rs:500:5]", "╭─[src/lib.rs:800:5]"]);
        assert!(drawn.contains(" 500 │     step();\n"));
    }
}
