//! A set of numbers kept as ranges: sequences that are gone, sequences that are missing.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Invariant: ranges are not empty, and between two of them lies at least one number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds a number. True where it was not there.
    pub fn insert(&mut self, number: u64) -> bool {
        let before = self.0.range(..=number).next_back().map(|(start, end)| (*start, *end));
        if before.is_some_and(|(_, end)| end >= number) {
            return false;
        }
        let start = match before {
            Some((start, end)) if end + 1 == number => start,
            _ => number,
        };
        let end = number.checked_add(1).and_then(|next| self.0.remove(&next)).unwrap_or(number);
        self.0.insert(start, end);
        true
    }

    /// Adds numbers that lie behind all that are there.
    pub fn push_range(&mut self, range: RangeInclusive<u64>) {
        let (start, end) = range.into_inner();
        if start > end {
            return;
        }
        match self.0.last_entry() {
            Some(mut last) if last.get() + 1 == start => *last.get_mut() = end,
            _ => _ = self.0.insert(start, end),
        }
    }

    /// Whether the number is there.
    pub fn contains(&self, number: u64) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, end)| *end >= number)
    }

    /// The end of the range that has this number.
    pub fn end_of_range_with(&self, number: u64) -> Option<u64> {
        self.0.range(..=number).next_back().map(|(_, end)| *end).filter(|end| *end >= number)
    }

    /// Takes away all numbers below this one.
    pub fn remove_below(&mut self, bound: u64) {
        while let Some(first) = self.0.first_entry().filter(|first| *first.key() < bound) {
            let end = first.remove();
            if end >= bound {
                self.0.insert(bound, end);
            }
        }
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        self.0.iter().map(|(start, end)| *start..=*end)
    }

    /// How many numbers there are.
    pub fn n_numbers(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start + 1).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl FromIterator<u64> for Ranges {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut ranges = Self::default();
        for number in numbers {
            ranges.insert(number);
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::Ranges;
    use std::collections::BTreeSet;

    #[test]
    fn it_holds_what_a_set_of_numbers_holds() {
        // All orders of eight numbers, by a fixed walk: 5 is a generator modulo 23.
        for start in 1..23_u64 {
            let order: Vec<u64> = std::iter::successors(Some(start), |last| Some(last * 5 % 23)).take(15).collect();
            let mut plain = BTreeSet::new();
            let mut ranges = Ranges::default();
            for number in order {
                assert_eq!(ranges.insert(number), plain.insert(number));
                let listed: Vec<u64> = ranges.iter().flatten().collect();
                assert_eq!(listed, plain.iter().copied().collect::<Vec<_>>());
                assert_eq!(ranges.n_numbers(), plain.len() as u64);
            }
            for bound in 0..25 {
                let mut cut = ranges.clone();
                cut.remove_below(bound);
                assert!((0..25).all(|number| cut.contains(number) == (number >= bound && plain.contains(&number))));
            }
        }
    }
}
