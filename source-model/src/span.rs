//! Places in source text: 1-based lines and columns, columns in Unicode scalar values, ends exclusive.

/// A place in a file. Line and column are 1-based; the column counts Unicode scalar values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineCol {
    /// 1-based line.
    pub line: u32,
    /// 1-based column, in Unicode scalar values.
    pub column: u32,
}

/// A range within one file; the end is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextRange {
    /// First place of the range.
    pub start: LineCol,
    /// First place after the range.
    pub end: LineCol,
}

/// Bits of a line; those above are its origin.
const LINE_BITS: u32 = 24;

/// The highest origin.
pub(crate) const MAX_ORIGIN: usize = 250;

/// Within the facts of one file a place may be of another text: of a macro's definition, in this file or another. Its
/// line then has the number of that text above the bits of the line. What leaves this crate is plain (`Index::span`).
impl LineCol {
    /// The place as one of another text. A line that is too far down becomes the last that can be said.
    pub(crate) fn of_origin(self, origin: u32) -> LineCol {
        LineCol { line: self.line.min((1 << LINE_BITS) - 1) | origin << LINE_BITS, ..self }
    }

    /// The text that the place is in; 0 for the file itself.
    pub(crate) fn origin(self) -> usize {
        (self.line >> LINE_BITS) as usize
    }

    fn plain(self) -> LineCol {
        LineCol { line: self.line & ((1 << LINE_BITS) - 1), ..self }
    }
}

impl TextRange {
    /// From one place to another. They may be of different texts; where a macro has turned them round, it is the first.
    pub(crate) fn from_to(start: LineCol, end: LineCol) -> TextRange {
        let range = TextRange { start, end };
        if range.is_of_one_text() && start > end { range.first() } else { range }
    }

    /// The first place of the range.
    fn first(self) -> TextRange {
        TextRange { end: LineCol { column: self.start.column.saturating_add(1), ..self.start }, ..self }
    }

    /// Whether it begins and ends in the same text.
    pub(crate) fn is_of_one_text(self) -> bool {
        self.start.origin() == self.end.origin()
    }

    /// The range in the text of its origin: its first place where it ends in another.
    pub(crate) fn plain(self) -> TextRange {
        if !self.is_of_one_text() {
            return self.first().plain();
        }
        TextRange { start: self.start.plain(), end: self.end.plain() }
    }

    /// The range from the start of `self` to the end of `other`.
    #[must_use]
    pub fn to(self, other: TextRange) -> TextRange {
        TextRange::from_to(self.start, other.end)
    }

    /// Whether `other` lies within `self`.
    #[must_use]
    pub fn contains(self, other: TextRange) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// A file of the analysed workspace, or of the curated models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct FileId(pub u32);

/// A range of a known file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// The range in it.
    pub range: TextRange,
}

impl Span {
    /// Whether `other` lies within `self`.
    #[must_use]
    pub(crate) fn contains(self, other: Span) -> bool {
        self.file == other.file && self.range.contains(other.range)
    }
}
