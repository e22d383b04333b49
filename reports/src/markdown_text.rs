//! Text made safe for Markdown: prose, code spans, table cells and fenced source.

/// Prose with code spans: outside of them nothing is read as HTML or emphasis.
pub(crate) fn prose(text: &str) -> String {
    let pieces: Vec<_> = text.split('`').collect();
    // An odd number of backticks opens a span that nothing closes: then none of them is one.
    if pieces.len() % 2 == 0 {
        return escaped(text);
    }
    pieces
        .iter()
        .enumerate()
        .map(|(idx, piece)| if idx % 2 == 0 { escaped(piece) } else { format!("`{piece}`") })
        .collect()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '*' | '_' | '[' | ']' | '`' | '\\' => safe.extend(['\\', char]),
            _ => safe.push(char),
        }
    }
    safe
}

/// Prose as one cell of a table.
pub(crate) fn cell(text: &str) -> String {
    prose(text).replace('|', "\\|").replace(['\r', '\n'], " ")
}

/// A code span, whatever it contains.
pub(crate) fn code(text: &str) -> String {
    let fence = "`".repeat(longest_backticks(text) + 1);
    match fence.len() {
        1 => format!("`{text}`"),
        _ => format!("{fence} {text} {fence}"),
    }
}

/// Numbered source lines as a fenced block, each line of it indented by `indent` spaces.
pub(crate) fn listing(lines: &[(u32, &str)], indent: usize) -> String {
    let longest = lines.iter().map(|(_, line)| longest_backticks(line)).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let width = lines.last().map_or(1, |(number, _)| number.to_string().len());
    let mut text = format!("{:indent$}{fence}rust\n", "");
    for (number, line) in lines {
        text.push_str(format!("{:indent$}{number:width$} | {line}", "").trim_end());
        text.push('\n');
    }
    text + &format!("{:indent$}{fence}\n", "")
}

/// Text as a fenced block of a language.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat((longest_backticks(text) + 1).max(3));
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end_matches(['\r', '\n']))
}

fn longest_backticks(text: &str) -> usize {
    text.split(|char| char != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_keeps_code_spans_and_escapes_the_rest() {
        assert_eq!(prose("`Vec<u8>` of a_b Vec<u8>"), "`Vec<u8>` of a\\_b Vec&lt;u8>");
        assert_eq!(prose("a lone ` tick"), "a lone \\` tick");
    }

    #[test]
    fn a_cell_is_one_line_without_bars() {
        assert_eq!(cell("`a | b`\nc"), "`a \\| b` c");
    }

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(listing(&[(9, "/// ```")], 0), "````rust\n9 | /// ```\n````\n");
    }

    #[test]
    fn line_numbers_are_aligned() {
        let expected = "  ```rust\n   9 | a\n  10 |\n  ```\n";
        assert_eq!(listing(&[(9, "a"), (10, "")], 2), expected);
    }
}
