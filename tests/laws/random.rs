//! A random number generator that gives the same numbers in every run: SplitMix64, seeded by a name.

/// A random number generator.
pub(crate) struct Random(u64);

impl Random {
    /// Seeds a generator with `name`, so that the instances of an endpoint do not depend on other endpoints.
    pub(crate) fn named(name: &str) -> Self {
        // FNV-1a is good enough for a seed.
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`, or 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 1).map_or(0, |number| number.checked_rem(end).unwrap_or(0))
    }

    /// Returns true with a probability of one in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Returns one of `choices`, which must not be empty.
    pub(crate) fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        &choices[self.below(choices.len())]
    }

    /// Returns a fraction from 0 to below 1, with four decimals, so that it is written and read exactly.
    pub(crate) fn fraction(&mut self) -> f64 {
        f64::from(u16::try_from(self.below(10_000)).unwrap_or(0)) / 10_000.0
    }

    /// Shuffles `items`.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}
