//! Random choices that are the same in every run: SplitMix64, seeded by a name.

/// A stream of random choices.
pub(crate) struct Random(u64);

impl Random {
    /// The stream that belongs to `name`, so that one endpoint's instances do not depend on the others.
    pub(crate) fn named(name: &str) -> Self {
        // FNV-1a: enough to tell names apart.
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

    /// A number below `end`; 0 if there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 1).map_or(0, |number| number.checked_rem(end).unwrap_or(0))
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `choices`, which are not empty.
    pub(crate) fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        &choices[self.below(choices.len())]
    }

    /// At least 0, below 1, with few enough digits to be written and read exactly.
    pub(crate) fn fraction(&mut self) -> f64 {
        f64::from(u16::try_from(self.below(10_000)).unwrap_or(0)) / 10_000.0
    }

    /// Puts `items` in a random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}
