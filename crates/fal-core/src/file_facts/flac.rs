//! The duration of FLAC files.

use super::number;

/// Returns the duration in seconds by the block that begins every stream, from its mark `fLaC` on. `None` if the encoder did
/// not know it.
pub(super) fn duration(head: &[u8]) -> Option<f64> {
    let (rate, samples) = numbers(head)?;
    (samples > 0).then(|| number(samples) / f64::from(rate))
}

/// Returns the samples per second of the same.
pub(super) fn rate(head: &[u8]) -> Option<u32> {
    numbers(head).map(|(rate, _)| rate)
}

/// Returns the rate and the number of samples.
fn numbers(head: &[u8]) -> Option<(u32, u64)> {
    let [b'f', b'L', b'a', b'C', kind, 0, 0, 34, rest @ ..] = head else { return None };
    // 20 bits of the rate, 8 of channels and depth, 36 of the number of samples.
    let numbers = u64::from_be_bytes(rest.get(10..18)?.try_into().ok()?);
    let (rate, samples) = (u32::try_from(numbers >> 44).ok()?, numbers & 0xf_ffff_ffff);
    (kind & 0x7f == 0 && rate > 0).then_some((rate, samples))
}
