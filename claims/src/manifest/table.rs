//! A TOML table that knows its line and remembers which keys were asked for: the others are errors.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;
use crate::nearest::nearest;

/// A manifest's text and what is wrong in it so far.
pub(super) struct Document<'a> {
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Document<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Document { text, problems: RefCell::default() }
    }

    pub(super) fn line(&self, span: Range<usize>) -> usize {
        1 + self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
    }

    pub(super) fn problem(&self, line: usize, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem { line, message: message.into() });
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort();
        problems
    }
}

/// A value and the line it stands on.
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

/// A table of the manifest.
pub(super) struct Table<'a> {
    /// What the table is, for messages.
    what: &'static str,
    pub(super) line: usize,
    pub(super) document: &'a Document<'a>,
    entries: &'a DeTable<'a>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    pub(super) fn new(what: &'static str, line: usize, document: &'a Document<'a>, entries: &'a DeTable<'a>) -> Self {
        Table { what, line, document, entries, known: RefCell::default() }
    }

    /// The value of a key; the key is known from here on.
    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.borrow_mut().push(key);
        self.entries.get(key)
    }

    /// Whether the table has the key, which is known from here on.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let found = value.get_ref().type_str();
        self.document.problem(
            self.document.line(value.span()),
            format!("`{key}` of {} must be {expected}, not {found}", self.what),
        );
    }

    pub(super) fn missing(&self, key: &str) {
        self.document.problem(self.line, format!("{} has no `{key}`", self.what));
    }

    /// A text, empty or not.
    pub(super) fn any_text(&self, key: &'static str) -> Option<Located<String>> {
        let value = self.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, value, "a string");
            return None;
        };
        Some(Located { value: text.to_owned(), line: self.document.line(value.span()) })
    }

    /// A text that must say something where it stands.
    pub(super) fn text(&self, key: &'static str) -> Option<Located<String>> {
        let text = self.any_text(key)?;
        if text.value.trim().is_empty() {
            self.document.problem(text.line, format!("`{key}` of {} is empty", self.what));
        }
        Some(text)
    }

    /// A text that must be there; empty after the problem is noted.
    pub(super) fn required(&self, key: &'static str) -> Located<String> {
        if !self.has(key) {
            self.missing(key);
        }
        self.text(key).unwrap_or(Located { value: String::new(), line: self.line })
    }

    pub(super) fn count(&self, key: &'static str) -> Option<usize> {
        let value = self.get(key)?;
        let count = count_of(value.get_ref());
        if count.is_none() {
            self.wrong_type(key, value, "a whole number from 1");
        }
        count
    }

    pub(super) fn array(&self, key: &'static str, expected: &str) -> Vec<&'a Spanned<DeValue<'a>>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        match value.get_ref() {
            DeValue::Array(elements) => elements.iter().collect(),
            _ => {
                self.wrong_type(key, value, expected);
                Vec::new()
            }
        }
    }

    pub(super) fn texts(&self, key: &'static str) -> Vec<String> {
        let mut texts = Vec::new();
        for value in self.array(key, "an array of strings") {
            match value.get_ref().as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => self.wrong_type(key, value, "an array of strings"),
            }
        }
        texts
    }

    pub(super) fn counts(&self, key: &'static str) -> Vec<usize> {
        let mut counts = Vec::new();
        for value in self.array(key, "an array of whole numbers from 1") {
            match count_of(value.get_ref()) {
                Some(count) => counts.push(count),
                None => self.wrong_type(key, value, "an array of whole numbers from 1"),
            }
        }
        counts
    }

    /// The tables of an array of tables.
    pub(super) fn tables(&self, key: &'static str, what: &'static str) -> Vec<Table<'a>> {
        let expected = "an array of tables";
        let mut tables = Vec::new();
        for value in self.array(key, expected) {
            match self.nested(what, value) {
                Some(table) => tables.push(table),
                None => self.wrong_type(key, value, expected),
            }
        }
        tables
    }

    /// A table that must be there.
    pub(super) fn table(&self, key: &'static str, what: &'static str) -> Option<Table<'a>> {
        let Some(value) = self.get(key) else {
            self.missing(key);
            return None;
        };
        let table = self.nested(what, value);
        if table.is_none() {
            self.wrong_type(key, value, "a table");
        }
        table
    }

    pub(super) fn nested(&self, what: &'static str, value: &'a Spanned<DeValue<'a>>) -> Option<Table<'a>> {
        let DeValue::Table(entries) = value.get_ref() else {
            return None;
        };
        Some(Table::new(what, self.document.line(value.span()), self.document, entries))
    }

    /// Notes the keys that nothing asked for.
    pub(super) fn reject_unknown_keys(&self) {
        let known = self.known.borrow();
        for key in self.entries.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let suggestion = nearest(name, known.iter().copied(), 1)
                .first()
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            let line = self.document.line(key.span());
            self.document.problem(line, format!("unknown key `{name}` in {}{suggestion}", self.what));
        }
    }
}

fn count_of(value: &DeValue<'_>) -> Option<usize> {
    let integer = value.as_integer()?;
    let count = usize::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    (count > 0).then_some(count)
}
