//! A writer of single bits and of Exp-Golomb numbers, for H.264, AAC and MP3.

/// Collects bits into bytes, most significant bit first.
#[derive(Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    partial: u8,
    used: u8,
}

impl BitWriter {
    /// Writes one bit: `u(1)` in the standard.
    pub(crate) fn bit(&mut self, bit: bool) {
        self.partial = (self.partial << 1) | u8::from(bit);
        self.used += 1;
        if self.used == 8 {
            self.bytes.push(self.partial);
            self.partial = 0;
            self.used = 0;
        }
    }

    /// Writes the lowest `count` bits of `value`, most significant first: `u(n)` in the standard.
    pub(crate) fn bits(&mut self, value: u32, count: u32) {
        for shift in (0..count).rev() {
            self.bit((value >> shift) & 1 == 1);
        }
    }

    /// Writes an unsigned Exp-Golomb number: `ue(v)` in the standard.
    pub(crate) fn unsigned(&mut self, value: u32) {
        let code = value + 1;
        let length = 32 - code.leading_zeros();
        self.bits(0, length - 1);
        self.bits(code, length);
    }

    /// Writes a signed Exp-Golomb number: `se(v)` in the standard.
    pub(crate) fn signed(&mut self, value: i32) {
        let code = if value > 0 { 2 * value.unsigned_abs() - 1 } else { 2 * value.unsigned_abs() };
        self.unsigned(code);
    }

    /// Writes zeros up to the next byte.
    pub(crate) fn align(&mut self) {
        while self.used != 0 {
            self.bit(false);
        }
    }

    /// Writes whole bytes. The writer must be aligned, as it is after [`align`](Self::align).
    pub(crate) fn aligned_bytes(&mut self, bytes: &[u8]) {
        debug_assert_eq!(self.used, 0);
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the bytes. The writer must be aligned, as it is after [`align`](Self::align).
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        debug_assert_eq!(self.used, 0);
        self.bytes
    }

    /// Ends the payload with the standard's `rbsp_trailing_bits`, a one and then zeros, and returns it.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bit(true);
        self.align();
        self.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::BitWriter;

    fn written(write: impl FnOnce(&mut BitWriter)) -> Vec<u8> {
        let mut writer = BitWriter::default();
        write(&mut writer);
        writer.align();
        writer.into_bytes()
    }

    #[test]
    fn exp_golomb_codes_match_table_9_1() {
        // 0 -> 1, 1 -> 010, 2 -> 011, 3 -> 00100
        assert_eq!(written(|w| (0..4).for_each(|n| w.unsigned(n))), [0b1010_0110, 0b0100_0000]);
        // 1 -> 010, -1 -> 011
        assert_eq!(written(|w| [1, -1].into_iter().for_each(|n| w.signed(n))), [0b0100_1100]);
    }

    #[test]
    fn finish_adds_a_byte_to_an_aligned_payload() {
        let mut writer = BitWriter::default();
        writer.bits(0xAB, 8);
        assert_eq!(writer.finish(), [0xAB, 0x80]);
    }
}
