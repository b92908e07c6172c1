//! Seeded random numbers, the same on every machine.
//!
//! One generator per track, so that adding a track leaves the others as they were. The
//! distributions are written here, on the generator's integers: those of the larger crates may
//! change between versions, and equal seeds must give equal bytes.

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

/// A stream of random numbers: a seed and a stream number name it.
#[derive(Debug, Clone)]
pub struct Random(Pcg32);

impl Random {
    /// The stream `stream` of the seed `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(Pcg32::new(seed, stream))
    }

    /// Uniform in 0 (included) to 1 (excluded), in steps of 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform from `low` to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform integer below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        (self.unit() * f64::from(bound)) as u32
    }

    /// Mean 0, standard deviation 1, at most 6 in size: the sum of twelve uniform numbers less 6
    /// (Irwin–Hall). It needs additions only, so no mathematics library can change it.
    pub fn gaussian(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

#[cfg(test)]
mod tests;
