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

impl TextRange {
    /// The range from the start of `self` to the end of `other`.
    #[must_use]
    pub fn to(self, other: TextRange) -> TextRange {
        TextRange { start: self.start, end: other.end }
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
