//! A part of a search.

/// The `index`-th of `count` parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

impl Shard {
    /// The whole search.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };

    /// Whether a part of the search, dealt out by its number, is in this shard.
    pub fn has(self, part: u64) -> bool {
        part % u64::from(self.count) == u64::from(self.index)
    }

    /// Whether this is the whole search.
    pub fn is_whole(self) -> bool {
        self.count == 1
    }
}
