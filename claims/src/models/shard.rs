//! Shards: the parts of a run, `--shard i/n`, from 0.

use std::str::FromStr;

use sha2::{Digest, Sha256};

/// Part `index` of `count`, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    /// Which part, from 0.
    pub index: u32,
    /// How many parts there are.
    pub count: u32,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };

    /// Whether this part is all of it.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.count == 1
    }

    /// Whether what cannot be split is this part's: each key is in exactly one part.
    pub(crate) fn has(self, key: &str) -> bool {
        let digest = Sha256::digest(key.as_bytes());
        let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        number % u64::from(self.count) == u64::from(self.index)
    }
}

impl Default for Shard {
    fn default() -> Shard {
        Shard::WHOLE
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let numbers = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if index < count => Ok(Shard { index, count }),
            Some((_, 0)) => Err("there are no shards in 0".to_owned()),
            Some((_, count)) => Err(format!("shards are counted from 0: the last is {}/{count}", count - 1)),
            None => Err("write it as i/n, such as 0/4".to_owned()),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_counted_from_0() {
        assert_eq!("3/4".parse(), Ok(Shard { index: 3, count: 4 }));
        assert_eq!("4/4".parse::<Shard>().unwrap_err(), "shards are counted from 0: the last is 3/4");
        assert!("4".parse::<Shard>().is_err() && "0/0".parse::<Shard>().is_err() && "a/2".parse::<Shard>().is_err());
    }

    #[test]
    fn every_key_is_in_exactly_one_shard() {
        for key in ["hand_off", "hand_off+M-01", "sweep", ""] {
            let holders = (0..7).filter(|index| Shard { index: *index, count: 7 }.has(key)).count();
            assert_eq!(holders, 1, "{key}");
            assert!(Shard::WHOLE.has(key));
        }
    }
}
