//! The way that an execution took: what was picked wherever there was more than one thing to pick.

/// The picks of one execution. Where they are those of [`usual`](crate::explore::ask::Ask::usual), none is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    /// The seed of the draws without a stated range.
    pub(crate) seed: u64,
    /// Each pick, with what would have been usual.
    pub(crate) picks: Vec<Pick>,
    /// A digest of what there was to pick from.
    pub(crate) digest: u64,
}

/// One pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pick {
    pub(crate) picked: u32,
    pub(crate) usual: u32,
}

impl Way {
    /// Starts anew, keeping the memory.
    pub(crate) fn restart(&mut self, seed: u64) {
        self.seed = seed;
        self.picks.clear();
        self.digest = DIGEST_START;
    }

    /// Adds a pick among options.
    pub(crate) fn push(&mut self, options: impl Iterator<Item = u32>, picked: u32, usual: u32) {
        for option in options {
            self.digest = digest(self.digest, option);
        }
        self.digest = digest(self.digest, u32::MAX);
        self.picks.push(Pick { picked, usual });
    }

    /// As text: the seed, the number of picks and the digest; then for each pick that is not usual how many usual ones
    /// are before it, and the pick.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{:x}.{}.{:x}", self.seed, self.picks.len(), self.digest);
        let mut n_usual = 0;
        for pick in &self.picks {
            if pick.picked == pick.usual {
                n_usual += 1;
            } else {
                text.push_str(&format!(".{n_usual}.{}", pick.picked));
                n_usual = 0;
            }
        }
        text
    }
}

/// A way read from text, to be followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) seed: u64,
    pub(crate) n_picks: usize,
    pub(crate) digest: u64,
    /// Position and pick of each pick that is not usual, in order.
    pub(crate) unusual: Vec<(usize, u32)>,
}

impl Route {
    /// Reads [`Way::text`].
    pub(crate) fn read(text: &str) -> Option<Route> {
        let mut parts = text.split('.');
        let seed = u64::from_str_radix(parts.next()?, 16).ok()?;
        let n_picks = parts.next()?.parse().ok()?;
        let digest = u64::from_str_radix(parts.next()?, 16).ok()?;
        let (mut unusual, mut at) = (Vec::new(), 0);
        while let Some(part) = parts.next() {
            let n_usual: usize = part.parse().ok()?;
            let pick = parts.next()?.parse().ok()?;
            at += n_usual;
            unusual.push((at, pick));
            at += 1;
        }
        (at <= n_picks).then_some(Route { seed, n_picks, digest, unusual })
    }
}

const DIGEST_START: u64 = 0xcbf2_9ce4_8422_2325;

/// One step of FNV-1a, on a whole number.
fn digest(so_far: u64, number: u32) -> u64 {
    (so_far ^ u64::from(number)).wrapping_mul(0x0100_0000_01b3)
}

/// The n-th draw of a seed (SplitMix64): draws depend on nothing but seed and position.
pub(crate) fn draw(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_read_as_it_was_written() {
        let mut way = Way::default();
        way.restart(0xabc);
        for (picked, usual) in [(0, 0), (2, 0), (1, 1), (1, 1), (0, 1), (3, 3)] {
            way.push([0, 1, 2, 3].into_iter(), picked, usual);
        }
        let text = way.text();
        assert_eq!(text.split('.').skip(3).collect::<Vec<_>>(), ["1", "2", "2", "0"]);
        let route = Route::read(&text).expect("it was written so");
        assert_eq!((route.seed, route.n_picks, route.digest), (0xabc, 6, way.digest));
        assert_eq!(route.unusual, [(1, 2), (4, 0)]);
    }

    #[test]
    fn a_broken_way_is_none() {
        for text in ["", "1", "1.2", "1.2.3.4", "x.2.3", "1.1.3.4.0"] {
            assert_eq!(Route::read(text), None, "{text}");
        }
    }
}
