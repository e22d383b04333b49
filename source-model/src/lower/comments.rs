//! What the token stream does not show: `// interlock:` comments, and how deep brackets nest.

use crate::ir::{Directive, Item, ItemKind};
use crate::span::{LineCol, TextRange};

/// Marks a comment that speaks to this tool.
const MARK: &str = "interlock:";

/// A line comment, by its place.
struct Comment {
    line: u32,
    column: u32,
    text: String,
}

/// The directives of a file.
pub(crate) fn directives(text: &str, items: &[Item]) -> Vec<Directive> {
    if !text.contains(MARK) {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    scan(text).comments.into_iter().filter_map(|comment| directive(&comment, &lines, items)).collect()
}

fn directive(comment: &Comment, lines: &[&str], items: &[Item]) -> Option<Directive> {
    let said = comment.text.trim_start_matches('/').trim().strip_prefix(MARK)?.trim();
    let before: String = line_text(lines, comment.line).chars().take(comment.column as usize - 1).collect();
    let own_line = before.trim().is_empty();
    let line = if own_line { next_code_line(lines, comment.line) } else { comment.line };
    let width = u32::try_from(comment.text.chars().count()).unwrap_or(0);
    let start = LineCol { line: comment.line, column: comment.column };
    let end = LineCol { line: comment.line, column: comment.column + width };
    Some(Directive {
        range: TextRange { start, end },
        text: said.to_owned(),
        line,
        item: if own_line { item_starting_at(items, line) } else { None },
    })
}

fn line_text<'a>(lines: &[&'a str], line: u32) -> &'a str {
    lines.get(line as usize - 1).copied().unwrap_or_default()
}

/// The next line that holds more than a comment.
fn next_code_line(lines: &[&str], line: u32) -> u32 {
    let rest = lines.iter().skip(line as usize);
    let skipped = rest.take_while(|text| text.trim().is_empty() || text.trim_start().starts_with("//")).count();
    line + 1 + u32::try_from(skipped).unwrap_or(0)
}

fn item_starting_at(items: &[Item], line: u32) -> Option<TextRange> {
    items.iter().find_map(|item| {
        if item.range.start.line == line && !matches!(item.kind, ItemKind::BlockScope { .. }) {
            return Some(item.range);
        }
        let members: &[Item] = match &item.kind {
            ItemKind::Module { items: Some(items), .. } | ItemKind::BlockScope { items, .. } => items,
            ItemKind::Impl(def) => &def.items,
            ItemKind::Trait(def) => &def.items,
            _ => return None,
        };
        item_starting_at(members, line)
    })
}

/// The deepest nesting of brackets outside strings and comments.
pub(crate) fn bracket_depth(text: &str) -> usize {
    scan(text).depth
}

#[derive(Default)]
struct Scan {
    comments: Vec<Comment>,
    depth: usize,
}

/// Reads a text as far as strings, characters and comments go.
fn scan(text: &str) -> Scan {
    let mut found = Scan::default();
    let mut cursor = Cursor { chars: text.chars().collect(), at: 0, line: 1, column: 1 };
    let mut open = 0_usize;
    while let Some(c) = cursor.peek(0) {
        match c {
            '/' if cursor.peek(1) == Some('/') => found.comments.push(cursor.line_comment()),
            '/' if cursor.peek(1) == Some('*') => cursor.block_comment(),
            '"' => cursor.string(),
            'r' | 'b' | 'c' if cursor.starts_raw_string() => cursor.raw_string(),
            '\'' => cursor.quote(),
            '(' | '[' | '{' => {
                open += 1;
                found.depth = found.depth.max(open);
                cursor.bump();
            }
            ')' | ']' | '}' => {
                open = open.saturating_sub(1);
                cursor.bump();
            }
            c if c.is_alphanumeric() || c == '_' => cursor.word(),
            _ => cursor.bump(),
        }
    }
    found
}

struct Cursor {
    chars: Vec<char>,
    at: usize,
    line: u32,
    column: u32,
}

impl Cursor {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn bump(&mut self) {
        match self.peek(0) {
            Some('\n') => {
                self.line += 1;
                self.column = 1;
            }
            _ => self.column += 1,
        }
        self.at += 1;
    }

    fn word(&mut self) {
        while self.peek(0).is_some_and(|c| c.is_alphanumeric() || c == '_') {
            self.bump();
        }
    }

    fn line_comment(&mut self) -> Comment {
        let (line, column) = (self.line, self.column);
        let mut text = String::new();
        while let Some(c) = self.peek(0).filter(|c| *c != '\n') {
            text.push(c);
            self.bump();
        }
        Comment { line, column, text }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_u32;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.bump();
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.bump();
                }
                (None, _) => return,
                _ => {}
            }
            self.bump();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.bump();
        while let Some(c) = self.peek(0) {
            self.bump();
            match c {
                '\\' => self.bump(),
                '"' => return,
                _ => {}
            }
        }
    }

    /// `r"`, `r#"`, `br"`, `cr#"`.
    fn starts_raw_string(&self) -> bool {
        let prefix = usize::from(self.peek(0) != Some('r'));
        if self.peek(prefix) != Some('r') {
            return false;
        }
        let hashes = self.chars[self.at + prefix + 1..].iter().take_while(|c| **c == '#').count();
        self.peek(prefix + 1 + hashes) == Some('"')
    }

    fn raw_string(&mut self) {
        while self.peek(0).is_some_and(|c| c.is_alphabetic()) {
            self.bump();
        }
        let mut hashes = 0;
        while self.peek(0) == Some('#') {
            hashes += 1;
            self.bump();
        }
        self.bump();
        while let Some(c) = self.peek(0) {
            self.bump();
            if c == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                (0..hashes).for_each(|_| self.bump());
                return;
            }
        }
    }

    /// A character or a lifetime.
    fn quote(&mut self) {
        let is_char = self.peek(1) == Some('\\') || self.peek(2) == Some('\'');
        self.bump();
        if !is_char {
            return;
        }
        while let Some(c) = self.peek(0) {
            self.bump();
            match c {
                '\\' => self.bump(),
                '\'' => return,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lower::parse_file;

    #[test]
    fn a_directive_applies_to_its_line_or_the_next_item() {
        let text = "// interlock: allow(a): whole item\nfn f() {\n    g(); // interlock: allow(b): this line\n}\n";
        let ir = parse_file(text);
        assert_eq!(ir.directives.len(), 2);
        assert_eq!(ir.directives[0].item.map(|range| (range.start.line, range.end.line)), Some((2, 4)));
        assert_eq!(ir.directives[1].text, "allow(b): this line");
        assert_eq!((ir.directives[1].line, ir.directives[1].item), (3, None));
    }

    #[test]
    fn strings_hold_no_directives() {
        let text = "const A: &str = \"// interlock: allow(a): no\"; const B: &str = r#\"// interlock: x\"#;\n";
        assert!(parse_file(text).directives.is_empty());
    }
}
