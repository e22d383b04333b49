//! Damaged text: real files that are cut off, spliced together, or have their tokens swapped. Seeded, so replayable.

/// A small generator of numbers (splitmix64): the same seed gives the same mutations everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `limit`; 0 for an empty range.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }
}

/// What is put between tokens: brackets that do not match, openers of strings and comments, words of the grammar.
const INSERTED: [&str; 24] = [
    "{", "}", "(", ")", "[", "]", "<", ">", ";", ",", "'", "\"", "r#\"", "/*", "*/", "//", "fn", "impl", "match", "..",
    "=>", "::", "#", "\u{0}",
];

/// A damaged copy of `text`; `other` is where spliced pieces come from.
pub(crate) fn mutated(text: &str, other: &str, random: &mut Random) -> String {
    match random.below(6) {
        0 => text[..boundary(text, random)].to_owned(),
        1 => text[boundary(text, random)..].to_owned(),
        2 => spliced(text, other, random),
        3 => swapped(text, random),
        4 => with_insertions(text, random),
        _ => without_tokens(text, random),
    }
}

/// A place between two characters.
fn boundary(text: &str, random: &mut Random) -> usize {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The front of one file and the back of another, or a piece of one within the other.
fn spliced(text: &str, other: &str, random: &mut Random) -> String {
    let at = boundary(text, random);
    let (a, b) = (boundary(other, random), boundary(other, random));
    let piece = &other[a.min(b)..a.max(b)];
    let rest = if random.below(2) == 0 { "" } else { &text[at..] };
    format!("{}{piece}{rest}", &text[..at])
}

/// Pieces at the borders of words: joined they are the text.
fn pieces(text: &str) -> Vec<&str> {
    let kind = |c: char| (c.is_alphanumeric() || c == '_', c.is_whitespace());
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut previous = None;
    for (at, c) in text.char_indices() {
        let is_border = previous.is_some_and(|before| kind(before) != kind(c) || !kind(c).0 && !kind(c).1);
        if is_border {
            pieces.push(&text[start..at]);
            start = at;
        }
        previous = Some(c);
    }
    pieces.push(&text[start..]);
    pieces
}

fn swapped(text: &str, random: &mut Random) -> String {
    let mut pieces = pieces(text);
    for _ in 0..=random.below(8) {
        let (a, b) = (random.below(pieces.len()), random.below(pieces.len()));
        pieces.swap(a, b);
    }
    pieces.concat()
}

fn with_insertions(text: &str, random: &mut Random) -> String {
    let mut pieces = pieces(text);
    for _ in 0..=random.below(4) {
        let at = random.below(pieces.len() + 1);
        // Now and then far too often, which is how deep nesting comes about.
        let n_times = if random.below(16) == 0 { 3_000 } else { 1 };
        let inserted = INSERTED[random.below(INSERTED.len())];
        pieces.splice(at..at, std::iter::repeat_n(inserted, n_times));
    }
    pieces.concat()
}

fn without_tokens(text: &str, random: &mut Random) -> String {
    let mut pieces = pieces(text);
    for _ in 0..=random.below(8) {
        let at = random.below(pieces.len());
        if at < pieces.len() {
            pieces.remove(at);
        }
    }
    pieces.concat()
}
