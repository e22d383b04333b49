//! Randomness from a seed: one generator per owner, so that a run replays from its seeds.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// A generator that a seed determines.
pub struct Random(SmallRng);

impl Random {
    /// The generator of this seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// A generator for an owner inside this one's: independent of how often this one was asked before.
    pub fn split(seed: u64, owner: &str) -> Self {
        let mixed = owner.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self::from_seed(mixed)
    }

    /// A number of `0..bound`; 0 where the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0.gen_range(0..bound) }
    }

    /// True in `percent` of 100 draws.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
