//! Hashes of keys, by which the inputs of a batch are distinguished in little memory.

/// The 128-bit FNV-1a hash of a key.
///
/// It is the same in every version of this crate. Of a billion keys, two are mixed up with a probability of 10^-21.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ItemKey(u128);

impl ItemKey {
    pub(super) fn new(key: &str) -> Self {
        let start = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        let prime = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        Self(key.bytes().fold(start, |hash: u128, byte| (hash ^ u128::from(byte)).wrapping_mul(prime)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_that_of_the_published_test_vectors() {
        assert_eq!(ItemKey::new("").0, 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(ItemKey::new("a").0, 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(ItemKey::new("foobar").0, 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }
}
