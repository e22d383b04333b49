//! Places that outlive the workspace they were found in: an edited one is dropped when its control has run.

use interlock_source::{Function, LineCol, Name, Span, TextRange, Workspace, byte_range};

/// A place in source, with the text of its line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Relative to the workspace root, with `/`.
    pub file: String,
    /// The range in the file.
    pub range: TextRange,
    /// Path of the enclosing function.
    pub item: String,
    /// The first line of the range, without its indentation.
    pub line_text: String,
}

impl Place {
    pub(crate) fn new(workspace: &Workspace, span: Span, item: &str) -> Place {
        let file = workspace.file(span.file);
        Place {
            file: file.path.clone(),
            range: span.range,
            item: item.to_owned(),
            line_text: line_text(file.text(), span.range.start),
        }
    }

    /// The place of a function: the whole item.
    pub(crate) fn of_function(workspace: &Workspace, function: &Function) -> Place {
        Place::new(workspace, function.span, &function.path)
    }
}

fn line_text(text: &str, start: LineCol) -> String {
    let line_start = LineCol { line: start.line, column: 1 };
    let bytes = byte_range(text, TextRange { start: line_start, end: line_start });
    text[bytes.start..].lines().next().unwrap_or_default().trim().to_owned()
}

/// A point that a check looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// Where.
    pub place: Place,
    /// What is there, as a lower-case fragment.
    pub what: String,
}

impl Site {
    pub(crate) fn new(workspace: &Workspace, span: Span, item: &Name, what: impl Into<String>) -> Site {
        Site { place: Place::new(workspace, span, item), what: what.into() }
    }
}

/// Whole lines of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// Relative to the workspace root, with `/`.
    pub file: String,
    /// 1-based number of the first line.
    pub first_line: u32,
    /// The lines, without an end of line after the last.
    pub text: String,
}

impl Excerpt {
    /// The lines that a span touches.
    pub(crate) fn of(workspace: &Workspace, span: Span) -> Excerpt {
        let file = workspace.file(span.file);
        let first = LineCol { line: span.range.start.line, column: 1 };
        let last = LineCol { line: span.range.end.line, column: u32::MAX };
        let bytes = byte_range(file.text(), TextRange { start: first, end: last });
        Excerpt {
            file: file.path.clone(),
            first_line: first.line,
            text: file.text()[bytes].trim_end_matches(['\r', '\n']).to_owned(),
        }
    }
}

/// The lines of two texts that differ, from the first that does to the last that does.
pub(crate) fn changed_lines(before: &Excerpt, after: &Excerpt) -> (Excerpt, Excerpt) {
    let old: Vec<&str> = before.text.lines().collect();
    let new: Vec<&str> = after.text.lines().collect();
    let n_same_first = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let n_rest = old.len().min(new.len()) - n_same_first;
    let n_same_last = old.iter().rev().zip(new.iter().rev()).take(n_rest).take_while(|(a, b)| a == b).count();
    let cut = |excerpt: &Excerpt, lines: &[&str]| Excerpt {
        file: excerpt.file.clone(),
        first_line: excerpt.first_line + u32::try_from(n_same_first).unwrap_or(u32::MAX),
        text: lines[n_same_first..lines.len() - n_same_last].join("\n"),
    };
    (cut(before, &old), cut(after, &new))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str) -> Excerpt {
        Excerpt { file: "a.rs".to_owned(), first_line: 10, text: text.to_owned() }
    }

    #[test]
    fn only_changed_lines_are_shown() {
        let (before, after) = changed_lines(&excerpt("a\nb\nc"), &excerpt("a\nx\ny\nc"));
        assert_eq!((before.first_line, before.text.as_str()), (11, "b"));
        assert_eq!((after.first_line, after.text.as_str()), (11, "x\ny"));
    }

    #[test]
    fn a_removed_repetition_is_not_counted_twice() {
        let (before, after) = changed_lines(&excerpt("a\na\na"), &excerpt("a\na"));
        assert_eq!((before.text.as_str(), after.text.as_str()), ("a", ""));
    }
}
